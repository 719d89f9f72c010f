// SPDX-License-Identifier: GPL-2.0
/* What every congestion control shares: the table of them, initial window, rate. */
#include "cc.h"

static const struct quic_cc_ops *const all[] = {
	&quic_cc_newreno,
	&quic_cc_cubic,
	&quic_cc_bbr,
};

const struct quic_cc_ops *quic_cc_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		if (!strcmp(all[i]->name, name))
			return all[i];
	return NULL;
}

const struct quic_cc_ops *quic_cc_find_id(u8 id)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i]->id == id)
			return all[i];
	return NULL;
}

u32 quic_cc_initial_window(u32 mss)
{
	return min_t(u32, 10 * mss, max_t(u32, 14720, 2 * mss));
}

void quic_cc_switch(struct quic_cc *cc, const struct quic_cc_ops *ops)
{
	cc->ops = ops;
	memset(cc->priv, 0, sizeof(cc->priv));
	ops->init(cc);
}

void quic_cc_init(struct quic_cc *cc, const struct quic_cc_ops *ops, u32 mss)
{
	cc->mss = mss;
	cc->cwnd = quic_cc_initial_window(mss);
	cc->ssthresh = U64_MAX;
	cc->recovery_start = 0;
	quic_cc_switch(cc, ops);
}

void quic_cc_set_mss(struct quic_cc *cc, u32 mss)
{
	u32 was = quic_cc_initial_window(cc->mss), is = quic_cc_initial_window(mss);

	cc->mss = mss;
	/* What slow start made of the initial window stays on top of it. */
	if (cc->ssthresh == U64_MAX && (is > was || cc->cwnd == was))
		cc->cwnd += (s64)is - was;
	cc->cwnd = max(cc->cwnd, quic_cc_min_window(cc));
}

u64 quic_cc_rate(const struct quic_cc *cc, const struct quic_rtt *rtt)
{
	u64 scaled;

	if (cc->ops->rate)
		return cc->ops->rate(cc, rtt);
	scaled = cc->cwnd * NSEC_PER_SEC;	/* below 2^60: QUIC_CC_CWND_MAX */
	scaled = quic_cc_slow_start(cc) ? 2 * scaled : scaled + scaled / 4;
	return max_t(u64, div64_u64(scaled, max_t(u64, rtt->smoothed, 1)), 1);
}
