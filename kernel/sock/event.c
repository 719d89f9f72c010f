// SPDX-License-Identifier: GPL-2.0
/*
 * Events: one byte of type and the payload behind it, as messages in the ready
 * queue. Off until option 0 turns them on. One that finds no memory is lost;
 * events are hints, what they tell can be asked for.
 */
#include "sock.h"

bool quic_event_wanted(const struct sock *sk, u8 type)
{
	return quic_sk(sk)->events & BIT(type) && !sock_flag(sk, SOCK_DEAD);
}

void quic_event_put(struct sock *sk, u8 type, const void *payload, u32 len)
{
	struct quic_msg *m;

	if (!quic_event_wanted(sk, type))
		return;
	m = quic_msg_new(sk, QUIC_ITEM_EVENT, len + 1);
	if (!m)
		return;
	m->data[0] = type;
	memcpy(m->data + 1, payload, len);
	quic_msg_queue(sk, m);
}

void quic_event_stream(struct sock *sk, struct quic_sock_stream *s, u8 state)
{
	struct quic_stream_update ev = { .id = s->core.id, .state = state };

	switch (state) {
	case QUIC_STREAM_SEND_STATE_RESET_SENT:
	case QUIC_STREAM_SEND_STATE_RESET_RECVD:
		ev.errcode = s->core.tx.reset_code;
		break;
	case QUIC_STREAM_RECV_STATE_RESET_RECVD:
		ev.errcode = s->core.rx.reset_code;
		fallthrough;
	case QUIC_STREAM_RECV_STATE_SIZE_KNOWN:
	case QUIC_STREAM_RECV_STATE_RECVD:
		ev.finalsz = s->core.rx.final_size;
		break;
	}
	quic_event_put(sk, QUIC_EVENT_STREAM_UPDATE, &ev, sizeof(ev));
}

void quic_event_fill_close(const struct quic_sock *qs, struct quic_connection_close *cl)
{
	const struct quic_close_info *ci = &qs->conn.close;

	memset(cl, 0, sizeof(*cl));
	cl->errcode = min_t(u64, ci->code, U32_MAX);
	cl->frame = min_t(u64, ci->frame_type, U8_MAX);
	memcpy(cl->phrase, ci->reason, min_t(u32, ci->reason_len, sizeof(cl->phrase) - 1));
}

void quic_event_close(struct sock *sk)
{
	struct quic_connection_close cl;

	quic_event_fill_close(quic_sk(sk), &cl);
	quic_event_put(sk, QUIC_EVENT_CONNECTION_CLOSE, &cl, sizeof(cl));
}
