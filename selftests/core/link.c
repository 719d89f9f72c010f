// SPDX-License-Identifier: GPL-2.0
#include "link.h"

#define START		SEC(1)
#define MSS		1452
#define EVENTS		(1u << 17)
#define UNITS		(1u << 22)	/* pieces of data, one a packet */
#define RANGES		32		/* in an ACK */
#define ACK_DELAY	MS(25)
#define ACK_SIZE	1024

enum kind { DATA, ACK, ACK_TIMER };

struct event {
	u64 at, seq;
	u64 pn;
	u8 *ack;		/* ACK: the frame */
	u32 unit;
	u8 kind;
};

struct sim {
	struct quic_loss l;
	const struct link *ln;
	u64 now, seed, seq;
	/* events */
	struct event *heap;
	u32 n;
	/* sender */
	u32 *again;		/* ring of units to send again */
	u32 again_head, again_tail;
	u32 next_unit, total;
	/* link */
	u64 free_at, queue;
	/* receiver */
	struct quic_ranges got;
	u8 *unit;		/* received */
	u32 unacked, received;
	u64 largest_at, timer;
	bool ack_now;
	struct quic_loss_space first[QUIC_PNS_EARLY];
	struct link_result r;
	u64 warm, sent;
};

static bool before(const struct event *a, const struct event *b)
{
	return a->at < b->at || (a->at == b->at && a->seq < b->seq);
}

static void push(struct sim *s, struct event e)
{
	u32 i = s->n++;

	assert_true(s->n <= EVENTS);
	e.seq = s->seq++;
	while (i && before(&e, &s->heap[(i - 1) / 2])) {
		s->heap[i] = s->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	s->heap[i] = e;
}

static struct event pop(struct sim *s)
{
	struct event top = s->heap[0], last = s->heap[--s->n];
	u32 i = 0, c;

	while ((c = 2 * i + 1) < s->n) {
		if (c + 1 < s->n && before(&s->heap[c + 1], &s->heap[c]))
			c++;
		if (!before(&s->heap[c], &last))
			break;
		s->heap[i] = s->heap[c];
		i = c;
	}
	s->heap[i] = last;
	return top;
}

static bool dark(const struct sim *s)
{
	return s->now >= s->ln->dark_from && s->now < s->ln->dark_to;
}

static void onto_link(struct sim *s, u64 pn, u32 unit, u32 size)
{
	const struct link *ln = s->ln;
	u64 backlog = s->free_at > s->now ? s->free_at - s->now : 0, at;

	if (dark(s) || rnd(&s->seed) % 1000000 < ln->loss_ppm)
		return;
	if (backlog * ln->rate / NSEC_PER_SEC + size > s->queue) {
		s->r.dropped++;
		return;
	}
	s->free_at = max(s->free_at, s->now) + (u64)size * NSEC_PER_SEC / ln->rate;
	at = s->free_at + ln->delay;
	if (ln->jitter)
		at += rnd(&s->seed) % ln->jitter;
	if (rnd(&s->seed) % 100 < ln->early_pct)
		at -= ln->early;
	push(s, (struct event){ .at = at, .kind = DATA, .pn = pn, .unit = unit });
}

/* Sender */

static void on_acked(struct quic_loss *l, enum quic_pns pns, const struct quic_sent_frame *f)
{
}

static void on_lost(struct quic_loss *l, enum quic_pns pns, const struct quic_sent_frame *f)
{
	struct sim *s = container_of(l, struct sim, l);

	if (f->type == QUIC_SENT_STREAM)
		s->again[s->again_tail++ % UNITS] = f->off;
}

static const struct quic_loss_cb cb = { .acked = on_acked, .lost = on_lost };

static bool has_data(const struct sim *s)
{
	return s->again_head != s->again_tail || s->next_unit < s->total;
}

static void send_packet(struct sim *s)
{
	struct quic_sent *sent = &s->l.app.sent;
	u32 unit = 0;
	bool data = has_data(s);

	assert_int_equal(quic_loss_reserve(&s->l, QUIC_PNS_APP, GFP_ATOMIC), 0);
	if (s->again_head != s->again_tail)
		unit = s->again[s->again_head++ % UNITS];
	else if (data)
		unit = s->next_unit++;
	assert_true(unit < UNITS);
	quic_sent_add(sent, data ? QUIC_SENT_STREAM : QUIC_SENT_OTHER, NULL, unit, MSS, false);
	quic_loss_sent(&s->l, QUIC_PNS_APP, data ? MSS : 40,
		       QUIC_PKT_F_ELICITING | QUIC_PKT_F_IN_FLIGHT, s->now);
	s->sent++;
	onto_link(s, sent->next - 1, data ? unit : U32_MAX, data ? MSS : 40);
}

static void pump(struct sim *s)
{
	u32 budget = quic_pacer_budget(&s->l.pacer, MSS, s->now), out = 0;

	/* A probe carries what the oldest packet did, as conn.c has it */
	while (s->l.app.probes)
		send_packet(s);
	while (has_data(s) && quic_loss_window(&s->l) && out + MSS <= budget) {
		send_packet(s);
		out += MSS;
	}
	quic_pacer_sent(&s->l.pacer, MSS, out, s->now);
	s->l.app_limited = !has_data(s) && quic_loss_window(&s->l) && out < budget;
}

static void got_ack(struct sim *s, u8 *buf)
{
	const u8 *p = buf;
	struct quic_frame f;

	assert_int_equal(quic_frame_parse(&p, buf + ACK_SIZE, &f), 0);
	assert_int_equal(quic_loss_on_ack(&s->l, QUIC_PNS_APP, &f.ack, f.ack.delay * 1000, s->now),
			 0);
	free(buf);
}

/* Receiver */

static void send_ack(struct sim *s)
{
	u8 *buf = calloc(1, ACK_SIZE);

	s->unacked = 0;
	s->ack_now = false;
	s->timer = 0;
	assert_non_null(quic_frame_put_ack(buf, buf + ACK_SIZE, &s->got,
					   (s->now - s->largest_at) / 1000, NULL));
	if (dark(s))
		free(buf);
	else
		push(s, (struct event){ .at = s->now + s->ln->delay, .kind = ACK, .ack = buf });
}

static void got_data(struct sim *s, u64 pn, u32 unit)
{
	struct quic_range *last = quic_ranges_last(&s->got);

	if (!last || pn != last->end)
		s->ack_now = true;
	if (!last || pn >= last->end)
		s->largest_at = s->now;
	if (s->got.n == RANGES)
		quic_ranges_pop_first(&s->got);
	quic_ranges_add(&s->got, pn, pn + 1, RANGES, GFP_ATOMIC);
	if (unit != U32_MAX && !s->unit[unit]) {
		s->unit[unit] = 1;
		s->received++;
		if (s->now >= s->warm)
			s->r.bytes += MSS;
		if (s->received == s->total)
			s->r.done_at = s->now - START;
	}
	if (++s->unacked >= 2 || s->ack_now) {
		send_ack(s);
	} else if (!s->timer) {
		s->timer = s->now + ACK_DELAY;
		push(s, (struct event){ .at = s->timer, .kind = ACK_TIMER });
	}
}

static void handle(struct sim *s, struct event e)
{
	if (e.kind == DATA)
		got_data(s, e.pn, e.unit);
	else if (e.kind == ACK)
		got_ack(s, e.ack);
	else if (s->timer == e.at)
		send_ack(s);
}

static u64 deadline(struct sim *s)
{
	u64 at = quic_loss_deadline(&s->l, s->now);

	if (has_data(s) && quic_loss_window(&s->l))
		at = min(at, quic_pacer_deadline(&s->l.pacer));
	return at;
}

static void note_cwnd(struct sim *s)
{
	if (s->now < s->warm)
		return;
	s->r.cwnd_min = min(s->r.cwnd_min, s->l.cc.cwnd);
	s->r.cwnd_max = max(s->r.cwnd_max, s->l.cc.cwnd);
}

static void run(struct sim *s, u64 end)
{
	u64 at, timer;

	while (!s->r.done_at) {
		pump(s);
		note_cwnd(s);
		timer = max(deadline(s), s->now);
		at = s->n ? min(s->heap[0].at, timer) : timer;
		if (at >= end)
			break;
		s->now = at;
		if (s->n && s->heap[0].at == at)
			handle(s, pop(s));
		else if (quic_loss_deadline(&s->l, at) <= at)
			quic_loss_timeout(&s->l, at);
	}
}

struct link_result link_run(const struct link *ln, const struct quic_cc_ops *cc, u64 warm, u64 end,
			    u64 total)
{
	struct sim *s = calloc(1, sizeof(*s));
	struct link at = *ln;
	struct quic_loss_space first[QUIC_PNS_EARLY];
	struct link_result r;

	at.dark_from += START;
	at.dark_to += ln->dark_to ? START : 0;
	s->ln = &at;
	s->seed = ln->seed ? ln->seed : 1;
	s->now = START;
	s->warm = START + warm;
	s->r.cwnd_min = U64_MAX;
	s->queue = ln->queue ? ln->queue : max_t(u64, ln->rate * 2 * ln->delay / NSEC_PER_SEC,
						   4 * MSS);
	s->heap = calloc(EVENTS, sizeof(*s->heap));
	s->again = calloc(UNITS, sizeof(*s->again));
	s->unit = calloc(UNITS, 1);
	s->total = total ? DIV_ROUND_UP(total, MSS) : UNITS;
	quic_ranges_init(&s->got);
	quic_loss_init(&s->l, &cb, cc, true, MSS, 0, first);
	quic_loss_end_first(&s->l);
	s->l.confirmed = true;
	s->l.max_ack_delay = ACK_DELAY;
	run(s, START + end);
	r = s->r;
	r.use = (double)r.bytes / ln->rate / ((double)(end - warm) / NSEC_PER_SEC);
	r.sent = s->sent;
	r.lost = s->l.packets_lost;
	r.spurious = s->l.packets_spurious;
	r.srtt = s->l.rtt.smoothed;
	while (s->n) {
		struct event e = pop(s);

		if (e.kind == ACK)
			free(e.ack);
	}
	quic_ranges_free(&s->got);
	quic_loss_free(&s->l);
	free(s->heap);
	free(s->again);
	free(s->unit);
	free(s);
	return r;
}
