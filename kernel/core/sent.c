// SPDX-License-Identifier: GPL-2.0
/*
 * Two rings of power-of-two size: packets, slot = packet number modulo size, and
 * the frames they carried, contiguous a packet, slot = free-running index modulo
 * size. Frames in use are those from the packet at live on, plus the ones of the
 * packet being built. Growing moves every entry to its slot in the larger ring.
 */
#include "sent.h"

#define FIRST_FRAMES	64u			/* at least QUIC_PKT_FRAMES */
#define MAX_FRAMES	(4u * QUIC_SENT_MAX)

void quic_sent_init(struct quic_sent *s)
{
	memset(s, 0, sizeof(*s));
}

static int grow_packets(struct quic_sent *s, gfp_t gfp)
{
	u32 cap = s->pkt_cap ? 2 * s->pkt_cap : QUIC_SENT_FIRST;
	struct quic_sent_packet *pkt;
	u64 pn;

	if (cap > QUIC_SENT_MAX)
		return -ENOBUFS;
	pkt = kvmalloc_array(cap, sizeof(*pkt), gfp | __GFP_ACCOUNT);
	if (!pkt)
		return -ENOMEM;
	for (pn = s->first; pn < s->next; pn++)
		pkt[(u32)pn & (cap - 1)] = *quic_sent_slot(s, pn);
	kvfree(s->pkt);
	s->pkt = pkt;
	s->pkt_cap = cap;
	return 0;
}

static int grow_frames(struct quic_sent *s, gfp_t gfp)
{
	u32 cap = s->frm_cap ? 2 * s->frm_cap : FIRST_FRAMES;
	struct quic_sent_frame *frm;
	u32 i;

	BUILD_BUG_ON(FIRST_FRAMES < QUIC_PKT_FRAMES);
	if (cap > MAX_FRAMES)
		return -ENOBUFS;
	frm = kvmalloc_array(cap, sizeof(*frm), gfp | __GFP_ACCOUNT);
	if (!frm)
		return -ENOMEM;
	for (i = s->frm_tail; i != s->frm_head; i++)
		frm[i & (cap - 1)] = s->frm[i & (s->frm_cap - 1)];
	kvfree(s->frm);
	s->frm = frm;
	s->frm_cap = cap;
	return 0;
}

int quic_sent_make_room(struct quic_sent *s, gfp_t gfp)
{
	int err = 0;

	if (quic_sent_packets_full(s)) {
		err = grow_packets(s, gfp);
		if (err && s->first < s->live) {
			s->first = s->live;
			err = 0;
		}
	}
	if (!err && quic_sent_frames_full(s))
		err = grow_frames(s, gfp);
	return err;
}

void quic_sent_add(struct quic_sent *s, enum quic_sent_type type, struct quic_stream *stream,
		   u64 off, u32 len, bool fin)
{
	if (!WARN_ON_ONCE(s->frm_head - s->frm_base >= quic_sent_room(s)))
		quic_sent_put(s, type, stream, off, len, fin);
}

void quic_sent_cancel(struct quic_sent *s)
{
	s->frm_head = s->frm_base;
}

struct quic_sent_packet *quic_sent_get(struct quic_sent *s, u64 pn)
{
	return pn >= s->first && pn < s->next ? quic_sent_slot(s, pn) : NULL;
}

u64 quic_sent_seek(struct quic_sent *s, u64 pn)
{
	struct quic_sent_packet *p;
	u64 to = pn;

	while (to < s->next && (p = quic_sent_slot(s, to))->flags & QUIC_PKT_F_DONE)
		to = p->skip;
	/* Those on the way lead here at once from now on. */
	while (pn < to) {
		p = quic_sent_slot(s, pn);
		pn = p->skip;
		p->skip = to;
	}
	return to;
}

void quic_sent_advance(struct quic_sent *s)
{
	const struct quic_sent_packet *p;

	while (s->live < s->next) {
		p = quic_sent_slot(s, s->live);
		if (p->flags & QUIC_PKT_F_DONE)
			s->live = p->skip;
		else if (p->flags & QUIC_PKT_F_LOST)
			s->live++;
		else
			break;
	}
	while (s->first < s->live) {
		p = quic_sent_slot(s, s->first);
		if (!(p->flags & QUIC_PKT_F_DONE))
			break;
		s->first = p->skip;
	}
	s->frm_tail = s->live < s->next ? quic_sent_slot(s, s->live)->frame : s->frm_base;
}

void quic_sent_expire(struct quic_sent *s, u64 before)
{
	struct quic_sent_packet *p;
	u64 pn;

	for (pn = s->first; pn < s->live; pn = p->skip) {
		p = quic_sent_slot(s, pn);
		if (p->flags & QUIC_PKT_F_DONE)
			continue;
		if (p->lost_at > before)
			break;
		quic_sent_done(p, pn + 1);
	}
	quic_sent_advance(s);
}

void quic_sent_clear(struct quic_sent *s)
{
	s->first = s->next;
	s->live = s->next;
	s->frm_tail = s->frm_base;
}

static void free_rings(struct quic_sent *s)
{
	kvfree(s->pkt);
	kvfree(s->frm);
	s->pkt = NULL;
	s->frm = NULL;
	s->pkt_cap = 0;
	s->frm_cap = 0;
}

void quic_sent_rest(struct quic_sent *s)
{
	quic_sent_expire(s, U64_MAX);
	if (s->first == s->next && s->frm_head == s->frm_base)
		free_rings(s);
}

void quic_sent_trim(struct quic_sent *s)
{
	quic_sent_expire(s, U64_MAX);
	if (quic_sent_large(s))
		quic_sent_rest(s);
}

void quic_sent_free(struct quic_sent *s)
{
	free_rings(s);
	quic_sent_init(s);
}
