// SPDX-License-Identifier: GPL-2.0
#include "loss_help.h"

static struct owner *owner_of(struct quic_loss *l)
{
	return container_of(l, struct owner, l);
}

static void on_acked(struct quic_loss *l, enum quic_pns pns, const struct quic_sent_frame *f)
{
	struct owner *o = owner_of(l);

	assert_true(f->off < o->frames && f->len == pns);
	assert_int_equal(o->acked[f->off] + o->lost[f->off], 0);
	o->acked[f->off]++;
	o->nacked++;
}

static void on_lost(struct quic_loss *l, enum quic_pns pns, const struct quic_sent_frame *f)
{
	struct owner *o = owner_of(l);

	assert_true(f->off < o->frames && f->len == pns);
	assert_int_equal(o->acked[f->off] + o->lost[f->off], 0);
	o->lost[f->off]++;
	o->nlost++;
}

static void on_probe(struct quic_loss *l, u16 size, bool acked)
{
	struct owner *o = owner_of(l);

	if (acked)
		o->probe_acked = size;
	else
		o->probe_lost = size;
}

static const struct quic_loss_cb owner_cb = {
	.acked = on_acked,
	.lost = on_lost,
	.probe = on_probe,
};

struct owner *owner_new(const struct quic_cc_ops *cc, bool server)
{
	struct owner *o = calloc(1, sizeof(*o));

	assert_non_null(o);
	quic_loss_init(&o->l, &owner_cb, cc, server, MSS, 0, o->first);
	return o;
}

void owner_free(struct owner *o)
{
	quic_loss_free(&o->l);
	assert_int_equal(o->l.bytes_in_flight, 0);
	assert_int_equal(o->nacked + o->nlost, o->frames);
	free(o);
}

u64 owner_send_flags(struct owner *o, enum quic_pns pns, u16 size, u8 flags, u64 now)
{
	struct quic_sent *s = &quic_loss_space(&o->l, pns)->sent;

	assert_true(o->frames < OWNER_FRAMES);
	assert_int_equal(quic_loss_reserve(&o->l, pns, GFP_ATOMIC), 0);
	quic_sent_add(s, QUIC_SENT_STREAM, NULL, o->frames++, pns, false);
	quic_loss_sent(&o->l, pns, size, flags, now);
	return s->next - 1;
}

u64 owner_send(struct owner *o, enum quic_pns pns, u64 now)
{
	return owner_send_flags(o, pns, MSS, QUIC_PKT_F_ELICITING | QUIC_PKT_F_IN_FLIGHT, now);
}

void ack_build(struct ack_build *b, const struct quic_range *r, unsigned int n)
{
	u8 *p = b->buf;
	unsigned int i;

	memset(&b->ack, 0, sizeof(b->ack));
	b->ack.largest = r[0].end - 1;
	b->ack.first = r[0].end - 1 - r[0].start;
	b->ack.nranges = n - 1;
	for (i = 1; i < n && p + 16 < b->buf + sizeof(b->buf); i++) {
		assert_true(r[i].end < r[i - 1].start);
		p = quic_varint_put(p, r[i - 1].start - r[i].end - 1);
		p = quic_varint_put(p, r[i].end - 1 - r[i].start);
	}
	b->ack.nranges = i - 1;
	b->ack.pairs = b->buf;
	b->ack.pairs_end = p;
}

int owner_ack(struct owner *o, enum quic_pns pns, u64 from, u64 to, u64 now)
{
	struct quic_range r = { from, to + 1 };
	struct ack_build b;

	ack_build(&b, &r, 1);
	return quic_loss_on_ack(&o->l, pns, &b.ack, 0, now);
}
