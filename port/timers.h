/* SPDX-License-Identifier: BSD-3-Clause */
/* lwIP's timers, on demand: an idle stack has none. */
#ifndef SKLI_TIMERS_H
#define SKLI_TIMERS_H

#include <stdint.h>

#include "deadline.h"

struct tcp_pcb;

/* In a pcb (a patch puts it there). */
struct skli_timer {
	struct skli_deadline deadline;
};

/* lwIP's modules that have a tick of their own while they are busy. */
enum skli_tick {
	SKLI_TICK_REASS4, /* while IPv4 fragments are held */
	SKLI_TICK_REASS6, /* while IPv6 fragments are held */
	SKLI_TICK_MLD6,   /* while reports are pending */
	SKLI_TICK_ARP,    /* while addresses are asked for */
	SKLI_TICK_ND6,    /* the same, and while our own are being made */
	SKLI_TICKS
};

/* All times are milliseconds of skli_door_clock_ms(). */

/* When skli_timers_run() next has something to do; UINT64_MAX when the stack
 * is idle. O(1) amortised: meant to be asked at every release of the lock. */
uint64_t skli_timers_next(void);

/* Runs what is due at NOW: packets go out, callbacks are called. */
void skli_timers_run(uint64_t now);

/*
 * Tells lwIP what time it is; call it on entering the stack, before anything
 * else. No packets, no callbacks, bounded work (tables are aged at most once a
 * second). skli_timers_run() includes it.
 */
void skli_timers_catch_up(uint64_t now);

/*
 * PCB may need the clock sooner than it did. tcp_output(), and so the end of
 * tcp_input(), calls it; call it after changing what a deadline depends on
 * elsewhere: SOF_KEEPALIVE and keep_*. PCB may be a listening one. O(1).
 */
void skli_timers_touch(struct tcp_pcb *pcb);

/* For lwIP's patches: PCB is about to be freed. */
void skli_timers_forget(struct tcp_pcb *pcb);

/* For lwIP's patches: TICK has work; its function runs one period from now. */
void skli_timers_arm(enum skli_tick tick);

/* For the port's modules: the time at the last entry, and deadlines of their
 * own. RUN must not leave D due now. */
uint64_t skli_timers_now(void);
void skli_timers_at(struct skli_deadline *d, uint64_t due,
		    void (*run)(struct skli_deadline *));
void skli_timers_drop(struct skli_deadline *d);

#endif
