// SPDX-License-Identifier: GPL-2.0
/*
 * loss.c against the pseudocode of RFC 9002, appendix A, written out over a plain
 * array: the same packets acked, lost and in flight, the same timer, after every
 * one of many random steps.
 */
#include "loss_help.h"

#define APP	QUIC_PNS_APP
#define PACKETS	3000

struct packet {
	u64 time;
	u32 size;
	bool in_flight, eliciting, acked, lost, late;
};

struct naive {
	struct packet p[PACKETS];
	u64 next;
	s64 largest_acked;
	u64 bytes_in_flight, loss_time, last_eliciting;
	u32 eliciting, lost, late;
};

static u64 delay_of(const struct quic_loss *l)
{
	u64 rtt = max(l->rtt.latest, l->rtt.smoothed);

	return max_t(u64, rtt + max(rtt / 8, l->reorder_window), NSEC_PER_MSEC);
}

/* RFC 9002, A.10, over all packets */
static void naive_detect(struct naive *m, const struct quic_loss *l, u64 now)
{
	u64 delay = delay_of(l), pn;

	m->loss_time = 0;
	if (m->largest_acked < 0)
		return;
	for (pn = 0; pn <= (u64)m->largest_acked; pn++) {
		struct packet *p = &m->p[pn];

		if (p->acked || p->lost || !p->in_flight)
			continue;
		if (p->time + delay <= now ||
		    (u64)m->largest_acked >= pn + l->reorder_threshold) {
			p->lost = true;
			m->bytes_in_flight -= p->size;
			m->eliciting -= p->eliciting;
			m->lost++;
		} else if (!m->loss_time || p->time + delay < m->loss_time) {
			m->loss_time = p->time + delay;
		}
	}
}

static void naive_ack(struct naive *m, const struct quic_range *r, unsigned int n)
{
	unsigned int i;
	u64 pn;

	m->largest_acked = max_t(s64, m->largest_acked, r[0].end - 1);
	for (i = 0; i < n; i++) {
		for (pn = r[i].start; pn < r[i].end; pn++) {
			struct packet *p = &m->p[pn];

			if (p->acked)
				continue;
			p->acked = true;
			if (p->lost) {
				m->late++;
				continue;
			}
			m->bytes_in_flight -= p->in_flight ? p->size : 0;
			m->eliciting -= p->eliciting;
		}
	}
}

static void send_one(struct owner *o, struct naive *m, u64 *seed, u64 now)
{
	struct packet *p = &m->p[m->next];
	u8 flags = 0;

	p->time = now;
	p->eliciting = rnd(seed) % 8 != 0;
	p->in_flight = p->eliciting || rnd(seed) % 2;
	p->size = 40 + rnd(seed) % 1160;
	if (p->eliciting) {
		flags |= QUIC_PKT_F_ELICITING;
		m->eliciting++;
		m->last_eliciting = now;
	}
	if (p->in_flight) {
		flags |= QUIC_PKT_F_IN_FLIGHT;
		m->bytes_in_flight += p->size;
	}
	assert_int_equal(owner_send_flags(o, APP, p->size, flags, now), m->next);
	m->next++;
}

static void ack_some(struct owner *o, struct naive *m, u64 *seed, u64 now)
{
	u64 end = m->next - rnd(seed) % min_t(u64, m->next, 1 + rnd(seed) % 30), start;
	struct quic_range r[40];
	struct ack_build b;
	u32 n = 0, acked = o->nacked;

	while (n <= rnd(seed) % ARRAY_SIZE(r) && end) {
		start = end - 1 - rnd(seed) % min_t(u64, end, 1 + rnd(seed) % 40);
		r[n].start = start;
		r[n++].end = end;
		if (start < 2 || n == ARRAY_SIZE(r))
			break;
		end = start - 1 - rnd(seed) % min_t(u64, start - 1, 3);
	}
	ack_build(&b, r, n);
	naive_ack(m, r, n);
	assert_int_equal(quic_loss_on_ack(&o->l, APP, &b.ack, rnd(seed) % MS(30), now), 0);
	/* not when all that is new are packets nobody owed an ACK, settled before */
	if (o->nacked != acked)
		naive_detect(m, &o->l, now);
}

static void compare(struct owner *o, struct naive *m, u64 now)
{
	struct quic_loss *l = &o->l;
	struct quic_loss_space *sp = &l->app;
	u64 pn;

	assert_int_equal(l->bytes_in_flight, m->bytes_in_flight);
	assert_int_equal(sp->eliciting, m->eliciting);
	assert_int_equal(l->packets_lost, m->lost);
	assert_true(l->packets_spurious <= m->late);
	assert_int_equal(sp->largest_acked, m->largest_acked);
	for (pn = 0; pn < m->next; pn++) {
		struct packet *p = &m->p[pn];
		struct quic_sent_packet *q = quic_sent_get(&sp->sent, pn);

		if (!p->in_flight)
			continue;
		/* every packet's one frame has its number */
		assert_int_equal(o->lost[pn], p->lost);
		assert_int_equal(o->acked[pn], p->acked && !p->lost);
		if (!q || q->flags & QUIC_PKT_F_DONE)
			assert_true(p->acked || p->lost);
		else
			assert_int_equal(!!(q->flags & QUIC_PKT_F_LOST), p->lost);
	}
	if (m->loss_time)
		assert_int_equal(quic_loss_deadline(l, now), m->loss_time);
	else if (m->eliciting)
		assert_int_equal(quic_loss_deadline(l, now),
				 m->last_eliciting + (quic_loss_pto(l) << l->pto_count));
	else if (quic_sent_large(&sp->sent) && !m->bytes_in_flight)	/* to give memory back */
		assert_int_equal(quic_loss_deadline(l, now), l->last_progress + NSEC_PER_SEC);
	else
		assert_true(quic_loss_deadline(l, now) == U64_MAX);
}

static void one_run(u64 seed, const struct quic_cc_ops *cc)
{
	struct naive *m = calloc(1, sizeof(*m));
	struct owner *o = owner_new(cc, true);
	u64 now = MS(1000), at, i;

	m->largest_acked = -1;
	o->l.confirmed = true;
	o->l.max_ack_delay = MS(25);
	for (i = 0; i < 4000 && m->next < PACKETS - 1; i++) {
		unsigned int r = rnd(&seed) % 100;

		now += rnd(&seed) % (r < 90 ? MS(2) : MS(60));
		/* timers that are due come first, as they would */
		at = quic_loss_deadline(&o->l, now);
		if (at <= now) {
			bool loss = m->loss_time;

			quic_loss_timeout(&o->l, now);
			if (loss)
				naive_detect(m, &o->l, now);
			else
				m->last_eliciting = now;
		}
		if (r < 70 || !m->next)
			send_one(o, m, &seed, now);
		else
			ack_some(o, m, &seed, now);
		o->l.reorder_calm = 0;
		o->l.pto_count = min_t(u32, o->l.pto_count, 4);
		if (i % 8 == 0)
			compare(o, m, now);
	}
	owner_free(o);
	free(m);
}

static void recovery__as_the_pseudocode(void **state)
{
	u64 seed;

	for (seed = 1; seed <= 60; seed++)
		one_run(seed * 7919, seed & 1 ? &quic_cc_cubic : &quic_cc_newreno);
}

static const struct CMUnitTest tests[] = {
	TEST(recovery__as_the_pseudocode),
};

TEST_MAIN(tests)
