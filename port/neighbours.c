/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neighbours: which Ethernet address has the next hop.
 *
 * One table serves ARP and neighbour discovery, as both need the same: RFC 4861
 * 7.3 (neighbour unreachability detection) is what RFC 1122 2.3.2.1 asks of
 * ARP. lwIP has two, of 10 entries each, searched from the start.
 *
 * The table is a hash with chains. All entries are also in a list, the one used
 * last in front; when there are LIMIT entries, the last of the list that was
 * not set by hand has to go. A packet moves its entry to the front, which costs
 * nothing when it is there already.
 *
 * An entry:
 *
 *              answer                     REACHABLE_MS pass
 *  INCOMPLETE --------------> REACHABLE -------------------> STALE
 *      | ASK_LIMIT asked        ^   ^ answer                   | used
 *      v                        |   |                          v
 *   forgotten <------------- PROBE  +------------------------ DELAY
 *              ASK_LIMIT asked  ^        DELAY_MS pass          |
 *                               +-------------------------------+
 *
 * REACHABLE to STALE needs no timer: it is noticed when the entry is next used.
 * The others have a deadline of their own in the stack's queue, so a stack
 * whose neighbours are merely known sleeps. A message that gives an address
 * without being an answer makes the entry STALE.
 *
 * Packets for an INCOMPLETE entry wait with it, WAITING_LIMIT at most (enough
 * for a thousand connections begun at once) and WAITING_LIMIT_ALL in the stack.
 */
#include "neighbours.h"

#include <string.h>

#include "lwip.h"

#define REACHABLE_MS      30000 /* RFC 4861 section 10: REACHABLE_TIME */
#define RETRANS_MS        1000  /* RETRANS_TIMER */
#define DELAY_MS          5000  /* DELAY_FIRST_PROBE_TIME */
#define ASK_LIMIT         3     /* MAX_MULTICAST_SOLICIT, MAX_UNICAST_SOLICIT */
#define LIMIT             16384
#define BUCKETS_MIN       64
#define WAITING_LIMIT     1024
#define WAITING_LIMIT_ALL 8192

struct waiting {
	struct waiting *next;
	struct pbuf *p;
};

struct neighbour {
	struct skli_deadline timer; /* first: timer_of() */
	struct neighbour *chain;
	struct neighbour *newer, *older;
	struct skli_neighbour_info info;
	uint64_t until; /* REACHABLE until then, in ms */
	unsigned asked;
	unsigned waiting_count;
	struct waiting *waiting, **waiting_end;
};

/* One per stack; all zero at the start. */
struct neighbours {
	struct neighbour **buckets;
	unsigned bucket_count; /* a power of 2, or 0 */
	unsigned count;
	unsigned waiting_count;
	struct neighbour *newest, *oldest;
	uint32_t reachable_ms, retrans_ms; /* 0: the default */
	uint32_t key;                      /* of the hash */
};

static struct neighbours neighbours__tpl
	__attribute__((section("lwip_tpl"))) = {.count = 0};

static struct neighbours *neighbours(void)
{
	return SKLI_PS(neighbours__tpl);
}

/* --- the table ------------------------------------------------------------ */

/* Keyed, for hosts on the link choose their addresses. */
static uint32_t hash(const struct netif *netif, const ip_addr_t *addr)
{
	uint32_t h = netif->num ^ neighbours()->key;
	int i;

	if (IP_IS_V4(addr)) {
		h = (h ^ ip_2_ip4(addr)->addr) * 0x9e3779b1u;
		return h ^ h >> 15;
	}
	for (i = 0; i < 4; i++) {
		h = (h ^ ip_2_ip6(addr)->addr[i]) * 0x9e3779b1u;
		h ^= h >> 15;
	}
	return h;
}

/* The zone says the same as the interface, so it is not compared. */
static int same_addr(const ip_addr_t *a, const ip_addr_t *b)
{
	if (IP_GET_TYPE(a) != IP_GET_TYPE(b))
		return 0;
	if (IP_IS_V4(a))
		return ip4_addr_eq(ip_2_ip4(a), ip_2_ip4(b));
	return ip6_addr_zoneless_eq(ip_2_ip6(a), ip_2_ip6(b));
}

static struct neighbour **bucket(struct neighbours *t,
				 const struct netif *netif,
				 const ip_addr_t *addr)
{
	return &t->buckets[hash(netif, addr) & (t->bucket_count - 1)];
}

static struct neighbour *find(const struct netif *netif, const ip_addr_t *addr)
{
	struct neighbours *t = neighbours();
	struct neighbour *n;

	if (t->bucket_count == 0)
		return NULL;
	for (n = *bucket(t, netif, addr); n; n = n->chain)
		if (n->info.netif == netif && same_addr(&n->info.addr, addr))
			return n;
	return NULL;
}

static void list_remove(struct neighbours *t, struct neighbour *n)
{
	*(n->newer ? &n->newer->older : &t->newest) = n->older;
	*(n->older ? &n->older->newer : &t->oldest) = n->newer;
}

static void list_insert(struct neighbours *t, struct neighbour *n)
{
	n->newer = NULL;
	n->older = t->newest;
	*(t->newest ? &t->newest->newer : &t->oldest) = n;
	t->newest = n;
}

static void use(struct neighbours *t, struct neighbour *n)
{
	if (t->newest == n)
		return;
	list_remove(t, n);
	list_insert(t, n);
}

/* Makes the hash twice as large; does nothing when there is no memory. */
static void grow(struct neighbours *t)
{
	unsigned count = t->bucket_count ? t->bucket_count * 2 : BUCKETS_MIN;
	struct neighbour **old = t->buckets;
	struct neighbour **new = skli_door_calloc(count, sizeof(*new));
	struct neighbour *n;

	if (!new)
		return;
	if (!t->buckets)
		t->key = skli_door_random();
	t->buckets = new;
	t->bucket_count = count;
	for (n = t->newest; n; n = n->older) {
		struct neighbour **head =
			bucket(t, n->info.netif, &n->info.addr);

		n->chain = *head;
		*head = n;
	}
	skli_door_free(old);
}

/* Takes the first packet that waits for N, or returns NULL. */
static struct pbuf *take_waiting(struct neighbour *n)
{
	struct waiting *w = n->waiting;
	struct pbuf *p;

	if (!w)
		return NULL;
	p = w->p;
	n->waiting = w->next;
	if (!n->waiting)
		n->waiting_end = &n->waiting;
	n->waiting_count--;
	neighbours()->waiting_count--;
	skli_door_free(w);
	return p;
}

static void forget(struct neighbour *n)
{
	struct neighbours *t = neighbours();
	struct neighbour **at = bucket(t, n->info.netif, &n->info.addr);
	struct pbuf *p;

	while (*at != n)
		at = &(*at)->chain;
	*at = n->chain;
	list_remove(t, n);
	skli_timers_drop(&n->timer);
	while ((p = take_waiting(n)))
		pbuf_free(p);
	skli_door_free(n);
	if (--t->count > 0)
		return;
	skli_door_free(t->buckets);
	t->buckets = NULL;
	t->bucket_count = 0;
}

/* Forgets the entry that has not been used for the longest time. */
static void make_room(struct neighbours *t)
{
	struct neighbour *n = t->oldest;

	while (n && n->info.state == SKLI_NEIGHBOUR_STATIC)
		n = n->newer;
	if (n)
		forget(n);
}

/* A new entry, INCOMPLETE, not asked for yet; NULL when there is no memory. */
static struct neighbour *create(struct netif *netif, const ip_addr_t *addr)
{
	struct neighbours *t = neighbours();
	struct neighbour **head;
	struct neighbour *n;

	if (t->count >= LIMIT)
		make_room(t);
	if (t->count >= t->bucket_count)
		grow(t);
	if (t->bucket_count == 0)
		return NULL;
	n = skli_door_calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	n->info.netif = netif;
	n->info.addr = *addr;
	n->waiting_end = &n->waiting;
	head = bucket(t, netif, addr);
	n->chain = *head;
	*head = n;
	list_insert(t, n);
	t->count++;
	return n;
}

/* --- states --------------------------------------------------------------- */

static void run_timer(struct skli_deadline *d);

static uint64_t retrans_ms(void)
{
	uint32_t ms = neighbours()->retrans_ms;

	return ms ? ms : RETRANS_MS;
}

/* A random time around the base, so that hosts do not probe in step
 * (RFC 4861 6.3.2). */
static uint64_t reachable_ms(void)
{
	uint32_t ms = neighbours()->reachable_ms;

	ms = ms ? ms : REACHABLE_MS;
	return ms / 2 + skli_door_random() % (ms + 1);
}

static void set_state(struct neighbour *n, enum skli_neighbour_state state)
{
	n->info.state = state;
	n->asked = 0;
	skli_timers_drop(&n->timer);
	if (state == SKLI_NEIGHBOUR_REACHABLE)
		n->until = skli_timers_now() + reachable_ms();
	if (state == SKLI_NEIGHBOUR_DELAY)
		skli_timers_at(&n->timer, skli_timers_now() + DELAY_MS,
			       run_timer);
}

/* Asks once more, and sets the timer for the next time. */
static void ask(struct neighbour *n)
{
	const uint8_t *mac = n->info.mac;

	if (n->info.state == SKLI_NEIGHBOUR_INCOMPLETE)
		mac = NULL;
	n->asked++;
	skli_timers_at(&n->timer, skli_timers_now() + retrans_ms(), run_timer);
	if (IP_IS_V4(&n->info.addr))
		skli_arp_ask(n->info.netif, ip_2_ip4(&n->info.addr), mac);
	else
		skli_nd_ask(n->info.netif, ip_2_ip6(&n->info.addr), mac);
}

static int is_ours(const ip_addr_t *addr)
{
	struct netif *netif;

	NETIF_FOREACH(netif)
	{
		if (IP_IS_V4(addr)
			    ? ip4_addr_eq(ip_2_ip4(addr), netif_ip4_addr(netif))
			    : netif_get_ip6_addr_match(netif, ip_2_ip6(addr)) >=
				      0)
			return 1;
	}
	return 0;
}

/* An IPv4 packet that nobody answered for: its sender is told. */
static void report4(struct netif *netif, struct pbuf *p)
{
	const struct ip_hdr *ip = p->payload;
	ip_addr_t src;

	ip_addr_copy_from_ip4(src, ip->src);
	if (!is_ours(&src))
		icmp_dest_unreach(p, ICMP_DUR_HOST);
	else if (p->len >= IPH_HL_BYTES(ip) + 8)
		skli_hook_icmp_error(p, netif, 4, ICMP_DUR, ICMP_DUR_HOST, 0);
}

/* The same for IPv6, but a packet of another host dies in silence: lwIP can
 * only send errors about the packet in hand. */
static void report6(struct netif *netif, struct pbuf *p)
{
	const struct ip6_hdr *ip6 = p->payload;
	ip_addr_t src;

	ip_addr_copy_from_ip6_packed(src, ip6->src);
	ip6_addr_assign_zone(ip_2_ip6(&src), IP6_UNICAST, netif);
	if (is_ours(&src) && p->len >= IP6_HLEN + 8)
		skli_hook_icmp_error(p, netif, 6, ICMP6_TYPE_DUR,
				     ICMP6_DUR_ADDRESS, 0);
}

/* Reports P and frees it. A fragment's header has a pbuf of its own, so the
 * packet is put into one piece first. */
static void report(struct neighbour *n, struct pbuf *p)
{
	if (p->next)
		p = pbuf_coalesce(p, PBUF_LINK);
	if (IP_IS_V4(&n->info.addr))
		report4(n->info.netif, p);
	else
		report6(n->info.netif, p);
	pbuf_free(p);
}

/* Nobody answers: forgets N. Reports last, as the hook may use the table. */
static void fail(struct neighbour *n)
{
	struct neighbour gone = *n;
	struct pbuf *p;

	n->waiting = NULL;
	n->waiting_end = &n->waiting;
	forget(n);
	while ((p = take_waiting(&gone)))
		report(&gone, p);
}

static void run_timer(struct skli_deadline *d)
{
	struct neighbour *n = (struct neighbour *)(void *)d;

	skli_timers_drop(d);
	if (n->info.state == SKLI_NEIGHBOUR_DELAY)
		set_state(n, SKLI_NEIGHBOUR_PROBE);
	if (n->asked < ASK_LIMIT)
		ask(n);
	else
		fail(n);
}

static void send_to(struct netif *netif, const ip_addr_t *addr, struct pbuf *p,
		    const uint8_t mac[6])
{
	struct eth_addr src, dest;

	memcpy(src.addr, netif->hwaddr, sizeof(src.addr));
	memcpy(dest.addr, mac, sizeof(dest.addr));
	ethernet_output(netif, p, &src, &dest,
			IP_IS_V4(addr) ? ETHTYPE_IP : ETHTYPE_IPV6);
}

static void send_waiting(struct neighbour *n)
{
	struct pbuf *p;

	while ((p = take_waiting(n))) {
		send_to(n->info.netif, &n->info.addr, p, n->info.mac);
		pbuf_free(p);
	}
}

/* A pbuf that lives on when the caller goes on: P itself, or a copy. */
static struct pbuf *keep(struct pbuf *p)
{
	struct pbuf *q;

	for (q = p; q; q = q->next)
		if (PBUF_NEEDS_COPY(q))
			return pbuf_clone(PBUF_LINK, PBUF_RAM, p);
	pbuf_ref(p);
	return p;
}

static err_t wait_for(struct neighbour *n, struct pbuf *p)
{
	struct neighbours *t = neighbours();
	struct waiting *w;

	if (n->waiting_count >= WAITING_LIMIT) /* RFC 4861 7.2.2: the oldest */
		pbuf_free(take_waiting(n));
	if (t->waiting_count >= WAITING_LIMIT_ALL)
		return ERR_MEM;
	w = skli_door_malloc(sizeof(*w));
	if (!w)
		return ERR_MEM;
	w->next = NULL;
	w->p = keep(p);
	if (!w->p) {
		skli_door_free(w);
		return ERR_MEM;
	}
	*n->waiting_end = w;
	n->waiting_end = &w->next;
	n->waiting_count++;
	t->waiting_count++;
	return ERR_OK;
}

/* REACHABLE ends without a timer. */
static void look(struct neighbour *n)
{
	if (n->info.state == SKLI_NEIGHBOUR_REACHABLE &&
	    skli_timers_now() >= n->until)
		set_state(n, SKLI_NEIGHBOUR_STALE);
}

err_t skli_neighbour_resolve(struct netif *netif, const ip_addr_t *addr,
			     struct pbuf *p, const uint8_t **mac)
{
	struct neighbour *n = find(netif, addr);
	err_t err;

	*mac = NULL;
	if (!n)
		n = create(netif, addr);
	if (!n)
		return ERR_MEM;
	use(neighbours(), n);
	look(n);
	if (n->info.state == SKLI_NEIGHBOUR_STALE)
		set_state(n, SKLI_NEIGHBOUR_DELAY);
	if (n->info.state != SKLI_NEIGHBOUR_INCOMPLETE) {
		*mac = n->info.mac;
		return ERR_OK;
	}
	err = wait_for(n, p);
	if (n->asked == 0)
		ask(n);
	return err;
}

/* RFC 4861 7.2.5, for an entry whose address is known: must N change? */
static void hear_known(struct neighbour *n, struct skli_heard heard)
{
	int differs = heard.mac && memcmp(heard.mac, n->info.mac, 6) != 0;

	look(n);
	if (differs && !heard.override) {
		if (n->info.state == SKLI_NEIGHBOUR_REACHABLE)
			set_state(n, SKLI_NEIGHBOUR_STALE);
		return;
	}
	if (differs)
		memcpy(n->info.mac, heard.mac, 6);
	if (heard.solicited)
		set_state(n, SKLI_NEIGHBOUR_REACHABLE);
	else if (differs)
		set_state(n, SKLI_NEIGHBOUR_STALE);
}

void skli_neighbour_hear(struct netif *netif, const ip_addr_t *addr,
			 struct skli_heard heard)
{
	struct neighbour *n = find(netif, addr);

	if (!n && heard.create && heard.mac)
		n = create(netif, addr);
	if (!n || n->info.state == SKLI_NEIGHBOUR_STATIC)
		return;
	if (n->info.state != SKLI_NEIGHBOUR_INCOMPLETE) {
		hear_known(n, heard);
		return;
	}
	if (!heard.mac)
		return;
	memcpy(n->info.mac, heard.mac, 6);
	set_state(n, heard.solicited ? SKLI_NEIGHBOUR_REACHABLE
				     : SKLI_NEIGHBOUR_STALE);
	send_waiting(n);
}

void skli_neighbour_confirm(struct netif *netif, const ip_addr_t *addr)
{
	struct neighbour *n = find(netif, addr);

	if (!n || n->info.state == SKLI_NEIGHBOUR_INCOMPLETE ||
	    n->info.state == SKLI_NEIGHBOUR_STATIC)
		return;
	/* Cheap for each ACK: no random number while it is fresh. */
	if (n->info.state == SKLI_NEIGHBOUR_REACHABLE &&
	    n->until > skli_timers_now() + REACHABLE_MS / 4)
		return;
	set_state(n, SKLI_NEIGHBOUR_REACHABLE);
}

int skli_neighbour_quality(struct netif *netif, const ip_addr_t *addr)
{
	struct neighbour *n = find(netif, addr);

	if (!n || n->info.state == SKLI_NEIGHBOUR_INCOMPLETE)
		return 0;
	look(n);
	return n->info.state == SKLI_NEIGHBOUR_REACHABLE ? 2 : 1;
}

void skli_neighbour_times(uint32_t reachable, uint32_t retrans)
{
	struct neighbours *t = neighbours();

	if (reachable)
		t->reachable_ms = reachable;
	if (retrans)
		t->retrans_ms = retrans;
}

void skli_neighbour_flush(const struct netif *netif, int family)
{
	struct neighbour *n, *older;

	for (n = neighbours()->newest; n; n = older) {
		older = n->older;
		if (n->info.netif == netif &&
		    !IP_IS_V4(&n->info.addr) == (family == 6))
			forget(n);
	}
}

/* --- by hand -------------------------------------------------------------- */

err_t skli_neighbour_add(struct netif *netif, const ip_addr_t *addr,
			 const uint8_t mac[6])
{
	struct neighbour *n;

	if (netif->hwaddr_len != sizeof(n->info.mac))
		return ERR_ARG;
	n = find(netif, addr);
	if (!n)
		n = create(netif, addr);
	if (!n)
		return ERR_MEM;
	memcpy(n->info.mac, mac, sizeof(n->info.mac));
	set_state(n, SKLI_NEIGHBOUR_STATIC);
	send_waiting(n);
	return ERR_OK;
}

err_t skli_neighbour_delete(struct netif *netif, const ip_addr_t *addr)
{
	struct neighbour *n = find(netif, addr);

	if (!n)
		return ERR_VAL;
	forget(n);
	return ERR_OK;
}

int skli_neighbour_walk(int (*visit)(const struct skli_neighbour_info *,
				     void *),
			void *arg)
{
	struct neighbour *n;
	int result;

	for (n = neighbours()->newest; n; n = n->older) {
		look(n);
		result = visit(&n->info, arg);
		if (result)
			return result;
	}
	return 0;
}
