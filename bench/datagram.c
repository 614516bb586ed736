/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Small datagrams, one way, one call each, as fast as they go: 18 bytes make
 * a frame of 64 with its headers and the CRC, the smallest there is.  Roles:
 * receive (prints datagrams per second), send.
 */
#include "end.h"

#define PAYLOAD    18
#define RCVBUF     (1024 * 1024)
#define WARM_UP_NS 100000000U

static char buf[PAYLOAD];

static void take(struct end e)
{
	if (end_recv(e, buf, sizeof(buf)) != PAYLOAD)
		die("recv");
}

static void receive(const struct bench *b)
{
	struct end e = end_listen(b, SOCK_DGRAM);
	uint64_t from, to, count = 0;

	set_int(e, SOL_SOCKET, SO_RCVBUF, RCVBUF);
	ready();
	take(e);
	from = now_ns();
	while (now_ns() - from < WARM_UP_NS)
		take(e);
	from = now_ns();
	do {
		take(e);
		count++;
		to = now_ns();
	} while ((double)(to - from) < b->seconds * 1e9);
	say("rate", (double)count * 1e9 / (double)(to - from));
	end_close(e);
}

/* Until the receiver is gone, which a refusal tells, or is killed. */
static void send_on(const struct bench *b)
{
	struct end e = end_connect(b, SOCK_DGRAM);

	while (end_send(e, buf, sizeof(buf)) > 0 || errno == ENOBUFS ||
	       errno == EAGAIN)
		;
	end_close(e);
}

int main(int argc, char **argv)
{
	struct bench b = bench_start(argc, argv);

	if (is_role(&b, "receive"))
		receive(&b);
	else if (is_role(&b, "send"))
		send_on(&b);
	else
		role_unknown(&b);
	return 0;
}
