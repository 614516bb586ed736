/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration string, see sockling/stack.h for its words. */
#ifndef SKLI_STACK_CONFIG_H
#define SKLI_STACK_CONFIG_H

struct skl_stack;

/*
 * Opens what the string names.  0, or -1 with skl_error() told; what was
 * opened by then stays for the stack's end.  Inside skli_stack_run().
 */
int skli_config_open(struct skl_stack *s, const char *text);

/* Applies "INTERFACE WORD ..." to an open stack.  Likewise. */
int skli_config_change(struct skl_stack *s, const char *text);

#endif
