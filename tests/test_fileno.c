/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fileno() under epoll, level and edge triggered, and under select(): what an
 * event loop sees, beside the kernel's sockets. (What poll(2) sees of it is in
 * test_poll.c.)
 */
#include "tests/side.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <unistd.h>

#include "tests/sockets.h"

/* ---- Edges beside the kernel ------------------------------------------- */

static void run_edges_data(struct script *t)
{
	struct end *a, *b;

	ends_connect(t, AF_INET, "a", "b", &a, &b);
	end_edges(b, EPOLLOUT);
	end_edges(b, 0);
	end_send(a, 10, 0, NULL);
	end_edges(b, EPOLLIN);
	end_edges(b, 0);
	/* More of it is an edge, though it was readable before. */
	end_send(a, 10, 0, NULL);
	end_edges(b, EPOLLIN);
	end_recv(b, 5, 0);
	end_edges(b, 0);
	end_recv(b, 100, 0);
	end_edges(b, 0);
	end_send(a, 10, 0, NULL);
	end_edges(b, EPOLLIN);
}

static void test_edges_data(void)
{
	side_compare_mirror(run_edges_data);
}

static void run_edges_end(struct script *t)
{
	struct end *a, *b;

	ends_connect(t, AF_INET, "a", "b", &a, &b);
	end_edges(b, EPOLLOUT);
	end_send(a, 10, 0, NULL);
	end_edges(b, EPOLLIN);
	end_shutdown(a, SHUT_WR);
	end_edges(b, EPOLLRDHUP);
	end_edges(b, 0);
	end_recv(b, 100, 0);
	end_recv(b, 100, 0);
	end_edges(b, 0);
	end_edges(a, 0);
	end_close(b);
	end_edges(a, EPOLLHUP);
}

static void test_edges_end(void)
{
	side_compare_mirror(run_edges_end);
}

static void run_edges_reset(struct script *t)
{
	struct linger on = {.l_onoff = 1};
	struct end *a, *b;

	ends_connect(t, AF_INET6, "a", "b", &a, &b);
	end_edges(b, EPOLLOUT);
	end_setopt(a, SOL_SOCKET, SO_LINGER, &on, sizeof(on));
	end_close(a);
	end_edges(b, EPOLLERR);
	end_recv(b, 1, 0);
	end_edges(b, 0);
}

static void test_edges_reset(void)
{
	side_compare_mirror(run_edges_reset);
}

static void run_edges_full(struct script *t)
{
	struct end *a, *b;

	ends_connect(t, AF_INET, "a", "b", &a, &b);
	end_edges(a, EPOLLOUT);
	end_fill(a);
	end_edges(a, 0);
	while (end_drain(b))
		poll(NULL, 0, 1);
	end_edges(a, EPOLLOUT);
}

static void test_edges_full(void)
{
	side_compare_mirror(run_edges_full);
}

static void run_edges_accept(struct script *t)
{
	struct end *l = end_socket(t, "l", AF_INET, SOCK_STREAM), *c;

	end_bind(l, place_make("127.0.0.1", 0));
	end_listen(l, 5);
	end_edges(l, 0);
	for (int i = 0; i < 3; i++) {
		c = end_socket(t, "c", AF_INET, SOCK_STREAM);
		end_connect(c, end_place(l));
		end_poll(c, POLLOUT);
		/* Each connection is an edge. */
		end_edges(l, EPOLLIN);
	}
	end_accept(l, "1");
	end_edges(l, 0);
	end_accept(l, "2");
	end_accept(l, "3");
	end_accept(l, "none");
	end_edges(l, 0);
	c = end_socket(t, "c", AF_INET, SOCK_STREAM);
	end_connect(c, end_place(l));
	end_edges(l, EPOLLIN);
}

static void test_edges_accept(void)
{
	side_compare_mirror(run_edges_accept);
}

static void run_edges_connect(struct script *t)
{
	struct end *l = end_socket(t, "l", AF_INET, SOCK_STREAM);
	struct end *queued = end_socket(t, "queued", AF_INET, SOCK_STREAM);
	struct end *c = end_socket(t, "c", AF_INET, SOCK_STREAM);

	end_bind(l, place_make("127.0.0.1", 0));
	end_listen(l, 0);
	end_connect(queued, end_place(l));
	end_poll(l, POLLIN);
	/* Nobody answers, until there is room. */
	end_connect(c, end_place(l));
	end_edges(c, 0);
	end_accept(l, "first");
	end_edges(c, EPOLLOUT);
	end_edges(c, 0);
	end_getopt(c, SOL_SOCKET, SO_ERROR, 4);
}

static void test_edges_connect(void)
{
	side_compare_mirror(run_edges_connect);
}

static void run_edges_refused(struct script *t)
{
	struct end *l = end_socket(t, "l", AF_INET, SOCK_STREAM);
	struct end *c = end_socket(t, "c", AF_INET, SOCK_STREAM);

	end_bind(l, place_make("127.0.0.1", 0));
	end_connect(c, end_place(l));
	end_edges(c, EPOLLERR);
	end_getopt(c, SOL_SOCKET, SO_ERROR, 4);
	end_edges(c, 0);
}

static void test_edges_refused(void)
{
	side_compare_mirror(run_edges_refused);
}

static void run_edges_udp(struct script *t)
{
	struct end *e = end_socket(t, "e", AF_INET, SOCK_DGRAM);
	struct place to;

	end_bind(e, place_make("127.0.0.1", 0));
	to = end_place(e);
	end_edges(e, EPOLLOUT);
	end_edges(e, 0);
	for (int i = 0; i < 2; i++) {
		end_send(e, 5, 0, &to);
		end_edges(e, EPOLLIN);
		end_edges(e, 0);
	}
	end_recv(e, 10, 0);
	end_recv(e, 10, 0);
	end_edges(e, 0);
	end_send(e, 5, 0, &to);
	end_edges(e, EPOLLIN);
}

static void test_edges_udp(void)
{
	side_compare_mirror(run_edges_udp);
}

/* ---- An event loop of our own ------------------------------------------ */

/* select() over sockets and a pipe. */
static void test_select(void)
{
	skl_stack *stack = case_open("");
	struct pair p = pair_open(AF_INET);
	struct timeval none = {0, 0}, some = {2, 0};
	int fd = skl_fileno(p.server), top = fd + 1;
	fd_set in, out;

	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(fd, &in);
	FD_SET(fd, &out);
	CU_ASSERT_EQUAL(select(top, &in, &out, NULL, &none), 1);
	CU_ASSERT(!FD_ISSET(fd, &in));
	CU_ASSERT(FD_ISSET(fd, &out));
	CU_ASSERT_EQUAL(skl_send(p.client, "x", 1, 0), 1);
	FD_SET(fd, &in);
	CU_ASSERT_EQUAL(select(top, &in, NULL, NULL, &some), 1);
	CU_ASSERT(FD_ISSET(fd, &in));
	pair_close(&p);
	case_close(stack);
}

/*
 * A server that never waits in the library: one thread, level-triggered epoll
 * on the listener and its connections, 40 clients in another thread.
 */
enum {
	CLIENTS = 40,
	EACH = 30000
};

static long clients_run(void *arg)
{
	uint16_t port = *(uint16_t *)arg;
	static uint8_t out[EACH], in[EACH];
	skl_sock *s[CLIENTS];
	long good = 0;

	bytes_make(1, 0, out, EACH);
	for (int i = 0; i < CLIENTS; i++) {
		s[i] = skl_create_connection(loopback(AF_INET, port), 10, NULL);
		if (!s[i] || skl_sendall(s[i], out, EACH, 0))
			return -1;
	}
	for (int i = 0; i < CLIENTS; i++) {
		good += receive(s[i], in, EACH) == EACH &&
			bytes_equal(1, 0, in, EACH);
		skl_close(s[i]);
	}
	return good;
}

struct served {
	skl_sock *s;
	int left; /* bytes to read, then to write */
	bool writing;
	int written;
};

static void served_watch(int epoll, struct served *c, int op)
{
	struct epoll_event ev = {.events = c->writing ? EPOLLOUT : EPOLLIN,
				 .data.ptr = c};

	CU_ASSERT_EQUAL(epoll_ctl(epoll, op, skl_fileno(c->s), &ev), 0);
}

/* One step as far as it goes without waiting; true: it is done. */
static bool served_step(int epoll, struct served *c)
{
	static uint8_t buf[EACH];
	ssize_t n;

	if (!c->writing) {
		n = skl_recv(c->s, buf, sizeof(buf), 0);
		c->left -= n > 0 ? (int)n : 0;
		CU_ASSERT(n > 0 || errno == EAGAIN);
		if (c->left)
			return false;
		c->writing = true;
		served_watch(epoll, c, EPOLL_CTL_MOD);
		return false;
	}
	bytes_make(1, (uint64_t)c->written, buf, (size_t)(EACH - c->written));
	n = skl_send(c->s, buf, (size_t)(EACH - c->written), 0);
	CU_ASSERT(n > 0 || errno == EAGAIN);
	c->written += n > 0 ? (int)n : 0;
	return c->written == EACH;
}

static void listener_step(int epoll, skl_sock *l, struct served *served,
			  int *count)
{
	skl_sock *s;

	while (*count < CLIENTS && (s = skl_accept(l, NULL))) {
		struct served *c = &served[(*count)++];

		skl_setblocking(s, false);
		*c = (struct served){.s = s, .left = EACH};
		served_watch(epoll, c, EPOLL_CTL_ADD);
	}
}

static void test_event_loop(void)
{
	static struct served served[CLIENTS];
	skl_stack *stack = case_open("");
	skl_sock *l = listen_on(AF_INET, 50);
	int epoll = epoll_create1(EPOLL_CLOEXEC), count = 0, done = 0, idle = 0;
	struct epoll_event ev = {.events = EPOLLIN}, got[16];
	uint16_t port = port_of(l);
	struct worker w;

	skl_setblocking(l, false);
	epoll_ctl(epoll, EPOLL_CTL_ADD, skl_fileno(l), &ev);
	worker_start(&w, clients_run, &port);
	while (done < CLIENTS && !idle) {
		int n = epoll_wait(epoll, got, 16, 5000);

		idle = n <= 0;
		for (int i = 0; i < n; i++) {
			struct served *c = got[i].data.ptr;

			if (!c) {
				listener_step(epoll, l, served, &count);
			} else if (served_step(epoll, c)) {
				WORKS(skl_close(c->s));
				done++;
			}
		}
	}
	CU_ASSERT_EQUAL(done, CLIENTS);
	CU_ASSERT_EQUAL(worker_join(&w), CLIENTS);
	close(epoll);
	skl_close(l);
	case_close(stack);
}

/* Level-triggered and idle: epoll does not spin. */
static void test_quiet(void)
{
	skl_stack *stack = case_open("");
	struct pair p = pair_open(AF_INET);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP | EPOLLPRI},
			   got;
	char c;

	epoll_ctl(epoll, EPOLL_CTL_ADD, skl_fileno(p.server), &ev);
	CU_ASSERT_EQUAL(epoll_wait(epoll, &got, 1, 50), 0);
	CU_ASSERT_EQUAL(skl_send(p.client, "x", 1, 0), 1);
	CU_ASSERT_EQUAL(epoll_wait(epoll, &got, 1, 2000), 1);
	CU_ASSERT_EQUAL(epoll_wait(epoll, &got, 1, 0), 1);
	CU_ASSERT_EQUAL(skl_recv(p.server, &c, 1, 0), 1);
	CU_ASSERT_EQUAL(epoll_wait(epoll, &got, 1, 50), 0);
	close(epoll);
	pair_close(&p);
	case_close(stack);
}

/* ---- The descriptor ---------------------------------------------------- */

static void test_descriptor(void)
{
	skl_stack *stack = case_open("");
	skl_sock *s = udp_on(AF_INET), *d = skl_dup(s);
	int fd = skl_fileno(s), fd2 = skl_fileno(d);
	struct pollfd f[2] = {{fd, POLLIN, 0}, {fd2, POLLIN, 0}};
	skl_addr a;

	CU_ASSERT(fd >= 0);
	CU_ASSERT(fd2 >= 0);
	CU_ASSERT_NOT_EQUAL(fd, fd2);
	CU_ASSERT_EQUAL(skl_fileno(s), fd);
	CU_ASSERT(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	/* Both show the one endpoint. */
	WORKS(skl_getsockname(s, &a));
	CU_ASSERT_EQUAL(skl_sendto(s, "x", 1, 0, a), 1);
	CU_ASSERT_EQUAL(poll(f, 2, 2000), 2);
	skl_close(s);
	CU_ASSERT_EQUAL(fcntl(fd, F_GETFD), -1);
	CU_ASSERT_EQUAL(poll(&f[1], 1, 0), 1);
	skl_close(d);
	case_close(stack);
}

static int lowest_free(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

/* No descriptor left: said so, and the socket works without. */
static void test_no_descriptor(void)
{
	skl_stack *stack = case_open("");
	skl_sock *s = udp_on(AF_INET);
	struct rlimit old, none;
	skl_addr a;
	char c;

	getrlimit(RLIMIT_NOFILE, &old);
	for (int spare = 0; spare < 4; spare++) {
		int fd;

		none = old;
		none.rlim_cur = (rlim_t)(lowest_free() + spare);
		setrlimit(RLIMIT_NOFILE, &none);
		fd = skl_fileno(s);
		CU_ASSERT(fd >= 0 || failed_as(SKL_OSERROR, EMFILE));
		if (spare == 0) {
			FAILS(fd, EMFILE);
			FAILS(skl_detach(s), EMFILE);
		}
		setrlimit(RLIMIT_NOFILE, &old);
	}
	CU_ASSERT(skl_fileno(s) >= 0);
	WORKS(skl_getsockname(s, &a));
	CU_ASSERT_EQUAL(skl_sendto(s, "x", 1, 0, a), 1);
	CU_ASSERT_EQUAL(skl_recv(s, &c, 1, 0), 1);
	skl_close(s);
	case_close(stack);
}

static void test_no_leak_of_descriptors(void)
{
	int before = lowest_free();

	for (int i = 0; i < 3; i++) {
		skl_stack *stack = skl_stack_open("");
		struct pair p;

		skl_stack_set_current(stack);
		p = pair_open(AF_INET);
		CU_ASSERT(skl_fileno(p.client) >= 0);
		CU_ASSERT(skl_fileno(p.server) >= 0);
		if (i == 0)
			pair_close(&p);
		if (i == 1)
			close(skl_detach(p.client));
		WORKS(skl_stack_close(stack));
		if (i)
			skl_close(p.server);
		if (i == 2)
			skl_close(p.client);
	}
	CU_ASSERT_EQUAL(lowest_free(), before);
}

static const struct suite_case cases[] = {
	{"edges: data", test_edges_data},
	{"edges: the end", test_edges_end},
	{"edges: reset", test_edges_reset},
	{"edges: full and writable again", test_edges_full},
	{"edges: connections", test_edges_accept},
	{"edges: connecting", test_edges_connect},
	{"edges: refused", test_edges_refused},
	{"edges: UDP", test_edges_udp},
	{"select", test_select},
	{"an event loop serves 40 clients", test_event_loop},
	{"quiet when idle", test_quiet},
	{"the descriptor", test_descriptor},
	{"no descriptor left", test_no_descriptor},
	{"no descriptor leaks", test_no_leak_of_descriptors},
};

SUITE_MAIN("fileno", cases)
