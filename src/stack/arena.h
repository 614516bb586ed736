/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory of one stack.  All that lwIP and the endpoints allocate comes
 * from here and is counted, so that a stack can be dropped whole: after an
 * assertion, or when a simulated host crashes, nothing leaks.
 *
 * The caller holds the stack's lock.
 */
#ifndef SKLI_STACK_ARENA_H
#define SKLI_STACK_ARENA_H

#include <stddef.h>
#include <stdint.h>

#define SKLI_ARENA_CLASSES 32 /* of small blocks, up to 4 KB */
#define SKLI_ARENA_LARGE   20 /* of large ones that are kept, up to 128 KB */

struct skli_slab;
struct skli_arena {
	struct skli_slab *partial[SKLI_ARENA_CLASSES]; /* with free blocks */
	struct skli_slab *slabs; /* every slab, by class or large */
	struct skli_slab *spare; /* empty slabs kept for the next need */
	uint32_t spare_count, slab_count; /* slab_count: those in use */
	struct skli_slab *large[SKLI_ARENA_LARGE]; /* kept for the next need */
	uint64_t large_kept, large_held;           /* bytes */
	uint64_t held; /* bytes in blocks, as handed out */
	uint64_t peak;
	uint64_t blocks;
	uint64_t fail_after; /* tests: allocations until one fails; 0: none */
};

/* Zeroed memory is an empty arena. */

/* size bytes aligned to 16, or NULL (no memory, or fail_after says so). */
void *skli_arena_alloc(struct skli_arena *a, size_t size);

/* Zeroed memory for count * size bytes. */
void *skli_arena_calloc(struct skli_arena *a, size_t count, size_t size);

/* Gives a block back; NULL is allowed. */
void skli_arena_free(struct skli_arena *a, void *block);

/* Frees every block at once; the arena is empty and usable afterwards. */
void skli_arena_drop(struct skli_arena *a);

#endif
