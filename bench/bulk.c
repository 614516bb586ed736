/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One TCP stream, as fast as it goes.  Roles: sink (listens), source
 * (connects), and the other way round: listening-source, connecting-sink.
 * The sink prints Gbit/s and ends the connection.
 */
#include "end.h"

/* What suits the kernel's sockets best: more or less is not faster. */
#define CHUNK (128 * 1024)

/* Slow start and the window's growth are not counted. */
#define WARM_UP_NS 200000000U

static char buf[CHUNK];

static size_t take(struct end e)
{
	ssize_t n = end_recv(e, buf, sizeof(buf));

	if (n <= 0)
		die("recv");
	return (size_t)n;
}

static void sink(const struct bench *b, struct end e)
{
	uint64_t from, to, bytes = 0;

	take(e);
	from = now_ns();
	while (now_ns() - from < WARM_UP_NS)
		take(e);
	from = now_ns();
	do {
		bytes += take(e);
		to = now_ns();
	} while ((double)(to - from) < b->seconds * 1e9);
	say("gbits", (double)bytes * 8 / (double)(to - from));
	end_reset(e);
}

static void source(struct end e)
{
	while (end_send(e, buf, sizeof(buf)) > 0)
		;
	end_close(e);
}

static struct end listening(const struct bench *b)
{
	struct end e, listener = end_listen(b, SOCK_STREAM);

	ready();
	e = end_accept(listener);
	end_close(listener);
	return e;
}

int main(int argc, char **argv)
{
	struct bench b = bench_start(argc, argv);

	if (is_role(&b, "sink"))
		sink(&b, listening(&b));
	else if (is_role(&b, "listening-source"))
		source(listening(&b));
	else if (is_role(&b, "source"))
		source(end_connect(&b, SOCK_STREAM));
	else if (is_role(&b, "connecting-sink"))
		sink(&b, end_connect(&b, SOCK_STREAM));
	else
		role_unknown(&b);
	return 0;
}
