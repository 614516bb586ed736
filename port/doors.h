/* SPDX-License-Identifier: BSD-3-Clause */
/* What the port needs from above: time, chance, memory, a way out. */
#ifndef SKLI_DOORS_H
#define SKLI_DOORS_H

#include <stddef.h>
#include <stdint.h>

/* Each door answers for the stack that the calling thread has selected. */

/* Monotonic milliseconds; never goes back. */
uint64_t skli_door_clock_ms(void);

/* 32 bits that nobody outside can predict. */
uint32_t skli_door_random(void);

/* Memory of the stack's arena; NULL when there is none left. */
void *skli_door_malloc(size_t n);
void *skli_door_calloc(size_t n, size_t m);
void skli_door_free(void *p);

/* An assertion of lwIP failed. Never returns: unwinds to the stack's entry. */
_Noreturn void skli_door_assert(const char *what, const char *file, int line);

/*
 * The ones-complement sum of the LEN bytes at DATA, folded to 16 bits, not
 * complemented, in network order; an odd last byte counts as if a zero
 * followed it (lwip_standard_chksum's contract). DATA may have any alignment.
 */
uint16_t skli_checksum(const void *data, int len);

#endif
