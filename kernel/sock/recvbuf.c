// SPDX-License-Identifier: GPL-2.0
/*
 * Where received stream bytes wait: trains (the plaintext of one skb), chunks
 * cut from them, and small pieces copied out of them.
 *
 * Invariant: every byte of a stream is in at most one chunk; rcvq holds
 * [read, tail) without holes, the tree what lies beyond. All memory kept is in
 * sk_rmem_alloc with its real size. A train lives as long as one of its chunks;
 * when memory gets short, one that is pinned by little is copied and freed.
 * Buffers set aside for the next ones are charged, but not in sk_rmem_alloc.
 */
#include "../compat/memcg.h"
#include "file.h"

#define COPY_MAX	256	/* smaller pieces are copied: a train is not worth pinning */
#define COPY_ROOM	1024	/* room behind a small piece when more is waiting already */

#define PIN_PART	16	/* of the receive buffer small pieces may pin */

/* --- accounting --- */

u32 quic_recvbuf_bound(const struct sock *sk)
{
	u32 rcvbuf = READ_ONCE(sk->sk_rcvbuf);

	/* Until SO_RCVBUF is set the limit is the sysctl's: windows tune themselves. */
	if (!(sk->sk_userlocks & SOCK_RCVBUF_LOCK))
		rcvbuf = max_t(u32, rcvbuf, READ_ONCE(quic_sk(sk)->ctl->rmem[2]));
	return rcvbuf;
}

/* Half, as metadata and slack take the rest (tcp_adv_win_scale 1 does the same). */
u64 quic_recvbuf_window(const struct sock *sk)
{
	return clamp_t(u64, quic_recvbuf_bound(sk) / 2, 4096, QUIC_MAX_WINDOW);
}

bool quic_recvbuf_room(const struct sock *sk)
{
	return atomic_read(&sk->sk_rmem_alloc) <= quic_recvbuf_bound(sk);
}

bool quic_recvbuf_charge_fixed(struct sock *sk, u32 size)
{
	int delta = (int)size - sk->sk_forward_alloc;

	if (delta > 0 && (quic_compat_memcg_full(sk, delta) ||
			  !__sk_mem_schedule(sk, delta, SK_MEM_RECV))) {
		quic_train_free_spare(sk);	/* for the next one who asks */
		quic_sk(sk)->mem_short = true;
		return false;
	}
	sk_mem_charge(sk, size);
	return true;
}

bool quic_recvbuf_charge_mem(struct sock *sk, u32 size, bool force)
{
	if (quic_recvbuf_charge_fixed(sk, size))
		return true;
	if (force)
		sk_mem_charge(sk, size);
	return force;
}

/* Only page cache may fill the cgroup. */
void quic_recvbuf_make_room(struct sock *sk)
{
	quic_sk(sk)->mem_short = false;
	quic_compat_memcg_reclaim(sk);
}

bool quic_recvbuf_charge(struct sock *sk, u32 size)
{
	if (!quic_recvbuf_charge_fixed(sk, size))
		return false;
	atomic_add(size, &sk->sk_rmem_alloc);
	return true;
}

void quic_recvbuf_uncharge(struct sock *sk, u32 size)
{
	atomic_sub(size, &sk->sk_rmem_alloc);
	quic_sock_mem_uncharge(sk, size);
}

/* --- chunks --- */

/* One with room for @cap bytes behind it. */
static struct quic_chunk *chunk_copied(struct sock *sk, u32 cap, bool force)
{
	struct quic_chunk *ch;

	cap = ALIGN(cap, 64);
	if (!quic_recvbuf_charge_mem(sk, sizeof(*ch) + cap, force))
		return NULL;
	atomic_add(sizeof(*ch) + cap, &sk->sk_rmem_alloc);
	ch = kmalloc(sizeof(*ch) + cap, GFP_ATOMIC | __GFP_NOWARN);
	if (!ch) {
		quic_recvbuf_uncharge(sk, sizeof(*ch) + cap);
		return NULL;
	}
	ch->train = NULL;
	ch->data = (u8 *)(ch + 1);
	ch->cap = cap;
	ch->room = cap;
	ch->len = 0;
	ch->paged = false;
	return ch;
}

static u64 stamp_now(const struct sock *sk)
{
	return quic_sk(sk)->cur ? quic_sk(sk)->cur->stamp : 0;
}

static void chunk_append(struct quic_chunk *ch, const u8 *data, u32 len, u64 stamp)
{
	ch->stamp = stamp;
	memcpy((u8 *)(ch + 1) + ch->cap - ch->room, data, len);
	ch->len += len;
	ch->room -= len;
}

/* A chunk that points into the train, or NULL if it has none left or no memory is granted. */
static struct quic_chunk *chunk_mapped(struct sock *sk, const u8 *data, u32 len, bool force)
{
	struct quic_train *t = quic_sk(sk)->cur;
	struct quic_chunk *ch;

	if (!t || t->nchunks == t->max_chunks || !quic_train_charge(sk, t, force))
		return NULL;
	ch = &t->chunks[t->nchunks++];
	ch->train = t;
	ch->data = data;
	ch->len = len;
	ch->stamp = t->stamp;
	ch->cap = 0;
	ch->room = 0;
	ch->paged = t->bufs->order >= 0;	/* the packet at hand is in the newest */
	t->refs++;
	t->unread += len;
	return ch;
}

/* Is what came alone worth all its train? Where there is plenty of room, and no other to join. */
static bool may_pin(const struct sock *sk, u32 cap)
{
	const struct quic_train *t = quic_sk(sk)->cur;

	return t && quic_train_single(t) && !cap &&
	       atomic_read(&sk->sk_rmem_alloc) < quic_recvbuf_bound(sk) / PIN_PART;
}

/* @cap: room to have when it is copied. @force: as in quic_recvbuf_charge_mem() */
static struct quic_chunk *chunk_new(struct sock *sk, const u8 *data, u32 len, u32 cap, bool force)
{
	struct quic_chunk *ch = NULL;

	if (len > COPY_MAX || may_pin(sk, cap))
		ch = chunk_mapped(sk, data, len, force);
	if (ch)
		return ch;
	if (len > U16_MAX - 64)
		return NULL;
	ch = chunk_copied(sk, max(len, cap), force);
	if (ch)
		chunk_append(ch, data, len, stamp_now(sk));
	return ch;
}

static void chunk_replace(struct quic_chunk *old, struct quic_chunk *new)
{
	new->off = old->off;
	new->stream = old->stream;
	new->place = old->place;
	switch (old->place) {
	case QUIC_CHUNK_OOO:
		rb_replace_node(&old->node, &new->node, &old->stream->ooo);
		break;
	case QUIC_CHUNK_READY:
		new->item.kind = old->item.kind;
		list_replace(&old->item.list, &new->item.list);
		break;
	default:
		list_replace(&old->list, &new->list);
	}
	old->place = QUIC_CHUNK_UNUSED;
}

/* Copy what is left in @t, which is little, so that it can go. */
static void train_compact(struct sock *sk, struct quic_train *t)
{
	struct quic_chunk *new;
	unsigned int i;

	for (i = 0; i < t->nchunks; i++) {
		struct quic_chunk *ch = &t->chunks[i];

		if (ch->place == QUIC_CHUNK_UNUSED)
			continue;
		if (ch->len > U16_MAX - 64)
			return;
		new = chunk_copied(sk, ch->len, false);
		if (!new)
			return;
		chunk_append(new, ch->data, ch->len, ch->stamp);
		t->unread -= ch->len;
		chunk_replace(ch, new);
		t->refs--;
	}
}

static void train_put(struct sock *sk, struct quic_train *t)
{
	t->refs--;
	if (t->refs && t != quic_sk(sk)->cur && t->unread < t->charged / 4 &&
	    atomic_read(&sk->sk_rmem_alloc) > quic_recvbuf_bound(sk) / 2)
		train_compact(sk, t);
	if (!t->refs)
		quic_train_free(sk, t);
}

void quic_recvbuf_train_done(struct sock *sk, struct quic_train *t)
{
	/* Buffers may have been added after the last chunk was kept. */
	if (t->refs > 1)
		quic_train_charge(sk, t, true);
	train_put(sk, t);
}

void quic_recvbuf_free_chunk(struct sock *sk, struct quic_chunk *ch)
{
	struct quic_train *t = ch->train;

	ch->place = QUIC_CHUNK_UNUSED;
	if (t) {
		t->unread -= ch->len;
		train_put(sk, t);
	} else {
		quic_recvbuf_uncharge(sk, sizeof(*ch) + ch->cap);
		kfree(ch);
	}
}

void quic_recvbuf_eat(struct quic_chunk *ch, u32 n)
{
	ch->data += n;
	ch->len -= n;
	if (ch->train)
		ch->train->unread -= n;
}

struct quic_chunk *quic_recvbuf_datagram(struct sock *sk, const u8 *data, u32 len)
{
	struct quic_chunk *ch = chunk_new(sk, data, len, 0, false);

	if (ch) {
		ch->stream = NULL;
		ch->place = QUIC_CHUNK_READY;
	}
	return ch;
}

/* --- a stream's queue --- */

static void tree_insert(struct quic_sock_stream *s, struct quic_chunk *ch)
{
	struct rb_node **p = &s->ooo.rb_node, *parent = NULL;

	while (*p) {
		parent = *p;
		if (ch->off < rb_entry(parent, struct quic_chunk, node)->off)
			p = &parent->rb_left;
		else
			p = &parent->rb_right;
	}
	rb_link_node(&ch->node, parent, p);
	rb_insert_color(&ch->node, &s->ooo);
}

/* As TCP: who has nothing to read must not wait for memory that only reading sets free. */
static bool starved(const struct sock *sk, const struct quic_sock_stream *s, u64 off)
{
	return off == s->tail && !quic_sk(sk)->unread;
}

static int add_in_order(struct sock *sk, struct quic_sock_stream *s, u64 off, const u8 *data,
			u32 len)
{
	struct quic_chunk *tail = NULL, *ch;

	if (!list_empty(&s->rcvq))
		tail = list_last_entry(&s->rcvq, struct quic_chunk, list);
	if (tail && len <= tail->room) {
		chunk_append(tail, data, len, stamp_now(sk));
		goto added;
	}
	ch = chunk_new(sk, data, len, tail ? COPY_ROOM : 0, starved(sk, s, off));
	if (!ch)
		return -ENOBUFS;
	ch->off = off;
	ch->stream = s;
	ch->place = QUIC_CHUNK_RCVQ;
	list_add_tail(&ch->list, &s->rcvq);
added:
	s->tail += len;
	quic_sk(sk)->unread += len;
	return 0;
}

int quic_recvbuf_add(struct sock *sk, struct quic_sock_stream *s, u64 off, const u8 *data,
		     u32 len)
{
	struct quic_chunk *ch;

	if (quic_file_unread(sk, s))
		return 0;
	if (!quic_recvbuf_room(sk) && !starved(sk, s, off)) {
		atomic_inc(&sk->sk_drops);
		return -ENOBUFS;
	}
	if (off == s->tail)
		return add_in_order(sk, s, off, data, len);
	ch = chunk_new(sk, data, len, 0, false);
	if (!ch)
		return -ENOBUFS;
	ch->off = off;
	ch->stream = s;
	ch->place = QUIC_CHUNK_OOO;
	tree_insert(s, ch);
	return 0;
}

/* In order now: from the tree to the queue. */
static void pull(struct sock *sk, struct quic_sock_stream *s)
{
	struct quic_chunk *ch;
	struct rb_node *n;

	while ((n = rb_first(&s->ooo))) {
		ch = rb_entry(n, struct quic_chunk, node);
		if (ch->off != s->tail)
			return;
		rb_erase(n, &s->ooo);
		ch->place = QUIC_CHUNK_RCVQ;
		list_add_tail(&ch->list, &s->rcvq);
		s->tail += ch->len;
		quic_sk(sk)->unread += ch->len;
	}
}

void quic_recvbuf_queue_stream(struct sock *sk, struct quic_sock_stream *s)
{
	struct quic_sock *qs = quic_sk(sk);

	if (unlikely(s->file)) {
		quic_file_wake(sk, s, QUIC_WAKE_READ);
		return;
	}
	if (unlikely(s->waiting))
		return;
	if (list_empty(&s->item.list))
		list_add_tail(&s->item.list, &qs->ready);
	qs->wake |= QUIC_WAKE_READ;
}

void quic_recvbuf_contig(struct sock *sk, struct quic_sock_stream *s)
{
	if (quic_file_unread(sk, s)) {
		quic_recvbuf_discard(sk, s);
		return;
	}
	pull(sk, s);
	if (list_empty(&s->rcvq))
		return;
	quic_recvbuf_queue_stream(sk, s);
	if (!s->told_recv && s->core.rx.state == QUIC_RECV_RECV) {
		s->told_recv = true;
		quic_event_stream(sk, s, QUIC_STREAM_RECV_STATE_RECV);
	}
}

void quic_recvbuf_drop_ooo(struct sock *sk, struct quic_sock_stream *s)
{
	struct rb_node *n;

	while ((n = rb_first(&s->ooo))) {
		rb_erase(n, &s->ooo);
		quic_recvbuf_free_chunk(sk, rb_entry(n, struct quic_chunk, node));
	}
}

void quic_recvbuf_purge(struct sock *sk, struct quic_sock_stream *s)
{
	struct quic_chunk *ch;

	while (!list_empty(&s->rcvq)) {
		ch = list_first_entry(&s->rcvq, struct quic_chunk, list);
		list_del(&ch->list);
		quic_sk(sk)->unread -= ch->len;
		quic_recvbuf_free_chunk(sk, ch);
	}
	quic_recvbuf_drop_ooo(sk, s);
	if (!s->waiting)
		list_del_init(&s->item.list);
}

void quic_recvbuf_discard(struct sock *sk, struct quic_sock_stream *s)
{
	struct quic_sock *qs = quic_sk(sk);
	u64 end = s->core.rx.contig;

	quic_recvbuf_purge(sk, s);
	/* An orphan's peer gets no more credit; its data would come for nothing. */
	if (end > s->read && !qs->orphan)
		quic_stream_consumed(&qs->conn, &s->core, end - s->read, ktime_get_ns());
	s->read = max(s->read, end);
	s->tail = s->read;
}
