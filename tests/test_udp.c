/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UDP: datagrams stay whole, connected and unconnected sockets, sizes, errors
 * from ICMP, broadcast, both families; beside the kernel where it can be.
 */
#include "tests/side.h"

#include <poll.h>
#include <string.h>

#include "tests/sockets.h"

/* ---- Beside the kernel ------------------------------------------------- */

static void run_fresh(struct script *t)
{
	struct end *e = end_socket(t, "e", AF_INET, SOCK_DGRAM);

	end_name(e, false);
	end_name(e, true);
	end_recv(e, 10, 0);
	end_listen(e, 1);
	end_accept(e, "none");
	end_getopt(e, SOL_SOCKET, SO_ERROR, 4);
	end_bind(e, place_make("127.0.0.1", 0));
	end_name(e, false);
	end_bind(e, place_make("127.0.0.1", 0));
	end_send(e, 10, 0, NULL);
	end_recv(e, 10, 0);
}

static void test_fresh(void)
{
	side_compare(run_fresh);
}

static struct end *bound(struct script *t, const char *name, const char *host)
{
	struct end *e = end_socket(
		t, name, strchr(host, ':') ? AF_INET6 : AF_INET, SOCK_DGRAM);

	end_bind(e, place_make(host, 0));
	return e;
}

static void run_datagrams(struct script *t)
{
	struct end *a = bound(t, "a", "127.0.0.1");
	struct end *b = bound(t, "b", "127.0.0.1");
	struct place to = end_place(b);

	end_send(a, 100, 0, &to);
	end_send(a, 0, 0, &to);
	end_send(a, 1, 0, &to);
	end_poll(b, POLLIN);
	end_recv(b, 10, MSG_PEEK);
	end_recv(b, 1000, MSG_PEEK);
	/* What does not fit is lost. */
	end_recv(b, 10, 0);
	end_recv(b, 1000, 0);
	end_recv(b, 1000, 0);
	end_recv(b, 1000, 0);
	end_send(a, 65507, 0, &to);
	end_poll(b, POLLIN);
	end_recv(b, 70000, 0);
	end_send(a, 65508, 0, &to);
	end_send(a, 70000, 0, &to);
	end_poll(b, 0);
}

static void test_datagrams(void)
{
	side_compare(run_datagrams);
}

static void run_connected(struct script *t)
{
	struct end *a = bound(t, "a", "::1"), *b = bound(t, "b", "::1");
	struct end *c = bound(t, "c", "::1");
	struct place to_a = end_place(a), to_b = end_place(b);

	end_connect(a, to_b);
	end_name(a, true);
	end_send(a, 5, 0, NULL);
	end_poll(b, POLLIN);
	end_recv(b, 10, 0);
	/* From anyone but its peer it hears nothing. */
	end_send(c, 6, 0, &to_a);
	end_poll(a, 0);
	end_send(b, 7, 0, &to_a);
	end_poll(a, POLLIN);
	end_recv(a, 10, 0);
	/* It may still send elsewhere, and be connected anew. */
	to_b = end_place(c);
	end_send(a, 8, 0, &to_b);
	end_poll(c, POLLIN);
	end_recv(c, 10, 0);
	end_connect(a, to_b);
	end_send(c, 9, 0, &to_a);
	end_poll(a, POLLIN);
	end_recv(a, 10, 0);
	to_b = (struct place){.sa.ss_family = AF_UNSPEC,
			      .len = sizeof(struct sockaddr_in6)};
	end_connect(a, to_b);
	end_name(a, true);
	end_send(a, 5, 0, NULL);
}

static void test_connected(void)
{
	side_compare(run_connected);
}

/* The source is chosen when the peer is known. */
static void run_source(struct script *t)
{
	struct end *b = bound(t, "b", "127.0.0.1");
	struct end *a = end_socket(t, "a", AF_INET, SOCK_DGRAM);
	struct place to = end_place(b);

	end_send(a, 5, 0, &to);
	end_name(a, false);
	end_connect(a, to);
	end_name(a, false);
	end_name(a, true);
	a = end_socket(t, "wild", AF_INET, SOCK_DGRAM);
	end_bind(a, place_make("0.0.0.0", 0));
	end_connect(a, to);
	end_name(a, false);
	a = end_socket(t, "nowhere", AF_INET, SOCK_DGRAM);
	end_connect(
		a, place_make("0.0.0.0",
			      ntohs(((struct sockaddr_in *)&to.sa)->sin_port)));
	end_name(a, true);
	end_send(a, 5, 0, NULL);
	end_poll(b, POLLIN);
}

static void test_source(void)
{
	side_compare(run_source);
}

static void refused(struct script *t, const char *host)
{
	struct end *gone = bound(t, "gone", host), *e = bound(t, "e", host);
	struct place nobody = end_place(gone), away;

	end_close(gone);
	/* Unconnected: it never hears of it. */
	end_send(e, 5, 0, &nobody);
	end_send(e, 5, 0, &nobody);
	end_getopt(e, SOL_SOCKET, SO_ERROR, 4);
	end_recv(e, 5, 0);
	end_connect(e, nobody);
	end_send(e, 5, 0, NULL);
	end_poll(e, POLLERR);
	end_recv(e, 5, 0);
	end_recv(e, 5, 0);
	end_send(e, 5, 0, NULL);
	end_poll(e, POLLERR);
	end_send(e, 5, 0, NULL);
	end_getopt(e, SOL_SOCKET, SO_ERROR, 4);
	end_send(e, 5, 0, NULL);
	end_poll(e, POLLERR);
	away = end_place(bound(t, "away", host));
	end_send(e, 5, 0, &away);
	end_send(e, 5, 0, &away);
}

static void run_refused(struct script *t)
{
	refused(t, "127.0.0.1");
	refused(t, "::1");
}

static void test_refused(void)
{
	side_compare(run_refused);
}

static void run_bind(struct script *t)
{
	struct end *a = bound(t, "a", "127.0.0.1"), *b;
	struct place p = end_place(a);
	uint16_t port = ntohs(((struct sockaddr_in *)&p.sa)->sin_port);

	b = end_socket(t, "b", AF_INET, SOCK_DGRAM);
	end_bind(b, p);
	end_bind(b, place_make("0.0.0.0", port));
	end_setint(b, SOL_SOCKET, SO_REUSEADDR, 1);
	end_bind(b, p);
	end_bind(b, place_make("127.0.0.2", port));
	b = end_socket(t, "six", AF_INET6, SOCK_DGRAM);
	end_bind(b, place_make("::", port));
	end_setint(b, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	end_bind(b, place_make("::", port));
	b = end_socket(t, "foreign", AF_INET, SOCK_DGRAM);
	end_bind(b, place_make("192.0.2.1", 0));
	/* TCP's ports are others. */
	b = end_socket(t, "tcp", AF_INET, SOCK_STREAM);
	end_bind(b, p);
	/* Both ask for it: UDP shares the address. */
	a = end_socket(t, "c", AF_INET, SOCK_DGRAM);
	b = end_socket(t, "d", AF_INET, SOCK_DGRAM);
	end_setint(a, SOL_SOCKET, SO_REUSEADDR, 1);
	end_setint(b, SOL_SOCKET, SO_REUSEADDR, 1);
	end_bind(a, place_make("127.0.0.1", 0));
	end_bind(b, end_place(a));
}

static void test_bind(void)
{
	side_compare(run_bind);
}

/* One socket of both families; what it shows of IPv4 is mapped. */
static void run_dual(struct script *t)
{
	struct end *six = end_socket(t, "six", AF_INET6, SOCK_DGRAM);
	struct end *four = bound(t, "four", "127.0.0.1");
	struct place p, to;

	end_setint(six, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	end_bind(six, place_make("::", 0));
	p = end_place(six);
	to = place_make("127.0.0.1",
			ntohs(((struct sockaddr_in6 *)&p.sa)->sin6_port));
	end_send(four, 5, 0, &to);
	end_poll(six, POLLIN);
	end_recv(six, 10, 0);
	p = end_place(four);
	to = place_make("::ffff:127.0.0.1",
			ntohs(((struct sockaddr_in *)&p.sa)->sin_port));
	end_send(six, 6, 0, &to);
	end_poll(four, POLLIN);
	end_recv(four, 10, 0);
	end_connect(six, to);
	end_name(six, false);
	end_name(six, true);
	six = end_socket(t, "only", AF_INET6, SOCK_DGRAM);
	end_setint(six, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	end_send(six, 5, 0, &to);
	end_connect(six, to);
}

static void test_dual(void)
{
	side_compare(run_dual);
}

/* ---- What only we can see ---------------------------------------------- */

static void test_recvfrom(void)
{
	skl_stack *stack = case_open("");
	skl_sock *a = udp_on(AF_INET), *b = udp_on(AF_INET);
	skl_addr to, from;
	char buf[8];

	WORKS(skl_getsockname(b, &to));
	CU_ASSERT_EQUAL(skl_sendto(a, "hello", 5, 0, to), 5);
	CU_ASSERT_EQUAL(skl_recvfrom(b, buf, 8, MSG_PEEK, &from), 5);
	CU_ASSERT_EQUAL(from.port, port_of(a));
	memset(&from, 0xff, sizeof(from));
	CU_ASSERT_EQUAL(skl_recvfrom(b, buf, 8, 0, &from), 5);
	CU_ASSERT_EQUAL(from.family, AF_INET);
	CU_ASSERT_EQUAL(from.port, port_of(a));
	CU_ASSERT_PTR_NULL(from.name);
	CU_ASSERT_STRING_EQUAL(host_of(&from), "127.0.0.1");
	/* The answer goes to where it came from. */
	CU_ASSERT_EQUAL(skl_sendto(b, "world", 5, 0, from), 5);
	CU_ASSERT_EQUAL(skl_recvfrom_into(a, buf, 8, 3, 0, &from), 3);
	CU_ASSERT_EQUAL(from.port, to.port);
	FAILS(skl_recv(a, buf, 8, MSG_DONTWAIT), EAGAIN);
	/* sendall sends one datagram, or none. */
	WORKS(skl_connect(a, to));
	WORKS(skl_sendall(a, "one", 3, 0));
	CU_ASSERT_EQUAL(skl_recv(b, buf, 8, 0), 3);
	FAILS(skl_sendall(a, NULL, 70000, 0), EMSGSIZE);
	FAILS_AS(skl_sendto(a, "x", 1, 0, skl_inet("no such host", 1)),
		 SKL_GAIERROR, -2);
	FAILS_AS(skl_sendto(a, "x", 1, 0, skl_inet("127.0.0.1", 65536)),
		 SKL_OVERFLOWERROR, EOVERFLOW);
	FAILS(skl_sendto(b, "x", 1, 0, skl_inet("192.0.2.1", 9)), ENETUNREACH);
	skl_close(a);
	skl_close(b);
	case_close(stack);
}

/* SO_RCVBUF bounds what waits, counted with what it costs to hold it. */
static void test_rcvbuf(void)
{
	static char big[16384];
	skl_stack *stack = case_open("");
	skl_sock *a = udp_on(AF_INET), *b = udp_on(AF_INET);
	struct skl_stack_stats before, after;
	size_t sizes[] = {1, 1000, 16384};
	skl_addr to;

	WORKS(skl_setsockopt(b, SOL_SOCKET, SO_RCVBUF, 65536));
	WORKS(skl_getsockname(b, &to));
	for (int i = 0; i < 3; i++) {
		size_t got = 0;

		WORKS(skl_stack_stats(stack, &before));
		for (int n = 0; n < 3000; n++)
			CU_ASSERT_EQUAL(skl_sendto(a, big, sizes[i], 0, to),
					(ssize_t)sizes[i]);
		WORKS(skl_stack_stats(stack, &after));
		CU_ASSERT(after.memory - before.memory < 4 * 65536);
		while (skl_recv(b, big, sizeof(big), MSG_DONTWAIT) >= 0)
			got++;
		CU_ASSERT(got >= 3);
		CU_ASSERT(got * sizes[i] <= 2 * 65536);
		CU_ASSERT(got < 1000);
	}
	/* Room again, once it is read. */
	CU_ASSERT_EQUAL(skl_sendto(a, "x", 1, 0, to), 1);
	CU_ASSERT_EQUAL(skl_recv(b, big, sizeof(big), 0), 1);
	skl_close(a);
	skl_close(b);
	case_close(stack);
}

/* IPv6's longest; Linux takes 40 more, since a pbuf counts the IP header. */
static void test_longest_six(void)
{
	static char out[65536], in[70000];
	skl_stack *stack = case_open("");
	skl_sock *a = udp_on(AF_INET6), *b = udp_on(AF_INET6);
	skl_addr to;

	bytes_make(2, 0, out, sizeof(out));
	WORKS(skl_getsockname(b, &to));
	skl_settimeout(b, 5);
	CU_ASSERT_EQUAL(skl_sendto(a, out, 65487, 0, to), 65487);
	CU_ASSERT_EQUAL(skl_recv(b, in, sizeof(in), 0), 65487);
	CU_ASSERT(bytes_equal(2, 0, in, 65487));
	FAILS(skl_sendto(a, out, 65488, 0, to), EMSGSIZE);
	FAILS(skl_sendto(a, out, 65528, 0, to), EMSGSIZE);
	skl_close(a);
	skl_close(b);
	case_close(stack);
}

/* Many sockets: each datagram finds its own. */
static void test_many(void)
{
	enum {
		COUNT = 300
	};
	static skl_sock *s[COUNT];
	skl_stack *stack = case_open("");
	skl_sock *sender = udp_on(AF_INET);
	skl_addr to;

	for (int i = 0; i < COUNT; i++)
		s[i] = udp_on(AF_INET);
	for (int i = 0; i < COUNT; i++) {
		WORKS(skl_getsockname(s[i], &to));
		CU_ASSERT_EQUAL(skl_sendto(sender, &i, sizeof(i), 0, to),
				sizeof(i));
	}
	for (int i = 0; i < COUNT; i++) {
		int got = -1;

		CU_ASSERT_EQUAL(skl_recv(s[i], &got, sizeof(got), MSG_DONTWAIT),
				sizeof(got));
		CU_ASSERT_EQUAL(got, i);
		skl_close(s[i]);
	}
	skl_close(sender);
	case_close(stack);
}

/* ---- Over a wire: broadcast, and hosts that are not there -------------- */

static void test_broadcast(void)
{
	skl_stack *a = case_open("wire:udp-broadcast 10.1.0.1/24"), *b;
	skl_sock *s = skl_socket(AF_INET, SOCK_DGRAM, 0), *r;
	const char *to[] = {"<broadcast>", "10.1.0.255"};
	skl_addr from;
	char buf[8];
	uint16_t port;

	b = skl_stack_open("wire:udp-broadcast 10.1.0.2/24");
	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	skl_stack_set_current(b);
	r = skl_socket(AF_INET, SOCK_DGRAM, 0);
	WORKS(skl_bind(r, skl_inet("", 0)));
	skl_settimeout(r, 2);
	port = port_of(r);
	WORKS(skl_bind(s, skl_inet("10.1.0.1", 0)));
	for (int i = 0; i < 2; i++) {
		WORKS(skl_setsockopt(s, SOL_SOCKET, SO_BROADCAST, 0));
		FAILS(skl_sendto(s, "x", 1, 0, skl_inet(to[i], port)), EACCES);
		FAILS(skl_connect(s, skl_inet(to[i], port)), EACCES);
		WORKS(skl_setsockopt(s, SOL_SOCKET, SO_BROADCAST, 1));
		CU_ASSERT_EQUAL(
			skl_sendto(s, "all", 3, 0, skl_inet(to[i], port)), 3);
		CU_ASSERT_EQUAL(skl_recvfrom(r, buf, 8, 0, &from), 3);
		CU_ASSERT_STRING_EQUAL(host_of(&from), "10.1.0.1");
	}
	skl_close(r);
	skl_close(s);
	WORKS(skl_stack_close(b));
	skl_stack_set_current(a);
	case_close(a);
}

/* Nobody answers ARP or ND: a connected socket learns it in bounded time. */
static void test_host_unreachable(void)
{
	static const char *const hosts[] = {"10.1.0.77", "fd01::77"};
	skl_stack *a = case_open("wire:udp-nobody 10.1.0.1/24 fd01::1/64");
	skl_sock *s[2];
	char c;

	for (int i = 0; i < 2; i++) {
		s[i] = skl_socket(i ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
		skl_settimeout(s[i], 8);
		WORKS(skl_connect(s[i], skl_inet(hosts[i], 9)));
		CU_ASSERT_EQUAL(skl_send(s[i], "x", 1, 0), 1);
	}
	for (int i = 0; i < 2; i++) {
		FAILS(skl_recv(s[i], &c, 1, 0), EHOSTUNREACH);
		skl_close(s[i]);
	}
	case_close(a);
}

static const struct suite_case cases[] = {
	{"calls on a fresh socket", test_fresh},
	{"datagrams stay whole", test_datagrams},
	{"connected", test_connected},
	{"the source address", test_source},
	{"refused", test_refused},
	{"bind", test_bind},
	{"dual stack", test_dual},
	{"recvfrom and sendto", test_recvfrom},
	{"SO_RCVBUF bounds", test_rcvbuf},
	{"the longest in IPv6", test_longest_six},
	{"many sockets", test_many},
	{"broadcast", test_broadcast},
	{"a host that is not there", test_host_unreachable},
};

SUITE_MAIN("udp", cases)
