/* SPDX-License-Identifier: BSD-3-Clause */
/* Scripts that run on the kernel's sockets and on ours. */
#include "tests/side.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/sockets.h"

#define EVERY    (POLLIN | POLLPRI | POLLOUT | POLLRDHUP)
#define PATIENCE 3000 /* ms until an awaited event is given up */

/* The calls of a side return a result, or a negative errno. */
struct side {
	const char *name;
	long (*socket)(struct end *e, int family, int type);
	long (*bind)(struct end *e, const struct place *to);
	long (*listen)(struct end *e, int backlog);
	long (*connect)(struct end *e, const struct place *to);
	long (*accept)(struct end *e, struct end *out);
	long (*shutdown)(struct end *e, int how);
	long (*close)(struct end *e);
	long (*send)(struct end *e, const void *buf, size_t size, int flags,
		     const struct place *to);
	long (*recv)(struct end *e, void *buf, size_t size, int flags);
	long (*setopt)(struct end *e, int level, int option, const void *value,
		       size_t len);
	long (*getopt)(struct end *e, int level, int option, void *value,
		       size_t *len);
	long (*name_of)(struct end *e, struct place *out, bool peer);
	short (*poll)(struct end *e, short events);
	int (*fileno)(struct end *e);
};

/* ---- The kernel -------------------------------------------------------- */

static long told(long result)
{
	return result < 0 ? -errno : result;
}

static long kernel_socket(struct end *e, int family, int type)
{
	e->fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return e->fd < 0 ? -errno : 0;
}

static long kernel_bind(struct end *e, const struct place *to)
{
	return told(bind(e->fd, (const struct sockaddr *)&to->sa, to->len));
}

static long kernel_listen(struct end *e, int backlog)
{
	return told(listen(e->fd, backlog));
}

static long kernel_connect(struct end *e, const struct place *to)
{
	return told(connect(e->fd, (const struct sockaddr *)&to->sa, to->len));
}

static long kernel_accept(struct end *e, struct end *out)
{
	out->fd = accept4(e->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	return out->fd < 0 ? -errno : 0;
}

static long kernel_shutdown(struct end *e, int how)
{
	return told(shutdown(e->fd, how));
}

static long kernel_close(struct end *e)
{
	return told(close(e->fd));
}

static long kernel_send(struct end *e, const void *buf, size_t size, int flags,
			const struct place *to)
{
	return told(sendto(e->fd, buf, size, flags | MSG_NOSIGNAL,
			   to ? (const struct sockaddr *)&to->sa : NULL,
			   to ? to->len : 0));
}

static long kernel_recv(struct end *e, void *buf, size_t size, int flags)
{
	return told(recv(e->fd, buf, size, flags));
}

static long kernel_setopt(struct end *e, int level, int option,
			  const void *value, size_t len)
{
	return told(setsockopt(e->fd, level, option, value, (socklen_t)len));
}

static long kernel_getopt(struct end *e, int level, int option, void *value,
			  size_t *len)
{
	socklen_t n = (socklen_t)*len;
	long result = told(getsockopt(e->fd, level, option, value, &n));

	*len = n;
	return result;
}

static long kernel_name(struct end *e, struct place *out, bool peer)
{
	struct sockaddr *sa = (struct sockaddr *)&out->sa;

	out->len = sizeof(out->sa);
	return told(peer ? getpeername(e->fd, sa, &out->len)
			 : getsockname(e->fd, sa, &out->len));
}

static short poll_fd(int fd, short events)
{
	struct pollfd f = {.fd = fd, .events = events};

	return poll(&f, 1, 0) < 0 ? POLLNVAL : f.revents;
}

static short kernel_poll(struct end *e, short events)
{
	return poll_fd(e->fd, events);
}

static int kernel_fileno(struct end *e)
{
	return e->fd;
}

static const struct side side_kernel = {
	"kernel",       kernel_socket, kernel_bind,     kernel_listen,
	kernel_connect, kernel_accept, kernel_shutdown, kernel_close,
	kernel_send,    kernel_recv,   kernel_setopt,   kernel_getopt,
	kernel_name,    kernel_poll,   kernel_fileno,
};

/* ---- Sockling ---------------------------------------------------------- */

static skl_addr skl_of(const struct place *p)
{
	skl_addr a;

	skl_addr_from_sockaddr(&a, (const struct sockaddr *)&p->sa, p->len);
	return a;
}

static long ours_socket(struct end *e, int family, int type)
{
	e->sock = skl_socket(family, type | SOCK_NONBLOCK, 0);
	return e->sock ? 0 : -errno;
}

static long ours_bind(struct end *e, const struct place *to)
{
	return told(skl_bind(e->sock, skl_of(to)));
}

static long ours_listen(struct end *e, int backlog)
{
	return told(skl_listen(e->sock, backlog));
}

static long ours_connect(struct end *e, const struct place *to)
{
	skl_addr a = {.family = AF_UNSPEC};

	if (to->sa.ss_family != AF_UNSPEC)
		a = skl_of(to);
	return told(skl_connect(e->sock, a));
}

static long ours_accept(struct end *e, struct end *out)
{
	out->sock = skl_accept(e->sock, NULL);
	if (!out->sock)
		return -errno;
	return told(skl_setblocking(out->sock, false));
}

static long ours_shutdown(struct end *e, int how)
{
	return told(skl_shutdown(e->sock, how));
}

static long ours_close(struct end *e)
{
	return told(skl_close(e->sock));
}

static long ours_send(struct end *e, const void *buf, size_t size, int flags,
		      const struct place *to)
{
	if (to)
		return told(skl_sendto(e->sock, buf, size, flags, skl_of(to)));
	return told(skl_send(e->sock, buf, size, flags));
}

static long ours_recv(struct end *e, void *buf, size_t size, int flags)
{
	return told(skl_recv(e->sock, buf, size, flags));
}

static long ours_setopt(struct end *e, int level, int option, const void *value,
			size_t len)
{
	return told(skl_setsockopt_buf(e->sock, level, option, value, len));
}

static long ours_getopt(struct end *e, int level, int option, void *value,
			size_t *len)
{
	return told(skl_getsockopt_buf(e->sock, level, option, value, len));
}

static long ours_name(struct end *e, struct place *out, bool peer)
{
	struct sockaddr *sa = (struct sockaddr *)&out->sa;
	skl_addr a;

	if (peer ? skl_getpeername(e->sock, &a) : skl_getsockname(e->sock, &a))
		return -errno;
	out->len = skl_addr_to_sockaddr(&a, sa, sizeof(out->sa));
	return 0;
}

static short ours_poll(struct end *e, short events)
{
	struct skl_pollfd f = {.sock = e->sock, .events = events};

	return skl_poll(&f, 1, 0) < 0 ? POLLNVAL : f.revents;
}

static int ours_fileno(struct end *e)
{
	return skl_fileno(e->sock);
}

static const struct side side_sockling = {
	"sockling",  ours_socket,   ours_bind,  ours_listen, ours_connect,
	ours_accept, ours_shutdown, ours_close, ours_send,   ours_recv,
	ours_setopt, ours_getopt,   ours_name,  ours_poll,   ours_fileno,
};

static short mirror_poll(struct end *e, short events)
{
	return poll_fd(skl_fileno(e->sock), events);
}

static const struct side side_mirror = {
	"mirror",    ours_socket,   ours_bind,  ours_listen, ours_connect,
	ours_accept, ours_shutdown, ours_close, ours_send,   ours_recv,
	ours_setopt, ours_getopt,   ours_name,  mirror_poll, ours_fileno,
};

/* ---- The log ----------------------------------------------------------- */

void script_note(struct script *t, const char *format, ...)
{
	size_t room = sizeof(t->log) - t->length;
	va_list args;
	int n;

	if (t->silent)
		return;
	va_start(args, format);
	n = vsnprintf(t->log + t->length, room, format, args);
	va_end(args);
	if (n < 0 || (size_t)n + 1 >= room)
		CU_FAIL_FATAL("a script's log is too long");
	t->length += (size_t)n;
	t->log[t->length++] = '\n';
	t->log[t->length] = '\0';
}

/* Logs what a call gave, and hands it on. */
static long note_result(struct end *e, const char *call, long result)
{
	if (result < 0)
		script_note(e->script, "%s %s: %s", e->name, call,
			    strerrorname_np((int)-result));
	else
		script_note(e->script, "%s %s: %ld", e->name, call, result);
	return result;
}

static void note_events(struct end *e, const char *call, unsigned events)
{
	script_note(
		e->script, "%s %s:%s%s%s%s%s%s%s%s", e->name, call,
		events & POLLIN ? " IN" : "", events & POLLPRI ? " PRI" : "",
		events & POLLOUT ? " OUT" : "",
		events & POLLRDHUP ? " RDHUP" : "",
		events & POLLHUP ? " HUP" : "", events & POLLERR ? " ERR" : "",
		events & POLLNVAL ? " NVAL" : "", events ? "" : " -");
}

/* ---- Calls ------------------------------------------------------------- */

struct place place_make(const char *host, uint16_t port)
{
	struct place p = {0};
	struct sockaddr_in *four = (struct sockaddr_in *)&p.sa;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&p.sa;

	if (strchr(host, ':')) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(port);
		CU_ASSERT(inet_pton(AF_INET6, host, &six->sin6_addr) == 1);
		p.len = sizeof(*six);
	} else {
		four->sin_family = AF_INET;
		four->sin_port = htons(port);
		CU_ASSERT(inet_pton(AF_INET, host, &four->sin_addr) == 1);
		p.len = sizeof(*four);
	}
	return p;
}

static struct end *end_new(struct script *t, const char *name)
{
	struct end *e = &t->ends[t->count];

	if (t->count == SIDE_ENDS)
		CU_FAIL_FATAL("a script has too many ends");
	t->count++;
	memset(e, 0, sizeof(*e));
	e->script = t;
	e->name = name;
	e->fd = e->epoll = -1;
	return e;
}

struct end *end_socket(struct script *t, const char *name, int family, int type)
{
	struct end *e = end_new(t, name);
	long result = t->side->socket(e, family, type);

	e->open = result >= 0;
	note_result(e, "socket", result);
	return e;
}

long end_bind(struct end *e, struct place to)
{
	return note_result(e, "bind", e->script->side->bind(e, &to));
}

long end_listen(struct end *e, int backlog)
{
	return note_result(e, "listen", e->script->side->listen(e, backlog));
}

long end_connect(struct end *e, struct place to)
{
	return note_result(e, "connect", e->script->side->connect(e, &to));
}

struct end *end_accept(struct end *e, const char *name)
{
	struct end *out = end_new(e->script, name);
	long result = note_result(e, "accept", e->script->side->accept(e, out));

	out->open = result >= 0;
	return out;
}

long end_shutdown(struct end *e, int how)
{
	return note_result(e, "shutdown", e->script->side->shutdown(e, how));
}

long end_close(struct end *e)
{
	e->open = false;
	if (e->epoll >= 0)
		close(e->epoll);
	e->epoll = -1;
	return note_result(e, "close", e->script->side->close(e));
}

long end_send(struct end *e, size_t size, int flags, const struct place *to)
{
	static char buf[70000];

	bytes_make(1, 0, buf, size);
	return note_result(e, "send",
			   e->script->side->send(e, buf, size, flags, to));
}

long end_recv(struct end *e, size_t size, int flags)
{
	static uint8_t buf[70000];
	long n = e->script->side->recv(e, buf, size, flags);

	if (n <= 0)
		return note_result(e, "recv", n);
	script_note(e->script, "%s recv: %ld, %02x %02x .. %02x", e->name, n,
		    buf[0], n > 1 ? buf[1] : 0, buf[n - 1]);
	return n;
}

long end_setopt(struct end *e, int level, int option, const void *value,
		size_t len)
{
	char call[64];

	snprintf(call, sizeof(call), "set %d/%d (%zu)", level, option, len);
	return note_result(
		e, call, e->script->side->setopt(e, level, option, value, len));
}

long end_setint(struct end *e, int level, int option, int value)
{
	return end_setopt(e, level, option, &value, sizeof(value));
}

long end_getopt(struct end *e, int level, int option, size_t size)
{
	uint8_t value[64] = {0};
	size_t len = size;
	char text[160], *p = text;
	long result = e->script->side->getopt(e, level, option, value, &len);

	p += snprintf(p, 64, "get %d/%d (%zu)", level, option, size);
	if (result >= 0) {
		p += snprintf(p, 32, " %zu:", len);
		for (size_t i = 0; i < len && i < 16; i++)
			p += snprintf(p, 4, " %02x", value[i]);
	}
	return note_result(e, text, result);
}

long end_name(struct end *e, bool peer)
{
	struct place p = {0};
	char host[64] = "?";
	long result = e->script->side->name_of(e, &p, peer);
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&p.sa;
	const struct sockaddr_in *four = (const struct sockaddr_in *)&p.sa;
	bool is_six = p.sa.ss_family == AF_INET6;

	if (result < 0)
		return note_result(e, peer ? "peer" : "name", result);
	inet_ntop(p.sa.ss_family,
		  is_six ? (const void *)&six->sin6_addr
			 : (const void *)&four->sin_addr,
		  host, sizeof(host));
	script_note(e->script, "%s %s: %s %s", e->name, peer ? "peer" : "name",
		    host, four->sin_port ? "with a port" : "no port");
	return 0;
}

short end_poll(struct end *e, short awaited)
{
	const struct side *side = e->script->side;
	short events = side->poll(e, EVERY);

	for (int ms = 0; (events & awaited) != awaited && ms < PATIENCE; ms++) {
		poll(NULL, 0, 1);
		events = side->poll(e, EVERY);
	}
	note_events(e, "poll", (unsigned)events);
	return events;
}

static void edges_register(struct end *e)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLPRI | EPOLLOUT |
					   EPOLLRDHUP | EPOLLET};

	e->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_ctl(e->epoll, EPOLL_CTL_ADD, e->script->side->fileno(e), &ev))
		CU_FAIL("epoll_ctl");
}

uint32_t end_edges(struct end *e, uint32_t awaited)
{
	uint32_t events = 0;
	int ms = 0;

	if (e->epoll < 0)
		edges_register(e);
	do {
		struct epoll_event ev = {0};

		if (epoll_wait(e->epoll, &ev, 1, ms ? 1 : 0) > 0)
			events |= ev.events;
	} while ((events & awaited) != awaited && ++ms < PATIENCE);
	note_events(e, "edges", events);
	return events;
}

/* ---- Without a word ---------------------------------------------------- */

struct place end_place(struct end *e)
{
	struct place p = {0};

	CU_ASSERT(e->script->side->name_of(e, &p, false) >= 0);
	return p;
}

size_t end_fill(struct end *e)
{
	static char buf[4096];
	size_t total = 0;
	long n;

	while ((n = e->script->side->send(e, buf, sizeof(buf), 0, NULL)) > 0)
		total += (size_t)n;
	return total;
}

size_t end_drain(struct end *e)
{
	static char buf[65536];
	size_t total = 0;
	long n;

	while ((n = e->script->side->recv(e, buf, sizeof(buf), 0)) > 0)
		total += (size_t)n;
	return total;
}

void ends_connect(struct script *t, int family, const char *client,
		  const char *server, struct end **a, struct end **b)
{
	const char *host = family == AF_INET ? "127.0.0.1" : "::1";
	bool silent = t->silent;
	struct end *listener;

	t->silent = true;
	listener = end_socket(t, "listener", family, SOCK_STREAM);
	end_bind(listener, place_make(host, 0));
	end_listen(listener, 1);
	*a = end_socket(t, client, family, SOCK_STREAM);
	end_connect(*a, end_place(listener));
	end_poll(*a, POLLOUT);
	end_poll(listener, POLLIN);
	*b = end_accept(listener, server);
	if (!(*b)->open)
		CU_FAIL_FATAL("no connection");
	end_close(listener);
	t->silent = silent;
}

/* ---- Comparing --------------------------------------------------------- */

static void script_run(struct script *t, const struct side *side,
		       void (*run)(struct script *t))
{
	memset(t, 0, sizeof(*t));
	t->side = side;
	run(t);
	t->silent = true;
	for (unsigned i = 0; i < t->count; i++)
		if (t->ends[i].open)
			end_close(&t->ends[i]);
}

/* Prints the first line in which they differ, with what led to it. */
static void print_difference(const struct script *a, const struct script *b)
{
	size_t i = 0, line = 0, from;

	while (a->log[i] && a->log[i] == b->log[i])
		if (a->log[i++] == '\n')
			line = i;
	from = line;
	for (int lines = 0; from > 0 && lines < 20; from--)
		lines += a->log[from - 1] == '\n';
	printf("\n%.*s", (int)(line - from), a->log + from);
	printf("  %s: %.*s\n", a->side->name, (int)strcspn(a->log + line, "\n"),
	       a->log + line);
	printf("  %s: %.*s\n", b->side->name, (int)strcspn(b->log + line, "\n"),
	       b->log + line);
}

static void compare(void (*run)(struct script *t), const struct side *side)
{
	static struct script kernel, ours;
	skl_stack *stack = case_open("");
	bool equal;

	script_run(&kernel, &side_kernel, run);
	script_run(&ours, side, run);
	equal = strcmp(kernel.log, ours.log) == 0;
	CU_ASSERT(equal);
	if (!equal)
		print_difference(&kernel, &ours);
	case_close(stack);
}

void side_compare(void (*run)(struct script *t))
{
	compare(run, &side_sockling);
}

void side_compare_mirror(void (*run)(struct script *t))
{
	compare(run, &side_sockling);
	compare(run, &side_mirror);
}
