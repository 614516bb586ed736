/* SPDX-License-Identifier: BSD-3-Clause */
/* The main loop of a suite. */
#include "tests/suite.h"

#include <CUnit/Basic.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned skipped;
static uint64_t state;

void suite_skip(const char *reason)
{
	printf("\nSKIP %s: %s\n", CU_get_current_test()->pName, reason);
	skipped++;
}

void suite_seed(void)
{
	const char *text = getenv("TEST_SEED");

	state = text ? strtoull(text, NULL, 0) : 20261120;
	printf("\n  TEST_SEED=%" PRIu64 " ", state);
}

/* splitmix64 (Steele, Lea and Flood, 2014). */
uint64_t suite_random(uint64_t limit)
{
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	z ^= z >> 31;
	return limit ? z % limit : z;
}

static int run_all(const char *suite, const struct suite_case *cases, size_t n,
		   const char *only)
{
	CU_pSuite registered = CU_add_suite(suite, NULL, NULL);

	for (size_t i = 0; registered && i < n; i++) {
		if (only && !strstr(cases[i].name, only))
			continue;
		if (!CU_add_test(registered, cases[i].name, cases[i].run))
			return -1;
	}
	if (!registered)
		return -1;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	return CU_basic_run_tests() == CUE_SUCCESS ? 0 : -1;
}

int suite_main(const char *suite, const struct suite_case *cases, size_t n,
	       int argc, char **argv)
{
	unsigned failed, run;

	/* A suite that crashes must not lose what it has said. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (CU_initialize_registry() != CUE_SUCCESS ||
	    run_all(suite, cases, n, argc > 1 ? argv[1] : NULL)) {
		fprintf(stderr, "%s: CUnit: %s\n", suite, CU_get_error_msg());
		return 2;
	}
	failed = CU_get_number_of_tests_failed();
	run = CU_get_number_of_tests_run();
	CU_cleanup_registry();
	printf("RESULT %s %u %u %u\n", suite, run - failed - skipped, failed,
	       skipped);
	return failed ? 1 : 0;
}
