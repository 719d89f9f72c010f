// SPDX-License-Identifier: GPL-2.0
/*
 * Retry. A client obeys one, and only as the first thing it hears of a server;
 * its integrity tag (RFC 9001, 5.8) shows that whoever made it saw our Initial.
 */
#include "retry.h"
#include "tx.h"

int quic_retry_build(const struct quic_crypto_ops *ops, const struct quic_packet *in,
		     const struct quic_cid *scid, const u8 *token, u32 token_len, u8 bits,
		     u8 *buf, u32 cap)
{
	struct quic_cid odcid, dcid;
	u8 *p;
	int err;

	quic_cid_set(&odcid, in->dcid, in->dcid_len);
	quic_cid_set(&dcid, in->scid, in->scid_len);
	p = quic_packet_put_retry(buf, buf + cap, in->version, &dcid, scid, token, token_len, bits);
	if (!p || buf + cap - p < QUIC_AEAD_TAG)
		return -EMSGSIZE;
	err = quic_protect_retry_tag(ops, in->version, &odcid, buf, p - buf, p);
	return err ? err : p + QUIC_AEAD_TAG - buf;
}

static int seal_close(struct quic_protect *prot, u32 version, const struct quic_cid *to,
		      const struct quic_cid *from, u64 code, u8 *buf, u32 cap)
{
	const u8 *end = buf + cap - QUIC_AEAD_TAG;
	u32 len_off, pn_off, hdr_len, len;
	struct quic_hp_item hp;
	struct quic_vec v;
	u8 *p, *q;
	int err;

	p = quic_packet_put_long(buf, end, QUIC_PKT_INITIAL, version, to, from, NULL, 0, 0, 1,
				 &len_off, &pn_off);
	q = p ? quic_frame_put_close(p, end, false, code, 0, NULL, 0) : NULL;
	if (!q)
		return -EMSGSIZE;
	hdr_len = p - buf;
	len = q - p;
	quic_varint_put2(buf + len_off, hdr_len - pn_off + len + QUIC_AEAD_TAG);
	v.base = p;
	v.len = len;
	err = quic_protect_seal(prot, QUIC_LEVEL_INITIAL, 0, buf, hdr_len, &v, 1, len);
	if (err)
		return err;
	hp.sample = buf + pn_off + 4;
	hp.pn_off = pn_off;
	err = quic_protect_hide(prot, QUIC_LEVEL_INITIAL, &hp, 1);
	return err ? err : (int)(hdr_len + len + QUIC_AEAD_TAG);
}

int quic_retry_refuse(const struct quic_crypto_ops *ops, u32 version, const struct quic_cid *dcid,
		      const struct quic_cid *scid, u64 code, u8 *buf, u32 cap)
{
	struct quic_protect prot;
	int len;

	if (cap < QUIC_AEAD_TAG)
		return -EMSGSIZE;
	quic_protect_init(&prot, ops);
	len = quic_protect_initial(&prot, version, dcid, true);
	if (!len)
		len = seal_close(&prot, version, scid, dcid, code, buf, cap);
	quic_protect_free(&prot);
	return len;
}

/* RFC 9000, 17.2.5.2: the first thing we hear, for us, and a new ID to go to */
static bool wanted(const struct quic_conn *c, const struct quic_packet *h)
{
	return (h->fixed || c->local.grease_quic_bit) &&
	       !c->server && c->state == QUIC_CONN_HANDSHAKE && !c->peer_scid_set &&
	       !c->retried && !c->retry && h->version == c->version &&
	       quic_cid_eq(&c->cids.local[0].cid, h->dcid, h->dcid_len) &&
	       !quic_cid_eq(&c->odcid, h->scid, h->scid_len) &&
	       h->token_len && h->token_len <= QUIC_RETRY_TOKEN_MAX;
}

void quic_retry_rx(struct quic_conn *c, const struct quic_packet *h, const u8 *pkt, u64 now)
{
	u8 tag[QUIC_AEAD_TAG];
	struct quic_retry *r;

	if (!wanted(c, h) ||
	    quic_protect_retry_tag(c->prot.ops, c->version, &c->odcid, pkt, h->pn_off, tag) ||
	    crypto_memneq(tag, pkt + h->pn_off, sizeof(tag))) {
		c->stats.packets_dropped++;
		return;
	}
	r = kmalloc(struct_size(r, token, h->token_len), GFP_ATOMIC);
	if (!r)
		return;		/* one more comes for our next Initial */
	quic_cid_set(&r->scid, h->scid, h->scid_len);
	r->at = now;
	r->token_len = h->token_len;
	memcpy(r->token, h->token, h->token_len);
	c->retry = r;
	c->stats.packets_received++;
	c->ops->event(c, QUIC_CEV_RETRY, 0);
}

/* RFC 9002, 6.3: a sample, if there can be no doubt which packet was answered */
static void sample_rtt(struct quic_conn *c, u64 at)
{
	struct quic_sent *sent = &quic_loss_space(&c->loss, QUIC_PNS_INITIAL)->sent;
	struct quic_sent_packet *p = quic_sent_get(sent, 0);

	if (p && !c->loss.pto_count && at > p->time)
		quic_rtt_update(&c->loss.rtt, at - p->time, 0, at);
}

int quic_retry_apply(struct quic_conn *c, u64 now)
{
	struct quic_retry *r = c->retry;
	u8 *token;
	int err;

	c->retry = NULL;
	if (!r || c->state != QUIC_CONN_HANDSHAKE) {
		kfree(r);
		return 0;
	}
	err = -ENOMEM;
	token = kmemdup(r->token, r->token_len, GFP_KERNEL);
	if (token)
		err = quic_protect_initial(&c->prot, c->version, &r->scid, false);
	if (err) {
		kfree(token);
		kfree(r);
		return err;
	}
	kfree(c->token);
	c->token = token;
	c->token_len = r->token_len;
	c->retried = true;
	c->retry_scid = r->scid;
	quic_cid_set_remote(c, r->scid.id, r->scid.len);
	sample_rtt(c, r->at);
	/* What was sent is lost, and no sign of congestion; packet numbers go on (17.2.5.3). */
	quic_loss_forget(&c->loss, QUIC_PNS_INITIAL);
	quic_loss_forget(&c->loss, QUIC_PNS_APP);
	quic_conn_touch_rx(c, now);
	kfree(r);
	return 0;
}
