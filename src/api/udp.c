/* SPDX-License-Identifier: BSD-3-Clause */
/* UDP endpoints, on lwIP's raw API. */
#include "api/mirror.h"
#include "api/sock.h"
#include "tcp/ports.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

/*
 * The largest payload (RFC 768 and RFC 791).  IPv6's own limit does not count
 * its header, but a pbuf does, in 16 bits.
 */
#define PAYLOAD_MAX4 (65535 - 20 - 8)
#define PAYLOAD_MAX6 (65535 - 40 - 8)

/*
 * What a datagram is charged: about the memory that it holds.  One that was
 * not copied out of its receive buffer holds all of that.
 */
#define OVERHEAD   256
#define COPIED_MAX 640
#define BUFFER     2048

/* ---- lwIP's callback --------------------------------------------------- */

static uint32_t datagram_charge(const struct pbuf *p)
{
	if (p->tot_len > COPIED_MAX && p->tot_len < BUFFER)
		return BUFFER + OVERHEAD;
	return p->tot_len + OVERHEAD;
}

static void on_recv(void *arg, struct udp_pcb *pcb, struct pbuf *p,
		    const ip_addr_t *from, u16_t port)
{
	struct skli_sock *k = arg;
	struct skli_udp *u = &k->udp;
	uint32_t charge = datagram_charge(p);
	struct skli_datagram *d = NULL;

	(void)pcb;
	if (!u->rx_shut && u->rx_held + charge <= (size_t)k->rcvbuf)
		d = skli_arena_alloc(&k->stack->arena, sizeof(*d));
	if (!d) {
		pbuf_free(p);
		return;
	}
	d->next = NULL;
	d->p = p;
	d->from = *from;
	d->port = port;
	d->charge = charge;
	*u->rx_last = d;
	u->rx_last = &d->next;
	u->rx_held += charge;
	skli_sock_event(k);
}

static void datagram_drop(struct skli_sock *k)
{
	struct skli_udp *u = &k->udp;
	struct skli_datagram *d = u->rx;

	u->rx = d->next;
	if (!u->rx)
		u->rx_last = &u->rx;
	u->rx_held -= d->charge;
	pbuf_free(d->p);
	skli_arena_free(&k->stack->arena, d);
}

/* ---- Opening, binding, connecting -------------------------------------- */

static int udp_sock_open(struct skli_sock *k)
{
	struct udp_pcb *pcb = udp_new_ip_type(skli_sock_ip_type(k));

	if (!pcb)
		return ENOBUFS;
	k->udp.pcb = pcb;
	k->udp.rx_last = &k->udp.rx;
	k->ttl = pcb->ttl;
	udp_recv(pcb, on_recv, k);
	return 0;
}

static void udp_sock_close(struct skli_sock *k, bool reset)
{
	(void)reset;
	while (k->udp.rx)
		datagram_drop(k);
	if (k->udp.pcb)
		udp_remove(k->udp.pcb);
	k->udp.pcb = NULL;
	k->state = SKLI_ENDED;
}

static err_t bind_any_port(struct skli_sock *k, const ip_addr_t *ip)
{
	struct skli_port_draw draw;
	err_t e = ERR_USE;

	skli_port_draw_start(&draw, &k->stack->random);
	for (uint16_t port; e == ERR_USE && skli_port_draw(&draw, &port);)
		e = udp_bind(k->udp.pcb, ip, port);
	return e;
}

/* The wildcard in the type of the pcb, so that a dual one stays dual. */
static void wildcard_type(const struct skli_sock *k, ip_addr_t *ip)
{
	if (IP_IS_ANY_TYPE_VAL(*ip) || ip_addr_isany(ip))
		IP_SET_TYPE(ip, skli_sock_ip_type(k));
}

static int bind_if_needed(struct skli_sock *k)
{
	ip_addr_t any = *IP_ANY_TYPE;
	err_t e;

	if (k->bound)
		return 0;
	wildcard_type(k, &any);
	e = bind_any_port(k, &any);
	if (e != ERR_OK)
		return e == ERR_USE ? EAGAIN : skli_errno(e);
	k->bound = true;
	return 0;
}

static int udp_sock_bind(struct skli_sock *k, const skl_addr *a)
{
	ip_addr_t ip;
	err_t e;

	if (k->bound)
		return EINVAL;
	skli_addr_to_lwip(k, a, &ip);
	if (k->v6only && !IP_IS_V6(&ip))
		return EINVAL;
	if (!skli_addr_is_local(k->stack, &ip) && !ip_addr_ismulticast(&ip))
		return EADDRNOTAVAIL;
	wildcard_type(k, &ip);
	e = a->port ? udp_bind(k->udp.pcb, &ip, a->port)
		    : bind_any_port(k, &ip);
	if (e != ERR_OK)
		return skli_errno(e);
	k->bound = true;
	return 0;
}

static bool is_broadcast(const ip_addr_t *ip, const struct netif *netif)
{
	return !IP_IS_V6(ip) && ip4_addr_isbroadcast(ip_2_ip4(ip), netif);
}

/* Its source is any again, unless bind() said which. */
static void disconnect(struct skli_sock *k)
{
	udp_disconnect(k->udp.pcb);
	if (k->udp.source_chosen) {
		k->udp.pcb->local_ip = *IP_ANY_TYPE;
		IP_SET_TYPE(&k->udp.pcb->local_ip, skli_sock_ip_type(k));
	}
	k->udp.source_chosen = false;
	k->state = SKLI_FRESH;
}

/*
 * The address that a connected socket sends from, and so receives at: on
 * Linux getsockname() tells it.
 */
static void source_choose(struct skli_sock *k, const ip_addr_t *to,
			  struct netif *netif)
{
	ip_addr_t *local = &k->udp.pcb->local_ip;
	const ip_addr_t *source = ip_netif_get_local_ip(netif, to);

	if (!IP_IS_ANY_TYPE_VAL(*local) && !ip_addr_isany(local))
		return;
	if (netif == skli_stack_loopback(k->stack) && !ip_addr_isloopback(to))
		source = to;
	if (!source)
		return;
	*local = *source;
	k->udp.source_chosen = true;
}

static int udp_sock_connect(struct skli_sock *k, const skl_addr *a, bool again)
{
	struct netif *netif;
	ip_addr_t to;
	int error;
	err_t e;

	(void)again;
	if (a->family == AF_UNSPEC) {
		disconnect(k);
		return 0;
	}
	skli_addr_to_lwip(k, a, &to);
	if (ip_addr_isany(&to))
		ip_addr_set_loopback_val(IP_IS_V6_VAL(to), to);
	error = bind_if_needed(k);
	if (error)
		return error;
	netif = ip_route(&k->udp.pcb->local_ip, &to);
	if (!netif || (k->v6only && !IP_IS_V6(&to)))
		return ENETUNREACH;
	if (is_broadcast(&to, netif) && !k->broadcast)
		return EACCES;
	source_choose(k, &to, netif);
	e = udp_connect(k->udp.pcb, &to, a->port);
	if (e != ERR_OK)
		return skli_errno(e);
	skli_addr_from_lwip(k, &to, a->port, &k->peer);
	k->state = SKLI_CONNECTED;
	return 0;
}

static int udp_sock_shutdown(struct skli_sock *k, int how)
{
	if (how != SHUT_WR)
		k->udp.rx_shut = true;
	if (how != SHUT_RD)
		k->udp.tx_shut = true;
	skli_sock_event(k);
	/* Linux says so, and yet does it: a reader may be woken that way. */
	return k->state == SKLI_CONNECTED ? 0 : ENOTCONN;
}

/* ---- Data -------------------------------------------------------------- */

/* The source of a datagram to ourselves is the address itself. */
static err_t transmit(struct skli_sock *k, struct pbuf *p, const ip_addr_t *to,
		      uint16_t port, struct netif *netif)
{
	struct udp_pcb *pcb = k->udp.pcb;
	bool any = IP_IS_ANY_TYPE_VAL(pcb->local_ip) ||
		   ip_addr_isany(&pcb->local_ip);

	if (any && netif == skli_stack_loopback(k->stack) &&
	    !ip_addr_isloopback(to))
		return udp_sendto_if_src(pcb, p, to, port, netif, to);
	return udp_sendto_if(pcb, p, to, port, netif);
}

static int send_to(struct skli_sock *k, struct skli_io *io, const ip_addr_t *to,
		   uint16_t port)
{
	struct netif *netif = ip_route(&k->udp.pcb->local_ip, to);
	struct pbuf *p;
	err_t e;

	if (!netif || (k->v6only && !IP_IS_V6(to)))
		return ENETUNREACH;
	if (is_broadcast(to, netif) && !k->broadcast)
		return EACCES;
	p = pbuf_alloc(PBUF_TRANSPORT, (u16_t)io->size, PBUF_RAM);
	if (!p)
		return ENOBUFS;
	memcpy(p->payload, io->data, io->size);
	e = transmit(k, p, to, port, netif);
	pbuf_free(p);
	if (e != ERR_OK)
		return e == ERR_RTE ? ENETUNREACH : skli_errno(e);
	io->done = io->size;
	return 0;
}

static int udp_sock_send(struct skli_sock *k, struct skli_io *io)
{
	struct udp_pcb *pcb = k->udp.pcb;
	ip_addr_t to;
	int error;

	if (k->error)
		return skli_sock_take_error(k);
	if (!pcb)
		return ENETDOWN;
	if (k->udp.tx_shut)
		return EPIPE;
	if (!io->to && k->state != SKLI_CONNECTED)
		return EDESTADDRREQ;
	if (io->to)
		skli_addr_to_lwip(k, io->to, &to);
	else
		to = pcb->remote_ip;
	if (io->size > (IP_IS_V6(&to) ? PAYLOAD_MAX6 : PAYLOAD_MAX4))
		return EMSGSIZE;
	error = bind_if_needed(k);
	if (error)
		return error;
	return send_to(k, io, &to, io->to ? io->to->port : pcb->remote_port);
}

static int udp_sock_recv(struct skli_sock *k, struct skli_io *io)
{
	struct skli_datagram *d = k->udp.rx;
	size_t len;

	if (!d) {
		if (k->error)
			return skli_sock_take_error(k);
		return k->udp.rx_shut ? 0 : EAGAIN;
	}
	len = d->p->tot_len < io->size ? d->p->tot_len : io->size;
	pbuf_copy_partial(d->p, io->buf, (u16_t)len, 0);
	io->done = len;
	if (io->from)
		skli_addr_from_lwip(k, &d->from, d->port, io->from);
	if (io->flags & MSG_PEEK)
		return 0;
	datagram_drop(k);
	if (k->mirror && !k->udp.rx)
		skli_mirror_update(k, false);
	return 0;
}

/* ---- State ------------------------------------------------------------- */

static int udp_sock_name(struct skli_sock *k, skl_addr *a, bool peer)
{
	const struct udp_pcb *pcb = k->udp.pcb;

	if (peer && k->state != SKLI_CONNECTED)
		return ENOTCONN;
	if (peer)
		*a = k->peer;
	else if (pcb)
		skli_addr_from_lwip(k, &pcb->local_ip,
				    k->bound ? pcb->local_port : 0, a);
	else
		*a = k->local;
	return 0;
}

static short udp_sock_poll(struct skli_sock *k)
{
	short events = POLLOUT;

	if (k->udp.rx || k->udp.rx_shut)
		events |= POLLIN;
	if (k->udp.rx_shut)
		events |= POLLRDHUP;
	if (k->udp.rx_shut && k->udp.tx_shut)
		events |= POLLHUP;
	if (k->error)
		events |= POLLERR;
	return events;
}

static struct ip_pcb *udp_sock_pcb(struct skli_sock *k)
{
	return (struct ip_pcb *)(void *)k->udp.pcb;
}

static void udp_lost(struct skli_sock *k)
{
	skli_sock_fail(k, ENETDOWN);
}

const struct skli_sock_ops skli_udp_ops = {
	.type = SOCK_DGRAM,
	.proto = IPPROTO_UDP,
	.open = udp_sock_open,
	.close = udp_sock_close,
	.bind = udp_sock_bind,
	.connect = udp_sock_connect,
	.shutdown = udp_sock_shutdown,
	.send = udp_sock_send,
	.recv = udp_sock_recv,
	.name = udp_sock_name,
	.poll = udp_sock_poll,
	.pcb = udp_sock_pcb,
	.lost = udp_lost,
};
