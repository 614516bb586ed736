/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Wires: a cable in memory between two stacks of this process.
 *
 * THEORY OF OPERATION
 *
 * Two interfaces that name the same wire are its ends.  Each has a queue that
 * the other fills; frames cross whole, as offloads left them.  A frame is
 * copied twice: into memory of the process by the sender, since the memory of
 * a stack (stack/arena.h) can't belong to another, and into its own memory by
 * the receiver.
 *
 * No thread ever holds the locks of both stacks.  A sender has its own stack's
 * lock and takes the wire's mutex to queue a frame; the queue's first frame
 * kicks the driver of the receiver, which takes the whole queue at once.  An
 * end is taken off its wire under that mutex, so that a peer is either there,
 * with its driver, or gone.
 *
 * Locks, in this order: a stack's, the table's, a wire's.
 */
#include "netif/netif.h"

#include "stack/error.h"
#include "stack/stack.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What waits at an end at most; past it frames are dropped. */
#define QUEUE_FRAMES 4096
#define QUEUE_BYTES  (8 * 1024 * 1024)

struct packet {
	struct packet *next;
	struct skli_offload off;
	uint32_t len;
	uint8_t data[];
};

struct wire_end {
	struct wire *wire;
	struct skl_stack *stack;
	/* Under the wire's mutex: what the peer has sent. */
	struct packet *first, **last;
	unsigned frames;
	size_t bytes;
	/* Under the stack's lock: what was taken from there. */
	struct packet *taken;
};

struct wire {
	struct wire *next;
	pthread_mutex_t lock;
	struct wire_end *ends[2]; /* changed under both locks */
	char name[];
};

static struct {
	pthread_mutex_t lock;
	struct wire *wires;
	struct wire *forgotten; /* of the parent process */
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- The table --------------------------------------------------------- */

/*
 * In a child after fork(): its stacks are the parent's, so are the wires, and
 * another thread may have held the lock.
 */
static void table_forget(void)
{
	pthread_mutex_init(&table.lock, NULL);
	table.forgotten = table.wires;
	table.wires = NULL;
}

static void fork_watch(void)
{
	pthread_atfork(NULL, NULL, table_forget);
}

static struct wire *wire_make(const char *name)
{
	size_t size = strlen(name) + 1;
	struct wire *wire = calloc(1, sizeof(*wire) + size);

	if (!wire)
		return NULL;
	pthread_mutex_init(&wire->lock, NULL);
	memcpy(wire->name, name, size);
	wire->next = table.wires;
	table.wires = wire;
	return wire;
}

/* The wire of that name, made if there is none; NULL: no memory. */
static struct wire *wire_reach(const char *name)
{
	struct wire *wire = table.wires;

	while (wire && strcmp(wire->name, name))
		wire = wire->next;
	return wire ? wire : wire_make(name);
}

static void wire_release(struct wire *wire)
{
	struct wire **at = &table.wires;

	if (wire->ends[0] || wire->ends[1])
		return;
	while (*at != wire)
		at = &(*at)->next;
	*at = wire->next;
	pthread_mutex_destroy(&wire->lock);
	free(wire);
}

/* ---- Ends -------------------------------------------------------------- */

static void packets_free(struct packet *p)
{
	while (p) {
		struct packet *next = p->next;

		free(p);
		p = next;
	}
}

/* 0, EBUSY or ENOMEM. */
static int end_attach(struct wire_end *end, const char *name)
{
	struct wire *wire;
	int error = EBUSY;

	pthread_mutex_lock(&table.lock);
	wire = wire_reach(name);
	if (!wire) {
		pthread_mutex_unlock(&table.lock);
		return ENOMEM;
	}
	pthread_mutex_lock(&wire->lock);
	for (int i = 0; error && i < 2; i++) {
		if (wire->ends[i])
			continue;
		wire->ends[i] = end;
		end->wire = wire;
		error = 0;
	}
	pthread_mutex_unlock(&wire->lock);
	pthread_mutex_unlock(&table.lock);
	return error;
}

static void end_detach(struct wire_end *end)
{
	struct wire *wire = end->wire;

	pthread_mutex_lock(&table.lock);
	pthread_mutex_lock(&wire->lock);
	wire->ends[wire->ends[1] == end] = NULL;
	pthread_mutex_unlock(&wire->lock);
	wire_release(wire);
	pthread_mutex_unlock(&table.lock);
}

static int wire_open(struct skli_netif *nif, const char *name)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct skli_arena *arena = &nif->stack->arena;
	struct wire_end *end;
	int error;

	if (!*name)
		return skli_fail_text(EINVAL,
				      "'wire:': a name is needed, "
				      "which two stacks have in common");
	end = skli_arena_calloc(arena, 1, sizeof(*end));
	if (!end)
		return skli_fail(ENOMEM);
	end->stack = nif->stack;
	end->last = &end->first;
	pthread_once(&once, fork_watch);
	error = end_attach(end, name);
	if (error) {
		skli_arena_free(arena, end);
		return error != EBUSY
			       ? skli_fail(error)
			       : skli_fail_text(error,
						"wire %s joins two stacks "
						"already; choose another name",
						name);
	}
	nif->data = end;
	if (!skli_netif_find(nif->stack, name))
		snprintf(nif->name, sizeof(nif->name), "%s", name);
	return 0;
}

/* Calls nothing of lwIP, so that it serves a failed stack too. */
static void wire_close(struct skli_netif *nif)
{
	struct wire_end *end = nif->data;

	end_detach(end);
	packets_free(end->first);
	packets_free(end->taken);
	skli_arena_free(&nif->stack->arena, end);
}

/* ---- Frames ------------------------------------------------------------ */

static struct packet *packet_make(const struct skli_frame *f)
{
	struct packet *p = malloc(sizeof(*p) + f->len);
	uint8_t *to;

	if (!p)
		return NULL;
	p->next = NULL;
	p->off = f->off;
	p->len = (uint32_t)f->len;
	to = p->data;
	for (int i = 0; i < f->iovcnt; i++) {
		memcpy(to, f->iov[i].iov_base, f->iov[i].iov_len);
		to += f->iov[i].iov_len;
	}
	return p;
}

/* Under the wire's mutex: 0, or EAGAIN where there is no room. */
static int packet_queue(struct wire_end *to, struct packet *p)
{
	if (to->frames == QUEUE_FRAMES || to->bytes + p->len > QUEUE_BYTES)
		return EAGAIN;
	*to->last = p;
	to->last = &p->next;
	to->frames++;
	to->bytes += p->len;
	if (to->frames == 1)
		skli_driver_kick(to->stack);
	return 0;
}

static int wire_send(struct skli_netif *nif, const struct skli_frame *f)
{
	struct wire_end *end = nif->data, *peer;
	struct wire *wire = end->wire;
	struct packet *p;
	int error = EAGAIN;

	if (f->len > UINT16_MAX)
		return EAGAIN;
	p = packet_make(f);
	if (!p)
		return EAGAIN;
	pthread_mutex_lock(&wire->lock);
	peer = wire->ends[wire->ends[0] == end];
	if (peer)
		error = packet_queue(peer, p);
	pthread_mutex_unlock(&wire->lock);
	if (error)
		free(p);
	return error;
}

/* All that the peer has sent. */
static struct packet *packets_take(struct wire_end *end)
{
	struct packet *first;

	pthread_mutex_lock(&end->wire->lock);
	first = end->first;
	end->first = NULL;
	end->last = &end->first;
	end->frames = 0;
	end->bytes = 0;
	pthread_mutex_unlock(&end->wire->lock);
	return first;
}

static void frame_input(struct skli_netif *nif, const struct iovec *iov,
			int iovcnt, size_t len, const struct skli_offload *off)
{
	struct pbuf *p = pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_RAM);
	uint8_t *to;

	if (!p) {
		nif->counters.rx_dropped++;
		return;
	}
	to = p->payload;
	for (int i = 0; i < iovcnt; i++) {
		memcpy(to, iov[i].iov_base, iov[i].iov_len);
		to += iov[i].iov_len;
	}
	p->off = *off;
	skli_netif_input(nif, p);
}

static void finished_input(void *arg, const struct iovec *iov, int iovcnt,
			   size_t len)
{
	static const struct skli_offload none;

	frame_input(arg, iov, iovcnt, len, &none);
}

static void packet_input(struct skli_netif *nif, struct packet *p)
{
	struct iovec iov = {p->data, p->len};
	struct skli_frame f = {&iov, 1, p->len, p->off};

	/* The peer may offload where this end was told to do without. */
	if (nif->offload)
		frame_input(nif, &iov, 1, p->len, &p->off);
	else if (skli_frame_finish(&f, finished_input, nif) < 0)
		nif->counters.rx_dropped++;
}

static int wire_receive(struct skli_netif *nif, unsigned budget)
{
	struct wire_end *end = nif->data;
	unsigned count = 0;

	while (count < budget) {
		struct packet *p;

		if (!end->taken)
			end->taken = packets_take(end);
		p = end->taken;
		if (!p)
			break;
		/* Stays linked meanwhile, in case lwIP asserts. */
		packet_input(nif, p);
		end->taken = p->next;
		free(p);
		count++;
	}
	/* More may wait, here or in the queue, whose kick is past by now. */
	if (count == budget)
		skli_driver_kick(nif->stack);
	return (int)count;
}

const struct skli_device skli_device_wire = {
	.name = "wire",
	.open = wire_open,
	.close = wire_close,
	.close_alone = true,
	.send = wire_send,
	.receive = wire_receive,
};
