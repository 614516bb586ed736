/* SPDX-License-Identifier: BSD-3-Clause */
/* A queue of deadlines: the nearest first, at equal times the oldest first. */
#ifndef SKLI_DEADLINE_H
#define SKLI_DEADLINE_H

#include <stdint.h>

/* One thing to do; lives inside what it is about. All zero: not queued. */
struct skli_deadline {
	uint64_t due;                /* when */
	uint64_t order;              /* breaks ties: the queue's count */
	struct skli_deadline *child; /* the first of those that come later */
	struct skli_deadline *next;  /* the next sibling */
	struct skli_deadline *prev;  /* the previous sibling, or the parent */
	void (*run)(struct skli_deadline *); /* set while queued */
};

/* All zero: empty. */
struct skli_deadlines {
	struct skli_deadline *first;
	uint64_t order;
};

/* Queues D, moving it if it is queued already. No allocation, O(1) for a new
 * one, O(log n) amortised for one that moves. */
void skli_deadline_set(struct skli_deadlines *q, struct skli_deadline *d,
		       uint64_t due, void (*run)(struct skli_deadline *));

/* Takes D out; does nothing when it is not queued. */
void skli_deadline_clear(struct skli_deadlines *q, struct skli_deadline *d);

static inline int skli_deadline_queued(const struct skli_deadline *d)
{
	return d->run != 0;
}

#endif
