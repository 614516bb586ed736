/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lwIP's timers, on demand.
 *
 * lwIP wants to be called every 250 ms for ever, and looks at everything each
 * time. Here a stack sleeps until something is due, and an idle stack, however
 * many connections it has, is never woken.
 *
 * Time. tcp_ticks counts slow ticks of TCP_SLOW_INTERVAL since the stack began;
 * skli_timers_catch_up() sets it from the clock, so that skipped ticks have
 * passed all the same. lwIP's counters that went up at each tick (rtime,
 * persist_cnt) are differences to tcp_ticks now (patch tcp-deadlines); the
 * others (keepalive, TIME-WAIT, ...) always were.
 *
 * TCP. Each pcb has one deadline in a queue, the earliest of what it waits for:
 *
 *   - the fast timer, within TCP_FAST_INTERVAL: a delayed ACK, a FIN that found
 *     no memory, data that the application refused;
 *   - a retry, at the next slow tick: something could not be sent although
 *     nothing is in flight (no route, no memory);
 *   - the slow timers: retransmission or persist, keepalive, out-of-sequence
 *     data, the longest stay in SYN-RCVD, FIN-WAIT-2, LAST-ACK, TIME-WAIT.
 *
 * The deadline is lazy: skli_timers_touch(), called at the end of each
 * tcp_output(), only ever moves it forward. Each ACK postpones the
 * retransmission, and moving the deadline each time would cost more than the
 * ACK. skli_timers_next() puts right the first of the queue, and only that.
 *
 * Modules. Reassembly and MLD tick while they are busy; their functions return
 * whether they still are. A patch arms the tick where work begins. Neighbours
 * and our own IPv6 addresses have deadlines (neighbours.c, nd.c); the lifetimes
 * that routers give to addresses are aged on entry, and only their end is a
 * deadline.
 *
 * Equal deadlines run in the order in which they were set.
 */
#include "timers.h"

#include "lwip.h"
#include "nd.h"

#define NEVER  UINT64_MAX
#define SECOND 1000

struct tick {
	struct skli_deadline deadline;
};

/* One per stack; all zero at the start. */
struct timers {
	struct skli_deadlines queue;
	struct tick ticks[SKLI_TICKS];
	int begun;
	uint64_t now;  /* the clock at the last entry */
	uint64_t tick; /* the clock when tcp_ticks became what it is */
	uint64_t aged; /* the clock when the tables were last aged */
	struct tcp_pcb *running; /* the pcb whose timers run, unless freed */
};

static struct timers timers__tpl
	__attribute__((section("lwip_tpl"))) = {.begun = 0};

/* The calling thread's stack's. */
static struct timers *timers(void)
{
	return SKLI_PS(timers__tpl);
}

/* --- TCP ------------------------------------------------------------------ */

static int needs_fast(const struct tcp_pcb *pcb)
{
	return (pcb->flags & (TF_ACK_DELAY | TF_CLOSEPEND)) ||
	       pcb->refused_data;
}

static int needs_retry(const struct tcp_pcb *pcb)
{
	return pcb->unsent && pcb->rtime < 0 && pcb->persist_backoff == 0;
}

/* Ticks from pcb->tmr, the last sign of life, to the keepalive's next act. */
static uint64_t keepalive_ticks(const struct tcp_pcb *pcb)
{
	uint32_t probe =
		pcb->keep_idle + (uint32_t)pcb->keep_cnt_sent * pcb->keep_intvl;
	uint32_t end = pcb->keep_idle + pcb->keep_cnt * pcb->keep_intvl;

	return (uint64_t)(probe < end ? probe : end) / TCP_SLOW_INTERVAL + 1;
}

/* Ticks from pcb->tmr to the end of the stay in the state; 0: no end. */
static uint64_t state_ticks(const struct tcp_pcb *pcb)
{
	switch (pcb->state) {
	case SYN_RCVD: return TCP_SYN_RCVD_TIMEOUT / TCP_SLOW_INTERVAL + 1;
	case FIN_WAIT_2:
		if (!(pcb->flags & TF_RXCLOSED))
			return 0; /* half-closed: for ever */
		return TCP_FIN_WAIT_TIMEOUT / TCP_SLOW_INTERVAL + 1;
	case LAST_ACK:
	case TIME_WAIT: return 2 * TCP_MSL / TCP_SLOW_INTERVAL + 1;
	default: return 0;
	}
}

/* The clock at SPAN ticks after tick FROM; ticks wrap, the clock doesn't. */
static uint64_t clock_of(uint32_t from, uint64_t span)
{
	uint64_t at = timers()->tick;
	uint64_t passed = (uint64_t)(tcp_ticks - from);

	if (passed >= span)
		return at;
	return at + (span - passed) * TCP_SLOW_INTERVAL;
}

static void take_earlier(uint64_t *due, uint64_t other)
{
	if (other < *due)
		*due = other;
}

/* When the slow timers of PCB have something to do. */
static uint64_t slow_due(const struct tcp_pcb *pcb)
{
	uint64_t due = NEVER;

	if (pcb->state <= LISTEN)
		return NEVER;
	if (pcb->persist_backoff > 0)
		due = clock_of(pcb->persist_tick,
			       tcp_persist_backoff[pcb->persist_backoff - 1]);
	else if (pcb->rtime >= 0)
		due = clock_of(pcb->rtime_tick, (uint64_t)pcb->rto);
	if (state_ticks(pcb))
		take_earlier(&due, clock_of(pcb->tmr, state_ticks(pcb)));
	if (pcb->ooseq)
		take_earlier(&due, clock_of(pcb->tmr, TCP_OOSEQ_TICKS(pcb)));
	if (ip_get_option(pcb, SOF_KEEPALIVE) &&
	    (pcb->state == ESTABLISHED || pcb->state == CLOSE_WAIT))
		take_earlier(&due, clock_of(pcb->tmr, keepalive_ticks(pcb)));
	return due;
}

/* When the next slow tick begins. */
static uint64_t next_slow(void)
{
	return timers()->tick + TCP_SLOW_INTERVAL;
}

/* The next fast tick: two to a slow one. */
static uint64_t next_fast(void)
{
	struct timers *t = timers();

	if (t->now - t->tick < TCP_FAST_INTERVAL)
		return t->tick + TCP_FAST_INTERVAL;
	return next_slow();
}

/* When PCB needs a look, seen from now. */
static uint64_t tcp_due(const struct tcp_pcb *pcb)
{
	uint64_t due = slow_due(pcb);

	if (pcb->state <= LISTEN)
		return NEVER;
	if (needs_fast(pcb))
		take_earlier(&due, next_fast());
	if (needs_retry(pcb))
		take_earlier(&due, next_slow());
	return due;
}

static struct tcp_pcb *pcb_of(struct skli_deadline *d)
{
	char *at = (char *)d - offsetof(struct tcp_pcb, timer.deadline);

	return (struct tcp_pcb *)(void *)at;
}

static void run_tcp(struct skli_deadline *d)
{
	struct timers *t = timers();
	struct tcp_pcb *pcb = pcb_of(d);
	uint64_t due;

	t->running = pcb;
	if (needs_fast(pcb))
		tcp_fasttmr_pcb(pcb);
	if (t->running && (needs_retry(pcb) || slow_due(pcb) <= t->now))
		tcp_slowtmr_pcb(pcb);
	if (!t->running)
		return;
	t->running = NULL;
	due = tcp_due(pcb);
	if (due <= t->now) /* could not be done, for want of memory */
		due = next_slow();
	if (due == NEVER)
		skli_deadline_clear(&t->queue, d);
	else
		skli_deadline_set(&t->queue, d, due, run_tcp);
}

void skli_timers_touch(struct tcp_pcb *pcb)
{
	struct timers *t = timers();
	struct skli_deadline *d;
	uint64_t due;

	if (pcb->state <= LISTEN)
		return;
	d = &pcb->timer.deadline;
	due = tcp_due(pcb);
	if (due == NEVER || (skli_deadline_queued(d) && d->due <= due))
		return;
	skli_deadline_set(&t->queue, d, due, run_tcp);
}

void skli_timers_forget(struct tcp_pcb *pcb)
{
	struct timers *t = timers();

	if (t->running == pcb)
		t->running = NULL;
	skli_deadline_clear(&t->queue, &pcb->timer.deadline);
}

/* --- modules -------------------------------------------------------------- */

/* By enum skli_tick; a function returns whether it wants to be called again. */
static const struct {
	uint8_t (*run)(void);
	unsigned period;
} modules[SKLI_TICKS] = {
	[SKLI_TICK_REASS4] = {ip_reass_tmr, IP_TMR_INTERVAL},
	[SKLI_TICK_REASS6] = {ip6_reass_tmr, IP6_REASS_TMR_INTERVAL},
	[SKLI_TICK_MLD6] = {mld6_tmr, MLD6_TMR_INTERVAL},
};

static void run_tick(struct skli_deadline *d)
{
	struct timers *t = timers();
	struct tick *tick = (struct tick *)(void *)d;
	size_t which = (size_t)(tick - t->ticks);

	skli_deadline_clear(&t->queue, d);
	if (modules[which].run())
		skli_timers_arm((enum skli_tick)which);
}

void skli_timers_arm(enum skli_tick tick)
{
	struct timers *t = timers();
	struct skli_deadline *d = &t->ticks[tick].deadline;

	if (!skli_deadline_queued(d))
		skli_deadline_set(&t->queue, d, t->now + modules[tick].period,
				  run_tick);
}

/* --- the clock ------------------------------------------------------------ */

uint64_t skli_timers_now(void)
{
	return timers()->now;
}

void skli_timers_at(struct skli_deadline *d, uint64_t due,
		    void (*run)(struct skli_deadline *))
{
	skli_deadline_set(&timers()->queue, d, due, run);
}

void skli_timers_drop(struct skli_deadline *d)
{
	skli_deadline_clear(&timers()->queue, d);
}

/* Lets the slow ticks pass until T->now. */
static void pass_ticks(struct timers *t)
{
	uint64_t passed = (t->now - t->tick) / TCP_SLOW_INTERVAL;

	tcp_ticks += (u32_t)passed;
	t->tick += passed * TCP_SLOW_INTERVAL;
}

void skli_timers_catch_up(uint64_t now)
{
	struct timers *t = timers();

	if (!t->begun) {
		t->begun = 1;
		t->now = t->tick = t->aged = now;
		tcp_ticks = 1; /* 0 means "no measurement" to lwIP (rttest) */
	}
	if (now <= t->now)
		return;
	t->now = now;
	if (now - t->tick >= TCP_SLOW_INTERVAL)
		pass_ticks(t);
	if (now - t->aged < SECOND)
		return;
	skli_nd_age((uint32_t)((now - t->aged) / SECOND));
	t->aged += (now - t->aged) / SECOND * SECOND;
}

void skli_timers_run(uint64_t now)
{
	struct timers *t = timers();
	struct skli_deadline *d;

	skli_timers_catch_up(now);
	while ((d = t->queue.first) && d->due <= t->now)
		d->run(d);
}

/* Is the deadline of a pcb earlier than need be? Then puts it right. */
static int put_right(struct timers *t, struct skli_deadline *d)
{
	struct tcp_pcb *pcb = pcb_of(d);
	uint64_t due;

	if (needs_fast(pcb) || needs_retry(pcb))
		return 0;
	due = slow_due(pcb);
	if (due <= d->due)
		return 0;
	if (due == NEVER)
		skli_deadline_clear(&t->queue, d);
	else
		skli_deadline_set(&t->queue, d, due, run_tcp);
	return 1;
}

uint64_t skli_timers_next(void)
{
	struct timers *t = timers();
	struct skli_deadline *d;

	while ((d = t->queue.first) && d->run == run_tcp && put_right(t, d))
		;
	return d ? d->due : NEVER;
}
