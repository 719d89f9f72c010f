// SPDX-License-Identifier: GPL-2.0
/*
 * The network and the loop. One turn: the earliest of arrivals, deadlines and
 * timers becomes now; what is due happens; then everybody touched reads, lets
 * TLS answer, and sends.
 */
#include "sim.h"
#include "crypto_null.h"

#define TURNS_MAX	64	/* turns at one instant before time is said to stand still */

struct sim_dgram {
	struct list_head list;
	u64 at;
	struct sim_way way;
	u8 ecn;			/* of the IP header */
	u32 len;
	u8 data[];
};

u64 sim_rnd(struct sim *s)
{
	s->rng ^= s->rng >> 12;
	s->rng ^= s->rng << 25;
	s->rng ^= s->rng >> 27;
	return s->rng * 0x2545f4914f6cdd1dull;
}

static bool chance(struct sim *s, u32 of_1000)
{
	return of_1000 && sim_rnd(s) % 1000 < of_1000;
}

void sim_at(struct sim *s, u64 at, void (*fn)(struct sim *s, void *arg), void *arg)
{
	unsigned int i;

	for (i = 0; i < SIM_TIMERS; i++) {
		if (s->timer[i].at)
			continue;
		s->timer[i] = (struct sim_timer){ .at = at, .fn = fn, .arg = arg };
		return;
	}
	WARN_ON(true);
}

/* --- the network --- */

static void enqueue(struct sim *s, struct sim_link *l, u64 at, const u8 *buf, u32 len)
{
	struct sim_dgram *d = malloc(sizeof(*d) + len), *e;
	struct list_head *pos = l->queued.prev;

	WARN_ON(!d);
	d->at = at;
	d->way = s->way;
	d->ecn = s->ecn ?: l->bleach ? 0 : s->mark && chance(s, l->ce) ? 3 : s->mark;
	d->len = len;
	memcpy(d->data, buf, len);
	while (pos != &l->queued) {
		e = list_entry(pos, struct sim_dgram, list);
		if (e->at <= at)
			break;
		pos = pos->prev;
	}
	list_add(&d->list, pos);
}

/* When a datagram that leaves now arrives; U64_MAX: the queue has no room. */
static u64 arrival(struct sim *s, struct sim_link *l, u32 len)
{
	u64 at = s->now;

	if (l->rate) {
		u64 start = max(l->busy_until, s->now);

		if (l->queue && (start - s->now) * l->rate / NSEC_PER_SEC + len > l->queue)
			return U64_MAX;
		l->busy_until = start + (u64)(len + 28) * NSEC_PER_SEC / l->rate;
		at = l->busy_until;
	}
	at += l->delay;
	if (l->coalesce)
		at = DIV_ROUND_UP(at, l->coalesce) * l->coalesce;
	if (chance(s, l->reorder))
		at += l->reorder_by;
	return at;
}

void sim_transmit(struct sim_ep *from, const u8 *buf, u32 len)
{
	struct sim_link *l = &from->link;
	struct sim *s = from->sim;
	struct sim_way way = s->way;
	u64 n = l->offered++, at;

	if (l->tap)
		l->tap(from, n, buf, len);
	s->way = way;
	if (!sim_way_send(from, &s->way, buf, len) || l->down || (l->mtu && len > l->mtu) || (l->drop && l->drop(from, n, buf, len)) ||
	    chance(s, l->loss)) {
		l->lost++;
		return;
	}
	at = arrival(s, l, len);
	if (at == U64_MAX) {
		l->lost++;
		return;
	}
	if (chance(s, l->corrupt)) {
		u8 *bad = malloc(len);

		memcpy(bad, buf, len);
		bad[sim_rnd(s) % len] ^= 1 << sim_rnd(s) % 8;
		enqueue(s, l, at, bad, len);
		free(bad);
	} else {
		enqueue(s, l, at, buf, len);
	}
	if (chance(s, l->dup))
		enqueue(s, l, arrival(s, l, len), buf, len);
}

/* --- sending --- */

/* RFC 9000, 14.1 and 8.1, and that what we send parses */
static void check_datagram(struct sim_ep *ep, const u8 *buf, u32 len)
{
	u8 cid_len = quic_cid_remote(&ep->conn)->len;
	struct quic_packet h;
	u32 off = 0;

	WARN_ON(len > QUIC_DGRAM_MAX);
	while (off < len) {
		WARN_ON(quic_packet_parse(buf + off, len - off, cid_len, &h));
		if (h.type == QUIC_PKT_INITIAL && !ep->server)
			WARN_ON(len < QUIC_DGRAM_MIN);
		off += h.len;
	}
	if (!ep->server || ep->amp_over)
		return;
	ep->amp_tx += len;
	WARN_ON(ep->amp_tx > 3 * ep->amp_rx);
}

static unsigned int burst(struct sim_ep *ep)
{
	static u8 out[QUIC_BURST_MAX * QUIC_DGRAM_MAX];
	bool runs = ep->link.offered % 2;	/* bulk data in either way */
	unsigned int n = 0, more, i;
	int len[QUIC_BURST_MAX], got;
	struct quic_burst b;
	u8 *p = out;
	u32 cap;

	quic_tx_begin(&b, &ep->conn, ep->sim->now);
	do {
		cap = quic_tx_max_size(&ep->conn);
		WARN_ON(cap > QUIC_DGRAM_MAX || n == QUIC_BURST_MAX);
		got = quic_tx_datagram(&b, p, cap);
		WARN_ON(got > (int)cap || (got < 0 && !ep->sim->loose));
		if (got > 0) {
			len[n++] = got;
			p += got;
			more = runs ? quic_tx_run(&b, p, out + sizeof(out) - p, 7) : 0;
			for (; more; more--, p += b.size)
				len[n++] = b.size;
		}
	} while (got > 0 && n < QUIC_BURST_MAX);
	WARN_ON(quic_tx_end(&b) && !ep->sim->loose);
	for (i = 0, p = out; i < n; p += len[i++]) {
		/* One GSO packet: one size, the last may be shorter. */
		WARN_ON(len[i] > len[0] || (i + 1 < n && len[i] != len[0]));
		check_datagram(ep, p, len[i]);
		ep->sim->way = sim_way_of(b.path);
		ep->sim->mark = b.ect ? 2 : 0;
		sim_transmit(ep, p, len[i]);
	}
	return n;
}

void sim_pump(struct sim_ep *ep)
{
	unsigned int bursts = 0;

	if (!ep->live)
		return;
	while (burst(ep))
		WARN_ON(++bursts > 4096);
	if (ep->sim->loose)
		return;
	WARN_ON(quic_tx_pending(&ep->conn, ep->sim->now));
	sim_glue_check(ep);
}

/* --- receiving --- */

static bool is_ours(struct sim_ep *ep, const u8 *buf, u32 len)
{
	const u8 *dcid;
	u8 dcid_len;
	bool longh;

	if (!quic_rx_peek(buf, len, &dcid, &dcid_len, &longh))
		return false;
	if (ep->conn.cids.local_empty)
		return !longh || !dcid_len;
	return sim_glue_has_cid(ep, dcid, dcid_len);
}

/* What a client's datagram means for the 8.1 check: bytes, or validation. */
static void count_amp(struct sim_ep *ep, const u8 *buf, u32 len)
{
	struct quic_packet h;
	u32 off = 0;

	ep->amp_rx += len;
	while (off < len && !quic_packet_parse(buf + off, len - off, QUIC_CID_LEN, &h)) {
		if (h.type == QUIC_PKT_HANDSHAKE)
			ep->amp_over = true;
		off += h.len;
	}
}

/* A copy in up to four pieces of their own; *n of them go to @v. */
static void pieces(struct sim *s, const u8 *buf, u32 len, struct quic_vec *v, u16 *n)
{
	bool whole = sim_rnd(s) % 2;
	u32 piece;

	for (*n = 0; len; len -= piece, buf += piece) {
		piece = whole || *n == 3 ? len : min_t(u32, len, 1 + sim_rnd(s) % 600);
		v[*n].base = malloc(piece);
		v[*n].len = piece;
		memcpy(v[(*n)++].base, buf, piece);
	}
}

static void rx_train(struct sim_ep *ep, struct sim_dgram **d, unsigned int n)
{
	struct quic_rx_seg seg[QUIC_BURST_MAX];
	struct quic_vec vec[4 * QUIC_BURST_MAX];
	struct quic_rx_train t = { .vec = vec, .seg = seg, .nseg = n, .ecn = d[0]->ecn };
	unsigned int i, nvec = 0;

	for (i = 0; i < n; i++) {
		seg[i].vec = nvec;
		seg[i].len = d[i]->len;
		pieces(ep->sim, d[i]->data, d[i]->len, &vec[nvec], &seg[i].nvec);
		nvec += seg[i].nvec;
	}
	quic_rx_train(&ep->conn, &t, ep->sim->now);
	for (i = 0; i < nvec; i++)
		free(vec[i].base);
	sim_glue_drop_bufs(ep);
	ep->trains_rx++;
	ep->dgrams_rx += n;
}

static void arrived(struct sim_ep *ep, struct sim_dgram **d, unsigned int n)
{
	unsigned int i, m;

	for (i = 0; i < n; i += m) {
		m = 1;
		if (ep->server)
			count_amp(ep, d[i]->data, d[i]->len);
		if (ep->server && !ep->live && !ep->t_closed)
			sim_door_knock(ep, &d[i]->way, d[i]->data, d[i]->len);
		if (!ep->live || !is_ours(ep, d[i]->data, d[i]->len)) {
			ep->not_ours++;
			continue;
		}
		if (!sim_way_receive(ep, &d[i]->way, d[i]->len)) {
			ep->strangers++;
			continue;
		}
		/* As GRO: same size, ID and ECN, the last may be shorter. */
		while (i + m < n && m < QUIC_BURST_MAX && d[i + m]->len <= d[i]->len &&
		       d[i + m - 1]->len == d[i]->len && !(d[i]->data[0] & QUIC_HDR_LONG) &&
		       d[i]->ecn == d[i + m]->ecn &&
		       !memcmp(&d[i]->way, &d[i + m]->way, sizeof(d[i]->way)) &&
		       !memcmp(d[i]->data + 1, d[i + m]->data + 1,
			       quic_cid_own_len(&ep->conn.cids))) {
			sim_way_receive(ep, &d[i + m]->way, d[i + m]->len);
			if (ep->server)
				count_amp(ep, d[i + m]->data, d[i + m]->len);
			m++;
		}
		rx_train(ep, d + i, m);
		/* Nobody keeps a connection whose first datagram could not be opened. */
		if (ep->server && !ep->conn.stats.packets_received)
			sim_door_restart(ep);
	}
}

/* Everything that is due from @l. Return: was there anything? */
static bool deliver(struct sim_ep *to, struct sim_link *l, u64 now)
{
	struct sim_dgram *batch[256], *d, *tmp;
	unsigned int n = 0, i;

	list_for_each_entry_safe(d, tmp, &l->queued, list) {
		if (d->at > now || n == ARRAY_SIZE(batch))
			break;
		list_del(&d->list);
		batch[n++] = d;
	}
	arrived(to, batch, n);
	for (i = 0; i < n; i++)
		free(batch[i]);
	return n;
}

void sim_receive(struct sim_ep *to, const u8 *buf, u32 len)
{
	struct sim_way back = sim_way_of(to->conn.path), way = { back.dst, back.src };
	u8 *copy = malloc(len ? len : 1);

	memcpy(copy, buf, len);
	/* On the path in use, unless the test said otherwise. */
	if (!to->sim->strange)
		sim_way_receive(to, &way, len);
	quic_rx_datagram(&to->conn, copy, len, to->sim->ecn, to->sim->now);
	free(copy);
	sim_glue_drop_bufs(to);
}

void sim_inject_pn(struct sim_ep *from, enum quic_level level, u64 pn, u8 bits,
		   const u8 *payload, u32 len)
{
	struct quic_conn *c = &from->conn;
	u8 buf[QUIC_DGRAM_MAX], *p;
	struct quic_vec v = { (void *)payload, len };
	struct quic_hp_item hp;
	u32 len_off = 0, pn_off;

	if (level == QUIC_LEVEL_APP)
		p = quic_packet_put_short(buf, buf + sizeof(buf), quic_cid_remote(c),
					  c->prot.tx_phase, false, pn, 4, &pn_off);
	else
		p = quic_packet_put_long(buf, buf + sizeof(buf), level == QUIC_LEVEL_INITIAL ?
					 QUIC_PKT_INITIAL : level == QUIC_LEVEL_EARLY ?
					 QUIC_PKT_0RTT : QUIC_PKT_HANDSHAKE, c->version,
					 quic_cid_remote(c), &c->cids.local[0].cid, NULL, 0, pn,
					 4, &len_off, &pn_off);
	buf[0] ^= bits;
	if (len_off)
		quic_varint_put2(buf + len_off, p - buf - pn_off + len + QUIC_AEAD_TAG);
	WARN_ON(quic_protect_seal(&c->prot, level, pn, buf, p - buf, &v, 1, len));
	hp.sample = buf + pn_off + 4;
	hp.pn_off = pn_off;
	WARN_ON(quic_protect_hide(&c->prot, level, &hp, 1));
	p += len + QUIC_AEAD_TAG;
	/* Servers take Initials in full datagrams only. */
	if (level == QUIC_LEVEL_INITIAL && p - buf < QUIC_DGRAM_MIN) {
		memset(p, 0, buf + QUIC_DGRAM_MIN - p);
		p = buf + QUIC_DGRAM_MIN;
	}
	if (from->peer->server)
		from->peer->amp_rx += p - buf;
	sim_receive(from->peer, buf, p - buf);
}

void sim_inject(struct sim_ep *from, enum quic_level level, const u8 *payload, u32 len)
{
	enum quic_pns pns = quic_level_pns(level);
	struct quic_loss *l = &from->conn.loss;
	u64 pn = quic_loss_space(l, pns)->sent.next;

	WARN_ON(quic_loss_reserve(l, pns, GFP_KERNEL));
	quic_loss_sent(l, pns, 1200, 0, from->sim->now);
	sim_inject_pn(from, level, pn, 0, payload, len);
}

/* --- the loop --- */

void sim_after(struct sim_ep *ep)
{
	if (!ep->live)
		return;
	if (!ep->no_read)
		sim_glue_app(ep);
	if (!ep->sim->cfg.tls_delay)
		sim_tls_step(ep);
	sim_pump(ep);
	if (!ep->no_read)
		sim_glue_app(ep);
}

static u64 first_arrival(struct sim_link *l)
{
	if (list_empty(&l->queued))
		return U64_MAX;
	return list_first_entry(&l->queued, struct sim_dgram, list)->at;
}

static u64 next_time(struct sim *s)
{
	u64 t = U64_MAX;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct sim_ep *ep = &s->ep[i];

		t = min(t, first_arrival(&ep->link));
		ep->alarm = ep->live ? quic_conn_deadline(&ep->conn, s->now) : U64_MAX;
		t = min(t, ep->alarm);
	}
	for (i = 0; i < SIM_TIMERS; i++)
		if (s->timer[i].at)
			t = min(t, s->timer[i].at);
	return t;
}

static void timers(struct sim *s)
{
	unsigned int i;

	for (i = 0; i < SIM_TIMERS; i++) {
		struct sim_timer t = s->timer[i];

		if (!t.at || t.at > s->now)
			continue;
		s->timer[i].at = 0;
		t.fn(s, t.arg);
	}
}

static void turn(struct sim *s)
{
	unsigned int i;

	s->steps++;
	timers(s);
	for (i = 0; i < 2; i++) {
		struct sim_ep *ep = &s->ep[i];
		bool touched = deliver(ep, &ep->peer->link, s->now);

		if (ep->live && ep->alarm <= s->now) {
			quic_conn_timeout(&ep->conn, s->now);
			touched = true;
		}
		if (touched)
			sim_after(ep);
	}
}

bool sim_run(struct sim *s, u64 ns, bool (*done)(struct sim *s))
{
	u64 end = s->now + ns, t, still = 0;

	for (;;) {
		if (done && done(s))
			return true;
		t = next_time(s);
		if (t > end) {
			s->now = end;
			return false;
		}
		if (t > s->now) {
			s->now = t;
			still = 0;
		} else if (++still > TURNS_MAX) {
			WARN_ON(true);
		}
		turn(s);
	}
}

static void init_ep(struct sim *s, struct sim_ep *ep, bool server)
{
	const struct sim_cfg *cfg = &s->cfg;

	ep->sim = s;
	ep->server = server;
	ep->peer = &s->ep[!server];
	INIT_LIST_HEAD(&ep->streams);
	INIT_LIST_HEAD(&ep->bufs);
	INIT_LIST_HEAD(&ep->link.queued);
	ep->link.delay = cfg->delay;
	ep->link.rate = cfg->rate;
	ep->link.queue = cfg->queue;
	ep->link.mtu = cfg->mtu;
	ep->version = server ? 0 : cfg->version;
	sim_door_init(ep);
}

void sim_config(struct sim_cfg *cfg)
{
	*cfg = (struct sim_cfg){
		.seed = 1, .delay = MS(10), .mtu = 1452, .ch_len = 300, .flight_len = 3000,
		.tickets = 2, .cipher = QUIC_CIPHER_AES_GCM_128, .crypto = &quic_crypto_null,
	};
}

struct sim *sim_new(const struct sim_cfg *cfg)
{
	struct sim *s = calloc(1, sizeof(*s));

	WARN_ON(!s);
	s->cfg = *cfg;
	s->rng = cfg->seed * 0x9e3779b97f4a7c15ull | 1;
	s->now = SIM_EPOCH;
	s->start = SIM_EPOCH;
	s->c = &s->ep[0];
	s->s = &s->ep[1];
	init_ep(s, s->c, false);
	init_ep(s, s->s, true);
	return s;
}

void sim_free(struct sim *s)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct sim_dgram *d, *tmp;

		sim_glue_free(&s->ep[i]);
		sim_tls_free(&s->ep[i]);
		list_for_each_entry_safe(d, tmp, &s->ep[i].link.queued, list)
			free(d);
	}
	free(s);
}

int sim_connect(struct sim *s)
{
	int err = quic_conn_connect(&s->c->conn, s->now);

	if (err)
		return err;
	s->c->live = true;
	sim_tls_early(s->c);
	if (s->cfg.early_app)
		s->cfg.early_app(s);
	sim_tls_step(s->c);
	sim_pump(s->c);
	return 0;
}

static bool both_confirmed(struct sim *s)
{
	return s->c->conn.confirmed && s->s->conn.confirmed;
}

void sim_handshake(struct sim *s)
{
	WARN_ON(sim_connect(s));
	WARN_ON(!sim_run(s, SEC(60), both_confirmed));
}
