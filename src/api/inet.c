/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers and text: htonl() and kin, inet_aton() and kin. */
#include "sockling/socket.h"
#include "stack/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

static int out_of_range(void)
{
	return skli_fail_class(SKL_OVERFLOWERROR, EOVERFLOW,
			       "the number does not fit");
}

int64_t skl_htonl(int64_t x)
{
	if (x < 0 || x > UINT32_MAX)
		return out_of_range();
	return htonl((uint32_t)x);
}

int64_t skl_ntohl(int64_t x)
{
	return skl_htonl(x);
}

int32_t skl_htons(int64_t x)
{
	if (x < 0 || x > UINT16_MAX)
		return out_of_range();
	return htons((uint16_t)x);
}

int32_t skl_ntohs(int64_t x)
{
	return skl_htons(x);
}

static int illegal(void)
{
	return skli_fail_text(EINVAL,
			      "illegal IP address string passed to inet_pton");
}

int skl_inet_aton(const char *text, uint8_t packed[4])
{
	struct in_addr in;

	if (!inet_aton(text, &in))
		return illegal();
	memcpy(packed, &in, 4);
	return 0;
}

int skl_inet_pton(int family, const char *text, void *packed)
{
	switch (inet_pton(family, text, packed)) {
	case 1: return 0;
	case 0: return illegal();
	default: return skli_fail(EAFNOSUPPORT);
	}
}

const char *skl_inet_ntoa(const void *packed, size_t len, char *buf,
			  size_t size)
{
	return skl_inet_ntop(AF_INET, packed, len, buf, size);
}

const char *skl_inet_ntop(int family, const void *packed, size_t len, char *buf,
			  size_t size)
{
	const char *text;

	if (family != AF_INET && family != AF_INET6) {
		skli_fail(EAFNOSUPPORT);
		return NULL;
	}
	if (len != (family == AF_INET ? 4U : 16U)) {
		skli_fail_class(SKL_VALUEERROR, EINVAL,
				"invalid length of packed IP address string");
		return NULL;
	}
	text = inet_ntop(family, packed, buf, (socklen_t)size);
	if (!text)
		skli_fail(ENOSPC);
	return text;
}
