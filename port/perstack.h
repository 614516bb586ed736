/* SPDX-License-Identifier: BSD-3-Clause */
/* Per-stack variables: which image of lwIP's state this thread works on. */
#ifndef SKLI_PERSTACK_H
#define SKLI_PERSTACK_H

#include <stddef.h>

/* From the template section to the selected image; only SKLI_PS reads it. */
extern __thread ptrdiff_t skli_ps_offset
	__attribute__((tls_model("initial-exec")));

/*
 * The address of the selected stack's copy of template VAR. The compiler must
 * not see that the address has left VAR (it would be free to assume that it
 * has not), so an empty asm hides where it comes from, as Linux's RELOC_HIDE.
 */
#define SKLI_PS(var)                           \
 (__extension__({                              \
char *skli_ps_at_;                                         \
__asm__("" : "=r"(skli_ps_at_) : "0"(&(var)));             \
(__typeof__(var) *)(void *)(skli_ps_at_ + skli_ps_offset); \
 }))

/* Bytes of an image. An image must be aligned to 64 bytes. */
size_t skli_ps_size(void);

/* Makes IMAGE a fresh stack's state: a copy of the templates. */
void skli_ps_init(void *image);

/*
 * Selects IMAGE for this thread. NULL selects none: a use of lwIP's state then
 * faults, instead of quietly changing the templates.
 */
void skli_ps_select(void *image);

/* The image that this thread has selected, or NULL. */
void *skli_ps_selected(void);

#endif
