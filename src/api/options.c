/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Options that all endpoints share; what is a protocol's own is in tcp.c and
 * udp.c.
 */
#include "api/call.h"
#include "stack/error.h"

#include <errno.h>
#include <string.h>

#define BUF_MIN 2048
#define BUF_MAX (4 * 1024 * 1024)

struct option_call {
	int level, option;
	int value;
	const void *data; /* buffer form in, or NULL */
	void *out;        /* buffer form out, or NULL */
	size_t len;
};

/* The options that are a protocol's own. */
static int own_set(struct skli_sock *k, const struct option_call *o)
{
	if (!k->ops->setopt)
		return ENOPROTOOPT;
	return k->ops->setopt(k, o->level, o->option, o->value);
}

static int own_get(struct skli_sock *k, struct option_call *o)
{
	if (!k->ops->getopt)
		return ENOPROTOOPT;
	return k->ops->getopt(k, o->level, o->option, &o->value);
}

/* ---- Setting ----------------------------------------------------------- */

/* Linux counts the kernel's overhead by doubling; what is set is halved. */
static int buffer_set(struct skli_sock *k, int *field, int value)
{
	if (value < BUF_MIN)
		value = BUF_MIN;
	*field = value > BUF_MAX ? BUF_MAX : value;
	if (k->ops->buffers)
		k->ops->buffers(k);
	return 0;
}

static int reuse_set(struct skli_sock *k, int value)
{
	struct ip_pcb *pcb = k->ops->pcb(k);

	k->reuseaddr = value;
	if (pcb && value)
		ip_set_option(pcb, SOF_REUSEADDR);
	else if (pcb)
		ip_reset_option(pcb, SOF_REUSEADDR);
	return 0;
}

static int broadcast_set(struct skli_sock *k, int value)
{
	struct ip_pcb *pcb = k->ops->pcb(k);

	k->broadcast = value;
	if (pcb && value)
		ip_set_option(pcb, SOF_BROADCAST);
	else if (pcb)
		ip_reset_option(pcb, SOF_BROADCAST);
	return 0;
}

static int socket_set(struct skli_sock *k, const struct option_call *o)
{
	switch (o->option) {
	case SO_REUSEADDR: return reuse_set(k, o->value != 0);
	case SO_BROADCAST: return broadcast_set(k, o->value != 0);
	case SO_RCVBUF: return buffer_set(k, &k->rcvbuf, o->value);
	case SO_SNDBUF: return buffer_set(k, &k->sndbuf, o->value);
	case SO_ERROR:
	case SO_TYPE:
	case SO_DOMAIN:
	case SO_PROTOCOL:
	case SO_ACCEPTCONN: return ENOPROTOOPT;
	default: return own_set(k, o);
	}
}

static int linger_set(struct skli_sock *k, const struct option_call *o)
{
	struct linger l;

	if (!o->data || o->len < sizeof(l))
		return EINVAL;
	memcpy(&l, o->data, sizeof(l));
	k->linger_on = l.l_onoff;
	if (l.l_onoff)
		k->linger = l.l_linger < 0 ? 0 : l.l_linger;
	return 0;
}

static int ttl_set(struct skli_sock *k, int value, int least)
{
	struct ip_pcb *pcb = k->ops->pcb(k);

	if (value == -1)
		value = IP_DEFAULT_TTL;
	if (value < least || value > 255)
		return EINVAL;
	k->ttl = (uint8_t)value;
	if (pcb)
		pcb->ttl = k->ttl;
	return 0;
}

/* The last two bits are ECN's, and in a stream TCP's own (RFC 3168). */
static int tos_set(struct skli_sock *k, int value)
{
	struct ip_pcb *pcb = k->ops->pcb(k);

	k->tos = (uint8_t)(k->ops->type == SOCK_STREAM ? value & ~3 : value);
	if (pcb)
		pcb->tos = k->tos;
	return 0;
}

static int v6only_set(struct skli_sock *k, int value)
{
	struct ip_pcb *pcb = k->ops->pcb(k);

	if (k->family != AF_INET6)
		return ENOPROTOOPT;
	if (k->bound || k->state != SKLI_FRESH)
		return EINVAL;
	k->v6only = value;
	if (pcb)
		IP_SET_TYPE(&pcb->local_ip,
			    value ? IPADDR_TYPE_V6 : IPADDR_TYPE_ANY);
	if (pcb)
		IP_SET_TYPE(&pcb->remote_ip,
			    value ? IPADDR_TYPE_V6 : IPADDR_TYPE_ANY);
	return 0;
}

static int ip_set(struct skli_sock *k, const struct option_call *o)
{
	if (o->option == IP_TTL)
		return ttl_set(k, o->value, 1);
	if (o->option == IP_TOS)
		return tos_set(k, o->value);
	return ENOPROTOOPT;
}

static int ip6_set(struct skli_sock *k, const struct option_call *o)
{
	if (k->family != AF_INET6)
		return ENOPROTOOPT;
	switch (o->option) {
	case IPV6_V6ONLY: return v6only_set(k, o->value != 0);
	case IPV6_UNICAST_HOPS: return ttl_set(k, o->value, 0);
	case IPV6_TCLASS:
		if (o->value < -1 || o->value > 255)
			return EINVAL;
		return tos_set(k, o->value == -1 ? 0 : o->value);
	default: return ENOPROTOOPT;
	}
}

static int set_try(struct skli_call *c)
{
	struct option_call *o = c->arg;
	struct skli_sock *k = c->sock;

	if (o->level == SOL_SOCKET && o->option == SO_LINGER)
		return linger_set(k, o);
	if (o->data) {
		if (o->len < sizeof(int))
			return EINVAL;
		memcpy(&o->value, o->data, sizeof(int));
	}
	switch (o->level) {
	case SOL_SOCKET: return socket_set(k, o);
	case IPPROTO_IP: return ip_set(k, o);
	case IPPROTO_IPV6: return ip6_set(k, o);
	default: return own_set(k, o);
	}
}

int skl_setsockopt(skl_sock *s, int level, int option, int value)
{
	struct option_call o = {
		.level = level, .option = option, .value = value};

	return skli_call_run(s, set_try, &o, true);
}

int skl_setsockopt_buf(skl_sock *s, int level, int option, const void *value,
		       size_t len)
{
	struct option_call o = {
		.level = level, .option = option, .data = value, .len = len};

	return skli_call_run(s, set_try, &o, true);
}

/* ---- Getting ----------------------------------------------------------- */

static int socket_get(struct skli_sock *k, struct option_call *o)
{
	switch (o->option) {
	case SO_REUSEADDR: o->value = k->reuseaddr; return 0;
	case SO_BROADCAST: o->value = k->broadcast; return 0;
	case SO_RCVBUF: o->value = 2 * k->rcvbuf; return 0;
	case SO_SNDBUF: o->value = 2 * k->sndbuf; return 0;
	case SO_ERROR: o->value = skli_sock_take_error(k); return 0;
	case SO_TYPE: o->value = k->ops->type; return 0;
	case SO_DOMAIN: o->value = k->family; return 0;
	case SO_PROTOCOL: o->value = k->ops->proto; return 0;
	case SO_ACCEPTCONN: o->value = k->state == SKLI_LISTENING; return 0;
	default: return own_get(k, o);
	}
}

static int ip_get(const struct skli_sock *k, struct option_call *o)
{
	if (o->option == IP_TTL)
		o->value = k->ttl;
	else if (o->option == IP_TOS)
		o->value = k->tos;
	else
		return ENOPROTOOPT;
	return 0;
}

static int ip6_get(const struct skli_sock *k, struct option_call *o)
{
	if (k->family != AF_INET6)
		return ENOPROTOOPT;
	if (o->option == IPV6_V6ONLY)
		o->value = k->v6only;
	else if (o->option == IPV6_UNICAST_HOPS)
		o->value = k->ttl;
	else if (o->option == IPV6_TCLASS)
		o->value = k->tos;
	else
		return ENOPROTOOPT;
	return 0;
}

static int value_get(struct skli_sock *k, struct option_call *o)
{
	switch (o->level) {
	case SOL_SOCKET: return socket_get(k, o);
	case IPPROTO_IP: return ip_get(k, o);
	case IPPROTO_IPV6: return ip6_get(k, o);
	default: return own_get(k, o);
	}
}

/* As Linux: cut to what the caller has room for. */
static void give(struct option_call *o, const void *from, size_t len)
{
	if (len > o->len)
		len = o->len;
	memcpy(o->out, from, len);
	o->len = len;
}

static int get_try(struct skli_call *c)
{
	struct option_call *o = c->arg;
	struct linger l = {c->sock->linger_on, c->sock->linger};
	int error;

	if (o->level == SOL_SOCKET && o->option == SO_LINGER) {
		o->value = l.l_onoff;
		if (o->out)
			give(o, &l, sizeof(l));
		return 0;
	}
	error = value_get(c->sock, o);
	if (!error && o->out)
		give(o, &o->value, sizeof(int));
	return error;
}

int skl_getsockopt(skl_sock *s, int level, int option, int *value)
{
	struct option_call o = {.level = level, .option = option};

	if (skli_call_run(s, get_try, &o, true))
		return -1;
	*value = o.value;
	return 0;
}

int skl_getsockopt_buf(skl_sock *s, int level, int option, void *value,
		       size_t *len)
{
	struct option_call o = {
		.level = level, .option = option, .out = value, .len = *len};

	if (skli_call_run(s, get_try, &o, true))
		return -1;
	*len = o.len;
	return 0;
}

/* ---- Attributes -------------------------------------------------------- */

static int attribute(skl_sock *s, int option)
{
	int value;

	return skl_getsockopt(s, SOL_SOCKET, option, &value) ? -1 : value;
}

int skl_family(skl_sock *s)
{
	return attribute(s, SO_DOMAIN);
}

int skl_type(skl_sock *s)
{
	return attribute(s, SO_TYPE);
}

int skl_proto(skl_sock *s)
{
	return attribute(s, SO_PROTOCOL);
}
