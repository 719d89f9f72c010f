// SPDX-License-Identifier: GPL-2.0
/*
 * The sockets of a network namespace and /proc/net/quic, a line each. Writers take the bucket's
 * lock; readers are under RCU (sockets are SOCK_RCU_FREE), look without the socket lock and so
 * may see numbers that do not fit each other, as those of other protocols.
 */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "../compat/sock.h"
#include "../sock/file.h"
#include "observe.h"

#define BUCKETS		64
#define HEADLINE	"state       role   local remote uid inode version cc unread rmem wmem " \
			"unacked streams srtt cwnd in_flight lost retrans\n"

struct list_net {
	struct bucket {
		spinlock_t lock;	/* writers of head */
		struct hlist_head head;		/* sock.sk_node */
	} bucket[BUCKETS];
};

static unsigned int net_id __read_mostly;

static struct bucket *bucket_of(const struct sock *sk)
{
	struct list_net *ln = net_generic(sock_net(sk), net_id);

	return &ln->bucket[hash_ptr(sk, ilog2(BUCKETS))];
}

void quic_list_add(struct sock *sk)
{
	struct bucket *b = bucket_of(sk);

	spin_lock(&b->lock);
	hlist_add_head_rcu(&sk->sk_node, &b->head);
	spin_unlock(&b->lock);
}

void quic_list_del(struct sock *sk)
{
	struct bucket *b = bucket_of(sk);

	spin_lock(&b->lock);
	hlist_del_init_rcu(&sk->sk_node);
	spin_unlock(&b->lock);
}

/* --- /proc/net/quic --- */

/* Where a reader is: the number of a bucket above, that of the socket in it below. */
#define POS(bucket, nth)	(((loff_t)(bucket) << 32) + (nth) + 1)

static struct sock *find(struct net *net, loff_t *pos)
{
	struct list_net *ln = net_generic(net, net_id);
	unsigned int b = (*pos - 1) >> 32;
	u32 nth = *pos - 1, i;
	struct sock *sk;

	for (; b < BUCKETS; b++, nth = 0) {
		i = 0;
		sk_for_each_rcu(sk, &ln->bucket[b].head) {
			if (i++ < nth)
				continue;
			*pos = POS(b, i - 1);
			return sk;
		}
	}
	return NULL;
}

static void *start(struct seq_file *seq, loff_t *pos)
	__acquires(RCU)
{
	rcu_read_lock();
	return *pos ? find(seq_file_net(seq), pos) : SEQ_START_TOKEN;
}

static void *next(struct seq_file *seq, void *v, loff_t *pos)
{
	struct hlist_node *node = NULL;
	struct sock *sk;

	++*pos;
	if (v != SEQ_START_TOKEN)
		node = rcu_dereference(hlist_next_rcu(&((struct sock *)v)->sk_node));
	if (node)
		return hlist_entry(node, struct sock, sk_node);
	sk = find(seq_file_net(seq), pos);
	if (!sk)
		*pos = POS(BUCKETS, 0);
	return sk;
}

static void stop(struct seq_file *seq, void *v)
	__releases(RCU)
{
	rcu_read_unlock();
}

static const char *state_of(const struct quic_sock *qs)
{
	static const char *const names[] = {
		[QUIC_CONN_HANDSHAKE]	= "HANDSHAKE",
		[QUIC_CONN_ESTABLISHED]	= "ESTABLISHED",
		[QUIC_CONN_CLOSING]	= "CLOSING",
		[QUIC_CONN_DRAINING]	= "DRAINING",
		[QUIC_CONN_CLOSED]	= "CLOSED",
	};
	u8 state = READ_ONCE(qs->conn.state);

	if (READ_ONCE(qs->inet.sk.sk_state) == TCP_LISTEN)
		return "LISTEN";
	if (!READ_ONCE(qs->conn_live) || state >= ARRAY_SIZE(names))
		return "UNCONN";
	if (READ_ONCE(qs->orphan) && state == QUIC_CONN_ESTABLISHED)
		return "LINGER";
	return names[state];
}

static u64 streams_of(const struct quic_conn *c)
{
	const struct quic_streams *k = c->streams.kind;

	return READ_ONCE(k[0].local_next) + READ_ONCE(k[1].local_next) +
	       READ_ONCE(k[0].peer_next) + READ_ONCE(k[1].peer_next);
}

static void show_sock(struct seq_file *seq, struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	const struct quic_conn *c = &qs->conn;
	bool live = READ_ONCE(qs->conn_live);
	union quic_addr local = live ? qs->peer.local : qs->local;
	union quic_addr remote = qs->peer.remote;
	const struct quic_cc_ops *cc = live ? READ_ONCE(c->loss.cc.ops) : READ_ONCE(qs->cc);

	/* Bound to nothing, connected to nobody */
	if (!local.sa.sa_family)
		local.sa.sa_family = sk->sk_family;
	if (!remote.sa.sa_family)
		remote.sa.sa_family = sk->sk_family;
	seq_printf(seq, "%-11s %-6s %pISpc %pISpc %u %lu %08x %s", state_of(qs),
		   !live ? "-" : c->server ? "server" : "client", &local, &remote,
		   from_kuid_munged(seq_user_ns(seq), quic_compat_uid(sk)), sock_i_ino(sk),
		   live ? c->version : 0, cc ? cc->name : "-");
	seq_printf(seq, " %llu %d %u %llu %llu %llu %llu %llu %llu %llu\n",
		   READ_ONCE(qs->unread), atomic_read(&sk->sk_rmem_alloc),
		   (unsigned int)max(READ_ONCE(sk->sk_wmem_queued), 0),
		   live ? READ_ONCE(qs->unacked) : 0,
		   live ? streams_of(c) : 0,
		   live ? div_u64(c->loss.rtt.smoothed, NSEC_PER_USEC) : 0,
		   live ? c->loss.cc.cwnd : 0, live ? c->loss.bytes_in_flight : 0,
		   live ? c->loss.packets_lost : 0,
		   live ? c->stats.packets_retransmitted : 0);
}

static int show(struct seq_file *seq, void *v)
{
	if (v == SEQ_START_TOKEN)
		seq_puts(seq, HEADLINE);
	else
		show_sock(seq, v);
	return 0;
}

static const struct seq_operations list_ops = {
	.start	= start,
	.next	= next,
	.stop	= stop,
	.show	= show,
};

/* --- life --- */

static int __net_init net_init(struct net *net)
{
	struct list_net *ln = net_generic(net, net_id);
	unsigned int i;
	int err;

	for (i = 0; i < BUCKETS; i++) {
		spin_lock_init(&ln->bucket[i].lock);
		INIT_HLIST_HEAD(&ln->bucket[i].head);
	}
	err = quic_mib_proc_init(net);
	if (err)
		return err;
	if (proc_create_net("quic", 0444, net->proc_net, &list_ops,
			    sizeof(struct seq_net_private)))
		return 0;
	quic_mib_proc_exit(net);
	return -ENOMEM;
}

static void __net_exit net_exit(struct net *net)
{
	struct list_net *ln = net_generic(net, net_id);
	unsigned int i;

	remove_proc_entry("quic", net->proc_net);
	quic_mib_proc_exit(net);
	for (i = 0; i < BUCKETS; i++)
		WARN_ON_ONCE(!hlist_empty(&ln->bucket[i].head));
}

static struct pernet_operations net_ops = {
	.init = net_init,
	.exit = net_exit,
	.id = &net_id,
	.size = sizeof(struct list_net),
};

int quic_observe_init(void)
{
	return register_pernet_subsys(&net_ops);
}

void quic_observe_exit(void)
{
	unregister_pernet_subsys(&net_ops);
}
