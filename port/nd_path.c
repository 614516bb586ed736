/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Destinations whose path is not as their interface and routes would have it:
 * a smaller MTU (RFC 8201), a better first hop (RFC 4861 8).
 *
 * lwIP keeps an entry for every destination, 10 in all. Here only exceptions
 * have one, LIMIT at most; as long as there is none, a look-up costs a
 * comparison. An MTU is forgotten after ten minutes, when a larger one is worth
 * a try (RFC 8201 5.3).
 */
#include "nd.h"

#include <string.h>

#include "lwip.h"

#define LIMIT       4096
#define BUCKETS     256
#define MTU_LIFE_MS (10 * 60 * 1000)

struct path {
	struct path *chain;
	struct path *newer, *older;
	ip6_addr_t dest;
	ip6_addr_t hop; /* any: no redirect */
	uint16_t mtu;   /* 0: none */
	uint64_t mtu_until;
};

/* One per stack; all zero at the start. */
struct paths {
	struct path **buckets; /* NULL when there are none */
	struct path *newest, *oldest;
	unsigned count;
};

static struct paths paths__tpl
	__attribute__((section("lwip_tpl"))) = {.count = 0};

static struct paths *paths(void)
{
	return SKLI_PS(paths__tpl);
}

static struct path **bucket(struct paths *t, const ip6_addr_t *dest)
{
	uint32_t h = 0;
	int i;

	for (i = 0; i < 4; i++)
		h = (h ^ dest->addr[i]) * 0x9e3779b1u;
	return &t->buckets[(h >> 16) % BUCKETS];
}

static struct path *find(const ip6_addr_t *dest)
{
	struct paths *t = paths();
	struct path *p;

	if (t->count == 0)
		return NULL;
	for (p = *bucket(t, dest); p; p = p->chain)
		if (ip6_addr_eq(&p->dest, dest))
			return p;
	return NULL;
}

static void forget(struct path *p)
{
	struct paths *t = paths();
	struct path **at = bucket(t, &p->dest);

	while (*at != p)
		at = &(*at)->chain;
	*at = p->chain;
	*(p->newer ? &p->newer->older : &t->newest) = p->older;
	*(p->older ? &p->older->newer : &t->oldest) = p->newer;
	skli_door_free(p);
	if (--t->count > 0)
		return;
	skli_door_free(t->buckets);
	t->buckets = NULL;
}

/* Finds or makes the entry of DEST; NULL when there is no memory. */
static struct path *make(const ip6_addr_t *dest)
{
	struct paths *t = paths();
	struct path *p = find(dest);

	if (p)
		return p;
	if (t->count >= LIMIT)
		forget(t->oldest);
	if (!t->buckets)
		t->buckets = skli_door_calloc(BUCKETS, sizeof(*t->buckets));
	if (!t->buckets)
		return NULL;
	p = skli_door_calloc(1, sizeof(*p));
	if (!p) {
		if (t->count == 0) {
			skli_door_free(t->buckets);
			t->buckets = NULL;
		}
		return NULL;
	}
	p->dest = *dest;
	p->chain = *bucket(t, dest);
	*bucket(t, dest) = p;
	p->older = t->newest;
	*(t->newest ? &t->newest->newer : &t->oldest) = p;
	t->newest = p;
	t->count++;
	return p;
}

uint16_t skli_nd_path_mtu(const ip6_addr_t *dest)
{
	struct path *p = find(dest);

	if (!p || p->mtu == 0)
		return 0;
	if (skli_timers_now() < p->mtu_until)
		return p->mtu;
	p->mtu = 0;
	if (ip6_addr_isany(&p->hop))
		forget(p);
	return 0;
}

void skli_nd_set_path_mtu(const ip6_addr_t *dest, uint16_t mtu)
{
	struct path *p = make(dest);

	if (!p)
		return;
	p->mtu = mtu;
	p->mtu_until = skli_timers_now() + MTU_LIFE_MS;
}

int skli_nd_redirected(const ip6_addr_t *dest, ip6_addr_t *hop)
{
	struct path *p = find(dest);

	if (!p || ip6_addr_isany(&p->hop))
		return 0;
	*hop = p->hop;
	return 1;
}

void skli_nd_redirect(const ip6_addr_t *dest, const ip6_addr_t *hop)
{
	struct path *p = make(dest);

	if (p)
		p->hop = *hop;
}

void skli_nd_forget_redirects(void)
{
	struct path *p, *older;

	for (p = paths()->newest; p; p = older) {
		older = p->older;
		ip6_addr_set_zero(&p->hop);
		if (p->mtu == 0)
			forget(p);
	}
}

void skli_nd_forget_paths(void)
{
	while (paths()->newest)
		forget(paths()->newest);
}
