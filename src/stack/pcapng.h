/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pcapng writer (draft-ietf-opsawg-pcapng): the only one in this project.
 *
 * Little endian on every host, nanoseconds, and no time, name or number of its
 * own: the same calls write the same bytes. Frames come finished
 * (netif/frame.h). One thread at a time.
 *
 * Failure is -1 (or NULL) with errno. A write that failed is remembered: the
 * rest is thrown away, and every later call fails with the same errno.
 */
#ifndef SKLI_PCAPNG_H
#define SKLI_PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct skli_pcapng;

enum skli_pcapng_direction {
	SKLI_PCAPNG_UNKNOWN = 0,
	SKLI_PCAPNG_INBOUND = 1,
	SKLI_PCAPNG_OUTBOUND = 2,
};

/* Makes or truncates the file. NULL: the reason is in *ERR (may be NULL). */
struct skli_pcapng *skli_pcapng_open(const char *path, int *err);

/*
 * Writes to a descriptor (file, pipe, socket; not necessarily blocking), which
 * then belongs to the writer; not if NULL is returned: ENOMEM.
 */
struct skli_pcapng *skli_pcapng_open_fd(int fd);

/*
 * The file grows to at most BYTES (0: no limit), statistics included. The
 * first packet that would not fit and all that follow are dropped and counted,
 * until a higher limit is set.
 * The headers of file and interfaces don't ask.
 */
void skli_pcapng_limit(struct skli_pcapng *w, uint64_t bytes);

/*
 * Declares an Ethernet interface and returns its number, from 0. SNAPLEN 0: no
 * limit. Names are cut to 255 bytes.
 */
int skli_pcapng_interface(struct skli_pcapng *w, const char *name,
			  uint32_t snaplen);

/*
 * Writes a packet of LEN bytes, of which IOV may hold only the beginning, at
 * NS nanoseconds since 1970. At most SNAPLEN bytes (0: the interface's
 * snaplen) are kept. COMMENT, UTF-8, may be NULL; past 65,535 bytes it is cut.
 * Returns 0 also for a packet that the limit dropped; EINVAL: no such
 * interface.
 */
int skli_pcapng_packet(struct skli_pcapng *w, int interface, uint64_t ns,
		       const struct iovec *iov, int iovcnt, size_t len,
		       size_t snaplen, int direction, const char *comment);

/*
 * Will every further packet be dropped? Then finishing frames for them can be
 * spared, and skli_pcapng_drop() counts them all the same.
 */
bool skli_pcapng_full(const struct skli_pcapng *w);
void skli_pcapng_drop(struct skli_pcapng *w, int interface, uint64_t packets);

/* Packets that were dropped so far, on all interfaces. */
uint64_t skli_pcapng_dropped(const struct skli_pcapng *w);

/* Writes out what is buffered. */
int skli_pcapng_flush(struct skli_pcapng *w);

/*
 * Adds the statistics of each interface (packets received and dropped), writes
 * everything out, closes, frees W (also when it returns -1). NULL is allowed.
 */
int skli_pcapng_close(struct skli_pcapng *w);

#endif
