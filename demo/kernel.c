/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's peers, see kernel.h.
 *
 * The sink reads to the end of the stream and answers with its length, a line of text;
 * the source sends transfer_bytes.  Both use cubic: bbr, some machines'
 * default, holds itself back where a round trip takes microseconds.
 */
#include "kernel.h"

#include "process.h"
#include "screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK (256 * 1024)

static char chunk[CHUNK];

static void sink_serve(int fd)
{
	unsigned long long total = 0;
	char text[32];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		total += (unsigned long long)n;
	n = snprintf(text, sizeof(text), "%llu\n", total);
	(void)!write(fd, text, (size_t)n);
}

static void source_serve(int fd)
{
	double left = transfer_bytes;

	while (left > 0) {
		size_t size = left < CHUNK ? (size_t)left : CHUNK;
		ssize_t n = write(fd, chunk, size);

		if (n <= 0)
			return;
		left -= (double)n;
	}
	shutdown(fd, SHUT_WR);
	/* Its end is the other's to choose: what is read here is that end. */
	(void)!read(fd, chunk, 1);
}

/* One transfer after the other, until the parent dies. */
static void ends_run(int sink, int source)
{
	struct pollfd fds[] = {{.fd = sink, .events = POLLIN},
			       {.fd = source, .events = POLLIN}};

	signal(SIGPIPE, SIG_IGN);
	while (poll(fds, 2, -1) > 0) {
		bool is_sink = fds[0].revents != 0;
		int fd = accept(is_sink ? sink : source, NULL, NULL);

		if (fd < 0)
			continue;
		if (is_sink)
			sink_serve(fd);
		else
			source_serve(fd);
		close(fd);
	}
	_exit(0);
}

/* A listening socket on a port that the kernel chooses. */
static int listener_make(const char *bind_to, int *port)
{
	struct sockaddr_in in;
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memset(&in, 0, sizeof(in));
	in.sin_family = AF_INET;
	if (*bind_to)
		skl_inet_pton(AF_INET, bind_to, &in.sin_addr);
	setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", strlen("cubic"));
	if (fd < 0 || bind(fd, (struct sockaddr *)&in, sizeof(in)) ||
	    listen(fd, 4) || getsockname(fd, (struct sockaddr *)&in, &len)) {
		screen_trouble("a kernel socket: %s", strerror(errno));
		return -1;
	}
	*port = ntohs(in.sin_port);
	return fd;
}

int kernel_ends_start(struct scene *scene, const char *bind_to)
{
	int sink = listener_make(bind_to, &scene->sink.port);
	int source = listener_make(bind_to, &scene->source.port);
	pid_t pid;

	if (sink < 0 || source < 0)
		return -1;
	pid = process_fork();
	if (pid == 0)
		ends_run(sink, source);
	close(sink);
	close(source);
	if (pid > 0)
		return 0;
	screen_trouble("fork: %s", strerror(errno));
	return -1;
}

int kernel_web_start(const char *bind_to)
{
	const char *argv[] = {
		"python3",  "-u",     "-m",    "http.server", "--directory",
		"demo/www", "--bind", bind_to, "0",           NULL};
	char said[1024];
	const char *port;
	int out;

	if (process_start(argv, -1, &out) < 0) {
		screen_trouble("python3: %s", strerror(errno));
		return -1;
	}
	/* "Serving HTTP on 10.7.0.1 port 34567 (http://10.7.0.1:34567/) ..." */
	process_read(out, "...", PATIENCE, said, sizeof(said));
	port = strstr(said, " port ");
	if (port && strstr(said, "..."))
		return (int)strtol(port + strlen(" port "), NULL, 10);
	screen_trouble("python3 -m http.server --bind %s said: %s", bind_to,
		       *said ? said : "nothing");
	return -1;
}
