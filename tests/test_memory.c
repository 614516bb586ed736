/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * No memory, and assertions of lwIP: each call fails cleanly at each of its
 * allocations, nothing leaks, and a failed stack is dead but can be closed.
 *
 * The arena's own failure is asked for through its private header.
 */
#include "tests/sockets.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "port/lwip.h"
#include "stack/stack.h"

/* ---- The n-th allocation fails ----------------------------------------- */

static void fail_after(skl_stack *s, uint64_t n)
{
	pthread_mutex_lock(&s->lock);
	s->arena.fail_after = n;
	pthread_mutex_unlock(&s->lock);
}

/* Has the failure that was asked for come? */
static bool has_failed(skl_stack *s)
{
	bool failed;

	pthread_mutex_lock(&s->lock);
	failed = s->arena.fail_after == 0;
	pthread_mutex_unlock(&s->lock);
	return failed;
}

/* Out of memory is one of these, whatever lwIP calls it. */
static bool is_no_memory(void)
{
	int err = errno;

	return err == ENOMEM || err == ENOBUFS;
}

/*
 * Runs act(stack, arg) with the 1st, 2nd, ... allocation failing, until none
 * does; the sockets that it makes it closes. Afterwards the stack must work.
 */
static void each_allocation(const char *name,
			    void (*act)(skl_stack *s, void *arg), void *arg)
{
	skl_stack *s = case_open("");
	uint64_t n;
	bool failed = true;

	for (n = 1; failed && n < 500; n++) {
		fail_after(s, n);
		act(s, arg);
		failed = has_failed(s);
		fail_after(s, 0);
	}
	CU_ASSERT(n < 500);
	CU_ASSERT(n > 2);
	if (n <= 2 || n == 500)
		printf("\n  %s: %lu allocations\n", name, (unsigned long)n);
	case_close(s);
}

static void act_sockets(skl_stack *s, void *arg)
{
	(void)arg;
	for (int i = 0; i < 4; i++) {
		skl_sock *k = skl_socket(i % 2 ? AF_INET : AF_INET6,
					 i / 2 ? SOCK_DGRAM : SOCK_STREAM, 0);
		skl_sock *d = k ? skl_dup(k) : NULL;

		if (!k)
			CU_ASSERT(is_no_memory());
		if (k && skl_fileno(k) < 0)
			CU_ASSERT(is_no_memory());
		if (d)
			WORKS(skl_close(d));
		if (k)
			WORKS(skl_close(k));
		CU_ASSERT_EQUAL(s->sock_count, 0);
	}
}

static void test_sockets(void)
{
	each_allocation("sockets", act_sockets, NULL);
}

static void act_udp(skl_stack *s, void *arg)
{
	int family = *(int *)arg;
	skl_sock *k = skl_socket(family, SOCK_DGRAM, 0);
	char buf[3000];
	skl_addr a = loopback(family, 9);
	ssize_t n;

	(void)s;
	if (!k)
		return;
	skl_setblocking(k, false);
	if (skl_bind(k, loopback(family, 0)) || skl_getsockname(k, &a))
		CU_ASSERT(is_no_memory());
	n = skl_sendto(k, buf, sizeof(buf), 0, a);
	CU_ASSERT(n == sizeof(buf) || is_no_memory());
	/* What is lost on the way is nobody's fault. */
	n = skl_recv(k, buf, sizeof(buf), 0);
	CU_ASSERT(n == sizeof(buf) || errno == EAGAIN || is_no_memory());
	WORKS(skl_close(k));
}

static void test_udp(void)
{
	int families[] = {AF_INET, AF_INET6};

	each_allocation("udp4", act_udp, &families[0]);
	each_allocation("udp6", act_udp, &families[1]);
}

/* RST at the end, so that no connection is left behind. */
static void close_hard(skl_sock *k)
{
	struct linger on = {.l_onoff = 1};

	if (!k)
		return;
	skl_setsockopt_buf(k, SOL_SOCKET, SO_LINGER, &on, sizeof(on));
	WORKS(skl_close(k));
}

static void act_listen(skl_stack *s, void *arg)
{
	skl_sock *l = skl_create_server(loopback(AF_INET, 0), NULL);

	(void)s;
	(void)arg;
	if (!l)
		CU_ASSERT(is_no_memory());
	if (l)
		WORKS(skl_close(l));
}

static void test_listen(void)
{
	each_allocation("listen", act_listen, NULL);
}

/* A connection and some data; what fails may also be the peer's part. */
static void act_connection(skl_stack *s, void *arg)
{
	skl_sock *l = arg, *c = NULL, *a = NULL;
	static char buf[20000];
	ssize_t n;

	(void)s;
	c = skl_socket(AF_INET, SOCK_STREAM, 0);
	if (!c) {
		CU_ASSERT(is_no_memory());
		return;
	}
	/* Lost SYNs are sent again; that takes too long here. */
	skl_settimeout(c, 0.02);
	if (skl_connect(c, loopback(AF_INET, port_of(l)))) {
		CU_ASSERT(is_no_memory() || errno == ETIMEDOUT ||
			  errno == ECONNRESET || errno == ECONNREFUSED ||
			  errno == ECONNABORTED);
	} else {
		skl_settimeout(l, 0.02);
		a = skl_accept(l, NULL);
		CU_ASSERT(a || errno == ETIMEDOUT || is_no_memory());
		n = skl_send(c, buf, sizeof(buf), MSG_DONTWAIT);
		CU_ASSERT(n > 0 || errno == EAGAIN || errno == ECONNRESET ||
			  is_no_memory());
	}
	if (a) {
		skl_settimeout(a, 0.02);
		n = skl_recv(a, buf, sizeof(buf), 0);
		CU_ASSERT(n > 0 || errno == ETIMEDOUT || is_no_memory());
	}
	close_hard(c);
	close_hard(a);
	/* Connections that nobody took. */
	skl_setblocking(l, false);
	while ((a = skl_accept(l, NULL)))
		close_hard(a);
}

static void test_connection(void)
{
	skl_stack *s = case_open("");
	skl_sock *l = listen_on(AF_INET, 50);
	struct skl_stack_stats st;
	bool failed = true;
	uint64_t n;
	struct pair p;
	char c;

	for (n = 1; failed && n < 500; n++) {
		fail_after(s, n);
		act_connection(s, l);
		failed = has_failed(s);
		fail_after(s, 0);
	}
	CU_ASSERT(n > 5);
	CU_ASSERT(n < 500);
	/* Half-open ones that the listener knows of end in their own time. */
	WORKS(skl_stack_stats(s, &st));
	CU_ASSERT(st.connections <= n);
	skl_setblocking(l, true);
	p = pair_over(l);
	CU_ASSERT_EQUAL(skl_send(p.client, "x", 1, 0), 1);
	CU_ASSERT_EQUAL(skl_recv(p.server, &c, 1, 0), 1);
	pair_close(&p);
	skl_close(l);
	skl_stack_set_current(NULL);
	WORKS(skl_stack_close(s));
}

/* A transfer with allocations failing now and then: slower, but whole. */
struct transfer {
	skl_sock *s;
	uint64_t size;
};

static long transfer_send(void *arg)
{
	static uint8_t buf[5000];
	struct transfer *t = arg;
	uint64_t done = 0;

	while (done < t->size) {
		ssize_t n;

		bytes_make(1, done, buf, sizeof(buf));
		n = skl_send(t->s, buf, sizeof(buf), 0);
		if (n < 0 && !is_no_memory())
			return -1;
		done += n > 0 ? (uint64_t)n : 0;
	}
	skl_shutdown(t->s, SHUT_WR);
	return (long)done;
}

static void test_transfer(void)
{
	static uint8_t buf[8000];
	skl_stack *s = case_open("");
	struct pair p = pair_open(AF_INET);
	struct transfer t = {p.client, 4000000};
	struct worker w;
	uint64_t done = 0;
	bool same = true;
	ssize_t n;

	suite_seed();
	worker_start(&w, transfer_send, &t);
	do {
		n = skl_recv(p.server, buf, sizeof(buf), 0);
		if (n > 0) {
			same = same && bytes_equal(1, done, buf, (size_t)n);
			done += (uint64_t)n;
			if (done < t.size / 2)
				fail_after(s, 1 + suite_random(200));
		}
	} while (n > 0 || (n < 0 && is_no_memory()));
	fail_after(s, 0);
	CU_ASSERT(same);
	CU_ASSERT_EQUAL(n, 0);
	CU_ASSERT_EQUAL((long)done, worker_join(&w));
	pair_close(&p);
	case_close(s);
}

/* Opening: every allocation of every interface. The first stack is closed,
 * so that its struct, and the arena in it, is what the next one uses. */
static void test_configure(void)
{
	skl_stack *s = skl_stack_open("wire:oom 10.1.0.1/24");
	struct skl_interface nif;
	bool failed = true;
	uint64_t n;

	for (n = 1; failed && n < 200; n++) {
		fail_after(s, n);
		if (skl_stack_configure(s, "oom fd01::5/64 mtu 1400"))
			CU_ASSERT(is_no_memory());
		if (skl_stack_configure(s, "- route 10.9.0.0/16 via 10.1.0.9"))
			CU_ASSERT(is_no_memory());
		if (skl_stack_configure(s, "oom neigh 10.1.0.3 "
					   "02:00:00:00:00:03"))
			CU_ASSERT(is_no_memory());
		failed = has_failed(s);
		fail_after(s, 0);
		(void)skl_stack_configure(s, "oom del fd01::5/64");
		(void)skl_stack_configure(
			s, "- del route 10.9.0.0/16 via 10.1.0.9");
	}
	CU_ASSERT(n > 3);
	CU_ASSERT(n < 200);
	WORKS(skl_stack_interface(s, 1, &nif));
	CU_ASSERT_STRING_EQUAL(nif.name, "oom");
	WORKS(skl_stack_close(s));
}

/* ---- Assertions -------------------------------------------------------- */

/* lwIP asserts that a pbuf which is freed was in use. */
static int assert_run(void *arg)
{
	struct pbuf never_used = {.ref = 0};

	(void)arg;
	return pbuf_free(&never_used);
}

static void stack_break(skl_stack *s)
{
	WORKS(skli_stack_enter(s));
	FAILS(skli_stack_run(s, assert_run, NULL), ENETDOWN);
	skli_stack_leave(s);
}

static long call_recv(void *arg)
{
	char c;

	return skl_recv(arg, &c, 1, 0);
}

static long call_poll(void *arg)
{
	struct skl_pollfd f = {.sock = arg, .events = POLLIN};

	return skl_poll(&f, 1, SKL_FOREVER);
}

/* The stack is dead, says why, and is closed without a leak. */
static void test_assertion(void)
{
	skl_stack *other = case_open("");
	struct pair healthy = pair_open(AF_INET), p;
	skl_stack *s = skl_stack_open("wire:broken 10.1.0.1/24");
	struct skl_stack_stats st;
	struct worker w[3];
	skl_sock *u;
	int fd;
	char c;

	skl_stack_set_current(s);
	p = pair_open(AF_INET);
	u = udp_on(AF_INET);
	fd = skl_fileno(u);
	worker_block(&w[0], call_recv, p.client);
	worker_block(&w[1], call_recv, p.server);
	worker_block(&w[2], call_poll, u);
	stack_break(s);
	/* Who waited in it wakes. */
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(worker_join(&w[i]), -1);
		CU_ASSERT_EQUAL(w[i].error, ENETDOWN);
	}
	CU_ASSERT(worker_join(&w[2]) != 0);
	FAILS(skl_send(p.client, "x", 1, 0), ENETDOWN);
	CU_ASSERT_PTR_NOT_NULL(strstr(skl_error()->text, "p->ref > 0"));
	CU_ASSERT_PTR_NOT_NULL(strstr(skl_error()->text, "pbuf.c:"));
	FAILS_NULL(skl_socket(AF_INET, SOCK_STREAM, 0), ENETDOWN);
	FAILS(skl_stack_stats(s, &st), ENETDOWN);
	FAILS(skl_stack_configure(s, "lo mtu 1500"), ENETDOWN);
	WORKS(skl_close(p.client));
	CU_ASSERT_EQUAL(poll(&(struct pollfd){fd, POLLIN, 0}, 1, 0), 1);
	WORKS(skl_stack_close(s));
	WORKS(skl_close(p.server));
	WORKS(skl_close(u));
	/* The neighbour has noticed nothing. */
	CU_ASSERT_EQUAL(skl_send(healthy.client, "x", 1, 0), 1);
	CU_ASSERT_EQUAL(skl_recv(healthy.server, &c, 1, 0), 1);
	skl_stack_set_current(other);
	pair_close(&healthy);
	case_close(other);
}

/* Its wire's other end, and its name, are free again. */
static void test_after_assertion(void)
{
	skl_stack *s = skl_stack_open("wire:again 10.1.0.1/24"), *t;

	stack_break(s);
	WORKS(skl_stack_close(s));
	s = skl_stack_open("wire:again 10.1.0.1/24");
	t = skl_stack_open("wire:again 10.1.0.2/24");
	CU_ASSERT_PTR_NOT_NULL(s);
	CU_ASSERT_PTR_NOT_NULL(t);
	WORKS(skl_stack_close(s));
	WORKS(skl_stack_close(t));
}

static const struct suite_case cases[] = {
	{"sockets", test_sockets},
	{"UDP", test_udp},
	{"listening", test_listen},
	{"connections", test_connection},
	{"a transfer goes on", test_transfer},
	{"configuration", test_configure},
	{"an assertion fails", test_assertion},
	{"after an assertion", test_after_assertion},
};

SUITE_MAIN("memory", cases)
