/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Echo server program for IPv4 and IPv6: the third example of the Python
 * documents (library/socket.html, "Example"), line by line.
 *
 * The list stands for what getaddrinfo(HOST, PORT, AF_UNSPEC, SOCK_STREAM, 0,
 * AI_PASSIVE) returns. "The server side will listen to the first address
 * family available": here, as on Linux, a socket for IPv6 that is bound to
 * every address serves IPv4 as well, so the first one is enough for both.
 */
#include <sockling/socket.h>

#include <stdio.h>

#define HOST NULL  /* Symbolic name meaning all available interfaces */
#define PORT 50007 /* Arbitrary non-privileged port */

static const struct {
	int af, socktype, proto;
} results[] = {
	{AF_INET6, SOCK_STREAM, 0},
	{AF_INET, SOCK_STREAM, 0},
};

/* What Python does on its own: say which exception this is, and end. */
static int failed(const char *call)
{
	fprintf(stderr, "%s: %s: %s\n", call, skl_error_name(skl_error()->kind),
		skl_error()->text);
	return 1;
}

int main(void)
{
	char data[1024], host[SKL_ADDRSTRLEN];
	skl_addr addr;
	ssize_t n;

	/* s = None */
	skl_sock *s = NULL;
	/* for res in socket.getaddrinfo(...): */
	for (size_t res = 0; res < sizeof(results) / sizeof(*results); res++) {
		/* try: s = socket.socket(af, socktype, proto) */
		s = skl_socket(results[res].af, results[res].socktype,
			       results[res].proto);
		/* except socket.error: s = None; continue */
		if (!s)
			continue;
		/* try: s.bind(sa); s.listen(1) */
		if (skl_bind(s, skl_inet(HOST, PORT)) || skl_listen(s, 1)) {
			/* except socket.error: s.close(); s = None; continue */
			skl_close(s);
			s = NULL;
			continue;
		}
		/* break */
		break;
	}
	/* if s is None: print 'could not open socket'; sys.exit(1) */
	if (!s) {
		printf("could not open socket\n");
		return 1;
	}
	/* conn, addr = s.accept() */
	skl_sock *conn = skl_accept(s, &addr);
	if (!conn)
		return failed("accept");
	/* print 'Connected by', addr */
	printf("Connected by ('%s', %d, %u, %u)\n",
	       skl_addr_host(&addr, host, sizeof(host)), addr.port,
	       addr.flowinfo, addr.scope_id);
	/* while 1: */
	while (1) {
		/* data = conn.recv(1024) */
		n = skl_recv(conn, data, 1024, 0);
		if (n < 0)
			return failed("recv");
		/* if not data: break */
		if (n == 0)
			break;
		/* conn.send(data) */
		if (skl_send(conn, data, (size_t)n, 0) < 0)
			return failed("send");
	}
	/* conn.close() */
	skl_close(conn);
	return 0;
}
