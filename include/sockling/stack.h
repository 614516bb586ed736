/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sockling/stack.h: TCP/IP stacks: opening, configuring, looking inside.
 *
 * A process holds as many stacks as it likes; they run in parallel.  Sockets
 * are made on the thread's current stack.  Failure is -1 or NULL with errno
 * and skl_error(), as in sockling/socket.h.
 */
#ifndef SOCKLING_STACK_H
#define SOCKLING_STACK_H

#include "sockling/socket.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct skl_stack skl_stack;

/*
 * Opens a stack from a configuration string: interfaces divided by ";", each
 * a device followed by words in any order, e.g.
 *
 *   tap:tap0 10.0.0.2/24 gw 10.0.0.1 fd00::2/64 gw fd00::1
 *
 * Devices:
 *   tap:NAME    a TAP interface: made if it does not exist (CAP_NET_ADMIN),
 *               else a persistent one that belongs to the user
 *   tap:fd=N    a TAP descriptor that this process inherited
 *   fd:N        a stream socket with QEMU's framing (4-byte length, big
 *               endian), a datagram socket (a frame each), or a TAP
 *   unix:/path  such a stream at a UNIX socket
 *   passt       starts passt(1): the outside network without privileges
 *   wire:NAME   an in-memory wire: two stacks of this process that name it
 *   (a loopback interface "lo" with 127.0.0.1/8 and ::1 is always there)
 * Words of an interface:
 *   ADDR/PREFIX         an address; one IPv4 address and several IPv6
 *   gw ADDR             default gateway of that family
 *   mtu N               68 to 65520 (IPv6 needs 1280)
 *   mac XX:XX:XX:XX:XX:XX   else one derived at random, locally administered
 *   name NAME           else the device's
 *   neigh ADDR MAC      a static neighbour
 *   pcap FILE           capture to a pcapng file;  snap N  its frame limit
 *   nooffload           no segmentation or checksum offload
 * Words of the stack (anywhere):
 *   forward             route packets between the interfaces
 *   route NET/PREFIX via ADDR
 *   seed N              a fixed seed for every random choice
 *
 * Errors: EINVAL (the text names the word), ENODEV (no such device), EPERM
 * (the text names the privilege and the administrator's line), EBUSY,
 * ENOENT, ECONNREFUSED (unix:), ENOMEM, EMFILE.  Nothing is left open.
 */
SKL_API skl_stack *skl_stack_open(const char *config);

/*
 * Closes a stack: its sockets are dead (ENETDOWN), calls that wait in it
 * return, connections are reset, its memory is given back.  Returns 0, or -1
 * with EINVAL (not open).
 */
SKL_API int skl_stack_close(skl_stack *stack);

/*
 * The stack on which this thread makes sockets; set: NULL is the default one.
 * The default stack is opened at its first use from $SOCKLING_STACK, or with
 * just the loopback interface; $SOCKLING_SEED is its seed, $SOCKLING_PCAP a
 * file to which it captures all interfaces.
 */
SKL_API skl_stack *skl_stack_current(void);
SKL_API void skl_stack_set_current(skl_stack *stack);

/*
 * Applies words of the configuration string to an interface of an open stack
 * ("tap0 mtu 9000 10.0.0.3/24 gw 10.0.0.1"; "del WORD ..." takes one back:
 * "tap0 del 10.0.0.2/24"; an empty interface name "-" is the stack itself:
 * "- route 10.9.0.0/16 via 10.0.0.7").
 * mac, mtu, addresses, gateways, neighbours, routes, forward can change; the
 * device and nooffload can't.  Errors: EINVAL (the text names the word),
 * ENODEV (no such interface), EADDRNOTAVAIL (del: not there), EEXIST.
 */
SKL_API int skl_stack_configure(skl_stack *stack, const char *words);

/* An interface as skl_stack_interface() shows it. */
struct skl_interface {
	char name[16];
	unsigned index; /* 1.. ; lo is 1 */
	uint8_t mac[6];
	uint32_t mtu;
	bool up;      /* the device is there and has a carrier */
	bool offload; /* segmentation and checksums are the device's */
	uint64_t rx_frames, rx_bytes, rx_dropped;
	uint64_t tx_frames, tx_bytes, tx_dropped;
	skl_addr addresses[8]; /* port is the prefix length */
	unsigned address_count;
};

/* The index-th interface (from 0): 0, or -1 with ENODEV past the last. */
SKL_API int skl_stack_interface(skl_stack *stack, unsigned index,
				struct skl_interface *out);

/* Figures of a stack. */
struct skl_stack_stats {
	uint64_t memory; /* bytes held by the arena now */
	uint64_t memory_peak;
	uint64_t blocks;      /* allocations held now */
	uint64_t sockets;     /* endpoints now */
	uint64_t connections; /* TCP connections now, TIME_WAIT included */
	uint64_t wakeups;     /* how often a thread woke to drive the stack */
};
SKL_API int skl_stack_stats(skl_stack *stack, struct skl_stack_stats *out);

/*
 * Captures an interface ("" for all, lo too) to a pcapng file, each frame cut
 * at snaplen bytes (0: whole), at most limit bytes of file (0: no limit).
 * Frames are finished: split and checksummed as on a real wire.  path NULL
 * ends it.  A further call with the same path changes snaplen and limit; past
 * its limit a capture goes on once that is raised.
 * Errors: ENODEV, and those of open(2).
 */
SKL_API int skl_stack_capture(skl_stack *stack, const char *interface,
			      const char *path, unsigned snaplen,
			      uint64_t limit);

/* The version of the library, "0.1.0". */
SKL_API const char *skl_version(void);

#ifdef __cplusplus
}
#endif

#endif
