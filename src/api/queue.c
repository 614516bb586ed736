/* SPDX-License-Identifier: BSD-3-Clause */
/* A queue of pbufs, see api/queue.h. */
#include "api/queue.h"

#define FIRST_SIZE 8

static bool queue_grow(struct skli_arena *a, struct skli_queue *q)
{
	uint32_t size = q->size ? q->size * 2 : FIRST_SIZE;
	struct pbuf **ring = skli_arena_alloc(a, size * sizeof(*ring));

	if (!ring)
		return false;
	for (uint32_t i = 0; i < q->count; i++)
		ring[i] = skli_queue_at(q, i);
	skli_arena_free(a, q->ring);
	q->ring = ring;
	q->head = 0;
	q->size = size;
	return true;
}

bool skli_queue_add(struct skli_arena *a, struct skli_queue *q, struct pbuf *p)
{
	if (q->count == q->size && !queue_grow(a, q))
		return false;
	q->ring[(q->head + q->count++) & (q->size - 1)] = p;
	return true;
}

struct pbuf *skli_queue_at(const struct skli_queue *q, uint32_t index)
{
	if (index >= q->count)
		return NULL;
	return q->ring[(q->head + index) & (q->size - 1)];
}

void skli_queue_drop(struct skli_queue *q)
{
	pbuf_free(q->ring[q->head]);
	q->head = (q->head + 1) & (q->size - 1);
	q->count--;
}

void skli_queue_clear(struct skli_arena *a, struct skli_queue *q)
{
	while (q->count)
		skli_queue_drop(q);
	skli_arena_free(a, q->ring);
	*q = (struct skli_queue){0};
}
