/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The first way: a TAP interface in a network namespace of our own.  The stack
 * holds the device; the interface of the same name is the kernel's end.
 */
#include "client.h"
#include "kernel.h"
#include "refusals.h"
#include "room.h"
#include "screen.h"

#include <stdio.h>

#define MAC    "02:73:6f:63:6b:01" /* "sock" in the middle */
#define OURS4  "10.7.0.2"
#define THEIR4 "10.7.0.1"
#define OURS6  "fd73:6f63:6b00::2"
#define THEIR6 "fd73:6f63:6b00::1"

static const char config[] = "tap:tap0 mac " MAC " " OURS4 "/24 " OURS6 "/64";

/* Addresses for the kernel's end; without IPv6 the demo has one family. */
static int kernel_configure(bool *ipv6)
{
	screen_say("The kernel's end gets addresses of its own:");
	if (room_ip("link set lo up", false) ||
	    room_ip("addr add " THEIR4 "/24 dev tap0", false))
		return -1;
	/* nodad: nobody else is on this wire, so there is nothing to probe. */
	*ipv6 = room_ip("addr add " THEIR6 "/64 dev tap0 nodad", true) == 0;
	if (!*ipv6)
		screen_say("This kernel has no IPv6 here: IPv4 only.");
	return room_ip("link set tap0 up", false);
}

static int web_open(struct scene *scene, int family, const char *host)
{
	struct place *web = &scene->web[family];

	web->port = kernel_web_start(host);
	if (web->port < 0)
		return -1;
	snprintf(web->host, sizeof(web->host), "%s", host);
	return 0;
}

static int peers_open(struct scene *scene, bool ipv6)
{
	scene->page[IPV4] = (struct place){OURS4, 80};
	if (web_open(scene, IPV4, THEIR4))
		return -1;
	if (!ipv6)
		return 0;
	scene->page[IPV6] = (struct place){OURS6, 80};
	return web_open(scene, IPV6, THEIR6);
}

enum outcome tap_open(struct scene *scene, struct refusal *refusal)
{
	bool ipv6;

	screen_step("A TAP interface in a network namespace of our own");
	if (room_enter(refusal) || refusal_tun(refusal))
		return REFUSED;
	scene->device = "a TAP interface";
	scene->peer = "the kernel";
	scene->visitor = "curl";
	scene->visit = client_curl;
	snprintf(scene->sink.host, sizeof(scene->sink.host), THEIR4);
	snprintf(scene->source.host, sizeof(scene->source.host), THEIR4);
	if (kernel_ends_start(scene, ""))
		return FAILED;
	scene->stack = skl_stack_open(config);
	if (!scene->stack) {
		refusal_tap(refusal, skl_error());
		return REFUSED;
	}
	screen_say("sockling's end, as skl_stack_open() takes it:");
	screen_say("  %s", config);
	if (kernel_configure(&ipv6) || peers_open(scene, ipv6))
		return FAILED;
	return DONE;
}
