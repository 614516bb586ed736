/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The driver: who reads the devices and runs the timers.
 *
 * THEORY OF OPERATION
 *
 * A thread that has to wait drives the stack itself: it becomes the *leader*,
 * sleeps in poll(2) on the devices, reads what comes, and goes on with its own
 * work as soon as its condition holds.  A request-response thread so costs no
 * wake-up but the device's own.  Threads that wait while there is a leader are
 * *followers* and sleep on a futex until the leader's work wakes them; when a
 * leader leaves, the first follower is made to lead.
 *
 * When nobody waits, the *background* thread drives.  It takes over only after
 * a grace period without a leader, so that a thread that leaves a wait to do a
 * little work, and waits again, never hands over:
 *
 *   polling   leads, asleep in poll(2) on the devices
 *   light     looks again after GRACE_NS whether someone leads, and less
 *             often the longer callers do; takes the lead when nobody did for
 *             a whole period
 *   deep      asleep without a limit, because the same leader has been there
 *             for a whole period; a leader that leaves without a follower
 *             wakes it, and it becomes light
 *
 * So a busy stack costs one wake-up per period, an idle one none at all.
 *
 * A caller takes the lead from the background without waking it: the thread
 * stays in poll(2) and finds, when the next frame comes, that it no longer
 * leads.  Two threads in poll(2) on the same devices do no harm, since only
 * the leader reads them, under the lock.
 *
 * Whoever sleeps in poll(2) has said until when (poll_until).  Work that makes
 * an earlier timer kicks it through an eventfd that is in every poll set.
 */
#include "stack/driver.h"

#include "netif/netif.h"
#include "port/doors.h"
#include "port/timers.h"
#include "stack/capture.h"
#include "stack/park.h"
#include "stack/stack.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define GRACE_NS     1000000U
#define GRACE_MAX_NS 8000000U
#define NS_PER_MS    1000000U

/* Frames read from a device before others get their turn. */
#define BUDGET    64
#define ALONE_MIN 8

/* When the stack's next timer is due, in ns. */
static uint64_t timer_next(void)
{
	uint64_t ms = skli_timers_next();

	return ms == UINT64_MAX ? SKLI_NEVER : ms * NS_PER_MS;
}

/* ---- The poll set ------------------------------------------------------ */

int skli_driver_watch(struct skl_stack *s, struct skli_netif *nif, int fd)
{
	struct skli_driver *d = &s->driver;

	if (d->fd_count == SKLI_DRIVER_FDS)
		return EMFILE;
	d->fds[d->fd_count] = (struct pollfd){.fd = fd, .events = POLLIN};
	d->netifs[d->fd_count++] = nif;
	skli_driver_kick(s);
	return 0;
}

static unsigned watch_find(const struct skli_driver *d,
			   const struct skli_netif *nif)
{
	unsigned i = 1;

	while (i < d->fd_count && d->netifs[i] != nif)
		i++;
	return i;
}

void skli_driver_unwatch(struct skl_stack *s, struct skli_netif *nif)
{
	struct skli_driver *d = &s->driver;
	unsigned i = watch_find(d, nif);

	if (i == d->fd_count)
		return;
	d->fd_count--;
	memmove(&d->fds[i], &d->fds[i + 1],
		(d->fd_count - i) * sizeof(d->fds[0]));
	memmove(&d->netifs[i], &d->netifs[i + 1],
		(d->fd_count - i) * sizeof(d->netifs[0]));
	skli_driver_kick(s);
}

void skli_driver_want_output(struct skl_stack *s, struct skli_netif *nif,
			     bool want)
{
	struct skli_driver *d = &s->driver;
	unsigned i = watch_find(d, nif);

	if (i == d->fd_count)
		return;
	d->fds[i].events = want ? POLLIN | POLLOUT : POLLIN;
	skli_driver_kick(s);
}

/* ---- Driving ----------------------------------------------------------- */

struct pass {
	struct skl_stack *stack;
	struct pollfd fds[SKLI_DRIVER_FDS]; /* as poll(2) left them */
	unsigned count;
};

/*
 * Reads a device.  Where frames have come one at a time for a while, as in
 * requests and responses, one is read and not asked for another, which saves
 * the system call that finds nothing; every 32nd time it is tried.
 */
static void device_read(struct skli_driver *d, struct skli_netif *nif)
{
	bool alone = d->alone >= ALONE_MIN && d->alone % 32;
	unsigned count = skli_netif_receive(nif, alone ? 1 : BUDGET);

	if (count == 1)
		d->alone++;
	else if (count)
		d->alone = 0;
}

/* Reads the devices that are ready, and those that no descriptor tells of. */
static int pass_receive(void *arg)
{
	struct pass *pass = arg;
	struct skl_stack *s = pass->stack;
	struct skli_netif *nif, *next;

	skli_timers_catch_up(skli_door_clock_ms());
	for (nif = s->netifs; nif; nif = next) {
		short revents = 0;

		next = nif->next;
		for (unsigned i = 1; i < pass->count; i++)
			if (pass->fds[i].fd == nif->fd)
				revents = pass->fds[i].revents;
		if (revents & POLLOUT)
			skli_netif_writable(nif);
		if (nif->fd < 0 || revents & ~POLLOUT)
			device_read(&s->driver, nif);
	}
	return 0;
}

/*
 * Sleeps in poll(2) until something is ready; the lock is released meanwhile.
 * Returns the count of ready descriptors or -1 with errno.
 */
static int pass_poll(struct pass *pass, struct skli_waiter *w, uint64_t until)
{
	struct skl_stack *s = pass->stack;
	unsigned devices = s->driver.fd_count;
	struct pollfd *fds = w->extra_count ? w->extra - devices : pass->fds;
	uint64_t now = skli_stack_clock(s);
	int n;

	memcpy(fds, s->driver.fds, devices * sizeof(fds[0]));
	w->poll_until = until;
	w->place = SKLI_DRIVING;
	pthread_mutex_unlock(&s->lock);
	n = skli_park_poll(fds, devices + w->extra_count,
			   until == SKLI_NEVER ? SKLI_NEVER
			   : until > now       ? until - now
					       : 0);
	pthread_mutex_lock(&s->lock);
	skli_stack_select(s);
	w->place = SKLI_RUNNING;
	s->driver.wakeups++;
	/*
	 * Not by a thread that lost the lead, which would eat the leader's
	 * kick; nor at the stack's end, when every thread must see it.
	 */
	if (n > 0 && fds[0].revents && s->driver.leader == w &&
	    s->state == SKLI_STACK_OPEN && !s->driver.stop)
		skli_park_drain(fds[0].fd);
	if (w->extra_count)
		memcpy(pass->fds, fds, devices * sizeof(fds[0]));
	pass->count = n > 0 ? devices : 0;
	for (unsigned i = 0; n > 0 && i < w->extra_count; i++)
		if (w->extra[i].revents)
			w->woken = true;
	return n;
}

static int flush_run(void *arg)
{
	skli_stack_flush(arg);
	return 0;
}

static int timers_run(void *arg)
{
	skli_stack_timers(arg);
	return 0;
}

/* Leads until woken, out of time, or no longer the leader. */
static int lead(struct skl_stack *s, struct skli_waiter *w, uint64_t deadline)
{
	struct skli_driver *d = &s->driver;
	struct pass pass = {.stack = s};

	d->leader = w;
	d->epoch++;
	while (d->leader == w && s->state == SKLI_STACK_OPEN && !d->stop) {
		uint64_t next;

		skli_stack_run(s, timers_run, s);
		skli_stack_run(s, flush_run, s);
		if (w->woken || s->state != SKLI_STACK_OPEN)
			break;
		if (deadline != SKLI_NEVER && skli_stack_clock(s) >= deadline)
			return ETIMEDOUT;
		next = timer_next();
		skli_capture_flush(s);
		if (pass_poll(&pass, w, next < deadline ? next : deadline) <
			    0 &&
		    errno == EINTR)
			return EINTR;
		if (d->leader == w && pass.count)
			skli_stack_run(s, pass_receive, &pass);
	}
	return 0;
}

static void follower_remove(struct skli_driver *d, struct skli_waiter *w)
{
	struct skli_waiter **at = &d->followers;

	while (*at && *at != w)
		at = &(*at)->next;
	if (*at)
		*at = w->next;
}

static void follower_add(struct skli_driver *d, struct skli_waiter *w)
{
	struct skli_waiter **at = &d->followers;

	while (*at)
		at = &(*at)->next;
	w->next = NULL;
	*at = w;
}

static void follower_wake(struct skli_waiter *w)
{
	if (w->place == SKLI_APART)
		skli_park_signal(w->eventfd);
	else
		skli_park_wake(&w->futex);
}

/* Ends w's leadership: to a follower, or to nobody. */
static void resign(struct skl_stack *s, const struct skli_waiter *w)
{
	struct skli_driver *d = &s->driver;

	if (d->leader != w)
		return;
	d->leader = NULL;
	d->epoch++;
	if (d->followers) {
		follower_wake(d->followers);
	} else if (d->deep) {
		d->deep = false;
		skli_park_wake(&d->background.futex);
	}
	skli_driver_update(s);
}

static uint64_t time_left(const struct skl_stack *s, uint64_t deadline)
{
	uint64_t now;

	if (deadline == SKLI_NEVER)
		return SKLI_NEVER;
	now = skli_stack_clock(s);
	return deadline > now ? deadline - now : 0;
}

/* Sleeps until woken, out of time, or asked to lead. */
static int follow(struct skl_stack *s, struct skli_waiter *w, uint64_t deadline)
{
	uint64_t ns = time_left(s, deadline);
	int error;

	if (!ns)
		return ETIMEDOUT;
	/* The leader may sleep for long: what we have queued goes out now. */
	if (s->dirty || s->lost)
		skli_stack_run(s, flush_run, s);
	skli_driver_update(s);
	if (w->woken || s->state != SKLI_STACK_OPEN)
		return 0;
	w->futex = 0;
	if (w->extra_count) {
		error = skli_waiter_apart(w);
		if (error)
			return error;
	} else {
		w->place = SKLI_FOLLOWING;
	}
	follower_add(&s->driver, w);
	pthread_mutex_unlock(&s->lock);
	error = w->extra_count ? skli_wait_apart(w, ns)
			       : skli_park(&w->futex, ns);
	pthread_mutex_lock(&s->lock);
	skli_stack_select(s);
	follower_remove(&s->driver, w);
	w->place = SKLI_RUNNING;
	return error == ETIMEDOUT && w->woken ? 0 : error;
}

int skli_wait(struct skl_stack *s, struct skli_waiter *w, uint64_t deadline)
{
	struct skli_driver *d = &s->driver;
	int error = 0;

	while (!error && !w->woken && s->state == SKLI_STACK_OPEN && !d->stop) {
		if (d->leader && d->leader != &d->background)
			error = follow(s, w, deadline);
		else
			error = lead(s, w, deadline);
	}
	resign(s, w);
	/* Asked to lead at the very moment in which the wait ended. */
	if (!d->leader && d->followers)
		follower_wake(d->followers);
	if (s->state != SKLI_STACK_OPEN || d->stop)
		return ENETDOWN;
	return w->woken ? 0 : error;
}

int skli_waiter_apart(struct skli_waiter *w)
{
	w->eventfd = skli_park_own();
	if (w->eventfd < 0)
		return errno;
	skli_park_drain(w->eventfd);
	w->place = SKLI_APART;
	return 0;
}

int skli_wait_apart(struct skli_waiter *w, uint64_t ns)
{
	struct pollfd alone, *fds = w->extra_count ? w->extra - 1 : &alone;
	int n;

	*fds = (struct pollfd){.fd = w->eventfd, .events = POLLIN};
	n = skli_park_poll(fds, w->extra_count + 1, w->woken ? 0 : ns);
	if (n < 0)
		return errno;
	for (unsigned i = 0; i < w->extra_count; i++)
		if (w->extra[i].revents)
			w->woken = true;
	return n || w->woken ? 0 : ETIMEDOUT;
}

void skli_pump(struct skl_stack *s)
{
	struct skli_driver *d = &s->driver;
	struct pass pass = {.stack = s};

	if (d->leader && d->leader != &d->background)
		return;
	memcpy(pass.fds, d->fds, d->fd_count * sizeof(d->fds[0]));
	pass.count = d->fd_count;
	for (unsigned i = 1; i < pass.count; i++)
		pass.fds[i].revents = POLLIN;
	skli_stack_run(s, pass_receive, &pass);
	skli_stack_run(s, flush_run, s);
}

void skli_driver_update(struct skl_stack *s)
{
	struct skli_driver *d = &s->driver;
	struct skli_waiter *w = d->leader ? d->leader : &d->background;

	if (w->place == SKLI_DRIVING && timer_next() < w->poll_until) {
		w->poll_until = 0; /* one kick is enough */
		skli_driver_kick(s);
	}
}

void skli_driver_kick(struct skl_stack *s)
{
	skli_park_signal(s->driver.kick);
}

/* ---- The background thread --------------------------------------------- */

/* How long to sleep lightly: twice as long each time that callers lead. */
static uint64_t grace_next(struct skli_driver *d)
{
	uint64_t ns = d->grace;

	d->grace = ns * 2 < GRACE_MAX_NS ? ns * 2 : GRACE_MAX_NS;
	return ns;
}

/* One look at who leads, and the sleep that follows from it. */
static void background_step(struct skl_stack *s, uint64_t *seen)
{
	struct skli_driver *d = &s->driver;
	struct skli_waiter *w = &d->background;
	bool quiet = *seen == d->epoch;
	uint64_t ns;

	if (!d->leader && quiet) {
		w->woken = false;
		d->grace = GRACE_NS;
		lead(s, w, SKLI_NEVER);
		resign(s, w);
		*seen = d->epoch - 1;
		return;
	}
	*seen = d->epoch;
	d->deep = d->leader && quiet;
	ns = d->deep ? SKLI_NEVER : grace_next(d);
	w->futex = 0;
	w->place = SKLI_FOLLOWING;
	pthread_mutex_unlock(&s->lock);
	skli_park(&w->futex, ns);
	pthread_mutex_lock(&s->lock);
	skli_stack_select(s);
	w->place = SKLI_RUNNING;
	d->deep = false;
	d->wakeups++;
}

static void *background(void *arg)
{
	struct skl_stack *s = arg;
	uint64_t seen;

	pthread_mutex_lock(&s->lock);
	skli_stack_select(s);
	seen = s->driver.epoch;
	while (!s->driver.stop) {
		/* A failed stack has nothing to drive: wait for its end. */
		if (s->state == SKLI_STACK_FAILED) {
			s->driver.background.futex = 0;
			pthread_mutex_unlock(&s->lock);
			skli_park(&s->driver.background.futex, SKLI_NEVER);
			pthread_mutex_lock(&s->lock);
			continue;
		}
		background_step(s, &seen);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* Signals are for the application's threads: they end their waits. */
static int background_create(struct skl_stack *s)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&s->driver.thread, NULL, background, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

int skli_driver_start(struct skl_stack *s)
{
	struct skli_driver *d = &s->driver;
	int error;

	d->kick = skli_park_open();
	if (d->kick < 0)
		return errno;
	d->grace = GRACE_NS;
	d->fds[0] = (struct pollfd){.fd = d->kick, .events = POLLIN};
	d->fd_count = 1;
	error = background_create(s);
	if (error)
		close(d->kick);
	d->started = !error;
	return error;
}

void skli_driver_wake(struct skl_stack *s)
{
	struct skli_driver *d = &s->driver;

	for (struct skli_waiter *w = d->followers; w; w = w->next)
		follower_wake(w);
	skli_park_wake(&d->background.futex);
	skli_park_signal(d->kick);
}

void skli_driver_stop(struct skl_stack *s)
{
	struct skli_driver *d = &s->driver;

	if (!d->started)
		return;
	d->stop = true;
	skli_driver_wake(s);
	pthread_mutex_unlock(&s->lock);
	pthread_join(d->thread, NULL);
	pthread_mutex_lock(&s->lock);
	d->started = false;
}

void skli_driver_abandon(struct skl_stack *s)
{
	close(s->driver.kick);
}
