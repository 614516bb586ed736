/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Links: a stack under test, a device, and a peer beyond it that echoes over
 * TCP and UDP. What the peer is, another stack or the kernel, is hidden, so
 * that a test is written once for all devices.
 */
#ifndef TESTS_LINK_H
#define TESTS_LINK_H

#include "sockling/stack.h"
#include "tests/kernel_peer.h"

#include <pthread.h>

struct link;

struct link_kind {
	const char *name;
	/* Opens l->a and the peer: NULL, or why this machine can't. */
	const char *(*open)(struct link *l, const char *words);
	unsigned mtu;    /* the largest that both ends can have */
	bool loop;       /* the peer is the stack itself */
	bool fragments;  /* fragments cross it */
	bool outlives;   /* the peer's end does not end the link */
	unsigned cached; /* blocks of memory that the device may keep */
};

/* An echo server on a stack: a thread and its socket. */
struct link_echo {
	pthread_t thread;
	skl_stack *stack;
	skl_sock *sock;
};

struct link {
	const struct link_kind *kind;
	skl_stack *a;
	skl_stack *b;                /* NULL: the peer is the kernel */
	char name_a[16], name_b[16]; /* of the interfaces */
	skl_addr tcp[2], udp[2];     /* where it echoes: IPv4, IPv6 */
	bool has_tcp[2], has_udp[2]; /* whether it does */
	struct link_echo echo[4];
	unsigned echoes;
	struct kernel_peer kernel;
};

extern const struct link_kind link_wire, link_wire_plain_near,
	link_wire_plain_far, link_loop, link_stream, link_seqpacket,
	link_datagram, link_unix, link_tap, link_tap_plain, link_passt;

/*
 * Opens a link with more words for both ends: NULL, or why this machine
 * can't. Sockets of this thread are then made on l->a.
 */
const char *link_open(struct link *l, const struct link_kind *kind,
		      const char *words);
void link_close(struct link *l);

/* The peer goes away, the link with it where that is the device's nature. */
void link_cut(struct link *l);

/* Changes the MTU of both ends: 0, or -1. */
int link_mtu(struct link *l, unsigned mtu);

/* The stack's own interface on the link. */
struct skl_interface link_interface(const struct link *l);

#endif
