// SPDX-License-Identifier: GPL-2.0
/* Allocation, warnings and the few string functions libc lacks. One thread. */
#include <malloc.h>
#include "os_user.h"

static unsigned long fail_after, tried;
static long live;

void os_alloc_fail_after(unsigned long n)
{
	fail_after = n ? tried + n : 0;
}

long os_alloc_live(void)
{
	return live;
}

unsigned long os_alloc_tried(void)
{
	return tried;
}

void os_warn(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: WARN: %s\n", file, line, what);
	abort();
}

static bool refuse(void)
{
	tried++;
	return fail_after && tried >= fail_after;
}

void *os_alloc(size_t n, size_t size, gfp_t gfp)
{
	void *p;

	WARN_ON(!(gfp & (GFP_KERNEL | GFP_ATOMIC)));
	if (refuse() || check_mul_overflow(n, size, &size))
		return NULL;
	p = gfp & __GFP_ZERO ? calloc(1, size) : malloc(size);
	if (p)
		live++;
	return p;
}

void kfree(const void *p)
{
	if (p)
		live--;
	free((void *)p);
}

void kfree_sensitive(const void *p)
{
	if (p)
		memzero_explicit((void *)p, malloc_usable_size((void *)p));
	kfree(p);
}

void *kmemdup(const void *p, size_t size, gfp_t gfp)
{
	void *q = kmalloc(size, gfp);

	return q ? memcpy(q, p, size) : NULL;
}

void *memchr_inv(const void *p, int c, size_t n)
{
	const u8 *b = p;

	for (; n; n--, b++)
		if (*b != (u8)c)
			return (void *)b;
	return NULL;
}

unsigned long crypto_memneq(const void *a, const void *b, size_t n)
{
	const volatile u8 *x = a, *y = b;
	u8 d = 0;

	while (n--)
		d |= *x++ ^ *y++;
	return d;
}

void memzero_explicit(void *p, size_t n)
{
	explicit_bzero(p, n);
}
