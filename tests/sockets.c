/* SPDX-License-Identifier: BSD-3-Clause */
/* What the suites of the socket layer share. */
#include "tests/sockets.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 20 /* seconds after which a thread is lost */

static struct skl_stack_stats warm; /* of the running case's stack */

/* ---- The stack of a case ----------------------------------------------- */

/* Uses both families once, so that what is made at first use is there. */
static void stack_warm(void)
{
	static const int families[] = {AF_INET, AF_INET6};

	for (int i = 0; i < 2; i++) {
		skl_sock *u = udp_on(families[i]);
		skl_addr a;
		char c;

		skl_getsockname(u, &a);
		skl_sendto(u, "w", 1, 0, a);
		skl_settimeout(u, 1);
		if (skl_recv(u, &c, 1, 0) != 1)
			CU_FAIL("the loopback carries nothing");
		skl_close(u);
	}
}

skl_stack *case_open(const char *words)
{
	skl_stack *s = skl_stack_open(words);

	if (!s) {
		failed_print("skl_stack_open", true);
		CU_FAIL_FATAL("no stack");
	}
	skl_stack_set_current(s);
	stack_warm();
	skl_stack_stats(s, &warm);
	return s;
}

/*
 * Memory that no open socket explains. A connection in TIME_WAIT is one block;
 * one whose FIN is not acknowledged yet has more, for a moment. Many of them
 * have a table to look them up in (port/demux.c).
 */
static long blocks_over(skl_stack *stack)
{
	struct skl_stack_stats st = {0};
	long over;

	WORKS(skl_stack_stats(stack, &st));
	over = (long)(st.blocks - st.connections) -
	       (long)(warm.blocks - warm.connections);
	return st.connections >= 30 && over >= 0 && over <= 2 ? 0 : over;
}

void case_close(skl_stack *stack)
{
	double until = now() + 5;
	struct skl_stack_stats st = {0};

	while (blocks_over(stack) && now() < until)
		poll(NULL, 0, 5);
	WORKS(skl_stack_stats(stack, &st));
	CU_ASSERT_EQUAL(st.sockets, 0);
	CU_ASSERT_EQUAL(blocks_over(stack), 0);
	if (st.sockets || blocks_over(stack))
		printf("\n  left: %lu sockets, %lu connections, %ld blocks over\n",
		       (unsigned long)st.sockets, (unsigned long)st.connections,
		       blocks_over(stack));
	skl_stack_set_current(NULL);
	WORKS(skl_stack_close(stack));
}

/* ---- Failures ---------------------------------------------------------- */

bool failed_as(enum skl_error_class kind, int code)
{
	const struct skl_error *e = skl_error();
	int err = errno;

	if (kind == SKL_GAIERROR)
		return e->kind == kind && e->code == code &&
		       err == EADDRNOTAVAIL;
	return e->kind == kind && e->code == code && err == code && e->text &&
	       e->text[0];
}

void failed_print(const char *call, bool failed)
{
	int err = errno;
	const struct skl_error *e = skl_error();

	if (!failed) {
		printf("\n  %s: does not fail\n", call);
		return;
	}
	printf("\n  %s: errno %d (%s), skl_error: %s %d (%s)\n", call, err,
	       strerror(err), skl_error_name(e->kind), e->code, e->text);
	errno = err;
}

/* ---- Addresses and sockets --------------------------------------------- */

skl_addr loopback(int family, uint16_t port)
{
	return skl_inet(family == AF_INET ? "127.0.0.1" : "::1", port);
}

const char *host_of(const skl_addr *a)
{
	static char text[SKL_ADDRSTRLEN];

	if (!skl_addr_host(a, text, sizeof(text)))
		return "?";
	return text;
}

uint16_t port_of(skl_sock *s)
{
	skl_addr a = {0};

	WORKS(skl_getsockname(s, &a));
	return a.port;
}

static skl_sock *bound(int family, int type)
{
	skl_sock *s = skl_socket(family, type, 0);

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	WORKS(skl_bind(s, loopback(family, 0)));
	return s;
}

skl_sock *listen_on(int family, int backlog)
{
	skl_sock *s = bound(family, SOCK_STREAM);

	WORKS(skl_listen(s, backlog));
	return s;
}

skl_sock *udp_on(int family)
{
	return bound(family, SOCK_DGRAM);
}

struct pair pair_over(skl_sock *listener)
{
	struct pair p;
	int family = skl_family(listener);

	p.client = skl_socket(family, SOCK_STREAM, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p.client);
	WORKS(skl_connect(p.client, loopback(family, port_of(listener))));
	p.server = skl_accept(listener, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p.server);
	return p;
}

struct pair pair_open(int family)
{
	skl_sock *listener = listen_on(family, 1);
	struct pair p = pair_over(listener);

	WORKS(skl_close(listener));
	return p;
}

void pair_close(struct pair *p)
{
	WORKS(skl_close(p->client));
	WORKS(skl_close(p->server));
}

short await(skl_sock *s, short events)
{
	struct skl_pollfd f = {.sock = s, .events = events};

	return skl_poll(&f, 1, 2) > 0 ? f.revents : 0;
}

size_t fill(skl_sock *s)
{
	static char chunk[4096];
	struct skl_pollfd nothing = {.sock = s};
	size_t total = 0, before;
	ssize_t n;

	/* A delayed ACK may yet make room: full is what stays full. */
	do {
		before = total;
		while ((n = skl_send(s, chunk, sizeof(chunk), MSG_DONTWAIT)) >
		       0)
			total += (size_t)n;
		CU_ASSERT_EQUAL(errno, EAGAIN);
	} while (total != before && skl_poll(&nothing, 1, 0.1) == 0);
	return total;
}

size_t receive(skl_sock *s, void *buf, size_t size)
{
	size_t done = 0;
	ssize_t n;

	while (done < size &&
	       (n = skl_recv(s, (char *)buf + done, size - done, 0)) > 0)
		done += (size_t)n;
	return done;
}

/* ---- Bytes ------------------------------------------------------------- */

/* splitmix64's mixer over the word's number. */
static uint64_t word_at(uint64_t seed, uint64_t index)
{
	uint64_t z = seed + (index + 1) * 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static uint8_t byte_at(uint64_t seed, uint64_t at)
{
	return (uint8_t)(word_at(seed, at / 8) >> (at % 8 * 8));
}

void bytes_make(uint64_t seed, uint64_t offset, void *buf, size_t size)
{
	uint8_t *p = buf;
	size_t i = 0;

	while (i < size) {
		if ((offset + i) % 8 || size - i < 8) {
			p[i] = byte_at(seed, offset + i);
			i++;
			continue;
		}
		uint64_t w = word_at(seed, (offset + i) / 8);

		memcpy(p + i, &w, 8);
		i += 8;
	}
}

bool bytes_equal(uint64_t seed, uint64_t offset, const void *buf, size_t size)
{
	static __thread uint8_t want[4096];
	const uint8_t *p = buf;

	while (size) {
		size_t n = size < sizeof(want) ? size : sizeof(want);

		bytes_make(seed, offset, want, n);
		if (memcmp(want, p, n) != 0)
			return false;
		p += n;
		offset += n;
		size -= n;
	}
	return true;
}

/* ---- Threads ----------------------------------------------------------- */

double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *worker_run(void *arg)
{
	struct worker *w = arg;

	skl_stack_set_current(w->stack);
	w->tid = gettid();
	w->result = w->call(w->arg);
	if (w->result < 0) {
		w->error = errno;
		w->kind = skl_error()->kind;
	}
	return NULL;
}

void worker_start(struct worker *w, long (*call)(void *arg), void *arg)
{
	w->stack = skl_stack_current();
	w->call = call;
	w->arg = arg;
	w->tid = 0;
	w->error = 0;
	if (pthread_create(&w->thread, NULL, worker_run, w))
		CU_FAIL_FATAL("no thread");
}

/* Is the thread asleep, by /proc? */
static bool thread_sleeps(pid_t tid)
{
	char path[64], line[256];
	const char *state;
	FILE *f;
	bool read;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	f = fopen(path, "re");
	if (!f)
		return true; /* it has ended: joining tells */
	read = fgets(line, sizeof(line), f);
	fclose(f);
	state = read ? strrchr(line, ')') : NULL;
	return state && state[2] == 'S';
}

void worker_await_sleep(struct worker *w)
{
	double until = now() + PATIENCE;
	unsigned seen = 0;

	/* A lock may put it to sleep for a moment too: look several times. */
	while (seen < 5 && now() < until) {
		seen = w->tid && thread_sleeps(w->tid) ? seen + 1 : 0;
		poll(NULL, 0, 1);
	}
	CU_ASSERT_EQUAL(seen, 5);
}

void worker_block(struct worker *w, long (*call)(void *arg), void *arg)
{
	worker_start(w, call, arg);
	worker_await_sleep(w);
}

long worker_join(struct worker *w)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += PATIENCE;
	if (pthread_timedjoin_np(w->thread, NULL, &t)) {
		printf("\n  a thread waits for ever\n");
		abort();
	}
	return w->result;
}
