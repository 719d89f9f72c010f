/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An endpoint's door: the connection attempts that arrive there, and the listeners they are for.
 *
 * There is one from the endpoint's first listen() on, and as long as the endpoint. Everything of
 * it, of its listeners and of its requests is under its spinlock (BH); packets find it under RCU.
 *
 * A request is in the hash, by (addresses, first destination ID), from its first Initial until
 * quic_request_done() or _drop(). With a listener it is in that one's fifo until
 * quic_listener_next() takes it. Without, it is being sorted (sort.c): in waiting until more of
 * its ClientHello comes, in fresh when some came, in neither (busy) while it is looked at.
 */
#ifndef QUIC_NET_DOOR_H
#define QUIC_NET_DOOR_H

#include <linux/quic.h>

#include "../core/hello.h"
#include "private.h"

#define QUIC_DOOR_BITS		8
#define QUIC_REQUEST_DATAGRAMS	8		/* of a request */
#define QUIC_REQUEST_BYTES	(16 << 10)	/* in them */

struct quic_listener {
	struct list_head list;		/* quic_door.listeners */
	refcount_t refs;		/* one, and one for each request taken */
	struct sock *sk;
	struct quic_door *door;
	bool stopped;
	bool validate;			/* every client gets Retry first */
	bool grease;			/* the QUIC Bit may be 0 */
	bool shares;			/* SO_REUSEPORT: others may have the same list */
	struct quic_versions versions;
	unsigned int backlog, count;	/* count: its requests, taken ones too */
	struct list_head fifo;
	u8 names;			/* protocols in alpn */
	u8 alpn_len;
	char alpn[QUIC_ALPN_MAX];
	struct rcu_head rcu;
};

/* crowd.c: datagrams that nobody looked at yet, because too many come */
struct quic_crowd {
	struct sk_buff_head q;		/* its lock is for all of this */
	unsigned long truesize;		/* in it, bytes */
	bool on;			/* the work item has to come, or is not done */
	struct quic_limit prompt;	/* attempts that need not wait */
	struct work_struct work;	/* holds a reference on the endpoint */
};

/* Bytes of all requests are this times the backlog, and some. */
#define QUIC_DOOR_EACH	(5 << 10)

struct quic_door {
	spinlock_t lock;		/* everything here; BH */
	struct quic_endpoint *ep;	/* it is the endpoint's */
	u32 seed;
	struct list_head listeners;
	unsigned int nlisteners;
	/* sums of what the listeners have */
	bool by_alpn;			/* any: a list of protocols */
	bool validate;			/* all */
	bool grease;			/* any */
	struct quic_versions versions;	/* any */
	unsigned int backlog;

	struct quic_limit unproven;
	unsigned int unsorted;		/* requests without a listener */
	unsigned long truesize;		/* of all requests */
	struct list_head fresh, waiting;
	struct sk_buff_head ahead;
	struct hlist_head hash[1 << QUIC_DOOR_BITS];
	struct work_struct work;	/* holds a reference on the endpoint */
	struct quic_crowd crowd;	/* not under the lock */
	struct rcu_head rcu;
};

/* Memory of all requests, bytes */
static inline unsigned long quic_door_memory(const struct quic_door *d)
{
	return (READ_ONCE(d->backlog) + 16ul) * QUIC_DOOR_EACH;
}

/* All of this under the door's lock. */

/* Out of hash and lists; the datagrams stay in it. */
void quic_door_unlink(struct quic_door *d, struct quic_request *r);
void quic_request_free(struct quic_request *r);
/* Its ClientHello is needed no more: keys, ciphers and up to 16 KB. Any context. */
void quic_request_read(struct quic_request *r);
/* Requests of a list that are too old */
void quic_door_expire(struct quic_door *d, struct list_head *fifo, u64 now);
/* The listeners changed: sum up. */
void quic_door_sum(struct quic_door *d);
bool quic_door_must_retry(struct quic_door *d, const struct quic_listener *l);
/* @r is @l's from now on, and waits for accept(). false: no room */
bool quic_listener_give(struct quic_listener *l, struct quic_request *r);

/* crowd.c; without the lock */
void quic_crowd_init(struct quic_crowd *c);
/*
 * A linear datagram with a long header, for no connection. Softirq. Return: false: it may be
 * looked at now; else it is taken
 */
bool quic_crowd_join(struct quic_door *d, struct sk_buff *skb);
bool quic_crowd_full(const struct quic_door *d);	/* nothing that comes can wait */

/* sort.c */
void quic_sort_init(struct quic_door *d);
/* A request without listener has datagrams nobody looked at. */
void quic_sort_more(struct quic_door *d, struct quic_request *r);
/* Whose a request is where no listener has a list of protocols. NULL: nobody's */
struct quic_listener *quic_sort_plain(struct quic_door *d, const struct quic_request *r);

#endif
