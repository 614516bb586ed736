/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An interface of a stack: lwIP's struct netif over a device.
 *
 * A device is a table of four operations; it deals in Ethernet frames and
 * knows neither addresses nor sockets.  All of them are called under the
 * stack's lock.
 *
 * Out: lwIP's linkoutput queues a frame here, where segments of one flow join
 * (netif/gso.h); the queue is sent when it is full or when the stack's lock is
 * released.  In: the driver calls receive, which hands each frame to
 * skli_netif_input().
 */
#ifndef SKLI_NETIF_NETIF_H
#define SKLI_NETIF_NETIF_H

#include "netif/frame.h"
#include "netif/gso.h"
#include "port/lwip.h"
#include "sockling/stack.h"

struct skli_netif;

#define SKLI_RECEIVE_BYTES 131072U

struct skli_device {
	const char *name; /* what stands before ":" in a configuration */
	/*
	 * Opens the device that argument (after the ":", may be "") names and
	 * sets fd, data, offload and, where the device has one, mac.  0, or -1
	 * with skl_error() told and nothing left open.
	 */
	int (*open)(struct skli_netif *nif, const char *argument);
	void (*close)(struct skli_netif *nif);
	/* close() calls nothing of lwIP, so that it serves a failed stack. */
	bool close_alone;
	/*
	 * Sends a frame, which is as the offload flags say: split and
	 * finished unless the device takes offloads.  0; EAGAIN: the device is
	 * full and the frame was dropped; another error number: it is gone.
	 */
	int (*send)(struct skli_netif *nif, const struct skli_frame *frame);
	/*
	 * Reads up to budget frames, and not much more than
	 * SKLI_RECEIVE_BYTES, so that who waits for them reads them while they
	 * are in the cache.  The number read, or -1: it is gone.
	 */
	int (*receive)(struct skli_netif *nif, unsigned budget);
	/* The descriptor takes output again; NULL where never asked for. */
	void (*writable)(struct skli_netif *nif);
};

/* The interface's counters, as skl_stack_interface() shows them. */
struct skli_counters {
	uint64_t rx_frames, rx_bytes, rx_dropped;
	uint64_t tx_frames, tx_bytes, tx_dropped;
};

struct skli_netif {
	struct netif lwip; /* first: lwIP's netif is cast back */
	struct skl_stack *stack;
	struct skli_netif *next; /* of the stack, by index */
	const struct skli_device *device;
	void *data; /* the device's own */
	char name[16];
	uint8_t prefix6[LWIP_IPV6_NUM_ADDRESSES]; /* of each address */
	int fd; /* readable when frames wait; -1: receive is always called */
	bool offload; /* takes GSO frames and partial checksums */
	bool gone;    /* the device has disappeared */
	bool buried;  /* and the sockets have been told */
	bool dirty;   /* in the stack's list of those with output queued */
	struct skli_netif *dirty_next;
	struct skli_gso queue;
	struct skli_capture *capture; /* NULL: none */
	struct skli_counters counters;
};

/*
 * Opens device "NAME:ARGUMENT" as the stack's next interface: up, without
 * addresses.  offload false: the device is told to do without.  NULL with
 * skl_error() told.  Inside skli_stack_run().
 */
struct skli_netif *skli_netif_open(struct skl_stack *s, const char *spec,
				   bool offload);

/* Closes the device and takes the interface out of the stack. */
void skli_netif_close(struct skli_netif *nif);

/*
 * Takes a frame that came in; p->off says what was left undone.  p is
 * consumed.
 */
void skli_netif_input(struct skli_netif *nif, struct pbuf *p);

/* Sends what is queued on the interface. */
void skli_netif_flush(struct skli_netif *nif);

/* lwIP's linkoutput: queues a frame. */
err_t skli_netif_link_output(struct netif *lwip, struct pbuf *p);

/*
 * Lets the device read, how many frames it returns, or write; a device that is
 * gone goes down.
 */
unsigned skli_netif_receive(struct skli_netif *nif, unsigned budget);
void skli_netif_writable(struct skli_netif *nif);

/* The device has disappeared: nothing more is asked of it. */
void skli_netif_lost(struct skli_netif *nif);

/*
 * What follows from lost devices, at a point where lwIP is not at work: the
 * links go down, sockets get ENETDOWN.  False: nothing was lost.
 */
bool skli_netif_bury(struct skl_stack *s);

/* The stack's loopback interface; its frames are delivered by flush. */
struct skli_netif *skli_loop_open(struct skl_stack *s);

/* Delivers the frames that wait on the loopback; false: there were none. */
bool skli_loop_deliver(struct skli_netif *lo);

/* The interface by name, or NULL. */
struct skli_netif *skli_netif_find(struct skl_stack *s, const char *name);

/*
 * Words of a configuration for the passt device whose own are silent:
 * addresses and gateways, of which passt is told.
 */
extern const char skli_passt_defaults[];

/* The devices, one constant each. */
extern const struct skli_device skli_device_tap;
extern const struct skli_device skli_device_fd;
extern const struct skli_device skli_device_unix;
extern const struct skli_device skli_device_passt;
extern const struct skli_device skli_device_wire;

#endif
