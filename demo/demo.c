/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The demo: a TCP/IP stack in this process meets the kernel's.
 *
 * THEORY OF OPERATION
 *
 * There are three ways to get at a peer: a TAP interface in a namespace of our
 * own (tap.c), passt (passt.c), a wire between two stacks (wire.c).  Each is
 * tried in a process of its own, since a namespace can't be left again, until
 * one is not refused by the system; the last one can't be.  What was refused is
 * kept in memory that the processes share, for the last screen.
 *
 * The acts are the same in all: serve a page, fetch one, move 1 GB each way.
 *
 * The capture takes frames whole while pages are fetched, and then the first
 * 128 bytes.  Both transfers together would be 250 MB, so each has a share of
 * the file: when that is used up the capture rests until the next connection,
 * so that what is there of a connection has no hole.
 */
#include "demo.h"

#include "client.h"
#include "process.h"
#include "screen.h"
#include "transfer.h"
#include "web.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SNAPLEN 128

/*
 * The share of the pages, a few frames, and of each transfer: to write frames
 * takes time, and some 25,000 show how a transfer goes.
 */
#define SHARE_PAGES    1000000U
#define SHARE_TRANSFER 4000000U

/* After this an attempt is ended, whatever it is at. */
#define ATTEMPT_SECONDS 150

enum {
	WAYS = 3
};

static enum outcome (*const ways[WAYS])(struct scene *, struct refusal *) = {
	tap_open,
	passt_open,
	wire_open,
};

static const char *const next_ways[WAYS] = {"passt", "a wire in memory", ""};

/* ---- Acts -------------------------------------------------------------- */

static void capture_start(struct scene *scene)
{
	scene->capture_size = SHARE_PAGES;
	scene->captured = skl_stack_capture(scene->stack, "", CAPTURE_FILE, 0,
					    scene->capture_size) == 0;
	if (!scene->captured)
		screen_trouble("no capture: %s", skl_error()->text);
}

/* Goes on with the next connection, from here on with short frames. */
static void capture_next(struct scene *scene)
{
	scene->capture_size += SHARE_TRANSFER;
	if (scene->captured)
		skl_stack_capture(scene->stack, "", CAPTURE_FILE, SNAPLEN,
				  scene->capture_size);
}

static void capture_end(struct scene *scene)
{
	if (scene->captured)
		skl_stack_capture(scene->stack, "", NULL, 0, 0);
}

/* What came, with its header where that was not shown before. */
static void visit_show(const struct visit *v, bool with_head)
{
	if (with_head)
		screen_quote(v->head);
	screen_say("The whole page: %zu bytes in %.1f ms.", v->bytes,
		   v->seconds * 1e3);
}

static int visits_receive(struct scene *scene)
{
	for (int i = 0; i < FAMILIES; i++) {
		struct visit *v = &scene->served[i];

		if (!scene->page[i].port)
			continue;
		if (scene->visit(scene, &scene->page[i], v))
			return -1;
		visit_show(v, i == IPV4);
	}
	return 0;
}

static int act_serve(struct scene *scene)
{
	struct web *web = web_start(scene->stack, 80);
	int failed;

	screen_step("A web server on sockling sockets shows a page to %s",
		    scene->visitor);
	if (!web) {
		screen_trouble("the web server: %s", skl_error()->text);
		return -1;
	}
	failed = visits_receive(scene);
	web_stop(web);
	return failed;
}

static int act_fetch(struct scene *scene)
{
	char url[80];

	screen_step("A client on sockling sockets fetches a page from %s",
		    scene->peer);
	for (int i = 0; i < FAMILIES; i++) {
		struct visit *v = &scene->fetched[i];

		if (!scene->web[i].port)
			continue;
		screen_say("GET %s", client_url(&scene->web[i], url));
		if (client_fetch(&scene->web[i], v))
			return -1;
		visit_show(v, i == IPV4);
	}
	return 0;
}

static int act_transfer(struct scene *scene)
{
	char label[64];

	screen_step("%.0f MB each way, captured meanwhile",
		    transfer_bytes / 1e6);
	capture_next(scene);
	snprintf(label, sizeof(label), "to %s", scene->peer);
	if (transfer_out(&scene->sink, label, &scene->out))
		return -1;
	capture_next(scene);
	snprintf(label, sizeof(label), "from %s", scene->peer);
	return transfer_in(&scene->source, label, &scene->in);
}

static int play(struct scene *scene)
{
	int failed;

	skl_stack_set_current(scene->stack);
	capture_start(scene);
	failed = act_serve(scene) || act_fetch(scene) || act_transfer(scene);
	capture_end(scene);
	return failed ? -1 : 0;
}

/* ---- Attempts ---------------------------------------------------------- */

/* In a process of its own; its children die with it. */
static enum outcome attempt_run(unsigned way, struct refusal *refusals)
{
	struct scene scene = {0};
	enum outcome outcome;

	alarm(ATTEMPT_SECONDS);
	screen_count(way);
	outcome = ways[way](&scene, &refusals[way]);
	if (outcome != DONE)
		return outcome;
	if (play(&scene))
		return FAILED;
	report_print(&scene, refusals, way);
	return DONE;
}

static enum outcome attempt(unsigned way, struct refusal *refusals)
{
	enum outcome outcome;
	int status;
	pid_t pid = process_fork();

	if (pid == 0) {
		outcome = attempt_run(way, refusals);
		process_end_all();
		exit(outcome);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0) {
		screen_trouble("fork: %s", strerror(errno));
		return FAILED;
	}
	if (WIFEXITED(status))
		return (enum outcome)WEXITSTATUS(status);
	screen_trouble("ended by signal %d (%s)", WTERMSIG(status),
		       strsignal(WTERMSIG(status)));
	return FAILED;
}

/* demo [MEGABYTES] */
static int arguments_read(int argc, char **argv)
{
	char *end = NULL;

	if (argc == 1)
		return 0;
	transfer_bytes = strtod(argv[1], &end) * 1e6;
	if (argc == 2 && !*end && transfer_bytes >= 1e6 &&
	    transfer_bytes <= 1e11)
		return 0;
	fprintf(stderr,
		"usage: demo [MEGABYTES]  for each way, 1 to 100000; 1000 "
		"without\n");
	return -1;
}

int main(int argc, char **argv)
{
	struct refusal *refusals =
		mmap(NULL, WAYS * sizeof(*refusals), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	enum outcome outcome = REFUSED;

	if (arguments_read(argc, argv))
		return FAILED;
	screen_init();
	if (refusals == MAP_FAILED) {
		screen_trouble("mmap: %s", strerror(errno));
		return FAILED;
	}
	printf("%ssockling %s: a TCP/IP stack in this process meets the "
	       "kernel's%s\n",
	       screen_paint(BOLD), skl_version(), screen_paint(PLAIN));
	for (unsigned way = 0; way < WAYS && outcome == REFUSED; way++) {
		outcome = attempt(way, refusals);
		if (outcome != REFUSED)
			break;
		screen_refusal(&refusals[way]);
		screen_say("going on with %s", next_ways[way]);
	}
	return outcome;
}
