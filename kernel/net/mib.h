/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters of a network namespace, one set a CPU: /proc/net/quic_stat (observe/mib.c, which has
 * the names). What happens to packets is counted a train or a burst at a time, never a byte or a
 * packet. Any context.
 */
#ifndef QUIC_NET_MIB_H
#define QUIC_NET_MIB_H

#include <net/net_namespace.h>

enum quic_mib {
	/* connections */
	QUIC_MIB_ACTIVE_OPENS,		/* connect() */
	QUIC_MIB_PASSIVE_OPENS,		/* accept() gave one */
	QUIC_MIB_ESTABLISHED,		/* handshakes that ended well */
	QUIC_MIB_ATTEMPT_FAILS,		/* connections that ended before they were established */
	QUIC_MIB_CLOSES,		/* that we closed */
	QUIC_MIB_PEER_CLOSES,		/* that the peer closed */
	QUIC_MIB_IDLE_TIMEOUTS,
	QUIC_MIB_RESETS_IN,		/* by stateless reset */
	QUIC_MIB_MIGRATIONS,
	QUIC_MIB_KEY_UPDATES,
	/* packets of connections */
	QUIC_MIB_IN_PACKETS,
	QUIC_MIB_OUT_PACKETS,
	QUIC_MIB_IN_BYTES,		/* UDP payload */
	QUIC_MIB_OUT_BYTES,
	QUIC_MIB_IN_DROPPED,		/* no keys, not to be opened, malformed, no memory */
	QUIC_MIB_IN_DUPLICATES,
	QUIC_MIB_LOST,
	QUIC_MIB_SPURIOUS,		/* of them, those that had come all the same */
	QUIC_MIB_RETRANS,		/* packets with data sent before */
	/* trains and datagrams that reached no connection, or were not let in */
	QUIC_MIB_CSUM_ERRORS,
	QUIC_MIB_NOISE,			/* not QUIC, or not from where a connection's may come */
	QUIC_MIB_NO_LISTENER,		/* a long header, and nobody listens there */
	QUIC_MIB_ATTEMPTS_DROPPED,	/* no room, no protocol in common, no 0-RTT, no memory */
	QUIC_MIB_ATTEMPTS_EXPIRED,	/* nobody called accept() */
	QUIC_MIB_BACKLOG_DROPS,		/* the socket was locked for too long */
	QUIC_MIB_NO_BUFFER,		/* no memory to open a train into */
	/* answers without a connection */
	QUIC_MIB_VERSION_NEGOTIATIONS_OUT,
	QUIC_MIB_RETRIES_OUT,
	QUIC_MIB_REFUSALS_OUT,
	QUIC_MIB_RESETS_OUT,
	QUIC_MIB_CLOSE_REPEATS,		/* CONNECTION_CLOSE, once more, of a socket that is gone */
	QUIC_MIB_MAX,
};

struct quic_mibs {
	unsigned long val[QUIC_MIB_MAX];
};

struct quic_mibs __percpu *quic_net_mibs(const struct net *net);

static inline void quic_mib_add(const struct net *net, enum quic_mib which, unsigned long n)
{
	this_cpu_add(quic_net_mibs(net)->val[which], n);
}

static inline void quic_mib_inc(const struct net *net, enum quic_mib which)
{
	quic_mib_add(net, which, 1);
}

#endif
