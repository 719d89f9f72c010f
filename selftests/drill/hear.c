// SPDX-License-Identifier: GPL-2.0
/* Packets in: opened, taken apart, counted, acknowledged unless the case is mute. */
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "peer.h"

void forget(struct peer *p)
{
	unsigned int i;

	for (i = 0; i < QUIC_PNS_COUNT; i++)
		quic_ranges_free(&p->heard.acks[i]);
	memset(&p->heard, 0, sizeof(p->heard));
	p->heard.size_min = U32_MAX;
	for (i = 0; i < QUIC_PNS_COUNT; i++) {
		quic_ranges_init(&p->heard.acks[i]);
		p->heard.acked[i] = -1;
	}
}

static void heard_ack(struct heard *h, enum quic_pns pns, const struct quic_frame_ack *ack)
{
	struct quic_ack_iter it;

	quic_ack_iter_init(&it, ack);
	do {
		quic_ranges_add(&h->acks[pns], it.r.start, it.r.end, 1 << 20, GFP_KERNEL);
	} while (quic_ack_iter_next(&it));
	h->acked[pns] = max(h->acked[pns], (s64)ack->largest);
}

static void heard_cid(struct peer *p, const struct quic_frame *f)
{
	struct kernel_cid *k;
	unsigned int i;

	for (i = 0; i < p->ncids; i++)
		if (p->cids[i].seq == f->new_cid.seq)
			return;
	if (p->ncids == ARRAY_SIZE(p->cids))
		return;
	k = &p->cids[p->ncids++];
	k->seq = f->new_cid.seq;
	quic_cid_set(&k->cid, f->new_cid.id, f->new_cid.len);
	memcpy(k->token, f->new_cid.reset_token, sizeof(k->token));
}

static void heard_close(struct heard *h, unsigned int level, const struct quic_frame *f)
{
	h->closes++;
	if (h->closed)
		return;
	h->closed = true;
	h->close_app = f->type == QUIC_FT_CONNECTION_CLOSE_APP;
	h->close_level = level;
	h->close_code = f->close.code;
	h->close_frame = f->close.frame_type;
}

static void heard_frame(struct peer *p, unsigned int level, const struct quic_frame *f)
{
	struct heard *h = &p->heard;
	u64 type = (f->type & ~7ull) == QUIC_FT_STREAM ? QUIC_FT_STREAM : f->type;

	if (type < ARRAY_SIZE(h->frame))
		h->frame[type]++;
	switch (type) {
	case QUIC_FT_ACK:
	case QUIC_FT_ACK_ECN:
		heard_ack(h, quic_level_pns(level), &f->ack);
		break;
	case QUIC_FT_STREAM:
		h->stream_bytes += f->stream.len;
		h->stream_max_end = max(h->stream_max_end, f->stream.off + f->stream.len);
		break;
	case QUIC_FT_CONNECTION_CLOSE:
	case QUIC_FT_CONNECTION_CLOSE_APP:
		heard_close(h, level, f);
		break;
	case QUIC_FT_NEW_CONNECTION_ID:
		heard_cid(p, f);
		break;
	case QUIC_FT_RETIRE_CONNECTION_ID:
		if (h->nretired < ARRAY_SIZE(h->retired))
			h->retired[h->nretired++] = f->retire.seq;
		break;
	case QUIC_FT_PATH_CHALLENGE:
		memcpy(h->challenge, f->path, 8);
		break;
	case QUIC_FT_PATH_RESPONSE:
		memcpy(h->response, f->path, 8);
		break;
	case QUIC_FT_MAX_DATA:
		h->max_data = max(h->max_data, f->max.max);
		break;
	case QUIC_FT_MAX_STREAM_DATA:
		h->max_stream_data = max(h->max_stream_data, f->max.max);
		break;
	case QUIC_FT_MAX_STREAMS_BIDI:
	case QUIC_FT_MAX_STREAMS_UNI:
		h->max_streams[type & 1] = max(h->max_streams[type & 1], f->max.max);
		break;
	case QUIC_FT_RESET_STREAM:
		h->reset_id = f->reset.id;
		h->reset_code = f->reset.code;
		break;
	case QUIC_FT_STOP_SENDING:
		h->stop_id = f->stop.id;
		h->stop_code = f->stop.code;
		break;
	case QUIC_FT_NEW_TOKEN:
		h->token_len = min_t(u32, f->token.len, sizeof(h->token));
		memcpy(h->token, f->token.data, h->token_len);
		break;
	}
}

static void heard_packet(struct peer *p, unsigned int level, const u8 *text, u32 len, u64 pn)
{
	const u8 *q = text, *end = text + len;
	enum quic_pns pns = quic_level_pns(level);
	struct quic_frame f;

	p->heard.packets++;
	p->heard.at_level[level]++;
	while (q < end) {
		if (quic_frame_parse(&q, end, &f)) {
			peer_fail(p, "the kernel sent a frame that cannot be parsed, type %llu",
				  (unsigned long long)f.type);
			return;
		}
		if (!quic_frame_allowed(f.type, level))
			peer_fail(p, "the kernel sent a frame of type %llu at level %u",
				  (unsigned long long)f.type, level);
		p->owe_ack[pns] |= quic_frame_eliciting(f.type);
		heard_frame(p, level, &f);
	}
	quic_ranges_add(&p->rcvd[pns], pn, pn + 1, 1 << 16, GFP_KERNEL);
}

static bool open_one(struct peer *p, const struct quic_packet *h, unsigned int level, u8 *pkt)
{
	struct quic_hp_item hp = { .sample = pkt + h->pn_off + 4 };
	enum quic_pns pns = quic_level_pns(level);
	struct quic_range *last = quic_ranges_last(&p->rcvd[pns]);
	u32 truncated, hdr;
	struct quic_vec v;
	bool updated;
	u64 pn;

	if (!p->prot.rx[level] || quic_protect_masks(&p->prot, level, &hp, 1))
		return false;
	hdr = h->pn_off + quic_protect_unhide(pkt, h->pn_off, hp.mask, &truncated);
	pn = quic_packet_pn_decode(last ? (s64)last->end - 1 : -1, truncated, hdr - h->pn_off);
	v = (struct quic_vec){ pkt + hdr, h->len - hdr };
	if (level == QUIC_LEVEL_APP)
		quic_protect_prepare_update(&p->prot);
	if (quic_protect_open(&p->prot, level, pn, pkt, hdr, &v, 1, v.len, 1, 1, &updated))
		return false;
	if (updated)
		p->phase = !p->phase;
	p->heard.reserved_bits |= pkt[0] & (level == QUIC_LEVEL_APP ? QUIC_HDR_SHORT_RESERVED :
					    QUIC_HDR_LONG_RESERVED);
	if (level == QUIC_LEVEL_APP)
		p->heard.key_phase = pkt[0] & QUIC_HDR_KEY_PHASE;
	heard_packet(p, level, pkt + hdr, v.len - QUIC_AEAD_TAG, pn);
	return true;
}

/* A server learns who speaks to it from the client's first Initial. */
static void meet(struct peer *p, const struct quic_packet *h)
{
	if (h->type == QUIC_PKT_RETRY) {
		p->heard.retry++;
		return;
	}
	if (h->type != QUIC_PKT_INITIAL && h->type != QUIC_PKT_HANDSHAKE)
		return;
	if (p->server && !p->prot.rx[QUIC_LEVEL_INITIAL] && h->type == QUIC_PKT_INITIAL &&
	    !p->prot.rx[QUIC_LEVEL_HANDSHAKE]) {
		quic_cid_set(&p->odcid, h->dcid, h->dcid_len);
		p->version = h->version;
		if (quic_protect_initial(&p->prot, p->version, &p->odcid, true))
			peer_fail(p, "no Initial keys");
	}
	quic_cid_set(&p->dcid, h->scid, h->scid_len);
}

static void heard_datagram(struct peer *p, u8 *buf, u32 len)
{
	struct heard *hd = &p->heard;
	struct quic_packet h;
	int level;
	u32 off;

	hd->datagrams++;
	hd->bytes += len;
	hd->size_min = min(hd->size_min, len);
	hd->size_max = max(hd->size_max, len);
	hd->last_len = min_t(u32, len, sizeof(hd->last));
	memcpy(hd->last, buf, hd->last_len);
	for (off = 0; off < len; off += h.len) {
		if (quic_packet_parse(buf + off, len - off, p->scid.len, &h)) {
			hd->unopened++;
			return;
		}
		if (h.type == QUIC_PKT_VERSION_NEG) {
			hd->vn++;
			return;
		}
		meet(p, &h);
		level = h.type == QUIC_PKT_1RTT ? QUIC_LEVEL_APP :
			h.type == QUIC_PKT_INITIAL ? QUIC_LEVEL_INITIAL :
			h.type == QUIC_PKT_HANDSHAKE ? QUIC_LEVEL_HANDSHAKE :
			h.type == QUIC_PKT_0RTT ? QUIC_LEVEL_EARLY : -1;
		if (level >= 0 && !open_one(p, &h, level, buf + off))
			hd->unopened++;
	}
}

static void answer(struct peer *p)
{
	unsigned int pns;

	for (pns = 0; pns < QUIC_PNS_COUNT; pns++)
		if (p->owe_ack[pns] && !p->mute)
			say_acks(p, pns);	/* the same numbers */
}

unsigned int hear(struct peer *p, unsigned int ms)
{
	struct pollfd pfd = { .fd = p->udp, .events = POLLIN };
	static u8 buf[65536];
	unsigned int n = 0, burst;
	ssize_t len;

	while (poll(&pfd, 1, ms) > 0) {
		for (burst = 0; burst < 16; burst++) {
			len = recv(p->udp, buf, sizeof(buf), MSG_DONTWAIT);
			if (len <= 0)
				break;
			heard_datagram(p, buf, len);
			n++;
		}
		answer(p);
		if (n > 20000) {
			peer_fail(p, "the kernel does not stop");
			break;
		}
	}
	return n;
}

bool hear_ack(struct peer *p, unsigned int level, u64 pn)
{
	enum quic_pns pns = quic_level_pns(level);
	unsigned int i;

	for (i = 0; i < 100 && !p->heard.closed; i++) {
		if (quic_ranges_has(&p->heard.acks[pns], pn))
			return true;
		hear(p, 50);
	}
	return quic_ranges_has(&p->heard.acks[pns], pn);
}
