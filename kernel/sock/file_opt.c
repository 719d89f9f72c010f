// SPDX-License-Identifier: GPL-2.0
/* Options of level SOL_QUIC on a stream's descriptor: those of the connection that suit. */
#include "file.h"
#include "sockopt.h"
#include "zerocopy.h"

int quic_file_set(struct socket *sock, int level, int name, sockptr_t val, unsigned int len)
{
	struct quic_file *f = quic_file_of(sock->sk);

	if (level == SOL_SOCKET)
		return quic_zc_sol_socket(sock->sk, name, val, len);
	return level == SOL_QUIC ? quic_sockopt_set(f->conn, f, name, val, len) : -ENOPROTOOPT;
}

int quic_file_get(struct socket *sock, int level, int name, char __user *val, int __user *len)
{
	struct quic_file *f = quic_file_of(sock->sk);

	return level == SOL_QUIC ? quic_sockopt_get(f->conn, f, name, val, len) : -ENOPROTOOPT;
}
