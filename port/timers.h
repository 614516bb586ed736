/* SPDX-License-Identifier: BSD-3-Clause */
/* lwIP's timers, on demand: an idle stack has none. */
#ifndef SKLI_TIMERS_H
#define SKLI_TIMERS_H

#include <stdint.h>

struct tcp_pcb;

/* All times are milliseconds of skli_door_clock_ms(). */

/* When skli_timers_run() next has something visible to do; UINT64_MAX when the
 * stack is idle. O(1): meant to be asked at every release of the lock. */
uint64_t skli_timers_next(void);

/* Runs what is due at NOW; calls back into TCP's and UDP's users. */
void skli_timers_run(uint64_t now);

/* Tells lwIP of the time that passed without ticks; call it on entering the
 * stack, before anything else. Bounded work, no callbacks, no packets. */
void skli_timers_catch_up(uint64_t now);

/* PCB may need the clock now: call it after working on a connection. */
void skli_timers_touch(struct tcp_pcb *pcb);

#endif
