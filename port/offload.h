/* SPDX-License-Identifier: BSD-3-Clause */
/* Offload: what a frame still lacks, carried by each pbuf (and only there). */
#ifndef SKLI_OFFLOAD_H
#define SKLI_OFFLOAD_H

#include <stdint.h>

/* gso_type: virtio's values (VIRTIO_NET_HDR_GSO_*). */
enum skli_gso_type {
	SKLI_GSO_NONE = 0,
	SKLI_GSO_TCPV4 = 1,
	SKLI_GSO_TCPV6 = 4,
};

/* flags */
enum skli_csum_flag {
	/* The L4 checksum field holds the pseudo-header's sum alone. */
	SKLI_CSUM_PARTIAL = 1,
	/* Whoever delivered the frame has verified its L4 checksum. */
	SKLI_CSUM_VALID = 2,
};

/*
 * Of the first pbuf of a chain, for the whole packet. All zero (what every
 * pbuf constructor makes): one finished frame. With gso_size the packet stands
 * for segments of gso_size payload bytes each, the last perhaps shorter.
 * csum_start counts from the start of the Ethernet frame.
 */
struct skli_offload {
	uint16_t gso_size;
	uint8_t gso_type;
	uint8_t flags;
	uint16_t csum_start;
	uint16_t csum_offset;
};

/* Has somebody seen to the L4 checksum of P, coming in? */
#define SKLI_CSUM_KNOWN(p) \
 (((p)->off.flags & (SKLI_CSUM_PARTIAL | SKLI_CSUM_VALID)) != 0)

struct pbuf;

/*
 * Do the segments that P stands for fit the MTU? P's payload is at the IP
 * header, which has IP_HLEN bytes, extension headers not counted. False for
 * what is not TCP with both headers in the first pbuf.
 */
int skli_offload_fits(const struct pbuf *p, unsigned ip_hlen, unsigned mtu);

/* Computes a checksum that was left to a device (SKLI_CSUM_PARTIAL); P's
 * payload is at the IP header. */
void skli_offload_complete(struct pbuf *p);

struct ip6_addr;

/* The flow label of P, whose payload has room for the IPv6 header and then
 * that of layer 4: the same for all packets of a flow, not to be guessed. */
uint32_t skli_flow_label(const struct pbuf *p, const struct ip6_addr *src,
			 const struct ip6_addr *dest);

/* May an ICMP error be sent now? 1,000 a second at most, bursts of 100, as
 * RFC 4443 2.4(f) and RFC 1812 4.3.2.8 ask for; asking counts as sending. */
int skli_icmp_allowed(void);

#endif
