// SPDX-License-Identifier: GPL-2.0
/*
 * Options about the connection: IDs, close, key update, transport parameters,
 * and QUIC_SOCKOPT_INFO.
 */
#include "sockopt.h"

/* --- connection IDs --- */

static int cid_get(struct sock *sk, void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_connection_id_info *info = val;
	const struct quic_cids *d = &qs->conn.cids;
	u64 least = U64_MAX;
	unsigned int i;

	if (!qs->conn_live)
		return -ENOTCONN;
	if (info->dest) {
		info->active = quic_cid_remote_at(d, qs->conn.path->cid)->seq;
		for (i = 0; i < quic_cid_remotes(d); i++)
			if (quic_cid_remote_at(d, i)->used)
				least = min(least, quic_cid_remote_at(d, i)->seq);
	} else {
		for (i = 0; i < quic_cid_locals(d); i++)
			if (quic_cid_local_at(d, i)->used)
				least = min(least, quic_cid_local_at(d, i)->seq);
		/* The peer decides which of ours it uses; the lowest is the one it started with. */
		info->active = least == U64_MAX ? 0 : least;
	}
	info->prior_to = least == U64_MAX ? 0 : least;
	memset(info->reserved, 0, sizeof(info->reserved));
	return sizeof(*info);
}

static bool has_local(const struct quic_cids *d, u64 seq)
{
	unsigned int i;

	for (i = 0; i < quic_cid_locals(d); i++)
		if (quic_cid_local_at(d, i)->used && quic_cid_local_at(d, i)->seq == seq)
			return true;
	return false;
}

static int cid_set(struct sock *sk, const void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	const struct quic_connection_id_info *info = val;
	int err = quic_sockopt_alive(qs);

	if (err)
		return err;
	/* RFC 9000, 5.1.1: IDs are announced in 1-RTT packets. */
	if (!qs->conn.confirmed)
		return info->active || info->prior_to ? -EAGAIN : 0;
	if (info->dest)
		err = quic_cid_use(&qs->conn, info->active, info->prior_to, ktime_get_ns());
	else if (info->active && !has_local(&qs->conn.cids, info->active))
		err = -EINVAL;	/* else: the peer decides which of ours it uses */
	else
		err = quic_cid_renew(&qs->conn, info->prior_to);
	quic_sock_pump(sk);
	return err;
}

/* --- close, key update --- */

static int close_set(struct sock *sk, const void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);

	if (!qs->close)
		qs->close = kmalloc(sizeof(*qs->close), GFP_KERNEL_ACCOUNT);
	if (!qs->close)
		return -ENOMEM;
	memcpy(qs->close, val, sizeof(*qs->close));
	return 0;
}

static int close_get(struct sock *sk, void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);

	memset(val, 0, sizeof(struct quic_connection_close));
	if (qs->conn_live && qs->conn.state > QUIC_CONN_ESTABLISHED)
		quic_event_fill_close(qs, val);
	return sizeof(struct quic_connection_close);
}

static int key_update_set(struct sock *sk, const void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_conn *c = &qs->conn;
	int err = quic_sockopt_alive(qs);

	if (err)
		return err;
	err = quic_protect_prepare_update(&c->prot);
	if (err && err != -ENOKEY)
		return err;
	/* RFC 9001, 6.1: -EAGAIN before the handshake is confirmed, and while one is under way */
	err = quic_conn_key_update(c, ktime_get_ns());
	/* The peer sees it with the next packet; or an acknowledgment is asked for. */
	if (!err)
		quic_conn_ping(c);
	quic_sock_pump(sk);
	return err;
}

/* --- transport parameters --- */

#define US(ns)	((ns) / NSEC_PER_USEC)

static void tp_fill(struct quic_transport_param *p, const struct quic_terms *tp)
{
	p->disable_active_migration = tp->disable_active_migration;
	p->grease_quic_bit = tp->grease_quic_bit;
	p->disable_1rtt_encryption = tp->disable_1rtt_encryption;
	p->active_connection_id_limit = min_t(u64, tp->active_connection_id_limit, U8_MAX);
	p->ack_delay_exponent = tp->ack_delay_exponent;
	p->max_datagram_frame_size = min_t(u64, tp->max_datagram_frame_size, U16_MAX);
	p->max_udp_payload_size = min_t(u64, tp->max_udp_payload_size, U16_MAX);
	p->max_idle_timeout = min_t(u64, US(tp->max_idle_timeout), U32_MAX);
	p->max_ack_delay = US(tp->max_ack_delay);
	p->max_streams_bidi = min_t(u64, tp->max_streams_bidi, U16_MAX);
	p->max_streams_uni = min_t(u64, tp->max_streams_uni, U16_MAX);
	p->max_data = tp->max_data;
	p->max_stream_data_bidi_local = tp->max_stream_data_bidi_local;
	p->max_stream_data_bidi_remote = tp->max_stream_data_bidi_remote;
	p->max_stream_data_uni = tp->max_stream_data_uni;
}

static int tp_get(struct sock *sk, void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_transport_param *p = val;
	u8 remote = p->remote;

	memset(p, 0, sizeof(*p));
	p->remote = remote;
	if (remote) {
		if (!qs->conn_live || !(qs->conn.peer_tp_set || qs->conn.early.remembered))
			return -ENOTCONN;
		tp_fill(p, &qs->conn.remote);
		p->stateless_reset = qs->conn.remote.has_reset_token;
		return sizeof(*p);
	}
	tp_fill(p, qs->conn_live ? &qs->conn.local : &qs->tp->terms);
	p->stateless_reset = !!(qs->tp_given & QUIC_TP_GIVEN_RESET);
	p->disable_compatible_version = !!(qs->tp_given & QUIC_TP_GIVEN_NO_COMPAT);
	return sizeof(*p);
}

static bool tp_valid(const struct quic_transport_param *p)
{
	const u64 most = QUIC_VARINT_MAX;

	if (p->disable_active_migration > 1 || p->grease_quic_bit > 1 || p->stateless_reset > 1 ||
	    p->disable_1rtt_encryption > 1 || p->disable_compatible_version > 1)
		return false;
	if (p->active_connection_id_limit &&
	    (p->active_connection_id_limit < 2 ||
	     (!p->remote && p->active_connection_id_limit > QUIC_CID_REMOTE_MAX)))
		return false;
	/* RFC 9000, 18.2 */
	if (p->ack_delay_exponent > 20 || p->max_ack_delay >= (1 << 14) * USEC_PER_MSEC)
		return false;
	if (p->max_udp_payload_size &&
	    (p->max_udp_payload_size < QUIC_DGRAM_MIN || p->max_udp_payload_size > 65527))
		return false;
	return p->max_data <= most && p->max_stream_data_bidi_local <= most &&
	       p->max_stream_data_bidi_remote <= most && p->max_stream_data_uni <= most;
}

/* A zero field leaves what is there. */
static void take(u64 *to, u64 val)
{
	if (val)
		*to = val;
}

static void tp_take(struct quic_terms *tp, const struct quic_transport_param *p)
{
	tp->disable_active_migration |= p->disable_active_migration;
	tp->grease_quic_bit |= p->grease_quic_bit;
	tp->disable_1rtt_encryption |= p->disable_1rtt_encryption;
	take(&tp->active_connection_id_limit, p->active_connection_id_limit);
	take(&tp->ack_delay_exponent, p->ack_delay_exponent);
	take(&tp->max_datagram_frame_size, p->max_datagram_frame_size);
	take(&tp->max_udp_payload_size, p->max_udp_payload_size);
	take(&tp->max_idle_timeout, (u64)p->max_idle_timeout * NSEC_PER_USEC);
	take(&tp->max_ack_delay, (u64)p->max_ack_delay * NSEC_PER_USEC);
	take(&tp->max_streams_bidi, p->max_streams_bidi);
	take(&tp->max_streams_uni, p->max_streams_uni);
	take(&tp->max_data, p->max_data);
	take(&tp->max_stream_data_bidi_local, p->max_stream_data_bidi_local);
	take(&tp->max_stream_data_bidi_remote, p->max_stream_data_bidi_remote);
	take(&tp->max_stream_data_uni, p->max_stream_data_uni);
}

/* 0-RTT: what the server allowed last time (RFC 9000, 7.4.1) */
static int tp_set_remote(struct quic_sock *qs, const struct quic_transport_param *p)
{
	struct quic_terms tp;

	if (!qs->conn_live)
		return -ENOTCONN;
	quic_terms_defaults(&tp);
	tp_take(&tp, p);
	return quic_early_remember(&qs->conn, &tp);
}

static int tp_set(struct sock *sk, const void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	const struct quic_transport_param *p = val;

	if (p->remote > 1 || !tp_valid(p))
		return -EINVAL;
	if (p->remote)
		return tp_set_remote(qs, p);
	if (qs->conn_live && (qs->conn.state != QUIC_CONN_HANDSHAKE || qs->conn.local_tp_used))
		return -EINVAL;
	if (p->disable_1rtt_encryption &&
	    !ns_capable(sock_net(sk)->user_ns, CAP_NET_ADMIN))
		return -EPERM;
	tp_take(&qs->tp->terms, p);
	if (p->stateless_reset)
		qs->tp_given |= QUIC_TP_GIVEN_RESET;
	if (p->disable_compatible_version)
		qs->tp_given |= QUIC_TP_GIVEN_NO_COMPAT;
	if (qs->conn_live)
		quic_sock_apply_params(qs);
	if (qs->listener)
		quic_listener_grease(qs->listener, qs->tp->terms.grease_quic_bit);
	return 0;
}

/* --- what is going on --- */

static u8 info_state(const struct quic_sock *qs)
{
	static const u8 states[] = {
		[QUIC_CONN_HANDSHAKE] = QUIC_STATE_HANDSHAKE,
		[QUIC_CONN_ESTABLISHED] = QUIC_STATE_ESTABLISHED,
		[QUIC_CONN_CLOSING] = QUIC_STATE_CLOSING,
		[QUIC_CONN_DRAINING] = QUIC_STATE_DRAINING,
		[QUIC_CONN_CLOSED] = QUIC_STATE_CLOSED,
	};

	if (qs->listener)
		return QUIC_STATE_LISTEN;
	if (!qs->conn_live)
		return QUIC_STATE_IDLE;
	if (qs->conn.state == QUIC_CONN_ESTABLISHED && qs->conn.confirmed)
		return QUIC_STATE_CONFIRMED;
	return states[qs->conn.state];
}

static u8 info_flags(const struct quic_sock *qs)
{
	const struct quic_conn *c = &qs->conn;
	u8 flags = c->server ? QUIC_INFO_SERVER : 0;

	if (c->state > QUIC_CONN_ESTABLISHED) {
		if (!c->close.remote)
			flags |= QUIC_INFO_CLOSED_BY_US;
		if (c->close.app)
			flags |= QUIC_INFO_CLOSED_BY_APP;
	}
	if (c->loss.ecn.state == QUIC_ECN_CAPABLE)
		flags |= QUIC_INFO_ECN;
	if (c->loss.app_limited)
		flags |= QUIC_INFO_APP_LIMITED;
	if (c->early.state == QUIC_EARLY_ACCEPTED)
		flags |= QUIC_INFO_RESUMED_0RTT;
	if (c->early.state == QUIC_EARLY_REJECTED && !c->server)
		flags |= QUIC_INFO_0RTT_REJECTED;
	return flags;
}

static void info_path(struct quic_info *i, const struct quic_conn *c)
{
	const struct quic_loss *l = &c->loss;
	const struct quic_sent *sent = &l->app.sent;

	memcpy(i->cc_name, l->cc.ops->name, sizeof(i->cc_name));
	i->smoothed_rtt = min_t(u64, US(l->rtt.smoothed), U32_MAX);
	i->rttvar = min_t(u64, US(l->rtt.var), U32_MAX);
	if (l->rtt.first_sample_at) {
		i->min_rtt = min_t(u64, US(l->rtt.min), U32_MAX);
		i->latest_rtt = min_t(u64, US(l->rtt.latest), U32_MAX);
	}
	i->pto_count = l->pto_count;
	i->pmtu = c->pmtu.cur;
	i->packets_in_flight = 0;
	if (l->bytes_in_flight)
		i->packets_in_flight = min_t(u64, sent->next - sent->live, U32_MAX);
	i->cwnd = l->cc.cwnd;
	i->ssthresh = l->cc.ssthresh;
	i->bytes_in_flight = l->bytes_in_flight;
	i->pacing_rate = l->pacer.rate;
	i->delivery_rate = l->cc.delivery.rate;
	i->packets_ce = l->app.ecn.ce;
	i->bytes_lost = l->bytes_lost;
	i->packets_lost = l->packets_lost;
	i->packets_spurious = l->packets_spurious;
}

static void info_streams(struct quic_info *i, const struct quic_conn *c)
{
	const struct quic_streams *bidi = &c->streams.kind[0], *uni = &c->streams.kind[1];

	i->streams_open = c->streams.count;
	i->streams_opened_local = bidi->local_next + uni->local_next;
	i->streams_opened_remote = bidi->peer_next + uni->peer_next;
	i->max_streams_bidi_local = bidi->peer_max;
	i->max_streams_uni_local = uni->peer_max;
	i->max_streams_bidi_remote = bidi->local_max;
	i->max_streams_uni_remote = uni->local_max;
	i->datagram_max = max(quic_datagram_max(c), 0);
}

static void info_data(struct quic_info *i, const struct quic_sock *qs)
{
	const struct quic_conn *c = &qs->conn;
	struct rb_node *n;

	i->bytes_sent = c->stats.bytes_sent;
	i->bytes_received = c->stats.bytes_received;
	i->packets_sent = c->stats.packets_sent;
	i->packets_received = c->stats.packets_received;
	i->packets_dropped = c->stats.packets_dropped;
	i->packets_duplicate = c->stats.packets_duplicate;
	i->packets_retransmitted = c->stats.packets_retransmitted;
	i->key_updates = c->stats.key_updates;
	i->data_retransmitted = c->stats.bytes_retransmitted;
	i->max_data_local = c->rx_flow.limit;
	i->max_data_remote = c->tx_max;
	i->data_sent = c->tx_data;
	i->data_received = c->rx_flow.used;
	i->data_unread = qs->unread;
	i->data_unacked = qs->unacked;
	i->data_unsent = qs->held_bytes;
	for (n = rb_first(&c->streams.tree); n; n = rb_next(n)) {
		const struct quic_stream *s = rb_entry(n, struct quic_stream, node);

		if (s->tx.exists && s->tx.state <= QUIC_SEND_SENT)
			i->data_unsent += s->tx.written - s->tx.next;
	}
}

static int info_get(struct sock *sk, void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_info *i = val;

	memset(i, 0, sizeof(*i));
	i->state = info_state(qs);
	if (!qs->conn_live)
		return sizeof(*i);
	i->flags = info_flags(qs);
	i->version = qs->conn.version;
	i->cipher = quic_protect_cipher(&qs->conn.prot);
	info_path(i, &qs->conn);
	info_data(i, qs);
	info_streams(i, &qs->conn);
	return sizeof(*i);
}

const struct quic_sockopt quic_sockopts_conn[] = {
	{ QUIC_SOCKOPT_CONNECTION_ID, 1, sizeof(struct quic_connection_id_info), false, cid_set,
	  cid_get },
	{ QUIC_SOCKOPT_CONNECTION_CLOSE, 4, sizeof(struct quic_connection_close), false, close_set,
	  close_get, QUIC_SOCKOPT_READ },
	{ QUIC_SOCKOPT_CONNECTION_MIGRATION, 2, sizeof(struct sockaddr_in6), false,
	  quic_sock_migration_set, NULL },
	{ QUIC_SOCKOPT_KEY_UPDATE, 0, 0, false, key_update_set, NULL },
	{ QUIC_SOCKOPT_TRANSPORT_PARAM, 1, sizeof(struct quic_transport_param), false, tp_set,
	  tp_get },
	{ QUIC_SOCKOPT_INFO, 1, sizeof(struct quic_info), false, NULL, info_get,
	  QUIC_SOCKOPT_READ },
};

const unsigned int quic_sockopts_conn_n = ARRAY_SIZE(quic_sockopts_conn);
