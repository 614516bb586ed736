/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet frames made by hand. */
#include "tests/packet.h"

#include <netinet/in.h>
#include <string.h>

static uint8_t *put8(uint8_t *p, unsigned value)
{
	*p = (uint8_t)value;
	return p + 1;
}

static uint8_t *put16(uint8_t *p, unsigned value)
{
	return put8(put8(p, value >> 8), value);
}

static uint8_t *put32(uint8_t *p, uint32_t value)
{
	return put16(put16(p, value >> 16), value);
}

uint16_t packet_sum(uint32_t start, const uint8_t *p, size_t n)
{
	uint32_t sum = start;

	for (size_t i = 0; i < n; i++) {
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)sum;
}

size_t packet_l3(const struct packet *p)
{
	return 14 + 4U * p->tags;
}

size_t packet_l4(const struct packet *p)
{
	return packet_l3(p) + (p->version == 4 ? 20 : 40) + p->options;
}

static size_t l4_header(const struct packet *p)
{
	if (p->fragment & 0x1fff)
		return 0;
	switch (p->proto) {
	case IPPROTO_TCP: return 20U + p->tcp_options;
	case IPPROTO_UDP:
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6: return 8;
	}
	return 0;
}

size_t packet_data(const struct packet *p)
{
	return packet_l4(p) + l4_header(p);
}

static void build_ethernet(uint8_t *at, const struct packet *p)
{
	memcpy(at, "\x02\0\0\0\0\x01\x02\0\0\0\0\x02", 12);
	at += 12;
	for (int i = 0; i < p->tags; i++)
		at = put16(put16(at, i ? 0x8100 : 0x88a8), 100U + (unsigned)i);
	put16(at, p->version == 4 ? 0x0800 : p->version ? 0x86dd : 0x0806);
}

static void build_ip4(uint8_t *ip, const struct packet *p, size_t l4_len)
{
	size_t header = 20U + p->options;
	uint8_t *at = put16(ip, 0x4000U | (unsigned)header / 4 << 8);

	at = put16(at, (unsigned)(header + l4_len));
	at = put16(put16(at, p->id), p->fragment);
	at = put16(put8(put8(at, 64), p->proto), 0);
	at = put32(put32(at, 0x0a000001), 0xc0a8fe02);
	memset(at, 1, p->options); /* no-operation */
	put16(ip + 10, (uint16_t)~packet_sum(0, ip, header));
}

static void build_ip6(uint8_t *ip, const struct packet *p, size_t l4_len)
{
	uint8_t *at = put32(ip, 0x60012345);

	at = put16(at, (unsigned)(p->options + l4_len));
	at = put8(put8(at, p->options ? IPPROTO_DSTOPTS : p->proto), 64);
	memcpy(at, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
	memcpy(at + 16, "\xfd\x12\0\0\0\0\0\0\0\0\0\xff\0\0\xab\x02", 16);
	at += 32;
	if (!p->options)
		return;
	at = put8(put8(at, p->proto), p->options / 8U - 1);
	memset(at, 0, p->options - 2U); /* Pad1 */
}

static void build_tcp(uint8_t *at, const struct packet *p)
{
	at = put16(put16(at, 49152), 80);
	at = put32(put32(at, p->seq), p->ack);
	at = put8(at, (20U + p->tcp_options) / 4 << 4);
	at = put8(at, p->tcp_flags);
	at = put16(put16(put16(at, p->window), 0), 0);
	memset(at, 1, p->tcp_options); /* no-operation */
}

static void build_l4(uint8_t *at, const struct packet *p)
{
	if (l4_header(p) == 0)
		return;
	if (p->proto == IPPROTO_TCP) {
		build_tcp(at, p);
		return;
	}
	if (p->proto == IPPROTO_UDP) {
		at = put16(put16(at, 5353), 53);
		put16(put16(at, (unsigned)p->payload + 8), 0);
		return;
	}
	at = put16(at, p->proto == IPPROTO_ICMP ? 0x0800 : 0x8000);
	put16(put16(put16(at, 0), p->id), p->seq & 0xffff);
}

static void build_data(uint8_t *at, uint32_t seq, size_t len)
{
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)((seq + i) * 2654435761U >> 24);
}

/* Where the L4 checksum is, 0: there is none. */
static size_t checksum_at(const struct packet *p)
{
	size_t l4 = packet_l4(p);

	if (p->fragment & 0x3fff)
		return 0;
	switch (p->proto) {
	case IPPROTO_TCP: return l4 + 16;
	case IPPROTO_UDP: return l4 + 6;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6: return l4 + 2;
	}
	return 0;
}

static uint16_t pseudo_sum(const uint8_t *frame, const struct packet *p,
			   size_t l4_len)
{
	const uint8_t *ip = frame + packet_l3(p);
	uint8_t pseudo[40] = {0}, *at = pseudo;

	if (p->proto == IPPROTO_ICMP)
		return 0;
	if (p->version == 4) {
		memcpy(at, ip + 12, 8);
		put16(put16(at + 8, p->proto), (unsigned)l4_len);
		return packet_sum(0, pseudo, 12);
	}
	memcpy(at, ip + 8, 32);
	put32(put32(at + 32, (uint32_t)l4_len), p->proto);
	return packet_sum(0, pseudo, 40);
}

size_t packet_build_bare(uint8_t *to, const struct packet *p)
{
	size_t l3 = packet_l3(p), l4 = packet_l4(p), data = packet_data(p);
	size_t l4_len = data - l4 + p->payload;

	build_ethernet(to, p);
	if (p->version == 0) {
		memset(to + l3, 0x5a, 28);
		return l3 + 28;
	}
	if (p->version == 4)
		build_ip4(to + l3, p, l4_len);
	else
		build_ip6(to + l3, p, l4_len);
	build_l4(to + l4, p);
	build_data(to + data, p->seq, p->payload);
	return data + p->payload;
}

size_t packet_build(uint8_t *to, const struct packet *p)
{
	size_t len = packet_build_bare(to, p), l4 = packet_l4(p);
	uint16_t sum;

	if (p->version == 0 || !checksum_at(p))
		return len;
	sum = pseudo_sum(to, p, len - l4);
	sum = packet_sum(sum, to + l4, len - l4);
	if (sum != 0xffff || p->proto != IPPROTO_UDP)
		sum = (uint16_t)~sum;
	put16(to + checksum_at(p), sum);
	return len;
}

size_t packet_build_partial(uint8_t *to, const struct packet *p,
			    struct skli_offload *off)
{
	size_t len = packet_build_bare(to, p), l4 = packet_l4(p);

	put16(to + checksum_at(p), pseudo_sum(to, p, len - l4));
	memset(off, 0, sizeof *off);
	off->flags = SKLI_CSUM_PARTIAL;
	off->csum_start = (uint16_t)l4;
	off->csum_offset = (uint16_t)(checksum_at(p) - l4);
	return len;
}
