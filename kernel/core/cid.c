// SPDX-License-Identifier: GPL-2.0
/*
 * Connection IDs: issuing and retiring ours, storing and using the peer's.
 *
 * Invariant: every local ID in use is in the glue's hash, unless it is empty, and nothing else of
 * ours is, but for the client's first destination ID on a server (conn.c).
 */
#include "conn.h"

/* Return: whether there is more room than for a few now */
static bool grow(struct quic_cids *d)
{
	if (!d->more)
		d->more = kzalloc(sizeof(*d->more), GFP_ATOMIC | __GFP_NOWARN);
	return d->more;
}

static struct quic_cid_local *local_slot(struct quic_cids *d)
{
	unsigned int i;

	for (i = 0; i < quic_cid_locals(d); i++)
		if (!quic_cid_local_at(d, i)->used)
			return quic_cid_local_at(d, i);
	return !d->more && grow(d) ? quic_cid_local_at(d, i) : NULL;
}

static int issue(struct quic_conn *c, struct quic_cid_local *l)
{
	unsigned int tries = 8;
	int err;

	l->cid.len = QUIC_CID_LEN;
	do {
		c->ops->random(l->cid.id, QUIC_CID_LEN);
		err = c->ops->cid_add(c, &l->cid);
	} while (err == -EEXIST && --tries);
	if (err)
		return err;
	l->seq = c->cids.local_next++;
	l->used = true;
	return 0;
}

int quic_cid_init(struct quic_conn *c)
{
	c->cids.local_limit = 2;	/* RFC 9000, 18.2: the default */
	c->cids.local_sent = 1;
	if (c->cids.local_empty) {
		c->cids.local[0].used = true;
		c->cids.local_next = 1;
		return 0;
	}
	return issue(c, &c->cids.local[0]);
}

void quic_cid_free(struct quic_conn *c)
{
	unsigned int i;

	for (i = 0; i < quic_cid_locals(&c->cids); i++) {
		struct quic_cid_local *l = quic_cid_local_at(&c->cids, i);

		if (l->used && l->cid.len)
			c->ops->cid_del(c, &l->cid);
		l->used = false;
	}
	kfree(c->cids.more);
	c->cids.more = NULL;
}

void quic_cid_replenish(struct quic_conn *c)
{
	u64 want = min_t(u64, c->cids.local_limit, QUIC_CID_ISSUE);
	struct quic_cid_local *l;
	unsigned int i, have = 0;

	/* RFC 9000, 5.1.1 */
	if (c->cids.local_empty)
		return;
	for (i = 0; i < quic_cid_locals(&c->cids); i++)
		have += quic_cid_local_at(&c->cids, i)->used;
	while (have < want) {
		l = local_slot(&c->cids);
		if (!l || issue(c, l))
			return;
		l->announce = true;
		c->cids.announce = true;
		have++;
	}
}

int quic_cid_renew(struct quic_conn *c, u64 prior_to)
{
	struct quic_cids *d = &c->cids;
	struct quic_cid_local *l;
	unsigned int i, old = 0;

	/* The highest carries the wish in its frame; it is not to be retired itself (19.15). */
	if (prior_to > d->local_next || d->local_empty)
		return -EINVAL;
	for (i = 0; i < quic_cid_locals(d); i++)
		old += quic_cid_local_at(d, i)->used && quic_cid_local_at(d, i)->seq < prior_to;
	if (!old || prior_to <= d->local_prior)
		return 0;
	l = local_slot(d);
	if (!l || issue(c, l))
		return -EAGAIN;
	d->local_prior = prior_to;
	l->announce = true;
	d->announce = true;
	return 0;
}

int quic_cid_issue_preferred(struct quic_conn *c, struct quic_cid *cid)
{
	struct quic_cid_local *l = &c->cids.local[1];
	int err;

	if (!l->used) {
		err = issue(c, l);
		if (err)
			return err;
		c->cids.local_sent = l->seq + 1;
	}
	*cid = l->cid;
	return 0;
}

void quic_cid_announce_lost(struct quic_conn *c, u64 seq)
{
	unsigned int i;

	for (i = 0; i < quic_cid_locals(&c->cids); i++) {
		struct quic_cid_local *l = quic_cid_local_at(&c->cids, i);

		if (l->used && l->seq == seq) {
			l->announce = true;
			c->cids.announce = true;
		}
	}
}

u64 quic_cid_rx_retire(struct quic_conn *c, u64 seq, const struct quic_cid *dcid)
{
	unsigned int i;

	/*
	 * RFC 9000, 19.16: greater than any sent, so it takes a round trip to want new ones; or
	 * there is only the empty one.
	 */
	if (seq >= c->cids.local_sent || c->cids.local_empty)
		return QUIC_ERR_PROTOCOL_VIOLATION;
	for (i = 0; i < quic_cid_locals(&c->cids); i++) {
		struct quic_cid_local *l = quic_cid_local_at(&c->cids, i);

		if (!l->used || l->seq != seq)
			continue;
		if (quic_cid_eq(&l->cid, dcid->id, dcid->len))
			return QUIC_ERR_PROTOCOL_VIOLATION;
		c->ops->cid_del(c, &l->cid);
		memset(l, 0, sizeof(*l));
		quic_cid_replenish(c);
		c->ops->event(c, QUIC_CEV_CID, 0);
		break;
	}
	return 0;
}

bool quic_cid_is_local(const struct quic_conn *c, const u8 *id, u8 len)
{
	unsigned int i;

	for (i = 0; i < quic_cid_locals(&c->cids); i++) {
		const struct quic_cid_local *l = quic_cid_local_at(&c->cids, i);

		if (l->used && quic_cid_eq(&l->cid, id, len))
			return true;
	}
	return false;
}

const struct quic_cid *quic_cid_remote(const struct quic_conn *c)
{
	return &quic_cid_remote_at(&c->cids, c->path->cid)->cid;
}

void quic_cid_set_remote(struct quic_conn *c, const u8 *id, u8 len)
{
	struct quic_cid_remote *r = &c->cids.remote[0];

	quic_cid_set(&r->cid, id, len);
	r->seq = 0;
	r->used = true;
	r->spoken = true;
	c->cids.remote_base = 1;
	c->path->cid = 0;
	c->cids.remote_empty = !len;
}

/* false: too many are unacknowledged already */
static bool queue_retire(struct quic_cids *d, u64 seq)
{
	struct quic_cid_retired *r;
	unsigned int i;

	for (i = 0; i < d->n_retire; i++)
		if (quic_cid_retire_at(d, i)->seq == seq)
			return true;
	if (d->n_retire == QUIC_CID_RETIRE_MAX || (d->n_retire >= QUIC_CID_FEW && !grow(d)))
		return false;
	r = quic_cid_retire_at(d, d->n_retire);
	r->seq = seq;
	r->pending = true;
	d->n_retire++;
	return true;
}

void quic_cid_retire_lost(struct quic_conn *c, u64 seq)
{
	unsigned int i;

	for (i = 0; i < c->cids.n_retire; i++) {
		struct quic_cid_retired *r = quic_cid_retire_at(&c->cids, i);

		if (r->seq == seq)
			r->pending = true;
	}
}

void quic_cid_retire_acked(struct quic_conn *c, u64 seq)
{
	struct quic_cids *d = &c->cids;
	unsigned int i;

	for (i = 0; i < d->n_retire; i++) {
		if (quic_cid_retire_at(d, i)->seq == seq) {
			d->n_retire--;
			*quic_cid_retire_at(d, i) = *quic_cid_retire_at(d, d->n_retire);
			return;
		}
	}
}

/* Drop the peer's IDs below @prior_to. Paths choose others afterwards. */
static bool retire_below(struct quic_conn *c, u64 prior_to)
{
	struct quic_cids *d = &c->cids;
	unsigned int i;

	for (i = 0; i < quic_cid_remotes(d); i++) {
		struct quic_cid_remote *r = quic_cid_remote_at(d, i);

		if (!r->used || r->seq >= prior_to)
			continue;
		if (!queue_retire(d, r->seq))
			return false;
		r->used = false;
	}
	return true;
}

static u8 lowest_remote(const struct quic_conn *c, bool spoken)
{
	u8 i, best = QUIC_PATH_NO_CID;
	u64 least = U64_MAX;

	for (i = 0; i < quic_cid_remotes(&c->cids); i++) {
		const struct quic_cid_remote *r = quic_cid_remote_at(&c->cids, i);

		if (r->used && (spoken || !r->spoken) && r->seq < least) {
			best = i;
			least = r->seq;
		}
	}
	return best;
}

bool quic_cid_spare_remote(const struct quic_conn *c)
{
	return lowest_remote(c, false) != QUIC_PATH_NO_CID;
}

u8 quic_cid_take_remote(struct quic_conn *c)
{
	u8 i = lowest_remote(c, false);

	if (i != QUIC_PATH_NO_CID)
		quic_cid_remote_at(&c->cids, i)->spoken = true;
	return i;
}

u8 quic_cid_any_remote(struct quic_conn *c)
{
	u8 i = quic_cid_take_remote(c);

	if (i == QUIC_PATH_NO_CID)
		i = lowest_remote(c, true);
	return i == QUIC_PATH_NO_CID ? c->path->cid : i;
}

void quic_cid_retire_remote(struct quic_conn *c, u8 i)
{
	struct quic_cid_remote *r = quic_cid_remote_at(&c->cids, i);

	/* With too many on their way it stays, not to be used again. */
	if (!r->used || c->cids.remote_empty || !queue_retire(&c->cids, r->seq))
		return;
	r->used = false;
	c->ops->event(c, QUIC_CEV_CID, 1);
}

int quic_cid_use(struct quic_conn *c, u64 seq, u64 prior_to, u64 now)
{
	struct quic_cids *d = &c->cids;
	unsigned int i, keep = 0, n = 0;
	u8 to = c->path->cid;

	for (i = 0; i < quic_cid_remotes(d); i++) {
		const struct quic_cid_remote *r = quic_cid_remote_at(d, i);

		if (!r->used)
			continue;
		if (seq && r->seq == seq)
			to = i;
		keep += r->seq >= prior_to;
		n += r->seq < prior_to;
	}
	if (!keep || (seq && quic_cid_remote_at(d, to)->seq != seq) || (seq && seq < prior_to))
		return -EINVAL;
	if (d->n_retire + n > QUIC_CID_RETIRE_MAX)
		return -EAGAIN;
	if (d->n_retire + n > QUIC_CID_FEW && !grow(d))
		return -ENOMEM;
	c->path->cid = to;
	quic_cid_remote_at(d, to)->spoken = true;
	retire_below(c, prior_to);
	quic_path_take_cids(c, now);
	if (n)
		c->ops->event(c, QUIC_CEV_CID, 1);
	return 0;
}

/* Was @seq seen before? It is now. */
static bool note_seen(struct quic_cids *d, u64 seq)
{
	if (seq < d->remote_base)
		return true;
	if (seq - d->remote_base >= 64) {
		/* More than a peer that respects our limit can be ahead. */
		d->remote_base = seq;
		d->remote_seen = 0;
	}
	if (d->remote_seen & BIT_ULL(seq - d->remote_base))
		return true;
	d->remote_seen |= BIT_ULL(seq - d->remote_base);
	for (; d->remote_seen & 1; d->remote_seen >>= 1)
		d->remote_base++;
	return false;
}

/* Is the new ID one we know? RFC 9000, 19.15: it must then agree in everything. */
static u64 compare_known(const struct quic_cids *d, u64 seq, const u8 *id, u8 len,
			 const u8 *reset_token, bool *known)
{
	unsigned int i;

	for (i = 0; i < quic_cid_remotes(d); i++) {
		const struct quic_cid_remote *r = quic_cid_remote_at(d, i);
		bool same, same_seq;

		if (!r->used)
			continue;
		same = quic_cid_eq(&r->cid, id, len);
		same_seq = r->seq == seq;
		if (same != same_seq)
			return QUIC_ERR_PROTOCOL_VIOLATION;
		if (!same)
			continue;
		if (r->has_token && memcmp(r->reset_token, reset_token, QUIC_TOKEN_RESET_LEN))
			return QUIC_ERR_PROTOCOL_VIOLATION;
		*known = true;
	}
	return 0;
}

static u64 store_remote(struct quic_cids *d, u64 seq, const u8 *id, u8 len,
			const u8 *reset_token)
{
	unsigned int i;

	for (i = 0; i < quic_cid_remotes(d); i++) {
		struct quic_cid_remote *r = quic_cid_remote_at(d, i);

		if (r->used)
			continue;
		quic_cid_set(&r->cid, id, len);
		memcpy(r->reset_token, reset_token, QUIC_TOKEN_RESET_LEN);
		r->has_token = true;
		r->seq = seq;
		r->used = true;
		r->spoken = false;
		return 0;
	}
	/* RFC 9000, 5.1.1: more than active_connection_id_limit */
	return QUIC_ERR_CONNECTION_ID_LIMIT;
}

static unsigned int remote_count(const struct quic_cids *d)
{
	unsigned int i, n = 0;

	for (i = 0; i < quic_cid_remotes(d); i++)
		n += quic_cid_remote_at(d, i)->used;
	return n;
}

/* Is one at or above @seq left? */
static bool remote_from(const struct quic_cids *d, u64 seq)
{
	unsigned int i;

	for (i = 0; i < quic_cid_remotes(d); i++)
		if (quic_cid_remote_at(d, i)->used && quic_cid_remote_at(d, i)->seq >= seq)
			return true;
	return false;
}

u64 quic_cid_rx_new(struct quic_conn *c, u64 seq, u64 prior_to, const u8 *id, u8 len,
		    const u8 *reset_token, u64 now)
{
	struct quic_cids *d = &c->cids;
	bool known = false, seen;
	u8 before = d->n_retire;
	u64 err;

	/* RFC 9000, 19.15 */
	if (d->remote_empty)
		return QUIC_ERR_PROTOCOL_VIOLATION;
	err = compare_known(d, seq, id, len, reset_token, &known);
	if (err)
		return err;
	/* Without room for it, and for those it may retire, it has to come again. */
	if ((!known || prior_to > d->remote_prior) &&
	    d->n_retire + remote_count(d) >= QUIC_CID_FEW && !grow(d))
		return QUIC_RX_DROP;
	if (prior_to > d->remote_prior)
		d->remote_prior = prior_to;
	seen = note_seen(d, seq);
	if (seen && !known && seq >= d->remote_prior) {
		/* Once more, and retired since: what it says of others counts (5.1.2). */
		if (!remote_from(d, d->remote_prior))
			return 0;
		known = true;
	}
	if (seq < d->remote_prior && !known) {
		/* Late: retired before it was ever used. */
		if (!queue_retire(d, seq))
			return QUIC_ERR_CONNECTION_ID_LIMIT;
		return 0;
	}
	if (!known) {
		/* The old ones go afterwards, so that paths have another to take. */
		err = store_remote(d, seq, id, len, reset_token);
		if (!err && !retire_below(c, d->remote_prior))
			err = QUIC_ERR_CONNECTION_ID_LIMIT;
		if (!err && remote_count(d) > c->local.active_connection_id_limit)
			err = QUIC_ERR_CONNECTION_ID_LIMIT;
		if (err)
			return err;
	}
	if (!retire_below(c, d->remote_prior))
		return QUIC_ERR_CONNECTION_ID_LIMIT;
	quic_path_take_cids(c, now);
	if (d->n_retire != before)
		c->ops->event(c, QUIC_CEV_CID, 1);
	return 0;
}

bool quic_cid_is_reset(const struct quic_conn *c, const u8 *token)
{
	unsigned int i;
	bool hit = false;

	/* RFC 9000, 10.3.1: those in use only, compared without a telling difference in time */
	for (i = 0; i < quic_cid_remotes(&c->cids); i++) {
		const struct quic_cid_remote *r = quic_cid_remote_at(&c->cids, i);

		if (r->used && r->spoken && r->has_token &&
		    !crypto_memneq(r->reset_token, token, QUIC_TOKEN_RESET_LEN))
			hit = true;
	}
	return hit;
}

void quic_cid_set_preferred(struct quic_conn *c, const struct quic_cid *cid, const u8 *token)
{
	struct quic_cid_remote *r = &c->cids.remote[1];

	r->cid = *cid;
	memcpy(r->reset_token, token, QUIC_TOKEN_RESET_LEN);
	r->has_token = true;
	r->seq = 1;
	r->used = true;
	r->spoken = false;
	note_seen(&c->cids, 1);
}
