/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mirrors of readiness.
 *
 * THEORY OF OPERATION
 *
 * A mirror is an AF_UNIX stream pair.  The caller holds (duplicates of) the
 * outer end; we hold the inner end and a duplicate of the outer one, through
 * which its states are made:
 *
 *   readable       the inner end has sent a byte that nobody reads
 *   not writable   the outer end's own send buffer has been filled (the kernel
 *                  calls a UNIX stream writable below a quarter)
 *   RDHUP          the inner end was shut down for writing
 *   HUP            the inner end was closed (also RDHUP, readable, writable)
 *   ERR            it was closed while bytes sent to it were unread: the
 *                  kernel then sets ECONNRESET (unix_release_sock())
 *
 * RDHUP and HUP can't be taken back, and a connection's never are.  So the
 * mirror does not show the HUP that Linux has for a stream that was never
 * connected.  ERR goes when SO_ERROR is read on the outer end.  Without HUP
 * (UDP) there is no way to show it but readable, as select(2) has it.  An edge
 * is made by sending one more byte and reading an old one, so that the state
 * never falls in between.
 */
#include "api/mirror.h"

#include "api/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

struct skli_mirror {
	int inner; /* -1: closed */
	int outer; /* ours, a duplicate of what the caller holds */
	bool readable;
	bool full; /* not writable */
	bool rdhup;
	bool error;
};

static void byte_send(struct skli_mirror *m)
{
	(void)!send(m->inner, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void byte_take(struct skli_mirror *m)
{
	char byte;

	(void)!recv(m->outer, &byte, 1, MSG_DONTWAIT);
}

static void readable_set(struct skli_mirror *m, bool readable, bool event)
{
	bool again = m->readable && readable && event;

	if (readable && (!m->readable || again))
		byte_send(m);
	if (m->readable && (!readable || again))
		byte_take(m);
	m->readable = readable;
}

static void writable_set(struct skli_mirror *m, bool writable, bool event)
{
	static const char filler[4096];
	char sink[4096];

	if (!writable && !m->full)
		while (send(m->outer, filler, sizeof(filler),
			    MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
			;
	if (writable && m->full)
		while (recv(m->inner, sink, sizeof(sink), MSG_DONTWAIT) > 0)
			;
	/* An edge for who waits for writing: fill one byte, take it away. */
	if (writable && !m->full && event) {
		(void)!send(m->outer, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		(void)!recv(m->inner, sink, 1, MSG_DONTWAIT);
	}
	m->full = !writable;
}

static void hangup_set(struct skli_mirror *m, short events)
{
	if (m->inner < 0)
		return;
	if (events & POLLRDHUP && !m->rdhup) {
		shutdown(m->inner, SHUT_WR);
		m->rdhup = true;
	}
	if (!(events & POLLHUP))
		return;
	writable_set(m, true, false);
	if (events & POLLERR)
		(void)!send(m->outer, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(m->inner);
	m->inner = -1;
	m->error = events & POLLERR;
}

static void error_clear(struct skli_mirror *m)
{
	int error;
	socklen_t size = sizeof(error);

	(void)getsockopt(m->outer, SOL_SOCKET, SO_ERROR, &error, &size);
	m->error = false;
}

void skli_mirror_update(struct skli_sock *k, bool event)
{
	struct skli_mirror *m = k->mirror;
	short events;

	if (!m)
		return;
	events = k->ops->poll(k);
	if (m->error && !(events & POLLERR))
		error_clear(m);
	if (m->inner < 0)
		return;
	if (k->state == SKLI_FRESH)
		events &= ~POLLHUP;
	if (!m->rdhup)
		readable_set(m, events & (POLLIN | POLLERR), event);
	writable_set(m, events & POLLOUT, event);
	hangup_set(m, events);
}

static int mirror_make(struct skli_sock *k)
{
	struct skli_mirror *m =
		skli_arena_calloc(&k->stack->arena, 1, sizeof(*m));
	int pair[2], size = 1;

	if (!m) {
		errno = ENOMEM;
		return -1;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       pair)) {
		skli_arena_free(&k->stack->arena, m);
		return -1;
	}
	/* The kernel's least: quick to fill. */
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	m->outer = pair[0];
	m->inner = pair[1];
	k->mirror = m;
	skli_mirror_update(k, false);
	return 0;
}

int skli_mirror_open(struct skli_sock *k)
{
	if (!k->mirror && mirror_make(k))
		return -1;
	return fcntl(k->mirror->outer, F_DUPFD_CLOEXEC, 0);
}

void skli_mirror_hang_up(struct skli_sock *k)
{
	if (k->mirror)
		hangup_set(k->mirror, POLLRDHUP | POLLHUP | POLLERR);
}

void skli_mirror_drop(struct skli_sock *k)
{
	struct skli_mirror *m = k->mirror;

	if (!m)
		return;
	if (m->inner >= 0)
		close(m->inner);
	close(m->outer);
	k->mirror = NULL;
	skli_arena_free(&k->stack->arena, m);
}
