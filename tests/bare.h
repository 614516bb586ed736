/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two bare lwIP stacks, A and B, on a wire in memory, in virtual time: what the
 * tests of the port need, without anything of src/stack. This file's .c has
 * the port's doors and hooks, so a program that uses it can't use sockets.
 */
#ifndef TESTS_BARE_H
#define TESTS_BARE_H

#include "port/lwip.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BARE_FRAME_MAX = 65535,
	BARE_MS = 1,
	BARE_SECOND = 1000,
};

struct bare_host {
	void *image;
	struct netif netif;
	unsigned number;     /* 0: A, 1: B */
	unsigned long wakes; /* by its timers */
	/* Errors that the hook was told of, and the last of them. */
	unsigned errors;
	int family;
	uint8_t type, code;
	uint32_t info;
};

/* Faults of the wire, in thousandths of the frames. */
struct bare_faults {
	unsigned drop, duplicate, reorder;
	unsigned delay_ms;
};

struct bare {
	uint64_t now; /* ms */
	struct bare_host host[2];
	struct bare_faults faults;
	uint16_t mtu;       /* of both, set before bare_open(); 0: 1500 */
	bool checksums_off; /* the same: as on a device with offload */
	unsigned long frames, dropped;
	unsigned refuse; /* every n-th allocation fails; 0: none */
	/* Sees each frame that goes out, before the faults; may be NULL. Returns
	 * whether it goes on to the other host. */
	bool (*watch)(unsigned from, const uint8_t *frame, size_t length);
	/* May HOST forward? */
	bool forward;
};

extern struct bare bare;

/*
 * Opens both: 10.0.0.1 and .2 in /24, fd00::1 and ::2, a link-local address
 * each, all of them valid at once. Numbers come from suite_random(). Clears
 * the faults.
 */
void bare_open(void);

/* Closes both; asserts that no memory and no timer is left. */
void bare_close(void);

/* Makes HOST the thread's stack and tells it the time, and ends that. */
void bare_enter(unsigned host);
void bare_leave(void);

/* HOST gets a frame, as if the other one had sent it. */
void bare_input(unsigned host, const void *frame, size_t length);

/* The earliest deadline of both, UINT64_MAX when both are idle and the wire is
 * empty. */
uint64_t bare_next(void);

/* Does the next thing that is due before UNTIL: false, and it is UNTIL now,
 * when there is none. */
bool bare_step(uint64_t until);

/* Goes on for MS. */
void bare_run(uint64_t ms);

/* Goes on until both are idle, LIMIT ms at most: returns whether they are. */
bool bare_settle(uint64_t limit);

/* HOST's address, family 4 or 6. */
ip_addr_t bare_address(unsigned host, int family);

/* Bytes and blocks that both have from the doors now. */
size_t bare_bytes(void);
size_t bare_blocks(void);

#endif
