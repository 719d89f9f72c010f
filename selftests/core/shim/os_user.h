/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel names the core uses, for userspace. Semantics are the kernel's,
 * the strict ones of 6.1 where versions differ (min() wants equal types).
 * A WARN aborts. Allocation can be made to fail and is counted: os_alloc_*().
 */
#ifndef OS_USER_H
#define OS_USER_H

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;
typedef unsigned int gfp_t;

#define U8_MAX		((u8)~0U)
#define U16_MAX		((u16)~0U)
#define U32_MAX		((u32)~0U)
#define U64_MAX		((u64)~0ULL)
#define S32_MAX		((s32)(U32_MAX >> 1))
#define S64_MAX		((s64)(U64_MAX >> 1))
#define S64_MIN		((s64)(-S64_MAX - 1))

/* Compiler */
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define __must_check		__attribute__((__warn_unused_result__))
#define __maybe_unused		__attribute__((__unused__))
#define fallthrough		__attribute__((__fallthrough__))
#define READ_ONCE(x)		(*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile typeof(x) *)&(x) = (v))
#define static_assert		_Static_assert
#define BUILD_BUG_ON(c)		_Static_assert(!(c), #c)
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define struct_size(p, m, n)	(sizeof(*(p)) + sizeof(*(p)->m) * (n))
#define container_of(ptr, type, member) ({				\
	const void *_mptr = (ptr);					\
	_Static_assert(__builtin_types_compatible_p(typeof(*(ptr)),	\
		       typeof(((type *)0)->member)), "container_of");	\
	(type *)((char *)_mptr - offsetof(type, member)); })
#define check_mul_overflow(a, b, d)	__builtin_mul_overflow(a, b, d)

/* Complaints */
void os_warn(const char *file, int line, const char *what) __attribute__((__noreturn__));
#define WARN_ON(c) ({							\
	bool _warn = !!(c);						\
	if (unlikely(_warn))						\
		os_warn(__FILE__, __LINE__, #c);			\
	_warn; })
#define WARN_ON_ONCE(c)		WARN_ON(c)
#define pr_debug(...)		do { if (0) printf(__VA_ARGS__); } while (0)

/* Numbers */
#define os_cmp(x, y, op) ({						\
	typeof(x) _x = (x);						\
	typeof(y) _y = (y);						\
	(void)(&_x == &_y);						\
	_x op _y ? _x : _y; })
#define min(x, y)		os_cmp(x, y, <)
#define max(x, y)		os_cmp(x, y, >)
#define min_t(t, x, y)		os_cmp((t)(x), (t)(y), <)
#define max_t(t, x, y)		os_cmp((t)(x), (t)(y), >)
#define clamp(v, lo, hi)	min((typeof(v))max(v, lo), hi)
#define clamp_t(t, v, lo, hi)	min_t(t, max_t(t, v, lo), hi)
#define swap(a, b)		do { typeof(a) _t = (a); (a) = (b); (b) = _t; } while (0)
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define BIT(n)			(1UL << (n))
#define BIT_ULL(n)		(1ULL << (n))
#define NSEC_PER_USEC		1000L
#define NSEC_PER_MSEC		1000000L
#define NSEC_PER_SEC		1000000000L

#define div_u64(n, d)		((u64)(n) / (u32)(d))
#define div64_u64(n, d)		((u64)(n) / (u64)(d))
#define div64_u64_rem(n, d, rem) ({					\
	u64 _n = (n), _d = (d);						\
	*(rem) = _n % _d;						\
	_n / _d; })
#define fls64(x)		((u64)(x) ? 64 - __builtin_clzll(x) : 0)
#define fls(x)			fls64((u32)(x))
#define ilog2(n)		(fls64(n) - 1)
#define is_power_of_2(n)	((n) && !((n) & ((n) - 1)))
#define roundup_pow_of_two(n)	(1UL << fls64((n) - 1))

/* x86 traps when the result does not fit; so does this. */
#ifdef __SIZEOF_INT128__
static inline u64 mul_u64_u64_div_u64(u64 a, u64 b, u64 d)
{
	unsigned __int128 r = (unsigned __int128)a * b / d;

	WARN_ON(r > U64_MAX);
	return r;
}
#else
/* In 32 bits: a's bits one after the other, quotient and remainder (of b, below d) as they double. */
static inline u64 mul_u64_u64_div_u64(u64 a, u64 b, u64 d)
{
	u64 q = 0, r = 0;
	bool over = false;
	int i;

	for (i = 63; i >= 0; i--) {
		over |= q >> 63;
		q *= 2;
		if (r >= d - r) {
			r -= d - r;
			q++;
		} else {
			r *= 2;
		}
		if (!(a >> i & 1))
			continue;
		over |= __builtin_add_overflow(q, b / d, &q);
		if (r >= d - b % d) {
			r -= d - b % d;
			over |= __builtin_add_overflow(q, 1, &q);
		} else {
			r += b % d;
		}
	}
	WARN_ON(over);
	return q;
}
#endif

static inline u32 int_sqrt64(u64 x)
{
	u64 r = 0, b;

	for (b = 1ULL << 31; b; b >>= 1)
		if ((r | b) * (r | b) <= x)
			r |= b;
	return r;
}

/* Byte order */
#define OS_UNALIGNED(bits)						\
static inline u##bits get_unaligned_be##bits(const void *p)		\
{									\
	u##bits v;							\
									\
	memcpy(&v, p, sizeof(v));					\
	return be##bits##toh(v);					\
}									\
static inline void put_unaligned_be##bits(u##bits v, void *p)		\
{									\
	v = htobe##bits(v);						\
	memcpy(p, &v, sizeof(v));					\
}
OS_UNALIGNED(16)
OS_UNALIGNED(32)
OS_UNALIGNED(64)

#define get_unaligned_be24(p)						\
	((u32)((const u8 *)(p))[0] << 16 | get_unaligned_be16((const u8 *)(p) + 1))
static inline void put_unaligned_be24(u32 v, void *p)
{
	*(u8 *)p = v >> 16;
	put_unaligned_be16(v, (u8 *)p + 1);
}

/* Strings and memory */
void *memchr_inv(const void *p, int c, size_t n);
unsigned long crypto_memneq(const void *a, const void *b, size_t n);
void memzero_explicit(void *p, size_t n);

#define ERR_PTR(e)	((void *)(long)(e))
#define PTR_ERR(p)	((long)(p))
#define IS_ERR(p)	((unsigned long)(p) >= (unsigned long)-4095)

#include "os_alloc.h"
#include "os_list.h"
#include "os_rbtree.h"

#endif
