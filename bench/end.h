/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the benchmarks share: their command line, a clock, and one set of
 * calls over a kernel socket or a sockling socket, so that both ends run the
 * very same loops.  bench/run starts the programs, in pairs.
 *
 *   PROGRAM [-s STACK] [-c CPU] [-t SECONDS] [-n COUNT] ROLE HOST PORT
 *
 * -s: on sockling, with this configuration; else on the kernel.  The listening
 * roles say "ready" once they listen; who measures prints lines "NAME VALUE".
 */
#ifndef BENCH_END_H
#define BENCH_END_H

#include "sockling/stack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

/* The kernel's other algorithms limit themselves; its default may be one. */
#define CONGESTION "cubic"

#define BENCH_USAGE "[-s STACK] [-c CPU] [-t SECONDS] [-n COUNT] ROLE HOST PORT"

struct bench {
	skl_stack *stack; /* NULL: the kernel's sockets */
	double seconds;
	int count;
	const char *role;
	const char *host;
	int port;
};

/* One end of a connection; sock where the stack is sockling's. */
struct end {
	skl_sock *sock;
	int fd;
};

static inline _Noreturn void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static inline _Noreturn void die_sockling(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, skl_error()->text);
	exit(1);
}

/* A number on the command line; exits where it is none. */
static inline double number(const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (!*text || *end || !(value >= 0) || value > 1e6) {
		fprintf(stderr, "not a number: %s\n", text);
		exit(1);
	}
	return value;
}

static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static inline void say(const char *name, double value)
{
	printf("%s %.17g\n", name, value);
	fflush(stdout);
}

/* Before the stack is opened: its thread belongs to the same core. */
static inline void pin(const char *cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((int)number(cpu), &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("-c");
}

static inline void stack_open(struct bench *b, const char *config)
{
	b->stack = skl_stack_open(config);
	if (!b->stack)
		die_sockling(config);
	skl_stack_set_current(b->stack);
}

/* Reads the command line; exits where it is wrong. */
static inline struct bench bench_start(int argc, char **argv)
{
	struct bench b = {.seconds = 1, .count = 1};
	const char *config = NULL;
	int option;

	while ((option = getopt(argc, argv, "s:c:t:n:")) != -1) {
		if (option == 's')
			config = optarg;
		else if (option == 'c')
			pin(optarg);
		else if (option == 't')
			b.seconds = number(optarg);
		else if (option == 'n')
			b.count = (int)number(optarg);
	}
	if (argc - optind != 3) {
		fprintf(stderr, "usage: %s " BENCH_USAGE "\n", argv[0]);
		exit(1);
	}
	b.role = argv[optind];
	b.host = argv[optind + 1];
	b.port = (int)number(argv[optind + 2]);
	if (config)
		stack_open(&b, config);
	signal(SIGPIPE, SIG_IGN);
	/* Whatever becomes of bench/run, nothing of it stays. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return b;
}

static inline bool is_role(const struct bench *b, const char *role)
{
	return !strcmp(b->role, role);
}

static inline _Noreturn void role_unknown(const struct bench *b)
{
	fprintf(stderr, "no such role: %s\n", b->role);
	exit(1);
}

/* ---- The calls --------------------------------------------------------- */

static inline void set_int(struct end e, int level, int option, int value)
{
	if (e.sock ? skl_setsockopt(e.sock, level, option, value)
		   : setsockopt(e.fd, level, option, &value, sizeof(value)))
		die("setsockopt");
}

static inline struct end end_open(const struct bench *b, int type)
{
	struct end e = {.fd = -1};

	if (b->stack) {
		e.sock = skl_socket(AF_INET, type, 0);
		if (!e.sock)
			die_sockling("socket");
	} else {
		e.fd = socket(AF_INET, type, 0);
		if (e.fd < 0)
			die("socket");
	}
	if (!b->stack && type == SOCK_STREAM &&
	    setsockopt(e.fd, IPPROTO_TCP, TCP_CONGESTION, CONGESTION,
		       strlen(CONGESTION)))
		die("TCP_CONGESTION " CONGESTION);
	return e;
}

static inline struct sockaddr_in address_of(const char *host, int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET};

	a.sin_port = htons((uint16_t)port);
	if (inet_pton(AF_INET, host, &a.sin_addr) != 1) {
		fprintf(stderr, "not an IPv4 address: %s\n", host);
		exit(1);
	}
	return a;
}

/* Binds, and listens where it is a stream. */
static inline struct end end_listen(const struct bench *b, int type)
{
	struct end e = end_open(b, type);
	struct sockaddr_in a = address_of(b->host, b->port);

	set_int(e, SOL_SOCKET, SO_REUSEADDR, 1);
	if (e.sock ? skl_bind(e.sock, skl_inet(b->host, b->port))
		   : bind(e.fd, (struct sockaddr *)&a, sizeof(a)))
		die("bind");
	if (type == SOCK_STREAM &&
	    (e.sock ? skl_listen(e.sock, 1024) : listen(e.fd, 1024)))
		die("listen");
	return e;
}

static inline void ready(void)
{
	puts("ready");
	fflush(stdout);
}

static inline struct end end_accept(struct end listener)
{
	struct end e = {.fd = -1};

	if (listener.sock) {
		e.sock = skl_accept(listener.sock, NULL);
		if (!e.sock)
			die_sockling("accept");
	} else {
		e.fd = accept(listener.fd, NULL, NULL);
		if (e.fd < 0)
			die("accept");
	}
	return e;
}

static inline struct end end_connect(const struct bench *b, int type)
{
	struct end e = end_open(b, type);
	struct sockaddr_in a = address_of(b->host, b->port);

	if (e.sock ? skl_connect(e.sock, skl_inet(b->host, b->port))
		   : connect(e.fd, (struct sockaddr *)&a, sizeof(a)))
		die("connect");
	return e;
}

static inline ssize_t end_send(struct end e, const void *buf, size_t len)
{
	return e.sock ? skl_send(e.sock, buf, len, 0) : send(e.fd, buf, len, 0);
}

static inline ssize_t end_recv(struct end e, void *buf, size_t len)
{
	return e.sock ? skl_recv(e.sock, buf, len, 0) : recv(e.fd, buf, len, 0);
}

static inline void end_close(struct end e)
{
	if (e.sock)
		skl_close(e.sock);
	else
		close(e.fd);
}

/* Closes with a RST, which leaves no TIME-WAIT behind. */
static inline void end_reset(struct end e)
{
	struct linger now = {.l_onoff = 1};

	if (e.sock)
		skl_setsockopt_buf(e.sock, SOL_SOCKET, SO_LINGER, &now,
				   sizeof(now));
	else
		setsockopt(e.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	end_close(e);
}

#endif
