// SPDX-License-Identifier: GPL-2.0
/*
 * A listener: the requests at an endpoint's door that are for one socket, until
 * accept() has made sockets of them. door.h says which lock guards what.
 */
#include <linux/random.h>

#include "../core/alpn.h"
#include "door.h"

static void listener_put(struct quic_listener *l)
{
	if (refcount_dec_and_test(&l->refs))
		kfree_rcu(l, rcu);
}

static struct quic_door *door_new(struct quic_endpoint *ep)
{
	struct quic_door *d = kzalloc(sizeof(*d), GFP_KERNEL);

	if (!d)
		return NULL;
	spin_lock_init(&d->lock);
	d->ep = ep;
	get_random_bytes(&d->seed, sizeof(d->seed));
	INIT_LIST_HEAD(&d->listeners);
	quic_ahead_init(&d->ahead);
	quic_sort_init(d);
	quic_crowd_init(&d->crowd);
	return d;
}

/* The endpoint's door; it is made for the first who asks. NULL: no memory */
static struct quic_door *door_of(struct quic_endpoint *ep)
{
	struct quic_door *d = rcu_access_pointer(ep->door), *new;

	if (d)
		return d;
	new = door_new(ep);
	if (!new)
		return NULL;
	spin_lock_bh(&ep->lock);
	d = rcu_dereference_protected(ep->door, lockdep_is_held(&ep->lock));
	if (!d)
		rcu_assign_pointer(ep->door, new);
	spin_unlock_bh(&ep->lock);
	if (!d)
		return new;
	kfree(new);
	return d;
}

/* As with TCP two want the same only if both said SO_REUSEPORT. */
static bool in_the_way(const struct quic_listener *a, const struct quic_listener *b)
{
	return !(a->shares && b->shares) &&
	       quic_alpn_same(a->alpn, a->alpn_len, b->alpn, b->alpn_len);
}

static int enter(struct quic_door *d, struct quic_listener *l)
{
	struct quic_listener *other;
	int err = 0;

	spin_lock_bh(&d->lock);
	list_for_each_entry(other, &d->listeners, list)
		if (in_the_way(l, other))
			err = -EADDRINUSE;
	if (!err) {
		list_add_tail(&l->list, &d->listeners);
		quic_door_sum(d);
	}
	spin_unlock_bh(&d->lock);
	return err;
}

struct quic_listener *quic_listener_start(struct quic_endpoint *ep, struct sock *sk, int backlog,
					  const struct quic_listen *how)
{
	struct quic_listener *l = kzalloc(sizeof(*l), GFP_KERNEL);
	int err = -ENOMEM;

	if (!l)
		return ERR_PTR(-ENOMEM);
	refcount_set(&l->refs, 1);
	INIT_LIST_HEAD(&l->fifo);
	l->sk = sk;
	l->backlog = max(backlog, 1);
	l->versions = how->versions;
	l->validate = how->validate;
	l->grease = how->grease;
	l->shares = sk->sk_reuseport;
	memcpy(l->alpn, how->alpn, how->alpn_len);
	l->alpn_len = how->alpn_len;
	l->names = quic_alpn_count(l->alpn, l->alpn_len);
	l->door = door_of(ep);
	if (l->door)
		err = enter(l->door, l);
	if (!err)
		return l;
	kfree(l);
	return ERR_PTR(err);
}

static void drop_all(struct quic_door *d, struct list_head *list)
{
	struct quic_request *r, *next;

	list_for_each_entry_safe(r, next, list, fifo) {
		quic_door_unlink(d, r);
		quic_request_free(r);
	}
}

void quic_listener_stop(struct quic_listener *l)
{
	struct quic_door *d = l->door;

	spin_lock_bh(&d->lock);
	l->stopped = true;
	list_del(&l->list);
	quic_door_sum(d);
	drop_all(d, &l->fifo);
	if (!d->nlisteners) {
		drop_all(d, &d->fresh);
		drop_all(d, &d->waiting);
		__skb_queue_purge(&d->ahead);
	}
	spin_unlock_bh(&d->lock);
	listener_put(l);
}

void quic_listener_backlog(struct quic_listener *l, int backlog)
{
	spin_lock_bh(&l->door->lock);
	l->backlog = max(backlog, 1);
	quic_door_sum(l->door);
	spin_unlock_bh(&l->door->lock);
}

void quic_listener_validate(struct quic_listener *l, bool always)
{
	spin_lock_bh(&l->door->lock);
	l->validate = always;
	quic_door_sum(l->door);
	spin_unlock_bh(&l->door->lock);
}

void quic_listener_versions(struct quic_listener *l, const struct quic_versions *v)
{
	spin_lock_bh(&l->door->lock);
	l->versions = *v;
	quic_door_sum(l->door);
	spin_unlock_bh(&l->door->lock);
}

void quic_listener_grease(struct quic_listener *l, bool on)
{
	spin_lock_bh(&l->door->lock);
	l->grease = on;
	quic_door_sum(l->door);
	spin_unlock_bh(&l->door->lock);
}

struct quic_request *quic_listener_next(struct quic_listener *l)
{
	struct quic_request *r;

	spin_lock_bh(&l->door->lock);
	quic_door_expire(l->door, &l->fifo, ktime_get_ns());
	r = list_first_entry_or_null(&l->fifo, struct quic_request, fifo);
	if (r) {
		list_del_init(&r->fifo);
		r->taken = true;
		refcount_inc(&l->refs);
	}
	spin_unlock_bh(&l->door->lock);
	return r;
}

bool quic_listener_ready(const struct quic_listener *l)
{
	const struct quic_request *newest;
	bool ready = false;

	spin_lock_bh(&l->door->lock);
	if (!list_empty(&l->fifo)) {
		newest = list_last_entry(&l->fifo, struct quic_request, fifo);
		ready = !quic_request_too_old(newest, ktime_get_ns());
	}
	spin_unlock_bh(&l->door->lock);
	return ready;
}

void quic_request_drop(struct quic_listener *l, struct quic_request *r)
{
	spin_lock_bh(&l->door->lock);
	quic_door_unlink(l->door, r);
	spin_unlock_bh(&l->door->lock);
	quic_request_free(r);
	listener_put(l);
}

void quic_request_done(struct quic_listener *l, struct quic_request *r, struct sock *child)
{
	struct sk_buff *skb;

	spin_lock_bh(&l->door->lock);
	quic_door_unlink(l->door, r);
	spin_unlock_bh(&l->door->lock);

	local_bh_disable();
	while ((skb = __skb_dequeue(&r->skbs)))
		quic_sock_rcv(child, skb);
	local_bh_enable();
	quic_request_free(r);
	listener_put(l);
}
