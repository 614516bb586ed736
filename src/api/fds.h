/* SPDX-License-Identifier: BSD-3-Clause */
/* Detached descriptors: which endpoint each stands for. */
#ifndef SKLI_API_FDS_H
#define SKLI_API_FDS_H

#include "api/sock.h"

/*
 * From now on fd stands for k and holds what a handle held (its count among
 * handles and references).  0, or ENOMEM.  Under the stack's lock.
 */
int skli_fds_put(int fd, struct skli_sock *k, double timeout);

/*
 * Takes fd's endpoint back, with its stack entered: 0, or -1 with EBADF or
 * ENOTSOCK told.
 */
int skli_fds_take(int fd, struct skli_sock **k, double *timeout);

/* The stack ends: its detached descriptors stand for nothing. */
void skli_fds_forget(const struct skl_stack *s);

#endif
