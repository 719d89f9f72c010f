/* SPDX-License-Identifier: GPL-2.0 */
/* An owner for struct quic_loss that counts what became of every frame, and ACK frames by hand. */
#ifndef SELFTESTS_CORE_LOSS_HELP_H
#define SELFTESTS_CORE_LOSS_HELP_H

#include "test.h"
#include "loss.h"

#define MS(n)		((u64)(n) * NSEC_PER_MSEC)
#define MSS		1200
#define OWNER_FRAMES	100000

struct owner {
	struct quic_loss l;
	struct quic_loss_space first[QUIC_PNS_EARLY];
	u32 frames;			/* given out so far: frame.off counts up */
	u8 acked[OWNER_FRAMES];
	u8 lost[OWNER_FRAMES];
	u32 nacked, nlost;
	u32 probe_acked, probe_lost;	/* size of the last one */
};

struct owner *owner_new(const struct quic_cc_ops *cc, bool server);
void owner_free(struct owner *o);	/* every frame must have been settled once */
/* Send a packet with one frame. Return: its number */
u64 owner_send_flags(struct owner *o, enum quic_pns pns, u16 size, u8 flags, u64 now);
u64 owner_send(struct owner *o, enum quic_pns pns, u64 now);

/* Half-open ranges, the highest first, n of them. buf holds the encoding. */
struct ack_build {
	struct quic_frame_ack ack;
	u8 buf[4096];
};

void ack_build(struct ack_build *b, const struct quic_range *r, unsigned int n);
int owner_ack(struct owner *o, enum quic_pns pns, u64 from, u64 to, u64 now);	/* inclusive */

#endif
