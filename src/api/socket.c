/* SPDX-License-Identifier: BSD-3-Clause */
/* The socket calls: making, connecting, moving data, ending. */
#include "api/call.h"
#include "api/mirror.h"
#include "api/fds.h"
#include "api/timeout.h"
#include "stack/error.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static const struct skli_sock_ops *const kinds[] = {&skli_tcp_ops,
						    &skli_udp_ops};

/* ---- Making ------------------------------------------------------------ */

static const struct skli_sock_ops *kind_find(int family, int type, int proto,
					     int *error)
{
	*error = EAFNOSUPPORT;
	if (family != AF_INET && family != AF_INET6)
		return NULL;
	*error = ESOCKTNOSUPPORT;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i]->type != type)
			continue;
		if (!proto || proto == kinds[i]->proto)
			return kinds[i];
		*error = EPROTONOSUPPORT;
	}
	return NULL;
}

struct making {
	struct skl_stack *stack;
	const struct skli_sock_ops *ops;
	int family;
	struct skli_sock *sock;
};

static int make_run(void *arg)
{
	struct making *m = arg;
	struct skli_sock *k = skli_sock_make(m->stack, m->ops, m->family);
	int error;

	if (!k)
		return skli_fail(ENOMEM);
	error = m->ops->open(k);
	if (error) {
		skli_sock_release(k);
		return skli_fail(error);
	}
	m->sock = k;
	return 0;
}

skl_sock *skl_socket(int family, int type, int proto)
{
	double timeout = skl_getdefaulttimeout();
	struct making m = {.family = family};
	skl_sock *s = NULL;
	int error;

	if (type & SOCK_NONBLOCK)
		timeout = 0;
	type &= ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
	m.ops = kind_find(family, type, proto, &error);
	if (!m.ops) {
		skli_fail(error);
		return NULL;
	}
	m.stack = skl_stack_current();
	if (!m.stack || skli_stack_enter(m.stack))
		return NULL;
	if (!skli_stack_run(m.stack, make_run, &m)) {
		s = skli_handle_make(m.sock, timeout);
		if (!s)
			skli_sock_close(m.sock, false);
		skli_sock_release(m.sock);
	}
	skli_stack_leave(m.stack);
	return s;
}

skl_sock *skl_dup(skl_sock *s)
{
	struct skli_handle *h;
	struct skli_sock *k;
	skl_sock *copy;

	if (skli_handle_enter(s, &h))
		return NULL;
	k = h->sock;
	copy = skli_handle_make(k, h->timeout);
	skli_handle_leave(k);
	return copy;
}

/* ---- Ending ------------------------------------------------------------ */

static int drain_try(struct skli_call *c)
{
	const struct skli_sock *k = c->sock;

	return !k->ops->drained || k->ops->drained(k) ? 0 : EAGAIN;
}

static int shut_try(struct skli_call *c)
{
	return c->sock->ops->shutdown(c->sock, SHUT_WR);
}

/* SO_LINGER with a time: the last handle waits for what was sent. */
static void linger(skl_sock *s)
{
	struct skli_handle *h;
	double seconds = 0;

	if (skli_handle_enter(s, &h))
		return;
	if (h->sock->linger_on && h->sock->handles == 1 && h->timeout != 0)
		seconds = h->sock->linger;
	if (seconds > 0)
		h->timeout = seconds;
	skli_handle_leave(h->sock);
	if (seconds > 0 && !skli_call_run(s, shut_try, NULL, true))
		(void)skli_call_run(s, drain_try, NULL, false);
}

static int close_run(void *arg)
{
	skli_sock_close(arg, false);
	return 0;
}

/* Takes an entered handle from its endpoint; the last one ends it. */
static void handle_end(struct skli_handle *h)
{
	struct skli_sock *k = h->sock;

	skli_handle_kill(h);
	skli_waitq_wake(k->stack, &k->wait);
	if (--k->handles == 0)
		skli_stack_run(k->stack, close_run, k);
	skli_sock_release(k);
}

int skl_close(skl_sock *s)
{
	int saved = errno;
	struct skli_handle *h;
	struct skli_sock *k;

	linger(s);
	if (skli_handle_enter(s, &h))
		return skli_handle_bury(s) ? (errno = saved, 0) : -1;
	k = h->sock;
	if (h->fd >= 0)
		close(h->fd);
	handle_end(h);
	skli_handle_leave(k);
	return 0;
}

/* The descriptor of an entered handle, made at the first call. */
static int handle_fd(struct skli_handle *h)
{
	if (h->fd < 0)
		h->fd = skli_mirror_open(h->sock);
	return h->fd < 0 ? skli_fail(errno) : h->fd;
}

int skl_fileno(skl_sock *s)
{
	struct skli_handle *h;
	int fd;

	if (skli_handle_enter(s, &h))
		return -1;
	fd = handle_fd(h);
	skli_handle_leave(h->sock);
	return fd;
}

int skl_detach(skl_sock *s)
{
	struct skli_handle *h;
	struct skli_sock *k;
	int fd;

	if (skli_handle_enter(s, &h))
		return -1;
	k = h->sock;
	fd = handle_fd(h);
	if (fd >= 0 && skli_fds_put(fd, k, h->timeout))
		fd = skli_fail(ENOMEM);
	if (fd >= 0) {
		/* The descriptor holds what the handle held. */
		skli_handle_kill(h);
		skli_waitq_wake(k->stack, &k->wait);
	}
	skli_handle_leave(k);
	return fd;
}

skl_sock *skl_socket_fileno(int fd)
{
	struct skli_handle *h;
	struct skli_sock *k;
	double timeout;
	skl_sock *s;

	if (skli_fds_take(fd, &k, &timeout))
		return NULL;
	s = skli_handle_make(k, timeout);
	if (!s) {
		(void)skli_fds_put(fd, k, timeout);
		skli_stack_leave(k->stack);
		return NULL;
	}
	k->handles--; /* the descriptor's becomes the handle's */
	skli_sock_release(k);
	skli_stack_leave(k->stack);
	if (!skli_handle_enter(s, &h)) {
		h->fd = fd;
		skli_handle_leave(h->sock);
	}
	return s;
}

/* ---- Connecting -------------------------------------------------------- */

struct address_call {
	const skl_addr *in;
	skl_addr resolved;
	int number;
};

static int resolve(struct skli_call *c, struct address_call *a)
{
	return skli_addr_resolve(c->sock->family, a->in, &a->resolved);
}

static int bind_try(struct skli_call *c)
{
	struct address_call *a = c->arg;

	if (resolve(c, a))
		return -1;
	return c->sock->ops->bind(c->sock, &a->resolved);
}

int skl_bind(skl_sock *s, skl_addr address)
{
	struct address_call a = {.in = &address};

	return skli_call_run(s, bind_try, &a, true);
}

static int listen_try(struct skli_call *c)
{
	if (!c->sock->ops->listen)
		return EOPNOTSUPP;
	return c->sock->ops->listen(c->sock, *(int *)c->arg);
}

int skl_listen(skl_sock *s, int backlog)
{
	return skli_call_run(s, listen_try, &backlog, true);
}

/* AF_UNSPEC without a name ends a datagram socket's connection. */
static bool is_disconnect(const struct skli_call *c, const skl_addr *a)
{
	return a->family == AF_UNSPEC && !a->name &&
	       c->sock->ops->type == SOCK_DGRAM;
}

static int connect_try(struct skli_call *c)
{
	struct address_call *a = c->arg;
	int error;

	if (!c->again && is_disconnect(c, a->in))
		a->resolved = *a->in;
	else if (!c->again && resolve(c, a))
		return -1;
	error = c->sock->ops->connect(c->sock, &a->resolved, c->again);
	if (error == EALREADY && c->handle->timeout != 0)
		error = EAGAIN;
	if (error == EAGAIN && c->handle->timeout == 0)
		error = EINPROGRESS;
	return error;
}

int skl_connect(skl_sock *s, skl_addr address)
{
	struct address_call a = {.in = &address};

	return skli_call_run(s, connect_try, &a, false);
}

int skl_connect_ex(skl_sock *s, skl_addr address)
{
	int result = skl_connect(s, address);
	const struct skl_error *e = skl_error();

	if (!result)
		return 0;
	if (e->kind == SKL_TIMEOUT)
		return EAGAIN; /* as CPython's internal_connect() has it */
	return e->kind == SKL_OSERROR ? e->code : -1;
}

struct accept_call {
	struct skli_sock *child;
	skl_sock *handle;
	skl_addr *peer;
};

static int accept_try(struct skli_call *c)
{
	struct accept_call *a = c->arg;
	int error;

	if (!c->sock->ops->accept)
		return EOPNOTSUPP;
	error = c->sock->ops->accept(c->sock, &a->child);
	if (error)
		return error;
	if (a->peer)
		*a->peer = a->child->peer;
	a->handle = skli_handle_make(a->child, skl_getdefaulttimeout());
	if (!a->handle)
		skli_sock_close(a->child, true);
	skli_sock_release(a->child);
	if (c->sock->mirror)
		skli_mirror_update(c->sock, false);
	return a->handle ? 0 : -1;
}

skl_sock *skl_accept(skl_sock *s, skl_addr *peer)
{
	struct accept_call a = {.peer = peer};

	if (skli_call_run(s, accept_try, &a, false))
		return NULL;
	return a.handle;
}

static int shutdown_try(struct skli_call *c)
{
	int how = *(int *)c->arg;

	if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
		return EINVAL;
	return c->sock->ops->shutdown(c->sock, how);
}

int skl_shutdown(skl_sock *s, int how)
{
	return skli_call_run(s, shutdown_try, &how, true);
}

struct name_call {
	skl_addr *out;
	bool peer;
};

static int name_try(struct skli_call *c)
{
	struct name_call *n = c->arg;

	return c->sock->ops->name(c->sock, n->out, n->peer);
}

int skl_getsockname(skl_sock *s, skl_addr *address)
{
	struct name_call n = {address, false};

	return skli_call_run(s, name_try, &n, true);
}

int skl_getpeername(skl_sock *s, skl_addr *address)
{
	struct name_call n = {address, true};

	return skli_call_run(s, name_try, &n, true);
}

/* ---- Data -------------------------------------------------------------- */

#define RECV_FLAGS (MSG_PEEK | MSG_DONTWAIT)
#define SEND_FLAGS (MSG_DONTWAIT | MSG_NOSIGNAL)

static int recv_try(struct skli_call *c)
{
	return c->sock->ops->recv(c->sock, c->arg);
}

ssize_t skl_recvfrom(skl_sock *s, void *buf, size_t size, int flags,
		     skl_addr *from)
{
	struct skli_io io = {
		.buf = buf, .size = size, .flags = flags, .from = from};

	if (flags & ~RECV_FLAGS)
		return skli_fail(EOPNOTSUPP);
	if (from)
		*from = (skl_addr){0}; /* a stream tells nothing */
	if (skli_call_run(s, recv_try, &io, flags & MSG_DONTWAIT))
		return -1;
	return (ssize_t)io.done;
}

ssize_t skl_recv(skl_sock *s, void *buf, size_t size, int flags)
{
	/* As CPython (sock_recv_guts()): nothing asked for, nothing to do. */
	if (!size)
		return skl_type(s) < 0 ? -1 : 0;
	return skl_recvfrom(s, buf, size, flags, NULL);
}

ssize_t skl_recvfrom_into(skl_sock *s, void *buf, size_t size, size_t nbytes,
			  int flags, skl_addr *from)
{
	if (nbytes > size)
		return skli_fail_class(
			SKL_VALUEERROR, EINVAL,
			"nbytes is greater than the length of the buffer");
	return skl_recvfrom(s, buf, nbytes ? nbytes : size, flags, from);
}

ssize_t skl_recv_into(skl_sock *s, void *buf, size_t size, size_t nbytes,
		      int flags)
{
	if (!size && !nbytes)
		return skl_recv(s, buf, 0, flags);
	return skl_recvfrom_into(s, buf, size, nbytes, flags, NULL);
}

struct send_call {
	struct skli_io io;
	struct address_call to;
	bool all; /* go on until all is taken */
};

/* A blocking send takes all, as on Linux; with a timeout it takes what fits. */
static int send_try(struct skli_call *c)
{
	struct send_call *call = c->arg;
	bool whole = call->all || c->handle->timeout < 0;
	int error;

	if (call->to.in && !call->io.to) {
		if (resolve(c, &call->to))
			return -1;
		call->io.to = &call->to.resolved;
	}
	error = c->sock->ops->send(c->sock, &call->io);
	if (c->sock->mirror)
		skli_mirror_update(c->sock, false);
	if (error == EAGAIN && call->io.done && (!whole || c->once))
		return 0;
	return error;
}

static ssize_t send_run(skl_sock *s, struct send_call *c)
{
	int flags = c->io.flags;

	if (flags & ~SEND_FLAGS)
		return skli_fail(EOPNOTSUPP);
	if (skli_call_run(s, send_try, c, flags & MSG_DONTWAIT) &&
	    (c->all || !c->io.done))
		return -1;
	return (ssize_t)c->io.done;
}

ssize_t skl_send(skl_sock *s, const void *buf, size_t len, int flags)
{
	struct send_call c = {
		.io = {.data = buf, .size = len, .flags = flags},
	};

	return send_run(s, &c);
}

int skl_sendall(skl_sock *s, const void *buf, size_t len, int flags)
{
	struct send_call c = {
		.io = {.data = buf, .size = len, .flags = flags},
		.all = true,
	};

	return send_run(s, &c) < 0 ? -1 : 0;
}

ssize_t skl_sendto(skl_sock *s, const void *buf, size_t len, int flags,
		   skl_addr to)
{
	struct send_call c = {
		.io = {.data = buf, .size = len, .flags = flags},
		.to = {.in = &to},
	};

	return send_run(s, &c);
}
