// SPDX-License-Identifier: GPL-2.0
/*
 * What received packets are opened into: a train, the plaintext of one skb, with the chunks that
 * will point into it. Memory goes round where it can, with what was charged for it, as some kernels
 * clear all they give out.
 */
#include "../compat/memcg.h"
#include "sock.h"

#define RXBUF_ORDER	3	/* what alloc_pages still serves from its per-CPU lists */
#define RXBUF_KMALLOC	4096	/* larger buffers are pages */
#define SPARE_MAX	8	/* buffers of that order kept for the next trains */
#define LARGE_TRAIN	24	/* chunks */
#define SINGLE_TRAIN	2048	/* bytes of one for a datagram alone, its buffer among them */
#define ORDER_INSIDE	(-2)	/* of that buffer */

#define SINGLE_CHUNKS	3
/* Bytes of a datagram that fit, rounded up and aligned */
#define SINGLE_BYTES	(SINGLE_TRAIN - struct_size_t(struct quic_train, chunks, SINGLE_CHUNKS) - \
			 sizeof(struct quic_rxbuf) - 64)

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

static void train_init(struct quic_train *t, unsigned int n)
{
	t->max_chunks = n;
	t->bufs = NULL;
	t->refs = 1;
	t->charged = 0;
	t->unread = 0;
	t->nchunks = 0;
	t->stamp = 0;
}

/* A datagram that came alone: all in one piece, and the piece that became free last again. */
static struct quic_train *single_train(struct sock *sk, u32 bytes)
{
	const u32 head = ALIGN(train_size(SINGLE_CHUNKS), __alignof__(struct quic_rxbuf));
	struct quic_train *t = quic_sk(sk)->single;
	struct quic_rxbuf *b;

	quic_sk(sk)->single = NULL;
	if (!t) {
		t = kmalloc(SINGLE_TRAIN, GFP_ATOMIC | __GFP_NOWARN);
		if (!t)
			return NULL;
		t->mem = 0;
	}
	train_init(t, SINGLE_CHUNKS);
	b = (void *)t + head;
	b->next = NULL;
	b->size = SINGLE_TRAIN - head;
	b->used = sizeof(*b);
	b->order = ORDER_INSIDE;
	t->bufs = b;
	t->truesize = SINGLE_TRAIN;
	t->left = bytes;
	return t;
}

struct quic_train *quic_train_new(struct sock *sk, unsigned int nseg, u32 bytes)
{
	unsigned int n = min_t(unsigned int, nseg, QUIC_BURST_MAX) + 2;
	struct quic_train *t;

	if (nseg == 1 && bytes <= SINGLE_BYTES)
		return single_train(sk, bytes);
	t = train_alloc(n);
	if (!t)
		return NULL;
	train_init(t, n);
	t->mem = 0;
	t->truesize = n < LARGE_TRAIN ? train_size(n) : max_t(u32, train_size(n), QUIC_BLOCK);
	t->left = bytes + nseg * 16;
	return t;
}

/* Buffers of full size go round. */
static struct quic_rxbuf *spare_get(struct quic_sock *qs)
{
	struct quic_rxbuf *b = qs->spare;

	if (b) {
		qs->spare = b->next;
		qs->nspare--;
	}
	return b;
}

/* Takes the charge for @size out of @t, or makes one. false: what it is for has to go */
static bool keep(struct sock *sk, struct quic_train *t, u32 size)
{
	if (quic_sk(sk)->dead || sk_under_memory_pressure(sk))
		return false;
	if (t->mem < size)
		return quic_recvbuf_charge_fixed(sk, size);
	t->mem -= size;
	return true;
}

static bool spare_put(struct sock *sk, struct quic_train *t, struct quic_rxbuf *b)
{
	struct quic_sock *qs = quic_sk(sk);

	if (b->order != RXBUF_ORDER || qs->nspare >= SPARE_MAX || !keep(sk, t, b->size))
		return false;
	b->next = qs->spare;
	qs->spare = b;
	qs->nspare++;
	return true;
}

void quic_train_free_spare(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_rxbuf *b;

	while ((b = spare_get(qs))) {
		sk_mem_uncharge(sk, b->size);
		__free_pages(virt_to_page(b), b->order);
	}
	if (!qs->single)
		return;
	sk_mem_uncharge(sk, qs->single->mem);
	kfree(qs->single);
	qs->single = NULL;
}

static struct quic_rxbuf *rxbuf_pages(struct quic_sock *qs, struct quic_train *t, u32 len,
				      u32 want)
{
	gfp_t gfp = GFP_ATOMIC | __GFP_COMP | __GFP_NOWARN | __GFP_NORETRY;
	int order = min(get_order(want), RXBUF_ORDER), least = get_order(len);
	struct quic_rxbuf *b;
	struct page *page;

	order = max(order, least);
	if (order == RXBUF_ORDER) {
		b = spare_get(qs);
		if (b) {
			t->mem += b->size;
			return b;
		}
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

static struct quic_rxbuf *rxbuf_new(struct quic_sock *qs, struct quic_train *t, u32 len)
{
	struct quic_rxbuf *b;
	u32 want = t->left;

	len += sizeof(*b);
	want = max(len, want + (u32)sizeof(*b));
	if (want > RXBUF_KMALLOC)
		return rxbuf_pages(qs, t, len, want);
	want = roundup_pow_of_two(want);
	b = kmalloc(want, GFP_ATOMIC | __GFP_NOWARN);
	if (!b)
		return NULL;
	b->size = want;
	b->order = -1;
	return b;
}

u8 *quic_train_alloc(struct sock *sk, u32 len)
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
		b = rxbuf_new(quic_sk(sk), t, len);
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

void quic_train_free(struct sock *sk, struct quic_train *t)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_rxbuf *b, *next;
	bool single = false;

	for (b = t->bufs; b; b = next) {
		next = b->next;
		if (b->order == ORDER_INSIDE)
			single = true;
		else if (b->order < 0)
			kfree(b);
		else if (!spare_put(sk, t, b))
			__free_pages(virt_to_page(b), b->order);
	}
	if (t->charged)
		atomic_sub(t->charged, &sk->sk_rmem_alloc);
	single = single && !qs->single && keep(sk, t, SINGLE_TRAIN);
	if (t->mem)
		quic_sock_mem_uncharge(sk, t->mem);
	if (single) {
		t->mem = SINGLE_TRAIN;
		qs->single = t;
		return;
	}
	if (t->max_chunks < LARGE_TRAIN)
		kfree(t);
	else
		quic_block_put(t, train_size(t->max_chunks));
}

bool quic_train_charge(struct sock *sk, struct quic_train *t, bool force)
{
	u32 more = t->truesize - t->mem;	/* it never has more */

	if (t->charged == t->truesize)
		return true;
	if (more && !quic_recvbuf_charge_mem(sk, more, force))
		return false;
	t->mem += more;
	atomic_add(t->truesize - t->charged, &sk->sk_rmem_alloc);
	t->charged = t->truesize;
	return true;
}

bool quic_train_single(const struct quic_train *t)
{
	return t->max_chunks == SINGLE_CHUNKS && t->truesize == SINGLE_TRAIN;
}
