/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Handles, see api/handle.h.
 *
 * Slots live in blocks that are allocated once and never freed, and so do the
 * stacks they point to: a slot may be looked at without a lock.  Its stack is
 * read first and locked; whether the handle is alive and still of that stack
 * is then decided under this lock, since only its holder changes it.  The
 * table's own lock guards the list of free slots alone.
 */
#include "api/handle.h"

#include "stack/error.h"

#include <errno.h>
#include <stdlib.h>

#define BLOCK_BITS  8
#define BLOCK_SLOTS (1U << BLOCK_BITS)
#define BLOCKS      4096U
#define NONE        UINT32_MAX

static struct skli_handle *_Atomic blocks[BLOCKS];
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t free_first = NONE;
static uint32_t made; /* slots in use or free */

static skl_sock *handle_encode(const struct skli_handle *h)
{
	uint64_t bits = (uint64_t)h->generation << 24 | (h->index + 1);

	return (skl_sock *)(uintptr_t)bits;
}

static struct skli_handle *slot_at(uint32_t index)
{
	struct skli_handle *block;

	if (index >= BLOCKS * BLOCK_SLOTS)
		return NULL;
	block = blocks[index >> BLOCK_BITS];
	return block ? &block[index & (BLOCK_SLOTS - 1)] : NULL;
}

static struct skli_handle *handle_decode(const skl_sock *s,
					 uint32_t *generation)
{
	uint64_t bits = (uintptr_t)s;

	*generation = (uint32_t)(bits >> 24);
	return slot_at((uint32_t)(bits & 0xffffff) - 1);
}

/* A slot that was never used; under the table's lock. */
static struct skli_handle *slot_make(void)
{
	struct skli_handle *h;

	if (made == BLOCKS * BLOCK_SLOTS)
		return NULL;
	if (!(made & (BLOCK_SLOTS - 1))) {
		h = calloc(BLOCK_SLOTS, sizeof(*h));
		if (!h)
			return NULL;
		blocks[made >> BLOCK_BITS] = h;
	}
	h = slot_at(made);
	h->index = made++;
	return h;
}

skl_sock *skli_handle_make(struct skli_sock *k, double timeout)
{
	struct skli_handle *h;

	pthread_mutex_lock(&table_lock);
	h = slot_at(free_first);
	if (h)
		free_first = h->next_free;
	else
		h = slot_make();
	if (h) {
		h->sock = k;
		h->stack = k->stack;
		h->timeout = timeout;
		h->fd = -1;
		h->generation++;
	}
	pthread_mutex_unlock(&table_lock);
	if (!h) {
		skli_fail(ENFILE);
		return NULL;
	}
	k->refs++;
	k->handles++;
	return handle_encode(h);
}

bool skli_handle_alive(const skl_sock *s, const struct skli_handle *h)
{
	uint32_t generation;

	handle_decode(s, &generation);
	return h->generation == generation;
}

static int entry_refused(const skl_sock *s, const struct skli_handle *h)
{
	if (!skli_handle_alive(s, h))
		return skli_fail(EBADF);
	return skli_fail_text(ENETDOWN, "the socket's stack is closed");
}

int skli_handle_enter(skl_sock *s, struct skli_handle **out)
{
	uint32_t generation;
	struct skli_handle *h = handle_decode(s, &generation);
	struct skl_stack *stack;

	if (!h || !(generation & 1) || !skli_handle_alive(s, h))
		return skli_fail(EBADF);
	stack = h->stack;
	if (!stack)
		return entry_refused(s, h);
	if (skli_stack_enter(stack))
		return skli_handle_alive(s, h) ? -1 : skli_fail(EBADF);
	if (!skli_handle_alive(s, h) || h->stack != stack) {
		skli_stack_leave(stack);
		return entry_refused(s, h);
	}
	h->sock->refs++;
	stack->users++;
	*out = h;
	return 0;
}

void skli_handle_leave(struct skli_sock *k)
{
	struct skl_stack *stack = k->stack;

	skli_sock_release(k);
	if (--stack->users == 0 && stack->state != SKLI_STACK_OPEN)
		pthread_cond_broadcast(&stack->unused);
	skli_stack_leave(stack);
}

void skli_handle_kill(struct skli_handle *h)
{
	pthread_mutex_lock(&table_lock);
	h->generation++;
	h->sock = NULL;
	h->stack = NULL;
	h->next_free = free_first;
	free_first = h->index;
	pthread_mutex_unlock(&table_lock);
}

bool skli_handle_bury(skl_sock *s)
{
	uint32_t generation;
	struct skli_handle *h = handle_decode(s, &generation);

	struct skl_stack *stack;
	bool dead;

	if (!h || !(generation & 1) || !skli_handle_alive(s, h))
		return false;
	stack = h->stack;
	if (!stack) {
		skli_handle_kill(h);
		return true;
	}
	pthread_mutex_lock(&stack->lock);
	dead = skli_handle_alive(s, h) && stack->state != SKLI_STACK_OPEN;
	if (dead)
		skli_handle_kill(h);
	pthread_mutex_unlock(&stack->lock);
	return dead;
}

void skli_handle_orphan(const struct skl_stack *stack)
{
	pthread_mutex_lock(&table_lock);
	for (uint32_t i = 0; i < made; i++) {
		struct skli_handle *h = slot_at(i);

		if (h->stack != stack)
			continue;
		h->stack = NULL;
		h->sock = NULL;
	}
	pthread_mutex_unlock(&table_lock);
}
