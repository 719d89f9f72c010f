// SPDX-License-Identifier: GPL-2.0
/*
 * Packet protection (RFC 9001, 5 and 6).
 *
 * Generations of the 1-RTT keys: rx[APP] opens phase rx_phase, rx_prev the one
 * before, rx_next the one after; tx[APP] seals phase tx_phase. Both directions
 * always move together, so tx_phase == rx_phase. The header protection key
 * moves along to the generation in use.
 */
#include "keysched.h"

void quic_protect_init(struct quic_protect *p, const struct quic_crypto_ops *ops)
{
	memset(p, 0, sizeof(*p));
	p->ops = ops;
}

static void put_key(struct quic_protect *p, struct quic_key **key)
{
	quic_keysched_free(p->ops, *key);
	*key = NULL;
}

void quic_protect_drop_alternate(struct quic_protect *p)
{
	put_key(p, &p->tx[QUIC_KEYS_ALT]);
	put_key(p, &p->rx[QUIC_KEYS_ALT]);
	p->alt = 0;
}

void quic_protect_drop(struct quic_protect *p, unsigned int level)
{
	if (WARN_ON(level >= QUIC_LEVELS))
		return;
	put_key(p, &p->tx[level]);
	put_key(p, &p->rx[level]);
	if (level == QUIC_LEVEL_INITIAL)
		quic_protect_drop_alternate(p);
	if (level != QUIC_LEVEL_APP)
		return;
	put_key(p, &p->tx_next);
	put_key(p, &p->rx_next);
	put_key(p, &p->rx_prev);
	put_key(p, &p->parked_tx);
	put_key(p, &p->parked_rx);
}

void quic_protect_free(struct quic_protect *p)
{
	unsigned int level;

	for (level = 0; level < QUIC_LEVELS; level++)
		quic_protect_drop(p, level);
}

static struct quic_key *new_key(struct quic_protect *p, const struct quic_version_keys *vk,
				u32 cipher, const u8 *secret, bool send, bool keep, int *err)
{
	const struct quic_cipher_info *ci = quic_keysched_cipher(cipher);
	struct quic_key *key;

	key = quic_keysched_key(p->ops, vk, ci, secret, true, keep, err);
	if (key)
		key->limit = send ? ci->confidentiality : ci->integrity;
	return key;
}

/* Both directions in *tx and *rx, or neither. */
static int initial_keys(struct quic_protect *p, u32 version, const struct quic_cid *dcid,
			bool server, struct quic_key **tx, struct quic_key **rx)
{
	const struct quic_version_keys *vk = quic_keysched_version(version);
	u8 secret[2][32];	/* the client's, the server's */
	int err;

	if (!vk)
		return -EINVAL;
	*tx = NULL;
	*rx = NULL;
	err = quic_keysched_initial(p->ops, vk, dcid, secret[0], secret[1]);
	if (!err)
		*tx = new_key(p, vk, QUIC_CIPHER_AES_GCM_128, secret[server], true, false, &err);
	if (!err)
		*rx = new_key(p, vk, QUIC_CIPHER_AES_GCM_128, secret[!server], false, false, &err);
	if (err)
		quic_keysched_free(p->ops, *tx);
	memzero_explicit(secret, sizeof(secret));
	return err;
}

int quic_protect_initial(struct quic_protect *p, u32 version, const struct quic_cid *dcid,
			 bool server)
{
	struct quic_key *tx, *rx;
	int err = initial_keys(p, version, dcid, server, &tx, &rx);

	if (err)
		return err;
	quic_protect_drop(p, QUIC_LEVEL_INITIAL);
	p->tx[QUIC_LEVEL_INITIAL] = tx;
	p->rx[QUIC_LEVEL_INITIAL] = rx;
	p->version = version;
	p->original = version;
	return 0;
}

int quic_protect_alternate(struct quic_protect *p, u32 version, const struct quic_cid *dcid,
			   bool server)
{
	struct quic_key *tx, *rx;
	int err = initial_keys(p, version, dcid, server, &tx, &rx);

	if (err)
		return err;
	quic_protect_drop_alternate(p);
	p->tx[QUIC_KEYS_ALT] = tx;
	p->rx[QUIC_KEYS_ALT] = rx;
	p->alt = version;
	return 0;
}

void quic_protect_switch(struct quic_protect *p, bool keep)
{
	if (WARN_ON(!p->alt))
		return;
	swap(p->tx[QUIC_LEVEL_INITIAL], p->tx[QUIC_KEYS_ALT]);
	swap(p->rx[QUIC_LEVEL_INITIAL], p->rx[QUIC_KEYS_ALT]);
	swap(p->version, p->alt);
	put_key(p, &p->tx[QUIC_KEYS_ALT]);
	if (!keep)
		quic_protect_drop_alternate(p);
}

int quic_protect_install(struct quic_protect *p, unsigned int level, bool send, u32 cipher,
			 const u8 *secret, unsigned int len)
{
	/* RFC 9369, 4.1: 0-RTT stays what it was when the client sent it */
	const struct quic_version_keys *vk = quic_keysched_version(level == QUIC_LEVEL_EARLY ?
								   p->original : p->version);
	const struct quic_cipher_info *ci = quic_keysched_cipher(cipher);
	struct quic_key **slot;
	int err;

	if (!vk || !ci || len != ci->hash_len || level >= QUIC_LEVELS ||
	    level == QUIC_LEVEL_INITIAL)
		return -EINVAL;
	slot = send ? &p->tx[level] : &p->rx[level];
	if (*slot || (level == QUIC_LEVEL_APP && p->parked_rx))
		return -EEXIST;
	*slot = new_key(p, vk, cipher, secret, send, level == QUIC_LEVEL_APP, &err);
	return *slot ? 0 : err;
}

int quic_protect_prepare_update(struct quic_protect *p)
{
	const struct quic_version_keys *vk = quic_keysched_version(p->version);
	const struct quic_key *tx = p->tx[QUIC_LEVEL_APP], *rx = p->rx[QUIC_LEVEL_APP];
	int err = 0;

	if (!vk || !tx || !rx)
		return -ENOKEY;
	if (!p->rx_next)
		p->rx_next = quic_keysched_next(p->ops, vk, rx, &err);
	if (!err && !p->tx_next)
		p->tx_next = quic_keysched_next(p->ops, vk, tx, &err);
	return err;
}

bool quic_protect_parkable(const struct quic_protect *p)
{
	unsigned int i;

	for (i = 0; i < QUIC_KEYS; i++)
		if (i != QUIC_LEVEL_APP && (p->tx[i] || p->rx[i]))
			return false;
	return p->tx[QUIC_LEVEL_APP] && p->rx[QUIC_LEVEL_APP] && !p->updated;
}

void quic_protect_park(struct quic_protect *p)
{
	struct quic_key **tx = &p->tx[QUIC_LEVEL_APP], **rx = &p->rx[QUIC_LEVEL_APP];

	put_key(p, &p->tx_next);
	put_key(p, &p->rx_next);
	quic_keysched_strip(p->ops, *tx);
	quic_keysched_strip(p->ops, *rx);
	swap(p->parked_tx, *tx);
	swap(p->parked_rx, *rx);
}

int quic_protect_unpark(struct quic_protect *p)
{
	const struct quic_version_keys *vk = quic_keysched_version(p->version);
	int err;

	if (!vk)
		return -EINVAL;
	err = quic_keysched_restore(p->ops, vk, p->parked_tx) ?:
	      quic_keysched_restore(p->ops, vk, p->parked_rx);
	if (err)
		return err;
	swap(p->parked_tx, p->tx[QUIC_LEVEL_APP]);
	swap(p->parked_rx, p->rx[QUIC_LEVEL_APP]);
	/* Packets go both ways without the next generation, too. */
	quic_protect_prepare_update(p);
	return 0;
}

u32 quic_protect_cipher(const struct quic_protect *p)
{
	const struct quic_key *key = p->parked_tx ?: p->tx[QUIC_LEVEL_APP];

	return key ? key->cipher : 0;
}

static void move_hp(struct quic_key *to, struct quic_key *from)
{
	to->hp = from->hp;
	from->hp = NULL;
}

/* Both next generations are there: use them. @until: when the old receive key may go. */
static void switch_keys(struct quic_protect *p, u64 until)
{
	struct quic_key **tx = &p->tx[QUIC_LEVEL_APP], **rx = &p->rx[QUIC_LEVEL_APP];

	move_hp(p->tx_next, *tx);
	put_key(p, tx);
	*tx = p->tx_next;
	p->tx_next = NULL;

	move_hp(p->rx_next, *rx);
	put_key(p, &p->rx_prev);
	p->rx_prev = *rx;
	p->rx_prev_until = until;
	*rx = p->rx_next;
	p->rx_next = NULL;

	p->tx_phase = !p->tx_phase;
	p->rx_phase = !p->rx_phase;
	p->update_unacked = true;
	p->updated = true;
}

/* RFC 9001, 6.5: old keys go three PTO after a packet of the new phase came. */
static void expire_prev(struct quic_protect *p, u64 now)
{
	if (p->rx_prev && now >= p->rx_prev_until)
		put_key(p, &p->rx_prev);
}

int quic_protect_update(struct quic_protect *p, u64 next_pn, u64 now, u64 pto)
{
	expire_prev(p, now);
	if (!p->tx_next || !p->rx_next || p->update_unacked || p->rx_prev)
		return -EAGAIN;
	/* Old keys stay at least until the peer is seen to use the new ones, 6.1. */
	switch_keys(p, U64_MAX);
	p->tx[QUIC_LEVEL_APP]->first_pn = next_pn;
	return 0;
}

void quic_protect_acked(struct quic_protect *p, u64 largest)
{
	if (p->update_unacked && p->tx[QUIC_LEVEL_APP] &&
	    largest >= p->tx[QUIC_LEVEL_APP]->first_pn)
		p->update_unacked = false;
}

bool quic_protect_wants_update(const struct quic_protect *p)
{
	const struct quic_key *key = p->tx[QUIC_LEVEL_APP];

	/* An update takes a round trip, and may have to wait for one before it. */
	return key && key->count >= key->limit - key->limit / 4;
}

/* RFC 9001, 5.3 */
static void make_nonce(const struct quic_key *key, u64 pn, u8 *nonce)
{
	memcpy(nonce, key->iv, 4);
	put_unaligned_be64(get_unaligned_be64(key->iv + 4) ^ pn, nonce + 4);
}

int quic_protect_seal(struct quic_protect *p, unsigned int level, u64 pn, u8 *pkt, u32 hdr_len,
		      const struct quic_vec *src, unsigned int nsrc, u32 len)
{
	struct quic_key *key = p->tx[level];
	u8 nonce[12];
	int err;

	if (unlikely(!key))
		return -ENOKEY;
	if (unlikely(key->count >= key->limit))
		return -EKEYEXPIRED;
	make_nonce(key, pn, nonce);
	err = p->ops->seal(key->aead, nonce, pkt, hdr_len, src, nsrc, len);
	if (unlikely(err))
		return err;
	key->count++;
	if (pn < key->first_pn)
		key->first_pn = pn;
	return 0;
}

static int masks(struct quic_protect *p, const struct quic_key *key, struct quic_hp_item *it,
		 unsigned int n)
{
	unsigned int batch;
	int err = 0;

	if (unlikely(!key))
		return -ENOKEY;
	for (; n && !err; n -= batch, it += batch) {
		batch = min_t(unsigned int, n, QUIC_BURST_MAX);
		err = p->ops->masks(key->hp, it, batch);
	}
	return err;
}

int quic_protect_masks(struct quic_protect *p, unsigned int keys, struct quic_hp_item *it,
		       unsigned int n)
{
	return masks(p, p->rx[keys], it, n);
}

/* Bits of the first byte that are protected: RFC 9001, 5.4.1 */
static u8 first_bits(u8 first)
{
	return first & QUIC_HDR_LONG ? 0x0f : 0x1f;
}

int quic_protect_hide(struct quic_protect *p, unsigned int level, struct quic_hp_item *it,
		      unsigned int n)
{
	unsigned int i, j, pn_len;
	u8 *first, *pn;
	int err;

	err = masks(p, p->tx[level], it, n);
	if (err)
		return err;
	for (i = 0; i < n; i++) {
		pn = (u8 *)it[i].sample - 4;
		first = pn - it[i].pn_off;
		pn_len = (*first & QUIC_HDR_PN_LEN) + 1;
		*first ^= it[i].mask[0] & first_bits(*first);
		for (j = 0; j < pn_len; j++)
			pn[j] ^= it[i].mask[1 + j];
	}
	return 0;
}

unsigned int quic_protect_unhide(u8 *hdr, u32 pn_off, const u8 *mask, u32 *truncated)
{
	unsigned int i, pn_len;
	u32 pn = 0;

	hdr[0] ^= mask[0] & first_bits(hdr[0]);
	pn_len = (hdr[0] & QUIC_HDR_PN_LEN) + 1;
	for (i = 0; i < pn_len; i++) {
		hdr[pn_off + i] ^= mask[1 + i];
		pn = pn << 8 | hdr[pn_off + i];
	}
	*truncated = pn;
	return pn_len;
}

struct open_args {
	u64 pn;
	u8 *dst;
	const struct quic_vec *src;
	unsigned int nsrc;
	u32 hdr_len, len;
};

/* Try @key and count. */
static __always_inline int open_with(struct quic_protect *p, struct quic_key *key,
				     const struct open_args *a)
{
	u8 nonce[12];
	int err;

	if (unlikely(p->failed > key->limit))
		return -EKEYEXPIRED;
	make_nonce(key, a->pn, nonce);
	err = p->ops->open(key->aead, nonce, a->dst, a->hdr_len, a->src, a->nsrc, a->len);
	if (likely(!err)) {
		key->count++;
		return 0;
	}
	/* RFC 9001, 6.6: exceeding the limit ends the connection at once */
	if (err == -EBADMSG && ++p->failed > key->limit)
		return -EKEYEXPIRED;
	return err;
}

static int try_open(struct quic_protect *p, struct quic_key *key, const struct open_args *a)
{
	return open_with(p, key, a);
}

static void note_opened(struct quic_key *key, u64 pn)
{
	if (pn < key->first_pn)
		key->first_pn = pn;
	if (pn > key->last_pn)
		key->last_pn = pn;
}

static int open_current(struct quic_protect *p, const struct open_args *a, u64 now, u64 pto)
{
	struct quic_key *key = p->rx[QUIC_LEVEL_APP];
	int err = open_with(p, key, a);

	if (unlikely(err))
		return err;
	if (unlikely(p->rx_prev)) {
		/* RFC 9001, 6.4: newer keys on a lower number than older keys */
		if (a->pn < p->rx_prev->last_pn)
			return -EPROTO;
		if (p->rx_prev_until == U64_MAX)
			p->rx_prev_until = now + 3 * pto;
	}
	note_opened(key, a->pn);
	return 0;
}

/*
 * The phase bit is not that of the current keys and the number is below all
 * that they opened: a packet of the previous phase (RFC 9001, 6.5). Without
 * its keys it is lost, but is tried all the same so that nobody can tell from
 * the time it takes that the phase bit was wrong (6.3, 9.5).
 */
static int open_previous(struct quic_protect *p, const struct open_args *a)
{
	int err;

	if (!p->rx_prev) {
		err = try_open(p, p->rx_next ?: p->rx[QUIC_LEVEL_APP], a);
		return err ?: -EBADMSG;
	}
	err = try_open(p, p->rx_prev, a);
	if (!err)
		note_opened(p->rx_prev, a->pn);
	return err;
}

/* The phase bit flipped above the current phase's numbers: an update by the peer, RFC 9001, 6.2 */
static int open_next(struct quic_protect *p, const struct open_args *a, u64 now, u64 pto)
{
	int err;

	if (!p->rx_next || !p->tx_next) {
		err = try_open(p, p->rx[QUIC_LEVEL_APP], a);
		return err == -EKEYEXPIRED ? err : -EAGAIN;
	}
	err = try_open(p, p->rx_next, a);
	if (err)
		return err;
	/*
	 * A second update before we said anything with the keys of the first,
	 * or with packets of the current phase above it.
	 */
	if ((p->update_unacked && p->tx[QUIC_LEVEL_APP]->first_pn == U64_MAX) ||
	    a->pn < p->rx[QUIC_LEVEL_APP]->last_pn)
		return -EPROTO;
	switch_keys(p, now + 3 * pto);
	note_opened(p->rx[QUIC_LEVEL_APP], a->pn);
	return 0;
}

int quic_protect_open(struct quic_protect *p, unsigned int keys, u64 pn, u8 *dst, u32 hdr_len,
		      const struct quic_vec *src, unsigned int nsrc, u32 len, u64 now, u64 pto,
		      bool *updated)
{
	const struct open_args a = { pn, dst, src, nsrc, hdr_len, len };
	struct quic_key *key = p->rx[keys];
	int err;

	*updated = false;
	if (unlikely(!key))
		return -ENOKEY;
	if (unlikely(len < QUIC_AEAD_TAG))
		return -EBADMSG;
	if (keys != QUIC_LEVEL_APP)
		return try_open(p, key, &a);

	expire_prev(p, now);
	if (likely(!(dst[0] & QUIC_HDR_KEY_PHASE) == !p->rx_phase))
		return open_current(p, &a, now, pto);
	if (pn < key->first_pn)
		return open_previous(p, &a);
	err = open_next(p, &a, now, pto);
	*updated = !err;
	return err;
}

int quic_protect_retry_tag(const struct quic_crypto_ops *ops, u32 version,
			   const struct quic_cid *odcid, const u8 *retry, u32 len, u8 *tag)
{
	const struct quic_version_keys *vk = quic_keysched_version(version);
	u8 odcid_len = odcid->len;
	const struct quic_vec in[] = {
		{ &odcid_len, 1 },
		{ (void *)odcid->id, odcid_len },
		{ (void *)retry, len },
	};

	return vk ? ops->gmac(vk->retry_key, vk->retry_nonce, in, ARRAY_SIZE(in), tag) : -EINVAL;
}
