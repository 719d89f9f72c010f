// SPDX-License-Identifier: GPL-2.0
/*
 * Options of the handshake, for whoever runs TLS: secrets in, transport
 * parameters as the TLS extension both ways, tokens, tickets.
 */
#include <linux/random.h>

#include "file.h"
#include "sockopt.h"

#define TP_EXT_GET_MAX	256	/* what programs reserve for our parameters */
#define TP_EXT_SET_MAX	4096	/* most we take of a peer's */

static bool secret_allowed(const struct quic_conn *c, const struct quic_crypto_secret *s)
{
	/* A client seals 0-RTT packets, a server opens them (RFC 9001, 4.1). */
	if (s->level == QUIC_CRYPTO_EARLY)
		return c->server == !s->send;
	return s->level == QUIC_CRYPTO_APP || s->level == QUIC_CRYPTO_HANDSHAKE;
}

/*
 * RFC 9001, 4.1.3: TLS goes on to another level, and bytes of the one before wait here that it has
 * not read. (Those that wait for others are the core's to look for.)
 */
static bool left_unread(const struct quic_sock *qs, const struct quic_crypto_secret *s)
{
	if (s->send || s->level == QUIC_CRYPTO_EARLY || !qs->last_tls ||
	    quic_protect_can_recv(&qs->conn.prot, s->level))
		return false;
	return s->level == QUIC_CRYPTO_APP || qs->last_tls->level == QUIC_CRYPTO_INITIAL;
}

static int install(struct quic_sock *qs, const struct quic_crypto_secret *s, u32 len)
{
	u64 now = ktime_get_ns();

	if (left_unread(qs, s)) {
		quic_conn_fail(&qs->conn, QUIC_ERR_PROTOCOL_VIOLATION, QUIC_FT_CRYPTO, now);
		return -EPROTO;
	}
	return quic_conn_install(&qs->conn, s->level, s->send, s->type, s->secret, len, now);
}

static int secret_set(struct sock *sk, const void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	const struct quic_crypto_secret *s = val;
	u32 need = s->type == QUIC_CIPHER_AES_GCM_256 ? 48 : 32;
	int err = quic_sockopt_alive(qs);

	if (err)
		return err;
	if (s->send > 1 || !secret_allowed(&qs->conn, s) ||
	    s->type < QUIC_CIPHER_AES_GCM_128 || s->type > QUIC_CIPHER_CHACHA20_POLY1305 ||
	    len < offsetof(struct quic_crypto_secret, secret) + need)
		return -EINVAL;
	/* Packets that waited for this key are opened in the call, and need where to. */
	qs->cur = quic_train_new(sk, QUIC_BURST_MAX, qs->conn.held_bytes);
	if (!qs->cur)
		return -ENOMEM;
	err = install(qs, s, need);
	quic_recvbuf_train_done(sk, xchg(&qs->cur, NULL));
	/* Limits may be lower than those remembered for 0-RTT. */
	if (qs->conn.early.state == QUIC_EARLY_REJECTED && !qs->conn.server)
		quic_sendbuf_recount(sk);
	quic_sock_pump(sk);
	return err == -EEXIST || err == -EPROTO ? -EINVAL : err;
}

static int tp_ext_get(struct sock *sk, void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	int err = quic_sockopt_alive(qs);

	if (err)
		return err;
	/* Whoever asks begins a ClientHello with them. */
	WRITE_ONCE(qs->tls_stale, false);
	err = quic_conn_local_params(&qs->conn, val, TP_EXT_GET_MAX);
	/* Half an extension is of no use. */
	if (err == -EMSGSIZE || err > (int)len)
		return -EINVAL;
	return err;
}

static int tp_ext_set(struct sock *sk, const void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	int err = quic_sockopt_alive(qs);

	if (err)
		return err;
	err = quic_conn_remote_params(&qs->conn, val, len, ktime_get_ns());
	quic_sock_pump(sk);
	return err == -EPROTO ? -EINVAL : err;
}

static bool is_server(const struct quic_sock *qs)
{
	return qs->listener || (qs->conn_live && qs->conn.server);
}

/* --- 0-RTT --- */

static int early_set(struct sock *sk, const void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	u32 on = *(const u32 *)val;
	int err = 0;

	if (on > 1)
		return -EINVAL;
	if (!qs->conn_live || qs->conn.server) {
		qs->early_now = on;
		/* What waited may be read now. */
		if (quic_sock_first_item(qs) || quic_file_accept_ready(qs))
			sk->sk_data_ready(sk);
		return 0;
	}
	err = quic_sockopt_alive(qs);
	if (err)
		return err;
	err = quic_early_verdict(&qs->conn, on, ktime_get_ns());
	quic_sendbuf_recount(sk);
	quic_sock_pump(sk);
	return err == -EPROTO ? -EINVAL : err;
}

static int early_get(struct sock *sk, void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);

	BUILD_BUG_ON(QUIC_EARLY_DATA_REJECTED != (int)QUIC_EARLY_REJECTED);
	*(u32 *)val = qs->conn_live ? qs->conn.early.state : QUIC_EARLY_DATA_NONE;
	return sizeof(u32);
}

/* --- address validation tokens --- */

/* Server: one more, also when the first is still on its way. */
static int token_send(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	int err = quic_sockopt_alive(qs);

	if (err)
		return err;
	/* RFC 9000, 8.1.3: in 1-RTT packets; the first goes with the end of the handshake. */
	if (!qs->conn.confirmed)
		return -EINVAL;
	err = quic_sock_new_token(sk);
	quic_sock_pump(sk);
	return err;
}

/* Did an Initial packet leave? */
static bool begun(const struct quic_loss *l)
{
	return quic_loss_discarded(l, QUIC_PNS_INITIAL) ||
	       quic_loss_space(l, QUIC_PNS_INITIAL)->sent.next;
}

static int token_set(struct sock *sk, const void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	u8 *copy;

	if (is_server(qs))
		return token_send(sk);
	if (!len || (qs->conn_live && begun(&qs->conn.loss)))
		return -EINVAL;
	copy = kmemdup(val, len, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	kfree(qs->token);
	qs->token = copy;
	qs->token_len = len;
	if (!qs->conn_live)
		return 0;
	return quic_conn_set_token(&qs->conn, qs->token, qs->token_len);
}

static int token_get(struct sock *sk, void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);

	if (is_server(qs))
		return -EINVAL;
	if (qs->token_len)
		memcpy(val, qs->token, qs->token_len);
	return qs->token_len;
}

/* --- session tickets --- */

static int ticket_key(struct quic_sock *qs)
{
	if (qs->ticket)
		return 0;
	qs->ticket = kmalloc(QUIC_TICKET_KEY_SIZE, GFP_KERNEL);
	if (!qs->ticket)
		return -ENOMEM;
	get_random_bytes(qs->ticket, QUIC_TICKET_KEY_SIZE);
	qs->ticket_len = QUIC_TICKET_KEY_SIZE;
	return 0;
}

static int ticket_set(struct sock *sk, const void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	u8 *copy;

	if (!len || is_server(qs))
		return -EINVAL;
	copy = kmemdup(val, len, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	kfree_sensitive(qs->ticket);
	qs->ticket = copy;
	qs->ticket_len = len;
	return 0;
}

static int ticket_get(struct sock *sk, void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	int err;

	if (is_server(qs)) {
		err = ticket_key(qs);
		if (err)
			return err;
	}
	if (qs->ticket_len)
		memcpy(val, qs->ticket, qs->ticket_len);
	return qs->ticket_len;
}

int quic_sockopt_inherit(struct quic_sock *child, const struct quic_sock *parent)
{
	if (parent->alpn_len) {
		child->alpn = kmemdup(parent->alpn, parent->alpn_len, GFP_KERNEL_ACCOUNT);
		if (!child->alpn)
			return -ENOMEM;
		child->alpn_len = parent->alpn_len;
	}
	child->events = parent->events;
	*child->tp = *parent->tp;
	child->tp_given = parent->tp_given;
	child->config = parent->config;
	child->versions = parent->versions;
	child->cc = parent->cc;
	child->early_now = parent->early_now;
	/* One key seals the tickets of all connections of a listener; no memory: no resumption. */
	if (!ticket_key((struct quic_sock *)parent))
		child->ticket = kmemdup(parent->ticket, parent->ticket_len, GFP_KERNEL);
	if (child->ticket)
		child->ticket_len = parent->ticket_len;
	return 0;
}

const struct quic_sockopt quic_sockopts_tls[] = {
	{ QUIC_SOCKOPT_TOKEN, 0, QUIC_TOKEN_MAX, true, token_set, token_get },
	{ QUIC_SOCKOPT_SESSION_TICKET, 0, QUIC_TICKET_MAX, true, ticket_set, ticket_get },
	{ QUIC_SOCKOPT_EARLY_DATA, 4, sizeof(u32), false, early_set, early_get },
	{ QUIC_SOCKOPT_CRYPTO_SECRET, 8, sizeof(struct quic_crypto_secret), false, secret_set,
	  NULL },
	{ QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, 1, TP_EXT_SET_MAX, true, tp_ext_set, tp_ext_get },
};

const unsigned int quic_sockopts_tls_n = ARRAY_SIZE(quic_sockopts_tls);
