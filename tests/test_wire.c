/* SPDX-License-Identifier: BSD-3-Clause */
/* Wires: their ends, their queue, and stacks that come and go. */
#include "port/lwip.h"
#include "stack/stack.h"
#include "tests/suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What nothing here should take; a wait that long is a failure. */
#define PATIENCE 20.0

#define PORT 4000

#if defined(__SANITIZE_THREAD__)
# define THREADS_SANITIZED true
#elif defined(__has_feature)
# if __has_feature(thread_sanitizer)
#  define THREADS_SANITIZED true
# endif
#endif
#ifndef THREADS_SANITIZED
# define THREADS_SANITIZED false
#endif

/* Static neighbours: no frame but those of the test is needed. */
#define NEAR                                      \
 "mac 02:00:00:00:00:01 10.77.0.1/24 fd77::1/64 " \
 "neigh 10.77.0.2 02:00:00:00:00:02"
#define FAR                                       \
 "mac 02:00:00:00:00:02 10.77.0.2/24 fd77::2/64 " \
 "neigh 10.77.0.1 02:00:00:00:00:01"

static skl_stack *end_open(const char *name, const char *words)
{
	char config[256];
	skl_stack *s;

	snprintf(config, sizeof(config), "wire:%s %s", name, words);
	s = skl_stack_open(config);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	return s;
}

/* A UDP socket on the stack, bound to PORT. */
static skl_sock *udp_open(skl_stack *stack)
{
	skl_sock *s;

	skl_stack_set_current(stack);
	s = skl_socket(AF_INET, SOCK_DGRAM, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(skl_bind(s, skl_inet("", PORT)), 0);
	CU_ASSERT_EQUAL(skl_setsockopt(s, SOL_SOCKET, SO_RCVBUF, 1 << 24), 0);
	skl_settimeout(s, PATIENCE);
	skl_stack_set_current(NULL);
	return s;
}

static ssize_t say(skl_sock *s, const char *to, const void *data, size_t len)
{
	return skl_sendto(s, data, len, 0, skl_inet(to, PORT));
}

static struct skl_interface interface(skl_stack *s)
{
	struct skl_interface i = {.name = ""};

	CU_ASSERT_EQUAL(skl_stack_interface(s, 1, &i), 0);
	return i;
}

/* Does a datagram come across? */
static bool crosses(skl_sock *from, const char *to, skl_sock *at)
{
	char buf[16] = "";

	return say(from, to, "hello", 5) == 5 &&
	       skl_recv(at, buf, sizeof(buf), 0) == 5 && !strcmp(buf, "hello");
}

static void two_ends_alone(void)
{
	skl_stack *a = end_open("w", NEAR), *b = end_open("w", FAR);
	skl_stack *other = end_open("v", NEAR);
	skl_sock *at;

	CU_ASSERT_PTR_NULL(skl_stack_open("wire:w"));
	CU_ASSERT_EQUAL(errno, EBUSY);
	CU_ASSERT_EQUAL(skl_error()->code, EBUSY);
	CU_ASSERT_STRING_EQUAL(skl_error()->text,
			       "wire w joins two stacks already; choose "
			       "another name");
	CU_ASSERT_PTR_NULL(skl_stack_open("wire:"));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(skl_error()->text, "a name is needed"));
	skl_stack_close(a);
	a = end_open("w", NEAR);
	at = udp_open(b);
	CU_ASSERT_TRUE(crosses(udp_open(a), "10.77.0.2", at));
	skl_stack_close(a);
	skl_stack_close(b);
	skl_stack_close(other);
}

/* The name is the interface's, as far as there is room for it. */
static void names(void)
{
	skl_stack *s = end_open("a-name-that-is-too-long-for-an-interface", "");
	skl_stack *both = skl_stack_open("wire:x 10.0.0.1/24; "
					 "wire:x 10.1.0.1/24");
	struct skl_interface i;

	CU_ASSERT_STRING_EQUAL(interface(s).name, "a-name-that-is-");
	CU_ASSERT_PTR_NOT_NULL_FATAL(both);
	CU_ASSERT_STRING_EQUAL(interface(both).name, "x");
	CU_ASSERT_EQUAL(skl_stack_interface(both, 2, &i), 0);
	CU_ASSERT_STRING_NOT_EQUAL(i.name, "x");
	CU_ASSERT_EQUAL(skl_stack_close(both), 0);
	CU_ASSERT_EQUAL(skl_stack_close(s), 0);
}

/* Without a peer frames are dropped, and a new peer finds the end as it is. */
static void peers_come_and_go(void)
{
	skl_stack *a = end_open("w", NEAR), *b;
	skl_sock *near = udp_open(a), *at;
	struct skl_interface before;

	for (int n = 0; n < 20; n++) {
		before = interface(a);
		CU_ASSERT_TRUE(before.up);
		CU_ASSERT_EQUAL(say(near, "10.77.0.2", "lost", 4), 4);
		CU_ASSERT_EQUAL(interface(a).tx_dropped, before.tx_dropped + 1);
		b = end_open("w", FAR);
		at = udp_open(b);
		CU_ASSERT_TRUE(crosses(near, "10.77.0.2", at));
		CU_ASSERT_TRUE(crosses(at, "10.77.0.1", near));
		skl_close(at);
		CU_ASSERT_EQUAL(skl_stack_close(b), 0);
	}
	skl_close(near);
	CU_ASSERT_EQUAL(skl_stack_close(a), 0);
}

/* What was sent before an end closed still arrives. */
static void last_words(void)
{
	skl_stack *a = end_open("w", NEAR), *b = end_open("w", FAR);
	skl_sock *near = udp_open(a), *at = udp_open(b);
	char buf[64];

	for (int n = 0; n < 200; n++) {
		snprintf(buf, sizeof(buf), "%d", n);
		CU_ASSERT_EQUAL(say(at, "10.77.0.1", buf, 4), 4);
	}
	CU_ASSERT_EQUAL(skl_stack_close(b), 0);
	for (int n = 0; n < 200; n++) {
		CU_ASSERT_EQUAL(skl_recv(near, buf, sizeof(buf), 0), 4);
		CU_ASSERT_EQUAL(atoi(buf), n);
	}
	skl_close(near);
	CU_ASSERT_EQUAL(skl_stack_close(a), 0);
}

/* Holds a stack's lock from another thread: nobody reads its devices. */
struct holding {
	skl_stack *stack;
	pthread_barrier_t edge;
};

static void *holding_run(void *arg)
{
	struct holding *h = arg;

	CU_ASSERT_EQUAL(skli_stack_enter(h->stack), 0);
	pthread_barrier_wait(&h->edge);
	pthread_barrier_wait(&h->edge);
	skli_stack_leave(h->stack);
	return NULL;
}

/* Sends the last datagram until it has come: how many came before it. */
static unsigned count_to_last(skl_sock *near, skl_sock *at)
{
	unsigned count = 0;
	char buf[2000];
	ssize_t n;

	do {
		CU_ASSERT_EQUAL(say(near, "10.77.0.2", "last", 4), 4);
		skl_settimeout(at, 0.1);
		while ((n = skl_recv(at, buf, sizeof(buf), 0)) > 4)
			count++;
	} while (n < 0 && count < 10000);
	skl_settimeout(at, PATIENCE);
	return count;
}

/* A peer that does not read: the queue fills up, then frames are dropped. */
static void queue_is_bounded(void)
{
	static const char data[100];
	skl_stack *a = end_open("w", NEAR), *b = end_open("w", FAR);
	skl_sock *near = udp_open(a), *at = udp_open(b);
	uint64_t before = interface(a).tx_dropped, dropped;
	struct holding hold = {.stack = b};
	pthread_t thread;
	unsigned count;

	pthread_barrier_init(&hold.edge, NULL, 2);
	pthread_create(&thread, NULL, holding_run, &hold);
	pthread_barrier_wait(&hold.edge);
	for (int n = 0; n < 5000; n++)
		CU_ASSERT_EQUAL(say(near, "10.77.0.2", data, sizeof(data)),
				sizeof(data));
	dropped = interface(a).tx_dropped - before;
	pthread_barrier_wait(&hold.edge);
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&hold.edge);
	/* Beside the queue's 4096 there is what was taken before. */
	CU_ASSERT(dropped > 800 && dropped <= 5000 - 4090);
	count = count_to_last(near, at);
	/* Reports of multicast groups may be among the dropped. */
	CU_ASSERT(count >= 5000 - dropped && count < 5005 - dropped);
	CU_ASSERT_TRUE(crosses(near, "10.77.0.2", at));
	skl_close(near);
	skl_close(at);
	CU_ASSERT_EQUAL(skl_stack_close(a), 0);
	CU_ASSERT_EQUAL(skl_stack_close(b), 0);
}

static atomic_bool storm_over;

/* Opens an end, sends, and closes it again, over and over. */
static void *storm_run(void *arg)
{
	const char *words = arg;
	const char *to = words[19] == '1' ? "10.77.0.2" : "10.77.0.1";

	for (int n = 0; n < 60; n++) {
		skl_stack *s = end_open("storm", words);
		skl_sock *udp = udp_open(s);

		for (int i = 0; i < 50; i++)
			say(udp, to, "x", 1);
		if (n % 2)
			skl_close(udp);
		CU_ASSERT_EQUAL(skl_stack_close(s), 0);
		if (!(n % 2))
			skl_close(udp);
	}
	storm_over = true;
	return NULL;
}

/* Ends open and close while the other end sends. */
static void storm(void)
{
	static char near[] = NEAR, far[] = FAR;
	pthread_t threads[2];

	pthread_create(&threads[0], NULL, storm_run, near);
	pthread_create(&threads[1], NULL, storm_run, far);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	CU_ASSERT_TRUE(storm_over);
}

/* A child has no stacks, so both ends of the name are free. */
static bool child_can_use_it(void)
{
	skl_stack *a = skl_stack_open("wire:w " NEAR);
	skl_stack *b = skl_stack_open("wire:w " FAR);

	return a && b && crosses(udp_open(a), "10.77.0.2", udp_open(b)) &&
	       !skl_stack_close(a) && !skl_stack_close(b);
}

static void after_fork(void)
{
	skl_stack *a, *b;
	skl_sock *near, *at;
	int status = -1;
	pid_t pid;

	if (THREADS_SANITIZED) {
		suite_skip("ThreadSanitizer knows no threads in a child");
		return;
	}
	a = end_open("w", NEAR);
	b = end_open("w", FAR);
	near = udp_open(a);
	at = udp_open(b);
	CU_ASSERT_TRUE(crosses(near, "10.77.0.2", at));
	pid = fork();
	if (pid == 0)
		_exit(child_can_use_it() ? 0 : 1);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(status, 0);
	CU_ASSERT_TRUE(crosses(near, "10.77.0.2", at));
	skl_close(near);
	skl_close(at);
	CU_ASSERT_EQUAL(skl_stack_close(a), 0);
	CU_ASSERT_EQUAL(skl_stack_close(b), 0);
}

static int assertion_fails(void *arg)
{
	pbuf_realloc(arg, 0); /* asserts that it is not NULL */
	return 0;
}

/* A stack that failed leaves its end when it is closed, and no sooner. */
static void failed_stack(void)
{
	skl_stack *a = end_open("w", NEAR), *b = end_open("w", FAR);
	skl_sock *near = udp_open(a), *at;

	CU_ASSERT_EQUAL_FATAL(skli_stack_enter(b), 0);
	CU_ASSERT_EQUAL(skli_stack_run(b, assertion_fails, NULL), -1);
	skli_stack_leave(b);
	for (int n = 0; n < 100; n++)
		CU_ASSERT_EQUAL(say(near, "10.77.0.2", "x", 1), 1);
	CU_ASSERT_PTR_NULL(skl_stack_open("wire:w"));
	CU_ASSERT_EQUAL(skl_stack_close(b), 0);
	for (int n = 0; n < 100; n++)
		CU_ASSERT_EQUAL(say(near, "10.77.0.2", "x", 1), 1);
	b = end_open("w", FAR);
	at = udp_open(b);
	CU_ASSERT_TRUE(crosses(near, "10.77.0.2", at));
	skl_close(at);
	skl_close(near);
	CU_ASSERT_EQUAL(skl_stack_close(a), 0);
	CU_ASSERT_EQUAL(skl_stack_close(b), 0);
}

static const struct suite_case cases[] = {
	{"two_ends_alone", two_ends_alone},
	{"names", names},
	{"peers_come_and_go", peers_come_and_go},
	{"last_words", last_words},
	{"queue_is_bounded", queue_is_bounded},
	{"storm", storm},
	{"after_fork", after_fork},
	{"failed_stack", failed_stack},
};

SUITE_MAIN("wire", cases)
