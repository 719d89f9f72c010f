// SPDX-License-Identifier: GPL-2.0
/*
 * Version negotiation.
 *
 * Invariant: c->version is the one of all that is sent now, c->original that of
 * the first flight; they differ once the server chose another (compatible
 * negotiation, RFC 9368, 2.3). c->version_settled: no long header changes it any
 * more. A Version Negotiation packet changes both, and only before anything else
 * came.
 */
#include "negotiate.h"
#include "rx.h"

void quic_negotiate_init(struct quic_conn *c, const struct quic_conn_config *cfg)
{
	c->version = cfg->version ? cfg->version : QUIC_V1;
	c->original = c->version;
	c->compatible = !cfg->no_compatible;
	c->hs->versions = cfg->versions;
	c->own_order = cfg->versions.n;
	if (!c->hs->versions.n)
		quic_version_all(&c->hs->versions, c->version);
	else if (!c->server && quic_version_known(c->version))
		quic_version_add(&c->hs->versions, c->version);
}

/* --- which packets are ours --- */

int quic_negotiate_keys(const struct quic_conn *c, enum quic_level level, u32 version)
{
	switch (level) {
	case QUIC_LEVEL_INITIAL:
		if (version != c->version && version == c->prot.alt)
			return QUIC_KEYS_ALT;
		break;
	case QUIC_LEVEL_EARLY:
		/* RFC 9369, 4.1: never in the negotiated version */
		return version == c->original ? (int)level : -1;
	case QUIC_LEVEL_APP:
		return level;
	default:
		break;
	}
	return version == c->version ? (int)level : -1;
}

bool quic_negotiate_maybe(const struct quic_conn *c, u32 version)
{
	return !c->server && c->compatible && !c->version_settled &&
	       c->state == QUIC_CONN_HANDSHAKE && version != c->version &&
	       quic_version_listed(&c->hs->versions, version) &&
	       (!c->prot.alt || c->prot.alt == version);
}

void quic_negotiate_want(struct quic_conn *c, u32 version)
{
	if (c->hs->version_wanted)
		return;
	c->hs->version_wanted = version;
	c->ops->event(c, QUIC_CEV_VERSION, version);
}

void quic_negotiate_opened(struct quic_conn *c)
{
	/* RFC 9369, 4.1: the first long header of another version tells */
	if (c->server)
		return;
	quic_protect_switch(&c->prot, false);
	c->version = c->prot.version;
	c->version_settled = true;
}

void quic_negotiate_settle(struct quic_conn *c)
{
	if (c->server || c->version_settled)
		return;
	c->version_settled = true;
	quic_protect_drop_alternate(&c->prot);
}

/* --- Version Negotiation packets --- */

/* RFC 9000, 6.2: the first thing we hear, an answer to ours; RFC 9368, 4: and only once */
static bool vn_counts(const struct quic_conn *c, const struct quic_packet *h, const u8 *pkt)
{
	return !c->server && c->state == QUIC_CONN_HANDSHAKE && !c->peer_scid_set &&
	       !c->retried && !c->retry && !c->vn_acted && !c->hs->vn_version &&
	       quic_cid_eq(&c->cids.local[0].cid, h->dcid, h->dcid_len) &&
	       quic_cid_eq(&c->odcid, h->scid, h->scid_len) &&
	       !quic_packet_vn_has(pkt, h, c->version);
}

void quic_negotiate_rx_vn(struct quic_conn *c, const struct quic_packet *h, const u8 *pkt,
			  u64 now)
{
	struct quic_versions theirs;

	if (!vn_counts(c, h, pkt)) {
		c->stats.packets_dropped++;
		return;
	}
	quic_packet_vn_list(pkt, h, &theirs);
	c->hs->vn_version = quic_version_select(&c->hs->versions, &theirs);
	if (c->hs->vn_version) {
		c->ops->event(c, QUIC_CEV_VERSION, c->hs->vn_version);
		return;
	}
	quic_conn_close(c, false, QUIC_ERR_VERSION_NEGOTIATION, 0, NULL, 0, now);
	quic_conn_set_closed(c);
}

/* --- in process context --- */

/* RFC 9368, 2.5: another connection in all but name; tickets and tokens are of the first version */
static int start_over(struct quic_conn *c, u32 version, u64 now)
{
	struct quic_cid odcid = { .len = QUIC_CID_LEN };
	int err;

	c->ops->random(odcid.id, odcid.len);
	err = quic_protect_initial(&c->prot, version, &odcid, false);
	if (err)
		return err;
	c->vn_acted = true;
	c->version = version;
	c->original = version;
	c->odcid = odcid;
	quic_cid_set_remote(c, odcid.id, odcid.len);
	quic_early_abandon(c);
	quic_loss_forget(&c->loss, QUIC_PNS_INITIAL);
	quic_crypto_stream_free(c, QUIC_LEVEL_INITIAL);
	quic_rx_drop_held(c);
	kfree(c->token);
	c->token = NULL;
	c->token_len = 0;
	c->local_tp_used = false;
	quic_conn_touch_rx(c, now);
	c->ops->event(c, QUIC_CEV_RESTART, version);
	return 0;
}

int quic_negotiate_apply(struct quic_conn *c, u64 now)
{
	u32 vn, wanted;
	int err = 0;

	if (c->server || c->state != QUIC_CONN_HANDSHAKE)
		return 0;
	vn = c->hs->vn_version;
	wanted = c->hs->version_wanted;
	c->hs->vn_version = 0;
	c->hs->version_wanted = 0;
	/* What came since makes a Version Negotiation packet void. */
	if (vn && !c->peer_scid_set && !c->retried && !c->retry)
		return start_over(c, vn, now);
	if (wanted && quic_negotiate_maybe(c, wanted) && !c->prot.alt)
		err = quic_protect_alternate(&c->prot, wanted, quic_conn_first_id(c), false);
	if (!err && wanted)
		quic_rx_replay(c, QUIC_LEVEL_INITIAL);
	return err;
}

/* --- Version Information --- */

/* What our Available Versions say. RFC 9368, 3 */
static void available(const struct quic_conn *c, struct quic_versions *v)
{
	v->n = 0;
	/* RFC 9368, 2.3: a client that wants no other lists the one */
	if (c->server || c->compatible)
		*v = c->hs->versions;
	if (!c->server)
		quic_version_add(v, c->original);
}

void quic_negotiate_local(const struct quic_conn *c, struct quic_tparams *tp)
{
	tp->version_chosen = c->version;
	available(c, &tp->versions);
	tp->has_versions = true;
}

/* RFC 9368, 2.3 and 4 */
static int server_params(struct quic_conn *c, const struct quic_tparams *tp)
{
	u32 version = 0;
	int err;

	if (tp->version_chosen && tp->version_chosen != c->original)
		return -EPROTO;
	c->version_settled = true;
	/* Ours is the order if somebody wrote one down, else the client's. */
	if (c->compatible)
		version = c->own_order ? quic_version_select(&c->hs->versions, &tp->versions) :
					 quic_version_select(&tp->versions, &c->hs->versions);
	if (!version || version == c->version)
		return 0;
	err = quic_protect_alternate(&c->prot, version, quic_conn_first_id(c), true);
	if (err)
		return err;
	/* RFC 9369, 4.1: the client's packets of the first version are still on their way */
	quic_protect_switch(&c->prot, true);
	c->version = version;
	return 0;
}

/* RFC 9368, 4: was it what we had chosen, had we known what the server speaks? */
static bool no_downgrade(const struct quic_conn *c, const struct quic_tparams *tp)
{
	struct quic_versions theirs = tp->versions;

	if (!tp->has_versions)
		return false;
	quic_version_add(&theirs, c->version);
	return quic_version_select(&c->hs->versions, &theirs) == c->original;
}

static int client_params(struct quic_conn *c, const struct quic_tparams *tp)
{
	static const struct quic_tparams only_v1 = {
		.version_chosen = QUIC_V1,
		.versions = { .n = 1, .list = { QUIC_V1 } },
		.has_versions = true,
	};
	struct quic_versions ours;

	quic_negotiate_settle(c);
	if (!tp->version_chosen && !c->vn_acted)
		return c->version != c->original ? -EPROTO : 0;
	/* RFC 9368, 8: a server older than that parameter speaks version 1 and no other */
	if (!tp->version_chosen)
		tp = &only_v1;
	available(c, &ours);
	if (tp->version_chosen != c->version || !quic_version_listed(&ours, c->version))
		return -EPROTO;
	return !c->vn_acted || no_downgrade(c, tp) ? 0 : -EPROTO;
}

int quic_negotiate_params(struct quic_conn *c, const struct quic_tparams *tp)
{
	return c->server ? server_params(c, tp) : client_params(c, tp);
}
