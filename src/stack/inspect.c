/* SPDX-License-Identifier: BSD-3-Clause */
/* Looking inside an open stack, and changing it: sockling/stack.h. */
#include "netif/netif.h"
#include "stack/capture.h"
#include "stack/config.h"
#include "stack/error.h"
#include "stack/stack.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct change {
	struct skl_stack *stack;
	const char *words;
};

static int change_run(void *arg)
{
	struct change *c = arg;

	return skli_config_change(c->stack, c->words);
}

int skl_stack_configure(skl_stack *s, const char *words)
{
	struct change c = {s, words};
	int result;

	if (skli_stack_enter(s))
		return -1;
	result = skli_stack_run(s, change_run, &c);
	skli_stack_leave(s);
	return result;
}

static void address_add(struct skl_interface *out, int family, const void *ip,
			unsigned prefix)
{
	skl_addr *a = &out->addresses[out->address_count];

	if (out->address_count ==
	    sizeof(out->addresses) / sizeof(out->addresses[0]))
		return;
	memset(a, 0, sizeof(*a));
	a->family = family;
	a->port = (uint16_t)prefix;
	memcpy(a->ip, ip, family == AF_INET ? 4 : 16);
	out->address_count++;
}

static void addresses_fill(const struct skli_netif *nif,
			   struct skl_interface *out)
{
	const struct netif *n = &nif->lwip;

	if (!ip4_addr_isany_val(*netif_ip4_addr(n)))
		address_add(out, AF_INET, netif_ip4_addr(n),
			    (unsigned)__builtin_popcount(
				    netif_ip4_netmask(n)->addr));
	for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
		if (ip6_addr_isvalid(netif_ip6_addr_state(n, i)))
			address_add(out, AF_INET6, netif_ip6_addr(n, i),
				    nif->prefix6[i]);
}

int skl_stack_interface(skl_stack *s, unsigned index, struct skl_interface *out)
{
	struct skli_netif *nif;

	if (skli_stack_enter(s))
		return -1;
	nif = s->netifs;
	while (nif && index--)
		nif = nif->next;
	if (nif) {
		memset(out, 0, sizeof(*out));
		memcpy(out->name, nif->name, sizeof(out->name));
		out->index = netif_get_index(&nif->lwip);
		memcpy(out->mac, nif->lwip.hwaddr, sizeof(out->mac));
		out->mtu = nif->lwip.mtu;
		out->up = netif_is_link_up(&nif->lwip) && !nif->gone;
		out->offload = nif->offload;
		out->rx_frames = nif->counters.rx_frames;
		out->rx_bytes = nif->counters.rx_bytes;
		out->rx_dropped = nif->counters.rx_dropped;
		out->tx_frames = nif->counters.tx_frames;
		out->tx_bytes = nif->counters.tx_bytes;
		out->tx_dropped = nif->counters.tx_dropped;
		addresses_fill(nif, out);
	}
	skli_stack_leave(s);
	return nif ? 0 : skli_fail(ENODEV);
}

int skl_stack_stats(skl_stack *s, struct skl_stack_stats *out)
{
	if (skli_stack_enter(s))
		return -1;
	memset(out, 0, sizeof(*out));
	out->memory = s->arena.held;
	out->memory_peak = s->arena.peak;
	out->blocks = s->arena.blocks;
	out->sockets = s->sock_count;
	out->wakeups = s->driver.wakeups;
	for (struct tcp_pcb *p = tcp_active_pcbs; p; p = p->next)
		out->connections++;
	for (struct tcp_pcb *p = tcp_tw_pcbs; p; p = p->next)
		out->connections++;
	skli_stack_leave(s);
	return 0;
}

static int capture_all(struct skl_stack *s, const char *path, unsigned snaplen,
		       uint64_t limit)
{
	int error = 0;

	for (struct skli_netif *n = s->netifs; !error && n; n = n->next) {
		if (path)
			error = skli_capture_start(n, path, snaplen, limit);
		else
			skli_capture_stop(n);
	}
	return error;
}

int skl_stack_capture(skl_stack *s, const char *interface, const char *path,
		      unsigned snaplen, uint64_t limit)
{
	struct skli_netif *nif = NULL;
	int error = 0;

	if (skli_stack_enter(s))
		return -1;
	if (*interface)
		nif = skli_netif_find(s, interface);
	if (!*interface)
		error = capture_all(s, path, snaplen, limit);
	else if (!nif)
		error = ENODEV;
	else if (path)
		error = skli_capture_start(nif, path, snaplen, limit);
	else
		skli_capture_stop(nif);
	skli_stack_leave(s);
	if (error == ENODEV)
		return skli_fail_text(error, "'%s': no such interface",
				      interface);
	return error ? skli_fail_text(error, "%s: %s", path, strerror(error))
		     : 0;
}
