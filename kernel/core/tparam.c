// SPDX-License-Identifier: GPL-2.0
/*
 * Transport parameters: the integers go through one table with their bounds,
 * the few others by hand. The decoder takes nothing it does not understand
 * fully, except ids it does not know.
 */
#include "tparam.h"

#define NO_ID		0xff
#define PREFERRED_LEN	(4u + 2 + 16 + 2 + 1)	/* before the ID */

/* RFC 9000, 18.2. Kept in ns where @ms is set. */
static const struct integer {
	u64 def, min, max;	/* on the wire */
	u16 offset;
	u8 id;
	bool ms;
} integers[] = {
#define INT(i, field, d, lo, hi, is_ms)					\
	{ .def = (d), .min = (lo), .max = (hi), .id = (i), .ms = (is_ms),	\
	  .offset = offsetof(struct quic_terms, field) }
	INT(QUIC_TP_MAX_IDLE_TIMEOUT, max_idle_timeout, 0, 0, QUIC_VARINT_MAX, true),
	INT(QUIC_TP_MAX_UDP_PAYLOAD_SIZE, max_udp_payload_size, 65527, QUIC_DGRAM_MIN,
	    QUIC_VARINT_MAX, false),
	INT(QUIC_TP_MAX_DATA, max_data, 0, 0, QUIC_VARINT_MAX, false),
	INT(QUIC_TP_MAX_STREAM_DATA_BIDI_LOCAL, max_stream_data_bidi_local, 0, 0,
	    QUIC_VARINT_MAX, false),
	INT(QUIC_TP_MAX_STREAM_DATA_BIDI_REMOTE, max_stream_data_bidi_remote, 0, 0,
	    QUIC_VARINT_MAX, false),
	INT(QUIC_TP_MAX_STREAM_DATA_UNI, max_stream_data_uni, 0, 0, QUIC_VARINT_MAX, false),
	INT(QUIC_TP_MAX_STREAMS_BIDI, max_streams_bidi, 0, 0, QUIC_STREAMS_MAX, false),
	INT(QUIC_TP_MAX_STREAMS_UNI, max_streams_uni, 0, 0, QUIC_STREAMS_MAX, false),
	INT(QUIC_TP_ACK_DELAY_EXPONENT, ack_delay_exponent, QUIC_DEF_ACK_EXPONENT, 0, 20, false),
	INT(QUIC_TP_MAX_ACK_DELAY, max_ack_delay, 25, 0, (1 << 14) - 1, true),
	INT(QUIC_TP_ACTIVE_CID_LIMIT, active_connection_id_limit, 2, 2, QUIC_VARINT_MAX, false),
	INT(QUIC_TP_MAX_DATAGRAM_FRAME_SIZE, max_datagram_frame_size, 0, 0, QUIC_VARINT_MAX,
	    false),
#undef INT
};

static u64 *field(struct quic_terms *t, const struct integer *in)
{
	return (u64 *)((u8 *)t + in->offset);
}

/* From the wire's unit to ours; an idle timeout of centuries is cut. */
static u64 to_host(const struct integer *in, u64 v)
{
	if (!in->ms)
		return v;
	return min_t(u64, v, U32_MAX) * NSEC_PER_MSEC;
}

/* To the wire's unit; part of a millisecond counts as one. */
static u64 to_wire(const struct integer *in, u64 v)
{
	if (in->ms)
		v = div_u64(v + NSEC_PER_MSEC - 1, NSEC_PER_MSEC);
	return v;
}

void quic_terms_defaults(struct quic_terms *t)
{
	unsigned int i;

	memset(t, 0, sizeof(*t));
	for (i = 0; i < ARRAY_SIZE(integers); i++)
		*field(t, &integers[i]) = to_host(&integers[i], integers[i].def);
}

void quic_tparam_defaults(struct quic_tparams *tp)
{
	memset(tp, 0, sizeof(*tp));
	quic_terms_defaults(&tp->terms);
}

/* Output that notes when it would have run over. */
struct out {
	u8 *p, *end;
	bool over;
};

static void put_head(struct out *o, u64 id, u32 len)
{
	if ((size_t)(o->end - o->p) < quic_varint_len(id) + quic_varint_len(len) + (size_t)len)
		o->over = true;
	if (!o->over)
		o->p = quic_varint_put(quic_varint_put(o->p, id), len);
}

static void put_raw(struct out *o, const void *data, u32 len)
{
	if (o->over || !len)
		return;
	memcpy(o->p, data, len);
	o->p += len;
}

static void put_param(struct out *o, u64 id, const void *data, u32 len)
{
	put_head(o, id, len);
	put_raw(o, data, len);
}

static void put_integer(struct out *o, u64 id, u64 v)
{
	u8 buf[8];

	put_param(o, id, buf, quic_varint_put(buf, v) - buf);
}

static void put_preferred(struct out *o, const struct quic_preferred_addr *a)
{
	u8 buf[PREFERRED_LEN];

	memcpy(buf, a->v4, 4);
	put_unaligned_be16(a->port4, buf + 4);
	memcpy(buf + 6, a->v6, 16);
	put_unaligned_be16(a->port6, buf + 22);
	buf[24] = a->cid.len;
	put_head(o, QUIC_TP_PREFERRED_ADDRESS,
		 PREFERRED_LEN + a->cid.len + QUIC_TOKEN_RESET_LEN);
	put_raw(o, buf, PREFERRED_LEN);
	put_raw(o, a->cid.id, a->cid.len);
	put_raw(o, a->reset_token, QUIC_TOKEN_RESET_LEN);
}

static void put_server(struct out *o, const struct quic_tparams *tp)
{
	if (tp->has_original_dcid)
		put_param(o, QUIC_TP_ORIGINAL_DCID, tp->original_dcid.id, tp->original_dcid.len);
	if (tp->terms.has_reset_token)
		put_param(o, QUIC_TP_RESET_TOKEN, tp->reset_token, QUIC_TOKEN_RESET_LEN);
	if (tp->has_preferred)
		put_preferred(o, &tp->preferred);
	if (tp->has_retry_scid)
		put_param(o, QUIC_TP_RETRY_SCID, tp->retry_scid.id, tp->retry_scid.len);
}

/* RFC 9368, 3 */
static void put_versions(struct out *o, const struct quic_tparams *tp, u32 grease)
{
	u8 buf[4 + 4 + sizeof(tp->versions.list)], *p = buf;
	unsigned int i;

	put_unaligned_be32(tp->version_chosen, p);
	p += 4;
	/* A version nobody speaks, first or last */
	if (grease & 0x100) {
		put_unaligned_be32(quic_version_grease(grease), p);
		p += 4;
	}
	for (i = 0; i < tp->versions.n; i++, p += 4)
		put_unaligned_be32(tp->versions.list[i], p);
	if (!(grease & 0x100)) {
		put_unaligned_be32(quic_version_grease(grease), p);
		p += 4;
	}
	put_param(o, QUIC_TP_VERSION_INFORMATION, buf, p - buf);
}

int quic_tparam_encode(const struct quic_tparams *tp, bool server, u32 grease, u8 *buf, u32 cap)
{
	struct out o = { .p = buf, .end = buf + cap };
	unsigned int i;
	u64 v;

	for (i = 0; i < ARRAY_SIZE(integers); i++) {
		v = to_wire(&integers[i], *field((struct quic_terms *)&tp->terms, &integers[i]));
		if (v != integers[i].def)
			put_integer(&o, integers[i].id, clamp(v, integers[i].min, integers[i].max));
	}
	if (server)
		put_server(&o, tp);
	if (tp->has_initial_scid)
		put_param(&o, QUIC_TP_INITIAL_SCID, tp->initial_scid.id, tp->initial_scid.len);
	if (tp->version_chosen)
		put_versions(&o, tp, grease);
	if (tp->terms.has_min_ack_delay)
		put_integer(&o, QUIC_TP_MIN_ACK_DELAY,
			    div_u64(tp->terms.min_ack_delay, NSEC_PER_USEC));
	if (tp->terms.reset_stream_at)
		put_head(&o, QUIC_TP_RESET_STREAM_AT, 0);
	if (tp->terms.disable_active_migration)
		put_head(&o, QUIC_TP_DISABLE_ACTIVE_MIGRATION, 0);
	if (tp->terms.grease_quic_bit)
		put_head(&o, QUIC_TP_GREASE_QUIC_BIT, 0);
	if (tp->terms.disable_1rtt_encryption)
		put_head(&o, QUIC_TP_DISABLE_1RTT_ENCRYPTION, 0);
	/* RFC 9000, 18.1 */
	put_param(&o, 31ull * (grease >> 2) + 27, &grease, grease & 3);
	return o.over ? -EMSGSIZE : o.p - buf;
}

static int get_integer(struct quic_tparams *tp, const struct integer *in, const u8 *p,
		       const u8 *end)
{
	u64 v;

	if (!quic_varint_get(&p, end, &v) || p != end || v < in->min || v > in->max)
		return -EPROTO;
	*field(&tp->terms, in) = to_host(in, v);
	return 0;
}

static int get_cid(struct quic_cid *cid, bool *has, const u8 *p, u32 len)
{
	if (len > QUIC_CID_MAX)
		return -EPROTO;
	quic_cid_set(cid, p, len);
	*has = true;
	return 0;
}

static int get_reset_token(struct quic_tparams *tp, const u8 *p, u32 len)
{
	if (len != QUIC_TOKEN_RESET_LEN)
		return -EPROTO;
	memcpy(tp->reset_token, p, len);
	tp->terms.has_reset_token = true;
	return 0;
}

static int get_preferred(struct quic_tparams *tp, const u8 *p, u32 len)
{
	struct quic_preferred_addr *a = &tp->preferred;

	if (len < PREFERRED_LEN || !p[24] || p[24] > QUIC_CID_MAX ||
	    len != PREFERRED_LEN + p[24] + QUIC_TOKEN_RESET_LEN)
		return -EPROTO;
	memcpy(a->v4, p, 4);
	a->port4 = get_unaligned_be16(p + 4);
	memcpy(a->v6, p + 6, 16);
	a->port6 = get_unaligned_be16(p + 22);
	quic_cid_set(&a->cid, p + PREFERRED_LEN, p[24]);
	memcpy(a->reset_token, p + PREFERRED_LEN + p[24], QUIC_TOKEN_RESET_LEN);
	tp->has_preferred = true;
	return 0;
}

/* RFC 9368, 4: a client must list the version it chose. */
static int get_versions(struct quic_tparams *tp, bool from_server, const u8 *p, u32 len)
{
	bool listed = from_server;
	u32 i, v;

	if (len < 4 || len % 4)
		return -EPROTO;
	tp->version_chosen = get_unaligned_be32(p);
	if (!tp->version_chosen)
		return -EPROTO;
	for (i = 4; i < len; i += 4) {
		v = get_unaligned_be32(p + i);
		if (!v)
			return -EPROTO;
		if (v == tp->version_chosen)
			listed = true;
		if (quic_version_known(v))
			quic_version_add(&tp->versions, v);
	}
	tp->has_versions = len > 4;
	return listed ? 0 : -EPROTO;
}

/* In microseconds, unlike max_ack_delay; the limit is that one, which may come later. */
static int get_min_ack_delay(struct quic_tparams *tp, const u8 *p, const u8 *end)
{
	u64 v;

	if (!quic_varint_get(&p, end, &v) || p != end ||
	    v >= QUIC_ACK_DELAY_LIMIT / NSEC_PER_USEC)
		return -EPROTO;
	tp->terms.min_ack_delay = v * NSEC_PER_USEC;
	tp->terms.has_min_ack_delay = true;
	return 0;
}

static int get_flag(bool *flag, u32 len)
{
	*flag = true;
	return len ? -EPROTO : 0;
}

/* Bit of a known @id among those seen, or NO_ID. */
static unsigned int known(u64 id)
{
	if (id <= QUIC_TP_VERSION_INFORMATION)
		return id;
	switch (id) {
	case QUIC_TP_MAX_DATAGRAM_FRAME_SIZE:
		return 32;
	case QUIC_TP_GREASE_QUIC_BIT:
		return 33;
	case QUIC_TP_DISABLE_1RTT_ENCRYPTION:
		return 34;
	case QUIC_TP_RESET_STREAM_AT:
		return 35;
	case QUIC_TP_MIN_ACK_DELAY:
		return 36;
	}
	return NO_ID;
}

static bool server_only(u64 id)
{
	return id == QUIC_TP_ORIGINAL_DCID || id == QUIC_TP_RESET_TOKEN ||
	       id == QUIC_TP_PREFERRED_ADDRESS || id == QUIC_TP_RETRY_SCID;
}

static int get_param(struct quic_tparams *tp, bool from_server, u64 id, const u8 *p, u32 len)
{
	unsigned int i;

	switch (id) {
	case QUIC_TP_ORIGINAL_DCID:
		return get_cid(&tp->original_dcid, &tp->has_original_dcid, p, len);
	case QUIC_TP_INITIAL_SCID:
		return get_cid(&tp->initial_scid, &tp->has_initial_scid, p, len);
	case QUIC_TP_RETRY_SCID:
		return get_cid(&tp->retry_scid, &tp->has_retry_scid, p, len);
	case QUIC_TP_RESET_TOKEN:
		return get_reset_token(tp, p, len);
	case QUIC_TP_PREFERRED_ADDRESS:
		return get_preferred(tp, p, len);
	case QUIC_TP_VERSION_INFORMATION:
		return get_versions(tp, from_server, p, len);
	case QUIC_TP_MIN_ACK_DELAY:
		return get_min_ack_delay(tp, p, p + len);
	case QUIC_TP_RESET_STREAM_AT:
		return get_flag(&tp->terms.reset_stream_at, len);
	case QUIC_TP_DISABLE_ACTIVE_MIGRATION:
		return get_flag(&tp->terms.disable_active_migration, len);
	case QUIC_TP_GREASE_QUIC_BIT:
		return get_flag(&tp->terms.grease_quic_bit, len);
	case QUIC_TP_DISABLE_1RTT_ENCRYPTION:
		return get_flag(&tp->terms.disable_1rtt_encryption, len);
	}
	for (i = 0; i < ARRAY_SIZE(integers); i++)
		if (integers[i].id == id)
			return get_integer(tp, &integers[i], p, p + len);
	return 0;
}

int quic_tparam_decode(struct quic_tparams *tp, bool from_server, const u8 *buf, u32 len)
{
	const u8 *p = buf, *end = buf + len;
	u64 id, size, seen = 0;
	unsigned int bit;

	quic_tparam_defaults(tp);
	while (p < end) {
		if (!quic_varint_get(&p, end, &id) || !quic_varint_get(&p, end, &size) ||
		    size > (u64)(end - p))
			return -EPROTO;
		bit = known(id);
		if (bit != NO_ID) {
			/* RFC 9000, 7.4 and 18.2 */
			if (seen & BIT_ULL(bit) || (!from_server && server_only(id)))
				return -EPROTO;
			seen |= BIT_ULL(bit);
			if (get_param(tp, from_server, id, p, size))
				return -EPROTO;
		}
		p += size;
	}
	/* draft-ietf-quic-ack-frequency, 3 */
	return tp->terms.min_ack_delay > tp->terms.max_ack_delay ? -EPROTO : 0;
}
