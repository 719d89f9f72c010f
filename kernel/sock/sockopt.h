/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Options of level SOL_QUIC as tables of functions, one file a subject. The
 * functions run under the socket lock with the value in kernel memory.
 */
#ifndef QUIC_SOCK_SOCKOPT_H
#define QUIC_SOCK_SOCKOPT_H

#include "sock.h"

/* Where an option works beside the connection's socket. */
enum quic_sockopt_scope {
	QUIC_SOCKOPT_CONN,	/* nowhere */
	QUIC_SOCKOPT_STREAM,	/* on a stream's descriptor: the value begins with a stream ID */
	QUIC_SOCKOPT_READ,	/* there, reading; it is about the connection all the same */
	QUIC_SOCKOPT_OWN,	/* there, its own value: sk is the descriptor's, and locked */
};

struct quic_file;

struct quic_sockopt {
	u8 name;
	u8 least;	/* bytes: the first field; shorter values are EINVAL */
	u16 size;	/* bytes of the structure, or at most of a string */
	bool bytes;	/* a string: len is what was given, longer is EINVAL */
	/* @val: @size bytes, zeroed behind @len. Return: 0 or errno */
	int (*set)(struct sock *sk, const void *val, u32 len);
	/* @val: @size bytes, the caller's value in their front. Return: length or errno */
	int (*get)(struct sock *sk, void *val, u32 len);
	u8 scope;	/* enum quic_sockopt_scope */
};

extern const struct quic_sockopt quic_sockopts_stream[], quic_sockopts_conn[],
				 quic_sockopts_config[], quic_sockopts_tls[],
				 quic_sockopts_zerocopy[];
extern const unsigned int quic_sockopts_stream_n, quic_sockopts_conn_n, quic_sockopts_config_n,
			  quic_sockopts_tls_n, quic_sockopts_zerocopy_n;

/* Is there a connection one can talk to? 0, -ENOTCONN or -EPIPE */
int quic_sockopt_alive(const struct quic_sock *qs);
/* The stream that @info of QUIC_SOCKOPT_STREAM_OPEN asks for, or NULL and *err */
struct quic_sock_stream *quic_sockopt_open(struct sock *sk, const struct quic_stream_info *info,
					   int *err);
/* Level SOL_QUIC; @f: on the descriptor of one of sk's streams, or NULL. They take the lock. */
int quic_sockopt_set(struct sock *sk, struct quic_file *f, int name, sockptr_t val,
		     unsigned int len);
int quic_sockopt_get(struct sock *sk, struct quic_file *f, int name, char __user *val,
		     int __user *ulen);
/* connect.c: transport parameters into the connection, until they were encoded */
void quic_sock_apply_params(struct quic_sock *qs);
/* connect.c: those of struct quic_config into the connection */
void quic_sock_apply_intervals(struct quic_sock *qs);

#endif
