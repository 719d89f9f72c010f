// SPDX-License-Identifier: GPL-2.0
/*
 * Demultiplexing: (namespace, connection ID) -> who answers for it.
 *
 * One hash for all namespaces, read under RCU. An entry belongs to a socket,
 * which takes it out before it is destroyed (and is itself freed by RCU), or,
 * after quic_demux_bury(), to a tombstone.
 */
#include <linux/jhash.h>
#include <linux/rhashtable.h>
#include <net/netns/hash.h>

#include "private.h"

struct quic_demux_entry {
	struct rhash_head node;
	struct net *net;
	struct quic_cid cid;
	struct sock *sk;		/* or */
	struct quic_tomb __rcu *tomb;	/* once sk is NULL */
	struct rcu_head rcu;
};

struct demux_key {
	struct net *net;
	const u8 *id;
	u8 len;
};

static struct rhashtable table;

static u32 hash_id(const struct net *net, const u8 *id, u8 len, u32 seed)
{
	return jhash(id, len, seed ^ net_hash_mix(net));
}

static u32 hash_key(const void *data, u32 len, u32 seed)
{
	const struct demux_key *key = data;

	return hash_id(key->net, key->id, key->len, seed);
}

static u32 hash_entry(const void *data, u32 len, u32 seed)
{
	const struct quic_demux_entry *e = data;

	return hash_id(e->net, e->cid.id, e->cid.len, seed);
}

static int compare(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct demux_key *key = arg->key;
	const struct quic_demux_entry *e = obj;

	return e->net != key->net || !quic_cid_eq(&e->cid, key->id, key->len);
}

static const struct rhashtable_params params = {
	.head_offset = offsetof(struct quic_demux_entry, node),
	.hashfn = hash_key,
	.obj_hashfn = hash_entry,
	.obj_cmpfn = compare,
	.automatic_shrinking = true,
};

/* Under RCU. */
static struct quic_demux_entry *find(struct net *net, const u8 *id, u8 len)
{
	struct demux_key key = { .net = net, .id = id, .len = len };

	return rhashtable_lookup(&table, &key, params);
}

bool quic_demux_find(struct net *net, const u8 *id, u8 len, struct sock **sk,
		     struct quic_tomb **tomb)
{
	struct quic_demux_entry *e = find(net, id, len);

	*sk = NULL;
	*tomb = NULL;
	if (!e)
		return false;
	*tomb = rcu_dereference(e->tomb);
	if (*tomb)
		return true;
	*sk = READ_ONCE(e->sk);
	if (*sk && !refcount_inc_not_zero(&(*sk)->sk_refcnt))
		*sk = NULL;
	return true;
}

int quic_demux_add(struct net *net, const struct quic_cid *cid, struct sock *sk)
{
	struct demux_key key = { .net = net, .id = cid->id, .len = cid->len };
	struct quic_demux_entry *e = kzalloc(sizeof(*e), GFP_ATOMIC | __GFP_NOWARN);
	int err;

	if (!e)
		return -ENOMEM;
	e->net = net;
	e->cid = *cid;
	e->sk = sk;
	err = rhashtable_lookup_insert_key(&table, &key, &e->node, params);
	if (err) {
		kfree(e);
		return err;
	}
	return 0;
}

/* Take the entry off @sk. The socket lock keeps others from it. */
static struct quic_demux_entry *disown(struct net *net, const struct quic_cid *cid,
				       struct sock *sk)
{
	struct quic_demux_entry *e;

	rcu_read_lock();
	e = find(net, cid->id, cid->len);
	if (e && e->sk != sk)
		e = NULL;
	rcu_read_unlock();
	return e;
}

void quic_demux_del(struct net *net, const struct quic_cid *cid, struct sock *sk)
{
	struct quic_demux_entry *e = disown(net, cid, sk);

	if (e)
		quic_demux_free(e);
}

struct quic_demux_entry *quic_demux_move(struct net *net, const struct quic_cid *cid,
					 struct sock *sk, struct quic_tomb *tomb)
{
	struct quic_demux_entry *e = disown(net, cid, sk);

	if (!e)
		return NULL;
	rcu_assign_pointer(e->tomb, tomb);
	WRITE_ONCE(e->sk, NULL);
	return e;
}

void quic_demux_free(struct quic_demux_entry *e)
{
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
