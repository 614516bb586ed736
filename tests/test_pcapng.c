/* SPDX-License-Identifier: BSD-3-Clause */
/* The pcapng writer: its bytes, its limit, its errors, and what tshark says. */
#include "stack/pcapng.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/packet.h"
#include "tests/suite.h"

static struct skli_pcapng *open_memory(int *fd)
{
	struct skli_pcapng *w;

	*fd = memfd_create("pcapng", MFD_CLOEXEC);
	CU_ASSERT_FATAL(*fd >= 0);
	w = skli_pcapng_open_fd(fcntl(*fd, F_DUPFD_CLOEXEC, 0));
	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	return w;
}

/* The file so far; the caller frees it. */
static uint8_t *contents(int fd, size_t *len)
{
	struct stat st;
	uint8_t *bytes;

	CU_ASSERT_FATAL(fstat(fd, &st) == 0);
	*len = (size_t)st.st_size;
	bytes = malloc(*len + 1);
	CU_ASSERT_EQUAL_FATAL(pread(fd, bytes, *len, 0), st.st_size);
	return bytes;
}

static void check_contents(int fd, const void *want, size_t n)
{
	size_t len;
	uint8_t *got = contents(fd, &len);

	CU_ASSERT_EQUAL(len, n);
	CU_ASSERT_TRUE(len == n && !memcmp(got, want, n));
	free(got);
	close(fd);
}

static int put(struct skli_pcapng *w, const void *bytes, size_t len)
{
	struct iovec iov = {(void *)(uintptr_t)bytes, len};

	return skli_pcapng_packet(w, 0, 0, &iov, 1, len, 0, SKLI_PCAPNG_UNKNOWN,
				  NULL);
}

#define SECTION                                                 \
 "\x0a\x0d\x0d\x0a\x2c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0"         \
 "\xff\xff\xff\xff\xff\xff\xff\xff\x04\0\x08\0sockling\0\0\0\0" \
 "\x2c\0\0\0"
#define INTERFACE                           \
 "\x01\0\0\0\x28\0\0\0\x01\0\0\0\x80\0\0\0" \
 "\x02\0\x04\0tap0\x09\0\x01\0\x09\0\0\0\0\0\0\0\x28\0\0\0"

static void test_headers(void)
{
	static const char want[] = SECTION INTERFACE
		"\x05\0\0\0\x34\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
		"\x04\0\x08\0\0\0\0\0\0\0\0\0\x05\0\x08\0\0\0\0\0\0\0\0\0"
		"\0\0\0\0\x34\0\0\0";
	int fd;
	struct skli_pcapng *w = open_memory(&fd);

	CU_ASSERT_EQUAL(skli_pcapng_interface(w, "tap0", 128), 0);
	CU_ASSERT_EQUAL(skli_pcapng_close(w), 0);
	check_contents(fd, want, sizeof want - 1);
}

static void test_packet(void)
{
	static const char want[] = SECTION INTERFACE
		"\x06\0\0\0\x44\0\0\0\0\0\0\0\x1c\x97\xef\x18\x15\x81\x2d\x32"
		"\x05\0\0\0\x39\x30\0\0hello\0\0\0"
		"\x01\0\x0b\0a packet of\0\x02\0\x04\0\x02\0\0\0\0\0\0\0"
		"\x44\0\0\0"
		"\x06\0\0\0\x24\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0"
		"\x03\0\0\0\x03\0\0\0abc\0\x24\0\0\0";
	struct iovec iov[4] = {{(void *)(uintptr_t) "he", 2},
			       {NULL, 0},
			       {(void *)(uintptr_t) "ll", 2},
			       {(void *)(uintptr_t) "o", 1}};
	struct iovec abc = {(void *)(uintptr_t) "abcdef", 6};
	int fd;
	struct skli_pcapng *w = open_memory(&fd);

	CU_ASSERT_EQUAL(skli_pcapng_interface(w, "tap0", 128), 0);
	CU_ASSERT_EQUAL(skli_pcapng_packet(w, 0, 0x18ef971c322d8115, iov, 4,
					   12345, 0, SKLI_PCAPNG_OUTBOUND,
					   "a packet of"),
			0);
	CU_ASSERT_EQUAL(skli_pcapng_packet(w, 0, 1, &abc, 1, 3, 0,
					   SKLI_PCAPNG_UNKNOWN, NULL),
			0);
	CU_ASSERT_EQUAL(skli_pcapng_flush(w), 0);
	check_contents(fd, want, sizeof want - 1);
	CU_ASSERT_EQUAL(skli_pcapng_close(w), 0);
}

static void test_options(void)
{
	static const char want[] = SECTION INTERFACE
		"\x06\0\0\0\x30\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
		"\x01\0\0\0\x01\0\0\0x\0\0\0\x02\0\x04\0\x01\0\0\0\0\0\0\0"
		"\x30\0\0\0"
		"\x06\0\0\0\x2c\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
		"\x01\0\0\0\x01\0\0\0x\0\0\0\x01\0\0\0\0\0\0\0\x2c\0\0\0";
	struct iovec x = {(void *)(uintptr_t) "x", 1};
	int fd;
	struct skli_pcapng *w = open_memory(&fd);

	CU_ASSERT_EQUAL(skli_pcapng_interface(w, "tap0", 128), 0);
	CU_ASSERT_EQUAL(skli_pcapng_packet(w, 0, 0, &x, 1, 1, 0,
					   SKLI_PCAPNG_INBOUND, NULL),
			0);
	CU_ASSERT_EQUAL(skli_pcapng_packet(w, 0, 0, &x, 1, 1, 0,
					   SKLI_PCAPNG_UNKNOWN, ""),
			0);
	CU_ASSERT_EQUAL(skli_pcapng_flush(w), 0);
	check_contents(fd, want, sizeof want - 1);
	CU_ASSERT_EQUAL(skli_pcapng_close(w), 0);
}

static uint32_t get32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

/* Walks the blocks; returns the AT-th one of TYPE, or NULL. */
static const uint8_t *find_block(const uint8_t *file, size_t len, uint32_t type,
				 int at)
{
	size_t pos = 0;

	while (pos + 12 <= len) {
		uint32_t n = get32(file + pos + 4);

		CU_ASSERT_FATAL(n >= 12 && n % 4 == 0 && n <= len - pos);
		CU_ASSERT_EQUAL(get32(file + pos + n - 4), n);
		if (get32(file + pos) == type && at-- == 0)
			return file + pos;
		pos += n;
	}
	CU_ASSERT_EQUAL(pos, len);
	return NULL;
}

static uint32_t captured(int iface_snaplen, size_t len, size_t snaplen)
{
	static const uint8_t zeros[65536];
	struct iovec iov = {(void *)(uintptr_t)zeros, sizeof zeros};
	const uint8_t *block;
	uint8_t *file;
	uint32_t n;
	int fd;
	struct skli_pcapng *w = open_memory(&fd);

	skli_pcapng_interface(w, "i", (uint32_t)iface_snaplen);
	skli_pcapng_packet(w, 0, 0, &iov, 1, len, snaplen, 0, NULL);
	CU_ASSERT_EQUAL(skli_pcapng_close(w), 0);
	file = contents(fd, &len);
	block = find_block(file, len, 6, 0);
	n = block ? get32(block + 20) : UINT32_MAX;
	free(file);
	close(fd);
	return n;
}

static void test_snaplen(void)
{
	CU_ASSERT_EQUAL(captured(0, 1000, 0), 1000);
	CU_ASSERT_EQUAL(captured(128, 1000, 0), 128);
	CU_ASSERT_EQUAL(captured(128, 1000, 500), 500);
	CU_ASSERT_EQUAL(captured(128, 1000, 5000), 1000);
	CU_ASSERT_EQUAL(captured(128, 99, 0), 99);
	CU_ASSERT_EQUAL(captured(0, 70000, 0), 65536);
	CU_ASSERT_EQUAL(captured(0, 0, 0), 0);
}

static void test_cut(void)
{
	char *text = malloc(70001);
	const uint8_t *block;
	struct iovec none = {NULL, 0};
	uint8_t *file;
	size_t len;
	int fd;
	struct skli_pcapng *w = open_memory(&fd);

	memset(text, 'c', 70000);
	text[70000] = 0;
	CU_ASSERT_EQUAL(skli_pcapng_interface(w, text, 0), 0);
	skli_pcapng_packet(w, 0, 0, &none, 1, 0, 0, 0, text);
	CU_ASSERT_EQUAL(skli_pcapng_close(w), 0);
	file = contents(fd, &len);
	block = find_block(file, len, 1, 0);
	CU_ASSERT_TRUE(block && block[18] == 255 && block[19] == 0);
	block = find_block(file, len, 6, 0);
	CU_ASSERT_TRUE(block && block[30] == 0xff && block[31] == 0xff);
	free(file);
	free(text);
	close(fd);
}

/* Two interfaces, the limit at each length: never passed, nothing lost. */
static void try_limit(uint64_t limit, uint64_t *kept)
{
	struct iovec iov = {(void *)(uintptr_t) "0123456789", 10};
	const uint8_t *block[2];
	uint8_t *file;
	size_t len;
	int fd;
	struct skli_pcapng *w = open_memory(&fd);

	skli_pcapng_limit(w, limit);
	skli_pcapng_interface(w, "a", 0);
	skli_pcapng_interface(w, "b", 0);
	for (int i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(skli_pcapng_packet(w, i % 2, 5, &iov, 1, 10, 0,
						   1, NULL),
				0);
	*kept = 10 - skli_pcapng_dropped(w);
	CU_ASSERT_EQUAL(skli_pcapng_full(w), *kept < 10);
	CU_ASSERT_EQUAL(skli_pcapng_close(w), 0);
	file = contents(fd, &len);
	CU_ASSERT_TRUE(len <= limit);
	block[0] = find_block(file, len, 5, 0);
	block[1] = find_block(file, len, 5, 1);
	CU_ASSERT_FATAL(block[0] && block[1]);
	CU_ASSERT_PTR_NULL(find_block(file, len, 5, 2));
	CU_ASSERT_PTR_NULL(find_block(file, len, 6, (int)*kept));
	CU_ASSERT_TRUE(*kept == 0 || find_block(file, len, 6, (int)*kept - 1));
	CU_ASSERT_EQUAL(get32(block[0] + 24), 5);
	CU_ASSERT_EQUAL(get32(block[1] + 24), 5);
	CU_ASSERT_EQUAL(get32(block[0] + 36) + get32(block[1] + 36),
			10 - *kept);
	free(file);
	close(fd);
}

static void test_limit(void)
{
	enum {
		HEADERS = 44 + 2 * 40,
		STATISTICS = 2 * 52,
		PACKET = 56
	};
	uint64_t kept;

	for (unsigned limit = HEADERS + STATISTICS;
	     limit < HEADERS + STATISTICS + 11 * PACKET; limit += 4) {
		unsigned room = (limit - HEADERS - STATISTICS) / PACKET;

		try_limit(limit, &kept);
		CU_ASSERT_EQUAL(kept, room < 10 ? room : 10);
	}
}

/* A small packet after one that did not fit: dropped too. */
static void test_limit_leaves_no_hole(void)
{
	static const uint8_t zeros[2000];
	int fd;
	struct skli_pcapng *w = open_memory(&fd);

	skli_pcapng_limit(w, 1000);
	skli_pcapng_interface(w, "a", 0);
	CU_ASSERT_EQUAL(put(w, zeros, 10), 0);
	CU_ASSERT_FALSE(skli_pcapng_full(w));
	CU_ASSERT_EQUAL(put(w, zeros, 2000), 0);
	CU_ASSERT_TRUE(skli_pcapng_full(w));
	CU_ASSERT_EQUAL(put(w, zeros, 10), 0);
	CU_ASSERT_EQUAL(skli_pcapng_dropped(w), 2);
	skli_pcapng_drop(w, 0, 40);
	CU_ASSERT_EQUAL(skli_pcapng_dropped(w), 42);
	CU_ASSERT_EQUAL(skli_pcapng_close(w), 0);
	close(fd);
}

static void test_bad_arguments(void)
{
	struct iovec none = {NULL, 0};
	int fd, err = 0;
	struct skli_pcapng *w = open_memory(&fd);

	CU_ASSERT_EQUAL(put(w, "", 0), -1);
	CU_ASSERT_EQUAL(errno, EINVAL);
	skli_pcapng_interface(w, "a", 0);
	CU_ASSERT_EQUAL(skli_pcapng_packet(w, -1, 0, &none, 1, 0, 0, 0, NULL),
			-1);
	CU_ASSERT_EQUAL(skli_pcapng_packet(w, 1, 0, &none, 1, 0, 0, 0, NULL),
			-1);
	CU_ASSERT_EQUAL(skli_pcapng_packet(w, 0, 0, &none, 1, 0, 0, 3, NULL),
			-1);
	CU_ASSERT_EQUAL(skli_pcapng_close(w), 0);
	close(fd);
	CU_ASSERT_EQUAL(skli_pcapng_close(NULL), 0);
	CU_ASSERT_PTR_NULL(skli_pcapng_open("/nonexistent/file", &err));
	CU_ASSERT_EQUAL(err, ENOENT);
}

/* The first error stays, and later calls cost nothing. */
static void test_write_error(void)
{
	static const uint8_t zeros[65536];
	int err = 0, failed = 0;
	struct skli_pcapng *w = skli_pcapng_open("/dev/full", &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	skli_pcapng_interface(w, "a", 0);
	CU_ASSERT_EQUAL(put(w, zeros, 100), 0);
	errno = 0;
	CU_ASSERT_EQUAL(skli_pcapng_flush(w), -1);
	CU_ASSERT_EQUAL(errno, ENOSPC);
	for (int i = 0; i < 20; i++) {
		errno = 0;
		failed += put(w, zeros, sizeof zeros) == -1 && errno == ENOSPC;
	}
	CU_ASSERT_EQUAL(failed, 20);
	CU_ASSERT_TRUE(skli_pcapng_full(w));
	CU_ASSERT_EQUAL(skli_pcapng_interface(w, "b", 0), -1);
	CU_ASSERT_EQUAL(skli_pcapng_close(w), -1);
	CU_ASSERT_EQUAL(errno, ENOSPC);
}

static void check_reader_gone(int reader, int writer)
{
	struct skli_pcapng *w = skli_pcapng_open_fd(writer);
	sigset_t before, after, pending;

	close(reader);
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	errno = 0;
	CU_ASSERT_EQUAL(skli_pcapng_flush(w), -1);
	CU_ASSERT_EQUAL(errno, EPIPE);
	CU_ASSERT_EQUAL(skli_pcapng_close(w), -1);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	sigpending(&pending);
	CU_ASSERT_FALSE(sigismember(&pending, SIGPIPE));
	CU_ASSERT_EQUAL(sigismember(&before, SIGPIPE),
			sigismember(&after, SIGPIPE));
}

/* A reader that went away is an error and no SIGPIPE, which would kill us. */
static void test_no_sigpipe(void)
{
	int fd[2];

	signal(SIGPIPE, SIG_DFL);
	CU_ASSERT_EQUAL_FATAL(pipe2(fd, O_CLOEXEC), 0);
	check_reader_gone(fd[0], fd[1]);
	CU_ASSERT_EQUAL_FATAL(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	check_reader_gone(fd[0], fd[1]);
}

struct reader {
	int fd;
	size_t len;
	uint8_t *bytes;
};

static void *read_slowly(void *arg)
{
	struct reader *r = arg;
	ssize_t n;

	while ((n = read(r->fd, r->bytes + r->len, 1013)) > 0)
		r->len += (size_t)n;
	return NULL;
}

static void write_many(struct skli_pcapng *w)
{
	static uint8_t bytes[9000];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7);
	skli_pcapng_interface(w, "tap0", 0);
	for (size_t i = 0; i < 300; i++)
		CU_ASSERT_EQUAL(put(w, bytes, i * 30), 0);
	CU_ASSERT_EQUAL(skli_pcapng_close(w), 0);
}

/* Short writes and a full pipe, blocking or not: the same bytes as a file. */
static void check_pipe(int flags)
{
	struct reader r = {.bytes = malloc(3 << 20)};
	pthread_t thread;
	int fd[2], file;

	CU_ASSERT_EQUAL_FATAL(pipe2(fd, O_CLOEXEC), 0);
	CU_ASSERT_EQUAL(fcntl(fd[1], F_SETFL, flags), 0);
	r.fd = fd[0];
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, read_slowly, &r),
			      0);
	write_many(skli_pcapng_open_fd(fd[1]));
	pthread_join(thread, NULL);
	close(fd[0]);
	write_many(open_memory(&file));
	check_contents(file, r.bytes, r.len);
	CU_ASSERT_TRUE(r.len > 1 << 20);
	free(r.bytes);
}

static void test_pipe(void)
{
	check_pipe(0);
	check_pipe(O_NONBLOCK);
}

/* One packet of each kind, every other way with a comment. */
static void write_kinds(struct skli_pcapng *w)
{
	static const struct packet kinds[] = {
		{.version = 4,
		 .proto = IPPROTO_TCP,
		 .tcp_flags = ACK,
		 .payload = 100},
		{.version = 6,
		 .proto = IPPROTO_TCP,
		 .tags = 1,
		 .tcp_flags = ACK,
		 .payload = 1},
		{.version = 4, .proto = IPPROTO_UDP, .payload = 31},
		{.version = 6, .proto = IPPROTO_UDP, .options = 8},
	};
	static uint8_t bytes[PACKET_MAX];

	for (int i = 0; i < 4; i++) {
		size_t len = packet_build(bytes, &kinds[i]);
		struct iovec iov = {bytes, len};

		skli_pcapng_packet(w, i % 2, 1700000000123456789 + (uint64_t)i,
				   &iov, 1, len, 0, 1 + i % 2,
				   i % 2 ? "na\xc3\xafve" : NULL);
	}
}

/* tshark's lines on PATH; closed by the caller. NULL: it can't be run. */
static FILE *run_tshark(const char *path, pid_t *pid)
{
	static const char *const args[] = {"tshark",
					   "-r",
					   NULL,
					   "-o",
					   "ip.check_checksum:TRUE",
					   "-o",
					   "tcp.check_checksum:TRUE",
					   "-o",
					   "udp.check_checksum:TRUE",
					   "-T",
					   "fields",
					   "-E",
					   "separator=|",
					   "-e",
					   "frame.interface_name",
					   "-e",
					   "frame.len",
					   "-e",
					   "frame.time_epoch",
					   "-e",
					   "frame.comment",
					   "-e",
					   "ip.checksum.status",
					   "-e",
					   "tcp.checksum.status",
					   "-e",
					   "udp.checksum.status",
					   NULL};
	char *argv[sizeof args / sizeof *args];
	posix_spawn_file_actions_t actions;
	int fd[2], err;

	memcpy(argv, args, sizeof args);
	argv[2] = (char *)(uintptr_t)path;
	CU_ASSERT_EQUAL_FATAL(pipe2(fd, O_CLOEXEC), 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fd[1], 1);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	err = posix_spawnp(pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(fd[1]);
	if (!err)
		return fdopen(fd[0], "r");
	close(fd[0]);
	return NULL;
}

static void check_lines(FILE *out)
{
	/* A status of 1 is a good checksum. */
	static const char *const want[] = {
		"tap0|154|1700000000.123456789||1|1|\n",
		"lo|79|1700000000.123456790|na\xc3\xafve||1|\n",
		"tap0|73|1700000000.123456791||1||1\n",
		"lo|70|1700000000.123456792|na\xc3\xafve|||1\n",
	};
	char line[200];

	for (int i = 0; i < 4; i++) {
		CU_ASSERT_PTR_NOT_NULL_FATAL(fgets(line, sizeof line, out));
		CU_ASSERT_STRING_EQUAL(line, want[i]);
	}
	CU_ASSERT_PTR_NULL(fgets(line, sizeof line, out));
}

static void test_tshark(void)
{
	char path[] = "/tmp/sockling-pcapng-XXXXXX";
	struct skli_pcapng *w;
	int fd = mkostemp(path, O_CLOEXEC), status = -1;
	pid_t pid;
	FILE *out;

	CU_ASSERT_FATAL(fd >= 0);
	w = skli_pcapng_open_fd(fd);
	CU_ASSERT_EQUAL(skli_pcapng_interface(w, "tap0", 0), 0);
	CU_ASSERT_EQUAL(skli_pcapng_interface(w, "lo", 0), 1);
	write_kinds(w);
	CU_ASSERT_EQUAL(skli_pcapng_close(w), 0);
	out = run_tshark(path, &pid);
	if (out) {
		check_lines(out);
		fclose(out);
		CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
		CU_ASSERT_EQUAL(status, 0);
	} else {
		suite_skip("tshark is not installed");
	}
	unlink(path);
}

static const struct suite_case cases[] = {
	{"headers and statistics, byte for byte", test_headers},
	{"packets, byte for byte", test_packet},
	{"options, byte for byte", test_options},
	{"how much of a packet is kept", test_snaplen},
	{"long names and comments are cut", test_cut},
	{"the limit is kept to the byte", test_limit},
	{"the limit leaves no hole", test_limit_leaves_no_hole},
	{"bad arguments", test_bad_arguments},
	{"a write error is remembered", test_write_error},
	{"a reader that left raises no SIGPIPE", test_no_sigpipe},
	{"short writes", test_pipe},
	{"tshark reads it back", test_tshark},
};

SUITE_MAIN("pcapng", cases)
