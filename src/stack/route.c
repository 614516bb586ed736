/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where packets go: lwIP's routing hooks.
 *
 * Our own addresses are reached through the loopback interface; else the
 * longest prefix wins among the interfaces' networks and the routes.  A
 * gateway is a route of prefix length 0.
 */
#include "stack/route.h"

#include "netif/netif.h"
#include "port/hooks.h"
#include "stack/stack.h"

#include <errno.h>
#include <string.h>

static bool prefix_holds(const uint8_t *net, const uint8_t *ip, unsigned prefix)
{
	unsigned bytes = prefix / 8, bits = prefix % 8;

	if (memcmp(net, ip, bytes))
		return false;
	return !bits || !((net[bytes] ^ ip[bytes]) >> (8 - bits));
}

/* The length of the longest prefix of nif's own networks that holds ip. */
static int connected4(const struct skli_netif *nif, const ip4_addr_t *ip)
{
	const struct netif *n = &nif->lwip;

	if (ip4_addr_isany_val(*netif_ip4_addr(n)) ||
	    !ip4_addr_net_eq(ip, netif_ip4_addr(n), netif_ip4_netmask(n)))
		return -1;
	return __builtin_popcount(netif_ip4_netmask(n)->addr);
}

static int connected6(const struct skli_netif *nif, const ip6_addr_t *ip)
{
	int best = -1;

	for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
		int prefix = nif->prefix6[i];

		if (!ip6_addr_isvalid(netif_ip6_addr_state(&nif->lwip, i)) ||
		    prefix <= best)
			continue;
		if (prefix_holds((const uint8_t *)netif_ip6_addr(&nif->lwip, i),
				 (const uint8_t *)ip, (unsigned)prefix))
			best = prefix;
	}
	return best;
}

static int connected(const struct skli_netif *nif, int family, const void *ip)
{
	return family == AF_INET ? connected4(nif, ip) : connected6(nif, ip);
}

static bool usable(const struct skli_netif *nif)
{
	return netif_is_up(&nif->lwip) && netif_is_link_up(&nif->lwip);
}

static struct skli_netif *connected_best(struct skl_stack *s, int family,
					 const void *ip, int *length)
{
	struct skli_netif *best = NULL;

	*length = -1;
	for (struct skli_netif *n = s->netifs; n; n = n->next) {
		int l = usable(n) ? connected(n, family, ip) : -1;

		if (l > *length) {
			*length = l;
			best = n;
		}
	}
	return best;
}

/* The route with the longest prefix beyond length that holds ip, or NULL. */
static const struct skli_route *route_best(const struct skl_stack *s,
					   int family, const void *ip,
					   int length)
{
	for (unsigned i = 0; i < s->routes.count; i++) {
		const struct skli_route *r = &s->routes.table[i];

		if ((int)r->prefix <= length)
			break;
		if (r->family == family && prefix_holds(r->net, ip, r->prefix))
			return r;
	}
	return NULL;
}

static bool is_own(const struct skl_stack *s, int family, const void *ip)
{
	for (struct skli_netif *n = s->netifs; n; n = n->next) {
		if (family == AF_INET) {
			if (ip4_addr_eq(netif_ip4_addr(&n->lwip),
					(const ip4_addr_t *)ip))
				return true;
			continue;
		}
		for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
			if (ip6_addr_isvalid(
				    netif_ip6_addr_state(&n->lwip, i)) &&
			    !memcmp(netif_ip6_addr(&n->lwip, i), ip, 16))
				return true;
	}
	return false;
}

bool skli_route_is_own(const struct skl_stack *s, int family, const void *ip)
{
	return is_own(s, family, ip);
}

static struct netif *route_find(int family, const void *ip)
{
	struct skl_stack *s = skli_current;
	const struct skli_route *route;
	struct skli_netif *nif;
	int length;

	if (is_own(s, family, ip))
		return &s->netifs->lwip;
	nif = connected_best(s, family, ip, &length);
	route = route_best(s, family, ip, length);
	if (route)
		nif = connected_best(s, family, route->via, &length);
	return nif ? &nif->lwip : NULL;
}

/* The interface whose address it is, or NULL. */
static struct netif *owner4(const ip4_addr_t *ip)
{
	for (struct skli_netif *n = skli_current->netifs; n; n = n->next)
		if (ip4_addr_eq(netif_ip4_addr(&n->lwip), ip) && usable(n))
			return &n->lwip;
	return NULL;
}

/*
 * All hosts of a link and groups lie behind the interface that the sender is
 * bound to, as on Linux (ip_route_output_key_hash_rcu()).
 */
struct netif *skli_hook_ip4_route(const ip4_addr_t *src, const ip4_addr_t *dest)
{
	struct netif *from = NULL;

	if (src && !ip4_addr_isany(src) &&
	    (ip4_addr_ismulticast(dest) ||
	     ip4_addr_get_u32(dest) == IPADDR_BROADCAST))
		from = owner4(src);
	return from ? from : route_find(AF_INET, dest);
}

/* A scoped address belongs to its interface: lwIP sees to that itself. */
struct netif *skli_hook_ip6_route(const ip6_addr_t *src, const ip6_addr_t *dest)
{
	(void)src;
	if (ip6_addr_has_zone(dest) || ip6_addr_islinklocal(dest) ||
	    ip6_addr_ismulticast(dest))
		return NULL;
	return route_find(AF_INET6, dest);
}

const ip4_addr_t *skli_hook_ip4_gateway(struct netif *netif,
					const ip4_addr_t *dest)
{
	const struct skli_route *r =
		route_best(skli_current, AF_INET, dest, -1);

	(void)netif;
	return r ? (const ip4_addr_t *)(const void *)r->via : NULL;
}

const ip6_addr_t *skli_hook_ip6_gateway(struct netif *netif,
					const ip6_addr_t *dest)
{
	static __thread ip6_addr_t via;
	const struct skli_route *r =
		route_best(skli_current, AF_INET6, dest, -1);

	if (!r)
		return NULL;
	memcpy(via.addr, r->via, 16);
	ip6_addr_clear_zone(&via);
	ip6_addr_assign_zone(&via, IP6_UNICAST, netif);
	return &via;
}

/* lwIP refuses what must never be forwarded, once we leave it the choice. */
int skli_hook_ip4_canforward(struct pbuf *p, uint32_t dest)
{
	(void)p;
	(void)dest;
	return skli_current->routes.forward ? -1 : 0;
}

int skli_hook_ip6_canforward(struct pbuf *p, const ip6_addr_t *dest)
{
	(void)p;
	(void)dest;
	return skli_current->routes.forward ? -1 : 0;
}

static bool same(const struct skli_route *a, const struct skli_route *b)
{
	return a->family == b->family && a->prefix == b->prefix &&
	       !memcmp(a->net, b->net, sizeof(a->net));
}

static int table_grow(struct skl_stack *s)
{
	struct skli_routes *rs = &s->routes;
	unsigned size = rs->size ? rs->size * 2 : 8;
	struct skli_route *table;

	if (rs->count < rs->size)
		return 0;
	table = skli_arena_alloc(&s->arena, size * sizeof(*table));
	if (!table)
		return ENOMEM;
	if (rs->count)
		memcpy(table, rs->table, rs->count * sizeof(*table));
	skli_arena_free(&s->arena, rs->table);
	rs->table = table;
	rs->size = size;
	return 0;
}

int skli_route_add(struct skl_stack *s, const struct skli_route *route)
{
	struct skli_routes *rs = &s->routes;
	unsigned at = 0;
	int length;

	if (!connected_best(s, route->family, route->via, &length))
		return ENETUNREACH;
	for (unsigned i = 0; i < rs->count; i++)
		if (same(&rs->table[i], route))
			return EEXIST;
	if (table_grow(s))
		return ENOMEM;
	while (at < rs->count && rs->table[at].prefix >= route->prefix)
		at++;
	memmove(rs->table + at + 1, rs->table + at,
		(rs->count - at) * sizeof(*route));
	rs->table[at] = *route;
	rs->count++;
	return 0;
}

int skli_route_delete(struct skl_stack *s, const struct skli_route *route)
{
	struct skli_routes *rs = &s->routes;

	for (unsigned i = 0; i < rs->count; i++) {
		if (!same(&rs->table[i], route))
			continue;
		rs->count--;
		memmove(rs->table + i, rs->table + i + 1,
			(rs->count - i) * sizeof(*route));
		return 0;
	}
	return ENOENT;
}
