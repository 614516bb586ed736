/* SPDX-License-Identifier: BSD-3-Clause */
/* The ends of the transfers on a second stack: kernel.c, in our words. */
#include "ends.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define CHUNK (256 * 1024)

struct end {
	skl_stack *stack;
	skl_sock *listener;
	void (*serve)(skl_sock *s, char *chunk);
	char chunk[CHUNK];
};

static void sink_serve(skl_sock *s, char *chunk)
{
	unsigned long long total = 0;
	char text[32];
	ssize_t n;

	while ((n = skl_recv(s, chunk, CHUNK, 0)) > 0)
		total += (unsigned long long)n;
	n = snprintf(text, sizeof(text), "%llu\n", total);
	skl_sendall(s, text, (size_t)n, 0);
}

static void source_serve(skl_sock *s, char *chunk)
{
	double left = transfer_bytes;

	while (left > 0) {
		size_t size = left < CHUNK ? (size_t)left : CHUNK;
		ssize_t n = skl_send(s, chunk, size, 0);

		if (n <= 0)
			return;
		left -= (double)n;
	}
	skl_shutdown(s, SHUT_WR);
	skl_recv(s, chunk, 1, 0);
}

static void *end_run(void *arg)
{
	struct end *e = arg;
	skl_sock *s;

	skl_stack_set_current(e->stack);
	while ((s = skl_accept(e->listener, NULL))) {
		e->serve(s, e->chunk);
		skl_close(s);
	}
	skl_close(e->listener);
	free(e);
	return NULL;
}

static int end_start(skl_stack *stack, int port,
		     void (*serve)(skl_sock *, char *))
{
	struct end *e = calloc(1, sizeof(*e));
	pthread_t thread;

	if (!e)
		return -1;
	e->stack = stack;
	e->serve = serve;
	e->listener = skl_create_server(skl_inet("", port), NULL);
	if (!e->listener)
		goto release;
	if (pthread_create(&thread, NULL, end_run, e))
		goto close;
	pthread_detach(thread);
	return 0;

close:
	skl_close(e->listener);
release:
	free(e);
	return -1;
}

int ends_start(skl_stack *stack, int sink, int source)
{
	skl_stack_set_current(stack);
	if (end_start(stack, sink, sink_serve))
		return -1;
	return end_start(stack, source, source_serve);
}
