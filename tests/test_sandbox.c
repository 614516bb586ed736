/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sandbox contract (docs/sandbox.md): once a stack is open on a descriptor
 * that was inherited, the library makes only the system calls listed there.
 * A child installs a seccomp filter that kills on any other, and then works.
 */
#include "tests/sockets.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A sanitizer makes system calls of its own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
# define SANITIZED true
#elif defined(__has_feature)
# if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#  define SANITIZED true
# endif
#endif
#ifndef SANITIZED
# define SANITIZED false
#endif

/* The list of docs/sandbox.md. */
static const int allowed[] = {
	SYS_read,          SYS_readv,        SYS_write,
	SYS_writev,        SYS_recvfrom,     SYS_sendto,
	SYS_sendmsg,       SYS_ppoll,        SYS_futex,
	SYS_clock_gettime, SYS_getrandom,    SYS_mmap,
	SYS_munmap,        SYS_mprotect,     SYS_madvise,
	SYS_brk,           SYS_rt_sigreturn, SYS_rt_sigprocmask,
	SYS_exit,          SYS_exit_group,   SYS_set_robust_list,
	SYS_rseq,
};

enum {
	ALLOWED = sizeof(allowed) / sizeof(allowed[0])
};

/* Kills the process on any call but those of the list, in all threads. */
static int filter_install(void)
{
	struct sock_filter code[ALLOWED + 6];
	struct sock_fprog program = {.filter = code};
	unsigned n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (unsigned i = 0; i < ALLOWED; i++)
		code[n++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)allowed[i],
			(uint8_t)(ALLOWED - i), 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
						 SECCOMP_RET_KILL_PROCESS);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
						 SECCOMP_RET_ALLOW);
	program.len = (unsigned short)n;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			    SECCOMP_FILTER_FLAG_TSYNC, &program);
}

/* The work inside: an exchange over TCP and UDP, timeouts, errors. */
static int work_inside(uint8_t *buf, size_t size)
{
	skl_sock *s, *u;
	size_t done = 0;
	char c;

	s = skl_create_connection(skl_inet("10.3.0.1", 7), 10, NULL);
	if (!s)
		return 2;
	bytes_make(3, 0, buf, size);
	while (done < size) {
		if (skl_sendall(s, buf + done, 10000, 0) ||
		    receive(s, buf + done, 10000) != 10000)
			return 3;
		done += 10000;
	}
	if (!bytes_equal(3, 0, buf, size))
		return 4;
	skl_settimeout(s, 0.05);
	if (skl_recv(s, &c, 1, 0) != -1 || errno != ETIMEDOUT)
		return 5;
	u = skl_socket(AF_INET, SOCK_DGRAM, 0);
	if (!u || skl_connect(u, skl_inet("10.3.0.1", 9)) ||
	    skl_send(u, "x", 1, 0) != 1)
		return 6;
	skl_settimeout(u, 5);
	if (skl_recv(u, &c, 1, 0) != -1 || errno != ECONNREFUSED)
		return 7;
	if (skl_close(u) || skl_shutdown(s, SHUT_WR) ||
	    skl_recv(s, &c, 1, 0) != 0 || skl_close(s))
		return 8;
	return 0;
}

/* In the child: 0, or where it went wrong. */
static int child_run(int fd)
{
	enum {
		SIZE = 400000
	};
	static uint8_t buf[SIZE];
	char config[64];
	skl_stack *stack;

	snprintf(config, sizeof(config), "fd:%d 10.3.0.2/24", fd);
	stack = skl_stack_open(config);
	if (!stack)
		return 1;
	skl_stack_set_current(stack);
	if (filter_install())
		return 100;
	return work_inside(buf, SIZE);
}

/* The outside, by another stack at the other end of the descriptor. */
static long serve(void *arg)
{
	skl_sock *l = arg, *s = skl_accept(l, NULL);
	static uint8_t buf[65536];
	ssize_t n;

	while (s && (n = skl_recv(s, buf, sizeof(buf), 0)) > 0)
		if (skl_sendall(s, buf, (size_t)n, 0))
			break;
	if (s)
		skl_close(s);
	return 0;
}

static void sandboxed(int type)
{
	char config[64];
	skl_stack *stack;
	struct worker w;
	skl_sock *l;
	int ends[2], status = -1;
	pid_t child;

	if (SANITIZED) {
		suite_skip("a sanitizer makes system calls of its own");
		return;
	}
	CU_ASSERT_EQUAL(socketpair(AF_UNIX, type, 0, ends), 0);
	/* Before any thread: the child goes on to run more than exec(). */
	child = fork();
	if (child == 0) {
		close(ends[0]);
		_exit(child_run(ends[1]));
	}
	close(ends[1]);
	snprintf(config, sizeof(config), "fd:%d 10.3.0.1/24", ends[0]);
	stack = skl_stack_open(config);
	CU_ASSERT_PTR_NOT_NULL_FATAL(stack);
	skl_stack_set_current(stack);
	l = skl_create_server(skl_inet("10.3.0.1", 7), NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(l);
	worker_start(&w, serve, l);
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT(!WIFSIGNALED(status));
	if (WIFSIGNALED(status))
		printf("\n  killed by signal %d: a call that is not listed\n",
		       WTERMSIG(status));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 100)
		suite_skip("no seccomp filter here");
	else
		CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
	skl_close(l);
	worker_join(&w);
	skl_stack_set_current(NULL);
	WORKS(skl_stack_close(stack));
}

static void test_stream(void)
{
	sandboxed(SOCK_STREAM);
}

static void test_datagram(void)
{
	sandboxed(SOCK_DGRAM);
}

/* The filter is one: a call that is not listed does kill. */
static void test_filter_kills(void)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		if (filter_install())
			_exit(100);
		(void)socket(AF_INET, SOCK_STREAM, 0);
		_exit(0);
	}
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 100)
		suite_skip("no seccomp filter here");
	else
		CU_ASSERT(WIFSIGNALED(status));
}

static const struct suite_case cases[] = {
	{"the filter kills", test_filter_kills},
	{"a stream descriptor", test_stream},
	{"a datagram descriptor", test_datagram},
};

SUITE_MAIN("sandbox", cases)
