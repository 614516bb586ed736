/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the suites of the socket layer share: a stack per case that must be
 * empty at the case's end, connected pairs, threads that are known to wait,
 * and assertions on a failure's errno and class.
 */
#ifndef TESTS_SOCKETS_H
#define TESTS_SOCKETS_H

#include "sockling/stack.h"
#include "tests/suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- The stack of a case ----------------------------------------------- */

/*
 * Opens a stack with the loopback interface and what WORDS ask for, makes it
 * the current one of this thread and notes what it holds once warm.
 */
skl_stack *case_open(const char *words);

/*
 * The case has closed its sockets: checks that the stack holds no socket and
 * no memory but of connections that wait for their end, and closes it.
 */
void case_close(skl_stack *stack);

/* ---- Failures ---------------------------------------------------------- */

/* Does the last failure have this class and code, and errno with it? */
bool failed_as(enum skl_error_class kind, int code);

/* Prints what failed_as() compares with, or that nothing failed. */
void failed_print(const char *call, bool failed);

#define FAILS_AS(call, kind, code)            \
 do {                                         \
  bool fails_ = (call) == -1;                 \
  bool as_ = fails_ && failed_as(kind, code); \
  if (!as_)                                   \
   failed_print(#call, fails_);               \
  CU_ASSERT(as_);                             \
 } while (0)

/* The call gives -1 with an OSError and this errno. */
#define FAILS(call, code) FAILS_AS(call, SKL_OSERROR, code)
#define TIMES_OUT(call)   FAILS_AS(call, SKL_TIMEOUT, ETIMEDOUT)

/* The call gives NULL with an OSError and this errno. */
#define FAILS_NULL(call, code) FAILS((call) ? 0 : -1, code)

/* The call gives 0. */
#define WORKS(call)           \
 do {                         \
  bool works_ = (call) == 0;  \
  if (!works_)                \
   failed_print(#call, true); \
  CU_ASSERT(works_);          \
 } while (0)

/* ---- Addresses and sockets --------------------------------------------- */

/* The loopback address of the family; port. */
skl_addr loopback(int family, uint16_t port);

/* The host of a binary address as text, good until the next call. */
const char *host_of(const skl_addr *a);

/* A socket's own port. */
uint16_t port_of(skl_sock *s);

/* A listening TCP socket on the loopback, at a free port. */
skl_sock *listen_on(int family, int backlog);

/* A UDP socket bound on the loopback, at a free port. */
skl_sock *udp_on(int family);

/* A TCP connection over the loopback. */
struct pair {
	skl_sock *client;
	skl_sock *server;
};

struct pair pair_open(int family);
struct pair pair_over(skl_sock *listener);
void pair_close(struct pair *p);

/* Waits until the events hold (2 s at most); those that do. */
short await(skl_sock *s, short events);

/* Sends until no more is taken: how many bytes. The socket's mode is kept. */
size_t fill(skl_sock *s);

/* Receives SIZE bytes, or up to the end: how many. */
size_t receive(skl_sock *s, void *buf, size_t size);

/* ---- Bytes ------------------------------------------------------------- */

/* The bytes of a stream from OFFSET on, the same for the same seed. */
void bytes_make(uint64_t seed, uint64_t offset, void *buf, size_t size);
bool bytes_equal(uint64_t seed, uint64_t offset, const void *buf, size_t size);

/* ---- Threads ----------------------------------------------------------- */

/* One call in a thread of its own. */
struct worker {
	pthread_t thread;
	skl_stack *stack; /* current in the thread */
	long (*call)(void *arg);
	void *arg;
	_Atomic pid_t tid;
	long result;
	int error; /* errno and class where result is negative */
	enum skl_error_class kind;
};

/* Starts call(arg). */
void worker_start(struct worker *w, long (*call)(void *arg), void *arg);

/* Starts it and returns once the thread sleeps in the call. */
void worker_block(struct worker *w, long (*call)(void *arg), void *arg);

/* Returns once the thread sleeps in its call. */
void worker_await_sleep(struct worker *w);

/* Waits for its end; its result. A thread that never ends fails the suite. */
long worker_join(struct worker *w);

/* Seconds from any start. */
double now(void);

#endif
