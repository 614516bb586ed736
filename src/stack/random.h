/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The random source of a stack: unpredictable, or, with a seed, the same
 * bytes on every machine.  Under the stack's lock.
 */
#ifndef SKLI_STACK_RANDOM_H
#define SKLI_STACK_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct skli_env;

struct skli_random {
	const struct skli_env *env;
	bool seeded;
	uint64_t key[2]; /* seeded: SipHash key; block n is hash(n) */
	uint64_t counter;
	uint32_t pool[64]; /* unseeded: entropy in advance */
	unsigned left;     /* words of pool not used yet */
};

/* Unpredictable numbers from the environment's entropy. */
void skli_random_init(struct skli_random *r, const struct skli_env *env);

/* From now on the numbers follow from seed alone. */
void skli_random_seed(struct skli_random *r, uint64_t seed);

/* 32 bits. */
uint32_t skli_random_u32(struct skli_random *r);

/* A number below limit (> 0), each as likely. */
uint32_t skli_random_below(struct skli_random *r, uint32_t limit);

#endif
