/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP: what each call says in each state, beside a kernel socket in the same
 * state; then what only Python's rules say: modes, timeouts, error classes.
 */
#include "tests/side.h"

#include <math.h>
#include <poll.h>

#include "tests/sockets.h"

/* ---- States, beside the kernel ----------------------------------------- */

static void run_fresh(struct script *t)
{
	struct end *e = end_socket(t, "e", AF_INET, SOCK_STREAM);

	end_name(e, false);
	end_name(e, true);
	end_recv(e, 10, 0);
	end_recv(e, 10, MSG_PEEK);
	end_send(e, 10, 0, NULL);
	end_shutdown(e, SHUT_WR);
	end_accept(e, "none");
	end_getopt(e, SOL_SOCKET, SO_ERROR, 4);
	end_bind(e, place_make("127.0.0.1", 0));
	end_name(e, false);
	end_bind(e, place_make("127.0.0.1", 0));
	end_recv(e, 10, 0);
	end_send(e, 10, 0, NULL);
	end_accept(e, "none");
}

static void test_fresh(void)
{
	side_compare(run_fresh);
}

static void run_listening(struct script *t)
{
	struct end *e = end_socket(t, "e", AF_INET6, SOCK_STREAM);

	end_listen(e, -1);
	end_name(e, false);
	end_name(e, true);
	end_listen(e, 3);
	end_accept(e, "none");
	end_recv(e, 10, 0);
	end_send(e, 10, 0, NULL);
	end_connect(e, place_make("::1", 1));
	end_bind(e, place_make("::1", 0));
	end_shutdown(e, SHUT_WR);
	end_accept(e, "none");
	end_getopt(e, SOL_SOCKET, SO_ACCEPTCONN, 4);
}

static void test_listening(void)
{
	side_compare(run_listening);
}

/* shutdown() of the reading half ends listening; it may begin again. */
static void run_listening_shut(struct script *t)
{
	struct end *e = end_socket(t, "e", AF_INET, SOCK_STREAM);
	struct end *c = end_socket(t, "c", AF_INET, SOCK_STREAM);
	struct place to;

	end_bind(e, place_make("127.0.0.1", 0));
	end_listen(e, 3);
	to = end_place(e);
	end_shutdown(e, SHUT_RDWR);
	end_poll(e, 0);
	end_accept(e, "none");
	end_getopt(e, SOL_SOCKET, SO_ACCEPTCONN, 4);
	end_connect(c, to);
	end_poll(c, POLLERR);
	end_getopt(c, SOL_SOCKET, SO_ERROR, 4);
	end_listen(e, 3);
	c = end_socket(t, "d", AF_INET, SOCK_STREAM);
	end_connect(c, to);
	end_poll(c, POLLOUT);
	end_poll(e, POLLIN);
	end_accept(e, "late");
}

static void test_listening_shut(void)
{
	side_compare(run_listening_shut);
}

static void run_connected(struct script *t)
{
	struct end *a, *b;

	ends_connect(t, AF_INET, "a", "b", &a, &b);
	end_name(a, false);
	end_name(a, true);
	end_name(b, true);
	end_recv(a, 10, 0);
	end_connect(a, place_make("127.0.0.1", 1));
	end_connect(a, place_make("127.0.0.1", 1));
	end_connect(b, place_make("127.0.0.1", 1));
	end_bind(a, place_make("127.0.0.1", 0));
	end_listen(a, 1);
	end_listen(b, 1);
	end_accept(a, "none");
	end_shutdown(a, 3);
	end_shutdown(a, -1);
	end_send(a, 0, 0, NULL);
	end_recv(b, 10, 0);
	end_shutdown(a, SHUT_WR);
	end_send(a, 10, 0, NULL);
	end_send(a, 10, 0, NULL);
	end_shutdown(a, SHUT_WR);
	end_shutdown(a, SHUT_RD);
	end_shutdown(a, SHUT_RDWR);
	end_recv(a, 10, 0);
	end_name(a, true);
	end_name(a, false);
}

static void test_connected(void)
{
	side_compare(run_connected);
}

/* Both sides have closed, one after the other: who may still do what. */
static void run_finished(struct script *t)
{
	struct end *a, *b;

	ends_connect(t, AF_INET, "a", "b", &a, &b);
	end_send(a, 5, 0, NULL);
	end_shutdown(a, SHUT_WR);
	end_poll(b, POLLRDHUP);
	end_shutdown(b, SHUT_WR);
	end_poll(a, POLLHUP);
	end_name(a, true);
	end_name(b, true);
	end_recv(b, 10, 0);
	end_recv(b, 10, 0);
	end_recv(a, 10, 0);
	end_recv(a, 10, 0);
	end_send(a, 5, 0, NULL);
	end_shutdown(a, SHUT_RD);
	end_connect(a, place_make("127.0.0.1", 1));
}

static void test_finished(void)
{
	side_compare(run_finished);
}

static void run_reset(struct script *t)
{
	struct linger on = {.l_onoff = 1};
	struct end *a, *b;

	for (int how = 0; how < 4; how++) {
		ends_connect(t, AF_INET, "a", "b", &a, &b);
		end_send(a, 5, 0, NULL);
		end_poll(b, POLLIN);
		end_setopt(a, SOL_SOCKET, SO_LINGER, &on, sizeof(on));
		end_close(a);
		end_poll(b, POLLERR);
		if (how == 0)
			end_recv(b, 10, 0);
		if (how == 1)
			end_send(b, 10, 0, NULL);
		if (how == 2)
			end_getopt(b, SOL_SOCKET, SO_ERROR, 4);
		if (how == 3)
			end_shutdown(b, SHUT_WR);
		end_recv(b, 10, 0);
		end_recv(b, 10, 0);
		end_send(b, 10, 0, NULL);
		end_name(b, false);
		end_name(b, true);
		end_shutdown(b, SHUT_RD);
		end_connect(b, place_make("127.0.0.1", 1));
		end_getopt(b, SOL_SOCKET, SO_ERROR, 4);
	}
}

static void test_reset(void)
{
	side_compare(run_reset);
}

/* ---- Connecting, beside the kernel ------------------------------------- */

static void run_connect_twice(struct script *t)
{
	struct end *l = end_socket(t, "l", AF_INET, SOCK_STREAM);
	struct end *e = end_socket(t, "e", AF_INET, SOCK_STREAM);

	end_bind(l, place_make("127.0.0.1", 0));
	end_listen(l, 5);
	end_connect(e, end_place(l));
	end_poll(e, POLLOUT);
	end_getopt(e, SOL_SOCKET, SO_ERROR, 4);
	end_connect(e, end_place(l));
	end_connect(e, end_place(l));
}

static void test_connect_twice(void)
{
	side_compare(run_connect_twice);
}

/* After a refusal the socket may be used again. */
static void run_connect_again(struct script *t)
{
	struct end *l = end_socket(t, "l", AF_INET, SOCK_STREAM);
	struct end *e = end_socket(t, "e", AF_INET, SOCK_STREAM);
	struct place to;

	end_bind(l, place_make("127.0.0.1", 0));
	to = end_place(l);
	end_connect(e, to);
	end_poll(e, POLLERR);
	end_connect(e, to);
	end_connect(e, to);
	end_poll(e, POLLERR);
	end_getopt(e, SOL_SOCKET, SO_ERROR, 4);
	end_listen(l, 5);
	end_connect(e, to);
	end_poll(e, POLLOUT);
	end_connect(e, to);
	end_name(e, true);
}

static void test_connect_again(void)
{
	side_compare(run_connect_again);
}

static void run_connect_where(struct script *t)
{
	struct end *l = end_socket(t, "l", AF_INET, SOCK_STREAM);
	struct end *e = end_socket(t, "any", AF_INET, SOCK_STREAM);
	struct place to;

	end_bind(l, place_make("0.0.0.0", 0));
	end_listen(l, 5);
	to = end_place(l);
	/* The wildcard is the loopback. */
	end_connect(e, to);
	end_poll(e, POLLOUT);
	end_name(e, false);
	end_name(e, true);
	e = end_socket(t, "other", AF_INET, SOCK_STREAM);
	((struct sockaddr_in *)&to.sa)->sin_addr.s_addr = htonl(0x7f000005);
	end_connect(e, to);
	end_poll(e, POLLOUT);
	end_name(e, false);
	end_name(e, true);
	e = end_socket(t, "from", AF_INET, SOCK_STREAM);
	end_bind(e, place_make("127.0.0.9", 0));
	end_connect(e, to);
	end_poll(e, POLLOUT);
	end_name(e, false);
	e = end_socket(t, "broadcast", AF_INET, SOCK_STREAM);
	end_connect(e, place_make("255.255.255.255", 9));
	e = end_socket(t, "multicast", AF_INET, SOCK_STREAM);
	end_bind(e, place_make("127.0.0.1", 0));
	end_connect(e, place_make("224.0.0.1", 9));
}

static void test_connect_where(void)
{
	side_compare(run_connect_where);
}

/* v6 sockets reach v4 unless they are told not to. */
static void run_dual(struct script *t)
{
	struct end *l = end_socket(t, "l", AF_INET6, SOCK_STREAM);
	struct end *e = end_socket(t, "four", AF_INET, SOCK_STREAM), *s;
	struct place to;

	end_setint(l, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	end_bind(l, place_make("::", 0));
	end_setint(l, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	end_listen(l, 5);
	to = end_place(l);
	end_connect(
		e, place_make("127.0.0.1",
			      ntohs(((struct sockaddr_in *)&to.sa)->sin_port)));
	end_poll(e, POLLOUT);
	end_poll(l, POLLIN);
	s = end_accept(l, "s");
	end_name(s, false);
	end_name(s, true);
	e = end_socket(t, "mapped", AF_INET6, SOCK_STREAM);
	end_setint(e, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	end_connect(
		e, place_make("::ffff:127.0.0.1",
			      ntohs(((struct sockaddr_in *)&to.sa)->sin_port)));
	end_poll(e, POLLOUT);
	end_name(e, false);
	end_name(e, true);
	e = end_socket(t, "only", AF_INET6, SOCK_STREAM);
	end_setint(e, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	end_connect(e, place_make("::ffff:127.0.0.1", 9));
	end_bind(e, place_make("::ffff:127.0.0.1", 0));
	e = end_socket(t, "any", AF_INET6, SOCK_STREAM);
	end_connect(
		e, place_make("::",
			      ntohs(((struct sockaddr_in *)&to.sa)->sin_port)));
	end_poll(e, POLLOUT);
	end_name(e, true);
}

static void test_dual(void)
{
	side_compare(run_dual);
}

/* ---- Binding, beside the kernel ---------------------------------------- */

static struct place with_port(const char *host, struct place other)
{
	/* The port stands at the same place in both families. */
	return place_make(host,
			  ntohs(((struct sockaddr_in *)&other.sa)->sin_port));
}

static void run_bind(struct script *t)
{
	struct end *a = end_socket(t, "a", AF_INET, SOCK_STREAM);
	struct end *b;
	struct place p;

	end_bind(a, place_make("127.0.0.1", 0));
	p = end_place(a);
	b = end_socket(t, "same", AF_INET, SOCK_STREAM);
	end_bind(b, p);
	end_bind(b, with_port("0.0.0.0", p));
	end_bind(b, with_port("127.0.0.2", p));
	b = end_socket(t, "six", AF_INET6, SOCK_STREAM);
	end_bind(b, with_port("::", p));
	end_setint(b, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	end_bind(b, with_port("::", p));
	b = end_socket(t, "foreign", AF_INET, SOCK_STREAM);
	end_bind(b, place_make("192.0.2.77", 0));
	b = end_socket(t, "foreign6", AF_INET6, SOCK_STREAM);
	end_bind(b, place_make("2001:db8::77", 0));
	end_listen(a, 1);
	b = end_socket(t, "again", AF_INET, SOCK_STREAM);
	end_setint(b, SOL_SOCKET, SO_REUSEADDR, 1);
	end_bind(b, p);
}

static void test_bind(void)
{
	side_compare(run_bind);
}

/* SO_REUSEADDR on both: bound together, but only one may listen. */
static void run_reuse(struct script *t)
{
	struct end *a = end_socket(t, "a", AF_INET, SOCK_STREAM);
	struct end *b = end_socket(t, "b", AF_INET, SOCK_STREAM);

	end_setint(a, SOL_SOCKET, SO_REUSEADDR, 1);
	end_setint(b, SOL_SOCKET, SO_REUSEADDR, 1);
	end_bind(a, place_make("127.0.0.1", 0));
	end_bind(b, end_place(a));
	end_listen(a, 1);
	end_listen(b, 1);
	end_close(a);
	end_listen(b, 1);
}

static void test_reuse(void)
{
	side_compare(run_reuse);
}

/* A server that was closed first leaves TIME_WAIT: who gets the port. */
static void run_reuse_time_wait(struct script *t)
{
	struct end *l = end_socket(t, "l", AF_INET, SOCK_STREAM);
	struct end *c = end_socket(t, "c", AF_INET, SOCK_STREAM), *s;
	struct place p;

	end_setint(l, SOL_SOCKET, SO_REUSEADDR, 1);
	end_bind(l, place_make("127.0.0.1", 0));
	end_listen(l, 1);
	p = end_place(l);
	end_connect(c, p);
	end_poll(c, POLLOUT);
	end_poll(l, POLLIN);
	s = end_accept(l, "s");
	end_close(l);
	end_close(s);
	end_poll(c, POLLRDHUP);
	end_close(c);
	c = end_socket(t, "strict", AF_INET, SOCK_STREAM);
	end_bind(c, p);
	c = end_socket(t, "reusing", AF_INET, SOCK_STREAM);
	end_setint(c, SOL_SOCKET, SO_REUSEADDR, 1);
	end_bind(c, p);
	end_listen(c, 1);
}

static void test_reuse_time_wait(void)
{
	side_compare(run_reuse_time_wait);
}

/* ---- Backlog, beside the kernel ---------------------------------------- */

static void backlog(struct script *t, int size, int clients)
{
	struct end *l = end_socket(t, "l", AF_INET, SOCK_STREAM);
	int connected = 0, accepted = 0;

	end_bind(l, place_make("127.0.0.1", 0));
	end_listen(l, size);
	t->silent = true;
	for (int i = 0; i < clients; i++) {
		struct end *c = end_socket(t, "c", AF_INET, SOCK_STREAM);

		end_connect(c, end_place(l));
		/* The last of them answer nothing: no use to wait. */
		connected += end_poll(c, i <= size ? POLLOUT : 0) == POLLOUT;
	}
	while (accepted < clients && end_accept(l, "s")->open)
		accepted++;
	t->silent = false;
	script_note(t, "%d clients: %d connected, %d accepted", clients,
		    connected, accepted);
}

static void run_backlog(struct script *t)
{
	backlog(t, 0, 4);
	backlog(t, 1, 4);
	backlog(t, 7, 12);
}

static void run_backlog_large(struct script *t)
{
	backlog(t, 270, 280);
}

static void test_backlog(void)
{
	side_compare(run_backlog);
	side_compare(run_backlog_large);
}

static const struct suite_case cases[] = {
	{"calls on a fresh socket", test_fresh},
	{"calls on a listening socket", test_listening},
	{"shutdown of a listening socket", test_listening_shut},
	{"calls on a connected socket", test_connected},
	{"calls on a finished connection", test_finished},
	{"calls on a reset connection", test_reset},
	{"connect again and again", test_connect_twice},
	{"connect after a refusal", test_connect_again},
	{"connect to odd addresses", test_connect_where},
	{"dual stack and mapped addresses", test_dual},
	{"bind", test_bind},
	{"SO_REUSEADDR", test_reuse},
	{"SO_REUSEADDR and TIME_WAIT", test_reuse_time_wait},
	{"backlog", test_backlog},
};

SUITE_MAIN("tcp", cases)
