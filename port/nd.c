/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neighbour discovery (RFC 4861), instead of lwIP's nd6.c: messages, routers,
 * prefixes, next hops. Neighbours are in neighbours.c, our own addresses in
 * nd_self.c, exceptional destinations in nd_path.c.
 *
 * lwIP's looks at the first option only, trusts lengths, answers no unicast
 * solicitation without an option, and lets any packet set any path MTU. Here
 * a message is checked as a whole (RFC 4861 6.1, 7.1, 8.1) before anything is
 * believed; one that came in fragments is not (RFC 6980).
 *
 * What routers say counts on interfaces with ip6_autoconfig_enabled: default
 * routers, prefixes, MTU, redirects. With none, next hops come from addresses
 * set by hand (each has an on-link /64) and from skli_hook_ip6_gateway().
 */
#include "nd.h"

#include <string.h>

#include "lwip.h"

#include "neighbours.h"

#define HOP_LIMIT     255 /* proves that no router was in between */
#define ROUTERS       8
#define PREFIXES      16
#define REACHABLE_MAX 3600000 /* RFC 4861 6.2.1: AdvReachableTime, ms */
#define RETRANS_MIN   100     /* our own bounds: no flood, no standstill */
#define RETRANS_MAX   60000

struct router {
	struct netif *netif; /* NULL: free */
	ip6_addr_t addr;
	u32_t life; /* seconds */
};

struct prefix {
	struct netif *netif; /* NULL: free */
	ip6_addr_t addr;
	u8_t length;
	u32_t life;
};

/* One per stack; all zero at the start. */
struct nd {
	struct router routers[ROUTERS];
	struct prefix prefixes[PREFIXES];
	unsigned prefix_count; /* so that nobody looks for none */
	unsigned turn;         /* among routers that are all unknown */
};

static struct nd nd__tpl __attribute__((section("lwip_tpl"))) = {.turn = 0};

static struct nd *nd(void)
{
	return SKLI_PS(nd__tpl);
}

/* --- out ------------------------------------------------------------------ */

/* Room for a message of SIZE bytes and, if MAC, our Ethernet address. */
static struct pbuf *new_message(struct netif *netif, u16_t size, u8_t type,
				u8_t option, int mac)
{
	struct pbuf *p =
		pbuf_alloc(PBUF_IP, (u16_t)(size + (mac ? 8 : 0)), PBUF_RAM);
	u8_t *at;

	if (!p)
		return NULL;
	at = p->payload;
	memset(at, 0, p->len);
	at[0] = type;
	if (mac) {
		at[size] = option;
		at[size + 1] = 1; /* times 8 bytes */
		memcpy(at + size + 2, netif->hwaddr, ETH_HWADDR_LEN);
	}
	return p;
}

static int send_message(struct netif *netif, struct pbuf *p,
			const ip6_addr_t *src, const ip6_addr_t *dest)
{
	struct icmp6_hdr *hdr = p->payload;
	err_t err;

	hdr->chksum = 0;
	IF__NETIF_CHECKSUM_ENABLED(netif, NETIF_CHECKSUM_GEN_ICMP6)
	{
		hdr->chksum =
			ip6_chksum_pseudo(p, IP6_NEXTH_ICMP6, p->tot_len,
					  src ? src : IP6_ADDR_ANY6, dest);
	}
	err = ip6_output_if(p, src, dest, HOP_LIMIT, 0, IP6_NEXTH_ICMP6, netif);
	pbuf_free(p);
	return err == ERR_OK;
}

/* SRC NULL: the unspecified address. */
static void send_ns(struct netif *netif, const ip6_addr_t *target,
		    const ip6_addr_t *src, const ip6_addr_t *dest)
{
	struct pbuf *p =
		new_message(netif, sizeof(struct ns_header), ICMP6_TYPE_NS,
			    ND6_OPTION_TYPE_SOURCE_LLADDR, src != NULL);
	struct ns_header *ns;

	if (!p)
		return;
	ns = p->payload;
	ip6_addr_copy_to_packed(ns->target_address, *target);
	send_message(netif, p, src, dest);
}

static void set_solicited_node(ip6_addr_t *group, const ip6_addr_t *addr,
			       struct netif *netif)
{
	ip6_addr_set_solicitednode(group, addr->addr[3]);
	ip6_addr_assign_zone(group, IP6_MULTICAST, netif);
}

void skli_nd_ask(struct netif *netif, const ip6_addr_t *addr,
		 const uint8_t *mac)
{
	const ip_addr_t *src = ip6_select_source_address(netif, addr);
	ip6_addr_t group;

	if (!src)
		return; /* DAD is still running: the next try may find one */
	set_solicited_node(&group, addr, netif);
	send_ns(netif, addr, ip_2_ip6(src), mac ? addr : &group);
}

void skli_nd_probe_self(struct netif *netif, const ip6_addr_t *addr)
{
	ip6_addr_t group;

	set_solicited_node(&group, addr, netif);
	send_ns(netif, addr, NULL, &group);
}

int skli_nd_ask_routers(struct netif *netif)
{
	const ip6_addr_t *src = NULL;
	ip6_addr_t all;
	struct pbuf *p;

	if (ip6_addr_isvalid(netif_ip6_addr_state(netif, 0)))
		src = netif_ip6_addr(netif, 0);
	p = new_message(netif, sizeof(struct rs_header), ICMP6_TYPE_RS,
			ND6_OPTION_TYPE_SOURCE_LLADDR, src != NULL);
	if (!p)
		return 0;
	ip6_addr_set_allrouters_linklocal(&all);
	ip6_addr_assign_zone(&all, IP6_MULTICAST, netif);
	return send_message(netif, p, src, &all);
}

/* DEST NULL: to all nodes, unsolicited. */
static void send_na(struct netif *netif, const ip6_addr_t *target,
		    const ip6_addr_t *dest)
{
	struct pbuf *p =
		new_message(netif, sizeof(struct na_header), ICMP6_TYPE_NA,
			    ND6_OPTION_TYPE_TARGET_LLADDR, 1);
	struct na_header *na;
	ip6_addr_t all;

	if (!p)
		return;
	na = p->payload;
	na->flags = ND6_FLAG_OVERRIDE | (dest ? ND6_FLAG_SOLICITED : 0);
	ip6_addr_copy_to_packed(na->target_address, *target);
	ip6_addr_set_allnodes_linklocal(&all);
	ip6_addr_assign_zone(&all, IP6_MULTICAST, netif);
	send_message(netif, p, target, dest ? dest : &all);
}

/* --- in: options ---------------------------------------------------------- */

/* The options of a message that count; NULL for those that are not there. */
struct options {
	const u8_t *source_mac, *target_mac;
	const struct mtu_option *mtu;
	const u8_t *begin, *end; /* all of them, for those that repeat */
};

/* RFC 4861 6.1, 7.1, 8.1: every option has a length, and all fit exactly. */
static int read_options(const struct pbuf *p, size_t header,
			struct options *out)
{
	const u8_t *at = (const u8_t *)p->payload + header;
	const u8_t *end = (const u8_t *)p->payload + p->len;

	memset(out, 0, sizeof(*out));
	out->begin = at;
	out->end = end;
	for (; end - at >= 8 && at[1] != 0 && at[1] * 8 <= end - at;
	     at += at[1] * 8) {
		if (at[0] == ND6_OPTION_TYPE_SOURCE_LLADDR)
			out->source_mac = at + 2;
		else if (at[0] == ND6_OPTION_TYPE_TARGET_LLADDR)
			out->target_mac = at + 2;
		else if (at[0] == ND6_OPTION_TYPE_MTU)
			out->mtu = (const void *)at;
	}
	return at == end;
}

/* A packed address with the zone that it has on NETIF. */
static ip6_addr_t unpack(const ip6_addr_p_t *packed, struct netif *netif)
{
	ip6_addr_t addr;

	ip6_addr_copy_from_packed(addr, *packed);
	ip6_addr_assign_zone(&addr, IP6_UNICAST, netif);
	return addr;
}

static void hear(struct netif *netif, const ip6_addr_t *from,
		 struct skli_heard heard)
{
	ip_addr_t addr;

	ip_addr_copy_from_ip6(addr, *from);
	skli_neighbour_hear(netif, &addr, heard);
}

/* The number of the address of NETIF that is ADDR, in any state, or -1. */
static s8_t find_own(struct netif *netif, const ip6_addr_t *addr)
{
	s8_t i;

	for (i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
		if (!ip6_addr_isinvalid(netif_ip6_addr_state(netif, i)) &&
		    ip6_addr_eq(addr, netif_ip6_addr(netif, i)))
			return i;
	return -1;
}

/* --- in: neighbours ------------------------------------------------------- */

static void take_ns(struct pbuf *p, struct netif *netif)
{
	const struct ns_header *ns = p->payload;
	const ip6_addr_t *src = ip6_current_src_addr();
	struct options options;
	ip6_addr_t target;
	s8_t i;

	if (p->len < sizeof(*ns) || !read_options(p, sizeof(*ns), &options))
		return;
	target = unpack(&ns->target_address, netif);
	if (ip6_addr_isany(src) &&
	    (options.source_mac ||
	     !ip6_addr_issolicitednode(ip6_current_dest_addr())))
		return;
	i = find_own(netif, &target);
	if (i < 0 || ip6_addr_isduplicated(netif_ip6_addr_state(netif, i)))
		return;
	if (ip6_addr_istentative(netif_ip6_addr_state(netif, i))) {
		if (ip6_addr_isany(src)) /* someone else wants it, too */
			skli_nd_duplicate(netif, i);
		return;
	}
	if (ip6_addr_isany(src)) {
		send_na(netif, &target, NULL);
		return;
	}
	hear(netif, src,
	     (struct skli_heard){
		     .mac = options.source_mac, .create = 1, .override = 1});
	send_na(netif, &target, src);
}

static void forget_router(const struct netif *netif, const ip6_addr_t *addr);

static void take_na(struct pbuf *p, struct netif *netif)
{
	const struct na_header *na = p->payload;
	struct options options;
	ip6_addr_t target;
	s8_t i;

	if (p->len < sizeof(*na) || !read_options(p, sizeof(*na), &options))
		return;
	target = unpack(&na->target_address, netif);
	if (ip6_addr_ismulticast(&target) ||
	    (ip6_addr_ismulticast(ip6_current_dest_addr()) &&
	     (na->flags & ND6_FLAG_SOLICITED)))
		return;
	i = find_own(netif, &target);
	if (i >= 0) {
		if (ip6_addr_istentative(netif_ip6_addr_state(netif, i)))
			skli_nd_duplicate(netif, i);
		return;
	}
	hear(netif, &target,
	     (struct skli_heard){
		     .mac = options.target_mac,
		     .solicited = (na->flags & ND6_FLAG_SOLICITED) != 0,
		     .override = (na->flags & ND6_FLAG_OVERRIDE) != 0});
	if (!(na->flags & ND6_FLAG_ROUTER)) /* RFC 4861 7.2.5 */
		forget_router(netif, &target);
}

/* --- in: routers ---------------------------------------------------------- */

static struct router *find_router(const struct netif *netif,
				  const ip6_addr_t *addr)
{
	struct router *r;

	for (r = nd()->routers; r < nd()->routers + ROUTERS; r++)
		if (r->netif == netif && ip6_addr_eq(&r->addr, addr))
			return r;
	return NULL;
}

static void forget_router(const struct netif *netif, const ip6_addr_t *addr)
{
	struct router *r = find_router(netif, addr);

	if (r)
		r->netif = NULL;
}

static void learn_router(struct netif *netif, const ip6_addr_t *addr,
			 u32_t life)
{
	struct router *r = find_router(netif, addr);

	if (life == 0) {
		forget_router(netif, addr);
		return;
	}
	if (!r)
		for (r = nd()->routers; r < nd()->routers + ROUTERS; r++)
			if (!r->netif)
				break;
	if (r == nd()->routers + ROUTERS)
		return;
	r->netif = netif;
	r->addr = *addr;
	r->life = life;
}

static int in_prefix(const ip6_addr_t *addr, const ip6_addr_t *prefix,
		     unsigned length)
{
	unsigned words = length / 32, bits = length % 32;

	if (memcmp(addr->addr, prefix->addr, words * 4) != 0)
		return 0;
	return bits == 0 || ((addr->addr[words] ^ prefix->addr[words]) &
			     lwip_htonl(~0u << (32 - bits))) == 0;
}

static void forget_prefix(struct prefix *x)
{
	x->netif = NULL;
	nd()->prefix_count--;
}

static void learn_prefix(struct netif *netif, const ip6_addr_t *addr,
			 u8_t length, u32_t life)
{
	struct nd *t = nd();
	struct prefix *free = NULL;
	struct prefix *x;

	for (x = t->prefixes; x < t->prefixes + PREFIXES; x++) {
		if (!x->netif)
			free = free ? free : x;
		else if (x->netif == netif && x->length == length &&
			 in_prefix(addr, &x->addr, length))
			break;
	}
	if (x == t->prefixes + PREFIXES) {
		if (!free || life == 0)
			return;
		x = free;
		x->netif = netif;
		x->addr = *addr;
		x->length = length;
		t->prefix_count++;
	}
	x->life = life;
	if (life == 0)
		forget_prefix(x);
}

static void take_prefix(struct netif *netif, const struct prefix_option *o)
{
	ip6_addr_t addr = unpack(&o->prefix, netif);
	u32_t valid = lwip_ntohl(o->valid_lifetime);

	if (ip6_addr_islinklocal(&addr) || ip6_addr_ismulticast(&addr) ||
	    o->prefix_length > 128)
		return;
	if (o->flags & ND6_PREFIX_FLAG_ON_LINK)
		learn_prefix(netif, &addr, o->prefix_length, valid);
	if ((o->flags & ND6_PREFIX_FLAG_AUTONOMOUS) && o->prefix_length == 64)
		skli_nd_autoconfigure(netif, &addr, valid,
				      lwip_ntohl(o->preferred_lifetime));
}

/* The times that a router recommends, within reason. */
static void take_times(const struct ra_header *ra)
{
	u32_t reachable = lwip_ntohl(ra->reachable_time);
	u32_t retrans = lwip_ntohl(ra->retrans_timer);

	if (retrans)
		retrans = LWIP_MIN(LWIP_MAX(retrans, RETRANS_MIN), RETRANS_MAX);
	skli_neighbour_times(LWIP_MIN(reachable, REACHABLE_MAX), retrans);
}

static void take_ra(struct pbuf *p, struct netif *netif)
{
	const struct ra_header *ra = p->payload;
	const ip6_addr_t *src = ip6_current_src_addr();
	struct options options;
	const u8_t *at;
	u32_t mtu;

	if (p->len < sizeof(*ra) || !read_options(p, sizeof(*ra), &options) ||
	    !ip6_addr_islinklocal(src) || !netif->ip6_autoconfig_enabled)
		return;
	skli_nd_routers_known(netif);
	take_times(ra);
	learn_router(netif, src, lwip_ntohs(ra->router_lifetime));
	hear(netif, src,
	     (struct skli_heard){
		     .mac = options.source_mac, .create = 1, .override = 1});
	if (options.mtu) {
		mtu = lwip_ntohl(options.mtu->mtu);
		if (mtu >= IP6_MIN_MTU_LENGTH && mtu <= netif->mtu)
			netif->mtu6 = (u16_t)mtu;
	}
	for (at = options.begin; at < options.end; at += at[1] * 8)
		if (at[0] == ND6_OPTION_TYPE_PREFIX_INFO &&
		    at[1] * 8 >= (int)sizeof(struct prefix_option))
			take_prefix(netif, (const void *)at);
}

static int find_next_hop(struct netif *netif, const ip6_addr_t *dest,
			 ip6_addr_t *hop);

static void take_redirect(struct pbuf *p, struct netif *netif)
{
	const struct redirect_header *rd = p->payload;
	const ip6_addr_t *src = ip6_current_src_addr();
	struct options options;
	ip6_addr_t dest, target, hop;

	if (p->len < sizeof(*rd) || !read_options(p, sizeof(*rd), &options) ||
	    !netif->ip6_autoconfig_enabled)
		return;
	dest = unpack(&rd->destination_address, netif);
	target = unpack(&rd->target_address, netif);
	/* RFC 4861 8.1: from the router that we use, to a router or to the
	 * destination itself. */
	if (!ip6_addr_islinklocal(src) || ip6_addr_ismulticast(&dest) ||
	    !find_next_hop(netif, &dest, &hop) || !ip6_addr_eq(&hop, src) ||
	    !(ip6_addr_islinklocal(&target) || ip6_addr_eq(&target, &dest)))
		return;
	skli_nd_redirect(&dest, &target);
	hear(netif, &target,
	     (struct skli_heard){
		     .mac = options.target_mac, .create = 1, .override = 1});
}

/* RFC 8201: never below the minimum, never up, only about a packet of ours.
 * (Not a message of neighbour discovery, but lwIP sends it here.) */
static void take_ptb(struct pbuf *p, struct netif *netif)
{
	const struct icmp6_hdr *hdr = p->payload;
	const struct ip6_hdr *quoted = (const void *)(hdr + 1);
	ip6_addr_t src, dest;
	struct netif *own;
	u32_t mtu;

	if (p->len < sizeof(*hdr) + IP6_HLEN)
		return;
	src = unpack(&quoted->src, netif);
	dest = unpack(&quoted->dest, netif);
	mtu = lwip_ntohl(hdr->data);
	NETIF_FOREACH(own)
	{
		if (netif_get_ip6_addr_match(own, &src) >= 0)
			break;
	}
	if (own && mtu >= IP6_MIN_MTU_LENGTH &&
	    mtu < nd6_get_destination_mtu(&dest, own))
		skli_nd_set_path_mtu(&dest, (uint16_t)mtu);
}

void nd6_input(struct pbuf *p, struct netif *inp)
{
	int whole = !(p->flags & PBUF_FLAG_REASSEMBLED);
	const u8_t *at;
	u8_t type;

	if (p->next)
		p = pbuf_coalesce(p, PBUF_RAW);
	if (p->next)
		goto done; /* no memory */
	at = p->payload;
	type = at[0];
	if (type == ICMP6_TYPE_PTB) {
		take_ptb(p, inp);
		goto done;
	}
	if (IP6H_HOPLIM(ip6_current_header()) != HOP_LIMIT || at[1] != 0 ||
	    !whole)
		goto done;
	if (type == ICMP6_TYPE_NS)
		take_ns(p, inp);
	else if (type == ICMP6_TYPE_NA)
		take_na(p, inp);
	else if (type == ICMP6_TYPE_RA)
		take_ra(p, inp);
	else if (type == ICMP6_TYPE_RD)
		take_redirect(p, inp);
done:
	pbuf_free(p);
}

/* --- next hops ------------------------------------------------------------ */

/* Is DEST on NETIF's link? Addresses set by hand have a /64 (as lwIP has it);
 * those from routers have what the routers say (RFC 5942). */
static int is_on_link(const struct netif *netif, const ip6_addr_t *dest)
{
	struct nd *t = nd();
	struct prefix *x;
	s8_t i;

	if (ip6_addr_islinklocal(dest))
		return 1;
	for (i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
		if (ip6_addr_isvalid(netif_ip6_addr_state(netif, i)) &&
		    netif_ip6_addr_isstatic(netif, i) &&
		    ip6_addr_net_eq(dest, netif_ip6_addr(netif, i)))
			return 1;
	for (x = t->prefixes; t->prefix_count && x < t->prefixes + PREFIXES;
	     x++)
		if (x->netif == netif && in_prefix(dest, &x->addr, x->length))
			return 1;
	return 0;
}

/* RFC 4861 6.3.6: a router that is reachable, else one that has an address,
 * else each in its turn. NETIF NULL: on any interface that is up. */
static struct router *select_router(const struct netif *netif)
{
	struct nd *t = nd();
	struct router *best = NULL;
	int best_quality = -1;
	ip_addr_t addr;
	unsigned i;

	for (i = 0; i < ROUTERS; i++) {
		struct router *r = &t->routers[(t->turn + i) % ROUTERS];
		int quality;

		if (!r->netif || (netif && r->netif != netif) ||
		    !netif_is_up(r->netif) || !netif_is_link_up(r->netif))
			continue;
		ip_addr_copy_from_ip6(addr, r->addr);
		quality = skli_neighbour_quality(r->netif, &addr);
		if (quality > best_quality) {
			best = r;
			best_quality = quality;
		}
	}
	if (best_quality == 0)
		t->turn = (unsigned)(best - t->routers) + 1;
	return best;
}

static int find_next_hop(struct netif *netif, const ip6_addr_t *dest,
			 ip6_addr_t *hop)
{
	const ip6_addr_t *gateway;
	struct router *router;

	if (skli_nd_redirected(dest, hop))
		return 1;
	*hop = *dest;
	if (is_on_link(netif, dest))
		return 1;
	gateway = LWIP_HOOK_ND6_GET_GW(netif, dest);
	if (gateway) {
		*hop = *gateway;
		return 1;
	}
	router = select_router(netif);
	if (!router)
		return 0;
	*hop = router->addr;
	return 1;
}

err_t nd6_get_next_hop_addr_or_queue(struct netif *netif, struct pbuf *q,
				     const ip6_addr_t *ip6addr,
				     const u8_t **hwaddrp)
{
	ip6_addr_t hop;
	ip_addr_t addr;

	if (!find_next_hop(netif, ip6addr, &hop))
		return ERR_RTE;
	ip_addr_copy_from_ip6(addr, hop);
	return skli_neighbour_resolve(netif, &addr, q, hwaddrp);
}

struct netif *nd6_find_route(const ip6_addr_t *ip6addr)
{
	struct nd *t = nd();
	struct router *router;
	struct prefix *x;

	for (x = t->prefixes; t->prefix_count && x < t->prefixes + PREFIXES;
	     x++)
		if (x->netif && in_prefix(ip6addr, &x->addr, x->length) &&
		    netif_is_up(x->netif) && netif_is_link_up(x->netif))
			return x->netif;
	router = select_router(NULL);
	return router ? router->netif : NULL;
}

u16_t nd6_get_destination_mtu(const ip6_addr_t *ip6addr, struct netif *netif)
{
	u16_t mtu = netif ? netif_mtu6(netif) : IP6_MIN_MTU_LENGTH;
	u16_t path = skli_nd_path_mtu(ip6addr);

	return path && path < mtu ? path : mtu;
}

/* TCP made progress with SRC, from which the packet in hand came. */
void skli_reachability_hint(const ip_addr_t *src)
{
	struct netif *netif = ip_current_input_netif();
	const ip4_addr_t *gateway;
	ip_addr_t hop = *src;

	if (netif->hwaddr_len != ETH_HWADDR_LEN)
		return;
	if (IP_IS_V6(src)) {
		if (!find_next_hop(netif, ip_2_ip6(src), ip_2_ip6(&hop)))
			return;
	} else if (!ip4_addr_net_eq(ip_2_ip4(src), netif_ip4_addr(netif),
				    netif_ip4_netmask(netif))) {
		gateway = LWIP_HOOK_ETHARP_GET_GW(netif, ip_2_ip4(src));
		if (!gateway)
			gateway = netif_ip4_gw(netif);
		ip4_addr_copy(*ip_2_ip4(&hop), *gateway);
	}
	skli_neighbour_confirm(netif, &hop);
}

/* --- housekeeping --------------------------------------------------------- */

void skli_nd_age(uint32_t seconds)
{
	struct nd *t = nd();
	struct router *r;
	struct prefix *x;

	for (r = t->routers; r < t->routers + ROUTERS; r++) {
		if (!r->netif)
			continue;
		if (r->life <= seconds)
			r->netif = NULL;
		r->life -= seconds;
	}
	for (x = t->prefixes; t->prefix_count && x < t->prefixes + PREFIXES;
	     x++) {
		if (!x->netif || ip6_addr_life_isinfinite(x->life))
			continue;
		if (x->life <= seconds)
			forget_prefix(x);
		x->life -= seconds;
	}
	skli_nd_age_addresses(seconds);
}

void nd6_clear_destination_cache(void)
{
	skli_nd_forget_redirects();
}

void nd6_cleanup_netif(struct netif *netif)
{
	struct nd *t = nd();
	struct router *r;
	struct prefix *x;

	for (r = t->routers; r < t->routers + ROUTERS; r++)
		if (r->netif == netif)
			r->netif = NULL;
	for (x = t->prefixes; x < t->prefixes + PREFIXES; x++)
		if (x->netif == netif)
			forget_prefix(x);
	skli_neighbour_flush(netif, 6);
	skli_nd_forget_paths();
}
