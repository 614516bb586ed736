/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a thread sleeps and is woken: Linux's futex, eventfd and ppoll.  The
 * only file of this room that calls them is park_linux.c.
 */
#ifndef SKLI_STACK_PARK_H
#define SKLI_STACK_PARK_H

#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>

/*
 * Sleeps while *word is 0, at most ns nanoseconds (UINT64_MAX: no limit).
 * Returns 0 (also on a spurious wake-up), ETIMEDOUT or EINTR.
 */
int skli_park(_Atomic uint32_t *word, uint64_t ns);

/* Sets *word to 1 and wakes who sleeps on it. */
void skli_park_wake(_Atomic uint32_t *word);

/* A descriptor that skli_park_signal() makes readable, or -1 with errno. */
int skli_park_open(void);
void skli_park_signal(int fd);
void skli_park_drain(int fd);

/* This thread's own such descriptor, made once; -1 with errno. */
int skli_park_own(void);

/* ppoll(2) with a limit in ns: the count of ready ones, or -1 with errno. */
int skli_park_poll(struct pollfd *fds, unsigned count, uint64_t ns);

#endif
