/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The doors through which a stack sees time and chance.
 *
 * Nothing else in src/ or port/ may read a clock or a source of randomness.
 * The real environment (env_real.c) is the kernel's monotonic clock and
 * entropy; a simulator supplies its own, and with them virtual time.
 */
#ifndef SKLI_STACK_ENV_H
#define SKLI_STACK_ENV_H

#include <stddef.h>
#include <stdint.h>

/* A point in time that never comes. */
#define SKLI_NEVER UINT64_MAX

struct skli_env {
	/* Nanoseconds that never run backwards; from any start. */
	uint64_t (*clock)(const struct skli_env *env);
	/* Nanoseconds since 1970, for captures and time stamps alone. */
	uint64_t (*wall)(const struct skli_env *env);
	/* Fills buf with unpredictable bytes; can't fail. */
	void (*entropy)(const struct skli_env *env, void *buf, size_t size);
};

/* The kernel's clocks and entropy. */
extern const struct skli_env skli_env_real;

#endif
