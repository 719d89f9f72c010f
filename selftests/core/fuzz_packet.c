// SPDX-License-Identifier: GPL-2.0
/*
 * A datagram of coalesced packets: what parses lies within the datagram, makes
 * progress, and written again gives the same header.
 */
#include "fuzz.h"
#include "packet.h"

static void rewrite(const u8 *buf, const struct quic_packet *p)
{
	unsigned int pn_len = (buf[0] & QUIC_HDR_PN_LEN) + 1;
	u32 len_off, pn_off, pn = 0, i;
	struct quic_cid dcid, scid;
	u8 out[4096], *end;

	quic_cid_set(&dcid, p->dcid, p->dcid_len);
	for (i = 0; i < pn_len; i++)
		pn = pn << 8 | buf[p->pn_off + i];
	if (p->type == QUIC_PKT_1RTT) {
		end = quic_packet_put_short(out, out + sizeof(out), &dcid, buf[0] & 4,
					    buf[0] & 0x20, pn, pn_len, &pn_off);
		must(end && pn_off == p->pn_off);
		must((out[0] | QUIC_HDR_SHORT_RESERVED) ==
		     (buf[0] | QUIC_HDR_FIXED | QUIC_HDR_SHORT_RESERVED));
		must(!memcmp(out + 1, buf + 1, end - out - 1));
		return;
	}
	quic_cid_set(&scid, p->scid, p->scid_len);
	end = quic_packet_put_long(out, out + sizeof(out), p->type, p->version, &dcid, &scid,
				   p->token, p->token_len, pn, pn_len, &len_off, &pn_off);
	if (!end)
		return;		/* a token larger than the buffer */
	must((out[0] | QUIC_HDR_LONG_RESERVED) ==
	     (buf[0] | QUIC_HDR_FIXED | QUIC_HDR_LONG_RESERVED));
	must(!memcmp(out + 1, buf + 1, 6 + p->dcid_len + p->scid_len));
	must(!memcmp(out + pn_off, buf + p->pn_off, pn_len));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct quic_versions list = {};
	struct quic_packet p, q;
	u8 cid_len, vn[600];
	u32 left;
	int len;

	if (!size || size > 65535)
		return 0;
	cid_len = *data++ % (QUIC_CID_MAX + 1);
	for (left = size - 1; left; left -= p.len, data += p.len) {
		if (quic_packet_parse(data, left, cid_len, &p))
			break;
		must(p.len && p.len <= left);
		must(p.fixed == !!(*data & QUIC_HDR_FIXED));
		must(p.dcid >= data && p.dcid + p.dcid_len <= data + left);
		must(!p.scid || (p.scid >= data && p.scid + p.scid_len <= data + left));
		must(!p.token || (p.token >= data && p.token + p.token_len <= data + p.len));
		switch (p.type) {
		case QUIC_PKT_UNKNOWN:
			must(p.len == left);
			quic_version_all(&list, 0);
			len = quic_packet_build_vn(vn, sizeof(vn), &p, &list, left * 0x01010101u);
			must(len > 0 && !quic_packet_parse(vn, len, cid_len, &q));
			must(q.type == QUIC_PKT_VERSION_NEG && quic_packet_vn_has(vn, &q, QUIC_V2));
			break;
		case QUIC_PKT_VERSION_NEG:
			must(p.len == left && (p.len - p.pn_off) % 4 == 0);
			quic_packet_vn_list(data, &p, &list);
			must(list.n <= 2);
			must(quic_version_listed(&list, QUIC_V1) ==
			     quic_packet_vn_has(data, &p, QUIC_V1));
			break;
		case QUIC_PKT_RETRY:
			must(p.token_len && p.pn_off + 16 == p.len);
			break;
		default:
			must(p.pn_off + 20 <= p.len);
			rewrite(data, &p);
		}
	}
	return 0;
}
