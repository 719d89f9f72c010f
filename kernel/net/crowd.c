// SPDX-License-Identifier: GPL-2.0
/*
 * When many attempts come at once: what goes beyond a rate waits here for a work item. An attempt
 * costs as much as many packets of a connection (tokens are opened and sealed, Retry is built), and
 * in softirq that is spent in front of those that came behind it, and of every process.
 *
 * Invariant: while a datagram waits the work item is queued or runs, and holds the endpoint.
 */
#include "../compat/memcg.h"
#include "door.h"
#include "mib.h"

/* So many a second are looked at when they come: few enough to be no burden. */
#define PROMPT_RATE	2000
#define PROMPT_BURST	64
/* And so many at a time later: whoever flushes the queue waits for no more, however many come. */
#define LATER_AT_ONCE	256

/* As much again as requests may take */
bool quic_crowd_full(const struct quic_door *d)
{
	return READ_ONCE(d->crowd.truesize) >= quic_door_memory(d);
}

/* Under the lock. Return: false: no room, or the endpoint goes */
static bool join(struct quic_door *d, struct sk_buff *skb)
{
	struct quic_crowd *c = &d->crowd;

	if (quic_crowd_full(d))
		return false;
	if (!c->on && !refcount_inc_not_zero(&d->ep->refs))
		return false;
	if (!c->on)
		queue_work(quic_net_wq, &c->work);
	WRITE_ONCE(c->on, true);
	WRITE_ONCE(c->truesize, c->truesize + skb->truesize);
	__skb_queue_tail(&c->q, skb);
	return true;
}

bool quic_crowd_join(struct quic_door *d, struct sk_buff *skb)
{
	struct quic_crowd *c = &d->crowd;
	bool joined;

	/* Behind those that wait, lest one overtakes the first half of its ClientHello. */
	if (!READ_ONCE(c->on) && quic_limit_ok(&c->prompt, PROMPT_RATE, PROMPT_BURST))
		return false;
	spin_lock_bh(&c->q.lock);
	joined = join(d, skb);
	spin_unlock_bh(&c->q.lock);
	if (!joined) {
		quic_mib_inc(d->ep->net, QUIC_MIB_ATTEMPTS_DROPPED);
		kfree_skb(skb);
	}
	return true;
}

static struct sk_buff *next(struct quic_crowd *c)
{
	struct sk_buff *skb;

	spin_lock_bh(&c->q.lock);
	skb = __skb_dequeue(&c->q);
	if (skb)
		WRITE_ONCE(c->truesize, c->truesize - skb->truesize);
	else
		WRITE_ONCE(c->on, false);
	spin_unlock_bh(&c->q.lock);
	return skb;
}

static void let_in(struct work_struct *work)
{
	struct quic_door *d = container_of(work, struct quic_door, crowd.work);
	struct quic_endpoint *ep = d->ep;
	struct mem_cgroup *memcg;
	struct sk_buff *skb;
	unsigned int n = 0;

	while ((skb = next(&d->crowd))) {
		local_bh_disable();
		rcu_read_lock();
		memcg = quic_compat_memcg_enter(ep->sk);
		quic_dispatch_stranger(ep, d, skb);
		quic_compat_memcg_leave(memcg);
		rcu_read_unlock();
		local_bh_enable();
		cond_resched();
		/* Where nobody listens no more come, and the endpoint may be about to go. */
		if (++n >= LATER_AT_ONCE && READ_ONCE(d->nlisteners)) {
			queue_work(quic_net_wq, work);
			return;
		}
	}
	quic_endpoint_unref(ep);
}

void quic_crowd_init(struct quic_crowd *c)
{
	skb_queue_head_init(&c->q);
	INIT_WORK(&c->work, let_in);
}
