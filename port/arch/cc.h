/* SPDX-License-Identifier: BSD-3-Clause */
/* What lwIP asks of a compiler and a platform; every answer is a door. */
#ifndef SKLI_ARCH_CC_H
#define SKLI_ARCH_CC_H

#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "doors.h"
#include "perstack.h"
#include "demux.h"
#include "timers.h"

/* <endian.h> defines BYTE_ORDER and the two values. */
#ifndef BYTE_ORDER
# error "no BYTE_ORDER: compile with -D_DEFAULT_SOURCE (-std=gnu11 does)"
#endif

/* lwIP prints nothing: debugging is off, and assertions go through a door. */
#define LWIP_PLATFORM_DIAG(x)   ((void)0)
#define LWIP_PLATFORM_ASSERT(x) skli_door_assert((x), __FILE__, __LINE__)

#define LWIP_RAND() skli_door_random()

/* Inline: as functions they were 3 % of a bulk transfer. */
#if BYTE_ORDER == LITTLE_ENDIAN
# define lwip_htons(x) __builtin_bswap16(x)
# define lwip_htonl(x) __builtin_bswap32(x)
#endif

/* The sum over a block is ours: vectorised, in src/netif/checksum.c. */
#define LWIP_CHKSUM skli_checksum

/* gcc may not assume that an error path ends here (assertions may be off). */
#define LWIP_NO_CTYPE_H 0

#endif
