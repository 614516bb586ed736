/* SPDX-License-Identifier: BSD-3-Clause */
/* Queues of waiters; how a waiter sleeps is driver.c's. */
#include "stack/wait.h"

#include "stack/driver.h"
#include "stack/park.h"
#include "stack/stack.h"

void skli_waitq_add(struct skli_waitq *q, struct skli_waitlink *link,
		    struct skli_waiter *waiter)
{
	struct skli_waitlink **at = &q->first, *prev = NULL;

	for (; *at; at = &(*at)->next)
		prev = *at;
	link->waiter = waiter;
	link->queue = q;
	link->next = NULL;
	link->prev = prev;
	*at = link;
}

void skli_waitq_remove(struct skli_waitlink *link)
{
	if (!link->queue)
		return;
	if (link->prev)
		link->prev->next = link->next;
	else
		link->queue->first = link->next;
	if (link->next)
		link->next->prev = link->prev;
	link->queue = NULL;
}

static void waiter_wake(struct skl_stack *s, struct skli_waiter *w)
{
	if (w->woken)
		return;
	w->woken = true;
	switch ((int)w->place) {
	case SKLI_DRIVING: skli_driver_kick(s); break;
	case SKLI_FOLLOWING: skli_park_wake(&w->futex); break;
	case SKLI_APART: skli_park_signal(w->eventfd); break;
	default: break;
	}
}

void skli_waitq_wake(struct skl_stack *s, struct skli_waitq *q)
{
	for (struct skli_waitlink *l = q->first; l; l = l->next)
		waiter_wake(s, l->waiter);
}
