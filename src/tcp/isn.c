/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Initial sequence numbers (RFC 6528): a clock that ticks every 4 us, plus a
 * keyed hash of the connection, so that numbers grow for one connection and
 * tell nothing about another.
 */
#include "port/hooks.h"
#include "port/lwip.h"
#include "stack/siphash.h"
#include "stack/stack.h"

#include <string.h>

struct connection {
	uint8_t local[16], remote[16];
	uint16_t local_port, remote_port;
	uint32_t zero; /* no padding goes into the hash */
};

static void address_put(uint8_t out[16], const ip_addr_t *ip)
{
	memcpy(out, ip, IP_IS_V6(ip) ? 16 : 4);
}

static const uint64_t *isn_key(struct skl_stack *s)
{
	while (!s->isn_key[0]) {
		uint32_t word[4];

		for (int i = 0; i < 4; i++)
			word[i] = skli_random_u32(&s->random);
		memcpy(s->isn_key, word, sizeof(s->isn_key));
	}
	return s->isn_key;
}

uint32_t skli_hook_tcp_isn(const ip_addr_t *local, uint16_t local_port,
			   const ip_addr_t *remote, uint16_t remote_port)
{
	struct skl_stack *s = skli_current;
	struct connection c = {.local_port = local_port,
			       .remote_port = remote_port};

	address_put(c.local, local);
	address_put(c.remote, remote);
	return (uint32_t)skli_siphash(isn_key(s), &c, sizeof(c)) +
	       (uint32_t)(skli_stack_clock(s) / 4000U);
}
