/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ethernet frames made by hand, to compare with: written byte by byte, with
 * the slowest checksum there is, and nothing of the code under test.
 */
#ifndef TESTS_PACKET_H
#define TESTS_PACKET_H

#include <stddef.h>
#include <stdint.h>

#include "port/offload.h"

enum {
	PACKET_MAX = 65535 + 64,

	FIN = 0x01,
	SYN = 0x02,
	RST = 0x04,
	PSH = 0x08,
	ACK = 0x10,
	URG = 0x20,
	ECE = 0x40,
	CWR = 0x80,
};

struct packet {
	uint8_t version; /* 4 or 6; 0: ARP */
	uint8_t proto;   /* IPPROTO_TCP, _UDP, _ICMP, _ICMPV6 or any */
	uint8_t tags;    /* VLAN tags in front of IP */
	uint8_t options; /* bytes: IPv4 options or IPv6 destination options */
	uint8_t tcp_options; /* bytes */
	uint8_t tcp_flags;
	uint16_t id, window;
	uint16_t fragment; /* flags and offset as IP has them */
	uint32_t seq, ack;
	size_t payload; /* bytes; what they are follows from seq */
};

size_t packet_l3(const struct packet *p);
size_t packet_l4(const struct packet *p);
size_t packet_data(const struct packet *p);

/* Writes the finished frame, returns its length. */
size_t packet_build(uint8_t *to, const struct packet *p);

/*
 * As packet_build(), but for the L4 checksum: the field has the pseudo
 * header's sum, and OFF says so. (TCP and UDP.)
 */
size_t packet_build_partial(uint8_t *to, const struct packet *p,
			    struct skli_offload *off);

/* As packet_build(), with 0 for the L4 checksum: lwIP's, left to the device. */
size_t packet_build_bare(uint8_t *to, const struct packet *p);

/* The sum of RFC 1071 by the book; START is one to go on from. */
uint16_t packet_sum(uint32_t start, const uint8_t *p, size_t n);

#endif
