// SPDX-License-Identifier: GPL-2.0
/* Another path comes into use: what is out, and the window (RFC 9000, 9.4). */
#include "loss_help.h"

#define APP	QUIC_PNS_APP

static struct owner *confirmed(const struct quic_cc_ops *cc)
{
	struct owner *o = owner_new(cc, true);

	o->l.confirmed = true;
	o->l.max_ack_delay = MS(25);
	return o;
}

/* A path is left for free once a PTO: who comes and goes finds the window as full as it was. */
static void loss__leave_often(void **state)
{
	struct owner *o = confirmed(&quic_cc_newreno);
	u64 now = MS(1000), full = o->l.cc.cwnd, pto = quic_loss_pto(&o->l);

	while (quic_loss_window(&o->l))
		owner_send(o, APP, now);
	quic_loss_leave(&o->l, now);
	assert_int_equal(quic_loss_window(&o->l), full);
	while (quic_loss_window(&o->l) > 3 * MSS)
		owner_send(o, APP, now);
	quic_loss_leave(&o->l, now + 1);
	assert_int_equal(quic_loss_window(&o->l), 3 * MSS);
	quic_loss_leave(&o->l, now + 2);
	assert_int_equal(quic_loss_window(&o->l), 3 * MSS);
	/* Nothing is out, but something is to come. */
	assert_int_equal(quic_loss_deadline(&o->l, now), now + pto);
	quic_loss_timeout(&o->l, now + pto - 1);
	assert_int_equal(quic_loss_window(&o->l), 3 * MSS);
	quic_loss_timeout(&o->l, now + pto);
	assert_int_equal(quic_loss_window(&o->l), full);
	owner_free(o);
}

static const struct CMUnitTest tests[] = {
	TEST(loss__leave_often),
};

TEST_MAIN(tests)
