/* SPDX-License-Identifier: BSD-3-Clause */
/* What lwIP's patches ask: about offloaded frames, flows, and errors to send. */
#include "offload.h"

#include <string.h>

#include "lwip.h"

int skli_offload_fits(const struct pbuf *p, unsigned ip_hlen, unsigned mtu)
{
	const struct tcp_hdr *tcp;

	if (p->off.gso_size == 0 || p->len < ip_hlen + TCP_HLEN)
		return 0;
	tcp = (const void *)((const char *)p->payload + ip_hlen);
	return ip_hlen + TCPH_HDRLEN_BYTES(tcp) + p->off.gso_size <= mtu;
}

/* The complement of the sum of P's bytes from OFFSET on. */
static uint16_t sum_from(const struct pbuf *p, unsigned offset)
{
	uint32_t sum = 0;
	int odd = 0;

	for (; p; p = p->next) {
		uint16_t part;

		if (offset >= p->len) {
			offset -= p->len;
			continue;
		}
		part = skli_checksum((const char *)p->payload + offset,
				     (int)(p->len - offset));
		if (odd)
			part = (uint16_t)(part << 8 | part >> 8);
		odd ^= (p->len - offset) & 1;
		sum += part;
		sum = (sum >> 16) + (sum & 0xffff);
		offset = 0;
	}
	return (uint16_t)~sum;
}

void skli_offload_complete(struct pbuf *p)
{
	unsigned start = p->off.csum_start;
	unsigned at = start + p->off.csum_offset;
	uint16_t sum;

	if (!(p->off.flags & SKLI_CSUM_PARTIAL))
		return;
	p->off.flags &= (uint8_t)~SKLI_CSUM_PARTIAL;
	if (start < SIZEOF_ETH_HDR || at - SIZEOF_ETH_HDR + 2 > p->tot_len)
		return;
	sum = sum_from(p, start - SIZEOF_ETH_HDR);
	if (sum == 0) /* to UDP, 0 means that there is none */
		sum = 0xffff;
	pbuf_take_at(p, &sum, sizeof(sum), (u16_t)(at - SIZEOF_ETH_HDR));
}

/* One per stack: the key of its flow labels; 0: not drawn yet. */
static uint32_t label_key__tpl __attribute__((section("lwip_tpl"))) = 0;

uint32_t skli_flow_label(const struct pbuf *p, const struct ip6_addr *src,
			 const struct ip6_addr *dest)
{
	const struct ip6_hdr *ip6 = p->payload;
	uint32_t *key = SKLI_PS(label_key__tpl);
	uint32_t ports = 0;
	uint64_t h;
	int i;

	if (*key == 0)
		*key = skli_door_random() | 1;
	if (IP6H_NEXTH(ip6) != IP6_NEXTH_TCP &&
	    IP6H_NEXTH(ip6) != IP6_NEXTH_UDP)
		return 0;
	if (p->len >= IP6_HLEN + sizeof(ports))
		memcpy(&ports, (const char *)p->payload + IP6_HLEN,
		       sizeof(ports));
	h = *key ^ ports;
	for (i = 0; i < 4; i++) {
		h = (h ^ src->addr[i]) * 0x9e3779b97f4a7c15U;
		h = (h ^ h >> 32 ^ dest->addr[i]) * 0xbf58476d1ce4e5b9U;
	}
	return (uint32_t)(h >> 44);
}

/* Errors per second, and at once. */
#define RATE  1000
#define BURST 100

/* A bucket of tokens, one per stack: full at the start. */
struct bucket {
	uint64_t filled; /* when, in ms */
	uint32_t used;
};

static struct bucket bucket__tpl
	__attribute__((section("lwip_tpl"))) = {.used = 0};

int skli_icmp_allowed(void)
{
	struct bucket *b = SKLI_PS(bucket__tpl);
	uint64_t now = skli_door_clock_ms();
	uint64_t back = (now - b->filled) * RATE / 1000;

	if (back > 0) {
		b->used = back < b->used ? b->used - (uint32_t)back : 0;
		b->filled = now;
	}
	if (b->used >= BURST)
		return 0;
	b->used++;
	return 1;
}
