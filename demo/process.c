/* SPDX-License-Identifier: BSD-3-Clause */
/* Children, see process.h. */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KEPT_FD 3

#define CHILDREN_MAX 16

/* For how long SIGTERM is given a chance. */
#define END_SECONDS 1.0

double process_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Which of the children are there; 0: a free place. */
static pid_t children[CHILDREN_MAX];

static void children_replace(pid_t old, pid_t new)
{
	for (int i = 0; i < CHILDREN_MAX; i++) {
		if (children[i] != old)
			continue;
		children[i] = new;
		return;
	}
}

pid_t process_fork(void)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid > 0)
		children_replace(0, pid);
	if (pid)
		return pid;
	memset(children, 0, sizeof(children));
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It may have died before we asked. */
	if (getppid() != parent)
		_exit(1);
	return 0;
}

/* In the child: its descriptors, and then it is another program. */
static void become(const char *const argv[], int keep, int out, int failure)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int error;

	/* Above KEPT_FD, which is about to be taken. */
	failure = fcntl(failure, F_DUPFD_CLOEXEC, KEPT_FD + 1);
	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	if (keep == KEPT_FD)
		fcntl(keep, F_SETFD, 0);
	else if (keep >= 0)
		dup2(keep, KEPT_FD);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	error = errno;
	(void)!write(failure, &error, sizeof(error));
	_exit(127);
}

/* The pipe is closed by exec, or carries the error that it met. */
static int start_error(int fd)
{
	int error = 0;

	while (read(fd, &error, sizeof(error)) < 0 && errno == EINTR)
		;
	return error;
}

pid_t process_start(const char *const argv[], int keep, int *out)
{
	int output[2], failure[2], error;
	pid_t pid;

	if (pipe2(output, O_CLOEXEC))
		return -1;
	if (pipe2(failure, O_CLOEXEC)) {
		close(output[0]);
		close(output[1]);
		return -1;
	}
	pid = process_fork();
	if (pid == 0)
		become(argv, keep, output[1], failure[1]);
	close(output[1]);
	close(failure[1]);
	error = pid < 0 ? EAGAIN : start_error(failure[0]);
	close(failure[0]);
	if (!error) {
		*out = output[0];
		return pid;
	}
	close(output[0]);
	if (pid > 0)
		process_end(pid);
	errno = error;
	return -1;
}

size_t process_read(int fd, const char *mark, double seconds, char *text,
		    size_t size)
{
	double end = process_clock() + seconds;
	size_t len = 0;

	text[0] = '\0';
	while (len + 1 < size && !(mark && strstr(text, mark))) {
		struct pollfd in = {.fd = fd, .events = POLLIN};
		double left = end - process_clock();
		ssize_t n;

		if (left <= 0 || poll(&in, 1, (int)(left * 1000) + 1) <= 0)
			break;
		n = read(fd, text + len, size - 1 - len);
		if (n <= 0)
			break;
		len += (size_t)n;
		text[len] = '\0';
	}
	return len;
}

/* Has it ended before the time is over? Then its status is taken. */
static bool ended_by(pid_t pid, double seconds, int *status)
{
	struct pollfd ended = {.events = POLLIN};
	int n;

	ended.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	n = poll(&ended, 1, seconds > 0 ? (int)(seconds * 1000) : 0);
	close(ended.fd);
	if (n <= 0 || waitpid(pid, status, WNOHANG) != pid)
		return false;
	children_replace(pid, 0);
	return true;
}

void process_end(pid_t pid)
{
	int status;

	kill(pid, SIGTERM);
	if (ended_by(pid, END_SECONDS, &status))
		return;
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	children_replace(pid, 0);
}

void process_end_all(void)
{
	for (int i = 0; i < CHILDREN_MAX; i++)
		if (children[i])
			process_end(children[i]);
}

int process_run(const char *const argv[], double seconds, char *text,
		size_t size)
{
	double end = process_clock() + seconds;
	int status, out;
	pid_t pid = process_start(argv, -1, &out);

	text[0] = '\0';
	if (pid < 0)
		return -1;
	process_read(out, NULL, seconds, text, size);
	close(out);
	if (!ended_by(pid, end - process_clock(), &status)) {
		process_end(pid);
		return -1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
