// SPDX-License-Identifier: GPL-2.0
/*
 * Bursts out: the core seals datagrams into page fragments, one behind the
 * other, and a burst of them is one GSO skb that goes down the stack once.
 *
 * From the moment the core built it a datagram counts as sent: whatever fails
 * afterwards is a loss, which the core repairs at its own, ever slower pace.
 *
 * What waits in the qdisc is bounded, as TCP's small queues are: beyond a
 * limit of sk_wmem_alloc we stop, and the destructor of our skbs has a
 * per-CPU tasklet go on when enough has drained.
 */
#include <linux/interrupt.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <net/dst.h>
#include <net/inet_ecn.h>

#include "../compat/skb.h"
#include "private.h"

#define BURST_BYTES	(U16_MAX - sizeof(struct iphdr) - sizeof(struct udphdr))
#define COPYBREAK	192	/* one datagram up to this goes into the skb's head */
#define QUEUED_MIN	(256u << 10)
#define QUEUED_MAX	(4u << 20)
#define GFP_TX		(GFP_ATOMIC | __GFP_NOWARN)
#define GFP_PAGES	(GFP_TX | __GFP_ACCOUNT)	/* of the socket's cgroup (sock/tx.c) */

/* bit numbers in quic_xmit_state.flags */
#define THROTTLED	0
#define QUEUED		1

struct resume {
	struct llist_head list;		/* quic_xmit_state.resume */
	struct tasklet_struct tasklet;
};

static DEFINE_PER_CPU(struct resume, resume);

/* The state of one quic_xmit(); too big for the stack. */
struct xmit {
	struct quic_burst tx;		/* the core's */
	struct sock *sk;
	const struct quic_outlet *out;
	struct quic_peer *peer;
	struct sk_buff *skb;
	unsigned int max_segs;
	u32 max_bytes;
};

/* --- what is queued below us --- */

/* About a millisecond of the rate, and never less than a few bursts. */
static u32 queued_limit(const struct quic_conn *c)
{
	return clamp_t(u64, c->loss.pacer.rate >> 10, QUEUED_MIN, QUEUED_MAX);
}

static bool over(const struct sock *sk, const struct quic_conn *c)
{
	return refcount_read(&sk->sk_wmem_alloc) > queued_limit(c);
}

static bool throttled(struct sock *sk, const struct quic_conn *c)
{
	if (!over(sk, c))
		return false;
	set_bit(THROTTLED, &quic_sock_xmit_state(sk)->flags);
	/* Pairs with the one in wfree(): either it sees the flag or we see what it freed. */
	smp_mb__after_atomic();
	return over(sk, c);
}

static void resume_later(struct sock *sk)
{
	struct quic_xmit_state *st = quic_sock_xmit_state(sk);
	struct resume *r;

	if (!test_and_clear_bit(THROTTLED, &st->flags) || test_and_set_bit(QUEUED, &st->flags))
		return;
	if (!refcount_inc_not_zero(&sk->sk_refcnt))
		return;
	preempt_disable();
	r = this_cpu_ptr(&resume);
	if (llist_add(&st->resume, &r->list))
		tasklet_schedule(&r->tasklet);
	preempt_enable();
}

/* Any context, perhaps with the socket lock held: takes none. */
static void wfree(struct sk_buff *skb)
{
	struct sock *sk = skb->sk;

	/* The socket may go with its last skb, and with it the module once RCU allows. */
	rcu_read_lock();
	WARN_ON_ONCE(refcount_sub_and_test(skb->truesize - 1, &sk->sk_wmem_alloc));
	/* Pairs with the one in throttled(). */
	smp_mb__after_atomic();
	if (test_bit(THROTTLED, &quic_sock_xmit_state(sk)->flags) &&
	    refcount_read(&sk->sk_wmem_alloc) <= QUEUED_MIN / 2)
		resume_later(sk);
	sk_free(sk);
	rcu_read_unlock();
}

static void resume_run(struct tasklet_struct *t)
{
	struct resume *r = from_tasklet(r, t, tasklet);
	struct llist_node *list = llist_reverse_order(llist_del_all(&r->list));
	struct quic_xmit_state *st, *next;

	llist_for_each_entry_safe(st, next, list, resume) {
		struct sock *sk = quic_sock_of_xmit(st);

		clear_bit(QUEUED, &st->flags);
		quic_sock_drained(sk);
		sock_put(sk);
	}
}

/* --- building a burst --- */

/*
 * Pages go round among bursts: to get one anew is dear where the kernel clears all it gives out.
 * The one set aside longest ago is taken if nobody reads it any more, else it goes.
 */
static bool refill(struct sock *sk, u32 size)
{
	struct quic_xmit_state *st = quic_sock_xmit_state(sk);
	struct page_frag *pf = &sk->sk_frag;

	if (pf->page && pf->offset + size > pf->size && page_ref_count(pf->page) > 1) {
		swap(*pf, st->page[st->turn]);
		st->turn = (st->turn + 1) % QUIC_XMIT_PAGES;
	}
	return skb_page_frag_refill(size, pf, GFP_PAGES);
}

void quic_xmit_let_go(struct sock *sk)
{
	struct quic_xmit_state *st = quic_sock_xmit_state(sk);
	unsigned int i;

	if (sk->sk_frag.page)
		put_page(sk->sk_frag.page);
	sk->sk_frag.page = NULL;
	for (i = 0; i < QUIC_XMIT_PAGES; i++) {
		if (st->page[i].page)
			put_page(st->page[i].page);
		st->page[i].page = NULL;
	}
}

/*
 * Room for a datagram of @size behind the last, or where a run of them begins so that no cipher
 * block lies across a page's end (if they are multiples of one).
 * Return: NULL without memory; *cap: what there is
 */
static u8 *room(struct sock *sk, const struct quic_conn *c, u32 size, bool first, u32 *cap)
{
	struct page_frag *pf = &sk->sk_frag;

	if ((first || pf->offset + size + QUIC_CIPHER_BLOCK > pf->size) &&
	    !refill(sk, size + QUIC_CIPHER_BLOCK))
		return NULL;
	if (first || !pf->offset)
		pf->offset += -(pf->offset + quic_tx_text_off(c)) & (QUIC_CIPHER_BLOCK - 1);
	*cap = min(pf->size - pf->offset, size);
	/* Only single pages to be had: smaller datagrams rather than none. */
	if (*cap < QUIC_DGRAM_MIN)
		return NULL;
	return page_address(pf->page) + pf->offset;
}

/* The @len bytes at the page fragment's offset become the skb's. Return: false if it is full */
static bool commit(struct sk_buff *skb, struct page_frag *pf, u32 len)
{
	int i = skb_shinfo(skb)->nr_frags;

	if (skb_can_coalesce(skb, i, pf->page, pf->offset)) {
		skb_frag_size_add(&skb_shinfo(skb)->frags[i - 1], len);
	} else {
		get_page(pf->page);
		skb_fill_page_desc(skb, i, pf->page, pf->offset, len);
	}
	pf->offset += len;
	skb->len += len;
	skb->data_len += len;
	skb->truesize += len;
	return skb_shinfo(skb)->nr_frags < MAX_SKB_FRAGS;
}

static void route_path(struct sock *sk, struct quic_peer *peer)
{
	if (quic_peer_routed(peer, sk))
		return;
	if (quic_peer_route(peer, sk, peer->ep) < 0)
		quic_peer_release(peer);
}

/* Which way the burst goes: a path that is only probed has a route of its own. */
static void choose_peer(struct xmit *x)
{
	const struct quic_outlet *o = x->out;
	u8 slot = x->tx.path->slot;

	x->peer = o->peer;
	if (likely(slot == o->slot))
		return;
	x->peer = o->other[slot];
	route_path(x->sk, x->peer);
}

/* Return: datagrams built; 0 nothing to send; < 0 error and nothing was built */
static int fill(struct xmit *x, struct quic_conn *c, u64 now)
{
	u32 size = max_t(u32, c->pmtu.cur, quic_pmtu_want(&c->pmtu, now)), cap;
	struct page_frag *pf = &x->sk->sk_frag;
	unsigned int n = 0, more;
	bool full;
	int len;
	u8 *buf;

	quic_tx_begin(&x->tx, c, now);
	choose_peer(x);
	do {
		buf = room(x->sk, c, size, !n, &cap);
		if (!buf)
			return n ?: -ENOMEM;
		if (n && cap < size)
			return n;
		len = quic_tx_datagram(&x->tx, buf, cap);
		if (len <= 0)
			return n ?: len;
		if (!n)
			size = len;
		n++;
		full = len == size && !x->tx.closed;
		if (full) {
			cap = min(pf->size - pf->offset, max(x->max_bytes, x->skb->len + size) -
				  x->skb->len) - size;
			more = quic_tx_run(&x->tx, buf + size, cap, x->max_segs - n);
			n += more;
			len += more * size;
		}
	} while (commit(x->skb, pf, len) && full && n < x->max_segs &&
		 x->skb->len + size <= x->max_bytes);
	return n;
}

/* A short datagram alone: no page for it, and the next one may have its place. */
static void copybreak(struct xmit *x)
{
	struct sk_buff *skb = x->skb;
	skb_frag_t *frag = &skb_shinfo(skb)->frags[0];
	struct page_frag *pf = &x->sk->sk_frag;
	u32 len = skb->len;

	memcpy(skb_tail_pointer(skb), skb_frag_address(frag), len);
	put_page(pf->page);
	skb_shinfo(skb)->nr_frags = 0;
	skb->truesize -= len;
	skb->len = 0;
	skb->data_len = 0;
	skb_put(skb, len);
	pf->offset -= len;
}

static void own(struct sk_buff *skb, struct sock *sk, u32 hash)
{
	skb->sk = sk;
	skb->destructor = wfree;
	/* RFC 9000, 9.7: what moved has another flow label */
	if (hash)
		__skb_set_sw_hash(skb, hash, true);
	else
		skb_set_hash_from_sk(skb, sk);
	refcount_add(skb->truesize, &sk->sk_wmem_alloc);
}

/*
 * Earliest departure times, kept by fq: none before that of an earlier packet, and data not before
 * its pace, which the core had as @at.
 */
static void stamp(struct xmit *x, u64 at)
{
	struct quic_xmit_state *st = quic_sock_xmit_state(x->sk);

	st->departure = max3(st->departure, x->tx.now, x->tx.paced ? at : 0);
	quic_compat_set_departure(x->skb, st->departure);
}

static bool under_fq(const struct sock *sk)
{
	/* Pairs with the release in sch_fq. */
	return smp_load_acquire(&sk->sk_pacing_status) == SK_PACING_FQ;
}

static void finish(struct xmit *x, unsigned int n, u64 departure)
{
	struct sk_buff *skb = x->skb;

	if (n > 1) {
		skb_shinfo(skb)->gso_size = x->tx.size;
		skb_shinfo(skb)->gso_segs = n;
		skb_shinfo(skb)->gso_type = SKB_GSO_UDP_L4;
	} else if (skb->len <= COPYBREAK) {
		copybreak(x);
	}
	if (under_fq(x->sk))
		stamp(x, departure);
	own(skb, x->sk, x->peer->hash);
}

/* Return: 1 a burst left; 0 nothing to send; < 0 error, *built tells whether datagrams are lost */
static int send_burst(struct xmit *x, struct quic_conn *c, u64 now, bool *built)
{
	u64 departure = quic_pacer_departure(&c->loss.pacer, c->pmtu.cur);
	int n, err;

	*built = false;
	x->skb = alloc_skb(QUIC_OUTPUT_HEADROOM + COPYBREAK, GFP_TX);
	if (!x->skb)
		return -ENOMEM;
	skb_reserve(x->skb, QUIC_OUTPUT_HEADROOM);
	n = fill(x, c, now);
	if (n <= 0) {
		kfree_skb(x->skb);
		return n;
	}
	*built = true;
	err = quic_tx_end(&x->tx);
	if (!err && !x->peer->dst)
		err = -EHOSTUNREACH;
	if (err) {
		kfree_skb(x->skb);
		return err;
	}
	finish(x, n, departure);
	err = quic_output(x->sk, x->skb, x->peer,
			  x->tx.ect ? INET_ECN_ECT_0 : INET_ECN_NOT_ECT);
	return err < 0 ? err : 1;
}

/* --- the pump --- */

/* Without a route bursts are built and lost, as on a path that is broken further on. */
static int check_route(struct sock *sk, const struct quic_outlet *o, u64 now)
{
	struct quic_peer *peer = o->peer;
	u32 before = peer->payload;
	int payload;

	if (quic_peer_routed(peer, sk))
		return 0;
	payload = -EADDRNOTAVAIL;
	if (o->conn->server || !quic_peer_homeless(peer, sk))
		payload = quic_peer_route(peer, sk, o->ep);
	if (payload < 0) {
		quic_peer_release(peer);
		quic_sock_no_route(sk, now);
		return payload;
	}
	if (payload != before)
		quic_conn_set_mtu(o->conn, payload, now);
	return 0;
}

static void set_limits(struct xmit *x, const struct dst_entry *dst)
{
	const struct net_device *dev;

	x->max_segs = QUIC_BURST_MAX;
	x->max_bytes = BURST_BYTES;
	if (!dst)
		return;
	dev = dst->dev;
	x->max_segs = clamp_t(unsigned int, READ_ONCE(dev->gso_max_segs), 1, QUIC_BURST_MAX);
	x->max_bytes = min_t(u32, READ_ONCE(dev->gso_max_size) - QUIC_OUTPUT_HEADROOM, BURST_BYTES);
	if (dst_xfrm(dst))
		x->max_segs = 1;	/* no UDP GSO through IPsec */
}

bool quic_xmit_wanted(struct sock *sk, struct quic_conn *c, u64 now)
{
	/* What waits in fq for its time looks like delay: a small part of the round trip. */
	if (unlikely(under_fq(sk)))
		quic_pacer_set_ahead(&c->loss.pacer, c->pmtu.cur, c->loss.rtt.smoothed / 16);
	return quic_tx_pending(c, now) && !throttled(sk, c);
}

int quic_xmit(struct sock *sk, const struct quic_outlet *o, u64 now)
{
	struct quic_conn *c = o->conn;
	struct xmit *x;
	int err, ret;
	bool built;

	x = quic_block_get(sizeof(*x));
	if (!x) {
		quic_conn_retry(c, now);
		return -ENOMEM;
	}
	err = check_route(sk, o, now);
	x->sk = sk;
	x->out = o;
	x->peer = o->peer;
	set_limits(x, x->peer->dst);
	do {
		ret = send_burst(x, c, now, &built);
		if (ret < 0)
			err = ret;
		if (ret == -ENOMEM && !built)
			quic_conn_retry(c, now);
	} while ((ret > 0 || built) && !(built && x->tx.dry) && quic_tx_pending(c, now) &&
		 !throttled(sk, c));
	quic_block_put(x, sizeof(*x));
	return err;
}

void quic_xmit_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct resume *r = per_cpu_ptr(&resume, cpu);

		init_llist_head(&r->list);
		tasklet_setup(&r->tasklet, resume_run);
	}
}

void quic_xmit_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		tasklet_kill(&per_cpu_ptr(&resume, cpu)->tasklet);
}
