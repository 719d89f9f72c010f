// SPDX-License-Identifier: GPL-2.0
/*
 * Connection attempts as they arrive: datagrams become requests. A request is
 * its datagrams, nothing else: no keys, no reply.
 *
 * Half of the room, of requests and of memory, is for clients whose token shows
 * where they are: the others get Retry then (RFC 9000, 8.1.2). 0-RTT packets join
 * their request, or wait a moment for it (ahead.c). Limits: requests, datagrams
 * and bytes of one, memory of all, age. Where all is taken, who was asked for the
 * rest of a ClientHello longest makes room: an honest client's comes at once.
 */
#include <linux/jhash.h>

#include "door.h"
#include "mib.h"

#define AGE_MAX		(10ull * NSEC_PER_SEC)
/* New requests with unproven addresses; beyond, clients have to come back (Retry). */
#define UNPROVEN_RATE	1000		/* a second */
#define UNPROVEN_BURST	250

static u32 hash_of(const struct quic_door *d, const union quic_addr *remote, const u8 *dcid, u8 len)
{
	return jhash(remote, sizeof(*remote), jhash(dcid, len, d->seed));
}

static struct hlist_head *bucket(struct quic_door *d, u32 hash)
{
	return &d->hash[hash >> (32 - QUIC_DOOR_BITS)];
}

static struct quic_request *find(struct quic_door *d, const union quic_addr *local,
				 const union quic_addr *remote, const u8 *dcid, u8 len)
{
	struct quic_request *r;

	hlist_for_each_entry(r, bucket(d, hash_of(d, remote, dcid, len)), hash)
		if (quic_cid_eq(&r->dcid, dcid, len) &&
		    !memcmp(&r->remote, remote, sizeof(*remote)) &&
		    !memcmp(&r->local, local, sizeof(*local)))
			return r;
	return NULL;
}

void quic_door_unlink(struct quic_door *d, struct quic_request *r)
{
	hlist_del_init(&r->hash);
	if (!r->taken)
		list_del_init(&r->fifo);
	d->truesize -= r->truesize;
	if (r->listener)
		r->listener->count--;
	else
		d->unsorted--;
}

void quic_request_read(struct quic_request *r)
{
	if (r->hello)
		quic_hello_free(r->hello);
	kfree(r->hello);
	r->hello = NULL;
}

void quic_request_free(struct quic_request *r)
{
	quic_request_read(r);
	skb_queue_purge(&r->skbs);
	kfree(r);
}

void quic_door_expire(struct quic_door *d, struct list_head *fifo, u64 now)
{
	struct quic_request *r, *next;

	list_for_each_entry_safe(r, next, fifo, fifo) {
		if (now - r->at <= AGE_MAX)
			break;
		quic_mib_inc(d->ep->net, QUIC_MIB_ATTEMPTS_EXPIRED);
		quic_door_unlink(d, r);
		quic_request_free(r);
	}
}

bool quic_request_too_old(const struct quic_request *r, u64 now)
{
	return now - r->at > AGE_MAX;
}

void quic_door_sum(struct quic_door *d)
{
	unsigned int backlog = 0, n = 0;
	struct quic_listener *l;

	d->by_alpn = false;
	d->validate = true;
	d->grease = false;
	d->versions.n = 0;
	list_for_each_entry(l, &d->listeners, list) {
		n++;
		backlog += l->backlog;
		d->by_alpn |= l->names > 0;
		d->validate &= l->validate;
		d->grease |= l->grease;
		quic_version_join(&d->versions, &l->versions);
	}
	/* Some read without the lock: never less than there are */
	WRITE_ONCE(d->nlisteners, n);
	WRITE_ONCE(d->backlog, backlog);
}

/* Return: whether the skb was taken */
static bool append(struct quic_door *d, struct quic_request *r, struct sk_buff *skb)
{
	unsigned long limit = quic_door_memory(d);

	/* Retry begins at half; who got in before may complete what he has to say. */
	if (!r->validated)
		limit -= limit / 4;
	if (r->datagrams >= QUIC_REQUEST_DATAGRAMS || r->bytes + skb->len > QUIC_REQUEST_BYTES ||
	    d->truesize + skb->truesize > limit)
		return false;
	r->datagrams++;
	r->bytes += skb->len;
	r->truesize += skb->truesize;
	d->truesize += skb->truesize;
	/* accept() may be taking some out, and sort.c be reading them */
	skb_queue_tail(&r->skbs, skb);
	return true;
}

bool quic_listener_give(struct quic_listener *l, struct quic_request *r)
{
	if (l->count >= l->backlog)
		return false;
	r->listener = l;
	l->count++;
	list_add_tail(&r->fifo, &l->fifo);
	return true;
}

/* Into the list of those it belongs to. false: no room there, or nobody's */
static bool place(struct quic_door *d, struct quic_request *r, u64 now)
{
	struct quic_listener *l;

	if (!d->by_alpn) {
		l = quic_sort_plain(d, r);
		return l && quic_listener_give(l, r);
	}
	if (d->unsorted >= d->backlog)
		return false;
	d->unsorted++;
	list_add_tail(&r->fifo, &d->waiting);
	return true;
}

static struct quic_request *request_new(struct quic_door *d, const union quic_addr *local,
					const union quic_addr *remote,
					const struct quic_packet *pkt, const struct quic_ifs *in,
					u64 now)
{
	struct quic_request *r;

	r = kzalloc(sizeof(*r), GFP_NOWAIT | __GFP_NOWARN | __GFP_ACCOUNT);
	if (!r)
		return NULL;
	skb_queue_head_init(&r->skbs);
	r->local = *local;
	r->remote = *remote;
	quic_cid_set(&r->dcid, pkt->dcid, pkt->dcid_len);
	quic_cid_set(&r->scid, pkt->scid, pkt->scid_len);
	r->version = pkt->version;
	r->fixed = pkt->fixed;
	r->in = *in;
	r->at = now;
	r->lot = hash_of(d, remote, pkt->dcid, pkt->dcid_len);
	if (!place(d, r, now)) {
		kfree(r);
		return NULL;
	}
	hlist_add_head(&r->hash, bucket(d, r->lot));
	return r;
}

/* What came of a datagram that is not (yet) a connection's. */
enum fate { DROPPED, WAITS, NEWS, OVERTAKEN, STRANGER, AHEAD, RETRY, REFUSED, UNSPOKEN };

/* What a stranger's token proves. */
struct proof {
	enum quic_token_verdict verdict;
	struct quic_token token;
};

/* What is known now: for one listener, or for whichever it will be. */
bool quic_door_must_retry(struct quic_door *d, const struct quic_listener *l)
{
	unsigned int count = l ? l->count : d->unsorted, room = l ? l->backlog : d->backlog;

	return (l ? l->validate : d->validate) || 2 * count >= max(room, 2u) ||
	       2 * d->truesize >= quic_door_memory(d);
}

static bool must_retry(struct quic_door *d)
{
	const struct quic_listener *l = NULL;

	if (d->nlisteners == 1 && !d->by_alpn)
		l = list_first_entry(&d->listeners, struct quic_listener, list);
	return quic_door_must_retry(d, l) ||
	       !quic_limit_ok(&d->unproven, UNPROVEN_RATE, UNPROVEN_BURST);
}

/* What overtook the Initial follows it. */
static void catch_up(struct quic_door *d, struct quic_request *r)
{
	struct sk_buff *skb;

	while ((skb = quic_ahead_take(&d->ahead, d->ep, r)))
		if (!append(d, r, skb))
			kfree_skb(skb);
}

static enum fate admit(struct quic_door *d, struct quic_request *r, struct sk_buff *skb,
		       const struct proof *proof, struct quic_listener **l)
{
	if (proof->verdict == QUIC_TOKEN_GOOD) {
		r->validated = true;
		r->retried = proof->token.kind == QUIC_TOKEN_RETRY;
		r->odcid = proof->token.odcid;
	}
	if (!append(d, r, skb)) {
		quic_door_unlink(d, r);
		quic_request_free(r);
		return DROPPED;
	}
	catch_up(d, r);
	*l = r->listener;
	if (*l)
		return NEWS;
	quic_sort_more(d, r);
	return WAITS;
}

static enum fate known(struct quic_door *d, struct quic_request *r, struct sk_buff *skb)
{
	if (!append(d, r, skb))
		return DROPPED;
	if (!r->listener)
		quic_sort_more(d, r);
	return WAITS;
}

static void expire(struct quic_door *d, u64 now)
{
	struct quic_listener *l;

	list_for_each_entry(l, &d->listeners, list)
		quic_door_expire(d, &l->fifo, now);
	quic_door_expire(d, &d->waiting, now);
	quic_door_expire(d, &d->fresh, now);
}

/* For one more, of @truesize: who waits for the rest of a ClientHello goes, the oldest first. */
static void make_room(struct quic_door *d, u32 truesize)
{
	struct quic_request *r;

	while ((d->by_alpn && d->unsorted >= d->backlog) ||
	       d->truesize + truesize > quic_door_memory(d)) {
		r = list_first_entry_or_null(&d->waiting, struct quic_request, fifo);
		if (!r)
			return;
		quic_door_unlink(d, r);
		quic_request_free(r);
	}
}

/* A datagram's first word. @proof: NULL before it is known whether one is needed */
struct arrival {
	struct sk_buff *skb;
	const struct quic_packet *pkt;
	const struct proof *proof;
	struct sock *child;		/* out: whose it is by now */
	struct quic_listener *l;	/* out: NEWS for */
};

static enum fate stranger(struct quic_door *d, struct arrival *a, const union quic_addr *local,
			  const union quic_addr *remote, u64 now)
{
	const struct quic_ifs in = quic_skb_ifs(a->skb);
	const struct quic_packet *pkt = a->pkt;
	struct quic_request *r;

	if (!d->nlisteners)
		return DROPPED;
	if (!quic_version_listed(&d->versions, pkt->version))
		return pkt->type == QUIC_PKT_INITIAL ? UNSPOKEN : DROPPED;
	if (!pkt->fixed && !d->grease)
		return DROPPED;
	if (pkt->type != QUIC_PKT_INITIAL) {
		/* Its Initial is going to get Retry. */
		if (d->validate)
			return DROPPED;
		quic_ahead_put(&d->ahead, a->skb);
		return AHEAD;
	}
	if (!a->proof)
		return STRANGER;
	if (a->proof->verdict != QUIC_TOKEN_GOOD && must_retry(d))
		return RETRY;
	make_room(d, a->skb->truesize);
	r = request_new(d, local, remote, pkt, &in, now);
	return r ? admit(d, r, a->skb, a->proof, &a->l) : DROPPED;
}

static enum fate add(struct quic_door *d, struct arrival *a)
{
	const struct quic_packet *pkt = a->pkt;
	union quic_addr local, remote;
	u64 now = ktime_get_ns();
	struct quic_request *r;
	struct quic_tomb *tomb;
	enum fate fate;

	quic_skb_addrs(a->skb, d->ep, &local, &remote);
	spin_lock_bh(&d->lock);
	expire(d, now);
	r = find(d, &local, &remote, pkt->dcid, pkt->dcid_len);
	if (r)
		fate = known(d, r, a->skb);
	/* Perhaps the request became a connection after we looked for one. */
	else if (quic_demux_find(d->ep->net, pkt->dcid, pkt->dcid_len, &a->child, &tomb))
		fate = OVERTAKEN;
	else
		fate = stranger(d, a, &local, &remote, now);
	spin_unlock_bh(&d->lock);
	return fate;
}

/* Look at the token, which takes its time, without the lock. */
static enum fate add_stranger(struct quic_door *d, struct arrival *a)
{
	union quic_addr local, remote;
	struct proof proof = {};

	if (a->pkt->token_len) {
		quic_skb_addrs(a->skb, d->ep, &local, &remote);
		proof.verdict = quic_net_token_check(d->ep->net, a->pkt, &remote, &proof.token);
	}
	if (proof.verdict == QUIC_TOKEN_INVALID)
		return REFUSED;
	a->proof = &proof;
	return add(d, a);
}

void quic_door_rcv(struct quic_door *d, struct sk_buff *skb, const struct quic_packet *pkt)
{
	struct arrival a = { .skb = skb, .pkt = pkt };
	enum fate fate;

	fate = add(d, &a);
	if (fate == STRANGER)
		fate = add_stranger(d, &a);
	if (fate == RETRY)
		quic_stateless_retry(d->ep, skb, pkt);
	else if (fate == UNSPOKEN)
		quic_door_unspoken(d, skb, pkt);
	else if (fate == REFUSED)	/* it would obey no other Retry: RFC 9000, 8.1.2 */
		quic_refuse(d->ep, skb, pkt, QUIC_ERR_INVALID_TOKEN);
	else if (fate == DROPPED)
		quic_mib_inc(d->ep->net, QUIC_MIB_ATTEMPTS_DROPPED);
	else if (fate == NEWS)
		a.l->sk->sk_data_ready(a.l->sk);

	if (a.child) {
		quic_sock_rcv(a.child, skb);
		sock_put(a.child);
	} else if (fate != NEWS && fate != WAITS && fate != AHEAD) {
		kfree_skb(skb);
	}
}

void quic_door_unspoken(struct quic_door *d, const struct sk_buff *skb,
			const struct quic_packet *pkt)
{
	struct quic_versions versions;

	spin_lock_bh(&d->lock);
	versions = d->versions;
	spin_unlock_bh(&d->lock);
	quic_stateless_vn(d->ep, skb, pkt, &versions);
}

bool quic_door_open(const struct quic_door *d)
{
	return READ_ONCE(d->nlisteners);
}
