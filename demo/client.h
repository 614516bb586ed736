/* SPDX-License-Identifier: BSD-3-Clause */
/* Fetching over HTTP: with sockling's sockets, and with curl. */
#ifndef DEMO_CLIENT_H
#define DEMO_CLIENT_H

#include "demo.h"

/*
 * Fetches / on the thread's current stack. 0, or -1: it has been said why.
 */
int client_fetch(const struct place *place, struct visit *v);

/* The scene's visitor where the peer is a kernel: runs curl. */
int client_curl(struct scene *scene, const struct place *page, struct visit *v);

/* "http://host:port/", with the brackets that IPv6 needs. */
const char *client_url(const struct place *place, char url[80]);

#endif
