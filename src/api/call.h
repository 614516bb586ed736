/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How every call on a socket runs: enter the stack, try, wait by the mode,
 * try again.  As CPython's sock_call_ex() does, in one place.
 */
#ifndef SKLI_API_CALL_H
#define SKLI_API_CALL_H

#include "api/handle.h"

struct skli_call {
	struct skli_sock *sock;
	struct skli_handle *handle;
	bool once;  /* never wait: MSG_DONTWAIT */
	bool again; /* an earlier try of this call has waited */
	void *arg;
};

/*
 * One try, which may call lwIP: 0, an error number, EAGAIN (wait), or -1 with
 * skl_error() told already.
 */
typedef int skli_try(struct skli_call *call);

/*
 * Runs a call: 0, or -1 with errno and skl_error().  A call that waits holds
 * the handle's timeout as one limit for all of its tries.
 */
int skli_call_run(skl_sock *s, skli_try *fn, void *arg, bool once);

#endif
