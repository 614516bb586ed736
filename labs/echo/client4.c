/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Echo client program, IPv4 only: the second example of the Python documents
 * (library/socket.html, "Example"), line by line.
 */
#include <sockling/socket.h>

#include <stdio.h>
#include <string.h>

#define HOST "10.0.0.2" /* The remote host */
#define PORT 50007      /* The same port as used by the server */

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

	/* s = socket.socket(socket.AF_INET, socket.SOCK_STREAM) */
	skl_sock *s = skl_socket(AF_INET, SOCK_STREAM, 0);
	if (!s)
		return failed("socket");
	/* s.connect((HOST, PORT)) */
	if (skl_connect(s, skl_inet(HOST, PORT)))
		return failed("connect");
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
