// SPDX-License-Identifier: GPL-2.0
/*
 * Working memory for a burst or a train: freed soon, filled before it is read.
 * Kernels with init_on_alloc clear every object from kmalloc(), a few KB a
 * train here; those of a cache with a constructor they leave alone. Each CPU
 * keeps the one freed last: mostly the next to be asked for.
 */
#include <linux/percpu.h>
#include <linux/slab.h>

#include "net.h"

#define SMALL	512	/* bytes that are cheaper from kmalloc() */

static struct kmem_cache *cache;
static DEFINE_PER_CPU(void *, kept);

static void constructor(void *p)
{
}

int quic_block_init(void)
{
	cache = kmem_cache_create("quic_block", QUIC_BLOCK, 0, SLAB_HWCACHE_ALIGN, constructor);
	return cache ? 0 : -ENOMEM;
}

/* Nobody uses one any more. */
void quic_block_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		if (per_cpu(kept, cpu))
			kmem_cache_free(cache, per_cpu(kept, cpu));
	kmem_cache_destroy(cache);
}

static bool cached(u32 size)
{
	return size > SMALL && size <= QUIC_BLOCK;
}

void *quic_block_get(u32 size)
{
	gfp_t gfp = GFP_ATOMIC | __GFP_NOWARN;

	if (!cached(size))
		return kmalloc(size, gfp);
	return this_cpu_xchg(kept, NULL) ?: kmem_cache_alloc(cache, gfp);
}

void quic_block_put(void *p, u32 size)
{
	if (!cached(size))
		kfree(p);
	else if (this_cpu_cmpxchg(kept, NULL, p))
		kmem_cache_free(cache, p);
}
