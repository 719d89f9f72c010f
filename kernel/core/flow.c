// SPDX-License-Identifier: GPL-2.0
/* Receive windows: when to move them, and how large they should be. */
#include "flow.h"

/*
 * Where round trips are shorter the window is that of this time: limits that moved a quarter of
 * what goes by in microseconds would take a packet for every few that arrive.
 */
#define ROUND_MIN	(4 * NSEC_PER_MSEC)

void quic_flow_init(struct quic_flow *f, u64 window, u64 window_max)
{
	memset(f, 0, sizeof(*f));
	f->window = window;
	f->window_max = max(window, window_max);
	f->limit = window;
}

/*
 * Compare the window with what was consumed in a round trip. What is out grows by half of that
 * until a new limit arrives, and twice as fast while the sender is in slow start; and where a lost
 * packet holds up reading, another round trip goes by until it is repaired: eight times as much. It
 * is not waited for the end of the round trip; but the window doubles once in it.
 */
static void adapt(struct quic_flow *f, u64 srtt, u64 now)
{
	u64 bytes = f->consumed - f->epoch_consumed, took = now - min(now, f->epoch);

	srtt = max_t(u64, srtt, ROUND_MIN);
	if (took > srtt)
		bytes = mul_u64_u64_div_u64(bytes, srtt, took);
	if (f->epoch && !f->grown && bytes > f->window / 8) {
		f->window = min(2 * f->window, f->window_max);
		f->grown = true;
	}
	if (took < srtt)
		return;
	f->epoch = now;
	f->epoch_consumed = f->consumed;
	f->grown = false;
}

bool quic_flow_consume(struct quic_flow *f, u64 bytes, u64 srtt, u64 now)
{
	f->consumed += bytes;
	adapt(f, srtt, now);
	/* A quarter at a time: of the window, what was not granted yet cannot be in flight. */
	return f->limit - f->consumed <= f->window - f->window / 4;
}

u64 quic_flow_grant(struct quic_flow *f)
{
	f->limit = max(f->limit, f->consumed + f->window);
	return f->limit;
}
