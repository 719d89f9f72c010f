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
#include <sys/types.h>

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
#undef __always_inline
#define __always_inline		inline __attribute__((__always_inline__))
#define noinline		__attribute__((__noinline__))
#define __must_check		__attribute__((__warn_unused_result__))
#define __maybe_unused		__attribute__((__unused__))
#define __always_unused		__attribute__((__unused__))
#define __packed		__attribute__((__packed__))
#define __aligned(x)		__attribute__((__aligned__(x)))
#define __force
#define fallthrough		__attribute__((__fallthrough__))
#define READ_ONCE(x)		(*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile typeof(x) *)&(x) = (v))
#define static_assert		_Static_assert
#define BUILD_BUG_ON(c)		_Static_assert(!(c), #c)
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define sizeof_field(t, m)	sizeof(((t *)0)->m)
#define struct_size(p, m, n)	(sizeof(*(p)) + sizeof(*(p)->m) * (n))
#define container_of(ptr, type, member) ({				\
	const void *_mptr = (ptr);					\
	_Static_assert(__builtin_types_compatible_p(typeof(*(ptr)),	\
		       typeof(((type *)0)->member)), "container_of");	\
	(type *)((char *)_mptr - offsetof(type, member)); })
#define check_add_overflow(a, b, d)	__builtin_add_overflow(a, b, d)
#define check_sub_overflow(a, b, d)	__builtin_sub_overflow(a, b, d)
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
#define min3(x, y, z)		min(min(x, y), z)
#define max3(x, y, z)		max(max(x, y), z)
#define clamp(v, lo, hi)	min((typeof(v))max(v, lo), hi)
#define clamp_t(t, v, lo, hi)	min_t(t, max_t(t, v, lo), hi)
#define swap(a, b)		do { typeof(a) _t = (a); (a) = (b); (b) = _t; } while (0)
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define DIV_ROUND_UP_ULL(n, d)	DIV_ROUND_UP((u64)(n), (u64)(d))
#define ALIGN(x, a)		(((x) + (typeof(x))(a) - 1) & ~((typeof(x))(a) - 1))
#define BIT(n)			(1UL << (n))
#define BIT_ULL(n)		(1ULL << (n))
#define NSEC_PER_USEC		1000L
#define NSEC_PER_MSEC		1000000L
#define NSEC_PER_SEC		1000000000L
#define USEC_PER_MSEC		1000L
#define USEC_PER_SEC		1000000L
#define MSEC_PER_SEC		1000L

static inline u64 div_u64(u64 n, u32 d)
{
	return n / d;
}

static inline u64 div64_u64(u64 n, u64 d)
{
	return n / d;
}

static inline u64 div64_u64_rem(u64 n, u64 d, u64 *rem)
{
	*rem = n % d;
	return n / d;
}

/* x86 traps when the result does not fit; so does this. */
static inline u64 mul_u64_u64_div_u64(u64 a, u64 b, u64 d)
{
	unsigned __int128 r = (unsigned __int128)a * b / d;

	WARN_ON(r > U64_MAX);
	return r;
}

static inline int fls(unsigned int x)
{
	return x ? 32 - __builtin_clz(x) : 0;
}

static inline int fls64(u64 x)
{
	return x ? 64 - __builtin_clzll(x) : 0;
}

static inline unsigned long __ffs(unsigned long x)
{
	return __builtin_ctzl(x);
}

#define ilog2(n)		(fls64(n) - 1)
#define hweight32(x)		((unsigned int)__builtin_popcount(x))
#define hweight64(x)		((unsigned int)__builtin_popcountll(x))

static inline bool is_power_of_2(unsigned long n)
{
	return n && !(n & (n - 1));
}

static inline unsigned long roundup_pow_of_two(unsigned long n)
{
	return 1UL << fls64(n - 1);
}

static inline unsigned long rounddown_pow_of_two(unsigned long n)
{
	return 1UL << (fls64(n) - 1);
}

static inline u32 int_sqrt64(u64 x)
{
	u64 r = 0, b;

	for (b = 1ULL << 31; b; b >>= 1)
		if ((r | b) * (r | b) <= x)
			r |= b;
	return r;
}

/* Bits; the kernel's non-atomic ones only */
#define BITS_PER_LONG		64
#define BITS_TO_LONGS(n)	DIV_ROUND_UP(n, BITS_PER_LONG)
#define DECLARE_BITMAP(name, n)	unsigned long name[BITS_TO_LONGS(n)]

static inline bool test_bit(unsigned long n, const unsigned long *map)
{
	return map[n / BITS_PER_LONG] >> (n % BITS_PER_LONG) & 1;
}

static inline void __set_bit(unsigned long n, unsigned long *map)
{
	map[n / BITS_PER_LONG] |= 1UL << (n % BITS_PER_LONG);
}

static inline void __clear_bit(unsigned long n, unsigned long *map)
{
	map[n / BITS_PER_LONG] &= ~(1UL << (n % BITS_PER_LONG));
}

/* Byte order */
#define cpu_to_be16(x)	htobe16(x)
#define cpu_to_be32(x)	htobe32(x)
#define cpu_to_be64(x)	htobe64(x)
#define be16_to_cpu(x)	be16toh(x)
#define be32_to_cpu(x)	be32toh(x)
#define be64_to_cpu(x)	be64toh(x)

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

static inline u32 get_unaligned_be24(const void *p)
{
	return (u32)((const u8 *)p)[0] << 16 | get_unaligned_be16((const u8 *)p + 1);
}

static inline void put_unaligned_be24(u32 v, void *p)
{
	*(u8 *)p = v >> 16;
	put_unaligned_be16(v, (u8 *)p + 1);
}

/* Strings and memory */
void *memchr_inv(const void *p, int c, size_t n);
unsigned long crypto_memneq(const void *a, const void *b, size_t n);
void memzero_explicit(void *p, size_t n);
ssize_t strscpy(char *dst, const char *src, size_t n);

#define MAX_ERRNO	4095
static inline void *ERR_PTR(long e)
{
	return (void *)e;
}

static inline long PTR_ERR(const void *p)
{
	return (long)p;
}

static inline bool IS_ERR(const void *p)
{
	return (unsigned long)p >= (unsigned long)-MAX_ERRNO;
}

#include "os_alloc.h"
#include "os_list.h"
#include "os_rbtree.h"

#endif
