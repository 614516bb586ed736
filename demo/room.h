/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The room: a network namespace in which the kernel's side of the demo lives.
 * Nothing in it is visible outside, and it ends with its processes.
 */
#ifndef DEMO_ROOM_H
#define DEMO_ROOM_H

#include "demo.h"

/*
 * Takes this process, which must not have threads yet, into a new network
 * namespace; an ordinary user needs a user namespace around it, in which it is
 * root. 0, or -1 with the reason.
 */
int room_enter(struct refusal *refusal);

/*
 * Runs a line of ip(8) in the room, and prints it. 0, or -1; QUIET: without
 * saying why.
 */
int room_ip(const char *line, bool quiet);

#endif
