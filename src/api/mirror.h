/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel descriptor behind fileno(): it mirrors an endpoint's readiness
 * for select, poll and epoll, and carries no data.  Under the stack's lock.
 */
#ifndef SKLI_API_MIRROR_H
#define SKLI_API_MIRROR_H

#include <stdbool.h>

struct skli_sock;

/*
 * A new descriptor on the endpoint's mirror, which is made first if need be:
 * the number, or -1 with errno.
 */
int skli_mirror_open(struct skli_sock *k);

/*
 * Sets the mirror to what the endpoint's poll says.  event: something has
 * happened, so that an edge-triggered epoll must fire again even if the same
 * states hold as before.
 */
void skli_mirror_update(struct skli_sock *k, bool event);

/* The stack can do no more: who polls the mirror is to notice. */
void skli_mirror_hang_up(struct skli_sock *k);

/* The endpoint ends: its mirror hangs up and is gone; none is fine. */
void skli_mirror_drop(struct skli_sock *k);

#endif
