// SPDX-License-Identifier: GPL-2.0
/* RFC 9000, 7.3, 7.4 and 18.2: transport parameters, ours to choose. */
#include "drill.h"
#include "../kselftest/pair.h"

/* Good parameters but for @say: ID, length, value. Those of that ID are left out first. */
static u32 params_with(const struct peer *p, u8 *out, const u64 *say, unsigned int n, bool twice)
{
	u8 good[512];
	const u8 *q = good, *end = good + good_params(p, good, sizeof(good)), *from;
	struct buf b = {};
	u64 id, len;

	while (q < end) {
		from = q;
		if (!quic_varint_get(&q, end, &id) || !quic_varint_get(&q, end, &len))
			break;
		q += len;
		if (n && id == say[0] && !twice)
			continue;
		memcpy(b.data + b.len, from, q - from);
		b.len += q - from;
	}
	if (n > 1)
		put(p, &b, say, n);
	memcpy(out, b.data, b.len);
	return b.len;
}

static void give(struct peer *p, const u64 *say, unsigned int n, bool twice, bool good)
{
	static u8 blob[2048];
	int ret;

	p->params = blob;
	p->params_len = params_with(p, blob, say, n, twice);
	ret = kern_params(p);
	NEED(p, good ? !ret : ret && errno == EINVAL);
}

#define PARAM(name, ...)						\
static void name(struct peer *p)					\
{									\
	give(p, (const u64[]){ __VA_ARGS__ }, COUNT(__VA_ARGS__), false, false); \
}
#define FINE(name, ...)							\
static void name(struct peer *p)					\
{									\
	give(p, (const u64[]){ __VA_ARGS__ }, COUNT(__VA_ARGS__), false, true); \
}
#define TWICE(name, ...)						\
static void name(struct peer *p)					\
{									\
	give(p, (const u64[]){ __VA_ARGS__ }, COUNT(__VA_ARGS__), true, false); \
}

PARAM(odcid_absent, 0x00)
PARAM(odcid_other, 0x00, 8, CID_BYTES(9))
PARAM(odcid_client, 0x00, 8, CID_BYTES(9))
PARAM(scid_absent, 0x0f)
PARAM(scid_other, 0x0f, 8, CID_BYTES(9))
PARAM(scid_long, 0x0f, 21, BYTES(21))
PARAM(retry_scid, 0x10, 8, CID_BYTES(9))
PARAM(token_client, 0x02, 16, TOKEN_BYTES(1))
PARAM(token_short, 0x02, 15, BYTES(15))
PARAM(token_long, 0x02, 17, BYTES(17))
PARAM(udp_size, 0x03, 2, 1199)
PARAM(exponent, 0x0a, 1, 21)
PARAM(ack_delay, 0x0b, 4, 1 << 14)
PARAM(cid_limit, 0x0e, 1, 1)
PARAM(cid_limit_0, 0x0e, 1, 0)
PARAM(streams_bidi, 0x08, 8, (1ull << 60) + 1)
PARAM(streams_uni, 0x09, 8, (1ull << 60) + 1)
PARAM(migration, 0x0c, 1, 0)
PARAM(preferred_client, 0x0d, 49, BYTES(24), RAW(8), CID_BYTES(8), TOKEN_BYTES(8))
PARAM(preferred_empty, 0x0d, 41, BYTES(24), RAW(0), TOKEN_BYTES(8))
PARAM(preferred_short, 0x0d, 48, BYTES(24), RAW(8), CID_BYTES(8), BYTES(15))
PARAM(preferred_no_id, 0x0d, 49, BYTES(24), RAW(8), CID_BYTES(8), TOKEN_BYTES(8))
PARAM(integer_long, 0x04, 3, 1, RAW(0), RAW(0))
PARAM(integer_cut, 0x04, 1, RAW(0xc0))
PARAM(integer_empty, 0x04, 0)
PARAM(blob_cut, 0x1234, 10, BYTES(9))
PARAM(blob_odd, 0x1234, RAW(0xc0))
TWICE(twice_integer, 0x04, 1, 1)
TWICE(twice_scid, 0x0f, 8, SCID)
TWICE(twice_datagram, 0x20, 1, 1)
FINE(unknown, 31 * 77 + 27, 3, BYTES(3), 0x1fffffff, 0)
FINE(edges, 0x03, 4, 65527, 0x0b, 2, (1 << 14) - 1)
FINE(largest, 0x04, 8, (1ull << 62) - 1)
FINE(most_streams, 0x08, 8, 1ull << 60)
FINE(idle, 0x01, 8, (1ull << 62) - 1)

static void empty_id(struct peer *p)
{
	p->scid.len = 0;
}

#define BAD(what, fn, who, req)							\
	{ req, what, .roles = who, .stage = INITIAL, .act = fn, CLOSE(TRANSPORT_PARAMETER, ANY) }
#define INVALID	"9000/7.4/invalid"
#define GOOD(what, fn, req)							\
	{ req, what, .stage = INITIAL, .act = fn, .want = LIVES }

static const struct drill_case params[] = {
	BAD("no original_destination_connection_id", odcid_absent, SERVER, "9000/7.3/absent"),
	BAD("no initial_source_connection_id", scid_absent, BOTH, "9000/7.3/absent"),
	BAD("another original_destination_connection_id", odcid_other, SERVER,
	    "9000/7.3/match 9000/7.3/mismatch"),
	BAD("another initial_source_connection_id", scid_other, BOTH,
	    "9000/7.3/match 9000/7.3/mismatch"),
	BAD("retry_source_connection_id without Retry", retry_scid, SERVER, "9000/7.3/mismatch"),
	BAD("original_destination_connection_id of a client", odcid_client, CLIENT,
	    "9000/18.2/server-only"),
	BAD("stateless_reset_token of a client", token_client, CLIENT, "9000/18.2/server-only"),
	BAD("preferred_address of a client", preferred_client, CLIENT, "9000/18.2/server-only"),
	BAD("retry_source_connection_id of a client", retry_scid, CLIENT, "9000/18.2/server-only"),
	BAD("initial_source_connection_id of 21 bytes", scid_long, BOTH, INVALID),
	BAD("stateless_reset_token of 15 bytes", token_short, SERVER, INVALID),
	BAD("stateless_reset_token of 17 bytes", token_long, SERVER, INVALID),
	BAD("max_udp_payload_size 1199", udp_size, BOTH, INVALID),
	BAD("ack_delay_exponent 21", exponent, BOTH, INVALID),
	BAD("max_ack_delay 2^14", ack_delay, BOTH, INVALID),
	BAD("active_connection_id_limit 1", cid_limit, BOTH, "9000/18.2/cid-limit"),
	BAD("active_connection_id_limit 0", cid_limit_0, BOTH, "9000/18.2/cid-limit"),
	BAD("initial_max_streams_bidi over 2^60", streams_bidi, BOTH, "9000/4.6/encoding"),
	BAD("initial_max_streams_uni over 2^60", streams_uni, BOTH, "9000/4.6/encoding"),
	BAD("disable_active_migration with a value", migration, BOTH, INVALID),
	BAD("preferred_address with an empty ID", preferred_empty, SERVER, "9000/18.2/preferred"),
	BAD("preferred_address cut short", preferred_short, SERVER, INVALID),
	{ "9000/18.2/preferred", "preferred_address of one whose IDs are empty", .roles = SERVER,
	  .stage = INITIAL, .before = empty_id, .act = preferred_no_id,
	  CLOSE(TRANSPORT_PARAMETER, ANY) },
	BAD("an integer longer than it is", integer_long, BOTH, INVALID),
	BAD("an integer cut short", integer_cut, BOTH, INVALID),
	BAD("an integer that is empty", integer_empty, BOTH, INVALID),
	BAD("parameters cut short", blob_cut, BOTH, INVALID),
	BAD("parameters that end in half a number", blob_odd, BOTH, INVALID),
	BAD("initial_max_data twice", twice_integer, BOTH, "9000/7.4/twice"),
	BAD("initial_source_connection_id twice", twice_scid, BOTH, "9000/7.4/twice"),
	BAD("max_datagram_frame_size twice", twice_datagram, BOTH, "9000/7.4/twice"),
	GOOD("parameters that nobody knows", unknown, "9000/7.4.2/unknown"),
	GOOD("values at the edge", edges, INVALID),
	GOOD("the largest initial_max_data", largest, INVALID),
	GOOD("2^60 streams", most_streams, "9000/4.6/encoding"),
	GOOD("the longest max_idle_timeout", idle, INVALID),
};

GROUP(params);
