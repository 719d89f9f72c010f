// SPDX-License-Identifier: GPL-2.0
/*
 * ClientHellos of any bytes: the first two are where they begin in the CRYPTO stream, if the
 * first is even; else the rest is the frames of an Initial packet.
 */
#include "fuzz.h"
#include "alpn.h"
#include "crypto_null.h"
#include "frame.h"
#include "hello.h"
#include "tls.h"

static const struct quic_cid dcid = { 8, { 1, 2, 3, 4, 5, 6, 7, 8 } };

static void seal(const u8 *plain, u32 len, u8 *buf, u32 *n)
{
	u32 len_off, pn_off, hdr_len;
	struct quic_hp_item hp = {};
	struct quic_protect prot;
	struct quic_vec v = { .base = (void *)plain, .len = len };
	u8 *p;

	quic_protect_init(&prot, &quic_crypto_null);
	must(!quic_protect_initial(&prot, QUIC_V1, &dcid, false));
	p = quic_packet_put_long(buf, buf + 200, QUIC_PKT_INITIAL, QUIC_V1, &dcid, &dcid, NULL, 0, 7,
				 2, &len_off, &pn_off);
	hdr_len = p - buf;
	quic_varint_put2(buf + len_off, hdr_len - pn_off + len + QUIC_AEAD_TAG);
	must(!quic_protect_seal(&prot, QUIC_LEVEL_INITIAL, 7, buf, hdr_len, &v, 1, len));
	hp.sample = buf + pn_off + 4;
	hp.pn_off = pn_off;
	must(!quic_protect_hide(&prot, QUIC_LEVEL_INITIAL, &hp, 1));
	quic_protect_free(&prot);
	*n = hdr_len + len + QUIC_AEAD_TAG;
}

static void look(struct quic_hello *h)
{
	const u8 *list = NULL;
	u32 len = 0;

	if (quic_hello_state(h, &list, &len) != QUIC_HELLO_OFFERS)
		return;
	must(len >= 2 && list[0]);
	must(quic_alpn_match(list, len, "h3,smb", 6) < (int)len);
	must(quic_alpn_match(list, len, (const char *)list + 1, list[0]) <= 0 ||
	     memchr(list + 1, ',', list[0]));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u8 plain[4200] = {}, buf[4500], room[4500], *p = plain;
	struct quic_hello h;
	u32 n;

	if (size < 8 || size > 4000)
		return 0;
	if (data[0] & 1) {
		memcpy(plain, data + 2, size - 2);
		p += size - 2;
	} else {
		n = size - 2;
		p = quic_frame_put_crypto(p, plain + sizeof(plain), data[0] >> 1 & data[1] ? data[1] : 0,
					  &n);
		memcpy(p, data + 2, n);
		p += n;
	}
	seal(plain, p - plain + 4, buf, &n);
	must(!quic_hello_init(&h, &quic_crypto_null, QUIC_V1, &dcid));
	quic_hello_datagram(&h, buf, n, room);
	must(quic_hello_opened(&h) && h.cap <= QUIC_HELLO_MAX);
	look(&h);
	quic_hello_free(&h);
	return 0;
}
