// SPDX-License-Identifier: GPL-2.0
/*
 * Paths: which there are, which is in use, and who moves when.
 *
 * A server makes a path when a packet that could be opened came on it, a client
 * only for itself. conn->path is validated, or paths.good is another path to go
 * back to. Nothing but probing frames leaves on any other path than conn->path.
 */
#include "conn.h"

#define LINGER_PTOS	3	/* how long a path that was left is remembered */

void quic_path_init(struct quic_conn *c)
{
	struct quic_paths *ps = &c->paths;

	c->path = &ps->first;
	c->path->validated = !c->server;
	c->path->at = U64_MAX;
	ps->slot[0] = c->path;
	ps->n = 1;
	ps->rx = c->path;
	ps->largest = -1;
}

static void forget(struct quic_conn *c, struct quic_path *p)
{
	struct quic_paths *ps = &c->paths;

	ps->slot[p->slot] = NULL;
	ps->n--;
	if (ps->rx == p) {
		ps->rx = NULL;
		ps->rx_key = p->key;
	}
	if (ps->good == p)
		ps->good = NULL;
	if (ps->next == p)
		ps->next = NULL;
	kfree(p->est);
	p->est = NULL;
	kfree(p->talk);
	p->talk = NULL;
	if (p != &ps->first)
		kfree(p);
}

void quic_path_free(struct quic_conn *c)
{
	unsigned int i;

	for (i = 0; i < QUIC_PATHS_MAX; i++)
		if (c->paths.slot[i] && c->paths.slot[i] != c->path)
			forget(c, c->paths.slot[i]);
	kfree(c->path->talk);
	c->path->talk = NULL;
	if (c->path != &c->paths.first)
		kfree(c->path);
	c->path = &c->paths.first;
	memset(c->paths.slot, 0, sizeof(c->paths.slot));
	c->paths.n = 0;
	c->paths.rx = NULL;
}

void quic_path_set_first(struct quic_conn *c, const struct quic_path_key *key)
{
	c->paths.first.key = *key;
}

static struct quic_path *find(const struct quic_conn *c, const struct quic_path_key *key)
{
	unsigned int i;

	for (i = 0; i < QUIC_PATHS_MAX; i++)
		if (c->paths.slot[i] && quic_path_key_eq(&c->paths.slot[i]->key, key))
			return c->paths.slot[i];
	return NULL;
}

bool quic_path_from(struct quic_conn *c, const struct quic_path_key *key)
{
	struct quic_paths *ps = &c->paths;

	if (likely(quic_path_key_eq(&c->path->key, key))) {
		ps->rx = c->path;
		return true;
	}
	ps->rx = find(c, key);
	if (!ps->rx)
		ps->rx_key = *key;
	return ps->rx || c->server;
}

/* --- IDs: RFC 9000, 9.5 --- */

static bool cid_is_shared(const struct quic_conn *c, const struct quic_path *p)
{
	unsigned int i;

	for (i = 0; i < QUIC_PATHS_MAX; i++) {
		const struct quic_path *q = c->paths.slot[i];

		if (q && q != p && q->cid == p->cid)
			return true;
	}
	return false;
}

/* To one address from one address of ours, or whatever the NAT in between makes of that. */
static bool may_share(const struct quic_path *p, const struct quic_path *q)
{
	return !memcmp(p->key.host, q->key.host, 16) && !memcmp(p->key.port, q->key.port, 2) &&
	       quic_cid_eq(&p->from, q->from.id, q->from.len);
}

static void give_cid(struct quic_conn *c, struct quic_path *p)
{
	if (c->cids.remote_empty)
		p->cid = c->path->cid;
	else if (p != c->path && c->server && may_share(p, c->path))
		p->cid = c->path->cid;
	else
		p->cid = quic_cid_take_remote(c);
}

/* --- birth and death --- */

void quic_path_drop(struct quic_conn *c, struct quic_path *p)
{
	if (p->cid != QUIC_PATH_NO_CID && !cid_is_shared(c, p))
		quic_cid_retire_remote(c, p->cid);
	c->ops->path_del(c, p->slot);
	forget(c, p);
}

/* A slot for one more: the path nobody needs that was made first has to give way. */
static int make_room(struct quic_conn *c)
{
	struct quic_path *worst = NULL;
	unsigned int i;

	for (i = 0; i < QUIC_PATHS_MAX; i++) {
		struct quic_path *p = c->paths.slot[i];

		if (!p)
			return i;
		if (p == c->path || p == c->paths.good ||
		    (p == c->paths.next && !c->server))
			continue;
		if (!worst || p->validated < worst->validated ||
		    (p->validated == worst->validated && p->checked_at < worst->checked_at))
			worst = p;
	}
	i = worst->slot;
	quic_path_drop(c, worst);
	return i;
}

static struct quic_path *open(struct quic_conn *c, const struct quic_path_key *key)
{
	unsigned int slot = make_room(c);
	struct quic_path *p;

	if (slot) {
		p = kzalloc(sizeof(*p), GFP_ATOMIC | __GFP_NOWARN);
		if (!p)
			return NULL;
	} else {
		p = &c->paths.first;
		memset(p, 0, sizeof(*p));
	}
	p->key = *key;
	p->slot = slot;
	p->cid = QUIC_PATH_NO_CID;
	p->at = U64_MAX;
	c->paths.slot[slot] = p;
	c->paths.n++;
	if (c->ops->path_new(c, slot)) {
		forget(c, p);
		return NULL;
	}
	return p;
}

int quic_path_probe(struct quic_conn *c, const struct quic_path_key *key, bool preferred, u64 now)
{
	struct quic_path *p;

	if (c->cids.remote_empty)
		return -EOPNOTSUPP;
	/* RFC 9000, 9 */
	if (c->remote.disable_active_migration && !preferred && !c->paths.preferred)
		return -EPERM;
	if (!c->confirmed || c->state != QUIC_CONN_ESTABLISHED || c->paths.next ||
	    !quic_cid_spare_remote(c))
		return -EAGAIN;
	p = find(c, key);
	if (p == c->path)
		return -EEXIST;
	if (p)
		quic_path_drop(c, p);
	p = open(c, key);
	if (!p)
		return -ENOMEM;
	give_cid(c, p);
	c->paths.next = p;
	c->paths.preferred |= preferred;
	quic_path_check(c, p, now);
	return 0;
}

/* --- what comes in --- */

void quic_path_rx_bytes(struct quic_conn *c, u32 len)
{
	struct quic_path *p = c->paths.rx;

	if (!p) {
		c->paths.rx_len = len;
		return;
	}
	p->rx_bytes += len;
	/* RFC 9002, 6.2.2.1: credit again; what is left of it the next packet tells. */
	if (!p->validated)
		c->loss.at_amp_limit = false;
}

/* RFC 9000, 9: without our leave a client may only be moved by a NAT, which knows no IDs. */
static bool may_move(const struct quic_conn *c, const struct quic_cid *dcid)
{
	return !c->local.disable_active_migration ||
	       quic_cid_eq(&c->path->from, dcid->id, dcid->len) ||
	       memcmp(c->path->key.host, c->paths.rx_key.host, 16);	/* preferred address */
}

bool quic_path_opened(struct quic_conn *c, const struct quic_cid *dcid)
{
	struct quic_path *p = c->paths.rx;

	if (unlikely(!p)) {
		/* RFC 9000, 9: addresses stay until the handshake is confirmed. */
		if (!c->confirmed || c->state != QUIC_CONN_ESTABLISHED)
			return true;
		if (!may_move(c, dcid))
			return false;
		p = open(c, &c->paths.rx_key);
		if (!p)
			return false;
		p->rx_bytes = c->paths.rx_len;
		p->from = *dcid;
		give_cid(c, p);
		c->paths.rx = p;
	}
	if (unlikely(!quic_cid_eq(&p->from, dcid->id, dcid->len)))
		p->from = *dcid;
	return true;
}

/* --- moving --- */

/* RFC 9000, 9.4: nothing that was learned on the old path counts on the new one. */
static void change_estimates(struct quic_conn *c, struct quic_path *old, struct quic_path *p,
			     u64 now)
{
	u64 interval = c->pmtu.interval;
	u16 max = c->pmtu.max;

	quic_loss_leave(&c->loss, now);
	c->pmtu.probe = 0;	/* nobody tells its fate any more */
	/* Only a port changed, most likely in a NAT. */
	if (quic_path_same_hosts(&old->key, &p->key))
		return;
	if (!old->est)
		old->est = kmalloc(sizeof(*old->est), GFP_ATOMIC | __GFP_NOWARN);
	if (old->est) {
		quic_loss_save(&c->loss, &old->est->loss);
		old->est->pmtu = c->pmtu;
	}
	if (p->est) {
		quic_loss_load(&c->loss, &p->est->loss);
		c->pmtu = p->est->pmtu;
		c->pmtu.probe = 0;
		kfree(p->est);
		p->est = NULL;
	} else {
		quic_pmtu_init(&c->pmtu, QUIC_DGRAM_MIN);
		c->pmtu.interval = interval;
		quic_loss_load(&c->loss, NULL);
		quic_cc_init(&c->loss.cc, c->loss.cc.ops, c->pmtu.cur);
		if (c->mtu_ready)
			quic_conn_set_mtu(c, max, now);
	}
}

void quic_path_go(struct quic_conn *c, struct quic_path *p, bool local, u64 now)
{
	u64 linger = LINGER_PTOS * quic_loss_pto(&c->loss);
	struct quic_path *old = c->path;

	if (p == old)
		return;
	/* Its ID was retired meanwhile and there was no spare one: share, rather than have none. */
	if (p->cid == QUIC_PATH_NO_CID)
		p->cid = quic_cid_any_remote(c);
	if (old->validated)
		c->paths.good = old;
	change_estimates(c, old, p, now);
	c->path = p;
	old->left = true;
	p->left = false;
	c->loss.at_amp_limit = false;
	c->paths.next = NULL;
	if (!p->checking)
		p->at = U64_MAX;
	if (p->validated)
		c->paths.good = p;
	c->ops->event(c, QUIC_CEV_MIGRATED, local);
	if (!old->validated)
		quic_path_drop(c, old);	/* 9.3.2: what was spoofed needs no more of us */
	else if (p->validated && !old->checking)
		old->at = now + linger;
	/* What shows the peer that we moved, or tells a NAT where we are */
	quic_conn_ping(c);
}

/* A non-probing packet came on @p: the peer wants to be reached there (9.3). */
static void moved(struct quic_conn *c, struct quic_path *p, u64 now)
{
	struct quic_path *old = c->path;

	c->paths.next = p;
	if (p->cid == QUIC_PATH_NO_CID)
		return;		/* nothing can be sent there before the peer gave an ID (9.3) */
	/* 9.6.2: from another address of ours only once that is validated */
	if (!p->validated && memcmp(p->key.host, old->key.host, 16)) {
		quic_path_check(c, p, now);
		return;
	}
	/* 9.3.3: the old one, too, as this may be an attacker who was faster */
	if (old->validated)
		quic_path_check(c, old, now);
	quic_path_go(c, p, false, now);
	if (!p->validated)
		quic_path_check(c, p, now);
}

void quic_path_rx_packet(struct quic_conn *c, u64 pn, bool probing, u64 now)
{
	struct quic_path *p = c->paths.rx;

	/* RFC 9000, 9.3: only the highest-numbered one tells where the peer is. */
	if (probing || (s64)pn <= c->paths.largest)
		return;
	c->paths.largest = pn;
	if (!c->server || !c->confirmed || !p)
		return;
	c->paths.next = NULL;
	if (p != c->path)
		moved(c, p, now);
}

void quic_path_take_cids(struct quic_conn *c, u64 now)
{
	unsigned int i;

	if (!quic_cid_remote_at(&c->cids, c->path->cid)->used)
		c->path->cid = quic_cid_any_remote(c);
	for (i = 0; i < QUIC_PATHS_MAX; i++) {
		struct quic_path *p = c->paths.slot[i];

		if (!p || p == c->path)
			continue;
		if (p->cid == QUIC_PATH_NO_CID || !quic_cid_remote_at(&c->cids, p->cid)->used)
			give_cid(c, p);
	}
	if (c->server && c->paths.next)
		moved(c, c->paths.next, now);
}
