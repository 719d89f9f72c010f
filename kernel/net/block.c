// SPDX-License-Identifier: GPL-2.0
/*
 * Working memory for a burst or a train: freed soon, filled before it is read.
 * Kernels with init_on_alloc clear every object from kmalloc(), a few KB a
 * train here; those of a cache with a constructor they leave alone.
 */
#include <linux/slab.h>

#include "net.h"

#define SMALL	512	/* bytes that are cheaper from kmalloc() */

static struct kmem_cache *cache;

static void constructor(void *p)
{
}

int quic_block_init(void)
{
	cache = kmem_cache_create("quic_block", QUIC_BLOCK, 0, SLAB_HWCACHE_ALIGN, constructor);
	return cache ? 0 : -ENOMEM;
}

void quic_block_exit(void)
{
	kmem_cache_destroy(cache);
}

static bool cached(u32 size)
{
	return size > SMALL && size <= QUIC_BLOCK;
}

void *quic_block_get(u32 size)
{
	gfp_t gfp = GFP_ATOMIC | __GFP_NOWARN;

	return cached(size) ? kmem_cache_alloc(cache, gfp) : kmalloc(size, gfp);
}

void quic_block_put(void *p, u32 size)
{
	if (cached(size))
		kmem_cache_free(cache, p);
	else
		kfree(p);
}
