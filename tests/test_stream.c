/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames over descriptors: what crosses the socket, byte by byte, what bad
 * peers send, and what opening refuses.
 */
#include "netif/frame.h"
#include "stack/stack.h"
#include "tests/far.h"
#include "tests/packet.h"
#include "tests/suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* ---- What crosses ------------------------------------------------------ */

static void echo(int type)
{
	struct far f;

	far_open(&f, type);
	for (int i = 0; i < 2; i++) {
		for (size_t payload = 0; payload < 40; payload++)
			CU_ASSERT_TRUE(far_echo(&f, i, payload));
		CU_ASSERT_TRUE(far_echo(&f, i, 1452));
	}
	CU_ASSERT_EQUAL(far_interface(&f).rx_dropped, 0);
	far_close(&f);
}

static void echo_stream(void)
{
	echo(SOCK_STREAM);
}

static void echo_seqpacket(void)
{
	echo(SOCK_SEQPACKET);
}

static void echo_datagram(void)
{
	echo(SOCK_DGRAM);
}

/* Datagrams of growing payload, one after the other: bytes and their sum. */
static size_t frames_make(uint8_t *to, size_t count)
{
	static uint8_t frame[PACKET_MAX];
	size_t at = 0;

	for (size_t n = 0; n < count; n++) {
		struct packet p = far_datagram(n % 2, n);

		at += far_frame(to + at, frame, packet_build(frame, &p));
	}
	return at;
}

static bool frames_arrive(const struct far *f, size_t count)
{
	uint8_t buf[2048];

	for (size_t n = 0; n < count; n++)
		if (skl_recv(f->udp[n % 2], buf, sizeof(buf), 0) != (ssize_t)n)
			return false;
	return true;
}

/* A stream has no borders: each byte may come alone, many frames together. */
static void stream_in_pieces(void)
{
	static uint8_t bytes[1 << 20];
	size_t len = frames_make(bytes, 40), at;
	struct far f;

	suite_seed();
	far_open(&f, SOCK_STREAM);
	for (at = 0; at < len; at++)
		far_write(f.fd, bytes + at, 1);
	CU_ASSERT_TRUE(frames_arrive(&f, 40));
	for (at = 0; at < len;) {
		size_t n = 1 + suite_random(200);

		n = n < len - at ? n : len - at;
		far_write(f.fd, bytes + at, n);
		at += n;
	}
	CU_ASSERT_TRUE(frames_arrive(&f, 40));
	far_write(f.fd, bytes, len);
	CU_ASSERT_TRUE(frames_arrive(&f, 40));
	CU_ASSERT_EQUAL(far_interface(&f).rx_frames, 120);
	len = frames_make(bytes, 1000);
	far_write(f.fd, bytes, len);
	CU_ASSERT_TRUE(frames_arrive(&f, 1000));
	far_close(&f);
}

/* Whoever shares the descriptor finds its flags as they were. */
static void descriptor_flags(void)
{
	char buf[256];
	struct far f;
	ssize_t n;
	int fd;

	far_open(&f, SOCK_STREAM);
	fd = f.near_fd;
	CU_ASSERT_EQUAL(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	CU_ASSERT_EQUAL(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CU_ASSERT_EQUAL(skl_stack_close(f.a), 0);
	CU_ASSERT_EQUAL(fcntl(fd, F_GETFD), -1);
	/* What was sent before can be read, and then the end. */
	do {
		n = recv(f.fd, buf, sizeof(buf), 0);
	} while (n > 0);
	CU_ASSERT_EQUAL(n, 0);
	close(f.fd);
	skl_stack_set_current(NULL);
}

/* A peer that does not read gets what fits, and nothing in halves. */
static void peer_sleeps(int type)
{
	static uint8_t buf[PACKET_MAX];
	struct skli_frame_info info;
	struct skl_interface i;
	uint32_t number = 0, got, before;
	struct far f;

	far_open(&f, type);
	CU_ASSERT_TRUE(far_echo(&f, 0, 8));
	before = (uint32_t)far_interface(&f).tx_frames;
	do {
		memcpy(buf, &number, sizeof(number));
		number++;
		CU_ASSERT_EQUAL(skl_sendto(f.udp[0], buf, 1400, 0,
					   skl_inet("192.168.254.1", 9)),
				1400);
		i = far_interface(&f);
	} while (i.tx_dropped < 10 && number < 20000);
	CU_ASSERT_EQUAL(i.tx_dropped, 10);
	/* 1 MB is kept beside what the socket holds. */
	CU_ASSERT(number > (1 << 20) / 1446);
	CU_ASSERT_EQUAL(i.tx_frames - before, number - 10);
	for (uint32_t n = 0; n < number - 10; n++) {
		CU_ASSERT_EQUAL_FATAL(far_receive(&f, IPPROTO_UDP, buf, &info),
				      1442);
		memcpy(&got, buf + info.payload, sizeof(got));
		CU_ASSERT_EQUAL_FATAL(got, n);
	}
	CU_ASSERT_TRUE(far_echo(&f, 1, 1000));
	far_close(&f);
}

static void peer_sleeps_stream(void)
{
	peer_sleeps(SOCK_STREAM);
}

static void peer_sleeps_seqpacket(void)
{
	peer_sleeps(SOCK_SEQPACKET);
}

static void peer_sleeps_datagram(void)
{
	peer_sleeps(SOCK_DGRAM);
}

/* ---- Bad peers --------------------------------------------------------- */

/* Waits until rx_frames and rx_dropped together have grown by count. */
static bool taken(const struct far *f, uint64_t before, uint64_t count)
{
	for (int n = 0; n < 20000; n++) {
		if (far_interface(f).rx_frames >= before + count)
			return true;
		skl_poll(NULL, 0, 0.001);
	}
	return false;
}

static void runts(int type)
{
	static const uint8_t frame[14] = {2, 0, 0, 0, 0, 1};
	struct skl_interface before, after;
	struct far f;

	far_open(&f, type);
	CU_ASSERT_TRUE(far_echo(&f, 0, 8));
	before = far_interface(&f);
	for (size_t len = 1; len < 14; len++)
		far_send(&f, frame, len);
	if (type == SOCK_DGRAM)
		far_send(&f, frame, 0);
	CU_ASSERT_TRUE(far_echo(&f, 0, 8));
	after = far_interface(&f);
	CU_ASSERT_EQUAL(after.rx_frames - before.rx_frames, 14);
	CU_ASSERT_EQUAL(after.rx_dropped - before.rx_dropped,
			13 + (type == SOCK_DGRAM));
	CU_ASSERT_TRUE(after.up);
	far_close(&f);
}

static void runts_stream(void)
{
	runts(SOCK_STREAM);
}

static void runts_seqpacket(void)
{
	runts(SOCK_SEQPACKET);
}

static void runts_datagram(void)
{
	runts(SOCK_DGRAM);
}

/* Longer than lwIP's lengths: dropped, and the stream goes on. */
static void too_long(void)
{
	static uint8_t frame[FAR_FRAME_MAX] = {2, 0, 0, 0, 0, 1};
	struct far f;

	far_open(&f, SOCK_STREAM);
	far_send(&f, frame, 65536);
	far_send(&f, frame, FAR_FRAME_MAX);
	CU_ASSERT_TRUE(far_echo(&f, 0, 8));
	CU_ASSERT_EQUAL(far_interface(&f).rx_dropped, 2);
	far_send(&f, frame, 65535);
	CU_ASSERT_TRUE(far_echo(&f, 0, 8));
	CU_ASSERT_EQUAL(far_interface(&f).rx_dropped, 2);
	far_close(&f);
}

/* The kinds of packets that are mutilated below. */
static const struct packet kinds[] = {
	{.version = 4, .proto = IPPROTO_UDP, .payload = 40},
	{.version = 6, .proto = IPPROTO_UDP, .payload = 40},
	{.version = 4, .proto = IPPROTO_TCP, .tcp_flags = SYN, .payload = 4},
	{.version = 6,
	 .proto = IPPROTO_TCP,
	 .tcp_flags = SYN,
	 .tcp_options = 8},
	{.version = 4, .proto = IPPROTO_TCP, .tcp_flags = ACK, .options = 8},
	{.version = 4, .proto = IPPROTO_ICMP, .payload = 30},
	{.version = 6, .proto = IPPROTO_ICMPV6, .payload = 30},
	{.version = 6, .proto = IPPROTO_UDP, .options = 16, .payload = 9},
	{.version = 4, .proto = IPPROTO_UDP, .fragment = 0x2000, .payload = 16},
	{.version = 4, .proto = IPPROTO_UDP, .fragment = 5, .payload = 16},
	{.version = 0},
};

/*
 * Reads away what a sends meanwhile, so that it is not that which stops it,
 * until the other thread closes the socket.
 */
static void *sink_run(void *arg)
{
	const struct far *f = arg;
	char buf[4096];

	while (recv(f->fd, buf, sizeof(buf), 0) > 0)
		;
	return NULL;
}

/* Frames are sent by send; at the end the stack must still be there. */
static void survive(void (*send)(const struct far *f, uint64_t *count))
{
	struct skl_stack_stats before, after = {0};
	pthread_t sink;
	uint64_t count = 0;
	struct far f;

	far_open(&f, SOCK_STREAM);
	CU_ASSERT_TRUE(far_echo(&f, 0, 8));
	CU_ASSERT_TRUE(far_echo(&f, 1, 8));
	skl_stack_stats(f.a, &before);
	count = far_interface(&f).rx_frames;
	pthread_create(&sink, NULL, sink_run, &f);
	send(&f, &count);
	CU_ASSERT_TRUE(taken(&f, 0, count));
	skl_stack_stats(f.a, &after);
	CU_ASSERT_TRUE(far_interface(&f).up);
	/* What was understood may be held: fragments, half connections. */
	CU_ASSERT(after.blocks < before.blocks + 4096);
	CU_ASSERT_EQUAL(skl_stack_close(f.a), 0);
	pthread_join(sink, NULL);
	close(f.fd);
	for (int i = 0; i < 2; i++)
		skl_close(f.udp[i]);
	skl_stack_set_current(NULL);
}

/* Each packet cut off after each of its bytes. */
static void send_truncated(const struct far *f, uint64_t *count)
{
	static uint8_t frame[PACKET_MAX];

	for (size_t k = 0; k < COUNT(kinds); k++) {
		size_t len = packet_build(frame, &kinds[k]);

		for (size_t n = 1; n < len; n++, ++*count)
			far_send(f, frame, n);
	}
}

/* Each byte of each header with each of its bits the other way round. */
static void send_flipped(const struct far *f, uint64_t *count)
{
	static uint8_t frame[PACKET_MAX];

	for (size_t k = 0; k < COUNT(kinds); k++) {
		size_t len = packet_build(frame, &kinds[k]);

		for (size_t bit = 12 * 8; bit < len * 8; bit++, ++*count) {
			frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
			far_send(f, frame, len);
			frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

/* Checksums are right again after a few bytes were changed and some cut. */
static void send_lying(const struct far *f, uint64_t *count)
{
	static uint8_t frame[PACKET_MAX];

	suite_seed();
	for (int n = 0; n < 20000; n++, ++*count) {
		const struct packet *p = &kinds[suite_random(COUNT(kinds))];
		size_t len = packet_build(frame, p), l3 = packet_l3(p);
		uint16_t sum;

		for (uint64_t i = suite_random(4) + 1; i; i--)
			frame[l3 + suite_random(len - l3)] =
				(uint8_t)suite_random(256);
		if (p->version == 4) {
			frame[l3 + 10] = 0;
			frame[l3 + 11] = 0;
			sum = (uint16_t)~packet_sum(0, frame + l3, 20);
			frame[l3 + 10] = (uint8_t)(sum >> 8);
			frame[l3 + 11] = (uint8_t)sum;
		}
		far_send(f, frame,
			 suite_random(4) ? len : 14 + suite_random(len));
	}
}

static void truncated(void)
{
	survive(send_truncated);
}

static void flipped(void)
{
	survive(send_flipped);
}

static void lying(void)
{
	survive(send_lying);
}

struct waiting {
	skl_sock *sock;
	ssize_t result;
	int error;
};

static void *waiting_run(void *arg)
{
	struct waiting *w = arg;
	char byte;

	w->result = skl_recv(w->sock, &byte, 1, 0);
	w->error = errno;
	return NULL;
}

/* After bytes that no peer in its senses sends, the device is lost. */
static void broken(uint32_t length)
{
	struct waiting wait = {0};
	uint32_t be = htonl(length);
	pthread_t thread;
	struct far f;

	far_open(&f, SOCK_STREAM);
	CU_ASSERT_TRUE(far_echo(&f, 0, 8));
	wait.sock = f.udp[0];
	CU_ASSERT_EQUAL(skl_connect(wait.sock, skl_inet("192.168.254.1", 9)),
			0);
	pthread_create(&thread, NULL, waiting_run, &wait);
	far_write(f.fd, (const uint8_t *)&be, 4);
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(wait.result, -1);
	CU_ASSERT_EQUAL(wait.error, ENETDOWN);
	CU_ASSERT_FALSE(far_interface(&f).up);
	CU_ASSERT_EQUAL(skl_send(wait.sock, "x", 1, 0), -1);
	CU_ASSERT(errno == ENETDOWN || errno == ENETUNREACH);
	far_close(&f);
}

static void broken_lengths(void)
{
	broken(0);
	broken(FAR_FRAME_MAX + 1);
	broken(0xffffffff);
	broken(0x80000000);
}

/* A peer that is gone is met by whoever sends, without SIGPIPE. */
static void peer_gone(int type)
{
	struct far f;

	far_open(&f, type);
	CU_ASSERT_TRUE(far_echo(&f, 0, 8));
	CU_ASSERT_EQUAL(skl_connect(f.udp[0], skl_inet("192.168.254.1", 9)), 0);
	close(f.fd);
	for (int n = 0; n < 20000 && far_interface(&f).up; n++)
		skl_send(f.udp[0], "x", 1, 0);
	CU_ASSERT_FALSE(far_interface(&f).up);
	CU_ASSERT_EQUAL(skl_send(f.udp[0], "x", 1, 0), -1);
	CU_ASSERT(errno == ENETDOWN || errno == ENETUNREACH);
	f.fd = -1;
	far_close(&f);
}

static void peers_gone(void)
{
	peer_gone(SOCK_STREAM);
	peer_gone(SOCK_SEQPACKET);
	peer_gone(SOCK_DGRAM);
}

/* An allocation fails, each in turn: the frame is lost and nothing else. */
static void no_memory(void)
{
	static uint8_t frame[PACKET_MAX];

	for (uint64_t n = 1; n < 12; n++) {
		struct packet p = far_datagram(0, 500);
		size_t len = packet_build(frame, &p);
		uint64_t before;
		struct far f;

		far_open(&f, SOCK_STREAM);
		CU_ASSERT_TRUE(far_echo(&f, 0, 8));
		before = far_interface(&f).rx_frames +
			 far_interface(&f).rx_dropped;
		f.a->arena.fail_after = n;
		for (int i = 0; i < 20; i++)
			far_send(&f, frame, len);
		for (int i = 0; i < 20000; i++) {
			struct skl_interface now = far_interface(&f);

			if (now.rx_frames + now.rx_dropped >= before + 20)
				break;
			skl_poll(NULL, 0, 0.001);
		}
		CU_ASSERT_TRUE(far_interface(&f).up);
		far_close(&f);
	}
}

/* ---- Sockets of the Internet ------------------------------------------- */

static int inet_socket(int type, struct sockaddr_in *sin)
{
	socklen_t size = sizeof(*sin);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	*sin = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	bind(fd, (struct sockaddr *)sin, size);
	getsockname(fd, (struct sockaddr *)sin, &size);
	return fd;
}

/* QEMU's -netdev stream over TCP. */
static void over_tcp(void)
{
	struct sockaddr_in at;
	int listener = inet_socket(SOCK_STREAM, &at);
	int pair[2];
	struct far f = {0};

	CU_ASSERT_EQUAL_FATAL(listen(listener, 1), 0);
	pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(
		connect(pair[0], (struct sockaddr *)&at, sizeof(at)), 0);
	pair[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	far_adopt(&f, SOCK_STREAM, pair);
	CU_ASSERT_TRUE(far_echo(&f, 0, 1000));
	CU_ASSERT_TRUE(far_echo(&f, 1, 1000));
	far_close(&f);
	close(listener);
}

/* -netdev dgram: the peer may start later than we do. */
static void over_udp(void)
{
	struct sockaddr_in near, there;
	struct far f = {0};
	int pair[2];

	pair[0] = inet_socket(SOCK_DGRAM, &near);
	pair[1] = inet_socket(SOCK_DGRAM, &there);
	close(pair[1]);
	connect(pair[0], (struct sockaddr *)&there, sizeof(there));
	pair[1] = -1;
	far_adopt(&f, SOCK_DGRAM, pair);
	for (int i = 0; i < 5; i++)
		skl_sendto(f.udp[0], "x", 1, 0, skl_inet("192.168.254.1", 9));
	CU_ASSERT_TRUE(far_interface(&f).up);
	f.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(
		bind(f.fd, (struct sockaddr *)&there, sizeof(there)), 0);
	connect(f.fd, (struct sockaddr *)&near, sizeof(near));
	CU_ASSERT_TRUE(far_echo(&f, 0, 1000));
	far_close(&f);
}

/* ---- What opening refuses ---------------------------------------------- */

static int descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* Opening fails with that error, says text, and leaves nothing open. */
static void refused(const char *config, int error, const char *text)
{
	int before = descriptors();
	skl_stack *s = skl_stack_open(config);

	CU_ASSERT_PTR_NULL(s);
	if (s) {
		skl_stack_close(s);
		return;
	}
	CU_ASSERT_EQUAL(errno, error);
	CU_ASSERT_EQUAL(skl_error()->kind, SKL_OSERROR);
	CU_ASSERT_EQUAL(skl_error()->code, error);
	CU_ASSERT_PTR_NOT_NULL(strstr(skl_error()->text, text));
	if (!strstr(skl_error()->text, text))
		printf("  %s: %s\n", config, skl_error()->text);
	CU_ASSERT_EQUAL(descriptors(), before);
}

static void refused_fd(int fd, int error, const char *text)
{
	char config[32];

	snprintf(config, sizeof(config), "fd:%d", fd);
	refused(config, error, text);
}

static void refused_descriptors(void)
{
	int one = socket(AF_INET, SOCK_STREAM, 0);
	int raw = socket(AF_UNIX, SOCK_DGRAM, 0);
	int ends[2];

	refused("fd:", EINVAL, "'fd:'");
	refused("fd:x", EINVAL, "'fd:x'");
	refused("fd:3x", EINVAL, "'fd:3x'");
	refused("fd:-1", EINVAL, "'fd:-1'");
	refused("fd:99999999999999999999", EINVAL, "number");
	refused("fd:1000", EBADF, "1000 is not open");
	CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
	refused_fd(ends[0], EINVAL, "neither a socket nor a TAP");
	refused_fd(one, EINVAL, "not connected");
	refused_fd(raw, EINVAL, "not connected");
	CU_ASSERT_EQUAL(listen(one, 1), 0);
	refused_fd(one, EINVAL, "not connected");
	CU_ASSERT_EQUAL(fcntl(one, F_GETFD), 0);
	close(ends[0]);
	close(ends[1]);
	close(one);
	close(raw);
}

/* A socket of type bound to dir/name. */
static int bound_socket(const char *dir, const char *name, int type)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/%s", dir, name);
	CU_ASSERT_EQUAL(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

/* As another user, in a child: does opening fail with that error? */
static bool denied(const char *config, int error)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (!geteuid() && setuid(65534))
			_exit(2);
		_exit(skl_stack_open(config) || errno != error ||
		      !strstr(skl_error()->text, "permission"));
	}
	waitpid(pid, &status, 0);
	return status == 0;
}

static void refused_paths(void)
{
	char dir[] = "/tmp/sockling.XXXXXX", config[96], command[64];
	char far_too_long[200] = "unix:/";
	int listener, silent, datagrams;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	chmod(dir, 0755);
	listener = bound_socket(dir, "listener", SOCK_STREAM);
	silent = bound_socket(dir, "silent", SOCK_STREAM);
	datagrams = bound_socket(dir, "datagrams", SOCK_DGRAM);
	CU_ASSERT_EQUAL(listen(listener, 1), 0);

	refused("unix:", EINVAL, "path");
	memset(far_too_long + 6, 'x', sizeof(far_too_long) - 7);
	refused(far_too_long, EINVAL, "path");
	snprintf(config, sizeof(config), "unix:%s/none", dir);
	refused(config, ENOENT, "no such socket");
	snprintf(config, sizeof(config), "unix:%s/silent", dir);
	refused(config, ECONNREFUSED, "nobody listens");
	snprintf(config, sizeof(config), "unix:%s/datagrams", dir);
	refused(config, EPROTOTYPE, "not a stream");
	snprintf(config, sizeof(config), "%s/listener", dir);
	chmod(config, 0);
	snprintf(config, sizeof(config), "unix:%s/listener", dir);
	CU_ASSERT_TRUE(denied(config, EACCES));

	close(listener);
	close(silent);
	close(datagrams);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	CU_ASSERT_EQUAL(system(command), 0);
}

/* The socket that was connected is closed when a later word is wrong. */
static void refused_words(void)
{
	int pair[2];
	char config[64];

	CU_ASSERT_EQUAL_FATAL(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	snprintf(config, sizeof(config), "fd:%d 10.0.0.300/24", pair[0]);
	CU_ASSERT_PTR_NULL(skl_stack_open(config));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(skl_error()->text, "10.0.0.300/24"));
	CU_ASSERT_EQUAL(fcntl(pair[0], F_GETFD), -1);
	close(pair[1]);
}

static const struct suite_case cases[] = {
	{"echo_stream", echo_stream},
	{"echo_seqpacket", echo_seqpacket},
	{"echo_datagram", echo_datagram},
	{"stream_in_pieces", stream_in_pieces},
	{"descriptor_flags", descriptor_flags},
	{"peer_sleeps_stream", peer_sleeps_stream},
	{"peer_sleeps_seqpacket", peer_sleeps_seqpacket},
	{"peer_sleeps_datagram", peer_sleeps_datagram},
	{"runts_stream", runts_stream},
	{"runts_seqpacket", runts_seqpacket},
	{"runts_datagram", runts_datagram},
	{"too_long", too_long},
	{"truncated", truncated},
	{"flipped", flipped},
	{"lying", lying},
	{"broken_lengths", broken_lengths},
	{"peers_gone", peers_gone},
	{"no_memory", no_memory},
	{"over_tcp", over_tcp},
	{"over_udp", over_udp},
	{"refused_descriptors", refused_descriptors},
	{"refused_paths", refused_paths},
	{"refused_words", refused_words},
};

SUITE_MAIN("stream", cases)
