/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP endpoints, on lwIP's raw API.
 *
 * THEORY OF OPERATION
 *
 * In: lwIP's receive callback hands over pbufs, which wait in rx until they
 * are read; only then is the window opened again (tcp_recved()), so that
 * SO_RCVBUF bounds what a connection holds.  Out: tcp_write() copies into
 * lwIP's send queue, as far as SO_SNDBUF has room, straight from the caller's
 * thread.
 *
 * Who frees a pcb: lwIP does, whenever a connection is over, and says so
 * through the error callback; but not for one that reaches TIME-WAIT, whose
 * memory goes without a word (tcp_slowtmr()).  So where our FIN was first and
 * the peer's has come the endpoint lets go of its pcb by itself (let_go()),
 * after which lwIP finishes the handshake alone.  An endpoint without a pcb is
 * ENDED; what had been received can still be read.
 */
#include "api/tcp.h"

#include "api/mirror.h"

#include "port/timers.h"
#include "tcp/ports.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

/* tcp_write() and tcp_recved() count in 16 bits. */
#define WRITE_MAX 65535U

/* Small segments share a pbuf once so many wait. */
#define COLLECT_SIZE  4000
#define COLLECT_BELOW 512
#define COLLECT_FROM  8

static struct tcp_pcb_listen *listen_pcb(const struct skli_sock *k)
{
	return (struct tcp_pcb_listen *)(void *)k->tcp.pcb;
}

/* ---- The pcb's ends ---------------------------------------------------- */

static void names_save(struct skli_sock *k)
{
	const struct tcp_pcb *pcb = k->tcp.pcb;

	skli_addr_from_lwip(k, &pcb->local_ip, pcb->local_port, &k->local);
	skli_addr_from_lwip(k, &pcb->remote_ip, pcb->remote_port, &k->peer);
}

/* From now on lwIP deals with the pcb alone. */
static struct tcp_pcb *let_go(struct skli_sock *k)
{
	struct tcp_pcb *pcb = k->tcp.pcb;

	names_save(k);
	tcp_arg(pcb, NULL);
	tcp_recv(pcb, NULL);
	tcp_sent(pcb, NULL);
	tcp_err(pcb, NULL);
	k->tcp.pcb = NULL;
	k->state = SKLI_ENDED;
	return pcb;
}

void skli_tcp_drop(struct skli_sock *k, int error)
{
	if (!k->tcp.pcb || k->state == SKLI_LISTENING)
		return;
	tcp_abandon(let_go(k), 0);
	skli_sock_fail(k, error);
}

/* ---- lwIP's callbacks -------------------------------------------------- */

static bool window_open(const struct skli_sock *k)
{
	const struct tcp_pcb *pcb = k->tcp.pcb;

	/* As Linux (sk_stream_is_writeable()): a third of it is free. */
	return pcb->snd_buf >= (unsigned)k->sndbuf / 3 &&
	       pcb->snd_queuelen < TCP_SND_QUEUELEN - TCP_SNDQUEUELOWAT;
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t len)
{
	struct skli_sock *k = arg;

	(void)pcb;
	(void)len;
	if ((k->wait.first || k->mirror) && window_open(k))
		skli_sock_event(k);
	return ERR_OK;
}

static void on_fin(struct skli_sock *k)
{
	k->tcp.rx_end = true;
	if (k->tcp.tx_shut)
		let_go(k);
	skli_sock_event(k);
}

/* Appends p to the last pbuf of the queue, which has room for it. */
static void rx_collect(struct skli_tcp *t, struct pbuf *p)
{
	struct pbuf *tail = skli_queue_at(&t->rx, t->rx.count - 1);

	pbuf_copy_partial(p, (char *)tail->payload + tail->len, p->tot_len, 0);
	tail->len += p->tot_len;
	tail->tot_len = tail->len;
	t->rx_room -= p->tot_len;
	pbuf_free(p);
}

/* An empty pbuf at the end of the queue, for small segments to share. */
static bool rx_collector(struct skli_sock *k)
{
	struct pbuf *tail = pbuf_alloc(PBUF_RAW, COLLECT_SIZE, PBUF_RAM);

	if (!tail)
		return false;
	tail->len = tail->tot_len = 0;
	if (!skli_queue_add(&k->stack->arena, &k->tcp.rx, tail)) {
		pbuf_free(tail);
		return false;
	}
	k->tcp.rx_room = COLLECT_SIZE;
	return true;
}

/*
 * Queues what was received.  Where small segments pile up they share a pbuf:
 * the window counts bytes, and a peer that sends one at a time must not make
 * us hold a hundred for each.
 */
static bool rx_add(struct skli_sock *k, struct pbuf *p)
{
	struct skli_tcp *t = &k->tcp;
	uint16_t len = p->tot_len;

	if (len <= COLLECT_BELOW && len > t->rx_room &&
	    t->rx.count >= COLLECT_FROM && !rx_collector(k))
		return false;
	if (len <= t->rx_room) {
		rx_collect(t, p);
	} else {
		if (!skli_queue_add(&k->stack->arena, &t->rx, p))
			return false;
		t->rx_room = 0;
	}
	t->rx_bytes += len;
	return true;
}

static err_t on_recv(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	struct skli_sock *k = arg;

	(void)err;
	if (!p) {
		on_fin(k);
		return ERR_OK;
	}
	if (k->tcp.rx_shut) {
		tcp_recved(pcb, p->tot_len);
		pbuf_free(p);
		return ERR_OK;
	}
	/* ERR_MEM: lwIP keeps it and comes again. */
	if (!rx_add(k, p))
		return ERR_MEM;
	skli_sock_event(k);
	return ERR_OK;
}

/* The pcb is gone already; its names were saved when it connected. */
static void on_err(void *arg, err_t err)
{
	struct skli_sock *k = arg;
	bool connecting = k->state == SKLI_CONNECTING;

	k->tcp.pcb = NULL;
	k->state = SKLI_ENDED;
	if (err == ERR_CLSD)
		skli_sock_event(k);
	else if (err == ERR_RST && k->tcp.rx_end)
		skli_sock_fail(k, EPIPE); /* as Linux in CLOSE-WAIT */
	else if (err == ERR_RST)
		skli_sock_fail(k, connecting ? ECONNREFUSED : ECONNRESET);
	else
		skli_sock_fail(k, skli_errno(err));
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct skli_sock *k = arg;

	(void)pcb;
	(void)err;
	k->state = SKLI_CONNECTED;
	names_save(k);
	skli_sock_event(k);
	return ERR_OK;
}

static void callbacks_set(struct skli_sock *k)
{
	tcp_arg(k->tcp.pcb, k);
	tcp_recv(k->tcp.pcb, on_recv);
	tcp_sent(k->tcp.pcb, on_sent);
	tcp_err(k->tcp.pcb, on_err);
}

struct skli_sock *skli_tcp_sock(const struct tcp_pcb *pcb)
{
	return pcb->errf == on_err ? pcb->callback_arg : NULL;
}

/* ---- Options ----------------------------------------------------------- */

static void keepalive_apply(struct skli_sock *k)
{
	struct tcp_pcb *pcb = k->tcp.pcb;

	if (k->tcp.keepalive)
		ip_set_option(pcb, SOF_KEEPALIVE);
	else
		ip_reset_option(pcb, SOF_KEEPALIVE);
	pcb->keep_idle = (u32_t)k->tcp.keep_idle * 1000U;
	pcb->keep_intvl = (u32_t)k->tcp.keep_interval * 1000U;
	pcb->keep_cnt = (u32_t)k->tcp.keep_count;
	skli_timers_touch(pcb);
}

/* Gives a pcb that can hold data what was set on the endpoint. */
static void options_apply(struct skli_sock *k)
{
	struct tcp_pcb *pcb = k->tcp.pcb;

	if (!pcb || k->state == SKLI_LISTENING)
		return;
	if (k->tcp.nodelay)
		tcp_nagle_disable(pcb);
	else
		tcp_nagle_enable(pcb);
	keepalive_apply(k);
}

static void buffers_apply(struct skli_sock *k)
{
	struct tcp_pcb *pcb = k->tcp.pcb;
	tcpwnd_size_t queued;

	if (!pcb)
		return;
	tcp_set_rcv_wnd_limit(pcb, (tcpwnd_size_t)k->rcvbuf);
	if (k->state == SKLI_LISTENING)
		return;
	queued = k->tcp.snd_limit - pcb->snd_buf;
	k->tcp.snd_limit = (tcpwnd_size_t)k->sndbuf;
	pcb->snd_buf =
		queued < k->tcp.snd_limit ? k->tcp.snd_limit - queued : 0;
}

static int keep_set(struct skli_sock *k, int *field, int value, int limit)
{
	if (value < 1 || value > limit)
		return EINVAL;
	*field = value;
	options_apply(k);
	return 0;
}

static int tcp_setopt(struct skli_sock *k, int level, int option, int value)
{
	if (level == SOL_SOCKET && option == SO_KEEPALIVE) {
		k->tcp.keepalive = value;
		options_apply(k);
		return 0;
	}
	if (level != IPPROTO_TCP)
		return ENOPROTOOPT;
	switch (option) {
	case TCP_NODELAY:
		k->tcp.nodelay = value;
		options_apply(k);
		if (value && k->state == SKLI_CONNECTED && k->tcp.pcb)
			tcp_output(k->tcp.pcb);
		return 0;
	case TCP_KEEPIDLE: return keep_set(k, &k->tcp.keep_idle, value, 32767);
	case TCP_KEEPINTVL:
		return keep_set(k, &k->tcp.keep_interval, value, 32767);
	case TCP_KEEPCNT: return keep_set(k, &k->tcp.keep_count, value, 127);
	default: return ENOPROTOOPT;
	}
}

static int mss_get(const struct skli_sock *k)
{
	/* Before a connection Linux tells its least, 536. */
	if (!k->tcp.pcb || k->state == SKLI_LISTENING)
		return 536;
	return k->tcp.pcb->mss;
}

static int tcp_getopt(struct skli_sock *k, int level, int option, int *value)
{
	if (level == SOL_SOCKET && option == SO_KEEPALIVE) {
		*value = k->tcp.keepalive;
		return 0;
	}
	if (level != IPPROTO_TCP)
		return ENOPROTOOPT;
	switch (option) {
	case TCP_NODELAY: *value = k->tcp.nodelay; return 0;
	case TCP_KEEPIDLE: *value = k->tcp.keep_idle; return 0;
	case TCP_KEEPINTVL: *value = k->tcp.keep_interval; return 0;
	case TCP_KEEPCNT: *value = k->tcp.keep_count; return 0;
	case TCP_MAXSEG: *value = mss_get(k); return 0;
	default: return ENOPROTOOPT;
	}
}

/* ---- Opening, binding, connecting -------------------------------------- */

static int pcb_make(struct skli_sock *k)
{
	k->tcp.pcb = tcp_new_ip_type(skli_sock_ip_type(k));
	if (!k->tcp.pcb)
		return ENOBUFS;
	k->state = SKLI_FRESH;
	k->tcp.pcb->ttl = k->ttl;
	k->tcp.pcb->tos = k->tos;
	if (k->reuseaddr)
		ip_set_option(k->tcp.pcb, SOF_REUSEADDR);
	k->tcp.snd_limit = TCP_SND_BUF;
	callbacks_set(k);
	buffers_apply(k);
	options_apply(k);
	return 0;
}

static int tcp_sock_open(struct skli_sock *k)
{
	k->tcp.accept_last = &k->tcp.accept_first;
	k->tcp.keep_idle = 7200; /* Linux's, and RFC 1122 4.2.3.6's */
	k->tcp.keep_interval = 75;
	k->tcp.keep_count = 9;
	k->ttl = TCP_TTL;
	return pcb_make(k);
}

/* Binds to ip and a port of our choice (RFC 6056). */
static err_t bind_any_port(struct skli_sock *k, const ip_addr_t *ip)
{
	struct skli_port_draw draw;
	err_t e = ERR_USE;

	skli_port_draw_start(&draw, &k->stack->random);
	for (uint16_t port; e == ERR_USE && skli_port_draw(&draw, &port);)
		e = tcp_bind(k->tcp.pcb, ip, port);
	return e;
}

static int tcp_sock_bind(struct skli_sock *k, const skl_addr *a)
{
	ip_addr_t ip;
	err_t e;

	if (k->state != SKLI_FRESH || k->bound)
		return EINVAL;
	skli_addr_to_lwip(k, a, &ip);
	if (k->v6only && !IP_IS_V6(&ip))
		return EINVAL;
	if (!skli_addr_is_local(k->stack, &ip))
		return EADDRNOTAVAIL;
	/* tcp_bind() copies the type: "::" may stand for both families. */
	if (IP_IS_V6_VAL(ip) && ip_addr_isany(&ip))
		IP_SET_TYPE_VAL(ip, skli_sock_ip_type(k));
	e = a->port ? tcp_bind(k->tcp.pcb, &ip, a->port)
		    : bind_any_port(k, &ip);
	if (e != ERR_OK)
		return skli_errno(e);
	k->bound = true;
	k->tcp.asked = *a;
	return 0;
}

/*
 * The endpoint of a connection or listener that is over begins again, bound
 * as it was asked to be: as on Linux (tcp_disconnect()).
 */
static int fresh_again(struct skli_sock *k)
{
	skl_addr asked = k->tcp.asked;
	int error = pcb_make(k);

	if (error)
		return error;
	k->tcp.rx_end = k->tcp.rx_shut = k->tcp.tx_shut = false;
	k->bound = false;
	k->peer = (skl_addr){.family = k->family};
	if (asked.family)
		(void)tcp_sock_bind(k, &asked);
	return 0;
}

/* The source address of a connection to ourselves is the address itself. */
static int bind_source(struct skli_sock *k, const ip_addr_t *to)
{
	struct tcp_pcb *pcb = k->tcp.pcb;
	bool own = skli_addr_is_local(k->stack, to) && !ip_addr_isloopback(to);
	err_t e = ERR_OK;

	if (!k->bound)
		e = bind_any_port(k, own ? to : IP_ANY_TYPE);
	else if (own && ip_addr_isany(&pcb->local_ip))
		ip_addr_copy(pcb->local_ip, *to);
	if (e != ERR_OK)
		return e == ERR_USE ? EADDRNOTAVAIL : skli_errno(e);
	k->bound = true;
	return 0;
}

static void loopback_set(ip_addr_t *ip)
{
	ip_addr_set_loopback_val(IP_IS_V6_VAL(*ip), *ip);
}

static bool is_unicast(const ip_addr_t *ip)
{
	const struct netif *netif = ip_route(IP_ANY_TYPE, ip);

	return !ip_addr_ismulticast(ip) &&
	       (IP_IS_V6(ip) || !netif ||
		!ip4_addr_isbroadcast(ip_2_ip4(ip), netif));
}

static int connect_start(struct skli_sock *k, const skl_addr *a)
{
	ip_addr_t to;
	int error;
	err_t e;

	skli_addr_to_lwip(k, a, &to);
	/* Linux takes the wildcard for the loopback address. */
	if (ip_addr_isany(&to))
		loopback_set(&to);
	if (!is_unicast(&to) || (k->v6only && !IP_IS_V6(&to)))
		return ENETUNREACH;
	error = bind_source(k, &to);
	if (error)
		return error;
	e = tcp_connect(k->tcp.pcb, &to, a->port, on_connected);
	if (e != ERR_OK)
		return e == ERR_USE ? EADDRNOTAVAIL : skli_errno(e);
	k->state = SKLI_CONNECTING;
	k->tcp.connect_told = false;
	names_save(k);
	skli_mirror_update(k, false);
	return EAGAIN;
}

/* Once the result of an attempt was told, another may follow, as on Linux. */
static int connect_over(struct skli_sock *k)
{
	int error;

	if (k->state == SKLI_ENDED && fresh_again(k))
		return ENOBUFS;
	error = skli_sock_take_error(k);
	skli_sock_event(k);
	return error ? error : ECONNABORTED;
}

static int tcp_sock_connect(struct skli_sock *k, const skl_addr *a, bool again)
{
	switch (k->state) {
	case SKLI_LISTENING: return EISCONN;
	case SKLI_CONNECTING: return again ? EAGAIN : EALREADY;
	case SKLI_CONNECTED:
		if (k->tcp.connect_told)
			return EISCONN;
		k->tcp.connect_told = true;
		return 0;
	case SKLI_ENDED: return k->tcp.connect_told ? EISCONN : connect_over(k);
	/* again: a shutdown() has ended the attempt meanwhile. */
	default: return again ? connect_over(k) : connect_start(k, a);
	}
}

/* ---- Listening and accepting ------------------------------------------- */

static void child_inherit(struct skli_sock *child, const struct skli_sock *k)
{
	child->v6only = k->v6only;
	child->reuseaddr = k->reuseaddr;
	child->linger_on = k->linger_on;
	child->linger = k->linger;
	child->rcvbuf = k->rcvbuf;
	child->sndbuf = k->sndbuf;
	child->ttl = k->ttl;
	child->tos = k->tos;
	child->tcp.nodelay = k->tcp.nodelay;
	child->tcp.keepalive = k->tcp.keepalive;
	child->tcp.keep_idle = k->tcp.keep_idle;
	child->tcp.keep_interval = k->tcp.keep_interval;
	child->tcp.keep_count = k->tcp.keep_count;
}

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct skli_sock *k = arg, *child;

	if (err != ERR_OK || !pcb || !k)
		return ERR_VAL;
	child = skli_sock_make(k->stack, &skli_tcp_ops, k->family);
	if (!child)
		return ERR_MEM;
	child->tcp.accept_last = &child->tcp.accept_first;
	child->tcp.pcb = pcb;
	child->tcp.listener = k;
	child->tcp.connect_told = true;
	child->state = SKLI_CONNECTED;
	child->bound = true;
	child->tcp.snd_limit = TCP_SND_BUF;
	child_inherit(child, k);
	callbacks_set(child);
	buffers_apply(child);
	options_apply(child);
	names_save(child);
	tcp_backlog_delayed(pcb);
	*k->tcp.accept_last = child;
	k->tcp.accept_last = &child->tcp.accept_next;
	skli_sock_event(k);
	return ERR_OK;
}

static int tcp_sock_listen(struct skli_sock *k, int backlog)
{
	struct tcp_pcb *pcb;
	u16_t size;
	err_t e = ERR_OK;

	if (backlog < 0)
		backlog = 0;
	/* Linux holds one connection more than asked for. */
	size = (u16_t)((backlog > SOMAXCONN ? SOMAXCONN : backlog) + 1);
	if (k->state == SKLI_LISTENING) {
		tcp_backlog_set(k->tcp.pcb, size);
		return 0;
	}
	if (k->state != SKLI_FRESH)
		return EINVAL;
	if (!k->bound) {
		e = bind_any_port(k, IP_ANY_TYPE);
		IP_SET_TYPE(&k->tcp.pcb->local_ip, skli_sock_ip_type(k));
	}
	if (e != ERR_OK)
		return skli_errno(e);
	pcb = tcp_listen_with_backlog_and_err(k->tcp.pcb, size, &e);
	if (!pcb)
		return e == ERR_MEM ? ENOBUFS : skli_errno(e);
	k->bound = true;
	k->tcp.pcb = pcb;
	k->state = SKLI_LISTENING;
	tcp_arg(pcb, k);
	tcp_accept(pcb, on_accept);
	skli_mirror_update(k, false);
	return 0;
}

static struct skli_sock *child_take(struct skli_sock *k)
{
	struct skli_sock *child = k->tcp.accept_first;

	if (!child)
		return NULL;
	k->tcp.accept_first = child->tcp.accept_next;
	if (!k->tcp.accept_first)
		k->tcp.accept_last = &k->tcp.accept_first;
	child->tcp.accept_next = NULL;
	child->tcp.listener = NULL;
	if (child->tcp.pcb)
		tcp_backlog_accepted(child->tcp.pcb);
	return child;
}

static int tcp_sock_accept(struct skli_sock *k, struct skli_sock **out)
{
	if (k->state != SKLI_LISTENING)
		return k->error ? skli_sock_take_error(k) : EINVAL;
	*out = child_take(k);
	if (*out)
		return 0;
	return k->error ? skli_sock_take_error(k) : EAGAIN;
}

/* ---- Closing ----------------------------------------------------------- */

static void listen_close(struct skli_sock *k)
{
	struct skli_sock *child;

	while ((child = child_take(k))) {
		if (child->tcp.pcb)
			tcp_abort(let_go(child));
		skli_queue_clear(&k->stack->arena, &child->tcp.rx);
		skli_sock_release(child);
	}
	skli_addr_from_lwip(k, &listen_pcb(k)->local_ip,
			    listen_pcb(k)->local_port, &k->local);
	tcp_close(k->tcp.pcb);
	k->tcp.pcb = NULL;
	k->state = SKLI_ENDED;
}

static void tcp_sock_close(struct skli_sock *k, bool reset)
{
	bool unread = k->tcp.rx_bytes != 0;
	struct tcp_pcb *pcb;

	skli_queue_clear(&k->stack->arena, &k->tcp.rx);
	k->tcp.rx_bytes = 0;
	if (!k->tcp.pcb)
		return;
	if (k->state == SKLI_LISTENING) {
		listen_close(k);
		return;
	}
	if (k->linger_on && k->linger == 0)
		reset = true;
	if (k->state == SKLI_CONNECTED && (reset || unread)) {
		tcp_abort(let_go(k));
		return;
	}
	pcb = let_go(k);
	if (tcp_close(pcb) != ERR_OK)
		tcp_abort(pcb);
}

/* Where there is no connection: as on Linux (inet_shutdown()). */
static int unconnected_shutdown(struct skli_sock *k, int how)
{
	switch (k->state) {
	case SKLI_LISTENING:
		if (how == SHUT_WR)
			return 0;
		listen_close(k);
		break;
	case SKLI_CONNECTING:
		tcp_abandon(let_go(k), 0);
		k->error = ECONNRESET;
		break;
	default: return ENOTCONN;
	}
	(void)fresh_again(k);
	skli_sock_event(k);
	return 0;
}

static int tcp_sock_shutdown(struct skli_sock *k, int how)
{
	if (k->state != SKLI_CONNECTED)
		return unconnected_shutdown(k, how);
	k->tcp.connect_told = true; /* Linux: SS_CONNECTED from here on */
	if (how != SHUT_WR)
		k->tcp.rx_shut = true;
	if (how == SHUT_RD || k->tcp.tx_shut) {
		skli_sock_event(k);
		return 0;
	}
	k->tcp.tx_shut = true;
	if (k->tcp.pcb) {
		err_t e = tcp_shutdown(k->tcp.pcb, 0, 1);

		if (e != ERR_OK)
			return skli_errno(e);
	}
	skli_sock_event(k);
	return 0;
}

/* ---- Data -------------------------------------------------------------- */

/* Whether the state allows data out: 0, EAGAIN or an error number. */
static int send_allowed(struct skli_sock *k)
{
	if (k->error)
		return skli_sock_take_error(k);
	if (k->state == SKLI_CONNECTING)
		return EAGAIN;
	if (k->state != SKLI_CONNECTED || k->tcp.tx_shut)
		return EPIPE;
	return 0;
}

/* Queues what fits: how much, or 0. */
static size_t write_some(struct tcp_pcb *pcb, const char *data, size_t size)
{
	size_t done = 0;

	while (done < size) {
		size_t room = tcp_sndbuf(pcb);
		size_t len = size - done;
		u8_t flags = TCP_WRITE_FLAG_COPY;

		if (len > room)
			len = room;
		if (len > WRITE_MAX)
			len = WRITE_MAX;
		if (!len)
			break;
		/* No PSH, and no small segment, in the middle. */
		if (done + len < size)
			flags |= TCP_WRITE_FLAG_MORE;
		if (tcp_write(pcb, data + done, (u16_t)len, flags) != ERR_OK)
			break;
		done += len;
	}
	return done;
}

static int tcp_sock_send(struct skli_sock *k, struct skli_io *io)
{
	int error = send_allowed(k);
	size_t done;

	if (error || io->done == io->size)
		return error;
	done = write_some(k->tcp.pcb, (const char *)io->data + io->done,
			  io->size - io->done);
	io->done += done;
	if (done)
		tcp_output(k->tcp.pcb);
	return io->done == io->size ? 0 : EAGAIN;
}

/* Opens the window by what was read. */
static void window_return(struct skli_sock *k, size_t read)
{
	while (read && k->tcp.pcb) {
		u16_t len = (u16_t)(read < WRITE_MAX ? read : WRITE_MAX);

		tcp_recved(k->tcp.pcb, len);
		read -= len;
	}
}

/* Copies what has been received, without taking it away. */
static size_t rx_peek(const struct skli_sock *k, char *buf, size_t size)
{
	uint16_t offset = k->tcp.rx_offset;
	size_t done = 0;
	struct pbuf *p;

	for (uint32_t i = 0; done < size && (p = skli_queue_at(&k->tcp.rx, i));
	     i++) {
		size_t len = size - done;

		if (len > (size_t)(p->tot_len - offset))
			len = (size_t)(p->tot_len - offset);
		done += pbuf_copy_partial(p, buf + done, (u16_t)len, offset);
		offset = 0;
	}
	return done;
}

static size_t rx_take(struct skli_sock *k, char *buf, size_t size)
{
	struct skli_tcp *t = &k->tcp;
	size_t done = 0;
	struct pbuf *p;

	while (done < size && (p = skli_queue_at(&t->rx, 0))) {
		size_t left = (size_t)(p->tot_len - t->rx_offset);
		size_t len = size - done < left ? size - done : left;

		pbuf_copy_partial(p, buf + done, (u16_t)len, t->rx_offset);
		done += len;
		t->rx_offset += (uint16_t)len;
		if (len == left) {
			skli_queue_drop(&t->rx);
			t->rx_offset = 0;
			if (!t->rx.count)
				t->rx_room = 0;
		}
	}
	t->rx_bytes -= done;
	return done;
}

/* Nothing to read: why. */
static int recv_empty(struct skli_sock *k)
{
	if (k->tcp.rx_end || k->tcp.rx_shut)
		return 0;
	if (k->error)
		return skli_sock_take_error(k);
	if (k->state == SKLI_FRESH || k->state == SKLI_LISTENING)
		return ENOTCONN;
	return k->state == SKLI_ENDED ? 0 : EAGAIN;
}

static int tcp_sock_recv(struct skli_sock *k, struct skli_io *io)
{
	if (!k->tcp.rx_bytes)
		return recv_empty(k);
	if (io->flags & MSG_PEEK) {
		io->done = rx_peek(k, io->buf, io->size);
		return 0;
	}
	io->done = rx_take(k, io->buf, io->size);
	window_return(k, io->done);
	if (k->mirror && !k->tcp.rx_bytes)
		skli_mirror_update(k, false);
	return 0;
}

/* ---- State ------------------------------------------------------------- */

static int tcp_sock_name(struct skli_sock *k, skl_addr *a, bool peer)
{
	const struct tcp_pcb *pcb = k->tcp.pcb;

	if (peer && k->state != SKLI_CONNECTED)
		return ENOTCONN;
	if (pcb && !peer)
		skli_addr_from_lwip(k, &pcb->local_ip, pcb->local_port, a);
	else
		*a = peer ? k->peer : k->local;
	return 0;
}

static short poll_connected(const struct skli_sock *k)
{
	const struct skli_tcp *t = &k->tcp;
	short events = 0;

	if (t->rx_bytes)
		events |= POLLIN;
	if (t->rx_end || t->rx_shut)
		events |= POLLIN | POLLRDHUP;
	if (t->tx_shut || window_open(k))
		events |= POLLOUT;
	if (t->tx_shut && (t->rx_end || t->rx_shut))
		events |= POLLHUP;
	return events;
}

static short tcp_sock_poll(struct skli_sock *k)
{
	short error = k->error ? POLLERR : 0;

	switch (k->state) {
	case SKLI_FRESH: return error | POLLOUT | POLLHUP;
	case SKLI_LISTENING: return error | (k->tcp.accept_first ? POLLIN : 0);
	case SKLI_CONNECTING: return error;
	case SKLI_CONNECTED: return error | poll_connected(k);
	default: return error | POLLIN | POLLOUT | POLLRDHUP | POLLHUP;
	}
}

static bool tcp_sock_drained(const struct skli_sock *k)
{
	const struct tcp_pcb *pcb = k->tcp.pcb;

	return !pcb || (!pcb->unsent && !pcb->unacked);
}

static struct ip_pcb *tcp_sock_pcb(struct skli_sock *k)
{
	return (struct ip_pcb *)(void *)k->tcp.pcb;
}

static void tcp_sock_lost(struct skli_sock *k)
{
	if (k->state == SKLI_LISTENING || k->state == SKLI_FRESH)
		skli_sock_fail(k, ENETDOWN);
	else
		skli_tcp_drop(k, ENETDOWN);
}

const struct skli_sock_ops skli_tcp_ops = {
	.type = SOCK_STREAM,
	.proto = IPPROTO_TCP,
	.open = tcp_sock_open,
	.close = tcp_sock_close,
	.bind = tcp_sock_bind,
	.connect = tcp_sock_connect,
	.listen = tcp_sock_listen,
	.accept = tcp_sock_accept,
	.shutdown = tcp_sock_shutdown,
	.send = tcp_sock_send,
	.recv = tcp_sock_recv,
	.name = tcp_sock_name,
	.poll = tcp_sock_poll,
	.setopt = tcp_setopt,
	.getopt = tcp_getopt,
	.buffers = buffers_apply,
	.drained = tcp_sock_drained,
	.pcb = tcp_sock_pcb,
	.lost = tcp_sock_lost,
};
