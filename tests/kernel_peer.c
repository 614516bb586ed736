/* SPDX-License-Identifier: BSD-3-Clause */
/* Echo servers on the kernel's sockets, in a process of their own. */
#include "tests/kernel_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CONNECTIONS = 32,
	/* In the poll set: the order of struct server's members. */
	CONTROL = 0,
	TCP = 1,
	UDP = 3,
	FIRST_CONNECTION = 5,
};

/* What the child says first. */
struct hello {
	char why_not[160]; /* empty: it runs */
	uint16_t tcp[2], udp[2];
};

struct server {
	struct pollfd fds[FIRST_CONNECTION + CONNECTIONS];
	unsigned count;
};

/* ---- The child's sockets ----------------------------------------------- */

/* A socket of type on a free port of the loopback, or of all addresses. */
static int socket_make(int type, int family, bool loopback, uint16_t *port)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr_in four = {.sin_family = AF_INET};
	struct sockaddr *sa = family == AF_INET ? (struct sockaddr *)&four
						: (struct sockaddr *)&six;
	socklen_t size = family == AF_INET ? sizeof(four) : sizeof(six);
	int fd = socket(family, type | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0)
		return -1;
	if (loopback) {
		four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		six.sin6_addr = in6addr_loopback;
	}
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, sa, size) || getsockname(fd, sa, &size) ||
	    (type == SOCK_STREAM && listen(fd, 16))) {
		close(fd);
		return -1;
	}
	*port = ntohs(family == AF_INET ? four.sin_port : six.sin6_port);
	return fd;
}

static void sockets_make(struct server *s, struct hello *hello, bool loopback)
{
	for (int i = 0; i < 2; i++) {
		int family = i ? AF_INET6 : AF_INET;

		s->fds[TCP + i].fd = socket_make(SOCK_STREAM, family, loopback,
						 &hello->tcp[i]);
		s->fds[UDP + i].fd = socket_make(SOCK_DGRAM, family, loopback,
						 &hello->udp[i]);
	}
	s->count = FIRST_CONNECTION;
	for (unsigned i = 0; i < s->count; i++)
		s->fds[i].events = POLLIN;
}

/* ---- Serving ----------------------------------------------------------- */

/* Sends all of it, or gives the connection up. */
static bool echo_stream(int fd)
{
	static char buf[65536];
	ssize_t n = recv(fd, buf, sizeof(buf), 0), done = 0;

	while (done < n) {
		ssize_t sent =
			send(fd, buf + done, (size_t)(n - done), MSG_NOSIGNAL);

		if (sent < 0)
			return false;
		done += sent;
	}
	return n > 0;
}

static void echo_datagram(int fd)
{
	static char buf[65536];
	struct sockaddr_in6 from;
	socklen_t size = sizeof(from);
	ssize_t n = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from,
			     &size);

	if (n >= 0)
		sendto(fd, buf, (size_t)n, 0, (struct sockaddr *)&from, size);
}

static void connection_accept(struct server *s, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (s->count == FIRST_CONNECTION + CONNECTIONS) {
		close(fd);
		return;
	}
	s->fds[s->count++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

/* Runs one command; false: the parent has ended or wants no more. */
static bool order_take(int control)
{
	char command[256];
	ssize_t n = recv(control, command, sizeof(command) - 1, 0);
	char status;

	if (n <= 0)
		return false;
	command[n] = '\0';
	status = system(command) ? 1 : 0; /* NOLINT(cert-env33-c): a test's */
	return send(control, &status, 1, MSG_NOSIGNAL) == 1;
}

static void serve(struct server *s)
{
	while (poll(s->fds, s->count, -1) >= 0 || errno == EINTR) {
		if (s->fds[CONTROL].revents && !order_take(s->fds[CONTROL].fd))
			return;
		for (int i = 0; i < 2; i++) {
			if (s->fds[UDP + i].revents)
				echo_datagram(s->fds[UDP + i].fd);
			if (s->fds[TCP + i].revents)
				connection_accept(s, s->fds[TCP + i].fd);
		}
		for (unsigned i = FIRST_CONNECTION; i < s->count; i++) {
			if (!s->fds[i].revents || echo_stream(s->fds[i].fd))
				continue;
			close(s->fds[i].fd);
			s->fds[i--] = s->fds[--s->count];
		}
	}
}

/* ---- The child's namespace --------------------------------------------- */

static int file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	close(fd);
	return n < 0 ? -1 : 0;
}

/* A network namespace, with a user namespace where that takes privileges. */
static int namespace_enter(void)
{
	char map[32];

	snprintf(map, sizeof(map), "0 %u 1", (unsigned)geteuid());
	if (unshare(CLONE_NEWNET) == 0)
		return 0;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return -1;
	file_write("/proc/self/setgroups", "deny");
	return file_write("/proc/self/uid_map", map);
}

static int tap_make(void)
{
	struct ifreq ifr = {.ifr_name = KERNEL_PEER_TAP,
			    .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd >= 0 && ioctl(fd, TUNSETIFF, &ifr)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The TAP's descriptor, or -1 with hello saying why. */
static int tap_room_make(struct hello *hello)
{
	int fd;

	if (namespace_enter()) {
		snprintf(hello->why_not, sizeof(hello->why_not),
			 "no network namespace: %s", strerror(errno));
		return -1;
	}
	fd = tap_make();
	if (fd < 0)
		snprintf(hello->why_not, sizeof(hello->why_not),
			 "no TAP device: %s", strerror(errno));
	else if (system("ip link set lo up && "
			"ip link set " KERNEL_PEER_TAP " mtu 9000 up && "
			"ip addr add " KERNEL_PEER_IP4
			"/24 dev " KERNEL_PEER_TAP
			" && ip addr add " KERNEL_PEER_IP6
			"/64 dev " KERNEL_PEER_TAP " nodad"))
		snprintf(hello->why_not, sizeof(hello->why_not),
			 "ip(8) failed in the namespace");
	return fd;
}

/* ---- Both processes ---------------------------------------------------- */

/* Sends hello, with the descriptor if there is one. */
static void hello_send(int control, struct hello *hello, int fd)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} c = {.header = {.cmsg_level = SOL_SOCKET,
			  .cmsg_type = SCM_RIGHTS,
			  .cmsg_len = CMSG_LEN(sizeof(int))}};
	struct iovec iov = {hello, sizeof(*hello)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	memcpy(CMSG_DATA(&c.header), &fd, sizeof(fd));
	if (fd >= 0) {
		msg.msg_control = c.room;
		msg.msg_controllen = sizeof(c.room);
	}
	sendmsg(control, &msg, MSG_NOSIGNAL);
}

static bool hello_receive(int control, struct hello *hello, int *fd)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} c;
	struct iovec iov = {hello, sizeof(*hello)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = c.room,
			     .msg_controllen = sizeof(c.room)};
	struct cmsghdr *got;

	*fd = -1;
	if (recvmsg(control, &msg, MSG_CMSG_CLOEXEC) != sizeof(*hello))
		return false;
	got = CMSG_FIRSTHDR(&msg);
	if (got)
		memcpy(fd, CMSG_DATA(got), sizeof(*fd));
	return true;
}

static void child_run(int control, bool tap)
{
	struct server server = {.fds[CONTROL].fd = control};
	struct hello hello = {.why_not = ""};
	int fd = tap ? tap_room_make(&hello) : -1;

	sockets_make(&server, &hello, !tap);
	hello_send(control, &hello, fd);
	if (fd >= 0)
		close(fd);
	if (!*hello.why_not)
		serve(&server);
	_exit(0);
}

const char *kernel_peer_start(struct kernel_peer *k, bool tap)
{
	static struct hello hello;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return strerror(errno);
	k->pid = fork();
	if (k->pid == 0) {
		close(pair[0]);
		child_run(pair[1], tap);
	}
	close(pair[1]);
	k->control = pair[0];
	if (!hello_receive(k->control, &hello, &k->tap))
		snprintf(hello.why_not, sizeof(hello.why_not),
			 "the peer's process ended");
	memcpy(k->tcp, hello.tcp, sizeof(k->tcp));
	memcpy(k->udp, hello.udp, sizeof(k->udp));
	if (!*hello.why_not)
		return NULL;
	if (k->tap >= 0)
		close(k->tap);
	kernel_peer_stop(k);
	return hello.why_not;
}

int kernel_peer_run(struct kernel_peer *k, const char *command)
{
	char status;

	if (send(k->control, command, strlen(command), MSG_NOSIGNAL) < 0 ||
	    recv(k->control, &status, 1, 0) != 1)
		return -1;
	return status;
}

void kernel_peer_stop(struct kernel_peer *k)
{
	close(k->control);
	if (k->pid > 0)
		waitpid(k->pid, NULL, 0);
	k->pid = 0;
}
