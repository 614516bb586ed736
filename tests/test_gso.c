/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The joiner: what joins, what does not, and that finishing a joined frame
 * gives the segments back.
 *
 * Segments are pbufs over memory of their own, allocated to the byte.
 */
#include "netif/gso.h"

#include <stdlib.h>
#include <string.h>

#include "port/lwip.h"
#include "stack/stack.h"
#include "tests/packet.h"
#include "tests/suite.h"

enum {
	MSS = 1460,
	BATCH = 64
};

static const struct packet segment4 = {.version = 4,
				       .proto = IPPROTO_TCP,
				       .tcp_flags = ACK,
				       .window = 502,
				       .id = 7,
				       .seq = 1000,
				       .ack = 99,
				       .payload = MSS};
static const struct packet segment6 = {.version = 6,
				       .proto = IPPROTO_TCP,
				       .tcp_flags = ACK,
				       .tcp_options = 12,
				       .window = 502,
				       .seq = 1000,
				       .ack = 99,
				       .payload = MSS - 12};

static int live; /* pbufs that are not freed */

static void free_piece(struct pbuf *p)
{
	free(p->payload);
	free(p);
	live--;
}

static struct pbuf *make_piece(const uint8_t *bytes, size_t len)
{
	struct pbuf_custom *pc = malloc(sizeof *pc);
	void *copy = malloc(len);
	struct pbuf *p;

	memcpy(copy, bytes, len);
	pc->custom_free_function = free_piece;
	p = pbuf_alloced_custom(PBUF_RAW, (u16_t)len, PBUF_REF, pc, copy,
				(u16_t)len);
	p->payload = copy;
	live++;
	return p;
}

/* A frame in COUNT pieces, the first of which has at least the headers. */
static struct pbuf *make_pbuf(const uint8_t *bytes, size_t len, size_t headers,
			      int count)
{
	size_t first = count == 1 ? len : headers;
	struct pbuf *p = make_piece(bytes, first);

	for (bytes += first, len -= first; len; count--) {
		size_t n = count <= 2 ? len : 1 + suite_random(len);

		pbuf_cat(p, make_piece(bytes, n));
		bytes += n;
		len -= n;
	}
	return p;
}

static struct pbuf *make_segment(const struct packet *s, int count)
{
	static uint8_t bytes[PACKET_MAX];
	size_t len = packet_build_bare(bytes, s);

	return make_pbuf(bytes, len, packet_data(s), count);
}

/* Adds and gives the own reference up, as lwIP may do. */
static bool add(struct skli_gso *q, const struct packet *s, int count)
{
	struct pbuf *p = make_segment(s, count);
	bool added = skli_gso_add(q, p);

	pbuf_free(p);
	return added;
}

static struct packet next_of(struct packet s)
{
	s.seq += (uint32_t)s.payload;
	s.id++;
	return s;
}

/* The segments that a frame is to be finished to. */
struct expected {
	const struct packet *segments;
	int n, at, wrong;
};

static void compare(void *arg, const struct iovec *iov, int iovcnt, size_t len)
{
	static uint8_t want[PACKET_MAX], got[PACKET_MAX];
	struct expected *e = arg;
	struct packet s = e->segments[e->at];
	size_t n = 0;

	/* IDs count from the first one's; PSH moves to the last. */
	s.id = (uint16_t)(e->segments[0].id + e->at);
	s.tcp_flags &= (uint8_t)~PSH;
	for (int i = 0; i < e->n && e->at == e->n - 1; i++)
		s.tcp_flags |= e->segments[i].tcp_flags & PSH;
	for (int i = 0; i < iovcnt; i++) {
		memcpy(got + n, iov[i].iov_base, iov[i].iov_len);
		n += iov[i].iov_len;
	}
	if (packet_build(want, &s) != len || n != len || memcmp(want, got, n))
		e->wrong++;
	e->at++;
}

/* Takes what is queued, finishes it, compares with the N segments. */
static bool gives_back(struct skli_gso *q, const struct packet *segments, int n)
{
	struct expected e = {segments, n, 0, 0};
	struct skli_frame f;

	skli_gso_take(q, &f);
	if (skli_frame_finish(&f, compare, &e) != n || e.wrong)
		return false;
	/* It may be taken again. */
	e.at = 0;
	skli_gso_take(q, &f);
	return skli_frame_finish(&f, compare, &e) == n && !e.wrong;
}

static struct skli_gso *new_queue(void)
{
	live = 0;
	return calloc(1, sizeof(struct skli_gso));
}

static void free_queue(struct skli_gso *q)
{
	skli_gso_clear(q);
	CU_ASSERT_TRUE(skli_gso_empty(q));
	free(q);
	CU_ASSERT_EQUAL(live, 0);
}

static void test_empty(void)
{
	struct skli_gso *q = new_queue();
	struct skli_frame f;

	CU_ASSERT_TRUE(skli_gso_empty(q));
	CU_ASSERT_FALSE(skli_gso_full(q));
	skli_gso_take(q, &f);
	CU_ASSERT_EQUAL(f.len, 0);
	CU_ASSERT_EQUAL(f.iovcnt, 0);
	free_queue(q);
}

static void check_off(const struct skli_frame *f, const struct packet *s,
		      uint8_t type, uint16_t size)
{
	CU_ASSERT_EQUAL(f->off.gso_type, type);
	CU_ASSERT_EQUAL(f->off.gso_size, size);
	CU_ASSERT_EQUAL(f->off.flags, SKLI_CSUM_PARTIAL);
	CU_ASSERT_EQUAL(f->off.csum_start, packet_l4(s));
	CU_ASSERT_EQUAL(f->off.csum_offset, s->proto == IPPROTO_TCP ? 16 : 6);
}

static void test_single(void)
{
	struct skli_gso *q = new_queue();
	struct skli_frame f;

	CU_ASSERT_TRUE(add(q, &segment4, 1));
	CU_ASSERT_FALSE(skli_gso_full(q));
	skli_gso_take(q, &f);
	check_off(&f, &segment4, SKLI_GSO_NONE, 0);
	CU_ASSERT_TRUE(gives_back(q, &segment4, 1));
	skli_gso_clear(q);
	CU_ASSERT_TRUE(add(q, &segment6, 3));
	skli_gso_take(q, &f);
	check_off(&f, &segment6, SKLI_GSO_NONE, 0);
	CU_ASSERT_TRUE(gives_back(q, &segment6, 1));
	free_queue(q);
}

/* The partial checksum as the kernel wants it, byte for byte. */
static void test_partial_bytes(void)
{
	struct packet s = segment4;
	struct skli_gso *q = new_queue();
	uint8_t want[PACKET_MAX];
	struct skli_offload off;
	struct skli_frame f;

	CU_ASSERT_TRUE(add(q, &segment4, 1));
	skli_gso_take(q, &f);
	packet_build_partial(want, &s, &off);
	CU_ASSERT_EQUAL(memcmp(f.iov[0].iov_base, want, 54), 0);
	CU_ASSERT_EQUAL(memcmp(&f.off, &off, sizeof off), 0);
	/* Two segments: the header of one packet twice as large. */
	s = next_of(s);
	CU_ASSERT_TRUE(add(q, &s, 1));
	skli_gso_take(q, &f);
	s = segment4;
	s.payload *= 2;
	packet_build_partial(want, &s, &off);
	CU_ASSERT_EQUAL(memcmp(f.iov[0].iov_base, want, 54), 0);
	CU_ASSERT_EQUAL(f.len, 54 + 2 * MSS);
	check_off(&f, &s, SKLI_GSO_TCPV4, MSS);
	free_queue(q);
}

static void join_bulk(struct packet first, int count, int pieces)
{
	struct packet segments[SKLI_GSO_SEGMENTS];
	struct skli_gso *q = new_queue();
	struct skli_frame f;

	segments[0] = first;
	for (int i = 0; i < count; i++) {
		if (i)
			segments[i] = next_of(segments[i - 1]);
		CU_ASSERT_FALSE(skli_gso_full(q));
		CU_ASSERT_TRUE(add(q, &segments[i], pieces));
	}
	CU_ASSERT_TRUE(skli_gso_full(q));
	skli_gso_take(q, &f);
	check_off(&f, &first,
		  first.version == 4 ? SKLI_GSO_TCPV4 : SKLI_GSO_TCPV6,
		  (uint16_t)first.payload);
	CU_ASSERT_TRUE(f.len <= SKLI_GSO_LEN);
	CU_ASSERT_TRUE(gives_back(q, segments, count));
	free_queue(q);
}

static void test_bulk(void)
{
	struct packet s = segment4;

	suite_seed();
	join_bulk(segment4, 44, 1);
	join_bulk(segment4, 44, 2);
	join_bulk(segment6, 45, 1);
	join_bulk(segment6, 45, 2);
	s.seq = UINT32_MAX - 10 * MSS + 1;
	s.id = UINT16_MAX - 3;
	s.tags = 1;
	s.options = 4;
	join_bulk(s, 44, 2);
	s.payload = 100;
	join_bulk(s, SKLI_GSO_SEGMENTS, 1);
}

/* The number of pieces has a limit too, wherever a segment meets it. */
static void test_piece_limit(void)
{
	struct packet segments[SKLI_GSO_SEGMENTS] = {segment4};
	struct skli_gso *q = new_queue();
	struct skli_frame f;
	int n = 0;

	suite_seed();
	segments[0].payload = 300;
	while (!skli_gso_full(q) && add(q, &segments[n], 9)) {
		n++;
		segments[n] = next_of(segments[n - 1]);
	}
	skli_gso_take(q, &f);
	CU_ASSERT_TRUE(n >= SKLI_GSO_IOV / 9);
	CU_ASSERT_TRUE(f.iovcnt > SKLI_GSO_IOV - 9);
	CU_ASSERT_TRUE(f.iovcnt <= SKLI_GSO_IOV + 1);
	CU_ASSERT_TRUE(gives_back(q, segments, n));
	free_queue(q);
}

/* Two segments of which the second differs in one thing. */
static bool joins(const struct packet *a, const struct packet *b)
{
	struct skli_gso *q = new_queue();
	bool joined;

	CU_ASSERT_TRUE(add(q, a, 1));
	joined = add(q, b, 1);
	if (joined) {
		struct packet both[2] = {*a, *b};

		CU_ASSERT_TRUE(gives_back(q, both, 2));
	} else {
		CU_ASSERT_TRUE(gives_back(q, a, 1));
	}
	free_queue(q);
	return joined;
}

/* Does a segment join that CHANGE has made of the one that would follow? */
#define JOINS(first, change)                \
 __extension__({                            \
struct packet a_ = (first), b = next_of(a_);     \
change; /* NOLINT(bugprone-macro-parentheses) */ \
joins(&a_, &b);                                  \
 })

static void test_joins(void)
{
	CU_ASSERT_TRUE(JOINS(segment4, (void)b));
	CU_ASSERT_TRUE(JOINS(segment6, (void)b));
	CU_ASSERT_TRUE(JOINS(segment4, b.id = 3));
	CU_ASSERT_TRUE(JOINS(segment4, b.payload = 1));
	CU_ASSERT_TRUE(JOINS(segment4, b.tcp_flags |= PSH));
	CU_ASSERT_TRUE(JOINS(segment4, b.tcp_flags |= FIN));
	CU_ASSERT_TRUE(JOINS(segment4, b.tcp_flags |= FIN | PSH));
	CU_ASSERT_TRUE(JOINS(segment4, a_.tcp_flags |= PSH));
	CU_ASSERT_TRUE(
		JOINS(segment4, a_.tcp_flags |= ECE; b.tcp_flags |= ECE));
}

static void test_differs(void)
{
	CU_ASSERT_FALSE(JOINS(segment4, b.seq++));
	CU_ASSERT_FALSE(JOINS(segment4, b.seq = a_.seq));
	CU_ASSERT_FALSE(JOINS(segment4, b.ack++));
	CU_ASSERT_FALSE(JOINS(segment4, b.window++));
	CU_ASSERT_FALSE(JOINS(segment4, b.payload++));
	CU_ASSERT_FALSE(JOINS(segment4, b.payload = 0));
	CU_ASSERT_FALSE(JOINS(segment4, b.tcp_options = 4));
	CU_ASSERT_FALSE(JOINS(segment4, b.options = 4));
	CU_ASSERT_FALSE(JOINS(segment4, b.tags = 1));
	CU_ASSERT_FALSE(JOINS(segment4, b.version = 6));
	CU_ASSERT_FALSE(JOINS(segment6, b.version = 4));
	CU_ASSERT_FALSE(JOINS(segment4, b.proto = IPPROTO_UDP));
	CU_ASSERT_FALSE(JOINS(segment4, b.fragment = 0x4000));
	CU_ASSERT_FALSE(JOINS(segment4, b.fragment = 0x2000));
	for (uint8_t flag = SYN; flag; flag = (uint8_t)(flag << 1)) {
		if (flag != PSH)
			CU_ASSERT_FALSE(JOINS(segment4, b.tcp_flags ^= flag));
	}
}

/* Queues S; nothing may follow. */
static bool stands_alone(struct packet s)
{
	struct skli_gso *q = new_queue();
	struct packet next = next_of(s);
	bool alone;

	CU_ASSERT_TRUE(add(q, &s, 2));
	alone = skli_gso_full(q);
	CU_ASSERT_TRUE(!alone || !add(q, &next, 1));
	CU_ASSERT_TRUE(gives_back(q, &s, 1));
	free_queue(q);
	return alone;
}

static void test_alone(void)
{
	static const uint8_t flags[] = {ACK | FIN, SYN,       ACK | SYN,
					RST,       ACK | RST, ACK | URG,
					ACK | CWR, 0,         PSH};
	struct packet s = segment4;

	suite_seed();
	for (size_t i = 0; i < sizeof flags; i++) {
		s.tcp_flags = flags[i];
		s.payload = i % 2 ? 0 : 10;
		CU_ASSERT_TRUE(stands_alone(s));
	}
	s = segment4;
	s.payload = 40000; /* a second one would pass 64 KB */
	CU_ASSERT_TRUE(stands_alone(s));
	s.proto = IPPROTO_UDP;
	s.payload = 100;
	CU_ASSERT_TRUE(stands_alone(s));
	s.version = 6;
	s.payload = 0;
	CU_ASSERT_TRUE(stands_alone(s));
	CU_ASSERT_FALSE(stands_alone(segment6));
}

/* A short segment and a FIN end the frame. */
static void test_closes(void)
{
	struct packet s[4] = {segment4};
	struct skli_gso *q = new_queue();

	for (int i = 1; i < 4; i++)
		s[i] = next_of(s[i - 1]);
	s[2].payload = 700;
	s[3] = next_of(s[2]);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_TRUE(add(q, &s[i], 1));
	CU_ASSERT_TRUE(skli_gso_full(q));
	CU_ASSERT_FALSE(add(q, &s[3], 1));
	CU_ASSERT_TRUE(gives_back(q, s, 3));
	skli_gso_clear(q);
	s[1].tcp_flags |= FIN;
	CU_ASSERT_TRUE(add(q, &s[0], 1));
	CU_ASSERT_TRUE(add(q, &s[1], 1));
	CU_ASSERT_TRUE(skli_gso_full(q));
	CU_ASSERT_FALSE(add(q, &s[2], 1));
	CU_ASSERT_TRUE(gives_back(q, s, 2));
	free_queue(q);
}

/* The queue gives out just the bytes and the offload that it got. */
static bool as_it_is(const uint8_t *bytes, size_t len, struct skli_offload off)
{
	struct skli_gso *q = new_queue();
	struct pbuf *p = make_pbuf(bytes, len, len / 2, 3);
	struct skli_frame f;
	size_t n = 0;
	bool same;

	p->off = off;
	CU_ASSERT_TRUE(skli_gso_add(q, p));
	CU_ASSERT_TRUE(skli_gso_full(q));
	CU_ASSERT_FALSE(skli_gso_add(q, p));
	skli_gso_take(q, &f);
	same = f.len == len && !memcmp(&f.off, &off, sizeof off);
	for (int i = 0; i < f.iovcnt; i++) {
		same &= !memcmp(bytes + n, f.iov[i].iov_base, f.iov[i].iov_len);
		n += f.iov[i].iov_len;
	}
	pbuf_free(p);
	free_queue(q);
	return same && n == len;
}

static void test_as_it_is(void)
{
	struct skli_offload none = {0}, partial, valid = {0, 0, 2, 0, 0};
	struct skli_offload gso = {100, SKLI_GSO_TCPV4, SKLI_CSUM_PARTIAL, 34,
				   16};
	struct packet s = segment4;
	uint8_t bytes[PACKET_MAX];
	size_t len = packet_build(bytes, &s);

	suite_seed();
	/* With a checksum of its own, or with an offload. */
	CU_ASSERT_TRUE(as_it_is(bytes, len, none));
	CU_ASSERT_TRUE(as_it_is(bytes, len, valid));
	CU_ASSERT_TRUE(as_it_is(bytes, len, gso));
	len = packet_build_partial(bytes, &s, &partial);
	CU_ASSERT_TRUE(as_it_is(bytes, len, partial));
	len = packet_build_bare(bytes, &s);
	CU_ASSERT_TRUE(as_it_is(bytes, len, valid));
	/* Padded, truncated, no header at all. */
	memset(bytes + len, 0, 6);
	CU_ASSERT_TRUE(as_it_is(bytes, len + 6, none));
	CU_ASSERT_TRUE(as_it_is(bytes, len - 1, none));
	CU_ASSERT_TRUE(as_it_is(bytes, 5, none));
}

static void test_as_it_is_kinds(void)
{
	static const struct packet kinds[] = {
		{.version = 0},
		{.version = 4, .proto = IPPROTO_ICMP, .payload = 50},
		{.version = 6, .proto = IPPROTO_ICMPV6, .payload = 50},
		{.version = 4, .proto = 253, .payload = 50},
		{.version = 4,
		 .proto = IPPROTO_UDP,
		 .payload = 48,
		 .fragment = 0x2000},
		{.version = 4,
		 .proto = IPPROTO_TCP,
		 .payload = 48,
		 .fragment = 0x0006},
		{.version = 4, .proto = IPPROTO_UDP, .payload = 48},
	};
	struct skli_offload none = {0};
	uint8_t bytes[PACKET_MAX];

	suite_seed();
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		size_t len = packet_build(bytes, &kinds[i]);

		CU_ASSERT_TRUE(as_it_is(bytes, len, none));
	}
	for (uint16_t fragment = 0; fragment < 0x2000; fragment += 0x0fff) {
		struct packet p = kinds[4];
		size_t len;

		p.fragment |= fragment;
		len = packet_build_bare(bytes, &p);
		CU_ASSERT_TRUE(as_it_is(bytes, len, none));
	}
}

/* Headers that the queue has no room for. */
static void test_as_it_is_long(void)
{
	struct packet p = {.version = 6,
			   .proto = IPPROTO_TCP,
			   .tcp_flags = ACK,
			   .options = 112,
			   .payload = 48};
	struct skli_offload none = {0};
	uint8_t bytes[PACKET_MAX];
	size_t len;

	suite_seed();
	CU_ASSERT_FALSE(stands_alone(p));
	p.options += 8;
	CU_ASSERT_TRUE(packet_data(&p) > SKLI_GSO_HEADER);
	len = packet_build_bare(bytes, &p);
	CU_ASSERT_TRUE(as_it_is(bytes, len, none));
}

/* The second segment as BYTES, the first piece of which is FIRST long. */
static bool joins_bytes(const uint8_t *bytes, size_t len, size_t first,
			struct skli_offload off)
{
	struct skli_gso *q = new_queue();
	struct pbuf *p = make_pbuf(bytes, len, first, 3);
	bool joined;

	p->off = off;
	CU_ASSERT_TRUE(add(q, &segment4, 1));
	joined = skli_gso_add(q, p);
	CU_ASSERT_TRUE(joined || gives_back(q, &segment4, 1));
	pbuf_free(p);
	free_queue(q);
	return joined;
}

/* Frames that look like the next segment, but for one thing. */
static void test_lookalikes(void)
{
	struct skli_offload none = {0}, valid = {0, 0, 2, 0, 0};
	struct skli_offload gso = {100, SKLI_GSO_TCPV4, 0, 0, 0};
	struct packet s = next_of(segment4);
	uint8_t bytes[PACKET_MAX];
	size_t len;

	suite_seed();
	s.payload -= 20;
	len = packet_build_bare(bytes, &s);
	CU_ASSERT_TRUE(joins_bytes(bytes, len, 54, none));
	CU_ASSERT_FALSE(joins_bytes(bytes, len, 53, none));
	CU_ASSERT_FALSE(joins_bytes(bytes, len, 54, valid));
	CU_ASSERT_FALSE(joins_bytes(bytes, len, 54, gso));
	/* Padded or truncated. */
	memset(bytes + len, 0, 8);
	CU_ASSERT_FALSE(joins_bytes(bytes, len + 8, 54, none));
	CU_ASSERT_FALSE(joins_bytes(bytes, len - 1, 54, none));
	CU_ASSERT_FALSE(joins_bytes(bytes, 20, 14, none));
	/* With a checksum of its own. */
	len = packet_build(bytes, &s);
	CU_ASSERT_FALSE(joins_bytes(bytes, len, 54, none));
}

/* More pieces than a queue holds: they become one, in the stack's memory. */
static void test_flattened(void)
{
	static struct skl_stack stack;
	struct skli_gso *q = new_queue();
	uint8_t bytes[PACKET_MAX];
	size_t len = packet_build_bare(bytes, &segment4), at = 54;
	struct pbuf *p = make_piece(bytes, at);
	struct skli_frame f;

	skli_current = &stack;
	for (; at < 54 + SKLI_GSO_IOV; at++)
		pbuf_cat(p, make_piece(bytes + at, 1));
	pbuf_cat(p, make_piece(bytes + at, len - at));
	CU_ASSERT_TRUE(skli_gso_add(q, p));
	skli_gso_take(q, &f);
	CU_ASSERT_EQUAL(f.iovcnt, 2);
	CU_ASSERT_TRUE(gives_back(q, &segment4, 1));
	skli_gso_clear(q);
	/* With an offload, which comes along. */
	p->off.flags = SKLI_CSUM_VALID;
	CU_ASSERT_TRUE(skli_gso_add(q, p));
	skli_gso_take(q, &f);
	CU_ASSERT_EQUAL(f.iovcnt, 1);
	CU_ASSERT_EQUAL(f.off.flags, SKLI_CSUM_VALID);
	skli_gso_clear(q);
	/* Without memory. */
	stack.arena.fail_after = 1;
	CU_ASSERT_FALSE(skli_gso_add(q, p));
	CU_ASSERT_TRUE(skli_gso_empty(q));
	pbuf_free(p);
	free_queue(q);
	CU_ASSERT_EQUAL(stack.arena.blocks, 0);
	skli_arena_drop(&stack.arena);
	skli_current = NULL;
}

/* lwIP may send a segment again: not a bit of it may change. */
static void test_input_untouched(void)
{
	struct packet s = segment4;
	struct skli_gso *q = new_queue();
	struct pbuf *p[3];
	uint8_t before[3][MSS + 54];
	struct skli_frame f;

	for (int i = 0; i < 3; i++, s = next_of(s)) {
		p[i] = make_segment(&s, 1);
		memcpy(before[i], p[i]->payload, sizeof before[i]);
		CU_ASSERT_TRUE(skli_gso_add(q, p[i]));
		CU_ASSERT_EQUAL(p[i]->ref, 2);
	}
	skli_gso_take(q, &f);
	skli_gso_clear(q);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(p[i]->ref, 1);
		CU_ASSERT_EQUAL(p[i]->tot_len, sizeof before[i]);
		CU_ASSERT_EQUAL(
			memcmp(p[i]->payload, before[i], sizeof before[i]), 0);
		pbuf_free(p[i]);
	}
	free_queue(q);
}

/* What the joiner should do, from the packets' descriptions alone. */
static bool model_joins(const struct packet *run, int n, const struct packet *s)
{
	struct packet first = *run, want = next_of(run[n - 1]);
	size_t len = packet_data(run) + s->payload;

	for (int i = 0; i < n; i++)
		len += run[i].payload;
	if (run[n - 1].payload < first.payload ||
	    (run[n - 1].tcp_flags & FIN) || first.payload == 0 ||
	    (first.tcp_flags & ~PSH) != ACK || s->payload == 0 ||
	    s->payload > first.payload || len > SKLI_GSO_LEN)
		return false;
	return s->seq == want.seq && s->ack == first.ack &&
	       s->window == first.window &&
	       s->tcp_options == first.tcp_options &&
	       (s->tcp_flags & ~(PSH | FIN)) == ACK;
}

static struct packet random_next(const struct packet *last, size_t size)
{
	struct packet s = next_of(*last);

	s.tcp_flags = ACK;
	s.payload = size;
	switch (suite_random(24)) {
	case 0: s.seq += 7; break;
	case 1: s.ack++; break;
	case 2: s.window--; break;
	case 3: s.payload = suite_random(size); break;
	case 4: s.payload = suite_random(2 * size); break;
	case 5: s.tcp_flags |= FIN; break;
	case 6: s.tcp_flags |= SYN; break;
	case 7: s.payload = 0; break;
	case 8: s.id = (uint16_t)suite_random(0); break;
	case 9: s.tcp_options ^= 12; break;
	case 10:
	case 11: s.tcp_flags |= PSH; break;
	}
	return s;
}

/* A few thousand segments of one flow, as the netif would queue them. */
static void random_flow(struct packet s, size_t size, int *wrong)
{
	struct packet run[SKLI_GSO_SEGMENTS];
	struct skli_gso *q = new_queue();
	int n = 0;

	for (int i = 0; i < 500; i++, s = random_next(&s, size)) {
		bool full = skli_gso_full(q), joined;

		joined = !full && add(q, &s, 1 + i % 3);
		if (n && n < 50)
			*wrong += joined != model_joins(run, n, &s);
		if (!joined) {
			*wrong += !gives_back(q, run, n);
			skli_gso_clear(q);
			n = 0;
			*wrong += !add(q, &s, 1 + i % 3);
		}
		run[n++] = s;
	}
	*wrong += !gives_back(q, run, n);
	free_queue(q);
}

/* An ACK alone, of TO bytes more than segment s acknowledges. */
static struct packet ack_of(struct packet s, int32_t to)
{
	s.payload = 0;
	s.tcp_options = 0;
	s.tcp_flags = ACK;
	s.ack += (uint32_t)to;
	return s;
}

/* Does the second ACK take the place of the first? */
static bool replaces(struct packet first, struct packet second)
{
	struct skli_gso *q = new_queue();
	bool added;

	CU_ASSERT_TRUE(add(q, &first, 1));
	added = add(q, &second, 1);
	CU_ASSERT_TRUE(gives_back(q, added ? &second : &first, 1));
	free_queue(q);
	return added;
}

static void acks(struct packet s)
{
	struct packet first = ack_of(s, 0), other = ack_of(s, 5);
	struct skli_gso *q = new_queue();

	CU_ASSERT_TRUE(add(q, &first, 1));
	CU_ASSERT_FALSE(skli_gso_full(q));
	free_queue(q);
	CU_ASSERT_TRUE(replaces(first, other));
	other.window++;
	other.id += 7;
	CU_ASSERT_TRUE(replaces(first, other));
	CU_ASSERT_FALSE(replaces(first, ack_of(s, 0))); /* a duplicate */
	CU_ASSERT_FALSE(replaces(first, ack_of(s, -1)));
	other.tcp_flags = ACK | FIN;
	CU_ASSERT_FALSE(replaces(first, other));
	CU_ASSERT_FALSE(replaces(other, ack_of(s, 9)));
	other = ack_of(s, 5);
	other.seq++;
	CU_ASSERT_FALSE(replaces(first, other));
	other = ack_of(s, 5);
	other.payload = 1;
	CU_ASSERT_FALSE(replaces(first, other));
	other = ack_of(s, 5);
	other.tcp_options = 12;
	CU_ASSERT_FALSE(replaces(first, other));
	CU_ASSERT_FALSE(replaces(other, ack_of(s, 9)));
}

static void test_acks(void)
{
	struct packet s = ack_of(segment4, 0x7fffffff);

	acks(segment4);
	acks(segment6);
	s.tags = 1;
	CU_ASSERT_FALSE(replaces(ack_of(segment4, 0), s));
	CU_ASSERT_FALSE(replaces(ack_of(segment4, 0), ack_of(segment6, 5)));
}

/* A pbuf that stands for COUNT segments of SIZE and one of REST bytes. */
static bool add_several(struct skli_gso *q, struct packet s, uint16_t size,
			int count, size_t rest)
{
	struct pbuf *p;
	bool added;

	s.payload = (size_t)count * size + rest;
	p = make_segment(&s, 2);
	p->off.gso_size = size;
	p->off.gso_type = s.version == 4 ? SKLI_GSO_TCPV4 : SKLI_GSO_TCPV6;
	added = skli_gso_add(q, p);
	pbuf_free(p);
	return added;
}

/* COUNT segments of SIZE from s on, and one of REST bytes unless that is 0. */
static int list_several(struct packet *list, struct packet s, uint16_t size,
			int count, size_t rest)
{
	s.payload = size;
	for (int i = 0; i < count; i++) {
		list[i] = s;
		s = next_of(s);
	}
	s.payload = rest;
	if (rest)
		list[count++] = s;
	return count;
}

/* What lwIP made as one segment of several comes apart as it should. */
static void several(struct packet s)
{
	struct packet list[SKLI_GSO_SEGMENTS], next = s;
	struct skli_gso *q = new_queue();
	int n = list_several(list, s, 1000, 5, 77);

	CU_ASSERT_TRUE(add_several(q, s, 1000, 5, 77));
	CU_ASSERT_TRUE(skli_gso_full(q)); /* its last one is short */
	CU_ASSERT_TRUE(gives_back(q, list, n));
	free_queue(q);

	q = new_queue();
	n = list_several(list, s, 1000, 25, 0);
	next.seq += 20000;
	CU_ASSERT_TRUE(add_several(q, s, 1000, 20, 0));
	CU_ASSERT_FALSE(skli_gso_full(q));
	CU_ASSERT_FALSE(add_several(q, next, 1001, 5, 0));
	CU_ASSERT_FALSE(add_several(q, next, 1000, 46, 0)); /* too long */
	CU_ASSERT_TRUE(add_several(q, next, 1000, 5, 0));
	CU_ASSERT_TRUE(gives_back(q, list, n));
	next.seq += 5000;
	next.payload = 500;
	CU_ASSERT_TRUE(add(q, &next, 1));
	CU_ASSERT_TRUE(skli_gso_full(q));
	free_queue(q);
}

static void test_several(void)
{
	suite_seed();
	several(segment4);
	several(segment6);
}

static void test_random(void)
{
	int wrong = 0;

	suite_seed();
	for (int i = 0; i < 40; i++) {
		struct packet s = i % 2 ? segment4 : segment6;

		s.tags = (uint8_t)(i / 2 % 3);
		s.options = i % 5 ? 0 : 8;
		s.seq = (uint32_t)suite_random(0);
		s.id = (uint16_t)suite_random(0);
		s.payload = 1 + suite_random(MSS);
		random_flow(s, s.payload, &wrong);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static const struct suite_case cases[] = {
	{"an empty queue", test_empty},
	{"one segment: partial checksum only", test_single},
	{"the header, byte for byte", test_partial_bytes},
	{"join up to each limit", test_bulk},
	{"join up to the limit of pieces", test_piece_limit},
	{"what joins", test_joins},
	{"what differs does not join", test_differs},
	{"what stands alone", test_alone},
	{"what ends a frame", test_closes},
	{"what has an offload passes", test_as_it_is},
	{"what is not TCP or UDP passes", test_as_it_is_kinds},
	{"what has long headers passes", test_as_it_is_long},
	{"what only looks like the next", test_lookalikes},
	{"a frame in too many pieces", test_flattened},
	{"pbufs stay as they are", test_input_untouched},
	{"an ACK supersedes an ACK", test_acks},
	{"segments that stand for several", test_several},
	{"random flows come back", test_random},
};

SUITE_MAIN("gso", cases)
