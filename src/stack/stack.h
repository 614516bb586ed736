/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a stack is: one instance of lwIP with its memory, lock, devices and
 * doors.
 *
 * A thread works on a stack between skli_stack_enter() and
 * skli_stack_leave(), which hold its lock and select its variables.  lwIP is
 * called only inside skli_stack_run(), which catches its assertions.
 *
 * State      what may be called
 * OPEN       everything
 * FAILED     an assertion failed: enter fails with ENETDOWN, lwIP is never
 *            called again; only skl_stack_close() is left
 * CLOSING    skl_stack_close() is under way: enter fails, waiters leave
 * FORKED     in a child process: enter fails, the device is closed
 */
#ifndef SKLI_STACK_STACK_H
#define SKLI_STACK_STACK_H

#include "sockling/stack.h"
#include "stack/arena.h"
#include "stack/driver.h"
#include "stack/env.h"
#include "stack/random.h"
#include "stack/route.h"

#include <pthread.h>
#include <setjmp.h>

struct skli_netif;
struct skli_sock;
struct skli_capture;

enum skli_stack_state {
	SKLI_STACK_OPEN,
	SKLI_STACK_FAILED,
	SKLI_STACK_CLOSING,
	SKLI_STACK_FORKED,
};

struct skl_stack {
	pthread_mutex_t lock;
	pthread_cond_t unused;       /* users fell to 0 */
	enum skli_stack_state state; /* first of what a closed stack forgets */
	char failure[160];           /* FAILED: which assertion */
	void *image;                 /* lwIP's variables, see port/perstack.h */
	jmp_buf *unwind;             /* where an assertion returns to */
	struct skli_arena arena;
	const struct skli_env *env;
	struct skli_random random;
	struct skli_driver driver;
	struct skli_netif *netifs; /* by index; the first is lo */
	struct skli_netif *dirty;  /* those with output queued */
	bool lost; /* a device has disappeared, its sockets don't know yet */
	struct skli_routes routes;
	uint64_t isn_key[2]; /* RFC 6528's secret; zero until the first use */
	struct skli_sock *socks; /* every endpoint */
	uint64_t sock_count;
	unsigned users;         /* calls that are in the stack */
	struct skl_stack *next; /* among the open stacks */
};

/* The stack that this thread is in. */
extern __thread struct skl_stack *skli_current;

/*
 * Locks and selects the stack.  0, or -1 with ENETDOWN (failed, closing, or
 * of a parent process) and the lock not held.
 */
int skli_stack_enter(struct skl_stack *s);

/* Tells ENETDOWN with the reason why the stack can't be entered: -1. */
int skli_stack_refuse(const struct skl_stack *s);

/* Sends what is queued, sees to the timers, unlocks.  Keeps errno. */
void skli_stack_leave(struct skl_stack *s);

/* After the lock was released and taken again by a wait. */
void skli_stack_select(struct skl_stack *s);

/*
 * Calls fn(arg), which may call lwIP, and gives back its result.  Where an
 * assertion of lwIP fails, the stack is FAILED and the result is -1 with
 * ENETDOWN: fn must hold nothing that would leak but the arena's memory.
 */
int skli_stack_run(struct skl_stack *s, int (*fn)(void *arg), void *arg);

/* Sends all queued output and delivers the loopback's; inside a run. */
void skli_stack_flush(struct skl_stack *s);

/* Runs the timers that are due, if any. */
void skli_stack_timers(struct skl_stack *s);

/* The stack's clock in ns. */
uint64_t skli_stack_clock(const struct skl_stack *s);

/* The deadline that lies seconds ahead; SKLI_NEVER for a negative number. */
uint64_t skli_stack_deadline(const struct skl_stack *s, double seconds);

struct netif;

/* lwIP's netif of the loopback interface. */
struct netif *skli_stack_loopback(const struct skl_stack *s);

/* The index of the only interface beside the loopback, or 0. */
uint8_t skli_stack_only_index(const struct skl_stack *s);

/* The index of the interface with that name, or 0.  Under the lock. */
uint8_t skli_stack_index_of(struct skl_stack *s, const char *name);

/*
 * Supplied by the api room: a device was lost, its sockets end.  other: the
 * stack has another one.
 */
void skli_hook_netif_lost(struct skl_stack *s, const struct netif *lost,
			  bool other);

/* Supplied by the api room: wakes who waits for any endpoint of the stack. */
void skli_hook_stack_wake(struct skl_stack *s);

/*
 * Supplied by the api room: the stack ends, with the lock held and no call in
 * it.  reset: connections are still to be reset on the wire; else lwIP must
 * not be called.
 */
void skli_hook_stack_end(struct skl_stack *s, bool reset);

#endif
