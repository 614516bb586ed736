/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses: making, resolving, formatting, and lwIP's form of them. */
#include "api/sock.h"
#include "stack/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

/* ---- Making ------------------------------------------------------------ */

skl_addr skl_inet(const char *host, int port)
{
	skl_addr a = {.family = AF_UNSPEC, .name = host ? host : ""};

	a.port = (uint16_t)port;
	a.bad_port = port < 0 || port > 65535;
	return a;
}

skl_addr skl_inet6(const char *host, int port, uint32_t flowinfo,
		   uint32_t scope_id)
{
	skl_addr a = skl_inet(host, port);

	a.family = AF_INET6;
	a.flowinfo = flowinfo;
	a.scope_id = scope_id;
	return a;
}

/* ---- Resolving --------------------------------------------------------- */

/* A number or the name of an interface of the stack we are in, after "%". */
static int zone_resolve(const char *zone, uint32_t *scope)
{
	char *end;

	*scope = (uint32_t)strtoul(zone, &end, 10);
	if (*zone && !*end)
		return 0;
	*scope = skli_stack_index_of(skli_current, zone);
	return *scope ? 0 : -1;
}

/* An IPv6 address, perhaps with a zone. */
static int numeric6(const char *text, skl_addr *out)
{
	char copy[INET6_ADDRSTRLEN + 16];
	char *zone;

	if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy))
		return -1;
	zone = strchr(copy, '%');
	if (zone)
		*zone++ = '\0';
	if (inet_pton(AF_INET6, copy, out->ip) != 1)
		return -1;
	return zone ? zone_resolve(zone, &out->scope_id) : 0;
}

static void map4(const uint8_t ip4[4], uint8_t ip6[16])
{
	uint8_t copy[4];

	memcpy(copy, ip4, 4);
	memcpy(ip6, mapped_prefix, 12);
	memcpy(ip6 + 12, copy, 4);
}

/*
 * Names that need no resolver.  Python's own shortcuts: "" and "<broadcast>".
 * 0, or -1: not one of them.
 */
static int name_known(int family, const char *name, skl_addr *out)
{
	memset(out->ip, 0, sizeof(out->ip));
	if (!*name)
		return 0;
	if (!strcasecmp(name, "localhost") || !strcasecmp(name, "localhost.")) {
		if (family == AF_INET6)
			out->ip[15] = 1;
		else
			memcpy(out->ip, "\x7f\0\0\1", 4);
		return 0;
	}
	if (family == AF_INET6)
		return numeric6(name, out);
	if (!strcmp(name, "<broadcast>")) {
		memset(out->ip, 0xff, 4);
		return 0;
	}
	return skl_inet_aton(name, out->ip);
}

static int name_refused(int family, const char *name)
{
	uint8_t ip[16];

	if (inet_pton(family == AF_INET ? AF_INET6 : AF_INET, name, ip) == 1)
		return skli_fail_gai(EAI_ADDRFAMILY,
				     "'%s' is not an address of the socket's "
				     "family",
				     name);
	return skli_fail_gai(EAI_NONAME,
			     "'%s': name not known; without libsockling-dns "
			     "only numeric addresses and localhost are",
			     name);
}

static int name_resolve(int family, const char *name, skl_addr *out)
{
	int error;

	out->name = NULL;
	out->family = family;
	error = name_known(family, name, out);
	/* A socket of both families takes an IPv4 address as it is. */
	if (error && family == AF_INET6 && !skl_inet_aton(name, out->ip)) {
		map4(out->ip, out->ip);
		error = 0;
	}
	return error ? name_refused(family, name) : 0;
}

int skli_addr_resolve(int family, const skl_addr *in, skl_addr *out)
{
	*out = *in;
	if (in->bad_port)
		return skli_fail_class(SKL_OVERFLOWERROR, EOVERFLOW,
				       "port must be 0-65535.");
	if (in->flowinfo > 0xfffff)
		return skli_fail_class(SKL_OVERFLOWERROR, EOVERFLOW,
				       "flowinfo must be 0-1048575.");
	if (in->family != AF_UNSPEC && in->family != family)
		return skli_fail_text(EAFNOSUPPORT,
				      "the address is not of the socket's "
				      "family");
	return in->name ? name_resolve(family, in->name, out) : 0;
}

/* ---- Formatting -------------------------------------------------------- */

const char *skl_addr_host(const skl_addr *a, char *buf, size_t size)
{
	char text[SKL_ADDRSTRLEN];
	size_t len;

	if (a->name) {
		snprintf(text, sizeof(text), "%s", a->name);
	} else if (!inet_ntop(a->family, a->ip, text, sizeof(text))) {
		skli_fail(EAFNOSUPPORT);
		return NULL;
	}
	len = strlen(text);
	if (a->family == AF_INET6 && a->scope_id)
		snprintf(text + len, sizeof(text) - len, "%%%u", a->scope_id);
	if ((size_t)snprintf(buf, size, "%s", text) >= size) {
		skli_fail(ENOSPC);
		return NULL;
	}
	return buf;
}

const char *skl_addr_format(const skl_addr *a, char *buf, size_t size)
{
	char host[SKL_ADDRSTRLEN];
	bool v6 = a->family == AF_INET6;

	if (!skl_addr_host(a, host, sizeof(host)))
		return NULL;
	if ((size_t)snprintf(buf, size, v6 ? "[%s]:%u" : "%s:%u", host,
			     a->port) >= size) {
		skli_fail(ENOSPC);
		return NULL;
	}
	return buf;
}

/* ---- The system's form ------------------------------------------------- */

static socklen_t put(struct sockaddr *sa, socklen_t size, const void *from,
		     socklen_t len)
{
	if (size < len) {
		skli_fail(ENOSPC);
		return (socklen_t)-1;
	}
	memcpy(sa, from, len);
	return len;
}

socklen_t skl_addr_to_sockaddr(const skl_addr *a, struct sockaddr *sa,
			       socklen_t size)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

	if (a->name) {
		skli_fail(EINVAL);
		return (socklen_t)-1;
	}
	if (a->family == AF_INET) {
		in.sin_port = htons(a->port);
		memcpy(&in.sin_addr, a->ip, 4);
		return put(sa, size, &in, sizeof(in));
	}
	if (a->family != AF_INET6) {
		skli_fail(EAFNOSUPPORT);
		return (socklen_t)-1;
	}
	in6.sin6_port = htons(a->port);
	in6.sin6_flowinfo = htonl(a->flowinfo);
	in6.sin6_scope_id = a->scope_id;
	memcpy(&in6.sin6_addr, a->ip, 16);
	return put(sa, size, &in6, sizeof(in6));
}

int skl_addr_from_sockaddr(skl_addr *a, const struct sockaddr *sa,
			   socklen_t len)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	memset(a, 0, sizeof(*a));
	if (len < sizeof(sa->sa_family))
		return skli_fail(EINVAL);
	a->family = sa->sa_family;
	if (a->family == AF_INET && len >= sizeof(in)) {
		memcpy(&in, sa, sizeof(in));
		a->port = ntohs(in.sin_port);
		memcpy(a->ip, &in.sin_addr, 4);
		return 0;
	}
	if (a->family == AF_INET6 && len >= sizeof(in6)) {
		memcpy(&in6, sa, sizeof(in6));
		a->port = ntohs(in6.sin6_port);
		a->flowinfo = ntohl(in6.sin6_flowinfo);
		a->scope_id = in6.sin6_scope_id;
		memcpy(a->ip, &in6.sin6_addr, 16);
		return 0;
	}
	if (a->family == AF_INET || a->family == AF_INET6)
		return skli_fail(EINVAL);
	return skli_fail(EAFNOSUPPORT);
}

/* ---- lwIP's form ------------------------------------------------------- */

/* The zone of an address that needs one; with one interface it is clear. */
static void zone_set(const struct skl_stack *s, ip6_addr_t *ip, uint32_t scope)
{
	if (!ip6_addr_has_scope(ip, IP6_UNKNOWN))
		return;
	if (!scope)
		scope = skli_stack_only_index(s);
	ip6_addr_set_zone(ip, (u8_t)scope);
}

void skli_addr_to_lwip(const struct skli_sock *k, const skl_addr *a,
		       ip_addr_t *ip)
{
	memset(ip, 0, sizeof(*ip));
	if (a->family == AF_INET) {
		IP_SET_TYPE(ip, IPADDR_TYPE_V4);
		memcpy(ip_2_ip4(ip), a->ip, 4);
		return;
	}
	if (!memcmp(a->ip, mapped_prefix, 12)) {
		IP_SET_TYPE(ip, IPADDR_TYPE_V4);
		memcpy(ip_2_ip4(ip), a->ip + 12, 4);
		return;
	}
	IP_SET_TYPE(ip, IPADDR_TYPE_V6);
	memcpy(ip_2_ip6(ip)->addr, a->ip, 16);
	zone_set(k->stack, ip_2_ip6(ip), a->scope_id);
}

void skli_addr_from_lwip(const struct skli_sock *k, const ip_addr_t *ip,
			 uint16_t port, skl_addr *a)
{
	memset(a, 0, sizeof(*a));
	a->family = k->family;
	a->port = port;
	if (IP_IS_ANY_TYPE_VAL(*ip))
		return;
	if (IP_IS_V6(ip)) {
		memcpy(a->ip, ip_2_ip6(ip)->addr, 16);
		a->scope_id = ip6_addr_zone(ip_2_ip6(ip));
		return;
	}
	memcpy(a->ip, ip_2_ip4(ip), 4);
	if (k->family == AF_INET6 && !ip4_addr_isany(ip_2_ip4(ip)))
		map4(a->ip, a->ip);
}

bool skli_addr_is_local(const struct skl_stack *s, const ip_addr_t *ip)
{
	if (IP_IS_ANY_TYPE_VAL(*ip) || ip_addr_isany(ip) ||
	    ip_addr_isloopback(ip))
		return true;
	if (IP_IS_V6(ip))
		return skli_route_is_own(s, AF_INET6, ip_2_ip6(ip)->addr);
	return skli_route_is_own(s, AF_INET, ip_2_ip4(ip));
}
