/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What our tests use of cmocka, for `make run32`: there is no 32-bit library to be had beside the 64-bit one. An
 * assertion that fails ends its case; what comes out is cmocka's TAP.
 */
#ifndef SELFTESTS_CORE_M32_CMOCKA_H
#define SELFTESTS_CORE_M32_CMOCKA_H

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct CMUnitTest {
	const char *name;
	void (*run)(void **state);
	int (*before)(void **state), (*after)(void **state);
};

enum { M32_FAILED = 1, M32_SKIPPED };

/* Where the case ends: one for all objects of a program */
__attribute__((weak)) jmp_buf m32_end;

#define m32_check(ok, ...) do {						\
	if (!(ok)) {							\
		printf("# %s:%d: ", __FILE__, __LINE__);		\
		printf(__VA_ARGS__);					\
		printf("\n");						\
		longjmp(m32_end, M32_FAILED);				\
	}								\
} while (0)

#define m32_compare(a, op, b) do {					\
	unsigned long long _a = (unsigned long long)(a);		\
	unsigned long long _b = (unsigned long long)(b);		\
	m32_check(_a op _b, "%s is 0x%llx, not " #op " 0x%llx", #a, _a, _b);	\
} while (0)

#define fail_msg(...)			m32_check(0, __VA_ARGS__)
#define skip()				longjmp(m32_end, M32_SKIPPED)
#define print_message(...)		printf(__VA_ARGS__)
#define print_error(...)		printf(__VA_ARGS__)
#define assert_true(x)			m32_check(x, "not true: %s", #x)
#define assert_false(x)			m32_check(!(x), "true: %s", #x)
#define assert_null(p)			m32_check(!(p), "not NULL: %s", #p)
#define assert_non_null(p)		m32_check(p, "NULL: %s", #p)
#define assert_int_equal(a, b)		m32_compare(a, ==, b)
#define assert_int_not_equal(a, b)	m32_compare(a, !=, b)
#define assert_ptr_equal(a, b)		m32_check((a) == (b), "%s is not %s", #a, #b)
#define assert_ptr_not_equal(a, b)	m32_check((a) != (b), "%s is %s", #a, #b)
#define assert_memory_equal(a, b, n)	m32_check(!memcmp(a, b, n), "%s differs from %s", #a, #b)
#define assert_in_range(x, a, b) do {					\
	unsigned long long _x = (unsigned long long)(x);		\
	unsigned long long _a = (unsigned long long)(a);		\
	unsigned long long _b = (unsigned long long)(b);		\
	m32_check(_x >= _a && _x <= _b, "%s is 0x%llx, not in %s to %s", #x, _x, #a, #b); \
} while (0)

#define cmocka_unit_test(f)		{ #f, f, NULL, NULL }
#define cmocka_unit_test_setup_teardown(f, before, after)	{ #f, f, before, after }
#define cmocka_run_group_tests(tests, before, after)		\
	m32_run(tests, sizeof(tests) / sizeof((tests)[0]))

static inline int m32_one(const struct CMUnitTest *t, unsigned int n)
{
	void *state = NULL;
	int status;

	if (t->before && t->before(&state))
		status = M32_FAILED;
	else {
		status = setjmp(m32_end);
		if (!status)
			t->run(&state);
	}
	if (t->after && t->after(&state) && !status)
		status = M32_FAILED;
	printf("%s %u - %s%s\n", status == M32_FAILED ? "not ok" : "ok", n, t->name,
	       status == M32_SKIPPED ? " # SKIP" : "");
	fflush(stdout);
	return status == M32_FAILED;
}

static inline int m32_run(const struct CMUnitTest *t, unsigned int n)
{
	unsigned int i;
	int bad = 0;

	printf("1..%u\n", n);
	for (i = 0; i < n; i++)
		bad += m32_one(&t[i], i + 1);
	return bad;
}

#endif
