// SPDX-License-Identifier: GPL-2.0
/* RFC 9000, 17.2.5 and 8.1: Retry from the drill as server, tokens to the kernel as server. */
#include "../kselftest/pair.h"
#include "drill.h"

#define TOKEN_LEN	40

/* A Retry for the kernel's first Initial. */
static u32 retry(const struct peer *p, const struct quic_cid *scid, u32 token_len, u8 *out)
{
	u8 token[TOKEN_LEN], *q;

	memset(token, 0x70, sizeof(token));
	q = quic_packet_put_retry(out, out + 500, p->version, &p->dcid, scid, token, token_len, 5);
	if (!q || quic_protect_retry_tag(p->prot.ops, p->version, &p->odcid, out, q - out, q))
		abort();
	return q - out + QUIC_AEAD_TAG;
}

static void throw_retry(struct peer *p, u8 spoil, u32 token_len, u8 unused)
{
	struct quic_cid scid = { .len = 8, .id = "RETRYSCI" };
	u8 out[512];
	u32 len = retry(p, &scid, token_len, out);

	out[len - 1] ^= spoil;
	out[0] ^= unused;
	throw(p, out, len);
}

/* Did the kernel send an Initial to the Retry's ID? */
static bool obeyed(struct peer *p)
{
	struct quic_packet h;

	forget(p);
	p->mute = true;
	hear(p, 1500);
	p->mute = false;
	return p->heard.last_len && !quic_packet_parse(p->heard.last, p->heard.last_len, 8, &h) &&
	       h.type == QUIC_PKT_INITIAL && h.dcid_len == 8 && !memcmp(h.dcid, "RETRYSCI", 8) &&
	       h.token_len == TOKEN_LEN;
}

static void good(struct peer *p)
{
	struct quic_packet h;

	throw_retry(p, 0, TOKEN_LEN, 0);
	NEED(p, obeyed(p));
	/* 17.2.5.2: its own ID stays */
	NEED(p, !quic_packet_parse(p->heard.last, p->heard.last_len, 8, &h));
	NEED(p, quic_cid_eq(&p->dcid, h.scid, h.scid_len));
}

static void bad_tag(struct peer *p)
{
	throw_retry(p, 1, TOKEN_LEN, 0);
	NEED(p, !obeyed(p));
	NEED(p, shake(p, CONFIRMED));
}

static void no_token(struct peer *p)
{
	throw_retry(p, 0, 0, 0);
	NEED(p, !obeyed(p));
	NEED(p, shake(p, CONFIRMED));
}

static void same_id(struct peer *p)
{
	u8 out[512] = { 0 };

	throw(p, out, retry(p, &p->odcid, TOKEN_LEN, out));
	forget(p);
	hear(p, 100);
	NEED(p, shake(p, CONFIRMED));
}

/* The four bits are covered by the tag, so they have to be chosen before. */
static void unused_bits(struct peer *p)
{
	struct quic_cid scid = { .len = 8, .id = "RETRYSCI" };
	u8 token[TOKEN_LEN] = { 0 }, out[512] = { 0 }, *q;

	q = quic_packet_put_retry(out, out + 500, p->version, &p->dcid, &scid, token, TOKEN_LEN, 15);
	NEED(p, q && !quic_protect_retry_tag(p->prot.ops, p->version, &p->odcid, out, q - out, q));
	throw(p, out, q + QUIC_AEAD_TAG - out);
	NEED(p, obeyed(p));
}

static void second(struct peer *p)
{
	struct quic_cid other = { .len = 8, .id = "ANOTHERS" };
	u8 out[512] = { 0 };

	throw_retry(p, 0, TOKEN_LEN, 0);
	NEED(p, obeyed(p));
	throw(p, out, retry(p, &other, TOKEN_LEN, out));
	NEED(p, obeyed(p));
}

static void late(struct peer *p)
{
	throw_retry(p, 0, TOKEN_LEN, 0);
	NEED(p, !obeyed(p));
}

/* 7.3: after Retry the server has to vouch for its ID. */
static void unvouched(struct peer *p)
{
	struct quic_cid odcid = p->odcid;

	throw_retry(p, 0, TOKEN_LEN, 0);
	NEED(p, obeyed(p));
	/* what the client sends is sealed for the Retry's ID now */
	quic_cid_set(&p->odcid, (const u8 *)"RETRYSCI", 8);
	NEED(p, !quic_protect_initial(&p->prot, p->version, &p->odcid, true));
	hear(p, 2000);
	NEED(p, shake_initial(p));
	p->odcid = odcid;
	NEED(p, kern_params(p));
}

/* A token the kernel gave for Retry, from another address. */
static void moved_token(struct peer *p)
{
	u8 token[256];
	struct quic_packet h;

	SAY(p, INIT, QUIC_FT_CRYPTO, 0, HELLO, BYTES(HELLO));
	hear(p, 100);
	NEED(p, p->heard.retry == 1);
	NEED(p, !quic_packet_parse(p->heard.last, p->heard.last_len, 8, &h));
	NEED(p, h.token_len && h.token_len <= sizeof(token));
	memcpy(token, h.token, h.token_len);
	p->token = token;
	p->token_len = h.token_len;
	quic_cid_set(&p->odcid, h.scid, h.scid_len);
	p->dcid = p->odcid;
	quic_protect_free(&p->prot);
	quic_protect_init(&p->prot, p->prot.ops);
	NEED(p, !quic_protect_initial(&p->prot, p->version, &p->odcid, false));
	forget(p);
	peer_move(p);
	SAY(p, INIT, QUIC_FT_CRYPTO, 0, HELLO, BYTES(HELLO));
	hear(p, 500);
	p->token_len = 0;
	p->token = NULL;
}

static void token_of_retry(struct peer *p)
{
	moved_token(p);
	NEED(p, !kern_accept(p));
}

/* Nobody's token: a client is asked to show where it is, or goes on without. */
static void strange_token(struct peer *p)
{
	static const u8 token[50] = { 1, 2, 3 };

	p->token = token;
	p->token_len = sizeof(token);
	NEED(p, shake_initial(p));
	p->token_len = 0;
}

static const struct quic_config validate_all = { .validate_peer_address = 1 };

static void validate(struct peer *p)
{
	p->config = &validate_all;
}

static const struct drill_case retries[] = {
	{ "9000/17.2.5.2/same-scid", "Retry", .roles = SERVER, .stage = NOTHING, .act = good },
	{ "9000/17.2.5.2/tag", "Retry with a wrong tag", .roles = SERVER, .stage = NOTHING,
	  .act = bad_tag, .want = LIVES },
	{ "9000/17.2.5.2/no-token", "Retry without a token", .roles = SERVER, .stage = NOTHING,
	  .act = no_token, .want = LIVES },
	{ "9000/17.2.5.1/same-id", "Retry with the client's own choice of ID", .roles = SERVER,
	  .stage = NOTHING, .act = same_id, .want = LIVES },
	{ "9000/17.2.5/unused", "Retry with any bits", .roles = SERVER, .stage = NOTHING,
	  .act = unused_bits },
	{ "9000/17.2.5.2/second", "a second Retry", .roles = SERVER, .stage = NOTHING,
	  .act = second },
	{ "9000/17.2.5.2/second", "Retry after an Initial", .roles = SERVER, .stage = INITIAL,
	  .act = late, .want = LIVES },
	{ "9000/7.3/mismatch", "Retry, and no retry_source_connection_id", .roles = SERVER,
	  .stage = NOTHING, .act = unvouched, CLOSE(TRANSPORT_PARAMETER, ANY) },
	{ "9000/8.1.2/invalid-token 9000/8.1.3/validate", "the token of a Retry from another address",
	  .roles = CLIENT, .stage = NOTHING, .before = validate, .act = token_of_retry,
	  CLOSE(INVALID_TOKEN, ANY) },
	{ "9000/8.1.3/validate", "a token of nobody's", .roles = CLIENT, .stage = NOTHING,
	  .act = strange_token, .want = LIVES },
};

GROUP(retries);
