/* SPDX-License-Identifier: BSD-3-Clause */
/* A network namespace of our own, see room.h and user_namespaces(7). */
#include "room.h"

#include "process.h"
#include "refusals.h"
#include "screen.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WORDS_MAX 16

static int file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n < 0 ? -1 : 0;
}

/* Inside we are root, which is what ip(8) looks for; outside we stay. */
static int map_ids(uid_t uid, gid_t gid)
{
	char users[32], groups[32];

	snprintf(users, sizeof(users), "0 %u 1", (unsigned)uid);
	snprintf(groups, sizeof(groups), "0 %u 1", (unsigned)gid);
	/* Since Linux 3.19 groups can be mapped only where they are fixed. */
	if (file_write("/proc/self/setgroups", "deny") && errno != ENOENT)
		return -1;
	if (file_write("/proc/self/uid_map", users))
		return -1;
	return file_write("/proc/self/gid_map", groups);
}

/*
 * A machine that is busy lets a peer wait, upon which Linux probes for a loss
 * (RFC 8985 section 7), and the capture would show a retransmission.
 */
static void probes_stop(void)
{
	file_write("/proc/sys/net/ipv4/tcp_early_retrans", "0");
}

int room_enter(struct refusal *refusal)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWNET) &&
	    (unshare(CLONE_NEWUSER | CLONE_NEWNET) || map_ids(uid, gid))) {
		refusal_namespace(refusal, errno);
		return -1;
	}
	probes_stop();
	return 0;
}

int room_ip(const char *line, bool quiet)
{
	const char *argv[WORDS_MAX + 1] = {NULL};
	char words[160], said[512];
	char *rest, *word;
	int n = 0, status;

	snprintf(words, sizeof(words), "ip %s", line);
	for (word = strtok_r(words, " ", &rest); word && n < WORDS_MAX;
	     word = strtok_r(NULL, " ", &rest))
		argv[n++] = word;
	status = process_run(argv, PATIENCE, said, sizeof(said));
	if (status == 0) {
		screen_command("ip %s", line);
		return 0;
	}
	if (!quiet)
		screen_trouble("ip %s: %s", line,
			       *said ? said : "it could not be run");
	return -1;
}
