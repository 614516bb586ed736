/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The arena of a stack.
 *
 * THEORY OF OPERATION
 *
 * Blocks of up to 4 KB come from slabs: 64 KB of memory, aligned to 64 KB, cut
 * into blocks of one size class.  A block's slab is found by masking its
 * address, so blocks carry no header.  A slab keeps a list of its freed blocks
 * and how far it was ever cut; the slabs of a class that have room are chained
 * in partial[], the most recently freed first, since its block is warm in the
 * cache.  Empty slabs are kept while there are no more of them than slabs in use
 * (or than SPARE_MIN); the others go back to the system.  Without that a bulk
 * transfer, whose queue grows and shrinks with every acknowledgement, spends
 * half of its time in page faults.
 *
 * Classes step by 16 bytes up to 256 and then by a quarter of a power of two:
 * at most a fifth of a block is lost.
 *
 * Larger blocks are a slab of their own; up to 128 KB they have size classes as
 * well, and freed ones are kept while they are no more than those in use.  Under AddressSanitizer every block
 * is, so that the sanitizer sees a use after free.
 */
#include "stack/arena.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SLAB_SIZE      ((size_t)65536)
#define SPARE_MIN      16U /* 1 MB */
#define LARGE_KEPT_MIN ((size_t)1 << 20)
#define SMALL_MAX      ((size_t)4096)
#define LARGE_CLASS    SKLI_ARENA_CLASSES

#if defined(__SANITIZE_ADDRESS__)
# define EVERY_BLOCK_ITS_OWN true
#elif defined(__has_feature)
# if __has_feature(address_sanitizer)
#  define EVERY_BLOCK_ITS_OWN true
# endif
#endif
#ifndef EVERY_BLOCK_ITS_OWN
# define EVERY_BLOCK_ITS_OWN false
#endif

/* The sanitizer's allocator is slow where much is aligned to much. */
#define LARGE_ALIGN (EVERY_BLOCK_ITS_OWN ? (size_t)64 : SLAB_SIZE)

struct free_block {
	struct free_block *next;
};

struct skli_slab {
	struct skli_slab *next, *prev; /* among all slabs */
	struct skli_slab *partial_next, *partial_prev;
	struct free_block *free;
	uint32_t class;
	uint32_t used; /* blocks handed out */
	size_t block;  /* bytes of a block */
	uint32_t cut;  /* offset of what was never handed out */
	bool in_partial;
};

#define SLAB_FIRST ((sizeof(struct skli_slab) + 15) & ~(size_t)15)

static unsigned size_class(size_t size)
{
	unsigned power, quarter;

	if (size <= 256)
		return size ? (unsigned)((size - 1) / 16) : 0;
	power = 63 - (unsigned)__builtin_clzll(size - 1);
	quarter = (unsigned)(((size - 1) >> (power - 2)) & 3);
	return 16 + (power - 8) * 4 + quarter;
}

static size_t class_size(unsigned class)
{
	unsigned step;

	if (class < 16)
		return (class + 1) * (size_t)16;
	step = class - 16;
	return ((size_t)1 << (8 + step / 4)) / 4 * (5 + step % 4);
}

static struct skli_slab *block_slab(void *block)
{
	if (EVERY_BLOCK_ITS_OWN)
		return (struct skli_slab *)(void *)((char *)block - SLAB_FIRST);
	return (struct skli_slab *)((uintptr_t)block & ~(SLAB_SIZE - 1));
}

static void slab_link(struct skli_arena *a, struct skli_slab *s)
{
	s->prev = NULL;
	s->next = a->slabs;
	if (a->slabs)
		a->slabs->prev = s;
	a->slabs = s;
}

static void slab_release(struct skli_arena *a, struct skli_slab *s)
{
	if (s->prev)
		s->prev->next = s->next;
	else
		a->slabs = s->next;
	if (s->next)
		s->next->prev = s->prev;
	free(s);
}

static void partial_add(struct skli_arena *a, struct skli_slab *s)
{
	s->in_partial = true;
	s->partial_prev = NULL;
	s->partial_next = a->partial[s->class];
	if (s->partial_next)
		s->partial_next->partial_prev = s;
	a->partial[s->class] = s;
}

static void partial_remove(struct skli_arena *a, struct skli_slab *s)
{
	s->in_partial = false;
	if (s->partial_prev)
		s->partial_prev->partial_next = s->partial_next;
	else
		a->partial[s->class] = s->partial_next;
	if (s->partial_next)
		s->partial_next->partial_prev = s->partial_prev;
}

static struct skli_slab *slab_make(struct skli_arena *a, unsigned class)
{
	struct skli_slab *s = a->spare;

	if (s) {
		a->spare = s->partial_next;
		a->spare_count--;
	} else {
		s = aligned_alloc(SLAB_SIZE, SLAB_SIZE);
		if (!s)
			return NULL;
		slab_link(a, s);
	}
	s->class = class;
	s->block = class_size(class);
	s->used = 0;
	s->free = NULL;
	s->cut = SLAB_FIRST;
	a->slab_count++;
	partial_add(a, s);
	return s;
}

static bool slab_is_full(const struct skli_slab *s)
{
	return !s->free && s->cut + s->block > SLAB_SIZE;
}

static void *small_alloc(struct skli_arena *a, unsigned class)
{
	struct skli_slab *s = a->partial[class];
	void *block;

	if (!s) {
		s = slab_make(a, class);
		if (!s)
			return NULL;
	}
	if (s->free) {
		block = s->free;
		s->free = s->free->next;
	} else {
		block = (char *)s + s->cut;
		s->cut += (uint32_t)s->block;
	}
	s->used++;
	if (slab_is_full(s))
		partial_remove(a, s);
	return block;
}

/* One spare slab goes back. */
static void spare_release(struct skli_arena *a)
{
	struct skli_slab *s = a->spare;

	a->spare = s->partial_next;
	a->spare_count--;
	slab_release(a, s);
}

static void small_free(struct skli_arena *a, struct skli_slab *s, void *block)
{
	struct free_block *f = block;

	f->next = s->free;
	s->free = f;
	s->used--;
	if (!s->in_partial)
		partial_add(a, s);
	if (s->used)
		return;
	partial_remove(a, s);
	a->slab_count--;
	s->partial_next = a->spare;
	a->spare = s;
	a->spare_count++;
	if (a->spare_count > SPARE_MIN && a->spare_count > a->slab_count)
		spare_release(a);
}

/* Is a block of this size kept when it is freed?  Then its list. */
static bool large_index(size_t size, unsigned *index)
{
	*index = size_class(size) - SKLI_ARENA_CLASSES;
	return !EVERY_BLOCK_ITS_OWN && size > SMALL_MAX &&
	       *index < SKLI_ARENA_LARGE;
}

static struct skli_slab *large_take(struct skli_arena *a, unsigned index)
{
	struct skli_slab *s = a->large[index];

	if (!s)
		return NULL;
	a->large[index] = s->partial_next;
	a->large_kept -= s->block;
	return s;
}

static void *large_alloc(struct skli_arena *a, size_t size)
{
	struct skli_slab *s = NULL;
	unsigned index;

	if (size > SIZE_MAX / 2)
		return NULL;
	if (large_index(size, &index)) {
		size = class_size(index + SKLI_ARENA_CLASSES);
		s = large_take(a, index);
	}
	if (!s) {
		/* Memory past size is never touched. */
		if (posix_memalign((void **)&s, LARGE_ALIGN, SLAB_FIRST + size))
			return NULL;
		s->class = LARGE_CLASS;
		s->block = size;
		slab_link(a, s);
	}
	a->large_held += size;
	return (char *)s + SLAB_FIRST;
}

static void large_free(struct skli_arena *a, struct skli_slab *s)
{
	unsigned index;

	a->large_held -= s->block;
	if (!large_index(s->block, &index) ||
	    a->large_kept > a->large_held + LARGE_KEPT_MIN) {
		slab_release(a, s);
		return;
	}
	s->partial_next = a->large[index];
	a->large[index] = s;
	a->large_kept += s->block;
}

static bool must_fail(struct skli_arena *a)
{
	return a->fail_after && --a->fail_after == 0;
}

void *skli_arena_alloc(struct skli_arena *a, size_t size)
{
	bool large = EVERY_BLOCK_ITS_OWN || size > SMALL_MAX;
	void *block;

	if (must_fail(a))
		return NULL;
	block = large ? large_alloc(a, size) : small_alloc(a, size_class(size));
	if (!block)
		return NULL;
	a->blocks++;
	a->held += block_slab(block)->block;
	if (a->held > a->peak)
		a->peak = a->held;
	return block;
}

void *skli_arena_calloc(struct skli_arena *a, size_t count, size_t size)
{
	size_t total;
	void *block;

	if (__builtin_mul_overflow(count, size, &total))
		return NULL;
	block = skli_arena_alloc(a, total);
	if (block)
		memset(block, 0, total);
	return block;
}

void skli_arena_free(struct skli_arena *a, void *block)
{
	struct skli_slab *s;

	if (!block)
		return;
	s = block_slab(block);
	a->blocks--;
	a->held -= s->block;
	if (s->class == LARGE_CLASS)
		large_free(a, s);
	else
		small_free(a, s, block);
}

void skli_arena_drop(struct skli_arena *a)
{
	struct skli_slab *s = a->slabs;

	while (s) {
		struct skli_slab *next = s->next;

		free(s);
		s = next;
	}
	memset(a, 0, sizeof(*a));
}
