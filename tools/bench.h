/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* quic-bench: what its parts share. Functions that fail say why and exit. */
#ifndef QUIC_TOOLS_BENCH_H
#define QUIC_TOOLS_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/quic.h>

enum bench_proto {
	BENCH_TCP,
	BENCH_KTLS,	/* TLS 1.3 records by the kernel, AES-128-GCM, keys set without a handshake */
	BENCH_QUIC,	/* AES-128-GCM, libquic's handshake */
	BENCH_PROTOS,
};

extern const char *const bench_name[BENCH_PROTOS];
/* BENCH_PROTOS when there is none of this name. */
enum bench_proto bench_proto_named(const char *name);

void bench_die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* bench_link.c: both ends of a connection over loopback, each in its own process. */
struct bench_link {
	enum bench_proto proto;
	const char *address;	/* where to listen; NULL: 127.0.0.1 */
	const char *netns;	/* the client's network namespace; NULL: the same */
	unsigned int streams;	/* that the client may open beside the usual ones */
	int listener;
	uint16_t port;
	char psk[64];		/* name of a file */
};

void bench_listen(struct bench_link *link, enum bench_proto proto);
void bench_unlisten(struct bench_link *link);
int bench_accept(const struct bench_link *link);
int bench_connect(const struct bench_link *link);
/* All of it; @last: nothing follows. */
void bench_send(const struct bench_link *link, int sd, const char *buf, size_t len, bool last);
/* Some of it: 0 at the end. */
size_t bench_recv(const struct bench_link *link, int sd, char *buf, size_t len);

/* QUIC: a descriptor for a new stream. @zc: sendfile() to it copies nothing, if this kernel can; *zc tells. */
int bench_stream(int sd, bool *zc);

/* bench_cost.c: what the whole machine did since a moment. */
struct bench_moment {
	uint64_t ns;		/* CLOCK_MONOTONIC */
	uint64_t idle;		/* ns of all processors */
};

/*
 * From now on idle time comes from /proc/uptime, in steps of 10 ms: to find it exactly takes the
 * square of the timers that run, minutes where 10,000 connections are open.
 */
void bench_coarse(void);
void bench_moment_begin(struct bench_moment *m);
void bench_moment_end(struct bench_moment *m);
/* Processor time of this process and of the kernel's threads whose names begin with @prefix, ns */
uint64_t bench_share(const char *prefix, bool end);
/* ns that processors worked between the two: instructions, when QEMU counts one a nanosecond */
double bench_busy(const struct bench_moment *begin, const struct bench_moment *end);
/* That of a loop of known length, per instruction: 1.00 when time counts instructions. */
double bench_calibrate(void);

#endif
