/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP errors, brought to the sockets whose packets they quote (RFC 1122
 * 4.1.3.3 and 4.2.3.9, RFC 5461, RFC 5927).
 *
 * UDP: a connected socket gets the error.  TCP: only a connection that is
 * being opened ends by one; an established one ignores it, but for what it says
 * of the path's MTU; whoever forges one has to know a sequence number in flight.
 */
#include "api/tcp.h"
#include "port/hooks.h"

#include <errno.h>

/* The packet that an error quotes. */
struct quoted {
	ip_addr_t local, remote;
	uint16_t local_port, remote_port;
	uint32_t seq; /* TCP */
	uint8_t proto;
};

static int error4(uint8_t type, uint8_t code)
{
	/* Linux's icmp_err_convert[]. */
	static const int unreachable[] = {
		ENETUNREACH,  EHOSTUNREACH, ENOPROTOOPT,  ECONNREFUSED,
		EMSGSIZE,     EOPNOTSUPP,   ENETUNREACH,  EHOSTDOWN,
		ENONET,       ENETUNREACH,  EHOSTUNREACH, ENETUNREACH,
		EHOSTUNREACH, EHOSTUNREACH, EHOSTUNREACH, EHOSTUNREACH,
	};

	if (type == ICMP_DUR && code < 16)
		return unreachable[code];
	if (type == ICMP_PP)
		return EPROTO;
	return EHOSTUNREACH;
}

static int error6(uint8_t type, uint8_t code)
{
	/* Linux's tab_unreach[]. */
	static const int unreachable[] = {
		ENETUNREACH,  EACCES, EHOSTUNREACH, EHOSTUNREACH,
		ECONNREFUSED, EACCES, EACCES,
	};

	if (type == ICMP6_TYPE_DUR && code < 7)
		return unreachable[code];
	if (type == ICMP6_TYPE_PTB)
		return EMSGSIZE;
	if (type == ICMP6_TYPE_PP)
		return EPROTO;
	return EHOSTUNREACH;
}

static bool l4_read(struct pbuf *p, uint16_t at, struct quoted *q)
{
	uint8_t h[8];

	if (pbuf_copy_partial(p, h, sizeof(h), at) != sizeof(h))
		return false;
	q->local_port = (uint16_t)(h[0] << 8 | h[1]);
	q->remote_port = (uint16_t)(h[2] << 8 | h[3]);
	q->seq = (uint32_t)h[4] << 24 | (uint32_t)h[5] << 16 |
		 (uint32_t)h[6] << 8 | h[7];
	return true;
}

static bool quoted_read4(struct pbuf *p, struct quoted *q)
{
	struct ip_hdr h;

	if (pbuf_copy_partial(p, &h, sizeof(h), 0) != sizeof(h))
		return false;
	ip_addr_copy_from_ip4(q->local, h.src);
	ip_addr_copy_from_ip4(q->remote, h.dest);
	q->proto = IPH_PROTO(&h);
	return l4_read(p, IPH_HL_BYTES(&h), q);
}

/* Extension headers are not followed: our packets have none but fragments. */
static bool quoted_read6(struct pbuf *p, struct netif *inp, struct quoted *q)
{
	struct ip6_hdr h;

	if (pbuf_copy_partial(p, &h, sizeof(h), 0) != sizeof(h))
		return false;
	ip_addr_copy_from_ip6_packed(q->local, h.src);
	ip_addr_copy_from_ip6_packed(q->remote, h.dest);
	ip6_addr_assign_zone(ip_2_ip6(&q->local), IP6_UNICAST, inp);
	ip6_addr_assign_zone(ip_2_ip6(&q->remote), IP6_UNICAST, inp);
	q->proto = IP6H_NEXTH(&h);
	return l4_read(p, sizeof(h), q);
}

static void udp_error(const struct quoted *q, int error)
{
	for (struct udp_pcb *u = udp_pcbs; u; u = u->next) {
		struct skli_sock *k = u->recv_arg;

		if (u->local_port != q->local_port ||
		    u->remote_port != q->remote_port ||
		    !(u->flags & UDP_FLAGS_CONNECTED) ||
		    !ip_addr_eq(&u->remote_ip, &q->remote))
			continue;
		if (k)
			skli_sock_fail(k, error);
	}
}

static bool tcp_matches(const struct tcp_pcb *t, const struct quoted *q)
{
	return t->local_port == q->local_port &&
	       t->remote_port == q->remote_port &&
	       ip_addr_eq(&t->remote_ip, &q->remote) &&
	       ip_addr_eq(&t->local_ip, &q->local) &&
	       TCP_SEQ_BETWEEN(q->seq, t->lastack, t->snd_nxt);
}

/*
 * The path takes packets of mtu bytes at most (RFC 1191, RFC 8201); 0: a router
 * that does not say (RFC 1191 section 5): the least that all must take.
 */
static void tcp_too_big(struct tcp_pcb *t, uint32_t mtu)
{
	if (!mtu)
		mtu = 576;
	tcp_path_mtu(t, (u16_t)(mtu < UINT16_MAX ? mtu : UINT16_MAX));
}

static void tcp_error(const struct quoted *q, int error, uint32_t mtu)
{
	for (struct tcp_pcb *t = tcp_active_pcbs; t; t = t->next) {
		struct skli_sock *k;

		if (!tcp_matches(t, q))
			continue;
		k = skli_tcp_sock(t);
		if (error == EMSGSIZE)
			tcp_too_big(t, mtu);
		else if (k && k->state == SKLI_CONNECTING)
			skli_tcp_drop(k, error);
		return;
	}
}

void skli_hook_icmp_error(struct pbuf *p, struct netif *inp, int family,
			  uint8_t type, uint8_t code, uint32_t info)
{
	bool v4 = family == 4;
	int error = v4 ? error4(type, code) : error6(type, code);
	struct quoted q;

	if (v4 ? !quoted_read4(p, &q) : !quoted_read6(p, inp, &q))
		return;
	if (q.proto == IPPROTO_UDP)
		udp_error(&q, error);
	else if (q.proto == IPPROTO_TCP)
		tcp_error(&q, error, info);
}
