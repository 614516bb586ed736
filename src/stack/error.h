/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The error of this thread's last failed call: errno and what skl_error()
 * tells.  Set where the failure is met, so that the text can name the cause.
 */
#ifndef SKLI_STACK_ERROR_H
#define SKLI_STACK_ERROR_H

#include "sockling/socket.h"

/*
 * Records an OSError with the system's text for it, sets errno, returns -1;
 * ETIMEDOUT is of class SKL_TIMEOUT only through skli_fail_timeout().
 */
int skli_fail(int code);

/* Likewise with a text of its own, printf-style, cut at 255 bytes. */
int skli_fail_text(int code, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* socket.timeout: errno ETIMEDOUT, "timed out". */
int skli_fail_timeout(void);

/* ValueError, TypeError or OverflowError with the errno that goes with it. */
int skli_fail_class(enum skl_error_class kind, int err, const char *text);

/* gaierror: errno EADDRNOTAVAIL, code EAI_*. */
int skli_fail_gai(int code, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
