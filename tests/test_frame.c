/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checksums, reading frames, finishing frames.
 *
 * Every frame is handed over in pieces that are allocated to the byte, so that
 * AddressSanitizer sees a read past any of them.
 */
#include "netif/frame.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "netif/checksum.h"
#include "tests/packet.h"
#include "tests/suite.h"

/* Real packets; tshark finds their checksums right. */
static const uint8_t syn4[] = {
	0x52, 0x54, 0x00, 0x12, 0x34, 0x56, 0x0a, 0x00, 0x27, 0x00, 0x00,
	0x01, 0x08, 0x00, 0x45, 0x00, 0x00, 0x3c, 0x1c, 0x46, 0x40, 0x00,
	0x40, 0x06, 0x32, 0x3a, 0xc0, 0x00, 0x02, 0x01, 0xc6, 0x33, 0x64,
	0x07, 0xc8, 0x22, 0x00, 0x50, 0x12, 0x34, 0x56, 0x78, 0x00, 0x00,
	0x00, 0x00, 0xa0, 0x02, 0xfa, 0xf0, 0xcd, 0xa9, 0x00, 0x00, 0x02,
	0x04, 0x05, 0xb4, 0x04, 0x02, 0x08, 0x0a, 0x00, 0xbc, 0x61, 0x4e,
	0x00, 0x00, 0x00, 0x00, 0x01, 0x03, 0x03, 0x07,
};

static const uint8_t dns6[] = {
	0x52, 0x54, 0x00, 0x12, 0x34, 0x56, 0x0a, 0x00, 0x27, 0x00, 0x00, 0x01,
	0x81, 0x00, 0x00, 0xc8, 0x86, 0xdd, 0x60, 0x00, 0x00, 0x00, 0x00, 0x25,
	0x11, 0x40, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00,
	0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x53, 0x9c, 0x40,
	0x00, 0x35, 0x00, 0x25, 0x89, 0x26, 0xab, 0xcd, 0x01, 0x00, 0x00, 0x01,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x07, 0x65, 0x78, 0x61, 0x6d, 0x70,
	0x6c, 0x65, 0x03, 0x6f, 0x72, 0x67, 0x00, 0x00, 0x01, 0x00, 0x01,
};

static const uint8_t ping4[] = {
	0x52, 0x54, 0x00, 0x12, 0x34, 0x56, 0x0a, 0x00, 0x27, 0x00,
	0x00, 0x01, 0x08, 0x00, 0x45, 0x00, 0x00, 0x23, 0x1c, 0x46,
	0x00, 0x00, 0x40, 0x01, 0x72, 0x58, 0xc0, 0x00, 0x02, 0x01,
	0xc6, 0x33, 0x64, 0x07, 0x08, 0x00, 0x66, 0x5a, 0x00, 0x77,
	0x00, 0x01, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67,
};

static const uint8_t ext6[] = {
	0x52, 0x54, 0x00, 0x12, 0x34, 0x56, 0x0a, 0x00, 0x27, 0x00, 0x00,
	0x01, 0x86, 0xdd, 0x60, 0x00, 0x00, 0x00, 0x00, 0x2d, 0x00, 0x40,
	0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x01, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00,
	0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x53, 0x3c,
	0x00, 0x01, 0x04, 0x00, 0x00, 0x00, 0x00, 0x2c, 0x01, 0x01, 0x0c,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x3a, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x09, 0x80, 0x00,
	0xdf, 0xa6, 0x00, 0x77, 0x00, 0x01, 0x68, 0x65, 0x6c, 0x6c, 0x6f,
};

static const uint8_t frag6[] = {
	0x52, 0x54, 0x00, 0x12, 0x34, 0x56, 0x0a, 0x00, 0x27, 0x00, 0x00, 0x01,
	0x86, 0xdd, 0x60, 0x00, 0x00, 0x00, 0x00, 0x18, 0x2c, 0x40, 0x20, 0x01,
	0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x01, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x53, 0x3a, 0x00, 0x00, 0x09, 0x00, 0x00,
	0x00, 0x09, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09,
	0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
};

static const uint8_t frag4[] = {
	0x52, 0x54, 0x00, 0x12, 0x34, 0x56, 0x0a, 0x00, 0x27, 0x00, 0x00, 0x01,
	0x08, 0x00, 0x45, 0x00, 0x00, 0x2c, 0x1c, 0x46, 0x20, 0xb9, 0x40, 0x11,
	0x51, 0x86, 0xc0, 0x00, 0x02, 0x01, 0xc6, 0x33, 0x64, 0x07, 0x00, 0x01,
	0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d,
	0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
};

static const uint8_t arp[] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0a, 0x00, 0x27, 0x00, 0x00, 0x01,
	0x08, 0x06, 0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x01, 0x0a, 0x00,
	0x27, 0x00, 0x00, 0x01, 0xc0, 0x00, 0x02, 0x01, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0xc0, 0x00, 0x02, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
};

static const struct {
	const uint8_t *bytes;
	size_t len;
} literals[] = {{syn4, sizeof syn4},   {dns6, sizeof dns6},
		{ping4, sizeof ping4}, {ext6, sizeof ext6},
		{frag6, sizeof frag6}, {frag4, sizeof frag4},
		{arp, sizeof arp}};

enum {
	LITERALS = sizeof literals / sizeof *literals
};

/* Every kind of packet that has a checksum to be completed. */
static const struct packet kinds[] = {
	{.version = 4, .proto = IPPROTO_TCP, .tcp_flags = ACK, .payload = 100},
	{.version = 4, .proto = IPPROTO_TCP, .tcp_flags = ACK, .payload = 0},
	{.version = 4,
	 .proto = IPPROTO_TCP,
	 .tags = 1,
	 .tcp_flags = PSH | ACK,
	 .tcp_options = 12,
	 .payload = 33},
	{.version = 4,
	 .proto = IPPROTO_TCP,
	 .options = 8,
	 .tcp_flags = SYN,
	 .tcp_options = 40},
	{.version = 6,
	 .proto = IPPROTO_TCP,
	 .tcp_flags = FIN | ACK,
	 .payload = 77},
	{.version = 6,
	 .proto = IPPROTO_TCP,
	 .tags = 2,
	 .options = 16,
	 .tcp_flags = ACK,
	 .tcp_options = 20,
	 .payload = 1},
	{.version = 4, .proto = IPPROTO_UDP, .payload = 31},
	{.version = 4, .proto = IPPROTO_UDP, .options = 40, .payload = 0},
	{.version = 6, .proto = IPPROTO_UDP, .tags = 1, .payload = 64},
	{.version = 6, .proto = IPPROTO_UDP, .options = 8, .payload = 19},
};

enum {
	KINDS = sizeof kinds / sizeof *kinds
};

/* A frame in pieces of random sizes, each a block of its own. */
struct pieces {
	struct skli_frame frame;
	struct iovec iov[16];
};

static void add_piece(struct pieces *p, const uint8_t *bytes, size_t len)
{
	struct iovec *iov = &p->iov[p->frame.iovcnt++];

	iov->iov_len = len;
	iov->iov_base = malloc(len);
	if (len && iov->iov_base)
		memcpy(iov->iov_base, bytes, len);
	p->frame.len += len;
}

static struct skli_frame *cut(struct pieces *p, const uint8_t *bytes,
			      size_t len, int count)
{
	memset(p, 0, sizeof *p);
	p->frame.iov = p->iov;
	while (--count > 0) {
		size_t n = suite_random(len < 100 ? len + 1 : 100);

		add_piece(p, bytes, n);
		bytes += n;
		len -= n;
	}
	add_piece(p, bytes, len);
	return &p->frame;
}

static void free_pieces(struct pieces *p)
{
	for (int i = 0; i < p->frame.iovcnt; i++)
		free(p->iov[i].iov_base);
}

static size_t flatten(uint8_t *to, const struct iovec *iov, int iovcnt)
{
	size_t len = 0;

	for (int i = 0; i < iovcnt; i++) {
		if (iov[i].iov_len)
			memcpy(to + len, iov[i].iov_base, iov[i].iov_len);
		len += iov[i].iov_len;
	}
	return len;
}

/* What the sink is to get: one frame, or the segments of one packet. */
struct expected {
	struct packet packet; /* the whole */
	size_t size;          /* payload bytes of a segment */
	size_t at;            /* payload bytes that have come */
	int count, wrong;
	const struct iovec *iov; /* the last call's */
};

static struct packet segment_of(const struct expected *e)
{
	struct packet p = e->packet;
	size_t left = p.payload - e->at;

	p.seq += (uint32_t)e->at;
	p.id = (uint16_t)(p.id + e->count);
	if (left > e->size)
		p.tcp_flags &= (uint8_t) ~(FIN | PSH);
	if (e->at)
		p.tcp_flags &= (uint8_t)~CWR;
	p.payload = left < e->size ? left : e->size;
	return p;
}

static void compare(void *arg, const struct iovec *iov, int iovcnt, size_t len)
{
	static uint8_t got[PACKET_MAX], want[PACKET_MAX];
	struct expected *e = arg;
	struct packet p = segment_of(e);
	struct skli_frame f = {iov, iovcnt, len, {0}};
	size_t n = packet_build(want, &p);

	if (len != n || flatten(got, iov, iovcnt) != n || memcmp(got, want, n))
		e->wrong++;
	if (skli_frame_verify(&f))
		e->wrong++;
	e->at += p.payload;
	e->count++;
	e->iov = iov;
}

static void count(void *arg, const struct iovec *iov, int iovcnt, size_t len)
{
	int *calls = arg;

	(void)iov, (void)iovcnt, (void)len;
	++*calls;
}

static void test_checksum(void)
{
	static uint8_t bytes[66000];
	int wrong = 0;

	suite_seed();
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i % 7 ? suite_random(0) | 0xc3 : 0);
	for (int i = 0; i < 20000; i++) {
		size_t at = suite_random(64), len = suite_random(300);
		uint8_t *exact;

		if (i % 100 == 0)
			len = suite_random(sizeof bytes - 64);
		exact = malloc(len);
		memcpy(exact, bytes + at, len);
		wrong += skli_checksum(bytes + at, (int)len) !=
			 htons(packet_sum(0, bytes + at, len));
		wrong += skli_checksum(exact, (int)len) !=
			 htons(packet_sum(0, exact, len));
		free(exact);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void test_checksum_edges(void)
{
	static const uint8_t ones[4096];
	uint8_t all[4096];

	memset(all, 0xff, sizeof all);
	CU_ASSERT_EQUAL(skli_checksum(all, 0), 0);
	CU_ASSERT_EQUAL(skli_checksum(all, -5), 0);
	CU_ASSERT_EQUAL(skli_checksum(ones, sizeof ones), 0);
	CU_ASSERT_EQUAL(skli_checksum(all, sizeof all), 0xffff);
	CU_ASSERT_EQUAL(skli_checksum(all, 1), htons(0xff00));
	CU_ASSERT_EQUAL(skli_checksum("\0\1\xff\xff", 4), htons(1));
	CU_ASSERT_EQUAL(skli_checksum_fold(UINT64_MAX), 0xffff);
	/* RFC 1071 section 3. */
	CU_ASSERT_EQUAL(skli_checksum("\0\1\xf2\3\xf4\xf5\xf6\xf7", 8),
			htons(0xddf2));
}

static void test_checksum_pieces(void)
{
	uint8_t bytes[1000];
	int wrong = 0;

	suite_seed();
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)suite_random(0);
	for (int i = 0; i < 5000; i++) {
		size_t skip = suite_random(sizeof bytes);
		size_t len = suite_random(sizeof bytes - skip);
		struct pieces p;
		struct skli_frame *f = cut(&p, bytes, sizeof bytes, 1 + i % 16);
		uint64_t sum = skli_checksum_iov(0x1234, f->iov, skip, len);

		wrong += skli_checksum_fold(sum) !=
			 htons(packet_sum(htons(0x1234), bytes + skip, len));
		free_pieces(&p);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static bool same_info(const struct skli_frame_info *a,
		      const struct skli_frame_info *b)
{
	return a->l3 == b->l3 && a->l4 == b->l4 && a->payload == b->payload &&
	       a->end == b->end && a->ethertype == b->ethertype &&
	       a->proto == b->proto && a->tcp_flags == b->tcp_flags &&
	       a->fragment == b->fragment &&
	       a->source_routed == b->source_routed;
}

static struct skli_frame_info parsed(const uint8_t *bytes, size_t len)
{
	struct skli_frame_info info, again;
	struct pieces p;

	CU_ASSERT_EQUAL_FATAL(skli_frame_parse(cut(&p, bytes, len, 1), &info),
			      0);
	free_pieces(&p);
	for (int i = 2; i <= 16; i++) {
		CU_ASSERT_EQUAL(
			skli_frame_parse(cut(&p, bytes, len, i), &again), 0);
		CU_ASSERT_TRUE(same_info(&info, &again));
		free_pieces(&p);
	}
	return info;
}

static void check_info(const struct skli_frame_info *info, uint16_t ethertype,
		       uint8_t proto, uint32_t l3, uint32_t l4,
		       uint32_t payload, uint32_t end)
{
	CU_ASSERT_EQUAL(info->ethertype, ethertype);
	CU_ASSERT_EQUAL(info->proto, proto);
	CU_ASSERT_EQUAL(info->l3, l3);
	CU_ASSERT_EQUAL(info->l4, l4);
	CU_ASSERT_EQUAL(info->payload, payload);
	CU_ASSERT_EQUAL(info->end, end);
}

static void test_parse(void)
{
	struct skli_frame_info info = parsed(syn4, sizeof syn4);

	check_info(&info, 0x0800, IPPROTO_TCP, 14, 34, 74, 74);
	CU_ASSERT_EQUAL(info.tcp_flags, SYN);
	info = parsed(dns6, sizeof dns6);
	check_info(&info, 0x86dd, IPPROTO_UDP, 18, 58, 66, 95);
	info = parsed(ping4, sizeof ping4);
	check_info(&info, 0x0800, IPPROTO_ICMP, 14, 34, 42, 49);
	info = parsed(ext6, sizeof ext6);
	check_info(&info, 0x86dd, IPPROTO_ICMPV6, 14, 86, 90, 99);
	/* An atomic fragment is none. */
	CU_ASSERT_FALSE(info.fragment);
	info = parsed(frag6, sizeof frag6);
	check_info(&info, 0x86dd, IPPROTO_ICMPV6, 14, 62, 62, 78);
	CU_ASSERT_TRUE(info.fragment);
	info = parsed(frag4, sizeof frag4);
	check_info(&info, 0x0800, IPPROTO_UDP, 14, 34, 34, 58);
	CU_ASSERT_TRUE(info.fragment);
	info = parsed(arp, sizeof arp);
	check_info(&info, 0x0806, 0, 14, 14, 14, 60);
}

static void test_parse_source_route(void)
{
	struct packet p = kinds[5];
	uint8_t bytes[PACKET_MAX];
	size_t len = packet_build(bytes, &p), ip = packet_l3(&p);
	struct skli_frame_info info;

	/* The option header becomes a routing header with 1 segment left. */
	bytes[ip + 6] = IPPROTO_ROUTING;
	bytes[ip + 40 + 3] = 1;
	info = parsed(bytes, len);
	CU_ASSERT_TRUE(info.source_routed);
	bytes[ip + 40 + 3] = 0;
	info = parsed(bytes, len);
	CU_ASSERT_FALSE(info.source_routed);
	CU_ASSERT_EQUAL(info.payload, packet_data(&p));
}

static void test_parse_fragments(void)
{
	uint8_t bytes[sizeof ext6];

	/* Reserved bits of the fragment header mean nothing (RFC 8200 4.5). */
	memcpy(bytes, ext6, sizeof ext6);
	bytes[81] |= 6;
	CU_ASSERT_FALSE(parsed(bytes, sizeof bytes).fragment);
	bytes[81] |= 1; /* the first of many */
	CU_ASSERT_TRUE(parsed(bytes, sizeof bytes).fragment);
	bytes[81] = 8; /* the last of two */
	CU_ASSERT_TRUE(parsed(bytes, sizeof bytes).fragment);
	memcpy(bytes, syn4, sizeof syn4);
	bytes[20] = 0x20;
	CU_ASSERT_TRUE(parsed(bytes, sizeof syn4).fragment);
	bytes[20] = 0x80; /* the reserved bit */
	CU_ASSERT_FALSE(parsed(bytes, sizeof syn4).fragment);
}

/* The destination options become an authentication header of 16 bytes. */
static void test_parse_authentication(void)
{
	struct packet p = kinds[5];
	uint8_t bytes[PACKET_MAX];
	size_t len = packet_build(bytes, &p), ip = packet_l3(&p);
	struct skli_frame_info info;

	bytes[ip + 6] = IPPROTO_AH;
	bytes[ip + 40 + 1] = 2;
	info = parsed(bytes, len);
	CU_ASSERT_EQUAL(info.proto, IPPROTO_TCP);
	CU_ASSERT_EQUAL(info.payload, packet_data(&p));
}

static void test_parse_tags(void)
{
	static const uint8_t types[] = {0x81, 0x00, 0x88, 0xa8, 0x91, 0x00};
	struct packet p = {
		.version = 4, .proto = IPPROTO_ICMP, .tags = 3, .payload = 9};
	uint8_t bytes[PACKET_MAX];
	size_t len = packet_build(bytes, &p);
	struct skli_frame_info info;

	for (size_t i = 0; i < 3; i++)
		memcpy(bytes + 12 + 4 * i, types + 2 * i, 2);
	info = parsed(bytes, len);
	check_info(&info, 0x0800, IPPROTO_ICMP, 26, 46, 54, (uint32_t)len);
}

static void test_parse_padding(void)
{
	uint8_t bytes[sizeof ping4 + 11];
	struct skli_frame_info info;

	memcpy(bytes, ping4, sizeof ping4);
	memset(bytes + sizeof ping4, 0xee, 11);
	info = parsed(bytes, sizeof bytes);
	CU_ASSERT_EQUAL(info.end, sizeof ping4);
}

/* A frame that must be refused by all, whatever its offload says. */
static int refused(const uint8_t *bytes, size_t len)
{
	static const struct skli_offload offs[] = {
		{0, 0, SKLI_CSUM_PARTIAL, 34, 16},
		{10, SKLI_GSO_TCPV4, SKLI_CSUM_PARTIAL, 34, 16},
		{10, SKLI_GSO_TCPV6, 0, 0, 0},
	};
	struct skli_frame_info info;
	int ok = 0, calls = 0;

	for (int n = 1; n < 4; n++) {
		struct pieces p;
		struct skli_frame *f = cut(&p, bytes, len, n);

		ok += skli_frame_parse(f, &info) != -1;
		ok += skli_frame_verify(f) != -1;
		for (int i = 0; i < 3; i++) {
			f->off = offs[i];
			ok += skli_frame_finish(f, count, &calls) != -1;
			ok += skli_frame_verify(f) != -1;
		}
		free_pieces(&p);
	}
	return ok == 0 && calls == 0;
}

static void test_truncated(void)
{
	uint8_t bytes[PACKET_MAX];
	int wrong = 0;

	for (size_t i = 0; i < LITERALS; i++) {
		bool ip = literals[i].bytes != arp;
		size_t shortest = ip ? literals[i].len : 14;

		for (size_t len = 0; len < shortest; len++)
			wrong += !refused(literals[i].bytes, len);
	}
	for (size_t i = 0; i < KINDS; i++) {
		size_t whole = packet_build(bytes, &kinds[i]);

		for (size_t len = 0; len < whole; len++)
			wrong += !refused(bytes, len);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* BYTES with VALUE at AT. */
static int lie(const uint8_t *bytes, size_t len, size_t at, uint8_t value)
{
	uint8_t *copy = malloc(len);
	int result;

	memcpy(copy, bytes, len);
	copy[at] = value;
	result = refused(copy, len);
	free(copy);
	return result;
}

static void test_lying_ip4(void)
{
	/* Version. */
	CU_ASSERT_TRUE(lie(syn4, sizeof syn4, 14, 0x65));
	/* Header length: too short, and beyond the packet. */
	for (uint8_t ihl = 0; ihl < 5; ihl++)
		CU_ASSERT_TRUE(lie(syn4, sizeof syn4, 14, 0x40 | ihl));
	CU_ASSERT_TRUE(lie(ping4, sizeof ping4, 14, 0x4f));
	/* Total length: beyond the frame, and shorter than the headers. */
	CU_ASSERT_TRUE(lie(syn4, sizeof syn4, 16, 0xff));
	CU_ASSERT_TRUE(lie(syn4, sizeof syn4, 17, sizeof syn4 - 14 + 1));
	CU_ASSERT_TRUE(lie(syn4, sizeof syn4, 17, 19));
	CU_ASSERT_TRUE(lie(syn4, sizeof syn4, 17, 39));
	CU_ASSERT_TRUE(lie(ping4, sizeof ping4, 17, 27));
}

static void test_lying_ip6(void)
{
	CU_ASSERT_TRUE(lie(dns6, sizeof dns6, 18, 0x40));
	CU_ASSERT_TRUE(lie(dns6, sizeof dns6, 23, sizeof dns6 - 58 + 1));
	CU_ASSERT_TRUE(lie(dns6, sizeof dns6, 23, 7));
	CU_ASSERT_TRUE(lie(ext6, sizeof ext6, 19, 35));
	/* Extension headers that end beyond the packet. */
	CU_ASSERT_TRUE(lie(ext6, sizeof ext6, 55, 5));
	CU_ASSERT_TRUE(lie(ext6, sizeof ext6, 55, 0xff));
	CU_ASSERT_TRUE(lie(ext6, sizeof ext6, 63, 4));
}

static void test_lying_l4(void)
{
	for (uint8_t header = 0; header < 5; header++)
		CU_ASSERT_TRUE(
			lie(syn4, sizeof syn4, 46, (uint8_t)(header << 4)));
	CU_ASSERT_TRUE(lie(syn4, sizeof syn4, 46, 0xb0));
	CU_ASSERT_TRUE(lie(dns6, sizeof dns6, 63, 7));
	CU_ASSERT_TRUE(lie(dns6, sizeof dns6, 63, sizeof dns6 - 58 + 1));
	CU_ASSERT_TRUE(lie(dns6, sizeof dns6, 62, 1));
	/* An 802.3 length. */
	CU_ASSERT_TRUE(lie(arp, sizeof arp, 12, 0x05));
}

static void test_lying_pieces(void)
{
	struct iovec iov = {NULL, sizeof syn4};
	struct skli_frame_info info;
	struct skli_frame f = {&iov, 1, sizeof syn4 + 1, {0}};

	iov.iov_base = malloc(sizeof syn4);
	memcpy(iov.iov_base, syn4, sizeof syn4);
	CU_ASSERT_EQUAL(skli_frame_parse(&f, &info), -1);
	f.len = sizeof syn4 - 1;
	CU_ASSERT_EQUAL(skli_frame_parse(&f, &info), -1);
	iov.iov_len = f.len = (size_t)UINT32_MAX + 1;
	CU_ASSERT_EQUAL(skli_frame_parse(&f, &info), -1);
	f.iovcnt = 0;
	f.len = 0;
	CU_ASSERT_EQUAL(skli_frame_parse(&f, &info), -1);
	free(iov.iov_base);
}

static void remember_iov(void *arg, const struct iovec *iov, int iovcnt,
			 size_t len)
{
	struct skli_frame *f = arg;

	f->iov = iov;
	f->iovcnt = iovcnt;
	f->len = len;
}

static void test_finish_untouched(void)
{
	struct iovec iov[2] = {{NULL, 3}, {NULL, 0}};
	struct skli_frame f = {iov, 2, 3, {0, 0, SKLI_CSUM_VALID, 0, 0}};
	struct skli_frame got = {0};

	/* It lacks nothing, so nobody looks at it: not even three bytes. */
	CU_ASSERT_EQUAL(skli_frame_finish(&f, remember_iov, &got), 1);
	CU_ASSERT_PTR_EQUAL(got.iov, iov);
	CU_ASSERT_EQUAL(got.iovcnt, 2);
	CU_ASSERT_EQUAL(got.len, 3);
}

static int finish_partial_of(struct packet p, int count_of_pieces)
{
	static uint8_t bytes[PACKET_MAX], after[PACKET_MAX];
	struct expected e = {.packet = p, .size = SIZE_MAX};
	struct skli_offload off;
	size_t len = packet_build_partial(bytes, &p, &off);
	struct pieces pieces;
	struct skli_frame *f = cut(&pieces, bytes, len, count_of_pieces);
	int n;

	f->off = off;
	n = skli_frame_verify(f) == -1 ? skli_frame_finish(f, compare, &e) : 0;
	flatten(after, f->iov, f->iovcnt);
	free_pieces(&pieces);
	return n == 1 && e.count == 1 && !e.wrong && !memcmp(bytes, after, len);
}

static void test_finish_partial(void)
{
	int wrong = 0;

	suite_seed();
	for (size_t i = 0; i < KINDS; i++) {
		for (int n = 1; n <= 16; n++) {
			struct packet p = kinds[i];

			p.seq = (uint32_t)suite_random(0);
			p.payload += (size_t)n;
			wrong += !finish_partial_of(p, n);
		}
	}
	for (size_t len = 1400; len < 1480; len++) {
		struct packet p = kinds[len % KINDS];

		p.payload = len;
		wrong += !finish_partial_of(p, 4);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void first_bytes(void *arg, const struct iovec *iov, int iovcnt,
			size_t len)
{
	CU_ASSERT_FATAL(len <= 256);
	flatten(arg, iov, iovcnt);
}

/* A UDP checksum of 0 would mean none: 0xffff instead (RFC 768). */
static void test_finish_udp_zero(void)
{
	struct packet p = kinds[6];
	uint8_t bytes[PACKET_MAX], got[256];
	struct skli_offload off;
	size_t len = packet_build_partial(bytes, &p, &off);
	size_t l4 = packet_l4(&p);
	uint16_t sum = (uint16_t)~packet_sum(0, bytes + l4, len - l4);
	struct pieces pieces;
	struct skli_frame *f;

	/* The ID of the DNS query takes up what the sum lacks. */
	sum = packet_sum((uint32_t)bytes[l4 + 8] << 8 | bytes[l4 + 9],
			 (uint8_t[]){(uint8_t)(sum >> 8), (uint8_t)sum}, 2);
	bytes[l4 + 8] = (uint8_t)(sum >> 8);
	bytes[l4 + 9] = (uint8_t)sum;
	f = cut(&pieces, bytes, len, 3);
	f->off = off;
	CU_ASSERT_EQUAL(skli_frame_finish(f, first_bytes, got), 1);
	CU_ASSERT_EQUAL(got[l4 + 6], 0xff);
	CU_ASSERT_EQUAL(got[l4 + 7], 0xff);
	free_pieces(&pieces);
}

/* Padding is not covered by the checksum, and stays. */
static void test_finish_padding(void)
{
	struct packet p = {.version = 4, .proto = IPPROTO_UDP, .payload = 3};
	uint8_t bytes[64], want[64], got[256];
	struct skli_offload off;
	size_t len = packet_build_partial(bytes, &p, &off);
	struct pieces pieces;
	struct skli_frame *f;

	memset(bytes, 0xa5, sizeof bytes);
	memset(want, 0xa5, sizeof want);
	packet_build_partial(bytes, &p, &off);
	packet_build(want, &p);
	CU_ASSERT_FATAL(len < 60);
	f = cut(&pieces, bytes, 60, 3);
	f->off = off;
	CU_ASSERT_EQUAL(skli_frame_finish(f, first_bytes, got), 1);
	CU_ASSERT_EQUAL(memcmp(got, want, 60), 0);
	free_pieces(&pieces);
}

/* Splits P and compares each segment; as virtio has it, or without PARTIAL. */
static int split_of(struct packet p, uint16_t size, int count_of_pieces,
		    bool partial)
{
	static uint8_t bytes[PACKET_MAX], after[PACKET_MAX];
	struct expected e = {.packet = p, .size = size};
	struct skli_offload off = {0};
	size_t len = partial ? packet_build_partial(bytes, &p, &off)
			     : packet_build_bare(bytes, &p);
	int want = p.payload ? (int)((p.payload + size - 1) / size) : 1, n;
	struct pieces pieces;
	struct skli_frame *f = cut(&pieces, bytes, len, count_of_pieces);

	f->off = off;
	f->off.gso_size = size;
	f->off.gso_type = p.version == 4 ? SKLI_GSO_TCPV4 : SKLI_GSO_TCPV6;
	n = skli_frame_finish(f, compare, &e);
	flatten(after, f->iov, f->iovcnt);
	free_pieces(&pieces);
	return n == want && e.count == want && !e.wrong && e.at == p.payload &&
	       !memcmp(bytes, after, len);
}

static void test_finish_split(void)
{
	static const size_t payloads[] = {0,   1,   99,   100,  101, 199,
					  200, 201, 1460, 2920, 7777};
	static const uint8_t flags[] = {ACK, ACK | PSH, ACK | FIN,
					ACK | PSH | FIN | CWR, ACK | ECE | CWR};
	static const uint16_t sizes[] = {1, 99, 100, 1460};
	int wrong = 0;

	suite_seed();
	for (unsigned i = 0; i < 11 * 5 * 4 * 6; i++) {
		struct packet p = kinds[i % 6];
		size_t payload = payloads[i / 6 % 11];

		p.payload = payload;
		p.tcp_flags = flags[i / 66 % 5];
		p.seq = (uint32_t)suite_random(0);
		p.ack = (uint32_t)suite_random(0);
		p.id = (uint16_t)suite_random(0);
		wrong += !split_of(p, sizes[i / 330 % 4],
				   1 + (int)suite_random(16), i % 3);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* 64 KB, and numbers that wrap on the way. */
static void test_finish_split_large(void)
{
	struct packet p = {.version = 4,
			   .proto = IPPROTO_TCP,
			   .tcp_flags = ACK | PSH,
			   .tcp_options = 12,
			   .seq = UINT32_MAX - 5000,
			   .id = 65530,
			   .payload = 65535 - 20 - 32};

	CU_ASSERT_TRUE(split_of(p, 1448, 1, true));
	CU_ASSERT_TRUE(split_of(p, 1448, 16, false));
	p.version = 6;
	p.payload = 65535 - 32;
	CU_ASSERT_TRUE(split_of(p, 1428, 1, true));
	CU_ASSERT_TRUE(split_of(p, 1, 7, false));
	CU_ASSERT_TRUE(split_of(p, 65535, 7, true));
}

/* A GSO frame's padding belongs to no segment. */
static void test_finish_split_padding(void)
{
	struct packet p = kinds[0];
	uint8_t bytes[PACKET_MAX];
	struct expected e = {.packet = p, .size = 60};
	size_t len = packet_build_bare(bytes, &p);
	struct pieces pieces;
	struct skli_frame *f;

	memset(bytes + len, 0xa5, 9);
	f = cut(&pieces, bytes, len + 9, 5);
	f->off.gso_type = SKLI_GSO_TCPV4;
	f->off.gso_size = 60;
	CU_ASSERT_EQUAL(skli_frame_finish(f, compare, &e), 2);
	CU_ASSERT_EQUAL(e.wrong, 0);
	free_pieces(&pieces);
}

static int finish_with(const uint8_t *bytes, size_t len,
		       struct skli_offload off)
{
	int calls = 0, n;
	struct pieces p;
	struct skli_frame *f = cut(&p, bytes, len, 3);

	f->off = off;
	n = skli_frame_finish(f, count, &calls);
	free_pieces(&p);
	CU_ASSERT_EQUAL(calls, n < 0 ? 0 : n);
	return n;
}

static int finish_gso(const uint8_t *bytes, size_t len, uint8_t type,
		      uint16_t size)
{
	struct skli_offload off = {size, type, 0, 0, 0};

	return finish_with(bytes, len, off);
}

static void test_finish_refuses(void)
{
	struct skli_offload off = {0, 0, SKLI_CSUM_PARTIAL, 34, 0};
	uint8_t first[sizeof syn4];

	CU_ASSERT_EQUAL(finish_gso(syn4, sizeof syn4, SKLI_GSO_TCPV4, 0), -1);
	CU_ASSERT_EQUAL(finish_gso(syn4, sizeof syn4, SKLI_GSO_NONE, 9), -1);
	CU_ASSERT_EQUAL(finish_gso(syn4, sizeof syn4, SKLI_GSO_TCPV6, 9), -1);
	CU_ASSERT_EQUAL(finish_gso(syn4, sizeof syn4, 3, 9), -1);
	CU_ASSERT_EQUAL(finish_gso(syn4, sizeof syn4, 0x81, 9), -1);
	CU_ASSERT_EQUAL(finish_gso(dns6, sizeof dns6, SKLI_GSO_TCPV6, 9), -1);
	CU_ASSERT_EQUAL(finish_gso(frag4, sizeof frag4, SKLI_GSO_TCPV4, 9), -1);
	CU_ASSERT_EQUAL(finish_gso(arp, sizeof arp, SKLI_GSO_TCPV4, 9), -1);
	memcpy(first, syn4, sizeof syn4);
	first[20] = 0x20; /* more fragments follow */
	CU_ASSERT_EQUAL(finish_gso(first, sizeof first, SKLI_GSO_TCPV4, 9), -1);
	CU_ASSERT_EQUAL(finish_gso(arp, sizeof arp, SKLI_GSO_NONE, 9), -1);
	CU_ASSERT_EQUAL(finish_gso(syn4, sizeof syn4, SKLI_GSO_TCPV4, 9), 1);
	/* The checksum's field must lie in the packet ... */
	off.csum_offset = sizeof syn4 - 34 - 2;
	CU_ASSERT_EQUAL(finish_with(syn4, sizeof syn4, off), 1);
	off.csum_offset++;
	CU_ASSERT_EQUAL(finish_with(syn4, sizeof syn4, off), -1);
	off.csum_start = off.csum_offset = UINT16_MAX;
	CU_ASSERT_EQUAL(finish_with(syn4, sizeof syn4, off), -1);
	/* ... and in the TCP header if segments are made. */
	off = (struct skli_offload){9, SKLI_GSO_TCPV4, SKLI_CSUM_PARTIAL, 34,
				    6};
	CU_ASSERT_EQUAL(finish_with(syn4, sizeof syn4, off), -1);
	off.csum_offset = 16;
	CU_ASSERT_EQUAL(finish_with(syn4, sizeof syn4, off), 1);
	off.csum_start = 14;
	CU_ASSERT_EQUAL(finish_with(syn4, sizeof syn4, off), -1);
}

/* Headers longer than the scratch copy, and more pieces than the array. */
static void test_finish_limits(void)
{
	struct packet p = {.version = 6,
			   .proto = IPPROTO_TCP,
			   .tcp_flags = ACK,
			   .options = 176,
			   .payload = 50};
	struct iovec iov[SKLI_FRAME_IOV + 1] = {{0}};
	struct skli_frame f = {iov, SKLI_FRAME_IOV + 1, 0, {0}};
	uint8_t bytes[1000];
	size_t len = packet_build(bytes, &p);
	int calls = 0;

	CU_ASSERT_EQUAL(finish_gso(bytes, len, SKLI_GSO_TCPV6, 25), 2);
	p.options += 8;
	len = packet_build(bytes, &p);
	CU_ASSERT_EQUAL(packet_data(&p), SKLI_FRAME_HEADER + 2);
	CU_ASSERT_EQUAL(finish_gso(bytes, len, SKLI_GSO_TCPV6, 25), -1);

	for (size_t i = 0; i < sizeof syn4; i++) {
		iov[i].iov_base = bytes + i;
		iov[i].iov_len = 1;
	}
	memcpy(bytes, syn4, sizeof syn4);
	f.len = sizeof syn4;
	f.off.gso_size = 9;
	f.off.gso_type = SKLI_GSO_TCPV4;
	CU_ASSERT_EQUAL(skli_frame_finish(&f, count, &calls), -1);
	f.iovcnt--;
	CU_ASSERT_EQUAL(skli_frame_finish(&f, count, &calls), 1);
}

/* The sum in the field, not the addresses, is the base (source routes). */
static void test_finish_source_route(void)
{
	struct packet p = kinds[5];
	struct expected e = {.packet = p, .size = 20};
	uint8_t bytes[PACKET_MAX];
	struct skli_offload off;
	struct pieces pieces;
	struct skli_frame *f;
	size_t len;

	p.payload = e.packet.payload = 60;
	len = packet_build_partial(bytes, &p, &off);
	bytes[packet_l3(&p) + 30] ^= 0xff; /* not the final destination yet */
	f = cut(&pieces, bytes, len, 2);
	f->off = off;
	f->off.gso_size = 20;
	f->off.gso_type = SKLI_GSO_TCPV6;
	CU_ASSERT_EQUAL(skli_frame_finish(f, compare, &e), 3);
	/* Each differs by that byte, so neither comparison nor sum holds ... */
	CU_ASSERT_EQUAL(e.wrong, 6);
	free_pieces(&pieces);
}

static int verified(const uint8_t *bytes, size_t len)
{
	struct pieces p;
	int ok = skli_frame_verify(cut(&p, bytes, len, 1)) == 0;

	free_pieces(&p);
	for (int n = 2; n < 8; n++) {
		int again = skli_frame_verify(cut(&p, bytes, len, n)) == 0;

		CU_ASSERT_EQUAL(ok, again);
		free_pieces(&p);
	}
	return ok;
}

static void test_verify(void)
{
	uint8_t bytes[PACKET_MAX];
	struct packet icmp = {
		.version = 4, .proto = IPPROTO_ICMP, .payload = 57};
	size_t len;

	for (size_t i = 0; i < LITERALS; i++)
		CU_ASSERT_TRUE(verified(literals[i].bytes, literals[i].len));
	for (size_t i = 0; i < KINDS; i++) {
		len = packet_build(bytes, &kinds[i]);
		CU_ASSERT_TRUE(verified(bytes, len));
	}
	len = packet_build(bytes, &icmp);
	CU_ASSERT_TRUE(verified(bytes, len));
	icmp.version = 6;
	icmp.proto = IPPROTO_ICMPV6;
	len = packet_build(bytes, &icmp);
	CU_ASSERT_TRUE(verified(bytes, len));
}

/* Ones complement sums see every single bit. */
static int flips_unseen(const uint8_t *bytes, size_t len, size_t from,
			size_t to)
{
	uint8_t *copy = malloc(len);
	struct iovec iov = {copy, len};
	struct skli_frame f = {&iov, 1, len, {0}};
	int unseen = 0;

	for (size_t bit = from * 8; bit < to * 8; bit++) {
		memcpy(copy, bytes, len);
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		unseen += skli_frame_verify(&f) == 0;
	}
	free(copy);
	return unseen;
}

static void test_verify_flips(void)
{
	CU_ASSERT_EQUAL(flips_unseen(syn4, sizeof syn4, 14, sizeof syn4), 0);
	CU_ASSERT_EQUAL(flips_unseen(ping4, sizeof ping4, 14, sizeof ping4), 0);
	/* IPv6: no checksum over the first eight bytes. */
	CU_ASSERT_EQUAL(flips_unseen(dns6, sizeof dns6, 26, sizeof dns6), 0);
	CU_ASSERT_EQUAL(flips_unseen(ext6, sizeof ext6, 86, sizeof ext6), 0);
	/* Of a fragment the IP header alone. */
	CU_ASSERT_EQUAL(flips_unseen(frag4, sizeof frag4, 14, 34), 0);
	CU_ASSERT_EQUAL(flips_unseen(frag4, sizeof frag4, 34, 35), 8);
}

static void test_verify_udp_without(void)
{
	struct packet p = kinds[6];
	uint8_t bytes[PACKET_MAX];
	size_t len = packet_build_bare(bytes, &p);

	CU_ASSERT_TRUE(verified(bytes, len));
	p.version = 6;
	len = packet_build_bare(bytes, &p);
	CU_ASSERT_FALSE(verified(bytes, len));
}

/* What fuzzing checks of a finished frame. */
struct fuzzed {
	bool must_verify;
	int frames, wrong;
};

static void check_finished(void *arg, const struct iovec *iov, int iovcnt,
			   size_t len)
{
	struct fuzzed *z = arg;
	struct skli_frame f = {iov, iovcnt, len, {0}};
	size_t sum = 0;

	for (int i = 0; i < iovcnt; i++)
		sum += iov[i].iov_len;
	z->frames++;
	z->wrong += sum != len;
	z->wrong += z->must_verify && skli_frame_verify(&f) != 0;
}

static void mutate(uint8_t *bytes, size_t *len, struct skli_offload *off)
{
	uint8_t *o = (uint8_t *)off;
	size_t headers = *len < 100 ? *len : 100;

	for (uint64_t n = suite_random(4); n; n--) {
		uint64_t r = suite_random(0);
		size_t at = (r & 1) ? (r >> 8) % headers : (r >> 8) % *len;

		if (r & 2)
			bytes[at] = (uint8_t)(r >> 32);
		else
			bytes[at] ^= (uint8_t)(1U << (r >> 32 & 7));
	}
	if (suite_random(4) == 0)
		*len -= suite_random(*len);
	if (suite_random(4) == 0)
		o[suite_random(sizeof *off)] = (uint8_t)suite_random(0);
}

static void cut_in_three(struct iovec *iov, uint8_t *bytes, size_t len)
{
	for (int i = 0; i < 3; i++) {
		size_t n = i < 2 ? suite_random(len + 1) : len;

		iov[i].iov_base = bytes;
		iov[i].iov_len = n;
		bytes += n;
		len -= n;
	}
}

/* One mutation; returns what was wrong with the answers. */
static int fuzz_once(uint8_t *end, const uint8_t *base, size_t len,
		     struct skli_offload off)
{
	uint8_t *bytes = end - len;
	struct fuzzed z = {0};
	struct iovec iov[3];
	struct skli_frame f = {iov, 3, 0, {0}};
	struct skli_frame_info i;
	int parsed_ok, n;

	memcpy(bytes, base, len);
	mutate(bytes, &len, &off);
	memmove(end - len, bytes, len);
	bytes = end - len;
	cut_in_three(iov, bytes, len);
	f.len = len;
	parsed_ok = skli_frame_parse(&f, &i) == 0;
	if (parsed_ok && (i.l3 > i.l4 || i.l4 > i.payload ||
			  i.payload > i.end || i.end > len))
		z.wrong++;
	skli_frame_verify(&f);
	f.off = off;
	/* Made from the addresses, sums are right whatever those are. */
	z.must_verify = off.gso_size && !(off.flags & SKLI_CSUM_PARTIAL);
	n = skli_frame_finish(&f, check_finished, &z);
	return z.wrong + (n != (z.frames ? z.frames : -1)) +
	       (n > 1 && !parsed_ok);
}

static void test_fuzz(void)
{
	enum {
		ROUNDS = 1000000,
		ROOM = 2048
	};
	uint8_t *room = malloc(ROOM), base[KINDS + LITERALS][ROOM / 2];
	struct skli_offload off[KINDS + LITERALS] = {{0}};
	size_t len[KINDS + LITERALS];
	clock_t stop = clock() + CLOCKS_PER_SEC;
	int rounds, wrong = 0;

	suite_seed();
	for (size_t i = 0; i < KINDS; i++)
		len[i] = packet_build_partial(base[i], &kinds[i], &off[i]);
	for (size_t i = 0; i < LITERALS; i++) {
		len[KINDS + i] = literals[i].len;
		memcpy(base[KINDS + i], literals[i].bytes, literals[i].len);
	}
	for (rounds = 0; rounds < ROUNDS; rounds++) {
		size_t i = suite_random(KINDS + LITERALS);
		struct skli_offload o = off[i];

		if (i < 6 && suite_random(2)) {
			o.gso_size = (uint16_t)(1 + suite_random(50));
			o.gso_type = kinds[i].version == 4 ? SKLI_GSO_TCPV4
							   : SKLI_GSO_TCPV6;
			o.flags = suite_random(2) ? SKLI_CSUM_PARTIAL : 0;
		}
		wrong += fuzz_once(room + ROOM, base[i], len[i], o);
		if (rounds % 1024 == 0 && clock() > stop)
			break;
	}
	printf("%d mutations ", rounds);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(rounds > 10000);
	free(room);
}

static const struct suite_case cases[] = {
	{"checksum equals the slow one", test_checksum},
	{"checksum of edge cases", test_checksum_edges},
	{"checksum over odd pieces", test_checksum_pieces},
	{"parse literal packets", test_parse},
	{"parse a source route", test_parse_source_route},
	{"parse fragments", test_parse_fragments},
	{"parse an authentication header", test_parse_authentication},
	{"parse VLAN tags", test_parse_tags},
	{"parse padding", test_parse_padding},
	{"refuse every truncation", test_truncated},
	{"refuse lying lengths, IPv4", test_lying_ip4},
	{"refuse lying lengths, IPv6", test_lying_ip6},
	{"refuse lying lengths, TCP, UDP, 802.3", test_lying_l4},
	{"refuse pieces that don't add up", test_lying_pieces},
	{"finish nothing: pass untouched", test_finish_untouched},
	{"finish partial checksums", test_finish_partial},
	{"finish a UDP checksum of 0", test_finish_udp_zero},
	{"finish with padding", test_finish_padding},
	{"split into segments", test_finish_split},
	{"split 64 KB, numbers wrap", test_finish_split_large},
	{"split drops padding", test_finish_split_padding},
	{"finish refuses unfit offloads", test_finish_refuses},
	{"finish refuses beyond its limits", test_finish_limits},
	{"split a source routed packet", test_finish_source_route},
	{"verify right frames", test_verify},
	{"verify sees each flipped bit", test_verify_flips},
	{"verify UDP without a checksum", test_verify_udp_without},
	{"random mutations", test_fuzz},
};

SUITE_MAIN("frame", cases)
