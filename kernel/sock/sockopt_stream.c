// SPDX-License-Identifier: GPL-2.0
/* Options about streams: open, reset, stop; and which events are wanted. */
#include "sockopt.h"

/* May this call sleep? getsockopt() has no flags of its own. */
static long open_timeo(struct sock *sk, u32 flags)
{
	bool nonblock = flags & MSG_QUIC_STREAM_DONTWAIT;

	if (sk->sk_socket && sk->sk_socket->file)
		nonblock |= !!(sk->sk_socket->file->f_flags & O_NONBLOCK);
	return sock_sndtimeo(sk, nonblock);
}

static int open_get(struct sock *sk, void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_stream_info *info = val;
	struct quic_sock_stream *s;
	long timeo;
	int err = quic_sockopt_alive(qs);

	if (err)
		return err;
	if (len < sizeof(info->stream_id) || info->stream_id < -1 ||
	    (info->stream_flags & ~(MSG_QUIC_STREAM_UNI | MSG_QUIC_STREAM_DONTWAIT |
				    MSG_QUIC_STREAM_NEW)))
		return -EINVAL;
	if (!qs->conn.peer_tp_set && !qs->conn.early.remembered)
		return -ENOTCONN;
	timeo = open_timeo(sk, info->stream_flags);
	s = quic_sock_stream_open(sk, info->stream_id, info->stream_flags & MSG_QUIC_STREAM_UNI,
				  &timeo, &err);
	if (!s)
		return err;
	info->stream_id = s->core.id;
	return sizeof(*info);
}

static int reset_set(struct sock *sk, const void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	const struct quic_errinfo *info = val;
	struct quic_stream *s;
	int err = quic_sockopt_alive(qs);

	if (err)
		return err;
	s = info->stream_id < 0 ? NULL : quic_stream_find(&qs->conn, info->stream_id);
	if (!s || !s->tx.exists)
		return -EINVAL;
	err = quic_stream_reset(&qs->conn, s, info->errcode);
	quic_sock_pump(sk);
	return err;
}

static int reset_at_set(struct sock *sk, const void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	const struct quic_stream_reset_at *r = val;
	struct quic_sock_stream *s;
	struct quic_stream *cs;
	int err = quic_sockopt_alive(qs);
	u64 end, counted;

	if (err)
		return err;
	cs = r->stream_id < 0 ? NULL : quic_stream_find(&qs->conn, r->stream_id);
	if (!cs || !cs->tx.exists)
		return -EINVAL;
	/* What was written counts, sent or held. */
	quic_sendbuf_commit(sk);
	s = quic_sock_stream_of(cs);
	end = cs->tx.written;
	counted = quic_sendbuf_end(s);
	err = quic_stream_reset_at(&qs->conn, cs, r->errcode, r->reliable_size);
	if (!err)
		quic_sendbuf_cut(sk, s, end, counted);
	quic_sock_pump(sk);
	return err;
}

static int stop_set(struct sock *sk, const void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	const struct quic_errinfo *info = val;
	struct quic_stream *s;
	int err = quic_sockopt_alive(qs);

	if (err)
		return err;
	s = info->stream_id < 0 ? NULL : quic_stream_find(&qs->conn, info->stream_id);
	if (!s)
		return -EINVAL;
	err = quic_stream_stop(&qs->conn, s, info->errcode);
	if (err)
		return err;
	/* With its size known already the stream may be gone now. */
	s = quic_stream_find(&qs->conn, info->stream_id);
	if (s)
		quic_recvbuf_purge(sk, quic_sock_stream_of(s));
	quic_sock_pump(sk);
	return 0;
}

static int event_set(struct sock *sk, const void *val, u32 len)
{
	const struct quic_event_option *e = val;

	if (e->type == QUIC_EVENT_NONE || e->type >= QUIC_EVENT_MAX)
		return -EINVAL;
	if (e->on)
		quic_sk(sk)->events |= BIT(e->type);
	else
		quic_sk(sk)->events &= ~BIT(e->type);
	return 0;
}

static int event_get(struct sock *sk, void *val, u32 len)
{
	struct quic_event_option *e = val;

	if (e->type == QUIC_EVENT_NONE || e->type >= QUIC_EVENT_MAX)
		return -EINVAL;
	e->on = !!(quic_sk(sk)->events & BIT(e->type));
	return sizeof(*e);
}

const struct quic_sockopt quic_sockopts_stream[] = {
	{ QUIC_SOCKOPT_EVENT, 1, sizeof(struct quic_event_option), false, event_set, event_get },
	{ QUIC_SOCKOPT_STREAM_OPEN, 8, sizeof(struct quic_stream_info), false, NULL, open_get },
	{ QUIC_SOCKOPT_STREAM_RESET, 8, sizeof(struct quic_errinfo), false, reset_set, NULL },
	{ QUIC_SOCKOPT_STREAM_STOP_SENDING, 8, sizeof(struct quic_errinfo), false, stop_set,
	  NULL },
	{ QUIC_SOCKOPT_STREAM_RESET_AT, 8, sizeof(struct quic_stream_reset_at), false,
	  reset_at_set, NULL },
};

const unsigned int quic_sockopts_stream_n = ARRAY_SIZE(quic_sockopts_stream);
