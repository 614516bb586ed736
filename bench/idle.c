/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Many TCP connections on which nothing happens.  Roles: hold (listens,
 * accepts -n connections, prints how much its process grew, in bytes per
 * connection), fill (connects -n times, says "ready").
 *
 * Both then wait for a line on stdin; at the second line hold waits in
 * accept(), so that its own thread drives the stack, and no longer the
 * stack's.
 */
#include "end.h"

/*
 * Memory of this process that no file backs, in bytes.  Counted page by page:
 * the quicker statm is behind by some hundred KB.
 */
static double memory_now(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "re");
	char line[128];
	static const char field[] = "Anonymous:";
	long kb = -1;

	while (f && kb < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, field, sizeof(field) - 1))
			kb = strtol(line + sizeof(field) - 1, NULL, 10);
	if (kb < 0)
		die("/proc/self/smaps_rollup");
	fclose(f);
	return (double)kb * 1024;
}

static void line_wait(void)
{
	char c = 0;

	while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
		;
	if (c != '\n')
		exit(0);
}

static void hold(const struct bench *b)
{
	struct end listener = end_listen(b, SOCK_STREAM);
	double before;

	ready();
	/* The first has what is made once. */
	end_accept(listener);
	before = memory_now();
	for (int i = 1; i < b->count; i++)
		end_accept(listener);
	say("memory", (memory_now() - before) / (b->count - 1));
	line_wait();
	end_accept(listener);
}

static void fill(const struct bench *b)
{
	for (int i = 0; i < b->count; i++)
		end_connect(b, SOCK_STREAM);
	ready();
	line_wait();
}

int main(int argc, char **argv)
{
	struct bench b = bench_start(argc, argv);

	if (b.count < 2)
		b.count = 2;
	if (is_role(&b, "hold"))
		hold(&b);
	else if (is_role(&b, "fill"))
		fill(&b);
	else
		role_unknown(&b);
	return 0;
}
