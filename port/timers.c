/* SPDX-License-Identifier: BSD-3-Clause */
/* lwIP's timers, on demand. */
#include "timers.h"

#include "lwip.h"

static uint64_t due__tpl __attribute__((section("lwip_tpl"))) = 0;
#define due (*SKLI_PS(due__tpl))
static unsigned turn__tpl __attribute__((section("lwip_tpl"))) = 0;
#define turn (*SKLI_PS(turn__tpl))

uint64_t skli_timers_next(void)
{
	return due ? due : skli_door_clock_ms();
}

void skli_timers_catch_up(uint64_t now)
{
	(void)now;
}

void skli_timers_touch(struct tcp_pcb *pcb)
{
	(void)pcb;
}

void tcp_timer_needed(void)
{
}

static void run_second(void)
{
	etharp_tmr();
	ip_reass_tmr();
	nd6_tmr();
	ip6_reass_tmr();
}

void skli_timers_run(uint64_t now)
{
	if (due == 0)
		due = now;
	while (due <= now) {
		due += TCP_TMR_INTERVAL;
		tcp_tmr();
		if (++turn % 2 == 0)
			mld6_tmr();
		if (turn % 20 == 0)
			run_second();
	}
}
