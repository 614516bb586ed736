/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP as the port's patches leave it, without sockets: transfers over a bad
 * wire, the queues' ends, windows, and segments that are not what they seem.
 */
#include "tests/bare.h"

#include "tests/suite.h"

#include <stdlib.h>
#include <string.h>

/* ---- An application: sends a pattern, checks the other's --------------- */

struct app {
	struct tcp_pcb *pcb; /* NULL: gone */
	unsigned host;
	uint64_t total; /* to send */
	uint64_t sent, received;
	uint64_t unread; /* received, not yet reported to lwIP */
	bool reads;      /* reports at once */
	bool finished, got_end, aborted;
	size_t chunk;
};

static struct app apps[2];
static struct tcp_pcb *listener;

static uint8_t pattern(uint64_t at, unsigned host)
{
	return (uint8_t)((at * 2654435761U >> 13) ^ (at >> 7) ^ host * 91);
}

/* The queues are in order, their lengths and their ends as the pcb says. */
static void check_queues(const struct tcp_pcb *pcb)
{
	const struct tcp_seg *queue[2] = {pcb->unacked, pcb->unsent};
	const struct tcp_seg *tail[2] = {pcb->unacked_tail, pcb->unsent_tail};
	unsigned pbufs = 0;

	for (int i = 0; i < 2; i++) {
		const struct tcp_seg *last = NULL;

		for (const struct tcp_seg *s = queue[i]; s; s = s->next) {
			pbufs += pbuf_clen(s->p);
			if (last)
				CU_ASSERT(TCP_SEQ_GEQ(
					lwip_ntohl(s->tcphdr->seqno),
					lwip_ntohl(last->tcphdr->seqno) +
						TCP_TCPLEN(last)));
			last = s;
		}
		if (tail[i])
			CU_ASSERT_PTR_EQUAL(tail[i], last);
	}
	CU_ASSERT_EQUAL(pbufs, pcb->snd_queuelen);
}

/* Writes what there is room for, in pieces of all sizes, and the end. */
static void fill(struct app *a)
{
	static uint8_t data[65536];

	while (a->pcb && a->sent < a->total) {
		uint64_t n = a->total - a->sent;

		n = LWIP_MIN(n, a->pcb->snd_buf);
		n = LWIP_MIN(n, a->chunk);
		if (n == 0)
			break;
		n = 1 + suite_random(n);
		for (uint64_t i = 0; i < n; i++)
			data[i] = pattern(a->sent + i, a->host);
		if (tcp_write(a->pcb, data, (u16_t)n,
			      TCP_WRITE_FLAG_COPY |
				      (suite_random(2) ? TCP_WRITE_FLAG_MORE
						       : 0)) != ERR_OK)
			break;
		a->sent += n;
	}
	if (!a->pcb)
		return;
	tcp_output(a->pcb);
	if (a->sent == a->total && !a->finished)
		a->finished = tcp_shutdown(a->pcb, 0, 1) == ERR_OK;
	check_queues(a->pcb);
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t length)
{
	(void)pcb;
	(void)length;
	fill(arg);
	return ERR_OK;
}

static err_t on_received(void *arg, struct tcp_pcb *pcb, struct pbuf *p,
			 err_t err)
{
	struct app *a = arg;
	unsigned wrong = 0;

	(void)err;
	if (!p) {
		a->got_end = true;
		return ERR_OK;
	}
	for (struct pbuf *q = p; q; q = q->next)
		for (u16_t i = 0; i < q->len; i++)
			wrong += ((uint8_t *)q->payload)[i] !=
				 pattern(a->received++, !a->host);
	CU_ASSERT_EQUAL_FATAL(wrong, 0);
	a->unread += p->tot_len;
	if (a->reads) {
		tcp_recved(pcb, p->tot_len);
		a->unread -= p->tot_len;
	}
	pbuf_free(p);
	check_queues(pcb);
	return ERR_OK;
}

static void on_error(void *arg, err_t err)
{
	struct app *a = arg;

	a->pcb = NULL;
	a->aborted = err != ERR_CLSD;
}

static void attach(struct app *a, struct tcp_pcb *pcb)
{
	a->pcb = pcb;
	tcp_arg(pcb, a);
	tcp_recv(pcb, on_received);
	tcp_sent(pcb, on_sent);
	tcp_err(pcb, on_error);
}

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t err)
{
	(void)arg;
	if (err != ERR_OK || !pcb)
		return ERR_OK;
	attach(&apps[0], pcb);
	fill(&apps[0]);
	return ERR_OK;
}

static err_t on_connect(void *arg, struct tcp_pcb *pcb, err_t err)
{
	(void)pcb;
	(void)err;
	fill(arg);
	return ERR_OK;
}

/* B connects to A; DOWN bytes go from A to B, UP from B to A. WINDOW 0: the
 * default. */
static void begin(int family, uint64_t down, uint64_t up, tcpwnd_size_t window)
{
	ip_addr_t to = bare_address(0, family);
	struct tcp_pcb *pcb;

	for (unsigned i = 0; i < 2; i++)
		apps[i] = (struct app){.host = i,
				       .total = i ? up : down,
				       .reads = true,
				       .chunk = 65535};
	bare_enter(0);
	listener = tcp_new_ip_type(IPADDR_TYPE_ANY);
	CU_ASSERT_EQUAL_FATAL(tcp_bind(listener, IP_ANY_TYPE, 80), ERR_OK);
	listener = tcp_listen_with_backlog(listener, 10);
	CU_ASSERT_FATAL(listener != NULL);
	tcp_accept(listener, on_accept);
	if (window)
		tcp_set_rcv_wnd_limit(listener, window);
	bare_enter(1);
	pcb = tcp_new_ip_type(IP_GET_TYPE(&to));
	CU_ASSERT_FATAL(pcb != NULL);
	if (window)
		tcp_set_rcv_wnd_limit(pcb, window);
	attach(&apps[1], pcb);
	CU_ASSERT_EQUAL_FATAL(tcp_connect(pcb, &to, 80, on_connect), ERR_OK);
	bare_leave();
}

static bool over(void)
{
	return apps[0].aborted || apps[1].aborted ||
	       (apps[0].finished && apps[0].got_end && apps[1].finished &&
		apps[1].got_end);
}

/* Slow readers read a bit, writers that found no memory try again. */
static void nudge(void)
{
	for (unsigned i = 0; i < 2; i++) {
		struct app *a = &apps[i];
		uint64_t n = 1 + suite_random(20000);

		n = LWIP_MIN(a->unread, n);
		if (!a->pcb)
			continue;
		bare_enter(i);
		a->unread -= n;
		if (n)
			tcp_recved(a->pcb, (u16_t)n);
		if (a->pcb->state == ESTABLISHED || a->pcb->state == CLOSE_WAIT)
			fill(a);
		bare_leave();
	}
}

/* Goes on until all is through, LIMIT ms at most. */
static void carry(uint64_t limit, bool nudged)
{
	uint64_t until = bare.now + limit;

	while (!over() && bare.now < until) {
		bare_step(nudged ? bare.now + 20 : until);
		if (nudged)
			nudge();
	}
}

static void check_all_there(void)
{
	for (unsigned i = 0; i < 2; i++) {
		CU_ASSERT(!apps[i].aborted);
		CU_ASSERT_EQUAL(apps[i].received, apps[!i].total);
		CU_ASSERT(apps[i].got_end);
	}
}

/* Closes both ends, and sees that nothing wakes the stacks any more. */
static void end(void)
{
	bare.faults = (struct bare_faults){0};
	for (unsigned i = 0; i < 2; i++) {
		struct tcp_pcb *pcb = apps[i].pcb;

		if (!pcb)
			continue;
		bare_enter(i);
		tcp_recved(pcb, (u16_t)LWIP_MIN(apps[i].unread, 0xffff));
		tcp_arg(pcb, NULL);
		tcp_recv(pcb, NULL);
		tcp_sent(pcb, NULL);
		tcp_err(pcb, NULL);
		tcp_close(pcb);
		bare_leave();
	}
	CU_ASSERT(bare_settle(300 * BARE_SECOND));
	bare_close();
}

/* ---- Transfers --------------------------------------------------------- */

static void test_transfer_clean(void)
{
	suite_seed();
	for (int family = 4; family <= 6; family += 2) {
		bare_open();
		begin(family, 3000000, 3000000, 0);
		carry(60 * BARE_SECOND, false);
		check_all_there();
		end();
	}
}

/* Loss, duplicates, reordering, delay, windows from tiny to large, slow
 * readers: what arrives is what was sent. */
static void test_transfer_over_bad_wire(void)
{
	suite_seed();
	for (unsigned run = 0; run < 40; run++) {
		bool slow = suite_random(3) == 0;

		bare_open();
		bare.faults = (struct bare_faults){
			.drop = (unsigned)suite_random(60),
			.duplicate = (unsigned)suite_random(40),
			.reorder = (unsigned)suite_random(100),
			.delay_ms = (unsigned)suite_random(40),
		};
		begin(run & 1 ? 6 : 4, suite_random(600000),
		      suite_random(600000),
		      (tcpwnd_size_t)(suite_random(2)
					      ? 4096 + suite_random(60000)
					      : 65536 + suite_random(4 << 20)));
		apps[0].chunk = apps[1].chunk = 1 + suite_random(40000);
		apps[0].reads = apps[1].reads = !slow;
		carry(3600 * BARE_SECOND, slow);
		check_all_there();
		end();
	}
}

/* Every so many-th allocation fails: slower, but nothing is lost or leaked. */
static void test_transfer_without_memory(void)
{
	suite_seed();
	for (unsigned run = 0; run < 20; run++) {
		bare_open();
		begin(run & 1 ? 6 : 4, 300000, 300000, 0);
		bare_run(1000);
		bare.refuse = 2 + (unsigned)suite_random(30);
		bare.faults.drop = run & 2 ? 20 : 0;
		carry(3600 * BARE_SECOND, true);
		bare.refuse = 0;
		check_all_there();
		end();
	}
}

/* ---- Windows ----------------------------------------------------------- */

static uint32_t announced; /* by A: the last window, not scaled */

static bool watch_window(unsigned from, const uint8_t *f, size_t length)
{
	if (from == 0 && length >= 54 && f[12] == 8 && f[23] == 6)
		announced = (uint32_t)f[48] << 8 | f[49];
	return true;
}

/* A connection has the window of its listener, and may get another; what the
 * peer knows of is not taken back. */
static void test_window_limit(void)
{
	suite_seed();
	bare_open();
	bare.watch = watch_window;
	begin(4, 0, 200000, 20000);
	apps[0].reads = false;
	bare_run(5 * BARE_SECOND);
	CU_ASSERT_FATAL(apps[0].pcb != NULL);
	CU_ASSERT_EQUAL(apps[0].pcb->rcv_wnd_limit, 20000);
	/* A window below 128 is announced as 0. */
	CU_ASSERT(apps[0].received >= 19800 && apps[0].received <= 20000);
	CU_ASSERT_EQUAL(announced, 0);
	bare_enter(0);
	tcp_set_rcv_wnd_limit(apps[0].pcb, 100);
	CU_ASSERT(apps[0].pcb->rcv_wnd_limit >= apps[0].unread);
	tcp_set_rcv_wnd_limit(apps[0].pcb, 60000);
	tcp_recved(apps[0].pcb, 20000);
	apps[0].unread -= 20000;
	bare_leave();
	bare_run(BARE_SECOND);
	CU_ASSERT(apps[0].received >= 78000 && apps[0].received <= 80000);
	carry(60 * BARE_SECOND, true);
	check_all_there();
	end();
}

static bool lossy_from_a;

static bool watch_cut_a(unsigned from, const uint8_t *f, size_t length)
{
	(void)f;
	(void)length;
	return !(lossy_from_a && from == 0);
}

/*
 * The window opens, the news of it is lost, and the probe is the last byte that
 * was to be sent: stock lwIP's persist timer then asserts at its next tick.
 */
static void test_persist_ends(void)
{
	struct app *a = &apps[0], *b = &apps[1];

	suite_seed();
	bare_open();
	bare.watch = watch_cut_a;
	begin(4, 0, 1024, 1024); /* which a window of 128s can say */
	a->reads = false;
	b->finished = true; /* no FIN yet */
	bare_run(BARE_SECOND);
	CU_ASSERT_EQUAL_FATAL(a->received, 1024);
	CU_ASSERT_EQUAL(b->pcb->snd_wnd, 0);
	bare_enter(1);
	b->total++;
	fill(b);
	CU_ASSERT_NOT_EQUAL(b->pcb->persist_backoff, 0);
	bare_leave();
	lossy_from_a = true;
	bare_enter(0);
	tcp_recved(a->pcb, 1024);
	a->unread = 0;
	a->reads = true;
	bare_leave();
	bare_run(10);
	lossy_from_a = false;
	bare_run(10 * BARE_SECOND);
	CU_ASSERT_EQUAL(a->received, 1025);
	CU_ASSERT_EQUAL(b->pcb->persist_backoff, 0);
	end();
}

/* ---- Segments made by hand --------------------------------------------- */

struct segment {
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t window;
	uint8_t options[12]; /* all of them: a multiple of 4 */
	size_t option_length;
	size_t length; /* of pattern data */
	uint64_t data; /* where in the pattern */
	uint16_t gso_size;
};

/* Segment S, with its numbers as they are, comes in at A from port FROM of B to
 * port TO. Returns how many frames A sends at once. */
static unsigned long deliver_to(u16_t from, u16_t to, const struct segment *s)
{
	ip_addr_t src = bare_address(1, 4), dest = bare_address(0, 4);
	unsigned long before = bare.frames;
	size_t header = TCP_HLEN + s->option_length;
	struct tcp_hdr *tcp;
	struct ip_hdr *ip;
	struct pbuf *p;
	uint8_t *data;

	bare_enter(0);
	p = pbuf_alloc(PBUF_TRANSPORT, (u16_t)(header + s->length), PBUF_RAM);
	if (!p)
		abort();
	tcp = p->payload;
	tcp->src = lwip_htons(from);
	tcp->dest = lwip_htons(to);
	tcp->seqno = lwip_htonl(s->seq);
	tcp->ackno = lwip_htonl(s->ack);
	TCPH_HDRLEN_FLAGS_SET(tcp, header / 4, s->flags);
	tcp->wnd = lwip_htons(s->window);
	tcp->chksum = 0;
	tcp->urgp = 0;
	memcpy(tcp + 1, s->options, s->option_length);
	data = (uint8_t *)tcp + header;
	for (size_t i = 0; i < s->length; i++)
		data[i] = pattern(s->data + i, 1);
	tcp->chksum =
		ip_chksum_pseudo(p, IP_PROTO_TCP, p->tot_len, &src, &dest);
	pbuf_add_header(p, IP_HLEN);
	ip = p->payload;
	memset(ip, 0, IP_HLEN);
	IPH_VHL_SET(ip, 4, 5);
	IPH_LEN_SET(ip, lwip_htons(p->tot_len));
	IPH_TTL_SET(ip, 64);
	IPH_PROTO_SET(ip, IP_PROTO_TCP);
	ip4_addr_copy(ip->src, *ip_2_ip4(&src));
	ip4_addr_copy(ip->dest, *ip_2_ip4(&dest));
	IPH_CHKSUM_SET(ip, inet_chksum(ip, IP_HLEN));
	p->off.gso_size = s->gso_size;
	ip_input(p, &bare.host[0].netif);
	bare_leave();
	return bare.frames - before;
}

/* The same for A's end of the connection, with numbers added to what is
 * right. */
static unsigned long deliver(const struct segment *s)
{
	struct tcp_pcb *pcb = apps[0].pcb;
	struct segment t = *s;

	t.data = apps[0].received + s->seq;
	t.seq += pcb->rcv_nxt;
	t.ack += pcb->snd_nxt;
	return deliver_to(pcb->remote_port, pcb->local_port, &t);
}

/* An idle connection, of which A's end is then lied to. */
static void open_idle(void)
{
	bare_open();
	begin(4, 1000, 1000, 0);
	apps[0].finished = apps[1].finished = true; /* no FIN yet */
	bare_run(10 * BARE_SECOND);
	if (!apps[0].pcb)
		abort();
	CU_ASSERT_EQUAL_FATAL(apps[0].received, 1000);
	CU_ASSERT_EQUAL_FATAL(apps[0].pcb->state, ESTABLISHED);
}

/* RFC 9293 3.10.7.4, RFC 5961: what is not acceptable changes nothing. */
static void test_acceptability(void)
{
	static const struct segment bad[] = {
		/* no ACK */
		{.flags = 0, .length = 10},
		/* acknowledges what was never sent */
		{.flags = TCP_ACK, .ack = 1, .length = 10},
		{.flags = TCP_ACK, .ack = 100000, .length = 10},
		/* acknowledges what was so long ago that it is not ours */
		{.flags = TCP_ACK, .ack = 0U - (3U << 20), .length = 10},
		/* beyond the window, long before it */
		{.flags = TCP_ACK, .seq = 2U << 20, .length = 10},
		{.flags = TCP_ACK, .seq = 0U - (3U << 20), .length = 10},
		/* a SYN, a RST that only lies in the window */
		{.flags = TCP_SYN, .length = 0},
		{.flags = TCP_RST, .seq = 1, .length = 0},
		{.flags = TCP_RST, .seq = 1U << 20, .length = 0},
	};
	static const struct segment good = {
		.flags = TCP_ACK, .length = 10, .window = 1000};

	suite_seed();
	open_idle();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		uint32_t next = apps[0].pcb->rcv_nxt;
		uint32_t window = apps[0].pcb->snd_wnd;

		deliver(&bad[i]);
		if (!apps[0].pcb)
			abort();
		CU_ASSERT_EQUAL(apps[0].received, 1000);
		CU_ASSERT_EQUAL(apps[0].pcb->rcv_nxt, next);
		CU_ASSERT_EQUAL(apps[0].pcb->snd_wnd, window);
		CU_ASSERT_EQUAL(apps[0].pcb->state, ESTABLISHED);
		CU_ASSERT_PTR_NULL(apps[0].pcb->ooseq);
	}
	deliver(&good);
	CU_ASSERT_EQUAL(apps[0].received, 1010);
	bare_close();
}

/* A RST at the window's edge is none; one that fits is. */
static void test_reset(void)
{
	static const struct segment fits = {.flags = TCP_RST};

	suite_seed();
	open_idle();
	deliver(&fits);
	CU_ASSERT_PTR_NULL(apps[0].pcb);
	CU_ASSERT(apps[0].aborted);
	bare_close();
}

/* An MSS option counts on a SYN; one that is cut off counts nowhere. */
static void test_options(void)
{
	static const struct segment mss = {.flags = TCP_ACK,
					   .length = 10,
					   .window = 60000,
					   .options = {2, 4, 0, 100},
					   .option_length = 4};
	static const struct segment cut[] = {
		{.flags = TCP_ACK, .options = {1, 1, 1, 2}, .option_length = 4},
		{.flags = TCP_ACK, .options = {1, 1, 2, 4}, .option_length = 4},
		{.flags = TCP_ACK, .options = {1, 3, 3, 8}, .option_length = 4},
		{.flags = TCP_ACK, .options = {8, 9, 1, 1}, .option_length = 4},
	};

	suite_seed();
	open_idle();
	deliver(&mss);
	CU_ASSERT_EQUAL(apps[0].received, 1010);
	CU_ASSERT_EQUAL(apps[0].pcb->mss, 1460);
	for (size_t i = 0; i < sizeof(cut) / sizeof(*cut); i++)
		deliver(&cut[i]);
	CU_ASSERT_EQUAL(apps[0].pcb->mss, 1460);
	bare_close();
}

/* ---- Answers to what belongs to no connection -------------------------- */

/* The last TCP segment over IPv4 from A. */
static struct {
	uint8_t flags;
	uint32_t seq, ack;
} answer;

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
	       (uint32_t)at[2] << 8 | at[3];
}

static bool watch_answer(unsigned from, const uint8_t *f, size_t length)
{
	if (from == 0 && length >= 54 && f[12] == 8 && f[13] == 0 &&
	    f[23] == 6) {
		answer.flags = f[47];
		answer.seq = get32(f + 38);
		answer.ack = get32(f + 42);
	}
	return from != 0 || f[12] != 8 || f[13] != 0; /* B hears nothing */
}

/* RFC 9293 3.5.2: on a closed port and on a listening one. */
static void test_reset_form(void)
{
	static const struct segment syn = {.flags = TCP_SYN, .seq = 1000};
	static const struct segment data = {
		.flags = TCP_ACK, .seq = 1000, .ack = 77, .length = 5};
	static const struct segment reset = {.flags = TCP_RST, .seq = 1000};

	suite_seed();
	open_idle();
	bare.watch = watch_answer;
	deliver_to(5000, 81, &syn);
	CU_ASSERT_EQUAL(answer.flags, TCP_RST | TCP_ACK);
	CU_ASSERT_EQUAL(answer.seq, 0);
	CU_ASSERT_EQUAL(answer.ack, 1001);
	for (u16_t port = 80; port <= 81; port++) {
		memset(&answer, 0, sizeof(answer));
		deliver_to(5000, port, &data);
		CU_ASSERT_EQUAL(answer.flags, TCP_RST);
		CU_ASSERT_EQUAL(answer.seq, 77);
		CU_ASSERT_EQUAL(answer.ack, 0);
		CU_ASSERT_EQUAL(deliver_to(5000, port, &reset), 0);
	}
	bare_close();
}

/* A SYN from beyond the old connection opens a new one, an older one gets an
 * ACK. */
static void test_reuse_in_time_wait(void)
{
	struct segment syn = {.flags = TCP_SYN};
	struct tcp_pcb *pcb;
	u16_t from;

	suite_seed();
	open_idle();
	pcb = apps[0].pcb;
	from = pcb->remote_port;
	for (unsigned i = 0; i < 2; i++) {
		bare_enter(i);
		CU_ASSERT_EQUAL(tcp_shutdown(apps[i].pcb, 0, 1), ERR_OK);
		bare_leave();
		bare_run(100);
	}
	CU_ASSERT_EQUAL_FATAL(pcb->state, TIME_WAIT);
	bare.watch = watch_answer;
	syn.seq = pcb->rcv_nxt - 1;
	deliver_to(from, 80, &syn);
	CU_ASSERT_EQUAL(answer.flags, TCP_ACK);
	CU_ASSERT_EQUAL(answer.ack, pcb->rcv_nxt);
	syn.seq = pcb->rcv_nxt + 1;
	apps[0].pcb = NULL;
	deliver_to(from, 80, &syn);
	CU_ASSERT_EQUAL(answer.flags, TCP_SYN | TCP_ACK);
	CU_ASSERT_EQUAL(answer.ack, syn.seq + 1);
	bare_enter(0);
	CU_ASSERT_PTR_NULL(tcp_tw_pcbs);
	bare_leave();
	bare_close();
}

/* ---- When ACKs go out -------------------------------------------------- */

static void test_prompt_acks(void)
{
	static const struct segment one = {
		.flags = TCP_ACK, .length = 10, .window = 1000};
	static const struct segment two = {.flags = TCP_ACK,
					   .length = 2920,
					   .window = 1000,
					   .gso_size = 1460};
	static const struct segment later = {
		.flags = TCP_ACK, .seq = 20, .length = 20, .window = 1000};
	static const struct segment gap = {
		.flags = TCP_ACK, .length = 20, .window = 1000};
	unsigned long before;

	suite_seed();
	open_idle();
	bare.watch = watch_cut_a; /* B sent none of this */
	lossy_from_a = true;
	before = bare.frames;
	CU_ASSERT_EQUAL(deliver(&one), 0); /* may wait */
	bare_run(TCP_FAST_INTERVAL);
	CU_ASSERT_EQUAL(bare.frames - before, 1);
	bare_run(200);
	CU_ASSERT_EQUAL(deliver(&two), 1);   /* stands for two */
	CU_ASSERT_EQUAL(deliver(&later), 1); /* duplicate ACK */
	CU_ASSERT_EQUAL(deliver(&gap), 1);   /* fills the gap */
	CU_ASSERT_EQUAL(apps[0].received, 1000 + 10 + 2920 + 40);
	lossy_from_a = false;
	bare_close();
}

/* Ends that disagree do not answer each other for ever (RFC 5961 7). */
static void test_no_ack_war(void)
{
	static const struct segment forged = {
		.flags = TCP_ACK, .length = 10, .window = 1000};

	suite_seed();
	open_idle();
	deliver(&forged);
	bare.frames = 0;
	bare_run(BARE_SECOND);
	CU_ASSERT(bare.frames > 0 && bare.frames < 10);
	bare_close();
}

/* What Nagle's algorithm holds back must not hold back an ACK. */
static void test_ack_beside_nagle(void)
{
	static const struct segment data = {
		.flags = TCP_ACK, .ack = 0U - 1, .length = 10, .window = 1000};
	struct tcp_pcb *pcb;

	suite_seed();
	open_idle();
	pcb = apps[0].pcb;
	bare.watch = watch_cut_a; /* B never acknowledges */
	lossy_from_a = true;
	bare_enter(0);
	CU_ASSERT_EQUAL(tcp_write(pcb, "a", 1, TCP_WRITE_FLAG_COPY), ERR_OK);
	tcp_output(pcb);
	CU_ASSERT_EQUAL(tcp_write(pcb, "b", 1, TCP_WRITE_FLAG_COPY), ERR_OK);
	tcp_output(pcb);
	CU_ASSERT_PTR_NOT_NULL(pcb->unsent);
	bare_leave();
	deliver(&data);
	CU_ASSERT_EQUAL(deliver(&data), 1);
	lossy_from_a = false;
	bare_close();
}

/* ---- Timers ------------------------------------------------------------ */

/* RFC 6298: a second at first, then what was measured, at least 300 ms. */
static void test_retransmission_times(void)
{
	const uint8_t next = pattern(1000, 0);
	uint64_t began;
	unsigned long before;

	suite_seed();
	open_idle();
	bare.watch = watch_cut_a;
	lossy_from_a = true;
	bare_enter(0);
	before = bare.frames;
	began = bare.now;
	CU_ASSERT_EQUAL(tcp_write(apps[0].pcb, &next, 1, TCP_WRITE_FLAG_COPY),
			ERR_OK);
	tcp_output(apps[0].pcb);
	bare_leave();
	while (bare.frames - before < 2)
		CU_ASSERT_FATAL(bare_step(began + 10 * BARE_SECOND));
	CU_ASSERT(bare.now - began >= 300 && bare.now - began <= 1000);
	lossy_from_a = false;
	bare_run(5 * BARE_SECOND);
	CU_ASSERT_PTR_NULL(apps[0].pcb->unacked);
	bare_close();
}

/* Once its data is acknowledged a connection has no deadline left: not at the
 * next look, but at once. */
static void test_idle_at_once(void)
{
	const uint8_t next = pattern(1000, 0);

	suite_seed();
	open_idle();
	CU_ASSERT(bare_settle(20 * BARE_SECOND)); /* MLD's reports */
	bare_enter(0);
	CU_ASSERT_EQUAL(tcp_write(apps[0].pcb, &next, 1, TCP_WRITE_FLAG_COPY),
			ERR_OK);
	tcp_output(apps[0].pcb);
	bare_leave();
	CU_ASSERT_NOT_EQUAL(bare_next(), UINT64_MAX);
	bare_run(TCP_FAST_INTERVAL); /* B may delay its ACK */
	CU_ASSERT_PTR_NULL(apps[0].pcb->unacked);
	CU_ASSERT_EQUAL(bare_next(), UINT64_MAX);
	bare_close();
}

/* ---- Recovery ---------------------------------------------------------- */

static unsigned data_frames;

/* Three data frames of one window are lost, each once. */
static bool watch_lose_three(unsigned from, const uint8_t *f, size_t length)
{
	(void)f;
	if (from != 0 || length < 1000)
		return true;
	data_frames++;
	return data_frames != 12 && data_frames != 14 && data_frames != 17;
}

/* RFC 6582: all three are found missing by ACKs, not by time-outs. */
static void test_newreno(void)
{
	uint64_t began;

	suite_seed();
	bare_open();
	bare.faults.delay_ms = 5;
	begin(4, 200000, 0, 0);
	bare.watch = watch_lose_three;
	data_frames = 0;
	began = bare.now;
	while (apps[1].received < 200000)
		CU_ASSERT_FATAL(bare_step(began + 60 * BARE_SECOND));
	CU_ASSERT(bare.now - began < 250);
	CU_ASSERT(data_frames < 200); /* 137, and some twice */
	end();
}

/* ---- Path MTU ---------------------------------------------------------- */

static unsigned too_long;

/* A router in between that takes 1000 bytes, and "don't fragment" for it. */
static bool watch_narrow(unsigned from, const uint8_t *f, size_t length)
{
	(void)from;
	if (length <= 1014 || f[12] != 8 || f[23] != 6)
		return true;
	if (f[20] & 0x40) {
		too_long++;
		return false;
	}
	return true;
}

static void test_tcp_path_mtu(void)
{
	unsigned told = 0;

	suite_seed();
	bare_open();
	bare.watch = watch_narrow;
	too_long = 0;
	begin(4, 200000, 0, 0);
	while (!over()) {
		CU_ASSERT_FATAL(bare_step(bare.now + 60 * BARE_SECOND));
		if (too_long == told || !apps[0].pcb)
			continue;
		told = too_long;
		bare_enter(0);
		tcp_path_mtu(apps[0].pcb, 1000);
		bare_leave();
	}
	check_all_there();
	CU_ASSERT(too_long > 0 && too_long < 40);
	end();
}

static const struct suite_case cases[] = {
	{"transfer", test_transfer_clean},
	{"transfer over a bad wire", test_transfer_over_bad_wire},
	{"transfer without memory", test_transfer_without_memory},
	{"window limit", test_window_limit},
	{"persist ends", test_persist_ends},
	{"acceptability", test_acceptability},
	{"reset", test_reset},
	{"options", test_options},
	{"form of a reset", test_reset_form},
	{"reuse in TIME-WAIT", test_reuse_in_time_wait},
	{"prompt ACKs", test_prompt_acks},
	{"no war of ACKs", test_no_ack_war},
	{"ACK beside Nagle", test_ack_beside_nagle},
	{"retransmission times", test_retransmission_times},
	{"idle at once", test_idle_at_once},
	{"NewReno", test_newreno},
	{"path MTU of TCP", test_tcp_path_mtu},
};

SUITE_MAIN("port_tcp", cases)
