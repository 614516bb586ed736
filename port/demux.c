/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finding TCP connections.
 *
 * Every pcb that is in one of lwIP's lists is in the table of local ports;
 * those that have a peer (active, TIME-WAIT) are also in the table of
 * connections. Both are arrays of chains that double when there are more pcbs
 * than chains; where there is no memory for that they stay as they are. The
 * first array is part of the per-stack state, so that nothing here can fail, and
 * is used again when the last pcb has gone.
 *
 * The hash of a connection is keyed, for peers choose its ports and addresses.
 *
 * Lists and chains are doubly linked through the address of what points to a
 * pcb, so that taking one out needs no walk.
 */
#include "demux.h"

#include "lwip.h"

#include <stddef.h>
#include <string.h>

#define FIRST_SIZE 64

/* Linux keeps at most 262,144 (tcp_max_tw_buckets); ours are whole pcbs. */
#define TIME_WAIT_MAX 16384

struct table {
	struct tcp_pcb **chains; /* NULL: first[] */
	uint32_t size;           /* a power of two; 0: FIRST_SIZE */
	uint32_t count;
	struct tcp_pcb *first[FIRST_SIZE];
};

struct demux {
	struct table connections, ports;
	struct tcp_pcb *oldest; /* in TIME-WAIT: the end of lwIP's list */
	uint32_t waiting;       /* how many are in TIME-WAIT */
	uint64_t key[2];
	int keyed;
};

static struct demux demux__tpl
	__attribute__((section("lwip_tpl"))) = {.keyed = 0};

static struct demux *demux(void)
{
	return SKLI_PS(demux__tpl);
}

/* --- hashing -------------------------------------------------------------- */

static uint64_t mix(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t address_word(const ip_addr_t *ip, int which)
{
	uint64_t word;

	if (!IP_IS_V6(ip))
		return which ? 0 : ip_2_ip4(ip)->addr;
	memcpy(&word, &ip_2_ip6(ip)->addr[2 * which], sizeof(word));
	return word;
}

static void key_draw(struct demux *d)
{
	for (int i = 0; i < 2; i++)
		d->key[i] = (uint64_t)skli_door_random() << 32 |
			    skli_door_random() | 1;
	d->keyed = 1;
}

static uint32_t connection_hash(struct demux *d, const ip_addr_t *remote,
				uint16_t remote_port, const ip_addr_t *local,
				uint16_t local_port)
{
	uint64_t ports = (uint64_t)remote_port << 16 | local_port;
	uint64_t h;

	if (!d->keyed)
		key_draw(d);
	h = mix(address_word(remote, 0) ^ d->key[0],
		address_word(local, 0) ^ ports << 32 ^ d->key[1]);
	if (IP_IS_V6(remote))
		h ^= mix(address_word(remote, 1) ^ d->key[1],
			 address_word(local, 1) ^ d->key[0]);
	h = mix(h ^ ports, d->key[0]);
	return (uint32_t)(h ^ h >> 32);
}

static uint32_t port_hash(uint16_t port)
{
	return port * 0x9e3779b1U >> 8;
}

/* --- tables --------------------------------------------------------------- */

static struct tcp_pcb **chain_at(struct table *t, uint32_t hash)
{
	if (!t->chains)
		return &t->first[hash & (FIRST_SIZE - 1)];
	return &t->chains[hash & (t->size - 1)];
}

static void connection_link(struct table *t, struct tcp_pcb *pcb)
{
	struct tcp_pcb **chain = chain_at(t, pcb->demux.hash);

	pcb->demux.conn_next = *chain;
	pcb->demux.conn_link = chain;
	if (*chain)
		(*chain)->demux.conn_link = &pcb->demux.conn_next;
	*chain = pcb;
}

static void port_link(struct table *t, struct tcp_pcb *pcb)
{
	struct tcp_pcb **chain = chain_at(t, port_hash(pcb->local_port));

	pcb->demux.port_next = *chain;
	pcb->demux.port_link = chain;
	if (*chain)
		(*chain)->demux.port_link = &pcb->demux.port_next;
	*chain = pcb;
}

/* A larger array, whose chains are empty; false: it stays as it is. */
static int table_grow(struct table *t, struct table *old)
{
	uint32_t size = (t->size ? t->size : FIRST_SIZE) * 2;
	struct tcp_pcb **chains;

	if (t->count < size / 2)
		return 0;
	chains = skli_door_calloc(size, sizeof(*chains));
	if (!chains)
		return 0;
	*old = *t;
	if (!old->size)
		old->size = FIRST_SIZE;
	t->chains = chains;
	t->size = size;
	return 1;
}

/* Back to the first array, when the last pcb has gone. */
static void table_end(struct table *t)
{
	if (t->count > 0 || !t->chains)
		return;
	skli_door_free(t->chains);
	memset(t, 0, sizeof(*t));
}

static void connections_grow(struct table *t)
{
	struct table old;

	if (!table_grow(t, &old))
		return;
	for (uint32_t i = 0; i < old.size; i++) {
		struct tcp_pcb *pcb = *chain_at(&old, i), *next;

		for (; pcb; pcb = next) {
			next = pcb->demux.conn_next;
			connection_link(t, pcb);
		}
	}
	skli_door_free(old.chains);
}

static void ports_grow(struct table *t)
{
	struct table old;

	if (!table_grow(t, &old))
		return;
	for (uint32_t i = 0; i < old.size; i++) {
		struct tcp_pcb *pcb = *chain_at(&old, i), *next;

		for (; pcb; pcb = next) {
			next = pcb->demux.port_next;
			port_link(t, pcb);
		}
	}
	skli_door_free(old.chains);
}

static void connection_add(struct demux *d, struct tcp_pcb *pcb)
{
	struct table *t = &d->connections;

	pcb->demux.hash = connection_hash(d, &pcb->remote_ip, pcb->remote_port,
					  &pcb->local_ip, pcb->local_port);
	connection_link(t, pcb);
	t->count++;
	connections_grow(t);
}

static void port_add(struct demux *d, struct tcp_pcb *pcb)
{
	port_link(&d->ports, pcb);
	d->ports.count++;
	ports_grow(&d->ports);
}

/* --- lists ---------------------------------------------------------------- */

static void waiting_add(struct demux *d, struct tcp_pcb *pcb)
{
	if (!d->waiting++)
		d->oldest = pcb;
	if (d->waiting > TIME_WAIT_MAX)
		tcp_abort(d->oldest); /* in TIME-WAIT: without a segment */
}

/* The pcb whose next member LINK is. */
static struct tcp_pcb *pcb_of_link(struct tcp_pcb **link)
{
	char *at = (char *)link - offsetof(struct tcp_pcb, next);

	return (struct tcp_pcb *)(void *)at;
}

/* Before PCB is unlinked. */
static void waiting_remove(struct demux *d, const struct tcp_pcb *pcb)
{
	struct tcp_pcb **link = pcb->demux.link;

	d->waiting--;
	if (d->oldest == pcb)
		d->oldest = link == &tcp_tw_pcbs ? NULL : pcb_of_link(link);
}

void skli_demux_add(struct tcp_pcb **list, struct tcp_pcb *pcb)
{
	struct demux *d = demux();

	pcb->next = *list;
	if (pcb->next)
		pcb->next->demux.link = &pcb->next;
	pcb->demux.link = list;
	*list = pcb;
	pcb->demux.conn_link = NULL;
	if (list == &tcp_active_pcbs || list == &tcp_tw_pcbs)
		connection_add(d, pcb);
	port_add(d, pcb);
	if (list == &tcp_tw_pcbs)
		waiting_add(d, pcb);
}

static int is_waiting(const struct tcp_pcb *pcb)
{
	return pcb->state == TIME_WAIT && pcb->demux.conn_link;
}

void skli_demux_remove(struct tcp_pcb *pcb)
{
	struct demux *d = demux();
	struct skli_demux *x = &pcb->demux;

	if (is_waiting(pcb))
		waiting_remove(d, pcb);
	*x->link = pcb->next;
	if (pcb->next)
		pcb->next->demux.link = x->link;
	pcb->next = NULL;
	*x->port_link = x->port_next;
	if (x->port_next)
		x->port_next->demux.port_link = x->port_link;
	d->ports.count--;
	table_end(&d->ports);
	if (!x->conn_link)
		return;
	*x->conn_link = x->conn_next;
	if (x->conn_next)
		x->conn_next->demux.conn_link = x->conn_link;
	x->conn_link = NULL;
	d->connections.count--;
	table_end(&d->connections);
}

/* --- looking -------------------------------------------------------------- */

struct tcp_pcb *skli_demux_find(const ip_addr_t *remote, uint16_t remote_port,
				const ip_addr_t *local, uint16_t local_port,
				uint8_t netif_index)
{
	struct demux *d = demux();
	uint32_t hash =
		connection_hash(d, remote, remote_port, local, local_port);
	struct tcp_pcb *pcb = *chain_at(&d->connections, hash);

	for (; pcb; pcb = pcb->demux.conn_next) {
		if (pcb->demux.hash != hash ||
		    pcb->remote_port != remote_port ||
		    pcb->local_port != local_port ||
		    !ip_addr_eq(&pcb->remote_ip, remote) ||
		    !ip_addr_eq(&pcb->local_ip, local))
			continue;
		if (pcb->netif_idx == NETIF_NO_INDEX || !netif_index ||
		    pcb->netif_idx == netif_index)
			return pcb;
	}
	return NULL;
}

struct tcp_pcb *skli_demux_port(uint16_t local_port)
{
	return *chain_at(&demux()->ports, port_hash(local_port));
}
