/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's peers: ends for the transfers, and a web server. */
#ifndef DEMO_KERNEL_H
#define DEMO_KERNEL_H

#include "demo.h"

/*
 * Starts a process with the two ends of the transfers on kernel sockets, bound
 * to an IPv4 address, or "" for every one. Call it before any thread is there.
 * Sets the ports of scene->sink and scene->source. 0, or -1: said why.
 */
int kernel_ends_start(struct scene *scene, const char *bind_to);

/*
 * Starts python3's http.server on an address of the kernel; it shows demo/www.
 * Returns its port, or -1: said why.
 */
int kernel_web_start(const char *bind_to);

#endif
