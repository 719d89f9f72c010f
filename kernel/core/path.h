/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Paths: the ways between the two ends (RFC 9000, 8 and 9). One is in use,
 * conn->path; others are being probed, or were in use lately.
 *
 * The core knows no addresses: a path is a key that the glue makes of both and
 * that is only compared, and a slot by which both name it. conn.h includes
 * this; everything is under the connection's lock.
 *
 *   path.c        which there are, which is in use, who moves when
 *   path_check.c  validation: challenges, responses, probing datagrams, timers
 */
#ifndef QUIC_CORE_PATH_H
#define QUIC_CORE_PATH_H

#include "loss.h"
#include "packet.h"
#include "pmtu.h"

struct quic_conn;
struct quic_plan;

#define QUIC_PATH_NO_CID	0xff
#define QUIC_PATH_PROBE_MIN	64	/* bytes that a probing datagram needs at least */

struct quic_path_key {
	u8 host[32];			/* both IP addresses, ours first */
	u8 port[4];			/* both UDP ports, ours first */
	u8 zero[4];			/* all of it is compared */
};

static inline bool quic_path_key_eq(const struct quic_path_key *a, const struct quic_path_key *b)
{
	const u8 *p = (const u8 *)a, *q = (const u8 *)b;
	u64 diff = 0;
	unsigned int i;

	BUILD_BUG_ON(sizeof(*a) != 5 * sizeof(u64));
	for (i = 0; i < sizeof(*a); i += sizeof(u64))
		diff |= get_unaligned_be64(p + i) ^ get_unaligned_be64(q + i);
	return !diff;
}

/* What was learned of a path while it was in use: RFC 9000, 9.3 lets us take it up again. */
struct quic_path_est {
	struct quic_loss_est loss;
	struct quic_pmtu pmtu;
};

struct quic_path_talk {
	u8 challenge[QUIC_PATH_CHALLENGES_MAX][8];
	u8 response[QUIC_PATH_RESPONSES_MAX][8];
};

struct quic_path {
	struct quic_path_key key;
	u64 rx_bytes, tx_bytes;		/* a server's until validated: anti-amplification (8.1) */
	u64 at;				/* validation's next step, or when it is forgotten */
	u64 period;			/* of the validation's timer, ns */
	u64 checked_at;			/* when the last validation began, ns */
	struct quic_path_est *est;	/* not in use: as it was; NULL: nothing */
	struct quic_cid from;		/* our ID that the peer used last on it */
	u8 slot;
	u8 cid;				/* which of the peer's IDs is used here: cids.remote[] */
	bool validated;			/* the peer is at its other end */
	bool checking;			/* validation is under way */
	bool left;			/* it was in use */
	u8 tries;
	u8 wanted;			/* challenges to send */
	u8 n_challenges;		/* remembered; the oldest is overwritten first */
	u8 full;			/* bit for each: it left in a datagram of 1200 bytes */
	u8 n_responses;			/* to send */
	struct quic_path_talk *talk;	/* what those are; NULL: nothing was asked yet */
};

struct quic_paths {
	struct quic_path *slot[QUIC_PATHS_MAX];
	u8 n;				/* slots in use */
	bool preferred;			/* client: moved to the preferred address */
	struct quic_path first;		/* that of the handshake: slot 0 */
	struct quic_path *good;		/* the one validated last: where to go back to; 9.3.2 */
	struct quic_path *next;		/* to be used as soon as that is possible; or NULL */
	struct quic_path *rx;		/* of the datagrams that are coming; NULL: rx_key, new */
	struct quic_path_key rx_key;
	u32 rx_len;			/* rx NULL: bytes of the datagram at hand */
	s64 largest;			/* packet number: largest of a non-probing packet */
};

void quic_path_init(struct quic_conn *c);
void quic_path_free(struct quic_conn *c);

/*
 * The datagrams given to the core from now on came on @key. Before the first call: on the path of
 * the handshake, whose key is set by quic_path_set_first().
 * Return: false: a client, and not from its server: throw them away (RFC 9000, 9)
 */
bool quic_path_from(struct quic_conn *c, const struct quic_path_key *key);
void quic_path_set_first(struct quic_conn *c, const struct quic_path_key *key);
/*
 * Client: validate the way @key and move there (RFC 9000, 9.2). @preferred: it leads to the
 * server's preferred address (9.6). ops->path_new() is called for it.
 * Return: 0; -EAGAIN not confirmed yet, no spare ID of the peer's, or a migration is under way;
 * -EOPNOTSUPP the peer's IDs are empty (9.5); -EPERM disable_active_migration; -EEXIST it is the
 * path in use; -ENOMEM
 */
int quic_path_probe(struct quic_conn *c, const struct quic_path_key *key, bool preferred, u64 now);

/* --- inside the core --- */

static inline bool quic_path_same_hosts(const struct quic_path_key *a,
					const struct quic_path_key *b)
{
	return !memcmp(a->host, b->host, sizeof(a->host));
}

/* @len bytes came, whatever they are (8.1). */
void quic_path_rx_bytes(struct quic_conn *c, u32 len);
/* A 1-RTT packet to @dcid was opened. Return: false: it may not count, drop it. */
bool quic_path_opened(struct quic_conn *c, const struct quic_cid *dcid);
/* Its frames were taken; @probing: all of them probing frames (9.1). Maybe the peer moved. */
void quic_path_rx_packet(struct quic_conn *c, u64 pn, bool probing, u64 now);
/* Move to @p; @local: because we want to. */
void quic_path_go(struct quic_conn *c, struct quic_path *p, bool local, u64 now);
/* @p is needed no more, its ID neither. */
void quic_path_drop(struct quic_conn *c, struct quic_path *p);
/* The peer's IDs changed: give one to paths that lost theirs or never had one. */
void quic_path_take_cids(struct quic_conn *c, u64 now);
/* Bytes that anti-amplification lets out on @p, at most @cap. */
u32 quic_path_allowance(const struct quic_conn *c, const struct quic_path *p, u32 cap);

/* path_check.c */
void quic_path_check(struct quic_conn *c, struct quic_path *p, u64 now);
void quic_path_uncheck(struct quic_path *p);
void quic_path_rx_challenge(struct quic_conn *c, const u8 *data, u64 now);
void quic_path_rx_response(struct quic_conn *c, const u8 *data, u64 now);
/* 8 unpredictable bytes to send on @p; @full: in a datagram of 1200 bytes */
const u8 *quic_path_challenge(struct quic_conn *c, struct quic_path *p, bool full);
/* The first response was sent. */
void quic_path_responded(struct quic_path *p);
/* A path not in use with something to send, and allowed to; or NULL */
struct quic_path *quic_path_speaker(const struct quic_conn *c);
/* A datagram of probing frames on @p. Return: false if it cannot be built now */
bool quic_path_plan(struct quic_conn *c, struct quic_path *p, struct quic_plan *plan, u8 *buf,
		    u32 cap);
u64 quic_path_deadline(const struct quic_conn *c);
void quic_path_timeout(struct quic_conn *c, u64 now);

#endif
