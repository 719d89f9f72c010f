// SPDX-License-Identifier: GPL-2.0
/*
 * Whose connection is it? Several sockets may listen at one address with
 * different lists of protocols (QUIC_SOCKOPT_ALPN), so the ClientHello is read
 * before the attempt is anybody's: by a work item, as keys are made in process
 * context. It may need several datagrams, in any order.
 *
 * The protocol the client likes best of those that any listener has decides;
 * then the listener that has it among the fewest others; then a hash. Whom
 * nobody wants is refused with no_application_protocol (RFC 9001, 8.1).
 */
#include "../core/alpn.h"
#include "../core/tls.h"
#include "../crypto/crypto.h"
#include "door.h"

#define AT_ONCE	64	/* requests, then others on the queue have their turn */

/* What became of a request that was looked at. */
enum verdict {
	PART,			/* more has to come */
	JUNK,			/* nothing of it opens: no attempt */
	TAKEN,			/* by *l */
	DROPPED,		/* no room there */
	RETRY,			/* its listener wants to know where it is first */
	NOBODY,			/* offers what nobody has */
	UNSPOKEN,		/* in a version its listener does not speak */
	GARBLED,		/* no ClientHello */
};

/* --- whose --- */

struct choice {
	const u8 *offered;
	u32 len;
	enum quic_hello_state state;
	struct quic_versions spoken;	/* out: by those who fit but for the version */
};

static bool takes(const struct quic_listener *l, const struct quic_request *r)
{
	return quic_endpoint_device_ok(l->door->ep, l->sk, &r->in) &&
	       quic_version_listed(&l->versions, r->version) && (r->fixed || l->grease);
}

/* Less is better; negative: does not fit at all */
static int rank(const struct quic_listener *l, const struct choice *c)
{
	int at;

	if (!l->names)
		return c->state == QUIC_HELLO_OFFERS ? -1 : 0;
	if (c->state != QUIC_HELLO_OFFERS)
		return -1;
	at = quic_alpn_match(c->offered, c->len, l->alpn, l->alpn_len);
	return at < 0 ? -1 : at * (QUIC_ALPN_MAX + 1) + l->names;
}

static struct quic_listener *choose(struct quic_door *d, const struct quic_request *r,
				    struct choice *c)
{
	struct quic_listener *l, *best = NULL;
	int least = INT_MAX, at;
	unsigned int n = 0;

	list_for_each_entry(l, &d->listeners, list) {
		at = rank(l, c);
		if (at >= 0)
			quic_version_join(&c->spoken, &l->versions);
		if (at < 0 || at > least || !takes(l, r))
			continue;
		if (at < least)
			n = 0;
		least = at;
		n++;
		best = l;
	}
	if (n < 2)
		return best;
	n = reciprocal_scale(r->lot, n);
	list_for_each_entry(l, &d->listeners, list)
		if (rank(l, c) == least && takes(l, r) && !n--)
			return l;
	return best;
}

struct quic_listener *quic_sort_plain(struct quic_door *d, const struct quic_request *r)
{
	struct choice c = { .state = QUIC_HELLO_NO_ALPN };

	return choose(d, r, &c);
}

/* --- one by one --- */

void quic_sort_more(struct quic_door *d, struct quic_request *r)
{
	if (r->busy)
		return;
	list_move_tail(&r->fifo, &d->fresh);
	if (!refcount_inc_not_zero(&d->ep->refs))
		return;
	if (!queue_work(quic_net_wq, &d->work))
		quic_endpoint_unref(d->ep);
}

/* Return: one that nobody else touches until settle(); *n: its datagrams */
static struct quic_request *next(struct quic_door *d, unsigned int *n)
{
	struct quic_request *r;

	spin_lock_bh(&d->lock);
	r = list_first_entry_or_null(&d->fresh, struct quic_request, fifo);
	if (r) {
		list_del_init(&r->fifo);
		r->busy = true;
		*n = r->datagrams;
	}
	spin_unlock_bh(&d->lock);
	return r;
}

/* Datagrams that told nothing new: retransmissions shall not use up the room. */
struct shed {
	unsigned int n;
	u32 bytes, truesize;
};

static void let_go(struct quic_request *r, struct sk_buff *skb, struct shed *shed)
{
	shed->n++;
	shed->bytes += skb->len;
	shed->truesize += skb->truesize;
	skb_unlink(skb, &r->skbs);
	kfree_skb(skb);
}

/* Read the datagrams that were not read yet, up to the @n-th: later ones are being added. */
static int look(struct quic_request *r, unsigned int n, u8 *room, struct shed *shed)
{
	struct sk_buff *skb = skb_peek(&r->skbs), *behind;
	unsigned int i;
	int err;

	if (!r->hello) {
		r->hello = kmalloc(sizeof(*r->hello), GFP_KERNEL);
		if (!r->hello)
			return -ENOMEM;
		err = quic_hello_init(r->hello, &quic_crypto_kernel, r->version, &r->dcid);
		if (err)
			return err;
	}
	for (i = 0; i < n; i++, skb = behind) {
		behind = i + 1 < n ? skb->next : NULL;
		if (i >= r->looked && !quic_hello_datagram(r->hello, skb->data, skb->len, room))
			let_go(r, skb, shed);
	}
	r->looked = n - shed->n;
	return 0;
}

/*
 * Where only one listens a ClientHello need not be whole to know whose it is: the sooner it is a
 * connection, the sooner what came is acknowledged (RFC 9000, 13.2.1). TLS refuses then.
 */
static struct quic_listener *sole(struct quic_door *d, const struct quic_request *r)
{
	struct quic_listener *l;

	if (d->nlisteners != 1)
		return NULL;
	l = list_first_entry(&d->listeners, struct quic_listener, list);
	return takes(l, r) ? l : NULL;
}

static enum verdict judge(struct quic_door *d, struct quic_request *r, struct choice *c,
			  struct quic_listener **l)
{
	if (!d->nlisteners || !quic_hello_opened(r->hello))
		return JUNK;
	c->state = quic_hello_state(r->hello, &c->offered, &c->len);
	*l = c->state == QUIC_HELLO_PART ? sole(d, r) : choose(d, r, c);
	if (!*l && c->state == QUIC_HELLO_PART)
		return r->datagrams < QUIC_REQUEST_DATAGRAMS ? PART : DROPPED;
	if (!*l && c->spoken.n)		/* the version; the device, or the QUIC Bit (RFC 9287, 3) */
		return quic_version_listed(&c->spoken, r->version) ? DROPPED : UNSPOKEN;
	if (!*l)
		return c->state == QUIC_HELLO_BAD ? GARBLED : NOBODY;
	if (!r->validated && quic_door_must_retry(d, *l))
		return RETRY;
	return (*l)->count < (*l)->backlog ? TAKEN : DROPPED;
}

/* Where it goes from here. Anything but PART and TAKEN: it is the caller's. */
static enum verdict settle(struct quic_door *d, struct quic_request *r, int err,
			   const struct shed *shed, struct choice *c, struct quic_listener **l)
{
	enum verdict v;

	spin_lock_bh(&d->lock);
	r->busy = false;
	r->datagrams -= shed->n;
	r->bytes -= shed->bytes;
	r->truesize -= shed->truesize;
	d->truesize -= shed->truesize;
	v = err ? DROPPED : judge(d, r, c, l);
	if (v == PART) {
		list_add_tail(&r->fifo, &d->waiting);
		if (r->looked < r->datagrams)
			quic_sort_more(d, r);
	} else if (v == TAKEN) {
		d->unsorted--;
		quic_request_read(r);
		quic_listener_give(*l, r);
	} else {
		quic_door_unlink(d, r);
	}
	spin_unlock_bh(&d->lock);
	return v;
}

/* It will be no connection: say so where there is something to say. */
static void answer(struct quic_door *d, const struct quic_request *r, enum verdict v,
		   const struct choice *c)
{
	const struct sk_buff *skb = skb_peek(&r->skbs);
	struct quic_packet pkt;

	if (!skb || quic_packet_parse(skb->data, skb->len, QUIC_CID_LEN, &pkt))
		return;
	if (v == RETRY)
		quic_stateless_retry(d->ep, skb, &pkt);
	else if (v == UNSPOKEN)
		quic_stateless_vn(d->ep, skb, &pkt, &c->spoken);
	else if (v == NOBODY)
		quic_refuse(d->ep, skb, &pkt, QUIC_ERR_CRYPTO + QUIC_TLS_ALERT_NO_PROTOCOL);
	else if (v == GARBLED)
		quic_refuse(d->ep, skb, &pkt, QUIC_ERR_CRYPTO + QUIC_TLS_ALERT_DECODE);
}

static void sort_one(struct quic_door *d, struct quic_request *r, unsigned int n, u8 *room)
{
	struct quic_listener *l = NULL;
	struct choice c = {};
	struct shed shed = {};
	enum verdict v;
	int err;

	err = look(r, n, room, &shed);
	/* What of a listener is used after settle() RCU keeps. */
	local_bh_disable();
	rcu_read_lock();
	v = settle(d, r, err, &shed, &c, &l);
	if (v == TAKEN) {
		l->sk->sk_data_ready(l->sk);
	} else if (v != PART) {
		answer(d, r, v, &c);
		quic_request_free(r);
	}
	rcu_read_unlock();
	local_bh_enable();
}

static void sort_all(struct work_struct *work)
{
	struct quic_door *d = container_of(work, struct quic_door, work);
	u8 *room = kmalloc(QUIC_REQUEST_BYTES, GFP_KERNEL);
	unsigned int n, done = 0;
	struct quic_request *r;

	/* Without memory they wait until somebody sends more, or are too old. */
	while (room && (r = next(d, &n))) {
		sort_one(d, r, n, room);
		cond_resched();
		/* As in crowd.c: bind() waits for what is queued before it, not for all. */
		if (++done >= AT_ONCE && READ_ONCE(d->nlisteners)) {
			kfree(room);
			if (!queue_work(quic_net_wq, work))
				quic_endpoint_unref(d->ep);
			return;
		}
	}
	kfree(room);
	quic_endpoint_unref(d->ep);
}

void quic_sort_init(struct quic_door *d)
{
	INIT_LIST_HEAD(&d->fresh);
	INIT_LIST_HEAD(&d->waiting);
	INIT_WORK(&d->work, sort_all);
}
