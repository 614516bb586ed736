/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The port without sockets: per-stack variables, timers, neighbours, ICMP, and
 * the packets that stop or mislead stock lwIP.
 */
#include "tests/bare.h"

#include "port/neighbours.h"
#include "port/nd.h"
#include "tests/suite.h"

#include <stdlib.h>
#include <string.h>

/* ---- Per-stack variables ----------------------------------------------- */

static void test_perstack_images(void)
{
	suite_seed();
	bare_open();
	bare_enter(0);
	CU_ASSERT_PTR_EQUAL(skli_ps_selected(), bare.host[0].image);
	CU_ASSERT_PTR_EQUAL(netif_list, &bare.host[0].netif);
	bare_enter(1);
	CU_ASSERT_PTR_EQUAL(netif_list, &bare.host[1].netif);
	bare_leave();
	CU_ASSERT_PTR_NULL(skli_ps_selected());
	bare_close();
}

/* ---- Deadlines --------------------------------------------------------- */

enum {
	DEADLINES = 500
};

static struct skli_deadlines queue;
static struct skli_deadline deadlines[DEADLINES];
static uint64_t last_due, last_order;
static unsigned fired;

static void fire(struct skli_deadline *d)
{
	CU_ASSERT(d->due > last_due ||
		  (d->due == last_due && d->order > last_order));
	last_due = d->due;
	last_order = d->order;
	fired++;
	skli_deadline_clear(&queue, d);
}

/* Random insertions, moves and removals come out in order, equal ones in the
 * order in which they went in. */
static void test_deadlines_in_order(void)
{
	unsigned left = 0;

	suite_seed();
	fired = 0;
	last_due = 0;
	for (int i = 0; i < 20 * DEADLINES; i++) {
		struct skli_deadline *d = &deadlines[suite_random(DEADLINES)];

		if (suite_random(3))
			skli_deadline_set(&queue, d, 1 + suite_random(50),
					  fire);
		else
			skli_deadline_clear(&queue, d);
	}
	for (int i = 0; i < DEADLINES; i++)
		left += (unsigned)skli_deadline_queued(&deadlines[i]);
	CU_ASSERT(left > DEADLINES / 3);
	while (queue.first)
		queue.first->run(queue.first);
	CU_ASSERT_EQUAL(fired, left);
}

/* ---- UDP, for something to send ---------------------------------------- */

static struct udp_pcb *udp[2];
static size_t received[2];

static void take(void *arg, struct udp_pcb *pcb, struct pbuf *p,
		 const ip_addr_t *from, u16_t port)
{
	size_t *count = arg;

	(void)pcb;
	(void)from;
	(void)port;
	*count += p->tot_len;
	pbuf_free(p);
}

static void open_udp(void)
{
	for (unsigned i = 0; i < 2; i++) {
		bare_enter(i);
		received[i] = 0;
		udp[i] = udp_new_ip_type(IPADDR_TYPE_ANY);
		CU_ASSERT_FATAL(udp[i] != NULL);
		udp_bind(udp[i], IP_ANY_TYPE, 1000);
		udp_recv(udp[i], take, &received[i]);
		bare_leave();
	}
}

static err_t send_udp(unsigned from, const ip_addr_t *to, u16_t port,
		      size_t length)
{
	struct pbuf *p;
	err_t err;

	bare_enter(from);
	p = pbuf_alloc(PBUF_TRANSPORT, (u16_t)length, PBUF_RAM);
	if (!p)
		abort();
	memset(p->payload, 'x', length);
	err = udp_sendto(udp[from], p, to, port);
	pbuf_free(p);
	bare_leave();
	return err;
}

/* ---- Neighbours -------------------------------------------------------- */

static int count_one(const struct skli_neighbour_info *info, void *arg)
{
	unsigned *count = arg;

	(void)info;
	++*count;
	return 0;
}

static unsigned count_neighbours(unsigned host)
{
	unsigned count = 0;

	bare_enter(host);
	skli_neighbour_walk(count_one, &count);
	bare_leave();
	return count;
}

/* Both stacks sleep once everything has been said, however much was sent. */
static void test_idle_after_talk(void)
{
	suite_seed();
	for (int family = 4; family <= 6; family += 2) {
		bare_open();
		open_udp();
		for (unsigned i = 0; i < 20; i++) {
			ip_addr_t to = bare_address(!(i & 1), family);

			CU_ASSERT_EQUAL(send_udp(i & 1, &to, 1000, 100),
					ERR_OK);
			bare_run(200);
		}
		CU_ASSERT(bare_settle(20 * BARE_SECOND));
		CU_ASSERT_EQUAL(received[0], 1000);
		CU_ASSERT_EQUAL(received[1], 1000);
		CU_ASSERT_EQUAL(bare_next(), UINT64_MAX);
		bare_close();
	}
}

/* Nobody answers: three questions, then the sender is told, and the entry and
 * what waited for it are gone. */
static void test_neighbour_fails(void)
{
	static const uint8_t unreachable[][2] = {
		{ICMP_DUR, ICMP_DUR_HOST},
		{ICMP6_TYPE_DUR, ICMP6_DUR_ADDRESS},
	};

	suite_seed();
	for (int six = 0; six <= 1; six++) {
		struct bare_host *h = &bare.host[0];
		ip_addr_t to = bare_address(41, six ? 6 : 4);
		unsigned long before;

		bare_open();
		open_udp();
		CU_ASSERT(bare_settle(20 * BARE_SECOND));
		before = bare.frames;
		CU_ASSERT_EQUAL(send_udp(0, &to, 1000, 10), ERR_OK);
		CU_ASSERT_EQUAL(send_udp(0, &to, 1000, 4000), ERR_OK);
		bare_run(2900);
		CU_ASSERT_EQUAL(h->errors, 0);
		CU_ASSERT_EQUAL(bare.frames - before, 3);
		bare_run(200);
		CU_ASSERT(h->errors >= 2);
		CU_ASSERT_EQUAL(h->family, six ? 6 : 4);
		CU_ASSERT_EQUAL(h->type, unreachable[six][0]);
		CU_ASSERT_EQUAL(h->code, unreachable[six][1]);
		CU_ASSERT_EQUAL(count_neighbours(0), 0);
		CU_ASSERT_EQUAL(bare_next(), UINT64_MAX);
		bare_close();
	}
}

/* The fragments of the largest datagram wait together for the address. */
static void test_neighbour_queue_holds_a_datagram(void)
{
	suite_seed();
	for (int family = 4; family <= 6; family += 2) {
		ip_addr_t to = bare_address(1, family);

		bare_open();
		open_udp();
		CU_ASSERT_EQUAL(send_udp(0, &to, 1000, 65000), ERR_OK);
		bare_run(100);
		CU_ASSERT_EQUAL(received[1], 65000);
		bare_close();
	}
}

/* Thousands, found at once; the oldest go when there are too many. */
static void test_neighbours_by_the_thousand(void)
{
	enum {
		MANY = 20000,
		LIMIT = 16384
	};
	static const uint8_t mac[6] = {2, 0, 0, 0, 9, 9};
	struct netif *netif = &bare.host[0].netif;
	const uint8_t *found;
	ip_addr_t a, first;
	struct pbuf *p;

	suite_seed();
	bare_open();
	IP_ADDR6(&first, PP_HTONL(0xfd000000), 0, 1, PP_HTONL(7));
	bare_enter(0);
	CU_ASSERT_EQUAL(skli_neighbour_add(netif, &first, mac), ERR_OK);
	for (unsigned i = 0; i < MANY; i++) {
		IP_ADDR6(&a, PP_HTONL(0xfd000000), 0, 2, lwip_htonl(i));
		skli_neighbour_hear(
			netif, &a,
			(struct skli_heard){.mac = mac, .create = 1});
	}
	p = pbuf_alloc(PBUF_LINK, 40, PBUF_RAM);
	CU_ASSERT_EQUAL(skli_neighbour_resolve(netif, &a, p, &found), ERR_OK);
	CU_ASSERT_FATAL(found != NULL);
	CU_ASSERT_EQUAL(memcmp(found, mac, 6), 0);
	pbuf_free(p);
	/* The static one is the oldest of all, and stays. */
	CU_ASSERT_EQUAL(skli_neighbour_quality(netif, &first), 1);
	IP_ADDR6(&a, PP_HTONL(0xfd000000), 0, 2, lwip_htonl(1));
	CU_ASSERT_EQUAL(skli_neighbour_quality(netif, &a), 0);
	bare_leave();
	CU_ASSERT_EQUAL(count_neighbours(0), LIMIT);
	bare_close();
}

/* A neighbour that is used but silent is probed, and forgotten. */
static void test_neighbour_vanishes(void)
{
	suite_seed();
	for (int family = 4; family <= 6; family += 2) {
		ip_addr_t to = bare_address(1, family);

		bare_open();
		open_udp();
		CU_ASSERT_EQUAL(send_udp(0, &to, 1000, 10), ERR_OK);
		CU_ASSERT(bare_settle(20 * BARE_SECOND));
		CU_ASSERT_EQUAL(count_neighbours(0), 1);
		bare.faults.drop = 1000;
		bare.now += 60 * BARE_SECOND;
		CU_ASSERT_EQUAL(send_udp(0, &to, 1000, 10), ERR_OK);
		bare_run(4900); /* 5 s of patience, then 3 questions */
		CU_ASSERT_EQUAL(count_neighbours(0), 1);
		bare_run(3200);
		CU_ASSERT_EQUAL(count_neighbours(0), 0);
		CU_ASSERT_EQUAL(bare_next(), UINT64_MAX);
		bare_close();
	}
}

/* ---- Our own IPv6 addresses -------------------------------------------- */

static s8_t add_tentative(unsigned host, unsigned number)
{
	ip_addr_t a = bare_address(number, 6);
	s8_t i;

	bare_enter(host);
	CU_ASSERT_EQUAL_FATAL(
		netif_add_ip6_address(&bare.host[host].netif, ip_2_ip6(&a), &i),
		ERR_OK);
	bare_leave();
	return i;
}

static void test_detection_of_duplicates(void)
{
	struct netif *netif = &bare.host[0].netif;
	s8_t unique, taken;

	suite_seed();
	bare_open();
	unique = add_tentative(0, 20);
	taken = add_tentative(0, 1); /* B's */
	CU_ASSERT(ip6_addr_istentative(netif_ip6_addr_state(netif, unique)));
	bare_run(500);
	CU_ASSERT_EQUAL(netif_ip6_addr_state(netif, taken),
			IP6_ADDR_DUPLICATED);
	CU_ASSERT(ip6_addr_istentative(netif_ip6_addr_state(netif, unique)));
	bare_run(600);
	CU_ASSERT_EQUAL(netif_ip6_addr_state(netif, unique),
			IP6_ADDR_PREFERRED);
	CU_ASSERT(bare_settle(20 * BARE_SECOND));
	bare_close();
}

/* Two that want the same address at the same time: neither gets it. */
static void test_detection_at_once(void)
{
	s8_t index[2];

	suite_seed();
	bare_open();
	CU_ASSERT(bare_settle(20 * BARE_SECOND));
	bare.faults.delay_ms = 10; /* both probes are out before one arrives */
	for (unsigned i = 0; i < 2; i++)
		index[i] = add_tentative(i, 30);
	bare_run(2 * BARE_SECOND);
	for (unsigned i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(
			netif_ip6_addr_state(&bare.host[i].netif, index[i]),
			IP6_ADDR_DUPLICATED);
	bare_close();
}

/* ---- Messages made by hand --------------------------------------------- */

struct message {
	uint8_t frame[2000];
	size_t length;
};

static uint8_t *icmp6_of(struct message *m)
{
	return m->frame + SIZEOF_ETH_HDR + IP6_HLEN;
}

/* An ICMPv6 message of LENGTH zero bytes from SRC to HOST's DEST. */
static void begin_icmp6(struct message *m, unsigned host, const ip6_addr_t *src,
			const ip6_addr_t *dest, size_t length)
{
	struct ip6_hdr *ip = (void *)(m->frame + SIZEOF_ETH_HDR);

	memset(m, 0, sizeof(*m));
	m->length = SIZEOF_ETH_HDR + IP6_HLEN + length;
	memcpy(m->frame, bare.host[host].netif.hwaddr, 6);
	memcpy(m->frame + 6, "\x02\0\0\0\x05\x05", 6);
	memcpy(m->frame + 12, "\x86\xdd", 2);
	IP6H_VTCFL_SET(ip, 6, 0, 0);
	IP6H_PLEN_SET(ip, (u16_t)length);
	IP6H_NEXTH_SET(ip, IP6_NEXTH_ICMP6);
	IP6H_HOPLIM_SET(ip, 255);
	ip6_addr_copy_to_packed(ip->src, *src);
	ip6_addr_copy_to_packed(ip->dest, *dest);
}

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

/* Fills in the checksum and delivers it. */
static void deliver_icmp6(struct message *m, unsigned host)
{
	const uint8_t *ip = m->frame + SIZEOF_ETH_HDR;
	size_t length = m->length - SIZEOF_ETH_HDR - IP6_HLEN;
	uint32_t sum = (uint32_t)length + IP6_NEXTH_ICMP6;

	put16(icmp6_of(m) + 2, 0);
	for (size_t i = 8; i < IP6_HLEN + length; i += 2)
		sum += (uint32_t)ip[i] << 8 |
		       (i + 1 < IP6_HLEN + length ? ip[i + 1] : 0);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	put16(icmp6_of(m) + 2, (uint16_t)~sum);
	bare_input(host, m->frame, m->length);
}

/* The link-local address of a router that is not there. */
static ip6_addr_t router_address(void)
{
	ip6_addr_t a;

	IP6_ADDR(&a, PP_HTONL(0xfe800000), 0, 0, PP_HTONL(0x99));
	return a;
}

/* "Packet too big": MTU, about a packet from A to B's address. */
static void deliver_ptb(uint32_t mtu, const ip6_addr_t *quoted_src)
{
	ip_addr_t a = bare_address(0, 6), b = bare_address(1, 6);
	struct message m;
	struct ip6_hdr *quoted;

	begin_icmp6(&m, 0, ip_2_ip6(&b), ip_2_ip6(&a), 8 + IP6_HLEN + 8);
	icmp6_of(&m)[0] = ICMP6_TYPE_PTB;
	put32(icmp6_of(&m) + 4, mtu);
	quoted = (void *)(icmp6_of(&m) + 8);
	IP6H_VTCFL_SET(quoted, 6, 0, 0);
	IP6H_NEXTH_SET(quoted, IP6_NEXTH_UDP);
	ip6_addr_copy_to_packed(quoted->src, *quoted_src);
	ip6_addr_copy_to_packed(quoted->dest, *ip_2_ip6(&b));
	deliver_icmp6(&m, 0);
}

static uint16_t path_mtu(void)
{
	ip_addr_t b = bare_address(1, 6);
	uint16_t mtu;

	bare_enter(0);
	mtu = nd6_get_destination_mtu(ip_2_ip6(&b), &bare.host[0].netif);
	bare_leave();
	return mtu;
}

/*
 * Stock lwIP takes a path MTU of 48 to 55 and sends fragments without a byte
 * of data for ever. (Unpatched, this does not come back.)
 */
static void test_path_mtu_floor(void)
{
	static const uint32_t bad[] = {0, 40, 48, 55, 56, 600, 1279};
	ip_addr_t a = bare_address(0, 6), b = bare_address(1, 6);
	unsigned long before;

	suite_seed();
	bare_open();
	open_udp();
	CU_ASSERT_EQUAL(send_udp(0, &b, 1000, 100), ERR_OK);
	bare_run(10);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		deliver_ptb(bad[i], ip_2_ip6(&a));
		CU_ASSERT_EQUAL(path_mtu(), 1500);
	}
	before = bare.frames;
	CU_ASSERT_EQUAL(send_udp(0, &b, 1000, 1400), ERR_OK);
	CU_ASSERT_EQUAL(bare.frames - before, 1);
	bare_close();
}

static void test_path_mtu(void)
{
	ip_addr_t a = bare_address(0, 6), b = bare_address(1, 6);
	unsigned long before;

	suite_seed();
	bare_open();
	open_udp();
	CU_ASSERT_EQUAL(send_udp(0, &b, 1000, 100), ERR_OK);
	bare_run(10);
	deliver_ptb(1300, ip_2_ip6(&b)); /* about a packet that is not ours */
	CU_ASSERT_EQUAL(path_mtu(), 1500);
	deliver_ptb(1300, ip_2_ip6(&a));
	CU_ASSERT_EQUAL(path_mtu(), 1300);
	CU_ASSERT_EQUAL(bare.host[0].errors, 9 - 7);
	CU_ASSERT_EQUAL(bare.host[0].type, ICMP6_TYPE_PTB);
	CU_ASSERT_EQUAL(bare.host[0].info, 1300);
	deliver_ptb(1400, ip_2_ip6(&a)); /* never up */
	CU_ASSERT_EQUAL(path_mtu(), 1300);
	before = bare.frames;
	CU_ASSERT_EQUAL(send_udp(0, &b, 1000, 1400), ERR_OK);
	CU_ASSERT_EQUAL(bare.frames - before, 2);
	bare_run(10);
	CU_ASSERT_EQUAL(received[1], 1500);
	bare_run(11 * 60 * BARE_SECOND); /* worth another try */
	CU_ASSERT_EQUAL(path_mtu(), 1500);
	bare_close();
}

/* A router advertisement: 2001:db8::/64 for VALID seconds, default router. */
static void deliver_ra(uint32_t valid, unsigned hop_limit)
{
	static const uint8_t prefix[8] = {0x20, 0x01, 0x0d, 0xb8};
	ip6_addr_t from = router_address(), all;
	struct message m;
	uint8_t *o;

	ip6_addr_set_allnodes_linklocal(&all);
	begin_icmp6(&m, 0, &from, &all, 16 + 8 + 32);
	memcpy(m.frame, "\x33\x33\0\0\0\x01", 6);
	m.frame[SIZEOF_ETH_HDR + 7] = (uint8_t)hop_limit;
	icmp6_of(&m)[0] = ICMP6_TYPE_RA;
	put16(icmp6_of(&m) + 6, 1800);
	o = icmp6_of(&m) + 16;
	memcpy(o, "\x01\x01\x02\0\0\0\x05\x05", 8);
	o += 8;
	o[0] = ND6_OPTION_TYPE_PREFIX_INFO;
	o[1] = 4;
	o[2] = 64;
	o[3] = ND6_PREFIX_FLAG_ON_LINK | ND6_PREFIX_FLAG_AUTONOMOUS;
	put32(o + 4, valid);
	put32(o + 8, valid);
	memcpy(o + 16, prefix, sizeof(prefix));
	deliver_icmp6(&m, 0);
}

static int has_global(const struct netif *netif)
{
	for (s8_t i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
		if (ip6_addr_isvalid(netif_ip6_addr_state(netif, i)) &&
		    netif_ip6_addr(netif, i)->addr[0] == PP_HTONL(0x20010db8))
			return 1;
	return 0;
}

static void test_autoconfiguration(void)
{
	struct netif *netif = &bare.host[0].netif;
	ip6_addr_t far;
	uint64_t began;

	suite_seed();
	bare_open();
	IP6_ADDR(&far, PP_HTONL(0x20010db9), 0, 0, PP_HTONL(1));
	netif_set_ip6_autoconfig_enabled(netif, 0);
	deliver_ra(8000, 255); /* not asked for */
	bare_run(2 * BARE_SECOND);
	CU_ASSERT(!has_global(netif));
	netif_set_ip6_autoconfig_enabled(netif, 1);
	deliver_ra(8000, 254); /* through another router */
	bare_run(2 * BARE_SECOND);
	CU_ASSERT(!has_global(netif));
	began = bare.now;
	deliver_ra(8000, 255);
	bare_run(2 * BARE_SECOND);
	CU_ASSERT(has_global(netif));
	bare_enter(0);
	CU_ASSERT_PTR_EQUAL(nd6_find_route(&far), netif);
	bare_leave();
	/* It ends in time, with a wake an hour. */
	CU_ASSERT(bare_settle(20 * BARE_SECOND) == false);
	bare.host[0].wakes = 0;
	bare_run(began + 7990 * BARE_SECOND - bare.now);
	CU_ASSERT(has_global(netif));
	CU_ASSERT(bare.host[0].wakes <= 3);
	bare_run(20 * BARE_SECOND);
	CU_ASSERT(!has_global(netif));
	bare_enter(0);
	CU_ASSERT_PTR_NULL(nd6_find_route(&far));
	bare_leave();
	CU_ASSERT_EQUAL(bare_next(), UINT64_MAX);
	bare_close();
}

/* A solicitation for A's link-local address with the first CUT bytes of an
 * option whose length is LENGTH: is there an answer? */
static bool is_answered(unsigned cut, unsigned length)
{
	const ip6_addr_t *self = netif_ip6_addr(&bare.host[0].netif, 0);
	ip6_addr_t from = router_address();
	struct message ns;
	uint8_t *icmp = icmp6_of(&ns);

	begin_icmp6(&ns, 0, &from, self, 24 + cut);
	icmp[0] = ICMP6_TYPE_NS;
	memcpy(icmp + 8, self->addr, 16);
	if (cut > 0)
		icmp[24] = ND6_OPTION_TYPE_SOURCE_LLADDR;
	if (cut > 1)
		icmp[25] = (uint8_t)length;
	bare_run(10 * BARE_SECOND); /* as if never met */
	bare.frames = 0;
	deliver_icmp6(&ns, 0);
	return bare.frames > 0;
}

/* Messages that lie about their options are not believed, nor read beyond. */
static void test_nd_options(void)
{
	suite_seed();
	bare_open();
	for (unsigned cut = 0; cut <= 8; cut++)
		for (unsigned length = 0; length < 4; length++)
			CU_ASSERT_EQUAL(is_answered(cut, length),
					cut == 0 || (cut == 8 && length == 1));
	bare_close();
}

/* ---- Garbage ----------------------------------------------------------- */

/* Frames of all lengths, random but for their first bytes: nothing is read or
 * written beyond them (the address sanitizer sees), nothing is left. */
static void test_random_frames(void)
{
	static const uint16_t types[] = {0x0800, 0x86dd, 0x0806};
	static const uint8_t protos[] = {6, 17, 1, 58, 0, 43, 44, 60};
	uint8_t frame[200];

	suite_seed();
	bare_open();
	open_udp();
	for (unsigned i = 0; i < 60000; i++) {
		size_t length = 1 + suite_random(sizeof(frame));
		struct bare_host *h = &bare.host[0];
		unsigned kind = (unsigned)suite_random(3);
		ip_addr_t to = bare_address(0, kind == 1 ? 6 : 4);

		for (size_t j = 0; j < length; j++)
			frame[j] = (uint8_t)suite_random(0);
		memcpy(frame, h->netif.hwaddr, 6);
		put16(frame + 12, types[kind]);
		frame[14] = kind == 0 ? 0x45 : 0x60;
		if (kind == 0) {
			put16(frame + 16, (unsigned)length - 14);
			frame[23] = protos[suite_random(4)];
			memcpy(frame + 30, &ip_2_ip4(&to)->addr, 4);
			if (suite_random(2))
				put16(frame + 20, 0);
			put16(frame + 24, 0);
		} else if (kind == 1) {
			put16(frame + 18, (unsigned)length - 54);
			frame[20] = protos[suite_random(8)];
			memcpy(frame + 38, ip_2_ip6(&to)->addr, 16);
		}
		if (kind == 0 && length >= 34) {
			uint16_t sum = skli_checksum(frame + 14, 20);

			sum = (uint16_t)~sum;
			memcpy(frame + 24, &sum, 2);
		}
		bare_input(0, frame, length);
		bare.now++;
	}
	bare_close();
}

/* ---- Many connections, no wake ----------------------------------------- */

enum {
	MANY = 1000
};

static unsigned accepted;

static err_t accept_any(void *arg, struct tcp_pcb *pcb, err_t err)
{
	(void)arg;
	(void)pcb;
	(void)err;
	accepted++;
	return ERR_OK;
}

static void open_listener(unsigned host, u16_t backlog)
{
	struct tcp_pcb *l;

	bare_enter(host);
	l = tcp_new_ip_type(IPADDR_TYPE_ANY);
	CU_ASSERT_EQUAL_FATAL(tcp_bind(l, IP_ANY_TYPE, 80), ERR_OK);
	l = tcp_listen_with_backlog(l, backlog);
	CU_ASSERT_FATAL(l != NULL);
	tcp_accept(l, accept_any);
	bare_leave();
}

static struct tcp_pcb *connect_to(unsigned host, int family, u16_t port)
{
	ip_addr_t to = bare_address(!host, family);
	struct tcp_pcb *pcb;

	bare_enter(host);
	pcb = tcp_new_ip_type(IP_GET_TYPE(&to));
	CU_ASSERT_FATAL(pcb != NULL);
	CU_ASSERT_EQUAL(tcp_connect(pcb, &to, port, NULL), ERR_OK);
	bare_leave();
	return pcb;
}

static void test_idle_connections(void)
{
	struct tcp_pcb *pcb = NULL;

	suite_seed();
	bare_open();
	open_listener(1, MANY);
	accepted = 0;
	for (unsigned i = 0; i < MANY; i++)
		pcb = connect_to(0, i & 1 ? 6 : 4, 80);
	CU_ASSERT(bare_settle(20 * BARE_SECOND));
	CU_ASSERT_EQUAL(accepted, MANY);
	CU_ASSERT_EQUAL(bare_next(), UINT64_MAX);
	/* One that asks for keepalives wakes for them, and for nothing else. */
	bare_enter(0);
	pcb->keep_idle = 60 * BARE_SECOND;
	ip_set_option(pcb, SOF_KEEPALIVE);
	skli_timers_touch(pcb);
	bare_leave();
	bare.host[0].wakes = 0;
	bare_run(610 * BARE_SECOND);
	CU_ASSERT_EQUAL(bare.host[0].wakes, 10);
	bare_close();
}

/* ---- Silence ----------------------------------------------------------- */

static err_t last_error;

static void note_error(void *arg, err_t err)
{
	(void)arg;
	last_error = err;
}

/* SYNs back off and give up as Linux's do: 1 + 2 + 4 + ... + 64 s. */
static void test_connect_to_nobody(void)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 7, 7};
	ip_addr_t nobody = bare_address(41, 4);
	struct tcp_pcb *pcb;

	suite_seed();
	bare_open();
	CU_ASSERT(bare_settle(20 * BARE_SECOND));
	bare_enter(0);
	skli_neighbour_add(&bare.host[0].netif, &nobody, mac);
	pcb = tcp_new_ip_type(IPADDR_TYPE_V4);
	tcp_err(pcb, note_error);
	last_error = ERR_OK;
	bare.frames = 0;
	CU_ASSERT_EQUAL(tcp_connect(pcb, &nobody, 80, NULL), ERR_OK);
	bare_leave();
	bare_run(126 * BARE_SECOND);
	CU_ASSERT_EQUAL(last_error, ERR_OK);
	CU_ASSERT_EQUAL(bare.frames, 7);
	bare_run(2 * BARE_SECOND);
	CU_ASSERT_EQUAL(last_error, ERR_TIMEOUT);
	CU_ASSERT_EQUAL(bare_next(), UINT64_MAX);
	bare_close();
}

/* A SYN beyond the backlog gets no answer, and comes again. */
static void test_backlog(void)
{
	suite_seed();
	bare_open();
	open_listener(1, 300);
	accepted = 0;
	bare.faults.delay_ms = 50; /* none is accepted before all have come */
	for (unsigned i = 0; i < 400; i++)
		connect_to(0, 4, 80);
	bare_run(400); /* two round trips: ARP, then TCP */
	CU_ASSERT_EQUAL(accepted, 300);
	bare_run(3 * BARE_SECOND);
	CU_ASSERT_EQUAL(accepted, 400);
	bare_close();
}

/* ---- IDs --------------------------------------------------------------- */

static uint16_t ids[100];
static unsigned id_count, dont_fragment;

static bool watch_ids(unsigned from, const uint8_t *frame, size_t length)
{
	if (from != 0 || length < 34 || frame[12] != 8 || frame[13] != 0)
		return true;
	dont_fragment += (frame[20] & 0x40) != 0;
	ids[id_count++ % 100] = (uint16_t)(frame[18] << 8 | frame[19]);
	return true;
}

static void test_ids(void)
{
	ip_addr_t to = bare_address(1, 4);
	unsigned neighbours = 0;

	suite_seed();
	bare_open();
	open_udp();
	id_count = dont_fragment = 0;
	bare.watch = watch_ids;
	for (unsigned i = 0; i < 100; i++) {
		CU_ASSERT_EQUAL(send_udp(0, &to, 1000, 10), ERR_OK);
		bare_run(1);
	}
	CU_ASSERT_EQUAL_FATAL(id_count, 100);
	for (unsigned i = 1; i < 100; i++)
		neighbours += (uint16_t)(ids[i] - ids[i - 1]) < 16;
	CU_ASSERT(neighbours < 5);
	CU_ASSERT_EQUAL(dont_fragment, 0);
	id_count = 0;
	open_listener(1, 10);
	connect_to(0, 4, 80);
	bare_run(1000);
	CU_ASSERT(id_count >= 2);
	CU_ASSERT_EQUAL(dont_fragment, id_count);
	bare_close();
}

static uint32_t labels[3];
static unsigned label_count;

static bool watch_labels(unsigned from, const uint8_t *f, size_t length)
{
	if (from == 0 && length >= 62 && f[12] == 0x86 && f[20] == 17 &&
	    label_count < 3)
		labels[label_count++] =
			(f[15] & 0xfU) << 16 | (uint32_t)f[16] << 8 | f[17];
	return true;
}

/* A flow's label is its own. */
static void test_flow_label(void)
{
	ip_addr_t to = bare_address(1, 6);

	suite_seed();
	bare_open();
	open_udp();
	CU_ASSERT_EQUAL(send_udp(0, &to, 1000, 10), ERR_OK);
	bare_run(10);
	bare.watch = watch_labels;
	label_count = 0;
	CU_ASSERT_EQUAL(send_udp(0, &to, 1000, 10), ERR_OK);
	CU_ASSERT_EQUAL(send_udp(0, &to, 1000, 20), ERR_OK);
	CU_ASSERT_EQUAL(send_udp(0, &to, 1001, 10), ERR_OK);
	CU_ASSERT_EQUAL_FATAL(label_count, 3);
	CU_ASSERT_NOT_EQUAL(labels[0], 0);
	CU_ASSERT_EQUAL(labels[0], labels[1]);
	CU_ASSERT_NOT_EQUAL(labels[0], labels[2]);
	bare_close();
}

/* ---- Errors back ------------------------------------------------------- */

/* A closed UDP port is reported, not more than 100 times at once. */
static void test_icmp_port_unreachable(void)
{
	suite_seed();
	for (int family = 4; family <= 6; family += 2) {
		struct bare_host *h = &bare.host[0];
		ip_addr_t to = bare_address(1, family);

		bare_open();
		open_udp();
		CU_ASSERT_EQUAL(send_udp(0, &to, 9, 10), ERR_OK);
		bare_run(5);
		CU_ASSERT_EQUAL(h->errors, 1);
		CU_ASSERT_EQUAL(h->family, family);
		CU_ASSERT_EQUAL(h->type, family == 4 ? ICMP_DUR : 1);
		CU_ASSERT_EQUAL(h->code, family == 4 ? ICMP_DUR_PORT : 4);
		bare_run(1000);
		for (unsigned i = 0; i < 500; i++)
			CU_ASSERT_EQUAL(send_udp(0, &to, 9, 10), ERR_OK);
		bare_run(5);
		CU_ASSERT(h->errors >= 100 && h->errors <= 120);
		bare_close();
	}
}

static const struct suite_case cases[] = {
	{"per-stack images", test_perstack_images},
	{"deadlines in order", test_deadlines_in_order},
	{"idle after talk", test_idle_after_talk},
	{"neighbour fails", test_neighbour_fails},
	{"neighbour queue", test_neighbour_queue_holds_a_datagram},
	{"thousands of neighbours", test_neighbours_by_the_thousand},
	{"neighbour vanishes", test_neighbour_vanishes},
	{"duplicate addresses", test_detection_of_duplicates},
	{"duplicates at once", test_detection_at_once},
	{"path MTU floor", test_path_mtu_floor},
	{"path MTU", test_path_mtu},
	{"autoconfiguration", test_autoconfiguration},
	{"discovery options", test_nd_options},
	{"random frames", test_random_frames},
	{"idle connections", test_idle_connections},
	{"connect to nobody", test_connect_to_nobody},
	{"backlog", test_backlog},
	{"unpredictable IDs", test_ids},
	{"flow label", test_flow_label},
	{"port unreachable", test_icmp_port_unreachable},
};

SUITE_MAIN("port", cases)
