/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Echo client program for IPv4 and IPv6: the fourth example of the Python
 * documents (library/socket.html, "Example"), line by line.
 *
 * The list stands for what getaddrinfo(HOST, PORT, AF_UNSPEC, SOCK_STREAM)
 * returns for a host with both addresses. The client tries them in turn, and
 * sends to the first that it can connect to.
 */
#include <sockling/socket.h>

#include <stdio.h>
#include <string.h>

#define HOST6 "fd00::2"  /* The remote host */
#define HOST4 "10.0.0.2" /* and its other address */
#define PORT  50007      /* The same port as used by the server */

static const struct {
	int af, socktype, proto;
	const char *host;
} results[] = {
	{AF_INET6, SOCK_STREAM, 0, HOST6},
	{AF_INET, SOCK_STREAM, 0, HOST4},
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
	char data[1024];
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
		/* try: s.connect(sa) */
		if (skl_connect(s, skl_inet(results[res].host, PORT))) {
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
	/* s.sendall('Hello, world') */
	if (skl_sendall(s, "Hello, world", strlen("Hello, world"), 0))
		return failed("sendall");
	/* data = s.recv(1024) */
	n = skl_recv(s, data, 1024, 0);
	if (n < 0)
		return failed("recv");
	/* s.close() */
	skl_close(s);
	/* print 'Received', repr(data) */
	printf("Received '%.*s'\n", (int)n, data);
	return 0;
}
