// SPDX-License-Identifier: GPL-2.0
/*
 * Stream identity and lifetime: the tree by id, opening on either side's word,
 * counting against stream limits (RFC 9000, 4.6), freeing.
 *
 * Invariant: a stream is in the tree from its opening to its freeing. Ids below
 * an opened one of the same kind are open too or are gone for good. Those of the peer's that
 * nobody named yet are only noted (.unseen), so that one frame does not make thousands;
 * whoever looks for one finds it.
 */
#include "conn.h"

#define UNI(id)		(!!((id) & QUIC_SID_UNI))
#define LOCAL(c, id)	((c)->server == !!((id) & QUIC_SID_SERVER))

static u64 make_id(bool server, bool uni, u64 ordinal)
{
	return ordinal << 2 | (uni ? QUIC_SID_UNI : 0) | (server ? QUIC_SID_SERVER : 0);
}

void quic_stream_table_init(struct quic_conn *c)
{
	struct quic_stream_table *t = &c->streams;
	unsigned int k;

	t->tree = RB_ROOT;
	INIT_LIST_HEAD(&t->active);
	INIT_LIST_HEAD(&t->blocked);
	INIT_LIST_HEAD(&t->stalled);
	for (k = 0; k < 2; k++)
		t->kind[k].blocked_at = U64_MAX;
}

static void free_unseen(struct quic_streams *k)
{
	if (k->unseen)
		quic_ranges_free(k->unseen);
	kfree(k->unseen);
	k->unseen = NULL;
}

static void stream_destroy(struct quic_conn *c, struct quic_stream *s)
{
	if (c->streams.last == s)
		c->streams.last = NULL;
	rb_erase(&s->node, &c->streams.tree);
	quic_sched_del(c, s);
	c->streams.count--;
	c->streams.busy -= s->tx.busy;
	c->streams.barred -= s->barred;
	quic_ranges_free(&s->tx.acks);
	quic_ranges_free(&s->tx.lost);
	quic_ranges_free(&s->rx.ooo);
	c->ops->stream_free(c, s);
}

void quic_stream_table_free(struct quic_conn *c)
{
	struct rb_node *n;
	unsigned int k;

	while ((n = rb_first(&c->streams.tree)))
		stream_destroy(c, rb_entry(n, struct quic_stream, node));
	for (k = 0; k < 2; k++)
		free_unseen(&c->streams.kind[k]);
	quic_sched_free(c);
}

/* What the peer allows us to send on the stream: its words "local" and "remote" are its own. */
static u64 send_limit(const struct quic_conn *c, u64 id)
{
	if (UNI(id))
		return c->remote.max_stream_data_uni;
	return LOCAL(c, id) ? c->remote.max_stream_data_bidi_remote :
			      c->remote.max_stream_data_bidi_local;
}

static u64 recv_window(const struct quic_conn *c, u64 id)
{
	if (UNI(id))
		return c->local.max_stream_data_uni;
	return LOCAL(c, id) ? c->local.max_stream_data_bidi_local :
			      c->local.max_stream_data_bidi_remote;
}

static void tree_insert(struct quic_conn *c, struct quic_stream *s)
{
	struct rb_node **p = &c->streams.tree.rb_node, *parent = NULL;

	while (*p) {
		parent = *p;
		p = s->id < rb_entry(parent, struct quic_stream, node)->id ?
			&parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&s->node, parent, p);
	rb_insert_color(&s->node, &c->streams.tree);
	c->streams.count++;
	c->streams.last = s;
}

static struct quic_stream *stream_create(struct quic_conn *c, u64 id)
{
	struct quic_stream *s = c->ops->stream_alloc(c, GFP_ATOMIC | __GFP_NOWARN);

	if (!s)
		return NULL;
	s->id = id;
	INIT_LIST_HEAD(&s->active);
	s->tx.exists = !UNI(id) || LOCAL(c, id);
	s->rx.exists = !UNI(id) || !LOCAL(c, id);
	s->urgency = QUIC_URGENCY_DEFAULT;
	s->tx.state = QUIC_SEND_READY;
	s->tx.blocked_at = U64_MAX;
	s->tx.max = s->tx.exists ? send_limit(c, id) : 0;
	s->rx.state = QUIC_RECV_RECV;
	s->rx.final_size = U64_MAX;
	quic_ranges_init(&s->tx.acks);
	quic_ranges_init(&s->tx.lost);
	quic_ranges_init(&s->rx.ooo);
	quic_flow_init(&s->rx.flow, recv_window(c, id), c->rx_flow.window_max);
	tree_insert(c, s);
	return s;
}

static struct quic_stream *lookup(struct quic_conn *c, u64 id)
{
	struct rb_node *n = c->streams.tree.rb_node;
	struct quic_stream *s = c->streams.last;

	if (s && s->id == id)
		return s;
	while (n) {
		s = rb_entry(n, struct quic_stream, node);
		if (id == s->id) {
			c->streams.last = s;
			return s;
		}
		n = id < s->id ? n->rb_left : n->rb_right;
	}
	return NULL;
}

/* Objects for the streams of @r, which are unseen. false: no memory */
static bool realise(struct quic_conn *c, bool uni, struct quic_range r)
{
	struct quic_stream *s;

	for (; r.start < r.end; r.start++) {
		s = stream_create(c, make_id(!c->server, uni, r.start));
		if (!s)
			return false;
		/* The front of a range: needs no memory */
		quic_ranges_del(c->streams.kind[uni].unseen, r.start, r.start + 1, U32_MAX,
				GFP_ATOMIC);
		c->ops->stream_event(c, s, QUIC_SEV_OPENED);
	}
	return true;
}

/* Room for one more range: the shortest one, a small part of the limit, gives up its place. */
static bool unseen_room(struct quic_conn *c, bool uni)
{
	struct quic_ranges *rs = c->streams.kind[uni].unseen;
	const struct quic_range *r, *least;
	u32 i;

	if (!rs) {
		rs = kmalloc(sizeof(*rs), GFP_ATOMIC | __GFP_NOWARN);
		if (!rs)
			return false;
		quic_ranges_init(rs);
		c->streams.kind[uni].unseen = rs;
	}
	while (rs->n >= QUIC_UNSEEN_RANGES) {
		for (i = 1, least = rs->r; i < rs->n; i++) {
			r = &rs->r[i];
			if (r->end - r->start < least->end - least->start)
				least = r;
		}
		if (!realise(c, uni, *least))
			return false;
	}
	return true;
}

bool quic_stream_unseen(const struct quic_conn *c, u64 id)
{
	const struct quic_ranges *rs = c->streams.kind[UNI(id)].unseen;

	return unlikely(rs) && !LOCAL(c, id) && quic_ranges_has(rs, id >> 2);
}

struct quic_stream *quic_stream_find(struct quic_conn *c, u64 id)
{
	struct quic_stream *s = lookup(c, id);
	u64 n = id >> 2;

	if (likely(s) || likely(!quic_stream_unseen(c, id)) || !unseen_room(c, UNI(id)))
		return s;
	/* That may have been it. */
	s = lookup(c, id);
	if (s)
		return s;
	if (quic_ranges_del(c->streams.kind[UNI(id)].unseen, n, n + 1, U32_MAX, GFP_ATOMIC))
		return NULL;
	s = stream_create(c, id);
	if (s)
		c->ops->stream_event(c, s, QUIC_SEV_OPENED);
	else
		quic_ranges_add(c->streams.kind[UNI(id)].unseen, n, n + 1, U32_MAX, GFP_ATOMIC);
	return s;
}

/* RFC 9000, 4.6: say that the limit is what holds us back, once for each limit */
static void note_blocked(struct quic_streams *k)
{
	if (k->blocked_at == k->local_max)
		return;
	k->blocked_at = k->local_max;
	k->blocked_wanted = true;
}

struct quic_stream *quic_stream_open(struct quic_conn *c, bool uni, int *err)
{
	struct quic_streams *k = &c->streams.kind[uni];
	struct quic_stream *s;

	if (k->local_next >= k->local_max) {
		note_blocked(k);
		*err = -EAGAIN;
		return NULL;
	}
	s = stream_create(c, make_id(c->server, uni, k->local_next));
	if (!s) {
		*err = -ENOMEM;
		return NULL;
	}
	k->local_next++;
	return s;
}

struct quic_stream *quic_stream_open_id(struct quic_conn *c, u64 id, int *err)
{
	struct quic_streams *k = &c->streams.kind[UNI(id)];
	struct quic_stream *s = NULL;

	*err = -EINVAL;
	if (id > QUIC_VARINT_MAX || !LOCAL(c, id) || id >> 2 < k->local_next)
		return NULL;
	if (id >> 2 >= k->local_max || id >> 2 >= k->local_next + QUIC_STREAMS_LOCAL_MAX) {
		if (id >> 2 >= k->local_max)
			note_blocked(k);
		*err = -EAGAIN;
		return NULL;
	}
	while (k->local_next <= id >> 2) {
		s = quic_stream_open(c, UNI(id), err);
		if (!s)
			return NULL;
	}
	return s;
}

/* A stream of the peer's: it, and all of its kind below it, come into being (3.2). */
static u64 open_peer(struct quic_conn *c, u64 id)
{
	struct quic_streams *k = &c->streams.kind[UNI(id)];
	struct quic_stream *s;
	u64 n = id >> 2;

	if (n >= k->peer_max)
		return QUIC_ERR_STREAM_LIMIT;
	if (n > k->peer_next) {
		if (!unseen_room(c, UNI(id)) ||
		    quic_ranges_add(k->unseen, k->peer_next, n, QUIC_UNSEEN_RANGES,
				    GFP_ATOMIC) < 0)
			return QUIC_RX_DROP;
		k->peer_next = n;
	}
	s = stream_create(c, id);
	if (!s)
		return QUIC_RX_DROP;
	k->peer_next++;
	c->ops->stream_event(c, s, QUIC_SEV_OPENED);
	return 0;
}

/*
 * *sp is NULL and the result 0 for a stream that came and went: the frame is
 * late and means nothing any more.
 */
u64 quic_stream_of_peer(struct quic_conn *c, u64 id, bool for_sending, struct quic_stream **sp)
{
	struct quic_streams *k = &c->streams.kind[UNI(id)];
	u64 err;

	*sp = NULL;
	/* RFC 9000, 19.4, 19.5, 19.8, 19.10, 19.13: a direction that is not there */
	if (UNI(id) && LOCAL(c, id) != for_sending)
		return QUIC_ERR_STREAM_STATE;
	if (LOCAL(c, id)) {
		if (id >> 2 >= k->local_next)
			return QUIC_ERR_STREAM_STATE;
	} else if (id >> 2 >= k->peer_next) {
		err = open_peer(c, id);
		if (err)
			return err;
	}
	*sp = quic_stream_find(c, id);
	return !*sp && unlikely(quic_stream_unseen(c, id)) ? QUIC_RX_DROP : 0;
}

static bool tx_final(const struct quic_stream *s)
{
	return !s->tx.exists || s->tx.state == QUIC_SEND_RECVD ||
	       s->tx.state == QUIC_SEND_RESET_RECVD;
}

static bool rx_final(const struct quic_stream *s)
{
	return !s->rx.exists || s->rx.state == QUIC_RECV_READ ||
	       s->rx.state == QUIC_RECV_RESET_READ;
}

/* Streams the peer may open, with those we hold: half a window of news is worth a frame. */
static void return_credit(struct quic_conn *c, struct quic_stream *s)
{
	struct quic_streams *k = &c->streams.kind[UNI(s->id)];

	if (s->closed_local || LOCAL(c, s->id))
		return;
	s->closed_local = true;
	k->peer_closed++;
	if (k->peer_closed + k->peer_window - k->peer_max >= (k->peer_window + 1) / 2)
		k->max_wanted = true;
}

void quic_stream_settle(struct quic_conn *c, struct quic_stream *s)
{
	if (!tx_final(s) || !rx_final(s) || !s->released)
		return;
	/* Not before: what the peer may open has to go by what it makes us hold. */
	return_credit(c, s);
	if (!s->refs)
		stream_destroy(c, s);
}

void quic_stream_release(struct quic_conn *c, struct quic_stream *s)
{
	s->released = true;
	quic_stream_settle(c, s);
}

void quic_stream_get(struct quic_stream *s)
{
	s->refs++;
}

void quic_stream_put(struct quic_conn *c, struct quic_stream *s)
{
	s->refs--;
	quic_stream_settle(c, s);
}

/* The peer's limit rose: streams that a rejection of 0-RTT left above it may be sent. */
static void unbar(struct quic_conn *c)
{
	struct rb_node *n;

	for (n = rb_first(&c->streams.tree); n; n = rb_next(n)) {
		struct quic_stream *s = rb_entry(n, struct quic_stream, node);

		if (!s->barred || s->id >> 2 >= c->streams.kind[UNI(s->id)].local_max)
			continue;
		s->barred = false;
		c->streams.barred--;
		quic_stream_activate(c, s);
	}
}

void quic_stream_rx_max_streams(struct quic_conn *c, bool uni, u64 max)
{
	struct quic_streams *k = &c->streams.kind[uni];

	if (max <= k->local_max)
		return;
	k->local_max = max;
	k->blocked_wanted = false;
	if (unlikely(c->streams.barred))
		unbar(c);
	c->ops->event(c, QUIC_CEV_MAX_STREAMS, uni);
}

void quic_stream_set_limits(struct quic_conn *c)
{
	struct rb_node *n;

	for (n = rb_first(&c->streams.tree); n; n = rb_next(n)) {
		struct quic_stream *s = rb_entry(n, struct quic_stream, node);

		if (s->tx.exists)
			s->tx.max = max(s->tx.max, send_limit(c, s->id));
		quic_stream_activate(c, s);
	}
	c->streams.kind[0].local_max = max(c->streams.kind[0].local_max,
					   c->remote.max_streams_bidi);
	c->streams.kind[1].local_max = max(c->streams.kind[1].local_max,
					   c->remote.max_streams_uni);
	/* A client that started over in another version had no limits for a while. */
	if (unlikely(c->streams.barred))
		unbar(c);
}

/* As if just written, not sent. */
static void go_back(struct quic_conn *c, struct quic_stream *s)
{
	s->tx.next = 0;
	s->tx.max = send_limit(c, s->id);
	s->tx.blocked_at = U64_MAX;
	s->tx.blocked_wanted = false;
	s->tx.fin_sent = false;
	s->tx.fin_lost = false;
	quic_ranges_free(&s->tx.lost);
	if (s->tx.state == QUIC_SEND_SENT)
		s->tx.state = QUIC_SEND_SEND;
	s->tx.reset_wanted = s->tx.state == QUIC_SEND_RESET_SENT || s->tx.reset_at;
}

void quic_stream_start_over(struct quic_conn *c)
{
	struct rb_node *n;
	unsigned int k;

	c->tx_data = 0;
	for (k = 0; k < 2; k++) {
		c->streams.kind[k].blocked_at = U64_MAX;
		c->streams.kind[k].blocked_wanted = false;
	}
	c->streams.kind[0].local_max = c->remote.max_streams_bidi;
	c->streams.kind[1].local_max = c->remote.max_streams_uni;
	for (n = rb_first(&c->streams.tree); n; n = rb_next(n)) {
		struct quic_stream *s = rb_entry(n, struct quic_stream, node);
		struct quic_streams *st = &c->streams.kind[UNI(s->id)];

		if (s->tx.exists)
			go_back(c, s);
		s->barred = s->id >> 2 >= st->local_max;
		c->streams.barred += s->barred;
		if (s->barred)
			note_blocked(st);
		quic_stream_activate(c, s);
	}
}
