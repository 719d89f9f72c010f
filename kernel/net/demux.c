// SPDX-License-Identifier: GPL-2.0
/*
 * Demultiplexing: (namespace, connection ID) -> who answers for it. Connections
 * whose ID is empty are found by (endpoint, addresses) instead.
 *
 * One hash for all of it, read under RCU. An entry belongs to a socket,
 * which takes it out before it is destroyed (and is itself freed by RCU), or,
 * after quic_demux_bury(), to a tombstone.
 */
#include <linux/hash.h>
#include <linux/jhash.h>
#include <linux/rhashtable.h>

#include "private.h"

struct quic_demux_entry {
	struct rhash_head node;
	void *scope;			/* struct net; for BY_PATH struct quic_endpoint */
	unsigned long owner;		/* struct sock, or with TOMB struct quic_tomb */
	struct rcu_head rcu;
	u8 len;
	u8 id[];			/* connection ID; BY_PATH: struct quic_path_key */
};

#define TOMB	1ul
#define BY_PATH	sizeof(struct quic_path_key)	/* no ID is that long */

struct demux_key {
	void *scope;
	const u8 *id;
	u8 len;
};

static struct rhashtable table;

static u32 hash_id(const void *scope, const u8 *id, u8 len, u32 seed)
{
	return jhash(id, len, seed ^ hash32_ptr(scope));
}

static u32 hash_key(const void *data, u32 len, u32 seed)
{
	const struct demux_key *key = data;

	return hash_id(key->scope, key->id, key->len, seed);
}

static u32 hash_entry(const void *data, u32 len, u32 seed)
{
	const struct quic_demux_entry *e = data;

	return hash_id(e->scope, e->id, e->len, seed);
}

static int compare(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct demux_key *key = arg->key;
	const struct quic_demux_entry *e = obj;

	return e->scope != key->scope || e->len != key->len || memcmp(e->id, key->id, key->len);
}

static const struct rhashtable_params params = {
	.head_offset = offsetof(struct quic_demux_entry, node),
	.hashfn = hash_key,
	.obj_hashfn = hash_entry,
	.obj_cmpfn = compare,
	.automatic_shrinking = true,
};

static struct demux_key key_cid(struct net *net, const struct quic_cid *cid)
{
	return (struct demux_key){ .scope = net, .id = cid->id, .len = cid->len };
}

static struct demux_key key_path(struct quic_endpoint *ep, const struct quic_path_key *path)
{
	BUILD_BUG_ON(BY_PATH <= QUIC_CID_MAX);
	return (struct demux_key){ .scope = ep, .id = (const u8 *)path, .len = BY_PATH };
}

/* Under RCU. */
static bool find(const struct demux_key *key, struct sock **sk, struct quic_tomb **tomb)
{
	struct quic_demux_entry *e = rhashtable_lookup(&table, key, params);
	unsigned long owner;

	*sk = NULL;
	*tomb = NULL;
	if (!e)
		return false;
	/* Pairs with move(). */
	owner = READ_ONCE(e->owner);
	if (owner & TOMB) {
		*tomb = (struct quic_tomb *)(owner & ~TOMB);
		return true;
	}
	*sk = (struct sock *)owner;
	if (!refcount_inc_not_zero(&(*sk)->sk_refcnt))
		*sk = NULL;
	return true;
}

bool quic_demux_find(struct net *net, const u8 *id, u8 len, struct sock **sk,
		     struct quic_tomb **tomb)
{
	struct demux_key key = { .scope = net, .id = id, .len = len };

	return find(&key, sk, tomb);
}

bool quic_demux_find_path(struct quic_endpoint *ep, const struct quic_path_key *path,
			  struct sock **sk, struct quic_tomb **tomb)
{
	struct demux_key key = key_path(ep, path);

	return find(&key, sk, tomb);
}

static int add(const struct demux_key *key, struct sock *sk)
{
	struct quic_demux_entry *e;
	int err;

	e = kzalloc(struct_size(e, id, key->len), GFP_ATOMIC | __GFP_NOWARN);
	if (!e)
		return -ENOMEM;
	e->scope = key->scope;
	e->len = key->len;
	memcpy(e->id, key->id, key->len);
	e->owner = (unsigned long)sk;
	err = rhashtable_lookup_insert_key(&table, key, &e->node, params);
	if (err)
		kfree(e);
	return err;
}

int quic_demux_add(struct net *net, const struct quic_cid *cid, struct sock *sk)
{
	struct demux_key key = key_cid(net, cid);

	return add(&key, sk);
}

int quic_demux_add_path(struct quic_endpoint *ep, const struct quic_peer *peer, struct sock *sk)
{
	struct quic_path_key path;
	struct demux_key key = key_path(ep, &path);
	int err;

	quic_peer_path(peer, &path);
	err = add(&key, sk);
	/* The last connection between the two was closed: packets of it say nothing to the next. */
	if (err == -EEXIST && quic_tomb_end(ep, &path))
		err = add(&key, sk);
	if (err)
		return err == -EEXIST ? -EADDRINUSE : err;
	atomic_inc(&ep->by_path);
	atomic_inc(&ep->nameless);
	return 0;
}

/* Take the entry off @sk. The socket lock keeps others from it. */
static struct quic_demux_entry *disown(const struct demux_key *key, struct sock *sk)
{
	struct quic_demux_entry *e;

	rcu_read_lock();
	e = rhashtable_lookup(&table, key, params);
	if (e && e->owner != (unsigned long)sk)
		e = NULL;
	rcu_read_unlock();
	return e;
}

static void del(const struct demux_key *key, struct sock *sk)
{
	struct quic_demux_entry *e = disown(key, sk);

	if (e)
		quic_demux_free(e);
}

void quic_demux_del(struct net *net, const struct quic_cid *cid, struct sock *sk)
{
	struct demux_key key = key_cid(net, cid);

	del(&key, sk);
}

void quic_demux_del_path(struct quic_endpoint *ep, const struct quic_peer *peer, struct sock *sk)
{
	struct quic_path_key path;
	struct demux_key key = key_path(ep, &path);

	quic_peer_path(peer, &path);
	del(&key, sk);
}

static struct quic_demux_entry *move(const struct demux_key *key, struct sock *sk,
				     struct quic_tomb *tomb)
{
	struct quic_demux_entry *e = disown(key, sk);

	if (!e)
		return NULL;
	/* Pairs with find(): what is in @tomb comes first. */
	smp_store_release(&e->owner, (unsigned long)tomb | TOMB);
	return e;
}

struct quic_demux_entry *quic_demux_move(struct net *net, const struct quic_cid *cid,
					 struct sock *sk, struct quic_tomb *tomb)
{
	struct demux_key key = key_cid(net, cid);

	return move(&key, sk, tomb);
}

struct quic_demux_entry *quic_demux_move_path(struct quic_endpoint *ep,
					      const struct quic_path_key *path, struct sock *sk,
					      struct quic_tomb *tomb)
{
	struct demux_key key = key_path(ep, path);
	struct quic_demux_entry *e = move(&key, sk, tomb);

	if (e)
		atomic_dec(&ep->nameless);
	return e;
}

void quic_demux_free(struct quic_demux_entry *e)
{
	struct quic_endpoint *ep = e->scope;

	if (e->len == BY_PATH) {
		atomic_dec(&ep->by_path);
		if (!(e->owner & TOMB))
			atomic_dec(&ep->nameless);
	}
	rhashtable_remove_fast(&table, &e->node, params);
	kfree_rcu(e, rcu);
}

int quic_demux_init(void)
{
	return rhashtable_init(&table, &params);
}

void quic_demux_exit(void)
{
	rhashtable_destroy(&table);
}
