/* SPDX-License-Identifier: BSD-3-Clause */
/* Timeouts as callers give them. */
#ifndef SKLI_API_TIMEOUT_H
#define SKLI_API_TIMEOUT_H

/*
 * Replaces SKL_DEFAULT by the default: 0, or -1 with a ValueError told (NaN,
 * negative).
 */
int skli_timeout_read(double seconds, double *out);

#endif
