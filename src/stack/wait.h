/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waiting: the one door through which a call that can't proceed waits.
 *
 * A waiter is a thread that waits (in the simulator, a task).  It links itself
 * to the queues of what it waits for; whoever changes that state wakes the
 * queue, under the same stack lock.  All of this is under the stack's lock,
 * except where it says otherwise.
 */
#ifndef SKLI_STACK_WAIT_H
#define SKLI_STACK_WAIT_H

#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct skl_stack;

/* Devices of a stack, and the descriptor that kicks its leader. */
#define SKLI_EXTRA_ROOM 33

/* Where a waiter is, which says how it is woken. */
enum skli_waiter_place {
	SKLI_RUNNING,   /* not asleep: the flag alone */
	SKLI_DRIVING,   /* leader, in poll(2): the stack's kick descriptor */
	SKLI_FOLLOWING, /* on its futex */
	SKLI_APART,     /* in poll(2) on a descriptor of its own */
};

struct skli_waiter {
	_Atomic int place; /* enum skli_waiter_place */
	atomic_bool woken;
	_Atomic uint32_t futex; /* SKLI_FOLLOWING: 1 when signalled */
	int eventfd;            /* SKLI_APART */
	/* Kernel descriptors to watch as well; SKLI_EXTRA_ROOM entries in
	 * front of them belong to the waiter, for the devices' own. */
	struct pollfd *extra;
	unsigned extra_count;
	uint64_t poll_until;      /* SKLI_DRIVING: when its poll(2) ends, ns */
	struct skli_waiter *next; /* among the followers of a stack */
};

/* A waiter's place in one queue. */
struct skli_waitlink {
	struct skli_waiter *waiter;
	struct skli_waitlink *next, *prev;
	struct skli_waitq *queue; /* NULL: not linked */
};

/* Zeroed memory is an empty queue. */
struct skli_waitq {
	struct skli_waitlink *first;
};

/* Links waiter to the queue; a waiter is woken in the order of linking. */
void skli_waitq_add(struct skli_waitq *q, struct skli_waitlink *link,
		    struct skli_waiter *waiter);

/* Undoes skli_waitq_add(); a link that is not linked is left alone. */
void skli_waitq_remove(struct skli_waitlink *link);

/* Wakes every waiter of the queue. */
void skli_waitq_wake(struct skl_stack *s, struct skli_waitq *q);

/*
 * Waits until waiter is woken or one of its extra descriptors is ready (their
 * revents are filled in).  The lock is released meanwhile.  Drives the devices
 * where nobody else does.  deadline: stack clock, ns; SKLI_NEVER.
 * Returns 0 (woken, perhaps spuriously), or ETIMEDOUT, EINTR, ENETDOWN (the
 * stack failed or is being closed).
 */
int skli_wait(struct skl_stack *s, struct skli_waiter *waiter,
	      uint64_t deadline);

/*
 * Without any lock: waits until waiter, whose place is SKLI_APART, is woken
 * or an extra descriptor is ready; for sockets of several stacks.  ns is how
 * long at most, SKLI_NEVER without limit.  Returns as skli_wait(), or an
 * error number of poll(2).
 */
int skli_wait_apart(struct skli_waiter *waiter, uint64_t ns);

/* Readies a waiter for SKLI_APART: 0, or EMFILE and its kin. */
int skli_waiter_apart(struct skli_waiter *waiter);

/*
 * Reads what the devices have now, without waiting, where no thread is doing
 * so: for a caller that polls instead of waiting.
 */
void skli_pump(struct skl_stack *s);

#endif
