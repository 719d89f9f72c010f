// SPDX-License-Identifier: GPL-2.0
/*
 * A packet's payload: every frame that parses stays within it and keeps the
 * limits of RFC 9000, 19. Written again and parsed again it says the same, and
 * when it took no more bytes than ours does it is the same, byte for byte.
 */
#include "fuzz.h"
#include "frame.h"

static u8 out[70000];

static void check_ack(const struct quic_frame_ack *a)
{
	struct quic_ack_iter it;
	u64 n = 0, above = U64_MAX;

	quic_ack_iter_init(&it, a);
	must(it.r.end == a->largest + 1);
	do {
		must(it.r.start < it.r.end && it.r.end < above);
		above = it.r.start;
		n++;
	} while (quic_ack_iter_next(&it));
	must(n == a->nranges + 1);
}

static u8 *put_ack(const struct quic_frame *f)
{
	const u64 ecn[3] = { f->ack.ect0, f->ack.ect1, f->ack.ce };
	struct quic_ack_iter it;
	struct quic_ranges rs;
	u8 *end;

	quic_ranges_init(&rs);
	quic_ack_iter_init(&it, &f->ack);
	do {
		must(quic_ranges_add(&rs, it.r.start, it.r.end, U32_MAX, GFP_KERNEL) == 1);
	} while (quic_ack_iter_next(&it));
	end = quic_frame_put_ack(out, out + sizeof(out), &rs, f->ack.delay,
				 f->ack.ecn ? ecn : NULL);
	quic_ranges_free(&rs);
	return end;
}

/* The frame without payload of its own: its end, or NULL if there is no writer. */
static u8 *put_plain(const struct quic_frame *f)
{
	u8 *end = out + sizeof(out);

	switch (f->type) {
	case QUIC_FT_PING:
	case QUIC_FT_HANDSHAKE_DONE:
	case QUIC_FT_IMMEDIATE_ACK:
		return quic_frame_put_type(out, end, f->type);
	case QUIC_FT_RESET_STREAM:
		return quic_frame_put_reset(out, end, f->reset.id, f->reset.code,
					    f->reset.final_size);
	case QUIC_FT_RESET_STREAM_AT:
		return quic_frame_put_reset_at(out, end, f->reset.id, f->reset.code,
					       f->reset.final_size, f->reset.reliable);
	case QUIC_FT_ACK_FREQUENCY:
		return quic_frame_put_ack_freq(out, end, f->ack_freq.seq, f->ack_freq.threshold,
					       f->ack_freq.delay, f->ack_freq.reorder);
	case QUIC_FT_STOP_SENDING:
		return quic_frame_put_stop(out, end, f->stop.id, f->stop.code);
	case QUIC_FT_NEW_TOKEN:
		return quic_frame_put_token(out, end, f->token.data, f->token.len);
	case QUIC_FT_MAX_STREAM_DATA:
	case QUIC_FT_STREAM_DATA_BLOCKED:
		return quic_frame_put_v2(out, end, f->type, f->max.id, f->max.max);
	case QUIC_FT_RETIRE_CONNECTION_ID:
		return quic_frame_put_v1(out, end, f->type, f->retire.seq);
	case QUIC_FT_MAX_DATA:
	case QUIC_FT_MAX_STREAMS_BIDI ... QUIC_FT_DATA_BLOCKED:
	case QUIC_FT_STREAMS_BLOCKED_BIDI ... QUIC_FT_STREAMS_BLOCKED_UNI:
		return quic_frame_put_v1(out, end, f->type, f->max.max);
	case QUIC_FT_NEW_CONNECTION_ID:
		return quic_frame_put_new_cid(out, end, f->new_cid.seq, f->new_cid.prior_to,
					      f->new_cid.id, f->new_cid.len,
					      f->new_cid.reset_token);
	case QUIC_FT_PATH_CHALLENGE:
	case QUIC_FT_PATH_RESPONSE:
		return quic_frame_put_path(out, end, f->type, f->path);
	case QUIC_FT_CONNECTION_CLOSE:
	case QUIC_FT_CONNECTION_CLOSE_APP:
		return quic_frame_put_close(out, end, f->type & 1, f->close.code,
					    f->close.frame_type, f->close.reason,
					    f->close.reason_len);
	}
	return NULL;
}

static u8 *put(const struct quic_frame *f)
{
	u8 *end = out + sizeof(out), *p;
	u32 len;
	bool fin;

	switch (f->type) {
	case QUIC_FT_ACK:
	case QUIC_FT_ACK_ECN:
		return put_ack(f);
	case QUIC_FT_CRYPTO:
		len = f->crypto.len;
		if (!len)
			return NULL;
		p = quic_frame_put_crypto(out, end, f->crypto.off, &len);
		must(p && len == f->crypto.len);
		memcpy(p, f->crypto.data, len);
		return p + len;
	case QUIC_FT_STREAM ... QUIC_FT_STREAM + 7:
		len = f->stream.len;
		fin = f->stream.fin;
		p = quic_frame_put_stream(out, end, f->stream.id, f->stream.off, &len, &fin, false);
		must(p && len == f->stream.len && fin == f->stream.fin);
		memcpy(p, f->stream.data, len);
		return p + len;
	case QUIC_FT_DATAGRAM:
	case QUIC_FT_DATAGRAM_LEN:
		p = quic_frame_put_datagram(out, end, f->datagram.len);
		must(p);
		memcpy(p, f->datagram.data, f->datagram.len);
		return p + f->datagram.len;
	}
	return put_plain(f);
}

/* Does ours carry what was read? @g is it, read back. */
static void same(const struct quic_frame *f, const struct quic_frame *g)
{
	switch (f->type) {
	case QUIC_FT_STREAM ... QUIC_FT_STREAM + 7:
		must(g->stream.id == f->stream.id && g->stream.off == f->stream.off &&
		     g->stream.len == f->stream.len && g->stream.fin == f->stream.fin &&
		     !memcmp(g->stream.data, f->stream.data, f->stream.len));
		return;
	case QUIC_FT_DATAGRAM:
	case QUIC_FT_DATAGRAM_LEN:
		must(g->type == QUIC_FT_DATAGRAM_LEN && g->datagram.len == f->datagram.len);
		return;
	}
	must(g->type == f->type);
	if (f->type == QUIC_FT_ACK || f->type == QUIC_FT_ACK_ECN)
		must(g->ack.largest == f->ack.largest && g->ack.delay == f->ack.delay &&
		     g->ack.nranges == f->ack.nranges && g->ack.first == f->ack.first &&
		     g->ack.ect0 == f->ack.ect0 && g->ack.ce == f->ack.ce);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	const u8 *p = data, *end = data + size, *start, *q;
	struct quic_frame f, g;
	u8 *written;

	if (size > 65535)
		return 0;
	while (p < end) {
		start = p;
		if (quic_frame_parse(&p, end, &f)) {
			must(p == start);
			break;
		}
		must(p > start && p <= end);
		if (f.type == QUIC_FT_ACK || f.type == QUIC_FT_ACK_ECN)
			check_ack(&f.ack);
		if (f.type == QUIC_FT_RESET_STREAM_AT)
			must(f.reset.reliable <= f.reset.final_size);
		if ((f.type & ~1ull) == QUIC_FT_DATAGRAM)
			must(f.datagram.size == p - start && f.datagram.data + f.datagram.len == p);
		if ((f.type & ~7ull) == QUIC_FT_STREAM)
			must(f.stream.off + f.stream.len <= QUIC_VARINT_MAX);
		quic_frame_eliciting(f.type);
		written = put(&f);
		if (!written) {
			must(f.type == QUIC_FT_PADDING || f.type == QUIC_FT_CRYPTO);
			continue;
		}
		q = out;
		must(!quic_frame_parse(&q, written, &g) && q == written);
		same(&f, &g);
		if (g.type == f.type && written - out == p - start)
			must(f.type == QUIC_FT_ACK || f.type == QUIC_FT_ACK_ECN ||
			     (f.type & ~7ull) == QUIC_FT_STREAM || !memcmp(out, start, p - start));
	}
	return 0;
}
