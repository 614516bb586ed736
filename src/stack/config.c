/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration string.
 *
 * It is cut into words; each word is looked up in a table that says how many
 * arguments follow it.  Words may come in any order, so they are applied in
 * three rounds: what must be known before a device is opened (seed, nooffload)
 * and the devices; what an interface is (mac, mtu, addresses); what leans on
 * addresses (gateways, routes, neighbours).
 */
#include "stack/config.h"

#include "netif/netif.h"
#include "port/neighbours.h"
#include "stack/capture.h"
#include "stack/error.h"
#include "stack/stack.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 1024

enum round {
	ROUND_DEVICE,
	ROUND_INTERFACE,
	ROUND_ADDRESS,
	ROUND_ROUTE,
	ROUNDS,
};

struct config {
	struct skl_stack *stack;
	char *words[WORDS_MAX]; /* ";" stands as a word of its own */
	unsigned count;
	unsigned at;            /* the word being applied */
	struct skli_netif *nif; /* the interface being spoken of, or NULL */
	bool del;
	enum round round;
	char defaults[256]; /* words that nobody wrote */
};

struct address {
	int family;
	uint8_t ip[16];
	unsigned prefix;
};

struct word {
	const char *name;
	unsigned arguments;
	enum round round;
	bool stack; /* needs no interface */
	int (*apply)(struct config *c, char **arguments);
};

/* ---- Refusals ---------------------------------------------------------- */

static int refuse(const struct config *c, int error, const char *why)
{
	return skli_fail_text(error, "configuration word %u, '%s': %s",
			      c->at + 1, c->words[c->at], why);
}

static int refuse_code(const struct config *c, int error)
{
	return error ? refuse(c, error, strerror(error)) : 0;
}

/* ---- Reading ----------------------------------------------------------- */

static int address_read(const char *text, struct address *a)
{
	memset(a, 0, sizeof(*a));
	a->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	a->prefix = a->family == AF_INET ? 32 : 128;
	return inet_pton(a->family, text, a->ip) == 1 ? 0 : -1;
}

static int number_read(const char *text, unsigned long limit,
		       unsigned long *value)
{
	char *end;

	errno = 0;
	*value = strtoul(text, &end, 0);
	if (!*text || *text == '-' || *end || errno || *value > limit)
		return -1;
	return 0;
}

/* ADDR/PREFIX, or with bare ADDR alone. */
static int network_read(const char *text, struct address *a)
{
	char copy[64];
	char *slash;
	unsigned long prefix;

	if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy))
		return -1;
	slash = strchr(copy, '/');
	if (!slash)
		return -1;
	*slash = '\0';
	if (address_read(copy, a) || number_read(slash + 1, a->prefix, &prefix))
		return -1;
	a->prefix = (unsigned)prefix;
	return 0;
}

/* XX:XX:XX:XX:XX:XX, each of one or two digits. */
static int mac_read(const char *text, uint8_t mac[6])
{
	for (int i = 0; i < 6; i++) {
		char *end;
		unsigned long byte = strtoul(text, &end, 16);

		if (!isxdigit((unsigned char)*text) || end - text > 2 ||
		    *end != (i < 5 ? ':' : '\0'))
			return -1;
		mac[i] = (uint8_t)byte;
		text = end + 1;
	}
	return 0;
}

/* ---- Addresses --------------------------------------------------------- */

static int address4_add(struct config *c, const struct address *a)
{
	struct netif *lwip = &c->nif->lwip;
	ip4_addr_t ip, mask;

	if (!ip4_addr_isany_val(*netif_ip4_addr(lwip)))
		return refuse(c, EEXIST,
			      "an interface has one IPv4 address; take the "
			      "other back first (del ADDR/PREFIX)");
	memcpy(&ip, a->ip, 4);
	mask.addr = a->prefix ? htonl(~0U << (32 - a->prefix)) : 0;
	netif_set_addr(lwip, &ip, &mask, IP4_ADDR_ANY4);
	return 0;
}

static int address4_delete(struct config *c, const struct address *a)
{
	struct netif *lwip = &c->nif->lwip;

	if (memcmp(netif_ip4_addr(lwip), a->ip, 4))
		return refuse(c, EADDRNOTAVAIL, "no such address");
	netif_set_addr(lwip, IP4_ADDR_ANY4, IP4_ADDR_ANY4, IP4_ADDR_ANY4);
	return 0;
}

static void address6_make(const struct config *c, const struct address *a,
			  ip6_addr_t *ip)
{
	memcpy(ip->addr, a->ip, 16);
	ip6_addr_clear_zone(ip);
	ip6_addr_assign_zone(ip, IP6_UNICAST, &c->nif->lwip);
}

static int address6_add(struct config *c, const struct address *a)
{
	struct netif *lwip = &c->nif->lwip;
	ip6_addr_t ip;
	s8_t at;

	address6_make(c, a, &ip);
	if (netif_get_ip6_addr_match(lwip, &ip) >= 0)
		return refuse(c, EEXIST, "the interface has it already");
	if (netif_add_ip6_address(lwip, &ip, &at) != ERR_OK)
		return refuse(c, ENOSPC, "too many addresses on an interface");
	/* Whoever configures an address vouches for it: no probe, no wait. */
	netif_ip6_addr_set_state(lwip, at, IP6_ADDR_PREFERRED);
	c->nif->prefix6[at] = (uint8_t)a->prefix;
	return 0;
}

static int address6_delete(struct config *c, const struct address *a)
{
	struct netif *lwip = &c->nif->lwip;
	ip6_addr_t ip;
	s8_t at;

	address6_make(c, a, &ip);
	at = netif_get_ip6_addr_match(lwip, &ip);
	if (at < 0)
		return refuse(c, EADDRNOTAVAIL, "no such address");
	netif_ip6_addr_set_state(lwip, at, IP6_ADDR_INVALID);
	c->nif->prefix6[at] = 0;
	return 0;
}

static int apply_address(struct config *c, char **arguments)
{
	struct address a;

	(void)arguments;
	if (network_read(c->words[c->at], &a))
		return refuse(c, EINVAL, "not an ADDRESS/PREFIX");
	if (a.family == AF_INET)
		return c->del ? address4_delete(c, &a) : address4_add(c, &a);
	return c->del ? address6_delete(c, &a) : address6_add(c, &a);
}

/* ---- What an interface is ---------------------------------------------- */

static int apply_mtu(struct config *c, char **arguments)
{
	unsigned long mtu;

	if (number_read(arguments[0], 65520, &mtu) || mtu < 68)
		return refuse(c, EINVAL, "a number from 68 to 65520 is needed");
	c->nif->lwip.mtu = (u16_t)mtu;
	c->nif->lwip.mtu6 = (u16_t)mtu;
	return 0;
}

/* The link-local address is made from the MAC (RFC 4291 appendix A). */
static void linklocal_renew(struct skli_netif *nif)
{
	netif_ip6_addr_set_state(&nif->lwip, 0, IP6_ADDR_INVALID);
	netif_create_ip6_linklocal_address(&nif->lwip, 1);
	netif_ip6_addr_set_state(&nif->lwip, 0, IP6_ADDR_PREFERRED);
	nif->prefix6[0] = 64;
}

static int apply_mac(struct config *c, char **arguments)
{
	struct netif *lwip = &c->nif->lwip;
	uint8_t mac[6];

	if (mac_read(arguments[0], mac))
		return refuse(c, EINVAL, "XX:XX:XX:XX:XX:XX is needed");
	if (mac[0] & 1)
		return refuse(c, EINVAL,
			      "a group address; the first byte must be even");
	if (!memcmp(mac, "\0\0\0\0\0", sizeof(mac)))
		return refuse(c, EINVAL, "no address of a host");
	memcpy(lwip->hwaddr, mac, sizeof(mac));
	linklocal_renew(c->nif);
	if (!ip4_addr_isany_val(*netif_ip4_addr(lwip)))
		etharp_gratuitous(lwip);
	return 0;
}

static int apply_name(struct config *c, char **arguments)
{
	struct skli_netif *other = skli_netif_find(c->stack, arguments[0]);

	if (strlen(arguments[0]) >= sizeof(c->nif->name))
		return refuse(c, EINVAL, "at most 15 characters");
	if (other && other != c->nif)
		return refuse(c, EEXIST, "another interface has that name");
	snprintf(c->nif->name, sizeof(c->nif->name), "%s", arguments[0]);
	return 0;
}

/* "snap N" of the same interface, wherever it stands. */
static unsigned long snap_find(const struct config *c)
{
	unsigned long snap = 0;

	for (unsigned i = c->at; i-- && strcmp(c->words[i], ";");)
		if (!strcmp(c->words[i], "snap"))
			number_read(c->words[i + 1], 1 << 18, &snap);
	for (unsigned i = c->at; i + 1 < c->count && strcmp(c->words[i], ";");
	     i++)
		if (!strcmp(c->words[i], "snap"))
			number_read(c->words[i + 1], 1 << 18, &snap);
	return snap;
}

static int apply_pcap(struct config *c, char **arguments)
{
	return refuse_code(c, skli_capture_start(c->nif, arguments[0],
						 (unsigned)snap_find(c), 0));
}

static int apply_snap(struct config *c, char **arguments)
{
	unsigned long snap;

	if (number_read(arguments[0], 1 << 18, &snap))
		return refuse(c, EINVAL, "a number of bytes is needed");
	return 0;
}

/* ---- What leans on addresses ------------------------------------------- */

static int route_change(struct config *c, const struct skli_route *r)
{
	int error;

	if (c->del)
		return refuse_code(c, skli_route_delete(c->stack, r));
	error = skli_route_add(c->stack, r);
	if (error == ENETUNREACH)
		return refuse(c, error,
			      "the gateway is on no interface's network");
	if (error == EEXIST)
		return refuse(c, error, "there is such a route already");
	return refuse_code(c, error);
}

static int apply_gw(struct config *c, char **arguments)
{
	struct skli_route r = {0};
	struct address a;

	if (address_read(arguments[0], &a))
		return refuse(c, EINVAL, "an address is needed");
	r.family = a.family;
	memcpy(r.via, a.ip, sizeof(r.via));
	return route_change(c, &r);
}

static int apply_route(struct config *c, char **arguments)
{
	struct skli_route r = {0};
	struct address net, via;

	if (network_read(arguments[0], &net) || strcmp(arguments[1], "via") ||
	    address_read(arguments[2], &via) || net.family != via.family)
		return refuse(c, EINVAL,
			      "NETWORK/PREFIX via ADDRESS is needed");
	r.family = net.family;
	r.prefix = net.prefix;
	memcpy(r.net, net.ip, sizeof(r.net));
	memcpy(r.via, via.ip, sizeof(r.via));
	return route_change(c, &r);
}

static int apply_neigh(struct config *c, char **arguments)
{
	struct netif *lwip = &c->nif->lwip;
	struct address a;
	uint8_t mac[6];
	ip_addr_t ip = {0};
	err_t e;

	if (address_read(arguments[0], &a) || mac_read(arguments[1], mac))
		return refuse(c, EINVAL, "ADDRESS MAC is needed");
	if (a.family == AF_INET) {
		IP_SET_TYPE(&ip, IPADDR_TYPE_V4);
		memcpy(ip_2_ip4(&ip), a.ip, 4);
	} else {
		IP_SET_TYPE(&ip, IPADDR_TYPE_V6);
		address6_make(c, &a, ip_2_ip6(&ip));
	}
	e = c->del ? skli_neighbour_delete(lwip, &ip)
		   : skli_neighbour_add(lwip, &ip, mac);
	if (e == ERR_OK)
		return 0;
	return c->del ? refuse(c, EADDRNOTAVAIL, "no such neighbour")
		      : refuse_code(c, e == ERR_MEM ? ENOMEM : EINVAL);
}

static int apply_forward(struct config *c, char **arguments)
{
	(void)arguments;
	c->stack->routes.forward = !c->del;
	return 0;
}

static int apply_seed(struct config *c, char **arguments)
{
	unsigned long seed;

	if (number_read(arguments[0], ~0UL, &seed))
		return refuse(c, EINVAL, "a number is needed");
	skli_random_seed(&c->stack->random, seed);
	return 0;
}

static const struct word words[] = {
	{"seed", 1, ROUND_DEVICE, true, apply_seed},
	{"nooffload", 0, ROUND_INTERFACE, false, NULL},
	{"name", 1, ROUND_INTERFACE, false, apply_name},
	{"mtu", 1, ROUND_INTERFACE, false, apply_mtu},
	{"mac", 1, ROUND_INTERFACE, false, apply_mac},
	{"pcap", 1, ROUND_INTERFACE, false, apply_pcap},
	{"snap", 1, ROUND_INTERFACE, false, apply_snap},
	{"gw", 1, ROUND_ROUTE, false, apply_gw},
	{"neigh", 2, ROUND_ROUTE, false, apply_neigh},
	{"route", 3, ROUND_ROUTE, true, apply_route},
	{"forward", 0, ROUND_ROUTE, true, apply_forward},
};

static const struct word address_word = {"ADDRESS/PREFIX", 0, ROUND_ADDRESS,
					 false, apply_address};

/* Was it meant to be one?  unix:/path was not. */
static bool is_network(const char *text)
{
	return text[strspn(text, "0123456789abcdefABCDEF.:")] == '/';
}

static const struct word *word_find(const char *text)
{
	struct address a;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(words[i].name, text))
			return &words[i];
	if (is_network(text) || !address_read(text, &a))
		return &address_word;
	return NULL;
}

/* ---- Applying ---------------------------------------------------------- */

/* Is "nooffload" among the words of this interface? */
static bool offload_wanted(const struct config *c)
{
	for (unsigned i = c->at; i < c->count && strcmp(c->words[i], ";"); i++)
		if (!strcmp(c->words[i], "nooffload"))
			return false;
	return true;
}

/* Opens the device, or finds it again in a later round. */
static int device_reach(struct config *c, struct skli_netif **last)
{
	if (c->round == ROUND_DEVICE) {
		c->nif = skli_netif_open(c->stack, c->words[c->at],
					 offload_wanted(c));
		if (!c->nif)
			return -1;
	} else {
		/* The interfaces lie in the order of their words. */
		if (*last)
			*last = (*last)->next;
		c->nif = *last;
	}
	return 0;
}

/* Applies the word at c->at, if its round has come, and steps over it. */
static int word_apply(struct config *c, const struct word *w)
{
	unsigned at = c->at;
	int error = 0;

	for (unsigned i = 1; i <= w->arguments; i++)
		if (at + i >= c->count || !strcmp(c->words[at + i], ";"))
			return refuse(c, EINVAL, "an argument is missing");
	if (!w->stack && !c->nif)
		return refuse(c, EINVAL, "a device must come before it");
	if (w->round == c->round && w->apply)
		error = w->apply(c, c->words + at + 1);
	c->at = at + w->arguments + 1;
	return error;
}

/* One round over all words of an opening. */
static int round_run(struct config *c)
{
	struct skli_netif *last = c->stack->netifs;
	int error = 0;

	c->nif = NULL;
	for (c->at = 0; !error && c->at < c->count;) {
		const struct word *w = word_find(c->words[c->at]);

		if (!strcmp(c->words[c->at], ";")) {
			c->nif = NULL;
			c->at++;
		} else if (w) {
			error = word_apply(c, w);
		} else if (c->nif) {
			error = refuse(c, EINVAL,
				       "no such word (a second device needs a "
				       "';' before it)");
		} else {
			error = device_reach(c, &last);
			c->at++;
		}
	}
	return error;
}

/* Cuts text, which is changed, into words. */
static int words_cut(struct config *c, char *text)
{
	static char semicolon[] = ";";

	for (char *p = text; *p;) {
		size_t len = strcspn(p, " \t\n;");
		char end = p[len];

		if (c->count + 2 > WORDS_MAX)
			return skli_fail_text(EINVAL,
					      "more than %d words in a "
					      "configuration",
					      WORDS_MAX);
		if (len)
			c->words[c->count++] = p;
		if (end == ';')
			c->words[c->count++] = semicolon;
		p[len] = '\0';
		p += len + (end ? 1 : 0);
	}
	return 0;
}

/* Runs fn on the words of text. */
static int config_run(struct skl_stack *s, const char *text,
		      int (*fn)(struct config *c))
{
	struct config *c = skli_arena_calloc(&s->arena, 1, sizeof(*c));
	size_t size = strlen(text) + 1;
	char *copy = skli_arena_alloc(&s->arena, size);
	int error = -1;

	if (c && copy) {
		c->stack = s;
		memcpy(copy, text, size);
		error = words_cut(c, copy);
		if (!error)
			error = fn(c);
	} else {
		skli_fail(ENOMEM);
	}
	skli_arena_free(&s->arena, copy);
	skli_arena_free(&s->arena, c);
	return error;
}

/* Does the interface whose device is word i say an address? */
static bool address_said(const struct config *c, unsigned i)
{
	for (i++; i < c->count && strcmp(c->words[i], ";"); i++) {
		const struct word *w = word_find(c->words[i]);

		if (w == &address_word)
			return true;
		i += w ? w->arguments : 0;
	}
	return false;
}

/* A passt device without addresses gets those that passt is told of. */
static int defaults_add(struct config *c)
{
	struct config more = {0};
	int error = 0;

	for (unsigned i = 0; !error && i < c->count; i++) {
		if (strcmp(c->words[i], "passt") || address_said(c, i))
			continue;
		snprintf(c->defaults, sizeof(c->defaults), "%s",
			 skli_passt_defaults);
		error = words_cut(&more, c->defaults);
		if (error || c->count + more.count > WORDS_MAX)
			return skli_fail(EINVAL);
		memmove(c->words + i + 1 + more.count, c->words + i + 1,
			(c->count - i - 1) * sizeof(c->words[0]));
		memcpy(c->words + i + 1, more.words,
		       more.count * sizeof(c->words[0]));
		c->count += more.count;
		break; /* a second one would have the same addresses */
	}
	return error;
}

static int open_words(struct config *c)
{
	int error = defaults_add(c);

	for (c->round = ROUND_DEVICE; !error && c->round < ROUNDS; c->round++)
		error = round_run(c);
	return error;
}

int skli_config_open(struct skl_stack *s, const char *text)
{
	return config_run(s, text, open_words);
}

/* The words after the interface's name, one after the other. */
static int change_words(struct config *c)
{
	const struct word *w;
	int error = 0;

	if (!c->count)
		return skli_fail_text(EINVAL, "the interface is missing");
	if (strcmp(c->words[0], "-")) {
		c->nif = skli_netif_find(c->stack, c->words[0]);
		if (!c->nif)
			return refuse(c, ENODEV, "no such interface");
	}
	for (c->at = 1; !error && c->at < c->count;) {
		c->del = !strcmp(c->words[c->at], "del");
		c->at += c->del;
		w = c->at < c->count ? word_find(c->words[c->at]) : NULL;
		if (!w || w->round == ROUND_DEVICE || !w->apply) {
			c->at -= c->at == c->count;
			return refuse(c, EINVAL, "no such word here");
		}
		c->round = w->round;
		error = word_apply(c, w);
	}
	return error;
}

int skli_config_change(struct skl_stack *s, const char *text)
{
	return config_run(s, text, change_words);
}
