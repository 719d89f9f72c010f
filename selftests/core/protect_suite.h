/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tests of packet protection that need nothing but a struct quic_crypto_ops:
 * test_protect.c runs them over GnuTLS, selftests/kmod over the kernel's ciphers.
 */
#ifndef PROTECT_SUITE_H
#define PROTECT_SUITE_H

#include "protect.h"

struct protect_case {
	const char *name;
	int (*run)(const struct quic_crypto_ops *ops);	/* 0: passed */
};

extern const struct protect_case protect_cases[];
extern const unsigned int protect_cases_count;

/* To be written by whoever runs the suite: a check failed. */
void protect_suite_complain(const char *file, int line, const char *what);

#endif
