// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams (RFC 9221), both ways.
 *
 * Out: a message is copied once, counts to sk_wmem_queued until it was sent, and is sent once.
 * In: one is a chunk of its train, or a copy when small, and an item of the ready queue of its
 * own. Half the receive buffer is for them at most, so that streams go on; what comes when that
 * is full is dropped, as UDP does: what was told first is read first.
 */
#include "../compat/memcg.h"
#include "sock.h"

#define LENT	16		/* bytes the sealer may use before the data: see struct quic_vec */
#define SPARE	2048		/* bytes of one that is kept for the next, at most */

struct quic_tx_datagram {
	struct quic_datagram core;
	u32 charged;			/* all of it, in bytes */
	u8 lent[LENT];
	u8 data[];
};

/* --- out --- */

static void tx_free(struct sock *sk, struct quic_tx_datagram *t)
{
	sk_mem_uncharge(sk, t->charged);
	kfree(t);
}

void quic_sock_datagram_done(struct sock *sk, struct quic_datagram *d)
{
	struct quic_tx_datagram *t = container_of(d, struct quic_tx_datagram, core);
	struct quic_sock *qs = quic_sk(sk);

	qs->datagrams_unsent -= d->len;
	sk_wmem_queued_add(sk, -(int)t->charged);
	qs->refused_until = 0;
	qs->wake |= QUIC_WAKE_WRITE;
	/* It goes round with what was charged for it: to get one anew is dear (train.c). */
	if (!qs->tx_spare && t->charged <= SPARE && !qs->dead && !sk_under_memory_pressure(sk))
		qs->tx_spare = t;
	else
		tx_free(sk, t);
}

void quic_sock_datagram_free_spare(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);

	if (qs->tx_spare)
		tx_free(sk, qs->tx_spare);
	qs->tx_spare = NULL;
}

static struct quic_tx_datagram *tx_alloc(struct sock *sk, u32 size)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_tx_datagram *t = qs->tx_spare;

	qs->tx_spare = NULL;
	if (t && t->charged >= size)
		return t;
	if (t)
		tx_free(sk, t);
	if (!quic_sendbuf_schedule(sk, size))
		return NULL;
	t = kmalloc(size, sk->sk_allocation | __GFP_NOWARN);
	if (!t)
		return NULL;
	t->charged = size;
	sk_mem_charge(sk, size);
	return t;
}

static struct quic_tx_datagram *tx_new(struct sock *sk, struct msghdr *msg, u32 len, int *err)
{
	struct quic_tx_datagram *t = tx_alloc(sk, sizeof(*t) + len);

	*err = -ENOBUFS;
	if (!t)
		return NULL;
	*err = -EFAULT;
	if (!copy_from_iter_full(t->data, len, &msg->msg_iter)) {
		tx_free(sk, t);
		return NULL;
	}
	t->core.data = t->data;
	t->core.len = len;
	t->core.lent = LENT;
	return t;
}

static int tx_check(const struct quic_conn *c, size_t len)
{
	int max = quic_datagram_max(c);

	if (!c->remote.max_datagram_frame_size)
		return -EINVAL;
	return max < 0 || len > max ? -EMSGSIZE : 0;
}

int quic_sock_datagram_send(struct sock *sk, struct msghdr *msg, size_t len, long timeo)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_tx_datagram *t;
	int err = tx_check(&qs->conn, len);

	if (err)
		return err;
	qs->datagram_last = true;
	for (;;) {
		err = quic_sock_wait_memory(sk, &timeo);
		if (err)
			return err;
		t = tx_new(sk, msg, len, &err);
		if (t)
			break;
		if (err != -ENOBUFS)
			return err;
		quic_sock_memory_refused(sk);
	}
	err = quic_datagram_send(&qs->conn, &t->core);	/* the path may have shrunk */
	if (err) {
		tx_free(sk, t);
		return err;
	}
	qs->datagrams_unsent += len;
	sk_wmem_queued_add(sk, t->charged);
	return len;
}

/* --- in --- */

void quic_sock_datagram_rx(struct sock *sk, const u8 *data, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_chunk *ch = NULL;
	u32 cost = sizeof(*ch) + len;

	if ((sk->sk_shutdown & RCV_SHUTDOWN) || sock_flag(sk, SOCK_DEAD))
		return;
	if (qs->datagram_mem + cost <= quic_recvbuf_bound(sk) / 2 && quic_recvbuf_room(sk))
		ch = quic_recvbuf_datagram(sk, data, len);
	if (!ch) {
		atomic_inc(&sk->sk_drops);
		return;
	}
	ch->off = cost;
	qs->datagram_mem += cost;
	ch->item.kind = QUIC_ITEM_DATAGRAM;
	list_add_tail(&ch->item.list, &qs->ready);
	qs->nmsgs++;
	qs->wake |= QUIC_WAKE_READ;
}

void quic_sock_datagram_free(struct sock *sk, struct quic_chunk *ch)
{
	struct quic_sock *qs = quic_sk(sk);

	list_del(&ch->item.list);
	qs->nmsgs--;
	qs->datagram_mem -= ch->off;
	quic_recvbuf_free_chunk(sk, ch);
}

/*
 * A buffer too small takes the front, the next call goes on behind it, and MSG_EOR comes with the
 * last part; unless MSG_TRUNC was asked for, which tells the length and ends the datagram here.
 */
ssize_t quic_sock_datagram_recv(struct sock *sk, struct quic_chunk *ch, struct msghdr *msg,
				size_t len, int flags)
{
	u32 n = min_t(size_t, len, ch->len);
	bool whole = n == ch->len;
	ssize_t ret = flags & MSG_TRUNC ? ch->len : n;

	if (copy_to_iter(ch->data, n, &msg->msg_iter) != n)
		return -EFAULT;
	msg->msg_flags |= MSG_QUIC_DATAGRAM;
	if (whole)
		msg->msg_flags |= MSG_EOR;
	else if (flags & MSG_TRUNC)
		msg->msg_flags |= MSG_TRUNC;
	quic_cmsg_put_stamp(sk, msg, ch->stamp);
	if (flags & MSG_PEEK)
		return ret;
	if (whole || (flags & MSG_TRUNC))
		quic_sock_datagram_free(sk, ch);
	else
		quic_recvbuf_eat(ch, n);
	return ret;
}
