/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pcapng writer.
 *
 * Blocks are put together in a buffer, byte by byte in little endian, and
 * leave in large writes; a packet's data is copied once, into the buffer. A
 * block's length is known before its first byte, so a limit is kept exactly:
 * the statistics that closing will add are counted as if already written.
 */
#include "stack/pcapng.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Numbers of draft-ietf-opsawg-pcapng. */
enum {
	BLOCK_INTERFACE = 1,
	BLOCK_STATISTICS = 5,
	BLOCK_PACKET = 6,
	BLOCK_SECTION = 0x0a0d0d0a,
	BYTE_ORDER_MAGIC = 0x1a2b3c4d,
	LINKTYPE_ETHERNET = 1,

	OPT_END = 0,
	OPT_COMMENT = 1,
	SHB_USERAPPL = 4,
	IF_NAME = 2,
	IF_TSRESOL = 9,
	EPB_FLAGS = 2,
	ISB_IFRECV = 4,
	ISB_IFDROP = 5,
};

enum {
	BUFFER_LEN = 256 * 1024,
	FRAME_LEN = 12, /* of any block: type and two lengths */
	STATISTICS_LEN = FRAME_LEN + 4 + 8 + 12 + 12 + 4,
	NAME_MAX_LEN = 255,
	COMMENT_MAX_LEN = 65535, /* what an option's length can say */
};

struct counter {
	uint32_t snaplen;
	uint64_t received, dropped;
};

/* How to write without raising SIGPIPE. */
enum outlet {
	OUTLET_FILE,
	OUTLET_PIPE,
	OUTLET_SOCKET
};

struct skli_pcapng {
	int fd;
	int err; /* of the first write that failed */
	enum outlet outlet;
	bool over_limit;
	uint64_t limit;
	uint64_t size; /* of the file when the buffer is written out */
	uint64_t newest_ns;
	uint64_t dropped;
	struct counter *counters; /* of each interface */
	int interfaces;
	size_t used;
	uint8_t buffer[BUFFER_LEN];
};

static size_t pad4(size_t len)
{
	return (len + 3) & ~(size_t)3;
}

/*
 * write() to a pipe without a reader raises SIGPIPE, and has no flag against
 * it: the signal is blocked, taken off again, and only the error remains.
 */
static ssize_t write_pipe(int fd, const void *data, size_t len)
{
	const struct timespec at_once = {0, 0};
	sigset_t pipe_set, old, pending;
	ssize_t n;
	int err;

	sigemptyset(&pipe_set);
	sigaddset(&pipe_set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_set, &old);
	sigpending(&pending);
	n = write(fd, data, len);
	err = errno;
	if (n < 0 && err == EPIPE && !sigismember(&pending, SIGPIPE))
		while (sigtimedwait(&pipe_set, NULL, &at_once) < 0 &&
		       errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = err;
	return n;
}

static ssize_t write_some(struct skli_pcapng *w, const void *data, size_t len)
{
	switch (w->outlet) {
	case OUTLET_SOCKET: return send(w->fd, data, len, MSG_NOSIGNAL);
	case OUTLET_PIPE: return write_pipe(w->fd, data, len);
	case OUTLET_FILE: break;
	}
	return write(w->fd, data, len);
}

/* Writes the buffer out; after an error it is only emptied. */
static void drain(struct skli_pcapng *w)
{
	struct pollfd writable = {w->fd, POLLOUT, 0};
	size_t done = 0;

	while (done < w->used && !w->err) {
		ssize_t n = write_some(w, w->buffer + done, w->used - done);

		if (n > 0)
			done += (size_t)n;
		else if (n == 0)
			w->err = EIO;
		else if (errno == EAGAIN)
			poll(&writable, 1, -1);
		else if (errno != EINTR)
			w->err = errno;
	}
	w->used = 0;
}

static int result(const struct skli_pcapng *w)
{
	if (!w->err)
		return 0;
	errno = w->err;
	return -1;
}

static void put(struct skli_pcapng *w, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len) {
		size_t n = BUFFER_LEN - w->used;

		n = n < len ? n : len;
		memcpy(w->buffer + w->used, p, n);
		w->used += n;
		p += n;
		len -= n;
		if (w->used == BUFFER_LEN)
			drain(w);
	}
}

static void put16(struct skli_pcapng *w, uint32_t value)
{
	uint8_t bytes[] = {(uint8_t)value, (uint8_t)(value >> 8)};

	put(w, bytes, sizeof bytes);
}

static void put32(struct skli_pcapng *w, uint32_t value)
{
	put16(w, value & 0xffff);
	put16(w, value >> 16);
}

static void put64(struct skli_pcapng *w, uint64_t value)
{
	put32(w, (uint32_t)value);
	put32(w, (uint32_t)(value >> 32));
}

/* A time has its upper half first, whatever the byte order. */
static void put_time(struct skli_pcapng *w, uint64_t ns)
{
	put32(w, (uint32_t)(ns >> 32));
	put32(w, (uint32_t)ns);
}

static void put_padding(struct skli_pcapng *w, size_t len)
{
	put(w, "\0\0\0", pad4(len) - len);
}

static void put_option(struct skli_pcapng *w, uint32_t code, const void *data,
		       size_t len)
{
	put16(w, code);
	put16(w, (uint32_t)len);
	put(w, data, len);
	put_padding(w, len);
}

static size_t option_len(size_t len)
{
	return 4 + pad4(len);
}

static void begin_block(struct skli_pcapng *w, uint32_t type, size_t len)
{
	w->size += len;
	put32(w, type);
	put32(w, (uint32_t)len);
}

static void put_section(struct skli_pcapng *w)
{
	static const char app[] = "sockling";
	size_t len = FRAME_LEN + 16 + option_len(sizeof app - 1) + 4;

	begin_block(w, BLOCK_SECTION, len);
	put32(w, BYTE_ORDER_MAGIC);
	put16(w, 1);
	put16(w, 0);
	put64(w, UINT64_MAX); /* section length: not said */
	put_option(w, SHB_USERAPPL, app, sizeof app - 1);
	put32(w, OPT_END);
	put32(w, (uint32_t)len);
}

static enum outlet outlet_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode))
		return OUTLET_SOCKET;
	if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))
		return OUTLET_PIPE;
	return OUTLET_FILE;
}

struct skli_pcapng *skli_pcapng_open_fd(int fd)
{
	struct skli_pcapng *w = malloc(sizeof *w);

	if (!w)
		return NULL;
	memset(w, 0, offsetof(struct skli_pcapng, buffer));
	w->fd = fd;
	w->outlet = outlet_of(fd);
	put_section(w);
	return w;
}

struct skli_pcapng *skli_pcapng_open(const char *path, int *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	struct skli_pcapng *w = fd < 0 ? NULL : skli_pcapng_open_fd(fd);
	int why = errno;

	if (w)
		return w;
	if (fd >= 0)
		close(fd);
	if (err)
		*err = why;
	errno = why;
	return NULL;
}

void skli_pcapng_limit(struct skli_pcapng *w, uint64_t bytes)
{
	if (bytes == 0 || (w->limit && bytes > w->limit))
		w->over_limit = false;
	w->limit = bytes;
}

static struct counter *add_counter(struct skli_pcapng *w)
{
	size_t n = (size_t)w->interfaces + 1;
	struct counter *counters = realloc(w->counters, n * sizeof *counters);

	if (!counters)
		return NULL;
	w->counters = counters;
	w->interfaces++;
	memset(&counters[n - 1], 0, sizeof *counters);
	return &counters[n - 1];
}

int skli_pcapng_interface(struct skli_pcapng *w, const char *name,
			  uint32_t snaplen)
{
	static const uint8_t nanoseconds = 9; /* 10^-9 */
	size_t name_len = strnlen(name, NAME_MAX_LEN);
	size_t len = FRAME_LEN + 8 + option_len(name_len) + option_len(1) + 4;
	struct counter *counter = add_counter(w);

	if (!counter)
		return -1;
	counter->snaplen = snaplen;
	begin_block(w, BLOCK_INTERFACE, len);
	put16(w, LINKTYPE_ETHERNET);
	put16(w, 0);
	put32(w, snaplen);
	put_option(w, IF_NAME, name, name_len);
	put_option(w, IF_TSRESOL, &nanoseconds, 1);
	put32(w, OPT_END);
	put32(w, (uint32_t)len);
	return result(w) ? -1 : w->interfaces - 1;
}

static size_t captured_len(const struct counter *counter,
			   const struct iovec *iov, int iovcnt, size_t len,
			   size_t snaplen)
{
	size_t have = 0;

	if (snaplen == 0)
		snaplen = counter->snaplen;
	if (snaplen && snaplen < len)
		len = snaplen;
	for (int i = 0; i < iovcnt && have < len; i++)
		have += iov[i].iov_len;
	return have < len ? have : len;
}

/* Once a packet did not fit none does: what is kept has no holes. */
static bool within_limit(struct skli_pcapng *w, size_t len)
{
	uint64_t statistics = (uint64_t)w->interfaces * STATISTICS_LEN;

	if (w->limit && w->size + statistics + len > w->limit)
		w->over_limit = true;
	return !w->over_limit;
}

static void put_data(struct skli_pcapng *w, const struct iovec *iov, size_t len)
{
	size_t left = len;

	for (; left; iov++) {
		size_t n = iov->iov_len < left ? iov->iov_len : left;

		put(w, iov->iov_base, n);
		left -= n;
	}
	put_padding(w, len);
}

static void put_packet_options(struct skli_pcapng *w, uint32_t direction,
			       const char *comment, size_t comment_len)
{
	if (comment)
		put_option(w, OPT_COMMENT, comment, comment_len);
	if (direction) {
		put16(w, EPB_FLAGS);
		put16(w, 4);
		put32(w, direction);
	}
	if (comment || direction)
		put32(w, OPT_END);
}

static size_t packet_options_len(int direction, const char *comment,
				 size_t comment_len)
{
	size_t len = 0;

	if (comment)
		len += option_len(comment_len);
	if (direction)
		len += option_len(4);
	return len ? len + 4 : 0;
}

int skli_pcapng_packet(struct skli_pcapng *w, int interface, uint64_t ns,
		       const struct iovec *iov, int iovcnt, size_t len,
		       size_t snaplen, int direction, const char *comment)
{
	size_t comment_len = comment ? strnlen(comment, COMMENT_MAX_LEN) : 0;
	size_t captured, block;
	struct counter *counter;

	if (interface < 0 || interface >= w->interfaces || len > UINT32_MAX ||
	    direction < SKLI_PCAPNG_UNKNOWN ||
	    direction > SKLI_PCAPNG_OUTBOUND) {
		errno = EINVAL;
		return -1;
	}
	counter = &w->counters[interface];
	w->newest_ns = ns > w->newest_ns ? ns : w->newest_ns;
	captured = captured_len(counter, iov, iovcnt, len, snaplen);
	block = FRAME_LEN + 20 + pad4(captured) +
		packet_options_len(direction, comment, comment_len);
	if (!within_limit(w, block)) {
		skli_pcapng_drop(w, interface, 1);
		return result(w);
	}
	counter->received++;
	begin_block(w, BLOCK_PACKET, block);
	put32(w, (uint32_t)interface);
	put_time(w, ns);
	put32(w, (uint32_t)captured);
	put32(w, (uint32_t)len);
	put_data(w, iov, captured);
	put_packet_options(w, (uint32_t)direction, comment, comment_len);
	put32(w, (uint32_t)block);
	return result(w);
}

bool skli_pcapng_full(const struct skli_pcapng *w)
{
	return w->over_limit || w->err;
}

void skli_pcapng_drop(struct skli_pcapng *w, int interface, uint64_t packets)
{
	w->counters[interface].received += packets;
	w->counters[interface].dropped += packets;
	w->dropped += packets;
}

uint64_t skli_pcapng_dropped(const struct skli_pcapng *w)
{
	return w->dropped;
}

int skli_pcapng_flush(struct skli_pcapng *w)
{
	drain(w);
	return result(w);
}

static void put_count(struct skli_pcapng *w, uint32_t code, uint64_t count)
{
	put16(w, code);
	put16(w, 8);
	put64(w, count);
}

static void put_statistics(struct skli_pcapng *w, int interface)
{
	begin_block(w, BLOCK_STATISTICS, STATISTICS_LEN);
	put32(w, (uint32_t)interface);
	put_time(w, w->newest_ns);
	put_count(w, ISB_IFRECV, w->counters[interface].received);
	put_count(w, ISB_IFDROP, w->counters[interface].dropped);
	put32(w, OPT_END);
	put32(w, STATISTICS_LEN);
}

int skli_pcapng_close(struct skli_pcapng *w)
{
	int err;

	if (!w)
		return 0;
	for (int i = 0; i < w->interfaces; i++)
		put_statistics(w, i);
	drain(w);
	err = w->err;
	/* EINTR: Linux has closed it all the same (close(2)). */
	if (close(w->fd) && errno != EINTR && !err)
		err = errno;
	free(w->counters);
	free(w);
	if (!err)
		return 0;
	errno = err;
	return -1;
}
