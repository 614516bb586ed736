/* SPDX-License-Identifier: BSD-3-Clause */
/* Detached descriptors, see api/fds.h.  There are few: a list. */
#include "api/fds.h"

#include "stack/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

struct detached {
	struct detached *next;
	struct skli_sock *sock;
	struct skl_stack *stack;
	double timeout;
	int fd;
};

/* Taken inside a stack's lock, and never the other way round. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct detached *list;

int skli_fds_put(int fd, struct skli_sock *k, double timeout)
{
	struct detached *d = malloc(sizeof(*d));

	if (!d)
		return ENOMEM;
	pthread_mutex_lock(&lock);
	*d = (struct detached){list, k, k->stack, timeout, fd};
	list = d;
	pthread_mutex_unlock(&lock);
	return 0;
}

/* Unlinks fd's entry, if it is of the stack; NULL: there is none. */
static struct detached *detached_unlink(int fd, const struct skl_stack *stack)
{
	struct detached **at = &list, *d;

	pthread_mutex_lock(&lock);
	while (*at && ((*at)->fd != fd || (*at)->stack != stack))
		at = &(*at)->next;
	d = *at;
	if (d)
		*at = d->next;
	pthread_mutex_unlock(&lock);
	return d;
}

static struct skl_stack *stack_of(int fd)
{
	struct skl_stack *stack = NULL;

	pthread_mutex_lock(&lock);
	for (struct detached *d = list; d && !stack; d = d->next)
		if (d->fd == fd)
			stack = d->stack;
	pthread_mutex_unlock(&lock);
	return stack;
}

int skli_fds_take(int fd, struct skli_sock **k, double *timeout)
{
	struct skl_stack *stack = stack_of(fd);
	struct detached *d;

	if (!stack)
		return skli_fail(fcntl(fd, F_GETFD) < 0 ? EBADF : ENOTSOCK);
	if (skli_stack_enter(stack))
		return -1;
	d = detached_unlink(fd, stack);
	if (!d) {
		skli_stack_leave(stack);
		return skli_fail(EBADF);
	}
	*k = d->sock;
	*timeout = d->timeout;
	free(d);
	return 0;
}

void skli_fds_forget(const struct skl_stack *s)
{
	struct detached **at = &list;

	pthread_mutex_lock(&lock);
	while (*at) {
		struct detached *d = *at;

		if (d->stack != s) {
			at = &d->next;
			continue;
		}
		*at = d->next;
		free(d);
	}
	pthread_mutex_unlock(&lock);
}
