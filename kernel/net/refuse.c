// SPDX-License-Identifier: GPL-2.0
/*
 * Refusals: connection attempts that are closed before there is a connection.
 * The answer has to be sealed, and keys are made in process context; so a few
 * refusals wait for a work item, and more than that are not answered.
 */
#include "../core/retry.h"
#include "../crypto/crypto.h"
#include "mib.h"
#include "private.h"

#define WAITING_MAX	64
#define RATE		200	/* a second and namespace */
#define BURST		50

struct refusal {
	struct list_head list;
	struct quic_endpoint *ep;
	union quic_addr local, remote;
	struct quic_cid dcid, scid;	/* of the client's Initial */
	u32 version;
	u64 code;
	u8 pkt[QUIC_RETRY_ROOM];
};

static void done(struct refusal *r)
{
	quic_endpoint_unref(r->ep);
	kfree(r);
}

static struct refusal *next(struct quic_net *qn)
{
	struct refusal *r;

	spin_lock_bh(&qn->refusals_lock);
	r = list_first_entry_or_null(&qn->refusals, struct refusal, list);
	if (r) {
		list_del(&r->list);
		qn->nrefusals--;
	}
	spin_unlock_bh(&qn->refusals_lock);
	return r;
}

static void send_all(struct work_struct *work)
{
	struct quic_net *qn = container_of(work, struct quic_net, refusals_work);
	struct refusal *r;
	int len;

	while ((r = next(qn))) {
		len = quic_retry_refuse(&quic_crypto_kernel, r->version, &r->dcid, &r->scid,
					r->code, r->pkt, sizeof(r->pkt));
		if (len > 0) {
			quic_mib_inc(qn->net, QUIC_MIB_REFUSALS_OUT);
			quic_xmit_raw(r->ep, &r->local, &r->remote, r->pkt, len);
		}
		done(r);
	}
}

void quic_refuse(struct quic_endpoint *ep, const struct sk_buff *skb,
		 const struct quic_packet *pkt, u64 code)
{
	struct quic_net *qn = quic_net(ep->net);
	struct refusal *r;

	if (READ_ONCE(qn->nrefusals) >= WAITING_MAX ||
	    !quic_limit_ok(&qn->refuse_limit, RATE, BURST))
		return;
	r = kzalloc(sizeof(*r), GFP_ATOMIC | __GFP_NOWARN);
	if (!r)
		return;
	if (!refcount_inc_not_zero(&ep->refs)) {
		kfree(r);
		return;
	}
	r->ep = ep;
	quic_skb_addrs(skb, ep, &r->local, &r->remote);
	quic_cid_set(&r->dcid, pkt->dcid, pkt->dcid_len);
	quic_cid_set(&r->scid, pkt->scid, pkt->scid_len);
	r->version = pkt->version;
	r->code = code;
	spin_lock_bh(&qn->refusals_lock);
	if (!qn->refusals_over) {
		list_add_tail(&r->list, &qn->refusals);
		qn->nrefusals++;
		queue_work(quic_net_wq, &qn->refusals_work);
		r = NULL;
	}
	spin_unlock_bh(&qn->refusals_lock);
	if (r)
		done(r);
}

void quic_refuse_net_init(struct quic_net *qn)
{
	spin_lock_init(&qn->refusals_lock);
	INIT_LIST_HEAD(&qn->refusals);
	INIT_WORK(&qn->refusals_work, send_all);
}

void quic_refuse_net_exit(struct quic_net *qn)
{
	struct refusal *r;

	spin_lock_bh(&qn->refusals_lock);
	qn->refusals_over = true;
	spin_unlock_bh(&qn->refusals_lock);
	cancel_work_sync(&qn->refusals_work);
	while ((r = next(qn)))
		done(r);
}
