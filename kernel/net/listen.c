// SPDX-License-Identifier: GPL-2.0
/*
 * A listener and its requests: connection attempts that accept() has not made
 * sockets of yet. A request is its datagrams, nothing else: no keys, no reply.
 *
 * A request is in the hash, by (addresses, first destination ID), from its
 * first Initial until quic_request_done() or _drop(); and in the FIFO until
 * quic_listener_next() takes it. Half of the room is for clients whose token
 * shows where they are: the others get Retry then (RFC 9000, 8.1.2). 0-RTT
 * packets join their request, or wait a moment for it (ahead.c). Limits:
 * requests, datagrams and bytes of one, memory of all, age. Everything is under
 * the listener's spinlock (BH).
 */
#include <linux/jhash.h>
#include <linux/random.h>

#include "private.h"

#define REQUEST_BITS	8
#define AGE_MAX		(10 * NSEC_PER_SEC)
#define DATAGRAMS_MAX	8		/* a request */
#define BYTES_MAX	(16 << 10)
#define TRUESIZE_EACH	(5 << 10)	/* of all: this times the backlog, and some */
/* New requests of a listener with unproven addresses; beyond, clients have to come back (Retry). */
#define UNPROVEN_RATE	1000		/* a second */
#define UNPROVEN_BURST	250

struct quic_listener {
	spinlock_t lock;		/* everything that changes; BH */
	refcount_t refs;		/* one, and one for each request taken */
	struct sock *sk;
	struct quic_endpoint *ep;
	u32 seed;
	bool stopped;
	bool validate;			/* every client gets Retry first */
	bool grease;			/* the QUIC Bit may be 0 */
	struct quic_versions versions;
	struct quic_limit unproven;
	unsigned int backlog, count;
	unsigned long truesize;
	struct list_head fifo;
	struct sk_buff_head ahead;
	struct hlist_head hash[1 << REQUEST_BITS];
	struct rcu_head rcu;
};

static void listener_put(struct quic_listener *l)
{
	if (refcount_dec_and_test(&l->refs))
		kfree_rcu(l, rcu);
}

static struct hlist_head *bucket(struct quic_listener *l, const union quic_addr *remote,
				 const u8 *dcid, u8 len)
{
	u32 h = jhash(dcid, len, l->seed);

	return &l->hash[jhash(remote, sizeof(*remote), h) >> (32 - REQUEST_BITS)];
}

static struct quic_request *find(struct quic_listener *l, const union quic_addr *local,
				 const union quic_addr *remote, const u8 *dcid, u8 len)
{
	struct quic_request *r;

	hlist_for_each_entry(r, bucket(l, remote, dcid, len), hash)
		if (quic_cid_eq(&r->dcid, dcid, len) &&
		    !memcmp(&r->remote, remote, sizeof(*remote)) &&
		    !memcmp(&r->local, local, sizeof(*local)))
			return r;
	return NULL;
}

/* Out of hash and FIFO; the datagrams stay in it. */
static void unlink(struct quic_listener *l, struct quic_request *r)
{
	hlist_del_init(&r->hash);
	if (!r->taken)
		list_del(&r->fifo);
	l->truesize -= r->truesize;
	l->count--;
}

static void request_free(struct quic_request *r)
{
	skb_queue_purge(&r->skbs);
	kfree(r);
}

static bool too_old(const struct quic_request *r, u64 now)
{
	return now - r->at > AGE_MAX;
}

static void expire(struct quic_listener *l, u64 now)
{
	struct quic_request *r, *next;

	list_for_each_entry_safe(r, next, &l->fifo, fifo) {
		if (!too_old(r, now))
			break;
		unlink(l, r);
		request_free(r);
	}
}

/* Return: whether the skb was taken */
static bool append(struct quic_listener *l, struct quic_request *r, struct sk_buff *skb)
{
	unsigned long limit = (l->backlog + 16ul) * TRUESIZE_EACH;

	if (r->datagrams >= DATAGRAMS_MAX || r->bytes + skb->len > BYTES_MAX ||
	    l->truesize + skb->truesize > limit)
		return false;
	r->datagrams++;
	r->bytes += skb->len;
	r->truesize += skb->truesize;
	l->truesize += skb->truesize;
	/* accept() may be taking some out */
	skb_queue_tail(&r->skbs, skb);
	return true;
}

static struct quic_request *request_new(struct quic_listener *l, const union quic_addr *local,
					const union quic_addr *remote,
					const struct quic_packet *pkt, u64 now)
{
	struct quic_request *r;

	if (l->count >= l->backlog)
		return NULL;
	r = kzalloc(sizeof(*r), GFP_ATOMIC | __GFP_NOWARN);
	if (!r)
		return NULL;
	skb_queue_head_init(&r->skbs);
	r->local = *local;
	r->remote = *remote;
	quic_cid_set(&r->dcid, pkt->dcid, pkt->dcid_len);
	quic_cid_set(&r->scid, pkt->scid, pkt->scid_len);
	r->version = pkt->version;
	r->at = now;
	hlist_add_head(&r->hash, bucket(l, remote, pkt->dcid, pkt->dcid_len));
	list_add_tail(&r->fifo, &l->fifo);
	l->count++;
	return r;
}

/* What came of a datagram that is not (yet) a connection's. */
enum fate { DROPPED, WAITS, NEWS, OVERTAKEN, STRANGER, AHEAD, RETRY, REFUSED, UNSPOKEN };

/* What a stranger's token proves. */
struct proof {
	enum quic_token_verdict verdict;
	struct quic_token token;
};

static bool must_retry(struct quic_listener *l)
{
	return READ_ONCE(l->validate) || 2 * l->count >= max(l->backlog, 2u) ||
	       !quic_limit_ok(&l->unproven, UNPROVEN_RATE, UNPROVEN_BURST);
}

/* What overtook the Initial follows it. */
static void catch_up(struct quic_listener *l, struct quic_request *r)
{
	struct sk_buff *skb;

	while ((skb = quic_ahead_take(&l->ahead, l->ep, r, r->at)))
		if (!append(l, r, skb))
			kfree_skb(skb);
}

static enum fate admit(struct quic_listener *l, struct quic_request *r, struct sk_buff *skb,
		       const struct proof *proof)
{
	if (proof->verdict == QUIC_TOKEN_GOOD) {
		r->validated = true;
		r->retried = proof->token.kind == QUIC_TOKEN_RETRY;
		r->odcid = proof->token.odcid;
	}
	if (append(l, r, skb)) {
		catch_up(l, r);
		return NEWS;
	}
	unlink(l, r);
	request_free(r);
	return DROPPED;
}

/* @proof: NULL before it is known whether one is needed: then a new client is a STRANGER. */
static enum fate add(struct quic_listener *l, struct sk_buff *skb, const struct quic_packet *pkt,
		     const struct proof *proof, struct sock **child)
{
	union quic_addr local, remote;
	u64 now = ktime_get_ns();
	struct quic_request *r;
	struct quic_tomb *tomb;

	quic_skb_addrs(skb, l->ep, &local, &remote);
	expire(l, now);
	r = find(l, &local, &remote, pkt->dcid, pkt->dcid_len);
	if (r)
		return append(l, r, skb) ? WAITS : DROPPED;
	/* Perhaps the request became a connection after we looked for one. */
	if (quic_demux_find(l->ep->net, pkt->dcid, pkt->dcid_len, child, &tomb))
		return OVERTAKEN;
	if (l->stopped)
		return DROPPED;
	if (!quic_version_listed(&l->versions, pkt->version))
		return pkt->type == QUIC_PKT_INITIAL ? UNSPOKEN : DROPPED;
	if (!pkt->fixed && !READ_ONCE(l->grease))
		return DROPPED;
	if (pkt->type != QUIC_PKT_INITIAL) {
		/* Its Initial is going to get Retry. */
		if (l->validate)
			return DROPPED;
		quic_ahead_put(&l->ahead, skb, now);
		return AHEAD;
	}
	if (!proof)
		return STRANGER;
	if (proof->verdict != QUIC_TOKEN_GOOD && must_retry(l))
		return RETRY;
	r = request_new(l, &local, &remote, pkt, now);
	return r ? admit(l, r, skb, proof) : DROPPED;
}

static enum fate add_locked(struct quic_listener *l, struct sk_buff *skb,
			    const struct quic_packet *pkt, const struct proof *proof,
			    struct sock **child)
{
	enum fate fate;

	spin_lock_bh(&l->lock);
	fate = add(l, skb, pkt, proof, child);
	spin_unlock_bh(&l->lock);
	return fate;
}

/* Look at the token, which takes its time, without the lock. */
static enum fate add_stranger(struct quic_listener *l, struct sk_buff *skb,
			      const struct quic_packet *pkt, struct sock **child)
{
	union quic_addr local, remote;
	struct proof proof = {};

	if (pkt->token_len) {
		quic_skb_addrs(skb, l->ep, &local, &remote);
		proof.verdict = quic_net_token_check(l->ep->net, pkt, &remote, &proof.token);
	}
	if (proof.verdict == QUIC_TOKEN_INVALID)
		return REFUSED;
	return add_locked(l, skb, pkt, &proof, child);
}

void quic_listener_rcv(struct quic_listener *l, struct sk_buff *skb, const struct quic_packet *pkt)
{
	struct sock *child = NULL;
	enum fate fate;

	fate = add_locked(l, skb, pkt, NULL, &child);
	if (fate == STRANGER)
		fate = add_stranger(l, skb, pkt, &child);
	if (fate == RETRY)
		quic_stateless_retry(l->ep, skb, pkt);
	else if (fate == UNSPOKEN)
		quic_listener_unspoken(l, skb, pkt);
	else if (fate == REFUSED)	/* it would obey no other Retry: RFC 9000, 8.1.2 */
		quic_refuse(l->ep, skb, pkt, QUIC_ERR_INVALID_TOKEN);
	else if (fate == NEWS)
		l->sk->sk_data_ready(l->sk);

	if (child) {
		quic_sock_rcv(child, skb);
		sock_put(child);
	} else if (fate != NEWS && fate != WAITS && fate != AHEAD) {
		kfree_skb(skb);
	}
}

void quic_listener_unspoken(struct quic_listener *l, const struct sk_buff *skb,
			    const struct quic_packet *pkt)
{
	struct quic_versions versions;

	spin_lock_bh(&l->lock);
	versions = l->versions;
	spin_unlock_bh(&l->lock);
	quic_stateless_vn(l->ep, skb, pkt, &versions);
}

struct quic_listener *quic_listener_start(struct quic_endpoint *ep, struct sock *sk, int backlog,
					  const struct quic_versions *v)
{
	struct quic_listener *l = kzalloc(sizeof(*l), GFP_KERNEL);
	struct quic_listener *old;

	if (!l)
		return ERR_PTR(-ENOMEM);
	spin_lock_init(&l->lock);
	refcount_set(&l->refs, 1);
	INIT_LIST_HEAD(&l->fifo);
	quic_ahead_init(&l->ahead);
	get_random_bytes(&l->seed, sizeof(l->seed));
	l->sk = sk;
	l->ep = ep;
	l->versions = *v;
	quic_listener_backlog(l, backlog);

	spin_lock_bh(&ep->lock);
	old = rcu_dereference_protected(ep->listener, lockdep_is_held(&ep->lock));
	if (!old)
		rcu_assign_pointer(ep->listener, l);
	spin_unlock_bh(&ep->lock);
	if (!old)
		return l;
	kfree(l);
	return ERR_PTR(-EADDRINUSE);
}

void quic_listener_stop(struct quic_listener *l)
{
	struct quic_request *r, *next;

	spin_lock_bh(&l->ep->lock);
	RCU_INIT_POINTER(l->ep->listener, NULL);
	spin_unlock_bh(&l->ep->lock);

	spin_lock_bh(&l->lock);
	l->stopped = true;
	list_for_each_entry_safe(r, next, &l->fifo, fifo) {
		unlink(l, r);
		request_free(r);
	}
	__skb_queue_purge(&l->ahead);
	spin_unlock_bh(&l->lock);
	listener_put(l);
}

void quic_listener_backlog(struct quic_listener *l, int backlog)
{
	WRITE_ONCE(l->backlog, max(backlog, 1));
}

void quic_listener_validate(struct quic_listener *l, bool always)
{
	WRITE_ONCE(l->validate, always);
}

void quic_listener_versions(struct quic_listener *l, const struct quic_versions *v)
{
	spin_lock_bh(&l->lock);
	l->versions = *v;
	spin_unlock_bh(&l->lock);
}

void quic_listener_grease(struct quic_listener *l, bool on)
{
	WRITE_ONCE(l->grease, on);
}

struct quic_request *quic_listener_next(struct quic_listener *l)
{
	struct quic_request *r;

	spin_lock_bh(&l->lock);
	expire(l, ktime_get_ns());
	r = list_first_entry_or_null(&l->fifo, struct quic_request, fifo);
	if (r) {
		list_del(&r->fifo);
		r->taken = true;
		refcount_inc(&l->refs);
	}
	spin_unlock_bh(&l->lock);
	return r;
}

bool quic_listener_ready(const struct quic_listener *l)
{
	struct quic_listener *w = (struct quic_listener *)l;
	bool ready;

	spin_lock_bh(&w->lock);
	ready = !list_empty(&w->fifo) &&
		!too_old(list_last_entry(&w->fifo, struct quic_request, fifo), ktime_get_ns());
	spin_unlock_bh(&w->lock);
	return ready;
}

void quic_request_drop(struct quic_listener *l, struct quic_request *r)
{
	spin_lock_bh(&l->lock);
	unlink(l, r);
	spin_unlock_bh(&l->lock);
	request_free(r);
	listener_put(l);
}

void quic_request_done(struct quic_listener *l, struct quic_request *r, struct sock *child)
{
	struct sk_buff *skb;

	spin_lock_bh(&l->lock);
	unlink(l, r);
	spin_unlock_bh(&l->lock);

	local_bh_disable();
	while ((skb = __skb_dequeue(&r->skbs)))
		quic_sock_rcv(child, skb);
	local_bh_enable();
	kfree(r);
	listener_put(l);
}
