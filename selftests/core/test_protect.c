// SPDX-License-Identifier: GPL-2.0
/* core/protect.c and core/keysched.c over GnuTLS: the suite, then key phases, limits and failures. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "crypto_gnutls.h"
#include "keysched.h"
#include "protect_suite.h"

#define PTO	100
#define HDR	20
#define LEN	40

struct pair {
	struct quic_protect c, s;
};

void protect_suite_complain(const char *file, int line, const char *what)
{
	print_error("%s:%d: %s\n", file, line, what);
}

static void run_case(void **state)
{
	const struct protect_case *pc = *state;

	assert_int_equal(pc->run(&quic_crypto_gnutls), 0);
	assert_int_equal(crypto_gnutls_live(), 0);
	assert_int_equal(os_alloc_live(), 0);
}

static int install(struct quic_protect *p, unsigned int level, bool send, u32 cipher, u8 first)
{
	u8 secret[QUIC_SECRET_MAX] = { first };

	return quic_protect_install(p, level, send, cipher, secret,
				    cipher == QUIC_CIPHER_AES_GCM_256 ? 48 : 32);
}

static int setup_cipher(void **state, u32 cipher)
{
	struct pair *t = calloc(1, sizeof(*t));

	quic_protect_init(&t->c, &quic_crypto_gnutls);
	quic_protect_init(&t->s, &quic_crypto_gnutls);
	t->c.version = QUIC_V1;
	t->s.version = QUIC_V1;
	assert_int_equal(install(&t->c, QUIC_LEVEL_APP, true, cipher, 1), 0);
	assert_int_equal(install(&t->s, QUIC_LEVEL_APP, false, cipher, 1), 0);
	assert_int_equal(install(&t->c, QUIC_LEVEL_APP, false, cipher, 2), 0);
	assert_int_equal(install(&t->s, QUIC_LEVEL_APP, true, cipher, 2), 0);
	*state = t;
	return 0;
}

static int setup(void **state)
{
	return setup_cipher(state, QUIC_CIPHER_AES_GCM_128);
}

static int teardown(void **state)
{
	struct pair *t = *state;

	quic_protect_free(&t->c);
	quic_protect_free(&t->s);
	free(t);
	assert_int_equal(crypto_gnutls_live(), 0);
	assert_int_equal(os_alloc_live(), 0);
	return 0;
}

struct packet {
	u64 pn;
	u8 buf[HDR + LEN + QUIC_AEAD_TAG];
};

static struct packet seal(struct quic_protect *p, u64 pn)
{
	struct packet k = { pn, { 0x40 | (p->tx_phase ? QUIC_HDR_KEY_PHASE : 0) } };
	struct quic_vec v = { k.buf + HDR, LEN };

	assert_int_equal(quic_protect_seal(p, QUIC_LEVEL_APP, pn, k.buf, HDR, &v, 1, LEN), 0);
	return k;
}

/* Opens a copy. */
static int open_at(struct quic_protect *p, struct packet k, u64 now, bool *updated)
{
	struct quic_vec v = { k.buf + HDR, LEN + QUIC_AEAD_TAG };

	return quic_protect_open(p, QUIC_LEVEL_APP, k.pn, k.buf, HDR, &v, 1, v.len, now, PTO,
				 updated);
}

static int open_it(struct quic_protect *p, struct packet k)
{
	bool updated;
	int err = open_at(p, k, 0, &updated);

	assert_false(updated);
	return err;
}

static void protect_install__refuses(void **state)
{
	struct pair *t = *state;
	u8 secret[48] = { 0 };
	unsigned int i;

	assert_int_equal(install(&t->c, QUIC_LEVEL_APP, true, QUIC_CIPHER_AES_GCM_128, 1), -EEXIST);
	assert_int_equal(install(&t->c, QUIC_LEVEL_INITIAL, true, QUIC_CIPHER_AES_GCM_128, 1),
			 -EINVAL);
	assert_int_equal(install(&t->c, 4, true, QUIC_CIPHER_AES_GCM_128, 1), -EINVAL);
	assert_int_equal(install(&t->c, QUIC_LEVEL_HANDSHAKE, true, 0, 1), -EINVAL);
	for (i = 0; i < 49; i++) {
		assert_int_equal(quic_protect_install(&t->c, QUIC_LEVEL_HANDSHAKE, true,
						      QUIC_CIPHER_AES_GCM_256, secret, i) == 0,
				 i == 48);
		assert_int_equal(quic_protect_install(&t->c, QUIC_LEVEL_HANDSHAKE, false,
						      QUIC_CIPHER_AES_CCM_128, secret, i) == 0,
				 i == 32);
		quic_protect_drop(&t->c, QUIC_LEVEL_HANDSHAKE);
	}
	t->c.version = 0x1a2b3c4d;
	assert_int_equal(install(&t->c, QUIC_LEVEL_HANDSHAKE, true, QUIC_CIPHER_AES_GCM_128, 1),
			 -EINVAL);
}

static void protect__without_keys(void **state)
{
	struct pair *t = *state;
	struct packet k = seal(&t->c, 0);
	struct quic_vec v = { k.buf + HDR, LEN };
	struct quic_hp_item it = { .sample = k.buf + HDR, .pn_off = 1 };
	bool updated;

	assert_true(quic_protect_can_send(&t->c, QUIC_LEVEL_APP));
	quic_protect_drop(&t->c, QUIC_LEVEL_APP);
	assert_false(quic_protect_can_send(&t->c, QUIC_LEVEL_APP));
	assert_false(quic_protect_can_recv(&t->c, QUIC_LEVEL_APP));
	assert_int_equal(quic_protect_seal(&t->c, QUIC_LEVEL_APP, 1, k.buf, HDR, &v, 1, LEN),
			 -ENOKEY);
	assert_int_equal(open_at(&t->c, k, 0, &updated), -ENOKEY);
	assert_int_equal(quic_protect_hide(&t->c, QUIC_LEVEL_APP, &it, 1), -ENOKEY);
	assert_int_equal(quic_protect_masks(&t->c, QUIC_LEVEL_APP, &it, 1), -ENOKEY);
	assert_int_equal(quic_protect_prepare_update(&t->c), -ENOKEY);
	assert_int_equal(quic_protect_update(&t->c, 0, 0, PTO), -EAGAIN);
	assert_false(quic_protect_wants_update(&t->c));
	quic_protect_acked(&t->c, 5);
}

static void protect_open__too_short(void **state)
{
	struct pair *t = *state;
	struct packet k = seal(&t->c, 0);
	struct quic_vec v = { k.buf + HDR, 0 };
	bool updated;

	for (; v.len < QUIC_AEAD_TAG; v.len++)
		assert_int_equal(quic_protect_open(&t->s, QUIC_LEVEL_APP, 0, k.buf, HDR, &v, 1,
						   v.len, 0, PTO, &updated), -EBADMSG);
	assert_int_equal(open_it(&t->s, k), 0);
}

static void protect_open__wrong_number_or_header(void **state)
{
	struct pair *t = *state;
	struct packet k = seal(&t->c, 1ull << 40);

	k.pn++;
	assert_int_equal(open_it(&t->s, k), -EBADMSG);
	k.pn--;
	k.buf[HDR - 1] ^= 1;
	assert_int_equal(open_it(&t->s, k), -EBADMSG);
	k.buf[HDR - 1] ^= 1;
	assert_int_equal(t->s.failed, 2);
	assert_int_equal(open_it(&t->s, k), 0);
}

/* Retry and version negotiation derive the Initial keys anew. */
static void protect_initial__replaces(void **state)
{
	struct pair *t = *state;
	struct quic_cid cid = { 8, { 1, 2, 3 } };

	assert_int_equal(quic_protect_initial(&t->c, QUIC_V1, &cid, false), 0);
	cid.id[0]++;
	assert_int_equal(quic_protect_initial(&t->c, QUIC_V2, &cid, false), 0);
	assert_int_equal(t->c.version, QUIC_V2);
	assert_int_equal(quic_protect_initial(&t->c, 5, &cid, false), -EINVAL);
	assert_int_equal(t->c.version, QUIC_V2);
	assert_true(quic_protect_can_send(&t->c, QUIC_LEVEL_INITIAL));
}

static void initiate(struct quic_protect *p, u64 next_pn, u64 now)
{
	assert_int_equal(quic_protect_prepare_update(p), 0);
	assert_int_equal(quic_protect_update(p, next_pn, now, PTO), 0);
}

static void protect_update__needs_ack_and_time(void **state)
{
	struct pair *t = *state;
	bool updated;

	assert_int_equal(quic_protect_update(&t->c, 0, 0, PTO), -EAGAIN);	/* not prepared */
	assert_int_equal(open_it(&t->s, seal(&t->c, 4)), 0);
	initiate(&t->c, 5, 0);
	assert_int_equal(quic_protect_prepare_update(&t->c), 0);
	assert_int_equal(quic_protect_update(&t->c, 5, 0, PTO), -EAGAIN);	/* not acked */
	assert_int_equal(quic_protect_prepare_update(&t->s), 0);
	assert_int_equal(open_at(&t->s, seal(&t->c, 5), 0, &updated), 0);
	assert_true(updated);
	quic_protect_acked(&t->c, 4);
	assert_true(t->c.update_unacked);
	quic_protect_acked(&t->c, 5);
	assert_false(t->c.update_unacked);
	/* acknowledged, but nothing came with new keys: old ones must stay */
	assert_int_equal(quic_protect_update(&t->c, 6, 1000 * PTO, PTO), -EAGAIN);
	assert_int_equal(open_at(&t->c, seal(&t->s, 0), 1000, &updated), 0);
	assert_int_equal(quic_protect_update(&t->c, 6, 1000 + 3 * PTO - 1, PTO), -EAGAIN);
	assert_int_equal(quic_protect_update(&t->c, 6, 1000 + 3 * PTO, PTO), 0);
	assert_false(t->c.tx_phase);
}

static void protect_update__old_packets(void **state)
{
	struct pair *t = *state;
	struct packet old[6];
	bool updated;
	u64 i;

	for (i = 0; i < 6; i++)
		old[i] = seal(&t->c, i);
	assert_int_equal(open_it(&t->s, old[0]), 0);
	initiate(&t->c, 6, 0);
	assert_int_equal(quic_protect_prepare_update(&t->s), 0);
	assert_int_equal(open_at(&t->s, seal(&t->c, 10), 50, &updated), 0);
	assert_true(updated);
	assert_true(t->s.tx_phase);
	assert_int_equal(open_at(&t->s, old[1], 60, &updated), 0);
	assert_int_equal(open_at(&t->s, seal(&t->c, 8), 60, &updated), 0);
	assert_int_equal(open_at(&t->s, old[5], 50 + 3 * PTO - 1, &updated), 0);
	assert_false(updated);
	assert_int_equal(open_at(&t->s, old[2], 50 + 3 * PTO, &updated), -EBADMSG);
	assert_null(t->s.rx_prev);
}

/* Who began an update reads old packets for as long as the peer has not followed. */
static void protect_update__initiator_keeps_old(void **state)
{
	struct pair *t = *state;
	struct packet old[3] = { seal(&t->s, 0), seal(&t->s, 1), seal(&t->s, 2) };
	bool updated;

	initiate(&t->c, 0, 0);
	assert_int_equal(open_at(&t->c, old[0], 1ull << 60, &updated), 0);
	initiate(&t->s, 3, 0);
	assert_int_equal(open_at(&t->c, seal(&t->s, 3), 1000, &updated), 0);
	assert_false(updated);
	assert_int_equal(open_at(&t->c, old[1], 1000 + 3 * PTO - 1, &updated), 0);
	assert_int_equal(open_at(&t->c, old[2], 1000 + 3 * PTO, &updated), -EBADMSG);
}

static void protect_open__next_not_prepared(void **state)
{
	struct pair *t = *state;
	struct packet k;
	bool updated;

	assert_int_equal(open_it(&t->s, seal(&t->c, 0)), 0);
	initiate(&t->c, 1, 0);
	k = seal(&t->c, 1);
	assert_int_equal(open_it(&t->s, k), -EAGAIN);
	assert_int_equal(quic_protect_prepare_update(&t->s), 0);
	assert_int_equal(open_at(&t->s, k, 0, &updated), 0);
	assert_true(updated);
}

/* Anybody can flip bits: nothing changes unless the tag is right. */
static void protect_open__forged_phase(void **state)
{
	struct pair *t = *state;
	struct packet k;

	k = seal(&t->c, 0);
	k.buf[0] ^= QUIC_HDR_KEY_PHASE;
	assert_int_equal(open_it(&t->s, k), -EBADMSG);		/* before any packet */
	assert_int_equal(open_it(&t->s, seal(&t->c, 5)), 0);
	k.pn = 9;
	assert_int_equal(open_it(&t->s, k), -EAGAIN);		/* nothing prepared */
	assert_int_equal(quic_protect_prepare_update(&t->s), 0);
	assert_int_equal(open_it(&t->s, k), -EBADMSG);		/* tried with the next keys */
	k.pn = 3;
	assert_int_equal(open_it(&t->s, k), -EBADMSG);		/* no previous keys */
	assert_false(t->s.rx_phase);
	assert_int_equal(open_it(&t->s, seal(&t->c, 6)), 0);
}

/* RFC 9001, 6.4: older keys on a higher number than newer keys */
static void protect_open__older_keys_above_newer(void **state)
{
	struct pair *t = *state;
	struct packet new, old;
	bool updated;

	assert_int_equal(open_it(&t->s, seal(&t->c, 0)), 0);
	old = seal(&t->c, 7);
	initiate(&t->c, 8, 0);
	assert_int_equal(quic_protect_prepare_update(&t->s), 0);
	assert_int_equal(open_at(&t->s, seal(&t->c, 8), 0, &updated), 0);
	assert_true(updated);
	new = seal(&t->c, 3);
	assert_int_equal(open_it(&t->s, old), 0);
	assert_int_equal(open_it(&t->s, new), -EPROTO);
}

/* ... and the first packet of the new keys below one of the old */
static void protect_open__update_below_current(void **state)
{
	struct pair *t = *state;

	assert_int_equal(open_it(&t->s, seal(&t->c, 1)), 0);
	assert_int_equal(open_it(&t->s, seal(&t->c, 20)), 0);
	initiate(&t->c, 8, 0);
	assert_int_equal(quic_protect_prepare_update(&t->s), 0);
	assert_int_equal(open_it(&t->s, seal(&t->c, 8)), -EPROTO);
}

/* RFC 9001, 6.2: a second update though the first was not answered */
static void protect_open__second_update_too_early(void **state)
{
	struct pair *t = *state;
	bool updated;

	assert_int_equal(open_it(&t->s, seal(&t->c, 0)), 0);
	initiate(&t->c, 1, 0);
	assert_int_equal(quic_protect_prepare_update(&t->s), 0);
	assert_int_equal(open_at(&t->s, seal(&t->c, 1), 0, &updated), 0);
	assert_true(updated);
	t->c.update_unacked = false;
	t->c.rx_prev_until = 0;
	initiate(&t->c, 2, 1);
	assert_int_equal(quic_protect_prepare_update(&t->s), 0);
	assert_int_equal(open_it(&t->s, seal(&t->c, 2)), -EPROTO);
}

static void protect_seal__confidentiality_limit(void **state)
{
	struct pair *t = *state;
	struct quic_key *key = t->c.tx[QUIC_LEVEL_APP];
	u8 buf[HDR + LEN + QUIC_AEAD_TAG] = { 0x40 };
	struct quic_vec v = { buf + HDR, LEN };

	assert_int_equal(key->limit, 1 << 23);
	assert_false(quic_protect_wants_update(&t->c));
	key->count = 6291455;
	assert_false(quic_protect_wants_update(&t->c));
	seal(&t->c, 0);
	assert_true(quic_protect_wants_update(&t->c));
	key->count = key->limit - 1;
	seal(&t->c, 1);
	assert_int_equal(quic_protect_seal(&t->c, QUIC_LEVEL_APP, 2, buf, HDR, &v, 1, LEN),
			 -EKEYEXPIRED);
	initiate(&t->c, 2, 0);
	assert_false(quic_protect_wants_update(&t->c));
	assert_int_equal(t->c.tx[QUIC_LEVEL_APP]->limit, 1 << 23);
	seal(&t->c, 2);
}

static void protect_open__integrity_limit(void **state)
{
	struct pair *t = *state;
	struct packet good = seal(&t->c, 0), bad = good;

	assert_int_equal(t->s.rx[QUIC_LEVEL_APP]->limit, 2965820);
	bad.buf[HDR] ^= 1;
	t->s.failed = 2965819;
	assert_int_equal(open_it(&t->s, bad), -EBADMSG);
	assert_int_equal(open_it(&t->s, good), 0);
	assert_int_equal(open_it(&t->s, bad), -EKEYEXPIRED);
	assert_int_equal(open_it(&t->s, good), -EKEYEXPIRED);
}

static int setup_ccm(void **state)
{
	return setup_cipher(state, QUIC_CIPHER_AES_CCM_128);
}

static void keysched_cipher__limits(void **state)
{
	const struct quic_cipher_info *ci = quic_keysched_cipher(QUIC_CIPHER_CHACHA20_POLY1305);

	assert_true(ci->confidentiality > 1ull << 62);
	assert_true(ci->integrity == 1ull << 36);
	ci = quic_keysched_cipher(QUIC_CIPHER_AES_GCM_256);
	assert_true(ci->confidentiality == 1ull << 23 && ci->integrity == 1ull << 52);
	assert_null(quic_keysched_cipher(55));
}

/* Every allocation in turn fails: an error, nothing leaks, and the next attempt works. */
static void protect__no_memory(void **state)
{
	struct quic_cid cid = { 8, { 1 } };
	struct quic_protect p;
	unsigned int n;
	int err;

	for (n = 1, err = 1; err; n++) {
		quic_protect_init(&p, &quic_crypto_gnutls);
		os_alloc_fail_after(n);
		err = quic_protect_initial(&p, QUIC_V1, &cid, false);
		if (!err)
			err = install(&p, QUIC_LEVEL_APP, true, QUIC_CIPHER_AES_GCM_256, 1);
		if (!err)
			err = install(&p, QUIC_LEVEL_APP, false, QUIC_CIPHER_AES_GCM_256, 2);
		if (!err)
			err = quic_protect_prepare_update(&p);
		os_alloc_fail_after(0);
		if (err) {
			assert_int_equal(err, -ENOMEM);
			assert_int_equal(!p.rx[QUIC_LEVEL_INITIAL], !p.tx[QUIC_LEVEL_INITIAL]);
			if (p.rx[QUIC_LEVEL_APP])
				assert_int_equal(quic_protect_prepare_update(&p), 0);
		}
		quic_protect_free(&p);
		assert_int_equal(crypto_gnutls_live(), 0);
		assert_int_equal(os_alloc_live(), 0);
	}
	assert_in_range(n, 10, 30);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(protect_install__refuses),
		T(protect__without_keys),
		T(protect_open__too_short),
		T(protect_open__wrong_number_or_header),
		T(protect_initial__replaces),
		T(protect_update__needs_ack_and_time),
		T(protect_update__old_packets),
		T(protect_update__initiator_keeps_old),
		T(protect_open__next_not_prepared),
		T(protect_open__forged_phase),
		T(protect_open__older_keys_above_newer),
		T(protect_open__update_below_current),
		T(protect_open__second_update_too_early),
		T(protect_seal__confidentiality_limit),
		cmocka_unit_test_setup_teardown(protect_open__integrity_limit, setup_ccm, teardown),
		cmocka_unit_test(keysched_cipher__limits),
		cmocka_unit_test(protect__no_memory),
	};
	struct CMUnitTest all[ARRAY_SIZE(tests) + 16];
	unsigned int i;

	for (i = 0; i < protect_cases_count; i++)
		all[i] = (struct CMUnitTest){ protect_cases[i].name, run_case, NULL, NULL,
					      (void *)&protect_cases[i] };
	memcpy(all + i, tests, sizeof(tests));
	return _cmocka_run_group_tests("protect", all, i + ARRAY_SIZE(tests), NULL, NULL);
}
