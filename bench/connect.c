/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Short TCP connections, one at a time: connect, a byte each way, close by
 * RST.  Roles: serve (listens, until it is killed), call (connects; prints
 * connections per second).
 */
#include "end.h"

static void serve(struct end listener)
{
	for (;;) {
		struct end e = end_accept(listener);
		char byte;

		/* The second recv() waits for the peer's RST. */
		while (end_recv(e, &byte, 1) == 1 && end_send(e, &byte, 1) == 1)
			;
		end_close(e);
	}
}

static void call_once(const struct bench *b)
{
	struct end e = end_connect(b, SOCK_STREAM);
	char byte = 'x';

	if (end_send(e, &byte, 1) != 1 || end_recv(e, &byte, 1) != 1)
		die("call");
	end_reset(e);
}

static void call(const struct bench *b)
{
	uint64_t from, to;
	unsigned count = 0;

	call_once(b);
	from = now_ns();
	do {
		call_once(b);
		count++;
		to = now_ns();
	} while ((double)(to - from) < b->seconds * 1e9);
	say("rate", count * 1e9 / (double)(to - from));
}

int main(int argc, char **argv)
{
	struct bench b = bench_start(argc, argv);

	if (is_role(&b, "serve")) {
		struct end listener = end_listen(&b, SOCK_STREAM);

		ready();
		serve(listener);
	} else if (is_role(&b, "call")) {
		call(&b);
	} else {
		role_unknown(&b);
	}
	return 0;
}
