/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A queue of deadlines: a pairing heap. Its nodes live inside what they are
 * about, so nothing is allocated and nothing can fail; ties are broken by a
 * count, so that the order never depends on addresses.
 */
#include "deadline.h"

#include <stddef.h>

static int comes_before(const struct skli_deadline *a,
			const struct skli_deadline *b)
{
	if (a->due != b->due)
		return a->due < b->due;
	return a->order < b->order;
}

/* Joins two heaps; either may be NULL. The result has no siblings. */
static struct skli_deadline *join(struct skli_deadline *a,
				  struct skli_deadline *b)
{
	struct skli_deadline *winner = a;

	if (!a || !b)
		return a ? a : b;
	if (comes_before(b, a)) {
		winner = b;
		b = a;
	}
	b->prev = winner;
	b->next = winner->child;
	if (b->next)
		b->next->prev = b;
	winner->child = b;
	return winner;
}

/* Joins siblings into one heap: in pairs from the left, then from the right,
 * which is what makes the amortised bound hold. */
static struct skli_deadline *join_siblings(struct skli_deadline *at)
{
	struct skli_deadline *pairs = NULL;
	struct skli_deadline *all = NULL;
	struct skli_deadline *rest;
	struct skli_deadline *pair;

	for (; at; at = rest) {
		struct skli_deadline *other = at->next;

		rest = other ? other->next : NULL;
		at->next = at->prev = NULL;
		if (other)
			other->next = other->prev = NULL;
		pair = join(at, other);
		pair->next = pairs;
		pairs = pair;
	}
	for (; pairs; pairs = rest) {
		rest = pairs->next;
		pairs->next = NULL;
		all = join(all, pairs);
	}
	return all;
}

void skli_deadline_clear(struct skli_deadlines *q, struct skli_deadline *d)
{
	if (!skli_deadline_queued(d))
		return;
	if (q->first == d) {
		q->first = join_siblings(d->child);
	} else {
		if (d->prev->child == d)
			d->prev->child = d->next;
		else
			d->prev->next = d->next;
		if (d->next)
			d->next->prev = d->prev;
		q->first = join(q->first, join_siblings(d->child));
	}
	d->child = d->next = d->prev = NULL;
	d->run = NULL;
}

void skli_deadline_set(struct skli_deadlines *q, struct skli_deadline *d,
		       uint64_t due, void (*run)(struct skli_deadline *))
{
	skli_deadline_clear(q, d);
	d->due = due;
	d->order = q->order++;
	d->run = run;
	q->first = join(q->first, d);
}
