/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peer serve CONFIG FOLDER: for the kernel's programs to talk to: a web server
 * on port 80 that gives and takes (PUT) files of a folder, and on port 7 one
 * that reads to the end and then sends all of it back; both families. Says
 * "ready", and at the end of its device "down: ERROR" before it ends well.
 *
 * peer talk CONFIG HOST PORT: sends its input, shuts that half, prints what
 * comes.
 */
#include "sockling/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CHUNK = 1 << 18
};

static const char *folder;

static int fail(const char *what)
{
	fprintf(stderr, "peer: %s: %s\n", what, skl_error()->text);
	return 1;
}

/* ---- The web server ---------------------------------------------------- */

struct request {
	char head[4096];
	size_t got;  /* bytes in head, some of which may be the body's */
	size_t body; /* where the body begins */
	char method[8];
	char path[256];
	long long length;
};

/* Reads up to the empty line; false: there was none. */
static bool request_read(skl_sock *s, struct request *r)
{
	const char *end, *length;
	ssize_t n;

	do {
		n = skl_recv(s, r->head + r->got, sizeof(r->head) - 1 - r->got,
			     0);
		if (n <= 0)
			return false;
		r->got += (size_t)n;
		r->head[r->got] = '\0';
		end = strstr(r->head, "\r\n\r\n");
	} while (!end);
	r->body = (size_t)(end + 4 - r->head);
	length = strcasestr(r->head, "\r\nContent-Length:");
	r->length = length ? strtoll(length + 17, NULL, 10) : 0;
	return sscanf(r->head, "%7s /%255[a-z0-9.]", r->method, r->path) == 2;
}

static void answer(skl_sock *s, int status, long long length)
{
	char head[128];
	int n = snprintf(head, sizeof(head),
			 "HTTP/1.1 %d -\r\nContent-Length: %lld\r\n"
			 "Connection: close\r\n\r\n",
			 status, length);

	skl_sendall(s, head, (size_t)n, 0);
}

static void file_give(skl_sock *s, int fd, char *buf)
{
	struct stat st;
	ssize_t n;

	fstat(fd, &st);
	answer(s, 200, st.st_size);
	while ((n = read(fd, buf, CHUNK)) > 0)
		if (skl_sendall(s, buf, (size_t)n, 0))
			return;
}

static void file_take(skl_sock *s, struct request *r, int fd, char *buf)
{
	long long left = r->length;
	ssize_t n = (ssize_t)(r->got - r->body);

	memcpy(buf, r->head + r->body, (size_t)n);
	if (strcasestr(r->head, "100-continue"))
		skl_sendall(s, "HTTP/1.1 100 -\r\n\r\n", 18, 0);
	while (left > 0) {
		if (n > 0 && write(fd, buf, (size_t)n) != n)
			break;
		left -= n;
		n = left > 0 ? skl_recv(s, buf, CHUNK, 0) : 0;
		if (n <= 0)
			break;
	}
	answer(s, left == 0 ? 201 : 500, 0);
}

static void web(skl_sock *s)
{
	struct request r = {.got = 0};
	char *buf = malloc(CHUNK);
	char path[600];
	bool put;
	int fd = -1;

	if (buf && request_read(s, &r)) {
		put = strcmp(r.method, "PUT") == 0;
		snprintf(path, sizeof(path), "%s/%s", folder, r.path);
		fd = open(path, put ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY,
			  0600);
		if (fd < 0)
			answer(s, 404, 0);
		else if (put)
			file_take(s, &r, fd, buf);
		else
			file_give(s, fd, buf);
	}
	if (fd >= 0)
		close(fd);
	free(buf);
}

/* ---- The echo server --------------------------------------------------- */

/* Twice the memory; false: there is none, what there was stays. */
static bool grow(char **buf, size_t *size)
{
	char *more = realloc(*buf, *size * 2);

	if (!more)
		return false;
	*buf = more;
	*size *= 2;
	return true;
}

static void echo(skl_sock *s)
{
	size_t size = CHUNK, got = 0;
	char *buf = malloc(size);
	ssize_t n = 1;

	while (buf && n > 0) {
		n = skl_recv(s, buf + got, size - got, 0);
		got += n > 0 ? (size_t)n : 0;
		if (got == size && !grow(&buf, &size))
			break;
	}
	if (buf && n == 0)
		skl_sendall(s, buf, got, 0);
	free(buf);
}

/* ---- Serving ----------------------------------------------------------- */

struct job {
	void (*run)(skl_sock *s);
	skl_sock *s;
};

static void *job_run(void *arg)
{
	struct job *j = arg;

	j->run(j->s);
	skl_close(j->s);
	free(j);
	return NULL;
}

static void job_start(void (*run)(skl_sock *s), skl_sock *s)
{
	struct job *j = malloc(sizeof(*j));
	pthread_attr_t small;
	pthread_t thread;

	if (!j) {
		skl_close(s);
		return;
	}
	*j = (struct job){run, s};
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 1 << 17);
	pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &small, job_run, j))
		job_run(j);
	pthread_attr_destroy(&small);
}

struct service {
	void (*run)(skl_sock *s);
	skl_sock *listener;
};

static void *service_run(void *arg)
{
	const struct service *v = arg;
	skl_sock *s;

	while ((s = skl_accept(v->listener, NULL)))
		job_start(v->run, s);
	printf("down: %s\n", skl_error()->text);
	return NULL;
}

static skl_sock *listen_at(int port)
{
	struct skl_server_options dual = {
		.family = AF_INET6, .backlog = 1100, .dualstack_ipv6 = true};

	return skl_create_server(skl_inet("", port), &dual);
}

static int serve(void)
{
	struct service services[2] = {{web, listen_at(80)},
				      {echo, listen_at(7)}};
	pthread_t thread;

	if (!services[0].listener || !services[1].listener)
		return fail("listen");
	printf("ready\n");
	if (pthread_create(&thread, NULL, service_run, &services[1]))
		return 1;
	service_run(&services[0]);
	pthread_join(thread, NULL);
	return 0;
}

/* ---- Talking ----------------------------------------------------------- */

static void *input_send(void *arg)
{
	char *buf = malloc(CHUNK);
	ssize_t n;

	while (buf && (n = read(0, buf, CHUNK)) > 0)
		if (skl_sendall(arg, buf, (size_t)n, 0))
			break;
	skl_shutdown(arg, SHUT_WR);
	free(buf);
	return NULL;
}

static int talk(const char *host, int port)
{
	skl_sock *s = skl_create_connection(skl_inet(host, port), 10, NULL);
	const struct linger wait = {.l_onoff = 1, .l_linger = 30};
	static char buf[CHUNK];
	pthread_t thread;
	ssize_t n;

	if (!s || skl_settimeout(s, 60))
		return fail(host);
	if (pthread_create(&thread, NULL, input_send, s))
		return 1;
	while ((n = skl_recv(s, buf, sizeof(buf), 0)) > 0)
		if (write(1, buf, (size_t)n) != n)
			return 1;
	if (n < 0)
		return fail("recv");
	pthread_join(thread, NULL);
	/* The stack ends with us: what is queued must be there first. */
	skl_setsockopt_buf(s, SOL_SOCKET, SO_LINGER, &wait, sizeof(wait));
	skl_close(s);
	return 0;
}

int main(int argc, char **argv)
{
	skl_stack *stack;
	int result;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 4) {
		fprintf(stderr, "usage: peer serve CONFIG FOLDER\n"
				"       peer talk CONFIG HOST PORT\n");
		return 2;
	}
	stack = skl_stack_open(argv[2]);
	if (!stack)
		return fail("stack");
	skl_stack_set_current(stack);
	folder = argv[3];
	result = argc == 4 ? serve() : talk(argv[3], atoi(argv[4]));
	skl_stack_close(stack);
	return result;
}
