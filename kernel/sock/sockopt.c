// SPDX-License-Identifier: GPL-2.0
/*
 * setsockopt() and getsockopt(): values in and out of user memory, lengths,
 * and which function an option is. Structures are copied by their common
 * prefix; other levels are those of IP and IPv6.
 */
#include <linux/sockptr.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "file.h"
#include "sockopt.h"
#include "zerocopy.h"

static const struct quic_sockopt *scan(const struct quic_sockopt *o, unsigned int n, int name)
{
	for (; n; n--, o++)
		if (o->name == name)
			return o;
	return NULL;
}

static const struct quic_sockopt *find(int name)
{
	const struct quic_sockopt *o;

	o = scan(quic_sockopts_stream, quic_sockopts_stream_n, name);
	if (!o)
		o = scan(quic_sockopts_conn, quic_sockopts_conn_n, name);
	if (!o)
		o = scan(quic_sockopts_tls, quic_sockopts_tls_n, name);
	if (!o)
		o = scan(quic_sockopts_config, quic_sockopts_config_n, name);
	if (!o)
		o = scan(quic_sockopts_zerocopy, quic_sockopts_zerocopy_n, name);
	return o;
}

int quic_sockopt_alive(const struct quic_sock *qs)
{
	if (!qs->conn_live)
		return -ENOTCONN;
	return qs->conn.state <= QUIC_CONN_ESTABLISHED ? 0 : -EPIPE;
}

/* A stream's descriptor knows which stream it is: -1 or its ID in front of the value. */
static int name_stream(const struct quic_sockopt *o, const struct quic_file *f, void *val)
{
	s64 *id = val;

	if (!f || o->scope != QUIC_SOCKOPT_STREAM)
		return 0;
	if (*id != -1 && *id != (s64)f->s->core.id)
		return -EINVAL;
	*id = f->s->core.id;
	return 0;
}

int quic_sockopt_set(struct sock *sk, struct quic_file *f, int name, sockptr_t val,
		     unsigned int len)
{
	const struct quic_sockopt *o = find(name);
	u32 n;
	u8 *buf;
	int err;

	if (!o || !o->set ||
	    (f && o->scope != QUIC_SOCKOPT_STREAM && o->scope != QUIC_SOCKOPT_OWN))
		return -ENOPROTOOPT;
	if (f && o->scope == QUIC_SOCKOPT_OWN)
		sk = quic_file_sk(f);
	if ((int)len < 0 || len < o->least || (o->bytes && len > o->size))
		return -EINVAL;
	n = min_t(u32, len, o->size);
	buf = kzalloc(max_t(u32, o->size, 1), GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	err = -EFAULT;
	if (!copy_from_sockptr(buf, val, n)) {
		lock_sock(sk);
		if (o->scope != QUIC_SOCKOPT_OWN)
			quic_sock_unpark(sk);
		err = name_stream(o, f, buf) ?: o->set(sk, buf, n);
		release_sock(sk);
	}
	kfree_sensitive(buf);
	return err;
}

int quic_sockopt_get(struct sock *sk, struct quic_file *f, int name, char __user *val,
		     int __user *ulen)
{
	const struct quic_sockopt *o = find(name);
	int len, err;
	u8 *buf;

	if (!o || !o->get || (f && o->scope == QUIC_SOCKOPT_CONN))
		return -ENOPROTOOPT;
	if (f && o->scope == QUIC_SOCKOPT_OWN)
		sk = quic_file_sk(f);
	if (get_user(len, ulen))
		return -EFAULT;
	if (len < 0 || len < o->least)
		return -EINVAL;
	buf = kzalloc(o->size, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	err = -EFAULT;
	/* Some options say in the value which one is asked for. */
	if (!o->bytes && copy_from_user(buf, val, min_t(u32, len, o->size)))
		goto out;
	lock_sock(sk);
	err = name_stream(o, f, buf) ?: o->get(sk, buf, len);
	release_sock(sk);
	if (err < 0)
		goto out;
	len = min(len, err);
	err = 0;
	if (put_user(len, ulen) || copy_to_user(val, buf, len))
		err = -EFAULT;
out:
	kfree_sensitive(buf);
	return err;
}

int quic_sock_setsockopt(struct sock *sk, int level, int name, sockptr_t val, unsigned int len)
{
	if (level == SOL_QUIC)
		return quic_sockopt_set(sk, NULL, name, val, len);
	if (level == SOL_SOCKET)
		return quic_zc_sol_socket(sk, name, val, len);
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		return ipv6_setsockopt(sk, level, name, val, len);
#endif
	return ip_setsockopt(sk, level, name, val, len);
}

int quic_sock_getsockopt(struct sock *sk, int level, int name, char __user *val,
			 int __user *len)
{
	if (level == SOL_QUIC && (name == QUIC_SOCKOPT_STREAM_PEELOFF ||
				  name == QUIC_SOCKOPT_STREAM_FILE))
		return quic_file_getsockopt(sk, name == QUIC_SOCKOPT_STREAM_FILE, val, len);
	if (level == SOL_QUIC)
		return quic_sockopt_get(sk, NULL, name, val, len);
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		return ipv6_getsockopt(sk, level, name, val, len);
#endif
	return ip_getsockopt(sk, level, name, val, len);
}
