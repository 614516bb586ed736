/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading and finishing Ethernet frames.
 *
 * Headers are read through peek(), which returns a place in the frame when the
 * bytes lie together and a copy when they don't; it is the only way in, and
 * it knows where the frame ends. Checksums and payload go by iovec.
 *
 * A frame that lacks only its checksum goes out as its own pieces with two
 * bytes exchanged. A frame to be split gives its headers to a scratch copy,
 * which is adjusted for each segment; the payload's pieces are cut, not moved.
 * The checksum field of a partial frame holds the pseudo header's sum, and
 * that sum (not the addresses) is the base of the segments' checksums, as in
 * the kernel's tcp_gso_segment(): it is right for source routed packets too.
 */
#include "netif/frame.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "netif/checksum.h"

enum {
	ETH_TYPE = 12,
	TYPE_IP4 = 0x0800,
	TYPE_IP6 = 0x86dd,
	TYPE_VLAN = 0x8100,
	TYPE_QINQ = 0x88a8,
	TYPE_QINQ_OLD = 0x9100,
	MAX_802_3 = 1500, /* a "type" up to here is a length */

	IP4_MIN = 20,
	IP4_MORE_OR_OFFSET = 0x3fff,
	IP6_LEN = 40,
	IP6_MORE_OR_OFFSET = 0xfff9,

	TCP_MIN = 20,
	TCP_CSUM = 16,
	TCP_FIN = 0x01,
	TCP_PSH = 0x08,
	TCP_CWR = 0x80,
	UDP_LEN = 8,
	UDP_CSUM = 6,
	ICMP4_LEN = 8,
	ICMP6_LEN = 4,
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static void put32(uint8_t *p, uint32_t value)
{
	put16(p, value >> 16);
	put16(p + 2, value);
}

/* A place in the payload. */
struct cursor {
	const struct iovec *iov;
	size_t skip;
};

static struct cursor cursor_at(const struct skli_frame *f, size_t at)
{
	struct cursor c = {f->iov, at};

	return c;
}

/* Moves LEN bytes' worth of pieces to OUT; returns how many pieces. */
static int cursor_take(struct cursor *c, struct iovec *out, size_t len)
{
	int n = 0;

	while (len) {
		size_t left;

		if (c->skip >= c->iov->iov_len) {
			c->skip -= c->iov->iov_len;
			c->iov++;
			continue;
		}
		left = c->iov->iov_len - c->skip;
		left = left < len ? left : len;
		out[n].iov_base = (uint8_t *)c->iov->iov_base + c->skip;
		out[n++].iov_len = left;
		c->skip += left;
		len -= left;
	}
	return n;
}

static void copy_out(const struct skli_frame *f, size_t at, size_t n,
		     uint8_t *to)
{
	const struct iovec *iov = f->iov;

	for (; at >= iov->iov_len; iov++)
		at -= iov->iov_len;
	for (; n; iov++, at = 0) {
		size_t part = iov->iov_len - at;

		part = part < n ? part : n;
		if (part)
			memcpy(to, (const uint8_t *)iov->iov_base + at, part);
		to += part;
		n -= part;
	}
}

/* N (at least 1) bytes at AT, in place or in TMP; NULL: not in the frame. */
static const uint8_t *peek(const struct skli_frame *f, size_t at, size_t n,
			   uint8_t *tmp)
{
	if (at > f->len || n > f->len - at)
		return NULL;
	if (at + n <= f->iov->iov_len)
		return (const uint8_t *)f->iov->iov_base + at;
	copy_out(f, at, n, tmp);
	return tmp;
}

static bool pieces_add_up(const struct skli_frame *f)
{
	size_t left = f->len;

	for (int i = 0; i < f->iovcnt; i++) {
		if (f->iov[i].iov_len > left)
			return false;
		left -= f->iov[i].iov_len;
	}
	return left == 0;
}

static bool is_tag(uint16_t type)
{
	return type == TYPE_VLAN || type == TYPE_QINQ || type == TYPE_QINQ_OLD;
}

static int parse_ethernet(const struct skli_frame *f,
			  struct skli_frame_info *info)
{
	size_t at = ETH_TYPE;
	const uint8_t *type;
	uint8_t tmp[2];

	while ((type = peek(f, at, 2, tmp)) && is_tag(get16(type)))
		at += 4;
	if (!type)
		return -1;
	info->ethertype = get16(type);
	info->l3 = info->l4 = info->payload = (uint32_t)at + 2;
	info->end = (uint32_t)f->len;
	if (info->ethertype <= MAX_802_3 && info->ethertype > f->len - info->l3)
		return -1;
	return 0;
}

static int parse_ip4(const struct skli_frame *f, struct skli_frame_info *info)
{
	uint8_t tmp[IP4_MIN];
	const uint8_t *ip = peek(f, info->l3, IP4_MIN, tmp);
	uint32_t header, total;

	if (!ip || ip[0] >> 4 != 4)
		return -1;
	header = (ip[0] & 15) * 4U;
	total = get16(ip + 2);
	if (header < IP4_MIN || total < header || total > f->len - info->l3)
		return -1;
	info->l4 = info->l3 + header;
	info->end = info->l3 + total;
	info->proto = ip[9];
	info->fragment = get16(ip + 6) & IP4_MORE_OR_OFFSET;
	return 0;
}

/* The length of an extension header (RFC 8200 section 4), 0: it is none. */
static uint32_t extension_len(uint8_t type, uint8_t len)
{
	switch (type) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS: return len * 8U + 8;
	case IPPROTO_FRAGMENT: return 8;
	case IPPROTO_AH: /* RFC 4302 section 2.2 */ return len * 4U + 8;
	}
	return 0;
}

/* From info->l4 and info->proto on, to the upper-layer header. */
static int skip_extensions(const struct skli_frame *f,
			   struct skli_frame_info *info)
{
	while (extension_len(info->proto, 0)) {
		uint8_t type = info->proto, tmp[8];
		const uint8_t *ext;
		uint32_t len;

		if (info->end - info->l4 < 8)
			return -1;
		ext = peek(f, info->l4, 8, tmp);
		len = extension_len(type, ext[1]);
		if (info->end - info->l4 < len)
			return -1;
		info->l4 += len;
		info->proto = ext[0];
		if (type == IPPROTO_ROUTING && ext[3])
			info->source_routed = true;
		if (type != IPPROTO_FRAGMENT)
			continue;
		/* An atomic fragment (RFC 6946) is a whole packet. */
		info->fragment = get16(ext + 2) & IP6_MORE_OR_OFFSET;
		if (info->fragment)
			break;
	}
	return 0;
}

static int parse_ip6(const struct skli_frame *f, struct skli_frame_info *info)
{
	uint8_t tmp[IP6_LEN];
	const uint8_t *ip = peek(f, info->l3, IP6_LEN, tmp);
	uint32_t total;

	if (!ip || ip[0] >> 4 != 6)
		return -1;
	total = IP6_LEN + get16(ip + 4);
	if (total > f->len - info->l3)
		return -1;
	info->l4 = info->l3 + IP6_LEN;
	info->end = info->l3 + total;
	info->proto = ip[6];
	return skip_extensions(f, info);
}

static int parse_tcp(const struct skli_frame *f, struct skli_frame_info *info)
{
	uint32_t room = info->end - info->l4, header;
	uint8_t tmp[TCP_MIN];
	const uint8_t *tcp;

	if (room < TCP_MIN)
		return -1;
	tcp = peek(f, info->l4, TCP_MIN, tmp);
	header = (tcp[12] >> 4) * 4U;
	if (header < TCP_MIN || header > room)
		return -1;
	info->payload = info->l4 + header;
	info->tcp_flags = tcp[13];
	return 0;
}

static int parse_udp(const struct skli_frame *f, struct skli_frame_info *info)
{
	uint32_t room = info->end - info->l4, len;
	uint8_t tmp[UDP_LEN];
	const uint8_t *udp;

	if (room < UDP_LEN)
		return -1;
	udp = peek(f, info->l4, UDP_LEN, tmp);
	len = get16(udp + 4);
	if (len < UDP_LEN || len > room)
		return -1;
	info->payload = info->l4 + UDP_LEN;
	return 0;
}

static int parse_plain(struct skli_frame_info *info, uint32_t header)
{
	if (info->end - info->l4 < header)
		return -1;
	info->payload = info->l4 + header;
	return 0;
}

static int parse_l4(const struct skli_frame *f, struct skli_frame_info *info)
{
	info->payload = info->l4;
	if (info->fragment)
		return 0;
	if (info->proto == IPPROTO_TCP)
		return parse_tcp(f, info);
	if (info->proto == IPPROTO_UDP)
		return parse_udp(f, info);
	if (info->proto == IPPROTO_ICMP && info->ethertype == TYPE_IP4)
		return parse_plain(info, ICMP4_LEN);
	if (info->proto == IPPROTO_ICMPV6 && info->ethertype == TYPE_IP6)
		return parse_plain(info, ICMP6_LEN);
	return 0;
}

int skli_frame_parse(const struct skli_frame *f, struct skli_frame_info *info)
{
	memset(info, 0, sizeof *info);
	if (f->iovcnt < 1 || f->len > UINT32_MAX || !pieces_add_up(f) ||
	    parse_ethernet(f, info))
		return -1;
	if (info->ethertype == TYPE_IP4 && parse_ip4(f, info))
		return -1;
	if (info->ethertype == TYPE_IP6 && parse_ip6(f, info))
		return -1;
	if (info->ethertype != TYPE_IP4 && info->ethertype != TYPE_IP6)
		return 0;
	return parse_l4(f, info);
}

/* UDP's 0 means none, and the other zero is as good (RFC 768). */
static uint16_t checksum_value(uint64_t sum, uint16_t offset)
{
	uint16_t value = (uint16_t)~skli_checksum_fold(sum);

	return value == 0 && offset == UDP_CSUM ? 0xffff : value;
}

static int finish_checksum(const struct skli_frame *f,
			   const struct skli_frame_info *info,
			   skli_frame_sink *sink, void *arg)
{
	size_t start = f->off.csum_start, at = start + f->off.csum_offset;
	struct iovec out[SKLI_FRAME_IOV + 2];
	struct cursor c = cursor_at(f, 0);
	uint16_t value;
	uint64_t sum;
	int n;

	if (at + 2 > info->end)
		return -1;
	sum = skli_checksum_iov(0, f->iov, start, info->end - start);
	value = checksum_value(sum, f->off.csum_offset);
	n = cursor_take(&c, out, at);
	out[n].iov_base = &value;
	out[n++].iov_len = sizeof value;
	c.skip += sizeof value;
	n += cursor_take(&c, out + n, f->len - at - sizeof value);
	sink(arg, out, n, f->len);
	return 1;
}

/* What splitting keeps from segment to segment. */
struct split {
	const struct skli_frame_info *info;
	uint64_t base; /* pseudo header without its length */
	uint32_t seq;
	uint16_t id;
	uint8_t header[SKLI_FRAME_HEADER];
};

static bool fits_gso(const struct skli_frame *f,
		     const struct skli_frame_info *info)
{
	const struct skli_offload *off = &f->off;
	uint16_t type = off->gso_type == SKLI_GSO_TCPV4   ? TYPE_IP4
			: off->gso_type == SKLI_GSO_TCPV6 ? TYPE_IP6
							  : 0;

	if (info->ethertype != type || info->proto != IPPROTO_TCP ||
	    info->fragment || off->gso_size == 0 ||
	    info->payload > SKLI_FRAME_HEADER)
		return false;
	return !(off->flags & SKLI_CSUM_PARTIAL) ||
	       (off->csum_start == info->l4 && off->csum_offset == TCP_CSUM);
}

/* A partial sum covers the length of the whole: take that out again. */
static uint64_t pseudo_base(const struct skli_frame *f, const struct split *s)
{
	const struct skli_frame_info *info = s->info;
	const uint8_t *ip = s->header + info->l3;
	uint16_t sum;

	if (f->off.flags & SKLI_CSUM_PARTIAL) {
		memcpy(&sum, s->header + info->l4 + TCP_CSUM, sizeof sum);
		return (uint64_t)sum +
		       (uint16_t)~htons((uint16_t)(info->end - info->l4));
	}
	return info->ethertype == TYPE_IP4
		       ? skli_checksum_pseudo4(ip, IPPROTO_TCP, 0)
		       : skli_checksum_pseudo6(ip, IPPROTO_TCP, 0);
}

static void split_start(struct split *s, const struct skli_frame *f,
			const struct skli_frame_info *info)
{
	s->info = info;
	copy_out(f, 0, info->payload, s->header);
	s->base = pseudo_base(f, s);
	s->seq = get32(s->header + info->l4 + 4);
	s->id = get16(s->header + info->l3 + 4);
}

/* IP header for the segment INDEX of LEN payload bytes. */
static void split_ip(struct split *s, uint32_t index, uint32_t len)
{
	uint8_t *ip = s->header + s->info->l3;
	uint32_t total = s->info->payload - s->info->l3 + len;
	uint16_t sum;

	if (s->info->ethertype == TYPE_IP6) {
		put16(ip + 4, total - IP6_LEN);
		return;
	}
	put16(ip + 2, total);
	put16(ip + 4, s->id + index);
	put16(ip + 10, 0);
	sum = (uint16_t)~skli_checksum(ip, (int)(s->info->l4 - s->info->l3));
	memcpy(ip + 10, &sum, sizeof sum);
}

/* TCP header for LEN bytes in IOV, which start AT bytes into the payload. */
static void split_tcp(struct split *s, uint32_t at, const struct iovec *iov,
		      uint32_t len, bool last)
{
	uint8_t *tcp = s->header + s->info->l4, flags = s->info->tcp_flags;
	uint32_t header = s->info->payload - s->info->l4;
	uint64_t sum = s->base + htons((uint16_t)(header + len));
	uint16_t value;

	if (at)
		flags &= (uint8_t)~TCP_CWR;
	if (!last)
		flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	put32(tcp + 4, s->seq + at);
	tcp[13] = flags;
	put16(tcp + TCP_CSUM, 0);
	sum = skli_checksum_add(sum, tcp, header);
	sum = skli_checksum_iov(sum, iov, 0, len);
	value = checksum_value(sum, TCP_CSUM);
	memcpy(tcp + TCP_CSUM, &value, sizeof value);
}

static int split(const struct skli_frame *f, const struct skli_frame_info *info,
		 skli_frame_sink *sink, void *arg)
{
	uint32_t left = info->end - info->payload, at = 0, index = 0;
	struct cursor c = cursor_at(f, info->payload);
	struct iovec out[SKLI_FRAME_IOV + 1];
	struct split s;

	if (!fits_gso(f, info))
		return -1;
	split_start(&s, f, info);
	out[0].iov_base = s.header;
	out[0].iov_len = info->payload;
	do {
		uint32_t len = left < f->off.gso_size ? left : f->off.gso_size;
		int n = 1 + cursor_take(&c, out + 1, len);

		split_ip(&s, index++, len);
		split_tcp(&s, at, out + 1, len, len == left);
		sink(arg, out, n, info->payload + len);
		at += len;
		left -= len;
	} while (left);
	return (int)index;
}

int skli_frame_finish(const struct skli_frame *f, skli_frame_sink *sink,
		      void *arg)
{
	bool gso = f->off.gso_type != SKLI_GSO_NONE || f->off.gso_size;
	struct skli_frame_info info;

	if (!gso && !(f->off.flags & SKLI_CSUM_PARTIAL)) {
		sink(arg, f->iov, f->iovcnt, f->len);
		return 1;
	}
	if (f->iovcnt > SKLI_FRAME_IOV || skli_frame_parse(f, &info))
		return -1;
	return gso ? split(f, &info, sink, arg)
		   : finish_checksum(f, &info, sink, arg);
}

static bool sum_is_right(const struct skli_frame *f, uint64_t sum, uint32_t at,
			 uint32_t len)
{
	return skli_checksum_fold(skli_checksum_iov(sum, f->iov, at, len)) ==
	       0xffff;
}

static uint64_t pseudo(const struct skli_frame *f,
		       const struct skli_frame_info *info, uint32_t len)
{
	uint8_t tmp[IP6_LEN];

	if (info->ethertype == TYPE_IP4)
		return skli_checksum_pseudo4(peek(f, info->l3, IP4_MIN, tmp),
					     info->proto, len);
	return skli_checksum_pseudo6(peek(f, info->l3, IP6_LEN, tmp),
				     info->proto, len);
}

static bool udp_is_right(const struct skli_frame *f,
			 const struct skli_frame_info *info)
{
	uint8_t tmp[UDP_LEN];
	const uint8_t *udp = peek(f, info->l4, UDP_LEN, tmp);
	uint32_t len = get16(udp + 4);

	if (get16(udp + UDP_CSUM) == 0)
		return info->ethertype == TYPE_IP4;
	return sum_is_right(f, pseudo(f, info, len), info->l4, len);
}

static bool l4_is_right(const struct skli_frame *f,
			const struct skli_frame_info *info)
{
	uint32_t len = info->end - info->l4;

	if (info->proto == IPPROTO_UDP)
		return udp_is_right(f, info);
	if (info->proto == IPPROTO_ICMP && info->ethertype == TYPE_IP4)
		return sum_is_right(f, 0, info->l4, len);
	if (info->proto == IPPROTO_TCP ||
	    (info->proto == IPPROTO_ICMPV6 && info->ethertype == TYPE_IP6))
		return sum_is_right(f, pseudo(f, info, len), info->l4, len);
	return true;
}

int skli_frame_verify(const struct skli_frame *f)
{
	struct skli_frame_info info;

	if (f->off.flags & SKLI_CSUM_PARTIAL || f->off.gso_type ||
	    f->off.gso_size || skli_frame_parse(f, &info))
		return -1;
	if (info.ethertype == TYPE_IP4 &&
	    !sum_is_right(f, 0, info.l3, info.l4 - info.l3))
		return -1;
	if (info.ethertype != TYPE_IP4 && info.ethertype != TYPE_IP6)
		return 0;
	if (info.fragment || info.source_routed)
		return 0;
	return l4_is_right(f, &info) ? 0 : -1;
}
