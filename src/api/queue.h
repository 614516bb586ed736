/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A queue of pbufs: a ring that grows.  lwIP's own chains can't hold more than
 * 64 KB (16-bit tot_len) and find their end by walking.
 */
#ifndef SKLI_API_QUEUE_H
#define SKLI_API_QUEUE_H

#include "port/lwip.h"
#include "stack/arena.h"

#include <stdbool.h>

/* Zeroed memory is an empty queue. */
struct skli_queue {
	struct pbuf **ring;
	uint32_t head, count, size; /* size: a power of two, or 0 */
};

/* Appends p, whose reference the queue takes over; false: no memory. */
bool skli_queue_add(struct skli_arena *a, struct skli_queue *q, struct pbuf *p);

/* The index-th from the front, or NULL. */
struct pbuf *skli_queue_at(const struct skli_queue *q, uint32_t index);

/* Frees the first. */
void skli_queue_drop(struct skli_queue *q);

/* Frees all, and the ring. */
void skli_queue_clear(struct skli_arena *a, struct skli_queue *q);

#endif
