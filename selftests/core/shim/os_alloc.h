/* SPDX-License-Identifier: GPL-2.0 */
/* The allocator's names over malloc, with a failure injector and a leak counter. */
#ifndef OS_ALLOC_H
#define OS_ALLOC_H

#define GFP_KERNEL	0x1u
#define GFP_ATOMIC	0x2u
#define __GFP_ZERO	0x4u
#define __GFP_NOWARN	0x8u
#define __GFP_ACCOUNT	0x10u
#define GFP_KERNEL_ACCOUNT	(GFP_KERNEL | __GFP_ACCOUNT)

/* The @n-th allocation from now fails (1: the next), and all after it; 0: none does. */
void os_alloc_fail_after(unsigned long n);
/* Allocations made and not freed. */
long os_alloc_live(void);
/* Allocations tried since the start. */
unsigned long os_alloc_tried(void);

void *os_alloc(size_t n, size_t size, gfp_t gfp);
void kfree(const void *p);
void kfree_sensitive(const void *p);
void *kmemdup(const void *p, size_t size, gfp_t gfp);

#define kmalloc(size, gfp)		os_alloc(1, size, gfp)
#define kzalloc(size, gfp)		os_alloc(1, size, (gfp) | __GFP_ZERO)
#define kmalloc_array(n, size, gfp)	os_alloc(n, size, gfp)
#define kcalloc(n, size, gfp)		os_alloc(n, size, (gfp) | __GFP_ZERO)
#define kvmalloc(size, gfp)		os_alloc(1, size, gfp)
#define kvzalloc(size, gfp)		os_alloc(1, size, (gfp) | __GFP_ZERO)
#define kvmalloc_array(n, size, gfp)	os_alloc(n, size, gfp)
#define kvcalloc(n, size, gfp)		os_alloc(n, size, (gfp) | __GFP_ZERO)
#define kvfree(p)			kfree(p)

#endif
