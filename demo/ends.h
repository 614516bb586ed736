/* SPDX-License-Identifier: BSD-3-Clause */
/* The ends of the transfers on sockling sockets, where no kernel is the peer */
#ifndef DEMO_ENDS_H
#define DEMO_ENDS_H

#include "demo.h"

/*
 * Starts a thread each for a sink and a source on a stack, at these ports.
 * They end with the process. 0, or -1: see skl_error().
 */
int ends_start(skl_stack *stack, int sink, int source);

#endif
