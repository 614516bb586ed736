/* SPDX-License-Identifier: BSD-3-Clause */
/* create_connection() and create_server(), as socket.py has them. */
#include "api/sock.h"
#include "api/timeout.h"
#include "stack/error.h"

#include <errno.h>
#include <string.h>

/* Closes s and keeps the error that led to it. */
static skl_sock *give_up(skl_sock *s)
{
	struct skl_error e = *skl_error();
	int saved = errno;
	char text[256];

	strncpy(text, e.text, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	skl_close(s);
	if (e.kind == SKL_OSERROR)
		skli_fail_text(e.code, "%s", text);
	errno = saved;
	return NULL;
}

static skl_sock *connect_family(int family, skl_addr address, double timeout,
				const skl_addr *source)
{
	skl_sock *s = skl_socket(family, SOCK_STREAM, 0);

	if (!s)
		return NULL;
	if (skl_settimeout(s, timeout) || (source && skl_bind(s, *source)) ||
	    skl_connect(s, address))
		return give_up(s);
	return s;
}

/* The families in which the address can be resolved, the preferred first. */
static unsigned families(const skl_addr *address, int list[2])
{
	static const int both[] = {AF_INET6, AF_INET};
	skl_stack *stack = skl_stack_current();
	skl_addr unused;
	unsigned count = 0;

	if (!stack || skli_stack_enter(stack))
		return 0;
	for (unsigned i = 0; i < 2; i++) {
		/* An IPv4 address is not for an IPv6 socket here. */
		if (both[i] == AF_INET6 && address->name &&
		    !skl_inet_aton(address->name, unused.ip))
			continue;
		if (!skli_addr_resolve(both[i], address, &unused))
			list[count++] = both[i];
	}
	skli_stack_leave(stack);
	return count;
}

skl_sock *skl_create_connection(skl_addr address, double timeout,
				const skl_addr *source)
{
	int list[2];
	unsigned count;
	double seconds;
	skl_sock *s = NULL;

	if (skli_timeout_read(timeout, &seconds))
		return NULL;
	/* Where there is none, the error of the last try stands. */
	count = families(&address, list);
	for (unsigned i = 0; !s && i < count; i++)
		s = connect_family(list[i], address, seconds, source);
	return s;
}

static int server_options(skl_sock *s, const struct skl_server_options *o)
{
	if (o->reuse_port)
		return skli_fail(ENOPROTOOPT);
	if (skl_setsockopt(s, SOL_SOCKET, SO_REUSEADDR, 1))
		return -1;
	if (o->family != AF_INET6)
		return 0;
	return skl_setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, !o->dualstack_ipv6);
}

skl_sock *skl_create_server(skl_addr address,
			    const struct skl_server_options *options)
{
	struct skl_server_options o = {0};
	skl_sock *s;

	if (options)
		o = *options;
	if (o.dualstack_ipv6 && o.family != AF_INET6) {
		skli_fail_class(SKL_VALUEERROR, EINVAL,
				"dualstack_ipv6 requires AF_INET6 family");
		return NULL;
	}
	s = skl_socket(o.family ? o.family : AF_INET, SOCK_STREAM, 0);
	if (!s)
		return NULL;
	if (server_options(s, &o) || skl_bind(s, address) ||
	    skl_listen(s, o.backlog ? o.backlog : SKL_BACKLOG))
		return give_up(s);
	return s;
}

bool skl_has_dualstack_ipv6(void)
{
	return true;
}
