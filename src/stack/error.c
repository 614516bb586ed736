/* SPDX-License-Identifier: BSD-3-Clause */
/* The thread's last error, see stack/error.h. */
#include "stack/error.h"

#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static __thread struct skl_error last;
static __thread char last_text[256];

static int error_set(enum skl_error_class kind, int code, int err)
{
	last.kind = kind;
	last.code = code;
	last.text = last_text;
	errno = err;
	return -1;
}

int skli_fail(int code)
{
	/* strerror_r is glibc's, which may return a constant string. */
	const char *text = strerror_r(code, last_text, sizeof(last_text));

	if (text != last_text)
		snprintf(last_text, sizeof(last_text), "%s", text);
	return error_set(SKL_OSERROR, code, code);
}

int skli_fail_text(int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(last_text, sizeof(last_text), format, args);
	va_end(args);
	return error_set(SKL_OSERROR, code, code);
}

int skli_fail_timeout(void)
{
	snprintf(last_text, sizeof(last_text), "timed out");
	return error_set(SKL_TIMEOUT, ETIMEDOUT, ETIMEDOUT);
}

int skli_fail_class(enum skl_error_class kind, int err, const char *text)
{
	snprintf(last_text, sizeof(last_text), "%s", text);
	return error_set(kind, err, err);
}

int skli_fail_gai(int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(last_text, sizeof(last_text), format, args);
	va_end(args);
	return error_set(SKL_GAIERROR, code, EADDRNOTAVAIL);
}

const struct skl_error *skl_error(void)
{
	if (!last.text)
		last.text = "";
	return &last;
}

const char *skl_error_name(enum skl_error_class kind)
{
	static const char *const names[] = {
		[SKL_NO_ERROR] = "",
		[SKL_OSERROR] = "OSError",
		[SKL_TIMEOUT] = "timeout",
		[SKL_HERROR] = "herror",
		[SKL_GAIERROR] = "gaierror",
		[SKL_VALUEERROR] = "ValueError",
		[SKL_TYPEERROR] = "TypeError",
		[SKL_OVERFLOWERROR] = "OverflowError",
	};

	if ((unsigned)kind >= sizeof(names) / sizeof(names[0]))
		return "";
	return names[kind];
}
