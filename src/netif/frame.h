/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ethernet frames: reading their headers, and finishing them.
 *
 * A frame that leaves lwIP may lack its L4 checksum or stand for many segments
 * (port/offload.h). Whoever needs real packets finishes it here: captures,
 * sniffers, forwarding, the simulator, devices without offload. Knows nothing
 * of pbufs; trusts no byte and no offload field of a frame.
 */
#ifndef SKLI_FRAME_H
#define SKLI_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "port/offload.h"

enum {
	/* Pieces that a frame to be finished may have. */
	SKLI_FRAME_IOV = 260,
	/* Bytes up to the payload that a frame to be split may have. */
	SKLI_FRAME_HEADER = 256,
};

/* A whole Ethernet frame, without FCS, in pieces of any length (0 too). */
struct skli_frame {
	const struct iovec *iov;
	int iovcnt;
	size_t len; /* sum of the pieces */
	struct skli_offload off;
};

/* Offsets count from the start of the frame. */
struct skli_frame_info {
	uint32_t l3;        /* after Ethernet header and VLAN tags */
	uint32_t l4;        /* after IP header, options, extension headers */
	uint32_t payload;   /* after the TCP, UDP or ICMP header */
	uint32_t end;       /* of the IP packet: what follows is padding */
	uint16_t ethertype; /* after VLAN tags; an 802.3 length stays one */
	uint8_t proto;      /* IPPROTO_*, after IPv6 extension headers; or 0 */
	uint8_t tcp_flags;  /* 0 if not TCP */
	bool fragment;      /* payload is l4: no L4 header was looked at */
	bool source_routed; /* IPv6 routing header, not at its end yet */
};

/*
 * Reads the headers. What is neither IPv4 nor IPv6 has l3 = l4 = payload and
 * ends with the frame; an L4 protocol that we don't know has payload = l4.
 * Returns -1 when the frame is truncated or lies about its lengths: then INFO
 * is undefined.
 */
int skli_frame_parse(const struct skli_frame *f, struct skli_frame_info *info);

/*
 * Takes one finished frame; memory and array are valid during the call, and
 * are not to be written to.
 */
typedef void skli_frame_sink(void *arg, const struct iovec *iov, int iovcnt,
			     size_t len);

/*
 * Makes finished frames of F and hands each to SINK, in order. A frame that
 * lacks nothing passes as it is, unread. Payload is never copied and the input
 * never modified.
 * Segments: IP IDs count up, sequence numbers go on, FIN and PSH are on the
 * last only, CWR on the first only; padding behind the packet is dropped.
 * Returns how many frames SINK got, or -1 before the first: truncated, lying
 * lengths, an offload that does not fit the packet, more than SKLI_FRAME_IOV
 * pieces, or (splitting) more than SKLI_FRAME_HEADER bytes of headers.
 */
int skli_frame_finish(const struct skli_frame *f, skli_frame_sink *sink,
		      void *arg);

/*
 * Checks a finished frame as its receiver would: IPv4 header checksum, TCP,
 * UDP, ICMP and ICMPv6 checksums (0 means none with UDP over IPv4, and is
 * wrong over IPv6: RFC 8200 section 8.1). L4 is not checked in fragments and
 * in packets that are source routed.
 * Returns 0 when everything is right, -1 when not, when the frame does not
 * parse, or when its offload says that it is not finished.
 */
int skli_frame_verify(const struct skli_frame *f);

#endif
