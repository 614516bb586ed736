/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Readiness: skl_poll() and the mirror behind fileno(), each case beside a
 * kernel socket that lives through the same. What skl_poll() has beyond
 * poll(2), several stacks and kernel descriptors, is at the end.
 */
#include "tests/side.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/sockets.h"

/* ---- TCP beside the kernel --------------------------------------------- */

static void run_fresh(struct script *t)
{
	struct end *e = end_socket(t, "tcp", AF_INET, SOCK_STREAM);

	end_poll(e, 0);
	end_bind(e, place_make("127.0.0.1", 0));
	end_poll(e, 0);
	end_listen(e, 5);
	end_poll(e, 0);
}

static void test_fresh(void)
{
	side_compare(run_fresh);
}

/* Looked at before it is connected: nothing of that may stick. */
static void run_fresh_then_connected(struct script *t)
{
	struct end *l = end_socket(t, "listener", AF_INET, SOCK_STREAM);
	struct end *e = end_socket(t, "client", AF_INET, SOCK_STREAM);
	struct end *s;

	/* The mirror has no HUP that it could take back: not compared. */
	t->silent = true;
	end_poll(e, POLLOUT);
	end_poll(l, POLLOUT);
	t->silent = false;
	end_bind(l, place_make("127.0.0.1", 0));
	end_listen(l, 5);
	end_poll(l, 0);
	end_connect(e, end_place(l));
	end_poll(e, POLLOUT);
	end_poll(l, POLLIN);
	s = end_accept(l, "server");
	end_poll(s, 0);
	end_poll(l, 0);
	end_send(s, 10, 0, NULL);
	end_poll(e, POLLIN);
}

static void test_fresh_then_connected(void)
{
	side_compare_mirror(run_fresh_then_connected);
}

static void run_data(struct script *t)
{
	struct end *a, *b;

	ends_connect(t, AF_INET, "a", "b", &a, &b);
	end_poll(a, 0);
	end_send(a, 100, 0, NULL);
	end_poll(b, POLLIN);
	end_recv(b, 60, 0);
	end_poll(b, 0);
	end_recv(b, 60, MSG_PEEK);
	end_poll(b, 0);
	end_recv(b, 60, 0);
	end_poll(b, 0);
}

static void test_data(void)
{
	side_compare_mirror(run_data);
}

static void run_half_close(struct script *t)
{
	struct end *a, *b;

	ends_connect(t, AF_INET6, "a", "b", &a, &b);
	end_send(a, 10, 0, NULL);
	end_shutdown(a, SHUT_WR);
	end_poll(a, 0);
	end_poll(b, POLLRDHUP);
	end_recv(b, 100, 0);
	end_poll(b, 0);
	end_recv(b, 100, 0);
	end_send(b, 20, 0, NULL);
	end_poll(a, POLLIN);
	end_recv(a, 100, 0);
	end_poll(a, 0);
	end_shutdown(b, SHUT_WR);
	end_poll(b, POLLHUP);
	end_poll(a, POLLHUP);
	end_recv(a, 100, 0);
	end_poll(a, 0);
}

static void test_half_close(void)
{
	side_compare_mirror(run_half_close);
}

static void run_shut_reading(struct script *t)
{
	struct end *a, *b;

	ends_connect(t, AF_INET, "a", "b", &a, &b);
	end_shutdown(a, SHUT_RD);
	end_poll(a, 0);
	end_poll(b, 0);
	end_recv(a, 10, 0);
	end_shutdown(a, SHUT_RDWR);
	end_poll(a, POLLHUP);
	end_poll(b, POLLRDHUP);
}

static void test_shut_reading(void)
{
	side_compare_mirror(run_shut_reading);
}

static void run_closed_by_peer(struct script *t)
{
	struct end *a, *b;

	ends_connect(t, AF_INET, "a", "b", &a, &b);
	end_close(a);
	end_poll(b, POLLRDHUP);
	end_recv(b, 10, 0);
	end_poll(b, 0);
	/* The first lot meets a RST. */
	end_send(b, 10, 0, NULL);
	end_poll(b, POLLERR);
	end_recv(b, 10, 0);
	end_poll(b, 0);
	end_send(b, 10, 0, NULL);
}

static void test_closed_by_peer(void)
{
	side_compare_mirror(run_closed_by_peer);
}

static void run_reset(struct script *t)
{
	struct linger on = {.l_onoff = 1};
	struct end *a, *b;

	ends_connect(t, AF_INET, "a", "b", &a, &b);
	end_setopt(a, SOL_SOCKET, SO_LINGER, &on, sizeof(on));
	end_close(a);
	end_poll(b, POLLERR);
	end_getopt(b, SOL_SOCKET, SO_ERROR, 4);
	end_poll(b, 0);
	end_getopt(b, SOL_SOCKET, SO_ERROR, 4);
	end_recv(b, 10, 0);
	end_poll(b, 0);
	end_send(b, 10, 0, NULL);
	end_poll(b, 0);
}

static void test_reset(void)
{
	side_compare_mirror(run_reset);
}

/* A RST because unread data was thrown away; what b had got stays readable. */
static void run_reset_unread(struct script *t)
{
	struct end *a, *b;

	ends_connect(t, AF_INET, "a", "b", &a, &b);
	end_send(b, 10, 0, NULL);
	end_poll(a, POLLIN);
	end_close(a);
	end_poll(b, POLLERR);
	end_recv(b, 10, 0);
	end_recv(b, 10, 0);
}

static void test_reset_unread(void)
{
	side_compare_mirror(run_reset_unread);
}

static struct place free_port(struct script *t, int type)
{
	struct end *e = end_socket(t, "vanishing", AF_INET, type);
	struct place p;

	end_bind(e, place_make("127.0.0.1", 0));
	p = end_place(e);
	end_close(e);
	return p;
}

static void run_refused(struct script *t)
{
	struct place nobody = free_port(t, SOCK_STREAM);
	struct end *e = end_socket(t, "tcp", AF_INET, SOCK_STREAM);

	end_connect(e, nobody);
	end_poll(e, POLLERR);
	end_getopt(e, SOL_SOCKET, SO_ERROR, 4);
	end_poll(e, 0);
	end_getopt(e, SOL_SOCKET, SO_ERROR, 4);
	end_recv(e, 1, 0);
	end_send(e, 1, 0, NULL);
}

static void test_refused(void)
{
	side_compare_mirror(run_refused);
}

/* A full listener answers nothing: the connection stays under way. */
static void run_pending(struct script *t)
{
	struct end *l = end_socket(t, "listener", AF_INET, SOCK_STREAM);
	struct end *queued, *e;

	end_bind(l, place_make("127.0.0.1", 0));
	end_listen(l, 0);
	queued = end_socket(t, "queued", AF_INET, SOCK_STREAM);
	end_connect(queued, end_place(l));
	end_poll(queued, POLLOUT);
	end_poll(l, POLLIN);
	e = end_socket(t, "pending", AF_INET, SOCK_STREAM);
	end_connect(e, end_place(l));
	end_poll(e, 0);
	end_recv(e, 1, 0);
	end_send(e, 1, 0, NULL);
	end_connect(e, end_place(l));
	end_getopt(e, SOL_SOCKET, SO_ERROR, 4);
	end_name(e, false);
	end_name(e, true);
}

static void run_pending_shut(struct script *t)
{
	run_pending(t);
	end_shutdown(&t->ends[t->count - 1], SHUT_WR);
	end_poll(&t->ends[t->count - 1], 0);
}

static void test_pending(void)
{
	side_compare_mirror(run_pending);
	side_compare(run_pending_shut);
}

/* Not writable once full, writable again once the peer has read. */
static void run_full(struct script *t)
{
	struct end *a, *b;

	ends_connect(t, AF_INET, "a", "b", &a, &b);
	end_poll(a, 0);
	end_poll(b, 0);
	script_note(t, "filled: %d", end_fill(a) > 10000);
	end_poll(a, 0);
	end_poll(b, POLLIN);
	script_note(t, "drained: %d", end_drain(b) > 10000);
	end_poll(a, POLLOUT);
	while (end_drain(b))
		poll(NULL, 0, 1);
	end_poll(b, 0);
}

static void test_full(void)
{
	side_compare_mirror(run_full);
}

static void run_accept_queue(struct script *t)
{
	struct end *l = end_socket(t, "listener", AF_INET6, SOCK_STREAM);
	struct end *a, *b;

	end_bind(l, place_make("::1", 0));
	end_listen(l, 4);
	end_poll(l, 0);
	a = end_socket(t, "a", AF_INET6, SOCK_STREAM);
	b = end_socket(t, "b", AF_INET6, SOCK_STREAM);
	end_connect(a, end_place(l));
	end_connect(b, end_place(l));
	end_poll(a, POLLOUT);
	end_poll(b, POLLOUT);
	end_poll(l, POLLIN);
	end_accept(l, "first");
	end_poll(l, POLLIN);
	end_accept(l, "second");
	end_poll(l, 0);
	end_accept(l, "third");
	end_poll(l, 0);
}

static void test_accept_queue(void)
{
	side_compare_mirror(run_accept_queue);
}

/* ---- UDP beside the kernel --------------------------------------------- */

static void run_udp(struct script *t)
{
	struct end *a = end_socket(t, "a", AF_INET, SOCK_DGRAM);
	struct end *b = end_socket(t, "b", AF_INET, SOCK_DGRAM);
	struct place to;

	end_poll(a, 0);
	end_bind(b, place_make("127.0.0.1", 0));
	to = end_place(b);
	end_send(a, 5, 0, &to);
	end_send(a, 0, 0, &to);
	end_poll(b, POLLIN);
	end_recv(b, 100, 0);
	end_poll(b, POLLIN);
	end_recv(b, 100, 0);
	end_poll(b, 0);
}

static void test_udp(void)
{
	side_compare_mirror(run_udp);
}

/* The mirror can't tell an error without a hang-up: it is readable. */
static void test_udp_refused_mirror(void)
{
	skl_stack *stack = case_open("");
	skl_sock *s = udp_on(AF_INET), *nobody = udp_on(AF_INET);
	struct pollfd f = {.fd = skl_fileno(s), .events = POLLIN};
	char c;

	WORKS(skl_connect(s, loopback(AF_INET, port_of(nobody))));
	skl_close(nobody);
	CU_ASSERT_EQUAL(poll(&f, 1, 0), 0);
	CU_ASSERT_EQUAL(skl_send(s, "x", 1, 0), 1);
	CU_ASSERT_EQUAL(poll(&f, 1, 2000), 1);
	FAILS(skl_recv(s, &c, 1, 0), ECONNREFUSED);
	CU_ASSERT_EQUAL(poll(&f, 1, 0), 0);
	skl_close(s);
	case_close(stack);
}

static void run_udp_refused(struct script *t)
{
	struct place nobody = free_port(t, SOCK_DGRAM);
	struct end *e = end_socket(t, "udp", AF_INET, SOCK_DGRAM);

	end_connect(e, nobody);
	end_poll(e, 0);
	end_send(e, 5, 0, NULL);
	end_poll(e, POLLERR);
	end_recv(e, 5, 0);
	end_poll(e, 0);
	end_send(e, 5, 0, NULL);
	end_poll(e, POLLERR);
	end_send(e, 5, 0, NULL);
	end_poll(e, 0);
	end_send(e, 5, 0, NULL);
	end_poll(e, POLLERR);
	end_getopt(e, SOL_SOCKET, SO_ERROR, 4);
	end_poll(e, 0);
}

static void test_udp_refused(void)
{
	side_compare(run_udp_refused);
}

static void run_udp_shutdown(struct script *t)
{
	struct end *a = end_socket(t, "a", AF_INET, SOCK_DGRAM);

	end_shutdown(a, SHUT_RD);
	end_poll(a, 0);
	end_bind(a, place_make("127.0.0.1", 0));
	end_connect(a, end_place(a));
	end_shutdown(a, SHUT_WR);
	end_poll(a, 0);
	end_send(a, 1, 0, NULL);
	end_shutdown(a, SHUT_RD);
	end_poll(a, 0);
}

static void test_udp_shutdown(void)
{
	side_compare_mirror(run_udp_shutdown);
}

/* ---- skl_poll() itself ------------------------------------------------- */

static void test_kinds_together(void)
{
	skl_stack *one = case_open(""), *two;
	struct skl_pollfd f[4] = {{0}};
	skl_sock *a = udp_on(AF_INET), *b;
	skl_addr to;
	int fds[2];

	two = skl_stack_open("");
	CU_ASSERT_PTR_NOT_NULL_FATAL(two);
	skl_stack_set_current(two);
	b = udp_on(AF_INET);
	CU_ASSERT_EQUAL(pipe(fds), 0);
	f[0] = (struct skl_pollfd){.sock = a, .events = POLLIN};
	f[1] = (struct skl_pollfd){.sock = b, .events = POLLIN};
	f[2] = (struct skl_pollfd){.fd = fds[0], .events = POLLIN};
	f[3] = (struct skl_pollfd){.fd = -1, .events = POLLIN, .revents = 7};
	CU_ASSERT_EQUAL(skl_poll(f, 4, 0.01), 0);
	CU_ASSERT_EQUAL(f[3].revents, 0);

	skl_getsockname(b, &to);
	CU_ASSERT_EQUAL(skl_sendto(b, "x", 1, 0, to), 1);
	CU_ASSERT_EQUAL(skl_poll(f, 4, SKL_FOREVER), 1);
	CU_ASSERT_EQUAL(f[1].revents, POLLIN);
	CU_ASSERT_EQUAL(f[0].revents | f[2].revents, 0);
	CU_ASSERT_EQUAL(write(fds[1], "x", 1), 1);
	f[0].events |= POLLOUT;
	CU_ASSERT_EQUAL(skl_poll(f, 4, SKL_FOREVER), 3);
	CU_ASSERT_EQUAL(f[0].revents, POLLOUT);
	CU_ASSERT_EQUAL(f[2].revents, POLLIN);

	close(fds[0]);
	close(fds[1]);
	skl_close(a);
	skl_close(b);
	WORKS(skl_stack_close(two));
	skl_stack_set_current(one);
	case_close(one);
}

struct poll_args {
	struct skl_pollfd *f;
	size_t n;
	double timeout;
};

static long poll_call(void *arg)
{
	struct poll_args *p = arg;

	return skl_poll(p->f, p->n, p->timeout);
}

/* A sleeping poll wakes for each kind of entry. */
static void test_wakes(void)
{
	skl_stack *one = case_open(""), *two = skl_stack_open("");
	skl_sock *a = udp_on(AF_INET), *b;
	struct skl_pollfd f[3] = {{0}};
	struct worker w;
	skl_addr to;
	int fds[2];

	skl_stack_set_current(two);
	b = udp_on(AF_INET6);
	CU_ASSERT_EQUAL(pipe(fds), 0);
	f[0] = (struct skl_pollfd){.sock = a, .events = POLLIN};
	f[1] = (struct skl_pollfd){.fd = fds[0], .events = POLLIN};
	f[2] = (struct skl_pollfd){.sock = b, .events = POLLIN};
	for (int i = 0; i < 6; i++) {
		/* One stack and a descriptor, then two stacks. */
		struct poll_args p = {f, i < 3 ? 2 : 3, SKL_FOREVER};
		skl_sock *s = i % 3 == 2 && i > 3 ? b : a;
		char c;

		worker_block(&w, poll_call, &p);
		if (i % 3 == 1)
			CU_ASSERT_EQUAL(write(fds[1], "x", 1), 1);
		skl_getsockname(s, &to);
		if (i % 3 != 1)
			CU_ASSERT_EQUAL(skl_sendto(s, "x", 1, 0, to), 1);
		CU_ASSERT_EQUAL(worker_join(&w), 1);
		if (i % 3 == 1)
			CU_ASSERT_EQUAL(read(fds[0], &c, 1), 1);
		if (i % 3 != 1)
			CU_ASSERT_EQUAL(skl_recv(s, &c, 1, 0), 1);
	}
	close(fds[0]);
	close(fds[1]);
	skl_close(a);
	skl_close(b);
	WORKS(skl_stack_close(two));
	skl_stack_set_current(one);
	case_close(one);
}

static void test_timeouts(void)
{
	skl_stack *stack = case_open("");
	skl_sock *a = udp_on(AF_INET);
	struct skl_pollfd f = {.sock = a, .events = POLLIN};
	double begin;

	begin = now();
	CU_ASSERT_EQUAL(skl_poll(&f, 1, 0), 0);
	CU_ASSERT(now() - begin < 1);
	begin = now();
	CU_ASSERT_EQUAL(skl_poll(&f, 1, 0.15), 0);
	CU_ASSERT(now() - begin >= 0.15);
	CU_ASSERT(now() - begin < 2);
	begin = now();
	CU_ASSERT_EQUAL(skl_poll(NULL, 0, 0.05), 0);
	CU_ASSERT(now() - begin >= 0.05);
	FAILS_AS(skl_poll(&f, 1, -0.5), SKL_VALUEERROR, EINVAL);
	FAILS_AS(skl_poll(&f, 1, 0.0 / 0.0), SKL_VALUEERROR, EINVAL);
	f.revents = 0;
	skl_close(a);
	CU_ASSERT_EQUAL(skl_poll(&f, 1, 0), 1);
	CU_ASSERT_EQUAL(f.revents, POLLNVAL);
	case_close(stack);
}

/* Ends while somebody polls: the socket, then the stack. */
static void test_ends(void)
{
	skl_stack *stack = case_open(""), *other = skl_stack_open("");
	struct skl_pollfd f[2] = {{0}};
	struct poll_args p = {f, 1, SKL_FOREVER};
	struct worker w;

	for (p.n = 1; p.n <= 2; p.n++) {
		f[0] = (struct skl_pollfd){.sock = udp_on(AF_INET),
					   .events = POLLIN};
		skl_stack_set_current(other);
		f[1] = (struct skl_pollfd){.sock = udp_on(AF_INET),
					   .events = POLLIN};
		skl_stack_set_current(stack);
		worker_block(&w, poll_call, &p);
		skl_close(f[0].sock);
		CU_ASSERT_EQUAL(worker_join(&w), 1);
		CU_ASSERT_EQUAL(f[0].revents, POLLNVAL);
		skl_close(f[1].sock);
	}
	skl_stack_set_current(other);
	f[0].sock = udp_on(AF_INET);
	skl_stack_set_current(stack);
	p.n = 1;
	worker_block(&w, poll_call, &p);
	WORKS(skl_stack_close(other));
	CU_ASSERT_EQUAL(worker_join(&w), 1);
	CU_ASSERT(f[0].revents & (POLLNVAL | POLLERR | POLLHUP));
	skl_close(f[0].sock);
	case_close(stack);
}

static void on_signal(int number)
{
	(void)number;
}

static void test_signal(void)
{
	skl_stack *stack = case_open("");
	struct sigaction sa = {.sa_handler = on_signal}, old;
	skl_sock *a = udp_on(AF_INET);
	struct skl_pollfd f[2] = {{.sock = a, .events = POLLIN},
				  {.fd = -1, .events = POLLIN}};
	struct worker w;

	sigaction(SIGUSR1, &sa, &old);
	for (size_t n = 1; n <= 2; n++) {
		struct poll_args p = {f, n, SKL_FOREVER};

		worker_block(&w, poll_call, &p);
		pthread_kill(w.thread, SIGUSR1);
		CU_ASSERT_EQUAL(worker_join(&w), -1);
		CU_ASSERT_EQUAL(w.error, EINTR);
		CU_ASSERT_EQUAL(w.kind, SKL_OSERROR);
	}
	sigaction(SIGUSR1, &old, NULL);
	skl_close(a);
	case_close(stack);
}

static const struct suite_case cases[] = {
	{"a fresh, bound and listening socket", test_fresh},
	{"fresh, then connected", test_fresh_then_connected},
	{"data comes and is read", test_data},
	{"half-close both ways", test_half_close},
	{"reading shut down", test_shut_reading},
	{"closed by the peer", test_closed_by_peer},
	{"reset", test_reset},
	{"reset over unread data", test_reset_unread},
	{"refused", test_refused},
	{"a connection under way", test_pending},
	{"send buffer full", test_full},
	{"connections wait", test_accept_queue},
	{"datagrams", test_udp},
	{"a datagram refused", test_udp_refused},
	{"a datagram refused, by the mirror", test_udp_refused_mirror},
	{"shutdown of UDP", test_udp_shutdown},
	{"sockets of two stacks and a pipe", test_kinds_together},
	{"a sleeping poll wakes", test_wakes},
	{"timeouts", test_timeouts},
	{"the socket or the stack ends meanwhile", test_ends},
	{"a signal", test_signal},
};

SUITE_MAIN("poll", cases)
