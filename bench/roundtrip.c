/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One byte there and one back over TCP, again and again.  Roles: echo
 * (listens), ask (connects; prints the median and the 99th percentile in us).
 */
#include "end.h"

#define SAMPLES 2000000U
#define WARM_UP 500U

static uint32_t samples[SAMPLES]; /* ns */

static void echo(struct end e)
{
	char byte;

	while (end_recv(e, &byte, 1) == 1 && end_send(e, &byte, 1) == 1)
		;
	end_close(e);
}

static uint64_t ask_once(struct end e)
{
	uint64_t from = now_ns();
	char byte = 'x';

	if (end_send(e, &byte, 1) != 1 || end_recv(e, &byte, 1) != 1)
		die("round trip");
	return now_ns() - from;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void say_us(const char *name, const uint32_t *sorted, size_t index)
{
	say(name, sorted[index] / 1e3);
}

static void ask(const struct bench *b, struct end e)
{
	uint64_t end;
	size_t n = 0;

	for (unsigned i = 0; i < WARM_UP; i++)
		ask_once(e);
	end = now_ns() + (uint64_t)(b->seconds * 1e9);
	do
		samples[n++] = (uint32_t)ask_once(e);
	while (n < SAMPLES && now_ns() < end);
	end_reset(e);
	qsort(samples, n, sizeof(samples[0]), compare);
	say_us("p50", samples, n / 2);
	say_us("p99", samples, n * 99 / 100);
}

int main(int argc, char **argv)
{
	struct bench b = bench_start(argc, argv);

	if (is_role(&b, "echo")) {
		struct end listener = end_listen(&b, SOCK_STREAM);

		ready();
		echo(end_accept(listener));
	} else if (is_role(&b, "ask")) {
		ask(&b, end_connect(&b, SOCK_STREAM));
	} else {
		role_unknown(&b);
	}
	return 0;
}
