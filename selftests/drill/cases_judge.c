// SPDX-License-Identifier: GPL-2.0
/* The drill drilled: verdicts that have to be found wrong, and what is right said rightly. */
#include "drill.h"

static void nothing(struct peer *p)
{
}

static void unable_to_open(struct peer *p)
{
	p->flip = true;
	SAY(p, APP, QUIC_FT_PING);
	p->flip = false;
}

static const struct drill_case judge[] = {
	{ "self", "nothing at all, before the handshake", .roles = CLIENT, .stage = NOTHING, .act = nothing,
	  .want = SILENT },
	{ "self", "nothing at all, with Initial keys", .stage = INITIAL, .act = nothing, .want = LIVES },
	{ "self", "nothing at all, with Handshake keys", .stage = HANDSHAKE, .act = nothing,
	  .want = LIVES },
	{ "self", "nothing at all, confirmed", .act = nothing, .want = LIVES },
	{ "self", "data within limits", V(0x0a, MINE_BIDI(0), 3, BYTES(3)), .want = LIVES },
	{ "self", "the code differs", V(0x04, YOURS_UNI(0), 0, 0), CLOSE(FLOW_CONTROL, ANY),
	  .wrong = true },
	{ "self", "the frame type differs", V(0x04, YOURS_UNI(0), 0, 0), CLOSE(STREAM_STATE, 0x05),
	  .wrong = true },
	{ "self", "the kind of close differs", V(0x04, YOURS_UNI(0), 0, 0), .want = CLOSES_APP,
	  .code = QUIC_ERR_STREAM_STATE, .wrong = true },
	{ "self", "closed, but should live", V(0x04, YOURS_UNI(0), 0, 0), .want = LIVES,
	  .wrong = true },
	{ "self", "lives, but should close", V(QUIC_FT_PING), CLOSE(PROTOCOL_VIOLATION, ANY),
	  .wrong = true },
	{ "self", "answers, but should be silent", V(QUIC_FT_PING), .want = SILENT, .wrong = true },
	{ "self", "silent, and should live: what cannot be opened is no sign of life",
	  .act = unable_to_open, CLOSE(PROTOCOL_VIOLATION, ANY), .wrong = true },
};

GROUP(judge);
