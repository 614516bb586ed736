/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Configuration: strings that are good, strings that are not (the text names
 * the word), and what changes while the stack runs.
 */
#include "sockling/stack.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/sockets.h"

/* ---- Good strings ------------------------------------------------------ */

static struct skl_interface interface_of(skl_stack *s, unsigned index)
{
	struct skl_interface nif = {.name = "?"};

	WORKS(skl_stack_interface(s, index, &nif));
	return nif;
}

static bool has_address(const struct skl_interface *nif, const char *host,
			unsigned prefix)
{
	for (unsigned i = 0; i < nif->address_count; i++)
		if (!strcmp(host_of(&nif->addresses[i]), host) &&
		    nif->addresses[i].port == prefix)
			return true;
	return false;
}

static void test_loopback(void)
{
	static const char *const configs[] = {"", NULL, "  ", ";", " ; ;\n\t"};

	for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
		skl_stack *s = skl_stack_open(configs[i]);
		struct skl_interface lo;

		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		lo = interface_of(s, 0);
		CU_ASSERT_STRING_EQUAL(lo.name, "lo");
		CU_ASSERT_EQUAL(lo.index, 1);
		CU_ASSERT(lo.up);
		CU_ASSERT(has_address(&lo, "127.0.0.1", 8));
		CU_ASSERT(has_address(&lo, "::1", 128));
		FAILS(skl_stack_interface(s, 1, &lo), ENODEV);
		WORKS(skl_stack_close(s));
	}
}

static void test_words(void)
{
	skl_stack *s = skl_stack_open(
		"forward seed 0x5 route 10.9.0.0/16 via 10.1.0.7 ;"
		"wire:w1 gw 10.1.0.254 mtu 1400 10.1.0.1/24 fd01::1/64 "
		"fd02::1/48 gw fd01::9 mac 02:00:00:00:0a:Bc name first "
		"neigh 10.1.0.9 02:00:00:00:00:09 neigh fd01::9 2:0:0:0:0:9;\n"
		"wire:w2 10.2.0.1/30 route fd09::/32 via fd01::7 name second");
	struct skl_interface nif;

	if (!s)
		failed_print("skl_stack_open", true);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	nif = interface_of(s, 1);
	CU_ASSERT_STRING_EQUAL(nif.name, "first");
	CU_ASSERT_EQUAL(nif.index, 2);
	CU_ASSERT_EQUAL(nif.mtu, 1400);
	CU_ASSERT_EQUAL(memcmp(nif.mac, "\x02\0\0\0\x0a\xbc", 6), 0);
	CU_ASSERT(has_address(&nif, "10.1.0.1", 24));
	CU_ASSERT(has_address(&nif, "fd01::1", 64));
	CU_ASSERT(has_address(&nif, "fd02::1", 48));
	nif = interface_of(s, 2);
	CU_ASSERT_STRING_EQUAL(nif.name, "second");
	CU_ASSERT(has_address(&nif, "10.2.0.1", 30));
	CU_ASSERT_EQUAL(nif.mac[0] & 3, 2); /* locally administered, unicast */
	FAILS(skl_stack_interface(s, 3, &nif), ENODEV);
	WORKS(skl_stack_close(s));
}

static void test_mtu_range(void)
{
	static const unsigned mtus[] = {68, 576, 1280, 1500, 9000, 65520};

	for (size_t i = 0; i < sizeof(mtus) / sizeof(mtus[0]); i++) {
		struct skl_interface nif;
		char config[64];
		skl_stack *s;

		snprintf(config, sizeof(config), "wire:m 10.1.0.1/24 mtu %u",
			 mtus[i]);
		s = skl_stack_open(config);
		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		nif = interface_of(s, 1);
		CU_ASSERT_EQUAL(nif.mtu, mtus[i]);
		WORKS(skl_stack_close(s));
	}
}

/* ---- Bad strings ------------------------------------------------------- */

static int lowest_free(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

static void test_refused(void)
{
	static const struct {
		const char *config;
		int error;
		const char *word; /* what the text must contain */
	} bad[] = {
		{"nonsense", EINVAL, "nonsense"},
		{"tapp:tap0", EINVAL, "tapp:tap0"},
		{"tap:", EINVAL, "tap:"},
		{"wire:", EINVAL, "wire:"},
		{"fd:", EINVAL, "fd:"},
		{"fd:x", EINVAL, "fd:x"},
		{"fd:-1", EINVAL, "fd:-1"},
		{"fd:99999", EBADF, "99999"},
		{"tap:fd=", EINVAL, "tap:fd="},
		{"tap:fd=99999", EBADF, "99999"},
		{"tap:a-name-that-is-too-long", EINVAL, "a-name-that-is"},
		{"unix:/nonexistent/socket", ENOENT, "/nonexistent/socket"},
		{"unix:", EINVAL, "unix:"},
		{"10.0.0.1/24", EINVAL, "10.0.0.1/24"},
		{"wire:x 10.0.0.1", EINVAL, "10.0.0.1"},
		{"wire:x 10.0.0.1/33", EINVAL, "10.0.0.1/33"},
		{"wire:x 10.0.0.1/-1", EINVAL, "10.0.0.1/-1"},
		{"wire:x 10.0.0.1/", EINVAL, "10.0.0.1/"},
		{"wire:x 10.0.0.1/24x", EINVAL, "10.0.0.1/24x"},
		{"wire:x 10.0.0/24", EINVAL, "10.0.0/24"},
		{"wire:x 10.0.0.256/24", EINVAL, "10.0.0.256/24"},
		{"wire:x fd00::1/129", EINVAL, "fd00::1/129"},
		{"wire:x fd00::g/64", EINVAL, "fd00::g/64"},
		{"wire:x 10.0.0.1/24 10.0.1.1/24", EEXIST, "10.0.1.1/24"},
		{"wire:x fd00::1/64 fd00::1/64", EEXIST, "fd00::1/64"},
		{"wire:x mtu", EINVAL, "mtu"},
		{"wire:x mtu 67", EINVAL, "mtu"},
		{"wire:x mtu 65521", EINVAL, "mtu"},
		{"wire:x mtu ten", EINVAL, "mtu"},
		{"wire:x mtu -5", EINVAL, "mtu"},
		{"wire:x mtu 99999999999999999999", EINVAL, "mtu"},
		{"wire:x mac 02:00:00:00:00", EINVAL, "mac"},
		{"wire:x mac 02:00:00:00:00:0g", EINVAL, "mac"},
		{"wire:x mac 01:00:00:00:00:01", EINVAL, "mac"},
		{"wire:x mac 00:00:00:00:00:00", EINVAL, "mac"},
		{"wire:x gw", EINVAL, "gw"},
		{"wire:x gw 10.0.0", EINVAL, "gw"},
		{"wire:x 10.0.0.1/24 gw 10.5.0.1", ENETUNREACH, "gw"},
		{"wire:x name", EINVAL, "name"},
		{"wire:x name a-name-that-is-too-long", EINVAL, "name"},
		{"wire:x; wire:y name x", EEXIST, "name"},
		{"wire:x neigh 10.0.0.1", EINVAL, "neigh"},
		{"wire:x neigh 10.0.0.1 02:00", EINVAL, "neigh"},
		{"wire:x pcap /nonexistent/file", ENOENT, "pcap"},
		{"wire:x snap many", EINVAL, "snap"},
		{"wire:x 10.0.0.1/24 route 10.9.0.0/16 via", EINVAL, "route"},
		{"wire:x 10.0.0.1/24 route 10.9.0.0/16 over 10.0.0.2", EINVAL,
		 "route"},
		{"wire:x 10.0.0.1/24 route 10.9.0.0 via 10.0.0.2", EINVAL,
		 "route"},
		{"wire:x 10.0.0.1/24 route 10.9.0.0/16 via fd00::1", EINVAL,
		 "route"},
		{"wire:x 10.0.0.1/24 route 10.9.0.0/16 via 10.7.0.1",
		 ENETUNREACH, "route"},
		{"wire:x seed", EINVAL, "seed"},
		{"wire:x seed red", EINVAL, "seed"},
		{"gw 10.0.0.1 wire:x", EINVAL, "gw"},
		{"wire:x del 10.0.0.1/24", EINVAL, "del"},
	};
	int before = lowest_free();

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		skl_stack *s = skl_stack_open(bad[i].config);
		const struct skl_error *e = skl_error();
		bool good = !s && errno == bad[i].error &&
			    e->kind == SKL_OSERROR &&
			    strstr(e->text, bad[i].word);

		CU_ASSERT(good);
		if (!good)
			failed_print(bad[i].config, !s);
		if (s)
			skl_stack_close(s);
	}
	CU_ASSERT_EQUAL(lowest_free(), before);
}

/* Nothing is too long or too much: an error, no overrun. */
static void test_long_strings(void)
{
	static char config[200000];
	char *p = config;
	skl_stack *s;

	memset(config, 'x', sizeof(config) - 1);
	FAILS_NULL(skl_stack_open(config), EINVAL);
	p += sprintf(p, "wire:long 10.1.0.1/24 ");
	while (p < config + sizeof(config) - 64)
		p += sprintf(p, "seed %d ", (int)(p - config));
	s = skl_stack_open(config);
	CU_ASSERT(s || failed_as(SKL_OSERROR, EINVAL) ||
		  failed_as(SKL_OSERROR, ENOMEM));
	if (s)
		WORKS(skl_stack_close(s));
	p = config + sprintf(config, "wire:long 10.1.0.1/24 ");
	for (int i = 0; i < 100; i++)
		p += sprintf(p, "fd00::%x/64 ", i + 1);
	FAILS_NULL(skl_stack_open(config), ENOSPC);
	p = config;
	for (int i = 0; i < 300; i++)
		p += sprintf(p, "wire:many%d ;", i);
	FAILS_NULL(skl_stack_open(config), EMFILE);
}

/* A wire has two ends; a third stack finds it taken. */
static void test_wire_busy(void)
{
	skl_stack *a = skl_stack_open("wire:busy 10.1.0.1/24");
	skl_stack *b = skl_stack_open("wire:busy 10.1.0.2/24");

	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	FAILS_NULL(skl_stack_open("wire:busy 10.1.0.3/24"), EBUSY);
	WORKS(skl_stack_close(a));
	a = skl_stack_open("wire:busy 10.1.0.3/24");
	CU_ASSERT_PTR_NOT_NULL(a);
	WORKS(skl_stack_close(a));
	WORKS(skl_stack_close(b));
	FAILS(skl_stack_close(b), EINVAL);
	FAILS(skl_stack_close(NULL), EINVAL);
}

static void test_dead_stack(void)
{
	skl_stack *s = skl_stack_open("");
	struct skl_stack_stats st;
	struct skl_interface nif;

	WORKS(skl_stack_close(s));
	FAILS(skl_stack_stats(s, &st), ENETDOWN);
	FAILS(skl_stack_interface(s, 0, &nif), ENETDOWN);
	FAILS(skl_stack_configure(s, "lo mtu 1500"), ENETDOWN);
	FAILS(skl_stack_capture(s, "", "/tmp/none", 0, 0), ENETDOWN);
}

/* ---- Two stacks on a wire ---------------------------------------------- */

struct wired {
	skl_stack *a, *b;
};

static struct wired wired_open(const char *a, const char *b)
{
	struct wired w = {skl_stack_open(a), skl_stack_open(b)};

	if (!w.a || !w.b) {
		failed_print("skl_stack_open", true);
		CU_FAIL_FATAL("no stack");
	}
	return w;
}

static void wired_close(struct wired *w)
{
	skl_stack_set_current(NULL);
	WORKS(skl_stack_close(w->a));
	WORKS(skl_stack_close(w->b));
}

/* Does a datagram from a reach host on b? */
static bool reaches(struct wired *w, const char *host)
{
	int family = strchr(host, ':') ? AF_INET6 : AF_INET;
	skl_sock *to, *from;
	bool there;
	char c;

	skl_stack_set_current(w->b);
	to = skl_socket(family, SOCK_DGRAM, 0);
	if (skl_bind(to, skl_inet(host, 0))) {
		skl_close(to);
		return false;
	}
	skl_stack_set_current(w->a);
	from = skl_socket(family, SOCK_DGRAM, 0);
	there = skl_sendto(from, "x", 1, 0, skl_inet(host, port_of(to))) == 1;
	skl_settimeout(to, there ? 0.4 : 0);
	there = skl_recv(to, &c, 1, 0) == 1;
	skl_close(from);
	skl_close(to);
	return there;
}

static void test_change_addresses(void)
{
	struct wired w = wired_open("wire:change 10.1.0.1/24 fd01::1/64",
				    "wire:change 10.1.0.2/24 fd01::2/64");
	struct skl_interface nif;

	CU_ASSERT(reaches(&w, "10.1.0.2"));
	CU_ASSERT(reaches(&w, "fd01::2"));
	WORKS(skl_stack_configure(w.b, "change del 10.1.0.2/24"));
	WORKS(skl_stack_configure(w.b, "change 10.1.0.3/24 fd01::3/64"));
	CU_ASSERT(!reaches(&w, "10.1.0.2"));
	CU_ASSERT(reaches(&w, "10.1.0.3"));
	CU_ASSERT(reaches(&w, "fd01::3"));
	CU_ASSERT(reaches(&w, "fd01::2"));
	WORKS(skl_stack_configure(w.b, "change del fd01::2/64"));
	CU_ASSERT(!reaches(&w, "fd01::2"));
	CU_ASSERT(reaches(&w, "fd01::3"));
	nif = interface_of(w.b, 1);
	CU_ASSERT(has_address(&nif, "10.1.0.3", 24));
	CU_ASSERT(!has_address(&nif, "10.1.0.2", 24));
	CU_ASSERT(!has_address(&nif, "fd01::2", 64));
	wired_close(&w);
}

static void test_change_mtu_and_mac(void)
{
	struct wired w = wired_open("wire:mac 10.1.0.1/24 fd01::1/64",
				    "wire:mac 10.1.0.2/24 fd01::2/64");
	struct skl_interface nif;

	CU_ASSERT(reaches(&w, "10.1.0.2"));
	WORKS(skl_stack_configure(w.b, "mac mtu 9000 mac 02:11:22:33:44:55"));
	nif = interface_of(w.b, 1);
	CU_ASSERT_EQUAL(nif.mtu, 9000);
	CU_ASSERT_EQUAL(memcmp(nif.mac, "\x02\x11\x22\x33\x44\x55", 6), 0);
	/* Neighbours are told, or ask again. */
	CU_ASSERT(reaches(&w, "10.1.0.2") || reaches(&w, "10.1.0.2"));
	wired_close(&w);
}

/* A network behind the other host: by gateway, by route, and not at all. */
static void test_change_routes(void)
{
	struct wired w = wired_open("wire:routes 10.1.0.1/24 fd01::1/64",
				    "wire:routes 10.1.0.2/24 fd01::2/64;"
				    "wire:behind 10.7.0.1/24 fd07::1/64");
	skl_sock *s;

	/* b has the far address itself: no forwarding needed. */
	CU_ASSERT(!reaches(&w, "10.7.0.1"));
	WORKS(skl_stack_configure(w.a, "routes gw 10.1.0.2 gw fd01::2"));
	CU_ASSERT(reaches(&w, "10.7.0.1"));
	CU_ASSERT(reaches(&w, "fd07::1"));
	WORKS(skl_stack_configure(w.a, "routes del gw 10.1.0.2"));
	WORKS(skl_stack_configure(w.a, "routes del gw fd01::2"));
	CU_ASSERT(!reaches(&w, "10.7.0.1"));
	CU_ASSERT(!reaches(&w, "fd07::1"));
	s = skl_socket(AF_INET, SOCK_DGRAM, 0);
	FAILS(skl_sendto(s, "x", 1, 0, skl_inet("10.7.0.1", 9)), ENETUNREACH);
	skl_close(s);
	WORKS(skl_stack_configure(w.a, "- route 10.7.0.0/16 via 10.1.0.2 "
				       "route fd07::/16 via fd01::2"));
	CU_ASSERT(reaches(&w, "10.7.0.1"));
	CU_ASSERT(reaches(&w, "fd07::1"));
	WORKS(skl_stack_configure(w.a, "- del route 10.7.0.0/16 via 10.1.0.2"));
	CU_ASSERT(!reaches(&w, "10.7.0.1"));
	/* The longer prefix wins: this one leads nowhere. */
	WORKS(skl_stack_configure(w.a, "- route fd07::/64 via fd01::77"));
	CU_ASSERT(!reaches(&w, "fd07::1"));
	wired_close(&w);
}

/* A static neighbour is used without a question. */
static void test_change_neighbours(void)
{
	struct wired w = wired_open("wire:neigh 10.1.0.1/24 fd01::1/64",
				    "wire:neigh 10.1.0.2/24 fd01::2/64 "
				    "mac 02:00:00:00:00:02");

	WORKS(skl_stack_configure(w.a, "neigh neigh 10.1.0.2 "
				       "02:00:00:00:00:99"));
	WORKS(skl_stack_configure(w.a, "neigh neigh fd01::2 "
				       "02:00:00:00:00:99"));
	CU_ASSERT(!reaches(&w, "10.1.0.2"));
	CU_ASSERT(!reaches(&w, "fd01::2"));
	WORKS(skl_stack_configure(w.a, "neigh neigh 10.1.0.2 "
				       "02:00:00:00:00:02"));
	CU_ASSERT(reaches(&w, "10.1.0.2"));
	WORKS(skl_stack_configure(w.a, "neigh del neigh fd01::2 "
				       "02:00:00:00:00:99"));
	CU_ASSERT(reaches(&w, "fd01::2"));
	wired_close(&w);
}

/* Forwarding from wire to wire, and not before it is asked for. */
static void test_forward(void)
{
	struct wired w = wired_open(
		"wire:left 10.1.0.1/24 fd01::1/64 gw 10.1.0.254 gw fd01::fe",
		"wire:right 10.2.0.1/24 fd02::1/64 gw 10.2.0.254 gw fd02::fe");
	skl_stack *router =
		skl_stack_open("wire:left 10.1.0.254/24 fd01::fe/64;"
			       "wire:right 10.2.0.254/24 fd02::fe/64");

	CU_ASSERT_PTR_NOT_NULL_FATAL(router);
	CU_ASSERT(!reaches(&w, "10.2.0.1"));
	CU_ASSERT(!reaches(&w, "fd02::1"));
	WORKS(skl_stack_configure(router, "- forward"));
	CU_ASSERT(reaches(&w, "10.2.0.1"));
	CU_ASSERT(reaches(&w, "fd02::1"));
	WORKS(skl_stack_configure(router, "- del forward"));
	CU_ASSERT(!reaches(&w, "10.2.0.1"));
	wired_close(&w);
	WORKS(skl_stack_close(router));
}

static void test_change_refused(void)
{
	static const struct {
		const char *words;
		int error;
		const char *text;
	} bad[] = {
		{"", EINVAL, ""},
		{"eth9 mtu 1500", ENODEV, "eth9"},
		{"cfg mtu 5", EINVAL, "mtu"},
		{"cfg nooffload", EINVAL, "nooffload"},
		{"cfg wire:other", EINVAL, "wire:other"},
		{"cfg bogus", EINVAL, "bogus"},
		{"cfg del 10.9.9.9/24", EADDRNOTAVAIL, "10.9.9.9/24"},
		{"cfg del fd09::9/64", EADDRNOTAVAIL, "fd09::9/64"},
		{"cfg 10.1.0.9/24", EEXIST, "10.1.0.9/24"},
		{"cfg gw 10.77.0.1", ENETUNREACH, "gw"},
		{"- route 10.7.0.0/16 via 10.66.0.1", ENETUNREACH, "route"},
		{"- del route 10.7.0.0/16 via 10.1.0.9", ENOENT, "route"},
		{"- 10.1.0.2/24", EINVAL, "10.1.0.2/24"},
		{"cfg neigh 10.1.0.9", EINVAL, "neigh"},
		{"cfg del neigh 10.1.0.9 02:00:00:00:00:09", EADDRNOTAVAIL,
		 "neigh"},
	};
	skl_stack *s = skl_stack_open("wire:cfg 10.1.0.1/24");

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int result = skl_stack_configure(s, bad[i].words);
		bool good = result == -1 && errno == bad[i].error &&
			    strstr(skl_error()->text, bad[i].text);

		CU_ASSERT(good);
		if (!good)
			failed_print(bad[i].words, result == -1);
	}
	WORKS(skl_stack_configure(s, "- route 10.7.0.0/16 via 10.1.0.9"));
	FAILS(skl_stack_configure(s, "- route 10.7.0.0/16 via 10.1.0.8"),
	      EEXIST);
	WORKS(skl_stack_close(s));
}

/* ---- The current stack ------------------------------------------------- */

static long current_of_thread(void *arg)
{
	skl_stack *mine = skl_stack_open("");

	(void)arg;
	skl_stack_set_current(mine);
	CU_ASSERT_PTR_EQUAL(skl_stack_current(), mine);
	WORKS(skl_stack_close(mine));
	return 0;
}

static void test_current(void)
{
	skl_stack *a, *b, *d;
	struct worker w;
	skl_sock *s, *t;

	skl_stack_set_current(NULL);
	unsetenv("SOCKLING_STACK");
	d = skl_stack_current();
	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	CU_ASSERT_PTR_EQUAL(skl_stack_current(), d);
	a = skl_stack_open("");
	b = skl_stack_open("");
	CU_ASSERT_PTR_EQUAL(skl_stack_current(), d);
	skl_stack_set_current(a);
	s = udp_on(AF_INET);
	worker_start(&w, current_of_thread, NULL);
	worker_join(&w);
	CU_ASSERT_PTR_EQUAL(skl_stack_current(), a);
	/* A socket remembers its stack; the same port is free on another. */
	skl_stack_set_current(b);
	t = skl_socket(AF_INET, SOCK_DGRAM, 0);
	WORKS(skl_bind(t, loopback(AF_INET, port_of(s))));
	CU_ASSERT_EQUAL(port_of(s), port_of(t));
	skl_close(s);
	skl_close(t);
	WORKS(skl_stack_close(b));
	CU_ASSERT_PTR_EQUAL(skl_stack_current(), d);
	WORKS(skl_stack_close(a));
	WORKS(skl_stack_close(d));
	/* The next use opens another, from the environment. */
	setenv("SOCKLING_STACK", "wire:default 10.1.0.1/24", 1);
	s = skl_socket(AF_INET, SOCK_DGRAM, 0);
	CU_ASSERT_PTR_NOT_NULL(s);
	WORKS(skl_bind(s, skl_inet("10.1.0.1", 0)));
	skl_close(s);
	WORKS(skl_stack_close(skl_stack_current()));
	setenv("SOCKLING_STACK", "wire:default bogus", 1);
	FAILS_NULL(skl_socket(AF_INET, SOCK_DGRAM, 0), EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(skl_error()->text, "bogus"));
	unsetenv("SOCKLING_STACK");
	/* With the loopback alone, the error names the way out. */
	s = skl_socket(AF_INET, SOCK_STREAM, 0);
	FAILS(skl_connect(s, skl_inet("192.0.2.1", 80)), ENETUNREACH);
	CU_ASSERT_PTR_NOT_NULL(strstr(skl_error()->text, "SOCKLING_STACK"));
	skl_close(s);
	WORKS(skl_stack_close(skl_stack_current()));
}

static const struct suite_case cases[] = {
	{"the loopback alone", test_loopback},
	{"every word", test_words},
	{"MTUs", test_mtu_range},
	{"bad strings name the word", test_refused},
	{"long strings", test_long_strings},
	{"a wire has two ends", test_wire_busy},
	{"a closed stack", test_dead_stack},
	{"addresses change", test_change_addresses},
	{"MTU and MAC change", test_change_mtu_and_mac},
	{"routes change", test_change_routes},
	{"neighbours change", test_change_neighbours},
	{"forwarding", test_forward},
	{"changes refused", test_change_refused},
	{"the current stack", test_current},
};

SUITE_MAIN("stack", cases)
