/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Below the socket: UDP endpoints, demultiplexing by connection ID, listeners'
 * requests, sending bursts as GSO, and what answers when nobody is home.
 *
 * Locks: the per-namespace tables are RCU for readers and per-bucket or table
 * spinlocks for writers (BH). No socket lock is taken here except by
 * the calls up (quic_sock_*), last.
 *
 * A QUIC socket is a struct sock here, and those calls.
 */
#ifndef QUIC_NET_NET_H
#define QUIC_NET_NET_H

#include <linux/llist.h>
#include <linux/refcount.h>
#include <linux/skbuff.h>
#include <net/flow.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "../core/packet.h"
#include "../core/token.h"
#include "../core/tx.h"

union quic_addr {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

#define QUIC_XMIT_PAGES	3	/* with the one at hand: two bursts of 64 KB */

/* Where a connection sends: addresses in the endpoint's family and the cached route. */
struct quic_peer {
	union quic_addr local;		/* source; specified once connected or accepted */
	union quic_addr remote;
	struct dst_entry *dst;		/* checked before each pump (dst_check) */
	u32 dst_cookie;
	u32 payload;			/* UDP payload the route allowed last */
	bool v4;			/* on the wire; the endpoint may be IPv6 */
	u16 ip_id;
	u32 hash;			/* for queues and the flow label; 0: the socket's */
	/* What the socket asked for when this was routed: SO_MARK, SO_BINDTODEVICE, IP_TOS */
	u32 mark;
	int oif;
	u8 tos;
	struct quic_endpoint *ep;	/* held; NULL on the path in use: quic_sock.ep */
	struct flowi fl;
};

/* What xmit.c keeps of a socket; sk_alloc() zeroes it, nobody else does. */
struct quic_xmit_state {
	/* waiting for the qdisc to drain */
	unsigned long flags;
	struct llist_node resume;
	/* pages that bursts were built in, to be used again once those have left */
	struct page_frag page[QUIC_XMIT_PAGES];
	u8 turn;
	u64 departure;	/* of the last skb under fq, ns */
};

/* Where a packet came in, as UDP sees it: the device, or the VRF; then sdif is the device in it. */
struct quic_ifs {
	int iif, sdif;
};

static inline bool quic_addr_is_v4(const union quic_addr *a)
{
	return a->sa.sa_family == AF_INET ||
	       (a->sa.sa_family == AF_INET6 && ipv6_addr_v4mapped(&a->v6.sin6_addr));
}

static inline bool quic_addr_is_any(const union quic_addr *a)
{
	if (a->sa.sa_family == AF_INET)
		return !a->v4.sin_addr.s_addr;
	return ipv6_addr_any(&a->v6.sin6_addr) ||
	       (ipv6_addr_v4mapped(&a->v6.sin6_addr) && !a->v6.sin6_addr.s6_addr32[3]);
}

/* Through what a connection sends. Under the socket lock. */
struct quic_outlet {
	struct quic_conn *conn;
	struct quic_endpoint *ep;	/* of the path in use */
	struct quic_peer *peer;		/* and where that leads */
	u8 slot;			/* its number in the core */
	struct quic_peer **other;	/* of the other slots; not there: NULL */
};

/* --- what the socket layer is told and asked --- */

/*
 * A train (one skb, perhaps GSO, data at the UDP payload) for the connection @sk. Takes the
 * skb, not the reference on @sk. BH off, no lock held: takes bh_lock_sock or uses the backlog.
 */
void quic_sock_rcv(struct sock *sk, struct sk_buff *skb);
/* Is @remote where @sk's peer is? Under RCU, without its lock: perhaps not any more. */
bool quic_sock_peer_at(const struct sock *sk, const union quic_addr *remote);
/*
 * ICMP says that a packet of @sk's to @to, with destination ID @dcid, was not delivered: errno
 * @err. BH off.
 */
void quic_sock_unreachable(struct sock *sk, const union quic_addr *to, const struct quic_cid *dcid,
			   int err);
/*
 * ICMP says that a packet of @sk's to @to, with a short header and @id behind its first byte, was
 * larger than the @payload bytes that pass. BH off.
 */
void quic_sock_too_big(struct sock *sk, const union quic_addr *to, const u8 *id, u32 len,
		       u32 payload);
/* The path in use has no route any more. Under the socket lock. */
void quic_sock_no_route(struct sock *sk, u64 now);
/* The qdisc has drained: quic_xmit() has room again. BH off, no lock held. */
void quic_sock_drained(struct sock *sk);
/* What xmit.c keeps of @sk, and the way back. Any context. */
struct quic_xmit_state *quic_sock_xmit_state(struct sock *sk);
struct sock *quic_sock_of_xmit(struct quic_xmit_state *st);

/* --- endpoint.c: one kernel UDP socket a (netns, address, port, device) --- */

struct quic_endpoint;
/*
 * Find or make the endpoint for @local (port 0: choose one; *local is filled in). @reuse: an
 * existing endpoint may be shared (server and its children always do; clients with port 0
 * get their own). IPv6 wildcard without v6only is dual-stack. Process context.
 * Return: endpoint, or ERR_PTR(-EADDRINUSE, -EADDRNOTAVAIL, -EACCES, -ENOMEM).
 */
struct quic_endpoint *quic_endpoint_get(struct net *net, union quic_addr *local, bool v6only,
					int bound_if, bool reuse);
void quic_endpoint_hold(struct quic_endpoint *ep);
void quic_endpoint_put(struct quic_endpoint *ep);	/* any context */
/* @ep has the address, and the port (0: any port does). */
bool quic_endpoint_covers(const struct quic_endpoint *ep, const union quic_addr *a);
bool quic_endpoint_wildcard(const struct quic_endpoint *ep);
/* SO_BINDTODEVICE: is @skb, which came to @ep, one that @sk wants? */
bool quic_endpoint_device_ok(const struct quic_endpoint *ep, const struct sock *sk,
			     const struct quic_ifs *in);
/*
 * A connection of @sk uses @ep, for one of its paths. Who is the only one there gets what may
 * be a stateless reset. BH or process context; @ep is held meanwhile.
 */
void quic_endpoint_enter(struct quic_endpoint *ep, struct sock *sk);
void quic_endpoint_leave(struct quic_endpoint *ep, struct sock *sk);

/* --- demux.c: ID, or addresses -> socket; tomb.c: closing states that outlive sockets --- */

int quic_demux_add(struct net *net, const struct quic_cid *cid, struct sock *sk);
void quic_demux_del(struct net *net, const struct quic_cid *cid, struct sock *sk);
/*
 * A client whose ID is empty: what comes to @ep from and to @peer's addresses is @sk's (RFC 9000,
 * 5.2). They do not change while it is there. -EADDRINUSE: another such connection has them.
 */
int quic_demux_add_path(struct quic_endpoint *ep, const struct quic_peer *peer, struct sock *sk);
void quic_demux_del_path(struct quic_endpoint *ep, const struct quic_peer *peer, struct sock *sk);
/*
 * The socket goes away in CLOSING or DRAINING: keep answering for its IDs with
 * @pkt (a sealed CONNECTION_CLOSE datagram; len 0 when draining: silence)
 * until @lifetime ns passed. Holds neither module nor namespace. An empty ID stands for @peer's
 * addresses.
 */
void quic_demux_bury(struct quic_endpoint *ep, struct sock *sk, const struct quic_cid *cids,
		     unsigned int ncids, const struct quic_peer *peer,
		     const u8 *pkt, u32 len, u64 lifetime);

/* --- listen.c, door.c, sort.c: listeners and the connection attempts waiting for accept() --- */

struct quic_listener;		/* the requests for one socket: door.h */
struct quic_hello;

struct quic_request {		/* one attempt: the datagrams that came so far */
	struct list_head fifo;
	struct hlist_node hash;
	struct sk_buff_head skbs;	/* linear, one datagram each; bounded in number and bytes */
	u8 datagrams;
	u32 bytes, truesize;
	bool taken;			/* by quic_listener_next(): skbs may be dequeued */
	union quic_addr local, remote;
	struct quic_cid dcid, scid;
	struct quic_cid odcid;		/* retried: the first one */
	bool validated;			/* it came with a token of ours that is good */
	bool retried;			/* one of a Retry */
	bool fixed;			/* the QUIC Bit of the first datagram */
	struct quic_ifs in;		/* where that came in */
	u32 version;
	u64 at;				/* ns */
	struct quic_listener *listener;	/* NULL while it is being sorted (sort.c) */
	struct quic_hello *hello;	/* then */
	bool busy;			/* its datagrams are being looked at */
	u8 looked;			/* so many were */
	u32 lot;			/* which of several that fit alike */
};

struct quic_listen {		/* how a socket listens */
	struct quic_versions versions;
	const char *alpn;		/* names with commas between (QUIC_SOCKOPT_ALPN) */
	u8 alpn_len;
	bool validate, grease;
};

/*
 * Start listening on @ep with room for @backlog requests; @sk->sk_data_ready tells of new ones.
 * Return: listener, or ERR_PTR(-EADDRINUSE) when one with the same protocols is there and not both
 * share (SO_REUSEPORT), -ENOMEM.
 */
struct quic_listener *quic_listener_start(struct quic_endpoint *ep, struct sock *sk, int backlog,
					  const struct quic_listen *how);
void quic_listener_stop(struct quic_listener *l);	/* requests are dropped */
void quic_listener_backlog(struct quic_listener *l, int backlog);
/* Answer everybody with Retry who has no token, not only under load. */
void quic_listener_validate(struct quic_listener *l, bool always);
/* What it speaks: to others it answers with Version Negotiation (RFC 9000, 6). */
void quic_listener_versions(struct quic_listener *l, const struct quic_versions *v);
/* Clients may know, from a token, that the QUIC Bit is nothing to it (RFC 9287, 3.1). */
void quic_listener_grease(struct quic_listener *l, bool on);
/*
 * Oldest request, taken off; NULL if none. While the new socket is being set up later datagrams
 * of the attempt wait in it: call quic_request_done() after the IDs are in the demux table,
 * which hands over what came meanwhile.
 */
struct quic_request *quic_listener_next(struct quic_listener *l);
void quic_request_done(struct quic_listener *l, struct quic_request *r, struct sock *child);
void quic_request_drop(struct quic_listener *l, struct quic_request *r);
bool quic_listener_ready(const struct quic_listener *l);

/* --- skb.c: a received skb as pieces for the core --- */

/*
 * Give all of @skb (data starts at the UDP payload) to quic_rx_train(). One allocation a train,
 * no copy; the skb may be freed afterwards. Return: number of packets accepted.
 */
unsigned int quic_skb_rx(struct quic_conn *c, const struct sk_buff *skb, u64 now);
/* Local and remote address of a received skb, in the endpoint's family (v4-mapped if IPv6). */
void quic_skb_addrs(const struct sk_buff *skb, const struct quic_endpoint *ep,
		    union quic_addr *local, union quic_addr *remote);
/* What names the path, to the core */
void quic_skb_path(const struct sk_buff *skb, struct quic_path_key *key);
void quic_peer_path(const struct quic_peer *peer, struct quic_path_key *key);
void quic_addr_path(const union quic_addr *local, const union quic_addr *remote,
		    struct quic_path_key *key);
u8 quic_skb_ecn(const struct sk_buff *skb);
struct quic_ifs quic_skb_ifs(const struct sk_buff *skb);
u32 quic_skb_seg_size(const struct sk_buff *skb);	/* gso_size, or the whole */

/* --- route.c: the way to the peer --- */

/*
 * (Re)route; fills peer->local if unspecified. Set peer->remote first. Also sets @sk up for path
 * MTU discovery by probing. Process context or softirq.
 * Return: UDP payload the route allows, or errno.
 */
int quic_peer_route(struct quic_peer *peer, struct sock *sk, struct quic_endpoint *ep);
void quic_peer_release(struct quic_peer *peer);		/* lets go of the route */
/* The route is still good, and what @sk asks for. */
bool quic_peer_routed(const struct quic_peer *peer, const struct sock *sk);
/* Our address is not on any device any more. IPv4's routes tell by themselves. */
bool quic_peer_homeless(const struct quic_peer *peer, const struct sock *sk);

/* --- xmit.c: bursts out --- */

/* Is there something that may leave now? @sk locked. */
bool quic_xmit_wanted(struct sock *sk, struct quic_conn *c, u64 now);
/*
 * Then: everything the core will let out now, as GSO bursts. @sk locked.
 * When the qdisc has enough of ours it stops; quic_sock_drained() tells when to go on.
 * Return: 0 or the errno of the last failure (the core does not care).
 */
int quic_xmit(struct sock *sk, const struct quic_outlet *o, u64 now);
/* Nothing will be sent for a while: keep no memory for it. Under the socket lock. */
void quic_xmit_let_go(struct sock *sk);
/* One ready datagram, no socket (Version Negotiation, Retry, stateless reset, tombstones). */
int quic_xmit_raw(struct quic_endpoint *ep, const union quic_addr *local,
		  const union quic_addr *remote, const u8 *buf, u32 len);

/* --- block.c: working memory of a burst or train, not cleared first; any context --- */

#define QUIC_BLOCK	4096		/* quic_xmit()'s state, a train of 44 datagrams */
int quic_block_init(void);
void quic_block_exit(void);
void *quic_block_get(u32 size);
void quic_block_put(void *p, u32 size);	/* the same size */

/* --- netns.c: per-namespace state: tables, secrets, sysctls; and module-wide init --- */

struct quic_net;
struct quic_net *quic_net(const struct net *net);
/* Stateless reset token of @cid (SipHash-based PRF with the namespace's secret) */
void quic_net_reset_token(struct net *net, const struct quic_cid *cid, u8 *token);
/*
 * token.c: an address validation token of @kind (enum quic_token_kind) for who is at @remote;
 * @odcid: what a Retry answers, else NULL. @token: QUIC_TOKEN_LEN bytes; for a Retry they begin
 * with the ID it names as its source. Any context. Return: 0 or errno
 */
int quic_net_token_new(struct net *net, u8 kind, const union quic_addr *remote,
		       const struct quic_cid *odcid, u32 version, u8 *token);
int quic_net_init(void);
void quic_net_exit(void);		/* no QUIC socket exists any more */

#endif
