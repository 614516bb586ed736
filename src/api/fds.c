/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Detached descriptors, see api/fds.h.  There are few: a list.
 *
 * Whoever closes one with close(2) leaves its number to somebody else, so the
 * inode is remembered with it.
 */
#include "api/fds.h"

#include "stack/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

struct detached {
	struct detached *next;
	struct skli_sock *sock;
	struct skl_stack *stack;
	double timeout;
	int fd;
	ino_t inode; /* sockets are all on one device */
};

/* Taken inside a stack's lock, and never the other way round. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct detached *list;

/* The inode of a socket's descriptor; 0: it is none. */
static ino_t socket_inode(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISSOCK(st.st_mode) ? st.st_ino : 0;
}

int skli_fds_put(int fd, struct skli_sock *k, double timeout)
{
	struct detached *d = malloc(sizeof(*d));

	if (!d)
		return ENOMEM;
	pthread_mutex_lock(&lock);
	*d = (struct detached){list,    k,  k->stack,
			       timeout, fd, socket_inode(fd)};
	list = d;
	pthread_mutex_unlock(&lock);
	return 0;
}

/* The entry of fd, if it is still the descriptor that was detached. */
static struct detached **detached_find(int fd, ino_t inode)
{
	struct detached **at = &list;

	while (*at && ((*at)->fd != fd || (*at)->inode != inode))
		at = &(*at)->next;
	return at;
}

/* Unlinks the entry, if it is of the stack; NULL: there is none. */
static struct detached *detached_unlink(int fd, ino_t inode,
					const struct skl_stack *stack)
{
	struct detached **at, *d;

	pthread_mutex_lock(&lock);
	at = detached_find(fd, inode);
	d = *at && (*at)->stack == stack ? *at : NULL;
	if (d)
		*at = d->next;
	pthread_mutex_unlock(&lock);
	return d;
}

static struct skl_stack *stack_of(int fd, ino_t inode)
{
	struct skl_stack *stack;
	const struct detached *d;

	pthread_mutex_lock(&lock);
	d = *detached_find(fd, inode);
	stack = d ? d->stack : NULL;
	pthread_mutex_unlock(&lock);
	return stack;
}

int skli_fds_take(int fd, struct skli_sock **k, double *timeout)
{
	ino_t inode = socket_inode(fd);
	struct skl_stack *stack = stack_of(fd, inode);
	struct detached *d;

	if (!stack)
		return skli_fail(fcntl(fd, F_GETFD) < 0 ? EBADF : ENOTSOCK);
	if (skli_stack_enter(stack))
		return -1;
	d = detached_unlink(fd, inode, stack);
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
