/* SPDX-License-Identifier: BSD-3-Clause */
/* Running a call on a socket, see api/call.h. */
#include "api/call.h"

#include "stack/error.h"

#include <errno.h>

struct attempt {
	struct skli_call *call;
	skli_try *fn;
};

static int attempt_run(void *arg)
{
	struct attempt *a = arg;

	return a->fn(a->call);
}

/*
 * Waits for the endpoint to change: 0 (try again), or the error number that
 * ends the call.  A handle that died meanwhile is EBADF.
 */
static int call_wait(struct skli_call *c, const skl_sock *s, uint64_t deadline)
{
	struct skli_waiter waiter = {0};
	struct skli_waitlink link;
	int error;

	skli_waitq_add(&c->sock->wait, &link, &waiter);
	error = skli_wait(c->sock->stack, &waiter, deadline);
	skli_waitq_remove(&link);
	if (!skli_handle_alive(s, c->handle))
		return EBADF;
	return error;
}

/* The first program's first surprise gets a hint. */
static int call_fail(const struct skl_stack *s, int error)
{
	if (s->state != SKLI_STACK_OPEN)
		return skli_stack_refuse(s);
	if (error != ENETUNREACH || skli_stack_only_index(s) || s->routes.count)
		return skli_fail(error);
	return skli_fail_text(error, "Network is unreachable: no route; a "
				     "default stack without $SOCKLING_STACK "
				     "has only the loopback interface");
}

int skli_call_run(skl_sock *s, skli_try *fn, void *arg, bool once)
{
	struct skli_call call = {.arg = arg, .once = once};
	struct attempt attempt = {&call, fn};
	struct skl_stack *stack;
	uint64_t deadline = 0;
	bool timed_out = false, pumped = false;
	double timeout;
	int error;

	if (skli_handle_enter(s, &call.handle))
		return -1;
	call.sock = call.handle->sock;
	stack = call.sock->stack;
	timeout = call.handle->timeout;
	for (;;) {
		error = skli_stack_run(stack, attempt_run, &attempt);
		if (error != EAGAIN)
			break;
		if (once || timeout == 0) {
			/* Look at the devices once: nobody else may. */
			if (pumped)
				break;
			pumped = true;
			skli_pump(stack);
			continue;
		}
		if (!call.again)
			deadline = skli_stack_deadline(stack, timeout);
		call.again = true;
		error = call_wait(&call, s, deadline);
		timed_out = error == ETIMEDOUT;
		if (error)
			break;
	}
	/* Before we leave: afterwards the stack may be somebody else's. */
	if (timed_out)
		error = skli_fail_timeout();
	else if (error > 0)
		error = call_fail(stack, error);
	skli_handle_leave(call.sock);
	return error;
}
