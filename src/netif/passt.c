/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The outside network without privileges: passt(1), started at the other end
 * of a socket pair.
 *
 * passt answers ARP and neighbour solicitations for every address and carries
 * TCP, UDP and echo requests over sockets of its own; the address of its
 * gateway is the host's loopback.  It knows that gateway by its options, so
 * that 10.0.2.2 leads to the host whatever addresses the configuration gives.
 *
 * passt drops IP fragments.  Hence the large MTU, which also spares system
 * calls: datagrams leave whole, and passt cuts them for the real network.
 *
 * It ends when our socket closes (--fd implies --one-off).
 */

#include "netif/netif.h"
#include "netif/stream.h"
#include "stack/error.h"
#include "stack/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ADDRESS4 "10.0.2.15"
#define GATEWAY4 "10.0.2.2"
#define ADDRESS6 "fd73:6f63:6b6c::15"
#define GATEWAY6 "fd73:6f63:6b6c::2"

/* The largest that fits passt's 16-bit lengths with an Ethernet header. */
#define MTU 65520

#define START_MS 10000 /* until it answers, or has failed */
#define END_MS   2000  /* until it has ended, or is killed */

/*
 * What its socket holds for us, as far as net.core.wmem_max allows: what does
 * not fit passt drops, and a receive window should fit.
 */
#define SOCKET_ROOM (4 * 1024 * 1024)

/* What is kept of its messages; past it, its writes fail. */
#define MESSAGES_SIZE 8192

/* The descriptor on which it finds its end of the socket pair. */
#define SOCKET_FD 3

#ifndef P_PIDFD /* glibc before 2.36 */
# define P_PIDFD 3
#endif

const char skli_passt_defaults[] =
	ADDRESS4 "/24 gw " GATEWAY4 " " ADDRESS6 "/64 gw " GATEWAY6;

struct passt {
	struct skli_stream stream; /* first: the operations are its */
	int child; /* pidfd: never another process's, as a pid may be */
};

struct spawning {
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
};

/* ---- Its messages ------------------------------------------------------ */

/*
 * A file in memory, of a fixed size: a pipe that nobody reads would kill it
 * (SIGPIPE) or stop it, a growing file could fill the memory.
 */
static int messages_open(void)
{
	int fd = memfd_create("passt", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int high;

	if (fd < 0)
		return -1;
	if (ftruncate(fd, MESSAGES_SIZE) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK)) {
		close(fd);
		return -1;
	}
	/* Out of the way of those that it gets. */
	high = fcntl(fd, F_DUPFD_CLOEXEC, SOCKET_FD + 1);
	close(fd);
	return high;
}

/* Its last line, in text; without one, what is there stays. */
static void messages_last(int fd, char *text, size_t size)
{
	char all[MESSAGES_SIZE + 1];
	ssize_t n = pread(fd, all, MESSAGES_SIZE, 0);
	char *line, *more;

	if (n <= 0)
		return;
	all[n] = '\0';
	for (line = strtok_r(all, "\n", &more); line;
	     line = strtok_r(NULL, "\n", &more))
		/* passt complains so wherever there is no /dev/log. */
		if (!strstr(line, "to syslog"))
			snprintf(text, size, "%s", line);
}

/* ---- The process ------------------------------------------------------- */

/* Its descriptors: nothing of ours but its socket and the messages. */
static int actions_make(posix_spawn_file_actions_t *a, int socket, int messages)
{
	int error = posix_spawn_file_actions_adddup2(a, socket, SOCKET_FD);

	if (!error)
		error = posix_spawn_file_actions_adddup2(a, messages, 2);
	if (!error)
		error = posix_spawn_file_actions_addopen(a, 0, "/dev/null",
							 O_RDWR, 0);
	if (!error)
		error = posix_spawn_file_actions_adddup2(a, 0, 1);
	if (!error)
		error = posix_spawn_file_actions_addclosefrom_np(a,
								 SOCKET_FD + 1);
	return error;
}

/*
 * No signal mask and no ignored signals of ours, and a process group of its
 * own: a terminal's Ctrl-C is for the application, which closes us.
 */
static int attributes_make(posix_spawnattr_t *a)
{
	sigset_t none, all;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	error = posix_spawnattr_setflags(a, POSIX_SPAWN_SETSIGMASK |
						    POSIX_SPAWN_SETSIGDEF |
						    POSIX_SPAWN_SETPGROUP);
	if (!error)
		error = posix_spawnattr_setsigmask(a, &none);
	if (!error)
		error = posix_spawnattr_setsigdefault(a, &all);
	return error;
}

/* Starts it: 0 or an error number. */
static int spawn(pid_t *pid, int socket, int messages, bool offline)
{
	static const char *const args[] = {
		"passt", "--foreground", "--quiet", "--fd", "3", "--no-ra",
		/* What it hands out, and would else ask the host's routes. */
		"-a", ADDRESS4, "-n", "24", "-g", GATEWAY4, "-a", ADDRESS6,
		"-g", GATEWAY6, "-M", "52:55:0a:00:02:02",
		/* Its older versions want an interface, if there's no route. */
		"-i", "lo", NULL};
	char *argv[sizeof(args) / sizeof(args[0])];
	struct spawning s;
	int error;

	memcpy(argv, args, sizeof(argv));
	if (!offline)
		argv[sizeof(args) / sizeof(args[0]) - 3] = NULL;
	posix_spawn_file_actions_init(&s.actions);
	posix_spawnattr_init(&s.attributes);
	error = actions_make(&s.actions, socket, messages);
	if (!error)
		error = attributes_make(&s.attributes);
	if (!error)
		error = posix_spawnp(pid, argv[0], &s.actions, &s.attributes,
				     argv, environ);
	posix_spawn_file_actions_destroy(&s.actions);
	posix_spawnattr_destroy(&s.attributes);
	return error;
}

/* Waits until it has ended, at most ms, then makes it; no zombie is left. */
static void child_reap(int child, int ms)
{
	struct pollfd ended = {.fd = child, .events = POLLIN};
	siginfo_t info;

	while (poll(&ended, 1, ms) < 0 && errno == EINTR)
		;
	if (!ended.revents)
		syscall(SYS_pidfd_send_signal, child, SIGKILL, NULL, 0);
	while (waitid((idtype_t)P_PIDFD, (id_t)child, &info, WEXITED) &&
	       errno == EINTR)
		;
	close(child);
}

/* ---- Starting ---------------------------------------------------------- */

/* "Who has 10.0.2.2?", which it answers as soon as it runs (RFC 826). */
static void probe_send(const struct skli_netif *nif, int fd)
{
	static const char request[] = "\0\0\0\52" /* length */
				      "\377\377\377\377\377\377"
				      "\0\0\0\0\0\0" /* sender */
				      "\10\6\0\1\10\0\6\4\0\1"
				      "\0\0\0\0\0\0\12\0\2\17" /* sender */
				      "\0\0\0\0\0\0\12\0\2\2"; /* asked for */
	uint8_t frame[sizeof(request) - 1];

	memcpy(frame, request, sizeof(frame));
	memcpy(frame + 10, nif->lwip.hwaddr, ETH_HWADDR_LEN);
	memcpy(frame + 26, nif->lwip.hwaddr, ETH_HWADDR_LEN);
	send(fd, frame, sizeof(frame), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Waits until it answers: 0, or an error number. */
static int answer_await(int fd)
{
	struct pollfd answer = {.fd = fd, .events = POLLIN};
	char byte;
	int n;

	do {
		n = poll(&answer, 1, START_MS);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n ? errno : ETIMEDOUT;
	/* The answer is left there, for the stack to read. */
	n = (int)recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return n > 0 ? 0 : ECONNRESET;
}

static int passt_refused(int error)
{
	if (error == ENOENT)
		return skli_fail_text(error,
				      "passt is not installed; an "
				      "administrator can: apt-get install "
				      "passt");
	return skli_fail_text(error, "passt can't be started: %s",
			      strerror(error));
}

/* Starts it at the other end of pair; 0, or -1 with nothing left behind. */
static int passt_start(struct skli_netif *nif, struct passt *passt, int pair[2],
		       int messages, bool offline)
{
	char why[160] = "it ended at once";
	pid_t pid;
	int error = spawn(&pid, pair[1], messages, offline);

	close(pair[1]);
	if (error)
		return passt_refused(error);
	passt->child = (int)syscall(SYS_pidfd_open, pid, 0);
	if (passt->child < 0) {
		error = errno;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return skli_fail_text(error,
				      "passt: pidfd_open: %s; Linux 5.4 "
				      "is needed",
				      strerror(error));
	}
	probe_send(nif, pair[0]);
	error = answer_await(pair[0]);
	if (!error)
		return 0;
	child_reap(passt->child, 0);
	messages_last(messages, why, sizeof(why));
	if (error == ETIMEDOUT)
		return skli_fail_text(error, "passt does not answer");
	return skli_fail_text(error, "passt: %s", why);
}

/* One attempt: a connected socket, or -1. */
static int passt_try(struct skli_netif *nif, struct passt *passt, bool offline)
{
	const int room = SOCKET_ROOM;
	int messages = messages_open();
	int pair[2], result;

	if (messages < 0)
		return skli_fail(errno);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
		skli_fail(errno);
		close(messages);
		return -1;
	}
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	result = passt_start(nif, passt, pair, messages, offline);
	close(messages);
	if (!result)
		return pair[0];
	close(pair[0]);
	return -1;
}

static int passt_open(struct skli_netif *nif, const char *argument)
{
	struct skli_arena *arena = &nif->stack->arena;
	struct passt *passt;
	int fd;

	if (*argument)
		return skli_fail_text(EINVAL,
				      "'passt:%s': passt takes no argument",
				      argument);
	passt = skli_arena_calloc(arena, 1, sizeof(*passt));
	if (!passt)
		return skli_fail(ENOMEM);
	fd = passt_try(nif, passt, false);
	if (fd < 0 && errno == ECONNRESET)
		fd = passt_try(nif, passt, true);
	if (fd < 0)
		goto release;
	if (skli_stream_adopt(nif, &passt->stream, fd))
		goto end;
	nif->lwip.mtu = MTU;
	nif->lwip.mtu6 = MTU;
	return 0;

end:
	close(fd);
	child_reap(passt->child, END_MS);
release:
	skli_arena_free(arena, passt);
	return -1;
}

static void passt_close(struct skli_netif *nif)
{
	struct passt *passt = nif->data;

	skli_stream_release(nif, &passt->stream);
	child_reap(passt->child, END_MS);
	skli_arena_free(&nif->stack->arena, passt);
}

const struct skli_device skli_device_passt = {
	.name = "passt",
	.open = passt_open,
	.close = passt_close,
	.close_alone = true,
	.send = skli_stream_send,
	.receive = skli_stream_receive,
	.writable = skli_stream_writable,
};
