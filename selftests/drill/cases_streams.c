// SPDX-License-Identifier: GPL-2.0
/* RFC 9000, 4: flow control, final sizes, stream limits. */
#include "../kselftest/pair.h"
#include "drill.h"

#define X	BYTES(1)

/* All that the connection may carry, on as many streams as that takes, and @more bytes. */
static void fill(struct peer *p, unsigned int more)
{
	unsigned int i;

	for (i = 0; i < KERN_DATA / KERN_STREAM; i++)
		SAY(p, APP, 0x0e, MINE_BIDI(i), KERN_STREAM - 1, 1, X);
	NEED(p, drill_lives(p));
	if (more)
		SAY(p, APP, 0x0a, MINE_UNI(0), more, BYTES(more));
}

static void over_connection(struct peer *p)
{
	fill(p, 1);
}

static void to_the_brim(struct peer *p)
{
	fill(p, 0);
}

static void reset_over_connection(struct peer *p)
{
	fill(p, 0);
	SAY(p, APP, 0x04, MINE_UNI(0), 0, 1);
}

/* The same bytes again count once. */
static void overlap(struct peer *p)
{
	unsigned int i;

	for (i = 0; i < 100; i++)
		SAY(p, APP, 0x0e, MINE_BIDI(0), i, 1000, BYTES(1000));
}

/* The kernel still sends what it could before. */
static void sends(struct peer *p, u64 type, unsigned int len)
{
	static char text[4000];

	SAY(p, APP, type == 0x11 ? 0x01 : type, 0);
	NEED(p, send_stream(p->sd, -1, MSG_QUIC_STREAM_NEW, text, len, 0) == (ssize_t)len);
	hear(p, 100);
	if (type == 0x11) {
		SAY(p, APP, 0x11, YOURS_BIDI(0), 1);
		NEED(p, send_stream(p->sd, resolve(p, YOURS_BIDI(0)), 0, text, len, 0) ==
		     (ssize_t)len);
		len *= 2;
		hear(p, 100);
	}
	NEED(p, p->heard.stream_bytes == len);
}

static void lower_max_data(struct peer *p)
{
	sends(p, 0x10, 4000);
}

static void lower_max_stream_data(struct peer *p)
{
	sends(p, 0x11, 2000);
}

static void lower_max_streams(struct peer *p)
{
	unsigned int i, uni;

	SAY(p, APP, 0x12, 1, 0x13, 1);
	SAY(p, APP, 0x12, 0, 0x13, 0);
	NEED(p, drill_lives(p));
	for (uni = 0; uni < 2; uni++)
		for (i = 0; i < 8; i++)
			NEED(p, send_stream(p->sd, resolve(p, uni ? YOURS_UNI(i) : YOURS_BIDI(i)),
					    MSG_QUIC_STREAM_NEW | (uni ? MSG_QUIC_STREAM_UNI : 0),
					    "x", 1, 0) == 1);
	hear(p, 100);
	NEED(p, p->heard.stream_bytes == 16);
}

/* A limit of ours that the kernel has to keep, also when data is lost. */
static void kernel_keeps_limit(struct peer *p)
{
	static char text[1 << 16];
	unsigned int i;
	ssize_t n, all = 0;

	for (i = 0; i < 40; i++) {
		n = send_stream(p->sd, resolve(p, YOURS_BIDI(0)), i ? 0 : MSG_QUIC_STREAM_NEW, text,
				sizeof(text), MSG_DONTWAIT);
		all += n > 0 ? n : 0;
		hear(p, 20);
	}
	NEED(p, all >= 1 << 18);
	/* good_params() */
	NEED(p, p->heard.stream_max_end == 1 << 18);
	NEED(p, p->heard.frame[QUIC_FT_STREAM_DATA_BLOCKED]);
}

/* Others of its bytes: whichever the kernel keeps, it lives, or says PROTOCOL_VIOLATION. */
static void other_bytes(struct peer *p)
{
	char buf[10];
	uint32_t flags;
	int64_t sid;

	SAY(p, APP, 0x0e, MINE_BIDI(0), 2, 2, RAW(1), RAW(1));
	SAY(p, APP, 0x0e, MINE_BIDI(0), 0, 4, RAW(2), RAW(2), RAW(2), RAW(2));
	hear(p, 50);
	NEED(p, recv_stream(p->sd, &sid, &flags, buf, sizeof(buf), 0) == 4);
	NEED(p, !memcmp(buf, "\2\2\1\1", 4));
}

/* Two packets, the second at fault. */
#define AFTER(name, first, second)				\
static void name(struct peer *p)				\
{								\
	SAY(p, APP, UNPACK first);				\
	NEED(p, drill_lives(p));				\
	SAY(p, APP, UNPACK second);				\
}
#define UNPACK(...) __VA_ARGS__

AFTER(beyond_fin, (0x0f, MINE_BIDI(0), 2, 1, X), (0x0e, MINE_BIDI(0), 3, 1, X))
AFTER(fin_below_data, (0x0e, MINE_BIDI(0), 5, 1, X), (0x0f, MINE_BIDI(0), 2, 1, X))
AFTER(fin_moved_up, (0x0f, MINE_BIDI(0), 2, 1, X), (0x0f, MINE_BIDI(0), 3, 1, X))
AFTER(fin_moved_down, (0x0f, MINE_BIDI(0), 2, 1, X), (0x0f, MINE_BIDI(0), 1, 1, X))
AFTER(reset_not_fin, (0x0f, MINE_BIDI(0), 2, 1, X), (0x04, MINE_BIDI(0), 0, 4))
AFTER(reset_below_data, (0x0e, MINE_BIDI(0), 5, 1, X), (0x04, MINE_BIDI(0), 0, 5))
AFTER(reset_moved, (0x04, MINE_BIDI(0), 0, 5), (0x04, MINE_BIDI(0), 0, 6))
AFTER(data_after_reset, (0x04, MINE_BIDI(0), 0, 5), (0x0e, MINE_BIDI(0), 5, 1, X))
AFTER(fin_after_reset, (0x04, MINE_BIDI(0), 0, 5), (0x0f, MINE_BIDI(0), 3, 1, X))
AFTER(late_data, (0x04, MINE_BIDI(0), 0, 5), (0x0e, MINE_BIDI(0), 1, 3, BYTES(3)))
AFTER(reset_again, (0x04, MINE_BIDI(0), 7, 5), (0x04, MINE_BIDI(0), 7, 5))
AFTER(reset_code, (0x04, MINE_BIDI(0), 0, 5), (0x04, MINE_BIDI(0), 7, 5))

static const struct drill_case streams[] = {
	{ "9000/2.2/other-data", "other bytes at the same offset", .act = other_bytes, .want = LIVES },

	{ "9000/4.1/exceeded 9000/19.10/exceeded", "STREAM, the first byte beyond the limit",
	  V(0x0e, MINE_BIDI(0), KERN_STREAM, 1, X), CLOSE(FLOW_CONTROL, 0x0e) },
	{ "9000/4.1/exceeded 9000/19.10/exceeded", "STREAM across the limit",
	  V(0x0e, MINE_UNI(0), KERN_STREAM - 1, 2, X, X), CLOSE(FLOW_CONTROL, 0x0e) },
	{ "9000/4.1/exceeded 9000/19.10/exceeded", "STREAM, an end beyond the limit",
	  V(0x0f, MINE_UNI(0), KERN_STREAM + 1, 0), CLOSE(FLOW_CONTROL, 0x0f) },
	{ "9000/4.1/exceeded", "STREAM up to the limit", V(0x0f, MINE_BIDI(0), KERN_STREAM - 1, 1, X),
	  .want = LIVES },
	{ "9000/4.1/exceeded", "RESET_STREAM with a final size beyond the limit",
	  V(0x04, MINE_BIDI(0), 0, KERN_STREAM + 1), CLOSE(FLOW_CONTROL, 0x04) },
	{ "9000/4.1/exceeded 9000/19.9/exceeded", "one byte more than all streams together may have",
	  .act = over_connection, CLOSE(FLOW_CONTROL, 0x0a) },
	{ "9000/4.1/exceeded 9000/19.9/exceeded", "RESET_STREAM that counts beyond it",
	  .act = reset_over_connection, CLOSE(FLOW_CONTROL, 0x04) },
	{ "9000/19.9/exceeded", "all that streams together may have", .act = to_the_brim,
	  .want = LIVES },
	{ "9000/4.1/exceeded", "the same bytes many times", .act = overlap, .want = LIVES },
	{ "9000/4.1/no-increase", "MAX_DATA that takes back", .act = lower_max_data, .want = LIVES },
	{ "9000/4.1/no-increase", "MAX_STREAM_DATA that takes back", .act = lower_max_stream_data,
	  .want = LIVES },
	{ "9000/4.1/sender", "the kernel has more to send than it may", .act = kernel_keeps_limit,
	  .want = LIVES },

	{ "9000/4.5/final-size", "STREAM beyond the end", .act = beyond_fin, CLOSE(FINAL_SIZE, 0x0e) },
	{ "9000/4.5/final-size", "an end below data", .act = fin_below_data, CLOSE(FINAL_SIZE, 0x0f) },
	{ "9000/4.5/final-size", "an end that moves up", .act = fin_moved_up, CLOSE(FINAL_SIZE, 0x0f) },
	{ "9000/4.5/final-size", "an end that moves down", .act = fin_moved_down,
	  CLOSE(FINAL_SIZE, 0x0f) },
	{ "9000/4.5/final-size", "RESET_STREAM with another final size", .act = reset_not_fin,
	  CLOSE(FINAL_SIZE, 0x04) },
	{ "9000/4.5/final-size", "RESET_STREAM with a final size below data", .act = reset_below_data,
	  CLOSE(FINAL_SIZE, 0x04) },
	{ "9000/4.5/final-size", "RESET_STREAM twice, the size moves", .act = reset_moved,
	  CLOSE(FINAL_SIZE, 0x04) },
	{ "9000/4.5/final-size", "STREAM beyond a reset's final size", .act = data_after_reset,
	  CLOSE(FINAL_SIZE, 0x0e) },
	{ "9000/4.5/final-size", "an end other than a reset's", .act = fin_after_reset,
	  CLOSE(FINAL_SIZE, 0x0f) },
	{ "9000/4.5/final-size", "STREAM below a reset's final size", .act = late_data, .want = LIVES },
	{ "9000/4.5/final-size", "RESET_STREAM twice", .act = reset_again, .want = LIVES },
	/* RFC 9000 does not say; draft-ietf-quic-reliable-stream-reset, 5.1 does */
	{ "9000/4.5/final-size", "RESET_STREAM twice, the code changes", .act = reset_code,
	  CLOSE(STREAM_STATE, 0x04) },

	{ "9000/4.6/limit 9000/19.11/limit", "STREAM one over the limit", V(0x0a, MINE_BIDI(KERN_STREAMS), 1, X),
	  CLOSE(STREAM_LIMIT, 0x0a) },
	{ "9000/4.6/limit 9000/19.11/limit", "STREAM, unidirectional, one over the limit",
	  V(0x0a, MINE_UNI(KERN_STREAMS), 1, X), CLOSE(STREAM_LIMIT, 0x0a) },
	{ "9000/4.6/limit", "STREAM with the largest ID there is",
	  V(0x0a, MINE_BIDI((1ull << 54) - 1), 1, X), CLOSE(STREAM_LIMIT, 0x0a) },
	{ "9000/4.6/limit", "RESET_STREAM one over the limit", V(0x04, MINE_BIDI(KERN_STREAMS), 0, 0),
	  CLOSE(STREAM_LIMIT, 0x04) },
	{ "9000/4.6/limit", "STOP_SENDING one over the limit", V(0x05, MINE_BIDI(KERN_STREAMS), 0),
	  CLOSE(STREAM_LIMIT, 0x05) },
	{ "9000/4.6/limit", "MAX_STREAM_DATA one over the limit",
	  V(0x11, MINE_BIDI(KERN_STREAMS), 0), CLOSE(STREAM_LIMIT, 0x11) },
	{ "9000/4.6/limit", "STREAM_DATA_BLOCKED one over the limit",
	  V(0x15, MINE_BIDI(KERN_STREAMS), 0), CLOSE(STREAM_LIMIT, 0x15) },
	{ "9000/4.6/limit", "STREAM on the last that is allowed",
	  V(0x0a, MINE_BIDI(KERN_STREAMS - 1), 1, X), .want = LIVES },
	{ "9000/4.6/no-increase 9000/19.11/no-increase", "MAX_STREAMS that takes back",
	  .act = lower_max_streams, .want = LIVES },
};

GROUP(streams);
