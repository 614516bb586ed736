/* SPDX-License-Identifier: BSD-3-Clause */
/* transfer_bytes to the peer's sink, and from its source. */
#ifndef DEMO_TRANSFER_H
#define DEMO_TRANSFER_H

#include "demo.h"

/*
 * Each connects, moves what it can in TRANSFER_SECONDS, shows how far it is,
 * and leaves the figures in result. 0, or -1: it has been said why.
 */
int transfer_out(const struct place *sink, const char *label,
		 struct transfer *result);
int transfer_in(const struct place *source, const char *label,
		struct transfer *result);

#endif
