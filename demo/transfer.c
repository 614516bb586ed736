/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transfers, see transfer.h.  The time runs from the connection being there to
 * the proof that all has arrived: the sink's count, or the last byte.
 */
#include "transfer.h"

#include "process.h"
#include "screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK (256 * 1024)

/* For how long the end of a connection is awaited. */
#define END_SECONDS 0.5

/* Between two looks at the bar. */
#define SHOW_SECONDS 0.05

struct run {
	const char *label;
	struct transfer *t;
	double start, shown;
};

double transfer_bytes = 1e9;

static char chunk[CHUNK];

static skl_sock *run_start(struct run *r, const struct place *place,
			   const char *label, struct transfer *t)
{
	skl_sock *s = skl_create_connection(skl_inet(place->host, place->port),
					    PATIENCE, NULL);

	if (!s)
		screen_trouble("%s port %d: %s", place->host, place->port,
			       skl_error()->text);
	*t = (struct transfer){0, 0};
	*r = (struct run){.label = label, .t = t, .start = process_clock()};
	return s;
}

/* Notes what was moved; true while there is time left. */
static bool run_move(struct run *r, ssize_t n)
{
	r->t->bytes += (double)n;
	r->t->seconds = process_clock() - r->start;
	if (r->t->seconds - r->shown >= SHOW_SECONDS) {
		r->shown = r->t->seconds;
		screen_bar(r->label, r->t, false);
	}
	return r->t->seconds < TRANSFER_SECONDS;
}

static void run_end(struct run *r)
{
	r->t->seconds = process_clock() - r->start;
	screen_bar(r->label, r->t, true);
}

static int run_failed(struct run *r, skl_sock *s)
{
	screen_trouble("%s: %s", r->label, skl_error()->text);
	skl_close(s);
	return -1;
}

/* The sink tells how much it got, a line of text: 0 if that is all. */
static int count_check(skl_sock *s, double sent)
{
	char text[32] = "";
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(text) - 1 && !strchr(text, '\n')) {
		n = skl_recv(s, text + len, sizeof(text) - 1 - len, 0);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	if (strtod(text, NULL) == sent)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	screen_trouble("%.0f bytes were sent, the sink got '%s'", sent, text);
	return -1;
}

/*
 * Its end is awaited, so that the frames to come are another connection's
 * (demo.c); but not for long, since passt forgets about it.
 */
static void end_await(skl_sock *s)
{
	char byte;

	skl_settimeout(s, END_SECONDS);
	skl_recv(s, &byte, 1, 0);
}

int transfer_out(const struct place *sink, const char *label,
		 struct transfer *t)
{
	struct run r;
	skl_sock *s = run_start(&r, sink, label, t);
	ssize_t n;

	if (!s)
		return -1;
	do {
		double left = transfer_bytes - t->bytes;

		if (left <= 0)
			break;
		n = skl_send(s, chunk, left < CHUNK ? (size_t)left : CHUNK, 0);
		if (n < 0)
			return run_failed(&r, s);
	} while (run_move(&r, n));
	if (skl_shutdown(s, SHUT_WR))
		return run_failed(&r, s);
	if (count_check(s, t->bytes)) {
		skl_close(s);
		return -1;
	}
	run_end(&r);
	end_await(s);
	skl_close(s);
	return 0;
}

int transfer_in(const struct place *source, const char *label,
		struct transfer *t)
{
	struct run r;
	skl_sock *s = run_start(&r, source, label, t);
	ssize_t n;

	if (!s)
		return -1;
	do {
		n = skl_recv(s, chunk, CHUNK, 0);
		if (n < 0)
			return run_failed(&r, s);
	} while (n && run_move(&r, n));
	run_end(&r);
	skl_close(s);
	if (n || t->bytes == transfer_bytes)
		return 0;
	screen_trouble("%s: it ended after %.0f bytes", label, t->bytes);
	return -1;
}
