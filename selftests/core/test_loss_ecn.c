// SPDX-License-Identifier: GPL-2.0
/* What ACKs tell of ECN: congestion, and marks that cannot be (RFC 9000, 13.4.2; RFC 9002, 7.1). */
#include "loss_help.h"

#define APP	QUIC_PNS_APP

static struct owner *confirmed(const struct quic_cc_ops *cc)
{
	struct owner *o = owner_new(cc, true);

	o->l.confirmed = true;
	o->l.max_ack_delay = MS(25);
	return o;
}

static int ecn_ack(struct owner *o, u64 from, u64 to, bool ecn, u64 ect0, u64 ce, u64 now)
{
	struct quic_range r = { from, to + 1 };
	struct ack_build b;

	ack_build(&b, &r, 1);
	b.ack.ecn = ecn;
	b.ack.ect0 = ect0;
	b.ack.ce = ce;
	return quic_loss_on_ack(&o->l, APP, &b.ack, 0, now);
}

static struct owner *ecn_owner(void)
{
	struct owner *o = confirmed(&quic_cc_newreno);
	unsigned int i;

	for (i = 0; i < 10; i++)
		owner_send_flags(o, APP, MSS, QUIC_PKT_F_ELICITING | QUIC_PKT_F_IN_FLIGHT |
				 QUIC_PKT_F_ECT0, MS(1000 + i));
	return o;
}

static void loss__ecn_ce(void **state)
{
	struct owner *o = ecn_owner();

	ecn_ack(o, 0, 1, true, 2, 0, MS(1020));
	assert_int_equal(o->l.cc.cwnd, 12 * MSS);
	ecn_ack(o, 0, 3, true, 3, 1, MS(1021));
	assert_int_equal(o->l.cc.cwnd, 6 * MSS);
	assert_int_equal(o->l.cc.recovery_start, MS(1021));
	/* more marks of the same flight: no further reduction */
	ecn_ack(o, 0, 5, true, 4, 2, MS(1022));
	assert_int_equal(o->l.cc.cwnd, 6 * MSS);
	/* an older frame with smaller counts fails nothing */
	ecn_ack(o, 0, 3, true, 3, 1, MS(1023));
	/* lost ACKs: the counts may rise by more than is newly acked */
	ecn_ack(o, 9, 9, true, 8, 2, MS(1024));
	assert_false(o->l.ecn.state == QUIC_ECN_FAILED);
	assert_int_equal(o->l.app.ecn.ect0, 8);
	assert_int_equal(o->l.app.ecn.ce, 2);
	owner_free(o);

	/* every packet reported, all of them marked */
	o = ecn_owner();
	ecn_ack(o, 0, 4, true, 5, 0, MS(1020));
	ecn_ack(o, 0, 9, true, 10, 0, MS(1021));
	assert_false(o->l.ecn.state == QUIC_ECN_FAILED);
	owner_free(o);
	o = ecn_owner();
	ecn_ack(o, 0, 9, true, 0, 10, MS(1021));
	assert_false(o->l.ecn.state == QUIC_ECN_FAILED);
	assert_int_equal(o->l.cc.recovery_start, MS(1021));
	owner_free(o);
}

static void loss__ecn_validation(void **state)
{
	static const struct {
		bool ecn;
		u64 ect0, ce;
	} bad[] = {
		{ false, 0, 0 },	/* no counts although ECT packets are acked */
		{ true, 3, 0 },		/* fewer than acked */
		{ true, 11, 0 },	/* more than sent */
		{ true, 4, 11 },
	};
	unsigned int i;
	struct owner *o;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		o = ecn_owner();
		ecn_ack(o, 0, 3, bad[i].ecn, bad[i].ect0, bad[i].ce, MS(1020));
		assert_true(o->l.ecn.state == QUIC_ECN_FAILED);
		assert_int_equal(o->l.cc.cwnd, 14 * MSS);
		owner_free(o);
	}
	/* counts that shrink */
	o = ecn_owner();
	ecn_ack(o, 0, 3, true, 4, 0, MS(1020));
	ecn_ack(o, 0, 4, true, 3, 2, MS(1020));
	assert_true(o->l.ecn.state == QUIC_ECN_FAILED);
	owner_free(o);
	/* a rise by less than what is newly acked */
	o = ecn_owner();
	ecn_ack(o, 0, 3, true, 2, 2, MS(1020));
	ecn_ack(o, 4, 7, true, 2, 5, MS(1020));
	assert_true(o->l.ecn.state == QUIC_ECN_FAILED);
	owner_free(o);
	/* we never mark: whatever the peer says does not matter */
	o = confirmed(&quic_cc_newreno);
	owner_send(o, APP, MS(1000));
	ecn_ack(o, 0, 0, true, 0, 1, MS(1020));
	assert_false(o->l.ecn.state == QUIC_ECN_FAILED);
	assert_int_equal(o->l.cc.cwnd, 11 * MSS);
	owner_free(o);
}

static const struct CMUnitTest tests[] = {
	TEST(loss__ecn_ce),
	TEST(loss__ecn_validation),
};

TEST_MAIN(tests)
