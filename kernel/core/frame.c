// SPDX-License-Identifier: GPL-2.0
/*
 * Frames: parsers first, then the table of levels, then writers.
 *
 * Parsers never look past @end, and what they accept satisfies the limits of
 * RFC 9000, 19, so that callers may add offset and length without overflow.
 * Writers compute the room a frame takes before they write its first byte.
 */
#include "frame.h"

#define BAD	QUIC_ERR_FRAME_ENCODING

static int get_bytes(const u8 **p, const u8 *end, const u8 **data, size_t len)
{
	if ((size_t)(end - *p) < len)
		return BAD;
	*data = *p;
	*p += len;
	return 0;
}

/* A Length and as many bytes. */
static int get_sized(const u8 **p, const u8 *end, const u8 **data, u32 *len)
{
	u64 v;

	if (!quic_varint_get(p, end, &v) || v > (u64)(end - *p))
		return BAD;
	*data = *p;
	*len = v;
	*p += v;
	return 0;
}

/* RFC 9000, 19.8 */
static int parse_stream(const u8 **p, const u8 *end, struct quic_frame *f)
{
	f->stream.off = 0;
	f->stream.fin = f->type & QUIC_STREAM_BIT_FIN;
	if (!quic_varint_get(p, end, &f->stream.id))
		return BAD;
	if (f->type & QUIC_STREAM_BIT_OFF && !quic_varint_get(p, end, &f->stream.off))
		return BAD;
	if (f->type & QUIC_STREAM_BIT_LEN) {
		if (get_sized(p, end, &f->stream.data, &f->stream.len))
			return BAD;
	} else {
		f->stream.data = *p;
		f->stream.len = end - *p;
		*p = end;
	}
	return f->stream.off + f->stream.len > QUIC_VARINT_MAX ? BAD : 0;
}

/* RFC 9000, 19.3: no computed packet number may be negative. */
static int parse_ack(const u8 **p, const u8 *end, struct quic_frame_ack *a, bool ecn)
{
	u64 gap, len, low, i;

	if (!quic_varint_get(p, end, &a->largest) || !quic_varint_get(p, end, &a->delay) ||
	    !quic_varint_get(p, end, &a->nranges) || !quic_varint_get(p, end, &a->first))
		return BAD;
	if (a->first > a->largest)
		return BAD;
	low = a->largest - a->first;
	a->pairs = *p;
	for (i = a->nranges; i; i--) {
		if (!quic_varint_get(p, end, &gap) || !quic_varint_get(p, end, &len))
			return BAD;
		if (low < gap + 2 || low - gap - 2 < len)
			return BAD;
		low -= gap + 2 + len;
	}
	a->pairs_end = *p;
	a->ecn = ecn;
	a->ect0 = 0;
	a->ect1 = 0;
	a->ce = 0;
	if (ecn && (!quic_varint_get(p, end, &a->ect0) || !quic_varint_get(p, end, &a->ect1) ||
		    !quic_varint_get(p, end, &a->ce)))
		return BAD;
	return 0;
}

/* RFC 9000, 19.15 */
static int parse_new_cid(const u8 **p, const u8 *end, struct quic_frame *f)
{
	const u8 *len;

	if (!quic_varint_get(p, end, &f->new_cid.seq) ||
	    !quic_varint_get(p, end, &f->new_cid.prior_to) ||
	    get_bytes(p, end, &len, 1) || !*len || *len > QUIC_CID_MAX ||
	    f->new_cid.prior_to > f->new_cid.seq)
		return BAD;
	f->new_cid.len = *len;
	if (get_bytes(p, end, &f->new_cid.id, *len))
		return BAD;
	return get_bytes(p, end, &f->new_cid.reset_token, QUIC_TOKEN_RESET_LEN);
}

/* RFC 9000, 19.19 */
static int parse_close(const u8 **p, const u8 *end, struct quic_frame *f)
{
	f->close.frame_type = 0;
	if (!quic_varint_get(p, end, &f->close.code))
		return BAD;
	if (f->type == QUIC_FT_CONNECTION_CLOSE &&
	    !quic_varint_get(p, end, &f->close.frame_type))
		return BAD;
	return get_sized(p, end, &f->close.reason, &f->close.reason_len);
}

static int parse_padding(const u8 **p, const u8 *end, struct quic_frame *f)
{
	const u8 *q = memchr_inv(*p, 0, end - *p);

	if (!q)
		q = end;
	f->padding.len = q - *p + 1;	/* the type byte is one of them */
	*p = q;
	return 0;
}

static int parse_crypto(const u8 **p, const u8 *end, struct quic_frame *f)
{
	if (!quic_varint_get(p, end, &f->crypto.off) ||
	    get_sized(p, end, &f->crypto.data, &f->crypto.len))
		return BAD;
	return f->crypto.off + f->crypto.len > QUIC_VARINT_MAX ? BAD : 0;
}

/* RFC 9000, 19.4; RESET_STREAM_AT has one more field, which RESET_STREAM means to be 0. */
static int parse_reset(const u8 **p, const u8 *end, struct quic_frame *f)
{
	f->reset.reliable = 0;
	if (!quic_varint_get(p, end, &f->reset.id) || !quic_varint_get(p, end, &f->reset.code) ||
	    !quic_varint_get(p, end, &f->reset.final_size))
		return BAD;
	if (f->type == QUIC_FT_RESET_STREAM_AT && !quic_varint_get(p, end, &f->reset.reliable))
		return BAD;
	return f->reset.reliable > f->reset.final_size ? BAD : 0;
}

static int parse_datagram(const u8 **p, const u8 *end, struct quic_frame *f)
{
	const u8 *type = *p - 1;
	int err;

	if (f->type == QUIC_FT_DATAGRAM_LEN) {
		err = get_sized(p, end, &f->datagram.data, &f->datagram.len);
	} else {
		f->datagram.len = end - *p;
		err = get_bytes(p, end, &f->datagram.data, f->datagram.len);
	}
	f->datagram.size = *p - type;
	return err;
}

/* The frames that are one to four integers. */
static int parse_numbers(const u8 **p, const u8 *end, struct quic_frame *f)
{
	switch (f->type) {
	case QUIC_FT_RESET_STREAM:
	case QUIC_FT_RESET_STREAM_AT:
		return parse_reset(p, end, f);
	case QUIC_FT_ACK_FREQUENCY:
		return quic_varint_get(p, end, &f->ack_freq.seq) &&
		       quic_varint_get(p, end, &f->ack_freq.threshold) &&
		       quic_varint_get(p, end, &f->ack_freq.delay) &&
		       quic_varint_get(p, end, &f->ack_freq.reorder) ? 0 : BAD;
	case QUIC_FT_STOP_SENDING:
		return quic_varint_get(p, end, &f->stop.id) &&
		       quic_varint_get(p, end, &f->stop.code) ? 0 : BAD;
	case QUIC_FT_MAX_STREAM_DATA:
	case QUIC_FT_STREAM_DATA_BLOCKED:
		return quic_varint_get(p, end, &f->max.id) &&
		       quic_varint_get(p, end, &f->max.max) ? 0 : BAD;
	case QUIC_FT_RETIRE_CONNECTION_ID:
		return quic_varint_get(p, end, &f->retire.seq) ? 0 : BAD;
	}
	f->max.id = 0;
	if (!quic_varint_get(p, end, &f->max.max))
		return BAD;
	/* A stream number above would not fit an ID: RFC 9000, 4.6, 19.11, 19.14 */
	if (f->type != QUIC_FT_MAX_DATA && f->type != QUIC_FT_DATA_BLOCKED &&
	    f->max.max > QUIC_STREAMS_MAX)
		return BAD;
	return 0;
}

static int parse_rare(const u8 **p, const u8 *end, struct quic_frame *f)
{
	switch (f->type) {
	case QUIC_FT_PADDING:
		return parse_padding(p, end, f);
	case QUIC_FT_PING:
	case QUIC_FT_HANDSHAKE_DONE:
	case QUIC_FT_IMMEDIATE_ACK:
		return 0;
	case QUIC_FT_CRYPTO:
		return parse_crypto(p, end, f);
	case QUIC_FT_NEW_TOKEN:
		if (get_sized(p, end, &f->token.data, &f->token.len))
			return BAD;
		return f->token.len ? 0 : BAD;
	case QUIC_FT_RESET_STREAM:
	case QUIC_FT_RESET_STREAM_AT:
	case QUIC_FT_STOP_SENDING:
	case QUIC_FT_ACK_FREQUENCY:
	case QUIC_FT_MAX_DATA ... QUIC_FT_STREAMS_BLOCKED_UNI:
	case QUIC_FT_RETIRE_CONNECTION_ID:
		return parse_numbers(p, end, f);
	case QUIC_FT_NEW_CONNECTION_ID:
		return parse_new_cid(p, end, f);
	case QUIC_FT_PATH_CHALLENGE:
	case QUIC_FT_PATH_RESPONSE:
		return get_bytes(p, end, &f->path, 8);
	case QUIC_FT_CONNECTION_CLOSE:
	case QUIC_FT_CONNECTION_CLOSE_APP:
		return parse_close(p, end, f);
	case QUIC_FT_DATAGRAM:
	case QUIC_FT_DATAGRAM_LEN:
		return parse_datagram(p, end, f);
	}
	return BAD;
}

/* A type of more than a byte: its shortest encoding only. RFC 9000, 12.4 */
static int parse_long_type(const u8 **p, const u8 *end, struct quic_frame *f)
{
	const u8 *q = *p;

	if (!quic_varint_get(p, end, &f->type))
		return BAD;
	return *p - q > quic_varint_len(f->type) ? QUIC_ERR_PROTOCOL_VIOLATION : 0;
}

int quic_frame_parse(const u8 **p, const u8 *end, struct quic_frame *f)
{
	const u8 *q = *p;
	int err;

	if (unlikely(q >= end))
		return BAD;
	f->type = *q;
	if (unlikely(*q >= 64)) {
		err = parse_long_type(&q, end, f);
		if (err)
			return err;
	} else {
		q++;
	}
	if (likely((f->type & ~7ull) == QUIC_FT_STREAM))
		err = parse_stream(&q, end, f);
	else if ((f->type & ~1ull) == QUIC_FT_ACK)
		err = parse_ack(&q, end, &f->ack, f->type & 1);
	else
		err = parse_rare(&q, end, f);
	if (likely(!err))
		*p = q;
	return err;
}

#define APP	BIT(QUIC_LEVEL_APP)
#define EARLY	(BIT(QUIC_LEVEL_APP) | BIT(QUIC_LEVEL_EARLY))
#define SHAKE	(BIT(QUIC_LEVEL_APP) | BIT(QUIC_LEVEL_INITIAL) | BIT(QUIC_LEVEL_HANDSHAKE))
#define ALL	(SHAKE | EARLY)

/* RFC 9000, 12.4, table 3; RFC 9221, 4; the drafts wire.h names */
static const u8 levels[] = {
	[QUIC_FT_PADDING] = ALL,
	[QUIC_FT_PING] = ALL,
	[QUIC_FT_ACK ... QUIC_FT_ACK_ECN] = SHAKE,
	[QUIC_FT_RESET_STREAM ... QUIC_FT_STOP_SENDING] = EARLY,
	[QUIC_FT_CRYPTO] = SHAKE,
	[QUIC_FT_NEW_TOKEN] = APP,
	[QUIC_FT_STREAM ... QUIC_FT_PATH_CHALLENGE] = EARLY,
	[QUIC_FT_PATH_RESPONSE] = APP,
	[QUIC_FT_CONNECTION_CLOSE] = ALL,
	[QUIC_FT_CONNECTION_CLOSE_APP] = EARLY,
	[QUIC_FT_HANDSHAKE_DONE ... QUIC_FT_IMMEDIATE_ACK] = APP,
	[QUIC_FT_RESET_STREAM_AT] = EARLY,
	[QUIC_FT_DATAGRAM ... QUIC_FT_DATAGRAM_LEN] = EARLY,
	[QUIC_FT_ACK_FREQUENCY] = APP,
};

bool quic_frame_allowed(u64 type, enum quic_level level)
{
	return type < ARRAY_SIZE(levels) && levels[type] & BIT(level);
}

bool quic_frame_eliciting(u64 type)
{
	switch (type) {
	case QUIC_FT_PADDING:
	case QUIC_FT_ACK:
	case QUIC_FT_ACK_ECN:
	case QUIC_FT_CONNECTION_CLOSE:
	case QUIC_FT_CONNECTION_CLOSE_APP:
		return false;
	}
	return true;
}

void quic_ack_iter_init(struct quic_ack_iter *it, const struct quic_frame_ack *ack)
{
	it->p = ack->pairs;
	it->end = ack->pairs_end;
	it->left = ack->nranges;
	it->r.start = ack->largest - ack->first;
	it->r.end = ack->largest + 1;
}

bool quic_ack_iter_next(struct quic_ack_iter *it)
{
	u64 gap, len;

	if (!it->left || !quic_varint_get(&it->p, it->end, &gap) ||
	    !quic_varint_get(&it->p, it->end, &len))
		return false;
	it->left--;
	it->r.end = it->r.start - gap - 1;
	it->r.start = it->r.end - len - 1;
	return true;
}

static bool fits(const u8 *p, const u8 *end, u64 need)
{
	return p <= end && (size_t)(end - p) >= need;
}

u8 *quic_frame_put_ack(u8 *p, const u8 *end, const struct quic_ranges *acked, u64 delay,
		       const u64 *ecn)
{
	const struct quic_range *r;
	u32 n = acked->n, done = 0, i;
	u64 gap, len;
	u8 *count;

	if (!n)
		return NULL;
	r = &acked->r[n - 1];
	len = r->end - r->start - 1;
	if (ecn)
		for (i = 0; i < 3; i++)
			end -= quic_varint_len(ecn[i]);
	/* Mostly there is room for the largest numbers. */
	if (!fits(p, end, 1 + 8 + 8 + 2 + 8) &&
	    !fits(p, end, 1 + quic_varint_len(r->end - 1) + quic_varint_len(delay) +
		  (n > 64 ? 2 : 1) + quic_varint_len(len)))
		return NULL;
	*p++ = ecn ? QUIC_FT_ACK_ECN : QUIC_FT_ACK;
	p = quic_varint_put(p, r->end - 1);
	p = quic_varint_put(p, delay);
	/* The range count is known at the end; two bytes if it may not fit one. */
	count = p;
	p = quic_varint_put(p + (n > 64 ? 2 : 1), len);
	for (; done < n - 1; done++, r--) {
		gap = r->start - r[-1].end - 1;
		len = r[-1].end - r[-1].start - 1;
		if (!fits(p, end, quic_varint_len(gap) + quic_varint_len(len)))
			break;
		p = quic_varint_put(quic_varint_put(p, gap), len);
	}
	if (n > 64)
		quic_varint_put2(count, done);
	else
		*count = done;
	if (ecn)
		for (i = 0; i < 3; i++)
			p = quic_varint_put(p, ecn[i]);
	return p;
}

u8 *quic_frame_put_reset(u8 *p, const u8 *end, u64 id, u64 code, u64 final_size)
{
	if (!fits(p, end, 1 + quic_varint_len(id) + quic_varint_len(code) +
		  quic_varint_len(final_size)))
		return NULL;
	*p++ = QUIC_FT_RESET_STREAM;
	p = quic_varint_put(p, id);
	p = quic_varint_put(p, code);
	return quic_varint_put(p, final_size);
}

u8 *quic_frame_put_reset_at(u8 *p, const u8 *end, u64 id, u64 code, u64 final_size, u64 reliable)
{
	if (!fits(p, end, 1 + quic_varint_len(id) + quic_varint_len(code) +
		  quic_varint_len(final_size) + quic_varint_len(reliable)))
		return NULL;
	*p++ = QUIC_FT_RESET_STREAM_AT;
	p = quic_varint_put(quic_varint_put(p, id), code);
	return quic_varint_put(quic_varint_put(p, final_size), reliable);
}

u8 *quic_frame_put_ack_freq(u8 *p, const u8 *end, u64 seq, u64 threshold, u64 delay, u64 reorder)
{
	if (!fits(p, end, 2 + quic_varint_len(seq) + quic_varint_len(threshold) +
		  quic_varint_len(delay) + quic_varint_len(reorder)))
		return NULL;
	p = quic_varint_put(quic_varint_put(p, QUIC_FT_ACK_FREQUENCY), seq);
	p = quic_varint_put(quic_varint_put(p, threshold), delay);
	return quic_varint_put(p, reorder);
}

u8 *quic_frame_put_stop(u8 *p, const u8 *end, u64 id, u64 code)
{
	return quic_frame_put_v2(p, end, QUIC_FT_STOP_SENDING, id, code);
}

u8 *quic_frame_put_token(u8 *p, const u8 *end, const u8 *token, u32 len)
{
	if (!fits(p, end, 1 + quic_varint_len(len) + (u64)len))
		return NULL;
	*p++ = QUIC_FT_NEW_TOKEN;
	p = quic_varint_put(p, len);
	memcpy(p, token, len);
	return p + len;
}

u8 *quic_frame_put_v1(u8 *p, const u8 *end, enum quic_frame_type type, u64 v)
{
	if (!fits(p, end, 1 + quic_varint_len(v)))
		return NULL;
	*p++ = type;
	return quic_varint_put(p, v);
}

u8 *quic_frame_put_v2(u8 *p, const u8 *end, enum quic_frame_type type, u64 id, u64 v)
{
	if (!fits(p, end, 1 + quic_varint_len(id) + quic_varint_len(v)))
		return NULL;
	*p++ = type;
	return quic_varint_put(quic_varint_put(p, id), v);
}

u8 *quic_frame_put_new_cid(u8 *p, const u8 *end, u64 seq, u64 prior_to, const u8 *id, u8 len,
			   const u8 *reset_token)
{
	if (!fits(p, end, 1 + quic_varint_len(seq) + quic_varint_len(prior_to) + 1 + len +
		  QUIC_TOKEN_RESET_LEN))
		return NULL;
	*p++ = QUIC_FT_NEW_CONNECTION_ID;
	p = quic_varint_put(quic_varint_put(p, seq), prior_to);
	*p++ = len;
	memcpy(p, id, len);
	memcpy(p + len, reset_token, QUIC_TOKEN_RESET_LEN);
	return p + len + QUIC_TOKEN_RESET_LEN;
}

u8 *quic_frame_put_path(u8 *p, const u8 *end, enum quic_frame_type type, const u8 *data)
{
	if (!fits(p, end, 1 + 8))
		return NULL;
	*p++ = type;
	memcpy(p, data, 8);
	return p + 8;
}

/*
 * The most payload, up to @len, that fits @room bytes together with its Length;
 * 0 if none does. RFC 9000, 16
 */
static u32 fit_sized(size_t room, u32 len)
{
	u32 width, n = 0;

	if (room >= quic_varint_len(len) + (size_t)len)
		return len;
	for (width = 1; width < 8 && width < room; width *= 2)
		n = max_t(u32, n, min_t(size_t, room - width, (1ull << (8 * width - 2)) - 1));
	return n;
}

u8 *quic_frame_put_close(u8 *p, const u8 *end, bool app, u64 code, u64 frame_type,
			 const u8 *reason, u32 reason_len)
{
	size_t head = 1 + quic_varint_len(code) + (app ? 0 : quic_varint_len(frame_type));

	if (!fits(p, end, head + 1))
		return NULL;
	reason_len = fit_sized(end - p - head, reason_len);
	*p++ = app ? QUIC_FT_CONNECTION_CLOSE_APP : QUIC_FT_CONNECTION_CLOSE;
	p = quic_varint_put(p, code);
	if (!app)
		p = quic_varint_put(p, frame_type);
	p = quic_varint_put(p, reason_len);
	if (reason_len)
		memcpy(p, reason, reason_len);
	return p + reason_len;
}

u8 *quic_frame_put_type(u8 *p, const u8 *end, enum quic_frame_type type)
{
	if (!fits(p, end, 1))
		return NULL;
	*p++ = type;
	return p;
}

u8 *quic_frame_put_crypto(u8 *p, const u8 *end, u64 off, u32 *len)
{
	size_t head = 1 + quic_varint_len(off);
	u32 n;

	if (!fits(p, end, head))
		return NULL;
	n = fit_sized(end - p - head, *len);
	if (!n)
		return NULL;
	*len = n;
	*p++ = QUIC_FT_CRYPTO;
	p = quic_varint_put(p, off);
	return quic_varint_put(p, n);
}

u8 *quic_frame_put_stream(u8 *p, const u8 *end, u64 id, u64 off, u32 *len, bool *fin,
			  bool may_omit_len)
{
	size_t head = 1 + quic_varint_len(id) + (off ? quic_varint_len(off) : 0);
	u8 type = QUIC_FT_STREAM;
	size_t room;
	u32 n;

	if (!fits(p, end, head))
		return NULL;
	room = end - p - head;
	if (may_omit_len && room <= *len) {
		n = room;
	} else {
		n = fit_sized(room, *len);
		type |= QUIC_STREAM_BIT_LEN;
	}
	if (n < *len) {
		if (!n)
			return NULL;
		*len = n;
		*fin = false;
	} else if (!n && !room && !may_omit_len) {
		return NULL;	/* FIN alone needs its Length here */
	}
	if (*fin)
		type |= QUIC_STREAM_BIT_FIN;
	if (off)
		type |= QUIC_STREAM_BIT_OFF;
	*p++ = type;
	p = quic_varint_put(p, id);
	if (off)
		p = quic_varint_put(p, off);
	if (type & QUIC_STREAM_BIT_LEN)
		p = quic_varint_put(p, n);
	return p;
}

u8 *quic_frame_put_datagram(u8 *p, const u8 *end, u32 len)
{
	size_t room = end - p;

	/* With its Length it would not fit. */
	if (p < end && room > len && room - 1 - len < quic_varint_len(len)) {
		memset(p, QUIC_FT_PADDING, room - 1 - len);
		p += room - 1 - len;
		*p++ = QUIC_FT_DATAGRAM;
		return p;
	}
	if (!fits(p, end, 1 + quic_varint_len(len) + (u64)len))
		return NULL;
	*p++ = QUIC_FT_DATAGRAM_LEN;
	return quic_varint_put(p, len);
}
