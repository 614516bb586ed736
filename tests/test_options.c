/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Options: each one set and read back beside a kernel socket; what the stack
 * does not honour is ENOPROTOOPT, never a silent success.
 */
#include "tests/side.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/sockets.h"

/* ---- Beside the kernel ------------------------------------------------- */

struct option {
	int level, option;
};

static const struct option socket_options[] = {
	{SOL_SOCKET, SO_REUSEADDR},  {SOL_SOCKET, SO_BROADCAST},
	{SOL_SOCKET, SO_ERROR},      {SOL_SOCKET, SO_TYPE},
	{SOL_SOCKET, SO_DOMAIN},     {SOL_SOCKET, SO_PROTOCOL},
	{SOL_SOCKET, SO_ACCEPTCONN},
};

static const struct option tcp_options[] = {
	{SOL_SOCKET, SO_KEEPALIVE},  {IPPROTO_TCP, TCP_NODELAY},
	{IPPROTO_TCP, TCP_KEEPIDLE}, {IPPROTO_TCP, TCP_KEEPINTVL},
	{IPPROTO_TCP, TCP_KEEPCNT},
};

static const struct option ip_options[] = {
	{IPPROTO_IP, IP_TTL},
	{IPPROTO_IP, IP_TOS},
};

static const struct option ip6_options[] = {
	{IPPROTO_IPV6, IPV6_V6ONLY},
	{IPPROTO_IPV6, IPV6_UNICAST_HOPS},
	{IPPROTO_IPV6, IPV6_TCLASS},
};

/* Its default, and each value: is it taken, and how does it read back? */
static void option_try(struct end *e, const struct option *o)
{
	static const int values[] = {1,   0,   2,  -1,   64,    127,     128,
				     255, 256, -2, 1000, 32767, 1 << 30, 33};

	end_getopt(e, o->level, o->option, 4);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		end_setint(e, o->level, o->option, values[i]);
		end_getopt(e, o->level, o->option, 4);
	}
}

static void options_try(struct end *e, const struct option *o, size_t n)
{
	for (size_t i = 0; i < n; i++)
		option_try(e, &o[i]);
}

#define TRY(e, options) \
 options_try(e, options, sizeof(options) / sizeof((options)[0]))

static void run_tcp4(struct script *t)
{
	struct end *e = end_socket(t, "tcp4", AF_INET, SOCK_STREAM);

	TRY(e, socket_options);
	TRY(e, tcp_options);
	TRY(e, ip_options);
}

static void run_tcp6(struct script *t)
{
	struct end *e = end_socket(t, "tcp6", AF_INET6, SOCK_STREAM);

	TRY(e, socket_options);
	TRY(e, tcp_options);
	TRY(e, ip6_options);
}

static void run_udp4(struct script *t)
{
	struct end *e = end_socket(t, "udp4", AF_INET, SOCK_DGRAM);

	TRY(e, socket_options);
	TRY(e, ip_options);
}

static void run_udp6(struct script *t)
{
	struct end *e = end_socket(t, "udp6", AF_INET6, SOCK_DGRAM);

	TRY(e, socket_options);
	TRY(e, ip6_options);
}

static void test_tcp4(void)
{
	side_compare(run_tcp4);
}

static void test_tcp6(void)
{
	side_compare(run_tcp6);
}

static void test_udp4(void)
{
	side_compare(run_udp4);
}

static void test_udp6(void)
{
	side_compare(run_udp6);
}

/* Options of another protocol or family. */
static void run_foreign(struct script *t)
{
	struct end *udp = end_socket(t, "udp", AF_INET, SOCK_DGRAM);
	struct end *tcp = end_socket(t, "tcp", AF_INET, SOCK_STREAM);

	end_setint(udp, IPPROTO_TCP, TCP_NODELAY, 1);
	end_setint(tcp, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	end_setint(tcp, SOL_SOCKET, 9999, 1);
	end_getopt(tcp, SOL_SOCKET, 9999, 4);
	end_setint(tcp, IPPROTO_TCP, 9999, 1);
	end_getopt(tcp, IPPROTO_TCP, 9999, 4);
	end_setint(tcp, IPPROTO_IP, 9999, 1);
	end_getopt(tcp, IPPROTO_IP, 9999, 4);
	end_setint(tcp, 9999, 1, 1);
	end_setint(udp, 9999, 1, 1);
}

static void test_foreign(void)
{
	side_compare(run_foreign);
}

/* Buffers of another length than an int's. */
static void run_lengths(struct script *t)
{
	static const struct option options[] = {
		{SOL_SOCKET, SO_REUSEADDR},  {SOL_SOCKET, SO_LINGER},
		{IPPROTO_TCP, TCP_NODELAY},  {IPPROTO_TCP, TCP_KEEPIDLE},
		{IPPROTO_IPV6, IPV6_V6ONLY}, {IPPROTO_IPV6, IPV6_UNICAST_HOPS},
	};
	struct end *e = end_socket(t, "e", AF_INET6, SOCK_STREAM);
	int values[8] = {1, 2, 3};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		static const size_t lengths[] = {1, 2, 3, 4, 7, 8, 16};

		for (size_t n = 0; n < 7; n++) {
			end_setopt(e, options[i].level, options[i].option,
				   values, lengths[n]);
			end_getopt(e, options[i].level, options[i].option,
				   lengths[n]);
		}
	}
}

static void test_lengths(void)
{
	side_compare(run_lengths);
}

static void run_linger(struct script *t)
{
	static const struct linger values[] = {
		{0, 0}, {1, 0}, {1, 5}, {0, 7}, {5, 9}, {1, 100000},
	};
	struct end *tcp = end_socket(t, "tcp", AF_INET, SOCK_STREAM);
	struct end *udp = end_socket(t, "udp", AF_INET, SOCK_DGRAM);

	end_getopt(tcp, SOL_SOCKET, SO_LINGER, 8);
	for (size_t i = 0; i < 6; i++) {
		end_setopt(tcp, SOL_SOCKET, SO_LINGER, &values[i], 8);
		end_getopt(tcp, SOL_SOCKET, SO_LINGER, 8);
	}
	end_setopt(udp, SOL_SOCKET, SO_LINGER, &values[1], 8);
	end_getopt(udp, SOL_SOCKET, SO_LINGER, 8);
}

static void test_linger(void)
{
	side_compare(run_linger);
}

/* What accepted sockets have from their listener. */
static void run_inherit(struct script *t)
{
	static const struct option inherited[] = {
		{SOL_SOCKET, SO_REUSEADDR},   {SOL_SOCKET, SO_KEEPALIVE},
		{SOL_SOCKET, SO_LINGER},      {IPPROTO_TCP, TCP_NODELAY},
		{IPPROTO_TCP, TCP_KEEPIDLE},  {IPPROTO_TCP, TCP_KEEPCNT},
		{IPPROTO_TCP, TCP_KEEPINTVL}, {IPPROTO_IP, IP_TTL},
		{IPPROTO_IP, IP_TOS},         {SOL_SOCKET, SO_ACCEPTCONN},
		{SOL_SOCKET, SO_TYPE},        {SOL_SOCKET, SO_DOMAIN},
	};
	struct end *l = end_socket(t, "l", AF_INET, SOCK_STREAM);
	struct end *c = end_socket(t, "c", AF_INET, SOCK_STREAM), *s;
	struct linger on = {1, 3};

	end_setint(l, SOL_SOCKET, SO_REUSEADDR, 1);
	end_setint(l, SOL_SOCKET, SO_KEEPALIVE, 1);
	end_setopt(l, SOL_SOCKET, SO_LINGER, &on, sizeof(on));
	end_setint(l, IPPROTO_TCP, TCP_NODELAY, 1);
	end_setint(l, IPPROTO_TCP, TCP_KEEPIDLE, 77);
	end_setint(l, IPPROTO_TCP, TCP_KEEPCNT, 5);
	end_setint(l, IPPROTO_TCP, TCP_KEEPINTVL, 66);
	end_setint(l, IPPROTO_IP, IP_TTL, 33);
	end_bind(l, place_make("127.0.0.1", 0));
	end_listen(l, 1);
	end_connect(c, end_place(l));
	end_poll(l, POLLIN);
	s = end_accept(l, "s");
	for (size_t i = 0; i < sizeof(inherited) / sizeof(inherited[0]); i++)
		end_getopt(s, inherited[i].level, inherited[i].option, 8);
}

static void test_inherit(void)
{
	side_compare(run_inherit);
}

/* ---- Ours alone -------------------------------------------------------- */

/* SO_RCVBUF and SO_SNDBUF: twice what was set, within limits. */
static void test_buffer_sizes(void)
{
	static const int options[] = {SO_RCVBUF, SO_SNDBUF};
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM};
	skl_stack *stack = case_open("");

	for (int i = 0; i < 4; i++) {
		skl_sock *s = skl_socket(AF_INET, types[i / 2], 0);
		int o = options[i % 2], value = 0;

		WORKS(skl_getsockopt(s, SOL_SOCKET, o, &value));
		CU_ASSERT(value >= 65536);
		WORKS(skl_setsockopt(s, SOL_SOCKET, o, 50000));
		WORKS(skl_getsockopt(s, SOL_SOCKET, o, &value));
		CU_ASSERT_EQUAL(value, 100000);
		/* Too little and too much are cut, as on Linux. */
		WORKS(skl_setsockopt(s, SOL_SOCKET, o, 1));
		WORKS(skl_getsockopt(s, SOL_SOCKET, o, &value));
		CU_ASSERT(value >= 2000);
		CU_ASSERT(value <= 10000);
		WORKS(skl_setsockopt(s, SOL_SOCKET, o, 2000000000));
		WORKS(skl_getsockopt(s, SOL_SOCKET, o, &value));
		CU_ASSERT(value >= 1 << 20);
		CU_ASSERT(value <= 64 << 20);
		WORKS(skl_setsockopt(s, SOL_SOCKET, o, -1));
		WORKS(skl_getsockopt(s, SOL_SOCKET, o, &value));
		CU_ASSERT(value > 0);
		skl_close(s);
	}
	case_close(stack);
}

/* What Linux knows and we do not honour: told, not swallowed. */
static void test_not_honoured(void)
{
	static const struct option options[] = {
		{SOL_SOCKET, SO_REUSEPORT},  {SOL_SOCKET, SO_PRIORITY},
		{SOL_SOCKET, SO_MARK},       {SOL_SOCKET, SO_TIMESTAMP},
		{SOL_SOCKET, SO_OOBINLINE},  {SOL_SOCKET, SO_DONTROUTE},
		{SOL_SOCKET, SO_RCVLOWAT},   {SOL_SOCKET, SO_BUSY_POLL},
		{IPPROTO_TCP, TCP_CORK},     {IPPROTO_TCP, TCP_DEFER_ACCEPT},
		{IPPROTO_TCP, TCP_FASTOPEN}, {IPPROTO_TCP, TCP_CONGESTION},
		{IPPROTO_IP, IP_PKTINFO},    {IPPROTO_IP, IP_RECVERR},
		{IPPROTO_IP, IP_FREEBIND},   {IPPROTO_IP, IP_TRANSPARENT},
	};
	skl_stack *stack = case_open("");
	skl_sock *s = skl_socket(AF_INET, SOCK_STREAM, 0);
	int value;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		FAILS(skl_setsockopt(s, options[i].level, options[i].option, 1),
		      ENOPROTOOPT);
		FAILS(skl_getsockopt(s, options[i].level, options[i].option,
				     &value),
		      ENOPROTOOPT);
	}
	skl_close(s);
	case_close(stack);
}

static void test_maxseg(void)
{
	skl_stack *stack = case_open("");
	struct pair p = pair_open(AF_INET);
	int value = 0;

	WORKS(skl_getsockopt(p.client, IPPROTO_TCP, TCP_MAXSEG, &value));
	CU_ASSERT(value > 1000);
	CU_ASSERT(value <= 65535);
	FAILS(skl_setsockopt(p.client, IPPROTO_TCP, TCP_MAXSEG, 1000),
	      ENOPROTOOPT);
	pair_close(&p);
	case_close(stack);
}

/* ---- What options do --------------------------------------------------- */

/* Does an option reach the packets? A capture tells. */
static size_t capture_read(const char *path, uint8_t *buf, size_t size)
{
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(buf, 1, size, f) : 0;

	if (f)
		fclose(f);
	return n;
}

static bool has_bytes(const uint8_t *buf, size_t n, const void *what,
		      size_t len)
{
	return memmem(buf, n, what, len) != NULL;
}

static void test_ttl_and_tos_are_sent(void)
{
	static uint8_t buf[65536];
	char path[] = "/tmp/sockling-test-XXXXXX";
	int fd = mkstemp(path);
	skl_stack *stack = case_open("");
	skl_sock *four = udp_on(AF_INET), *six = udp_on(AF_INET6);
	bool class = false;
	skl_addr to;
	size_t n;

	CU_ASSERT(fd >= 0);
	WORKS(skl_stack_capture(stack, "lo", path, 0, 0));
	WORKS(skl_setsockopt(four, IPPROTO_IP, IP_TTL, 77));
	WORKS(skl_setsockopt(four, IPPROTO_IP, IP_TOS, 0xb8));
	WORKS(skl_setsockopt(six, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 78));
	WORKS(skl_setsockopt(six, IPPROTO_IPV6, IPV6_TCLASS, 0xb8));
	WORKS(skl_getsockname(four, &to));
	CU_ASSERT_EQUAL(skl_sendto(four, "four", 4, 0, to), 4);
	WORKS(skl_getsockname(six, &to));
	CU_ASSERT_EQUAL(skl_sendto(six, "six!", 4, 0, to), 4);
	WORKS(skl_stack_capture(stack, "lo", NULL, 0, 0));
	n = capture_read(path, buf, sizeof(buf));
	/* Version, header length, TOS, total length. */
	CU_ASSERT(has_bytes(buf, n, "\x45\xb8\x00\x20", 4));
	CU_ASSERT(has_bytes(buf, n, "\x4d\x11", 2)); /* TTL 77, UDP */
	/* Version and class; the rest of the second byte is flow label. */
	for (size_t i = 0; i + 1 < n; i++)
		class |= buf[i] == 0x6b && buf[i + 1] >> 4 == 8;
	CU_ASSERT(class);
	CU_ASSERT(has_bytes(buf, n, "\x00\x0c\x11\x4e", 4)); /* 12, UDP, 78 */
	skl_close(four);
	skl_close(six);
	unlink(path);
	close(fd);
	case_close(stack);
}

/* Nagle: small writes wait for the acknowledgement of what is under way. */
static int segments_of(bool nodelay)
{
	static uint8_t buf[65536];
	char path[] = "/tmp/sockling-test-XXXXXX";
	int fd = mkstemp(path), segments = 0;
	skl_stack *stack = case_open("");
	struct pair p = pair_open(AF_INET);
	size_t n;

	WORKS(skl_setsockopt(p.client, IPPROTO_TCP, TCP_NODELAY, nodelay));
	WORKS(skl_stack_capture(stack, "lo", path, 0, 0));
	for (int i = 0; i < 8; i++)
		CU_ASSERT_EQUAL(skl_send(p.client, "needle", 6, 0), 6);
	WORKS(skl_stack_capture(stack, "lo", NULL, 0, 0));
	n = capture_read(path, buf, sizeof(buf));
	for (uint8_t *at = buf;
	     (at = memmem(at, n - (size_t)(at - buf), "needle", 6)); at += 6)
		segments++;
	CU_ASSERT_EQUAL(receive(p.server, buf, 48), 48);
	pair_close(&p);
	unlink(path);
	close(fd);
	case_close(stack);
	return segments;
}

static void test_nodelay(void)
{
	CU_ASSERT_EQUAL(segments_of(true), 8);
	CU_ASSERT_EQUAL(segments_of(false), 1);
}

/* ---- Keepalive --------------------------------------------------------- */

/* The peer vanishes: with SO_KEEPALIVE it is noticed, in the time asked for. */
static void test_keepalive(void)
{
	skl_stack *a = case_open("wire:keepalive 10.1.0.1/24");
	skl_stack *b = skl_stack_open("wire:keepalive 10.1.0.2/24");
	skl_sock *l, *c, *quiet;
	double began;
	char buf[1];

	skl_stack_set_current(b);
	l = skl_create_server(skl_inet("10.1.0.2", 80), NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(l);
	skl_stack_set_current(a);
	c = skl_create_connection(skl_inet("10.1.0.2", 80), 5, NULL);
	quiet = skl_create_connection(skl_inet("10.1.0.2", 80), 5, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_PTR_NOT_NULL_FATAL(quiet);
	WORKS(skl_setsockopt(c, SOL_SOCKET, SO_KEEPALIVE, 1));
	WORKS(skl_setsockopt(c, IPPROTO_TCP, TCP_KEEPIDLE, 1));
	WORKS(skl_setsockopt(c, IPPROTO_TCP, TCP_KEEPINTVL, 1));
	WORKS(skl_setsockopt(c, IPPROTO_TCP, TCP_KEEPCNT, 2));
	/* From now on what is sent there reaches nobody. */
	WORKS(skl_stack_configure(a, "keepalive neigh 10.1.0.2 "
				     "02:00:00:00:00:99"));
	began = now();
	skl_settimeout(c, 10);
	FAILS(skl_recv(c, buf, 1, 0), ETIMEDOUT);
	CU_ASSERT(now() - began > 1.5);
	CU_ASSERT(now() - began < 8);
	skl_setblocking(quiet, false);
	FAILS(skl_recv(quiet, buf, 1, 0), EAGAIN);
	skl_close(c);
	skl_close(quiet);
	WORKS(skl_stack_close(b));
	skl_close(l);
	skl_stack_set_current(NULL);
	WORKS(skl_stack_close(a));
}

static const struct suite_case cases[] = {
	{"TCP over IPv4", test_tcp4},
	{"TCP over IPv6", test_tcp6},
	{"UDP over IPv4", test_udp4},
	{"UDP over IPv6", test_udp6},
	{"of another protocol", test_foreign},
	{"lengths", test_lengths},
	{"SO_LINGER", test_linger},
	{"inherited by accepted sockets", test_inherit},
	{"sizes of buffers", test_buffer_sizes},
	{"not honoured", test_not_honoured},
	{"TCP_MAXSEG", test_maxseg},
	{"TTL and TOS are sent", test_ttl_and_tos_are_sent},
	{"TCP_NODELAY", test_nodelay},
	{"keepalive", test_keepalive},
};

SUITE_MAIN("options", cases)
