/* SPDX-License-Identifier: BSD-3-Clause */
/* A small web server on sockling sockets, in a thread of its own. */
#ifndef DEMO_WEB_H
#define DEMO_WEB_H

#include "demo.h"

struct web;

/*
 * Listens on every address of a stack, both families on one socket.
 * NULL: see skl_error().
 */
struct web *web_start(skl_stack *stack, int port);

/* Closes it and waits for its thread. NULL is allowed. */
void web_stop(struct web *web);

#endif
