/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames over a connected socket; the devices fd, unix and passt.  Under the
 * stack's lock.
 */
#ifndef SKLI_NETIF_STREAM_H
#define SKLI_NETIF_STREAM_H

#include "netif/netif.h"

struct skli_stream {
	int type;     /* SOCK_STREAM: 4 bytes of length before each frame */
	int domain;   /* AF_UNIX: a refusal is the peer's end */
	bool waiting; /* for the socket to take output */
	/* Bytes that came in, no whole frame among them between calls. */
	uint8_t *in;
	size_t in_len;
	/* Frames with their lengths that the socket did not take yet. */
	uint8_t *out; /* NULL: never needed */
	size_t out_at, out_end;
};

/*
 * Takes over fd, a connected socket, with stream as nif->data: 0, or -1 with
 * skl_error() told and fd left open.  The caller zeroed stream.
 */
int skli_stream_adopt(struct skli_netif *nif, struct skli_stream *stream,
		      int fd);

/* Frees what adopting allocated and closes the socket; calls no lwIP. */
void skli_stream_release(struct skli_netif *nif, struct skli_stream *stream);

/* Operations of a device whose data starts with a struct skli_stream. */
int skli_stream_send(struct skli_netif *nif, const struct skli_frame *frame);
int skli_stream_receive(struct skli_netif *nif, unsigned budget);
void skli_stream_writable(struct skli_netif *nif);

#endif
