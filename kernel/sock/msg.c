// SPDX-License-Identifier: GPL-2.0
/*
 * Messages in the ready queue with bytes of their own: TLS messages and events. Each is charged
 * to sk_rmem_alloc until read.
 *
 * During the handshake TLS bytes wait for recvmsg() in the order they came,
 * ahead of stream data. After it a server sends NewSessionTicket and nobody
 * anything else (RFC 9001, 4.4, 4.6 and 6): a client gathers the message and
 * keeps the last one for option 12.
 */
#include "../core/tls.h"
#include "sock.h"

#define TLS_HEADER		4	/* RFC 8446, 4: type and 24-bit length */
#define TLS_NEW_SESSION_TICKET	4
#define TLS_CERTIFICATE_REQUEST	13
#define TLS_UNEXPECTED_MESSAGE	10	/* alert; RFC 8446, 6 */
#define TLS_QUEUED_MAX		(4 * QUIC_CRYPTO_BUF_MAX)	/* memory of unread ones, bytes */

struct quic_msg *quic_msg_new(struct sock *sk, u8 kind, u32 len)
{
	u32 size = sizeof(struct quic_msg) + len;
	struct quic_msg *m;

	if (!quic_recvbuf_room(sk) || !quic_recvbuf_charge(sk, size))
		return NULL;
	m = kmalloc(size, GFP_ATOMIC | __GFP_NOWARN);
	if (!m) {
		quic_recvbuf_uncharge(sk, size);
		return NULL;
	}
	INIT_LIST_HEAD(&m->item.list);
	m->item.kind = kind;
	m->len = len;
	m->off = 0;
	m->level = 0;
	m->charged = size;
	return m;
}

void quic_msg_free(struct sock *sk, struct quic_msg *m)
{
	struct quic_sock *qs = quic_sk(sk);

	if (!list_empty(&m->item.list)) {
		list_del(&m->item.list);
		qs->nmsgs--;
		if (m->item.kind == QUIC_ITEM_TLS)
			qs->tls_queued -= m->charged;
	}
	/* They are read from the front: none is before the last one. */
	if (qs->last_tls == m)
		qs->last_tls = NULL;
	quic_recvbuf_uncharge(sk, m->charged);
	kfree(m);
}

void quic_msg_queue(struct sock *sk, struct quic_msg *m)
{
	struct quic_sock *qs = quic_sk(sk);

	if (m->item.kind == QUIC_ITEM_TLS) {
		list_add(&m->item.list, qs->last_tls ? &qs->last_tls->item.list : &qs->ready);
		qs->last_tls = m;
		qs->tls_queued += m->charged;
	} else {
		list_add_tail(&m->item.list, &qs->ready);
	}
	qs->nmsgs++;
	qs->wake |= QUIC_WAKE_READ;
}

void quic_sock_purge_ready(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_item *it;

	while (!list_empty(&qs->ready)) {
		it = list_first_entry(&qs->ready, struct quic_item, list);
		if (it->kind == QUIC_ITEM_STREAM)
			quic_recvbuf_purge(sk, container_of(it, struct quic_sock_stream, item));
		else if (it->kind == QUIC_ITEM_DATAGRAM)
			quic_sock_datagram_free(sk, container_of(it, struct quic_chunk, item));
		else
			quic_msg_free(sk, container_of(it, struct quic_msg, item));
	}
}

/* --- after the handshake --- */

static u32 tls_length(const u8 *p)
{
	return p[1] << 16 | p[2] << 8 | p[3];
}

static void ticket_keep(struct sock *sk, const struct quic_msg *m)
{
	struct quic_sock *qs = quic_sk(sk);
	u8 *copy = kmemdup(m->data, m->off, GFP_ATOMIC | __GFP_NOWARN);

	quic_event_put(sk, QUIC_EVENT_NEW_SESSION_TICKET, m->data, m->off);
	if (!copy)
		return;
	kfree_sensitive(qs->ticket);
	qs->ticket = copy;
	qs->ticket_len = m->off;
	/* Those who poll for option 12 wait for a change of state. */
	qs->wake |= QUIC_WAKE_STATE;
}

/*
 * Take what the ticket at hand still lacks. Return: bytes used; 0: it is longer than any. *err: the
 * error to close with
 */
static u32 post_fill(struct sock *sk, struct quic_msg *m, const u8 *data, u32 len, int *err)
{
	u32 want = TLS_HEADER, n;

	if (m->off >= TLS_HEADER)
		want += tls_length(m->data);
	if (want > m->len)
		return 0;
	n = min(len, want - m->off);
	memcpy(m->data + m->off, data, n);
	m->off += n;
	if (m->off < TLS_HEADER || m->off < TLS_HEADER + tls_length(m->data))
		return n;
	*err = quic_tls_ticket(m->data, m->off);
	if (!*err)
		ticket_keep(sk, m);
	m->off = 0;
	return n;
}

/* KeyUpdate above all: QUIC has its own (RFC 9001, 6). */
static int unexpected(u8 type)
{
	/* RFC 9001, 4.4: there is no authentication after the handshake. */
	if (type == TLS_CERTIFICATE_REQUEST)
		return QUIC_ERR_PROTOCOL_VIOLATION;
	return QUIC_ERR_CRYPTO + TLS_UNEXPECTED_MESSAGE;
}

/* Return: 0, -ENOBUFS, or the error to close with */
static int post_handshake(struct sock *sk, const u8 *data, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	int err = 0;
	u32 n;

	if (qs->conn.server)
		return QUIC_ERR_CRYPTO + TLS_UNEXPECTED_MESSAGE;
	if (qs->post_broken)
		return 0;
	if (!qs->post) {
		qs->post = quic_msg_new(sk, QUIC_ITEM_TLS, QUIC_TICKET_MAX);
		if (!qs->post)
			return -ENOBUFS;
	}
	while (len) {
		if (!qs->post->off && *data != TLS_NEW_SESSION_TICKET)
			return unexpected(*data);
		n = post_fill(sk, qs->post, data, len, &err);
		if (err)
			return err;
		if (!n) {
			qs->post_broken = true;
			break;
		}
		data += n;
		len -= n;
	}
	/* Between messages: hold no buffer. */
	if (!qs->post->off || qs->post_broken) {
		quic_msg_free(sk, qs->post);
		qs->post = NULL;
	}
	return 0;
}

int quic_msg_crypto(struct sock *sk, u8 level, const u8 *data, u32 len)
{
	struct quic_msg *m;

	if (level == QUIC_LEVEL_APP)
		return post_handshake(sk, data, len);
	/* Whoever sends them need not have shown who it is: less than the receive buffer. */
	if (quic_sk(sk)->tls_queued > TLS_QUEUED_MAX)
		return -ENOBUFS;
	m = quic_msg_new(sk, QUIC_ITEM_TLS, len);
	if (!m)
		return -ENOBUFS;
	m->level = level;
	memcpy(m->data, data, len);
	quic_msg_queue(sk, m);
	return 0;
}
