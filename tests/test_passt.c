/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Starting passt, ending it, and what becomes of a passt that can't run. That
 * it carries traffic is in tests/test_netif.c.
 */
#include "sockling/stack.h"
#include "tests/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char old_path[4096];

static bool passt_there(void)
{
	if (system("command -v passt >/dev/null 2>&1") == 0)
		return true;
	suite_skip("passt is not installed");
	return false;
}

static int descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* No child is left, not even a dead one. */
static bool childless(void)
{
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD;
}

/* ---- A passt of our own ------------------------------------------------ */

/* Puts a script in front of PATH as passt, in a folder that is returned. */
static void fake_make(char dir[32], const char *script)
{
	char path[64], value[sizeof(old_path) + 64];
	FILE *f;

	strcpy(dir, "/tmp/sockling.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/passt", dir);
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fprintf(f, "#!/bin/sh\n%s\n", script);
	fclose(f);
	chmod(path, 0755);
	snprintf(old_path, sizeof(old_path), "%s", getenv("PATH"));
	snprintf(value, sizeof(value), "%s:%s", dir, old_path);
	setenv("PATH", value, 1);
}

static void fake_drop(const char *dir)
{
	char command[64];

	setenv("PATH", old_path, 1);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	CU_ASSERT_EQUAL(system(command), 0);
}

/* Opening fails with that error and text, and leaves nothing behind. */
static void refused(const char *config, int error, const char *text)
{
	int before = descriptors();

	CU_ASSERT_PTR_NULL(skl_stack_open(config));
	CU_ASSERT_EQUAL(errno, error);
	CU_ASSERT_PTR_NOT_NULL(strstr(skl_error()->text, text));
	if (!strstr(skl_error()->text, text))
		printf("  %s: %s\n", config, skl_error()->text);
	CU_ASSERT_EQUAL(descriptors(), before);
	CU_ASSERT_TRUE(childless());
}

static void not_installed(void)
{
	snprintf(old_path, sizeof(old_path), "%s", getenv("PATH"));
	setenv("PATH", "/nonexistent", 1);
	refused("passt", ENOENT, "apt-get install passt");
	setenv("PATH", old_path, 1);
}

static void argument(void)
{
	refused("passt:eth0", EINVAL, "'passt:eth0'");
}

/* The last that it said is the reason; complaints about syslog are not. */
static void dies_at_once(void)
{
	char dir[32];

	fake_make(dir, "echo first >&2; echo 'no such luck' >&2\n"
		       "echo 'Failed to send 9 bytes to syslog' >&2; exit 1");
	refused("passt", ECONNRESET, "passt: no such luck");
	fake_drop(dir);
	fake_make(dir, "exit 0");
	refused("passt", ECONNRESET, "ended at once");
	fake_drop(dir);
}

/* Many megabytes of messages neither stop it nor fill the memory. */
static void talks_a_lot(void)
{
	char dir[32];

	fake_make(dir, "trap '' PIPE; yes 2>/dev/null | head -c 9000000 >&2\n"
		       "exit 1");
	refused("passt", ECONNRESET, "passt: y");
	fake_drop(dir);
}

/* It gets its socket, its messages, and none of our descriptors. */
static void inherits_nothing(void)
{
	int open_here = fcntl(0, F_DUPFD, 60);
	char dir[32];

	fake_make(dir, "exec ls -x /proc/self/fd >&2");
	/* 4 is how ls reads the folder. */
	refused("passt", ECONNRESET, "passt: 0  1  2  3  4");
	fake_drop(dir);
	close(open_here);
}

/* Signals that we ignore or block are as new to it. */
static void signals_are_default(void)
{
	char dir[32];

	/* Those that are left, 32 and 33, are libc's own. */
	fake_make(dir, "grep -q '^SigBlk:.0*$' /proc/self/status &&\n"
		       "grep -q '^SigIgn:.*[08]0000000$' /proc/self/status &&\n"
		       "echo default >&2");
	signal(SIGPIPE, SIG_IGN);
	refused("passt", ECONNRESET, "passt: default");
	signal(SIGPIPE, SIG_DFL);
	fake_drop(dir);
}

/* One that answers and then does not end is killed. */
static void will_not_end(void)
{
	struct timespec before, after;
	skl_stack *s;
	char dir[32];

	fake_make(dir, "printf x >&3; trap '' TERM HUP; exec sleep 100");
	s = skl_stack_open("passt");
	fake_drop(dir);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	clock_gettime(CLOCK_MONOTONIC, &before);
	CU_ASSERT_EQUAL(skl_stack_close(s), 0);
	clock_gettime(CLOCK_MONOTONIC, &after);
	CU_ASSERT(after.tv_sec - before.tv_sec < 30);
	CU_ASSERT_TRUE(childless());
}

/* ---- The real one ------------------------------------------------------ */

/* A listener of the kernel's on the loopback; its port. */
static int listener_make(uint16_t *port)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t size = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, size) ||
	    listen(fd, 8) || getsockname(fd, (struct sockaddr *)&sin, &size))
		return -1;
	*port = ntohs(sin.sin_port);
	return fd;
}

/* Does a stack of that configuration reach the host's loopback? */
static bool reaches_host(const char *config)
{
	skl_stack *s = skl_stack_open(config);
	skl_sock *client;
	uint16_t port = 0;
	int listener = listener_make(&port), fd;
	char buf[8] = "";

	if (!s) {
		printf("\n  %s\n", skl_error()->text);
		close(listener);
		return false;
	}
	skl_stack_set_current(s);
	client = skl_create_connection(skl_inet("10.0.2.2", port), 10.0, NULL);
	fd = client ? accept(listener, NULL, NULL) : -1;
	if (fd >= 0 && skl_sendall(client, "hello", 5, 0) == 0 &&
	    recv(fd, buf, 5, MSG_WAITALL) != 5)
		buf[0] = '\0';
	close(fd);
	close(listener);
	skl_close(client);
	skl_stack_set_current(NULL);
	skl_stack_close(s);
	return !strcmp(buf, "hello");
}

/* In a child, so that what prepare does to the process ends with it. */
static bool child_reaches_host(int (*prepare)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(prepare()                              ? 2
		      : reaches_host("passt") && childless() ? 0
							     : 1);
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
		suite_skip("not permitted here");
	else
		CU_ASSERT_EQUAL(status, 0);
	return status == 0;
}

static void comes_and_goes(void)
{
	int before = descriptors();

	if (!passt_there())
		return;
	for (int i = 0; i < 5; i++) {
		CU_ASSERT_TRUE(reaches_host("passt"));
		CU_ASSERT_TRUE(childless());
	}
	CU_ASSERT_EQUAL(descriptors(), before);
}

/* 10.0.2.2 is the host whatever the addresses are. */
static void own_addresses(void)
{
	if (!passt_there())
		return;
	CU_ASSERT_TRUE(reaches_host("passt 10.9.8.7/24 gw 10.9.8.1"));
}

/* The interface's figures, and that a word overrides them. */
static void interface(void)
{
	struct skl_interface i = {.name = ""};
	skl_stack *s;

	if (!passt_there())
		return;
	s = skl_stack_open("passt");
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(skl_stack_interface(s, 1, &i), 0);
	CU_ASSERT_EQUAL(i.mtu, 65520);
	CU_ASSERT_TRUE(i.up);
	CU_ASSERT_FALSE(i.offload);
	CU_ASSERT_EQUAL(skl_stack_close(s), 0);
	s = skl_stack_open("passt mtu 1500");
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(skl_stack_interface(s, 1, &i), 0);
	CU_ASSERT_EQUAL(i.mtu, 1500);
	CU_ASSERT_EQUAL(skl_stack_close(s), 0);
}

static int become_nobody(void)
{
	return setgid(65534) || setuid(65534);
}

static void as_ordinary_user(void)
{
	if (!passt_there())
		return;
	if (geteuid()) {
		CU_ASSERT_TRUE(reaches_host("passt"));
		return;
	}
	child_reaches_host(become_nobody);
}

static int go_offline(void)
{
	return unshare(CLONE_NEWNET) || system("ip link set lo up");
}

/* A machine without routes still reaches itself. */
static void without_routes(void)
{
	if (!passt_there())
		return;
	child_reaches_host(go_offline);
}

static const struct suite_case cases[] = {
	{"not_installed", not_installed},
	{"argument", argument},
	{"dies_at_once", dies_at_once},
	{"talks_a_lot", talks_a_lot},
	{"inherits_nothing", inherits_nothing},
	{"signals_are_default", signals_are_default},
	{"will_not_end", will_not_end},
	{"comes_and_goes", comes_and_goes},
	{"own_addresses", own_addresses},
	{"interface", interface},
	{"as_ordinary_user", as_ordinary_user},
	{"without_routes", without_routes},
};

SUITE_MAIN("passt", cases)
