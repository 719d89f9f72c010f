/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For every test_<file>.c: cmocka over the shim. A case written with TEST() must
 * leave no allocation behind.
 */
#ifndef SELFTESTS_CORE_TEST_H
#define SELFTESTS_CORE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "os.h"

static inline int test_begin(void **state)
{
	os_alloc_fail_after(0);
	*state = (void *)os_alloc_live();
	return 0;
}

static inline int test_end(void **state)
{
	os_alloc_fail_after(0);
	if (os_alloc_live() == (long)*state)
		return 0;
	fprintf(stderr, "%ld allocations leaked\n", os_alloc_live() - (long)*state);
	return -1;
}

#define TEST(f)		cmocka_unit_test_setup_teardown(f, test_begin, test_end)
#define TEST_MAIN(tests)						\
int main(void)								\
{									\
	return cmocka_run_group_tests(tests, NULL, NULL);		\
}

/* Bytes of a hex string, spaces ignored. Return: how many. */
static inline size_t hex(u8 *out, size_t cap, const char *s)
{
	unsigned int v;
	size_t n = 0;

	while (*s) {
		if (*s == ' ') {
			s++;
			continue;
		}
		assert_true(n < cap && sscanf(s, "%2x", &v) == 1);
		out[n++] = v;
		s += 2;
	}
	return n;
}

/* A seeded generator, the same everywhere (xorshift64*). */
static inline u64 rnd(u64 *s)
{
	*s ^= *s >> 12;
	*s ^= *s << 25;
	*s ^= *s >> 27;
	return *s * 0x2545f4914f6cdd1dull;
}

/* A copy of exactly @n bytes, so that ASan sees one byte too many. */
static inline u8 *exact(const u8 *p, size_t n)
{
	u8 *q = malloc(n ? n : 1);

	assert_non_null(q);
	memcpy(q, p, n);
	return q;
}

#endif
