/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Many stacks: two driven by two threads at once, hundreds opened and closed,
 * chance that repeats with a seed and does not without, and an idle stack that
 * never wakes.
 */
#include "tests/sockets.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Two stacks, two threads ------------------------------------------- */

enum {
	SIZE = 24 << 20
};

static long send_all(void *arg)
{
	static __thread uint8_t buf[100000];
	skl_sock *s = arg;
	uint64_t done = 0;

	while (done < SIZE) {
		size_t n =
			SIZE - done < sizeof(buf) ? SIZE - done : sizeof(buf);

		bytes_make(9, done, buf, n);
		if (skl_sendall(s, buf, n, 0))
			return -1;
		done += n;
	}
	skl_shutdown(s, SHUT_WR);
	return (long)done;
}

static long receive_all(void *arg)
{
	static __thread uint8_t buf[100000];
	uint64_t done = 0;
	ssize_t n;

	while ((n = skl_recv(arg, buf, sizeof(buf), 0)) > 0) {
		if (!bytes_equal(9, done, buf, (size_t)n))
			return -1;
		done += (uint64_t)n;
	}
	return n ? -1 : (long)done;
}

static void across(const char *a_words, const char *b_words, const char *host)
{
	skl_stack *a = skl_stack_open(a_words), *b = skl_stack_open(b_words);
	struct skl_server_options dual = {.family = AF_INET6,
					  .dualstack_ipv6 = true};
	skl_sock *l, *c, *s;
	struct worker w[4];

	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	skl_stack_set_current(b);
	l = skl_create_server(skl_inet("", 80), &dual);
	CU_ASSERT_PTR_NOT_NULL_FATAL(l);
	skl_stack_set_current(a);
	c = skl_create_connection(skl_inet(host, 80), 10, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	s = skl_accept(l, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	skl_settimeout(c, SKL_FOREVER);
	worker_start(&w[0], send_all, c);
	worker_start(&w[1], receive_all, s);
	worker_start(&w[2], send_all, s);
	worker_start(&w[3], receive_all, c);
	for (int i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(worker_join(&w[i]), SIZE);
	skl_close(c);
	skl_close(s);
	skl_close(l);
	skl_stack_set_current(NULL);
	WORKS(skl_stack_close(a));
	WORKS(skl_stack_close(b));
}

static void test_two_stacks(void)
{
	across("wire:two 10.4.0.1/24", "wire:two 10.4.0.2/24", "10.4.0.2");
	across("wire:two fd04::1/64 nooffload", "wire:two fd04::2/64",
	       "fd04::2");
}

/* ---- Many stacks ------------------------------------------------------- */

static void test_many_stacks(void)
{
	enum {
		COUNT = 64
	};
	static skl_stack *s[COUNT];
	static skl_sock *u[COUNT];

	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < COUNT; i++) {
			s[i] = skl_stack_open("");
			CU_ASSERT_PTR_NOT_NULL_FATAL(s[i]);
			skl_stack_set_current(s[i]);
			u[i] = udp_on(AF_INET);
		}
		for (int i = 0; i < COUNT; i++) {
			skl_addr to;
			char c;

			WORKS(skl_getsockname(u[i], &to));
			CU_ASSERT_EQUAL(skl_sendto(u[i], "x", 1, 0, to), 1);
			CU_ASSERT_EQUAL(skl_recv(u[i], &c, 1, 0), 1);
		}
		/* Half of them with their sockets open. */
		for (int i = 0; i < COUNT; i++) {
			if (i % 2)
				WORKS(skl_close(u[i]));
			WORKS(skl_stack_close(s[i]));
			if (i % 2 == 0)
				WORKS(skl_close(u[i]));
		}
	}
}

/* ---- Chance ------------------------------------------------------------ */

/* Ports of sockets, the initial sequence numbers of connections. */
struct drawn {
	uint16_t ports[16];
	uint8_t mac[6];
};

static struct drawn draw(const char *config)
{
	skl_stack *s = skl_stack_open(config);
	struct skl_interface nif;
	struct drawn d = {.ports = {0}};

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	skl_stack_set_current(s);
	for (int i = 0; i < 16; i++) {
		skl_sock *k = i % 2 ? udp_on(AF_INET) : listen_on(AF_INET, 1);

		d.ports[i] = port_of(k);
		skl_close(k);
	}
	WORKS(skl_stack_interface(s, 1, &nif));
	memcpy(d.mac, nif.mac, sizeof(d.mac));
	skl_stack_set_current(NULL);
	WORKS(skl_stack_close(s));
	return d;
}

static void test_seed(void)
{
	struct drawn a = draw("seed 7 wire:seed"), b = draw("seed 7 wire:seed");
	struct drawn c = draw("seed 8 wire:seed"), d = draw("wire:seed");
	struct drawn e = draw("wire:seed");

	CU_ASSERT_EQUAL(memcmp(&a, &b, sizeof(a)), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(a.ports, c.ports, sizeof(a.ports)), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(a.mac, c.mac, 6), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(d.ports, e.ports, sizeof(d.ports)), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(d.mac, e.mac, 6), 0);
}

/* Ports are spread, not counted up (RFC 6056). */
static void test_ports_spread(void)
{
	enum {
		COUNT = 400
	};
	skl_stack *s = case_open("");
	int neighbours = 0, low = 65535, high = 0, last = 0;

	for (int i = 0; i < COUNT; i++) {
		skl_sock *k = udp_on(AF_INET);
		int port = port_of(k);

		neighbours += abs(port - last) <= 2;
		low = port < low ? port : low;
		high = port > high ? port : high;
		last = port;
		skl_close(k);
	}
	CU_ASSERT(neighbours < COUNT / 20);
	CU_ASSERT(high - low > 10000);
	CU_ASSERT(low >= 1024);
	case_close(s);
}

/* ---- Idle -------------------------------------------------------------- */

/* 1,000 idle connections: no wake-up in 2 s. */
static void test_idle(void)
{
	enum {
		COUNT = 1000
	};
	static struct pair p[COUNT];
	skl_stack *s = case_open("");
	skl_sock *l = listen_on(AF_INET, 10);
	struct skl_stack_stats before, after;
	char c;

	for (int i = 0; i < COUNT; i++) {
		p[i] = pair_over(l);
		CU_ASSERT_EQUAL(skl_send(p[i].client, "x", 1, 0), 1);
		CU_ASSERT_EQUAL(skl_recv(p[i].server, &c, 1, 0), 1);
	}
	/* Until what was sent is acknowledged and the clock has stopped. */
	for (int quiet = 0, tries = 0; quiet < 3 && tries < 30; tries++) {
		WORKS(skl_stack_stats(s, &before));
		poll(NULL, 0, 300);
		WORKS(skl_stack_stats(s, &after));
		quiet = before.wakeups == after.wakeups ? quiet + 1 : 0;
	}
	WORKS(skl_stack_stats(s, &before));
	poll(NULL, 0, 2000);
	WORKS(skl_stack_stats(s, &after));
	CU_ASSERT_EQUAL(after.wakeups, before.wakeups);
	for (int i = 0; i < COUNT; i++)
		pair_close(&p[i]);
	skl_close(l);
	case_close(s);
}

static const struct suite_case cases[] = {
	{"two stacks in two threads", test_two_stacks},
	{"many stacks", test_many_stacks},
	{"seeds", test_seed},
	{"ports are spread", test_ports_spread},
	{"idle", test_idle},
};

SUITE_MAIN("parallel", cases)
