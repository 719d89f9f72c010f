// SPDX-License-Identifier: GPL-2.0
/*
 * Where received stream bytes wait: trains (the plaintext of one skb), chunks
 * cut from them, and small pieces copied out of them.
 *
 * Invariant: every byte of a stream is in at most one chunk; rcvq holds
 * [read, tail) without holes, the tree what lies beyond. All memory kept is in
 * sk_rmem_alloc with its real size. A train lives as long as one of its chunks;
 * when memory gets short, one that is pinned by little is copied and freed.
 */
#include "file.h"

#define RXBUF_ORDER	3	/* what alloc_pages still serves from its per-CPU lists */
#define RXBUF_KMALLOC	4096	/* larger buffers are pages */
#define SPARE_MAX	8	/* buffers of that order kept for the next trains */
#define LARGE_TRAIN	24	/* chunks */
#define COPY_MAX	256	/* smaller pieces are copied: a train is not worth pinning */
#define COPY_ROOM	1024	/* room behind a small piece when more is waiting already */

/* --- accounting --- */

u32 quic_recvbuf_bound(const struct sock *sk)
{
	u32 rcvbuf = READ_ONCE(sk->sk_rcvbuf);

	/* Until SO_RCVBUF is set the limit is the sysctl's: windows tune themselves. */
	if (!(sk->sk_userlocks & SOCK_RCVBUF_LOCK))
		rcvbuf = max_t(u32, rcvbuf, READ_ONCE(quic_sysctl_rmem[2]));
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

	if (delta > 0 && !__sk_mem_schedule(sk, delta, SK_MEM_RECV))
		return false;
	sk_mem_charge(sk, size);
	return true;
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
	sk_mem_uncharge(sk, size);
}

/* --- trains --- */

/* Bytes of one with @n chunks. Large ones come from where a kernel that clears memory does not. */
static u32 train_size(unsigned int n)
{
	return struct_size_t(struct quic_train, chunks, n);
}

static struct quic_train *train_alloc(unsigned int n)
{
	u32 size = train_size(n);

	return n < LARGE_TRAIN ? kmalloc(size, GFP_ATOMIC | __GFP_NOWARN) : quic_block_get(size);
}

struct quic_train *quic_recvbuf_train(struct sock *sk, unsigned int nseg, u32 bytes)
{
	unsigned int n = min_t(unsigned int, nseg, QUIC_BURST_MAX) + 2;
	struct quic_train *t = train_alloc(n);

	if (!t)
		return NULL;
	t->max_chunks = n;
	t->bufs = NULL;
	t->refs = 1;
	t->truesize = n < LARGE_TRAIN ? train_size(n) : max_t(u32, train_size(n), QUIC_BLOCK);
	t->charged = 0;
	t->unread = 0;
	t->left = bytes + nseg * 16;
	t->nchunks = 0;
	t->stamp = 0;
	return t;
}

/*
 * Buffers of full size go round: a kernel that clears what it allocates would clear them each
 * time.
 */
static struct quic_rxbuf *spare_get(struct quic_sock *qs)
{
	struct quic_rxbuf *b = qs->spare;

	if (b) {
		qs->spare = b->next;
		qs->nspare--;
	}
	return b;
}

static bool spare_put(struct quic_sock *qs, struct quic_rxbuf *b)
{
	if (b->order != RXBUF_ORDER || qs->nspare >= SPARE_MAX || qs->dead)
		return false;
	b->next = qs->spare;
	qs->spare = b;
	qs->nspare++;
	return true;
}

void quic_recvbuf_free_spare(struct sock *sk)
{
	struct quic_rxbuf *b;

	while ((b = spare_get(quic_sk(sk))))
		__free_pages(virt_to_page(b), b->order);
}

static struct quic_rxbuf *rxbuf_pages(struct quic_sock *qs, u32 len, u32 want)
{
	gfp_t gfp = GFP_ATOMIC | __GFP_COMP | __GFP_NOWARN | __GFP_NORETRY;
	int order = min(get_order(want), RXBUF_ORDER), least = get_order(len);
	struct quic_rxbuf *b;
	struct page *page;

	order = max(order, least);
	if (order == RXBUF_ORDER) {
		b = spare_get(qs);
		if (b)
			return b;
	}
	page = alloc_pages(gfp, order);
	if (!page && order > least) {
		order = least;
		page = alloc_pages(gfp, order);
	}
	if (!page)
		return NULL;
	b = page_address(page);
	b->size = PAGE_SIZE << order;
	b->order = order;
	return b;
}

static struct quic_rxbuf *rxbuf_new(struct quic_sock *qs, u32 len, u32 want)
{
	struct quic_rxbuf *b;

	len += sizeof(*b);
	want = max(len, want + (u32)sizeof(*b));
	if (want > RXBUF_KMALLOC)
		return rxbuf_pages(qs, len, want);
	want = roundup_pow_of_two(want);
	b = kmalloc(want, GFP_ATOMIC | __GFP_NOWARN);
	if (!b)
		return NULL;
	b->size = want;
	b->order = -1;
	return b;
}

u8 *quic_recvbuf_alloc(struct sock *sk, u32 len)
{
	struct quic_train *t = quic_sk(sk)->cur;
	struct quic_rxbuf *b;
	u8 *p;

	if (!t)
		return NULL;
	b = t->bufs;
	len = ALIGN(len, 16);
	/* The ciphers go page by page: a packet that fits in one is not laid across two. */
	if (b && len <= PAGE_SIZE / 2 && offset_in_page((u8 *)b + b->used) + len > PAGE_SIZE)
		b->used = PAGE_ALIGN(b->used);
	if (!b || b->size < b->used + len) {
		b = rxbuf_new(quic_sk(sk), len, t->left);
		if (!b)
			return NULL;
		b->used = sizeof(*b);
		b->next = t->bufs;
		t->bufs = b;
		t->truesize += b->size;
	}
	p = (u8 *)b + b->used;
	b->used += len;
	t->left -= min(t->left, len);
	return p;
}

static void train_free(struct sock *sk, struct quic_train *t)
{
	struct quic_rxbuf *b, *next;

	for (b = t->bufs; b; b = next) {
		next = b->next;
		if (b->order < 0)
			kfree(b);
		else if (!spare_put(quic_sk(sk), b))
			__free_pages(virt_to_page(b), b->order);
	}
	if (t->charged)
		quic_recvbuf_uncharge(sk, t->charged);
	if (t->max_chunks < LARGE_TRAIN)
		kfree(t);
	else
		quic_block_put(t, train_size(t->max_chunks));
}

/* Called when a chunk is kept: from then on the train's memory is the socket's. */
static bool train_charge(struct sock *sk, struct quic_train *t)
{
	u32 more = t->truesize - t->charged;

	if (more && !quic_recvbuf_charge(sk, more))
		return false;
	t->charged += more;
	return true;
}

/* --- chunks --- */

/* One with room for @cap bytes behind it. */
static struct quic_chunk *chunk_copied(struct sock *sk, u32 cap)
{
	struct quic_chunk *ch;

	cap = ALIGN(cap, 64);
	if (!quic_recvbuf_charge(sk, sizeof(*ch) + cap))
		return NULL;
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
static struct quic_chunk *chunk_mapped(struct sock *sk, const u8 *data, u32 len)
{
	struct quic_train *t = quic_sk(sk)->cur;
	struct quic_chunk *ch;

	if (!t || t->nchunks == t->max_chunks || !train_charge(sk, t))
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

static struct quic_chunk *chunk_new(struct sock *sk, const u8 *data, u32 len, u32 cap)
{
	struct quic_chunk *ch = NULL;

	if (len > COPY_MAX)
		ch = chunk_mapped(sk, data, len);
	if (ch)
		return ch;
	if (len > U16_MAX - 64)
		return NULL;
	ch = chunk_copied(sk, max(len, cap));
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
		new = chunk_copied(sk, ch->len);
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
		train_free(sk, t);
}

void quic_recvbuf_train_done(struct sock *sk, struct quic_train *t)
{
	/* Buffers may have been added after the last chunk was kept. */
	if (t->refs > 1 && !train_charge(sk, t)) {
		atomic_add(t->truesize - t->charged, &sk->sk_rmem_alloc);
		sk_mem_charge(sk, t->truesize - t->charged);
		t->charged = t->truesize;
	}
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
	struct quic_chunk *ch = chunk_new(sk, data, len, 0);

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
	ch = chunk_new(sk, data, len, tail ? COPY_ROOM : 0);
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
	if (!quic_recvbuf_room(sk)) {
		atomic_inc(&sk->sk_drops);
		return -ENOBUFS;
	}
	if (off == s->tail)
		return add_in_order(sk, s, off, data, len);
	ch = chunk_new(sk, data, len, 0);
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
