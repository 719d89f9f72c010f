/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packet protection of one connection (RFC 9001): keys by level, key schedule,
 * nonces, header protection, key phase, AEAD limits, Retry integrity tag.
 *
 * The ciphers come through struct quic_crypto_ops: the kernel crypto API in the
 * module (kernel/crypto/), GnuTLS in userspace (selftests/core/). The core
 * never sees a transform. The caller serialises (socket lock).
 */
#ifndef QUIC_CORE_PROTECT_H
#define QUIC_CORE_PROTECT_H

#include "packet.h"

#define QUIC_AEAD_TAG		16
#define QUIC_HP_SAMPLE		16
#define QUIC_CIPHER_BLOCK	16	/* one across a page's end costs as much as half a packet */
#define QUIC_BURST_MAX		64	/* packets of a burst or train handled in one batch */

/* Ciphers by the numbers of linux/tls.h, as in struct quic_crypto_secret. */
enum quic_cipher {
	QUIC_CIPHER_AES_GCM_128 = 51,
	QUIC_CIPHER_AES_GCM_256 = 52,
	QUIC_CIPHER_AES_CCM_128 = 53,
	QUIC_CIPHER_CHACHA20_POLY1305 = 54,
};

struct quic_vec {
	void *base;	/* kernel linear memory: never stack, never vmalloc */
	u32 len;
	u32 lent;	/* to seal(): bytes before base it may use, and puts back as they were */
};

/* One packet in a batch of header protection masks. */
struct quic_hp_item {
	const u8 *sample;	/* in: 16 bytes */
	u8 mask[5];		/* out */
	u8 pad;
	u16 pn_off;		/* caller's: sample - 4 - pn_off is the packet's first byte */
};

struct quic_crypto_ops {
	/*
	 * HMAC-SHA256 (@hash_len 32) or -SHA384 (48) over the concatenated @in.
	 * Any context; @key and @in may be on the stack; @key_len up to 64.
	 */
	int (*hmac)(unsigned int hash_len, const u8 *key, u32 key_len,
		    const struct quic_vec *in, unsigned int n, u8 *out);
	/* hmac() of each of @in alone, with one key, for less: @hash_len bytes each to @out. */
	int (*hmacs)(unsigned int hash_len, const u8 *key, u32 key_len,
		     const struct quic_vec *in, unsigned int n, u8 *out);
	/*
	 * Tag of AES-128-GCM with a 12-byte nonce and no plaintext, the AAD being the
	 * concatenated @in (Retry). Any context; @in may be on the stack.
	 */
	int (*gmac)(const u8 *key, const u8 *nonce, const struct quic_vec *in, unsigned int n,
		    u8 *tag);
	/* Alloc: process context; NULL and *err on failure. Free: any context, NULL is fine. */
	void *(*aead_alloc)(u32 cipher, const u8 *key, int *err);
	void (*aead_free)(void *aead);
	void *(*hp_alloc)(u32 cipher, const u8 *key, int *err);
	void (*hp_free)(void *hp);
	/*
	 * Any context with the socket lock held. Always completes before it returns.
	 * Seal: AAD is [pkt, pkt + hdr_len); the plaintext is @src, @len bytes in all
	 * (pieces may lie at their final place in pkt, exactly); ciphertext and tag go
	 * to pkt + hdr_len. Nobody else looks at what a piece lends meanwhile.
	 */
	int (*seal)(void *aead, const u8 *nonce, u8 *pkt, u32 hdr_len,
		    const struct quic_vec *src, unsigned int nsrc, u32 len);
	/*
	 * Open: AAD is [dst, dst + hdr_len); @src is ciphertext and tag, @len bytes in
	 * all; plaintext goes to dst + hdr_len (src may be that place).
	 * Return: 0, -EBADMSG when the tag is wrong, other errors: could not try.
	 * After an error the plaintext's place holds nothing of use (in place: the
	 * ciphertext is gone).
	 */
	int (*open)(void *aead, const u8 *nonce, u8 *dst, u32 hdr_len,
		    const struct quic_vec *src, unsigned int nsrc, u32 len);
	/* Masks of up to QUIC_BURST_MAX packets in one request where the cipher allows. */
	int (*masks)(void *hp, struct quic_hp_item *it, unsigned int n);
};

struct quic_key {		/* one direction of one level */
	void *aead;
	void *hp;		/* survives key updates (6): owned by the generation in use */
	u8 iv[12];
	u8 secret_len;
	u8 secret[48];
	u32 cipher;
	u64 count;		/* packets sealed, or opened */
	u64 limit;		/* confidentiality limit when sending, else integrity limit (6.6) */
	u64 first_pn;		/* lowest number of this phase seen or sent; U64_MAX none */
	u64 last_pn;		/* highest number opened */
};

/*
 * Initial keys of a second version, beside the levels' own (RFC 9369, 4.1). A client: of the
 * version the server seems to have chosen, until a packet shows it. A server: to open packets of
 * the client's first version after it chose another.
 */
#define QUIC_KEYS_ALT		QUIC_LEVELS
#define QUIC_KEYS		(QUIC_LEVELS + 1)

struct quic_protect {
	const struct quic_crypto_ops *ops;
	u32 version;		/* of the keys that are made, but for those of 0-RTT */
	u32 original;		/* of the client's first Initial, and of 0-RTT keys */
	u32 alt;		/* of QUIC_KEYS_ALT; 0: there are none */
	struct quic_key *tx[QUIC_KEYS];
	struct quic_key *rx[QUIC_KEYS];
	/* 1-RTT key update (RFC 9001, 6) */
	struct quic_key *tx_next, *rx_next;	/* derived ahead, process context */
	struct quic_key *parked_tx, *parked_rx;		/* 1-RTT, without transforms */
	struct quic_key *rx_prev;		/* opens packets of the previous phase */
	u64 rx_prev_until;			/* ns; 3 PTO after the new phase was seen */
	bool tx_phase, rx_phase;
	bool update_unacked;			/* no second update before it is acked, 6.1 */
	bool updated;				/* keys are not those of the handshake any more */
	u64 failed;				/* packets that failed to open, all phases (6.6) */
};

void quic_protect_init(struct quic_protect *p, const struct quic_crypto_ops *ops);
void quic_protect_free(struct quic_protect *p);	/* wipes every secret */

/*
 * Initial keys both ways from the client's first destination ID (5.2), in place of
 * those there are (after Retry or a change of version). Process context.
 * Return: 0, -EINVAL (version), -ENOMEM, crypto's: the old ones are still there.
 */
int quic_protect_initial(struct quic_protect *p, u32 version, const struct quic_cid *dcid,
			 bool server);
/*
 * QUIC_KEYS_ALT for @version, @dcid as above. Process context. Return: 0, -EINVAL, -ENOMEM,
 * crypto's.
 */
int quic_protect_alternate(struct quic_protect *p, u32 version, const struct quic_cid *dcid,
			   bool server);
/*
 * Go over to QUIC_KEYS_ALT and its version. @keep: what opened Initial packets before is
 * QUIC_KEYS_ALT then; else it is gone. Any context.
 */
void quic_protect_switch(struct quic_protect *p, bool keep);
/* Forget QUIC_KEYS_ALT. Any context. */
void quic_protect_drop_alternate(struct quic_protect *p);
/*
 * Install @secret at @level; derives key, iv, hp. Process context.
 * Return: 0, -EINVAL (cipher or length), -EEXIST (there already), -ENOMEM, crypto's.
 */
int quic_protect_install(struct quic_protect *p, unsigned int level, bool send, u32 cipher,
			 const u8 *secret, unsigned int len);
/* Forget a level's keys (4.9), wiped. Any context. */
void quic_protect_drop(struct quic_protect *p, unsigned int level);
/*
 * Derive the next generation both ways unless it is there. Process context.
 * To be done once the handshake is confirmed, and again after each update.
 * Return: 0, -ENOKEY (no 1-RTT keys yet), -ENOMEM, crypto's.
 */
int quic_protect_prepare_update(struct quic_protect *p);
/*
 * Put the keys aside, without what can be made of their secrets again: as long as there are no
 * other keys and none were updated (the header protection key follows from the first secret
 * only). parkable: that is so. unpark: process context; 0, -ENOMEM, crypto's: still put aside.
 */
bool quic_protect_parkable(const struct quic_protect *p);
void quic_protect_park(struct quic_protect *p);
int quic_protect_unpark(struct quic_protect *p);
/* Cipher of 1-RTT packets; 0: there are no keys for them yet */
u32 quic_protect_cipher(const struct quic_protect *p);
/*
 * Switch sending and receiving to the next generation (6.1; whether the handshake
 * is confirmed is for the caller to know). -EAGAIN: not prepared, the last update
 * is not acknowledged yet, or old keys are still in use.
 */
int quic_protect_update(struct quic_protect *p, u64 next_pn, u64 now, u64 pto);
/* @largest was acknowledged in the 1-RTT space: does that confirm the last update? (6.1) */
void quic_protect_acked(struct quic_protect *p, u64 largest);
/* Is it time to update because of the confidentiality limit? (6.6) */
bool quic_protect_wants_update(const struct quic_protect *p);

/*
 * Seal the packet at @pkt and advance the key's count.
 * Return: 0, -ENOKEY, -EKEYEXPIRED at the AEAD limit (6.6), crypto's.
 */
int quic_protect_seal(struct quic_protect *p, unsigned int level, u64 pn, u8 *pkt, u32 hdr_len,
		      const struct quic_vec *src, unsigned int nsrc, u32 len);
/* Fill it->mask for packets about to be sent and apply to first byte and number. Any @n. */
int quic_protect_hide(struct quic_protect *p, unsigned int level, struct quic_hp_item *it,
		      unsigned int n);
/* Masks only, for received packets. Any @n. @keys: a level or QUIC_KEYS_ALT */
int quic_protect_masks(struct quic_protect *p, unsigned int keys, struct quic_hp_item *it,
		       unsigned int n);
/*
 * Apply @mask to a header copied to @hdr, whose number starts at @pn_off.
 * Return: length of the packet number; *truncated its value.
 */
unsigned int quic_protect_unhide(u8 *hdr, u32 pn_off, const u8 *mask, u32 *truncated);
/*
 * Open with the key of @keys (a level or QUIC_KEYS_ALT) and, in 1-RTT, the key phase bit of dst[0]
 * (trial of the next generation when the phase flips; *updated tells that the
 * peer began an update which succeeded).
 * Return: 0, -EBADMSG, -EAGAIN (the next keys must be prepared first: drop),
 * -EKEYEXPIRED (integrity limit reached: close with AEAD_LIMIT_REACHED), -EPROTO
 * (KEY_UPDATE_ERROR), -ENOKEY.
 * Takes the same time for every wrong packet, whatever its key phase (9.5).
 */
int quic_protect_open(struct quic_protect *p, unsigned int keys, u64 pn, u8 *dst, u32 hdr_len,
		      const struct quic_vec *src, unsigned int nsrc, u32 len, u64 now, u64 pto,
		      bool *updated);

/* Tag of a Retry packet (5.8) over @retry without tag; @odcid is the client's first ID. */
int quic_protect_retry_tag(const struct quic_crypto_ops *ops, u32 version,
			   const struct quic_cid *odcid, const u8 *retry, u32 len, u8 *tag);

static inline bool quic_protect_can_send(const struct quic_protect *p, unsigned int level)
{
	return p->tx[level];
}

static inline bool quic_protect_can_recv(const struct quic_protect *p, unsigned int keys)
{
	return p->rx[keys];
}

#endif
