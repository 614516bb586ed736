/* SPDX-License-Identifier: BSD-3-Clause */
/* Choosing ephemeral ports nobody can predict (RFC 6056). */
#ifndef SKLI_TCP_PORTS_H
#define SKLI_TCP_PORTS_H

#include <stdbool.h>
#include <stdint.h>

struct skli_random;

struct skli_port_draw {
	uint16_t next;
	uint16_t left;
};

/* Begins a draw at a random port (RFC 6056 3.3.1, algorithm 1). */
void skli_port_draw_start(struct skli_port_draw *d, struct skli_random *r);

/* The next candidate; false when every port has been offered. */
bool skli_port_draw(struct skli_port_draw *d, uint16_t *port);

#endif
