/* SPDX-License-Identifier: BSD-3-Clause */
/* Why the system refused something, and what an administrator can do. */
#ifndef DEMO_REFUSALS_H
#define DEMO_REFUSALS_H

#include "demo.h"

__attribute__((format(printf, 4, 5))) void refusal_set(struct refusal *r,
						       const char *what,
						       const char *line,
						       const char *why, ...);

/* unshare(2), or writing the maps of a new user namespace, failed. */
void refusal_namespace(struct refusal *r, int error);

/* Can /dev/net/tun be used? 0, or -1 with the reason. */
int refusal_tun(struct refusal *r);

/* passt runs, but ended or does not answer; SAID: its last line. */
void refusal_passt(struct refusal *r, const char *said);

/* Making the TAP interface failed, though /dev/net/tun can be opened. */
void refusal_tap(struct refusal *r, const struct skl_error *error);

#endif
