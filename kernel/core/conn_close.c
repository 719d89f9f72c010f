// SPDX-License-Identifier: GPL-2.0
/*
 * How a connection ends (RFC 9000, 10): closing, draining, idle timeout.
 *
 * HANDSHAKE, ESTABLISHED -> CLOSING  (we close)    -> CLOSED after 3 PTO
 *                        -> DRAINING (peer closed) -> CLOSED after 3 PTO
 *                        -> CLOSED   (idle timeout, nothing is said)
 * The first reason to end is the one that is reported.
 */
#include "conn.h"
#include "rx.h"

static void ended(struct quic_conn *c)
{
	c->idle_at = U64_MAX;
	quic_rx_drop_held(c);
	c->ops->event(c, QUIC_CEV_CLOSED, 0);
}

void quic_conn_close_reset(struct quic_close_info *ci)
{
	kfree(ci->reason);
	memset(ci, 0, sizeof(*ci));
}

void quic_conn_close_reason(struct quic_close_info *ci, const u8 *reason, u32 len)
{
	len = min_t(u32, len, QUIC_CLOSE_REASON_MAX);
	ci->reason = len ? kmemdup(reason, len, GFP_ATOMIC | __GFP_NOWARN) : NULL;
	ci->reason_len = ci->reason ? len : 0;
}

void quic_conn_close(struct quic_conn *c, bool app, u64 code, u64 frame_type,
		     const u8 *reason, u32 len, u64 now)
{
	struct quic_close_info *ci = &c->close;

	if (c->state > QUIC_CONN_ESTABLISHED)
		return;
	quic_conn_close_reset(ci);
	ci->app = app;
	ci->code = code;
	ci->frame_type = frame_type;
	quic_conn_close_reason(ci, reason, len);
	c->state = QUIC_CONN_CLOSING;
	c->close_wanted = true;
	c->close_rx = 0;
	c->close_next = 1;
	c->close_until = now + 3 * quic_loss_pto(&c->loss);
	ended(c);
}

void quic_conn_fail(struct quic_conn *c, u64 err, u64 frame_type, u64 now)
{
	if (err && err != QUIC_RX_DROP)
		quic_conn_close(c, false, err, frame_type, NULL, 0, now);
}

void quic_conn_close_rx(struct quic_conn *c)
{
	if (c->state != QUIC_CONN_CLOSING)
		return;
	if (++c->close_rx < c->close_next)
		return;
	c->close_next *= 2;
	c->close_rx = 0;
	c->close_wanted = true;
}

void quic_conn_enter_draining(struct quic_conn *c, u64 now)
{
	bool first = c->state <= QUIC_CONN_ESTABLISHED;

	if (c->state >= QUIC_CONN_DRAINING)
		return;
	c->state = QUIC_CONN_DRAINING;
	c->close_wanted = false;
	if (!first)
		return;
	c->close_until = now + 3 * quic_loss_pto(&c->loss);
	ended(c);
}

void quic_conn_set_closed(struct quic_conn *c)
{
	bool first = c->state <= QUIC_CONN_ESTABLISHED;

	if (c->state == QUIC_CONN_CLOSED)
		return;
	c->state = QUIC_CONN_CLOSED;
	c->close_wanted = false;
	c->close_until = U64_MAX;
	if (first) {
		quic_conn_close_reset(&c->close);
		c->close.silent = true;
		ended(c);
	}
}
