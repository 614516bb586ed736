/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Internet checksum (RFC 1071), fast.
 *
 * A sum is a uint64_t while it grows, and any order of the additions will do.
 * All of it is in memory order: a folded sum is stored with memcpy(), without
 * a byte swap, on every host (RFC 1071 section 2 (B)).
 */
#ifndef SKLI_CHECKSUM_H
#define SKLI_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "port/doors.h"

/*
 * skli_checksum() is port/doors.h's, since lwIP calls it too: the folded sum
 * of LEN bytes, just what lwip_standard_chksum() returns.
 */

/* The same, unfolded. A few thousand such sums may be added up. */
uint64_t skli_checksum_add(uint64_t sum, const void *data, size_t len);

/*
 * Adds LEN bytes, SKIP bytes into the array; pieces of odd length join as if
 * the memory were one block. The caller has made sure that they are there.
 */
uint64_t skli_checksum_iov(uint64_t sum, const struct iovec *iov, size_t skip,
			   size_t len);

/* A sum to its final 16 bits; 0 only if all that was added was zero. */
uint16_t skli_checksum_fold(uint64_t sum);

/*
 * The pseudo header (RFC 9293 section 3.1, RFC 8200 section 8.1) for a packet
 * whose IP header starts at IP, upper-layer protocol PROTO and LEN bytes from
 * the upper-layer header on.
 */
uint64_t skli_checksum_pseudo4(const void *ip, uint8_t proto, uint32_t len);
uint64_t skli_checksum_pseudo6(const void *ip, uint8_t proto, uint32_t len);

#endif
