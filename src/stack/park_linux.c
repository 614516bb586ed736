/* SPDX-License-Identifier: BSD-3-Clause */
/* Sleeping and waking on Linux, see stack/park.h. */
#include "stack/park.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct timespec *span(uint64_t ns, struct timespec *t)
{
	if (ns == UINT64_MAX)
		return NULL;
	t->tv_sec = (time_t)(ns / 1000000000U);
	t->tv_nsec = (long)(ns % 1000000000U);
	return t;
}

int skli_park(_Atomic uint32_t *word, uint64_t ns)
{
	struct timespec t;

	if (syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, 0, span(ns, &t), NULL,
		    0) == 0 ||
	    errno == EAGAIN)
		return 0;
	return errno;
}

void skli_park_wake(_Atomic uint32_t *word)
{
	atomic_store(word, 1);
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

int skli_park_open(void)
{
	return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

void skli_park_signal(int fd)
{
	uint64_t one = 1;
	ssize_t n = write(fd, &one, sizeof(one));

	(void)n; /* EAGAIN: it is signalled 2^64 times already */
}

void skli_park_drain(int fd)
{
	uint64_t count;
	ssize_t n = read(fd, &count, sizeof(count));

	(void)n; /* EAGAIN: another thread has drained it */
}

static pthread_once_t own_once = PTHREAD_ONCE_INIT;
static pthread_key_t own_key;
static __thread int own_fd = -1;

static void own_close(void *arg)
{
	close((int)(intptr_t)arg - 1);
}

static void own_init(void)
{
	pthread_key_create(&own_key, own_close);
}

int skli_park_own(void)
{
	if (own_fd >= 0)
		return own_fd;
	pthread_once(&own_once, own_init);
	own_fd = skli_park_open();
	/* The key's value, which must not be NULL, closes it with the thread.
	 */
	if (own_fd >= 0)
		pthread_setspecific(own_key, (void *)(intptr_t)(own_fd + 1));
	return own_fd;
}

int skli_park_poll(struct pollfd *fds, unsigned count, uint64_t ns)
{
	struct timespec t;

	return ppoll(fds, count, span(ns, &t), NULL);
}
