/* SPDX-License-Identifier: BSD-3-Clause */
/* Who drives a stack's devices and timers; theory in driver.c. */
#ifndef SKLI_STACK_DRIVER_H
#define SKLI_STACK_DRIVER_H

#include "stack/wait.h"

#include <pthread.h>

#define SKLI_DRIVER_FDS SKLI_EXTRA_ROOM

struct skli_netif;

struct skli_driver {
	struct skli_waiter *leader;    /* who drives; NULL: nobody */
	struct skli_waiter *followers; /* first come, first woken */
	uint64_t epoch;                /* counts changes of leadership */
	struct skli_waiter background; /* the thread that drives when no
					  caller does */
	bool deep;                     /* background sleeps without a limit */
	uint64_t grace; /* how long background sleeps lightly next, ns */
	unsigned alone; /* reads in a row that gave one frame */
	bool stop;
	bool started;
	pthread_t thread;
	int kick; /* eventfd in every leader's poll set */
	struct pollfd fds[SKLI_DRIVER_FDS];         /* [0] is kick */
	struct skli_netif *netifs[SKLI_DRIVER_FDS]; /* of fds[i] */
	unsigned fd_count;
	uint64_t wakeups;
};

/* Starts the background thread: 0 or an error number. */
int skli_driver_start(struct skl_stack *s);

/*
 * Ends it, and wakes every waiter.  Called with the lock held, which is
 * released while the thread ends.
 */
void skli_driver_stop(struct skl_stack *s);

/* Wakes every thread that sleeps for the stack: its state has changed. */
void skli_driver_wake(struct skl_stack *s);

/* What a forked child does in place of it: closes, waits for nobody. */
void skli_driver_abandon(struct skl_stack *s);

/* Takes a device's descriptor into the poll set, and out of it again. */
int skli_driver_watch(struct skl_stack *s, struct skli_netif *nif, int fd);
void skli_driver_unwatch(struct skl_stack *s, struct skli_netif *nif);

/* Whether to wait until the device takes output again. */
void skli_driver_want_output(struct skl_stack *s, struct skli_netif *nif,
			     bool want);

/*
 * After work on the stack: makes sure that whoever sleeps for it wakes in
 * time for its next timer.
 */
void skli_driver_update(struct skl_stack *s);

/* Wakes the leader.  Without any lock. */
void skli_driver_kick(struct skl_stack *s);

#endif
