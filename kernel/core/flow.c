// SPDX-License-Identifier: GPL-2.0
/* Receive windows: when to move them, and how large they should be. */
#include "flow.h"

void quic_flow_init(struct quic_flow *f, u64 window, u64 window_max)
{
	memset(f, 0, sizeof(*f));
	f->window = window;
	f->window_max = max(window, window_max);
	f->limit = window;
}

bool quic_flow_consume(struct quic_flow *f, u64 bytes, u64 srtt, u64 now)
{
	f->consumed += bytes;
	if (f->limit - f->consumed > f->window / 2)
		return false;
	/* Many small reads before the limit moves are one occasion. */
	if (f->due)
		return true;
	f->due = true;
	/*
	 * Half a window went by since the limit last moved. Faster than in two
	 * round trips means the window, not the path, may be what limits.
	 */
	if (f->epoch && now - f->epoch < 2 * srtt && f->window < f->window_max)
		f->window = min(2 * f->window, f->window_max);
	f->epoch = now;
	return true;
}

u64 quic_flow_grant(struct quic_flow *f)
{
	f->limit = max(f->limit, f->consumed + f->window);
	f->due = false;
	return f->limit;
}
