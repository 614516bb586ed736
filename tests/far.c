/* SPDX-License-Identifier: BSD-3-Clause */
/* The other end of a stack's device, by hand. */
#include "tests/far.h"

#include "tests/suite.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The addresses of tests/packet.h, whose frames go to a. */
#define ADDRESSES                                                      \
 "mac 02:00:00:00:00:01 192.168.254.2/24 gw 192.168.254.1 "            \
 "neigh 192.168.254.1 02:00:00:00:00:02 fd12::ff:0:ab02/64 gw fd12::1" \
 " neigh fd12::1 02:00:00:00:00:02"

void far_adopt(struct far *f, int type, const int pair[2])
{
	char config[320];

	f->type = type;
	f->near_fd = pair[0];
	f->fd = pair[1];
	snprintf(config, sizeof(config), "fd:%d " ADDRESSES, pair[0]);
	f->a = skl_stack_open(config);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f->a);
	skl_stack_set_current(f->a);
	for (int i = 0; i < 2; i++) {
		f->udp[i] = skl_socket(i ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
		CU_ASSERT_PTR_NOT_NULL_FATAL(f->udp[i]);
		skl_settimeout(f->udp[i], FAR_PATIENCE);
		skl_setsockopt(f->udp[i], SOL_SOCKET, SO_RCVBUF, 1 << 22);
		if (i)
			skl_setsockopt(f->udp[i], IPPROTO_IPV6, IPV6_V6ONLY, 1);
		CU_ASSERT_EQUAL(
			skl_bind(f->udp[i], i ? skl_inet6("::", 53, 0, 0)
					      : skl_inet("0.0.0.0", 53)),
			0);
	}
}

void far_open(struct far *f, int type)
{
	int pair[2];

	memset(f, 0, sizeof(*f));
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair),
			      0);
	far_adopt(f, type, pair);
}

void far_close(struct far *f)
{
	skl_stack_set_current(NULL);
	for (int i = 0; i < 2; i++)
		skl_close(f->udp[i]);
	CU_ASSERT_EQUAL(skl_stack_close(f->a), 0);
	close(f->fd);
}

void far_write(int fd, const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

size_t far_frame(uint8_t *to, const uint8_t *frame, size_t len)
{
	uint32_t be = htonl((uint32_t)len);

	memcpy(to, &be, 4);
	memcpy(to + 4, frame, len);
	return 4 + len;
}

void far_send(const struct far *f, const uint8_t *frame, size_t len)
{
	static uint8_t buf[4 + FAR_FRAME_MAX];

	if (f->type == SOCK_STREAM)
		far_write(f->fd, buf, far_frame(buf, frame, len));
	else
		send(f->fd, frame, len, MSG_NOSIGNAL);
}

static bool read_all(int fd, void *buf, size_t len)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char *at = buf;

	while (len) {
		ssize_t n = -1;

		if (poll(&p, 1, (int)(1000 * FAR_PATIENCE)) == 1)
			n = recv(fd, at, len, 0);
		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

/* Any frame: its length, or 0 at the end or when none comes. */
static size_t frame_receive(const struct far *f, uint8_t *buf)
{
	struct pollfd p = {.fd = f->fd, .events = POLLIN};
	uint32_t be;
	ssize_t n;

	if (f->type != SOCK_STREAM) {
		if (poll(&p, 1, (int)(1000 * FAR_PATIENCE)) != 1)
			return 0;
		n = recv(f->fd, buf, FAR_FRAME_MAX, 0);
		return n > 0 ? (size_t)n : 0;
	}
	if (!read_all(f->fd, &be, 4) || ntohl(be) > FAR_FRAME_MAX ||
	    !read_all(f->fd, buf, ntohl(be)))
		return 0;
	return ntohl(be);
}

size_t far_receive(const struct far *f, uint8_t proto, uint8_t *buf,
		   struct skli_frame_info *info)
{
	for (int i = 0; i < 100; i++) {
		struct iovec iov = {buf, frame_receive(f, buf)};
		struct skli_frame frame = {&iov, 1, iov.iov_len, {0}};

		if (!iov.iov_len || skli_frame_parse(&frame, info))
			return 0;
		if (info->proto != proto)
			continue;
		CU_ASSERT_EQUAL(skli_frame_verify(&frame), 0);
		return iov.iov_len;
	}
	return 0;
}

struct packet far_datagram(int i, size_t payload)
{
	return (struct packet){
		.version = i ? 6 : 4, .proto = IPPROTO_UDP, .payload = payload};
}

bool far_echo(const struct far *f, int i, size_t payload)
{
	static uint8_t sent[PACKET_MAX], got[PACKET_MAX], buf[PACKET_MAX];
	struct packet p = far_datagram(i, payload);
	size_t len = packet_build(sent, &p), at = packet_data(&p);
	struct skli_frame_info info;
	skl_addr from;

	far_send(f, sent, len);
	if (skl_recvfrom(f->udp[i], buf, sizeof(buf), 0, &from) !=
		    (ssize_t)payload ||
	    memcmp(buf, sent + at, payload))
		return false;
	if (skl_sendto(f->udp[i], buf, payload, 0, from) != (ssize_t)payload)
		return false;
	if (far_receive(f, IPPROTO_UDP, got, &info) != len ||
	    info.payload != at)
		return false;
	return !memcmp(got, sent + 6, 6) && !memcmp(got + 6, sent, 6) &&
	       !memcmp(got + at, sent + at, payload);
}

struct skl_interface far_interface(const struct far *f)
{
	struct skl_interface i = {.name = ""};

	CU_ASSERT_EQUAL(skl_stack_interface(f->a, 1, &i), 0);
	return i;
}
