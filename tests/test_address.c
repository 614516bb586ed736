/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses: Python's forms of a host, binary and text, the system's form, and
 * what is refused with which class of error. libc's own functions judge where
 * they do the same.
 */
#include "tests/sockets.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

/* ---- Text and bytes ---------------------------------------------------- */

static void test_aton(void)
{
	/* All forms of inet_aton(3), and what it refuses. */
	static const char *const texts[] = {
		"127.0.0.1",
		"127.1",
		"127.0.1",
		"1",
		"0",
		"0x7f.1",
		"0x7f000001",
		"017700000001",
		"010.020.0.1",
		"255.255.255.255",
		"4294967295",
		"1.2.3",
		"1.2.65535",
		"1.16777215",
		"0X7F.0.0.0x1",
		"",
		" ",
		"256.1.1.1",
		"1.2.3.256",
		"1.2.65536",
		"1.16777216",
		"4294967296",
		"1.2.3.4.5",
		"1..2.3",
		".1.2.3",
		"1.2.3.",
		"a.b.c.d",
		"1.2.3.4x",
		"-1.2.3.4",
		"08.1.1.1",
		"0x",
		"1.2.3.0x",
		"+1.2.3.4",
		"1.2.3.4 ",
		"1.2.3.4\n",
		" 1.2.3.4",
		"::1",
		"0x1ffffffff",
		"99999999999999999999",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct in_addr want;
		uint8_t got[4] = {9, 9, 9, 9};
		/* glibc's stops at white space and ignores the rest; Python's
		 * document says that it depends on the C library. */
		bool ok = inet_aton(texts[i], &want);
		bool same;

		if (ok) {
			same = !skl_inet_aton(texts[i], got) &&
			       !memcmp(got, &want, 4);
		} else {
			same = skl_inet_aton(texts[i], got) == -1 &&
			       failed_as(SKL_OSERROR, EINVAL);
		}
		CU_ASSERT(same);
		if (!same)
			printf("\n  inet_aton \"%s\": libc %s\n", texts[i],
			       ok ? "takes it" : "refuses");
	}
}

static void test_pton(void)
{
	static const char *const texts[] = {
		"127.0.0.1",
		"127.1",
		"1.2.3.4.5",
		"01.2.3.4",
		"1.2.3.256",
		"",
		"::",
		"::1",
		"1::",
		"2001:db8::1",
		"::ffff:1.2.3.4",
		"1:2:3:4:5:6:7:8",
		"1:2:3:4:5:6:7::",
		"::2:3:4:5:6:7:8",
		"1:2:3:4:5:6:1.2.3.4",
		"1:2:3:4:5:6:7:1.2.3.4",
		"1::2::3",
		"12345::",
		"g::",
		":::",
		":",
		"1:2:3",
		"::1%lo",
		"[::1]",
		"::1.2.3",
		"2001:DB8::A",
		"fe80::1",
		"::1 ",
	};
	static const int families[] = {AF_INET, AF_INET6};
	uint8_t want[16], got[16];

	for (size_t i = 0; i < 2 * sizeof(texts) / sizeof(texts[0]); i++) {
		const char *text = texts[i / 2];
		int family = families[i % 2];

		memset(got, 0, sizeof(got));
		memset(want, 0, sizeof(want));
		if (inet_pton(family, text, want) == 1) {
			WORKS(skl_inet_pton(family, text, got));
			CU_ASSERT_EQUAL(memcmp(want, got, 16), 0);
		} else {
			FAILS(skl_inet_pton(family, text, got), EINVAL);
		}
	}
	FAILS(skl_inet_pton(AF_UNIX, "127.0.0.1", got), EAFNOSUPPORT);
	FAILS(skl_inet_pton(-1, "127.0.0.1", got), EAFNOSUPPORT);
}

static void test_ntop(void)
{
	uint8_t bytes[16];
	char want[64], got[64];

	suite_seed();
	for (int i = 0; i < 3000; i++) {
		for (int j = 0; j < 16; j++)
			bytes[j] = suite_random(3) ? 0
						   : (uint8_t)suite_random(256);
		if (i % 3 == 0) /* mapped */
			memcpy(bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
		inet_ntop(AF_INET6, bytes, want, sizeof(want));
		CU_ASSERT_PTR_EQUAL(
			skl_inet_ntop(AF_INET6, bytes, 16, got, sizeof(got)),
			got);
		CU_ASSERT_STRING_EQUAL(got, want);
		inet_ntop(AF_INET, bytes + 12, want, sizeof(want));
		CU_ASSERT_PTR_NOT_NULL(skl_inet_ntop(AF_INET, bytes + 12, 4,
						     got, sizeof(got)));
		CU_ASSERT_STRING_EQUAL(got, want);
		CU_ASSERT_PTR_NOT_NULL(
			skl_inet_ntoa(bytes + 12, 4, got, sizeof(got)));
		CU_ASSERT_STRING_EQUAL(got, want);
	}
}

#define FAILS_NULL_AS(call, kind, code) FAILS_AS((call) ? 0 : -1, kind, code)

static void test_ntop_refuses(void)
{
	uint8_t bytes[16] = {1, 2, 3, 4};
	char buf[64];

	FAILS_NULL_AS(skl_inet_ntoa(bytes, 3, buf, 64), SKL_VALUEERROR, EINVAL);
	FAILS_NULL_AS(skl_inet_ntoa(bytes, 5, buf, 64), SKL_VALUEERROR, EINVAL);
	FAILS_NULL_AS(skl_inet_ntop(AF_INET, bytes, 16, buf, 64),
		      SKL_VALUEERROR, EINVAL);
	FAILS_NULL_AS(skl_inet_ntop(AF_INET6, bytes, 4, buf, 64),
		      SKL_VALUEERROR, EINVAL);
	FAILS_NULL(skl_inet_ntop(AF_UNIX, bytes, 4, buf, 64), EAFNOSUPPORT);
	FAILS_NULL(skl_inet_ntoa(bytes, 4, buf, 7), ENOSPC);
	CU_ASSERT_PTR_NOT_NULL(skl_inet_ntoa(bytes, 4, buf, 8));
	FAILS_NULL(skl_inet_ntop(AF_INET6, bytes, 16, buf, 3), ENOSPC);
	FAILS_NULL(skl_inet_ntop(AF_INET6, bytes, 16, buf, 0), ENOSPC);
}

/* ---- Byte order -------------------------------------------------------- */

static void test_byte_order(void)
{
	CU_ASSERT_EQUAL(skl_htonl(0x01020304), 0x04030201);
	CU_ASSERT_EQUAL(skl_ntohl(0x01020304), 0x04030201);
	CU_ASSERT_EQUAL(skl_htonl(0xffffffff), 0xffffffff);
	CU_ASSERT_EQUAL(skl_htonl(0), 0);
	CU_ASSERT_EQUAL(skl_htons(0x0102), 0x0201);
	CU_ASSERT_EQUAL(skl_ntohs(0x0102), 0x0201);
	CU_ASSERT_EQUAL(skl_htons(0xffff), 0xffff);
	FAILS_AS(skl_htonl(-1), SKL_OVERFLOWERROR, EOVERFLOW);
	FAILS_AS(skl_htonl(1LL << 32), SKL_OVERFLOWERROR, EOVERFLOW);
	FAILS_AS(skl_ntohl(INT64_MIN), SKL_OVERFLOWERROR, EOVERFLOW);
	FAILS_AS(skl_ntohl(INT64_MAX), SKL_OVERFLOWERROR, EOVERFLOW);
	FAILS_AS(skl_htons(-1), SKL_OVERFLOWERROR, EOVERFLOW);
	FAILS_AS(skl_htons(65536), SKL_OVERFLOWERROR, EOVERFLOW);
	FAILS_AS(skl_ntohs(65536), SKL_OVERFLOWERROR, EOVERFLOW);
	FAILS_AS(skl_ntohs(-70000), SKL_OVERFLOWERROR, EOVERFLOW);
}

/* ---- Formats ----------------------------------------------------------- */

/* The address of a bound socket as the tuple's parts and as text. */
static void bound_as(int family, skl_addr a, const char *host, bool same_port)
{
	skl_sock *s = skl_socket(family, SOCK_DGRAM, 0);
	skl_addr got;

	WORKS(skl_bind(s, a));
	WORKS(skl_getsockname(s, &got));
	CU_ASSERT_EQUAL(got.family, family);
	CU_ASSERT_PTR_NULL(got.name);
	CU_ASSERT_STRING_EQUAL(host_of(&got), host);
	if (same_port)
		CU_ASSERT_EQUAL(got.port, a.port);
	CU_ASSERT(got.port);
	skl_close(s);
}

static void test_hosts(void)
{
	skl_stack *stack = case_open("");

	bound_as(AF_INET, skl_inet("127.0.0.1", 4000), "127.0.0.1", true);
	bound_as(AF_INET, skl_inet("127.1", 0), "127.0.0.1", false);
	bound_as(AF_INET, skl_inet("", 0), "0.0.0.0", false);
	bound_as(AF_INET, skl_inet(NULL, 65535), "0.0.0.0", true);
	bound_as(AF_INET, skl_inet("localhost", 0), "127.0.0.1", false);
	bound_as(AF_INET, skl_inet("LocalHost", 0), "127.0.0.1", false);
	bound_as(AF_INET6, skl_inet("localhost", 0), "::1", false);
	bound_as(AF_INET6, skl_inet("::1", 0), "::1", false);
	bound_as(AF_INET6, skl_inet("", 0), "::", false);
	bound_as(AF_INET6, skl_inet6("", 0, 0, 0), "::", false);
	bound_as(AF_INET6, skl_inet6("0:0::0:1", 4001, 0, 0), "::1", true);
	bound_as(AF_INET6, skl_inet("::ffff:127.0.0.1", 0), "::ffff:127.0.0.1",
		 false);
	case_close(stack);
}

static void test_hosts_refused(void)
{
	static const struct {
		int family;
		skl_addr a;
		enum skl_error_class kind;
		int code;
	} bad[] = {
		{AF_INET, {.name = "::1"}, SKL_GAIERROR, EAI_ADDRFAMILY},
		{AF_INET, {.name = "host.invalid"}, SKL_GAIERROR, EAI_NONAME},
		{AF_INET, {.name = "1.2.3.4.5"}, SKL_GAIERROR, EAI_NONAME},
		{AF_INET, {.name = "256.0.0.1"}, SKL_GAIERROR, EAI_NONAME},
		{AF_INET6, {.name = "::g"}, SKL_GAIERROR, EAI_NONAME},
		{AF_INET6, {.name = "<broadcast>"}, SKL_GAIERROR, EAI_NONAME},
		{AF_INET6, {.name = "::1%nolink"}, SKL_GAIERROR, EAI_NONAME},
		{AF_INET,
		 {.name = "", .bad_port = true},
		 SKL_OVERFLOWERROR,
		 EOVERFLOW},
		{AF_INET6,
		 {.name = "::1", .flowinfo = 1 << 20},
		 SKL_OVERFLOWERROR,
		 EOVERFLOW},
		{AF_INET, {.family = AF_INET6}, SKL_OSERROR, EAFNOSUPPORT},
		{AF_INET6, {.family = AF_INET}, SKL_OSERROR, EAFNOSUPPORT},
		{AF_INET, {.family = AF_UNIX}, SKL_OSERROR, EAFNOSUPPORT},
	};
	skl_stack *stack = case_open("");
	char long_name[3000];
	skl_sock *s;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		s = skl_socket(bad[i].family, SOCK_DGRAM, 0);
		FAILS_AS(skl_bind(s, bad[i].a), bad[i].kind, bad[i].code);
		FAILS_AS(skl_connect(s, bad[i].a), bad[i].kind, bad[i].code);
		FAILS_AS(skl_sendto(s, "x", 1, 0, bad[i].a), bad[i].kind,
			 bad[i].code);
		skl_close(s);
	}
	/* A name is quoted in the text, however long. */
	memset(long_name, 'n', sizeof(long_name));
	long_name[sizeof(long_name) - 1] = '\0';
	s = skl_socket(AF_INET, SOCK_DGRAM, 0);
	FAILS_AS(skl_connect(s, skl_inet(long_name, 1)), SKL_GAIERROR,
		 EAI_NONAME);
	FAILS_AS(skl_connect(s, skl_inet("no.such.host", 1)), SKL_GAIERROR,
		 EAI_NONAME);
	CU_ASSERT_PTR_NOT_NULL(strstr(skl_error()->text, "no.such.host"));
	skl_close(s);
	case_close(stack);
}

/* "%interface", by name and by number, and back. */
static void test_zones(void)
{
	skl_stack *stack = case_open("wire:zones fe80::5/64 name w0");
	struct skl_interface nif;
	char text[SKL_ADDRSTRLEN], want[SKL_ADDRSTRLEN];
	skl_sock *s;
	skl_addr a;

	WORKS(skl_stack_interface(stack, 1, &nif));
	CU_ASSERT_STRING_EQUAL(nif.name, "w0");
	for (int i = 0; i < 3; i++) {
		s = skl_socket(AF_INET6, SOCK_DGRAM, 0);
		snprintf(text, sizeof(text), "fe80::5%%%u", nif.index);
		a = i == 0   ? skl_inet("fe80::5%w0", 0)
		    : i == 1 ? skl_inet(text, 0)
			     : skl_inet6("fe80::5", 0, 0, nif.index);
		WORKS(skl_bind(s, a));
		WORKS(skl_getsockname(s, &a));
		CU_ASSERT_EQUAL(a.scope_id, nif.index);
		snprintf(want, sizeof(want), "fe80::5%%%s", "w0");
		/* By name where it is known, by number else. */
		CU_ASSERT(!strcmp(host_of(&a), want) ||
			  !strcmp(host_of(&a), text));
		skl_close(s);
	}
	case_close(stack);
}

static void test_format(void)
{
	skl_addr four = {.family = AF_INET, .port = 80, .ip = {192, 0, 2, 1}};
	skl_addr six = {.family = AF_INET6,
			.port = 8080,
			.ip = {0x20, 1, 0xd, 0xb8, [15] = 1}};
	skl_addr odd = {.family = AF_UNIX};
	char buf[SKL_ADDRSTRLEN];

	CU_ASSERT_STRING_EQUAL(skl_addr_format(&four, buf, sizeof(buf)),
			       "192.0.2.1:80");
	CU_ASSERT_STRING_EQUAL(skl_addr_format(&six, buf, sizeof(buf)),
			       "[2001:db8::1]:8080");
	CU_ASSERT_STRING_EQUAL(skl_addr_host(&six, buf, sizeof(buf)),
			       "2001:db8::1");
	FAILS_NULL(skl_addr_format(&odd, buf, sizeof(buf)), EAFNOSUPPORT);
	FAILS_NULL(skl_addr_host(&odd, buf, sizeof(buf)), EAFNOSUPPORT);
	FAILS_NULL(skl_addr_host(&four, buf, 9), ENOSPC);
	CU_ASSERT_PTR_NOT_NULL(skl_addr_host(&four, buf, 10));
	FAILS_NULL(skl_addr_format(&four, buf, 12), ENOSPC);
	CU_ASSERT_PTR_NOT_NULL(skl_addr_format(&four, buf, 13));
	FAILS_NULL(skl_addr_format(&six, buf, 0), ENOSPC);
	/* The longest there is fits in what the header promises. */
	memset(six.ip, 0xff, 16);
	six.port = 65535;
	six.scope_id = UINT32_MAX;
	CU_ASSERT_PTR_NOT_NULL(skl_addr_format(&six, buf, SKL_ADDRSTRLEN));
}

/* ---- The system's form ------------------------------------------------- */

static void test_sockaddr(void)
{
	struct sockaddr_in four = {.sin_family = AF_INET,
				   .sin_port = htons(443)};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6,
				   .sin6_port = htons(444),
				   .sin6_flowinfo = htonl(0x12345),
				   .sin6_scope_id = 3};
	struct sockaddr_storage back = {0};
	struct sockaddr *sa = (struct sockaddr *)&back;
	skl_addr a;

	four.sin_addr.s_addr = htonl(0xc0000201);
	inet_pton(AF_INET6, "fe80::1", &six.sin6_addr);
	WORKS(skl_addr_from_sockaddr(&a, (struct sockaddr *)&four,
				     sizeof(four)));
	CU_ASSERT_EQUAL(a.family, AF_INET);
	CU_ASSERT_EQUAL(a.port, 443);
	CU_ASSERT_STRING_EQUAL(host_of(&a), "192.0.2.1");
	CU_ASSERT_EQUAL(skl_addr_to_sockaddr(&a, sa, sizeof(back)),
			sizeof(four));
	CU_ASSERT_EQUAL(memcmp(&back, &four, sizeof(four)), 0);

	WORKS(skl_addr_from_sockaddr(&a, (struct sockaddr *)&six, sizeof(six)));
	CU_ASSERT_EQUAL(a.family, AF_INET6);
	CU_ASSERT_EQUAL(a.port, 444);
	CU_ASSERT_EQUAL(a.flowinfo, 0x12345);
	CU_ASSERT_EQUAL(a.scope_id, 3);
	CU_ASSERT_EQUAL(skl_addr_to_sockaddr(&a, sa, sizeof(back)),
			sizeof(six));
	CU_ASSERT_EQUAL(memcmp(&back, &six, sizeof(six)), 0);
}

static void test_sockaddr_refuses(void)
{
	struct sockaddr_storage ss = {.ss_family = AF_INET6};
	struct sockaddr *sa = (struct sockaddr *)&ss;
	skl_addr a = {.family = AF_INET6}, name = skl_inet("localhost", 80);
	skl_addr odd = {.family = AF_UNIX};

	FAILS(skl_addr_from_sockaddr(&a, sa, 0), EINVAL);
	FAILS(skl_addr_from_sockaddr(&a, sa, 1), EINVAL);
	FAILS(skl_addr_from_sockaddr(&a, sa, sizeof(struct sockaddr_in)),
	      EINVAL);
	FAILS(skl_addr_from_sockaddr(&a, sa, sizeof(struct sockaddr_in6) - 1),
	      EINVAL);
	ss.ss_family = AF_INET;
	FAILS(skl_addr_from_sockaddr(&a, sa, sizeof(struct sockaddr_in) - 1),
	      EINVAL);
	ss.ss_family = AF_UNIX;
	FAILS(skl_addr_from_sockaddr(&a, sa, sizeof(ss)), EAFNOSUPPORT);
	FAILS((int)skl_addr_to_sockaddr(&name, sa, sizeof(ss)), EINVAL);
	FAILS((int)skl_addr_to_sockaddr(&odd, sa, sizeof(ss)), EAFNOSUPPORT);
	a = (skl_addr){.family = AF_INET6};
	FAILS((int)skl_addr_to_sockaddr(&a, sa,
					sizeof(struct sockaddr_in6) - 1),
	      ENOSPC);
	a.family = AF_INET;
	FAILS((int)skl_addr_to_sockaddr(&a, sa, 0), ENOSPC);
}

/* ---- Errors ------------------------------------------------------------ */

static void test_error_names(void)
{
	static const char *const names[] = {
		[SKL_OSERROR] = "OSError",
		[SKL_TIMEOUT] = "timeout",
		[SKL_HERROR] = "herror",
		[SKL_GAIERROR] = "gaierror",
		[SKL_VALUEERROR] = "ValueError",
		[SKL_TYPEERROR] = "TypeError",
		[SKL_OVERFLOWERROR] = "OverflowError",
	};

	for (int i = SKL_OSERROR; i <= SKL_OVERFLOWERROR; i++)
		CU_ASSERT_STRING_EQUAL(skl_error_name((enum skl_error_class)i),
				       names[i]);
	CU_ASSERT_PTR_NOT_NULL(skl_error_name(SKL_NO_ERROR));
	CU_ASSERT_PTR_NOT_NULL(skl_error_name((enum skl_error_class)99));
}

static long other_threads_error(void *arg)
{
	const struct skl_error *e = skl_error();

	(void)arg;
	CU_ASSERT_PTR_NOT_NULL(e);
	CU_ASSERT_EQUAL(e->kind, SKL_NO_ERROR);
	CU_ASSERT_PTR_NOT_NULL(e->text);
	FAILS_AS(skl_htons(-1), SKL_OVERFLOWERROR, EOVERFLOW);
	return 0;
}

/* Each thread has its own; success leaves errno and skl_error() alone. */
static void test_error_of_thread(void)
{
	skl_stack *stack = case_open("");
	struct worker w;
	skl_sock *s = udp_on(AF_INET);
	uint8_t ip[4];

	FAILS(skl_inet_aton("nonsense", ip), EINVAL);
	worker_start(&w, other_threads_error, NULL);
	worker_join(&w);
	CU_ASSERT(failed_as(SKL_OSERROR, EINVAL));
	WORKS(skl_inet_aton("127.0.0.1", ip));
	WORKS(skl_setsockopt(s, SOL_SOCKET, SO_REUSEADDR, 1));
	CU_ASSERT_EQUAL(skl_type(s), SOCK_DGRAM);
	CU_ASSERT(skl_fileno(s) >= 0);
	WORKS(skl_close(s));
	CU_ASSERT(failed_as(SKL_OSERROR, EINVAL));
	case_close(stack);
}

static const struct suite_case cases[] = {
	{"inet_aton", test_aton},
	{"inet_pton", test_pton},
	{"inet_ntop and inet_ntoa", test_ntop},
	{"inet_ntop and inet_ntoa refuse", test_ntop_refuses},
	{"htonl and kin", test_byte_order},
	{"hosts", test_hosts},
	{"hosts refused", test_hosts_refused},
	{"zones", test_zones},
	{"formats", test_format},
	{"sockaddr", test_sockaddr},
	{"sockaddr refused", test_sockaddr_refuses},
	{"names of errors", test_error_names},
	{"errors belong to threads", test_error_of_thread},
};

SUITE_MAIN("address", cases)
