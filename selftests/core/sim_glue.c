// SPDX-License-Identifier: GPL-2.0
/*
 * The ops of struct quic_conn in userspace. Stream bytes are not stored: byte
 * @off of stream @id is a known function of both, so that what is received can be
 * checked whatever way it came.
 */
#include "sim.h"

#define PERIOD		65521u

static u8 pattern[2 * PERIOD];

static void make_pattern(void)
{
	u64 s = 1;
	u32 i;

	for (i = 0; i < PERIOD; i++) {
		s = s * 6364136223846793005ull + 1442695040888963407ull;
		pattern[i] = s >> 56;
	}
	memcpy(pattern + PERIOD, pattern, PERIOD);
}

static u8 *bytes_at(u64 id, u64 off)
{
	if (!pattern[0] && !pattern[1])
		make_pattern();
	return pattern + (off + id * 7919) % PERIOD;
}

static struct sim_ep *ep_of(struct quic_conn *c)
{
	return container_of(c, struct sim_ep, conn);
}

static struct sim_stream *stream_of(struct quic_stream *s)
{
	return container_of(s, struct sim_stream, qs);
}

static struct quic_stream *stream_alloc(struct quic_conn *c, gfp_t gfp)
{
	struct sim_stream *st = kzalloc(sizeof(*st), gfp);

	if (!st)
		return NULL;
	quic_ranges_init(&st->got);
	st->qs.released = !ep_of(c)->keep;
	list_add_tail(&st->node, &ep_of(c)->streams);
	return &st->qs;
}

static void stream_free(struct quic_conn *c, struct quic_stream *s)
{
	struct sim_stream *st = stream_of(s);

	WARN_ON(s->refs);
	quic_ranges_free(&st->got);
	list_del(&st->node);
	ep_of(c)->n_freed++;
	kfree(st);
}

static int stream_data(struct quic_conn *c, struct quic_stream *s, u64 off, const u8 *data,
		       u32 len)
{
	struct sim_stream *st = stream_of(s);
	struct quic_range gap;
	u32 n;

	WARN_ON(!len);
	/* Never given before: all of it is one gap. */
	WARN_ON(!quic_ranges_gap(&st->got, off, off + len, &gap) || gap.start != off ||
		gap.end != off + len);
	if (quic_ranges_add(&st->got, off, off + len, U32_MAX, GFP_ATOMIC) < 0)
		return -ENOMEM;
	ep_of(c)->rx_bytes += len;
	for (; len; len -= n, off += n, data += n) {
		n = min(len, PERIOD);
		WARN_ON(memcmp(bytes_at(s->id, off), data, n) && !ep_of(c)->sim->hostile);
	}
	return 0;
}

static void stream_contig(struct quic_conn *c, struct quic_stream *s)
{
	WARN_ON(!quic_ranges_covers(&stream_of(s)->got, 0, s->rx.contig));
}

static void stream_event(struct quic_conn *c, struct quic_stream *s, enum quic_stream_event ev)
{
	struct sim_stream *st = stream_of(s);
	struct sim_ep *ep = ep_of(c);

	switch (ev) {
	case QUIC_SEV_OPENED:
		ep->n_opened++;
		st->peers = true;
		break;
	case QUIC_SEV_SIZE_KNOWN:
		WARN_ON(st->fin || s->rx.contig >= s->rx.final_size);
		ep->n_size_known++;
		break;
	case QUIC_SEV_FIN:
		WARN_ON(st->fin || s->rx.contig != s->rx.final_size);
		st->fin = true;
		st->t_fin = ep->sim->now;
		ep->t_last_fin = ep->sim->now;
		ep->n_fin++;
		break;
	case QUIC_SEV_RESET:
		st->reset = true;
		ep->n_reset++;
		/* As the kernel does: where nothing is left to read it may be gone. */
		if (!ep->keep && s->rx.readable <= st->read)
			quic_stream_read_end(c, s);
		break;
	case QUIC_SEV_STOPPED:
		st->stopped = true;
		ep->n_stopped++;
		break;
	case QUIC_SEV_SENT_ALL:
		WARN_ON(st->sent_all);
		st->sent_all = true;
		ep->n_sent_all++;
		break;
	default:
		break;
	}
}

static void stream_acked(struct quic_conn *c, struct quic_stream *s)
{
}

/* What the core may ask for: bytes written, and not released. */
static void check_range(const struct quic_stream *s, u64 off, u32 len)
{
	WARN_ON(off < s->tx.acked || off + len > s->tx.written);
}

static unsigned int stream_vecs(struct quic_conn *c, struct quic_stream *s, u64 off, u32 len,
				struct quic_vec *v, unsigned int max)
{
	struct sim *sim = ep_of(c)->sim;
	unsigned int n = 0;
	u32 piece;

	check_range(s, off, len);
	for (; len; len -= piece, off += piece) {
		piece = min_t(u32, len, 1 + sim_rnd(sim) % 16384);
		if (n == max)
			return 0;
		v[n].base = bytes_at(s->id, off);
		v[n].lent = 0;
		v[n++].len = piece;
	}
	return n;
}

static void stream_copy(struct quic_conn *c, struct quic_stream *s, u64 off, u32 len, u8 *to)
{
	check_range(s, off, len);
	memcpy(to, bytes_at(s->id, off), len);
}

static void datagram(struct quic_conn *c, const u8 *data, u32 len)
{
	struct sim_ep *ep = ep_of(c);

	ep->n_datagrams++;
	ep->datagram_bytes += len;
	if (ep->sim->hostile)
		return;
	/* Length is told by the first four bytes, if there are so many; order by the next ones. */
	if (len >= 8) {
		u32 seq = get_unaligned_be32(data + 4);

		WARN_ON(get_unaligned_be32(data) != len);
		WARN_ON(memcmp(data + 8, bytes_at(seq, 0), min(len - 8, PERIOD)));
		ep->datagrams_late += seq < ep->datagram_next;
		ep->datagram_next = max(ep->datagram_next, seq + 1);
	}
}

static void datagram_done(struct quic_conn *c, struct quic_datagram *d)
{
	ep_of(c)->n_datagrams_done++;
	kfree(d);
}

int sim_datagram(struct sim_ep *ep, u32 len)
{
	struct quic_datagram *d = kmalloc(sizeof(*d) + len, GFP_KERNEL);
	u8 *p = (u8 *)(d + 1);
	int err;

	WARN_ON(!d);
	d->data = p;
	d->len = len;
	if (len >= 8) {
		put_unaligned_be32(len, p);
		put_unaligned_be32(ep->datagram_seq, p + 4);
		memcpy(p + 8, bytes_at(ep->datagram_seq, 0), len - 8);
	} else {
		memset(p, 0, len);
	}
	err = quic_datagram_send(&ep->conn, d);
	if (err)
		kfree(d);
	else
		ep->datagram_seq++;
	return err;
}

static int crypto_data(struct quic_conn *c, enum quic_level level, const u8 *data, u32 len)
{
	return sim_tls_crypto_data(ep_of(c), level, data, len);
}

struct buf {
	struct list_head list;
	u8 data[];
};

static u8 *rx_buf(struct quic_conn *c, u32 len)
{
	struct buf *b = malloc(sizeof(*b) + len);

	WARN_ON(!b);
	list_add_tail(&b->list, &ep_of(c)->bufs);
	return b->data;
}

void sim_glue_drop_bufs(struct sim_ep *ep)
{
	struct buf *b, *tmp;

	list_for_each_entry_safe(b, tmp, &ep->bufs, list)
		free(b);
	INIT_LIST_HEAD(&ep->bufs);
}

static struct sim_cid *find_cid(struct sim_ep *ep, const u8 *id, u8 len)
{
	unsigned int i;

	for (i = 0; i < SIM_CIDS; i++)
		if (ep->cid[i].used && quic_cid_eq(&ep->cid[i].cid, id, len))
			return &ep->cid[i];
	return NULL;
}

bool sim_glue_has_cid(struct sim_ep *ep, const u8 *id, u8 len)
{
	return find_cid(ep, id, len);
}

static int cid_add(struct quic_conn *c, const struct quic_cid *cid)
{
	struct sim_ep *ep = ep_of(c);
	unsigned int i;

	if (find_cid(ep, cid->id, cid->len))
		return -EEXIST;
	for (i = 0; i < SIM_CIDS && ep->cid[i].used; i++)
		;
	WARN_ON(i == SIM_CIDS);
	ep->cid[i].cid = *cid;
	ep->cid[i].used = true;
	return 0;
}

static void cid_del(struct quic_conn *c, const struct quic_cid *cid)
{
	struct sim_cid *e = find_cid(ep_of(c), cid->id, cid->len);

	WARN_ON(!e);
	e->used = false;
}

static int path_new(struct quic_conn *c, u8 slot)
{
	struct sim_ep *ep = ep_of(c);

	WARN_ON(ep->slots & BIT(slot) || c->paths.slot[slot] == c->path);
	/* As the glue's own memory might */
	if (ep->sim->loose && sim_rnd(ep->sim) % 4 == 0)
		return -ENOMEM;
	ep->slots |= BIT(slot);
	ep->n_paths++;
	return 0;
}

static void path_del(struct quic_conn *c, u8 slot)
{
	WARN_ON(c->paths.slot[slot] == c->path);
	/* That of the handshake was never announced. */
	ep_of(c)->slots &= ~BIT(slot);
}

static void reset_token(struct quic_conn *c, const struct quic_cid *cid, u8 *token)
{
	unsigned int i;

	for (i = 0; i < QUIC_TOKEN_RESET_LEN; i++)
		token[i] = cid->id[i % cid->len] ^ (0x5a + i);
}

static u64 rng = 88172645463325252ull;

static void random_bytes(void *buf, u32 len)
{
	u8 *p = buf;

	while (len--) {
		rng ^= rng << 13;
		rng ^= rng >> 7;
		rng ^= rng << 17;
		*p++ = rng >> 24;
	}
}

/* What the kernel leaves to a work item. */
static void obey(struct sim *s, void *arg)
{
	struct sim_ep *ep = arg;

	if (!ep->live)
		return;
	WARN_ON(quic_retry_apply(&ep->conn, s->now) && !s->loose);
	sim_pump(ep);
}

static void change_version(struct sim *s, void *arg)
{
	struct sim_ep *ep = arg;

	if (!ep->live)
		return;
	WARN_ON(quic_negotiate_apply(&ep->conn, s->now) && !s->loose);
	sim_after(ep);
}

static void event(struct quic_conn *c, enum quic_conn_event ev, u64 arg)
{
	struct sim_ep *ep = ep_of(c);

	WARN_ON(ev >= ARRAY_SIZE(ep->n_event));
	ep->n_event[ev]++;
	if (ev == QUIC_CEV_ESTABLISHED)
		ep->t_established = ep->sim->now;
	else if (ev == QUIC_CEV_CONFIRMED)
		ep->t_confirmed = ep->sim->now;
	else if (ev == QUIC_CEV_CLOSED)
		ep->t_closed = ep->sim->now;
	else if (ev == QUIC_CEV_RETRY)
		sim_at(ep->sim, ep->sim->now + ep->sim->cfg.apply_delay, obey, ep);
	else if (ev == QUIC_CEV_VERSION)
		sim_at(ep->sim, ep->sim->now + ep->sim->cfg.apply_delay, change_version, ep);
	else if (ev == QUIC_CEV_RESTART)
		sim_tls_free(ep);	/* a new ClientHello */
	else if (ev == QUIC_CEV_PREPARE_KEYS && !ep->no_prepare)
		quic_protect_prepare_update(&c->prot);
}

static void token(struct quic_conn *c, const u8 *data, u32 len)
{
	struct sim_ep *ep = ep_of(c);

	ep->tokens++;
	ep->token_len = min_t(u32, len, sizeof(ep->token));
	memcpy(ep->token, data, ep->token_len);
}

const struct quic_conn_ops sim_ops = {
	.stream_alloc = stream_alloc,
	.stream_free = stream_free,
	.stream_data = stream_data,
	.stream_contig = stream_contig,
	.stream_event = stream_event,
	.stream_acked = stream_acked,
	.stream_vecs = stream_vecs,
	.stream_copy = stream_copy,
	.datagram = datagram,
	.datagram_done = datagram_done,
	.crypto_data = crypto_data,
	.rx_buf = rx_buf,
	.cid_add = cid_add,
	.cid_del = cid_del,
	.path_new = path_new,
	.path_del = path_del,
	.reset_token = reset_token,
	.random = random_bytes,
	.event = event,
	.token = token,
};

/* The application's turn: read what came. The stream may be gone afterwards. */
static void app_stream(struct sim_ep *ep, struct sim_stream *st)
{
	struct quic_stream *s = &st->qs;
	u64 n = (st->reset ? s->rx.readable : s->rx.contig) - st->read;

	if (!s->rx.stopped && n) {
		st->read += n;
		quic_stream_consumed(&ep->conn, s, n, ep->sim->now);
	}
	if (st->fin || st->reset)
		quic_stream_read_end(&ep->conn, s);
}

void sim_glue_app(struct sim_ep *ep)
{
	struct sim_stream *st, *tmp;

	list_for_each_entry_safe(st, tmp, &ep->streams, node)
		app_stream(ep, st);
}

/* Invariants of the core's headers, between calls. */
static void check_stream(struct quic_conn *c, const struct quic_stream *s)
{
	bool wants = quic_stream_reset_due(s) || s->tx.blocked_wanted || s->rx.max_wanted ||
		     s->rx.stop_wanted || quic_stream_has_data(c, s);

	WARN_ON(s->tx.acked > s->tx.written);
	WARN_ON(s->tx.next > s->tx.written || s->tx.next > s->tx.max);
	WARN_ON(s->tx.state <= QUIC_SEND_SENT && s->tx.acked > s->tx.next);
	WARN_ON(s->rx.contig > s->rx.flow.used || s->rx.flow.used > s->rx.flow.limit);
	WARN_ON((wants && !s->barred) != (!list_empty(&s->active) && !s->parked));
}

static bool is_busy(const struct quic_stream *s)
{
	return s->tx.state == QUIC_SEND_RESET_SENT ||
	       (s->tx.exists && s->tx.state < QUIC_SEND_RECVD &&
		(s->tx.acked != s->tx.written || s->tx.fin));
}

static void check_paths(struct sim_ep *ep)
{
	struct quic_conn *c = &ep->conn;
	unsigned int i, in_use = 0;

	for (i = 0; i < QUIC_PATHS_MAX; i++) {
		struct quic_path *p = c->paths.slot[i];

		in_use += p == c->path;
		if (!p)
			continue;
		WARN_ON(p->slot != i || (!ep->server && p->n_challenges && p == c->path));
		WARN_ON(p->cid == QUIC_PATH_NO_CID && p == c->path);
		WARN_ON(p->checking && p->at == U64_MAX);
	}
	WARN_ON(in_use != 1 || !quic_cid_remote_at(&c->cids, c->path->cid)->used);
	/* 9.3.2: there is always a way back */
	if (c->confirmed)
		WARN_ON(!c->path->validated && (!c->paths.good || !c->paths.good->validated));
}

void sim_glue_check(struct sim_ep *ep)
{
	struct quic_conn *c = &ep->conn;
	struct sim_stream *st;
	u64 flight = 0, pn;
	unsigned int i, busy = 0;

	if (c->state > QUIC_CONN_ESTABLISHED)
		return;
	check_paths(ep);
	WARN_ON(c->tx_data > c->tx_max);
	WARN_ON(c->rx_flow.used > c->rx_flow.limit || c->rx_flow.consumed > c->rx_flow.used);
	if (ep->sim->steps % 64)
		return;
	list_for_each_entry(st, &ep->streams, node) {
		check_stream(c, &st->qs);
		busy += is_busy(&st->qs);
	}
	WARN_ON(busy != c->streams.busy);
	for (i = 0; i < quic_conn_spaces(c); i++) {
		struct quic_sent *sent = &quic_loss_space(&c->loss, i)->sent;

		for (pn = sent->live; pn < sent->next; pn++) {
			struct quic_sent_packet *p = quic_sent_get(sent, pn);

			if ((p->flags & QUIC_PKT_F_IN_FLIGHT) &&
			    !(p->flags & (QUIC_PKT_F_LOST | QUIC_PKT_F_DONE)))
				flight += p->size;
		}
	}
	WARN_ON(flight != c->loss.bytes_in_flight);
}

void sim_glue_free(struct sim_ep *ep)
{
	unsigned int i;

	quic_conn_free(&ep->conn);
	WARN_ON(!list_empty(&ep->streams));
	for (i = 0; i < SIM_CIDS; i++)
		WARN_ON(ep->cid[i].used);
	sim_glue_drop_bufs(ep);
}

struct sim_stream *sim_find(struct sim_ep *ep, u64 id)
{
	struct quic_stream *s = quic_stream_find(&ep->conn, id);

	return s ? stream_of(s) : NULL;
}

struct sim_stream *sim_open(struct sim_ep *ep, bool uni)
{
	struct quic_stream *s;
	int err;

	s = quic_stream_open(&ep->conn, uni, &err);
	return s ? stream_of(s) : NULL;
}

void sim_write(struct sim_ep *ep, struct sim_stream *st, u64 len, bool fin)
{
	u32 n;

	do {
		n = min_t(u64, len, 1u << 30);
		len -= n;
		WARN_ON(quic_stream_wrote(&ep->conn, &st->qs, n, fin && !len));
	} while (len);
	sim_pump(ep);
}

void sim_read_all(struct sim_ep *ep)
{
	sim_glue_app(ep);
	sim_pump(ep);
}
