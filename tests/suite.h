/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every suite needs beside CUnit: a main loop that ends in the line which
 * tests/run counts, skips by name, and numbers from a seed.
 */
#ifndef TESTS_SUITE_H
#define TESTS_SUITE_H

#include <CUnit/CUnit.h>
#include <stddef.h>
#include <stdint.h>

struct suite_case {
	const char *name;
	void (*run)(void);
};

/*
 * Runs the cases (only those whose name contains argv[1], if it is given) and
 * prints `RESULT suite passed failed skipped`. Returns main()'s value.
 */
int suite_main(const char *suite, const struct suite_case *cases, size_t n,
	       int argc, char **argv);

#define SUITE_MAIN(suite, cases)                                         \
 int main(int argc, char **argv)                                         \
 {                                                                       \
  return suite_main(suite, cases, sizeof(cases) / sizeof *(cases), argc, \
		    argv);                                               \
 }

/* The running case can't run here: prints `SKIP name: reason`; then return. */
void suite_skip(const char *reason);

/*
 * Starts the generator for the running case from $TEST_SEED, else from a fixed
 * seed, and prints which.
 */
void suite_seed(void);

/* A number below LIMIT, or any 64 bits if LIMIT is 0. */
uint64_t suite_random(uint64_t limit);

#endif
