/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lwIP's headers for our sources: include this, never a lwIP header. System
 * socket headers come first, so that a file may use both; names that mean
 * different things keep the system's value when it is part of the socket API
 * and lwIP's when it is not.
 */
#ifndef SKLI_LWIP_H
#define SKLI_LWIP_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* Of <netinet/tcp.h>: the default MSS of BSD, not an option. */
#undef TCP_MSS
/* lwIP must not turn htons() and its kin into macros of its own. */
#ifndef LWIP_DONT_PROVIDE_BYTEORDER_FUNCTIONS
# define LWIP_DONT_PROVIDE_BYTEORDER_FUNCTIONS
#endif

#include "lwip/opt.h"

#include "lwip/def.h"
#include "lwip/err.h"
#include "lwip/etharp.h"
#include "lwip/ethip6.h"
#include "lwip/icmp.h"
#include "lwip/icmp6.h"
#include "lwip/inet_chksum.h"
#include "lwip/init.h"
#include "lwip/ip.h"
#include "lwip/ip4_frag.h"
#include "lwip/ip6_frag.h"
#include "lwip/ip_addr.h"
#include "lwip/mem.h"
#include "lwip/memp.h"
#include "lwip/mld6.h"
#include "lwip/nd6.h"
#include "lwip/netif.h"
#include "lwip/pbuf.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/prot/ethernet.h"
#include "lwip/prot/icmp.h"
#include "lwip/prot/icmp6.h"
#include "lwip/prot/ip4.h"
#include "lwip/prot/ip6.h"
#include "lwip/prot/nd6.h"
#include "lwip/prot/tcp.h"
#include "lwip/prot/udp.h"
#include "lwip/tcp.h"
#include "lwip/udp.h"
#include "netif/ethernet.h"

#include "hooks.h"

#endif
