/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Causes of refusals.
 *
 * An error number says little: EPERM of unshare(2) may come from a switch of
 * the distribution, from a container's seccomp filter or from a chroot.  So
 * the switches are read, in the order in which the kernel asks them.
 */
#include "refusals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define TUN       "/dev/net/tun"
#define TUN_MAJOR 10
#define TUN_MINOR 200

void refusal_set(struct refusal *r, const char *what, const char *line,
		 const char *why, ...)
{
	va_list args;

	snprintf(r->what, sizeof(r->what), "%s", what);
	snprintf(r->line, sizeof(r->line), "%s", line);
	va_start(args, why);
	vsnprintf(r->why, sizeof(r->why), why, args);
	va_end(args);
}

/* A file of /proc as text, "" where there is none. */
static void read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
}

/* Is a switch there, and has it this value? */
static bool is_set(const char *path, long value)
{
	char text[32];

	read_text(path, text, sizeof(text));
	return *text && strtol(text, NULL, 10) == value;
}

/* A switch of the kernel or the distribution that forbids namespaces. */
struct namespace_switch {
	const char *path;
	long forbids;
	bool spares_root;
	const char *line;
};

static const struct namespace_switch switches[] = {
	{"/proc/sys/user/max_user_namespaces", 0, false,
	 "sysctl -w user.max_user_namespaces=10000"},
	{"/proc/sys/user/max_net_namespaces", 0, false,
	 "sysctl -w user.max_net_namespaces=10000"},
	{"/proc/sys/kernel/unprivileged_userns_clone", 0, true,
	 "sysctl -w kernel.unprivileged_userns_clone=1"},
	{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 1, true,
	 "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"},
};

static const char namespace_what[] = "a user and network namespace of our own";

static const struct namespace_switch *switch_find(void)
{
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		const struct namespace_switch *s = &switches[i];

		if (!(s->spares_root && geteuid() == 0) &&
		    is_set(s->path, s->forbids))
			return s;
	}
	return NULL;
}

static bool is_filtered(void)
{
	char text[4096];
	const char *line;

	read_text("/proc/self/status", text, sizeof(text));
	line = strstr(text, "\nSeccomp:");
	return line && strtol(line + strlen("\nSeccomp:"), NULL, 10) == 2;
}

void refusal_namespace(struct refusal *r, int error)
{
	const struct namespace_switch *s = switch_find();

	if (s)
		refusal_set(r, namespace_what, s->line, "%s is %ld", s->path,
			    s->forbids);
	else if (error == EPERM && is_filtered())
		refusal_set(r, namespace_what,
			    "docker run --privileged ... (or the like)",
			    "a seccomp filter forbids unshare, as containers "
			    "have it");
	else if (error == ENOSPC || error == EUSERS)
		refusal_set(r, namespace_what,
			    "sysctl -w user.max_user_namespaces=10000 "
			    "user.max_net_namespaces=10000",
			    "there are too many, or too many inside each "
			    "other");
	else
		refusal_set(r, namespace_what, "sudo make demo",
			    "the kernel says: %s", strerror(error));
}

/*
 * For its own safety passt makes a user namespace, and ends where it can't:
 * then what forbids that is to blame.
 */
void refusal_passt(struct refusal *r, const char *said)
{
	refusal_namespace(r, EPERM);
	snprintf(r->what, sizeof(r->what),
		 "passt, a network without privileges");
	snprintf(r->why, sizeof(r->why), "passt says: %.128s", said);
}

/* ---- The device -------------------------------------------------------- */

static bool is_tun(const struct stat *st)
{
	return S_ISCHR(st->st_mode) &&
	       st->st_rdev == makedev(TUN_MAJOR, TUN_MINOR);
}

/* Does the kernel have the driver, loaded? */
static bool is_driver_there(void)
{
	char text[4096];

	read_text("/proc/misc", text, sizeof(text));
	return strstr(text, "200 tun") != NULL;
}

static void refusal_missing(struct refusal *r)
{
	if (is_driver_there())
		refusal_set(r, TUN,
			    "mkdir -p /dev/net && mknod -m 666 " TUN
			    " c 10 200",
			    "there is no such file, though the kernel has the "
			    "driver");
	else
		refusal_set(r, TUN, "modprobe tun",
			    "there is no such file: the driver is not loaded");
}

static void refusal_open(struct refusal *r, int error)
{
	if (error == ENOENT || error == ENOTDIR)
		refusal_missing(r);
	else if (error == EACCES)
		refusal_set(r, TUN, "chmod 666 " TUN,
			    "it may not be opened by this user");
	else if (error == EPERM)
		refusal_set(r, TUN,
			    "docker run --device " TUN " ... (or the like)",
			    "the container may not use the device");
	else if (error == ENXIO || error == ENODEV)
		refusal_set(r, TUN, "modprobe tun",
			    "the file is there, the driver is not loaded");
	else
		refusal_set(r, TUN, "modprobe tun", "it can't be opened: %s",
			    strerror(error));
}

int refusal_tun(struct refusal *r)
{
	int fd = open(TUN, O_RDWR | O_CLOEXEC);
	struct stat st;

	if (fd < 0) {
		refusal_open(r, errno);
		return -1;
	}
	if (fstat(fd, &st) == 0 && !is_tun(&st)) {
		refusal_set(r, TUN,
			    "rm -f " TUN " && mknod -m 666 " TUN " c 10 200",
			    "it is not the TUN device: something else lies "
			    "there");
		close(fd);
		return -1;
	}
	close(fd);
	return 0;
}

void refusal_tap(struct refusal *r, const struct skl_error *error)
{
	if (error->code == EPERM)
		refusal_set(r, "a TAP interface (TUNSETIFF)", "sudo make demo",
			    "the capability CAP_NET_ADMIN is withheld, even "
			    "in a namespace of our own");
	else
		refusal_set(r, "a TAP interface", "sudo make demo", "%s",
			    error->text);
}
