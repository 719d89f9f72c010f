// SPDX-License-Identifier: GPL-2.0
/*
 * The states of 0-RTT on both sides.
 *
 * Invariant: while a client may send 0-RTT packets its limits are the remembered
 * ones, whatever the handshake says (RFC 9000, 7.4.1); new ones wait in kept->after
 * and come into force with the keys for 1-RTT packets.
 */
#include "conn.h"
#include "rx.h"

void quic_early_init(struct quic_early *e)
{
	memset(e, 0, sizeof(*e));
	e->until = U64_MAX;
}

void quic_early_free(struct quic_early *e)
{
	kfree(e->kept);
	e->kept = NULL;
}

static void limits_of(const struct quic_terms *tp, struct quic_early_limits *l)
{
	*l = (struct quic_early_limits){
		.max_data = tp->max_data,
		.bidi_local = tp->max_stream_data_bidi_local,
		.bidi_remote = tp->max_stream_data_bidi_remote,
		.uni = tp->max_stream_data_uni,
		.streams_bidi = tp->max_streams_bidi,
		.streams_uni = tp->max_streams_uni,
		.cids = tp->active_connection_id_limit,
		.datagram = tp->max_datagram_frame_size,
	};
}

static void limits_to(const struct quic_early_limits *l, struct quic_terms *tp)
{
	tp->max_data = l->max_data;
	tp->max_stream_data_bidi_local = l->bidi_local;
	tp->max_stream_data_bidi_remote = l->bidi_remote;
	tp->max_stream_data_uni = l->uni;
	tp->max_streams_bidi = l->streams_bidi;
	tp->max_streams_uni = l->streams_uni;
	tp->active_connection_id_limit = l->cids;
	tp->max_datagram_frame_size = l->datagram;
}

/* RFC 9000, 7.4.1; RFC 9221, 3 */
static bool lowered(const struct quic_early *e)
{
	const struct quic_early_limits *a = &e->kept->after, *b = &e->kept->before;

	return a->max_data < b->max_data || a->bidi_local < b->bidi_local ||
	       a->bidi_remote < b->bidi_remote || a->uni < b->uni ||
	       a->streams_bidi < b->streams_bidi || a->streams_uni < b->streams_uni ||
	       a->cids < b->cids || a->datagram < b->datagram;
}

int quic_early_remember(struct quic_conn *c, const struct quic_terms *tp)
{
	struct quic_early *e = &c->early;
	struct quic_terms *to = &c->remote;

	if (c->server || c->peer_tp_set || c->state != QUIC_CONN_HANDSHAKE)
		return -EINVAL;
	if (!e->kept)
		e->kept = kzalloc(sizeof(*e->kept), GFP_KERNEL_ACCOUNT);
	if (!e->kept)
		return -ENOMEM;
	quic_terms_defaults(to);
	limits_of(tp, &e->kept->before);
	limits_to(&e->kept->before, to);
	to->max_idle_timeout = tp->max_idle_timeout;
	to->max_udp_payload_size = tp->max_udp_payload_size;
	to->disable_active_migration = tp->disable_active_migration;
	to->grease_quic_bit = tp->grease_quic_bit;
	e->remembered = true;
	e->state = QUIC_EARLY_OFFERED;
	c->tx_max = to->max_data;
	quic_stream_set_limits(c);
	return 0;
}

enum quic_level quic_early_level(const struct quic_conn *c)
{
	const struct quic_crypto_stream *hello = c->crypto[QUIC_LEVEL_INITIAL];

	if (likely(quic_protect_can_send(&c->prot, QUIC_LEVEL_APP)) ||
	    !quic_protect_can_send(&c->prot, QUIC_LEVEL_EARLY) ||
	    c->state != QUIC_CONN_HANDSHAKE || c->early.state == QUIC_EARLY_REJECTED)
		return QUIC_LEVEL_APP;
	/* Without the ClientHello in front the server could make nothing of it. */
	if (!quic_loss_discarded(&c->loss, QUIC_PNS_INITIAL) &&
	    !(hello && hello->tx_end && hello->tx_next == hello->tx_end))
		return QUIC_LEVEL_APP;
	return QUIC_LEVEL_EARLY;
}

void quic_early_heard(struct quic_conn *c)
{
	struct quic_early *e = &c->early;

	if (!e->remembered)
		return;
	limits_of(&c->remote, &e->kept->after);
	limits_to(&e->kept->before, &c->remote);
	e->heard = true;
}

/* From here on the server's own limits hold, and not those remembered. */
static void release(struct quic_conn *c)
{
	struct quic_early *e = &c->early;

	e->remembered = false;
	if (!e->heard)
		return;
	limits_to(&e->kept->after, &c->remote);
	c->tx_max = max(c->tx_max, c->remote.max_data);
	c->cids.local_limit = c->remote.active_connection_id_limit;
	quic_stream_set_limits(c);
}

/*
 * For the server nothing of what was sent exists: no packet, no stream, no byte
 * of flow control (RFC 9001, 4.6.2; RFC 9002, 6.4).
 */
static void start_over(struct quic_conn *c)
{
	struct quic_early *e = &c->early;

	e->end_pn = c->loss.app.sent.next;
	quic_loss_forget(&c->loss, QUIC_PNS_APP);
	quic_protect_drop(&c->prot, QUIC_LEVEL_EARLY);
	c->loss.early = false;
	if (e->kept)
		limits_to(&e->kept->after, &c->remote);
	c->tx_max = c->remote.max_data;
	c->tx_blocked_at = U64_MAX;
	c->data_blocked_wanted = false;
	quic_stream_start_over(c);
}

int quic_early_verdict(struct quic_conn *c, bool accepted, u64 now)
{
	struct quic_early *e = &c->early;

	if (c->server || e->state != QUIC_EARLY_OFFERED || !e->heard ||
	    c->state != QUIC_CONN_HANDSHAKE)
		return -EINVAL;
	/* RFC 9001, 4.6.2: what was refused cannot have been acknowledged. */
	if (accepted ? lowered(e) : c->loss.app.largest_acked >= 0) {
		quic_conn_fail(c, QUIC_ERR_PROTOCOL_VIOLATION, QUIC_FT_CRYPTO, now);
		return -EPROTO;
	}
	e->state = accepted ? QUIC_EARLY_ACCEPTED : QUIC_EARLY_REJECTED;
	if (!accepted)
		start_over(c);
	return 0;
}

void quic_early_abandon(struct quic_conn *c)
{
	struct quic_early *e = &c->early;

	if (e->state == QUIC_EARLY_NONE)
		return;
	quic_terms_defaults(&c->remote);
	if (e->kept)
		limits_of(&c->remote, &e->kept->after);
	e->remembered = false;
	e->state = QUIC_EARLY_REJECTED;
	start_over(c);
}

static void client_installed(struct quic_conn *c)
{
	struct quic_early *e = &c->early;

	/*
	 * Nobody told us the server's answer: everything again in 1-RTT, where it may be for the
	 * second time. Limits that are lower now contradict an acceptance.
	 */
	if (e->remembered && e->state == QUIC_EARLY_OFFERED && e->heard) {
		if (lowered(e) && c->loss.app.largest_acked < 0) {
			e->state = QUIC_EARLY_REJECTED;
			start_over(c);
		} else {
			quic_loss_forget(&c->loss, QUIC_PNS_APP);
		}
	}
	release(c);
	/* RFC 9001, 4.9.3 and 5.6 */
	quic_protect_drop(&c->prot, QUIC_LEVEL_EARLY);
}

void quic_early_installed(struct quic_conn *c, enum quic_level level, bool send)
{
	struct quic_early *e = &c->early;

	if (level == QUIC_LEVEL_EARLY) {
		e->state = c->server ? QUIC_EARLY_ACCEPTED : QUIC_EARLY_OFFERED;
		c->loss.early = !c->server;
	} else if (!c->server && level == QUIC_LEVEL_APP && send) {
		client_installed(c);
	} else if (c->server && level == QUIC_LEVEL_HANDSHAKE && e->state != QUIC_EARLY_ACCEPTED) {
		/* The ClientHello is known, and 0-RTT was not taken: what waits is of no use. */
		if (e->state == QUIC_EARLY_OFFERED)
			quic_rx_drop_level(c, QUIC_LEVEL_EARLY);
		e->state = QUIC_EARLY_REJECTED;
	}
}

bool quic_early_may_come(struct quic_conn *c)
{
	if (!c->server || c->early.state > QUIC_EARLY_OFFERED)
		return false;
	c->early.state = QUIC_EARLY_OFFERED;
	return true;
}

/* RFC 9001, 4.9.3: three PTO for those that were overtaken */
void quic_early_opened(struct quic_conn *c, u64 now)
{
	if (c->early.until == U64_MAX)
		c->early.until = now + 3 * quic_loss_pto(&c->loss);
}

void quic_early_timeout(struct quic_conn *c, u64 now)
{
	if (now < c->early.until)
		return;
	c->early.until = U64_MAX;
	quic_protect_drop(&c->prot, QUIC_LEVEL_EARLY);
}

bool quic_early_ack_ok(const struct quic_conn *c, u64 from)
{
	return c->server || c->early.state != QUIC_EARLY_REJECTED || from >= c->early.end_pn;
}
