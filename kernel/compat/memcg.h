/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory cgroups of sockets. Between enter and leave what is allocated with __GFP_ACCOUNT is
 * charged to that of a socket, in softirq too. Where a socket keeps its cgroup changed in 6.18, and
 * since 6.10 whether its memory is short is in a header of its own.
 */
#ifndef QUIC_COMPAT_MEMCG_H
#define QUIC_COMPAT_MEMCG_H

#include <linux/gfp.h>
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>
#include <linux/version.h>
#include <net/sock.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
#include <net/proto_memory.h>
#endif

static inline struct mem_cgroup *quic_compat_memcg_of(const struct sock *sk)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
	return mem_cgroup_from_sk(sk);
#elif defined(CONFIG_MEMCG)
	return sk->sk_memcg;
#else
	return NULL;
#endif
}

#ifdef CONFIG_MEMCG
/* One cgroup; the last eighth of its limit is for programs, sockets share half of that. */
static inline bool quic_compat_memcg_over(const struct sock *sk, const struct mem_cgroup *memcg,
					  unsigned long pages)
{
	unsigned long max = READ_ONCE(memcg->memory.max), spared = max / 8, held;
	unsigned long want = atomic_long_read(&memcg->memory.usage) + pages;

	if (want + spared <= max)
		return false;
	if (want > max)
		return true;
	held = (atomic_read(&sk->sk_rmem_alloc) + READ_ONCE(sk->sk_wmem_queued)) >> PAGE_SHIFT;
	/* Exact where it matters: what each CPU has not added yet may be all sockets there are. */
	return percpu_counter_compare(sk->sk_prot->sockets_allocated,
				      (s64)(spared / (2 * (held + pages))) - 1) > 0;
}
#endif

/*
 * Would @bytes more take the cgroup of @sk, or one above, over its limit, or near to it without
 * need? Asked before they are charged: in softirq the kernel charges whatever the limit, in a
 * process it may kill for it; and so would the next page fault, were sockets to have all of it.
 */
static inline bool quic_compat_memcg_full(const struct sock *sk, u32 bytes)
{
#ifdef CONFIG_MEMCG
	struct mem_cgroup *memcg;

	if (!mem_cgroup_sockets_enabled)
		return false;
	for (memcg = quic_compat_memcg_of(sk); memcg; memcg = parent_mem_cgroup(memcg))
		if (quic_compat_memcg_over(sk, memcg, PAGE_ALIGN(bytes) >> PAGE_SHIFT))
			return true;
#endif
	return false;
}

/* Have the cgroup of @sk let go of what it can (page cache), killing nobody. May sleep. */
static inline void quic_compat_memcg_reclaim(const struct sock *sk)
{
	struct mem_cgroup *old = set_active_memcg(quic_compat_memcg_of(sk));
	const gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN;
	struct page *page = alloc_pages(gfp, PAGE_ALLOC_COSTLY_ORDER);

	if (page)
		__free_pages(page, PAGE_ALLOC_COSTLY_ORDER);
	set_active_memcg(old);
}

static inline struct mem_cgroup *quic_compat_memcg_enter(const struct sock *sk)
{
	return set_active_memcg(quic_compat_memcg_of(sk));
}

/* @old: what enter returned */
static inline void quic_compat_memcg_leave(struct mem_cgroup *old)
{
	set_active_memcg(old);
}

#endif
