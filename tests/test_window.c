/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP at the edge of the peer's window, against a peer that is made by hand
 * (port/patches/0037-acks-beyond-the-window.patch).
 */
#include "tests/far.h"
#include "tests/suite.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

/* The first sequence number of the peer's data. */
#define PEER_SEQ 1000000U

/* Without an MSS option (RFC 9293, section 3.7.1); and four of them. */
#define SEGMENT 536U
#define WINDOW  (4 * SEGMENT)

struct peer {
	struct far far;
	skl_sock *listener, *sock;
	uint32_t start; /* of what the stack sends */
	uint32_t seq;   /* next that the peer sends */
};

/* A TCP segment as it came. */
struct segment {
	uint32_t seq, ack;
	uint8_t flags;
	size_t payload;
};

static uint32_t read32(const uint8_t *at)
{
	uint32_t be;

	memcpy(&be, at, sizeof(be));
	return ntohl(be);
}

static struct segment segment_receive(const struct peer *p)
{
	static uint8_t buf[FAR_FRAME_MAX];
	struct segment s = {0};
	struct skli_frame_info info;

	CU_ASSERT_FATAL(far_receive(&p->far, IPPROTO_TCP, buf, &info) > 0);
	s.seq = read32(buf + info.l4 + 4);
	s.ack = read32(buf + info.l4 + 8);
	s.flags = info.tcp_flags;
	s.payload = info.end - info.payload;
	return s;
}

static void segment_send(const struct peer *p, uint32_t seq, uint32_t ack,
			 uint8_t flags, uint16_t window, size_t payload)
{
	static uint8_t buf[PACKET_MAX];
	struct packet packet = {
		.version = 4,
		.proto = IPPROTO_TCP,
		.tcp_flags = flags,
		.seq = seq,
		.ack = ack,
		.window = window,
		.payload = payload,
	};

	far_send(&p->far, buf, packet_build(buf, &packet));
}

/* A connection to the stack, whose peer's window is so large. */
static void peer_open(struct peer *p, uint16_t window)
{
	struct segment s;

	far_open(&p->far, SOCK_STREAM);
	p->listener = skl_create_server(skl_inet("", 80), NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p->listener);
	skl_settimeout(p->listener, FAR_PATIENCE);
	segment_send(p, PEER_SEQ - 1, 0, SYN, window, 0);
	s = segment_receive(p);
	CU_ASSERT_EQUAL(s.flags, SYN | ACK);
	p->start = s.seq + 1;
	p->seq = PEER_SEQ;
	segment_send(p, PEER_SEQ, p->start, ACK, window, 0);
	p->sock = skl_accept(p->listener, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p->sock);
	skl_settimeout(p->sock, FAR_PATIENCE);
}

static void peer_close(struct peer *p)
{
	skl_close(p->sock);
	skl_close(p->listener);
	far_close(&p->far);
}

/* Receives until so many bytes of data have come, none of them twice. */
static void data_receive(const struct peer *p, size_t first, size_t end)
{
	while (first < end) {
		struct segment s = segment_receive(p);

		CU_ASSERT_EQUAL_FATAL(s.seq, p->start + (uint32_t)first);
		first += s.payload;
	}
	CU_ASSERT_EQUAL(first, end);
}

/* Until the next segment with data. */
static struct segment data_await(const struct peer *p)
{
	struct segment s;

	do {
		s = segment_receive(p);
	} while (!s.payload);
	return s;
}

/*
 * After a probe of a closed window an ACK is still one that the peer may take
 * (RFC 9293, section 3.10.7.4).
 */
static void ack_after_probe(void)
{
	static const uint8_t data[8000];
	struct segment s;
	struct peer p;

	peer_open(&p, WINDOW);
	CU_ASSERT_EQUAL(skl_sendall(p.sock, data, sizeof(data), 0), 0);
	data_receive(&p, 0, WINDOW);
	segment_send(&p, p.seq, p.start + WINDOW, ACK, 0, 0);
	s = data_await(&p);
	CU_ASSERT_EQUAL(s.seq, p.start + WINDOW);
	/* The peer does not take the probe, and has something to say. */
	segment_send(&p, p.seq, p.start + WINDOW, ACK, 0, 0);
	segment_send(&p, p.seq, p.start + WINDOW, ACK | PSH, 0, 10);
	do {
		s = segment_receive(&p);
	} while (s.ack != p.seq + 10);
	CU_ASSERT_EQUAL(s.seq, p.start + WINDOW);
	peer_close(&p);
}

/*
 * An old segment of the peer's acknowledges more than it did before: the
 * window's left edge moves, and the right one does not move with it.
 */
static void ack_of_retransmission(void)
{
	static const uint8_t data[8000];
	struct segment s;
	struct peer p;

	peer_open(&p, WINDOW);
	CU_ASSERT_EQUAL(skl_sendall(p.sock, data, sizeof(data), 0), 0);
	segment_send(&p, p.seq, p.start, ACK | PSH, WINDOW, 10);
	segment_send(&p, p.seq + 10, p.start, ACK | PSH, WINDOW, 10);
	data_receive(&p, 0, WINDOW);
	segment_send(&p, p.seq, p.start + SEGMENT, ACK | PSH, WINDOW - SEGMENT,
		     10);
	/* Nothing may come but ACKs, until there is room. */
	segment_send(&p, p.seq + 20, p.start + SEGMENT, ACK | PSH,
		     WINDOW - SEGMENT, 10);
	do {
		s = segment_receive(&p);
		CU_ASSERT_EQUAL(s.payload, 0);
	} while (s.ack != p.seq + 30);
	segment_send(&p, p.seq + 30, p.start + WINDOW, ACK, SEGMENT, 0);
	data_receive(&p, WINDOW, WINDOW + SEGMENT);
	peer_close(&p);
}

static const struct suite_case cases[] = {
	{"ack_after_probe", ack_after_probe},
	{"ack_of_retransmission", ack_of_retransmission},
};

SUITE_MAIN("window", cases)
