/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Endpoints: what handles stand for.
 *
 * Everything here is under the lock of the endpoint's stack.  One table of
 * operations per kind (tcp.c, udp.c).  An operation that can't proceed returns
 * EAGAIN; the caller (call.c) then waits, by the handle's mode, and tries
 * again.
 */
#ifndef SKLI_API_SOCK_H
#define SKLI_API_SOCK_H

#include "api/queue.h"
#include "port/lwip.h"
#include "sockling/socket.h"
#include "stack/stack.h"
#include "stack/wait.h"

#include <stdbool.h>

struct skli_sock;
struct skli_mirror;

/* One transfer, either way. */
struct skli_io {
	void *buf;        /* in: filled */
	const void *data; /* out */
	size_t size;
	size_t done;
	int flags;          /* MSG_* */
	skl_addr *from;     /* in: who sent it, or NULL */
	const skl_addr *to; /* out: to whom, resolved, or NULL */
};

/*
 * The operations return 0, an error number, or EAGAIN for "not now"; those
 * that are NULL are EOPNOTSUPP.  Addresses are resolved and of a family that
 * fits the socket.
 */
struct skli_sock_ops {
	int type; /* SOCK_STREAM, ... */
	int proto;
	/* Makes the protocol's part. */
	int (*open)(struct skli_sock *k);
	/*
	 * The last handle has gone: ends the connection as close(2) does.
	 * reset: at once, with a RST (the stack is being closed).
	 */
	void (*close)(struct skli_sock *k, bool reset);
	int (*bind)(struct skli_sock *k, const skl_addr *a);
	/* again: the wait of an earlier call for the same connection. */
	int (*connect)(struct skli_sock *k, const skl_addr *a, bool again);
	int (*listen)(struct skli_sock *k, int backlog);
	/* *out: the new endpoint, with one reference. */
	int (*accept)(struct skli_sock *k, struct skli_sock **out);
	int (*shutdown)(struct skli_sock *k, int how);
	int (*send)(struct skli_sock *k, struct skli_io *io);
	int (*recv)(struct skli_sock *k, struct skli_io *io);
	int (*name)(struct skli_sock *k, skl_addr *a, bool peer);
	/* POLL* that hold now. */
	short (*poll)(struct skli_sock *k);
	/* ENOPROTOOPT: not one of this kind's; NULL: there are none. */
	int (*setopt)(struct skli_sock *k, int level, int option, int value);
	int (*getopt)(struct skli_sock *k, int level, int option, int *value);
	/* The buffer sizes have changed; may be NULL. */
	void (*buffers)(struct skli_sock *k);
	/* Has all that was sent been acknowledged (SO_LINGER)?  NULL: yes. */
	bool (*drained)(const struct skli_sock *k);
	/* The pcb's common part (TTL, TOS, flags), or NULL. */
	struct ip_pcb *(*pcb)(struct skli_sock *k);
	/* Its device has disappeared. */
	void (*lost)(struct skli_sock *k);
};

extern const struct skli_sock_ops skli_tcp_ops;
extern const struct skli_sock_ops skli_udp_ops;

/*
 * A TCP endpoint's state, and what may be done in it.  UDP: FRESH, CONNECTED.
 *
 * FRESH       a pcb that may be bound: bind, listen, connect
 * LISTENING   a listening pcb: accept, and bind or connect never again
 * CONNECTING  SYN sent: wait for writability; data calls are EAGAIN
 * CONNECTED   data; the pcb lives, even if both directions are shut
 * ENDED       the pcb is gone; what was received can still be read
 */
enum skli_sock_state {
	SKLI_FRESH,
	SKLI_LISTENING,
	SKLI_CONNECTING,
	SKLI_CONNECTED,
	SKLI_ENDED,
};

/* A datagram that waits to be read. */
struct skli_datagram {
	struct skli_datagram *next;
	struct pbuf *p;
	ip_addr_t from;
	uint16_t port;
	uint32_t charge; /* against SO_RCVBUF */
};

struct skli_tcp {
	struct tcp_pcb *pcb;  /* LISTENING: a struct tcp_pcb_listen */
	struct skli_queue rx; /* received, in order */
	size_t rx_bytes;      /* in rx, less what was read of its first */
	uint16_t rx_offset;   /* read of rx's first pbuf */
	uint16_t rx_room;     /* free in rx's last pbuf, for small segments */
	tcpwnd_size_t snd_limit; /* what lwIP's snd_buf counts down from */
	bool rx_end;             /* the peer's FIN came */
	bool rx_shut, tx_shut;   /* shutdown(2) */
	bool connect_told;       /* the result of connect was given */
	struct skli_sock *accept_first, **accept_last; /* LISTENING */
	struct skli_sock *listener;                    /* until accepted */
	struct skli_sock *accept_next;
	skl_addr asked; /* what bind() was asked for; family 0: nothing */
	bool nodelay, keepalive;
	int keep_idle, keep_interval, keep_count; /* seconds; a number */
};

struct skli_udp {
	struct udp_pcb *pcb;
	struct skli_datagram *rx, **rx_last;
	size_t rx_held;     /* bytes charged */
	bool source_chosen; /* by connect() */
	bool rx_shut, tx_shut;
};

struct skli_sock {
	struct skl_stack *stack;
	struct skli_sock *next, *prev; /* of the stack */
	const struct skli_sock_ops *ops;
	int family;
	unsigned refs; /* handles and calls under way */
	unsigned handles;
	enum skli_sock_state state;
	bool bound;
	bool v6only;
	bool broadcast;
	bool reuseaddr;
	uint8_t ttl, tos;
	bool linger_on;
	int linger;         /* seconds */
	int error;          /* SO_ERROR */
	int rcvbuf, sndbuf; /* bytes, as set */
	struct skli_waitq wait;
	struct skli_mirror *mirror; /* of fileno(); NULL until asked for */
	skl_addr local, peer;       /* kept once the pcb is gone */
	union {
		struct skli_tcp tcp;
		struct skli_udp udp;
	};
};

/* A new endpoint with one reference, in the stack's list; NULL: no memory. */
struct skli_sock *skli_sock_make(struct skl_stack *s,
				 const struct skli_sock_ops *ops, int family);

/* Drops a reference; the last one frees. */
void skli_sock_release(struct skli_sock *k);

/* The last handle has gone: the endpoint's close, and its mirror's. */
void skli_sock_close(struct skli_sock *k, bool reset);

/* The IPADDR_TYPE_* of its pcb: one family, or both. */
u8_t skli_sock_ip_type(const struct skli_sock *k);

/* Its readiness has changed: wakes who waits, updates the mirror. */
void skli_sock_event(struct skli_sock *k);

/* Sets SO_ERROR and tells. */
void skli_sock_fail(struct skli_sock *k, int error);

/* Takes SO_ERROR: 0 or the error, which is then cleared. */
int skli_sock_take_error(struct skli_sock *k);

/* ---- Between skl_addr and lwIP ----------------------------------------- */

/*
 * A resolved address in lwIP's form.  An IPv4-mapped address becomes IPv4;
 * the wildcard of a dual-stack socket IPADDR_TYPE_ANY.
 */
void skli_addr_to_lwip(const struct skli_sock *k, const skl_addr *a,
		       ip_addr_t *ip);

/* And back, in the socket's family (IPv4 mapped into IPv6). */
void skli_addr_from_lwip(const struct skli_sock *k, const ip_addr_t *ip,
			 uint16_t port, skl_addr *a);

/*
 * Resolves what a call was given, in the socket's family: 0, or an error with
 * skl_error() told (gaierror, OverflowError, EAFNOSUPPORT).  In a stack, whose
 * interfaces zones name.
 */
int skli_addr_resolve(int family, const skl_addr *in, skl_addr *out);

/* An error number for lwIP's. */
int skli_errno(err_t e);

/* Is it ours: an address of the stack, or the wildcard? */
bool skli_addr_is_local(const struct skl_stack *s, const ip_addr_t *ip);

#endif
