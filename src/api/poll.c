/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * skl_poll(): sockets of any stacks and kernel descriptors together.
 *
 * With sockets of one stack the caller may drive its devices while it waits,
 * as any call does, the kernel's descriptors beside them.  With several stacks
 * it waits apart, on a descriptor of its own, and their background threads
 * drive.
 */
#include "api/handle.h"
#include "api/timeout.h"
#include "stack/error.h"
#include "stack/park.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What one entry adds to a poll. */
struct entry {
	struct skl_pollfd *user;
	struct skli_sock *sock; /* pinned by a reference; NULL: none */
	const struct skli_handle *handle;
	struct skl_stack *stack;
	struct skli_waitlink link;
	struct pollfd *kernel; /* its descriptor in the poll set, or NULL */
};

struct polling {
	struct entry *entries;
	size_t count;
	struct skl_stack *stack; /* the only one, or NULL */
	bool several;
	struct skli_waiter waiter;
	struct pollfd *set; /* SKLI_EXTRA_ROOM, then the descriptors */
};

/* ---- Joining and leaving ----------------------------------------------- */

/* Pins an entry's socket and links the waiter to it. */
static void entry_join(struct polling *p, struct entry *e)
{
	struct skli_handle *h;

	if (skli_handle_enter(e->user->sock, &h)) {
		e->user->revents = POLLNVAL;
		return;
	}
	e->sock = h->sock;
	e->handle = h;
	e->stack = h->sock->stack;
	e->sock->refs++;
	e->stack->users++;
	skli_waitq_add(&e->sock->wait, &e->link, &p->waiter);
	skli_handle_leave(h->sock);
	if (p->stack && p->stack != e->stack)
		p->several = true;
	p->stack = e->stack;
}

/* Also of a stack that is being closed: it waits for us. */
static void entry_leave(struct entry *e)
{
	struct skl_stack *s = e->stack;

	if (!e->sock)
		return;
	pthread_mutex_lock(&s->lock);
	skli_stack_select(s);
	skli_waitq_remove(&e->link);
	skli_sock_release(e->sock);
	if (--s->users == 0 && s->state != SKLI_STACK_OPEN)
		pthread_cond_broadcast(&s->unused);
	pthread_mutex_unlock(&s->lock);
}

static void kernel_join(struct polling *p, struct entry *e)
{
	struct pollfd *at = p->waiter.extra + p->waiter.extra_count++;

	*at = (struct pollfd){.fd = e->user->fd, .events = e->user->events};
	e->kernel = at;
}

static int polling_begin(struct polling *p, struct skl_pollfd *fds,
			 size_t count)
{
	p->count = count;
	p->entries = calloc(count + 1, sizeof(*p->entries));
	p->set = calloc(count + SKLI_EXTRA_ROOM, sizeof(*p->set));
	if (!p->entries || !p->set)
		return ENOMEM;
	p->waiter.extra = p->set + SKLI_EXTRA_ROOM;
	for (size_t i = 0; i < count; i++) {
		struct entry *e = &p->entries[i];

		e->user = &fds[i];
		fds[i].revents = 0;
		if (fds[i].sock)
			entry_join(p, e);
		else if (fds[i].fd >= 0)
			kernel_join(p, e);
	}
	return 0;
}

static void polling_end(struct polling *p)
{
	for (size_t i = 0; p->entries && i < p->count; i++)
		entry_leave(&p->entries[i]);
	free(p->entries);
	free(p->set);
}

/* ---- Looking ----------------------------------------------------------- */

static void entry_look(struct entry *e)
{
	short always = POLLERR | POLLHUP | POLLNVAL;

	if (e->kernel)
		e->user->revents = e->kernel->revents;
	if (!e->sock)
		return;
	if (e->stack->state != SKLI_STACK_OPEN)
		e->user->revents = POLLERR | POLLHUP;
	else if (!skli_handle_alive(e->user->sock, e->handle))
		e->user->revents = POLLNVAL;
	else
		e->user->revents = e->sock->ops->poll(e->sock) &
				   (e->user->events | always);
}

/* How many entries have something; each stack's under its lock. */
static int look(struct polling *p, bool locked)
{
	int ready = 0;

	for (size_t i = 0; i < p->count; i++) {
		struct entry *e = &p->entries[i];
		bool lock = e->sock && !locked;

		if (lock) {
			pthread_mutex_lock(&e->stack->lock);
			skli_stack_select(e->stack);
		}
		entry_look(e);
		if (lock)
			pthread_mutex_unlock(&e->stack->lock);
		ready += e->user->revents != 0;
	}
	return ready;
}

/* The kernel's descriptors, without waiting. */
static void kernel_look(struct polling *p)
{
	if (p->waiter.extra_count)
		(void)skli_park_poll(p->waiter.extra, p->waiter.extra_count, 0);
}

/* ---- Waiting ----------------------------------------------------------- */

/* One stack: the caller may lead.  With its lock held throughout. */
static int poll_within(struct polling *p, double timeout)
{
	struct skl_stack *s = p->stack;
	uint64_t deadline;
	int ready, error = 0;

	if (skli_stack_enter(s))
		return -1;
	deadline = skli_stack_deadline(s, timeout);
	skli_pump(s);
	kernel_look(p);
	while (!(ready = look(p, true)) && !error && timeout != 0) {
		p->waiter.woken = false;
		error = skli_wait(s, &p->waiter, deadline);
	}
	skli_stack_leave(s);
	if (ready || error == ETIMEDOUT)
		return ready;
	return error ? skli_fail(error) : 0;
}

/* Several stacks, or none. */
static int poll_apart(struct polling *p, double timeout)
{
	const struct skli_env *env = &skli_env_real;
	uint64_t start = env->clock(env), limit = SKLI_NEVER;
	int ready, error = 0;

	if (timeout >= 0 && timeout < 1e9)
		limit = (uint64_t)(timeout * 1e9);
	kernel_look(p);
	/* Once: who wakes us reads it under a lock that we don't hold. */
	error = skli_waiter_apart(&p->waiter);
	if (error)
		return skli_fail(error);
	for (;;) {
		uint64_t past = env->clock(env) - start;

		p->waiter.woken = false;
		skli_park_drain(p->waiter.eventfd);
		ready = look(p, false);
		if (ready || (limit != SKLI_NEVER && past >= limit))
			break;
		error = skli_wait_apart(&p->waiter, limit == SKLI_NEVER
							    ? SKLI_NEVER
							    : limit - past);
		if (error && error != ETIMEDOUT)
			break;
	}
	if (ready || !error || error == ETIMEDOUT)
		return ready;
	return skli_fail(error);
}

int skl_poll(struct skl_pollfd *fds, size_t count, double timeout)
{
	struct polling p = {0};
	double seconds;
	int result;

	if (skli_timeout_read(timeout, &seconds))
		return -1;
	result = polling_begin(&p, fds, count);
	if (result)
		result = skli_fail(result);
	else if (p.stack && !p.several)
		result = poll_within(&p, seconds);
	else
		result = poll_apart(&p, seconds);
	polling_end(&p);
	return result;
}
