/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP's data: bytes arrive whole and in order whatever the sizes, MSG_PEEK
 * sees over segments, buffers bound what is held.
 */
#include "tests/side.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sockets.h"

/* ---- Peeking and pieces ------------------------------------------------ */

/* Several segments wait; a peek shows them all, a receive may cut anywhere. */
static void run_peek(struct script *t)
{
	struct end *a, *b;

	ends_connect(t, AF_INET, "a", "b", &a, &b);
	end_setint(a, IPPROTO_TCP, TCP_NODELAY, 1);
	for (int i = 1; i <= 5; i++)
		end_send(a, (size_t)i * 37, 0, NULL);
	end_poll(b, POLLIN);
	end_recv(b, 1000, MSG_PEEK);
	end_recv(b, 40, MSG_PEEK);
	end_recv(b, 40, 0);
	end_recv(b, 1000, MSG_PEEK);
	end_recv(b, 34, 0);
	end_recv(b, 1, MSG_PEEK);
	end_recv(b, 1000, 0);
	end_recv(b, 1000, MSG_PEEK);
	end_send(a, 3, 0, NULL);
	end_shutdown(a, SHUT_WR);
	end_poll(b, POLLRDHUP);
	end_recv(b, 10, MSG_PEEK);
	end_recv(b, 10, 0);
	end_recv(b, 10, MSG_PEEK);
	end_recv(b, 10, 0);
}

static void test_peek(void)
{
	side_compare(run_peek);
}

static void test_peek_large(void)
{
	enum {
		SIZE = 300000
	};
	static uint8_t sent[SIZE], got[SIZE + 10];
	skl_stack *stack = case_open("");
	struct pair p = pair_open(AF_INET6);
	ssize_t n = 0;

	bytes_make(3, 0, sent, SIZE);
	WORKS(skl_setsockopt(p.server, SOL_SOCKET, SO_RCVBUF, SIZE * 2));
	WORKS(skl_setsockopt(p.client, SOL_SOCKET, SO_SNDBUF, SIZE * 2));
	WORKS(skl_sendall(p.client, sent, SIZE, 0));
	for (double until = now() + 5; n < SIZE && now() < until;)
		n = skl_recv(p.server, got, sizeof(got), MSG_PEEK);
	CU_ASSERT_EQUAL(n, SIZE);
	CU_ASSERT(bytes_equal(3, 0, got, SIZE));
	memset(got, 0, sizeof(got));
	CU_ASSERT_EQUAL(receive(p.server, got, SIZE), SIZE);
	CU_ASSERT(bytes_equal(3, 0, got, SIZE));
	FAILS(skl_recv(p.server, got, 1, MSG_DONTWAIT | MSG_PEEK), EAGAIN);
	pair_close(&p);
	case_close(stack);
}

static void test_recv_into(void)
{
	skl_stack *stack = case_open("");
	struct pair p = pair_open(AF_INET);
	char buf[8] = "........";
	skl_addr from = {.port = 7};

	CU_ASSERT_EQUAL(skl_send(p.client, "0123456789abcdef", 16, 0), 16);
	CU_ASSERT_EQUAL(skl_recv_into(p.server, buf, 8, 3, 0), 3);
	CU_ASSERT_EQUAL(memcmp(buf, "012.....", 8), 0);
	CU_ASSERT_EQUAL(skl_recv_into(p.server, buf, 8, 0, 0), 8);
	CU_ASSERT_EQUAL(memcmp(buf, "3456789a", 8), 0);
	FAILS_AS(skl_recv_into(p.server, buf, 8, 9, 0), SKL_VALUEERROR, EINVAL);
	FAILS_AS(skl_recvfrom_into(p.server, buf, 8, 9, 0, NULL),
		 SKL_VALUEERROR, EINVAL);
	CU_ASSERT_EQUAL(skl_recvfrom_into(p.server, buf, 8, 2, 0, &from), 2);
	CU_ASSERT_EQUAL(memcmp(buf, "bc56789a", 8), 0);
	CU_ASSERT_EQUAL(skl_recvfrom(p.server, buf, 8, 0, NULL), 3);
	/* Nothing asked for is nothing to wait for. */
	CU_ASSERT_EQUAL(skl_recv(p.server, buf, 0, 0), 0);
	CU_ASSERT_EQUAL(skl_send(p.server, buf, 0, 0), 0);
	WORKS(skl_sendall(p.server, buf, 0, 0));
	pair_close(&p);
	case_close(stack);
}

/* ---- Transfers --------------------------------------------------------- */

struct flow {
	skl_sock *s;
	uint64_t seed, size;
	size_t chunk; /* the largest piece */
	bool all;     /* by sendall */
};

static long flow_send(void *arg)
{
	struct flow *f = arg;
	uint8_t *buf = malloc(f->chunk);
	uint64_t done = 0;
	uint32_t r = (uint32_t)f->seed;

	while (done < f->size) {
		size_t n = (r = r * 1664525 + 1013904223) % f->chunk + 1;
		ssize_t sent;

		if (n > f->size - done)
			n = f->size - done;
		bytes_make(f->seed, done, buf, n);
		if (f->all)
			sent = skl_sendall(f->s, buf, n, 0) ? -1 : (ssize_t)n;
		else
			sent = skl_send(f->s, buf, n, 0);
		if (sent <= 0)
			break;
		done += (uint64_t)sent;
	}
	free(buf);
	if (done == f->size)
		skl_shutdown(f->s, SHUT_WR);
	return (long)done;
}

static long flow_recv(void *arg)
{
	struct flow *f = arg;
	uint8_t *buf = malloc(f->chunk);
	uint64_t done = 0;
	ssize_t n;

	while ((n = skl_recv(f->s, buf, f->chunk, 0)) > 0) {
		if (!bytes_equal(f->seed, done, buf, (size_t)n))
			break;
		done += (uint64_t)n;
	}
	free(buf);
	return n == 0 ? (long)done : -1;
}

/* Both ways at once, each byte looked at. */
static void transfer(int family, uint64_t size, size_t out, size_t in,
		     const char *words)
{
	skl_stack *stack = case_open(words);
	struct pair p = pair_open(family);
	struct flow f[4] = {
		{p.client, 11, size, out, true},
		{p.server, 11, size, in, true},
		{p.server, 12, size, in, false},
		{p.client, 12, size, out, false},
	};
	struct worker w[4];

	for (int i = 0; i < 4; i++)
		worker_start(&w[i], i % 2 ? flow_recv : flow_send, &f[i]);
	for (int i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(worker_join(&w[i]), (long)size);
	pair_close(&p);
	case_close(stack);
}

static void test_transfer_bulk(void)
{
	transfer(AF_INET, 48 << 20, 1 << 20, 1 << 18, "");
	transfer(AF_INET6, 16 << 20, 1 << 16, 1 << 20, "");
}

static void test_transfer_pieces(void)
{
	transfer(AF_INET, 1 << 20, 100, 7000, "");
	transfer(AF_INET6, 1 << 20, 3000, 50, "");
}

/* With the least of buffers: no byte is lost, and it gets on. */
static void test_transfer_tiny_buffers(void)
{
	enum {
		SIZE = 1 << 19
	};
	skl_stack *stack = case_open("");
	skl_sock *l = listen_on(AF_INET, 1);
	struct worker w[2];
	struct pair p;

	WORKS(skl_setsockopt(l, SOL_SOCKET, SO_RCVBUF, 1));
	WORKS(skl_setsockopt(l, SOL_SOCKET, SO_SNDBUF, 1));
	p = pair_over(l);
	WORKS(skl_setsockopt(p.client, SOL_SOCKET, SO_SNDBUF, 1));
	WORKS(skl_setsockopt(p.client, SOL_SOCKET, SO_RCVBUF, 1));
	struct flow out = {p.client, 5, SIZE, 20000, true};
	struct flow in = {p.server, 5, SIZE, 20000, true};

	worker_start(&w[0], flow_recv, &in);
	worker_start(&w[1], flow_send, &out);
	CU_ASSERT_EQUAL(worker_join(&w[1]), SIZE);
	CU_ASSERT_EQUAL(worker_join(&w[0]), SIZE);
	pair_close(&p);
	skl_close(l);
	case_close(stack);
}

/* ---- Buffers ----------------------------------------------------------- */

/* How much fits before a sender must wait, with these sizes of buffer. */
static size_t filled_with(int sndbuf, int rcvbuf)
{
	skl_stack *stack = case_open("");
	skl_sock *l = listen_on(AF_INET, 1);
	struct skl_pollfd f = {.events = POLLOUT};
	struct pair p;
	size_t n = 0;

	WORKS(skl_setsockopt(l, SOL_SOCKET, SO_RCVBUF, rcvbuf));
	p = pair_over(l);
	WORKS(skl_setsockopt(p.client, SOL_SOCKET, SO_SNDBUF, sndbuf));
	f.sock = p.client;
	/* An acknowledgement that is delayed makes room once more. */
	do
		n += fill(p.client);
	while (skl_poll(&f, 1, 0.3) == 1);
	CU_ASSERT_EQUAL(await(p.server, POLLIN), POLLIN);
	pair_close(&p);
	skl_close(l);
	case_close(stack);
	return n;
}

static void test_buffers_bound(void)
{
	size_t small = filled_with(4096, 4096);
	size_t receiver = filled_with(4096, 1 << 16);
	size_t sender = filled_with(1 << 20, 4096);
	size_t both = filled_with(1 << 20, 1 << 20);

	CU_ASSERT(small >= 4096);
	CU_ASSERT(small <= 32 << 10);
	CU_ASSERT(receiver >= 32 << 10);
	CU_ASSERT(receiver <= 160 << 10);
	CU_ASSERT(sender >= 512 << 10);
	CU_ASSERT(sender <= (2 << 20) + (64 << 10));
	CU_ASSERT(both >= 1 << 20);
	CU_ASSERT(both <= (4 << 20) + (64 << 10));
}

/* Bytes that nobody reads are held in about as much memory, though each came
 * in a segment of its own. */
static void test_memory_bound(void)
{
	enum {
		RCVBUF = 65536
	};
	skl_stack *stack = case_open("");
	skl_sock *l = listen_on(AF_INET, 1);
	struct skl_stack_stats before, after;
	size_t sent = 0;
	struct pair p;

	WORKS(skl_setsockopt(l, SOL_SOCKET, SO_RCVBUF, RCVBUF));
	p = pair_over(l);
	WORKS(skl_setsockopt(p.client, IPPROTO_TCP, TCP_NODELAY, 1));
	WORKS(skl_setsockopt(p.client, SOL_SOCKET, SO_SNDBUF, 2048));
	WORKS(skl_stack_stats(stack, &before));
	while (skl_send(p.client, "x", 1, MSG_DONTWAIT) == 1)
		sent++;
	WORKS(skl_stack_stats(stack, &after));
	CU_ASSERT(sent > RCVBUF / 2);
	CU_ASSERT(after.memory - before.memory < 4 * RCVBUF);
	pair_close(&p);
	skl_close(l);
	case_close(stack);
}

/* ---- Waiting for room -------------------------------------------------- */

struct sending {
	skl_sock *s;
	const void *buf;
	size_t size;
};

static long send_call(void *arg)
{
	struct sending *g = arg;

	return skl_send(g->s, g->buf, g->size, 0);
}

static long sendall_call(void *arg)
{
	struct sending *g = arg;

	return skl_sendall(g->s, g->buf, g->size, 0);
}

static void test_sender_blocks(void)
{
	static uint8_t big[8 << 20], got[8 << 20];
	skl_stack *stack = case_open("");
	struct pair p = pair_open(AF_INET);
	struct sending g = {p.client, big, sizeof(big)};
	struct worker w;
	size_t n;

	bytes_make(9, 0, big, sizeof(big));
	worker_block(&w, sendall_call, &g);
	CU_ASSERT_EQUAL(receive(p.server, got, sizeof(got)), sizeof(got));
	CU_ASSERT_EQUAL(worker_join(&w), 0);
	CU_ASSERT(bytes_equal(9, 0, got, sizeof(got)));

	n = fill(p.client);
	g.size = 1000;
	worker_block(&w, send_call, &g);
	CU_ASSERT_EQUAL(receive(p.server, got, n), n);
	CU_ASSERT_EQUAL(worker_join(&w), 1000);
	CU_ASSERT_EQUAL(receive(p.server, got, 1000), 1000);
	CU_ASSERT(bytes_equal(9, 0, got, 1000));
	pair_close(&p);
	case_close(stack);
}

/* A non-blocking send takes what fits and says how much. */
static void test_partial_send(void)
{
	static uint8_t big[16 << 20], got[16 << 20];
	skl_stack *stack = case_open("");
	struct pair p = pair_open(AF_INET);
	ssize_t n;

	bytes_make(4, 0, big, sizeof(big));
	skl_setblocking(p.client, false);
	n = skl_send(p.client, big, sizeof(big), 0);
	CU_ASSERT(n > 10000);
	CU_ASSERT(n < (ssize_t)sizeof(big));
	CU_ASSERT_EQUAL(receive(p.server, got, (size_t)n), (size_t)n);
	CU_ASSERT(bytes_equal(4, 0, got, (size_t)n));
	CU_ASSERT_EQUAL(await(p.client, POLLOUT), POLLOUT);
	CU_ASSERT(skl_send(p.client, big, 100, 0) == 100);
	skl_settimeout(p.server, 2);
	CU_ASSERT_EQUAL(receive(p.server, got, 100), 100);
	pair_close(&p);
	case_close(stack);
}

static const struct suite_case cases[] = {
	{"peek and receive over segments", test_peek},
	{"peek at 300,000 bytes", test_peek_large},
	{"recv_into", test_recv_into},
	{"bulk both ways", test_transfer_bulk},
	{"small pieces both ways", test_transfer_pieces},
	{"the least of buffers", test_transfer_tiny_buffers},
	{"buffers bound a sender", test_buffers_bound},
	{"buffers bound memory", test_memory_bound},
	{"a sender blocks and goes on", test_sender_blocks},
	{"a partial send", test_partial_send},
};

SUITE_MAIN("tcp_data", cases)
