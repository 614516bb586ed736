/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbour discovery, as the port's other files see it. */
#ifndef SKLI_ND_H
#define SKLI_ND_H

#include <stdint.h>

#include "lwip/ip6_addr.h"

struct netif;

/* SECONDS have passed for what routers have told us. Sends nothing; addresses
 * that come to their end only do so at the deadline of nd_self.c. */
void skli_nd_age(uint32_t seconds);

/* --- nd.c: messages and next hops ----------------------------------------- */

/* A solicitation for one of our own addresses-to-be (RFC 4862 5.4.2). */
void skli_nd_probe_self(struct netif *netif, const ip6_addr_t *addr);

/* A router solicitation; returns 0 when it could not be sent. */
int skli_nd_ask_routers(struct netif *netif);

/* --- nd_self.c: our own addresses ----------------------------------------- */

/* Someone else has address number INDEX of NETIF. */
void skli_nd_duplicate(struct netif *netif, int index);

/* A router announced a /64 for autoconfiguration (RFC 4862 5.5.3). */
void skli_nd_autoconfigure(struct netif *netif, const ip6_addr_t *prefix,
			   uint32_t valid, uint32_t preferred);

/* SECONDS off the lifetimes; 0: ends the addresses that are at their end. */
void skli_nd_age_addresses(uint32_t seconds);

/* A router has answered: no more solicitations. */
void skli_nd_routers_known(struct netif *netif);

/* --- nd_path.c: destinations that are not as their interface -------------- */

/* The path MTU of DEST, or 0. */
uint16_t skli_nd_path_mtu(const ip6_addr_t *dest);

/* A router says that MTU is all that DEST's path takes (RFC 8201). */
void skli_nd_set_path_mtu(const ip6_addr_t *dest, uint16_t mtu);

/* The better next hop that a router has told us for DEST; 0: none. */
int skli_nd_redirected(const ip6_addr_t *dest, ip6_addr_t *hop);
void skli_nd_redirect(const ip6_addr_t *dest, const ip6_addr_t *hop);

/* Forgets redirects (MTUs stay), or everything. */
void skli_nd_forget_redirects(void);
void skli_nd_forget_paths(void);

#endif
