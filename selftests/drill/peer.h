/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The drill's end of a connection: a UDP socket, the core's packet protection
 * over GnuTLS, and no manners. It says what a case tells it to, in packets that
 * are valid but for what the case breaks, and notes what the kernel answers.
 *
 *   peer.c   birth, socket, keys     say.c    packets out
 *   hear.c   packets in              kern.c   the kernel's end, and the handshake
 *
 * There is no TLS: both ends get the same fixed secrets by socket option and
 * quic_protect_install(), and transport parameters are bytes a case may choose.
 */
#ifndef DRILL_PEER_H
#define DRILL_PEER_H

#include <linux/quic.h>
#include <netinet/in.h>

#include "frame.h"
#include "protect.h"
#include "ranges.h"
#include "tparam.h"

enum stage {		/* how far the handshake goes before a case begins */
	CONFIRMED,	/* and all of the kernel's first words were heard and acknowledged */
	NOTHING,	/* a client: its Initial is there, unanswered; a server listens */
	INITIAL,	/* Initial keys; the server's socket was accepted */
	HANDSHAKE,	/* Handshake keys, no 1-RTT keys */
};

/* What the kernel sent, since the case began or for all time. */
struct heard {
	unsigned int datagrams, packets, unopened, vn, retry, resets;
	unsigned int frame[0x40];	/* by type; STREAM's eight as 0x08 */
	unsigned int at_level[QUIC_LEVELS];	/* packets */
	bool closed;			/* a CONNECTION_CLOSE; of the first one: */
	bool close_app;
	u8 close_level;
	u64 close_code, close_frame;
	unsigned int closes;
	s64 acked[QUIC_PNS_COUNT];	/* largest number of ours it acknowledged, -1 none */
	struct quic_ranges acks[QUIC_PNS_COUNT];	/* all of them */
	u8 challenge[8];		/* of the last PATH_CHALLENGE */
	u8 response[8];			/* of the last PATH_RESPONSE */
	u64 max_data, max_streams[2], max_stream_data;	/* highest */
	u64 stream_bytes;		/* payload of STREAM frames */
	u64 stream_max_end;		/* highest offset, any stream */
	u64 reset_id, reset_code;	/* of the last RESET_STREAM */
	u64 stop_id, stop_code;
	u64 retired[64];		/* RETIRE_CONNECTION_ID, the first 64 */
	unsigned int nretired;
	u64 bytes;			/* UDP payload */
	unsigned int size_min, size_max;	/* of a datagram */
	bool reserved_bits;		/* were set in some packet */
	bool key_phase;			/* of the last 1-RTT packet */
	u8 last[2048];			/* the last datagram */
	unsigned int last_len;
	u8 token[256];			/* of NEW_TOKEN */
	unsigned int token_len;
};

struct kernel_cid {	/* what the kernel issued */
	u64 seq;
	struct quic_cid cid;
	u8 token[QUIC_TOKEN_RESET_LEN];
};

/* What all of a connection's packets have in common: each case runs in more than one of these. */
struct way {
	const char *name;	/* NULL: the first one, which goes without saying */
	int family;
	u32 suite;		/* TLS_CIPHER_* */
	u32 version;
};

struct peer {
	bool server;		/* we are: the kernel's socket connects */
	const struct way *way;
	u32 suite;		/* the way's */
	int udp;
	int sd;			/* the kernel's socket, -1 before accept() */
	int listener;
	struct sockaddr_storage to;	/* the kernel's address, */
	socklen_t to_len;
	struct quic_protect prot;
	u32 version;
	struct quic_cid scid;	/* ours */
	struct quic_cid dcid;	/* the kernel's, as used now */
	struct quic_cid odcid;	/* the client's first */
	struct kernel_cid cids[16];	/* NEW_CONNECTION_ID */
	unsigned int ncids;
	u64 pn[QUIC_PNS_COUNT];	/* next */
	struct quic_ranges rcvd[QUIC_PNS_COUNT];	/* to acknowledge */
	bool owe_ack[QUIC_PNS_COUNT];
	struct heard heard;
	bool judged;		/* the case failed; why[] */
	char why[256];

	/* How packets are made */
	bool mute;		/* acknowledge nothing by itself */
	u8 pn_len;		/* 4 */
	u8 first_xor;		/* into the first byte, before protection */
	u8 first_xor_after;	/* after it */
	bool flip;		/* break the tag */
	bool small;		/* no padding of a client's Initial to 1200 */
	bool phase;		/* Key Phase of what we send */
	const u8 *token;	/* of Initial packets */
	u32 token_len;
	/* To be set before the handshake: */
	const u8 *params;	/* our transport parameters; NULL: good ones */
	u32 params_len;
	bool no_datagrams;	/* in the good ones */
	bool kern_no_datagrams;	/* in the kernel's */
	bool kern_empty_cid;	/* the kernel's ID is empty (a client's only) */
	const struct quic_config *config;	/* the kernel's */
};

/* Symbols among a payload's numbers, see put(): stream IDs by who opened them. */
#define SYMBOL		(1ull << 63)
#define MINE_BIDI(n)	(SYMBOL | 0 << 1 | (u64)(n) << 8)	/* the drill's */
#define MINE_UNI(n)	(SYMBOL | 1 << 1 | (u64)(n) << 8)
#define YOURS_BIDI(n)	(SYMBOL | 2 << 1 | (u64)(n) << 8)	/* the kernel's */
#define YOURS_UNI(n)	(SYMBOL | 3 << 1 | (u64)(n) << 8)
#define BYTES(n)	(SYMBOL | 4 << 1 | (u64)(n) << 8)	/* n bytes of 0x2a */
#define RAW(byte)	(SYMBOL | 5 << 1 | (u64)(byte) << 8)	/* this byte, as it is */
#define WIDE(v)		(SYMBOL | 6 << 1 | (u64)(v) << 8)	/* v in two bytes, though one would do */
#define ODCID		(SYMBOL | 7 << 1)			/* bytes of that ID */
#define SCID		(SYMBOL | 8 << 1)			/* of ours */
#define CID_BYTES(b)	(SYMBOL | 9 << 1 | (u64)(b) << 8)	/* 8 times b, 1 to 63 */
#define TOKEN_BYTES(b)	(SYMBOL | 10 << 1 | (u64)(b) << 8)	/* 16 times b */

struct buf {
	u8 data[1500];
	u32 len;
};

#define COUNT(...)	(sizeof((u64[]){ __VA_ARGS__ }) / sizeof(u64))
/* Numbers as varints one after the other; symbols as above. */
#define PUT(p, b, ...)	put(p, b, (u64[]){ __VA_ARGS__ }, COUNT(__VA_ARGS__))
void put(const struct peer *p, struct buf *b, const u64 *v, unsigned int n);
u64 resolve(const struct peer *p, u64 symbol);

/* peer.c */
void peer_new(struct peer *p, bool server, const struct way *way);
void peer_free(struct peer *p);
void peer_install(struct peer *p, unsigned int level);	/* both ways, as pair_secret() */
/* The next 1-RTT keys for what we send, whatever the rules say. */
void peer_next_keys(struct peer *p);
void __attribute__((format(printf, 2, 3))) peer_fail(struct peer *p, const char *fmt, ...);
/* Another UDP socket, on another port, in place of the old one. */
void peer_move(struct peer *p);

/* say.c: one packet of @level with that payload, in a datagram of its own */
u64 say(struct peer *p, unsigned int level, const struct buf *b);	/* its number */
#define SAY(p, level, ...) say_numbers(p, level, (u64[]){ __VA_ARGS__ }, COUNT(__VA_ARGS__))
u64 say_numbers(struct peer *p, unsigned int level, const u64 *v, unsigned int n);
/* Build it only. Return: its length */
u32 build(struct peer *p, unsigned int level, const struct buf *b, u8 *out, u32 cap, u32 pad_to);
void throw(struct peer *p, const void *datagram, u32 len);
void say_acks(struct peer *p, unsigned int level);

/* hear.c: read what comes until nothing has for @ms. Return: datagrams */
unsigned int hear(struct peer *p, unsigned int ms);
void forget(struct peer *p);	/* what was heard */
/* Until the packet @pn is acknowledged, for 5 s at most. */
bool hear_ack(struct peer *p, unsigned int level, u64 pn);

/* kern.c */
bool begin(struct peer *p, enum stage stage);
bool shake(struct peer *p, enum stage stage);	/* from NOTHING on */
bool shake_initial(struct peer *p);
bool kern_accept(struct peer *p);
/* Our transport parameters to the kernel: good ones, or p->params. 0, or -1 and errno */
int kern_params(struct peer *p);
u32 good_params(const struct peer *p, u8 *buf, u32 cap);
/* The kernel says "hello" at @level of TLS. */
int kern_crypto(struct peer *p, unsigned int level, u32 len);
void end(struct peer *p);

#endif
