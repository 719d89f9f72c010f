// SPDX-License-Identifier: GPL-2.0
/* Validation: RFC 9000, 13.4.2.1 and A.4. Once failed a path stays so. */
#include "ecn.h"

#define TEST_PACKETS	10
#define TEST_PTOS	2

void quic_ecn_sent(struct quic_ecn *e, struct quic_ecn_counts *n)
{
	n->sent++;
	if (e->state == QUIC_ECN_TESTING && ++e->tested >= TEST_PACKETS)
		e->state = QUIC_ECN_UNKNOWN;
}

/* RFC 9000, 13.4.2: all of the first packets lost, perhaps because of the marks */
void quic_ecn_lost(struct quic_ecn *e)
{
	if (e->state <= QUIC_ECN_UNKNOWN && ++e->test_lost >= e->tested &&
	    e->state == QUIC_ECN_UNKNOWN)
		e->state = QUIC_ECN_FAILED;
}

/* A.4: the test is over after some PTOs, too. A handshake gets through without marks. */
void quic_ecn_pto(struct quic_ecn *e)
{
	if (e->state == QUIC_ECN_TESTING && ++e->ptos >= TEST_PTOS)
		e->state = QUIC_ECN_UNKNOWN;
}

/* RFC 9000, 13.4.2.1. We set ECT(0) only. */
static bool valid(const struct quic_ecn_counts *n, const struct quic_frame_ack *ack, u32 ect)
{
	if (!ack->ecn)
		return !ect;
	if (ack->ect1 || ack->ect0 > n->sent || ack->ce > n->sent)
		return false;
	if (ack->ect0 < n->ect0 || ack->ce < n->ce)
		return false;
	return ack->ect0 - n->ect0 + ack->ce - n->ce >= ect;
}

bool quic_ecn_acked(struct quic_ecn *e, struct quic_ecn_counts *n,
		    const struct quic_frame_ack *ack, u32 ect)
{
	bool more = ack->ce > n->ce;

	if (!n->sent || e->state == QUIC_ECN_FAILED)
		return false;
	if (!valid(n, ack, ect)) {
		e->state = QUIC_ECN_FAILED;
		return false;
	}
	if (!ack->ecn)
		return false;
	n->ect0 = ack->ect0;
	n->ce = ack->ce;
	if (ect)
		e->state = QUIC_ECN_CAPABLE;
	return more;
}
