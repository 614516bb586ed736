/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Handles: the skl_sock pointers that callers hold.
 *
 * A handle is a number, slot and generation, in the shape of a pointer.  Slots
 * are never given back to the system and each use has a generation of its own,
 * so a dead handle is recognised for good: EBADF, never somebody else's socket.
 */
#ifndef SKLI_API_HANDLE_H
#define SKLI_API_HANDLE_H

#include "api/sock.h"

struct skli_handle {
	_Atomic uint32_t generation; /* odd: in use */
	uint32_t index;
	struct skli_sock *sock;
	struct skl_stack *_Atomic stack; /* NULL: closed under the handle */
	_Atomic double timeout;          /* SKL_FOREVER, 0.0, or seconds */
	int fd;                          /* skl_fileno()'s, or -1 */
	uint32_t next_free;
};

/*
 * A handle on k (which gains a reference), with the timeout; NULL with ENFILE.
 * Under the stack's lock.
 */
skl_sock *skli_handle_make(struct skli_sock *k, double timeout);

/*
 * Enters the stack of a handle and pins its endpoint: 0, or -1 with
 * EBADF or ENETDOWN told.  *out stays valid until skli_handle_leave().
 */
int skli_handle_enter(skl_sock *s, struct skli_handle **out);
void skli_handle_leave(struct skli_sock *k);

/* Is the handle still what it was when it was entered?  Under the lock. */
bool skli_handle_alive(const skl_sock *s, const struct skli_handle *h);

/* Frees the slot of an entered handle: it is dead from now on. */
void skli_handle_kill(struct skli_handle *h);

/* Frees the slot of a handle whose stack is down; false: it is not such. */
bool skli_handle_bury(skl_sock *s);

/* The stack ends: its handles lose it.  With no call in the stack. */
void skli_handle_orphan(const struct skl_stack *stack);

#endif
