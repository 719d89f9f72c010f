/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What sock/ tells those who watch. One look a train, under the socket lock: what the core counts
 * is compared with what was told before.
 */
#ifndef QUIC_OBSERVE_OBSERVE_H
#define QUIC_OBSERVE_OBSERVE_H

#include <linux/types.h>

struct sock;
struct net;

#define QUIC_WATCHED	10	/* counters of a connection (watch.c) */

/* What was told of a connection; in its socket. */
struct quic_watch {
	u32 told[QUIC_WATCHED];		/* the low halves: between two looks little happens */
	u32 rare;			/* the sum of those that seldom change */
	u8 state;			/* enum quic_conn_state */
};

/* The connection of @sk as it is now. Under the socket lock. */
void quic_watch(struct sock *sk);
/* It begins: what is counted so far was told. */
void quic_watch_start(struct sock *sk);

/* A socket is born, or gone for all but RCU's readers. Process context. */
void quic_list_add(struct sock *sk);
void quic_list_del(struct sock *sk);

int quic_observe_init(void);		/* after the counters exist, before the first socket */
void quic_observe_exit(void);		/* no socket is left, the counters still are */

/* mib.c: a namespace's file */
int quic_mib_proc_init(struct net *net);
void quic_mib_proc_exit(struct net *net);

#endif
