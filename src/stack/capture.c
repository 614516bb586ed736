/* SPDX-License-Identifier: BSD-3-Clause */
/* Captures, see stack/capture.h. */
#include "stack/capture.h"

#include "netif/netif.h"
#include "stack/stack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One file, with as many users as interfaces write to it. */
struct file {
	struct skli_pcapng *writer;
	char *path;
	unsigned users;
};

struct skli_capture {
	struct file *file;
	const struct skl_stack *stack;
	int interface; /* its number in the file */
	unsigned snaplen;
};

/* A frame on its way through skli_frame_finish(). */
struct record {
	const struct skli_capture *capture;
	uint64_t time;
	enum skli_pcapng_direction direction;
};

static void record_write(void *arg, const struct iovec *iov, int iovcnt,
			 size_t len)
{
	const struct record *r = arg;
	const struct skli_capture *c = r->capture;

	/* A full disk ends the capture, not the traffic. */
	(void)skli_pcapng_packet(c->file->writer, c->interface, r->time, iov,
				 iovcnt, len, c->snaplen, r->direction, NULL);
}

/* A frame that can't be finished is shown as it came. */
static void raw_write(const struct record *r, const struct skli_frame *f)
{
	const struct skli_capture *c = r->capture;

	(void)skli_pcapng_packet(c->file->writer, c->interface, r->time, f->iov,
				 f->iovcnt, f->len, c->snaplen, r->direction,
				 "malformed: headers or lengths do not fit");
}

void skli_capture_frame(struct skli_capture *c, const struct skli_frame *f,
			enum skli_pcapng_direction direction)
{
	const struct skli_env *env = c->stack->env;
	struct record r = {c, env->wall(env), direction};
	size_t frames = f->off.gso_size ? 1 + f->len / f->off.gso_size : 1;

	if (skli_pcapng_full(c->file->writer))
		skli_pcapng_drop(c->file->writer, c->interface, frames);
	else if (skli_frame_finish(f, record_write, &r) < 0)
		raw_write(&r, f);
}

/* The file that another interface of the stack already writes, or NULL. */
static struct file *file_find(const struct skl_stack *s, const char *path)
{
	for (struct skli_netif *n = s->netifs; n; n = n->next)
		if (n->capture && !strcmp(n->capture->file->path, path))
			return n->capture->file;
	return NULL;
}

static struct file *file_open(const char *path, uint64_t limit, int *error)
{
	struct file *file = calloc(1, sizeof(*file));

	*error = ENOMEM;
	if (!file)
		return NULL;
	file->path = strdup(path);
	if (file->path)
		file->writer = skli_pcapng_open(path, error);
	if (!file->writer) {
		free(file->path);
		free(file);
		return NULL;
	}
	skli_pcapng_limit(file->writer, limit);
	return file;
}

static void file_release(struct file *file)
{
	if (--file->users)
		return;
	(void)skli_pcapng_close(file->writer);
	free(file->path);
	free(file);
}

static int capture_make(struct skli_netif *nif, struct file *file,
			unsigned snaplen)
{
	struct skli_capture *c = calloc(1, sizeof(*c));

	file->users++;
	if (c)
		c->interface =
			skli_pcapng_interface(file->writer, nif->name, 0);
	if (!c || c->interface < 0) {
		free(c);
		file_release(file);
		return ENOMEM;
	}
	c->file = file;
	c->stack = nif->stack;
	c->snaplen = snaplen;
	nif->capture = c;
	return 0;
}

void skli_capture_flush(const struct skl_stack *s)
{
	for (struct skli_netif *n = s->netifs; n; n = n->next)
		if (n->capture)
			(void)skli_pcapng_flush(n->capture->file->writer);
}

int skli_capture_start(struct skli_netif *nif, const char *path,
		       unsigned snaplen, uint64_t limit)
{
	struct file *file;
	int error;

	if (nif->capture && !strcmp(nif->capture->file->path, path)) {
		nif->capture->snaplen = snaplen;
		skli_pcapng_limit(nif->capture->file->writer, limit);
		return 0;
	}
	skli_capture_stop(nif);
	file = file_find(nif->stack, path);
	if (!file)
		file = file_open(path, limit, &error);
	if (!file)
		return error;
	return capture_make(nif, file, snaplen);
}

void skli_capture_stop(struct skli_netif *nif)
{
	skli_capture_release(nif->capture);
	nif->capture = NULL;
}

void skli_capture_release(struct skli_capture *c)
{
	if (!c)
		return;
	file_release(c->file);
	free(c);
}
