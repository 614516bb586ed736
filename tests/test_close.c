/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How connections end and how create_connection() and create_server() make
 * them: FIN or RST, SO_LINGER, half-close, ports that are free again.
 */
#include "tests/side.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sockets.h"

/* ---- FIN or RST -------------------------------------------------------- */

/* What was queued still arrives after close(), then the end. */
static void test_close_sends_all(void)
{
	enum {
		SIZE = 400000
	};
	static uint8_t out[SIZE], in[SIZE + 1];
	skl_stack *stack = case_open("");
	struct pair p = pair_open(AF_INET);
	ssize_t sent;

	bytes_make(7, 0, out, SIZE);
	skl_setblocking(p.client, false);
	sent = skl_send(p.client, out, SIZE, 0);
	CU_ASSERT(sent > 100000);
	WORKS(skl_close(p.client));
	CU_ASSERT_EQUAL(receive(p.server, in, sizeof(in)), (size_t)sent);
	CU_ASSERT(bytes_equal(7, 0, in, (size_t)sent));
	CU_ASSERT_EQUAL(skl_recv(p.server, in, 1, 0), 0);
	CU_ASSERT_EQUAL(skl_recv(p.server, in, 1, 0), 0);
	WORKS(skl_close(p.server));
	case_close(stack);
}

/* RFC 2525 2.17: what was received and thrown away is told by a RST. */
static void test_close_unread(void)
{
	skl_stack *stack = case_open("");
	struct pair p = pair_open(AF_INET);
	char c;

	CU_ASSERT_EQUAL(skl_send(p.client, "unread", 6, 0), 6);
	CU_ASSERT_EQUAL(await(p.server, POLLIN), POLLIN);
	WORKS(skl_close(p.server));
	FAILS(skl_recv(p.client, &c, 1, 0), ECONNRESET);
	CU_ASSERT_EQUAL(skl_recv(p.client, &c, 1, 0), 0);
	FAILS(skl_send(p.client, "x", 1, 0), EPIPE);
	WORKS(skl_close(p.client));
	case_close(stack);
}

/* Sent to a socket that was closed already: RST as well. */
static void test_send_after_peers_close(void)
{
	skl_stack *stack = case_open("");
	struct pair p = pair_open(AF_INET6);
	char c;

	WORKS(skl_close(p.server));
	CU_ASSERT_EQUAL(skl_recv(p.client, &c, 1, 0), 0);
	CU_ASSERT_EQUAL(skl_send(p.client, "x", 1, 0), 1);
	CU_ASSERT(await(p.client, POLLERR) & POLLERR);
	FAILS(skl_send(p.client, "x", 1, 0), EPIPE);
	WORKS(skl_close(p.client));
	case_close(stack);
}

static void linger_set(skl_sock *s, int seconds)
{
	struct linger l = {.l_onoff = 1, .l_linger = seconds};

	WORKS(skl_setsockopt_buf(s, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
}

static void test_linger_zero(void)
{
	skl_stack *stack = case_open("");
	struct pair p = pair_open(AF_INET);
	struct skl_stack_stats st;
	char c;

	linger_set(p.client, 0);
	WORKS(skl_close(p.client));
	FAILS(skl_recv(p.server, &c, 1, 0), ECONNRESET);
	WORKS(skl_close(p.server));
	/* No TIME_WAIT: that is what it is used for. */
	WORKS(skl_stack_stats(stack, &st));
	CU_ASSERT_EQUAL(st.connections, 0);
	case_close(stack);
}

/* close() waits until all is acknowledged, not longer. */
static long read_after_a_while(void *arg)
{
	static char buf[1 << 20];
	long total = 0;
	ssize_t n;

	poll(NULL, 0, 150);
	while ((n = skl_recv(arg, buf, sizeof(buf), 0)) > 0)
		total += n;
	return total;
}

static void test_linger_waits(void)
{
	skl_stack *stack = case_open("");
	struct pair p = pair_open(AF_INET);
	struct worker w;
	double began;
	size_t n;

	n = fill(p.client);
	linger_set(p.client, 10);
	worker_start(&w, read_after_a_while, p.server);
	began = now();
	WORKS(skl_close(p.client));
	CU_ASSERT(now() - began >= 0.1);
	CU_ASSERT(now() - began < 5);
	CU_ASSERT_EQUAL(worker_join(&w), (long)n);
	WORKS(skl_close(p.server));
	case_close(stack);
}

/* Also where the peer's half ended first, and ours is shut already. */
static void test_linger_after_end(void)
{
	skl_stack *stack = case_open("");
	struct pair p = pair_open(AF_INET);
	struct worker w;
	double began;
	size_t n;
	char c;

	WORKS(skl_shutdown(p.server, SHUT_WR));
	CU_ASSERT_EQUAL(skl_recv(p.client, &c, 1, 0), 0);
	n = fill(p.client);
	WORKS(skl_shutdown(p.client, SHUT_WR));
	linger_set(p.client, 10);
	worker_start(&w, read_after_a_while, p.server);
	began = now();
	WORKS(skl_close(p.client));
	CU_ASSERT(now() - began >= 0.1);
	CU_ASSERT(now() - began < 5);
	CU_ASSERT_EQUAL(worker_join(&w), (long)n);
	WORKS(skl_close(p.server));
	case_close(stack);
}

static void test_linger_gives_up(void)
{
	skl_stack *stack = case_open("");
	struct pair p = pair_open(AF_INET);
	double began = now();

	fill(p.client);
	linger_set(p.client, 1);
	WORKS(skl_close(p.client));
	CU_ASSERT(now() - began >= 0.9);
	CU_ASSERT(now() - began < 4);
	WORKS(skl_close(p.server));
	case_close(stack);
}

/* Non-blocking: close() never waits. */
static void test_linger_nonblocking(void)
{
	skl_stack *stack = case_open("");
	struct pair p = pair_open(AF_INET);
	double began = now();

	fill(p.client);
	linger_set(p.client, 5);
	skl_setblocking(p.client, false);
	WORKS(skl_close(p.client));
	CU_ASSERT(now() - began < 1);
	WORKS(skl_close(p.server));
	case_close(stack);
}

/* ---- Half-close -------------------------------------------------------- */

/* A client that asks, ends its half, and reads on: as `nc -N` does. */
static void half_close(bool client_first)
{
	enum {
		SIZE = 300000
	};
	static uint8_t out[SIZE], in[SIZE + 1];
	skl_stack *stack = case_open("");
	struct pair p = pair_open(AF_INET);
	skl_sock *first = client_first ? p.client : p.server;
	skl_sock *second = client_first ? p.server : p.client;

	bytes_make(1, 0, out, SIZE);
	WORKS(skl_setsockopt(first, SOL_SOCKET, SO_RCVBUF, SIZE * 2));
	CU_ASSERT_EQUAL(skl_send(first, "question", 8, 0), 8);
	WORKS(skl_shutdown(first, SHUT_WR));
	FAILS(skl_send(first, "x", 1, 0), EPIPE);
	CU_ASSERT_EQUAL(receive(second, in, 100), 8);
	CU_ASSERT_EQUAL(skl_recv(second, in, 100, 0), 0);
	/* The other half works on, at length. */
	skl_settimeout(second, 5);
	CU_ASSERT(skl_send(second, out, SIZE, 0) > 10000);
	WORKS(skl_shutdown(second, SHUT_WR));
	CU_ASSERT(receive(first, in, sizeof(in)) > 10000);
	CU_ASSERT(bytes_equal(1, 0, in, 10000));
	CU_ASSERT_EQUAL(skl_recv(first, in, 100, 0), 0);
	pair_close(&p);
	case_close(stack);
}

static void test_half_close(void)
{
	half_close(true);
	half_close(false);
}

/* What comes after SHUT_RD is thrown away, and the sender does not notice. */
static void run_shut_reading(struct script *t)
{
	struct end *a, *b;

	ends_connect(t, AF_INET, "a", "b", &a, &b);
	end_send(b, 10, 0, NULL);
	end_poll(a, POLLIN);
	end_shutdown(a, SHUT_RD);
	end_recv(a, 100, 0);
	end_recv(a, 100, 0);
	end_send(a, 10, 0, NULL);
	end_poll(b, POLLIN);
	end_recv(b, 100, 0);
}

static void test_shut_reading(void)
{
	side_compare(run_shut_reading);
}

/* ---- Ports that are free again ----------------------------------------- */

static void test_port_free_again(void)
{
	skl_stack *stack = case_open("");
	skl_sock *s;
	uint16_t port = 0;

	for (int i = 0; i < 20; i++) {
		s = skl_socket(AF_INET, i % 2 ? SOCK_DGRAM : SOCK_STREAM, 0);
		WORKS(skl_bind(s, loopback(AF_INET, port)));
		port = port_of(s);
		if (i % 4 == 0)
			WORKS(skl_listen(s, 1));
		WORKS(skl_close(s));
	}
	case_close(stack);
}

/* A server that is closed and made again at once, with clients on it. */
static void test_server_again(void)
{
	skl_stack *stack = case_open("");
	uint16_t port = 0;

	for (int i = 0; i < 10; i++) {
		skl_sock *l = skl_create_server(loopback(AF_INET, port), NULL);
		struct pair p;

		CU_ASSERT_PTR_NOT_NULL_FATAL(l);
		port = port_of(l);
		p = pair_over(l);
		WORKS(skl_close(l));
		WORKS(skl_close(p.server));
		WORKS(skl_close(p.client));
	}
	case_close(stack);
}

/* Connections that nobody accepted are reset when the listener goes. */
static void test_listener_closed(void)
{
	skl_stack *stack = case_open("");
	skl_sock *l = listen_on(AF_INET, 5);
	skl_sock *c =
		skl_create_connection(loopback(AF_INET, port_of(l)), 5, NULL);
	char b;

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	WORKS(skl_close(l));
	FAILS(skl_recv(c, &b, 1, 0), ECONNRESET);
	WORKS(skl_close(c));
	case_close(stack);
}

/* From one address to another, each with a port of its own. */
static void test_many_connections(void)
{
	enum {
		COUNT = 1200
	};
	static struct pair p[COUNT];
	skl_stack *stack = case_open("");
	skl_sock *l = listen_on(AF_INET, 10);
	char c = 0;

	for (int i = 0; i < COUNT; i++)
		p[i] = pair_over(l);
	for (int i = 0; i < COUNT; i++) {
		char b = (char)i;

		CU_ASSERT_EQUAL(skl_send(p[i].client, &b, 1, 0), 1);
	}
	for (int i = 0; i < COUNT; i++) {
		CU_ASSERT_EQUAL(skl_recv(p[i].server, &c, 1, 0), 1);
		CU_ASSERT_EQUAL(c, (char)i);
		pair_close(&p[i]);
	}
	skl_close(l);
	case_close(stack);
}

/* ---- create_connection, create_server ---------------------------------- */

static void test_create_connection(void)
{
	skl_stack *stack = case_open("");
	skl_sock *l = skl_create_server(skl_inet("", 0), NULL), *s;
	uint16_t port = port_of(l), nobody;
	skl_addr source = skl_inet("127.0.0.1", 0), a;

	s = skl_create_connection(skl_inet("localhost", port), 5, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(skl_gettimeout(s), 5);
	skl_close(s);
	s = skl_create_connection(skl_inet("127.0.0.1", port), SKL_DEFAULT,
				  &source);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(skl_gettimeout(s), SKL_FOREVER);
	skl_close(s);
	/* From a port that the caller chooses. */
	s = listen_on(AF_INET, 1);
	nobody = port_of(s);
	skl_close(s);
	source = skl_inet("127.0.0.1", nobody);
	s = skl_create_connection(skl_inet("127.0.0.1", port), SKL_FOREVER,
				  &source);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(port_of(s), nobody);
	WORKS(skl_getpeername(s, &a));
	CU_ASSERT_EQUAL(a.port, port);
	skl_close(s);
	source = skl_inet("192.0.2.9", 0);
	FAILS_NULL(
		skl_create_connection(skl_inet("127.0.0.1", port), 5, &source),
		EADDRNOTAVAIL);
	skl_close(l);
	FAILS_NULL(skl_create_connection(skl_inet("127.0.0.1", port), 5, NULL),
		   ECONNREFUSED);
	FAILS_AS(skl_create_connection(skl_inet("no.such.host.example", 80), 5,
				       NULL)
			 ? 0
			 : -1,
		 SKL_GAIERROR, -2);
	FAILS_AS(skl_create_connection(skl_inet("127.0.0.1", 70000), 5, NULL)
			 ? 0
			 : -1,
		 SKL_OVERFLOWERROR, EOVERFLOW);
	FAILS_AS(skl_create_connection(skl_inet("127.0.0.1", 80), -5, NULL)
			 ? 0
			 : -1,
		 SKL_VALUEERROR, EINVAL);
	case_close(stack);
}

/* localhost is both families: a server on one of them is found. */
static void test_create_connection_tries_all(void)
{
	static const int families[] = {AF_INET, AF_INET6};
	skl_stack *stack = case_open("");

	for (int i = 0; i < 2; i++) {
		skl_sock *l = listen_on(families[i], 5), *s;

		s = skl_create_connection(skl_inet("localhost", port_of(l)), 5,
					  NULL);
		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		CU_ASSERT_EQUAL(skl_family(s), families[i]);
		skl_close(s);
		skl_close(l);
	}
	case_close(stack);
}

static int option_of(skl_sock *s, int level, int option)
{
	int value = -1;

	WORKS(skl_getsockopt(s, level, option, &value));
	return value;
}

static void test_create_server(void)
{
	struct skl_server_options six = {.family = AF_INET6, .backlog = 3};
	struct skl_server_options wrong = {.dualstack_ipv6 = true};
	struct skl_server_options reuse = {.reuse_port = true};
	skl_stack *stack = case_open("");
	skl_sock *l = skl_create_server(skl_inet("", 0), NULL), *l2;

	CU_ASSERT_PTR_NOT_NULL_FATAL(l);
	CU_ASSERT_EQUAL(skl_family(l), AF_INET);
	CU_ASSERT_EQUAL(option_of(l, SOL_SOCKET, SO_REUSEADDR), 1);
	CU_ASSERT_EQUAL(option_of(l, SOL_SOCKET, SO_ACCEPTCONN), 1);
	FAILS_NULL(skl_create_server(skl_inet("", port_of(l)), NULL),
		   EADDRINUSE);
	/* IPv6 alone: the same port is free there. */
	l2 = skl_create_server(skl_inet("", port_of(l)), &six);
	CU_ASSERT_PTR_NOT_NULL_FATAL(l2);
	CU_ASSERT_EQUAL(option_of(l2, IPPROTO_IPV6, IPV6_V6ONLY), 1);
	skl_close(l);
	FAILS_NULL(
		skl_create_connection(loopback(AF_INET, port_of(l2)), 5, NULL),
		ECONNREFUSED);
	skl_close(l2);
	FAILS_AS(skl_create_server(skl_inet("", 0), &wrong) ? 0 : -1,
		 SKL_VALUEERROR, EINVAL);
	FAILS_NULL(skl_create_server(skl_inet("", 0), &reuse), ENOPROTOOPT);
	FAILS_NULL(skl_create_server(skl_inet("192.0.2.1", 0), NULL),
		   EADDRNOTAVAIL);
	CU_ASSERT(skl_has_dualstack_ipv6());
	case_close(stack);
}

static void test_create_server_dual(void)
{
	static const char *const hosts[] = {"127.0.0.1", "::1"};
	static const char *const seen[] = {"::ffff:127.0.0.1", "::1"};
	struct skl_server_options dual = {.family = AF_INET6,
					  .dualstack_ipv6 = true};
	skl_stack *stack = case_open("");
	skl_sock *l = skl_create_server(skl_inet("", 0), &dual);

	CU_ASSERT_PTR_NOT_NULL_FATAL(l);
	CU_ASSERT_EQUAL(option_of(l, IPPROTO_IPV6, IPV6_V6ONLY), 0);
	for (int i = 0; i < 2; i++) {
		skl_sock *c, *s;
		skl_addr peer, own;

		c = skl_create_connection(skl_inet(hosts[i], port_of(l)), 5,
					  NULL);
		CU_ASSERT_PTR_NOT_NULL_FATAL(c);
		s = skl_accept(l, &peer);
		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		CU_ASSERT_EQUAL(peer.family, AF_INET6);
		CU_ASSERT_EQUAL(peer.port, port_of(c));
		CU_ASSERT_STRING_EQUAL(host_of(&peer), seen[i]);
		WORKS(skl_getsockname(s, &own));
		CU_ASSERT_EQUAL(own.port, port_of(l));
		CU_ASSERT_STRING_EQUAL(host_of(&own), seen[i]);
		skl_close(s);
		skl_close(c);
	}
	skl_close(l);
	case_close(stack);
}

static const struct suite_case cases[] = {
	{"close sends what is queued", test_close_sends_all},
	{"close over unread data", test_close_unread},
	{"send after the peer's close", test_send_after_peers_close},
	{"SO_LINGER 0", test_linger_zero},
	{"SO_LINGER waits", test_linger_waits},
	{"SO_LINGER after the peer's end", test_linger_after_end},
	{"SO_LINGER gives up", test_linger_gives_up},
	{"SO_LINGER, non-blocking", test_linger_nonblocking},
	{"half-close both ways", test_half_close},
	{"reading shut down", test_shut_reading},
	{"a port is free again", test_port_free_again},
	{"a server is made again", test_server_again},
	{"a listener closed over connections", test_listener_closed},
	{"1,200 connections", test_many_connections},
	{"create_connection", test_create_connection},
	{"create_connection tries all", test_create_connection_tries_all},
	{"create_server", test_create_server},
	{"create_server, dual stack", test_create_server_dual},
};

SUITE_MAIN("close", cases)
