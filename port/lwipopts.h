/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lwIP's options: each with its reason. What is not named here has lwIP's
 * default and does not matter to us. Only lwIP and port/lwip.h read this file.
 */
#ifndef SKLI_LWIPOPTS_H
#define SKLI_LWIPOPTS_H

#include "offload.h"

/* Shape: a library driven by its caller's threads. */
#define NO_SYS               1 /* no thread of lwIP's own */
#define SYS_LIGHTWEIGHT_PROT 0 /* the stack's lock is held throughout */
#define LWIP_TIMERS          0 /* port/timers.c: ticks on demand */
#define LWIP_NETCONN         0 /* src/api is the socket layer */
#define LWIP_SOCKET          0 /* src/api is the socket layer */
#define LWIP_STATS           0 /* counters would be shared by all stacks */
#define LWIP_DNS             0 /* the resolver lives above the sockets */

/* Hooks: hooks.h has the prototypes and the contracts. */
#define LWIP_HOOK_FILENAME                 "hooks.h"
#define LWIP_HOOK_TCP_ISN                  skli_hook_tcp_isn
#define LWIP_HOOK_IP4_ROUTE_SRC(src, dest) skli_hook_ip4_route((src), (dest))
#define LWIP_HOOK_IP6_ROUTE(src, dest)     skli_hook_ip6_route((src), (dest))
#define LWIP_HOOK_ETHARP_GET_GW(n, dest)   skli_hook_ip4_gateway((n), (dest))
#define LWIP_HOOK_ND6_GET_GW(n, dest)      skli_hook_ip6_gateway((n), (dest))
#define LWIP_HOOK_IP4_CANFORWARD(p, dest)  skli_hook_ip4_canforward((p), (dest))

/* Memory: everything from the stack's arena. */
#define MEM_CUSTOM_ALLOCATOR         1 /* mem_malloc is the three doors below */
#define MEM_CUSTOM_MALLOC            skli_door_malloc /* the arena */
#define MEM_CUSTOM_CALLOC            skli_door_calloc /* the arena */
#define MEM_CUSTOM_FREE              skli_door_free   /* the arena */
#define MEMP_MEM_MALLOC              1    /* no pools: no fixed limits */
#define MEM_ALIGNMENT                8    /* 64-bit pointers in pbufs */
#define MEM_USE_POOLS                0    /* no pools of sizes either */
#define LWIP_SUPPORT_CUSTOM_PBUF     1    /* frames that own foreign memory */
#define PBUF_POOL_BUFSIZE            1664 /* an Ethernet frame: not TCP_MSS */
#define PBUF_POOL_FREE_OOSEQ         0    /* the pool never runs out */
#define PBUF_LINK_ENCAPSULATION_HLEN 0    /* devices add nothing in front */
#define ETH_PAD_SIZE                 0    /* frames as the kernel has them */
#define LWIP_PBUF_REF_T              u16_t /* u8_t: 255 fragments hold one pbuf */
#define LWIP_PBUF_CUSTOM_DATA        struct skli_offload off; /* offload.h */
#define LWIP_PBUF_CUSTOM_DATA_INIT(p) \
 ((p)->off = (struct skli_offload){0, 0, 0, 0, 0})

/* Checksums: decided netif by netif, TAP does them for us. */
#define LWIP_CHECKSUM_CTRL_PER_NETIF 1 /* netif->chksum_flags */
#define LWIP_INLINE_IP_CHKSUM        1 /* ten adds instead of two calls */
#define LWIP_CHECKSUM_ON_COPY        0 /* most devices need none */

/* Interfaces. */
#define LWIP_NETIF_LOOPBACK            0 /* src/netif/loop is a device of its own */
#define LWIP_HAVE_LOOPIF               0 /* src/netif/loop is a device of its own */
#define LWIP_NETIF_HOSTNAME            0 /* only DHCP would say it */
#define LWIP_NETIF_API                 0 /* needs threads */
#define LWIP_NUM_NETIF_CLIENT_DATA     0 /* netif->state serves */
#define LWIP_NETIF_STATUS_CALLBACK     0 /* src/stack makes the changes */
#define LWIP_NETIF_LINK_CALLBACK       0 /* src/stack makes the changes */
#define LWIP_NETIF_EXT_STATUS_CALLBACK 0 /* src/stack makes the changes */

/* ARP. */
#define LWIP_ARP                      1 /* Ethernet */
#define ARP_QUEUEING                  0 /* port/neighbours.c does it */
#define ETHARP_SUPPORT_STATIC_ENTRIES 1 /* neighbours set by hand */

/* IPv4. */
#define LWIP_IPV4                       1  /* a family of ours */
#define IP_DEFAULT_TTL                  64 /* as Linux; 255 is a fingerprint */
#define IP_FORWARD                      1  /* the hook decides at run time */
#define IP_FORWARD_ALLOW_TX_ON_RX_NETIF 1  /* the hook decides */
#define IP_OPTIONS_ALLOWED              1 /* options are skipped, not refused */
#define IP_REASSEMBLY                   1 /* 64 KB datagrams */
#define IP_FRAG                         1 /* 64 KB datagrams */
#define IP_REASS_MAXAGE                 30 /* seconds, as Linux (ipfrag_time) */
#define IP_REASS_MAX_PBUFS              4096 /* 78 datagrams of 64 KB at MTU 1280 */
#define MEMP_NUM_REASSDATA              1024 /* datagrams at once */
#define IP_SOF_BROADCAST                1 /* SO_BROADCAST must be asked for */
#define IP_SOF_BROADCAST_RECV           0 /* receiving needs no option */
#define LWIP_ICMP                       1 /* errors and echo */
#define LWIP_RAW                        0 /* SOCK_RAW is a later issue */
#define LWIP_IGMP                       0 /* multicast is a later issue */
#define LWIP_DHCP                       0 /* addresses come from the configuration */
#define LWIP_AUTOIP                     0 /* addresses come from the configuration */
#define LWIP_ACD                        0 /* only DHCP and AUTOIP need it */
#define LWIP_BROADCAST_PING             0 /* no smurf amplifier (RFC 1122 3.2.2.6) */
#define LWIP_MULTICAST_PING             0 /* no smurf amplifier */
#define LWIP_MULTICAST_TX_OPTIONS       1 /* IP_MULTICAST_TTL and its kin */

/* IPv6. */
#define LWIP_IPV6                     1  /* a family of ours */
#define LWIP_IPV6_FORWARD             1  /* the hook decides at run time */
#define LWIP_IPV6_FRAG                1  /* 64 KB datagrams */
#define LWIP_IPV6_REASS               1  /* 64 KB datagrams */
#define IPV6_REASS_MAXAGE             60 /* seconds (RFC 8200 4.5) */
#define IPV6_FRAG_COPYHEADER          1 /* 64-bit: the helper outgrows a header */
#define LWIP_IPV6_MLD                 1 /* switches snoop: ND needs MLD reports */
#define LWIP_IPV6_DHCP6               0 /* addresses come from the configuration */
#define LWIP_IPV6_NUM_ADDRESSES       8 /* link-local, static, and from RAs */
#define LWIP_IPV6_AUTOCONFIG          1 /* netif->ip6_autoconfig_enabled decides */
#define LWIP_IPV6_DUP_DETECT_ATTEMPTS 1   /* RFC 4862 5.1 */
#define LWIP_ICMP6                    1   /* errors and echo */
#define LWIP_ICMP6_DATASIZE           0   /* quote up to the minimum MTU */
#define LWIP_ICMP6_HL                 255 /* ND needs it; errors may have it */
#define LWIP_ND6_QUEUEING             0   /* port/neighbours.c does it */
#define LWIP_ND6_ALLOW_RA_UPDATES     1   /* netif->mtu6 */

/* UDP. */
#define LWIP_UDP     1 /* a protocol of ours */
#define LWIP_UDPLITE 0 /* nobody asked */

/* Both. */
#define SO_REUSE         1 /* SO_REUSEADDR */
#define SO_REUSE_RXTOALL 1 /* multicast reaches each socket */

/* TCP. */
#define LWIP_TCP                       1 /* a protocol of ours */
#define LWIP_ALTCP                     0 /* TLS lives above the sockets */
#define TCP_MSS                        65475 /* loopback; the MTU limits a connection */
#define TCP_OVERSIZE                   1460 /* room for small writes to grow: not TCP_MSS */
#define TCP_TTL                        IP_DEFAULT_TTL /* as Linux */
#define TCP_WND                        (1024 * 1024) /* default SO_RCVBUF; a pcb has its own */
#define TCP_SND_BUF                    (512 * 1024) /* default SO_SNDBUF; a pcb has its own */
#define TCP_SND_QUEUELEN               65000 /* in pbufs: bytes are the limit that counts */
#define TCP_SNDLOWAT                   (TCP_SND_BUF / 3) /* src/api decides on its own */
#define TCP_SNDQUEUELOWAT              1000 /* src/api decides on its own */
#define LWIP_DISABLE_TCP_SANITY_CHECKS 1    /* they expect a small TCP_MSS */
#define LWIP_WND_SCALE                 1    /* windows beyond 64 KB */
#define TCP_RCV_SCALE                  7    /* up to 8 MB of SO_RCVBUF */
#define TCP_QUEUE_OOSEQ                1    /* keep what arrives out of order */
#define LWIP_TCP_SACK_OUT              1    /* tell the peer what we have */
#define LWIP_TCP_TIMESTAMPS            0 /* lwIP's leak the uptime, serve nothing */
#define LWIP_TCP_KEEPALIVE             1 /* TCP_KEEPIDLE and its kin */
#define TCP_LISTEN_BACKLOG             1 /* listen(backlog) */
#define TCP_TMR_INTERVAL               50 /* delayed ACK; RTO floor 3 slow ticks */
#define LWIP_TCP_RTO_TIME              1000    /* RFC 6298 2.1; lwIP has 3 s */
#define TCP_MSL                        30000UL /* TIME-WAIT of 60 s, as Linux */
#define TCP_MAXRTX                     12 /* lwIP's table of backoffs ends here */
#define TCP_SYNMAXRTX                  6 /* as Linux (tcp_syn_retries) */
#define LWIP_TCP_PCB_NUM_EXT_ARGS      0 /* callback_arg serves */

#endif
