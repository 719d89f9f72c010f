// SPDX-License-Identifier: GPL-2.0
/* The sent ring, against an array that remembers everything. */
#include "test.h"
#include "sent.h"

#define MODEL	20000	/* packets of a run */

struct model_packet {
	u64 time, lost_at;
	u32 tag;		/* frames carry off = tag, tag + 1, ... */
	u16 size;
	u8 nframes;
	bool lost, done;
};

struct model {
	struct quic_sent s;
	struct model_packet p[MODEL];
	u64 next;
	u32 tag;
};

static void send_packet(struct model *m, unsigned int nframes, u64 now)
{
	struct model_packet *mp = &m->p[m->next];
	struct quic_sent_packet *p;
	unsigned int i;

	assert_int_equal(quic_sent_reserve(&m->s, GFP_ATOMIC), 0);
	mp->tag = m->tag;
	mp->nframes = nframes;
	mp->time = now;
	mp->size = 1200 + nframes;
	for (i = 0; i < nframes; i++)
		quic_sent_add(&m->s, QUIC_SENT_STREAM, NULL, m->tag++, i, i & 1);
	p = quic_sent_commit(&m->s, now, mp->size, QUIC_PKT_F_ELICITING);
	assert_ptr_equal(p, quic_sent_get(&m->s, m->next));
	m->next++;
}

static void settle(struct model *m, u64 pn, bool lost, u64 now)
{
	struct quic_sent_packet *p = quic_sent_get(&m->s, pn);

	assert_non_null(p);
	p->nframes = 0;
	m->p[pn].nframes = 0;
	if (lost) {
		p->flags |= QUIC_PKT_F_LOST;
		p->lost_at = now;
		m->p[pn].lost = true;
		m->p[pn].lost_at = now;
	} else {
		quic_sent_done(p, pn + 1);
		m->p[pn].done = true;
	}
}

static u64 model_seek(const struct model *m, u64 pn)
{
	while (pn < m->next && m->p[pn].done)
		pn++;
	return pn;
}

static void check_packet(struct model *m, u64 pn)
{
	const struct model_packet *mp = &m->p[pn];
	struct quic_sent_packet *p = quic_sent_get(&m->s, pn);
	unsigned int i;

	if (!p) {
		assert_true(mp->done);
		return;
	}
	assert_int_equal(p->time, mp->time);
	assert_int_equal(p->size, mp->size);
	assert_int_equal(!!(p->flags & QUIC_PKT_F_DONE), mp->done);
	if (mp->done)
		return;
	assert_int_equal(!!(p->flags & QUIC_PKT_F_LOST), mp->lost);
	if (mp->lost)
		return;
	assert_int_equal(p->nframes, mp->nframes);
	for (i = 0; i < p->nframes; i++) {
		struct quic_sent_frame *f = quic_sent_frame(&m->s, p, i);

		assert_int_equal(f->off, mp->tag + i);
		assert_int_equal(f->len, i);
		assert_int_equal(f->fin, i & 1);
		assert_int_equal(f->type, QUIC_SENT_STREAM);
	}
}

/* All the invariants of sent.h */
static void check(struct model *m)
{
	struct quic_sent *s = &m->s;
	u64 pn, live = s->first;

	assert_int_equal(s->next, m->next);
	assert_true(s->first <= s->live && s->live <= s->next);
	assert_true(s->next - s->first <= s->pkt_cap);
	assert_true(s->frm_head - s->frm_tail <= s->frm_cap);
	for (pn = 0; pn < s->first; pn++)
		assert_true(m->p[pn].done);
	for (; pn < s->next; pn++)
		check_packet(m, pn);
	if (s->first < s->live)
		assert_false(m->p[s->first].done);
	while (live < m->next && (m->p[live].done || m->p[live].lost))
		live++;
	assert_int_equal(s->live, live);
	assert_null(quic_sent_get(s, s->next));
	if (s->first)
		assert_null(quic_sent_get(s, s->first - 1));
}

static void sent__empty(void **state)
{
	struct quic_sent s;

	quic_sent_init(&s);
	assert_null(quic_sent_get(&s, 0));
	quic_sent_advance(&s);
	quic_sent_expire(&s, U64_MAX);
	quic_sent_cancel(&s);
	assert_int_equal(quic_sent_seek(&s, 0), 0);
	quic_sent_clear(&s);
	quic_sent_free(&s);
}

static void sent__frames_and_cancel(void **state)
{
	struct model *m = calloc(1, sizeof(*m));

	quic_sent_init(&m->s);
	send_packet(m, 3, 5);
	quic_sent_reserve(&m->s, GFP_KERNEL);
	quic_sent_add(&m->s, QUIC_SENT_MAX_DATA, NULL, 77, 0, false);
	quic_sent_cancel(&m->s);
	send_packet(m, 0, 6);
	send_packet(m, QUIC_PKT_FRAMES, 7);
	check(m);
	settle(m, 1, false, 8);
	quic_sent_advance(&m->s);
	assert_int_equal(m->s.first, 0);
	settle(m, 0, false, 8);
	quic_sent_advance(&m->s);
	assert_int_equal(m->s.first, 2);
	assert_int_equal(m->s.frm_tail, 3);
	check(m);
	quic_sent_free(&m->s);
	free(m);
}

/* A lost packet stays at the front without holding on to frames, until it expires. */
static void sent__lost_lingers(void **state)
{
	struct model *m = calloc(1, sizeof(*m));
	unsigned int i;

	quic_sent_init(&m->s);
	for (i = 0; i < 6; i++)
		send_packet(m, 2, 10 + i);
	settle(m, 0, true, 20);
	settle(m, 1, false, 20);
	settle(m, 2, true, 21);
	settle(m, 3, false, 21);
	quic_sent_advance(&m->s);
	assert_int_equal(m->s.first, 0);
	assert_int_equal(m->s.live, 4);
	assert_int_equal(m->s.frm_head - m->s.frm_tail, 4);
	quic_sent_expire(&m->s, 19);
	assert_int_equal(m->s.first, 0);
	quic_sent_expire(&m->s, 20);
	m->p[0].done = true;
	assert_int_equal(m->s.first, 2);
	check(m);
	quic_sent_expire(&m->s, 21);
	m->p[2].done = true;
	assert_int_equal(m->s.first, 4);
	check(m);
	quic_sent_free(&m->s);
	free(m);
}

static void random_step(struct model *m, u64 *seed, u64 now)
{
	u64 out = m->next - m->s.first, pn;
	unsigned int r = rnd(seed) % 100;

	if (r < 45) {
		if (m->next < MODEL)
			send_packet(m, rnd(seed) % 5 ? rnd(seed) % 3 : rnd(seed) % 49, now);
		return;
	}
	if (!out)
		return;
	pn = m->s.first + rnd(seed) % min_t(u64, out, 1 + rnd(seed) % 40);
	if (r < 75) {
		if (!m->p[pn].done)
			settle(m, pn, false, now);
	} else if (r < 85) {
		if (!m->p[pn].done && !m->p[pn].lost)
			settle(m, pn, true, now);
	} else if (r < 90) {
		assert_int_equal(quic_sent_seek(&m->s, pn), model_seek(m, pn));
	} else if (r < 93) {
		u64 before = now - rnd(seed) % 200, i;

		for (i = m->s.first; i < m->next && (m->p[i].done || m->p[i].lost); i++) {
			if (!m->p[i].done && m->p[i].lost_at > before)
				break;
			m->p[i].done = true;
		}
		quic_sent_expire(&m->s, before);
		return;
	}
	quic_sent_advance(&m->s);
}

static void sent__random(void **state)
{
	struct model *m = calloc(1, sizeof(*m));
	u64 seed, i, s;

	for (s = 1; s <= 40; s++) {
		memset(m, 0, sizeof(*m));
		quic_sent_init(&m->s);
		seed = s;
		for (i = 0; i < 6000; i++) {
			random_step(m, &seed, 1000 + i);
			if (i % 16 == 0) {
				quic_sent_advance(&m->s);
				check(m);
			}
		}
		quic_sent_free(&m->s);
	}
	free(m);
}

/* Growth moves what is in the rings, wrapped or not. */
static void sent__grow(void **state)
{
	struct model *m = calloc(1, sizeof(*m));
	u64 i;

	quic_sent_init(&m->s);
	for (i = 0; i < 11; i++) {
		send_packet(m, 5, i);
		settle(m, i, false, i);
		quic_sent_advance(&m->s);
	}
	assert_int_equal(m->s.pkt_cap, 16);
	for (i = 0; i < 5000; i++)
		send_packet(m, i % 4, i);
	check(m);
	assert_int_equal(m->s.pkt_cap, 8192);
	quic_sent_free(&m->s);
	free(m);
}

static void sent__alloc_failure(void **state)
{
	struct quic_sent s;
	unsigned int i;

	quic_sent_init(&s);
	os_alloc_fail_after(1);
	assert_int_equal(quic_sent_reserve(&s, GFP_ATOMIC), -ENOMEM);
	os_alloc_fail_after(2);		/* packets yes, frames no */
	assert_int_equal(quic_sent_reserve(&s, GFP_ATOMIC), -ENOMEM);
	os_alloc_fail_after(0);
	for (i = 0; i < 16; i++) {
		assert_int_equal(quic_sent_reserve(&s, GFP_ATOMIC), 0);
		quic_sent_commit(&s, i, 100, 0);
	}
	os_alloc_fail_after(1);
	assert_int_equal(quic_sent_reserve(&s, GFP_ATOMIC), -ENOMEM);
	assert_int_equal(s.next - s.first, 16);
	/* A lost packet gives way before anything fails. */
	quic_sent_get(&s, 0)->flags = QUIC_PKT_F_LOST;
	quic_sent_advance(&s);
	assert_int_equal(s.first, 0);
	assert_int_equal(quic_sent_reserve(&s, GFP_ATOMIC), 0);
	assert_int_equal(s.first, 1);
	quic_sent_free(&s);
}

static void sent__trim(void **state)
{
	struct quic_sent s;
	u64 i;

	quic_sent_init(&s);
	for (i = 0; i < 100; i++) {
		assert_int_equal(quic_sent_reserve(&s, GFP_ATOMIC), 0);
		quic_sent_add(&s, QUIC_SENT_STREAM, NULL, i, 0, false);
		quic_sent_commit(&s, i, 100, 0);
	}
	quic_sent_trim(&s);
	assert_int_equal(s.pkt_cap, 128);
	for (i = 0; i < 100; i++)
		quic_sent_done(quic_sent_get(&s, i), i + 1);
	quic_sent_advance(&s);
	quic_sent_trim(&s);
	assert_int_equal(s.pkt_cap + s.frm_cap, 0);
	assert_null(quic_sent_get(&s, 99));
	assert_int_equal(quic_sent_reserve(&s, GFP_ATOMIC), 0);
	quic_sent_add(&s, QUIC_SENT_STREAM, NULL, 7, 0, false);
	quic_sent_commit(&s, 1, 100, 0);
	assert_int_equal(quic_sent_frame(&s, quic_sent_get(&s, 100), 0)->off, 7);
	/* the first allocation is kept */
	quic_sent_done(quic_sent_get(&s, 100), 101);
	quic_sent_advance(&s);
	quic_sent_trim(&s);
	assert_int_equal(s.pkt_cap, QUIC_SENT_FIRST);
	quic_sent_free(&s);
}

static void sent__limit(void **state)
{
	struct quic_sent s;
	u32 i;

	quic_sent_init(&s);
	for (i = 0; i < QUIC_SENT_MAX; i++) {
		assert_int_equal(quic_sent_reserve(&s, GFP_KERNEL), 0);
		quic_sent_add(&s, QUIC_SENT_STREAM, NULL, i, 0, false);
		quic_sent_commit(&s, i, 100, 0);
	}
	assert_int_equal(quic_sent_reserve(&s, GFP_KERNEL), -ENOBUFS);
	quic_sent_done(quic_sent_get(&s, 0), 1);
	quic_sent_advance(&s);
	assert_int_equal(quic_sent_reserve(&s, GFP_KERNEL), 0);
	quic_sent_free(&s);
	/* Frames have their own limit. */
	for (i = 0; !quic_sent_reserve(&s, GFP_KERNEL); i++) {
		u32 j;

		for (j = 0; j < QUIC_PKT_FRAMES; j++)
			quic_sent_add(&s, QUIC_SENT_STREAM, NULL, i, 0, false);
		quic_sent_commit(&s, i, 100, 0);
	}
	assert_int_equal(i, 4 * QUIC_SENT_MAX / QUIC_PKT_FRAMES);
	assert_int_equal(quic_sent_reserve(&s, GFP_KERNEL), -ENOBUFS);
	quic_sent_free(&s);
}

static const struct CMUnitTest tests[] = {
	TEST(sent__empty),
	TEST(sent__frames_and_cancel),
	TEST(sent__lost_lingers),
	TEST(sent__random),
	TEST(sent__grow),
	TEST(sent__alloc_failure),
	TEST(sent__trim),
	TEST(sent__limit),
};

TEST_MAIN(tests)
