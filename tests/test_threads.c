/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Several threads at one socket or stack: a call that waits ends when its
 * handle is closed, its connection shut, its stack closed, or a signal comes;
 * readers, writers and closers at once do no harm; a forked child has no
 * stack.
 */
#include "tests/sockets.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Calls that wait --------------------------------------------------- */

static char big[8 << 20];

static long call_recv(void *arg)
{
	char c;

	return skl_recv(arg, &c, 1, 0);
}

static long call_recvfrom(void *arg)
{
	skl_addr from;
	char c;

	return skl_recvfrom(arg, &c, 1, 0, &from);
}

static long call_peek(void *arg)
{
	char c;

	return skl_recv(arg, &c, 1, MSG_PEEK);
}

static long call_send(void *arg)
{
	return skl_send(arg, "x", 1, 0);
}

static long call_sendall(void *arg)
{
	return skl_sendall(arg, big, sizeof(big), 0);
}

static long call_accept(void *arg)
{
	return skl_accept(arg, NULL) ? 0 : -1;
}

static uint16_t stuck_port; /* of a listener that answers no more */

static long call_connect(void *arg)
{
	return skl_connect(arg, loopback(AF_INET, stuck_port));
}

/* What a waiting call needs, and the socket that it waits on. */
struct scene {
	skl_sock *waits;
	skl_sock *others[3];
};

static void scene_pair(struct scene *s)
{
	struct pair p = pair_open(AF_INET);

	s->waits = p.client;
	s->others[0] = p.server;
}

static void scene_full(struct scene *s)
{
	scene_pair(s);
	fill(s->waits);
}

static void scene_udp(struct scene *s)
{
	s->waits = udp_on(AF_INET6);
}

static void scene_listener(struct scene *s)
{
	s->waits = listen_on(AF_INET6, 1);
}

static void scene_stuck(struct scene *s)
{
	s->others[0] = listen_on(AF_INET, 0);
	stuck_port = port_of(s->others[0]);
	s->others[1] = skl_socket(AF_INET, SOCK_STREAM, 0);
	WORKS(skl_connect(s->others[1], loopback(AF_INET, stuck_port)));
	s->waits = skl_socket(AF_INET, SOCK_STREAM, 0);
}

static void scene_end(struct scene *s)
{
	for (int i = 0; i < 3; i++)
		if (s->others[i])
			skl_close(s->others[i]);
}

static const struct waiting {
	const char *name;
	void (*make)(struct scene *s);
	long (*call)(void *sock);
	int shut;        /* how shutdown() ends it, -1: it can't */
	long after_shut; /* then: 0, or the negative errno */
} waitings[] = {
	{"recv", scene_pair, call_recv, SHUT_RD, 0},
	{"peek", scene_pair, call_peek, SHUT_RDWR, 0},
	{"recvfrom", scene_udp, call_recvfrom, SHUT_RD, 0},
	{"send", scene_full, call_send, SHUT_WR, -EPIPE},
	{"sendall", scene_full, call_sendall, SHUT_RDWR, -EPIPE},
	{"accept", scene_listener, call_accept, SHUT_RD, -EINVAL},
	{"connect", scene_stuck, call_connect, SHUT_RDWR, -ECONNRESET},
};

enum {
	WAITINGS = sizeof(waitings) / sizeof(waitings[0])
};

static void expect(const struct waiting *w, struct worker *t, long result)
{
	long got = worker_join(t);
	bool as = result < 0 ? got == -1 && t->error == -result &&
				       t->kind == SKL_OSERROR
			     : got == result;

	CU_ASSERT(as);
	if (!as)
		printf("\n  %s: %ld, errno %d, class %s\n", w->name, got,
		       t->error, skl_error_name(t->kind));
}

static void test_close_wakes(void)
{
	for (int i = 0; i < WAITINGS; i++) {
		skl_stack *stack = case_open("");
		struct scene s = {0};
		struct worker w;

		waitings[i].make(&s);
		worker_block(&w, waitings[i].call, s.waits);
		WORKS(skl_close(s.waits));
		expect(&waitings[i], &w, -EBADF);
		scene_end(&s);
		case_close(stack);
	}
}

/* The same, but the endpoint lives on through a second handle. */
static void test_close_of_one_handle_wakes(void)
{
	for (int i = 0; i < WAITINGS; i++) {
		skl_stack *stack = case_open("");
		struct scene s = {0};
		struct worker w;
		skl_sock *other;

		waitings[i].make(&s);
		other = skl_dup(s.waits);
		worker_block(&w, waitings[i].call, s.waits);
		WORKS(skl_close(s.waits));
		expect(&waitings[i], &w, -EBADF);
		CU_ASSERT(skl_type(other) > 0);
		skl_close(other);
		scene_end(&s);
		case_close(stack);
	}
}

static void test_shutdown_wakes(void)
{
	for (int i = 0; i < WAITINGS; i++) {
		skl_stack *stack = case_open("");
		struct scene s = {0};
		struct worker w;

		waitings[i].make(&s);
		worker_block(&w, waitings[i].call, s.waits);
		/* Unconnected UDP says ENOTCONN, and wakes all the same. */
		(void)skl_shutdown(s.waits, waitings[i].shut);
		expect(&waitings[i], &w, waitings[i].after_shut);
		skl_close(s.waits);
		scene_end(&s);
		case_close(stack);
	}
}

static void test_stack_close_wakes(void)
{
	for (int i = 0; i < WAITINGS; i++) {
		skl_stack *stack = skl_stack_open("");
		struct scene s = {0};
		struct worker w;
		char c;

		skl_stack_set_current(stack);
		waitings[i].make(&s);
		worker_block(&w, waitings[i].call, s.waits);
		WORKS(skl_stack_close(stack));
		expect(&waitings[i], &w, -ENETDOWN);
		FAILS(skl_recv(s.waits, &c, 1, 0), ENETDOWN);
		WORKS(skl_close(s.waits));
		FAILS(skl_close(s.waits), EBADF);
		scene_end(&s);
	}
}

/* Several wait for the same thing: all of them wake. */
static void test_all_wake(void)
{
	skl_stack *stack = case_open("");
	struct worker w[8];
	struct scene s = {0};

	scene_pair(&s);
	for (int i = 0; i < 8; i++)
		worker_block(&w[i], i % 2 ? call_recv : call_peek, s.waits);
	WORKS(skl_close(s.waits));
	for (int i = 0; i < 8; i++)
		expect(&waitings[0], &w[i], -EBADF);
	scene_end(&s);
	case_close(stack);
}

/* One datagram, several readers: each gets one of its own. */
static void test_readers_share(void)
{
	skl_stack *stack = case_open("");
	struct worker w[6];
	skl_sock *u = udp_on(AF_INET);
	skl_addr a;

	skl_getsockname(u, &a);
	for (int i = 0; i < 6; i++)
		worker_block(&w[i], call_recv, u);
	for (int i = 0; i < 6; i++)
		CU_ASSERT_EQUAL(skl_sendto(u, "x", 1, 0, a), 1);
	for (int i = 0; i < 6; i++)
		CU_ASSERT_EQUAL(worker_join(&w[i]), 1);
	skl_close(u);
	case_close(stack);
}

/* ---- Signals ----------------------------------------------------------- */

static void on_signal(int number)
{
	(void)number;
}

static void test_signal_ends_wait(void)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	struct sigaction old;

	sigaction(SIGUSR1, &sa, &old);
	for (int i = 0; i < WAITINGS; i++) {
		skl_stack *stack = case_open("");
		struct scene s = {0};
		struct worker w;

		waitings[i].make(&s);
		worker_block(&w, waitings[i].call, s.waits);
		pthread_kill(w.thread, SIGUSR1);
		expect(&waitings[i], &w, -EINTR);
		skl_close(s.waits);
		scene_end(&s);
		case_close(stack);
	}
	sigaction(SIGUSR1, &old, NULL);
}

/* As a follower too: another thread waits first, and so drives the stack. */
static void test_signal_ends_followers_wait(void)
{
	struct sigaction sa = {.sa_handler = on_signal}, old;
	skl_stack *stack = case_open("");
	struct worker leader, w;
	struct scene s = {0};

	sigaction(SIGUSR1, &sa, &old);
	scene_pair(&s);
	worker_block(&leader, call_recv, s.others[0]);
	worker_block(&w, call_recv, s.waits);
	pthread_kill(w.thread, SIGUSR1);
	expect(&waitings[0], &w, -EINTR);
	/* The leader's own: the next follower goes on. */
	worker_block(&w, call_recv, s.waits);
	pthread_kill(leader.thread, SIGUSR1);
	expect(&waitings[0], &leader, -EINTR);
	CU_ASSERT_EQUAL(skl_send(s.others[0], "x", 1, 0), 1);
	CU_ASSERT_EQUAL(worker_join(&w), 1);
	sigaction(SIGUSR1, &old, NULL);
	skl_close(s.waits);
	scene_end(&s);
	case_close(stack);
}

/* Bytes that were moved before the signal count as success. */
static long call_send_big(void *arg)
{
	return skl_send(arg, big, sizeof(big), 0);
}

static void test_signal_after_bytes(void)
{
	struct sigaction sa = {.sa_handler = on_signal}, old;
	skl_stack *stack = case_open("");
	struct scene s = {0};
	struct worker w;
	long sent;

	sigaction(SIGUSR1, &sa, &old);
	scene_pair(&s);
	worker_block(&w, call_send_big, s.waits);
	pthread_kill(w.thread, SIGUSR1);
	sent = worker_join(&w);
	CU_ASSERT(sent > 0);
	CU_ASSERT(sent < (long)sizeof(big));
	skl_shutdown(s.waits, SHUT_WR);
	CU_ASSERT_EQUAL(receive(s.others[0], big, sizeof(big)), (size_t)sent);
	sigaction(SIGUSR1, &old, NULL);
	skl_close(s.waits);
	scene_end(&s);
	case_close(stack);
}

/* ---- One socket, many hands -------------------------------------------- */

static _Atomic int ended;

static long write_on(void *arg)
{
	char buf[3000] = "";
	long total = 0;
	ssize_t n;

	while ((n = skl_send(arg, buf, sizeof(buf), 0)) > 0)
		total += n;
	CU_ASSERT(errno == EBADF || errno == EPIPE || errno == ECONNRESET);
	return total;
}

static long read_on(void *arg)
{
	char buf[5000];
	long total = 0;
	ssize_t n;

	while ((n = skl_recv(arg, buf, sizeof(buf), 0)) > 0)
		total += n;
	CU_ASSERT(n == 0 || errno == EBADF || errno == ECONNRESET);
	return total;
}

/* Reader, writer, closer: again and again, at ever other moments. */
static void test_reader_writer_closer(void)
{
	skl_stack *stack = case_open("");
	skl_sock *l = listen_on(AF_INET, 5);

	for (int i = 0; i < 60; i++) {
		struct pair p = pair_over(l);
		struct worker w[4];

		worker_start(&w[0], read_on, p.client);
		worker_start(&w[1], write_on, p.client);
		worker_start(&w[2], read_on, p.server);
		worker_start(&w[3], write_on, p.server);
		if (i % 3)
			poll(NULL, 0, i % 3);
		WORKS(skl_close(p.client));
		CU_ASSERT(worker_join(&w[0]) >= 0);
		CU_ASSERT(worker_join(&w[1]) >= 0);
		WORKS(skl_close(p.server));
		CU_ASSERT(worker_join(&w[2]) >= 0);
		CU_ASSERT(worker_join(&w[3]) >= 0);
	}
	skl_close(l);
	case_close(stack);
}

static long echo_once(void *arg)
{
	skl_sock *l = arg, *s;
	char buf[512];
	long served = 0;
	ssize_t n;

	while ((s = skl_accept(l, NULL))) {
		while ((n = skl_recv(s, buf, sizeof(buf), 0)) > 0)
			if (skl_sendall(s, buf, (size_t)n, 0))
				break;
		skl_close(s);
		served++;
	}
	CU_ASSERT(errno == EBADF);
	return served;
}

enum {
	ROUNDS = 150
};

static long ask_often(void *arg)
{
	uint16_t port = *(uint16_t *)arg;
	char out[300], in[300];

	for (int i = 0; i < ROUNDS; i++) {
		skl_sock *s = skl_socket(AF_INET, SOCK_STREAM, 0);

		bytes_make((uint64_t)i, 0, out, sizeof(out));
		if (skl_connect(s, loopback(AF_INET, port)) ||
		    skl_sendall(s, out, sizeof(out), 0) ||
		    receive(s, in, sizeof(in)) != sizeof(in) ||
		    memcmp(in, out, sizeof(in)) != 0)
			return -1;
		skl_close(s);
	}
	return ROUNDS;
}

/* Many threads, many sockets, one stack. */
static void test_servers_and_clients(void)
{
	skl_stack *stack = case_open("");
	skl_sock *l = listen_on(AF_INET, 100);
	uint16_t port = port_of(l);
	struct worker servers[4], clients[4];
	long served = 0;

	for (int i = 0; i < 4; i++)
		worker_start(&servers[i], echo_once, l);
	for (int i = 0; i < 4; i++)
		worker_start(&clients[i], ask_often, &port);
	for (int i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(worker_join(&clients[i]), ROUNDS);
	skl_close(l);
	for (int i = 0; i < 4; i++)
		served += worker_join(&servers[i]);
	CU_ASSERT_EQUAL(served, 4 * ROUNDS);
	case_close(stack);
}

static long open_and_close(void *arg)
{
	for (int i = 0; !ended && i < 100000; i++) {
		skl_sock *s = skl_socket(AF_INET,
					 i % 2 ? SOCK_STREAM : SOCK_DGRAM, 0);
		char c;

		(void)arg;
		if (!s)
			return failed_as(SKL_OSERROR, ENETDOWN) ? 0 : -1;
		skl_setblocking(s, false);
		skl_recv(s, &c, 1, 0);
		skl_fileno(s);
		skl_close(s);
	}
	return 0;
}

/* The stack is closed under threads that are busy with it. */
static void test_stack_closed_under_threads(void)
{
	for (int i = 0; i < 10; i++) {
		skl_stack *stack = skl_stack_open("");
		struct worker w[3];

		skl_stack_set_current(stack);
		ended = 0;
		for (int j = 0; j < 3; j++)
			worker_start(&w[j], open_and_close, NULL);
		poll(NULL, 0, 3);
		WORKS(skl_stack_close(stack));
		for (int j = 0; j < 3; j++)
			CU_ASSERT_EQUAL(worker_join(&w[j]), 0);
	}
}

/* ---- Fork -------------------------------------------------------------- */

/* The thread sanitizer can't start a thread in a child of several. */
#if defined(__SANITIZE_THREAD__)
# define CHILD_MAY_OPEN false
#elif defined(__has_feature)
# if __has_feature(thread_sanitizer)
#  define CHILD_MAY_OPEN false
# endif
#endif
#ifndef CHILD_MAY_OPEN
# define CHILD_MAY_OPEN true
#endif

/* In the child: 0, or which check failed. */
static int child_checks(skl_sock *s, skl_stack *stack)
{
	struct skl_stack_stats st;
	skl_stack *mine;
	char c;

	if (skl_recv(s, &c, 1, 0) != -1 || !failed_as(SKL_OSERROR, ENETDOWN))
		return 1;
	if (skl_send(s, "x", 1, 0) != -1 || !failed_as(SKL_OSERROR, ENETDOWN))
		return 2;
	if (!strstr(skl_error()->text, "fork") &&
	    !strstr(skl_error()->text, "parent"))
		return 3;
	if (skl_stack_stats(stack, &st) != -1)
		return 4;
	if (skl_close(s))
		return 5;
	if (!CHILD_MAY_OPEN)
		return 0;
	mine = skl_stack_open("");
	if (!mine)
		return 6;
	skl_stack_set_current(mine);
	if (!udp_on(AF_INET))
		return 7;
	return skl_stack_close(mine) ? 8 : 0;
}

static void test_fork(void)
{
	skl_stack *stack = case_open("");
	struct pair p = pair_open(AF_INET);
	struct worker w;
	pid_t child;
	int status = -1;
	char c;

	/* A thread is in the stack meanwhile. */
	worker_block(&w, call_recv, p.client);
	child = fork();
	if (child == 0)
		_exit(child_checks(p.server, stack));
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT(WIFEXITED(status));
	CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
	/* The parent goes on as if nothing had been. */
	CU_ASSERT_EQUAL(skl_send(p.server, "x", 1, 0), 1);
	CU_ASSERT_EQUAL(worker_join(&w), 1);
	CU_ASSERT_EQUAL(skl_send(p.client, "y", 1, 0), 1);
	CU_ASSERT_EQUAL(skl_recv(p.server, &c, 1, 0), 1);
	pair_close(&p);
	case_close(stack);
}

/* The child holds no device: the peer sees its end when the parent closes. */
static void test_fork_holds_no_device(void)
{
	int ends[2], alive[2];
	char config[32], c;
	skl_stack *stack;
	struct pollfd f;
	pid_t child;

	CU_ASSERT_EQUAL(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	CU_ASSERT_EQUAL(pipe(alive), 0);
	snprintf(config, sizeof(config), "fd:%d 10.9.8.1/24", ends[0]);
	stack = skl_stack_open(config);
	CU_ASSERT_PTR_NOT_NULL_FATAL(stack);
	child = fork();
	if (child == 0) {
		close(alive[1]);
		close(ends[1]);
		/* Lives until the parent has looked. */
		_exit(read(alive[0], &c, 1) == 0 ? 0 : 1);
	}
	WORKS(skl_stack_close(stack));
	f = (struct pollfd){ends[1], POLLIN, 0};
	while (poll(&f, 1, 2000) == 1 && !(f.revents & POLLHUP) &&
	       read(ends[1], big, sizeof(big)) > 0)
		;
	CU_ASSERT(f.revents & POLLHUP);
	close(alive[1]);
	close(alive[0]);
	close(ends[1]);
	CU_ASSERT_EQUAL(waitpid(child, NULL, 0), child);
}

static const struct suite_case cases[] = {
	{"close wakes each waiting call", test_close_wakes},
	{"close of one of two handles", test_close_of_one_handle_wakes},
	{"shutdown wakes each waiting call", test_shutdown_wakes},
	{"stack_close wakes each waiting call", test_stack_close_wakes},
	{"all who wait wake", test_all_wake},
	{"readers share datagrams", test_readers_share},
	{"a signal ends each wait", test_signal_ends_wait},
	{"a signal to leader and follower", test_signal_ends_followers_wait},
	{"a signal after some bytes", test_signal_after_bytes},
	{"reader, writer, closer", test_reader_writer_closer},
	{"servers and clients", test_servers_and_clients},
	{"the stack is closed under threads", test_stack_closed_under_threads},
	{"fork", test_fork},
	{"fork holds no device", test_fork_holds_no_device},
};

SUITE_MAIN("threads", cases)
