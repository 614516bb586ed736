/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The second way: passt(1), which carries the frames of a descriptor to and
 * from sockets of the host.  It needs no privilege and no device.
 *
 * Ports of the host's loopback lead to our web server, and an address on our
 * side, the gateway's, leads to the host's loopback.
 */
#include "client.h"
#include "kernel.h"
#include "process.h"
#include "refusals.h"
#include "screen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OURS4    "10.0.2.15"
#define GATEWAY4 "10.0.2.2"
#define HOST4    "127.0.0.1"
#define OURS6    "fd73:6f63:6b6c::15"
#define GATEWAY6 "fd73:6f63:6b6c::2"
#define HOST6    "::1"

/* passt drops what its socket has no room for: a receive window must fit. */
#define SOCKET_ROOM (4 * 1024 * 1024)

/* For how long an answer of passt itself may take. */
#define ANSWER_SECONDS 4.0

/* What it prints before it ends is there at once. */
#define LAST_WORDS_SECONDS 0.2

struct passt {
	int port[FAMILIES]; /* of the host, to our port 80; -1: none */
	pid_t pid;
	int fd;   /* our end of its socket pair */
	int said; /* what it prints */
};

/* A port that is free on the host's loopback at this moment, or -1. */
static int port_find(int family, const char *host)
{
	struct sockaddr_storage sa;
	skl_addr a = {.family = family};
	socklen_t len;
	int fd, port = -1;

	skl_inet_pton(family, host, a.ip);
	len = skl_addr_to_sockaddr(&a, (struct sockaddr *)&sa, sizeof(sa));
	fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&sa, len) == 0 &&
	    getsockname(fd, (struct sockaddr *)&sa, &len) == 0 &&
	    skl_addr_from_sockaddr(&a, (struct sockaddr *)&sa, len) == 0)
		port = a.port;
	if (fd >= 0)
		close(fd);
	return port;
}

/* interface: older versions want one where the host has no route; or NULL. */
static pid_t passt_spawn(struct passt *p, int fd, const char *interface)
{
	char spec4[48], spec6[48];
	const char *argv[32] = {"passt",
				"--foreground",
				"--quiet",
				"--fd",
				"3",
				"-a",
				OURS4,
				"-n",
				"24",
				"-g",
				GATEWAY4,
				"-a",
				OURS6,
				"-g",
				GATEWAY6,
				"-M",
				"52:55:0a:00:02:02",
				"-t",
				spec4};
	int n = 0;

	while (argv[n])
		n++;
	snprintf(spec4, sizeof(spec4), HOST4 "/%d:80", p->port[IPV4]);
	snprintf(spec6, sizeof(spec6), HOST6 "/%d:80", p->port[IPV6]);
	if (p->port[IPV6] > 0) {
		argv[n++] = "-t";
		argv[n++] = spec6;
	}
	if (interface) {
		argv[n++] = "-i";
		argv[n++] = interface;
	}
	return process_start(argv, fd, &p->said);
}

static int passt_start(struct passt *p, const char *interface)
{
	const int room = SOCKET_ROOM;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -1;
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	p->pid = passt_spawn(p, pair[1], interface);
	close(pair[1]);
	p->fd = pair[0];
	if (p->pid < 0)
		close(pair[0]);
	return p->pid < 0 ? -1 : 0;
}

static void passt_stop(const struct passt *p)
{
	close(p->fd);
	process_end(p->pid);
	close(p->said);
}

/* Does something listen there, seen from our stack? */
static bool is_reached(const char *host, int port)
{
	skl_sock *s = skl_create_connection(skl_inet(host, port),
					    ANSWER_SECONDS, NULL);

	if (!s)
		return false;
	skl_close(s);
	return true;
}

/* The stack on passt's descriptor, once passt has shown that it works. */
static skl_stack *stack_open(const struct passt *p, int port)
{
	char config[160];
	skl_stack *stack;

	snprintf(config, sizeof(config),
		 "fd:%d name passt0 mtu 65520 " OURS4 "/24 gw " GATEWAY4
		 " " OURS6 "/64 gw " GATEWAY6,
		 p->fd);
	stack = skl_stack_open(config);
	if (!stack)
		return NULL;
	skl_stack_set_current(stack);
	if (is_reached(GATEWAY4, port)) {
		screen_say("sockling's end, as skl_stack_open() takes it:");
		screen_say("  %s", config);
		return stack;
	}
	skl_stack_set_current(NULL);
	skl_stack_close(stack);
	return NULL;
}

/* Its last line into SAID; older versions complain where there's no /dev/log */
static void passt_listen(const struct passt *p, char *said, size_t size)
{
	char all[2048];
	char *line, *rest;

	snprintf(said, size, "nothing, and does not answer");
	process_read(p->said, NULL, LAST_WORDS_SECONDS, all, sizeof(all));
	for (line = strtok_r(all, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		if (!strstr(line, "to syslog"))
			snprintf(said, size, "%s", line);
}

static enum outcome passt_missing(struct refusal *refusal)
{
	refusal_set(refusal, "passt, a network without privileges",
		    "apt-get install passt", "it can't be started: %s",
		    errno == ENOENT ? "it is not installed" : strerror(errno));
	return REFUSED;
}

/* One attempt; what passt said last, where it failed. */
static enum outcome stack_try(struct scene *scene, struct refusal *refusal,
			      struct passt *p, const char *interface)
{
	char said[128];

	if (passt_start(p, interface))
		return passt_missing(refusal);
	scene->stack = stack_open(p, scene->sink.port);
	if (scene->stack)
		return DONE;
	passt_listen(p, said, sizeof(said));
	passt_stop(p);
	refusal_passt(refusal, said);
	return REFUSED;
}

static enum outcome stack_make(struct scene *scene, struct refusal *refusal,
			       struct passt *p)
{
	enum outcome outcome = stack_try(scene, refusal, p, NULL);

	/* "External interface not usable": an older one, and no route. */
	if (outcome != REFUSED || !strstr(refusal->why, " interface "))
		return outcome;
	p->port[IPV6] = -1;
	return stack_try(scene, refusal, p, "lo");
}

static int peers_open(struct scene *scene, const struct passt *p)
{
	int port4 = kernel_web_start(HOST4);
	int port6 = p->port[IPV6] > 0 ? kernel_web_start(HOST6) : 0;

	if (port4 < 0 || port6 < 0)
		return -1;
	scene->page[IPV4] = (struct place){HOST4, p->port[IPV4]};
	scene->web[IPV4] = (struct place){GATEWAY4, port4};
	if (port6 && is_reached(GATEWAY6, port6)) {
		scene->page[IPV6] = (struct place){HOST6, p->port[IPV6]};
		scene->web[IPV6] = (struct place){GATEWAY6, port6};
	} else {
		screen_say("passt carries no IPv6 on this machine: IPv4 only.");
	}
	return 0;
}

enum outcome passt_open(struct scene *scene, struct refusal *refusal)
{
	struct passt p = {.port = {port_find(AF_INET, HOST4),
				   port_find(AF_INET6, HOST6)}};
	enum outcome outcome;

	screen_step("passt, between our Ethernet and the host's sockets");
	scene->device = "passt";
	scene->peer = "the host";
	scene->visitor = "curl";
	scene->visit = client_curl;
	snprintf(scene->sink.host, sizeof(scene->sink.host), GATEWAY4);
	snprintf(scene->source.host, sizeof(scene->source.host), GATEWAY4);
	if (kernel_ends_start(scene, HOST4))
		return FAILED;
	outcome = stack_make(scene, refusal, &p);
	if (outcome != DONE)
		return outcome;
	return peers_open(scene, &p) ? FAILED : DONE;
}
