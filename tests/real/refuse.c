/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * refuse WHAT COMMAND...: runs a command to which the kernel refuses something
 * with EPERM, through a seccomp filter that it and its children keep:
 *
 *   unshare  unshare(2): no namespaces, as in a container
 *   tap      ioctl(TUNSETIFF): no TAP interface, as without CAP_NET_ADMIN
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The low half of an argument; systems here are little endian. */
#define ARGUMENT(n) (offsetof(struct seccomp_data, args) + 8 * (n))

#define DENY (SECCOMP_RET_ERRNO | EPERM)

static struct sock_filter no_unshare[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, DENY),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

static struct sock_filter no_tap[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 3),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARGUMENT(1)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TUNSETIFF, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, DENY),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

static struct sock_fprog filter_of(const char *what)
{
	if (!strcmp(what, "unshare"))
		return (struct sock_fprog){COUNT(no_unshare), no_unshare};
	if (!strcmp(what, "tap"))
		return (struct sock_fprog){COUNT(no_tap), no_tap};
	return (struct sock_fprog){0, NULL};
}

int main(int argc, char **argv)
{
	struct sock_fprog filter = {0, NULL};

	if (argc > 2)
		filter = filter_of(argv[1]);
	if (!filter.len) {
		fprintf(stderr, "usage: refuse unshare|tap COMMAND...\n");
		return 2;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)) {
		perror("refuse: seccomp");
		return 77;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
