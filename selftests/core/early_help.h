/* SPDX-License-Identifier: GPL-2.0 */
/* For tests of 0-RTT: two ends, and what the client writes before anything else. */
#ifndef SELFTESTS_CORE_EARLY_HELP_H
#define SELFTESTS_CORE_EARLY_HELP_H

#include "test.h"
#include "sim.h"
#include "crypto_gnutls.h"

#define RTT	MS(20)

static inline bool confirmed(struct sim *s)
{
	return s->c->conn.confirmed && s->s->conn.confirmed;
}

/* What the client writes before anything else */
static u64 want_len;
static unsigned int want_streams;

static inline void writes(struct sim *s)
{
	unsigned int i;

	for (i = 0; i < want_streams; i++) {
		struct sim_stream *st = sim_open(s->c, false);

		assert_non_null(st);
		assert_int_equal(quic_stream_wrote(&s->c->conn, &st->qs, want_len, true), 0);
	}
}

static inline struct sim *early_cfg(struct sim_cfg *cfg, enum sim_early early, unsigned int streams,
			     u64 len)
{
	cfg->early = early;
	cfg->early_app = writes;
	want_streams = streams;
	want_len = len;
	sim_want(0, 0, streams * len, streams);
	return sim_new(cfg);
}

static inline struct sim *early(enum sim_early early, unsigned int streams, u64 len)
{
	struct sim_cfg cfg;

	sim_config(&cfg);
	cfg.crypto = &quic_crypto_gnutls;
	return early_cfg(&cfg, early, streams, len);
}

#endif
