/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The web server: one page, one visitor at a time.
 *
 * web_stop() closes the listening socket; skl_accept(), which the thread waits
 * in, gives EBADF then, and that is the end of the thread.
 */
#include "web.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_MAX 4096
#define PAGE_MAX    4096

struct web {
	skl_stack *stack;
	skl_sock *listener;
	pthread_t thread;
};

static const char page_format[] =
	"<!doctype html>\n"
	"<html lang=\"en\">\n"
	"<meta charset=\"utf-8\">\n"
	"<title>Hello from sockling</title>\n"
	"<style>\n"
	"body { font: 1.1em/1.5 system-ui, sans-serif; max-width: 38em;\n"
	"       margin: 4em auto; padding: 0 1em; color: #223 }\n"
	"h1 { color: #0a6e6e }\n"
	"td { padding: .1em 1.5em .1em 0; vertical-align: top }\n"
	"td + td { font-family: ui-monospace, monospace }\n"
	"</style>\n"
	"<h1>Hello from sockling</h1>\n"
	"<p>No kernel socket sent you this page. The TCP/IP stack that "
	"answered\n"
	"is a library inside an ordinary process, with an Ethernet address of\n"
	"its own.</p>\n"
	"<table>\n"
	"<tr><td>You are<td>%s\n"
	"<tr><td>I am<td>%s\n"
	"<tr><td>My interface<td>%s, %02x:%02x:%02x:%02x:%02x:%02x, MTU %u\n"
	"<tr><td>Frames seen<td>%llu in, %llu out\n"
	"<tr><td>Memory held<td>%llu bytes for the whole stack\n"
	"<tr><td>Version<td>sockling %s\n"
	"</table>\n"
	"</html>\n";

/* The interface behind lo: the one that visitors come by. */
static size_t page_write(const struct web *w, skl_sock *s, char *page)
{
	struct skl_interface in = {.name = "lo"};
	struct skl_stack_stats stats = {0};
	char peer[SKL_ADDRSTRLEN] = "", own[SKL_ADDRSTRLEN] = "";
	skl_addr address;

	if (skl_getpeername(s, &address) == 0)
		skl_addr_format(&address, peer, sizeof(peer));
	if (skl_getsockname(s, &address) == 0)
		skl_addr_format(&address, own, sizeof(own));
	skl_stack_interface(w->stack, 1, &in);
	skl_stack_stats(w->stack, &stats);
	return (size_t)snprintf(
		page, PAGE_MAX, page_format, peer, own, in.name, in.mac[0],
		in.mac[1], in.mac[2], in.mac[3], in.mac[4], in.mac[5],
		(unsigned)in.mtu, (unsigned long long)in.rx_frames,
		(unsigned long long)in.tx_frames,
		(unsigned long long)stats.memory, skl_version());
}

/* The request up to its empty line; true where it is one for a page. */
static bool request_read(skl_sock *s, char *request)
{
	size_t len = 0;

	request[0] = '\0';
	while (!strstr(request, "\r\n\r\n")) {
		ssize_t n =
			skl_recv(s, request + len, REQUEST_MAX - 1 - len, 0);

		if (n <= 0)
			return false;
		len += (size_t)n;
		request[len] = '\0';
	}
	return strncmp(request, "GET ", 4) == 0;
}

static void visitor_serve(const struct web *w, skl_sock *s)
{
	char request[REQUEST_MAX], page[PAGE_MAX], head[256];
	size_t len;
	int n;

	skl_settimeout(s, PATIENCE);
	if (!request_read(s, request))
		return;
	len = page_write(w, s, page);
	n = snprintf(head, sizeof(head),
		     "HTTP/1.1 200 OK\r\n"
		     "Server: sockling/%s\r\n"
		     "Content-Type: text/html; charset=utf-8\r\n"
		     "Content-Length: %zu\r\n"
		     "Connection: close\r\n\r\n",
		     skl_version(), len);
	if (skl_sendall(s, head, (size_t)n, 0) == 0)
		skl_sendall(s, page, len, 0);
}

static void *web_run(void *arg)
{
	struct web *w = arg;
	skl_sock *s;

	skl_stack_set_current(w->stack);
	while ((s = skl_accept(w->listener, NULL))) {
		visitor_serve(w, s);
		skl_close(s);
	}
	return NULL;
}

struct web *web_start(skl_stack *stack, int port)
{
	struct skl_server_options options = {.family = AF_INET6,
					     .dualstack_ipv6 = true};
	struct web *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->stack = stack;
	skl_stack_set_current(stack);
	w->listener = skl_create_server(skl_inet("", port), &options);
	if (!w->listener)
		goto release;
	if (pthread_create(&w->thread, NULL, web_run, w))
		goto close;
	return w;

close:
	skl_close(w->listener);
release:
	free(w);
	return NULL;
}

void web_stop(struct web *w)
{
	if (!w)
		return;
	skl_close(w->listener);
	pthread_join(w->thread, NULL);
	free(w);
}
