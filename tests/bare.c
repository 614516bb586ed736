/* SPDX-License-Identifier: BSD-3-Clause */
/* Two bare lwIP stacks on a wire in memory. */
#include "tests/bare.h"

#include "netif/frame.h"
#include "port/neighbours.h"
#include "tests/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bare bare;

/* ---- Doors and hooks --------------------------------------------------- */

/* In front of each block; keeps what follows aligned. */
struct block {
	_Alignas(16) size_t size;
};

static size_t bytes, blocks, allocations;
static unsigned entered;

uint64_t skli_door_clock_ms(void)
{
	return bare.now;
}

uint32_t skli_door_random(void)
{
	return (uint32_t)suite_random(0);
}

void *skli_door_malloc(size_t n)
{
	struct block *b;

	if (bare.refuse && ++allocations % bare.refuse == 0)
		return NULL;
	b = malloc(sizeof(*b) + n);
	if (!b)
		return NULL;
	b->size = n;
	bytes += n;
	blocks++;
	return b + 1;
}

void *skli_door_calloc(size_t n, size_t m)
{
	void *p = skli_door_malloc(n * m);

	return p ? memset(p, 0, n * m) : NULL;
}

void skli_door_free(void *p)
{
	struct block *b = p;

	if (!p)
		return;
	b--;
	bytes -= b->size;
	blocks--;
	free(b);
}

void skli_door_assert(const char *what, const char *file, int line)
{
	fprintf(stderr, "lwIP assertion: %s (%s:%d)\n", what, file, line);
	abort();
}

uint32_t skli_hook_tcp_isn(const ip_addr_t *local, uint16_t local_port,
			   const ip_addr_t *remote, uint16_t remote_port)
{
	(void)local;
	(void)local_port;
	(void)remote;
	(void)remote_port;
	return skli_door_random();
}

struct netif *skli_hook_ip4_route(const ip4_addr_t *src, const ip4_addr_t *dest)
{
	(void)src;
	(void)dest;
	return NULL;
}

struct netif *skli_hook_ip6_route(const ip6_addr_t *src, const ip6_addr_t *dest)
{
	(void)src;
	(void)dest;
	return NULL;
}

const ip4_addr_t *skli_hook_ip4_gateway(struct netif *netif,
					const ip4_addr_t *dest)
{
	(void)netif;
	(void)dest;
	return NULL;
}

const ip6_addr_t *skli_hook_ip6_gateway(struct netif *netif,
					const ip6_addr_t *dest)
{
	(void)netif;
	(void)dest;
	return NULL;
}

int skli_hook_ip4_canforward(struct pbuf *p, uint32_t dest)
{
	(void)p;
	(void)dest;
	return bare.forward;
}

int skli_hook_ip6_canforward(struct pbuf *p, const ip6_addr_t *dest)
{
	(void)p;
	(void)dest;
	return bare.forward;
}

void skli_hook_icmp_error(struct pbuf *p, struct netif *inp, int family,
			  uint8_t type, uint8_t code, uint32_t info)
{
	struct bare_host *h = &bare.host[entered];

	(void)inp;
	CU_ASSERT_FATAL(p->len >= (family == 4 ? IP_HLEN : IP6_HLEN) + 8);
	h->errors++;
	h->family = family;
	h->type = type;
	h->code = code;
	h->info = info;
}

/* ---- The wire ---------------------------------------------------------- */

/* A frame on its way: a list, the next to arrive first. */
struct flight {
	struct flight *next;
	uint64_t due;
	unsigned to;
	size_t length;
	uint8_t frame[];
};

static struct flight *flights;

static bool happens(unsigned thousandths)
{
	return thousandths && suite_random(1000) < thousandths;
}

static void launch(unsigned to, const uint8_t *frame, size_t length)
{
	struct flight *f = malloc(sizeof(*f) + length);
	struct flight **at = &flights;

	if (!f)
		abort();
	f->due = bare.now + bare.faults.delay_ms;
	if (happens(bare.faults.reorder))
		f->due += 1 + suite_random(30);
	f->to = to;
	f->length = length;
	memcpy(f->frame, frame, length);
	while (*at && (*at)->due <= f->due)
		at = &(*at)->next;
	f->next = *at;
	*at = f;
}

/* One finished frame from the host ARG, as skli_frame_finish() hands it on. */
static void send_frame(void *arg, const struct iovec *iov, int iovcnt,
		       size_t length)
{
	struct bare_host *h = arg;
	uint8_t frame[BARE_FRAME_MAX];
	size_t at = 0;

	for (int i = 0; i < iovcnt; i++) {
		memcpy(frame + at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	bare.frames++;
	CU_ASSERT_EQUAL(at, length);
	CU_ASSERT(length <= (size_t)h->netif.mtu + SIZEOF_ETH_HDR);
	if ((bare.watch && !bare.watch(h->number, frame, length)) ||
	    happens(bare.faults.drop)) {
		bare.dropped++;
		return;
	}
	launch(!h->number, frame, length);
	if (happens(bare.faults.duplicate))
		launch(!h->number, frame, length);
}

/* A frame that stands for several segments leaves as these. */
static err_t link_output(struct netif *netif, struct pbuf *p)
{
	static uint8_t whole[BARE_FRAME_MAX];
	struct iovec iov = {.iov_base = whole};
	struct skli_frame f = {.iov = &iov, .iovcnt = 1, .off = p->off};

	iov.iov_len = f.len = pbuf_copy_partial(p, whole, sizeof(whole), 0);
	f.off.flags = 0; /* no device here, lwIP has made the checksum */
	CU_ASSERT(skli_frame_finish(&f, send_frame, netif->state) > 0);
	return ERR_OK;
}

/* ---- Hosts ------------------------------------------------------------- */

static err_t init_netif(struct netif *netif)
{
	struct bare_host *h = netif->state;

	netif->mtu = bare.mtu ? bare.mtu : 1500;
	netif->hwaddr_len = ETH_HWADDR_LEN;
	memcpy(netif->hwaddr, "\x02\0\0\0\0\x01", ETH_HWADDR_LEN);
	netif->hwaddr[5] += h->number;
	netif->output = etharp_output;
	netif->output_ip6 = ethip6_output;
	netif->linkoutput = link_output;
	netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP |
		       NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP |
		       NETIF_FLAG_MLD6;
	netif->name[0] = 'b';
	netif->name[1] = 'a';
	if (bare.checksums_off)
		NETIF_SET_CHECKSUM_CTRL(netif, NETIF_CHECKSUM_DISABLE_ALL);
	return ERR_OK;
}

ip_addr_t bare_address(unsigned host, int family)
{
	ip_addr_t a;

	if (family == 4) {
		IP_ADDR4(&a, 10, 0, 0, 1 + host);
	} else {
		IP_ADDR6(&a, PP_HTONL(0xfd000000), 0, 0, lwip_htonl(1 + host));
	}
	return a;
}

void bare_enter(unsigned host)
{
	entered = host;
	skli_ps_select(bare.host[host].image);
	skli_timers_catch_up(bare.now);
}

void bare_leave(void)
{
	skli_ps_select(NULL);
}

static void open_host(unsigned number)
{
	struct bare_host *h = &bare.host[number];
	ip_addr_t ip4 = bare_address(number, 4), ip6 = bare_address(number, 6);
	ip4_addr_t mask, gateway;
	s8_t index;

	memset(h, 0, sizeof(*h));
	h->number = number;
	h->image = aligned_alloc(64, (skli_ps_size() + 63) & ~(size_t)63);
	CU_ASSERT_FATAL(h->image != NULL);
	skli_ps_init(h->image);
	bare_enter(number);
	lwip_init();
	IP4_ADDR(&mask, 255, 255, 255, 0);
	ip4_addr_set_any(&gateway);
	netif_add(&h->netif, ip_2_ip4(&ip4), &mask, &gateway, h, init_netif,
		  ethernet_input);
	netif_set_default(&h->netif);
	netif_create_ip6_linklocal_address(&h->netif, 1);
	netif_ip6_addr_set_state(&h->netif, 0, IP6_ADDR_PREFERRED);
	netif_add_ip6_address(&h->netif, ip_2_ip6(&ip6), &index);
	netif_ip6_addr_set_state(&h->netif, index, IP6_ADDR_PREFERRED);
	netif_set_up(&h->netif);
	bare_leave();
}

void bare_open(void)
{
	bare.faults = (struct bare_faults){0};
	bare.frames = bare.dropped = 0;
	bare.now = suite_random(1000000);
	open_host(0);
	open_host(1);
}

static void close_host(unsigned number)
{
	struct bare_host *h = &bare.host[number];

	bare_enter(number);
	while (tcp_active_pcbs)
		tcp_abort(tcp_active_pcbs);
	while (tcp_tw_pcbs)
		tcp_abort(tcp_tw_pcbs);
	while (tcp_listen_pcbs.pcbs)
		tcp_close(tcp_listen_pcbs.pcbs);
	while (tcp_bound_pcbs)
		tcp_close(tcp_bound_pcbs);
	while (udp_pcbs)
		udp_remove(udp_pcbs);
	netif_remove(&h->netif);
	/* Fragments of what never came whole go when their time is up. */
	for (int i = 0; i < 70 && skli_timers_next() != UINT64_MAX; i++) {
		bare.now += BARE_SECOND;
		skli_timers_run(bare.now);
	}
	CU_ASSERT_EQUAL(skli_timers_next(), UINT64_MAX);
	bare_leave();
	free(h->image);
	h->image = NULL;
}

void bare_close(void)
{
	struct flight *f;

	bare.refuse = 0;
	bare.watch = NULL;
	close_host(0);
	close_host(1);
	while ((f = flights)) {
		flights = f->next;
		free(f);
	}
	CU_ASSERT_EQUAL(blocks, 0);
	CU_ASSERT_EQUAL(bytes, 0);
	bare.mtu = 0;
	bare.checksums_off = false;
	bare.forward = false;
}

void bare_input(unsigned host, const void *frame, size_t length)
{
	struct netif *netif = &bare.host[host].netif;
	struct pbuf *p;

	bare_enter(host);
	p = pbuf_alloc(PBUF_RAW, (u16_t)length, PBUF_RAM);
	if (p) {
		pbuf_take(p, frame, (u16_t)length);
		if (netif->input(p, netif) != ERR_OK)
			pbuf_free(p);
	}
	bare_leave();
}

/* ---- Time -------------------------------------------------------------- */

static uint64_t next_of(unsigned host)
{
	uint64_t next;

	skli_ps_select(bare.host[host].image);
	next = skli_timers_next();
	skli_ps_select(NULL);
	return next;
}

uint64_t bare_next(void)
{
	uint64_t a = next_of(0), b = next_of(1);
	uint64_t next = a < b ? a : b;

	return flights && flights->due < next ? flights->due : next;
}

static void arrive(void)
{
	struct flight *f = flights;

	flights = f->next;
	bare_input(f->to, f->frame, f->length);
	free(f);
}

bool bare_step(uint64_t until)
{
	uint64_t next = bare_next();
	unsigned host;

	if (next > until) {
		if (until != UINT64_MAX && until > bare.now)
			bare.now = until;
		return false;
	}
	if (next > bare.now)
		bare.now = next;
	if (flights && flights->due <= next) {
		arrive();
		return true;
	}
	host = next_of(0) <= next ? 0 : 1;
	bare.host[host].wakes++;
	bare_enter(host);
	skli_timers_run(bare.now);
	bare_leave();
	return true;
}

void bare_run(uint64_t ms)
{
	uint64_t until = bare.now + ms;

	while (bare_step(until))
		;
}

bool bare_settle(uint64_t limit)
{
	uint64_t until = bare.now + limit;

	while (bare_next() != UINT64_MAX)
		if (!bare_step(until))
			return false;
	return true;
}

size_t bare_bytes(void)
{
	return bytes;
}

size_t bare_blocks(void)
{
	return blocks;
}
