/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The joiner.
 *
 * The first frame is parsed and its headers copied. If it may be joined, a
 * mask beside the copy says which header bits the next segment must share:
 * all but IP length, ID and header checksum, TCP sequence number, checksum, FIN
 * and PSH. Each further segment then costs one masked comparison by words, a
 * look at the numbers left out, and an iovec; it is never parsed, because what
 * is equal to a parsed header has the same shape.
 *
 * Every change (lengths, flags, checksums) is made in the copy, once, when the
 * frame is taken: the pbufs' own headers stay as lwIP's unacked queue has them.
 */
#include "netif/gso.h"

#include <string.h>

#include "netif/checksum.h"
#include "port/lwip.h"

enum {
	TYPE_IP4 = 0x0800,
	IP6_LEN = 40,
	TCP_LEN = 20,
	TCP_CSUM_AT = 16,
	UDP_CSUM_AT = 6,
	FLAG_FIN = 0x01,
	FLAG_PSH = 0x08,
	FLAG_ACK = 0x10,
	FLAG_ECE = 0x40,
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static uint64_t load64(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof word);
	return word;
}

/* The same flow, the same headers where the mask says so. */
static inline bool same_headers(const struct skli_gso *q, const uint8_t *h)
{
	size_t last = q->header_len - sizeof(uint64_t);
	uint64_t differ;

	/* The last word overlaps: a read past the header may leave the pbuf. */
	differ = (load64(h + last) ^ load64(q->header + last)) &
		 load64(q->mask + last);
	for (size_t i = 0; i < last; i += sizeof(uint64_t))
		differ |= (load64(h + i) ^ load64(q->header + i)) &
			  load64(q->mask + i);
	return differ == 0;
}

static inline bool continues(const struct skli_gso *q, const struct pbuf *p)
{
	const uint8_t *h = p->payload;
	uint32_t payload = (uint32_t)p->tot_len - q->header_len;

	/* Unsigned: a frame shorter than the header has a huge payload. */
	if (payload - 1 >= SKLI_GSO_LEN - q->len || p->len < q->header_len ||
	    p->off.flags)
		return false;
	/* Longer than a segment: it stands for several of the same size. */
	if (p->off.gso_size ? p->off.gso_size != q->gso_size
			    : payload > q->gso_size)
		return false;
	return get32(h + q->seq_at) == q->next_seq &&
	       get16(h + q->seq_at + 12) == 0 &&
	       get16(h + q->ip_len_at) == p->tot_len - q->ip_len_base &&
	       same_headers(q, h);
}

/* The pieces of P behind the first SKIP bytes; false: too many. */
static inline bool add_pieces(struct skli_gso *q, const struct pbuf *p,
			      size_t skip)
{
	struct iovec *iov = &q->iov[q->pieces];
	const struct iovec *end = &q->iov[SKLI_GSO_IOV + 1];

	for (;; p = p->next) {
		if (p->len > skip) {
			if (iov == end)
				return false;
			iov->iov_base = (uint8_t *)p->payload + skip;
			iov->iov_len = p->len - skip;
			iov++;
			skip = 0;
		} else {
			skip -= p->len;
		}
		if (p->len == p->tot_len || !p->next)
			break;
	}
	q->pieces = (uint16_t)(iov - q->iov);
	return true;
}

/* Is the last of the segments that PAYLOAD stands for a short one? */
static inline bool ends_short(uint32_t payload, uint16_t gso_size)
{
	return payload != gso_size && payload % gso_size != 0;
}

static inline bool join(struct skli_gso *q, struct pbuf *p)
{
	const uint8_t *h = p->payload;
	uint32_t payload = (uint32_t)p->tot_len - q->header_len;
	uint8_t flags = h[q->seq_at + 9];

	if (!add_pieces(q, p, q->header_len))
		return false;
	pbuf_ref(p);
	q->pbufs[q->held++] = p;
	q->len += payload;
	q->next_seq += payload;
	q->tcp_flags |= flags;
	q->full = flags & FLAG_FIN || ends_short(payload, q->gso_size) ||
		  q->held == SKLI_GSO_SEGMENTS || q->pieces > SKLI_GSO_IOV ||
		  q->len + q->gso_size > SKLI_GSO_LEN;
	return true;
}

static void set_mask(struct skli_gso *q, uint32_t l3, uint32_t l4)
{
	memset(q->mask, 0xff, q->header_len);
	if (q->version == 4) {
		memset(q->mask + l3 + 2, 0, 4);
		memset(q->mask + l3 + 10, 0, 2);
	} else {
		memset(q->mask + l3 + 4, 0, 2);
	}
	memset(q->mask + l4 + 4, 0, 4);
	memset(q->mask + l4 + TCP_CSUM_AT, 0, 2);
	q->mask[l4 + 13] = (uint8_t) ~(FLAG_FIN | FLAG_PSH);
}

/* May others follow this segment? Then what they are compared with. */
static void open_for_more(struct skli_gso *q,
			  const struct skli_frame_info *info)
{
	uint32_t payload = q->len - q->header_len;
	uint16_t size = q->off.gso_size ? q->off.gso_size : (uint16_t)payload;
	uint8_t flags = info->tcp_flags;

	if (info->proto != IPPROTO_TCP || payload == 0 ||
	    (flags & ~(FLAG_PSH | FLAG_ECE)) != FLAG_ACK ||
	    q->len + size > SKLI_GSO_LEN || ends_short(payload, size))
		return;
	q->full = false;
	q->gso_size = size;
	q->tcp_flags = flags;
	q->seq_at = (uint16_t)(info->l4 + 4);
	q->next_seq = get32(q->header + q->seq_at) + payload;
	q->ip_len_at = (uint16_t)(info->l3 + (q->version == 4 ? 2 : 4));
	q->ip_len_base = (uint16_t)(info->l3 + (q->version == 4 ? 0 : IP6_LEN));
	set_mask(q, info->l3, info->l4);
}

/* Is this a frame whose checksum the device is to fill in? Where? */
static bool lacks_checksum(const struct skli_frame *f,
			   const struct skli_frame_info *info)
{
	if (info->fragment || info->end != f->len ||
	    info->payload > SKLI_GSO_HEADER)
		return false;
	return info->proto == IPPROTO_TCP || info->proto == IPPROTO_UDP;
}

/* Replaces the headers in the queue's pieces by a copy that may be changed. */
static bool copy_header(struct skli_gso *q, const struct pbuf *p,
			const struct skli_frame_info *info)
{
	uint16_t at = info->proto == IPPROTO_TCP ? TCP_CSUM_AT : UDP_CSUM_AT;
	uint16_t len = (uint16_t)info->payload;

	pbuf_copy_partial(p, q->header, len, 0);
	if (get16(q->header + info->l4 + at))
		return false;
	q->header_len = len;
	q->iov[0].iov_base = q->header;
	q->iov[0].iov_len = len;
	q->pieces = 1;
	add_pieces(q, p, len);
	q->off.flags = SKLI_CSUM_PARTIAL;
	q->off.csum_start = (uint16_t)info->l4;
	q->off.csum_offset = at;
	return true;
}

static void start_checksum(struct skli_gso *q, const struct pbuf *p)
{
	struct skli_frame f;
	struct skli_frame_info info;

	f.iov = q->iov;
	f.iovcnt = q->pieces;
	f.len = q->len;
	if (skli_frame_parse(&f, &info) || !lacks_checksum(&f, &info))
		return;
	q->version = info.ethertype == TYPE_IP4 ? 4 : 6;
	q->proto = info.proto;
	q->l3 = (uint16_t)info.l3;
	if (copy_header(q, p, &info))
		open_for_more(q, &info);
}

/* Takes over a reference to P. */
static void start(struct skli_gso *q, struct pbuf *p)
{
	q->pbufs[0] = p;
	q->held = 1;
	q->len = p->tot_len;
	q->off = p->off;
	q->header_len = 0;
	q->full = true;
	/* What others have prepared goes out as it is. */
	if (!p->off.flags)
		start_checksum(q, p);
}

static bool start_flat(struct skli_gso *q, const struct pbuf *p)
{
	struct pbuf *flat = pbuf_alloc(PBUF_RAW, p->tot_len, PBUF_RAM);

	if (!flat)
		return false;
	pbuf_copy(flat, p);
	flat->off = p->off;
	add_pieces(q, flat, 0);
	start(q, flat);
	return true;
}

/* Is the queued frame an ACK and nothing else: no data, no option? */
static bool is_plain_ack(const struct skli_gso *q)
{
	uint32_t l4 = q->off.csum_start;

	return q->held == 1 && q->header_len == q->len &&
	       q->proto == IPPROTO_TCP && q->len == l4 + TCP_LEN &&
	       q->header[l4 + 13] == FLAG_ACK;
}

/* The bytes of an IP header that two ACKs of a flow share. */
static bool same_ip(const struct skli_gso *q, const uint8_t *h)
{
	const uint8_t *a = q->header + q->l3, *b = h + q->l3;

	if (q->version == 6)
		return !memcmp(a, b, IP6_LEN);
	/* Not the ID, nor the checksum that follows from it. */
	return !memcmp(a, b, 4) && !memcmp(a + 6, b + 6, 4) &&
	       !memcmp(a + 12, b + 12, 8);
}

/*
 * Is P an ACK that says all that the queued one says, and more? Then one of
 * them is enough (RFC 9293 3.8.6.3 asks for one in two segments, and a batch
 * of frames is answered within microseconds). One that acknowledges no more
 * is a duplicate ACK, which counts (RFC 5681 3.2), or has options: it stays.
 */
static bool supersedes(const struct skli_gso *q, const struct pbuf *p)
{
	const uint8_t *h = p->payload, *new, *old;

	if (!is_plain_ack(q) || p->len != q->len || p->tot_len != q->len ||
	    p->off.flags || p->off.gso_size)
		return false;
	new = h + q->off.csum_start;
	old = q->header + q->off.csum_start;
	return (int32_t)(get32(new + 8) - get32(old + 8)) > 0 &&
	       new[13] == FLAG_ACK && !memcmp(new, old, 8) &&
	       !memcmp(h, q->header, q->l3) && same_ip(q, h);
}

bool skli_gso_add(struct skli_gso *q, struct pbuf *p)
{
	if (supersedes(q, p))
		skli_gso_clear(q);
	if (q->held)
		return !q->full && continues(q, p) && join(q, p);
	/* One piece more is needed when the headers become a copy. */
	if (pbuf_clen(p) > SKLI_GSO_IOV)
		return start_flat(q, p);
	add_pieces(q, p, 0);
	pbuf_ref(p);
	start(q, p);
	return true;
}

bool skli_gso_full(const struct skli_gso *q)
{
	return q->full && !is_plain_ack(q);
}

bool skli_gso_empty(const struct skli_gso *q)
{
	return q->held == 0;
}

/* IP and TCP fields that only the whole frame knows. */
static void adjust_joined(struct skli_gso *q)
{
	uint8_t *ip = q->header + q->l3;
	uint16_t value = htons((uint16_t)(q->len - q->ip_len_base));

	memcpy(q->header + q->ip_len_at, &value, sizeof value);
	if (q->version == 4) {
		memset(ip + 10, 0, 2);
		value = (uint16_t)~skli_checksum(ip, q->off.csum_start - q->l3);
		memcpy(ip + 10, &value, sizeof value);
	}
	q->header[q->seq_at + 9] |= q->tcp_flags;
	q->off.gso_size = q->gso_size;
	q->off.gso_type = q->version == 4 ? SKLI_GSO_TCPV4 : SKLI_GSO_TCPV6;
}

static void set_pseudo_sum(struct skli_gso *q)
{
	uint32_t l4 = q->off.csum_start, len = q->len - l4;
	const uint8_t *ip = q->header + q->l3;
	uint16_t sum = skli_checksum_fold(
		q->version == 4 ? skli_checksum_pseudo4(ip, q->proto, len)
				: skli_checksum_pseudo6(ip, q->proto, len));

	memcpy(q->header + l4 + q->off.csum_offset, &sum, sizeof sum);
}

void skli_gso_take(struct skli_gso *q, struct skli_frame *f)
{
	if (q->header_len) {
		if (q->held > 1)
			adjust_joined(q);
		set_pseudo_sum(q);
	}
	f->iov = q->iov;
	f->iovcnt = q->pieces;
	f->len = q->len;
	f->off = q->off;
}

void skli_gso_clear(struct skli_gso *q)
{
	for (int i = 0; i < q->held; i++)
		pbuf_free(q->pbufs[i]);
	q->held = 0;
	q->pieces = 0;
	q->len = 0;
	q->header_len = 0;
	q->full = false;
}
