/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The third way, which nothing can refuse: two stacks in this process, on the
 * two ends of a wire in memory.  The second one plays the kernel's parts.
 */
#include "client.h"
#include "ends.h"
#include "refusals.h"
#include "screen.h"
#include "web.h"

#include <stdio.h>

#define OURS4  "10.7.0.2"
#define THEIR4 "10.7.0.1"
#define OURS6  "fd73:6f63:6b00::2"
#define THEIR6 "fd73:6f63:6b00::1"

enum {
	WEB_PORT = 80,
	SINK_PORT = 5001,
	SOURCE_PORT = 5002
};

static skl_stack *other;

/* The other stack fetches our page, in place of curl. */
static int visit(struct scene *scene, const struct place *page,
		 struct visit *result)
{
	char url[80];
	int failed;

	screen_say("The second stack fetches %s", client_url(page, url));
	skl_stack_set_current(other);
	failed = client_fetch(page, result);
	skl_stack_set_current(scene->stack);
	return failed;
}

static skl_stack *stack_open(const char *who, const char *config)
{
	skl_stack *stack = skl_stack_open(config);

	if (stack)
		screen_say("%s: %s", who, config);
	else
		screen_trouble("%s: %s", config, skl_error()->text);
	return stack;
}

static void places_set(struct scene *scene)
{
	scene->page[IPV4] = (struct place){OURS4, WEB_PORT};
	scene->page[IPV6] = (struct place){OURS6, WEB_PORT};
	scene->web[IPV4] = (struct place){THEIR4, WEB_PORT};
	scene->web[IPV6] = (struct place){THEIR6, WEB_PORT};
	scene->sink = (struct place){THEIR4, SINK_PORT};
	scene->source = (struct place){THEIR4, SOURCE_PORT};
}

enum outcome wire_open(struct scene *scene, struct refusal *refusal)
{
	(void)refusal;
	screen_step("A wire in memory between two stacks of this process");
	screen_say("No kernel can be the peer here: a second sockling stack "
		   "plays its part.");
	scene->device = "a wire in memory";
	scene->peer = "the second stack";
	scene->visitor = "the second stack";
	scene->visit = visit;
	places_set(scene);
	scene->stack = stack_open("sockling's end",
				  "wire:demo " OURS4 "/24 " OURS6 "/64");
	if (!scene->stack)
		return FAILED;
	other = stack_open("the other end ",
			   "wire:demo " THEIR4 "/24 " THEIR6 "/64");
	if (!other)
		return FAILED;
	if (!web_start(other, WEB_PORT) ||
	    ends_start(other, SINK_PORT, SOURCE_PORT)) {
		screen_trouble("the second stack: %s", skl_error()->text);
		return FAILED;
	}
	skl_stack_set_current(scene->stack);
	return DONE;
}
