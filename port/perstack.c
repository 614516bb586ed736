/* SPDX-License-Identifier: BSD-3-Clause */
/* Per-stack variables; perstack.py tells how lwIP comes to use them. */
#include "perstack.h"

#include <stdint.h>
#include <string.h>

/* The linker supplies both for a section whose name is an identifier. */
extern char __start_lwip_tpl[] __attribute__((visibility("hidden")));
extern char __stop_lwip_tpl[] __attribute__((visibility("hidden")));

/* No object lives this far away: half of the address space, which is not
 * canonical on any 64-bit Linux, so that a use without a stack faults. */
#define NOWHERE ((ptrdiff_t)1 << 62)

__thread ptrdiff_t skli_ps_offset = NOWHERE;

size_t skli_ps_size(void)
{
	return (size_t)(__stop_lwip_tpl - __start_lwip_tpl);
}

void skli_ps_init(void *image)
{
	memcpy(image, __start_lwip_tpl, skli_ps_size());
}

void skli_ps_select(void *image)
{
	/* The distance of two objects: in integers, as C has no word for it. */
	intptr_t base = (intptr_t)__start_lwip_tpl;

	skli_ps_offset = image ? (intptr_t)image - base : NOWHERE;
}

void *skli_ps_selected(void)
{
	if (skli_ps_offset == NOWHERE)
		return NULL;
	return (void *)((intptr_t)__start_lwip_tpl + skli_ps_offset);
}
