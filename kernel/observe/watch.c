// SPDX-License-Identifier: GPL-2.0
/*
 * One look at a connection after each train, burst or timer: what the core
 * counted since goes to the counters of the namespace and to tracepoints. So
 * counting costs nothing a packet, and the core knows nothing of it.
 */
#include "../net/mib.h"
#include "../sock/sock.h"
#include "observe.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/* The order is that of quic_watch.told: what nearly every look finds changed comes first. */
enum watched {
	IN, OUT, IN_BYTES, OUT_BYTES, LOST, SPURIOUS, DROPPED, DUPLICATES, RETRANS, UPDATES,
	RARE = LOST,
};

static const u8 mib_of[QUIC_WATCHED] = {
	[IN]		= QUIC_MIB_IN_PACKETS,
	[OUT]		= QUIC_MIB_OUT_PACKETS,
	[IN_BYTES]	= QUIC_MIB_IN_BYTES,
	[OUT_BYTES]	= QUIC_MIB_OUT_BYTES,
	[LOST]		= QUIC_MIB_LOST,
	[SPURIOUS]	= QUIC_MIB_SPURIOUS,
	[DROPPED]	= QUIC_MIB_IN_DROPPED,
	[DUPLICATES]	= QUIC_MIB_IN_DUPLICATES,
	[RETRANS]	= QUIC_MIB_RETRANS,
	[UPDATES]	= QUIC_MIB_KEY_UPDATES,
};

static void look(const struct quic_conn *c, u64 *now)
{
	now[IN] = c->stats.packets_received;
	now[OUT] = c->stats.packets_sent;
	now[IN_BYTES] = c->stats.bytes_received;
	now[OUT_BYTES] = c->stats.bytes_sent;
	now[LOST] = c->loss.packets_lost;
	now[SPURIOUS] = c->loss.packets_spurious;
	now[DROPPED] = c->stats.packets_dropped;
	now[DUPLICATES] = c->stats.packets_duplicate;
	now[RETRANS] = c->stats.packets_retransmitted;
	now[UPDATES] = c->stats.key_updates;
}

/* None of them goes down: the sum changes with each. */
static u32 rare(const struct quic_conn *c)
{
	return c->loss.packets_lost + c->loss.packets_spurious + c->stats.packets_dropped +
	       c->stats.packets_duplicate + c->stats.packets_retransmitted + c->stats.key_updates;
}

/* Return: what is new since it was told, and is now counted */
static u32 tell(struct quic_mibs __percpu *mibs, struct quic_watch *w, enum watched i, u32 now)
{
	u32 more = now - w->told[i];

	if (more) {
		w->told[i] = now;
		this_cpu_add(mibs->val[mib_of[i]], more);
	}
	return more;
}

static void count_end(const struct net *net, const struct quic_conn *c, u8 before)
{
	if (before == QUIC_CONN_HANDSHAKE)
		quic_mib_inc(net, QUIC_MIB_ATTEMPT_FAILS);
	if (c->close.silent)
		quic_mib_inc(net, c->state == QUIC_CONN_CLOSED ? QUIC_MIB_IDLE_TIMEOUTS :
								 QUIC_MIB_RESETS_IN);
	else
		quic_mib_inc(net, c->close.remote ? QUIC_MIB_PEER_CLOSES : QUIC_MIB_CLOSES);
}

static void state(struct sock *sk, u8 before)
{
	const struct quic_conn *c = &quic_sk(sk)->conn;

	trace_quic_conn_state(sk, before, c->state);
	if (before > QUIC_CONN_ESTABLISHED)
		return;
	if (c->state == QUIC_CONN_ESTABLISHED)
		quic_mib_inc(sock_net(sk), QUIC_MIB_ESTABLISHED);
	else
		count_end(sock_net(sk), c, before);
}

static void trace(struct sock *sk, const u32 *more)
{
	if (more[IN] || more[DROPPED])
		trace_quic_packets_received(sk, more[IN], more[IN_BYTES], more[DROPPED]);
	if (more[OUT])
		trace_quic_packets_sent(sk, more[OUT], more[OUT_BYTES], more[RETRANS]);
	if (more[LOST] || more[SPURIOUS])
		trace_quic_packets_lost(sk, more[LOST], more[SPURIOUS]);
	trace_quic_cc_state(sk);
}

static bool traced(void)
{
	return trace_quic_packets_received_enabled() || trace_quic_packets_sent_enabled() ||
	       trace_quic_packets_lost_enabled() || trace_quic_cc_state_enabled();
}

void quic_watch(struct sock *sk)
{
	struct quic_mibs __percpu *mibs = quic_net_mibs(sock_net(sk));
	struct quic_sock *qs = quic_sk(sk);
	const struct quic_conn *c = &qs->conn;
	struct quic_watch *w = &qs->watch;
	u32 more[QUIC_WATCHED], sum = rare(c);
	u64 now[QUIC_WATCHED] QUIC_NO_INIT;
	unsigned int i;
	u8 before;

	more[IN] = tell(mibs, w, IN, c->stats.packets_received);
	more[OUT] = tell(mibs, w, OUT, c->stats.packets_sent);
	more[IN_BYTES] = tell(mibs, w, IN_BYTES, c->stats.bytes_received);
	more[OUT_BYTES] = tell(mibs, w, OUT_BYTES, c->stats.bytes_sent);
	if (likely(sum == w->rare)) {
		for (i = RARE; i < QUIC_WATCHED; i++)
			more[i] = 0;
	} else {
		w->rare = sum;
		look(c, now);
		for (i = RARE; i < QUIC_WATCHED; i++)
			more[i] = tell(mibs, w, i, now[i]);
	}
	if (unlikely(traced()) && (more[IN] || more[OUT] || more[LOST] || more[SPURIOUS] ||
				   more[DROPPED]))
		trace(sk, more);
	before = w->state;
	if (unlikely(before != c->state)) {
		w->state = c->state;
		state(sk, before);
	}
}

void quic_watch_start(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	u64 now[QUIC_WATCHED];
	unsigned int i;

	look(&qs->conn, now);
	for (i = 0; i < QUIC_WATCHED; i++)
		qs->watch.told[i] = now[i];
	qs->watch.rare = rare(&qs->conn);
	qs->watch.state = qs->conn.state;
}
