/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which stream goes next: priorities as RFC 9218 has them, urgency 0 (first) to 7 and incremental
 * or not.
 *
 * A connection whose streams all have the default (urgency 3, incremental) has one list and takes
 * turns. With the first other priority it gets a list for each urgency.
 */
#ifndef QUIC_CORE_SCHED_H
#define QUIC_CORE_SCHED_H

#include "os.h"

#define QUIC_URGENCY_LEVELS	8	/* RFC 9218, 4.1 */
#define QUIC_URGENCY_DEFAULT	3

struct quic_conn;
struct quic_stream;

enum quic_sched_place {
	QUIC_SCHED_NOWHERE,	/* nothing to send, or parked */
	QUIC_SCHED_RING,	/* takes turns */
	QUIC_SCHED_ROW,		/* not incremental: one after the other, by ID (RFC 9218, 10) */
	QUIC_SCHED_CONTROL,	/* has frames that tell the peer something: not held back by data */
};

/* One urgency. */
struct quic_sched_level {
	struct list_head ring;	/* streams that take turns, and seat */
	struct list_head row;	/* streams, by ID; the first of them sits in seat */
	struct list_head seat;	/* in ring while row is not empty, and until next looked at */
};

struct quic_sched {
	struct list_head control;
	struct quic_sched_level level[QUIC_URGENCY_LEVELS];
};

/* Under the connection's lock. */

/* -ENOMEM: it stays as it was. */
int quic_sched_set(struct quic_conn *c, struct quic_stream *s, u8 urgency, bool incremental);
void quic_sched_free(struct quic_conn *c);

/* --- for stream_tx.c and conn_plan.c --- */

/* Into the place where @s belongs, at the end of what waits there; if it is there, it stays. */
void quic_sched_add(struct quic_conn *c, struct quic_stream *s, bool control);
void quic_sched_del(struct quic_conn *c, struct quic_stream *s);
/* Who is next; NULL: nobody. */
struct quic_stream *quic_sched_first(struct quic_conn *c);
/* It had its turn and has more. */
void quic_sched_rotate(struct quic_conn *c, struct quic_stream *s);
/* The only one with something to send, or NULL */
struct quic_stream *quic_sched_only(const struct quic_conn *c);

#endif
