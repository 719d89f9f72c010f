// SPDX-License-Identifier: GPL-2.0
/*
 * A connection's birth and death, the progress of its handshake, and its
 * transport parameters.
 *
 * Invariant: a space and the keys of its level go together: quic_conn_discard()
 * ends both (RFC 9001, 4.9), and nothing is sent or accepted there afterwards.
 */
#include "negotiate.h"
#include "rx.h"

static void local_defaults(struct quic_conn *c)
{
	struct quic_terms *tp = &c->local;

	quic_terms_defaults(tp);
	tp->max_idle_timeout = QUIC_DEF_IDLE_NS;
	tp->max_udp_payload_size = QUIC_DGRAM_MAX;
	tp->max_data = QUIC_DEF_CONN_WINDOW;
	tp->max_stream_data_bidi_local = QUIC_DEF_STREAM_WINDOW;
	tp->max_stream_data_bidi_remote = QUIC_DEF_STREAM_WINDOW;
	tp->max_stream_data_uni = QUIC_DEF_STREAM_WINDOW;
	tp->max_streams_bidi = QUIC_DEF_STREAMS_BIDI;
	tp->max_streams_uni = QUIC_DEF_STREAMS_UNI;
	tp->max_ack_delay = QUIC_DEF_ACK_DELAY_NS;
	tp->active_connection_id_limit = QUIC_CID_REMOTE_MAX;
}

int quic_conn_init(struct quic_conn *c, const struct quic_conn_ops *ops,
		   const struct quic_crypto_ops *crypto, const struct quic_conn_config *cfg)
{
	unsigned int i;

	memset(c, 0, sizeof(*c));
	c->hs = kzalloc(sizeof(*c->hs), GFP_KERNEL_ACCOUNT);
	if (!c->hs)
		return -ENOMEM;
	c->ops = ops;
	c->server = cfg->server;
	c->cids.local_empty = cfg->empty_cid && !cfg->server;
	quic_negotiate_init(c, cfg);
	c->keepalive = cfg->keepalive;
	quic_protect_init(&c->prot, crypto);
	quic_loss_init(&c->loss, &quic_conn_loss_cb, cfg->cc ? cfg->cc : &quic_cc_cubic,
		       cfg->server, QUIC_DGRAM_MIN,
		       cfg->initial_rtt ? cfg->initial_rtt : QUIC_RTT_INITIAL, c->hs->loss);
	quic_pmtu_init(&c->pmtu, QUIC_DGRAM_MIN);
	for (i = 0; i < QUIC_PNS_COUNT; i++) {
		struct quic_space *sp = quic_conn_space(c, i);

		quic_ranges_init(&sp->rcvd);
		sp->largest = -1;
		sp->acked = -1;
		sp->ack_deadline = U64_MAX;
	}
	quic_stream_table_init(c);
	quic_ack_init(c);
	INIT_LIST_HEAD(&c->datagrams);
	INIT_LIST_HEAD(&c->held);
	local_defaults(c);
	quic_terms_defaults(&c->remote);
	quic_early_init(&c->early);
	quic_flow_init(&c->rx_flow, QUIC_DEF_CONN_WINDOW, QUIC_MAX_WINDOW);
	c->tx_blocked_at = U64_MAX;
	c->idle_at = U64_MAX;
	c->close_until = U64_MAX;
	c->retry_at = U64_MAX;
	quic_path_init(c);
	c->loss.peer_validated = cfg->server;
	return 0;
}

/* Nobody asks any more for what goes with the handshake. */
static void free_handshake(struct quic_conn *c)
{
	if (!c->hs)
		return;
	quic_conn_discard(c, QUIC_LEVEL_INITIAL);
	quic_conn_discard(c, QUIC_LEVEL_HANDSHAKE);
	quic_loss_end_first(&c->loss);
	kfree(c->hs);
	c->hs = NULL;
}

void quic_conn_free(struct quic_conn *c)
{
	unsigned int i;

	free_handshake(c);
	quic_loss_free(&c->loss);
	quic_stream_table_free(c);
	quic_datagram_flush(c);
	quic_rx_drop_held(c);
	for (i = 0; i < QUIC_LEVELS; i++)
		quic_crypto_stream_free(c, i);
	quic_ranges_free(&c->app.rcvd);
	quic_cid_free(c);
	quic_path_free(c);
	if (c->odcid_hashed)
		c->ops->cid_del(c, quic_conn_first_id(c));
	c->odcid_hashed = false;
	quic_protect_free(&c->prot);
	kfree(c->token);
	c->token = NULL;
	kfree(c->retry);
	c->retry = NULL;
	quic_early_free(&c->early);
	kfree(c->close.reason);
	c->close.reason = NULL;
	c->close.reason_len = 0;
	c->state = QUIC_CONN_CLOSED;
}

/* What the application chose for local parameters becomes our windows. */
static void apply_local(struct quic_conn *c)
{
	const struct quic_terms *tp = &c->local;

	quic_flow_init(&c->rx_flow, tp->max_data, c->rx_flow.window_max);
	c->streams.kind[0].peer_max = tp->max_streams_bidi;
	c->streams.kind[0].peer_window = tp->max_streams_bidi;
	c->streams.kind[1].peer_max = tp->max_streams_uni;
	c->streams.kind[1].peer_window = tp->max_streams_uni;
	c->idle_timeout = tp->max_idle_timeout;
}

void quic_conn_offer(struct quic_conn *c, const struct quic_tparams *tp, u64 window,
		     bool compatible)
{
	struct quic_terms *to = &c->local;

	*to = tp->terms;
	/* We always encrypt; a peer would take us at our word. */
	to->disable_1rtt_encryption = false;
	to->max_udp_payload_size = min_t(u64, to->max_udp_payload_size, QUIC_DGRAM_MAX);
	to->max_data = min(to->max_data, window);
	to->max_stream_data_bidi_local = min(to->max_stream_data_bidi_local, window);
	to->max_stream_data_bidi_remote = min(to->max_stream_data_bidi_remote, window);
	to->max_stream_data_uni = min(to->max_stream_data_uni, window);
	to->max_streams_bidi = min_t(u64, to->max_streams_bidi, QUIC_STREAMS_LOCAL_MAX);
	to->max_streams_uni = min_t(u64, to->max_streams_uni, QUIC_STREAMS_LOCAL_MAX);
	c->rx_flow.window_max = window;
	c->compatible = compatible;
	apply_local(c);
	if (tp->has_preferred)
		quic_conn_offer_preferred(c, &tp->preferred);
}

void quic_conn_offer_preferred(struct quic_conn *c, const struct quic_preferred_addr *a)
{
	if (!c->hs)
		return;
	c->hs->preferred = *a;
	c->hs->has_preferred = true;
}

static int start(struct quic_conn *c, u64 now)
{
	int err = quic_cid_init(c);

	if (err)
		return err;
	c->path->from = c->cids.local[0].cid;
	apply_local(c);
	quic_conn_touch_rx(c, now);
	return quic_protect_initial(&c->prot, c->version, quic_conn_first_id(c), c->server);
}

int quic_conn_connect(struct quic_conn *c, u64 now)
{
	/* RFC 9000, 7.2: at least 8 unpredictable bytes */
	c->odcid.len = QUIC_CID_LEN;
	c->ops->random(c->odcid.id, c->odcid.len);
	quic_cid_set_remote(c, c->odcid.id, c->odcid.len);
	return start(c, now);
}

void quic_conn_validated(struct quic_conn *c, const struct quic_cid *odcid)
{
	c->path->validated = true;
	if (!odcid)
		return;
	c->odcid = *odcid;
	c->retried = true;
}

int quic_conn_accept(struct quic_conn *c, const struct quic_packet *first, u64 now)
{
	int err;

	quic_cid_set(c->retried ? &c->retry_scid : &c->odcid, first->dcid, first->dcid_len);
	quic_cid_set(&c->hs->peer_scid, first->scid, first->scid_len);
	c->peer_scid_set = true;
	quic_cid_set_remote(c, first->scid, first->scid_len);
	err = start(c, now);
	if (err)
		return err;
	/* Further Initials of this attempt come to the ID the client made up. */
	err = c->ops->cid_add(c, quic_conn_first_id(c));
	if (!err)
		c->odcid_hashed = true;
	return err;
}

void quic_conn_set_mtu(struct quic_conn *c, u32 payload, u64 now)
{
	c->mtu_ready = true;
	payload = min_t(u64, payload, c->remote.max_udp_payload_size);
	payload = clamp_t(u32, payload, QUIC_DGRAM_MIN, QUIC_DGRAM_MAX);
	quic_pmtu_set_max(&c->pmtu, payload, now);
	if (c->loss.cc.mss != c->pmtu.cur)
		quic_cc_set_mss(&c->loss.cc, c->pmtu.cur);
}

void quic_conn_too_big(struct quic_conn *c, u32 payload, u64 now)
{
	if (c->state > QUIC_CONN_ESTABLISHED || payload > U16_MAX)
		return;
	if (quic_pmtu_too_big(&c->pmtu, payload, now))
		quic_cc_set_mss(&c->loss.cc, c->pmtu.cur);
}

void quic_conn_discard(struct quic_conn *c, enum quic_level level)
{
	enum quic_pns pns = quic_level_pns(level);
	struct quic_space *sp;

	if (!c->hs)
		return;
	sp = quic_conn_space(c, pns);
	quic_protect_drop(&c->prot, level);
	quic_loss_discard(&c->loss, pns);
	quic_crypto_stream_free(c, level);
	quic_crypto_stream_settle(c);
	quic_ranges_free(&sp->rcvd);
	sp->ack_deadline = U64_MAX;
	sp->ack_now = false;
	sp->eliciting = 0;
	sp->ping_wanted = false;
}

void quic_conn_confirm(struct quic_conn *c, u64 now)
{
	if (c->confirmed)
		return;
	c->confirmed = true;
	c->loss.confirmed = true;
	c->loss.peer_validated = true;
	c->path->validated = true;
	c->loss.at_amp_limit = false;
	/* RFC 9001, 4.9.2 */
	quic_conn_discard(c, QUIC_LEVEL_INITIAL);
	quic_conn_discard(c, QUIC_LEVEL_HANDSHAKE);
	quic_cid_replenish(c);
	if (c->mtu_ready)
		quic_conn_set_mtu(c, c->pmtu.max, now);
	c->ops->event(c, QUIC_CEV_CONFIRMED, 0);
	c->ops->event(c, QUIC_CEV_PREPARE_KEYS, 0);
	if (c->tls_done)
		free_handshake(c);
}

static void handshake_complete(struct quic_conn *c, u64 now)
{
	c->tls_done = true;
	c->state = QUIC_CONN_ESTABLISHED;
	quic_conn_set_idle(c);
	c->ops->event(c, QUIC_CEV_ESTABLISHED, 0);
	/* A client may hear so before its TLS has handed over all keys. */
	if (c->confirmed)
		free_handshake(c);
	if (!c->server)
		return;
	/* RFC 9001, 4.1.2: a server confirms at once and says so */
	c->handshake_done_wanted = true;
	quic_conn_confirm(c, now);
}

/* RFC 9001, 4.1.3: TLS goes on, and there are bytes of the level before that it did not read */
static bool left_unread(const struct quic_conn *c, enum quic_level level)
{
	if (level == QUIC_LEVEL_HANDSHAKE)
		return quic_crypto_stream_unread(c, QUIC_LEVEL_INITIAL);
	return level == QUIC_LEVEL_APP && quic_crypto_stream_unread(c, QUIC_LEVEL_HANDSHAKE);
}

int quic_conn_install(struct quic_conn *c, enum quic_level level, bool send, u32 cipher,
		      const u8 *secret, unsigned int len, u64 now)
{
	int err;

	if (c->state != QUIC_CONN_HANDSHAKE || level == QUIC_LEVEL_INITIAL)
		return -EINVAL;
	err = quic_protect_install(&c->prot, level, send, cipher, secret, len);
	if (err)
		return err;
	if (!send && left_unread(c, level)) {
		quic_conn_fail(c, QUIC_ERR_PROTOCOL_VIOLATION, QUIC_FT_CRYPTO, now);
		return -EPROTO;
	}
	if (level == QUIC_LEVEL_HANDSHAKE && send)
		c->loss.has_handshake_keys = true;
	quic_early_installed(c, level, send);
	if (level == QUIC_LEVEL_APP && quic_protect_can_send(&c->prot, level) &&
	    quic_protect_can_recv(&c->prot, level))
		handshake_complete(c, now);
	if (!send)
		quic_rx_replay(c, level);
	return 0;
}

/* Whatever else was chosen: what we understand */
static void offer_extensions(struct quic_terms *t)
{
	t->reset_stream_at = true;
	t->has_min_ack_delay = true;
	t->min_ack_delay = min_t(u64, QUIC_ACK_DELAY_MIN_NS, t->max_ack_delay);
}

int quic_conn_local_params(struct quic_conn *c, u8 *buf, u32 cap)
{
	struct quic_tparams params = {}, *tp = &params;
	u32 grease;
	int err;

	if (!c->hs)
		return -EINVAL;
	offer_extensions(&c->local);
	tp->terms = c->local;
	tp->initial_scid = c->cids.local[0].cid;
	tp->has_initial_scid = true;
	if (c->server) {
		tp->original_dcid = c->odcid;
		tp->has_original_dcid = true;
		tp->retry_scid = c->retry_scid;
		tp->has_retry_scid = c->retried;
		c->ops->reset_token(c, &c->cids.local[0].cid, tp->reset_token);
		tp->terms.has_reset_token = true;
	}
	if (c->server && c->hs->has_preferred) {
		tp->has_preferred = true;
		tp->preferred = c->hs->preferred;
		err = quic_cid_issue_preferred(c, &tp->preferred.cid);
		if (err)
			return err;
		c->ops->reset_token(c, &tp->preferred.cid, tp->preferred.reset_token);
	}
	quic_negotiate_local(c, tp);
	c->local_tp_used = true;
	c->ops->random(&grease, sizeof(grease));
	return quic_tparam_encode(tp, c->server, grease, buf, cap);
}

/* RFC 9000, 7.3: the IDs seen on the wire are the ones the handshake vouches for */
static bool ids_agree(const struct quic_conn *c, const struct quic_tparams *tp)
{
	if (!tp->has_initial_scid || !c->peer_scid_set ||
	    !quic_cid_eq(&tp->initial_scid, c->hs->peer_scid.id, c->hs->peer_scid.len))
		return false;
	if (c->server)
		return true;
	/* RFC 9000, 18.2: whose IDs are empty has no preferred address */
	if (tp->has_preferred && c->cids.remote_empty)
		return false;
	if (tp->has_retry_scid != c->retried ||
	    (c->retried && !quic_cid_eq(&tp->retry_scid, c->retry_scid.id, c->retry_scid.len)))
		return false;
	return tp->has_original_dcid &&
	       quic_cid_eq(&tp->original_dcid, c->odcid.id, c->odcid.len);
}

static void apply_remote(struct quic_conn *c, const struct quic_tparams *tp, u64 now)
{
	u64 idle = c->local.max_idle_timeout;

	if (tp->terms.max_idle_timeout && (!idle || tp->terms.max_idle_timeout < idle))
		idle = tp->terms.max_idle_timeout;
	c->idle_timeout = idle;
	quic_conn_touch_rx(c, now);
	c->tx_max = tp->terms.max_data;
	c->loss.max_ack_delay = tp->terms.max_ack_delay;
	c->cids.local_limit = tp->terms.active_connection_id_limit;
	if (tp->terms.has_reset_token) {
		memcpy(c->cids.remote[0].reset_token, tp->reset_token, QUIC_TOKEN_RESET_LEN);
		c->cids.remote[0].has_token = true;
	}
	if (tp->has_preferred)
		quic_cid_set_preferred(c, &tp->preferred.cid, tp->preferred.reset_token);
	if (c->mtu_ready)
		quic_conn_set_mtu(c, c->pmtu.max, now);
	quic_stream_set_limits(c);
}

int quic_conn_remote_params(struct quic_conn *c, const u8 *buf, u32 len, u64 now)
{
	struct quic_tparams tp;
	int err;

	if (c->state != QUIC_CONN_HANDSHAKE || c->peer_tp_set)
		return -EINVAL;
	if (quic_tparam_decode(&tp, !c->server, buf, len) || !ids_agree(c, &tp)) {
		quic_conn_fail(c, QUIC_ERR_TRANSPORT_PARAMETER, QUIC_FT_CRYPTO, now);
		return -EPROTO;
	}
	err = quic_negotiate_params(c, &tp);
	if (err == -EPROTO)
		quic_conn_fail(c, QUIC_ERR_VERSION_NEGOTIATION, QUIC_FT_CRYPTO, now);
	if (err)
		return err;
	c->remote = tp.terms;
	c->peer_tp_set = true;
	if (c->hs && !c->server) {
		c->hs->has_preferred = tp.has_preferred;
		c->hs->preferred = tp.preferred;
	}
	quic_early_heard(c);
	apply_remote(c, &tp, now);
	return 0;
}

int quic_conn_key_update(struct quic_conn *c, u64 now)
{
	int err;

	if (!c->confirmed || c->state != QUIC_CONN_ESTABLISHED)
		return -EAGAIN;
	err = quic_protect_update(&c->prot, c->loss.app.sent.next, now,
				  quic_loss_pto(&c->loss));
	/* RFC 9001, 6.1: one who only acknowledges has to ask for an acknowledgment first. */
	if (err && c->prot.update_unacked && !c->loss.app.eliciting)
		quic_conn_ping(c);
	/* Memory for the next keys may be there by now. */
	if (err && !c->prot.update_unacked)
		c->ops->event(c, QUIC_CEV_PREPARE_KEYS, 0);
	if (err)
		return err;
	c->stats.key_updates++;
	c->ops->event(c, QUIC_CEV_KEY_UPDATE, c->prot.tx_phase);
	c->ops->event(c, QUIC_CEV_PREPARE_KEYS, 0);
	return 0;
}

bool quic_conn_quiet(const struct quic_conn *c)
{
	return !c->streams.busy && list_empty(&c->datagrams);
}

int quic_conn_set_token(struct quic_conn *c, const u8 *token, u32 len)
{
	u8 *copy = kmemdup(token, len, GFP_ATOMIC);

	if (!copy)
		return -ENOMEM;
	kfree(c->token);
	c->token = copy;
	c->token_len = len;
	c->token_wanted = c->server;
	return 0;
}

void quic_conn_ping(struct quic_conn *c)
{
	c->app.ping_wanted = true;
}
