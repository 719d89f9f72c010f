// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel knows a QUIC socket by: struct proto and struct proto_ops of
 * both families, their registration for SOCK_STREAM and SOCK_DGRAM (which are
 * one and the same here), and the birth of a socket.
 */
#include <linux/module.h>
#include <net/inet_common.h>
#include <net/protocol.h>
#include <net/transp_v6.h>

#include "../compat/proto.h"
#include "../compat/zerocopy.h"
#include "file.h"
#include "zerocopy.h"

long quic_sysctl_mem[3];
/* What a socket gets under pressure, too, in all namespaces; bytes, only the first counts. */
static int rmem_least[3] = { 4096 }, wmem_least[3] = { 4096 };

struct kmem_cache *quic_stream_cache;
static atomic_long_t memory_allocated;
static DEFINE_PER_CPU(int, per_cpu_fw_alloc);
static struct percpu_counter sockets_allocated;
static unsigned long memory_pressure;

/* Our own lock classes: kernel UDP sockets are locked inside ours, children inside listeners. */
static struct lock_class_key slock_key[2], lock_key[2];

static void enter_memory_pressure(struct sock *sk)
{
	WRITE_ONCE(memory_pressure, 1);
}

static void leave_memory_pressure(struct sock *sk)
{
	WRITE_ONCE(memory_pressure, 0);
}

static void lock_class_init(struct sock *sk)
{
	if (sk->sk_family == AF_INET6)
		sock_lock_init_class_and_name(sk, "slock-AF_INET6-QUIC", &slock_key[1],
					      "sk_lock-AF_INET6-QUIC", &lock_key[1]);
	else
		sock_lock_init_class_and_name(sk, "slock-AF_INET-QUIC", &slock_key[0],
					      "sk_lock-AF_INET-QUIC", &lock_key[0]);
}

/* Somebody waits for SOCK_NOSPACE to end, and it did (rx.c looked). */
static void write_space(struct sock *sk)
{
	struct socket *sock = sk->sk_socket;
	struct socket_wq *wq;

	if (!sock)
		return;
	clear_bit(SOCK_NOSPACE, &sock->flags);
	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_poll(&wq->wait, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
	if (wq && wq->fasync_list && !(sk->sk_shutdown & SEND_SHUTDOWN))
		sock_wake_async(wq, SOCK_WAKE_SPACE, POLL_OUT);
	rcu_read_unlock();
}

static int init_sock(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);

	lock_class_init(sk);
	sock_set_flag(sk, SOCK_RCU_FREE);
	sk->sk_state = TCP_CLOSE;
	sk->sk_write_space = write_space;
	qs->ctl = quic_sysctls(sock_net(sk));
	WRITE_ONCE(sk->sk_sndbuf, READ_ONCE(qs->ctl->wmem[1]));
	WRITE_ONCE(sk->sk_rcvbuf, READ_ONCE(qs->ctl->rmem[1]));

	INIT_LIST_HEAD(&qs->ready);
	INIT_LIST_HEAD(&qs->held);
	INIT_LIST_HEAD(&qs->writers);
	qs->my_turn = true;
	qs->last_sid = -1;
	quic_sock_timer_init(sk);
	INIT_WORK(&qs->work, quic_sock_work);
	/* What accept() gives has none yet (accept_any). */
	if (sk->sk_socket)
		quic_zc_graft(sk->sk_socket);

	local_bh_disable();
	sk_sockets_allocated_inc(sk);
	sock_prot_inuse_add(sock_net(sk), sk->sk_prot, 1);
	local_bh_enable();
	/* From here on the caller undoes it all by destroy_sock(). */
	quic_list_add(sk);
	qs->tp = kzalloc(sizeof(*qs->tp), GFP_KERNEL_ACCOUNT);
	if (!qs->tp)
		return -ENOMEM;
	quic_sockopt_defaults(qs);
	return 0;
}

static void destroy_sock(struct sock *sk)
{
	quic_list_del(sk);
	/* Perhaps a child that did not come to be, inside accept() on its listener. */
	lock_sock_nested(sk, SINGLE_DEPTH_NESTING);
	quic_sock_destroy_conn(sk);
	release_sock(sk);
	local_bh_disable();
	sk_sockets_allocated_dec(sk);
	sock_prot_inuse_add(sock_net(sk), sk->sk_prot, -1);
	local_bh_enable();
}

/* sk_common_release() wants one; connections are hashed by ID, when they exist. */
static void unhash(struct sock *sk)
{
}

static int disconnect(struct sock *sk, int flags)
{
	return -EOPNOTSUPP;
}

QUIC_COMPAT_ACCEPT(accept_sock, quic_sock_accept)

/* Does accept() give streams? */
static bool accepts_streams(const struct socket *sock)
{
	/* Pairs with quic_files_get(). */
	const struct quic_files *fs = smp_load_acquire(&quic_sk(sock->sk)->files);

	return fs && READ_ONCE(fs->accept) && READ_ONCE(sock->sk->sk_state) != TCP_LISTEN;
}

QUIC_COMPAT_OPS_ACCEPT(accept_any, accepts_streams, quic_file_accept, quic_zc_graft)

#define QUIC_PROTO_COMMON					\
	.owner			= THIS_MODULE,			\
	.init			= init_sock,			\
	.destroy		= destroy_sock,			\
	.close			= quic_sock_close,		\
	.disconnect		= disconnect,			\
	.accept			= accept_sock,			\
	.sendmsg		= quic_sock_sendmsg,		\
	.recvmsg		= quic_sock_recvmsg,		\
	.setsockopt		= quic_sock_setsockopt,		\
	.getsockopt		= quic_sock_getsockopt,		\
	.backlog_rcv		= quic_sock_backlog_rcv,	\
	.release_cb		= quic_sock_release_cb,		\
	.unhash			= unhash,			\
	.no_autobind		= true,				\
	.memory_allocated	= &memory_allocated,		\
	.per_cpu_fw_alloc	= &per_cpu_fw_alloc,		\
	.memory_pressure	= &memory_pressure,		\
	.enter_memory_pressure	= enter_memory_pressure,	\
	.leave_memory_pressure	= leave_memory_pressure,	\
	.sockets_allocated	= &sockets_allocated,		\
	.sysctl_mem		= quic_sysctl_mem,		\
	.sysctl_wmem		= wmem_least,			\
	.sysctl_rmem		= rmem_least

struct proto quic_prot = {
	.name			= "QUIC",
	.obj_size		= sizeof(struct quic_sock),
	QUIC_PROTO_COMMON,
};

struct proto quicv6_prot = {
	.name			= "QUICv6",
	.obj_size		= sizeof(struct quic6_sock),
	QUIC_COMPAT_PINFO_OFFSET(struct quic6_sock, inet6)
	QUIC_PROTO_COMMON,
};

#define QUIC_OPS_COMMON						\
	.owner			= THIS_MODULE,			\
	.bind			= quic_sock_bind,		\
	.connect		= quic_sock_connect,		\
	.socketpair		= sock_no_socketpair,		\
	.accept			= accept_any,			\
	.getname		= quic_sock_getname,		\
	.poll			= quic_sock_poll,		\
	.ioctl			= quic_sock_ioctl,		\
	.gettstamp		= sock_gettstamp,		\
	.listen			= quic_sock_listen,		\
	.shutdown		= quic_sock_shutdown,		\
	.setsockopt		= sock_common_setsockopt,	\
	.getsockopt		= sock_common_getsockopt,	\
	.sendmsg		= inet_sendmsg,			\
	QUIC_COMPAT_SENDPAGE					\
	.recvmsg		= inet_recvmsg,			\
	.mmap			= sock_no_mmap

static const struct proto_ops quic_ops = {
	.family			= PF_INET,
	.release		= inet_release,
	QUIC_OPS_COMMON,
};

static const struct proto_ops quicv6_ops = {
	.family			= PF_INET6,
	.release		= inet6_release,
	QUIC_OPS_COMMON,
};

static struct inet_protosw protosw[] = {
	{ .type = SOCK_STREAM, .protocol = IPPROTO_QUIC, .prot = &quic_prot, .ops = &quic_ops },
	{ .type = SOCK_DGRAM, .protocol = IPPROTO_QUIC, .prot = &quic_prot, .ops = &quic_ops },
};

static struct inet_protosw protosw6[] = {
	{ .type = SOCK_STREAM, .protocol = IPPROTO_QUIC, .prot = &quicv6_prot, .ops = &quicv6_ops },
	{ .type = SOCK_DGRAM, .protocol = IPPROTO_QUIC, .prot = &quicv6_prot, .ops = &quicv6_ops },
};

/* Like TCP: pressure from an eighth of memory on. In pages. */
static void memory_limits(void)
{
	long limit = max_t(long, nr_free_buffer_pages() / 8, 128);

	quic_sysctl_mem[0] = limit / 4 * 3;
	quic_sysctl_mem[1] = limit;
	quic_sysctl_mem[2] = quic_sysctl_mem[0] * 2;
}

static int protosw_register(void)
{
	unsigned int i, n;
	int err;

	for (n = 0; n < ARRAY_SIZE(protosw6); n++) {
		err = inet6_register_protosw(&protosw6[n]);
		if (err)
			goto undo;
	}
	for (i = 0; i < ARRAY_SIZE(protosw); i++)
		inet_register_protosw(&protosw[i]);
	return 0;
undo:
	while (n--)
		inet6_unregister_protosw(&protosw6[n]);
	return err;
}

int quic_sock_init(void)
{
	int err = -ENOMEM;

	memory_limits();
	quic_stream_cache = KMEM_CACHE(quic_sock_stream, SLAB_HWCACHE_ALIGN);
	if (!quic_stream_cache)
		return -ENOMEM;
	quic_sock_wq = alloc_workqueue("quic", 0, 0);
	if (!quic_sock_wq)
		goto no_wq;
	err = percpu_counter_init(&sockets_allocated, 0, GFP_KERNEL);
	if (err)
		goto no_counter;
	err = quic_zc_init();
	if (err)
		goto no_zc;
	err = proto_register(&quic_prot, 1);
	if (err)
		goto no_proto;
	err = proto_register(&quicv6_prot, 1);
	if (err)
		goto no_proto6;
	err = quic_file_init();
	if (err)
		goto no_file;
	err = quic_sysctl_init();
	if (err)
		goto no_sysctl;
	err = protosw_register();
	if (!err)
		return 0;

	quic_sysctl_exit();
no_sysctl:
	quic_file_exit();
no_file:
	proto_unregister(&quicv6_prot);
no_proto6:
	proto_unregister(&quic_prot);
no_proto:
	quic_zc_exit();
no_zc:
	percpu_counter_destroy(&sockets_allocated);
no_counter:
	destroy_workqueue(quic_sock_wq);
no_wq:
	kmem_cache_destroy(quic_stream_cache);
	return err;
}

void quic_sock_unregister(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(protosw); i++)
		inet_unregister_protosw(&protosw[i]);
	for (i = 0; i < ARRAY_SIZE(protosw6); i++)
		inet6_unregister_protosw(&protosw6[i]);
}

void quic_sock_exit(void)
{
	/* Sockets are freed by RCU; timers and work hold theirs: nothing of ours runs after. */
	quic_sysctl_exit();
	destroy_workqueue(quic_sock_wq);
	rcu_barrier();
	quic_file_exit();
	proto_unregister(&quicv6_prot);
	proto_unregister(&quic_prot);
	quic_zc_exit();
	percpu_counter_destroy(&sockets_allocated);
	kmem_cache_destroy(quic_stream_cache);
}
