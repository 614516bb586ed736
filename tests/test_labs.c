/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The programs of labs/, each at one end of a socket pair that carries its
 * frames, with a stack of ours at the other end.  tests/real/labs runs them
 * over TAP, as their README says.
 */
#include "tests/suite.h"

#include <sockling/stack.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PORT    50007
#define SECONDS 20.0 /* for anything that should happen at once */

/* The program's end of the pair, as it finds it. */
#define PROGRAM_FD 9

/* A program that runs, and our stack on the other end of its cable. */
struct lab {
	pid_t pid;
	int said; /* what it prints, errors too */
	skl_stack *stack;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* labs/ lies beside tests/ in the folder of the build. */
static void program_find(const char *name, char path[PATH_MAX])
{
	char self[PATH_MAX - 64];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = '\0';
	for (int i = 0; i < 2 && strrchr(self, '/'); i++)
		*strrchr(self, '/') = '\0';
	snprintf(path, PATH_MAX, "%s/labs/echo/%s", self, name);
}

/* In the child, with nothing but system calls: our stack has threads. */
static void become(const char *path, int cable, int said)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(said, STDOUT_FILENO);
	dup2(said, STDERR_FILENO);
	dup2(cable, PROGRAM_FD);
	execl(path, path, (char *)NULL);
	_exit(127);
}

/* Our stack at one end of a cable; returns the other end. */
static int stack_open(struct lab *lab, const char *addresses)
{
	char config[160];
	int cable[2];

	CU_ASSERT_EQUAL_FATAL(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, cable), 0);
	snprintf(config, sizeof(config), "fd:%d %s", cable[0], addresses);
	lab->stack = skl_stack_open(config);
	CU_ASSERT_PTR_NOT_NULL_FATAL(lab->stack);
	skl_stack_set_current(lab->stack);
	return cable[1];
}

static void program_start(struct lab *lab, const char *name, int cable,
			  const char *config)
{
	char path[PATH_MAX];
	int said[2];

	program_find(name, path);
	CU_ASSERT_EQUAL_FATAL(access(path, X_OK), 0);
	CU_ASSERT_EQUAL_FATAL(pipe2(said, O_CLOEXEC), 0);
	setenv("SOCKLING_STACK", config, 1);
	lab->pid = fork();
	if (lab->pid == 0)
		become(path, cable, said[1]);
	unsetenv("SOCKLING_STACK");
	close(cable);
	close(said[1]);
	lab->said = said[0];
}

/* A server of the lab at .2, and we are at .1. */
static void server_start(struct lab *lab, const char *name)
{
	int cable = stack_open(lab, "10.0.0.1/24 fd00::1/64");

	program_start(lab, name, cable, "fd:9 10.0.0.2/24 fd00::2/64");
}

/* What a program says until it ends, and its exit status. */
static int program_end(struct lab *lab, char *said, size_t size)
{
	double end = now() + SECONDS;
	size_t len = 0;
	int status = -1;
	ssize_t n = 1;

	while (n > 0 && len + 1 < size) {
		struct pollfd in = {.fd = lab->said, .events = POLLIN};
		double left = end - now();

		if (left <= 0 || poll(&in, 1, (int)(left * 1000)) <= 0)
			kill(lab->pid, SIGKILL);
		n = read(lab->said, said + len, size - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	}
	said[len] = '\0';
	close(lab->said);
	waitpid(lab->pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void lab_end(struct lab *lab)
{
	struct skl_stack_stats stats;

	CU_ASSERT_EQUAL(skl_stack_stats(lab->stack, &stats), 0);
	CU_ASSERT_EQUAL(stats.sockets, 0);
	skl_stack_set_current(NULL);
	CU_ASSERT_EQUAL(skl_stack_close(lab->stack), 0);
}

/* Connects; until the server listens its stack refuses. */
static skl_sock *server_connect(const char *host)
{
	double end = now() + SECONDS;
	skl_sock *s;

	do
		s = skl_create_connection(skl_inet(host, PORT), SECONDS, NULL);
	while (!s && errno == ECONNREFUSED && now() < end);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	return s;
}

static size_t receive(skl_sock *s, char *data, size_t size)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = skl_recv(s, data + len, size - len, 0);
		len += n > 0 ? (size_t)n : 0;
	} while (n > 0 && len < size);
	return len;
}

/* ---- Servers ----------------------------------------------------------- */

static void echo_check(const char *program, const char *host,
		       const char *connected)
{
	char sent[5000], got[sizeof(sent) + 1], said[512];
	struct lab lab;
	skl_sock *s;

	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (char)(i * 7 + i / 256);
	server_start(&lab, program);
	s = server_connect(host);
	CU_ASSERT_EQUAL(skl_sendall(s, sent, sizeof(sent), 0), 0);
	CU_ASSERT_EQUAL(receive(s, got, sizeof(sent)), sizeof(sent));
	CU_ASSERT_EQUAL(memcmp(sent, got, sizeof(sent)), 0);
	CU_ASSERT_EQUAL(skl_shutdown(s, SHUT_WR), 0);
	CU_ASSERT_EQUAL(receive(s, got, sizeof(got)), 0);
	skl_close(s);
	CU_ASSERT_EQUAL(program_end(&lab, said, sizeof(said)), 0);
	CU_ASSERT_EQUAL(strncmp(said, connected, strlen(connected)), 0);
	lab_end(&lab);
}

static void server4_echoes(void)
{
	echo_check("server4", "10.0.0.2", "Connected by ('10.0.0.1', ");
}

static void server_echoes_ipv6(void)
{
	echo_check("server", "fd00::2", "Connected by ('fd00::1', ");
}

static void server_echoes_ipv4(void)
{
	echo_check("server", "10.0.0.2", "Connected by ('::ffff:10.0.0.1', ");
}

/* ---- Clients ----------------------------------------------------------- */

static void client_start(struct lab *lab, const char *name, int cable)
{
	program_start(lab, name, cable, "fd:9 10.0.0.3/24 fd00::3/64");
}

/*
 * A client of the lab says hello to a server of ours, at .2, of one family:
 * ours listens before there is a client.
 */
static void hello_check(const char *program, int family)
{
	struct skl_server_options options = {.family = family};
	char data[64], said[512];
	struct lab lab;
	int cable = stack_open(&lab, "10.0.0.2/24 fd00::2/64");
	skl_sock *s,
		*listener = skl_create_server(skl_inet("", PORT), &options);

	CU_ASSERT_PTR_NOT_NULL_FATAL(listener);
	client_start(&lab, program, cable);
	skl_settimeout(listener, SECONDS);
	s = skl_accept(listener, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(skl_recv(s, data, sizeof(data), 0), 12);
	CU_ASSERT_EQUAL(memcmp(data, "Hello, world", 12), 0);
	CU_ASSERT_EQUAL(skl_sendall(s, "Good day", 8, 0), 0);
	CU_ASSERT_EQUAL(skl_recv(s, data, sizeof(data), 0), 0);
	skl_close(s);
	skl_close(listener);
	CU_ASSERT_EQUAL(program_end(&lab, said, sizeof(said)), 0);
	CU_ASSERT_STRING_EQUAL(said, "Received 'Good day'\n");
	lab_end(&lab);
}

static void client4_says_hello(void)
{
	hello_check("client4", AF_INET);
}

static void client_prefers_ipv6(void)
{
	hello_check("client", AF_INET6);
}

/* Nobody listens for IPv6: it is refused, and goes on to IPv4. */
static void client_falls_back(void)
{
	hello_check("client", AF_INET);
}

/* ---- Failures ---------------------------------------------------------- */

static void client4_is_refused(void)
{
	char said[512];
	struct lab lab;

	client_start(&lab, "client4", stack_open(&lab, "10.0.0.2/24"));
	CU_ASSERT_EQUAL(program_end(&lab, said, sizeof(said)), 1);
	CU_ASSERT_EQUAL(strncmp(said, "connect: OSError: ", 18), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, strerror(ECONNREFUSED)));
	lab_end(&lab);
}

static void client_is_refused_twice(void)
{
	char said[512];
	struct lab lab;

	client_start(&lab, "client",
		     stack_open(&lab, "10.0.0.2/24 fd00::2/64"));
	CU_ASSERT_EQUAL(program_end(&lab, said, sizeof(said)), 1);
	CU_ASSERT_STRING_EQUAL(said, "could not open socket\n");
	lab_end(&lab);
}

static void bad_configuration_is_named(void)
{
	char said[512];
	struct lab lab;
	int cable = stack_open(&lab, "10.0.0.2/24");

	program_start(&lab, "server4", cable, "fd:9 10.0.0.2/24 bogus");
	CU_ASSERT_EQUAL(program_end(&lab, said, sizeof(said)), 1);
	CU_ASSERT_EQUAL(strncmp(said, "socket: OSError: ", 17), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "bogus"));
	lab_end(&lab);
}

static const struct suite_case cases[] = {
	{"server4_echoes", server4_echoes},
	{"server_echoes_ipv6", server_echoes_ipv6},
	{"server_echoes_ipv4", server_echoes_ipv4},
	{"client4_says_hello", client4_says_hello},
	{"client_prefers_ipv6", client_prefers_ipv6},
	{"client_falls_back", client_falls_back},
	{"client4_is_refused", client4_is_refused},
	{"client_is_refused_twice", client_is_refused_twice},
	{"bad_configuration_is_named", bad_configuration_is_named},
};

SUITE_MAIN("labs", cases)
