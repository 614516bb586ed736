/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A process with echo servers on the kernel's sockets: the peer beyond a TAP
 * device, in a network namespace of its own, or beyond passt.
 */
#ifndef TESTS_KERNEL_PEER_H
#define TESTS_KERNEL_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct kernel_peer {
	pid_t pid;
	int control;
	int tap; /* the TAP's descriptor, for the caller to use and close */
	/* Ports of IPv4 and IPv6, 0: the machine has no such family. */
	uint16_t tcp[2], udp[2];
};

#define KERNEL_PEER_TAP "tap0"
#define KERNEL_PEER_IP4 "10.77.0.2"
#define KERNEL_PEER_IP6 "fd77::2"

/*
 * Starts it: on the loopback's addresses, or with a TAP device that has those
 * above. NULL, or why this machine can't.
 */
const char *kernel_peer_start(struct kernel_peer *k, bool tap);

/* Runs a shell command in its namespace: 0 when it succeeds. */
int kernel_peer_run(struct kernel_peer *k, const char *command);

void kernel_peer_stop(struct kernel_peer *k);

#endif
