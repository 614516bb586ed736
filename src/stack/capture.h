/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Captures: frames of interfaces, finished, to a pcapng file.  Several
 * interfaces may share one file.  Under the stack's lock.
 */
#ifndef SKLI_STACK_CAPTURE_H
#define SKLI_STACK_CAPTURE_H

#include "netif/frame.h"
#include "stack/pcapng.h"

#include <stdint.h>

struct skl_stack;
struct skli_netif;
struct skli_capture;

/*
 * Captures nif to the file at path, with the other interfaces of the stack
 * that already do; called again it changes snaplen (0: whole frames) and limit
 * (the file's size at most, 0: none).  0, or an error number of open(2).
 */
int skli_capture_start(struct skli_netif *nif, const char *path,
		       unsigned snaplen, uint64_t limit);

/* Ends the capture of one interface; the last one closes the file. */
void skli_capture_stop(struct skli_netif *nif);

/* Ends a capture that may be NULL; for an interface that goes away. */
void skli_capture_release(struct skli_capture *c);

/* Writes out what is buffered, of all captures of the stack. */
void skli_capture_flush(const struct skl_stack *s);

/* Writes a frame. */
void skli_capture_frame(struct skli_capture *c, const struct skli_frame *f,
			enum skli_pcapng_direction direction);

#endif
