// SPDX-License-Identifier: GPL-2.0
/*
 * Tombstones: what stays of a connection in closing or draining state after
 * its socket went (RFC 9000, 10.2). Each owns its demux entries and answers
 * with the same sealed CONNECTION_CLOSE, ever more rarely, or not at all.
 *
 * They keep their endpoint, but neither the module nor the namespace: both
 * flush them when they go. Their number is bounded, the oldest give way.
 */
#include "mib.h"
#include "private.h"

#define TOMBS_MAX	4096			/* a namespace */
#define IDS_MAX		(QUIC_CID_LOCAL_MAX + 2)
#define SWEEP		(HZ / 4)
#define LIFETIME_MAX	(30ull * NSEC_PER_SEC)
/*
 * Three PTO are over in no time on a short path, after a probe or two. When the CLOSE was lost in
 * an outage the peer's next probes should find somebody who knows.
 */
#define ANSWERS_MIN	(3ull * NSEC_PER_SEC)

struct quic_tomb {
	struct list_head list;			/* quic_net.tombs */
	struct quic_endpoint *ep;
	union quic_addr local, remote;
	u64 until;				/* ns */
	atomic_t count;				/* packets since */
	bool nameless;				/* found by addresses */
	u8 nids;
	struct quic_demux_entry *ids[IDS_MAX];
	struct rcu_head rcu;
	u32 len;
	u8 pkt[];
};

/* RFC 9000, 10.2.1: limit the rate of answers, and what a spoofed packet makes us say (8.1). */
void quic_tomb_rcv(struct quic_tomb *t, const struct sk_buff *skb)
{
	struct quic_net *qn = quic_net(t->ep->net);

	if (!t->len || t->len > QUIC_AMPLIFICATION * skb->len)
		return;
	if (is_power_of_2(atomic_inc_return(&t->count)) &&
	    quic_limit_ok(&qn->tomb_limit, 1000, 100)) {
		quic_mib_inc(qn->net, QUIC_MIB_CLOSE_REPEATS);
		quic_xmit_raw(t->ep, &t->local, &t->remote, t->pkt, t->len);
	}
}

/* Off the list, and nobody finds it by an ID any more. */
static void lay_to_rest(struct quic_tomb *t)
{
	unsigned int i;

	for (i = 0; i < t->nids; i++)
		quic_demux_free(t->ids[i]);
	quic_endpoint_unref(t->ep);
	kfree_rcu(t, rcu);
}

static void lay_all_to_rest(struct list_head *old)
{
	struct quic_tomb *t, *next;

	list_for_each_entry_safe(t, next, old, list)
		lay_to_rest(t);
}

static void sweep(struct work_struct *work)
{
	struct quic_net *qn = container_of(to_delayed_work(work), struct quic_net, tombs_work);
	struct quic_tomb *t, *next;
	u64 now = ktime_get_ns();
	LIST_HEAD(old);

	spin_lock_bh(&qn->tombs_lock);
	list_for_each_entry_safe(t, next, &qn->tombs, list) {
		if (now < t->until)
			continue;
		list_move(&t->list, &old);
		qn->ntombs--;
	}
	if (qn->ntombs)
		queue_delayed_work(system_wq, &qn->tombs_work, SWEEP);
	spin_unlock_bh(&qn->tombs_lock);
	lay_all_to_rest(&old);
}

static void enlist(struct quic_net *qn, struct quic_tomb *t)
{
	struct quic_tomb *oldest = NULL;

	spin_lock_bh(&qn->tombs_lock);
	if (qn->ntombs == TOMBS_MAX) {
		oldest = list_first_entry(&qn->tombs, struct quic_tomb, list);
		list_del(&oldest->list);
	} else if (!qn->ntombs++) {
		queue_delayed_work(system_wq, &qn->tombs_work, SWEEP);
	}
	list_add_tail(&t->list, &qn->tombs);
	spin_unlock_bh(&qn->tombs_lock);
	if (oldest)
		lay_to_rest(oldest);
}

void quic_demux_bury(struct quic_endpoint *ep, struct sock *sk, const struct quic_cid *cids,
		     unsigned int ncids, const struct quic_peer *peer,
		     const u8 *pkt, u32 len, u64 lifetime)
{
	struct quic_path_key path;
	struct quic_tomb *t;
	unsigned int i;

	if (!ep || !lifetime)
		return;
	t = kzalloc(struct_size(t, pkt, len), GFP_ATOMIC | __GFP_NOWARN);
	if (!t)
		return;		/* stateless resets will do */
	t->ep = ep;
	t->local = peer->local;
	t->remote = peer->remote;
	if (len)
		lifetime = max(lifetime, ANSWERS_MIN);
	t->until = ktime_get_ns() + min(lifetime, LIFETIME_MAX);
	t->len = len;
	if (len)
		memcpy(t->pkt, pkt, len);
	quic_peer_path(peer, &path);
	for (i = 0; i < ncids && t->nids < IDS_MAX; i++) {
		if (cids[i].len)
			t->ids[t->nids] = quic_demux_move(ep->net, &cids[i], sk, t);
		else
			t->ids[t->nids] = quic_demux_move_path(ep, &path, sk, t);
		t->nameless |= !cids[i].len;
		if (t->ids[t->nids])
			t->nids++;
	}
	if (!t->nids) {
		kfree(t);
		return;
	}
	quic_endpoint_ref(ep);
	enlist(quic_net(ep->net), t);
}

void quic_tomb_evict(struct quic_net *qn, __be16 port)
{
	struct quic_tomb *t, *next;
	LIST_HEAD(old);

	spin_lock_bh(&qn->tombs_lock);
	list_for_each_entry_safe(t, next, &qn->tombs, list) {
		if (inet_sk(t->ep->sk)->inet_sport != port || atomic_read(&t->ep->users))
			continue;
		list_move(&t->list, &old);
		qn->ntombs--;
	}
	spin_unlock_bh(&qn->tombs_lock);
	lay_all_to_rest(&old);
}

bool quic_tomb_end(struct quic_endpoint *ep, const struct quic_path_key *path)
{
	struct quic_net *qn = quic_net(ep->net);
	struct quic_tomb *t, *hit = NULL;
	struct quic_path_key key;

	spin_lock_bh(&qn->tombs_lock);
	list_for_each_entry(t, &qn->tombs, list) {
		quic_addr_path(&t->local, &t->remote, &key);
		if (t->ep != ep || !t->nameless || !quic_path_key_eq(&key, path))
			continue;
		list_del(&t->list);
		qn->ntombs--;
		hit = t;
		break;
	}
	spin_unlock_bh(&qn->tombs_lock);
	if (hit)
		lay_to_rest(hit);
	return hit;
}

void quic_tomb_net_init(struct quic_net *qn)
{
	spin_lock_init(&qn->tombs_lock);
	INIT_LIST_HEAD(&qn->tombs);
	INIT_DELAYED_WORK(&qn->tombs_work, sweep);
}

void quic_tomb_net_exit(struct quic_net *qn)
{
	cancel_delayed_work_sync(&qn->tombs_work);
	lay_all_to_rest(&qn->tombs);
}
