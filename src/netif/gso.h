/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The joiner: consecutive TCP segments of one flow leave as one GSO frame of
 * up to 64 KB, and the TCP or UDP checksum is left to the device.
 *
 * Use: add frames until one is refused or the queue is full, take the frame,
 * send it, clear, go on. The netif flushes when the stack's lock is released,
 * so a held pbuf is never retransmitted meanwhile. Nothing of a pbuf is
 * modified; the caller holds the stack's lock throughout.
 */
#ifndef SKLI_GSO_H
#define SKLI_GSO_H

#include <stdbool.h>
#include <stdint.h>

#include "netif/frame.h"

struct pbuf;

enum {
	/* Segments that join at most: 64 KB at the MSS of 536. */
	SKLI_GSO_SEGMENTS = 128,
	/* Pieces of a frame at most. */
	SKLI_GSO_IOV = 256,
	/* Headers of a frame that is to be changed. */
	SKLI_GSO_HEADER = 192,
	/* A GSO frame at most, so that it fits a pbuf (tot_len) once more. */
	SKLI_GSO_LEN = 65535,
};

/* All zero is an empty queue; the fields are gso.c's. */
struct skli_gso {
	/* What the next segment is compared with. */
	uint32_t next_seq;    /* host order */
	uint32_t len;         /* of the frame so far */
	uint16_t header_len;  /* 0: the frame goes out as it is */
	uint16_t gso_size;    /* payload bytes of the first segment */
	uint16_t seq_at;      /* offset of the TCP sequence number */
	uint16_t ip_len_at;   /* offset of IP's length field */
	uint16_t ip_len_base; /* bytes that it does not count */
	uint16_t held;        /* used entries of pbufs[] */
	uint16_t pieces;      /* used entries of iov[] */
	uint16_t l3;
	uint8_t version, proto;
	uint8_t tcp_flags; /* of all that joined */
	bool full;
	struct skli_offload off;
	uint8_t header[SKLI_GSO_HEADER];    /* of the first segment */
	uint8_t mask[SKLI_GSO_HEADER];      /* header bits that must be equal */
	struct iovec iov[SKLI_GSO_IOV + 1]; /* the headers come on top */
	struct pbuf *pbufs[SKLI_GSO_SEGMENTS];
};

/*
 * Queues P, a whole Ethernet frame, and takes a reference of its own. False:
 * it does not continue what is queued, flush first. An empty queue takes any
 * frame; false then means that there was no memory (a frame in more than
 * SKLI_GSO_IOV pieces is flattened): drop it.
 *
 * An ACK without data takes the place of a queued one that it supersedes.
 *
 * A TCP or UDP packet whose checksum field is 0 is one that lwIP left to the
 * device; with off.gso_size it stands for several segments. All else goes out
 * as it is: what carries off.flags (forwarded, or finished by whoever made
 * it), a checksum in place, fragments, other protocols, padding behind the
 * packet.
 */
bool skli_gso_add(struct skli_gso *q, struct pbuf *p);

/* Nothing more can join: flush now. */
bool skli_gso_full(const struct skli_gso *q);

/* Nothing to send. */
bool skli_gso_empty(const struct skli_gso *q);

/*
 * The frame to send, in memory of Q and of its pbufs; valid until the next
 * add or clear. It may be taken again (after EAGAIN), and meanwhile grow.
 * F->len is 0 when the queue is empty.
 */
void skli_gso_take(struct skli_gso *q, struct skli_frame *f);

/* After sending: drops the references, the queue is empty. */
void skli_gso_clear(struct skli_gso *q);

#endif
