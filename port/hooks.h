/* SPDX-License-Identifier: BSD-3-Clause */
/* The hooks: what lwIP asks of the rooms above. lwIP includes this file. */
#ifndef SKLI_HOOKS_H
#define SKLI_HOOKS_H

#include <stdint.h>

#include "lwip/ip_addr.h"

struct netif;
struct pbuf;
struct tcp_pcb;

/*
 * All of them run under the stack's lock, on a thread that has selected the
 * stack, possibly in the middle of lwIP's input processing: unless it says so,
 * a hook must not call lwIP's output functions or free what it is given.
 */

/* The initial sequence number of a connection (RFC 6528); ports in host
 * order. src/tcp supplies it. */
uint32_t skli_hook_tcp_isn(const ip_addr_t *local, uint16_t local_port,
			   const ip_addr_t *remote, uint16_t remote_port);

/*
 * The interface to send to DEST from; SRC is the sender's address, NULL or any
 * when it has none yet. NULL: lwIP's own choice (an interface whose network
 * holds DEST, else the default one). src/stack supplies these four.
 */
struct netif *skli_hook_ip4_route(const ip4_addr_t *src,
				  const ip4_addr_t *dest);
struct netif *skli_hook_ip6_route(const ip6_addr_t *src,
				  const ip6_addr_t *dest);

/*
 * The next hop on NETIF towards DEST, which is not on NETIF's network. NULL:
 * NETIF's own gateway (v4), a router learned from advertisements (v6). The
 * address must stay valid until the hook is called again.
 */
const ip4_addr_t *skli_hook_ip4_gateway(struct netif *netif,
					const ip4_addr_t *dest);
const ip6_addr_t *skli_hook_ip6_gateway(struct netif *netif,
					const ip6_addr_t *dest);

/* May P, addressed to DEST (v4: host order), be forwarded? 1 yes, 0 no, -1 as
 * lwIP decides (it refuses multicast, broadcast, loopback). */
int skli_hook_ip4_canforward(struct pbuf *p, uint32_t dest);

/* The same for IPv6: 1 yes, 0 no; lwIP's own refusals still apply. */
int skli_hook_ip6_canforward(struct pbuf *p, const ip6_addr_t *dest);

/*
 * An ICMP error came in on INP about a packet that seems to be ours. P's
 * payload is at the quoted IP header (FAMILY 4 or 6), of which at least the
 * header and 8 bytes more are there in one piece (p->len says how much); IPv6
 * extension headers may follow it. Nothing else about the quote is verified.
 * Passed are types 3, 11, 12 (v4) and 1, 2, 3, 4 (v6). INFO is the MTU of
 * "fragmentation needed" (0: the router did not say) and "packet too big", the
 * pointer of "parameter problem", else 0. May call tcp_abort() and udp_*; must
 * not free P. src/api supplies it.
 */
void skli_hook_icmp_error(struct pbuf *p, struct netif *inp, int family,
			  uint8_t type, uint8_t code, uint32_t info);

#endif
