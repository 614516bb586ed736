/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Blocking, non-blocking and timeout mode as Python's documents have them,
 * with the class of each error; and the handles themselves: dead ones, dup(),
 * detach().
 */
#include "tests/sockets.h"

#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Modes ------------------------------------------------------------- */

static void test_settimeout(void)
{
	skl_stack *stack = case_open("");
	skl_sock *s = skl_socket(AF_INET, SOCK_STREAM, 0);

	CU_ASSERT_EQUAL(skl_gettimeout(s), SKL_FOREVER);
	CU_ASSERT_EQUAL(skl_getblocking(s), 1);
	WORKS(skl_settimeout(s, 2.5));
	CU_ASSERT_EQUAL(skl_gettimeout(s), 2.5);
	CU_ASSERT_EQUAL(skl_getblocking(s), 1);
	WORKS(skl_settimeout(s, 0.0));
	CU_ASSERT_EQUAL(skl_gettimeout(s), 0.0);
	CU_ASSERT_EQUAL(skl_getblocking(s), 0);
	WORKS(skl_setblocking(s, true));
	CU_ASSERT_EQUAL(skl_gettimeout(s), SKL_FOREVER);
	WORKS(skl_setblocking(s, false));
	CU_ASSERT_EQUAL(skl_gettimeout(s), 0.0);
	FAILS_AS(skl_settimeout(s, -3), SKL_VALUEERROR, EINVAL);
	FAILS_AS(skl_settimeout(s, NAN), SKL_VALUEERROR, EINVAL);
	FAILS_AS(skl_settimeout(s, -INFINITY), SKL_VALUEERROR, EINVAL);
	CU_ASSERT_EQUAL(skl_gettimeout(s), 0.0);
	WORKS(skl_settimeout(s, 1e300));
	WORKS(skl_settimeout(s, SKL_FOREVER));
	CU_ASSERT_EQUAL(skl_gettimeout(s), SKL_FOREVER);
	skl_close(s);
	FAILS(skl_settimeout(s, 1), EBADF);
	FAILS(skl_setblocking(s, true), EBADF);
	FAILS(skl_getblocking(s), EBADF);
	CU_ASSERT_EQUAL(skl_gettimeout(s), SKL_DEFAULT);
	CU_ASSERT(failed_as(SKL_OSERROR, EBADF));

	s = skl_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL(skl_gettimeout(s), 0.0);
	CU_ASSERT_EQUAL(skl_type(s), SOCK_STREAM);
	skl_close(s);
	case_close(stack);
}

/* What new and accepted sockets begin with. */
static void test_default_timeout(void)
{
	skl_stack *stack = case_open("");
	skl_sock *l = listen_on(AF_INET, 5), *s;
	struct pair p;

	CU_ASSERT_EQUAL(skl_getdefaulttimeout(), SKL_FOREVER);
	/* Python: with no default, accepted sockets block whatever the
	 * listener does. */
	for (int i = 0; i < 3; i++) {
		static const double modes[] = {SKL_FOREVER, 5.0, 0.0};

		skl_settimeout(l, 5);
		s = skl_socket(AF_INET, SOCK_STREAM, 0);
		WORKS(skl_connect(s, loopback(AF_INET, port_of(l))));
		CU_ASSERT_EQUAL(await(l, POLLIN), POLLIN);
		skl_settimeout(l, modes[i]);
		p.server = skl_accept(l, NULL);
		CU_ASSERT_EQUAL(skl_gettimeout(p.server), SKL_FOREVER);
		skl_close(p.server);
		skl_close(s);
	}
	WORKS(skl_setdefaulttimeout(7.0));
	CU_ASSERT_EQUAL(skl_getdefaulttimeout(), 7.0);
	skl_settimeout(l, SKL_FOREVER);
	p = pair_over(l);
	CU_ASSERT_EQUAL(skl_gettimeout(p.client), 7.0);
	CU_ASSERT_EQUAL(skl_gettimeout(p.server), 7.0);
	WORKS(skl_settimeout(p.client, SKL_DEFAULT));
	CU_ASSERT_EQUAL(skl_gettimeout(p.client), 7.0);
	pair_close(&p);
	WORKS(skl_setdefaulttimeout(0.0));
	s = skl_socket(AF_INET, SOCK_DGRAM, 0);
	CU_ASSERT_EQUAL(skl_gettimeout(s), 0.0);
	skl_close(s);
	FAILS_AS(skl_setdefaulttimeout(-7), SKL_VALUEERROR, EINVAL);
	FAILS_AS(skl_setdefaulttimeout(NAN), SKL_VALUEERROR, EINVAL);
	CU_ASSERT_EQUAL(skl_getdefaulttimeout(), 0.0);
	WORKS(skl_setdefaulttimeout(SKL_FOREVER));
	skl_close(l);
	case_close(stack);
}

/* ---- Timeouts ---------------------------------------------------------- */

#define SHORT 0.06 /* seconds */

/* The call timed out, after its time and not much later. */
#define TIMES_OUT_IN_TIME(call) \
 do {                           \
  double began_ = now(), took_; \
  TIMES_OUT(call);              \
  took_ = now() - began_;       \
  CU_ASSERT(took_ >= SHORT);    \
  CU_ASSERT(took_ < 2);         \
 } while (0)

/* A client that a full listener does not answer. */
static skl_sock *stuck_client(skl_sock *listener, struct pair *queued)
{
	queued->client = skl_socket(AF_INET, SOCK_STREAM, 0);
	WORKS(skl_connect(queued->client,
			  loopback(AF_INET, port_of(listener))));
	return skl_socket(AF_INET, SOCK_STREAM, 0);
}

static void test_timeouts(void)
{
	static char big[8 << 20];
	skl_stack *stack = case_open("");
	skl_sock *l = listen_on(AF_INET, 0), *u = udp_on(AF_INET6), *c;
	struct pair p = pair_over(l);
	skl_addr a;

	skl_settimeout(p.client, SHORT);
	skl_settimeout(l, SHORT);
	skl_settimeout(u, SHORT);
	TIMES_OUT_IN_TIME(skl_recv(p.client, big, 10, 0));
	TIMES_OUT_IN_TIME(skl_recv(p.client, big, 10, MSG_PEEK));
	TIMES_OUT_IN_TIME(skl_recvfrom(u, big, 10, 0, &a));
	TIMES_OUT_IN_TIME(skl_accept(l, &a) ? 0 : -1);
	fill(p.client);
	TIMES_OUT_IN_TIME(skl_send(p.client, big, 10, 0));
	TIMES_OUT_IN_TIME(skl_sendall(p.client, big, sizeof(big), 0));
	CU_ASSERT_STRING_EQUAL(skl_error()->text, "timed out");
	CU_ASSERT_STRING_EQUAL(skl_error_name(skl_error()->kind), "timeout");
	pair_close(&p);

	c = stuck_client(l, &p);
	skl_settimeout(c, SHORT);
	TIMES_OUT_IN_TIME(skl_connect(c, loopback(AF_INET, port_of(l))));
	skl_close(c);
	c = skl_socket(AF_INET, SOCK_STREAM, 0);
	skl_settimeout(c, SHORT);
	/* CPython gives EAGAIN here, its own sign for "timed out". */
	CU_ASSERT_EQUAL(skl_connect_ex(c, loopback(AF_INET, port_of(l))),
			EAGAIN);
	skl_close(c);
	CU_ASSERT_PTR_NULL(skl_create_connection(loopback(AF_INET, port_of(l)),
						 SHORT, NULL));
	CU_ASSERT(failed_as(SKL_TIMEOUT, ETIMEDOUT));
	skl_close(p.client);
	skl_close(u);
	skl_close(l);
	case_close(stack);
}

/* sendall()'s timeout is one for the whole call, however it goes along. */
static long read_slowly(void *arg)
{
	static char buf[20000];
	long total = 0;
	ssize_t n;

	while ((n = skl_recv(arg, buf, sizeof(buf), 0)) > 0) {
		total += n;
		poll(NULL, 0, 20);
	}
	return total;
}

static void test_sendall_timeout(void)
{
	static char big[64 << 20];
	skl_stack *stack = case_open("");
	struct pair p = pair_open(AF_INET);
	struct worker w;
	double began = now();

	worker_start(&w, read_slowly, p.server);
	skl_settimeout(p.client, 0.3);
	TIMES_OUT(skl_sendall(p.client, big, sizeof(big), 0));
	CU_ASSERT(now() - began >= 0.3);
	CU_ASSERT(now() - began < 3);
	skl_setsockopt_buf(p.client, SOL_SOCKET, SO_LINGER,
			   &(struct linger){.l_onoff = 1},
			   sizeof(struct linger));
	skl_close(p.client);
	worker_join(&w);
	skl_close(p.server);
	case_close(stack);
}

/* A timeout is no error of the connection: afterwards it works. */
static void test_after_timeout(void)
{
	skl_stack *stack = case_open("");
	struct pair p = pair_open(AF_INET6);
	char buf[8];

	skl_settimeout(p.client, 0.01);
	TIMES_OUT(skl_recv(p.client, buf, sizeof(buf), 0));
	CU_ASSERT_EQUAL(skl_send(p.server, "late", 4, 0), 4);
	CU_ASSERT_EQUAL(skl_recv(p.client, buf, sizeof(buf), 0), 4);
	pair_close(&p);
	case_close(stack);
}

/* ---- Non-blocking ------------------------------------------------------ */

static void test_nonblocking(void)
{
	skl_stack *stack = case_open("");
	skl_sock *l = listen_on(AF_INET, 0), *u = udp_on(AF_INET), *c;
	struct pair p = pair_over(l);
	char buf[10];

	skl_setblocking(p.client, false);
	skl_setblocking(l, false);
	skl_setblocking(u, false);
	FAILS(skl_recv(p.client, buf, 10, 0), EAGAIN);
	FAILS(skl_recv(u, buf, 10, 0), EAGAIN);
	FAILS_NULL(skl_accept(l, NULL), EAGAIN);
	fill(p.client);
	FAILS(skl_send(p.client, buf, 10, 0), EAGAIN);
	FAILS(skl_sendall(p.client, buf, 10, 0), EAGAIN);
	pair_close(&p);

	c = stuck_client(l, &p);
	skl_setblocking(c, false);
	FAILS(skl_connect(c, loopback(AF_INET, port_of(l))), EINPROGRESS);
	FAILS(skl_connect(c, loopback(AF_INET, port_of(l))), EALREADY);
	CU_ASSERT_EQUAL(skl_connect_ex(c, loopback(AF_INET, port_of(l))),
			EALREADY);
	skl_close(c);
	c = skl_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	CU_ASSERT_EQUAL(skl_connect_ex(c, loopback(AF_INET, port_of(l))),
			EINPROGRESS);
	skl_close(c);
	skl_close(p.client);
	skl_close(u);
	skl_close(l);
	case_close(stack);
}

/* MSG_DONTWAIT, for one call of a blocking socket. */
static void test_dontwait(void)
{
	skl_stack *stack = case_open("");
	struct pair p = pair_open(AF_INET);
	char buf[10];

	FAILS(skl_recv(p.client, buf, 10, MSG_DONTWAIT), EAGAIN);
	FAILS(skl_recv(p.client, buf, 10, MSG_DONTWAIT | MSG_PEEK), EAGAIN);
	skl_settimeout(p.client, 5);
	FAILS(skl_recv(p.client, buf, 10, MSG_DONTWAIT), EAGAIN);
	fill(p.client);
	FAILS(skl_send(p.client, buf, 10, MSG_DONTWAIT), EAGAIN);
	FAILS(skl_recv(p.server, buf, 10, MSG_OOB), EOPNOTSUPP);
	FAILS(skl_send(p.server, buf, 10, MSG_OOB), EOPNOTSUPP);
	pair_close(&p);
	case_close(stack);
}

/* ---- connect and connect_ex -------------------------------------------- */

static void test_connect_ex(void)
{
	skl_stack *stack = case_open("");
	skl_sock *l = listen_on(AF_INET, 5), *s;
	skl_sock *closed = listen_on(AF_INET, 5);
	uint16_t nobody = port_of(closed);

	skl_close(closed);
	s = skl_socket(AF_INET, SOCK_STREAM, 0);
	CU_ASSERT_EQUAL(skl_connect_ex(s, loopback(AF_INET, nobody)),
			ECONNREFUSED);
	CU_ASSERT_EQUAL(skl_connect_ex(s, loopback(AF_INET, port_of(l))), 0);
	CU_ASSERT_EQUAL(skl_connect_ex(s, loopback(AF_INET, port_of(l))),
			EISCONN);
	FAILS_AS(skl_connect_ex(s, skl_inet("no such name", 80)), SKL_GAIERROR,
		 -2);
	FAILS_AS(skl_connect_ex(s, skl_inet("127.0.0.1", 65536)),
		 SKL_OVERFLOWERROR, EOVERFLOW);
	FAILS_AS(skl_connect(s, skl_inet("127.0.0.1", -1)), SKL_OVERFLOWERROR,
		 EOVERFLOW);
	skl_close(s);
	s = skl_socket(AF_INET, SOCK_STREAM, 0);
	FAILS(skl_connect(s, loopback(AF_INET, nobody)), ECONNREFUSED);
	FAILS(skl_connect(s, skl_inet("192.0.2.1", 80)), ENETUNREACH);
	skl_close(s);
	s = skl_socket(AF_INET6, SOCK_STREAM, 0);
	FAILS(skl_connect(s, skl_inet("2001:db8::1", 80)), ENETUNREACH);
	skl_close(s);
	CU_ASSERT_EQUAL(skl_connect_ex(s, loopback(AF_INET, nobody)), EBADF);
	skl_close(l);
	case_close(stack);
}

/* ---- Handles ----------------------------------------------------------- */

static void all_give_ebadf(skl_sock *s)
{
	struct skl_pollfd f = {.sock = s, .events = POLLIN};
	skl_addr a = loopback(AF_INET, 1);
	char buf[4] = "";
	size_t len = 4;
	int value;

	FAILS(skl_bind(s, a), EBADF);
	FAILS(skl_listen(s, 1), EBADF);
	FAILS_NULL(skl_accept(s, NULL), EBADF);
	FAILS(skl_connect(s, a), EBADF);
	FAILS(skl_shutdown(s, SHUT_WR), EBADF);
	FAILS(skl_getsockname(s, &a), EBADF);
	FAILS(skl_getpeername(s, &a), EBADF);
	FAILS(skl_recv(s, buf, 4, 0), EBADF);
	FAILS(skl_recv_into(s, buf, 4, 0, 0), EBADF);
	FAILS(skl_recvfrom(s, buf, 4, 0, NULL), EBADF);
	FAILS(skl_recvfrom_into(s, buf, 4, 0, 0, NULL), EBADF);
	FAILS(skl_send(s, buf, 4, 0), EBADF);
	FAILS(skl_sendall(s, buf, 4, 0), EBADF);
	FAILS(skl_sendto(s, buf, 4, 0, a), EBADF);
	FAILS(skl_setsockopt(s, SOL_SOCKET, SO_REUSEADDR, 1), EBADF);
	FAILS(skl_getsockopt(s, SOL_SOCKET, SO_TYPE, &value), EBADF);
	FAILS(skl_setsockopt_buf(s, SOL_SOCKET, SO_LINGER, buf, 4), EBADF);
	FAILS(skl_getsockopt_buf(s, SOL_SOCKET, SO_TYPE, buf, &len), EBADF);
	FAILS(skl_family(s), EBADF);
	FAILS(skl_type(s), EBADF);
	FAILS(skl_proto(s), EBADF);
	FAILS(skl_fileno(s), EBADF);
	FAILS(skl_detach(s), EBADF);
	FAILS_NULL(skl_dup(s), EBADF);
	FAILS(skl_close(s), EBADF);
	CU_ASSERT_EQUAL(skl_poll(&f, 1, 0), s ? 1 : 0);
	CU_ASSERT_EQUAL(f.revents, s ? POLLNVAL : 0);
}

static void test_dead_handles(void)
{
	skl_stack *stack = case_open("");
	skl_sock *s = udp_on(AF_INET), *later[64];
	char not_a_socket[64] = "";

	skl_close(s);
	all_give_ebadf(s);
	/* Nor is it mistaken for one of those that come after it. */
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < 64; i++) {
			later[i] = skl_socket(AF_INET, SOCK_STREAM, 0);
			CU_ASSERT_PTR_NOT_NULL_FATAL(later[i]);
			CU_ASSERT(later[i] != s);
		}
		FAILS(skl_type(s), EBADF);
		for (int i = 0; i < 64; i++)
			skl_close(later[i]);
	}
	all_give_ebadf(s);
	FAILS(skl_type((skl_sock *)(void *)not_a_socket), EBADF);
	FAILS(skl_type((skl_sock *)(uintptr_t)1), EBADF);
	FAILS(skl_type((skl_sock *)UINTPTR_MAX), EBADF);
	FAILS(skl_close(NULL), EBADF);
	FAILS(skl_recv(NULL, not_a_socket, 1, 0), EBADF);
	case_close(stack);
}

static void test_socket_errors(void)
{
	skl_stack *stack = case_open("");

	FAILS_NULL(skl_socket(AF_UNIX, SOCK_STREAM, 0), EAFNOSUPPORT);
	FAILS_NULL(skl_socket(-1, SOCK_STREAM, 0), EAFNOSUPPORT);
	FAILS_NULL(skl_socket(AF_INET, SOCK_SEQPACKET, 0), ESOCKTNOSUPPORT);
	FAILS_NULL(skl_socket(AF_INET, 9, 0), ESOCKTNOSUPPORT);
	FAILS_NULL(skl_socket(AF_INET, SOCK_STREAM, IPPROTO_UDP),
		   EPROTONOSUPPORT);
	FAILS_NULL(skl_socket(AF_INET6, SOCK_DGRAM, IPPROTO_TCP),
		   EPROTONOSUPPORT);
	FAILS_NULL(skl_socket(AF_INET, SOCK_STREAM, 200), EPROTONOSUPPORT);
	case_close(stack);
}

static void test_attributes(void)
{
	static const struct {
		int family, type, proto, shown;
	} kinds[] = {
		{AF_INET, SOCK_STREAM, 0, IPPROTO_TCP},
		{AF_INET6, SOCK_STREAM, IPPROTO_TCP, IPPROTO_TCP},
		{AF_INET, SOCK_DGRAM, IPPROTO_UDP, IPPROTO_UDP},
		{AF_INET6, SOCK_DGRAM, 0, IPPROTO_UDP},
	};
	skl_stack *stack = case_open("");

	for (size_t i = 0; i < 4; i++) {
		skl_sock *s = skl_socket(kinds[i].family, kinds[i].type,
					 kinds[i].proto);
		int value = -1;

		CU_ASSERT_EQUAL(skl_family(s), kinds[i].family);
		CU_ASSERT_EQUAL(skl_type(s), kinds[i].type);
		/* Python's attribute is what was asked for; SO_PROTOCOL is
		 * what it became. */
		CU_ASSERT(skl_proto(s) == kinds[i].proto ||
			  skl_proto(s) == kinds[i].shown);
		WORKS(skl_getsockopt(s, SOL_SOCKET, SO_PROTOCOL, &value));
		CU_ASSERT_EQUAL(value, kinds[i].shown);
		skl_close(s);
	}
	case_close(stack);
}

/* ---- dup and detach ---------------------------------------------------- */

static void test_dup(void)
{
	skl_stack *stack = case_open("");
	struct pair p = pair_open(AF_INET);
	skl_sock *d;
	char buf[8];

	skl_settimeout(p.client, 3);
	d = skl_dup(p.client);
	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	CU_ASSERT(d != p.client);
	CU_ASSERT_EQUAL(skl_gettimeout(d), 3);
	skl_settimeout(d, 0.02);
	CU_ASSERT_EQUAL(skl_gettimeout(p.client), 3);
	/* One endpoint: what one reads the other does not see. */
	CU_ASSERT_EQUAL(skl_send(p.server, "abcd", 4, 0), 4);
	CU_ASSERT_EQUAL(skl_recv(d, buf, 2, 0), 2);
	CU_ASSERT_EQUAL(skl_recv(p.client, buf, 8, 0), 2);
	TIMES_OUT(skl_recv(d, buf, 8, 0));
	WORKS(skl_setsockopt(d, IPPROTO_TCP, TCP_NODELAY, 1));
	WORKS(skl_getsockopt(p.client, IPPROTO_TCP, TCP_NODELAY, &(int){0}));
	/* It lives until the last handle goes. */
	WORKS(skl_close(p.client));
	FAILS(skl_recv(p.client, buf, 1, 0), EBADF);
	FAILS(skl_recv(p.server, buf, 1, MSG_DONTWAIT), EAGAIN);
	CU_ASSERT_EQUAL(skl_send(d, "x", 1, 0), 1);
	CU_ASSERT_EQUAL(skl_recv(p.server, buf, 8, 0), 1);
	WORKS(skl_close(d));
	CU_ASSERT_EQUAL(skl_recv(p.server, buf, 8, 0), 0);
	WORKS(skl_close(p.server));
	case_close(stack);
}

static ino_t inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_ino;
}

static void test_detach(void)
{
	skl_stack *stack = case_open("");
	struct pair p = pair_open(AF_INET);
	skl_sock *back;
	char buf[8];
	int fd, pipes[2];

	skl_settimeout(p.client, 3);
	fd = skl_fileno(p.client);
	CU_ASSERT_EQUAL(skl_fileno(p.client), fd);
	CU_ASSERT(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CU_ASSERT_EQUAL(skl_detach(p.client), fd);
	FAILS(skl_recv(p.client, buf, 1, 0), EBADF);
	FAILS(skl_close(p.client), EBADF);
	/* The connection lives on, and its readiness shows. */
	CU_ASSERT_EQUAL(skl_send(p.server, "abc", 3, 0), 3);
	CU_ASSERT_EQUAL(poll(&(struct pollfd){fd, POLLIN, 0}, 1, 2000), 1);
	back = skl_socket_fileno(fd);
	CU_ASSERT_PTR_NOT_NULL_FATAL(back);
	CU_ASSERT_EQUAL(skl_fileno(back), fd);
	CU_ASSERT_EQUAL(skl_recv(back, buf, 8, 0), 3);
	/* Taken back, it is nobody's. */
	FAILS_NULL(skl_socket_fileno(fd), ENOTSOCK);
	WORKS(skl_close(back));
	CU_ASSERT_EQUAL(fcntl(fd, F_GETFD), -1);
	CU_ASSERT_EQUAL(skl_recv(p.server, buf, 8, 0), 0);
	WORKS(skl_close(p.server));

	FAILS_NULL(skl_socket_fileno(fd), EBADF);
	FAILS_NULL(skl_socket_fileno(-1), EBADF);
	CU_ASSERT_EQUAL(pipe(pipes), 0);
	FAILS_NULL(skl_socket_fileno(pipes[0]), ENOTSOCK);
	close(pipes[0]);
	close(pipes[1]);
	case_close(stack);
}

/* A detached descriptor that was closed, its number taken by a pipe. */
static void test_detach_number_reused(void)
{
	skl_stack *stack = case_open("");
	skl_sock *s = udp_on(AF_INET);
	int fd = skl_detach(s), pipes[2];

	CU_ASSERT(fd >= 0);
	CU_ASSERT_EQUAL(pipe(pipes), 0);
	CU_ASSERT_EQUAL(dup3(pipes[0], fd, O_CLOEXEC), fd);
	CU_ASSERT_NOT_EQUAL(inode_of(fd), 0);
	FAILS_NULL(skl_socket_fileno(fd), ENOTSOCK);
	close(fd);
	close(pipes[0]);
	close(pipes[1]);
	/* The endpoint is out of reach now; it ends with its stack. */
	skl_stack_set_current(NULL);
	WORKS(skl_stack_close(stack));
}

/* The descriptor ends with the socket, and its number is free. */
static void test_fileno_closed(void)
{
	skl_stack *stack = case_open("");
	skl_sock *s = udp_on(AF_INET);
	int fd = skl_fileno(s), copy = dup(fd);
	struct pollfd f = {copy, POLLIN | POLLRDHUP, 0};

	WORKS(skl_close(s));
	CU_ASSERT_EQUAL(fcntl(fd, F_GETFD), -1);
	/* Who kept a copy sees the end of it. */
	CU_ASSERT_EQUAL(poll(&f, 1, 2000), 1);
	CU_ASSERT(f.revents & POLLHUP);
	close(copy);
	case_close(stack);
}

static const struct suite_case cases[] = {
	{"settimeout and setblocking", test_settimeout},
	{"the default timeout", test_default_timeout},
	{"each call times out", test_timeouts},
	{"sendall's timeout", test_sendall_timeout},
	{"after a timeout", test_after_timeout},
	{"non-blocking", test_nonblocking},
	{"MSG_DONTWAIT", test_dontwait},
	{"connect_ex", test_connect_ex},
	{"dead handles", test_dead_handles},
	{"errors of socket()", test_socket_errors},
	{"family, type, proto", test_attributes},
	{"dup", test_dup},
	{"detach", test_detach},
	{"a detached number used again", test_detach_number_reused},
	{"fileno ends with the socket", test_fileno_closed},
};

SUITE_MAIN("modes", cases)
