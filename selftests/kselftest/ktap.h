/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KTAP for test programs: a table of cases, each a function that uses the
 * checks below. A check that fails says where and with what, and ends its case.
 */
#ifndef QUIC_KSELFTEST_KTAP_H
#define QUIC_KSELFTEST_KTAP_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ktap_case {
	const char *name;
	void (*run)(void);
};

static bool ktap_failed;
static const char *ktap_skip_why;

static inline void __attribute__((format(printf, 3, 4)))
ktap_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	ktap_failed = true;
	printf("# %s:%d: ", file, line);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

#define CHECK(cond)							\
	do {								\
		if (!(cond)) {						\
			ktap_fail(__FILE__, __LINE__, "%s (errno %s)", #cond, strerror(errno)); \
			return;						\
		}							\
	} while (0)

#define CHECK_EQ(a, b)							\
	do {								\
		long long a_ = (a), b_ = (b);				\
		if (a_ != b_) {						\
			ktap_fail(__FILE__, __LINE__, "%s is %lld, not %lld (errno %s)", #a, a_, \
				  b_, strerror(errno));			\
			return;						\
		}							\
	} while (0)

/* The call fails with this errno. */
#define CHECK_ERR(call, err)						\
	do {								\
		long long r_;						\
		errno = 0;						\
		r_ = (call);						\
		if (r_ != -1 || errno != (err)) {			\
			ktap_fail(__FILE__, __LINE__, "%s gives %lld, %s; not %s", #call, r_, \
				  r_ == -1 ? strerror(errno) : "no error", strerror(err)); \
			return;						\
		}							\
	} while (0)

#define SKIP(why)							\
	do {								\
		ktap_skip_why = (why);					\
		return;							\
	} while (0)

static inline int ktap_main(const struct ktap_case *cases, unsigned int n)
{
	unsigned int i, failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n1..%u\n", n);
	for (i = 0; i < n; i++) {
		ktap_failed = false;
		ktap_skip_why = NULL;
		cases[i].run();
		failed += ktap_failed;
		/* A case that did not come to its end left sockets, which the next might meet. */
		if (ktap_failed)
			close_range(3, ~0U, 0);
		printf("%s %u %s", ktap_failed ? "not ok" : "ok", i + 1, cases[i].name);
		printf(ktap_skip_why && !ktap_failed ? " # SKIP %s\n" : "\n", ktap_skip_why);
	}
	return failed ? 1 : 0;
}

#define KTAP_MAIN(cases)						\
int main(void)								\
{									\
	return ktap_main(cases, sizeof(cases) / sizeof((cases)[0]));	\
}

#endif
