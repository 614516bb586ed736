/* SPDX-License-Identifier: BSD-3-Clause */
/* The real environment: the kernel's clocks and entropy. */
#include "stack/env.h"

#include <sys/random.h>
#include <time.h>

static uint64_t clock_read(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static uint64_t real_clock(const struct skli_env *env)
{
	(void)env;
	return clock_read(CLOCK_MONOTONIC);
}

static uint64_t real_wall(const struct skli_env *env)
{
	(void)env;
	return clock_read(CLOCK_REALTIME);
}

static void real_entropy(const struct skli_env *env, void *buf, size_t size)
{
	char *at = buf;

	(void)env;
	/* getrandom(2) can be interrupted only before the pool is ready. */
	while (size) {
		ssize_t n = getrandom(at, size, 0);

		if (n > 0) {
			at += n;
			size -= (size_t)n;
		}
	}
}

const struct skli_env skli_env_real = {
	.clock = real_clock,
	.wall = real_wall,
	.entropy = real_entropy,
};
