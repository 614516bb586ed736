/* SPDX-License-Identifier: BSD-3-Clause */
/* Timeouts and blocking mode. */
#include "api/timeout.h"

#include "api/handle.h"
#include "stack/error.h"

#include <errno.h>
#include <math.h>

static _Atomic double default_timeout = SKL_FOREVER;

int skli_timeout_read(double seconds, double *out)
{
	*out = seconds;
	if (seconds == SKL_DEFAULT)
		*out = default_timeout;
	if (isnan(seconds) ||
	    (seconds < 0 && seconds != SKL_FOREVER && seconds != SKL_DEFAULT))
		return skli_fail_class(SKL_VALUEERROR, EINVAL,
				       "Timeout value out of range");
	return 0;
}

double skl_getdefaulttimeout(void)
{
	return default_timeout;
}

int skl_setdefaulttimeout(double seconds)
{
	double value;

	if (skli_timeout_read(seconds, &value))
		return -1;
	default_timeout = value;
	return 0;
}

int skl_settimeout(skl_sock *s, double seconds)
{
	struct skli_handle *h;
	double value;

	if (skli_timeout_read(seconds, &value) || skli_handle_enter(s, &h))
		return -1;
	h->timeout = value;
	skli_handle_leave(h->sock);
	return 0;
}

double skl_gettimeout(skl_sock *s)
{
	struct skli_handle *h;
	double value;

	if (skli_handle_enter(s, &h))
		return SKL_DEFAULT;
	value = h->timeout;
	skli_handle_leave(h->sock);
	return value;
}

int skl_setblocking(skl_sock *s, bool blocking)
{
	return skl_settimeout(s, blocking ? SKL_FOREVER : 0.0);
}

int skl_getblocking(skl_sock *s)
{
	double value = skl_gettimeout(s);

	if (value == SKL_DEFAULT)
		return -1;
	return value != 0.0;
}
