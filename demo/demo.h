/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the demo share: the scene, which each of the three ways
 * (tap.c, passt.c, wire.c) sets in its own manner, and the acts, which are the
 * same in all of them.
 */
#ifndef DEMO_DEMO_H
#define DEMO_DEMO_H

#include <sockling/stack.h>

#include <stdbool.h>
#include <stddef.h>

/* Where the capture goes: the current folder. */
#define CAPTURE_FILE "demo.pcapng"

/* The bytes of a transfer: 1 GB, unless the command line says else. */
extern double transfer_bytes;

/* For how long a transfer may last. */
#define TRANSFER_SECONDS 40.0

/* For how long anything else may last. */
#define PATIENCE 10.0

/* What became of an attempt; the exit status of its process. */
enum outcome {
	DONE,
	FAILED,
	REFUSED, /* by the system: another way may be open */
};

/* What the system refused, why, and the line that would allow it. */
struct refusal {
	char what[96];
	char why[160];
	char line[160];
};

enum {
	IPV4,
	IPV6,
	FAMILIES
};

/* Where something listens; port 0: nowhere. */
struct place {
	char host[48];
	int port;
};

/* How a fetch over HTTP went. */
struct visit {
	bool done;
	int status;
	size_t bytes;
	double seconds;
	char head[512]; /* status line and header, a line each */
};

struct transfer {
	double bytes;
	double seconds;
};

struct scene {
	skl_stack *stack;
	const char *device; /* what the stack runs on, in words */
	const char *peer;   /* who is at the other end, in words */
	const char *visitor;
	struct place page[FAMILIES]; /* our web server, as the peer sees it */
	struct place web[FAMILIES];  /* the peer's web server */
	struct place sink, source;   /* the peer's ends of the transfers */
	/* The peer's client fetches our page; prints what it does. */
	int (*visit)(struct scene *scene, const struct place *page,
		     struct visit *result);
	struct visit served[FAMILIES];
	struct visit fetched[FAMILIES];
	struct transfer out, in;
	bool captured;
	uint64_t capture_size; /* the file's, at most */
};

/*
 * The ways: each opens the stack and a peer for it, and prints what it made.
 * DONE, REFUSED (with the reason) or FAILED (it has been said why).
 */
enum outcome tap_open(struct scene *scene, struct refusal *refusal);
enum outcome passt_open(struct scene *scene, struct refusal *refusal);
enum outcome wire_open(struct scene *scene, struct refusal *refusal);

/* The last screen. refusals: of the ways that were tried before. */
void report_print(const struct scene *scene, const struct refusal *refusals,
		  unsigned count);

#endif
