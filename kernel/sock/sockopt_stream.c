// SPDX-License-Identifier: GPL-2.0
/* Options about streams: open, reset, stop; and which events are wanted. */
#include "file.h"
#include "sockopt.h"

/* May this call sleep? getsockopt() has no flags of its own. */
static long open_timeo(struct sock *sk, u32 flags)
{
	bool nonblock = flags & MSG_QUIC_STREAM_DONTWAIT;

	if (sk->sk_socket && sk->sk_socket->file)
		nonblock |= !!(sk->sk_socket->file->f_flags & O_NONBLOCK);
	return sock_sndtimeo(sk, nonblock);
}

struct quic_sock_stream *quic_sockopt_open(struct sock *sk, const struct quic_stream_info *info,
					   int *err)
{
	struct quic_sock *qs = quic_sk(sk);
	long timeo;

	*err = quic_sockopt_alive(qs);
	if (*err)
		return NULL;
	*err = -EINVAL;
	if (info->stream_id < -1 ||
	    (info->stream_flags & ~(MSG_QUIC_STREAM_UNI | MSG_QUIC_STREAM_DONTWAIT |
				    MSG_QUIC_STREAM_NEW)))
		return NULL;
	*err = -ENOTCONN;
	if (!qs->conn.peer_tp_set && !qs->conn.early.remembered)
		return NULL;
	timeo = open_timeo(sk, info->stream_flags);
	return quic_sock_stream_open(sk, info->stream_id, info->stream_flags & MSG_QUIC_STREAM_UNI,
				     &timeo, err);
}

static int open_get(struct sock *sk, void *val, u32 len)
{
	struct quic_stream_info *info = val;
	struct quic_sock_stream *s;
	int err;

	s = quic_sockopt_open(sk, info, &err);
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
	if (s) {
		quic_recvbuf_purge(sk, quic_sock_stream_of(s));
		quic_sock_stream_of(s)->read = quic_sock_stream_of(s)->tail;
		quic_file_wake(sk, quic_sock_stream_of(s), QUIC_WAKE_READ);
	}
	quic_sock_pump(sk);
	return 0;
}

static int accept_set(struct sock *sk, const void *val, u32 len)
{
	const u32 *on = val;
	int err;

	if (*on > 1)
		return -EINVAL;
	err = quic_file_accept_on(sk, *on);
	/* Streams given back may be over, and the peer may open others for them. */
	if (quic_sk(sk)->conn_live)
		quic_sock_pump(sk);
	return err;
}

static int accept_get(struct sock *sk, void *val, u32 len)
{
	u32 *on = val;

	*on = quic_sk(sk)->files && quic_sk(sk)->files->accept;
	return sizeof(*on);
}

static int status_get(struct sock *sk, void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_stream_status *st = val;
	const struct quic_sock_stream *s;
	const struct quic_stream *cs;

	if (!qs->conn_live)
		return -ENOTCONN;
	cs = st->stream_id < 0 ? NULL : quic_stream_find(&qs->conn, st->stream_id);
	if (!cs)
		return -EINVAL;
	s = quic_sock_stream_of((struct quic_stream *)cs);
	*st = (struct quic_stream_status){
		.stream_id = cs->id,
		.send_state = cs->tx.state,
		.recv_state = cs->rx.state,
		.flags = (cs->tx.exists ? QUIC_STREAM_STATUS_SENDS : 0) |
			 (cs->rx.exists ? QUIC_STREAM_STATUS_RECEIVES : 0) |
			 (s->file ? QUIC_STREAM_STATUS_FILE : 0) |
			 (s->stopped ? QUIC_STREAM_STATUS_STOPPED : 0) |
			 (cs->rx.reset ? QUIC_STREAM_STATUS_RESET : 0),
		.send_error = cs->tx.reset_code,
		.recv_error = cs->rx.reset_code,
		.final_size = cs->rx.final_size,
		.bytes_written = cs->tx.written + s->held_bytes,
		.bytes_acked = min(cs->tx.acked, s->released),
		.bytes_received = cs->rx.contig,
		.bytes_read = s->read,
		.max_data_remote = cs->tx.max,
	};
	return sizeof(*st);
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

static int priority_set(struct sock *sk, const void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	const struct quic_stream_priority *p = val;
	struct quic_stream *s;
	int err = quic_sockopt_alive(qs);

	if (err)
		return err;
	if (p->urgency > QUIC_STREAM_URGENCY_MAX || p->incremental > 1 ||
	    len < offsetofend(struct quic_stream_priority, incremental))
		return -EINVAL;
	s = p->stream_id < 0 ? NULL : quic_stream_find(&qs->conn, p->stream_id);
	return s ? quic_sched_set(&qs->conn, s, p->urgency, p->incremental) : -EINVAL;
}

static int priority_get(struct sock *sk, void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_stream_priority *p = val;
	const struct quic_stream *s;

	if (!qs->conn_live)
		return -ENOTCONN;
	s = p->stream_id < 0 ? NULL : quic_stream_find(&qs->conn, p->stream_id);
	if (!s)
		return -EINVAL;
	*p = (struct quic_stream_priority){ .stream_id = s->id, .urgency = s->urgency,
					    .incremental = !s->sequential };
	return sizeof(*p);
}

const struct quic_sockopt quic_sockopts_stream[] = {
	{ QUIC_SOCKOPT_EVENT, 1, sizeof(struct quic_event_option), false, event_set, event_get },
	{ QUIC_SOCKOPT_STREAM_OPEN, 8, sizeof(struct quic_stream_info), false, NULL, open_get },
	{ QUIC_SOCKOPT_STREAM_RESET, 8, sizeof(struct quic_errinfo), false, reset_set, NULL,
	  QUIC_SOCKOPT_STREAM },
	{ QUIC_SOCKOPT_STREAM_STOP_SENDING, 8, sizeof(struct quic_errinfo), false, stop_set,
	  NULL, QUIC_SOCKOPT_STREAM },
	{ QUIC_SOCKOPT_STREAM_RESET_AT, 8, sizeof(struct quic_stream_reset_at), false,
	  reset_at_set, NULL, QUIC_SOCKOPT_STREAM },
	{ QUIC_SOCKOPT_STREAM_ACCEPT, 4, sizeof(u32), false, accept_set, accept_get },
	{ QUIC_SOCKOPT_STREAM_STATUS, 8, sizeof(struct quic_stream_status), false, NULL,
	  status_get, QUIC_SOCKOPT_STREAM },
	{ QUIC_SOCKOPT_STREAM_PRIORITY, 8, sizeof(struct quic_stream_priority), false,
	  priority_set, priority_get, QUIC_SOCKOPT_STREAM },
};

const unsigned int quic_sockopts_stream_n = ARRAY_SIZE(quic_sockopts_stream);
