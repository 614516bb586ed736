/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbours: which Ethernet address has the next hop, IPv4 and IPv6 alike. */
#ifndef SKLI_NEIGHBOURS_H
#define SKLI_NEIGHBOURS_H

#include <stdint.h>

#include "lwip/err.h"
#include "lwip/ip_addr.h"

struct netif;
struct pbuf;

/* The states of RFC 4861 7.3.2, and entries set by hand. */
enum skli_neighbour_state {
	SKLI_NEIGHBOUR_INCOMPLETE, /* asked, no answer yet */
	SKLI_NEIGHBOUR_REACHABLE,  /* confirmed lately */
	SKLI_NEIGHBOUR_STALE,      /* known, but not confirmed lately */
	SKLI_NEIGHBOUR_DELAY,      /* stale and used: will be probed */
	SKLI_NEIGHBOUR_PROBE,      /* being probed */
	SKLI_NEIGHBOUR_STATIC, /* set by hand: never asked, never forgotten */
};

struct skli_neighbour_info {
	struct netif *netif;
	ip_addr_t addr;
	uint8_t mac[6]; /* zero while INCOMPLETE */
	enum skli_neighbour_state state;
};

/* --- for src/stack -------------------------------------------------------- */

/* Sets a static entry; replaces what was there and sends what waited for it.
 * ERR_MEM, or ERR_ARG when NETIF is not Ethernet. */
err_t skli_neighbour_add(struct netif *netif, const ip_addr_t *addr,
			 const uint8_t mac[6]);

/* Forgets an entry of any kind. ERR_VAL when there is none. */
err_t skli_neighbour_delete(struct netif *netif, const ip_addr_t *addr);

/* Calls VISIT for each entry, the one used last first, until it returns
 * non-zero, and returns that. VISIT must not change the table. */
int skli_neighbour_walk(int (*visit)(const struct skli_neighbour_info *,
				     void *),
			void *arg);

/* --- for arp.c and nd.c --------------------------------------------------- */

/* What a message said about a neighbour. */
struct skli_heard {
	const uint8_t *mac;     /* NULL: it did not say */
	unsigned create : 1;    /* worth an entry if there is none */
	unsigned solicited : 1; /* an answer to us: two-way reachability */
	unsigned override : 1;  /* replaces an address that we have */
};

/*
 * Finds the Ethernet address of next hop ADDR for a packet. ERR_OK with *MAC:
 * send it there now (valid until the next call). ERR_OK with *MAC NULL: P was
 * queued (referenced or copied), and goes out with netif's linkoutput or fails
 * later: then skli_hook_icmp_error() is told that the host is unreachable. P's
 * payload is at the IP header. ERR_MEM.
 */
err_t skli_neighbour_resolve(struct netif *netif, const ip_addr_t *addr,
			     struct pbuf *p, const uint8_t **mac);

/* A message about ADDR came in. */
void skli_neighbour_hear(struct netif *netif, const ip_addr_t *addr,
			 struct skli_heard heard);

/* TCP made progress with next hop ADDR: it is reachable (RFC 4861 7.3.1). */
void skli_neighbour_confirm(struct netif *netif, const ip_addr_t *addr);

/* Is ADDR known to be there? 2 reachable, 1 has an address, 0 unknown. */
int skli_neighbour_quality(struct netif *netif, const ip_addr_t *addr);

/* Times that a router may set, in ms: 0 keeps what there is. */
void skli_neighbour_times(uint32_t reachable, uint32_t retrans);

/* Forgets all neighbours on NETIF of family 4 or 6. */
void skli_neighbour_flush(const struct netif *netif, int family);

/* Asks for ADDR: everyone when MAC is NULL, else only MAC. */
void skli_arp_ask(struct netif *netif, const ip4_addr_t *addr,
		  const uint8_t *mac);
void skli_nd_ask(struct netif *netif, const ip6_addr_t *addr,
		 const uint8_t *mac);

#endif
