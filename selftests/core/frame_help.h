/* SPDX-License-Identifier: GPL-2.0 */
/* For tests of frames: parse what is written in hexadecimal, and cut it everywhere. */
#ifndef SELFTESTS_CORE_FRAME_HELP_H
#define SELFTESTS_CORE_FRAME_HELP_H

#include "test.h"
#include "frame.h"

#define BAD		QUIC_ERR_FRAME_ENCODING
#define MAX8		"ffffffffffffffff"	/* 2^62-1 */

static u8 buf[4096];

static inline int parse(const u8 *p, size_t n, struct quic_frame *f, size_t *used)
{
	const u8 *q = p;
	int err = quic_frame_parse(&q, p + n, f);

	if (err)
		assert_ptr_equal(q, p);
	*used = q - p;
	return err;
}

static inline int parse_hex(const char *s, struct quic_frame *f)
{
	size_t n = hex(buf, sizeof(buf), s), used;
	int err = parse(buf, n, f, &used);

	if (!err)
		assert_int_equal(used, n);
	return err;
}

/* The frame of @n bytes at @p parses whole, is refused cut anywhere, and ignores what follows. */
static inline void whole_or_nothing(const u8 *p, size_t n, struct quic_frame *f)
{
	size_t i, used;
	u8 *copy;

	for (i = 0; i < n; i++) {
		copy = exact(p, i);
		assert_int_equal(parse(copy, i, f, &used), BAD);
		free(copy);
	}
	memcpy(buf, p, n);
	memset(buf + n, 0x01, 8);
	assert_int_equal(parse(buf, n + 8, f, &used), 0);
	assert_int_equal(used, n);
}

/* @put writes @n bytes given room for them and nothing given less; then it parses. */
#define WRITES(f, put) do {						\
	u8 w[256], *_end = NULL;					\
	size_t _room;							\
	memset(w, 0xee, sizeof(w));					\
	for (_room = 0; !_end; _room++) {				\
		u8 *p = w, *end = w + _room;				\
		_end = put;						\
		assert_true(_end || w[0] == 0xee);			\
	}								\
	assert_ptr_equal(_end, w + _room - 1);				\
	assert_int_equal(*_end, 0xee);					\
	whole_or_nothing(w, _end - w, f);				\
} while (0)

#endif
