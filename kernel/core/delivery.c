// SPDX-License-Identifier: GPL-2.0
/*
 * Delivery rate samples: bytes delivered between a packet's departure and its ACK, over the
 * longer of the times it took to send and to acknowledge them, so that neither a burst out nor
 * a burst of ACKs looks like bandwidth. Times before at, delivered before prior never go back.
 */
#include "delivery.h"

static u32 ago(u64 then, u64 now)
{
	return min_t(u64, (now - min(then, now)) >> QUIC_DELIVERY_SHIFT, U32_MAX);
}

u64 quic_delivery_sent(struct quic_delivery *d, struct quic_delivery_mark *m, u32 size,
		       u64 in_flight, u64 now)
{
	if (!in_flight) {
		d->sent_at = now;
		d->at = now;
	}
	m->acked_ago = ago(d->at, now);
	m->sent_ago = ago(d->sent_at, now);
	m->lost = d->lost;
	m->in_flight = min_t(u64, in_flight + size, U32_MAX);
	return d->delivered;
}

void quic_delivery_begin(struct quic_delivery *d)
{
	struct quic_delivery_sample *rs = &d->rs;

	/* A call of memset() would take twice as long. */
	rs->rate = 0;
	rs->prior = 0;
	rs->delivered = 0;
	rs->acked = 0;
	rs->rtt = 0;
	rs->in_flight = 0;
	rs->lost = 0;
	rs->limited = false;
	d->newest = 0;
	d->interval = 0;
}

void quic_delivery_acked(struct quic_delivery *d, const struct quic_delivery_mark *m, u64 prior,
			 u64 sent_at, u32 size, bool limited, u64 now)
{
	struct quic_delivery_sample *rs = &d->rs;
	u64 send, ack;

	d->delivered += size;
	d->at = now;
	rs->acked += size;
	/* Ranges come the highest first, but the packets of one in ascending order. */
	if (sent_at < d->newest)
		return;
	d->newest = sent_at;
	send = (u64)m->sent_ago << QUIC_DELIVERY_SHIFT;
	ack = now - sent_at + ((u64)m->acked_ago << QUIC_DELIVERY_SHIFT);
	d->interval = max(send, ack);
	rs->prior = prior;
	rs->rtt = now - sent_at;
	rs->in_flight = m->in_flight;
	rs->lost = quic_delivery_lost_since(d, m);
	rs->limited = limited;
	d->sent_at = sent_at;
}

void quic_delivery_end(struct quic_delivery *d, u64 min_rtt, u64 now)
{
	struct quic_delivery_sample *rs = &d->rs;

	if (d->limited && d->delivered > d->limited)
		d->limited = 0;
	if (!d->newest)
		return;
	rs->delivered = d->delivered - rs->prior;
	if (!d->interval || d->interval < min_rtt)
		return;
	rs->rate = mul_u64_u64_div_u64(rs->delivered, NSEC_PER_SEC, d->interval);
	if (!rs->limited || rs->rate > d->rate)
		d->rate = rs->rate;
}
