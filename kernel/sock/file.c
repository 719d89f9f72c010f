// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors of single streams: birth, what the kernel knows them by, and who owns what.
 *
 * Such a descriptor is a struct socket of its own over a small struct sock, struct quic_file: it
 * has its own wait queue, timeouts and flags, and everything the kernel does with sockets (splice,
 * SCM_RIGHTS, io_uring, epoll) works on it. It carries no queues and no memory: those are the
 * stream's, in the connection's socket.
 *
 *	who			holds			until
 *	struct socket		struct quic_file	release (the last descriptor closed)
 *	struct quic_file	the connection's sock	its own end, behind release
 *	struct quic_file .s	the stream, by keeping	release; before that the core frees it not
 *				core.released false
 *	stream .file		nothing: a back pointer	release, under the connection's lock
 *	quic_files.wake, .space	nothing			release, under the connection's lock
 *	quic_files.waiting	streams, by .released	accept(), accept turned off, or the end
 *	the connection's	itself, by sk_alloc's	close(), or release of the last quic_file if
 *	socket			reference		that comes later (quic_sock.left)
 *
 * So a connection outlives every quic_file of its, f->s is valid in every system call on the
 * descriptor, and softirq that finds s->file under the lock may wake it.
 *
 * Locks: f->s, s->file, f->wake, f->space, sk_shutdown and struct quic_files are under the
 * connection's socket lock, which is all that these files take. The quic_file's own socket lock
 * serves SOL_SOCKET options (net/core) only and is never held together with the connection's.
 * Wait queues are the quic_file's: who waits for one stream is not woken for another.
 */
#include <linux/file.h>
#include <linux/module.h>
#include <linux/security.h>
#include <net/inet_common.h>

#include "file.h"
#include "../compat/zerocopy.h"
#include "sockopt.h"
#include "zerocopy.h"

static void write_space(struct sock *sk)
{
	struct socket *sock = sk->sk_socket;
	struct socket_wq *wq;

	if (sock)
		clear_bit(SOCK_NOSPACE, &sock->flags);
	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_poll(&wq->wait, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
	sk_wake_async(sk, SOCK_WAKE_SPACE, POLL_OUT);
	rcu_read_unlock();
}

#define FILE_OPS						\
	.owner			= THIS_MODULE,			\
	.release		= quic_file_release,		\
	.bind			= sock_no_bind,			\
	.connect		= sock_no_connect,		\
	.socketpair		= sock_no_socketpair,		\
	.accept			= sock_no_accept,		\
	.getname		= quic_sock_getname,			\
	.poll			= quic_file_poll,		\
	.ioctl			= quic_file_ioctl,		\
	.gettstamp		= sock_gettstamp,		\
	.listen			= sock_no_listen,		\
	.shutdown		= quic_file_shutdown,		\
	.setsockopt		= quic_file_set,		\
	.getsockopt		= quic_file_get,		\
	.sendmsg		= quic_file_sendmsg,		\
	QUIC_COMPAT_SENDPAGE					\
	.recvmsg		= quic_file_recvmsg,		\
	.mmap			= sock_no_mmap

static const struct proto_ops file_ops = {
	.family			= PF_INET,
	FILE_OPS,
};

static const struct proto_ops file6_ops = {
	.family			= PF_INET6,
	FILE_OPS,
};

struct proto quic_file_prot = {
	.name			= "QUIC-STREAM",
	.owner			= THIS_MODULE,
	.obj_size		= sizeof(struct quic_file),
};

int quic_file_init(void)
{
	return proto_register(&quic_file_prot, 1);
}

void quic_file_exit(void)
{
	proto_unregister(&quic_file_prot);
}

int quic_files_get(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_files *fs;

	if (qs->files)
		return 0;
	fs = kzalloc(sizeof(*fs), GFP_KERNEL_ACCOUNT);
	if (!fs)
		return -ENOMEM;
	INIT_LIST_HEAD(&fs->wake);
	INIT_LIST_HEAD(&fs->space);
	INIT_LIST_HEAD(&fs->waiting);
	/* poll() looks without the lock. */
	smp_store_release(&qs->files, fs);
	return 0;
}

/* Security modules print them. */
static void copy_names(struct sock *sk, const struct sock *from)
{
	sk->sk_num = from->sk_num;
	sk->sk_dport = from->sk_dport;
	sk->sk_rcv_saddr = from->sk_rcv_saddr;
	sk->sk_daddr = from->sk_daddr;
#if IS_ENABLED(CONFIG_IPV6)
	sk->sk_v6_rcv_saddr = from->sk_v6_rcv_saddr;
	sk->sk_v6_daddr = from->sk_v6_daddr;
#endif
	inet_sk(sk)->inet_saddr = inet_sk(from)->inet_saddr;
	inet_sk(sk)->inet_sport = inet_sk(from)->inet_sport;
}

static void destruct(struct sock *sk)
{
	/* What was told of MSG_ZEROCOPY, and not read */
	skb_queue_purge(&sk->sk_error_queue);
	sock_put(quic_file_of(sk)->conn);
}

struct quic_file *quic_file_new(struct sock *sk, bool kern)
{
	struct sock *fsk = sk_alloc(sock_net(sk), sk->sk_family, GFP_KERNEL, &quic_file_prot, kern);
	struct quic_file *f;

	if (!fsk)
		return NULL;
	f = quic_file_of(fsk);
	sock_init_data(NULL, fsk);
	fsk->sk_type = SOCK_STREAM;
	fsk->sk_protocol = IPPROTO_QUIC;
	fsk->sk_state = TCP_ESTABLISHED;
	fsk->sk_write_space = write_space;
	fsk->sk_destruct = destruct;
	fsk->sk_rcvtimeo = sk->sk_rcvtimeo;
	fsk->sk_sndtimeo = sk->sk_sndtimeo;
	quic_zc_inherit(fsk, sk);
	copy_names(fsk, sk);
	security_sk_clone(sk, fsk);
	INIT_LIST_HEAD(&f->wake);
	INIT_LIST_HEAD(&f->space);
	sock_hold(sk);
	f->conn = sk;
	return f;
}

void quic_file_graft(struct quic_file *f, struct socket *sock)
{
	sock->ops = f->inet.sk.sk_family == AF_INET6 ? &file6_ops : &file_ops;
	sock->type = SOCK_STREAM;
	quic_zc_graft(sock);
	sock_graft(quic_file_sk(f), sock);
	sock->state = SS_CONNECTED;
}

void quic_file_attach(struct quic_file *f, struct quic_sock_stream *s)
{
	struct quic_sock *qs = quic_sk(f->conn);

	/* From the shared queue, or the one for accept(). */
	list_del_init(&s->item.list);
	s->waiting = false;
	s->core.released = false;
	s->file = f;
	f->s = s;
	quic_sendbuf_seal_uarg(s);
	qs->files->n++;
	if (qs->last_sid == (s64)s->core.id)
		qs->last_sid = -1;
}

/* --- by option --- */

/* An open file with nothing behind it yet; *fd is reserved. */
static struct file *file_make(struct sock *sk, int flags, int *fd, struct quic_file **fp)
{
	struct socket *sock;
	struct quic_file *f;
	struct file *file;
	int err;

	err = sock_create_lite(sk->sk_family, SOCK_STREAM, IPPROTO_QUIC, &sock);
	if (err)
		return ERR_PTR(err);
	f = quic_file_new(sk, false);
	if (!f) {
		sock_release(sock);
		return ERR_PTR(-ENOMEM);
	}
	__module_get(THIS_MODULE);
	quic_file_graft(f, sock);
	*fd = get_unused_fd_flags(flags);
	if (*fd < 0) {
		sock_release(sock);
		return ERR_PTR(*fd);
	}
	/* This gives @sock back when it fails. */
	file = sock_alloc_file(sock, flags, quic_file_prot.name);
	if (IS_ERR(file))
		put_unused_fd(*fd);
	*fp = f;
	return file;
}

/* May a stream's data be given out? Not what came in 0-RTT packets before the handshake's end. */
static int may_attach(const struct quic_sock *qs)
{
	if (!qs->conn_live || (qs->conn.server && qs->conn.state == QUIC_CONN_HANDSHAKE &&
			       !qs->early_now))
		return -ENOTCONN;
	return 0;
}

static struct quic_sock_stream *peel(struct sock *sk, s64 id, int *err)
{
	struct quic_sock_stream *s;
	struct quic_stream *cs;

	*err = may_attach(quic_sk(sk));
	if (*err)
		return NULL;
	cs = id < 0 ? NULL : quic_stream_find(&quic_sk(sk)->conn, id);
	*err = -EINVAL;
	if (!cs)
		return NULL;
	s = quic_sock_stream_of(cs);
	*err = s->file ? -EBUSY : 0;
	return *err ? NULL : s;
}

static struct quic_sock_stream *open_new(struct sock *sk, struct quic_stream_file *v, int *err)
{
	struct quic_stream_info info = { .stream_id = v->stream_id };

	info.stream_flags = v->stream_flags;
	return quic_sockopt_open(sk, &info, err);
}

static int attach(struct sock *sk, struct quic_file *f, bool open, struct quic_stream_file *v)
{
	struct quic_sock_stream *s;
	int err;

	lock_sock(sk);
	err = quic_files_get(sk);
	if (err)
		goto out;
	s = open ? open_new(sk, v, &err) : peel(sk, v->stream_id, &err);
	if (!s)
		goto out;
	err = 0;
	v->stream_id = s->core.id;
	quic_file_attach(f, s);
	/* Perhaps somebody waits for more of it in recvmsg(). */
	sk->sk_state_change(sk);
out:
	release_sock(sk);
	return err;
}

static int put_value(const struct quic_stream_file *v, u32 size, char __user *val, int __user *ulen,
		     int len)
{
	size = min_t(u32, size, len);
	return put_user(size, ulen) || copy_to_user(val, v, size) ? -EFAULT : 0;
}

int quic_file_getsockopt(struct sock *sk, bool open, char __user *val, int __user *ulen)
{
	/* The older structure is the front of the newer one. */
	u32 size = open ? sizeof(struct quic_stream_file) : sizeof(struct quic_stream_peeloff);
	struct quic_stream_file v = {};
	struct quic_file *f;
	struct file *file;
	int len, fd, err;

	BUILD_BUG_ON(offsetof(struct quic_stream_file, sd) !=
		     offsetof(struct quic_stream_peeloff, sd));
	if (get_user(len, ulen))
		return -EFAULT;
	/* Without a place for the descriptor there is no point. */
	if (len < (int)offsetofend(struct quic_stream_peeloff, sd))
		return -EINVAL;
	if (copy_from_user(&v, val, min_t(u32, len, size)))
		return -EFAULT;
	if (v.flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	file = file_make(sk, v.flags, &fd, &f);
	if (IS_ERR(file))
		return PTR_ERR(file);
	v.sd = fd;
	/* What can fail comes before the stream is taken out of the shared queue. */
	err = put_value(&v, size, val, ulen, len);
	if (!err)
		err = attach(sk, f, open, &v);
	if (!err && open)
		err = put_value(&v, size, val, ulen, len);
	if (err) {
		put_unused_fd(fd);
		fput(file);
		return err;
	}
	fd_install(fd, file);
	return 0;
}
