/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our own IPv6 addresses (RFC 4862): duplicate address detection, addresses
 * from router advertisements and their lifetimes, router solicitations.
 *
 * lwIP's tick of one second becomes one deadline for the whole stack: now, when
 * there is something to send; a second later, when a probe is out; else the end
 * of the shortest valid lifetime, at most an hour ahead. With addresses set by
 * hand and valid there is none.
 *
 * Lifetimes count down in seconds in struct netif, as lwIP has them;
 * skli_nd_age() takes the time that has passed off them but leaves one second:
 * only the deadline ends an address, because that ends connections.
 */
#include "nd.h"

#include "lwip.h"

#define SECOND         1000
#define HOUR           3600
#define RS_INTERVAL_MS 4000 /* RFC 4861 section 10: RTR_SOLICITATION_INTERVAL */
#define RS_COUNT       3    /* MAX_RTR_SOLICITATIONS */

/* One per stack; all zero at the start. */
struct self {
	struct skli_deadline timer;
	uint64_t ask_routers; /* when the next solicitation may go out */
	uint64_t probed;      /* when the last probe for an address went out */
};

static struct self self__tpl
	__attribute__((section("lwip_tpl"))) = {.ask_routers = 0};

static struct self *self(void)
{
	return SKLI_PS(self__tpl);
}

static void run(struct skli_deadline *d);

static int is_up(const struct netif *netif)
{
	return netif_is_up(netif) && netif_is_link_up(netif);
}

/* Sees to it that run() is called at DUE, or before. */
static void wake_at(uint64_t due)
{
	struct self *s = self();

	if (!skli_deadline_queued(&s->timer) || s->timer.due > due)
		skli_timers_at(&s->timer, due, run);
}

/* --- duplicate address detection ------------------------------------------ */

void skli_nd_duplicate(struct netif *netif, int index)
{
	int i;

	netif_ip6_addr_set_state(netif, (s8_t)index, IP6_ADDR_DUPLICATED);
	/* Number 0 is the link-local one: what was made from it is no better
	 * (RFC 4862 5.4.5). */
	for (i = 1; index == 0 && i < LWIP_IPV6_NUM_ADDRESSES; i++)
		if (!ip6_addr_isinvalid(netif_ip6_addr_state(netif, i)) &&
		    !netif_ip6_addr_isstatic(netif, i))
			netif_ip6_addr_set_state(netif, (s8_t)i,
						 IP6_ADDR_DUPLICATED);
}

/* One step for a tentative address; returns whether another will follow. */
static int step_detection(struct netif *netif, s8_t i)
{
	struct self *s = self();
	u8_t state = netif_ip6_addr_state(netif, i);
	u8_t sent = state & IP6_ADDR_TENTATIVE_COUNT_MASK;

	if (!ip6_addr_istentative(state) || !is_up(netif))
		return 0;
	if (sent > 0 && skli_timers_now() < s->probed + SECOND)
		return 1; /* woken for another one */
	if (sent < LWIP_IPV6_DUP_DETECT_ATTEMPTS) {
		s->probed = skli_timers_now();
		/* The state joins the multicast group that the probe needs. */
		netif_ip6_addr_set_state(netif, i, state + 1);
		skli_nd_probe_self(netif, netif_ip6_addr(netif, i));
		return 1;
	}
	state = IP6_ADDR_PREFERRED;
	if (!netif_ip6_addr_isstatic(netif, i) &&
	    netif_ip6_addr_pref_life(netif, i) == 0)
		state = IP6_ADDR_DEPRECATED;
	netif_ip6_addr_set_state(netif, i, state);
	return 0;
}

/* --- lifetimes ------------------------------------------------------------ */

static int has_lifetime(const struct netif *netif, s8_t i)
{
	return !ip6_addr_isinvalid(netif_ip6_addr_state(netif, i)) &&
	       !netif_ip6_addr_isstatic(netif, i);
}

static u32_t shorter(u32_t life, u32_t seconds, u32_t least)
{
	if (ip6_addr_life_isinfinite(life))
		return life;
	return life > seconds + least ? life - seconds : least;
}

static void age_address(struct netif *netif, s8_t i, u32_t seconds)
{
	u32_t valid = netif_ip6_addr_valid_life(netif, i);
	u32_t preferred = netif_ip6_addr_pref_life(netif, i);

	netif_ip6_addr_set_valid_life(netif, i, shorter(valid, seconds, 1));
	preferred = shorter(preferred, seconds, 0);
	netif_ip6_addr_set_pref_life(netif, i, preferred);
	if (preferred == 0 &&
	    netif_ip6_addr_state(netif, i) == IP6_ADDR_PREFERRED)
		netif_ip6_addr_set_state(netif, i, IP6_ADDR_DEPRECATED);
}

/* Called for each address; with SECONDS 0 ends those that are at their end. */
static void age_netif(struct netif *netif, u32_t seconds)
{
	s8_t i;

	for (i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
		if (!has_lifetime(netif, i))
			continue;
		if (seconds > 0) {
			age_address(netif, i, seconds);
		} else if (netif_ip6_addr_valid_life(netif, i) <= 1) {
			netif_ip6_addr_set_valid_life(netif, i, 0);
			netif_ip6_addr_set_pref_life(netif, i, 0);
			netif_ip6_addr_set_state(netif, i, IP6_ADDR_INVALID);
		}
	}
}

void skli_nd_age_addresses(u32_t seconds)
{
	struct netif *netif;

	NETIF_FOREACH(netif)
	{
		age_netif(netif, seconds);
	}
}

/* Makes the stack wake when the next address of NETIF ends. */
static void plan_lifetimes(const struct netif *netif)
{
	u32_t life;
	s8_t i;

	for (i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
		life = netif_ip6_addr_valid_life(netif, i);
		if (!has_lifetime(netif, i) || ip6_addr_life_isinfinite(life))
			continue;
		life = LWIP_MIN(life, HOUR);
		wake_at(skli_timers_now() + (uint64_t)life * SECOND);
	}
}

/* RFC 4862 5.5.3 e): nobody but us may shorten a life below two hours. */
static u32_t new_life(u32_t announced, u32_t remaining)
{
	if (announced > 2 * HOUR || announced > remaining)
		return announced;
	return LWIP_MIN(remaining, 2 * HOUR);
}

/* The address made from PREFIX that NETIF has already, or -1. */
static s8_t find_autoconfigured(struct netif *netif, const ip6_addr_t *prefix)
{
	s8_t i;

	for (i = 1; i < LWIP_IPV6_NUM_ADDRESSES; i++)
		if (has_lifetime(netif, i) &&
		    ip6_addr_net_zoneless_eq(prefix, netif_ip6_addr(netif, i)))
			return i;
	return -1;
}

static void make_address(struct netif *netif, const ip6_addr_t *prefix,
			 u32_t valid, u32_t preferred)
{
	const ip6_addr_t *local = netif_ip6_addr(netif, 0);
	ip6_addr_t addr;
	s8_t i;

	IP6_ADDR(&addr, prefix->addr[0], prefix->addr[1], local->addr[2],
		 local->addr[3]);
	ip6_addr_assign_zone(&addr, IP6_UNICAST, netif);
	if (netif_get_ip6_addr_match(netif, &addr) >= 0)
		return; /* set by hand */
	for (i = 1; i < LWIP_IPV6_NUM_ADDRESSES; i++)
		if (ip6_addr_isinvalid(netif_ip6_addr_state(netif, i)))
			break;
	if (i == LWIP_IPV6_NUM_ADDRESSES)
		return;
	ip_addr_copy_from_ip6(netif->ip6_addr[i], addr);
	netif_ip6_addr_set_valid_life(netif, i, valid);
	netif_ip6_addr_set_pref_life(netif, i, preferred);
	netif_ip6_addr_set_state(netif, i, IP6_ADDR_TENTATIVE);
}

void skli_nd_autoconfigure(struct netif *netif, const ip6_addr_t *prefix,
			   uint32_t valid, uint32_t preferred)
{
	u8_t local = netif_ip6_addr_state(netif, 0);
	s8_t i = find_autoconfigured(netif, prefix);

	if (preferred > valid)
		return;
	if (i >= 0) {
		valid = new_life(valid, netif_ip6_addr_valid_life(netif, i));
		netif_ip6_addr_set_valid_life(netif, i, valid);
		netif_ip6_addr_set_pref_life(netif, i, preferred);
		if (preferred > 0 &&
		    netif_ip6_addr_state(netif, i) == IP6_ADDR_DEPRECATED)
			netif_ip6_addr_set_state(netif, i, IP6_ADDR_PREFERRED);
	} else if (valid > 0 && !ip6_addr_isinvalid(local) &&
		   !ip6_addr_isduplicated(local)) {
		make_address(netif, prefix, valid, preferred);
	}
	plan_lifetimes(netif);
}

/* --- routers -------------------------------------------------------------- */

void skli_nd_routers_known(struct netif *netif)
{
	netif->rs_count = 0;
}

static int wants_routers(const struct netif *netif)
{
	u8_t local = netif_ip6_addr_state(netif, 0);

	return netif->rs_count > 0 && netif->ip6_autoconfig_enabled &&
	       is_up(netif) && !ip6_addr_isinvalid(local) &&
	       !ip6_addr_isduplicated(local);
}

/* Asks on each interface that wants to know; plans the next time. */
static void ask_routers(void)
{
	struct self *s = self();
	struct netif *netif;
	int more = 0;

	if (skli_timers_now() < s->ask_routers) {
		NETIF_FOREACH(netif)
		{
			more |= wants_routers(netif);
		}
	} else {
		NETIF_FOREACH(netif)
		{
			if (!wants_routers(netif))
				continue;
			if (skli_nd_ask_routers(netif))
				netif->rs_count--;
			more = 1; /* for the last answer, too */
		}
		s->ask_routers = skli_timers_now() + RS_INTERVAL_MS;
	}
	if (more)
		wake_at(s->ask_routers);
}

/* --- the deadline --------------------------------------------------------- */

static void run(struct skli_deadline *d)
{
	struct netif *netif;
	int again = 0;
	s8_t i;

	skli_timers_drop(d);
	skli_nd_age_addresses(0);
	NETIF_FOREACH(netif)
	{
		for (i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
			again |= step_detection(netif, i);
		plan_lifetimes(netif);
	}
	if (again)
		wake_at(self()->probed + SECOND);
	ask_routers();
}

/* lwIP's netif.c: an interface came up. */
void nd6_restart_netif(struct netif *netif)
{
	netif->rs_count = RS_COUNT;
	self()->ask_routers = 0;
	wake_at(skli_timers_now());
}

/* lwIP's netif.c: an address is about to change its state. Its solicited-node
 * group is joined once the first probe is going out (RFC 4862 5.4.2). */
void nd6_adjust_mld_membership(struct netif *netif, s8_t addr_idx,
			       u8_t new_state)
{
	u8_t old_state = netif_ip6_addr_state(netif, addr_idx);
	const u8_t states[2] = {old_state, new_state};
	ip6_addr_t group;
	int member[2];
	int i;

	for (i = 0; i < 2; i++)
		member[i] = states[i] != IP6_ADDR_INVALID &&
			    states[i] != IP6_ADDR_DUPLICATED &&
			    states[i] != IP6_ADDR_TENTATIVE;
	if (new_state == IP6_ADDR_TENTATIVE)
		wake_at(skli_timers_now());
	if (member[0] == member[1])
		return;
	ip6_addr_set_solicitednode(&group,
				   netif_ip6_addr(netif, addr_idx)->addr[3]);
	ip6_addr_assign_zone(&group, IP6_MULTICAST, netif);
	if (member[1])
		mld6_joingroup_netif(netif, &group);
	else
		mld6_leavegroup_netif(netif, &group);
}
