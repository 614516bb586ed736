/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stack over a socket whose other end is the test's: frames are written and
 * read there by hand, with none of the code under test.
 */
#ifndef TESTS_FAR_H
#define TESTS_FAR_H

#include "netif/frame.h"
#include "sockling/stack.h"
#include "tests/packet.h"

#include <stdbool.h>

/* A wait that long, in seconds, is a failure. */
#define FAR_PATIENCE 20.0

#define FAR_FRAME_MAX (65535 + 18)

/* The peer of tests/packet.h, as the stack sees it. */
#define FAR_IP4 "192.168.254.1"

struct far {
	skl_stack *a;
	int near_fd, fd;
	int type;         /* SOCK_STREAM: with lengths; else a message each */
	skl_sock *udp[2]; /* IPv4, IPv6; port 53, where datagrams go */
};

/* Opens it on a socket pair of that type, or on two connected sockets. */
void far_open(struct far *f, int type);
void far_adopt(struct far *f, int type, const int pair[2]);
void far_close(struct far *f);

/* All of the bytes, as they are. */
void far_write(int fd, const uint8_t *data, size_t len);

/* Puts the length before a frame: the size of both. */
size_t far_frame(uint8_t *to, const uint8_t *frame, size_t len);

/* A whole frame, as the type has it. */
void far_send(const struct far *f, const uint8_t *frame, size_t len);

/*
 * The next frame of that protocol, which is whole and has good checksums: its
 * length, or 0.
 */
size_t far_receive(const struct far *f, uint8_t proto, uint8_t *buf,
		   struct skli_frame_info *info);

/* A datagram for udp[i]. */
struct packet far_datagram(int i, size_t payload);

/* A datagram comes in and goes back: both as they should be. */
bool far_echo(const struct far *f, int i, size_t payload);

struct skl_interface far_interface(const struct far *f);

#endif
