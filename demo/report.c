/* SPDX-License-Identifier: BSD-3-Clause */
/* The last screen: what happened, the numbers, what to try next. */
#include "demo.h"

#include "screen.h"

#include <stdio.h>
#include <sys/stat.h>

static const char *bold(void)
{
	return screen_paint(BOLD);
}

static const char *plain(void)
{
	return screen_paint(PLAIN);
}

static double gbits(const struct transfer *t)
{
	return t->seconds > 0 ? t->bytes * 8e-9 / t->seconds : 0;
}

static void visit_print(const char *who, const struct visit visits[FAMILIES])
{
	printf("   %-36s", who);
	if (visits[IPV4].done)
		printf(" %7.1f ms IPv4", visits[IPV4].seconds * 1e3);
	if (visits[IPV6].done)
		printf(" %7.1f ms IPv6", visits[IPV6].seconds * 1e3);
	putchar('\n');
}

static void transfer_print(const char *where, const char *peer,
			   const struct transfer *t)
{
	char label[64];

	snprintf(label, sizeof(label), "%.0f MB %s %s", t->bytes / 1e6, where,
		 peer);
	printf("   %-36s %s%7.2f Gbit/s%s in %.2f s\n", label,
	       screen_paint(GREEN), gbits(t), plain(), t->seconds);
}

static void numbers_print(const struct scene *scene)
{
	char label[64];
	struct skl_stack_stats stats = {0};

	printf("\n%sThe numbers%s\n", bold(), plain());
	snprintf(label, sizeof(label), "a page to %s", scene->visitor);
	visit_print(label, scene->served);
	snprintf(label, sizeof(label), "a page from %s", scene->peer);
	visit_print(label, scene->fetched);
	transfer_print("to", scene->peer, &scene->out);
	transfer_print("from", scene->peer, &scene->in);
	if (skl_stack_stats(scene->stack, &stats) == 0)
		printf("   %-36s %7.0f KB now, %.0f KB at most\n",
		       "memory of the whole stack", (double)stats.memory * 1e-3,
		       (double)stats.memory_peak * 1e-3);
}

static void hint_print(const char *what, const char *why)
{
	printf("   %-28s%s\n", what, why);
}

static void next_print(const struct scene *scene)
{
	struct stat st;

	printf("\n%sWhat to try next%s\n", bold(), plain());
	if (scene->captured && stat(CAPTURE_FILE, &st) == 0) {
		printf("   %-28swhat went over the wire, %.1f MB: the pages "
		       "whole,\n",
		       "wireshark " CAPTURE_FILE, (double)st.st_size * 1e-6);
		hint_print("", "the transfers' beginning, 128 bytes a frame");
	}
	hint_print("labs/echo/README.md",
		   "your first server and client, line by line");
	hint_print("README.md", "the same sockets in a program of yours");
	hint_print("make bench", "measured beside the kernel's own stack");
}

static void refusals_print(const struct refusal *refusals, unsigned count)
{
	if (count)
		printf("\n%sRefused by this system%s\n", bold(), plain());
	for (unsigned i = 0; i < count; i++)
		printf("   %s: %s\n      allow it with  %s\n", refusals[i].what,
		       refusals[i].why, refusals[i].line);
}

void report_print(const struct scene *scene, const struct refusal *refusals,
		  unsigned count)
{
	puts("\n--------------------------------------------------------------"
	     "----------");
	printf("%sWhat happened%s\n", bold(), plain());
	printf("   This process ran its own TCP/IP stack, with Ethernet and IP "
	       "addresses of\n"
	       "   its own, on %s. It served a page to %s,\n"
	       "   fetched one from %s and moved data both ways.\n"
	       "   Its sockets are Python's, in C: skl_create_server, "
	       "skl_accept, skl_recv ...\n",
	       scene->device, scene->visitor, scene->peer);
	numbers_print(scene);
	refusals_print(refusals, count);
	next_print(scene);
}
