/* SPDX-License-Identifier: BSD-3-Clause */
/* Links over each kind of device. */
#include "tests/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define NEAR_ADDRESSES "10.77.0.1/24 fd77::1/64"
#define FAR_ADDRESSES  "10.77.0.2/24 fd77::2/64"

static char reason[256];

static const char *failed(const char *what)
{
	snprintf(reason, sizeof(reason), "%s: %s", what, skl_error()->text);
	return reason;
}

/* ---- The echo on a stack ----------------------------------------------- */

static void echo_connection(skl_sock *s)
{
	char buf[32768];
	ssize_t n;

	do {
		n = skl_recv(s, buf, sizeof(buf), 0);
	} while (n > 0 && skl_sendall(s, buf, (size_t)n, 0) == 0);
	skl_close(s);
}

static void *echo_stream(void *arg)
{
	struct link_echo *echo = arg;
	skl_sock *s;

	while ((s = skl_accept(echo->sock, NULL)))
		echo_connection(s);
	skl_close(echo->sock);
	return NULL;
}

static void *echo_datagrams(void *arg)
{
	struct link_echo *echo = arg;
	char *buf = malloc(65536);
	skl_addr from;
	ssize_t n = 0;

	/* An ICMP error about an answer is none of this end's business. */
	while (buf && (n >= 0 || errno != ENETDOWN)) {
		n = skl_recvfrom(echo->sock, buf, 65536, 0, &from);
		if (n < 0 && (errno == ENETDOWN || errno == EBADF))
			break;
		if (n >= 0)
			skl_sendto(echo->sock, buf, (size_t)n, 0, from);
	}
	free(buf);
	skl_close(echo->sock);
	return NULL;
}

/* Starts one server on the current stack; its port, or 0. */
static uint16_t echo_start(struct link *l, skl_stack *stack, int family,
			   int type)
{
	struct link_echo *echo = &l->echo[l->echoes];
	skl_addr any = family == AF_INET ? skl_inet("0.0.0.0", 0)
					 : skl_inet6("::", 0, 0, 0);

	echo->stack = stack;
	echo->sock = skl_socket(family, type, 0);
	if (!echo->sock)
		return 0;
	skl_setsockopt(echo->sock, SOL_SOCKET, SO_RCVBUF, 1 << 20);
	if (family == AF_INET6)
		skl_setsockopt(echo->sock, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (skl_bind(echo->sock, any) ||
	    (type == SOCK_STREAM && skl_listen(echo->sock, SKL_BACKLOG)) ||
	    skl_getsockname(echo->sock, &any) ||
	    pthread_create(&echo->thread, NULL,
			   type == SOCK_STREAM ? echo_stream : echo_datagrams,
			   echo)) {
		skl_close(echo->sock);
		return 0;
	}
	l->echoes++;
	return any.port;
}

static void echoes_join(struct link *l)
{
	while (l->echoes)
		pthread_join(l->echo[--l->echoes].thread, NULL);
}

static const char *echoes_start(struct link *l, skl_stack *stack,
				const char *ip4, const char *ip6)
{
	skl_stack_set_current(stack);
	for (int i = 0; i < 2; i++) {
		int family = i ? AF_INET6 : AF_INET;

		l->tcp[i] = skl_inet(i ? ip6 : ip4,
				     echo_start(l, stack, family, SOCK_STREAM));
		l->udp[i] = skl_inet(i ? ip6 : ip4,
				     echo_start(l, stack, family, SOCK_DGRAM));
		if (!l->tcp[i].port || !l->udp[i].port)
			return failed("echo");
		l->has_tcp[i] = true;
		l->has_udp[i] = true;
	}
	return NULL;
}

/* ---- Two stacks -------------------------------------------------------- */

static skl_stack *end_open(const char *device, const char *addresses,
			   const char *words)
{
	char config[512];

	snprintf(config, sizeof(config), "%s %s %s", device, addresses, words);
	return skl_stack_open(config);
}

static const char *pair_open(struct link *l, const char *device_a,
			     const char *device_b, const char *words)
{
	l->a = end_open(device_a, NEAR_ADDRESSES, words);
	if (!l->a)
		return failed(device_a);
	l->b = end_open(device_b, FAR_ADDRESSES, words);
	if (!l->b)
		return failed(device_b);
	return echoes_start(l, l->b, "10.77.0.2", "fd77::2");
}

static const char *wire_open(struct link *l, const char *words)
{
	return pair_open(l, "wire:test", "wire:test", words);
}

static const char *wire_plain_near_open(struct link *l, const char *words)
{
	return pair_open(l, "wire:test nooffload", "wire:test", words);
}

static const char *wire_plain_far_open(struct link *l, const char *words)
{
	return pair_open(l, "wire:test", "wire:test nooffload", words);
}

/* The stacks take the descriptors over when they open. */
static const char *sockets_open(struct link *l, int pair[2], const char *words)
{
	char a[16], b[16];
	const char *why;

	snprintf(a, sizeof(a), "fd:%d", pair[0]);
	snprintf(b, sizeof(b), "fd:%d", pair[1]);
	why = pair_open(l, a, b, words);
	if (!l->a)
		close(pair[0]);
	if (!l->b)
		close(pair[1]);
	return why;
}

static const char *socketpair_open(struct link *l, int type, const char *words)
{
	int pair[2];

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair))
		return "no socket pair";
	return sockets_open(l, pair, words);
}

static const char *stream_open(struct link *l, const char *words)
{
	return socketpair_open(l, SOCK_STREAM, words);
}

static const char *seqpacket_open(struct link *l, const char *words)
{
	return socketpair_open(l, SOCK_SEQPACKET, words);
}

static const char *datagram_open(struct link *l, const char *words)
{
	return socketpair_open(l, SOCK_DGRAM, words);
}

static int listener_make(char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(sun.sun_path, path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sun, sizeof(sun)) ||
	    listen(fd, 1)) {
		close(fd);
		return -1;
	}
	return fd;
}

static const char *unix_open(struct link *l, const char *words)
{
	char dir[] = "/tmp/sockling.XXXXXX", path[64], a[72], b[16];
	const char *why = NULL;
	int listener, fd;

	if (!mkdtemp(dir))
		return "no temporary folder";
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(a, sizeof(a), "unix:%s", path);
	listener = listener_make(path);
	l->a = end_open(a, NEAR_ADDRESSES, words);
	if (!l->a)
		why = failed(a);
	fd = l->a ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : -1;
	snprintf(b, sizeof(b), "fd:%d", fd);
	l->b = l->a ? end_open(b, FAR_ADDRESSES, words) : NULL;
	if (l->a && !l->b)
		why = failed(b);
	close(listener);
	unlink(path);
	rmdir(dir);
	return why ? why : echoes_start(l, l->b, "10.77.0.2", "fd77::2");
}

static const char *loop_open(struct link *l, const char *words)
{
	(void)words; /* of an interface, which it has not */
	l->a = skl_stack_open("");
	if (!l->a)
		return failed("loopback");
	return echoes_start(l, l->a, "127.0.0.1", "::1");
}

/* ---- The kernel -------------------------------------------------------- */

static void kernel_addresses(struct link *l, const char *ip4, const char *ip6)
{
	for (int i = 0; i < 2; i++) {
		l->tcp[i] = skl_inet(i ? ip6 : ip4, l->kernel.tcp[i]);
		l->udp[i] = skl_inet(i ? ip6 : ip4, l->kernel.udp[i]);
		l->has_tcp[i] = l->kernel.tcp[i];
		l->has_udp[i] = l->kernel.udp[i];
	}
}

static const char *tap_open_as(struct link *l, const char *format,
			       const char *words)
{
	const char *why = kernel_peer_start(&l->kernel, true);
	char device[40];

	if (why)
		return why;
	snprintf(device, sizeof(device), format, l->kernel.tap);
	l->a = end_open(device, NEAR_ADDRESSES, words);
	if (!l->a) {
		close(l->kernel.tap);
		return failed(device);
	}
	kernel_addresses(l, KERNEL_PEER_IP4, KERNEL_PEER_IP6);
	return NULL;
}

static const char *tap_open(struct link *l, const char *words)
{
	return tap_open_as(l, "tap:fd=%d", words);
}

static const char *tap_plain_open(struct link *l, const char *words)
{
	return tap_open_as(l, "fd:%d nooffload", words);
}

/* Whether passt is there to be tried at all. */
static bool passt_missing(void)
{
	return system("command -v passt >/dev/null 2>&1") != 0;
}

/* Whether a datagram is answered. */
static bool udp_answers(const struct link *l, int i)
{
	skl_sock *s;
	char byte = 'x';
	bool answered;

	skl_stack_set_current(l->a);
	s = skl_socket(i ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
	skl_settimeout(s, 0.5);
	answered = !skl_connect(s, l->udp[i]) &&
		   skl_send(s, &byte, 1, 0) == 1 &&
		   skl_recv(s, &byte, 1, 0) == 1;
	skl_close(s);
	return answered;
}

static const char *passt_open(struct link *l, const char *words)
{
	const char *why;

	if (passt_missing())
		return "passt is not installed";
	why = kernel_peer_start(&l->kernel, false);
	if (why)
		return why;
	l->a = end_open("passt", "", words);
	if (!l->a)
		return failed("passt");
	kernel_addresses(l, "10.0.2.2", "fd73:6f63:6b6c::2");
	/* It leaves out the family for which the host has no route. */
	if (system("ip -6 route show default 2>/dev/null | grep -q . || "
		   "! ip -4 route show default 2>/dev/null | grep -q ."))
		l->has_tcp[1] = false;
	/* Debian 12's answers from an address that was not asked. */
	l->has_udp[1] = l->has_tcp[1] && udp_answers(l, 1);
	return NULL;
}

/* ---- All of them ------------------------------------------------------- */

const struct link_kind link_wire = {
	.name = "wire",
	.open = wire_open,
	.mtu = 65520,
	.fragments = true,
	.outlives = true,
};

const struct link_kind link_wire_plain_near = {
	.name = "wire_plain_near",
	.open = wire_plain_near_open,
	.mtu = 65520,
	.fragments = true,
	.outlives = true,
};

const struct link_kind link_wire_plain_far = {
	.name = "wire_plain_far",
	.open = wire_plain_far_open,
	.mtu = 65520,
	.fragments = true,
	.outlives = true,
};

const struct link_kind link_loop = {
	.name = "loop",
	.open = loop_open,
	.mtu = 65520,
	.loop = true,
	.fragments = true,
};

const struct link_kind link_stream = {
	.name = "stream",
	.open = stream_open,
	.mtu = 65520,
	.fragments = true,
	.cached = 1,
};

const struct link_kind link_seqpacket = {
	.name = "seqpacket",
	.open = seqpacket_open,
	.mtu = 65520,
	.fragments = true,
	.cached = 1,
};

const struct link_kind link_datagram = {
	.name = "datagram",
	.open = datagram_open,
	.mtu = 65520,
	.fragments = true,
	.outlives = true,
	.cached = 1,
};

const struct link_kind link_unix = {
	.name = "unix",
	.open = unix_open,
	.mtu = 65520,
	.fragments = true,
	.cached = 1,
};

const struct link_kind link_tap = {
	.name = "tap",
	.open = tap_open,
	.mtu = 9000,
	.fragments = true,
	.cached = 20,
};

const struct link_kind link_tap_plain = {
	.name = "tap_plain",
	.open = tap_plain_open,
	.mtu = 9000,
	.fragments = true,
	.cached = 20,
};

const struct link_kind link_passt = {
	.name = "passt",
	.open = passt_open,
	.mtu = 65520,
	.cached = 1,
};

static void name_find(skl_stack *s, unsigned index, char name[16])
{
	struct skl_interface i;

	if (!skl_stack_interface(s, index, &i))
		memcpy(name, i.name, sizeof(i.name));
}

const char *link_open(struct link *l, const struct link_kind *kind,
		      const char *words)
{
	const char *why;

	memset(l, 0, sizeof(*l));
	l->kind = kind;
	why = kind->open(l, words);
	if (why) {
		link_close(l);
		return why;
	}
	name_find(l->a, !kind->loop, l->name_a);
	if (l->b)
		name_find(l->b, 1, l->name_b);
	skl_stack_set_current(l->a);
	return NULL;
}

void link_close(struct link *l)
{
	if (l->a)
		skl_stack_close(l->a);
	if (l->b)
		skl_stack_close(l->b);
	echoes_join(l);
	if (l->kernel.pid)
		kernel_peer_stop(&l->kernel);
	skl_stack_set_current(NULL);
	l->a = NULL;
	l->b = NULL;
}

/* Ends the passt that this process has started, by its number. */
static void passt_kill(void)
{
	char command[64];

	snprintf(command, sizeof(command), "kill -9 $(pgrep -P %d passt)",
		 (int)getpid());
	if (system(command))
		abort();
}

void link_cut(struct link *l)
{
	if (l->b) {
		skl_stack_close(l->b);
		echoes_join(l);
		l->b = NULL;
	} else if (l->kind == &link_passt) {
		passt_kill();
	} else {
		kernel_peer_run(&l->kernel, "ip link del " KERNEL_PEER_TAP);
	}
}

int link_mtu(struct link *l, unsigned mtu)
{
	char words[64];

	snprintf(words, sizeof(words), "%s mtu %u", l->name_a, mtu);
	if (skl_stack_configure(l->a, words))
		return -1;
	snprintf(words, sizeof(words), "%s mtu %u", l->name_b, mtu);
	if (l->b && skl_stack_configure(l->b, words))
		return -1;
	snprintf(words, sizeof(words), "ip link set %s mtu %u", KERNEL_PEER_TAP,
		 mtu);
	if (l->kernel.pid && l->kind != &link_passt)
		return kernel_peer_run(&l->kernel, words);
	return 0;
}

struct skl_interface link_interface(const struct link *l)
{
	struct skl_interface i = {.name = ""};

	skl_stack_interface(l->a, !l->kind->loop, &i);
	return i;
}
