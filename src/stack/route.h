/* SPDX-License-Identifier: BSD-3-Clause */
/* The routes of a stack, beyond its interfaces' own networks and gateways. */
#ifndef SKLI_STACK_ROUTE_H
#define SKLI_STACK_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

struct skl_stack;

/* Addresses here are 16 bytes in network order; IPv4 uses the first 4. */
struct skli_route {
	int family; /* AF_INET, AF_INET6 */
	uint8_t net[16];
	uint8_t via[16];
	unsigned prefix;
};

struct skli_routes {
	struct skli_route *table; /* longest prefix first; in the arena */
	unsigned count, size;
	bool forward; /* packets may pass from interface to interface */
};

/*
 * Adds a route: 0, or an error number: EEXIST (the same network is there),
 * ENOMEM, ENETUNREACH (via lies on no interface's network).
 */
int skli_route_add(struct skl_stack *s, const struct skli_route *route);

/* Is ip (4 or 16 bytes) an address of one of the stack's interfaces? */
bool skli_route_is_own(const struct skl_stack *s, int family, const void *ip);

/* Takes it back: 0, or ENOENT. */
int skli_route_delete(struct skl_stack *s, const struct skli_route *route);

#endif
