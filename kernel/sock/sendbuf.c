// SPDX-License-Identifier: GPL-2.0
/*
 * Stream bytes waiting to be sent and acknowledged: the one copy.
 *
 * The newest bytes may be held for a moment, to go with more (sendmsg.c): the
 * core learns of them when they are committed.
 *
 * A stream has a list of page fragments, contiguous by offset. Bytes are copied
 * in once; the sealer reads them there, for retransmissions too, so nothing
 * changes below tx.written (RFC 9000, 2.2). Small writes get a piece with room
 * for the next ones, twice as much each time, so that a datagram never gathers
 * many pieces. Memory is in sk_wmem_queued until acknowledged.
 */
#include "sock.h"

#define ROOM_MIN	256	/* bytes set aside for the first small write */
#define ROOM_MAX	4096
#define ROOM_LEAST	32	/* a page with less left is full */

static struct quic_sendbuf *last(const struct quic_sock_stream *s)
{
	return list_empty(&s->sndq) ? NULL :
	       list_last_entry(&s->sndq, struct quic_sendbuf, list);
}

static void charge(struct sock *sk, struct quic_sendbuf *b, u32 size)
{
	b->charged += size;
	sk_wmem_queued_add(sk, size);
	sk_mem_charge(sk, size);
}

/*
 * Pages of ours that nobody else holds go round while data is on its way: to get one anew is dear
 * where the kernel clears all it gives out.
 */
static void page_free(struct quic_sock *qs, struct page *page)
{
	if (page_ref_count(page) == 1 && compound_order(page) == SKB_FRAG_PAGE_ORDER &&
	    !page_is_pfmemalloc(page) && qs->nsend_pages < QUIC_SEND_PAGES && !qs->dead)
		qs->send_page[qs->nsend_pages++] = page;
	else
		put_page(page);
}

void quic_sendbuf_free_spare(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);

	while (qs->nsend_pages)
		put_page(qs->send_page[--qs->nsend_pages]);
}

/* As sk_page_frag_refill(), but the pages that went round come first. */
static bool refill(struct sock *sk, struct page_frag *pf)
{
	struct quic_sock *qs = quic_sk(sk);

	if (!qs->nsend_pages ||
	    (pf->page && (page_ref_count(pf->page) == 1 || pf->offset + ROOM_LEAST <= pf->size)))
		return sk_page_frag_refill(sk, pf);
	if (pf->page)
		put_page(pf->page);
	pf->page = qs->send_page[--qs->nsend_pages];
	pf->offset = 0;
	pf->size = PAGE_SIZE << SKB_FRAG_PAGE_ORDER;
	return true;
}

static void buf_free(struct sock *sk, struct quic_sock_stream *s, struct quic_sendbuf *b)
{
	if (s->cursor == b)
		s->cursor = NULL;
	list_del(&b->list);
	page_free(quic_sk(sk), b->page);
	sk_wmem_queued_add(sk, -(int)b->charged);
	sk_mem_uncharge(sk, b->charged);
	kfree(b);
}

static int copy_in(struct page *page, u32 off, u32 len, struct msghdr *msg)
{
	size_t n = copy_page_from_iter(page, off, len, &msg->msg_iter);

	return n ? (int)n : -EFAULT;
}

static int fill_room(struct quic_sendbuf *b, struct msghdr *msg, u32 max)
{
	int n = copy_in(b->page, b->page_off + b->len, min(max, b->room), msg);

	if (n > 0) {
		b->len += n;
		b->room -= n;
	}
	return n;
}

static struct quic_sendbuf *buf_new(struct sock *sk, struct quic_sock_stream *s,
				    const struct page_frag *pf)
{
	struct quic_sendbuf *b = kmalloc(sizeof(*b), sk->sk_allocation);
	struct quic_sendbuf *prev = last(s);

	if (!b)
		return NULL;
	b->off = prev ? prev->off + prev->len : s->core.tx.written + s->held_bytes;
	b->page = pf->page;
	get_page(b->page);
	b->page_off = pf->offset;
	b->len = 0;
	b->room = 0;
	b->charged = 0;
	list_add_tail(&b->list, &s->sndq);
	return b;
}

/* Bytes to take from the page for @len bytes of data. */
static u32 slot_size(const struct quic_sendbuf *prev, u32 len, u32 avail)
{
	u32 want = ROOM_MIN;

	if (prev && prev->charged < ROOM_MAX)
		want = clamp_t(u32, prev->charged * 2, ROOM_MIN, ROOM_MAX);
	return min(max(len, want), avail);
}

int quic_sendbuf_append(struct sock *sk, struct quic_sock_stream *s, struct msghdr *msg, u32 max)
{
	struct page_frag *pf = sk_page_frag(sk);
	struct quic_sendbuf *b = last(s), *new;
	u32 slot;
	int n;

	if (b && b->room)
		return fill_room(b, msg, max);
	if (!refill(sk, pf))
		return -ENOBUFS;
	max = min(max, pf->size - pf->offset);
	if (b && b->page == pf->page && b->page_off + b->len == pf->offset) {
		if (!sk_wmem_schedule(sk, max))
			return -ENOBUFS;
		n = copy_in(pf->page, pf->offset, max, msg);
		if (n < 0)
			return n;
		b->len += n;
		charge(sk, b, n);
		pf->offset += n;
		return n;
	}
	slot = slot_size(b, max, pf->size - pf->offset);
	if (!sk_wmem_schedule(sk, slot + sizeof(*new)))
		return -ENOBUFS;
	new = buf_new(sk, s, pf);
	if (!new)
		return -ENOBUFS;
	charge(sk, new, slot + sizeof(*new));
	new->room = slot;
	pf->offset += slot;
	n = fill_room(new, msg, max);
	if (n < 0)
		buf_free(sk, s, new);
	return n;
}

/* The piece that holds @off: lookups mostly go on where the last one ended. */
static struct quic_sendbuf *find(struct quic_sock_stream *s, u64 off)
{
	struct quic_sendbuf *b = s->cursor;

	if (!b || off < b->off)
		b = list_first_entry_or_null(&s->sndq, struct quic_sendbuf, list);
	if (!b || off < b->off)
		return NULL;
	list_for_each_entry_from(b, &s->sndq, list)
		if (off < b->off + b->len)
			return b;
	return NULL;
}

unsigned int quic_sendbuf_vecs(struct quic_sock_stream *s, u64 off, u32 len, struct quic_vec *v,
			       unsigned int max)
{
	struct quic_sendbuf *b = find(s, off);
	unsigned int n = 0;
	u32 skip, take;

	if (WARN_ON_ONCE(!b))
		return 0;
	list_for_each_entry_from(b, &s->sndq, list) {
		if (n == max)
			return 0;
		skip = off - b->off;
		take = min(len, b->len - skip);
		v[n].base = page_address(b->page) + b->page_off + skip;
		v[n].lent = skip;	/* our own copy: nobody but the sealer reads it */
		v[n++].len = take;
		s->cursor = b;
		off += take;
		len -= take;
		if (!len)
			break;
	}
	return n;
}

void quic_sendbuf_copy(struct quic_sock_stream *s, u64 off, u32 len, u8 *to)
{
	struct quic_sendbuf *b = find(s, off);
	u32 skip, take;

	if (WARN_ON_ONCE(!b)) {
		memset(to, 0, len);
		return;
	}
	list_for_each_entry_from(b, &s->sndq, list) {
		skip = off - b->off;
		take = min(len, b->len - skip);
		memcpy(to, page_address(b->page) + b->page_off + skip, take);
		s->cursor = b;
		to += take;
		off += take;
		len -= take;
		if (!len)
			break;
	}
}

/* --- from the application to the core --- */

static void unhold(struct sock *sk, struct quic_sock_stream *s)
{
	quic_sk(sk)->held_bytes -= s->held_bytes;
	s->held_bytes = 0;
	list_del_init(&s->held);
}

void quic_sendbuf_commit(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_sock_stream *s;
	u32 n;

	while (!list_empty(&qs->held)) {
		s = list_first_entry(&qs->held, struct quic_sock_stream, held);
		n = s->held_bytes;
		unhold(sk, s);
		quic_stream_wrote(&qs->conn, &s->core, n, false);
	}
	qs->hold_until = 0;
}

void quic_sendbuf_commit_fin(struct sock *sk, struct quic_sock_stream *s)
{
	u32 n = s->held_bytes;

	unhold(sk, s);
	quic_stream_wrote(&quic_sk(sk)->conn, &s->core, n, true);
}

void quic_sendbuf_recount(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	struct rb_node *n;
	u64 sum = 0;

	for (n = rb_first(&qs->conn.streams.tree); n; n = rb_next(n)) {
		struct quic_sock_stream *s = quic_sock_stream_of(rb_entry(n, struct quic_stream,
									  node));

		if (!s->core.tx.exists)
			continue;
		if (s->core.tx.state <= QUIC_SEND_SENT)
			sum += s->core.tx.written + s->held_bytes;
		else
			sum += s->core.tx.next;
	}
	qs->committed = sum;
}

/* --- and back --- */

/* Nothing more of @s goes out: what was never sent counts no longer (RFC 9000, 3.1). */
static void give_up(struct sock *sk, struct quic_sock_stream *s)
{
	struct quic_sock *qs = quic_sk(sk);

	qs->committed -= s->core.tx.written - s->core.tx.next + s->held_bytes;
	qs->unacked -= s->held_bytes;
	unhold(sk, s);
}

void quic_sendbuf_acked(struct sock *sk, struct quic_sock_stream *s, u64 acked)
{
	struct quic_sendbuf *b, *tmp;

	/* Above what a RESET_STREAM_AT left nothing is ours any more. */
	acked = min(acked, quic_sendbuf_end(s));
	quic_sk(sk)->unacked -= acked - s->released;
	s->released = acked;
	quic_sk(sk)->wake |= QUIC_WAKE_WRITE;
	if (s->core.tx.state == QUIC_SEND_RESET_SENT) {
		give_up(sk, s);
		quic_sendbuf_purge(sk, s);
		return;
	}
	list_for_each_entry_safe(b, tmp, &s->sndq, list) {
		if (b->off + b->len > acked)
			break;
		/* The last one stays while there is room in it. */
		if (b->room && list_is_last(&b->list, &s->sndq) && !s->core.tx.fin)
			break;
		buf_free(sk, s, b);
	}
}

void quic_sendbuf_purge(struct sock *sk, struct quic_sock_stream *s)
{
	struct quic_sendbuf *b, *tmp;

	quic_sk(sk)->unacked -= quic_sendbuf_end(s) + s->held_bytes - s->released;
	s->released = quic_sendbuf_end(s);
	unhold(sk, s);
	list_for_each_entry_safe(b, tmp, &s->sndq, list)
		buf_free(sk, s, b);
}

u64 quic_sendbuf_end(const struct quic_sock_stream *s)
{
	return s->core.tx.reset_at ? max(s->core.tx.reliable, s->released) : s->core.tx.written;
}

void quic_sendbuf_cut(struct sock *sk, struct quic_sock_stream *s, u64 end, u64 counted)
{
	u64 keep = quic_sendbuf_end(s);
	struct quic_sendbuf *b, *tmp;

	quic_sk(sk)->committed -= end - s->core.tx.written;
	quic_sk(sk)->unacked -= counted - keep;
	list_for_each_entry_safe_reverse(b, tmp, &s->sndq, list) {
		b->room = 0;
		if (b->off < keep) {
			b->len = min_t(u64, b->len, keep - b->off);
			break;
		}
		buf_free(sk, s, b);
	}
	quic_sk(sk)->wake |= QUIC_WAKE_WRITE;
}

/* As tcp_sndbuf_expand(): two windows, one in flight while the next is written. */
void quic_sendbuf_grow(struct sock *sk)
{
	u64 want = 2 * quic_sk(sk)->conn.loss.cc.cwnd;

	if (sk->sk_userlocks & SOCK_SNDBUF_LOCK)
		return;
	want = min_t(u64, want + want / 4, READ_ONCE(quic_sysctl_wmem[2]));
	if (want > sk->sk_sndbuf)
		WRITE_ONCE(sk->sk_sndbuf, want);
}
