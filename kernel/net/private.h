/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of net/ share and nobody else sees.
 *
 * Lifetime: an endpoint lives while something refers to it (sockets, and
 * tombstones), then its UDP socket is closed by work in process context.
 * Everything packets find (endpoint, door, listener, tombstone, demux entry) is
 * freed after an RCU grace period.
 */
#ifndef QUIC_NET_PRIVATE_H
#define QUIC_NET_PRIVATE_H

#include <linux/mutex.h>
#include <linux/siphash.h>
#include <linux/workqueue.h>

#include "../core/rx.h"
#include "../core/token.h"
#include "net.h"

struct quic_tomb;
struct quic_door;
struct quic_mibs;

struct quic_endpoint {
	struct list_head list;		/* quic_net.endpoints */
	refcount_t refs;		/* sockets and tombstones; 0: being closed */
	atomic_t users;			/* sockets among them */
	struct socket *sock;		/* gone when refs is 0; readers under RCU use sk */
	struct sock *sk;
	struct net *net;		/* not held: pernet exit waits for our end */
	union quic_addr local;		/* as bound, port known */
	kuid_t uid;			/* of who bound it; quic_net.endpoints_lock */
	int bound_if;
	bool v6only;
	struct quic_door __rcu *door;	/* once somebody listened here; goes with the endpoint */
	/* The only connection here, if there is just one: gets what may be a stateless reset. */
	spinlock_t lock;
	struct sock *sole;		/* RCU: SOCK_RCU_FREE */
	unsigned int sole_uses;		/* by its paths */
	bool shared;			/* had two connections at once: never sole again */
	/* Connections whose ID is empty: */
	atomic_t by_path;		/* demux entries of theirs, those of tombstones too */
	atomic_t nameless;		/* users of that kind */
	struct work_struct work;
	struct rcu_head rcu;
};

/* Allows @burst at once and one every @interval: the theoretical arrival time of the next. */
struct quic_limit {
	atomic64_t next;
};

struct quic_net {
	struct net *net;
	struct quic_mibs __percpu *mibs;	/* mib.h */
	struct mutex endpoints_lock;	/* list, bind and close */
	struct list_head endpoints;

	spinlock_t tombs_lock;		/* BH */
	struct list_head tombs;		/* oldest first */
	unsigned int ntombs;
	struct delayed_work tombs_work;

	spinlock_t token_lock;		/* BH */
	u8 token_secret[2][QUIC_TOKEN_SECRET];
	u8 token_gen;			/* which of them seals */
	u64 token_since;		/* since when, ns */
	unsigned long *token_seen;	/* bits of those that were used (token.c), or NULL */
	unsigned int ntoken_seen;

	spinlock_t refusals_lock;	/* BH */
	struct list_head refusals;
	unsigned int nrefusals;
	bool refusals_over;		/* the namespace goes */
	struct work_struct refusals_work;

	siphash_key_t reset_key[2];
	struct quic_limit vn_limit, reset_limit, tomb_limit, retry_limit, refuse_limit;
};

extern unsigned int quic_net_id;
extern struct workqueue_struct *quic_net_wq;	/* closes endpoints */

/* netns.c */
bool quic_limit_ok(struct quic_limit *l, unsigned int per_second, unsigned int burst);

/* endpoint.c */
void quic_endpoint_ref(struct quic_endpoint *ep);	/* not a user */
void quic_endpoint_unref(struct quic_endpoint *ep);

/* demux.c; readers under RCU, BH off */
struct quic_demux_entry;
/*
 * Whose ID is this? Return: true if known; then either *sk (a reference is taken) or *tomb is
 * set, or neither when the owner is just leaving.
 */
bool quic_demux_find(struct net *net, const u8 *id, u8 len, struct sock **sk,
		     struct quic_tomb **tomb);
/* The same for those who have no ID, by where it came from and to */
bool quic_demux_find_path(struct quic_endpoint *ep, const struct quic_path_key *path,
			  struct sock **sk, struct quic_tomb **tomb);
/* Hand an entry from @sk to @tomb. Return: the entry, NULL if it is not @sk's */
struct quic_demux_entry *quic_demux_move(struct net *net, const struct quic_cid *cid,
					 struct sock *sk, struct quic_tomb *tomb);
struct quic_demux_entry *quic_demux_move_path(struct quic_endpoint *ep,
					      const struct quic_path_key *path, struct sock *sk,
					      struct quic_tomb *tomb);
void quic_demux_free(struct quic_demux_entry *e);
int quic_demux_init(void);
void quic_demux_exit(void);

/* tomb.c */
void quic_tomb_rcv(struct quic_tomb *t, const struct sk_buff *skb);
/* End those whose endpoint on @port no socket uses any more: somebody wants the port. */
void quic_tomb_evict(struct quic_net *qn, __be16 port);
/* Somebody wants the addresses @path at @ep. Return: there was one, and it is gone */
bool quic_tomb_end(struct quic_endpoint *ep, const struct quic_path_key *path);
void quic_tomb_net_init(struct quic_net *qn);
void quic_tomb_net_exit(struct quic_net *qn);

/* ahead.c: 0-RTT datagrams without their Initial; under the door's lock */
void quic_ahead_init(struct sk_buff_head *q);
void quic_ahead_put(struct sk_buff_head *q, struct sk_buff *skb);
/* One that belongs to @r, which the caller owns then; NULL: none */
struct sk_buff *quic_ahead_take(struct sk_buff_head *q, struct quic_endpoint *ep,
				const struct quic_request *r);

/* dispatch.c: a train, checksum verified, data at the UDP payload. Softirq, RCU. Takes the skb. */
void quic_dispatch(struct quic_endpoint *ep, struct sk_buff *skb);
/* A linear datagram with a long header, for no connection when it came. BH off, RCU. Takes it. */
void quic_dispatch_stranger(struct quic_endpoint *ep, struct quic_door *d, struct sk_buff *skb);

/* icmp.c: errors that wait at the UDP socket. Softirq, RCU. */
void quic_icmp_drain(struct quic_endpoint *ep);

/* stateless.c: answers that need no state. The skb stays the caller's. */
void quic_stateless_vn(struct quic_endpoint *ep, const struct sk_buff *skb,
		       const struct quic_packet *in, const struct quic_versions *versions);
void quic_stateless_reset(struct quic_endpoint *ep, const struct sk_buff *skb, const u8 *dcid);
void quic_stateless_retry(struct quic_endpoint *ep, const struct sk_buff *skb,
			  const struct quic_packet *in);

/* refuse.c: close with @code what the Initial @pkt would begin. RCU. The skb stays the caller's. */
void quic_refuse(struct quic_endpoint *ep, const struct sk_buff *skb,
		 const struct quic_packet *pkt, u64 code);
void quic_refuse_net_init(struct quic_net *qn);
void quic_refuse_net_exit(struct quic_net *qn);

/* token.c; quic_net_token_new() is in net.h */
/* What the token of the Initial @pkt from @remote proves. Any context. */
enum quic_token_verdict quic_net_token_check(struct net *net, const struct quic_packet *pkt,
					     const union quic_addr *remote,
					     struct quic_token *t);
void quic_token_net_init(struct quic_net *qn);
void quic_token_net_exit(struct quic_net *qn);

/* door.c: one linear datagram with a long header of a version we speak. Takes the skb. */
void quic_door_rcv(struct quic_door *d, struct sk_buff *skb, const struct quic_packet *pkt);
/* One of a version that nobody there speaks. The skb stays the caller's. */
void quic_door_unspoken(struct quic_door *d, const struct sk_buff *skb,
			const struct quic_packet *pkt);
bool quic_door_open(const struct quic_door *d);		/* somebody listens */
/* A request that waits too long for accept() */
bool quic_request_too_old(const struct quic_request *r, u64 now);

/* skb.c */
/* Do all datagrams of @skb go to the ID (and kind of header) the first goes to? */
bool quic_skb_one_dest(const struct sk_buff *skb, bool long_hdr, const u8 *dcid, u8 dcid_len);
/* A linear skb of the datagram at [off, off + len), with @skb's headers. NULL without memory. */
struct sk_buff *quic_skb_datagram(const struct sk_buff *skb, u32 off, u32 len, gfp_t gfp);

/* route.c: fill peer->fl as @sk would send. Return: a referenced route or ERR_PTR. */
struct dst_entry *quic_route_lookup(struct quic_peer *peer, const struct sock *sk);

/* output.c: UDP and IP headers, and out. Takes the skb; the flow and route are @peer's. */
#define QUIC_OUTPUT_HEADROOM	(MAX_HEADER + sizeof(struct ipv6hdr) + sizeof(struct udphdr))
/* @ecn: INET_ECN_*, in all datagrams of @skb */
int quic_output(struct sock *sk, struct sk_buff *skb, struct quic_peer *peer, u8 ecn);

/* xmit.c */
void quic_xmit_init(void);
void quic_xmit_exit(void);	/* no QUIC socket exists any more */

#endif
