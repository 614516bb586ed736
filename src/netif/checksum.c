/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Internet checksum.
 *
 * The sum of 16-bit words modulo 65535 is the sum of 32-bit words modulo
 * 65535, since 2^16 = 1. Long blocks are therefore summed as vectors of 64-bit
 * lanes: one accumulator takes whole lanes and may wrap, a second one takes
 * the upper halves alone. What the first would have held without wrapping
 * follows from both (low halves = all - upper * 2^32, exact modulo 2^64), so
 * a load costs two additions and a shift, with no carry to save. The second
 * accumulator can't wrap below 2^32 lanes.
 */
#include "netif/checksum.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

/* SSE2 and NEON are part of their architectures: no dispatch at run time. */
typedef uint64_t lanes __attribute__((vector_size(16)));

enum {
	BLOCK = 4 * sizeof(lanes)
};

static inline uint64_t load64(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof word);
	return word;
}

static inline lanes load_lanes(const uint8_t *p)
{
	lanes v;

	memcpy(&v, p, sizeof v);
	return v;
}

/* Both halves of a word: the sum can't wrap before 2^31 of them. */
static inline uint64_t halves(uint64_t word)
{
	return (word >> 32) + (uint32_t)word;
}

/* One pair of accumulators: the lanes' true sum, as halves. */
static inline uint64_t reduce(lanes all, lanes upper)
{
	lanes lower = all - (upper << 32);
	uint64_t low = halves(lower[0]) + halves(lower[1]);
	uint64_t high = halves(upper[0]) + halves(upper[1]);

	return low + high;
}

static uint64_t add_blocks(const uint8_t *p, size_t blocks)
{
	lanes all[4] = {{0}}, upper[4] = {{0}};
	uint64_t sum = 0;

	for (; blocks; blocks--, p += BLOCK) {
		lanes a = load_lanes(p), b = load_lanes(p + 16);
		lanes c = load_lanes(p + 32), d = load_lanes(p + 48);

		all[0] += a, upper[0] += a >> 32;
		all[1] += b, upper[1] += b >> 32;
		all[2] += c, upper[2] += c >> 32;
		all[3] += d, upper[3] += d >> 32;
	}
	for (int i = 0; i < 4; i++)
		sum += reduce(all[i], upper[i]);
	return sum;
}

/* Up to 7 bytes, without a call to memcpy(): most headers end in some. */
static inline uint64_t tail(const uint8_t *p, size_t len)
{
	uint64_t sum = 0;
	uint32_t word;
	uint16_t half;

	if (len & 4) {
		memcpy(&word, p, sizeof word);
		sum += word;
		p += 4;
	}
	if (len & 2) {
		memcpy(&half, p, sizeof half);
		sum += half;
		p += 2;
	}
	if (len & 1) {
		half = 0;
		memcpy(&half, p, 1);
		sum += half;
	}
	return sum;
}

uint64_t skli_checksum_add(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;

	if (len >= 2UL * BLOCK) {
		size_t blocks = len / BLOCK;

		sum += add_blocks(p, blocks);
		p += blocks * BLOCK;
		len %= BLOCK;
	}
	for (; len >= 8; len -= 8, p += 8)
		sum += halves(load64(p));
	return sum + tail(p, len);
}

uint16_t skli_checksum_fold(uint64_t sum)
{
	sum = halves(sum);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)sum;
}

uint16_t skli_checksum(const void *data, int len)
{
	if (len <= 0)
		return 0;
	return skli_checksum_fold(skli_checksum_add(0, data, (size_t)len));
}

uint64_t skli_checksum_iov(uint64_t sum, const struct iovec *iov, size_t skip,
			   size_t len)
{
	bool odd = false;

	for (; skip >= iov->iov_len && len; iov++)
		skip -= iov->iov_len;
	for (; len; iov++, skip = 0) {
		const uint8_t *p = iov->iov_base;
		size_t n = iov->iov_len - skip;
		uint64_t part;

		/* A pointer of no bytes may be NULL: no arithmetic. */
		if (n == 0)
			continue;
		n = n < len ? n : len;
		part = skli_checksum_add(0, p + skip, n);
		/* From an odd place on bytes change sides (RFC 1071 2 (B)). */
		if (odd)
			part = __builtin_bswap16(skli_checksum_fold(part));
		sum += part;
		odd ^= n & 1;
		len -= n;
	}
	return sum;
}

/* Length and protocol sit at even places: their sum may be one 32-bit word. */
static uint64_t pseudo_tail(uint8_t proto, uint32_t len)
{
	return (uint64_t)htonl(len) + htonl(proto);
}

uint64_t skli_checksum_pseudo4(const void *ip, uint8_t proto, uint32_t len)
{
	const uint8_t *addresses = (const uint8_t *)ip + 12;

	return halves(load64(addresses)) + pseudo_tail(proto, len);
}

uint64_t skli_checksum_pseudo6(const void *ip, uint8_t proto, uint32_t len)
{
	const uint8_t *addresses = (const uint8_t *)ip + 8;

	return skli_checksum_add(pseudo_tail(proto, len), addresses, 32);
}
