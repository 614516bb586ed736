/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash that nobody
 * without the key can predict.
 */
#ifndef SKLI_STACK_SIPHASH_H
#define SKLI_STACK_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t skli_siphash(const uint64_t key[2], const void *data, size_t size);

#endif
