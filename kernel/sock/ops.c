// SPDX-License-Identifier: GPL-2.0
/*
 * What the core calls: struct quic_conn_ops over a socket. Everything runs
 * under the socket lock, in softirq as often as not; whom to wake is noted and
 * done at the end of the train (rx.c).
 */
#include <linux/random.h>

#include "file.h"

static struct sock *sk_of(struct quic_conn *c)
{
	return quic_sock_sk(quic_sock_of(c));
}

/* --- streams --- */

static struct quic_stream *stream_alloc(struct quic_conn *c, gfp_t gfp)
{
	struct sock *sk = sk_of(c);
	struct quic_sock_stream *s;

	/* The peer opens them as it likes, up to our limit. Reading makes none of it free again. */
	if (!quic_recvbuf_charge_fixed(sk, sizeof(*s)))
		return NULL;
	s = kmem_cache_zalloc(quic_stream_cache, gfp);
	if (!s) {
		sk_mem_uncharge(sk, sizeof(*s));
		return NULL;
	}
	INIT_LIST_HEAD(&s->item.list);
	s->item.kind = QUIC_ITEM_STREAM;
	INIT_LIST_HEAD(&s->rcvq);
	s->ooo = RB_ROOT;
	INIT_LIST_HEAD(&s->sndq);
	INIT_LIST_HEAD(&s->held);
	/* Nothing of ours outlives both final states: stream_free() takes back all there is. */
	s->core.released = true;
	return &s->core;
}

static void stream_free(struct quic_conn *c, struct quic_stream *cs)
{
	struct quic_sock_stream *s = quic_sock_stream_of(cs);
	struct sock *sk = sk_of(c);

	WARN_ON_ONCE(s->file);
	quic_recvbuf_purge(sk, s);
	list_del_init(&s->item.list);
	quic_sendbuf_purge(sk, s);
	kmem_cache_free(quic_stream_cache, s);
	sk_mem_uncharge(sk, sizeof(*s));
}

static int stream_data(struct quic_conn *c, struct quic_stream *s, u64 off, const u8 *data,
		       u32 len)
{
	return quic_recvbuf_add(sk_of(c), quic_sock_stream_of(s), off, data, len);
}

static void stream_contig(struct quic_conn *c, struct quic_stream *s)
{
	quic_recvbuf_contig(sk_of(c), quic_sock_stream_of(s));
}

static void stream_fin(struct sock *sk, struct quic_sock_stream *s)
{
	if (quic_file_unread(sk, s)) {
		quic_stream_read_end(&quic_sk(sk)->conn, &s->core);
		return;
	}
	s->fin_ready = true;
	quic_recvbuf_queue_stream(sk, s);
	quic_event_stream(sk, s, QUIC_STREAM_RECV_STATE_RECVD);
}

static void stream_reset(struct sock *sk, struct quic_sock_stream *s)
{
	bool read = s->core.rx.readable > s->read && !quic_file_unread(sk, s);

	if (read)
		quic_recvbuf_drop_ooo(sk, s);
	else
		quic_recvbuf_purge(sk, s);
	/* The event is all the application learns of the reset; it follows what may be read. */
	quic_event_stream(sk, s, QUIC_STREAM_RECV_STATE_RESET_RECVD);
	s->reset_ready = read;
	/* Who waits for more than what he has got of it (MSG_WAITALL) waits in vain. */
	quic_sk(sk)->wake |= QUIC_WAKE_READ;
	quic_file_wake(sk, s, QUIC_WAKE_READ | QUIC_WAKE_STATE);
	if (!read)
		quic_stream_read_end(&quic_sk(sk)->conn, &s->core);
}

static void stream_max_data(struct sock *sk, struct quic_sock_stream *s)
{
	struct quic_stream_max_data ev = { .id = s->core.id, .max_data = s->core.tx.max };

	quic_sk(sk)->wake |= QUIC_WAKE_WRITE;
	quic_file_wake(sk, s, QUIC_WAKE_WRITE);
	if (!s->want_max_data)
		return;
	s->want_max_data = false;
	quic_event_put(sk, QUIC_EVENT_STREAM_MAX_DATA, &ev, sizeof(ev));
}

static void stream_event(struct quic_conn *c, struct quic_stream *cs, enum quic_stream_event ev)
{
	struct quic_sock_stream *s = quic_sock_stream_of(cs);
	struct sock *sk = sk_of(c);

	switch (ev) {
	case QUIC_SEV_OPENED:
		quic_file_opened(sk, s);
		break;
	case QUIC_SEV_SIZE_KNOWN:
		quic_event_stream(sk, s, QUIC_STREAM_RECV_STATE_SIZE_KNOWN);
		break;
	case QUIC_SEV_FIN:
		stream_fin(sk, s);
		break;
	case QUIC_SEV_RESET:
		stream_reset(sk, s);
		break;
	case QUIC_SEV_STOPPED:
		s->stopped = true;
		quic_event_stream(sk, s, QUIC_STREAM_SEND_STATE_RESET_SENT);
		quic_sk(sk)->wake |= QUIC_WAKE_WRITE;
		quic_file_wake(sk, s, QUIC_WAKE_WRITE | QUIC_WAKE_STATE);
		break;
	case QUIC_SEV_MAX_DATA:
		stream_max_data(sk, s);
		break;
	case QUIC_SEV_SENT_ALL:
		quic_event_stream(sk, s, cs->tx.state);
		quic_file_wake(sk, s, QUIC_WAKE_STATE);
		break;
	}
}

static void stream_acked(struct quic_conn *c, struct quic_stream *s)
{
	quic_sendbuf_acked(sk_of(c), quic_sock_stream_of(s), s->tx.acked);
}

static unsigned int stream_vecs(struct quic_conn *c, struct quic_stream *s, u64 off, u32 len,
				struct quic_vec *v, unsigned int max)
{
	return quic_sendbuf_vecs(quic_sock_stream_of(s), off, len, v, max);
}

static void stream_copy(struct quic_conn *c, struct quic_stream *s, u64 off, u32 len, u8 *to)
{
	quic_sendbuf_copy(quic_sock_stream_of(s), off, len, to);
}

/* --- the connection --- */

static void datagram(struct quic_conn *c, const u8 *data, u32 len)
{
	quic_sock_datagram_rx(sk_of(c), data, len);
}

static void datagram_done(struct quic_conn *c, struct quic_datagram *d)
{
	quic_sock_datagram_done(sk_of(c), d);
}

static int crypto_data(struct quic_conn *c, enum quic_level level, const u8 *data, u32 len)
{
	return quic_msg_crypto(sk_of(c), level, data, len);
}

static u8 *rx_buf(struct quic_conn *c, u32 len)
{
	return quic_train_alloc(sk_of(c), len);
}

static int cid_add(struct quic_conn *c, const struct quic_cid *cid)
{
	return quic_demux_add(sock_net(sk_of(c)), cid, sk_of(c));
}

static void cid_del(struct quic_conn *c, const struct quic_cid *cid)
{
	quic_demux_del(sock_net(sk_of(c)), cid, sk_of(c));
}

static int path_new(struct quic_conn *c, u8 slot)
{
	return quic_sock_path_new(sk_of(c), slot);
}

static void path_del(struct quic_conn *c, u8 slot)
{
	quic_sock_path_del(sk_of(c), slot);
}

static void reset_token(struct quic_conn *c, const struct quic_cid *cid, u8 *token)
{
	quic_net_reset_token(sock_net(sk_of(c)), cid, token);
}

static void random(void *buf, u32 len)
{
	get_random_bytes(buf, len);
}

static void established(struct sock *sk)
{
	WRITE_ONCE(sk->sk_state, TCP_ESTABLISHED);
	quic_sk(sk)->wake |= QUIC_WAKE_STATE | QUIC_WAKE_EACH | QUIC_WAKE_WRITE;
	/* 0-RTT data waited for this. */
	if (!list_empty(&quic_sk(sk)->ready))
		quic_sk(sk)->wake |= QUIC_WAKE_READ;
}

static void max_streams(struct sock *sk, bool uni)
{
	const struct quic_conn *c = &quic_sk(sk)->conn;
	u64 v = c->streams.kind[uni].local_max << 2 | (uni ? QUIC_STREAM_TYPE_UNI_MASK : 0) |
		(c->server ? QUIC_STREAM_TYPE_SERVER_MASK : 0);

	quic_event_put(sk, QUIC_EVENT_STREAM_MAX_STREAM, &v, sizeof(v));
	/* Those who wait to open one sleep without asking whether there is room to write. */
	quic_sk(sk)->wake |= QUIC_WAKE_STATE | QUIC_WAKE_WRITE;
}

static void cids_changed(struct sock *sk, bool dest)
{
	const struct quic_conn *c = &quic_sk(sk)->conn;
	const struct quic_cids *d = &c->cids;
	struct quic_connection_id_info ev = {};
	u64 least = U64_MAX;
	unsigned int i;

	for (i = 0; !dest && i < quic_cid_locals(d); i++)
		if (quic_cid_local_at(d, i)->used)
			least = min(least, quic_cid_local_at(d, i)->seq);
	for (i = 0; dest && i < quic_cid_remotes(d); i++)
		if (quic_cid_remote_at(d, i)->used)
			least = min(least, quic_cid_remote_at(d, i)->seq);
	if (least == U64_MAX)
		return;
	ev.dest = dest;
	ev.active = dest ? quic_cid_remote_at(d, c->path->cid)->seq : least;
	ev.prior_to = least;
	quic_event_put(sk, QUIC_EVENT_CONNECTION_ID, &ev, sizeof(ev));
}

int quic_sock_new_token(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	u8 token[QUIC_TOKEN_LEN];
	int err;

	err = quic_net_token_new(sock_net(sk), QUIC_TOKEN_NEW, &qs->peer.remote, NULL,
				 qs->conn.version, token);
	return err ?: quic_conn_set_token(&qs->conn, token, sizeof(token));
}

static void confirmed(struct sock *sk)
{
	quic_sk(sk)->wake |= QUIC_WAKE_STATE;
	/* Without memory the client does without. */
	if (quic_sk(sk)->conn.server)
		quic_sock_new_token(sk);
	else
		quic_sock_confirmed_client(sk);
}

static void conn_event(struct quic_conn *c, enum quic_conn_event ev, u64 arg)
{
	struct sock *sk = sk_of(c);
	u8 phase = arg;

	switch (ev) {
	case QUIC_CEV_ESTABLISHED:
		established(sk);
		if (c->confirmed && !c->server)
			quic_sock_confirmed_client(sk);
		break;
	case QUIC_CEV_CONFIRMED:
		confirmed(sk);
		kfree(quic_sk(sk)->tp);
		quic_sk(sk)->tp = NULL;
		break;
	case QUIC_CEV_CLOSED:
		quic_sock_closed(sk);
		break;
	case QUIC_CEV_MAX_STREAMS:
		max_streams(sk, arg);
		break;
	case QUIC_CEV_MAX_DATA:
		quic_sk(sk)->wake |= QUIC_WAKE_WRITE;
		break;
	case QUIC_CEV_KEY_UPDATE:
		quic_event_put(sk, QUIC_EVENT_KEY_UPDATE, &phase, sizeof(phase));
		break;
	case QUIC_CEV_CID:
		cids_changed(sk, arg);
		break;
	case QUIC_CEV_PREPARE_KEYS:
		quic_sock_queue_work(sk, QUIC_CHORE_KEYS);
		break;
	case QUIC_CEV_MIGRATED:
		quic_sock_migrated(sk, arg);
		break;
	case QUIC_CEV_PATH_VALID:
		/* RFC 9000, 9.3: a token for the new address; without memory none */
		if (c->server)
			quic_sock_new_token(sk);
		break;
	case QUIC_CEV_RETRY:
		quic_sock_queue_work(sk, QUIC_CHORE_RETRY);
		break;
	case QUIC_CEV_VERSION:
		quic_sock_queue_work(sk, QUIC_CHORE_VERSION);
		break;
	case QUIC_CEV_RESTART:
		WRITE_ONCE(quic_sk(sk)->tls_stale, true);
		quic_sk(sk)->wake |= QUIC_WAKE_STATE | QUIC_WAKE_READ;
		break;
	}
}

/* NEW_TOKEN: kept for option 10, where a client fetches it for the next connection */
static void new_token(struct quic_conn *c, const u8 *token, u32 len)
{
	struct sock *sk = sk_of(c);
	struct quic_sock *qs = quic_sk(sk);
	u8 *copy;

	if (len > QUIC_TOKEN_MAX)
		return;
	copy = kmemdup(token, len, GFP_ATOMIC | __GFP_NOWARN);
	if (copy) {
		kfree(qs->token);
		qs->token = copy;
		qs->token_len = len;
	}
	quic_event_put(sk, QUIC_EVENT_NEW_TOKEN, token, len);
}

const struct quic_conn_ops quic_sock_conn_ops = {
	.stream_alloc	= stream_alloc,
	.stream_free	= stream_free,
	.stream_data	= stream_data,
	.stream_contig	= stream_contig,
	.stream_event	= stream_event,
	.stream_acked	= stream_acked,
	.stream_vecs	= stream_vecs,
	.stream_copy	= stream_copy,
	.datagram	= datagram,
	.datagram_done	= datagram_done,
	.crypto_data	= crypto_data,
	.rx_buf		= rx_buf,
	.cid_add	= cid_add,
	.cid_del	= cid_del,
	.path_new	= path_new,
	.path_del	= path_del,
	.reset_token	= reset_token,
	.random		= random,
	.event		= conn_event,
	.token		= new_token,
};
