// SPDX-License-Identifier: GPL-2.0
/*
 * The vectors of the RFCs, and sealing and opening with every cipher and every
 * way of cutting a packet into pieces. Runs in userspace and in the kernel.
 */
#include "keysched.h"
#include "protect_suite.h"
#include "protect_vectors.h"

#define CHECK(c) do {							\
	if (!(c)) {							\
		protect_suite_complain(__FILE__, __LINE__, #c);		\
		return -EINVAL;						\
	}								\
} while (0)

#define BUF	4096

/* Everything a case needs, so that nothing is on the stack or lost on failure. */
struct bench {
	struct quic_protect client, server;
	struct quic_cid dcid;
	u64 seed;
	u8 a[BUF], b[BUF], want[BUF], pieces[2 * BUF];
	struct quic_vec vec[64];
	struct quic_hp_item hp[QUIC_BURST_MAX + 3], hp1[QUIC_BURST_MAX + 3];
};

static u32 rnd(struct bench *t, u32 n)
{
	t->seed = t->seed * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)(t->seed >> 33) % n;
}

static u8 nibble(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

static u32 unhex(u8 *to, const char *hex)
{
	u32 n;

	for (n = 0; hex[2 * n]; n++)
		to[n] = nibble(hex[2 * n]) << 4 | nibble(hex[2 * n + 1]);
	return n;
}

static bool same(const u8 *a, const char *hex)
{
	u32 n;

	for (n = 0; hex[2 * n]; n++)
		if (a[n] != (u8)(nibble(hex[2 * n]) << 4 | nibble(hex[2 * n + 1])))
			return false;
	return true;
}

static struct bench *bench_new(const struct quic_crypto_ops *ops)
{
	struct bench *t = kzalloc(sizeof(*t), GFP_KERNEL);

	if (!t)
		return NULL;
	quic_protect_init(&t->client, ops);
	quic_protect_init(&t->server, ops);
	t->dcid.len = unhex(t->dcid.id, PROTECT_VECTORS_DCID);
	t->seed = 9001;
	return t;
}

static int with_bench(const struct quic_crypto_ops *ops, int (*run)(struct bench *t))
{
	struct bench *t = bench_new(ops);
	int err = t ? run(t) : -ENOMEM;

	if (t) {
		quic_protect_free(&t->client);
		quic_protect_free(&t->server);
	}
	kfree(t);
	return err;
}

/* A.1: key, iv and hp of one secret */
static int check_keys(const struct quic_crypto_ops *ops, const struct quic_version_keys *vk,
		      const char *secret, const char *key, const char *iv, const char *hp)
{
	u8 in[32], out[3][32];
	unsigned int len = strlen(key) / 2;
	const struct quic_label l[] = {
		{ vk->key, out[0], len }, { vk->iv, out[1], 12 }, { vk->hp, out[2], len },
	};

	unhex(in, secret);
	CHECK(!quic_keysched_expand(ops, 32, in, l, 3));
	CHECK(same(out[0], key) && same(out[1], iv) && same(out[2], hp));
	/* One alone is the same. */
	memset(out, 0, sizeof(out));
	CHECK(!quic_keysched_expand(ops, 32, in, &l[2], 1) && same(out[2], hp));
	return 0;
}

static int keys(const struct quic_crypto_ops *ops, const struct protect_vectors *v)
{
	const struct quic_version_keys *vk = quic_keysched_version(v->version);
	struct quic_cid dcid;
	u8 secret[32], next[32];
	struct quic_label ku = { NULL, next, 32 };
	int err;

	CHECK(vk);
	ku.label = vk->ku;
	dcid.len = unhex(dcid.id, PROTECT_VECTORS_DCID);
	CHECK(!quic_keysched_initial(ops, vk, &dcid, secret, next));
	CHECK(same(secret, v->client_secret));
	CHECK(same(next, v->server_secret));
	unhex(secret, v->chacha_secret);
	CHECK(!quic_keysched_expand(ops, 32, secret, &ku, 1));
	CHECK(same(next, v->chacha_next));
	err = check_keys(ops, vk, v->client_secret, v->client_key, v->client_iv, v->client_hp);
	if (!err)
		err = check_keys(ops, vk, v->server_secret, v->server_key, v->server_iv,
				 v->server_hp);
	if (!err)
		err = check_keys(ops, vk, v->chacha_secret, v->chacha_key, v->chacha_iv,
				 v->chacha_hp);
	return err;
}

/* Seal t->b behind the header in t->a, hide the header, compare. */
static int seal_and_compare(struct quic_protect *p, unsigned int level, struct bench *t,
			    u32 hdr_len, u32 len, u64 pn, unsigned int pn_len, const char *packet)
{
	struct quic_vec v = { t->b, len };

	CHECK(!quic_protect_seal(p, level, pn, t->a, hdr_len, &v, 1, len));
	t->hp[0].pn_off = hdr_len - pn_len;
	t->hp[0].sample = t->a + hdr_len - pn_len + 4;
	CHECK(!quic_protect_hide(p, level, t->hp, 1));
	CHECK(strlen(packet) == 2 * (hdr_len + len + QUIC_AEAD_TAG));
	CHECK(same(t->a, packet));
	return 0;
}

/* The other way: a received packet in t->a is unhidden and opened in place. */
static int unhide_and_open(struct quic_protect *p, unsigned int level, struct bench *t, u32 pn_off,
			   u32 total, u64 pn, u32 truncated, const u8 *plain)
{
	struct quic_vec v;
	unsigned int pn_len;
	bool updated;
	u32 got;

	t->hp[0].sample = t->a + pn_off + 4;
	CHECK(!quic_protect_masks(p, level, t->hp, 1));
	pn_len = quic_protect_unhide(t->a, pn_off, t->hp[0].mask, &got);
	CHECK(got == truncated);
	v.base = t->a + pn_off + pn_len;
	v.len = total - pn_off - pn_len;
	CHECK(!quic_protect_open(p, level, pn, t->a, pn_off + pn_len, &v, 1, v.len, 0, 0,
				 &updated));
	CHECK(!updated);
	CHECK(!memcmp(v.base, plain, v.len - QUIC_AEAD_TAG));
	return 0;
}

static int initials(struct bench *t, const struct protect_vectors *v)
{
	u32 hdr, len;

	CHECK(!quic_protect_initial(&t->client, v->version, &t->dcid, false));
	CHECK(!quic_protect_initial(&t->server, v->version, &t->dcid, true));

	/* A.2 */
	hdr = unhex(t->a, v->client_header);
	memset(t->b, 0, BUF);
	unhex(t->b, v->client_crypto);
	if (seal_and_compare(&t->client, QUIC_LEVEL_INITIAL, t, hdr, 1162, 2, 4, v->client_packet))
		return -EINVAL;
	if (unhide_and_open(&t->server, QUIC_LEVEL_INITIAL, t, hdr - 4, 1200, 2, 2, t->b))
		return -EINVAL;

	/* A.3 */
	hdr = unhex(t->a, v->server_header);
	len = unhex(t->b, v->server_payload);
	if (seal_and_compare(&t->server, QUIC_LEVEL_INITIAL, t, hdr, len, 1, 2, v->server_packet))
		return -EINVAL;
	return unhide_and_open(&t->client, QUIC_LEVEL_INITIAL, t, hdr - 2,
			       hdr + len + QUIC_AEAD_TAG, 1, 1, t->b);
}

/* A.4 */
static int retry(struct bench *t, const struct protect_vectors *v)
{
	u32 len = unhex(t->a, v->retry) - QUIC_AEAD_TAG;

	CHECK(!quic_protect_retry_tag(t->client.ops, v->version, &t->dcid, t->a, len, t->b));
	CHECK(!memcmp(t->b, t->a + len, QUIC_AEAD_TAG));
	CHECK(quic_protect_retry_tag(t->client.ops, 0xff00001d, &t->dcid, t->a, len, t->b) ==
	      -EINVAL);
	return 0;
}

/* A.5 */
static int chacha(struct bench *t, const struct protect_vectors *v)
{
	const u64 pn = 654360564;
	u8 secret[32];

	t->client.version = v->version;
	t->server.version = v->version;
	unhex(secret, v->chacha_secret);
	CHECK(!quic_protect_install(&t->server, QUIC_LEVEL_APP, true,
				    QUIC_CIPHER_CHACHA20_POLY1305, secret, 32));
	CHECK(!quic_protect_install(&t->client, QUIC_LEVEL_APP, false,
				    QUIC_CIPHER_CHACHA20_POLY1305, secret, 32));
	unhex(t->a, "4200bff4");
	t->b[0] = 1;
	if (seal_and_compare(&t->server, QUIC_LEVEL_APP, t, 4, 1, pn, 3, v->chacha_packet))
		return -EINVAL;
	return unhide_and_open(&t->client, QUIC_LEVEL_APP, t, 1, 21, pn, 49140, t->b);
}

#define VERSIONS(name)								\
static int name##_v1(struct bench *t) { return name(t, &vectors_v1); }		\
static int name##_v2(struct bench *t) { return name(t, &vectors_v2); }		\
static int run_##name(const struct quic_crypto_ops *ops)			\
{										\
	return with_bench(ops, name##_v1) ?: with_bench(ops, name##_v2);	\
}
VERSIONS(initials)
VERSIONS(retry)
VERSIONS(chacha)

static int run_keys(const struct quic_crypto_ops *ops)
{
	return keys(ops, &vectors_v1) ?: keys(ops, &vectors_v2);
}

static int install_pair(struct bench *t, u32 cipher)
{
	unsigned int len = cipher == QUIC_CIPHER_AES_GCM_256 ? 48 : 32, i;
	u8 secret[QUIC_SECRET_MAX];

	t->client.version = QUIC_V1;
	t->server.version = QUIC_V1;
	for (i = 0; i < len; i++)
		secret[i] = i;
	CHECK(!quic_protect_install(&t->client, QUIC_LEVEL_APP, true, cipher, secret, len));
	CHECK(!quic_protect_install(&t->server, QUIC_LEVEL_APP, false, cipher, secret, len));
	secret[0] ^= 0x80;
	CHECK(!quic_protect_install(&t->client, QUIC_LEVEL_APP, false, cipher, secret, len));
	CHECK(!quic_protect_install(&t->server, QUIC_LEVEL_APP, true, cipher, secret, len));
	return 0;
}

/* Tag and mask of one packet, worked out by a third party (python-cryptography). */
static const struct {
	u32 cipher;
	const char *tag, *mask;
} answers[] = {
	{ QUIC_CIPHER_AES_GCM_128, "1a334fcb8afeb236d720f951801bf6da", "940491b3a6" },
	{ QUIC_CIPHER_AES_GCM_256, "a8d6cc51170a18f83015e89a97d2c83a", "d823aa04d1" },
	{ QUIC_CIPHER_AES_CCM_128, "e76b30c0b33cf298773ae10646db5802", "940491b3a6" },
	{ QUIC_CIPHER_CHACHA20_POLY1305, "8489de019043c5ab1e487d9927702732", "b269a41be3" },
};

static int answer(struct bench *t, unsigned int n)
{
	struct quic_vec v = { t->b, 333 };
	unsigned int i;

	if (install_pair(t, answers[n].cipher))
		return -EINVAL;
	for (i = 0; i < 29; i++)
		t->a[i] = 0x40 + i;
	for (i = 0; i < v.len; i++)
		t->b[i] = i * 7;
	CHECK(!quic_protect_seal(&t->client, QUIC_LEVEL_APP, 0x123456789a, t->a, 29, &v, 1, v.len));
	CHECK(same(t->a + 29 + v.len, answers[n].tag));
	t->hp[0].sample = t->b + 100;
	CHECK(!quic_protect_masks(&t->server, QUIC_LEVEL_APP, t->hp, 1));
	CHECK(same(t->hp[0].mask, answers[n].mask));
	return 0;
}

/*
 * Cut [at, at + len) of @flat into pieces: some in place at @home, others
 * elsewhere. @flat and @home may be the same only if all stay in place.
 */
static unsigned int cut(struct bench *t, const u8 *flat, u8 *home, u32 len)
{
	unsigned int n = 0, max = 1 + rnd(t, 6);
	u8 *elsewhere = t->pieces;
	u32 off = 0, some;

	if (rnd(t, 8) == 0)
		max = ARRAY_SIZE(t->vec);
	while (off < len || n == 0) {
		some = n + 1 == max ? len - off :
		       rnd(t, 3) ? rnd(t, len - off + 1) : rnd(t, min_t(u32, len - off, 20) + 1);
		if (rnd(t, 3) == 0) {
			memcpy(home + off, flat + off, some);
			t->vec[n].base = home + off;
		} else {
			elsewhere += rnd(t, 9);
			memcpy(elsewhere, flat + off, some);
			t->vec[n].base = elsewhere;
			elsewhere += some;
		}
		t->vec[n].lent = 0;
		t->vec[n++].len = some;
		off += some;
	}
	return n;
}

/* A frame's header at its place and the rest in a piece that lends what is in front of it. */
static int lent(struct bench *t)
{
	const u32 hdr = 1 + rnd(t, 24), own = rnd(t, 24), len = own + 1 + rnd(t, 1500);
	u8 *body = t->pieces + 32 + rnd(t, 4096), *pkt = t->a + rnd(t, 64);
	u64 pn = rnd(t, 1 << 30);
	unsigned int i;

	for (i = 0; i < sizeof(t->pieces); i++)
		t->pieces[i] = rnd(t, 256);
	for (i = 0; i < hdr + own; i++)
		pkt[i] = rnd(t, 256) & ~QUIC_HDR_KEY_PHASE;
	/* What it has to be: the same packet, all of it at its place. */
	memcpy(t->want, pkt, hdr + own);
	memcpy(t->want + hdr + own, body, len - own);
	t->vec[0] = (struct quic_vec) { t->want + hdr, len };
	CHECK(!quic_protect_seal(&t->client, QUIC_LEVEL_APP, pn, t->want, hdr, t->vec, 1, len));

	memcpy(t->b, body - 32, 32);
	memcpy(t->b + 32, body, len - own);
	t->vec[0] = (struct quic_vec) { pkt + hdr, own };
	t->vec[1] = (struct quic_vec) { body, len - own, rnd(t, 3) ? 16 + rnd(t, 16) : rnd(t, 16) };
	CHECK(!quic_protect_seal(&t->client, QUIC_LEVEL_APP, pn, pkt, hdr, t->vec, 2, len));
	CHECK(!memcmp(pkt, t->want, hdr + len + QUIC_AEAD_TAG));
	CHECK(!memcmp(body - 32, t->b, len - own + 32));
	return 0;
}

static int round_trip(struct bench *t)
{
	const u32 hdr = 1 + rnd(t, 40), len = rnd(t, 4) ? rnd(t, 1500) : rnd(t, 80);
	u8 *pkt = t->a + rnd(t, 64), *out = t->b + rnd(t, 64), before[16], after[16];
	u64 pn = (u64)rnd(t, 1 << 30) << 31 | rnd(t, 1 << 30);
	unsigned int i, n;
	bool updated;

	for (i = 0; i < len; i++)
		t->want[i] = rnd(t, 256);
	for (i = 0; i < hdr; i++)
		pkt[i] = rnd(t, 256) & ~QUIC_HDR_KEY_PHASE;
	n = cut(t, t->want, pkt + hdr, len);
	CHECK(!quic_protect_seal(&t->client, QUIC_LEVEL_APP, pn, pkt, hdr, t->vec, n, len));

	/* A bit gone wrong anywhere is noticed. */
	i = rnd(t, hdr + len + QUIC_AEAD_TAG);
	if (i == 0)
		i = hdr;
	memcpy(t->want + 2048, pkt, hdr + len + QUIC_AEAD_TAG);
	t->want[2048 + i] ^= 1 << rnd(t, 8);
	memcpy(out, t->want + 2048, hdr);
	n = cut(t, t->want + 2048 + hdr, out + hdr, len + QUIC_AEAD_TAG);
	CHECK(quic_protect_open(&t->server, QUIC_LEVEL_APP, pn, out, hdr, t->vec, n,
				len + QUIC_AEAD_TAG, 0, 0, &updated) == -EBADMSG);

	/* Out of place: nothing but the plaintext is written. */
	memcpy(out, pkt, hdr);
	memset(out + hdr, 0x55, len + 32);
	memcpy(before, out + hdr + len, 16);
	t->vec[0].base = pkt + hdr;
	t->vec[0].len = rnd(t, len + QUIC_AEAD_TAG + 1);
	t->vec[1].base = pkt + hdr + t->vec[0].len;
	t->vec[1].len = len + QUIC_AEAD_TAG - t->vec[0].len;
	CHECK(!quic_protect_open(&t->server, QUIC_LEVEL_APP, pn, out, hdr, t->vec, 2,
				 len + QUIC_AEAD_TAG, 0, 0, &updated));
	memcpy(after, out + hdr + len, 16);
	CHECK(!memcmp(out + hdr, t->want, len));
	CHECK(!memcmp(before, after, 16));

	/* In pieces and partly in place. */
	memcpy(t->want + 2048, pkt, hdr + len + QUIC_AEAD_TAG);
	memcpy(out, pkt, hdr);
	n = cut(t, t->want + 2048 + hdr, out + hdr, len + QUIC_AEAD_TAG);
	CHECK(!quic_protect_open(&t->server, QUIC_LEVEL_APP, pn, out, hdr, t->vec, n,
				 len + QUIC_AEAD_TAG, 0, 0, &updated));
	CHECK(!memcmp(out + hdr, t->want, len));

	/* In place. */
	t->vec[0].base = pkt + hdr;
	t->vec[0].len = len + QUIC_AEAD_TAG;
	CHECK(!quic_protect_open(&t->server, QUIC_LEVEL_APP, pn, pkt, hdr, t->vec, 1,
				 len + QUIC_AEAD_TAG, 0, 0, &updated));
	CHECK(!memcmp(pkt + hdr, t->want, len));
	return 0;
}

/* A batch of any size gives what single requests give. */
static int mask_batches(struct bench *t)
{
	unsigned int i, n = 1 + rnd(t, ARRAY_SIZE(t->hp));

	for (i = 0; i < BUF; i++)
		t->a[i] = rnd(t, 256);
	for (i = 0; i < n; i++) {
		t->hp[i].sample = t->a + rnd(t, BUF - QUIC_HP_SAMPLE);
		t->hp1[i] = t->hp[i];
		CHECK(!quic_protect_masks(&t->server, QUIC_LEVEL_APP, &t->hp1[i], 1));
	}
	CHECK(!quic_protect_masks(&t->server, QUIC_LEVEL_APP, t->hp, n));
	for (i = 0; i < n; i++)
		CHECK(!memcmp(t->hp[i].mask, t->hp1[i].mask, 5));
	return 0;
}

static int send_one(struct bench *t, struct quic_protect *from, struct quic_protect *to, u64 pn,
		    u64 now, bool *updated)
{
	struct quic_vec v = { t->a + 20, 16 };

	memset(t->a, 0, 64);
	t->a[0] = from->tx_phase ? 0x44 : 0x40;
	CHECK(!quic_protect_seal(from, QUIC_LEVEL_APP, pn, t->a, 20, &v, 1, 16));
	v.len += QUIC_AEAD_TAG;
	CHECK(!quic_protect_open(to, QUIC_LEVEL_APP, pn, t->a, 20, &v, 1, 32, now, 1, updated));
	CHECK(from->tx_phase == to->rx_phase && to->tx_phase == to->rx_phase);
	quic_protect_acked(from, pn);
	return 0;
}

/* One side updates, the other follows; by turns, two updates each. */
static int update(struct bench *t)
{
	struct quic_protect *a = &t->client, *b = &t->server, *swap;
	bool updated;
	u64 i;

	if (send_one(t, a, b, 0, 0, &updated) || send_one(t, b, a, 0, 0, &updated))
		return -EINVAL;
	for (i = 1; i < 10; i++) {
		CHECK(!quic_protect_prepare_update(a) && !quic_protect_prepare_update(b));
		CHECK(!quic_protect_update(a, 10 * i, 10 * i, 1));
		if (send_one(t, a, b, 10 * i, 10 * i, &updated))
			return -EINVAL;
		CHECK(updated);
		if (send_one(t, b, a, 10 * i, 10 * i + 1, &updated))
			return -EINVAL;
		CHECK(!updated);
		if (i % 2 == 0) {
			swap = a;
			a = b;
			b = swap;
		}
	}
	return 0;
}

static int all_ciphers(const struct quic_crypto_ops *ops, int (*run)(struct bench *t),
		       unsigned int times)
{
	unsigned int i, j;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(answers) && !err; i++) {
		struct bench *t = bench_new(ops);

		err = t ? install_pair(t, answers[i].cipher) : -ENOMEM;
		for (j = 0; j < times && !err; j++)
			err = run(t);
		if (t) {
			quic_protect_free(&t->client);
			quic_protect_free(&t->server);
		}
		kfree(t);
	}
	return err;
}

static int run_lent(const struct quic_crypto_ops *ops)
{
	return all_ciphers(ops, lent, 500);
}

static int run_round_trip(const struct quic_crypto_ops *ops)
{
	return all_ciphers(ops, round_trip, 500);
}

static int run_mask_batches(const struct quic_crypto_ops *ops)
{
	return all_ciphers(ops, mask_batches, 20);
}

static int run_update(const struct quic_crypto_ops *ops)
{
	return all_ciphers(ops, update, 1);
}

static int run_answers(const struct quic_crypto_ops *ops)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(answers) && !err; i++) {
		struct bench *t = bench_new(ops);

		err = t ? answer(t, i) : -ENOMEM;
		if (t) {
			quic_protect_free(&t->client);
			quic_protect_free(&t->server);
		}
		kfree(t);
	}
	return err;
}

const struct protect_case protect_cases[] = {
	{ "keysched__rfc_keys", run_keys },
	{ "protect__rfc_initials", run_initials },
	{ "protect__rfc_retry", run_retry },
	{ "protect__rfc_chacha20", run_chacha },
	{ "protect__known_answers", run_answers },
	{ "protect__round_trips", run_round_trip },
	{ "protect_seal__lent", run_lent },
	{ "protect_masks__batches", run_mask_batches },
	{ "protect_update__both_ways", run_update },
};
const unsigned int protect_cases_count = ARRAY_SIZE(protect_cases);
