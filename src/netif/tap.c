/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TAP devices (Linux, Documentation/networking/tuntap.rst), with virtio's
 * offload header.
 *
 * THEORY OF OPERATION
 *
 * With IFF_VNET_HDR every frame is preceded by a struct virtio_net_hdr, which
 * says what was left undone: a checksum (the kernel's own sockets never make
 * one) or the split into segments.  So nothing is summed in software, and one
 * system call moves up to 64 KB.
 *
 * In: a frame is read with one readv(2) into a small buffer and, past its end,
 * a large one.  A frame that fits the small buffer leaves the large one
 * untouched; one that is much smaller than that is copied out of it, so that
 * what a socket holds is charged about what it weighs.  Of a longer frame the
 * rest stays in the large buffer, unless it is so short that a copy is better
 * than to hold 64 KB for it.
 *
 * A device can be ours (made here, gone when we close), a persistent one of
 * this user, or a descriptor that this process inherited.  When the kernel
 * refuses the header or the offloads, frames go one by one and finished.
 */
#include "netif/netif.h"
#include "stack/error.h"
#include "stack/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#define SMALL_SIZE 1792  /* a full frame of MTU 1500, and its pbuf */
#define LARGE_SIZE 65535 /* lengths of pbufs have 16 bits */
#define COPY_SMALL 640   /* at most this is copied out of a small buffer */
#define COPY_LARGE 16384 /* at most this is copied out of a large one */
#define POOL_MAX   16    /* large buffers kept for the next frames */

/* A large receive buffer; the pbuf stands for its data. */
struct large {
	struct pbuf_custom pbuf; /* first: freed through it */
	struct tap *tap;
	struct large *next; /* in the pool */
	uint8_t data[LARGE_SIZE];
};

struct tap {
	struct skli_netif *nif;
	size_t header;      /* bytes of virtio header before a frame; 0: none */
	struct pbuf *small; /* to read into next */
	struct large *large;
	struct large *pool;
	unsigned pooled;
};

/* ---- Out --------------------------------------------------------------- */

static void header_make(struct virtio_net_hdr *h,
			const struct skli_offload *off)
{
	memset(h, 0, sizeof(*h));
	if (!(off->flags & SKLI_CSUM_PARTIAL))
		return;
	h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	h->csum_start = off->csum_start;
	h->csum_offset = off->csum_offset;
	if (!off->gso_size)
		return;
	h->gso_type = off->gso_type;
	h->gso_size = off->gso_size;
	/* Only a hint of how much to keep contiguous: headers of TCP. */
	h->hdr_len = off->csum_start + 20;
}

static int tap_send(struct skli_netif *nif, const struct skli_frame *f)
{
	struct tap *tap = nif->data;
	struct {
		struct virtio_net_hdr h;
		uint8_t more[16]; /* the kernel may ask for a longer header */
	} header;
	struct iovec iov[SKLI_FRAME_IOV + 1];
	const struct iovec *out = f->iov;
	int count = f->iovcnt;

	if (tap->header) {
		header_make(&header.h, &f->off);
		memset(header.more, 0, sizeof(header.more));
		iov[0] = (struct iovec){&header, tap->header};
		memcpy(iov + 1, f->iov, (size_t)count * sizeof(iov[0]));
		out = iov;
		count++;
	}
	if (writev(nif->fd, out, count) >= 0)
		return 0;
	/* EIO: the interface is down; it may come up again. */
	if (errno == EBADFD || errno == EBADF || errno == ENODEV)
		return ENODEV;
	return EAGAIN;
}

/* ---- In ---------------------------------------------------------------- */

static void large_free(struct pbuf *p)
{
	struct large *large = (struct large *)p;
	struct tap *tap = large->tap;

	if (tap && tap->pooled < POOL_MAX) {
		large->next = tap->pool;
		tap->pool = large;
		tap->pooled++;
	} else {
		skli_door_free(large);
	}
}

static struct large *large_take(struct tap *tap)
{
	struct large *large = tap->pool;

	if (large) {
		tap->pool = large->next;
		tap->pooled--;
		return large;
	}
	large = skli_arena_alloc(&tap->nif->stack->arena, sizeof(*large));
	if (large) {
		large->tap = tap;
		large->pbuf.custom_free_function = large_free;
	}
	return large;
}

static bool buffers_fill(struct tap *tap)
{
	if (!tap->small)
		tap->small = pbuf_alloc(PBUF_RAW, SMALL_SIZE, PBUF_RAM);
	if (!tap->large)
		tap->large = large_take(tap);
	return tap->small && tap->large;
}

static struct pbuf *copy_out(const void *data, size_t len)
{
	struct pbuf *p = pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_RAM);

	if (p)
		memcpy(p->payload, data, len);
	return p;
}

/* What came past the small buffer, len bytes of it. */
static struct pbuf *rest_take(struct tap *tap, size_t len)
{
	struct large *large = tap->large;

	if (len <= COPY_LARGE)
		return copy_out(large->data, len);
	tap->large = NULL;
	return pbuf_alloced_custom(PBUF_RAW, (u16_t)len, PBUF_REF, &large->pbuf,
				   large->data, LARGE_SIZE);
}

/* The frame of len bytes that lies in the buffers, or NULL (no memory). */
static struct pbuf *frame_take(struct tap *tap, size_t len)
{
	struct pbuf *p, *rest;

	if (len <= COPY_SMALL)
		return copy_out(tap->small->payload, len);
	if (len <= SMALL_SIZE) {
		p = tap->small;
		tap->small = NULL;
		pbuf_realloc(p, (u16_t)len);
		return p;
	}
	rest = rest_take(tap, len - SMALL_SIZE);
	if (!rest)
		return NULL;
	p = tap->small;
	tap->small = NULL;
	pbuf_cat(p, rest);
	return p;
}

static void header_read(struct skli_offload *off,
			const struct virtio_net_hdr *h)
{
	if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		off->flags = SKLI_CSUM_PARTIAL;
		off->csum_start = h->csum_start;
		off->csum_offset = h->csum_offset;
	} else if (h->flags & VIRTIO_NET_HDR_F_DATA_VALID) {
		off->flags = SKLI_CSUM_VALID;
	}
	switch (h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
	case VIRTIO_NET_HDR_GSO_TCPV6:
		off->gso_type = h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;
		off->gso_size = h->gso_size;
		break;
	default: break;
	}
}

/* Reads one frame: its length, 0 when there is none, -1: the device is gone. */
static ssize_t frame_read(struct tap *tap, void *h)
{
	struct iovec iov[3] = {
		{h, tap->header},
		{tap->small->payload, SMALL_SIZE},
		{tap->large->data, LARGE_SIZE - SMALL_SIZE},
	};
	ssize_t n;

	n = readv(tap->nif->fd, tap->header ? iov : iov + 1,
		  tap->header ? 3 : 2);
	if (n >= 0)
		return n - (ssize_t)tap->header;
	/* EIO: read while being unregistered, or the interface is down. */
	return errno == EAGAIN || errno == EINTR || errno == EIO ? 0 : -1;
}

static int tap_receive(struct skli_netif *nif, unsigned budget)
{
	struct tap *tap = nif->data;
	union {
		struct virtio_net_hdr h;
		uint8_t room[32];
	} header;
	unsigned count = 0;
	size_t bytes = 0;

	while (count < budget && bytes < SKLI_RECEIVE_BYTES &&
	       buffers_fill(tap)) {
		struct pbuf *p;
		ssize_t len = frame_read(tap, &header);

		if (len < 0)
			return -1;
		if (len == 0)
			break;
		count++;
		bytes += (size_t)len;
		p = frame_take(tap, (size_t)len);
		if (!p) {
			nif->counters.rx_dropped++;
			continue;
		}
		if (tap->header)
			header_read(&p->off, &header.h);
		skli_netif_input(nif, p);
	}
	return (int)count;
}

/* ---- Opening ----------------------------------------------------------- */

static int offloads_set(struct skli_netif *nif)
{
	unsigned flags = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;

	if (nif->offload && ioctl(nif->fd, TUNSETOFFLOAD, flags) == 0)
		return 0;
	nif->offload = false;
	/* A descriptor that we inherited may have them on. */
	ioctl(nif->fd, TUNSETOFFLOAD, 0);
	return 0;
}

/* Takes over an open descriptor of a TAP, whatever its flags. */
static int tap_adopt(struct skli_netif *nif, int fd)
{
	struct tap *tap = nif->data;
	struct ifreq ifr = {0};
	int size = sizeof(struct virtio_net_hdr);
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || ioctl(fd, TUNGETIFF, &ifr))
		return skli_fail_text(flags < 0 ? EBADF : EINVAL,
				      "descriptor %d is not a TAP device: "
				      "open /dev/net/tun and TUNSETIFF first",
				      fd);
	if (!(ifr.ifr_flags & IFF_TAP))
		return skli_fail_text(EINVAL,
				      "descriptor %d is a TUN device: it needs "
				      "to be made with IFF_TAP",
				      fd);
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	nif->fd = fd;
	if (ifr.ifr_flags & IFF_VNET_HDR) {
		ioctl(fd, TUNSETVNETHDRSZ, &size);
		ioctl(fd, TUNGETVNETHDRSZ, &size);
		tap->header = (size_t)size;
	}
	if (!tap->header)
		nif->offload = false;
	snprintf(nif->name, sizeof(nif->name), "%s", ifr.ifr_name);
	return offloads_set(nif);
}

static int tap_refused(const char *name, int error)
{
	if (error == EBUSY)
		return skli_fail_text(error,
				      "TAP %s is in use by another process; "
				      "choose another name",
				      name);
	if (error == EPERM || error == EACCES)
		return skli_fail_text(
			EPERM,
			"TAP %s: no permission (CAP_NET_ADMIN); an "
			"administrator can allow it: ip tuntap add dev %s mode "
			"tap vnet_hdr user $USER",
			name, name);
	return skli_fail_text(error, "TAP %s: %s", name, strerror(error));
}

static int tun_open(void)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ENXIO || errno == ENODEV)
		return skli_fail_text(
			ENODEV, "/dev/net/tun is missing: an "
				"administrator can load it: modprobe tun");
	if (errno == EACCES || errno == EPERM)
		return skli_fail_text(EPERM,
				      "/dev/net/tun: no permission; an "
				      "administrator can allow it: chmod 666 "
				      "/dev/net/tun");
	return skli_fail_text(errno, "/dev/net/tun: %s", strerror(errno));
}

/* Attaches to the named device, with the virtio header if it can be had. */
static int tap_attach(int fd, const char *name)
{
	static const short tries[] = {IFF_TAP | IFF_NO_PI | IFF_VNET_HDR,
				      IFF_TAP | IFF_NO_PI};
	struct ifreq ifr;

	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		memset(&ifr, 0, sizeof(ifr));
		snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
		ifr.ifr_flags = tries[i];
		if (ioctl(fd, TUNSETIFF, &ifr) == 0)
			return 0;
		/* A persistent device insists on its own flags: EINVAL. */
		if (errno != EINVAL)
			break;
	}
	return errno;
}

static int tap_open_name(struct skli_netif *nif, const char *name)
{
	int error, fd;

	if (!*name || strlen(name) >= IFNAMSIZ || strchr(name, '/'))
		return skli_fail_text(EINVAL,
				      "'tap:%s': a name of 1 to 15 characters "
				      "is needed",
				      name);
	fd = tun_open();
	if (fd < 0)
		return -1;
	error = tap_attach(fd, name);
	if (error) {
		close(fd);
		return tap_refused(name, error);
	}
	if (tap_adopt(nif, fd)) {
		close(fd);
		return -1;
	}
	return 0;
}

static int tap_open_fd(struct skli_netif *nif, const char *number)
{
	char *end;
	long fd = strtol(number, &end, 10);

	if (!*number || *end || fd < 0 || fd > 1 << 20)
		return skli_fail_text(
			EINVAL, "'tap:fd=%s': not a descriptor number", number);
	return tap_adopt(nif, (int)fd);
}

static int tap_open(struct skli_netif *nif, const char *argument)
{
	struct tap *tap =
		skli_arena_calloc(&nif->stack->arena, 1, sizeof(*tap));
	int result;

	if (!tap)
		return skli_fail(ENOMEM);
	tap->nif = nif;
	nif->data = tap;
	result = strncmp(argument, "fd=", 3) ? tap_open_name(nif, argument)
					     : tap_open_fd(nif, argument + 3);
	if (result)
		skli_arena_free(&nif->stack->arena, tap);
	return result;
}

static void tap_close(struct skli_netif *nif)
{
	struct tap *tap = nif->data;

	close(nif->fd);
	if (tap->small)
		pbuf_free(tap->small);
	skli_arena_free(&nif->stack->arena, tap->large);
	while (tap->pool) {
		struct large *large = tap->pool;

		tap->pool = large->next;
		skli_arena_free(&nif->stack->arena, large);
	}
	/* Buffers that sockets still hold outlive it, until the arena goes. */
	skli_arena_free(&nif->stack->arena, tap);
}

const struct skli_device skli_device_tap = {
	.name = "tap",
	.open = tap_open,
	.close = tap_close,
	.send = tap_send,
	.receive = tap_receive,
};
