/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The programs that the demo starts: each dies with it, whatever way it ends,
 * and each wait for one has an end.
 */
#ifndef DEMO_PROCESS_H
#define DEMO_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

/* Seconds on a clock that only goes forward. */
double process_clock(void);

/*
 * fork(), and the child dies when its parent does. Returns as fork(); only the
 * main thread may call it, since the parent is a thread to the kernel.
 */
pid_t process_fork(void);

/*
 * Starts a program (searched in PATH), its output and errors in one pipe, which
 * *OUT reads. KEEP: a descriptor that it shall have as number 3, or -1.
 * Returns its pid, or -1 with errno (ENOENT: no such program).
 */
pid_t process_start(const char *const argv[], int keep, int *out);

/*
 * Reads from FD until its end, TEXT is full, MARK (may be NULL) was seen or
 * SECONDS have passed. Ends the text with a NUL; returns its length.
 */
size_t process_read(int fd, const char *mark, double seconds, char *text,
		    size_t size);

/* Ends a child (SIGTERM, then SIGKILL) and takes its status. */
void process_end(pid_t pid);

/* Ends all that are still there. */
void process_end_all(void);

/*
 * Runs a program to its end and keeps what it printed. Returns its exit
 * status, or -1: it could not be started, was killed, took too long.
 */
int process_run(const char *const argv[], double seconds, char *text,
		size_t size);

#endif
