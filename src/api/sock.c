/* SPDX-License-Identifier: BSD-3-Clause */
/* Endpoints: life and readiness, see api/sock.h. */
#include "api/sock.h"

#include "api/fds.h"
#include "api/handle.h"
#include "api/mirror.h"

#include <errno.h>
#include <string.h>

#define RCVBUF_DEFAULT TCP_WND
#define SNDBUF_DEFAULT TCP_SND_BUF

struct skli_sock *skli_sock_make(struct skl_stack *s,
				 const struct skli_sock_ops *ops, int family)
{
	struct skli_sock *k = skli_arena_calloc(&s->arena, 1, sizeof(*k));

	if (!k)
		return NULL;
	k->stack = s;
	k->ops = ops;
	k->family = family;
	k->refs = 1;
	k->rcvbuf = RCVBUF_DEFAULT;
	k->sndbuf = SNDBUF_DEFAULT;
	k->local.family = family;
	k->peer.family = family;
	k->next = s->socks;
	if (k->next)
		k->next->prev = k;
	s->socks = k;
	s->sock_count++;
	return k;
}

void skli_sock_release(struct skli_sock *k)
{
	struct skl_stack *s = k->stack;

	if (--k->refs)
		return;
	if (k->prev)
		k->prev->next = k->next;
	else
		s->socks = k->next;
	if (k->next)
		k->next->prev = k->prev;
	s->sock_count--;
	skli_arena_free(&s->arena, k);
}

void skli_sock_close(struct skli_sock *k, bool reset)
{
	k->ops->close(k, reset);
	skli_mirror_drop(k);
	skli_waitq_wake(k->stack, &k->wait);
}

u8_t skli_sock_ip_type(const struct skli_sock *k)
{
	if (k->family == AF_INET)
		return IPADDR_TYPE_V4;
	return k->v6only ? IPADDR_TYPE_V6 : IPADDR_TYPE_ANY;
}

void skli_sock_event(struct skli_sock *k)
{
	if (k->wait.first)
		skli_waitq_wake(k->stack, &k->wait);
	if (k->mirror)
		skli_mirror_update(k, true);
}

void skli_sock_fail(struct skli_sock *k, int error)
{
	k->error = error;
	skli_sock_event(k);
}

int skli_sock_take_error(struct skli_sock *k)
{
	int error = k->error;

	k->error = 0;
	if (error && k->mirror)
		skli_mirror_update(k, false);
	return error;
}

int skli_errno(err_t e)
{
	static const int numbers[] = {
		[-ERR_OK] = 0,
		[-ERR_MEM] = ENOBUFS,
		[-ERR_BUF] = ENOBUFS,
		[-ERR_TIMEOUT] = ETIMEDOUT,
		[-ERR_RTE] = ENETUNREACH,
		[-ERR_INPROGRESS] = EINPROGRESS,
		[-ERR_VAL] = EINVAL,
		[-ERR_WOULDBLOCK] = EAGAIN,
		[-ERR_USE] = EADDRINUSE,
		[-ERR_ALREADY] = EALREADY,
		[-ERR_ISCONN] = EISCONN,
		[-ERR_CONN] = ENOTCONN,
		[-ERR_IF] = ENETDOWN,
		[-ERR_ABRT] = ETIMEDOUT,
		[-ERR_RST] = ECONNRESET,
		[-ERR_CLSD] = ENOTCONN,
		[-ERR_ARG] = EINVAL,
	};

	if (e > 0 || (size_t)-e >= sizeof(numbers) / sizeof(numbers[0]))
		return EIO;
	return numbers[-e];
}

void skli_hook_stack_wake(struct skl_stack *s)
{
	for (struct skli_sock *k = s->socks; k; k = k->next) {
		skli_waitq_wake(s, &k->wait);
		skli_mirror_hang_up(k);
	}
}

struct ending {
	struct skl_stack *stack;
	bool reset;
};

static int end_run(void *arg)
{
	struct ending *e = arg;
	struct skli_sock *next;

	for (struct skli_sock *k = e->stack->socks; k; k = next) {
		next = k->next;
		/* Those that were not accepted go with their listener. */
		if (k->handles)
			k->ops->close(k, e->reset);
	}
	if (e->reset)
		while (tcp_active_pcbs)
			tcp_abort(tcp_active_pcbs);
	return 0;
}

/*
 * Endpoints are not freed here: the arena goes as a whole.  Their mirrors are
 * kernel descriptors, which do not.
 */
void skli_hook_stack_end(struct skl_stack *s, bool reset)
{
	struct ending e = {s, reset};

	if (reset)
		skli_stack_run(s, end_run, &e);
	for (struct skli_sock *k = s->socks; k; k = k->next)
		skli_mirror_drop(k);
	skli_fds_forget(s);
	skli_handle_orphan(s);
}

/*
 * Does the endpoint live on the interface: bound or connected from one of its
 * addresses, or from any while there is no other interface?
 */
static bool sock_uses(const struct skli_sock *k, const struct ip_pcb *pcb,
		      const struct netif *nif, bool other)
{
	const ip_addr_t *ip = &pcb->local_ip;

	if (IP_IS_ANY_TYPE_VAL(*ip) || ip_addr_isany(ip))
		return !other && k->state != SKLI_ENDED;
	if (!IP_IS_V6(ip))
		return ip4_addr_eq(ip_2_ip4(ip), netif_ip4_addr(nif));
	for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
		if (ip6_addr_zoneless_eq(ip_2_ip6(ip), netif_ip6_addr(nif, i)))
			return true;
	return false;
}

/* Sockets that are bound to an address of the lost interface, or use it. */
void skli_hook_netif_lost(struct skl_stack *s, const struct netif *lost,
			  bool other)
{
	for (struct skli_sock *k = s->socks, *next; k; k = next) {
		const struct ip_pcb *pcb = k->ops->pcb(k);

		next = k->next;
		if (pcb && sock_uses(k, pcb, lost, other))
			k->ops->lost(k);
	}
}
