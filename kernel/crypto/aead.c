// SPDX-License-Identifier: GPL-2.0
/*
 * Sealing and opening through one scatterlist each way, from the pieces to the
 * final place. Measured on 6.12: a further piece costs the ciphers' walk some
 * 300 instructions, a seam or page end inside a block 600 (they bounce it
 * through an allocation), copying 0.25 a byte. So packets of common size are
 * copied to their place when they are in pieces, and of larger ones up to 15
 * bytes around each seam, and short pieces. The tag has an entry of its own: to
 * find one in the midst of an entry makes the ciphers clear a table first.
 *
 * Most packets need none of that: one piece within a page, and what is sealed in
 * front of it (the header of its frame) laid over what it lends for the moment.
 */
#include "../compat/simd.h"
#include "parts.h"

#define COPY_PACKET	2048	/* bytes: packets up to this are copied if not in one piece */
#define COPY_PIECE	64	/* bytes: pieces below this are copied in any case */
#define OVERLAY		16	/* bytes laid over what a piece lends: frame header and before */

struct quic_aead {
	struct quic_dead dead;
	struct crypto_aead *tfm;
	bool inner;			/* only while SIMD is usable */
	bool ccm;
	u8 key_len;
	u8 key[32];			/* for softgcm; wiped unless inner */
};

static void aead_destroy(struct quic_dead *dead)
{
	struct quic_aead *a = container_of(dead, struct quic_aead, dead);

	crypto_free_aead(a->tfm);
	kfree_sensitive(a);
}

static const char *algorithm(u32 cipher)
{
	switch (cipher) {
	case QUIC_CIPHER_AES_GCM_128:
	case QUIC_CIPHER_AES_GCM_256:
		return "gcm(aes)";
	case QUIC_CIPHER_AES_CCM_128:
		return "ccm(aes)";
	case QUIC_CIPHER_CHACHA20_POLY1305:
		return "rfc7539(chacha20,poly1305)";
	}
	return NULL;
}

static int alloc_tfm(struct quic_aead *a, u32 cipher)
{
	struct crypto_aead *tfm = ERR_PTR(-ENOENT);
	int err;

	if (cipher == QUIC_CIPHER_AES_GCM_128 || cipher == QUIC_CIPHER_AES_GCM_256)
		tfm = crypto_alloc_aead("__gcm(aes)", QUIC_INNER_TYPE, QUIC_INNER_MASK);
	a->inner = !IS_ERR(tfm);
	if (!a->inner)
		tfm = crypto_alloc_aead(algorithm(cipher), 0, CRYPTO_ALG_ASYNC);
	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	err = crypto_aead_setkey(tfm, a->key, a->key_len) ?:
	      crypto_aead_setauthsize(tfm, QUIC_AEAD_TAG);
	if (!err && sizeof(struct aead_request) + crypto_aead_reqsize(tfm) > QUIC_REQ_MAX)
		err = -EOPNOTSUPP;
	if (err) {
		crypto_free_aead(tfm);
		return err;
	}
	a->tfm = tfm;
	if (!a->inner)
		memzero_explicit(a->key, sizeof(a->key));
	return 0;
}

void *quic_aead_alloc(u32 cipher, const u8 *key, int *err)
{
	struct quic_aead *a;

	*err = -EINVAL;
	if (!algorithm(cipher))
		return NULL;
	*err = -ENOMEM;
	a = kzalloc(sizeof(*a), GFP_KERNEL_ACCOUNT);
	if (!a)
		return NULL;
	a->dead.free = aead_destroy;
	a->ccm = cipher == QUIC_CIPHER_AES_CCM_128;
	a->key_len = cipher == QUIC_CIPHER_AES_GCM_128 || cipher == QUIC_CIPHER_AES_CCM_128 ?
		     16 : 32;
	memcpy(a->key, key, a->key_len);
	*err = alloc_tfm(a, cipher);
	if (!*err)
		return a;
	kfree_sensitive(a);
	return NULL;
}

void quic_aead_free(void *aead)
{
	if (aead)
		quic_dead_add(&((struct quic_aead *)aead)->dead);
}

/* The source scatterlist being built. */
struct list {
	struct scatterlist *sg;
	unsigned int n;
	u8 *end;	/* of the last entry */
};

static void list_put(struct list *l, u8 *p, u32 len)
{
	if (!len)
		return;
	if (l->n && p == l->end)
		l->sg[l->n - 1].length += len;
	else
		sg_set_buf(&l->sg[l->n++], p, len);
	l->end = p + len;
}

/* Where we are in the caller's pieces. */
struct cursor {
	const struct quic_vec *v;
	unsigned int n;		/* pieces from v on */
	u32 off;		/* into v[0] */
};

/* Next bytes, at most @max of them, all in one piece. */
static u32 next_bytes(struct cursor *c, u32 max, u8 **p)
{
	u32 len;

	for (; c->n && c->off == c->v->len; c->n--, c->v++)
		c->off = 0;
	if (!c->n)
		return 0;
	len = min(c->v->len - c->off, max);
	*p = c->v->base + c->off;
	c->off += len;
	return len;
}

/*
 * List header and @len bytes of cipher input, whose final place follows the
 * header. False: the pieces are too short.
 */
static bool list_text(struct list *l, struct cursor *c, u8 *hdr, u32 hdr_len, u32 len)
{
	u8 *out = hdr + hdr_len, *at = out, *run = hdr;	/* run: not listed yet, in place */
	u32 n, head, body, left = len;
	bool whole;
	u8 *p;

	for (; left; left -= n) {
		n = next_bytes(c, left, &p);
		if (unlikely(!n))
			return false;
		if (p == at) {
			at += n;
			continue;
		}
		head = (out - at) & (AES_BLOCK_SIZE - 1);
		whole = n == len && offset_in_page(p) + n <= PAGE_SIZE;
		if ((len <= COPY_PACKET && !whole) || n < head + COPY_PIECE ||
		    l->n + 4 > QUIC_SG_MAX) {
			memcpy(at, p, n);
			at += n;
			continue;
		}
		body = n == left ? n - head : round_down(n - head, AES_BLOCK_SIZE);
		memcpy(at, p, head);
		at += head;
		list_put(l, run, at - run);
		list_put(l, p + head, body);
		at += body;
		run = at;
		memcpy(at, p + head + body, n - head - body);
		at += n - head - body;
	}
	list_put(l, run, at - run);
	return true;
}

/* List the tag, which is only read: where it lies. */
static bool list_tag(struct list *l, struct cursor *c)
{
	u32 n, left = QUIC_AEAD_TAG;
	u8 *p;

	l->end = NULL;
	for (; left; left -= n) {
		n = next_bytes(c, left, &p);
		if (unlikely(!n || l->n == QUIC_SG_MAX))
			return false;
		list_put(l, p, n);
	}
	return true;
}

/* Within a page, or a page's end lies between two cipher blocks, which does little harm */
static bool lies_well(const void *p, u32 len)
{
	return offset_in_page(p) + len <= PAGE_SIZE || IS_ALIGNED((uintptr_t)p, AES_BLOCK_SIZE);
}

/*
 * What follows an entry in memory: in its page or one behind, as the ciphers' walk may find it in a
 * large entry, too. To ask for the page of an address is dearer.
 */
static void sg_set_behind(struct scatterlist *sg, struct scatterlist *prev, u32 len)
{
	sg_set_page(sg, sg_page(prev), len, prev->offset + prev->length);
}

/* Header at its place and text in one piece elsewhere */
static void list_two(struct list *l, u8 *hdr, u32 hdr_len, u8 *text, u32 len)
{
	sg_set_buf(&l->sg[0], hdr, hdr_len);
	sg_set_buf(&l->sg[1], text, len);
	l->n = 2;
}

/*
 * The text is a frame's header, at its place behind the packet's, and one piece: list the piece,
 * with the former laid in front of it. What was there goes to @saved.
 */
static bool list_overlaid(struct list *l, const struct quic_vec *src, unsigned int nsrc, u8 *pkt,
			  u32 hdr_len, u32 len, u8 *saved)
{
	u8 *text = pkt + hdr_len, *body;

	if (nsrc != 2 || src->base != text || src->len > OVERLAY || hdr_len + src->len < OVERLAY ||
	    src->len + src[1].len != len || src[1].lent < OVERLAY)
		return false;
	body = src[1].base;
	if (!lies_well(body - src->len, len))
		return false;
	memcpy(saved, body - OVERLAY, OVERLAY);
	memcpy(body - OVERLAY, text + src->len - OVERLAY, OVERLAY);
	list_two(l, pkt, hdr_len, body - src->len, len);
	return true;
}

/* Ciphertext and tag in one piece */
static bool list_sealed(struct list *l, const struct quic_vec *src, unsigned int nsrc, u8 *hdr,
			u32 hdr_len, u32 len)
{
	u8 *text = src->base;

	if (nsrc != 1 || src->len != len + QUIC_AEAD_TAG || !len || text == hdr + hdr_len ||
	    !lies_well(text, len))
		return false;
	list_two(l, hdr, hdr_len, text, len);
	sg_set_behind(&l->sg[2], &l->sg[1], QUIC_AEAD_TAG);
	l->n = 3;
	return true;
}

/*
 * The lists are made: call the cipher. @len as the crypto API counts it; @in_place: both name
 * the same bytes, and the one with the tag serves as either.
 */
static int run(const struct quic_aead *a, struct quic_scratch *s, const struct list *l,
	       const u8 *nonce, u32 hdr_len, u32 len, bool in_place, bool seal)
{
	struct scatterlist *src = s->src, *dst = seal ? s->dst : &s->dst[1];
	struct scatterlist *last = &s->src[l->n - 1];
	struct aead_request *req = &s->req.aead;
	int err;

	/* RFC 3610, 2.3: CCM wants the nonce in a counter block (L is 3), and writes to it. */
	s->iv[0] = 2;
	memcpy(s->iv + a->ccm, nonce, 12);
	sg_mark_end(last);
	if (in_place) {
		if (seal)
			src = dst;
		else
			dst = src;
	}
	aead_request_set_tfm(req, a->tfm);
	aead_request_set_callback(req, 0, NULL, NULL);
	aead_request_set_ad(req, hdr_len);
	aead_request_set_crypt(req, src, dst, len, s->iv);
	err = seal ? crypto_aead_encrypt(req) : crypto_aead_decrypt(req);
	sg_unmark_end(last);
	WARN_ON_ONCE(err == -EINPROGRESS || err == -EBUSY);
	return err;
}

/* The FPU is taken. Bring the next @len bytes to their place; false: too few. */
static bool copy_bytes(struct cursor *c, u8 *to, u32 len)
{
	u32 n;
	u8 *p;

	for (; len; len -= n, to += n) {
		n = next_bytes(c, len, &p);
		if (unlikely(!n))
			return false;
		if (p != to)
			memcpy(to, p, n);
	}
	return true;
}

static int soft_seal(const struct quic_aead *a, struct quic_scratch *s, struct cursor *c,
		     const u8 *nonce, u8 *pkt, u32 hdr_len, u32 len)
{
	struct quic_softgcm *g = &s->gcm;
	u8 *text = pkt + hdr_len;

	if (!copy_bytes(c, text, len))
		return -EINVAL;
	quic_softgcm_init(g, a->key, a->key_len);
	quic_softgcm_crypt(g, nonce, text, len);
	quic_softgcm_update(g, pkt, hdr_len);
	quic_softgcm_pad(g);
	quic_softgcm_update(g, text, len);
	quic_softgcm_pad(g);
	quic_softgcm_tag(g, nonce, hdr_len, len, text + len);
	return 0;
}

static int soft_open(const struct quic_aead *a, struct quic_scratch *s, struct cursor *c,
		     const u8 *nonce, u8 *dst, u32 hdr_len, u32 len)
{
	struct quic_softgcm *g = &s->gcm;
	u8 tag[QUIC_AEAD_TAG], want[QUIC_AEAD_TAG], *text = dst + hdr_len;

	if (!copy_bytes(c, text, len) || !copy_bytes(c, tag, sizeof(tag)))
		return -EINVAL;
	quic_softgcm_init(g, a->key, a->key_len);
	quic_softgcm_update(g, dst, hdr_len);
	quic_softgcm_pad(g);
	quic_softgcm_update(g, text, len);
	quic_softgcm_pad(g);
	quic_softgcm_crypt(g, nonce, text, len);
	quic_softgcm_tag(g, nonce, hdr_len, len, want);
	return crypto_memneq(tag, want, sizeof(tag)) ? -EBADMSG : 0;
}

int quic_aead_seal(void *aead, const u8 *nonce, u8 *pkt, u32 hdr_len,
		   const struct quic_vec *src, unsigned int nsrc, u32 len)
{
	const struct quic_aead *a = aead;
	struct quic_scratch *s = quic_scratch_get();
	struct cursor c = { src, nsrc };
	struct list l = { s->src };
	u8 saved[OVERLAY];
	int err = -EINVAL;

	if (a->inner && unlikely(!quic_simd_usable())) {
		err = soft_seal(a, s, &c, nonce, pkt, hdr_len, len);
		goto out;
	}
	sg_set_buf(&s->dst[0], pkt, hdr_len + len);
	sg_set_behind(&s->dst[1], &s->dst[0], QUIC_AEAD_TAG);
	if (likely(list_overlaid(&l, src, nsrc, pkt, hdr_len, len, saved))) {
		err = run(a, s, &l, nonce, hdr_len, len, false, true);
		memcpy(src[1].base - OVERLAY, saved, OVERLAY);
	} else if (likely(list_text(&l, &c, pkt, hdr_len, len))) {
		err = run(a, s, &l, nonce, hdr_len, len, l.n == 1, true);
	}
out:
	quic_scratch_put();
	return err;
}

int quic_aead_open(void *aead, const u8 *nonce, u8 *dst, u32 hdr_len,
		   const struct quic_vec *src, unsigned int nsrc, u32 len)
{
	const struct quic_aead *a = aead;
	const u32 text_len = len - QUIC_AEAD_TAG;
	struct quic_scratch *s = quic_scratch_get();
	struct cursor c = { src, nsrc };
	struct list l = { s->src };
	int err = -EINVAL;
	bool in_place;

	if (a->inner && unlikely(!quic_simd_usable())) {
		err = soft_open(a, s, &c, nonce, dst, hdr_len, text_len);
		goto out;
	}
	sg_set_buf(&s->dst[1], dst, hdr_len + text_len);
	if (likely(list_sealed(&l, src, nsrc, dst, hdr_len, text_len))) {
		err = run(a, s, &l, nonce, hdr_len, len, false, false);
	} else if (likely(list_text(&l, &c, dst, hdr_len, text_len))) {
		in_place = l.n == 1;
		if (likely(list_tag(&l, &c)))
			err = run(a, s, &l, nonce, hdr_len, len, in_place, false);
	}
out:
	quic_scratch_put();
	return err;
}

int quic_aead_gmac(const u8 *key, const u8 *nonce, const struct quic_vec *in, unsigned int n,
		   u8 *tag)
{
	struct quic_scratch *s = quic_scratch_get();
	u64 len = 0;

	quic_softgcm_init(&s->gcm, key, 16);
	for (; n; in++, n--) {
		quic_softgcm_update(&s->gcm, in->base, in->len);
		len += in->len;
	}
	quic_softgcm_pad(&s->gcm);
	quic_softgcm_tag(&s->gcm, nonce, len, 0, tag);
	quic_scratch_put();
	return 0;
}
