/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Connection IDs (RFC 9000, 5.1): the ones we issued, by which packets find us
 * (the glue keeps them in its hash), and the peer's, which we address it with.
 */
#ifndef QUIC_CORE_CID_H
#define QUIC_CORE_CID_H

#include "packet.h"

struct quic_conn;

struct quic_cid_local {
	u64 seq;
	struct quic_cid cid;
	bool used;		/* slot in use */
	bool announce;		/* NEW_CONNECTION_ID to send (again) */
};

struct quic_cid_remote {
	u64 seq;
	struct quic_cid cid;
	u8 reset_token[QUIC_TOKEN_RESET_LEN];
	bool used;
	bool has_token;
	bool spoken;		/* packets went to it: of one path only (9.5) */
};

struct quic_cid_retired {	/* told to be, and not acknowledged yet */
	u64 seq : 63;
	u64 pending : 1;	/* to be sent (again); else in flight */
};

/* Room beyond what is in quic_cids; made when that does not do, and kept */
struct quic_cids_more {
	struct quic_cid_local local[QUIC_CID_LOCAL_MAX - QUIC_CID_FEW];
	struct quic_cid_remote remote[QUIC_CID_REMOTE_SLOTS - QUIC_CID_FEW];
	struct quic_cid_retired retire[QUIC_CID_RETIRE_MAX - QUIC_CID_FEW];
};

/* By number: quic_cid_local_at(), quic_cid_remote_at(), quic_cid_retire_at() */
struct quic_cids {
	struct quic_cid_local local[QUIC_CID_FEW];
	u64 local_next;			/* next sequence number to issue */
	u64 local_sent;			/* the peer was told those below */
	u64 local_prior;		/* Retire Prior To that we send */
	u64 local_limit;		/* peer's active_connection_id_limit */
	struct quic_cid_remote remote[QUIC_CID_FEW];
	u64 remote_prior;		/* largest Retire Prior To seen */
	u64 remote_base;		/* sequence numbers below were seen, */
	u64 remote_seen;		/* and those above it whose bit is set */
	bool announce;			/* one of local[] may have to be */
	bool remote_empty;		/* the peer chose zero-length IDs */
	bool local_empty;		/* so did we: who has our address finds us */
	u8 n_retire;
	struct quic_cid_retired retire[QUIC_CID_FEW];
	struct quic_cids_more *more;	/* or NULL */
};

/* Of each there are so many, used or not */
static inline unsigned int quic_cid_locals(const struct quic_cids *d)
{
	return d->more ? QUIC_CID_LOCAL_MAX : QUIC_CID_FEW;
}

static inline unsigned int quic_cid_remotes(const struct quic_cids *d)
{
	return d->more ? QUIC_CID_REMOTE_SLOTS : QUIC_CID_FEW;
}

/* Who may only read @d may not write to what these return either. */
static inline struct quic_cid_local *quic_cid_local_at(const struct quic_cids *d, unsigned int i)
{
	return i < QUIC_CID_FEW ? (struct quic_cid_local *)&d->local[i] :
				  &d->more->local[i - QUIC_CID_FEW];
}

static inline struct quic_cid_remote *quic_cid_remote_at(const struct quic_cids *d, unsigned int i)
{
	return i < QUIC_CID_FEW ? (struct quic_cid_remote *)&d->remote[i] :
				  &d->more->remote[i - QUIC_CID_FEW];
}

static inline struct quic_cid_retired *quic_cid_retire_at(const struct quic_cids *d, unsigned int i)
{
	return i < QUIC_CID_FEW ? (struct quic_cid_retired *)&d->retire[i] :
				  &d->more->retire[i - QUIC_CID_FEW];
}

/* Our first ID (seq 0), random, entered in the glue's hash; or the only one, which is empty. */
int quic_cid_init(struct quic_conn *c);
/* Length of our IDs, bytes: where a short header ends nothing else says (RFC 9000, 17.3.1). */
static inline u8 quic_cid_own_len(const struct quic_cids *d)
{
	return d->local_empty ? 0 : QUIC_CID_LEN;
}

void quic_cid_free(struct quic_conn *c);
/* Issue IDs until the peer holds min(its limit, QUIC_CID_LOCAL_MAX). */
void quic_cid_replenish(struct quic_conn *c);
/* Frames; 0 or a transport error code. */
u64 quic_cid_rx_new(struct quic_conn *c, u64 seq, u64 prior_to, const u8 *id, u8 len,
		    const u8 *reset_token, u64 now);
/* @dcid: the one the packet came to, which may not be retired in it (19.16) */
u64 quic_cid_rx_retire(struct quic_conn *c, u64 seq, const struct quic_cid *dcid);
/* Did we issue it, and did the peer not retire it? */
bool quic_cid_is_local(const struct quic_conn *c, const u8 *id, u8 len);
void quic_cid_announce_lost(struct quic_conn *c, u64 seq);
void quic_cid_retire_lost(struct quic_conn *c, u64 seq);
void quic_cid_retire_acked(struct quic_conn *c, u64 seq);
/* The peer's first ID, from its first packet (7.2); the server's also from accept. */
void quic_cid_set_remote(struct quic_conn *c, const u8 *id, u8 len);
/* Is @token (the last 16 bytes of a datagram) a stateless reset for us? 10.3.1 */
bool quic_cid_is_reset(const struct quic_conn *c, const u8 *token);
const struct quic_cid *quic_cid_remote(const struct quic_conn *c);
/* An ID of the peer's that no packet went to yet, for a path; QUIC_PATH_NO_CID: there is none */
u8 quic_cid_take_remote(struct quic_conn *c);
bool quic_cid_spare_remote(const struct quic_conn *c);
/* The same, or else one that is in use on another path. */
u8 quic_cid_any_remote(struct quic_conn *c);
/* No path uses remote[@i] any more. */
void quic_cid_retire_remote(struct quic_conn *c, u8 i);
/* The peer's ID of its preferred_address: sequence number 1 (5.1.1) */
void quic_cid_set_preferred(struct quic_conn *c, const struct quic_cid *cid, const u8 *token);
/* Server: our first further ID, to be announced there. Return: 0 or error */
int quic_cid_issue_preferred(struct quic_conn *c, struct quic_cid *cid);
/*
 * Have the peer retire ours below @prior_to for new ones. -EINVAL: not issued yet; -EAGAIN: too
 * many are waiting to be retired
 */
int quic_cid_renew(struct quic_conn *c, u64 prior_to);
/*
 * Use the peer's @seq on the path in use (0: leave it), and retire those below @prior_to.
 * -EINVAL: no such ID; all of them; -EAGAIN: too many are waiting to be retired; -ENOMEM
 */
int quic_cid_use(struct quic_conn *c, u64 seq, u64 prior_to, u64 now);

#endif
