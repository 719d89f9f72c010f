// SPDX-License-Identifier: GPL-2.0
/*
 * Which stream goes next (RFC 9218, 10): the lowest urgency number that has something; within it
 * incremental streams take turns, a packet each, and so does the row of the others, whose first
 * one has its turn. So a level is shared fairly, and no stream of it waits for ever.
 *
 * Frames that tell the peer something (limits, resets, STOP_SENDING) are not held back by more
 * urgent data: their streams come first, and only for those frames.
 *
 * Invariant: streams.ready counts the streams in any of the lists; each is where s->place says.
 */
#include "conn.h"

static struct quic_sched_level *level_of(struct quic_conn *c, const struct quic_stream *s)
{
	return &c->streams.sched->level[s->urgency];
}

static void row_insert(struct quic_sched_level *l, struct quic_stream *s)
{
	struct list_head *pos = l->row.prev;

	/* Mostly they come in the order of their IDs. */
	while (pos != &l->row && list_entry(pos, struct quic_stream, active)->id > s->id)
		pos = pos->prev;
	list_add(&s->active, pos);
	if (list_empty(&l->seat))
		list_add_tail(&l->seat, &l->ring);
}

void quic_sched_del(struct quic_conn *c, struct quic_stream *s)
{
	c->streams.ready -= s->place != QUIC_SCHED_NOWHERE;
	s->place = QUIC_SCHED_NOWHERE;
	s->parked = QUIC_PARKED_NOT;
	list_del_init(&s->active);
}

void quic_sched_add(struct quic_conn *c, struct quic_stream *s, bool control)
{
	struct quic_sched *q = c->streams.sched;
	u8 place = QUIC_SCHED_RING;

	if (unlikely(q) && control)
		place = QUIC_SCHED_CONTROL;
	else if (unlikely(q) && s->sequential)
		place = QUIC_SCHED_ROW;
	if (s->place == place)
		return;
	quic_sched_del(c, s);
	s->place = place;
	c->streams.ready++;
	if (likely(!q))
		list_add_tail(&s->active, &c->streams.active);
	else if (place == QUIC_SCHED_CONTROL)
		list_add_tail(&s->active, &q->control);
	else if (place == QUIC_SCHED_ROW)
		row_insert(level_of(c, s), s);
	else
		list_add_tail(&s->active, &level_of(c, s)->ring);
}

static struct quic_stream *level_first(struct quic_sched_level *l)
{
	/* The seat of a row that went is taken away here. */
	if (!list_empty(&l->ring) && l->ring.next == &l->seat && list_empty(&l->row))
		list_del_init(&l->seat);
	if (list_empty(&l->ring))
		return NULL;
	return l->ring.next == &l->seat ?
		list_first_entry(&l->row, struct quic_stream, active) :
		list_first_entry(&l->ring, struct quic_stream, active);
}

struct quic_stream *quic_sched_first(struct quic_conn *c)
{
	struct quic_sched *q = c->streams.sched;
	struct quic_stream *s;
	unsigned int i;

	if (!c->streams.ready)
		return NULL;
	if (likely(!q))
		return list_first_entry(&c->streams.active, struct quic_stream, active);
	if (!list_empty(&q->control))
		return list_first_entry(&q->control, struct quic_stream, active);
	for (i = 0; i < QUIC_URGENCY_LEVELS; i++) {
		s = level_first(&q->level[i]);
		if (s)
			return s;
	}
	return NULL;
}

void quic_sched_rotate(struct quic_conn *c, struct quic_stream *s)
{
	struct quic_sched *q = c->streams.sched;

	if (s->place == QUIC_SCHED_RING)
		list_move_tail(&s->active, q ? &level_of(c, s)->ring : &c->streams.active);
	else if (s->place == QUIC_SCHED_ROW)
		list_move_tail(&level_of(c, s)->seat, &level_of(c, s)->ring);
	else if (s->place == QUIC_SCHED_CONTROL)
		list_move_tail(&s->active, &q->control);
}

struct quic_stream *quic_sched_only(const struct quic_conn *c)
{
	/* Looking at it takes away seats, which nobody sees. */
	return c->streams.ready == 1 ? quic_sched_first((struct quic_conn *)c) : NULL;
}

static int begin(struct quic_conn *c)
{
	struct quic_sched *q = kmalloc(sizeof(*q), GFP_ATOMIC | __GFP_NOWARN);
	unsigned int i;

	if (!q)
		return -ENOMEM;
	INIT_LIST_HEAD(&q->control);
	for (i = 0; i < QUIC_URGENCY_LEVELS; i++) {
		INIT_LIST_HEAD(&q->level[i].ring);
		INIT_LIST_HEAD(&q->level[i].row);
		INIT_LIST_HEAD(&q->level[i].seat);
	}
	/* All streams there are have the default. */
	list_splice_tail_init(&c->streams.active, &q->level[QUIC_URGENCY_DEFAULT].ring);
	c->streams.sched = q;
	return 0;
}

int quic_sched_set(struct quic_conn *c, struct quic_stream *s, u8 urgency, bool incremental)
{
	bool placed = s->place != QUIC_SCHED_NOWHERE;
	int err;

	if (!c->streams.sched) {
		if (urgency == QUIC_URGENCY_DEFAULT && incremental)
			return 0;
		err = begin(c);
		if (err)
			return err;
	}
	if (placed)
		quic_sched_del(c, s);
	s->urgency = urgency;
	s->sequential = !incremental;
	if (placed)
		quic_stream_activate(c, s);
	return 0;
}

void quic_sched_free(struct quic_conn *c)
{
	kfree(c->streams.sched);
	c->streams.sched = NULL;
}
