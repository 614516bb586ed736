/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stacks: opening, closing, entering, and what becomes of them when lwIP
 * asserts or the process forks.
 */
#include "stack/stack.h"

#include "netif/netif.h"
#include "port/doors.h"
#include "port/perstack.h"
#include "port/timers.h"
#include "stack/capture.h"
#include "stack/config.h"
#include "stack/error.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VERSION "0.1.0"

__thread struct skl_stack *skli_current;

/* The open stacks; the list's lock is taken before a stack's. */
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct skl_stack *list;

/*
 * Closed stacks, for the next to be opened.  They are never freed, so that a
 * stale handle may look at its stack's lock (api/handle.c).
 */
static struct skl_stack *retired;

/* The default stack, opened at its first use. */
static pthread_mutex_t default_lock = PTHREAD_MUTEX_INITIALIZER;
static struct skl_stack *default_stack;
static __thread struct skl_stack *thread_stack;

const char *skl_version(void)
{
	return VERSION;
}

/* ---- The doors of the port --------------------------------------------- */

uint64_t skli_door_clock_ms(void)
{
	return skli_stack_clock(skli_current) / 1000000U;
}

uint32_t skli_door_random(void)
{
	return skli_random_u32(&skli_current->random);
}

void *skli_door_malloc(size_t n)
{
	return skli_arena_alloc(&skli_current->arena, n);
}

void *skli_door_calloc(size_t n, size_t m)
{
	return skli_arena_calloc(&skli_current->arena, n, m);
}

void skli_door_free(void *p)
{
	skli_arena_free(&skli_current->arena, p);
}

void skli_door_assert(const char *what, const char *file, int line)
{
	struct skl_stack *s = skli_current;
	const char *base = strrchr(file, '/');

	s->state = SKLI_STACK_FAILED;
	snprintf(s->failure, sizeof(s->failure), "%s (%s:%d)", what,
		 base ? base + 1 : file, line);
	longjmp(*s->unwind, 1);
}

/* ---- Entering and leaving ---------------------------------------------- */

uint64_t skli_stack_clock(const struct skl_stack *s)
{
	return s->env->clock(s->env);
}

uint64_t skli_stack_deadline(const struct skl_stack *s, double seconds)
{
	uint64_t now;

	if (!(seconds >= 0) || seconds > 1e9)
		return SKLI_NEVER;
	now = skli_stack_clock(s);
	return now + (uint64_t)(seconds * 1e9);
}

void skli_stack_select(struct skl_stack *s)
{
	skli_current = s;
	skli_ps_select(s->image);
}

int skli_stack_refuse(const struct skl_stack *s)
{
	if (s->state == SKLI_STACK_FAILED)
		return skli_fail_text(ENETDOWN,
				      "the stack has failed: assertion %s; "
				      "close it and open another",
				      s->failure);
	if (s->state == SKLI_STACK_FORKED)
		return skli_fail_text(
			ENETDOWN, "the stack belongs to the parent process; "
				  "open one after fork()");
	return skli_fail_text(ENETDOWN, "the stack is closed");
}

int skli_stack_enter(struct skl_stack *s)
{
	pthread_mutex_lock(&s->lock);
	if (s->state != SKLI_STACK_OPEN) {
		skli_stack_refuse(s);
		pthread_mutex_unlock(&s->lock);
		return -1;
	}
	skli_stack_select(s);
	skli_timers_catch_up(skli_door_clock_ms());
	return 0;
}

static int flush_run(void *arg)
{
	skli_stack_flush(arg);
	return 0;
}

void skli_stack_leave(struct skl_stack *s)
{
	int saved = errno;

	if ((s->dirty || s->lost) && s->state == SKLI_STACK_OPEN)
		skli_stack_run(s, flush_run, s);
	skli_driver_update(s);
	pthread_mutex_unlock(&s->lock);
	errno = saved;
}

int skli_stack_run(struct skl_stack *s, int (*fn)(void *arg), void *arg)
{
	jmp_buf here, *outer = s->unwind;
	int result;

	if (s->state == SKLI_STACK_FAILED)
		return skli_stack_refuse(s);
	if (_setjmp(here)) {
		s->unwind = outer;
		skli_hook_stack_wake(s);
		skli_driver_wake(s);
		return skli_stack_refuse(s);
	}
	s->unwind = &here;
	result = fn(arg);
	s->unwind = outer;
	return result;
}

void skli_stack_flush(struct skl_stack *s)
{
	struct skli_netif *nif;

	do {
		while ((nif = s->dirty)) {
			s->dirty = nif->dirty_next;
			nif->dirty = false;
			skli_netif_flush(nif);
		}
	} while (skli_loop_deliver(s->netifs) || skli_netif_bury(s));
}

void skli_stack_timers(struct skl_stack *s)
{
	uint64_t next = skli_timers_next();
	uint64_t now;

	if (next == UINT64_MAX)
		return;
	now = skli_stack_clock(s) / 1000000U;
	if (now >= next)
		skli_timers_run(now);
}

/* ---- Fork -------------------------------------------------------------- */

static void fork_prepare(void)
{
	pthread_mutex_lock(&default_lock);
	pthread_mutex_lock(&list_lock);
	for (struct skl_stack *s = list; s; s = s->next)
		pthread_mutex_lock(&s->lock);
}

static void fork_parent(void)
{
	for (struct skl_stack *s = list; s; s = s->next)
		pthread_mutex_unlock(&s->lock);
	pthread_mutex_unlock(&list_lock);
	pthread_mutex_unlock(&default_lock);
}

/* The child has no stack and holds no device open. */
static void fork_child(void)
{
	for (struct skl_stack *s = list; s; s = s->next) {
		for (struct skli_netif *n = s->netifs; n; n = n->next)
			if (n->fd >= 0)
				close(n->fd);
		skli_driver_abandon(s);
		s->state = SKLI_STACK_FORKED;
		pthread_mutex_unlock(&s->lock);
	}
	list = NULL;
	default_stack = NULL;
	thread_stack = NULL;
	pthread_mutex_unlock(&list_lock);
	pthread_mutex_unlock(&default_lock);
}

static void fork_watch(void)
{
	pthread_atfork(fork_prepare, fork_parent, fork_child);
}

/* ---- Opening and closing ----------------------------------------------- */

/* A struct that was in use before, or a new one. */
static struct skl_stack *struct_take(void)
{
	struct skl_stack *s;

	pthread_mutex_lock(&list_lock);
	s = retired;
	if (s)
		retired = s->next;
	pthread_mutex_unlock(&list_lock);
	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->unused, NULL);
	return s;
}

/* Forgets everything but the lock, which a late caller may yet take. */
static void struct_retire(struct skl_stack *s)
{
	size_t kept = offsetof(struct skl_stack, state);

	memset((char *)s + kept, 0, sizeof(*s) - kept);
	s->state = SKLI_STACK_CLOSING;
	pthread_mutex_unlock(&s->lock);
	pthread_mutex_lock(&list_lock);
	s->next = retired;
	retired = s;
	pthread_mutex_unlock(&list_lock);
}

/* Returned locked: nobody gets in before it is open. */
static struct skl_stack *stack_alloc(void)
{
	struct skl_stack *s = struct_take();

	if (!s)
		return NULL;
	pthread_mutex_lock(&s->lock);
	s->image = aligned_alloc(64, (skli_ps_size() + 63) & ~(size_t)63);
	if (!s->image) {
		struct_retire(s);
		return NULL;
	}
	skli_ps_init(s->image);
	s->next = NULL;
	s->state = SKLI_STACK_OPEN;
	s->env = &skli_env_real;
	skli_random_init(&s->random, s->env);
	return s;
}

static void stack_free(struct skl_stack *s)
{
	skli_arena_drop(&s->arena);
	free(s->image);
	struct_retire(s);
	skli_ps_select(NULL);
	skli_current = NULL;
}

static void list_add(struct skl_stack *s)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, fork_watch);
	pthread_mutex_lock(&list_lock);
	s->next = list;
	list = s;
	pthread_mutex_unlock(&list_lock);
}

static bool list_remove(struct skl_stack *s)
{
	struct skl_stack **at = &list;
	bool found;

	pthread_mutex_lock(&list_lock);
	while (*at && *at != s)
		at = &(*at)->next;
	found = *at;
	if (found)
		*at = s->next;
	pthread_mutex_unlock(&list_lock);
	return found;
}

struct opening {
	struct skl_stack *stack;
	const char *config;
};

static int open_run(void *arg)
{
	struct opening *o = arg;

	lwip_init();
	if (!skli_loop_open(o->stack))
		return skli_fail(ENOMEM);
	return skli_config_open(o->stack, o->config);
}

static int close_netifs(void *arg)
{
	struct skl_stack *s = arg;

	skli_stack_flush(s);
	while (s->netifs->next)
		skli_netif_close(s->netifs->next);
	return 0;
}

/*
 * What close_netifs() leaves: the loopback, and everything of a failed stack,
 * whose lwIP is not called again.
 */
static void close_rest(struct skl_stack *s)
{
	for (struct skli_netif *n = s->netifs; n; n = n->next) {
		skli_capture_stop(n);
		if (n->device && n->device->close_alone)
			n->device->close(n);
		else if (n->fd >= 0)
			close(n->fd);
	}
}

static void stack_end(struct skl_stack *s)
{
	bool failed = s->state == SKLI_STACK_FAILED;

	skli_hook_stack_end(s, !failed);
	if (!failed)
		skli_stack_run(s, close_netifs, s);
	close_rest(s);
}

skl_stack *skl_stack_open(const char *config)
{
	struct skl_stack *s = stack_alloc();
	struct opening o = {s, config ? config : ""};
	int error;

	if (!s) {
		skli_fail(ENOMEM);
		return NULL;
	}
	skli_stack_select(s);
	error = skli_driver_start(s);
	if (error) {
		skli_fail(error);
		stack_free(s);
		return NULL;
	}
	error = skli_stack_run(s, open_run, &o);
	if (error) {
		int saved = errno;

		skli_driver_stop(s);
		if (s->netifs)
			stack_end(s);
		close(s->driver.kick);
		stack_free(s);
		errno = saved;
		return NULL;
	}
	skli_stack_leave(s);
	list_add(s);
	return s;
}

/* Ends a stack that is in the list no more. */
static void stack_close(struct skl_stack *s)
{
	pthread_mutex_lock(&s->lock);
	skli_stack_select(s);
	if (s->state == SKLI_STACK_OPEN)
		s->state = SKLI_STACK_CLOSING;
	skli_driver_stop(s);
	skli_hook_stack_wake(s);
	while (s->users)
		pthread_cond_wait(&s->unused, &s->lock);
	skli_stack_select(s);
	stack_end(s);
	close(s->driver.kick);
	stack_free(s);
}

int skl_stack_close(skl_stack *s)
{
	if (!s || !list_remove(s))
		return skli_fail_text(EINVAL, "not an open stack");
	pthread_mutex_lock(&default_lock);
	if (default_stack == s)
		default_stack = NULL;
	pthread_mutex_unlock(&default_lock);
	if (thread_stack == s)
		thread_stack = NULL;
	stack_close(s);
	return 0;
}

/* ---- The current stack ------------------------------------------------- */

static void default_close(void)
{
	if (default_stack)
		skl_stack_close(default_stack);
}

/* From the environment: SOCKLING_STACK, SOCKLING_SEED, SOCKLING_PCAP. */
static struct skl_stack *default_open(void)
{
	const char *config = getenv("SOCKLING_STACK");
	const char *seed = getenv("SOCKLING_SEED");
	const char *pcap = getenv("SOCKLING_PCAP");
	struct skl_stack *s;
	char *words = NULL;

	if (asprintf(&words, "%s%s%s%s", seed ? "seed " : "", seed ? seed : "",
		     seed ? " ; " : "", config ? config : "") < 0) {
		skli_fail(ENOMEM);
		return NULL;
	}
	s = skl_stack_open(words);
	free(words);
	if (!s || !pcap)
		return s;
	/* A program that never closes its stack wants its capture whole. */
	atexit(default_close);
	if (skl_stack_capture(s, "", pcap, 0, 0)) {
		int saved = errno;

		list_remove(s);
		stack_close(s);
		errno = saved;
		return NULL;
	}
	return s;
}

skl_stack *skl_stack_current(void)
{
	struct skl_stack *s = thread_stack;

	if (s)
		return s;
	pthread_mutex_lock(&default_lock);
	if (!default_stack)
		default_stack = default_open();
	s = default_stack;
	pthread_mutex_unlock(&default_lock);
	return s;
}

void skl_stack_set_current(skl_stack *stack)
{
	thread_stack = stack;
}
