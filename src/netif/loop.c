/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The loopback interface: what goes out comes in, under the same lock.
 *
 * Frames are copied once, since lwIP keeps its segments for retransmission and
 * changes headers of what it receives; segments that joined are copied as one.
 */
#include "netif/netif.h"

#include "stack/stack.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* With its Ethernet header a frame still fits lwIP's 16-bit lengths. */
#define LOOP_MTU 65520

/* Frames that wait at most; past them they are dropped. */
#define LOOP_QUEUE 4096

struct loop {
	struct pbuf **frames; /* a ring */
	unsigned head, count;
};

static int loop_send(struct skli_netif *nif, const struct skli_frame *f)
{
	struct loop *loop = nif->data;
	struct pbuf *p;
	size_t at = 0;

	if (loop->count == LOOP_QUEUE)
		return EAGAIN;
	p = pbuf_alloc(PBUF_RAW, (u16_t)f->len, PBUF_RAM);
	if (!p)
		return EAGAIN;
	for (int i = 0; i < f->iovcnt; i++) {
		memcpy((char *)p->payload + at, f->iov[i].iov_base,
		       f->iov[i].iov_len);
		at += f->iov[i].iov_len;
	}
	p->off = f->off;
	/* It never left this memory: nothing can have changed it. */
	p->off.flags |= SKLI_CSUM_VALID;
	loop->frames[(loop->head + loop->count++) % LOOP_QUEUE] = p;
	return 0;
}

bool skli_loop_deliver(struct skli_netif *lo)
{
	struct loop *loop = lo->data;
	unsigned todo = loop->count;

	for (unsigned i = 0; i < todo; i++) {
		struct pbuf *p = loop->frames[loop->head];

		loop->head = (loop->head + 1) % LOOP_QUEUE;
		loop->count--;
		skli_netif_input(lo, p);
	}
	return todo;
}

static int loop_receive(struct skli_netif *nif, unsigned budget)
{
	(void)nif;
	(void)budget;
	return 0;
}

static const struct skli_device loop_device = {
	.name = "lo",
	.send = loop_send,
	.receive = loop_receive,
};

/* lwIP's output functions: an Ethernet header with zero addresses, as Linux. */
static err_t output4(struct netif *lwip, struct pbuf *p, const ip4_addr_t *to)
{
	static const struct eth_addr zero;

	(void)to;
	return ethernet_output(lwip, p, &zero, &zero, ETHTYPE_IP);
}

static err_t output6(struct netif *lwip, struct pbuf *p, const ip6_addr_t *to)
{
	static const struct eth_addr zero;

	(void)to;
	return ethernet_output(lwip, p, &zero, &zero, ETHTYPE_IPV6);
}

static err_t input(struct pbuf *p, struct netif *lwip)
{
	if (pbuf_remove_header(p, SIZEOF_ETH_HDR))
		return ERR_BUF;
	return ip_input(p, lwip);
}

static void addresses_set(struct skli_netif *nif)
{
	struct netif *lwip = &nif->lwip;
	ip4_addr_t ip, mask;
	ip6_addr_t ip6;
	s8_t at;

	IP4_ADDR(&ip, 127, 0, 0, 1);
	IP4_ADDR(&mask, 255, 0, 0, 0);
	netif_set_addr(lwip, &ip, &mask, IP4_ADDR_ANY4);
	ip6_addr_set_loopback(&ip6);
	if (netif_add_ip6_address(lwip, &ip6, &at) != ERR_OK)
		return;
	netif_ip6_addr_set_state(lwip, at, IP6_ADDR_PREFERRED);
	nif->prefix6[at] = 128;
}

static err_t loop_init(struct netif *lwip)
{
	lwip->mtu = LOOP_MTU;
	lwip->mtu6 = LOOP_MTU;
	lwip->hwaddr_len = ETH_HWADDR_LEN;
	lwip->output = output4;
	lwip->output_ip6 = output6;
	lwip->linkoutput = skli_netif_link_output;
	lwip->flags = NETIF_FLAG_LINK_UP;
	lwip->chksum_flags = NETIF_CHECKSUM_GEN_IP | NETIF_CHECKSUM_GEN_ICMP |
			     NETIF_CHECKSUM_GEN_ICMP6;
	return ERR_OK;
}

struct skli_netif *skli_loop_open(struct skl_stack *s)
{
	struct skli_netif *nif = skli_arena_calloc(&s->arena, 1, sizeof(*nif));
	struct loop *loop;

	if (!nif)
		return NULL;
	nif->stack = s;
	nif->device = &loop_device;
	nif->fd = -1;
	nif->offload = true;
	snprintf(nif->name, sizeof(nif->name), "lo");
	loop = skli_arena_calloc(&s->arena, 1, sizeof(*loop));
	nif->data = loop;
	if (loop)
		loop->frames = skli_arena_calloc(&s->arena, LOOP_QUEUE,
						 sizeof(loop->frames[0]));
	if (!loop || !loop->frames ||
	    !netif_add(&nif->lwip, NULL, NULL, NULL, nif, loop_init, input))
		return NULL; /* the arena is dropped with the stack */
	s->netifs = nif;
	addresses_set(nif);
	netif_set_up(&nif->lwip);
	return nif;
}
