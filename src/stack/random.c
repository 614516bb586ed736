/* SPDX-License-Identifier: BSD-3-Clause */
/* The random source of a stack, see stack/random.h. */
#include "stack/random.h"

#include "stack/env.h"
#include "stack/siphash.h"

void skli_random_init(struct skli_random *r, const struct skli_env *env)
{
	r->env = env;
	r->seeded = false;
	r->left = 0;
}

void skli_random_seed(struct skli_random *r, uint64_t seed)
{
	static const uint64_t purpose[2] = {0x736f636b6c696e67U, 1};

	r->seeded = true;
	r->key[0] = skli_siphash(purpose, &seed, sizeof(seed));
	r->key[1] = ~r->key[0];
	r->counter = 0;
}

uint32_t skli_random_u32(struct skli_random *r)
{
	if (r->seeded) {
		uint64_t n = r->counter++;

		return (uint32_t)skli_siphash(r->key, &n, sizeof(n));
	}
	if (!r->left) {
		r->env->entropy(r->env, r->pool, sizeof(r->pool));
		r->left = sizeof(r->pool) / sizeof(r->pool[0]);
	}
	return r->pool[--r->left];
}

uint32_t skli_random_below(struct skli_random *r, uint32_t limit)
{
	/* Lemire: refuse the few products that would favour small results. */
	uint32_t floor = -limit % limit;
	uint64_t product;

	do {
		product = (uint64_t)skli_random_u32(r) * limit;
	} while ((uint32_t)product < floor);
	return (uint32_t)(product >> 32);
}
