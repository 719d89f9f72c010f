// SPDX-License-Identifier: GPL-2.0
/* No secrecy, but integrity against accidents: a 64-bit multiplicative hash. */
#include "crypto_null.h"

#define SEED	0x9e3779b97f4a7c15ull

static u64 mix(u64 h, u64 v)
{
	h = (h ^ v) * 0xff51afd7ed558ccdull;
	return h ^ h >> 32;
}

static u64 absorb(u64 h, const u8 *p, size_t n)
{
	u64 v;

	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&v, p, 8);
		h = mix(h, v);
	}
	for (; n; n--)
		h = mix(h, *p++ | 0x100);
	return h;
}

static void squeeze(u64 h, u8 *out, u32 len)
{
	u32 n;

	for (; len; len -= n, out += n) {
		h = mix(h, SEED);
		n = min_t(u32, len, 8);
		memcpy(out, &h, n);
	}
}

static int hmac(unsigned int hash_len, const u8 *key, u32 key_len, const struct quic_vec *in,
		unsigned int n, u8 *out)
{
	u64 h = absorb(SEED + hash_len, key, key_len);
	unsigned int i;

	for (i = 0; i < n; i++)
		h = absorb(h, in[i].base, in[i].len);
	squeeze(h, out, hash_len);
	return 0;
}

static int hmacs(unsigned int hash_len, const u8 *key, u32 key_len, const struct quic_vec *in,
		 unsigned int n, u8 *out)
{
	int err = 0;

	for (; n && !err; in++, n--, out += hash_len)
		err = hmac(hash_len, key, key_len, in, 1, out);
	return err;
}

static int gmac(const u8 *key, const u8 *nonce, const struct quic_vec *in, unsigned int n, u8 *tag)
{
	u64 h = absorb(absorb(SEED, key, 16), nonce, 12);
	unsigned int i;

	for (i = 0; i < n; i++)
		h = absorb(h, in[i].base, in[i].len);
	squeeze(h, tag, QUIC_AEAD_TAG);
	return 0;
}

/* Both kinds of objects are the key's hash. */
static void *key_alloc(u32 cipher, const u8 *key, int *err)
{
	u64 *h = kmalloc(sizeof(*h), GFP_KERNEL);

	*err = h ? 0 : -ENOMEM;
	if (h)
		*h = absorb(SEED + cipher, key, 16);
	return h;
}

static void key_free(void *key)
{
	kfree(key);
}

static u64 tag_of(const u64 *key, const u8 *nonce, const u8 *pkt, u32 hdr_len, u32 len)
{
	return absorb(absorb(absorb(*key, nonce, 12), pkt, hdr_len), pkt + hdr_len, len);
}

static void gather(u8 *to, const struct quic_vec *src, unsigned int nsrc, u32 len)
{
	u32 n;

	for (; len; src++, nsrc--) {
		WARN_ON(!nsrc);
		n = min(len, src->len);
		memmove(to, src->base, n);
		to += n;
		len -= n;
	}
}

static int seal(void *aead, const u8 *nonce, u8 *pkt, u32 hdr_len, const struct quic_vec *src,
		unsigned int nsrc, u32 len)
{
	gather(pkt + hdr_len, src, nsrc, len);
	squeeze(tag_of(aead, nonce, pkt, hdr_len, len), pkt + hdr_len + len, QUIC_AEAD_TAG);
	return 0;
}

static int open_packet(void *aead, const u8 *nonce, u8 *dst, u32 hdr_len,
		       const struct quic_vec *src, unsigned int nsrc, u32 len)
{
	u8 want[QUIC_AEAD_TAG], got[QUIC_AEAD_TAG];
	u32 plain = len - QUIC_AEAD_TAG, skip;

	gather(dst + hdr_len, src, nsrc, plain);
	for (skip = plain; skip >= src->len; src++)
		skip -= src->len;
	for (len = 0; len < QUIC_AEAD_TAG; skip = 0, src++) {
		u32 n = min_t(u32, src->len - skip, QUIC_AEAD_TAG - len);

		memcpy(got + len, (u8 *)src->base + skip, n);
		len += n;
	}
	squeeze(tag_of(aead, nonce, dst, hdr_len, plain), want, sizeof(want));
	if (!memcmp(want, got, sizeof(want)))
		return 0;
	memset(dst + hdr_len, 0xdb, plain);
	return -EBADMSG;
}

static int masks(void *hp, struct quic_hp_item *it, unsigned int n)
{
	for (; n; it++, n--)
		squeeze(absorb(*(u64 *)hp, it->sample, QUIC_HP_SAMPLE), it->mask, sizeof(it->mask));
	return 0;
}

const struct quic_crypto_ops quic_crypto_null = {
	.hmac = hmac,
	.hmacs = hmacs,
	.gmac = gmac,
	.aead_alloc = key_alloc,
	.aead_free = key_free,
	.hp_alloc = key_alloc,
	.hp_free = key_free,
	.seal = seal,
	.open = open_packet,
	.masks = masks,
};
