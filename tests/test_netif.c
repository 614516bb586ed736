/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every network interface must pass, written once: each case runs on each
 * kind of link (tests/link.h).
 */
#include "tests/link.h"
#include "tests/suite.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* What nothing here should take; a wait that long is a failure. */
#define PATIENCE 20.0

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* ---- Sockets ----------------------------------------------------------- */

/* A socket that closes by RST: no TIME_WAIT is left to hold memory. */
static skl_sock *client(const struct link *l, int type, int i)
{
	struct linger now = {1, 0};
	skl_sock *s = skl_socket(i ? AF_INET6 : AF_INET, type, 0);

	if (!s)
		return NULL;
	skl_settimeout(s, PATIENCE);
	if (type == SOCK_STREAM)
		skl_setsockopt_buf(s, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	else
		skl_setsockopt(s, SOL_SOCKET, SO_RCVBUF, 1 << 20);
	if (skl_connect(s, type == SOCK_STREAM ? l->tcp[i] : l->udp[i])) {
		skl_close(s);
		return NULL;
	}
	return s;
}

/* Bytes in which a shift or a repetition shows. */
static const uint8_t *pattern(void)
{
	static uint8_t bytes[65521 + 65536];

	if (!bytes[1])
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)((i % 65521) * 2654435761U >> 24);
	return bytes;
}

static bool matches(const uint8_t *data, size_t len, size_t offset)
{
	return !memcmp(data, pattern() + offset % 65521, len);
}

/* Receives exactly len bytes of the pattern from offset on. */
static bool stream_check(skl_sock *s, size_t offset, size_t len)
{
	static __thread uint8_t buf[65536];

	while (len) {
		size_t want = len < sizeof(buf) ? len : sizeof(buf);
		ssize_t n = skl_recv(s, buf, want, 0);

		if (n <= 0 || !matches(buf, (size_t)n, offset))
			return false;
		offset += (size_t)n;
		len -= (size_t)n;
	}
	return true;
}

/* Sends a datagram of the pattern and expects it back. */
static bool datagram_echo(skl_sock *s, size_t len)
{
	static uint8_t buf[65536];

	if (skl_send(s, pattern(), len, 0) != (ssize_t)len)
		return false;
	return skl_recv(s, buf, sizeof(buf), 0) == (ssize_t)len &&
	       matches(buf, len, 0);
}

struct sending {
	skl_sock *sock;
	size_t len;
	int result;
};

static void *sending_run(void *arg)
{
	struct sending *sending = arg;

	for (size_t at = 0; at < sending->len && !sending->result;) {
		size_t n = sending->len - at;

		if (n > 60000)
			n = 60000;
		sending->result = skl_sendall(sending->sock,
					      pattern() + at % 65521, n, 0);
		at += n;
	}
	return NULL;
}

/* len bytes to the echo and back, both ways at once. */
static void bulk_echo(const struct link *l, int i, size_t len)
{
	struct sending sending = {client(l, SOCK_STREAM, i), len, 0};
	pthread_t thread;

	CU_ASSERT_PTR_NOT_NULL_FATAL(sending.sock);
	pattern();
	pthread_create(&thread, NULL, sending_run, &sending);
	CU_ASSERT_TRUE(stream_check(sending.sock, 0, len));
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(sending.result, 0);
	skl_close(sending.sock);
}

/* ---- Conformance: each device ------------------------------------------ */

static void tcp_echo(struct link *l)
{
	static const size_t sizes[] = {1, 2, 100, 1460, 1461, 5000, 70000};

	for (int i = 0; i < 2; i++) {
		skl_sock *s = l->has_tcp[i] ? client(l, SOCK_STREAM, i) : NULL;

		if (!l->has_tcp[i])
			continue;
		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		for (size_t n = 0; n < COUNT(sizes); n++) {
			struct sending sending = {s, sizes[n], 0};

			sending_run(&sending);
			CU_ASSERT_EQUAL(sending.result, 0);
			CU_ASSERT_TRUE(stream_check(s, 0, sizes[n]));
		}
		skl_close(s);
	}
}

/* Datagrams of each length from first to last, there and back. */
static void datagrams_echo(const struct link *l, int i, size_t first,
			   size_t last)
{
	skl_sock *s = l->has_udp[i] ? client(l, SOCK_DGRAM, i) : NULL;

	if (!l->has_udp[i])
		return;
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	for (size_t len = first; len <= last; len++)
		CU_ASSERT_TRUE(datagram_echo(s, len));
	skl_close(s);
}

/* From the shortest frame (padded by whoever must) to a full one. */
static void udp_echo(struct link *l)
{
	for (int i = 0; i < 2; i++) {
		size_t full = 1500 - (i ? 48 : 28);

		datagrams_echo(l, i, 0, 64);
		datagrams_echo(l, i, full - 3, full);
	}
}

/* The longest frames that the link can have. */
static void full_frames(struct link *l)
{
	CU_ASSERT_EQUAL_FATAL(link_mtu(l, l->kind->mtu), 0);
	for (int i = 0; i < 2; i++) {
		size_t full = l->kind->mtu - (i ? 48U : 28U);

		datagrams_echo(l, i, full - 1, full);
		if (l->has_tcp[i])
			bulk_echo(l, i, 1 << 20);
	}
}

static void bulk4(struct link *l)
{
	bulk_echo(l, 0, 8 << 20);
}

static void bulk6(struct link *l)
{
	if (!l->has_tcp[1]) {
		suite_skip("no IPv6 on this machine");
		return;
	}
	bulk_echo(l, 1, 4 << 20);
}

/* Datagrams of up to 64 KB leave in fragments and come back so. */
static void fragments(struct link *l)
{
	static const size_t sizes[] = {1500, 3000, 8192, 20001, 65487};

	for (int i = 0; i < 2; i++)
		for (size_t n = 0; n < COUNT(sizes); n++)
			datagrams_echo(l, i, sizes[n], sizes[n]);
}

static void mtu_at(struct link *l, unsigned mtu)
{
	CU_ASSERT_EQUAL(link_mtu(l, mtu), 0);
	CU_ASSERT_EQUAL(link_interface(l).mtu, mtu);
	for (int i = 0; i < 2; i++) {
		size_t full = mtu - (i ? 48 : 28);

		datagrams_echo(l, i, full, full + l->kind->fragments);
		if (l->has_tcp[i])
			bulk_echo(l, i, 200000);
	}
}

static void mtu_changes(struct link *l)
{
	static const unsigned mtus[] = {1280, 9000, 1500, 4001, 1281};

	for (size_t n = 0; n < COUNT(mtus); n++)
		mtu_at(l, mtus[n]);
}

/* Sends until nothing more is taken for a while: the bytes. */
static size_t stuff(skl_sock *s)
{
	struct skl_pollfd p = {.sock = s, .events = POLLOUT};
	size_t total = 0;

	while (skl_poll(&p, 1, 0.3) == 1) {
		ssize_t n = skl_send(s, pattern() + total % 65521, 60000,
				     MSG_DONTWAIT);

		total += n > 0 ? (size_t)n : 0;
	}
	return total;
}

/*
 * Both windows are closed and were probed: what is read then opens them again.
 */
static void windows_closed(struct link *l)
{
	skl_sock *s = client(l, SOCK_STREAM, 0);
	struct skl_interface before;
	size_t total;

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	total = stuff(s);
	CU_ASSERT(total > 100000);
	before = link_interface(l);
	for (int n = 0; n < 10000; n++) {
		if (link_interface(l).tx_frames >= before.tx_frames + 2)
			break;
		skl_poll(NULL, 0, 0.001);
	}
	CU_ASSERT_TRUE(stream_check(s, 0, total));
	skl_close(s);
}

static void counters(struct link *l)
{
	struct skl_interface before = link_interface(l), after;
	skl_sock *s = client(l, SOCK_DGRAM, 0);

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_TRUE(before.up);
	for (int i = 0; i < 10; i++)
		CU_ASSERT_TRUE(datagram_echo(s, 1000));
	after = link_interface(l);
	CU_ASSERT(after.tx_frames >= before.tx_frames + 10);
	CU_ASSERT(after.rx_frames >= before.rx_frames + 10);
	CU_ASSERT(after.tx_bytes >= before.tx_bytes + 10 * 1042);
	CU_ASSERT(after.rx_bytes >= before.rx_bytes + 10 * 1042);
	CU_ASSERT_EQUAL(after.tx_dropped, before.tx_dropped);
	CU_ASSERT_EQUAL(after.rx_dropped, before.rx_dropped);
	skl_close(s);
}

/* Many connections, each opened, used and reset. */
static void connections(struct link *l)
{
	for (int n = 0; n < 100; n++) {
		skl_sock *s = client(l, SOCK_STREAM, 0);

		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		CU_ASSERT_EQUAL(skl_send(s, "x", 1, 0), 1);
		CU_ASSERT_TRUE(skl_recv(s, (char[1]){0}, 1, 0) == 1);
		skl_close(s);
	}
}

struct waiting {
	skl_sock *sock;
	atomic_bool entered;
	ssize_t result;
	int error;
};

static void *waiting_run(void *arg)
{
	struct waiting *w = arg;
	char byte;

	w->entered = true;
	w->result = skl_recv(w->sock, &byte, 1, 0);
	w->error = errno;
	return NULL;
}

/* A stack is closed while threads wait in it. */
static void close_while_waiting(struct link *l)
{
	struct waiting waits[4] = {{0}};
	pthread_t threads[4];

	for (int i = 0; i < 4; i++) {
		waits[i].sock = client(l, i % 2 ? SOCK_STREAM : SOCK_DGRAM, 0);
		CU_ASSERT_PTR_NOT_NULL_FATAL(waits[i].sock);
		skl_settimeout(waits[i].sock, SKL_FOREVER);
		pthread_create(&threads[i], NULL, waiting_run, &waits[i]);
	}
	for (int i = 0; i < 4; i++)
		while (!waits[i].entered)
			sched_yield();
	CU_ASSERT_EQUAL(skl_stack_close(l->a), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		CU_ASSERT_EQUAL(waits[i].result, -1);
		CU_ASSERT_EQUAL(waits[i].error, ENETDOWN);
		skl_close(waits[i].sock);
	}
	l->a = NULL;
}

/* The device disappears: who waits is told, and so is who comes later. */
static void peer_gone(struct link *l)
{
	struct waiting wait = {.sock = client(l, SOCK_STREAM, 0)};
	skl_sock *udp = client(l, SOCK_DGRAM, 0);
	pthread_t thread;

	CU_ASSERT_PTR_NOT_NULL_FATAL(wait.sock);
	CU_ASSERT_PTR_NOT_NULL_FATAL(udp);
	CU_ASSERT_EQUAL(skl_send(wait.sock, "x", 1, 0), 1);
	CU_ASSERT_EQUAL(skl_recv(wait.sock, (char[1]){0}, 1, 0), 1);
	pthread_create(&thread, NULL, waiting_run, &wait);
	link_cut(l);
	pthread_join(thread, NULL);
	/* A stack that closes resets its connections before it goes. */
	CU_ASSERT(wait.result == -1 || wait.result == 0);
	CU_ASSERT(wait.result == 0 || wait.error == ENETDOWN ||
		  wait.error == ECONNRESET);
	CU_ASSERT_EQUAL(skl_recv(udp, (char[1]){0}, 1, 0), -1);
	CU_ASSERT_EQUAL(errno, ENETDOWN);
	CU_ASSERT_FALSE(link_interface(l).up);
	skl_close(wait.sock);
	skl_close(udp);
	udp = skl_socket(AF_INET, SOCK_DGRAM, 0);
	CU_ASSERT_EQUAL(skl_sendto(udp, "x", 1, 0, l->udp[0]), -1);
	CU_ASSERT(errno == ENETDOWN || errno == ENETUNREACH);
	skl_close(udp);
}

/* ---- How a case runs --------------------------------------------------- */

struct held {
	uint64_t near, far;
};

static uint64_t blocks(skl_stack *s)
{
	struct skl_stack_stats stats = {0};

	if (s)
		skl_stack_stats(s, &stats);
	return stats.blocks;
}

static struct held link_held(const struct link *l)
{
	return (struct held){blocks(l->a), blocks(l->b)};
}

/* One datagram each way, so that neighbours are known. */
static void warm(const struct link *l)
{
	datagrams_echo(l, 0, 1, 1);
	datagrams_echo(l, 1, 1, 1);
}

/* Whether all memory comes back; the peer closes in its own time. */
static bool returns_to(const struct link *l, struct held before)
{
	struct held now = {0};

	for (int i = 0; i < 5000; i++) {
		now = link_held(l);
		if (now.near <= before.near + l->kind->cached &&
		    now.far <= before.far + l->kind->cached)
			return true;
		skl_poll(NULL, 0, 0.001);
	}
	printf("\n  blocks: %" PRIu64 " before, %" PRIu64
	       " after; peer %" PRIu64 ", %" PRIu64 "\n",
	       before.near, now.near, before.far, now.far);
	return false;
}

/* Runs a case on a link and looks at the memory afterwards. */
static void conform(const struct link_kind *kind, void (*run)(struct link *l))
{
	struct held before;
	struct link l;
	const char *why = link_open(&l, kind, "");

	if (why) {
		suite_skip(why);
		return;
	}
	warm(&l);
	before = link_held(&l);
	run(&l);
	if (l.a)
		CU_ASSERT_TRUE(returns_to(&l, before));
	link_close(&l);
}

enum {
	OUTSIDE = 1,   /* not for the loopback */
	FRAGMENTS = 2, /* for links that fragments cross */
	MORTAL = 4,    /* for devices that end with their peer */
	SLOW = 8,      /* for one link to a stack and one to the kernel */
};

static const struct conformance {
	const char *name;
	void (*run)(struct link *l);
	unsigned needs;
} conformance[] = {
	{"tcp_echo", tcp_echo, 0},
	{"udp_echo", udp_echo, 0},
	{"bulk4", bulk4, 0},
	{"bulk6", bulk6, 0},
	{"full_frames", full_frames, OUTSIDE},
	{"fragments", fragments, FRAGMENTS},
	{"mtu_changes", mtu_changes, OUTSIDE},
	{"windows_closed", windows_closed, SLOW},
	{"counters", counters, 0},
	{"connections", connections, 0},
	{"close_while_waiting", close_while_waiting, 0},
	{"peer_gone", peer_gone, OUTSIDE | MORTAL},
};

static const struct link_kind *const kinds[] = {
	&link_wire,   &link_wire_plain_near, &link_wire_plain_far, &link_loop,
	&link_stream, &link_seqpacket,       &link_datagram,       &link_unix,
	&link_tap,    &link_tap_plain,       &link_passt,
};

static bool applies(const struct conformance *c, const struct link_kind *k)
{
	return !(c->needs & SLOW && k != &link_wire && k != &link_tap) &&
	       !(c->needs & OUTSIDE && k->loop) &&
	       !(c->needs & FRAGMENTS && !k->fragments) &&
	       !(c->needs & MORTAL && k->outlives);
}

/* Any of them: CUnit hands a case nothing but its name, "KIND CASE". */
static void conformance_run(void)
{
	const char *name = CU_get_current_test()->pName;
	const char *space = strchr(name, ' ');
	const struct link_kind *kind = NULL;

	for (size_t i = 0; i < COUNT(kinds); i++)
		if (strlen(kinds[i]->name) == (size_t)(space - name) &&
		    !strncmp(kinds[i]->name, name, (size_t)(space - name)))
			kind = kinds[i];
	for (size_t i = 0; i < COUNT(conformance); i++)
		if (!strcmp(conformance[i].name, space + 1))
			conform(kind, conformance[i].run);
}

int main(int argc, char **argv)
{
	enum {
		ROOM = COUNT(kinds) * COUNT(conformance)
	};
	static struct suite_case all[ROOM];
	static char names[ROOM][64];
	size_t n = 0;

	for (size_t k = 0; k < COUNT(kinds); k++) {
		for (size_t c = 0; c < COUNT(conformance); c++) {
			if (!applies(&conformance[c], kinds[k]))
				continue;
			snprintf(names[n], sizeof(names[n]), "%s %s",
				 kinds[k]->name, conformance[c].name);
			all[n] = (struct suite_case){names[n], conformance_run};
			n++;
		}
	}
	return suite_main("netif", all, n, argc, argv);
}
