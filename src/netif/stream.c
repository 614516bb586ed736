/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames over a socket to whoever speaks Ethernet at its other end: QEMU,
 * passt, another stack.
 *
 * THEORY OF OPERATION
 *
 * On a stream each frame has its length before it, 4 bytes in network order
 * (QEMU's net/stream.c); on message sockets a message is a frame.  Frames are
 * finished: nobody at the other end knows of offloads.
 *
 * In: one recv(2) takes as many frames as there are, and each is copied into a
 * pbuf of its size.  All that are whole are handed up, so that no frame stays
 * behind which no descriptor tells of.
 *
 * Out: what the socket does not take, in the middle of a frame or before it,
 * is kept in order until poll(2) says that it does.  Past OUT_SIZE frames are
 * dropped, as a NIC's queue does.
 *
 * Once open it makes no system calls but recvfrom(2) and sendmsg(2) with
 * MSG_DONTWAIT, so a descriptor that other processes share keeps its flags.
 */
#include "netif/stream.h"

#include "stack/error.h"
#include "stack/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LENGTH 4 /* bytes before a frame */

/* An IP packet with Ethernet header and VLAN tag: none is longer. */
#define FRAME_MAX (65535 + 18)

#define IN_SIZE  (128 * 1024)
#define OUT_SIZE (1024 * 1024)

static void length_write(uint8_t to[LENGTH], size_t len)
{
	to[0] = (uint8_t)(len >> 24);
	to[1] = (uint8_t)(len >> 16);
	to[2] = (uint8_t)(len >> 8);
	to[3] = (uint8_t)len;
}

static size_t length_read(const uint8_t from[LENGTH])
{
	return (size_t)from[0] << 24 | (size_t)from[1] << 16 |
	       (size_t)from[2] << 8 | from[3];
}

/* ---- Out --------------------------------------------------------------- */

/* What becomes of a frame that met error: 0 (keep it), EAGAIN, or gone. */
static int send_error(const struct skli_stream *stream, int error)
{
	switch (error) {
	case EAGAIN:
	case EINTR: return 0;
	case EMSGSIZE:
	case ENOBUFS:
	case ENOMEM: return EAGAIN;
	default:
		/* UDP's peer may come yet, and routes change. */
		if (stream->type == SOCK_DGRAM && stream->domain != AF_UNIX)
			return EAGAIN;
		return error;
	}
}

static void waiting_set(struct skli_netif *nif, struct skli_stream *stream,
			bool waiting)
{
	if (stream->waiting == waiting)
		return;
	stream->waiting = waiting;
	skli_driver_want_output(nif->stack, nif, waiting);
}

/* Makes room for size bytes behind what waits: 0 or EAGAIN. */
static int out_reserve(struct skli_netif *nif, struct skli_stream *stream,
		       size_t size)
{
	size_t used = stream->out_end - stream->out_at;

	if (!stream->out)
		stream->out = skli_arena_alloc(&nif->stack->arena, OUT_SIZE);
	if (!stream->out || used + size > OUT_SIZE)
		return EAGAIN;
	if (stream->out_end + size > OUT_SIZE) {
		memmove(stream->out, stream->out + stream->out_at, used);
		stream->out_at = 0;
		stream->out_end = used;
	}
	return 0;
}

/* Keeps the pieces but for the skip bytes that the socket took. */
static int out_keep(struct skli_netif *nif, const struct iovec *iov, int iovcnt,
		    size_t len, size_t skip)
{
	struct skli_stream *stream = nif->data;

	if (out_reserve(nif, stream, len - skip))
		return EAGAIN;
	for (int i = 0; i < iovcnt; i++) {
		size_t off = skip < iov[i].iov_len ? skip : iov[i].iov_len;
		size_t rest = iov[i].iov_len - off;

		memcpy(stream->out + stream->out_end,
		       (const uint8_t *)iov[i].iov_base + off, rest);
		stream->out_end += rest;
		skip -= off;
	}
	waiting_set(nif, stream, true);
	return 0;
}

int skli_stream_send(struct skli_netif *nif, const struct skli_frame *f)
{
	struct skli_stream *stream = nif->data;
	bool framed = stream->type == SOCK_STREAM;
	uint8_t length[LENGTH];
	struct iovec iov[SKLI_FRAME_IOV + 1] = {{length, LENGTH}};
	struct msghdr msg = {.msg_iov = framed ? iov : iov + 1,
			     .msg_iovlen = (size_t)f->iovcnt + framed};
	ssize_t n = 0;
	int error;

	if (f->iovcnt > SKLI_FRAME_IOV || f->len > FRAME_MAX)
		return EAGAIN;
	length_write(length, f->len);
	memcpy(iov + 1, f->iov, (size_t)f->iovcnt * sizeof(iov[0]));
	if (!stream->waiting) {
		n = sendmsg(nif->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n >= 0 && (!framed || (size_t)n == LENGTH + f->len))
			return 0;
		error = n < 0 ? send_error(stream, errno) : 0;
		if (error)
			return error;
		n = n < 0 ? 0 : n;
	}
	return out_keep(nif, iov, f->iovcnt + 1, LENGTH + f->len, (size_t)n);
}

/* Sends the next of what waits: the bytes done, 0: not now, -1: it is gone. */
static ssize_t out_step(struct skli_netif *nif, struct skli_stream *stream)
{
	const uint8_t *at = stream->out + stream->out_at;
	size_t len = stream->out_end - stream->out_at;
	size_t skip = 0;
	ssize_t n;

	if (stream->type != SOCK_STREAM) {
		len = length_read(at);
		skip = LENGTH;
	}
	n = send(nif->fd, at + skip, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n >= 0)
		return n + (ssize_t)skip;
	switch (send_error(stream, errno)) {
	case 0: return 0;
	case EAGAIN:
		/* A stream has no frame that it could do without. */
		if (stream->type == SOCK_STREAM)
			return 0;
		nif->counters.tx_dropped++;
		return (ssize_t)(skip + len);
	default: return -1;
	}
}

void skli_stream_writable(struct skli_netif *nif)
{
	struct skli_stream *stream = nif->data;

	while (stream->out_at < stream->out_end) {
		ssize_t n = out_step(nif, stream);

		if (n < 0)
			skli_netif_lost(nif);
		if (n <= 0)
			return;
		stream->out_at += (size_t)n;
	}
	stream->out_at = 0;
	stream->out_end = 0;
	waiting_set(nif, stream, false);
}

/* ---- In ---------------------------------------------------------------- */

static void frame_input(struct skli_netif *nif, const void *data, size_t len)
{
	struct pbuf *p = NULL;

	/* lwIP's lengths have 16 bits. */
	if (len && len <= UINT16_MAX)
		p = pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_RAM);
	if (!p) {
		nif->counters.rx_dropped++;
		return;
	}
	memcpy(p->payload, data, len);
	skli_netif_input(nif, p);
}

/* Hands up the whole frames among what came in: their count, or -1. */
static int frames_input(struct skli_netif *nif, struct skli_stream *stream)
{
	size_t at = 0;
	int count = 0;

	while (stream->in_len - at >= LENGTH && !nif->gone) {
		size_t len = length_read(stream->in + at);

		/* Nothing says where the next frame starts. */
		if (!len || len > FRAME_MAX)
			return -1;
		if (stream->in_len - at - LENGTH < len)
			break;
		frame_input(nif, stream->in + at + LENGTH, len);
		at += LENGTH + len;
		count++;
	}
	stream->in_len -= at;
	memmove(stream->in, stream->in + at, stream->in_len);
	return count;
}

/* What a failed recv(2) means: 0 (no more now) or -1 (it is gone). */
static int receive_error(const struct skli_stream *stream)
{
	if (errno == EAGAIN || errno == EINTR || errno == ENOMEM ||
	    errno == ENOBUFS)
		return 0;
	/* An ICMP error that met a datagram. */
	return stream->type == SOCK_DGRAM && stream->domain != AF_UNIX ? 0 : -1;
}

static int stream_receive(struct skli_netif *nif, struct skli_stream *stream,
			  unsigned budget)
{
	unsigned count = 0;

	while (count < budget && !nif->gone) {
		size_t room = IN_SIZE - stream->in_len;
		ssize_t n = recv(nif->fd, stream->in + stream->in_len, room,
				 MSG_DONTWAIT);
		int frames;

		if (n == 0)
			return -1;
		if (n < 0)
			return receive_error(stream) ? -1 : (int)count;
		stream->in_len += (size_t)n;
		frames = frames_input(nif, stream);
		if (frames < 0)
			return -1;
		count += (unsigned)frames;
		if ((size_t)n < room)
			break;
	}
	return (int)count;
}

static int messages_receive(struct skli_netif *nif, struct skli_stream *stream,
			    unsigned budget)
{
	unsigned count = 0;

	for (; count < budget && !nif->gone; count++) {
		ssize_t n = recv(nif->fd, stream->in, IN_SIZE,
				 MSG_DONTWAIT | MSG_TRUNC);

		if (n < 0)
			return receive_error(stream) ? -1 : (int)count;
		if (n == 0 && stream->type == SOCK_SEQPACKET)
			return -1;
		frame_input(nif, stream->in, (size_t)n);
	}
	return (int)count;
}

int skli_stream_receive(struct skli_netif *nif, unsigned budget)
{
	struct skli_stream *stream = nif->data;

	return stream->type == SOCK_STREAM
		       ? stream_receive(nif, stream, budget)
		       : messages_receive(nif, stream, budget);
}

/* ---- Opening ----------------------------------------------------------- */

static int socket_inspect(struct skli_stream *stream, int fd)
{
	struct sockaddr_storage peer;
	socklen_t size = sizeof(stream->type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &stream->type, &size) ||
	    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &stream->domain, &size))
		return skli_fail_text(EINVAL,
				      "descriptor %d is neither a socket nor a "
				      "TAP device",
				      fd);
	if (stream->type != SOCK_STREAM && stream->type != SOCK_DGRAM &&
	    stream->type != SOCK_SEQPACKET)
		return skli_fail_text(EINVAL,
				      "descriptor %d: a socket of type "
				      "SOCK_STREAM, SOCK_DGRAM or "
				      "SOCK_SEQPACKET is needed",
				      fd);
	size = sizeof(peer);
	if (getpeername(fd, (struct sockaddr *)&peer, &size))
		return skli_fail_text(EINVAL,
				      "descriptor %d is not connected: "
				      "connect(2) or socketpair(2) comes first",
				      fd);
	return 0;
}

int skli_stream_adopt(struct skli_netif *nif, struct skli_stream *stream,
		      int fd)
{
	if (socket_inspect(stream, fd))
		return -1;
	stream->in = skli_arena_alloc(&nif->stack->arena, IN_SIZE);
	if (!stream->in)
		return skli_fail(ENOMEM);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	nif->fd = fd;
	nif->data = stream;
	nif->offload = false;
	return 0;
}

void skli_stream_release(struct skli_netif *nif, struct skli_stream *stream)
{
	close(nif->fd);
	skli_arena_free(&nif->stack->arena, stream->in);
	skli_arena_free(&nif->stack->arena, stream->out);
}

/* Adopts fd with a new struct skli_stream. */
static int stream_open(struct skli_netif *nif, int fd)
{
	struct skli_arena *arena = &nif->stack->arena;
	struct skli_stream *stream =
		skli_arena_calloc(arena, 1, sizeof(*stream));

	if (!stream)
		return skli_fail(ENOMEM);
	if (skli_stream_adopt(nif, stream, fd)) {
		skli_arena_free(arena, stream);
		return -1;
	}
	return 0;
}

static void stream_close(struct skli_netif *nif)
{
	struct skli_stream *stream = nif->data;

	skli_stream_release(nif, stream);
	skli_arena_free(&nif->stack->arena, stream);
}

static bool is_tap(int fd)
{
	struct ifreq ifr = {0};

	return ioctl(fd, TUNGETIFF, &ifr) == 0;
}

static int fd_open(struct skli_netif *nif, const char *number)
{
	char *end, argument[24];
	long fd = strtol(number, &end, 10);

	if (!*number || *end || fd < 0 || fd > 1 << 20)
		return skli_fail_text(EINVAL,
				      "'fd:%s': the number of a descriptor is "
				      "needed",
				      number);
	if (fcntl((int)fd, F_GETFD) < 0)
		return skli_fail_text(EBADF, "descriptor %ld is not open", fd);
	if (!is_tap((int)fd))
		return stream_open(nif, (int)fd);
	nif->device = &skli_device_tap;
	snprintf(argument, sizeof(argument), "fd=%ld", fd);
	return skli_device_tap.open(nif, argument);
}

static int unix_refused(const char *path, int error)
{
	switch (error) {
	case ENOENT:
		return skli_fail_text(error,
				      "unix:%s: no such socket; start the "
				      "program that listens on it first",
				      path);
	case ECONNREFUSED:
		return skli_fail_text(error,
				      "unix:%s: nobody listens on it; start "
				      "the program that does",
				      path);
	case EACCES:
		return skli_fail_text(
			error, "unix:%s: no permission to write to it", path);
	case EAGAIN:
		return skli_fail_text(error,
				      "unix:%s: its listener accepts no more "
				      "connections now",
				      path);
	case EPROTOTYPE:
		return skli_fail_text(error,
				      "unix:%s: not a stream socket; connect "
				      "one and pass it as fd:N",
				      path);
	default:
		return skli_fail_text(error, "unix:%s: %s", path,
				      strerror(error));
	}
}

static int unix_open(struct skli_netif *nif, const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd, error;

	if (!*path || strlen(path) >= sizeof(sun.sun_path))
		return skli_fail_text(EINVAL,
				      "'unix:%s': a path of 1 to %zu bytes is "
				      "needed",
				      path, sizeof(sun.sun_path) - 1);
	memcpy(sun.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return unix_refused(path, errno);
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun))) {
		error = errno;
		close(fd);
		return unix_refused(path, error);
	}
	if (stream_open(nif, fd)) {
		error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	return 0;
}

const struct skli_device skli_device_fd = {
	.name = "fd",
	.open = fd_open,
	.close = stream_close,
	.send = skli_stream_send,
	.receive = skli_stream_receive,
	.writable = skli_stream_writable,
};

const struct skli_device skli_device_unix = {
	.name = "unix",
	.open = unix_open,
	.close = stream_close,
	.send = skli_stream_send,
	.receive = skli_stream_receive,
	.writable = skli_stream_writable,
};
