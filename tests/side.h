/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Scripts that run twice, on the kernel's sockets and on ours, and must tell
 * the same: each call writes its outcome to a log, and the logs are compared.
 * What Linux does is then not a matter of opinion.
 *
 * Sides: the kernel; sockling, watched by skl_poll(); the mirror: sockling,
 * watched by poll(2) on skl_fileno().
 */
#ifndef TESTS_SIDE_H
#define TESTS_SIDE_H

#include "sockling/socket.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SIDE_ENDS = 600,
	SIDE_LOG = 32768
};

/* An address: the system's form. */
struct place {
	struct sockaddr_storage sa;
	socklen_t len;
};

/* A socket of a script; what is logged of it bears its name. */
struct end {
	struct script *script;
	const char *name;
	bool open;
	skl_sock *sock; /* of sockling's sides */
	int fd;         /* of the kernel's side */
	int epoll;      /* of end_edges(); -1 */
};

struct side;
struct script {
	const struct side *side;
	struct end ends[SIDE_ENDS];
	unsigned count;
	char log[SIDE_LOG];
	size_t length;
	bool silent; /* log nothing for now */
};

/*
 * Runs a script on the kernel and on sockling (MIRROR: by the mirror too) and
 * checks that the logs are equal. The script need not close what it opened.
 */
void side_compare(void (*run)(struct script *t));
void side_compare_mirror(void (*run)(struct script *t));

/* Writes a line of the script's own. */
void script_note(struct script *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* An address from text; port 0 to 65535. */
struct place place_make(const char *host, uint16_t port);

/* ---- Calls. They log, and return the result or a negative errno --------- */

/* A non-blocking socket; type may be or-ed as socket(2) has it. */
struct end *end_socket(struct script *t, const char *name, int family,
		       int type);
long end_bind(struct end *e, struct place to);
long end_listen(struct end *e, int backlog);
long end_connect(struct end *e, struct place to);
/* The new end, named and non-blocking; where accept failed, not open. */
struct end *end_accept(struct end *e, const char *name);
long end_shutdown(struct end *e, int how);
long end_close(struct end *e);
/* Sends SIZE bytes; TO may be NULL. */
long end_send(struct end *e, size_t size, int flags, const struct place *to);
/* Receives up to SIZE bytes; the log has how many and the first few. */
long end_recv(struct end *e, size_t size, int flags);
long end_setopt(struct end *e, int level, int option, const void *value,
		size_t len);
long end_setint(struct end *e, int level, int option, int value);
/* Reads an option into SIZE bytes; the log has the length and the value. */
long end_getopt(struct end *e, int level, int option, size_t size);
/* The names: the log has the family, the host and whether there is a port. */
long end_name(struct end *e, bool peer);

/*
 * Waits until the events AWAITED hold (0: does not wait) and logs which of
 * IN PRI OUT RDHUP HUP ERR do.
 */
short end_poll(struct end *e, short awaited);

/*
 * The edges that an edge-triggered epoll has seen since the last call: logs
 * the events. The first call registers. Waits for AWAITED as end_poll().
 * (The kernel's and the mirror's sides.)
 */
uint32_t end_edges(struct end *e, uint32_t awaited);

/* ---- Without a word ---------------------------------------------------- */

/* Where the end is bound. */
struct place end_place(struct end *e);

/* Sends until no more is taken. */
size_t end_fill(struct end *e);

/* Receives until there is no more. */
size_t end_drain(struct end *e);

/* A connection over the loopback, both ends non-blocking. */
void ends_connect(struct script *t, int family, const char *client,
		  const char *server, struct end **a, struct end **b);

#endif
