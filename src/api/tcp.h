/* SPDX-License-Identifier: BSD-3-Clause */
/* What the rest of this room needs to know of TCP endpoints. */
#ifndef SKLI_API_TCP_H
#define SKLI_API_TCP_H

#include "api/sock.h"

/*
 * The connection is over without lwIP's doing: drops the pcb without a
 * segment, and tells why.  Not from lwIP's TCP input or output.
 */
void skli_tcp_drop(struct skli_sock *k, int error);

/* The endpoint whose pcb this is, or NULL (closed by its user). */
struct skli_sock *skli_tcp_sock(const struct tcp_pcb *pcb);

#endif
