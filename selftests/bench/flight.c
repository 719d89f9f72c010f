// SPDX-License-Identifier: GPL-2.0
/*
 * flight N...: what a packet costs loss detection and congestion control, from sent to acknowledged, when N are in
 * flight; for each number a line. The core's own code, with CUBIC, every second packet acknowledged by one frame.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "loss.h"
#include "bench.h"

#define MSS	1452u
#define ROUND	(10 * NSEC_PER_MSEC)	/* time that N packets take */
#define PACKETS	200000u

static unsigned long long settled;

static void on_frame(struct quic_loss *l, enum quic_pns pns, const struct quic_sent_frame *f)
{
	settled++;
}

static void on_probe(struct quic_loss *l, u16 size, bool acked)
{
}

static const struct quic_loss_cb callbacks = { .acked = on_frame, .lost = on_frame, .probe = on_probe };

static void send_one(struct quic_loss *l, u64 now)
{
	struct quic_sent *s = &l->app.sent;

	if (quic_loss_reserve(l, QUIC_PNS_APP, GFP_ATOMIC))
		bench_die("no memory");
	quic_sent_add(s, QUIC_SENT_MAX_DATA, NULL, s->next, 0, false);
	quic_loss_sent(l, QUIC_PNS_APP, MSS, QUIC_PKT_F_ELICITING | QUIC_PKT_F_IN_FLIGHT, now);
}

/* An ACK of all up to @largest: the peer has told of them before, as its ranges go back a good while. */
static void ack(struct quic_loss *l, u64 largest, u64 now)
{
	struct quic_frame_ack a = { .largest = largest, .first = largest < 64 ? largest : 64 };

	if (quic_loss_on_ack(l, QUIC_PNS_APP, &a, 0, now))
		bench_die("an ACK that is none");
}

static void run(unsigned int flight, unsigned int packets)
{
	struct quic_loss *l = calloc(1, sizeof(*l));
	struct quic_loss_space first[QUIC_PNS_EARLY];
	struct bench_moment begin, end;
	u64 now = NSEC_PER_SEC, gap = ROUND / flight, next = 0;
	unsigned int i;

	if (!l)
		bench_die("no memory");
	quic_loss_init(l, &callbacks, &quic_cc_cubic, true, MSS, 0, first);
	quic_loss_end_first(l);
	l->confirmed = true;
	for (i = 0; i < flight; i++, now += gap)
		send_one(l, now);
	/* The rings have their size, and every slot was used, when it counts. */
	for (i = 0; i < 3 * flight + packets; i += 2, now += 2 * gap) {
		if (i == (3 * flight & ~1u))
			bench_moment_begin(&begin);
		next += 2;
		ack(l, next - 1, now);
		send_one(l, now);
		send_one(l, now);
	}
	bench_moment_end(&end);
	if (l->bytes_in_flight != (u64)flight * MSS || l->packets_lost || settled < packets)
		bench_die("%llu bytes in flight, %llu packets lost", (unsigned long long)l->bytes_in_flight,
			  (unsigned long long)l->packets_lost);
	printf("flight=%u packets=%u cost=%.2f\n", flight, packets, bench_busy(&begin, &end) / packets);
	quic_loss_free(l);
	free(l);
}

int main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		run(strtoul(argv[i], NULL, 10) & ~1u, PACKETS);
	return 0;
}
