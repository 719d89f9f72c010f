// SPDX-License-Identifier: GPL-2.0
/* Options that configure a socket before it has a connection, and the defaults. */
#include "../core/alpn.h"
#include "sockopt.h"

#define PROBE_INTERVAL_MIN	5000000		/* us */
#define KEEPALIVE_MIN		1000		/* us: below it is a load, not a sign of life */
#define RTT_MIN			2000		/* us */
#define RTT_MAX			6000000		/* us */

static bool config_valid(const struct quic_config *c)
{
	/* A reserved one makes the server negotiate (RFC 9000, 6.3). */
	if (c->version && !quic_version_known(c->version) && !quic_version_reserved(c->version))
		return false;
	if (c->plpmtud_probe_interval && c->plpmtud_probe_interval < PROBE_INTERVAL_MIN)
		return false;
	if (c->initial_smoothed_rtt &&
	    (c->initial_smoothed_rtt < RTT_MIN || c->initial_smoothed_rtt > RTT_MAX))
		return false;
	if (c->payload_cipher_type && (c->payload_cipher_type < QUIC_CIPHER_AES_GCM_128 ||
				       c->payload_cipher_type > QUIC_CIPHER_CHACHA20_POLY1305))
		return false;
	if (c->keepalive_probe_interval && c->keepalive_probe_interval < KEEPALIVE_MIN)
		return false;
	return quic_cc_find_id(c->congestion_control_algo) && c->validate_peer_address <= 1 &&
	       c->stream_data_nodelay <= 1 && c->certificate_request <= 2;
}

/* A zero field leaves what is there. */
static void take8(u8 *to, u8 val)
{
	if (val)
		*to = val;
}

static void take32(u32 *to, u32 val)
{
	if (val)
		*to = val;
}

static int config_set(struct sock *sk, const void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	const struct quic_config *c = val;
	struct quic_config *to = &qs->config;

	if (!config_valid(c) || (qs->conn_live && qs->conn.state != QUIC_CONN_HANDSHAKE))
		return -EINVAL;
	take32(&to->version, c->version);
	take32(&to->plpmtud_probe_interval, c->plpmtud_probe_interval);
	take32(&to->initial_smoothed_rtt, c->initial_smoothed_rtt);
	take32(&to->payload_cipher_type, c->payload_cipher_type);
	take8(&to->congestion_control_algo, c->congestion_control_algo);
	take8(&to->validate_peer_address, c->validate_peer_address);
	take8(&to->stream_data_nodelay, c->stream_data_nodelay);
	take8(&to->receive_session_ticket, c->receive_session_ticket);
	take8(&to->certificate_request, c->certificate_request);
	take32(&to->keepalive_probe_interval, c->keepalive_probe_interval);
	if (qs->listener)
		quic_listener_validate(qs->listener, to->validate_peer_address);
	if (c->congestion_control_algo)
		qs->cc = quic_cc_find_id(c->congestion_control_algo);
	if (qs->conn_live)
		quic_sock_apply_intervals(qs);
	return 0;
}

static int config_get(struct sock *sk, void *val, u32 len)
{
	memcpy(val, &quic_sk(sk)->config, sizeof(struct quic_config));
	return sizeof(struct quic_config);
}

/* --- versions --- */

static int versions_set(struct sock *sk, const void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_versions v = {};
	const u32 *list = val;
	u32 i, n = len / sizeof(*list);

	if (qs->conn_live || len % sizeof(*list))
		return -EINVAL;
	for (i = 0; i < n; i++) {
		if (!quic_version_known(list[i]) || quic_version_listed(&v, list[i]))
			return -EINVAL;
		quic_version_add(&v, list[i]);
	}
	qs->versions = v;
	quic_sock_versions(qs, &v);
	/* RFC 9368, 2.4: begin with what most servers speak */
	if (n)
		qs->config.version = quic_version_listed(&v, QUIC_V1) ? QUIC_V1 : v.list[0];
	if (qs->listener)
		quic_listener_versions(qs->listener, &v);
	return 0;
}

static int versions_get(struct sock *sk, void *val, u32 len)
{
	struct quic_versions v;

	quic_sock_versions(quic_sk(sk), &v);
	memcpy(val, v.list, v.n * sizeof(v.list[0]));
	return v.n * sizeof(v.list[0]);
}

/* --- ALPN --- */

static int alpn_set(struct sock *sk, const void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	const char *s = val;
	char *alpn;

	if (len && !s[len - 1])
		len--;
	if (qs->listener || !quic_alpn_valid(s, len))
		return -EINVAL;
	alpn = kmemdup(s, len, GFP_KERNEL_ACCOUNT);
	if (!alpn)
		return -ENOMEM;
	kfree(qs->alpn);
	qs->alpn = alpn;
	qs->alpn_len = len;
	return 0;
}

static int alpn_get(struct sock *sk, void *val, u32 len)
{
	memcpy(val, quic_sk(sk)->alpn, quic_sk(sk)->alpn_len);
	return quic_sk(sk)->alpn_len;
}

/* --- congestion control by name --- */

static int congestion_set(struct sock *sk, const void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	char name[QUIC_CC_NAME_MAX] = {};
	const struct quic_cc_ops *ops;

	memcpy(name, val, min_t(u32, len, sizeof(name) - 1));
	ops = quic_cc_find(name);
	if (!ops)
		return -ENOENT;
	qs->cc = ops;
	qs->config.congestion_control_algo = ops->id;
	/* The window stays, the algorithm starts from it. */
	if (qs->conn_live && qs->conn.loss.cc.ops != ops)
		quic_cc_switch(&qs->conn.loss.cc, ops);
	return 0;
}

static int congestion_get(struct sock *sk, void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	const struct quic_cc_ops *ops = qs->conn_live ? qs->conn.loss.cc.ops : qs->cc;

	memset(val, 0, QUIC_CC_NAME_MAX);
	strscpy(val, ops->name, QUIC_CC_NAME_MAX);
	return QUIC_CC_NAME_MAX;
}

/* --- an empty connection ID --- */

static int empty_cid_set(struct sock *sk, const void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	u32 on = *(const u32 *)val;

	if (on > 1)
		return -EINVAL;
	/* Who is accepted shares its address with the listener, and follows clients that move. */
	if (qs->listener || (qs->conn_live && qs->conn.server))
		return -EOPNOTSUPP;
	if (qs->conn_live)
		return -EINVAL;
	qs->empty_cid = on;
	return 0;
}

static int empty_cid_get(struct sock *sk, void *val, u32 len)
{
	*(u32 *)val = quic_sk(sk)->empty_cid;
	return sizeof(u32);
}

/* --- defaults; the ABI's header documents them --- */

void quic_sockopt_defaults(struct quic_sock *qs)
{
	struct quic_terms *tp = &qs->tp->terms;

	quic_tparam_defaults(qs->tp);
	tp->max_idle_timeout = QUIC_DEF_IDLE_NS;
	tp->max_udp_payload_size = 65527;
	tp->active_connection_id_limit = 7;
	tp->max_ack_delay = QUIC_DEF_ACK_DELAY_NS;
	tp->max_data = 2 * QUIC_DEF_CONN_WINDOW;
	tp->max_stream_data_bidi_local = QUIC_DEF_STREAM_WINDOW;
	tp->max_stream_data_bidi_remote = QUIC_DEF_STREAM_WINDOW;
	tp->max_stream_data_uni = QUIC_DEF_STREAM_WINDOW;
	tp->max_streams_bidi = QUIC_DEF_STREAMS_BIDI;
	tp->max_streams_uni = QUIC_DEF_STREAMS_UNI;
	qs->config.version = QUIC_VERSION_V1;
	qs->config.initial_smoothed_rtt = QUIC_RTT_INITIAL / NSEC_PER_USEC;
	qs->cc = READ_ONCE(qs->ctl->cc);
	qs->config.congestion_control_algo = qs->cc->id;
}

const struct quic_sockopt quic_sockopts_config[] = {
	{ QUIC_SOCKOPT_CONFIG, 4, sizeof(struct quic_config), false, config_set, config_get },
	{ QUIC_SOCKOPT_VERSIONS, 0, QUIC_VERSIONS_MAX * sizeof(u32), true, versions_set,
	  versions_get },
	{ QUIC_SOCKOPT_ALPN, 0, QUIC_ALPN_MAX, true, alpn_set, alpn_get },
	{ QUIC_SOCKOPT_CONGESTION, 1, QUIC_CC_NAME_MAX, true, congestion_set, congestion_get },
	{ QUIC_SOCKOPT_EMPTY_CID, sizeof(u32), sizeof(u32), false, empty_cid_set, empty_cid_get },
};

const unsigned int quic_sockopts_config_n = ARRAY_SIZE(quic_sockopts_config);
