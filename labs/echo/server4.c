/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Echo server program, IPv4 only: the first example of the Python documents
 * (library/socket.html, "Example"), line by line.
 */
#include <sockling/socket.h>

#include <stdio.h>

#define HOST ""    /* Symbolic name meaning all available interfaces */
#define PORT 50007 /* Arbitrary non-privileged port */

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

	/* s = socket.socket(socket.AF_INET, socket.SOCK_STREAM) */
	skl_sock *s = skl_socket(AF_INET, SOCK_STREAM, 0);
	if (!s)
		return failed("socket");
	/* s.bind((HOST, PORT)) */
	if (skl_bind(s, skl_inet(HOST, PORT)))
		return failed("bind");
	/* s.listen(1) */
	if (skl_listen(s, 1))
		return failed("listen");
	/* conn, addr = s.accept() */
	skl_sock *conn = skl_accept(s, &addr);
	if (!conn)
		return failed("accept");
	/* print 'Connected by', addr */
	printf("Connected by ('%s', %d)\n",
	       skl_addr_host(&addr, host, sizeof(host)), addr.port);
	/* while 1: */
	while (1) {
		/* data = conn.recv(1024) */
		n = skl_recv(conn, data, 1024, 0);
		if (n < 0)
			return failed("recv");
		/* if not data: break */
		if (n == 0)
			break;
		/* conn.sendall(data) */
		if (skl_sendall(conn, data, (size_t)n, 0))
			return failed("sendall");
	}
	/* conn.close() */
	skl_close(conn);
	return 0;
}
