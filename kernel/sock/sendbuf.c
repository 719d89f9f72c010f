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
 *
 * What the caller asked not to be copied (zerocopy.c) is a piece, too: its page is only read.
 */
#include "../compat/memcg.h"
#include "zerocopy.h"

#define ROOM_MIN	256	/* bytes set aside for the first small write */
#define ROOM_MAX	4096
#define TAILS_MAX	16	/* streams of a connection that may keep an empty buffer */
#define ROOM_LEAST	32	/* a page with less left is full */
#define SPARE_BYTES	(PAGE_SIZE << SKB_FRAG_PAGE_ORDER)
#define LENT_MAX	(64 << 10)	/* bytes of one page given back together */

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

/* Worth keeping: nobody else holds it, and the socket may have the memory. */
static bool keep_page(struct sock *sk, struct page *page)
{
	const struct quic_sock *qs = quic_sk(sk);

	return page_ref_count(page) == 1 && compound_order(page) == SKB_FRAG_PAGE_ORDER &&
	       !page_is_pfmemalloc(page) && qs->nsend_pages < QUIC_SEND_PAGES && !qs->dead &&
	       !sk_under_memory_pressure(sk) && quic_recvbuf_charge_fixed(sk, SPARE_BYTES);
}

static void put_spare(struct quic_sock *qs, struct page *page)
{
	set_page_private(page, (unsigned long)qs->send_page);
	qs->send_page = page;
	qs->nsend_pages++;
}

/* There is one. */
static struct page *take_spare(struct quic_sock *qs)
{
	struct page *page = qs->send_page;

	qs->send_page = (struct page *)page_private(page);
	set_page_private(page, 0);
	qs->nsend_pages--;
	return page;
}

/*
 * Pages of ours go round while data is on its way, and are charged meanwhile: to get one anew is
 * dear where the kernel clears all it gives out.
 */
static void page_free(struct sock *sk, struct page *page)
{
	struct quic_sock *qs = quic_sk(sk);

	if (keep_page(sk, page))
		put_spare(qs, page);
	else
		put_page(page);
}

void quic_sendbuf_free_spare(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);

	while (qs->nsend_pages) {
		put_page(take_spare(qs));
		sk_mem_uncharge(sk, SPARE_BYTES);
	}
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
	pf->page = take_spare(qs);
	pf->offset = 0;
	pf->size = SPARE_BYTES;
	/* Granted still, to what will be in it */
	WRITE_ONCE(sk->sk_forward_alloc, sk->sk_forward_alloc + SPARE_BYTES);
	return true;
}

static void buf_free(struct sock *sk, struct quic_sock_stream *s, struct quic_sendbuf *b)
{
	if (s->cursor == b)
		s->cursor = NULL;
	list_del(&b->list);
	/* Only pages of ours go round, each with what was granted to what was in it. */
	WRITE_ONCE(sk->sk_forward_alloc, sk->sk_forward_alloc + b->charged);
	if (b->lent)
		put_page(b->page);
	else
		page_free(sk, b->page);
	if (b->uarg)
		quic_zc_put(b->uarg);
	sk_wmem_queued_add(sk, -(int)b->charged);
	/* Who waits may be told sooner than the moment is over. */
	if (unlikely(quic_sk(sk)->refused_until)) {
		quic_sk(sk)->refused_until = 0;
		quic_sk(sk)->wake |= QUIC_WAKE_WRITE;
	}
	quic_sock_mem_uncharge(sk, 0);
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

/* @page: with a reference */
static struct quic_sendbuf *buf_new(struct sock *sk, struct quic_sock_stream *s, struct page *page,
				    u32 page_off)
{
	struct quic_sendbuf *b = kmalloc(sizeof(*b), sk->sk_allocation);
	struct quic_sendbuf *prev = last(s);

	if (!b)
		return NULL;
	b->off = prev ? prev->off + prev->len : s->core.tx.written + s->held_bytes;
	b->page = page;
	b->uarg = NULL;
	b->page_off = page_off;
	b->len = 0;
	b->room = 0;
	b->charged = 0;
	b->lent = false;
	b->ours = false;
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

bool quic_sendbuf_schedule(struct sock *sk, u32 size)
{
	if (unlikely(sk->sk_forward_alloc < (int)size && quic_compat_memcg_full(sk, size))) {
		quic_recvbuf_make_room(sk);
		if (quic_compat_memcg_full(sk, size))
			return false;
	}
	return sk_wmem_schedule(sk, size);
}

/* --- lent --- */

/* Does @page at @off go on where @b ends, in what one reference holds? */
static bool goes_on(const struct quic_sendbuf *b, struct page *page, u32 off)
{
	return compound_head(b->page) == compound_head(page) &&
	       page_address(b->page) + b->page_off + b->len == page_address(page) + off;
}

/* @page with its reference becomes the stream's. Return: false without memory */
static bool lend_page(struct sock *sk, struct quic_sock_stream *s, struct page *page, u32 off,
		      u32 len, const struct quic_zc *z)
{
	struct quic_sendbuf *b = last(s);

	if (b && b->lent && b->uarg == z->uarg && b->len + len <= LENT_MAX &&
	    goes_on(b, page, off)) {
		put_page(page);
		b->len += len;
		charge(sk, b, len);
		return true;
	}
	b = buf_new(sk, s, page, off);
	if (!b)
		return false;
	b->len = len;
	b->lent = true;
	b->ours = z->notify;
	b->uarg = z->uarg;
	if (b->uarg)
		net_zcopy_get(b->uarg);
	charge(sk, b, len + sizeof(*b));
	return true;
}

/* Return: bytes; 0: they have to be copied; -ENOBUFS */
static int lend(struct sock *sk, struct quic_sock_stream *s, struct msghdr *msg, u32 max,
		struct quic_zc *z)
{
	struct page *pages[QUIC_ZC_PAGES];
	unsigned int i = 0;
	u32 off, part, n, left;

	if (!quic_sendbuf_schedule(sk, max + QUIC_ZC_PAGES * sizeof(struct quic_sendbuf)))
		return -ENOBUFS;
	n = quic_zc_pages(&msg->msg_iter, max, pages, &off);
	for (left = n; left; left -= part, off = 0) {
		part = min_t(u32, left, PAGE_SIZE - off);
		if (!lend_page(sk, s, pages[i], off, part, z))
			break;
		i++;
	}
	z->lent |= i;
	if (likely(!left))
		return n;
	iov_iter_revert(&msg->msg_iter, left);
	n -= left;
	for (left += off; left; left -= min_t(u32, left, PAGE_SIZE))
		put_page(pages[i++]);
	return n ?: -ENOBUFS;
}

struct ubuf_info *quic_sendbuf_uarg(const struct quic_sock_stream *s)
{
	const struct quic_sendbuf *b = last(s);

	return b && b->ours ? b->uarg : NULL;
}

void quic_sendbuf_seal_uarg(struct quic_sock_stream *s)
{
	if (last(s))
		last(s)->ours = false;
}

/* --- taken from the application --- */

int quic_sendbuf_append(struct sock *sk, struct quic_sock_stream *s, struct msghdr *msg, u32 max,
			struct quic_zc *z)
{
	struct page_frag *pf = sk_page_frag(sk);
	struct quic_sendbuf *b = last(s), *new;
	u32 slot;
	int n;

	if (unlikely(z->pages) && max >= QUIC_ZC_LEAST) {
		n = lend(sk, s, msg, max, z);
		if (n)
			return n;
		z->copied = true;
	}
	if (b && b->room)
		return fill_room(b, msg, max);
	if (!refill(sk, pf))
		return -ENOBUFS;
	max = min(max, pf->size - pf->offset);
	if (b && b->page == pf->page && !b->lent && b->page_off + b->len == pf->offset) {
		if (!quic_sendbuf_schedule(sk, max))
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
	if (!quic_sendbuf_schedule(sk, slot + sizeof(*new)))
		return -ENOBUFS;
	new = buf_new(sk, s, pf->page, pf->offset);
	if (!new)
		return -ENOBUFS;
	get_page(pf->page);
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
		/* Our own copy nobody but the sealer reads; nobody may write to another's. */
		v[n].lent = b->lent ? 0 : skip;
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

static u32 frame_header(const struct quic_sock_stream *s)
{
	return 1 + quic_varint_len(s->core.id) + quic_varint_len(s->core.tx.written) +
	       quic_varint_len(s->held_bytes);
}

u32 quic_sendbuf_held_size(const struct sock *sk)
{
	const struct quic_sock_stream *s;
	u32 size = 0;

	list_for_each_entry(s, &quic_sk(sk)->held, held)
		size += frame_header(s) + s->held_bytes;
	return size;
}

void quic_sendbuf_commit_some(struct sock *sk, u32 room)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_sock_stream *s;
	u32 n, header;

	while (!list_empty(&qs->held)) {
		s = list_first_entry(&qs->held, struct quic_sock_stream, held);
		header = frame_header(s);
		if (room <= header)
			return;
		n = min(s->held_bytes, room - header);
		room -= header + n;
		qs->held_bytes -= n;
		s->held_bytes -= n;
		if (!s->held_bytes)
			list_del_init(&s->held);
		quic_stream_wrote(&qs->conn, &s->core, n, false);
	}
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
		/* The last one stays while there is room in it, unless that makes many. */
		if (b->room && list_is_last(&b->list, &s->sndq) && !s->core.tx.fin &&
		    quic_sk(sk)->conn.streams.count <= TAILS_MAX)
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

	if ((sk->sk_userlocks & SOCK_SNDBUF_LOCK) || sk_under_memory_pressure(sk))
		return;
	want = min_t(u64, want + want / 4, READ_ONCE(quic_sk(sk)->ctl->wmem[2]));
	if (want > sk->sk_sndbuf)
		WRITE_ONCE(sk->sk_sndbuf, want);
}
