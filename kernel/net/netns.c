// SPDX-License-Identifier: GPL-2.0
/*
 * Per-namespace state, and the life of everything in net/.
 *
 * Order of a namespace's end: its QUIC sockets are gone (they hold it), so
 * only tombstones and refusals refer to endpoints; flush them, then wait for the endpoints
 * to be closed. The module's end is the same for every namespace, and then
 * grace periods for readers and callbacks whose code is here.
 */
#include <linux/random.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "mib.h"
#include "private.h"

unsigned int quic_net_id __read_mostly;
struct workqueue_struct *quic_net_wq;

struct quic_net *quic_net(const struct net *net)
{
	return net_generic(net, quic_net_id);
}

struct quic_mibs __percpu *quic_net_mibs(const struct net *net)
{
	return quic_net(net)->mibs;
}

/* Generic cell rate algorithm, without a lock. */
bool quic_limit_ok(struct quic_limit *l, unsigned int per_second, unsigned int burst)
{
	s64 gap = NSEC_PER_SEC / per_second, now = ktime_get_ns();
	s64 old = atomic64_read(&l->next), next;

	do {
		next = max(old, now);
		if (next - now > gap * burst)
			return false;
	} while (!atomic64_try_cmpxchg(&l->next, &old, next + gap));
	return true;
}

void quic_net_reset_token(struct net *net, const struct quic_cid *cid, u8 *token)
{
	const struct quic_net *qn = quic_net(net);
	struct {
		u8 id[QUIC_CID_MAX + 4];
	} __aligned(SIPHASH_ALIGNMENT) in = {};
	unsigned int i;

	memcpy(in.id, cid->id, cid->len);
	in.id[QUIC_CID_MAX] = cid->len;
	for (i = 0; i < ARRAY_SIZE(qn->reset_key); i++)
		put_unaligned_le64(siphash(&in, sizeof(in), &qn->reset_key[i]), token + i * 8);
}

static int __net_init net_init(struct net *net)
{
	struct quic_net *qn = quic_net(net);

	qn->net = net;
	qn->mibs = alloc_percpu_gfp(struct quic_mibs, GFP_KERNEL_ACCOUNT);
	if (!qn->mibs)
		return -ENOMEM;
	mutex_init(&qn->endpoints_lock);
	INIT_LIST_HEAD(&qn->endpoints);
	quic_tomb_net_init(qn);
	quic_token_net_init(qn);
	quic_refuse_net_init(qn);
	get_random_bytes(qn->reset_key, sizeof(qn->reset_key));
	return 0;
}

/* A grace period follows: packets that found an endpoint use what net_exit() ends. */
static void __net_exit net_pre_exit(struct net *net)
{
	quic_tomb_net_exit(quic_net(net));
	quic_refuse_net_exit(quic_net(net));
	/* First doors, which let go of endpoints, then these. */
	flush_workqueue(quic_net_wq);
	flush_workqueue(quic_net_wq);
}

static void __net_exit net_exit(struct net *net)
{
	struct quic_net *qn = quic_net(net);

	WARN_ON(!list_empty(&qn->endpoints));
	quic_token_net_exit(qn);
	memzero_explicit(qn->reset_key, sizeof(qn->reset_key));
	free_percpu(qn->mibs);
}

static struct pernet_operations net_ops = {
	.init = net_init,
	.pre_exit = net_pre_exit,
	.exit = net_exit,
	.id = &quic_net_id,
	.size = sizeof(struct quic_net),
};

int quic_net_init(void)
{
	int err;

	quic_net_wq = alloc_workqueue("quic_net", WQ_UNBOUND, 0);
	if (!quic_net_wq)
		return -ENOMEM;
	err = quic_block_init();
	if (err)
		goto no_block;
	err = quic_demux_init();
	if (err)
		goto no_demux;
	quic_xmit_init();
	err = register_pernet_subsys(&net_ops);
	if (!err)
		return 0;

	quic_xmit_exit();
	quic_demux_exit();
no_demux:
	quic_block_exit();
no_block:
	destroy_workqueue(quic_net_wq);
	return err;
}

void quic_net_exit(void)
{
	unregister_pernet_subsys(&net_ops);
	quic_xmit_exit();
	/* Callbacks of UDP sockets (data_ready) and skb destructors may still be running. */
	synchronize_net();
	rcu_barrier();
	quic_demux_exit();
	quic_block_exit();
	destroy_workqueue(quic_net_wq);
}
