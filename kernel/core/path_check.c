// SPDX-License-Identifier: GPL-2.0
/*
 * Path validation (RFC 9000, 8.2). One begins with a challenge, or with some if
 * the path is in use, one in a packet; when a PTO went by two more follow, and
 * twice that later it has failed: three PTOs in all. A response counts whatever
 * way it came. On a path that is not in use the frames leave in datagrams of
 * their own, seen by neither loss detection nor congestion control (9.4); the
 * timers here are all they have.
 */
#include "conn.h"
#include "tx.h"

#define KEEP_NS		(10ull * NSEC_PER_SEC)	/* how long an unused path stays validated */
#define IN_USE		3			/* challenges at once on a path in use */
#define STEPS		2			/* of the timer */

/* RFC 9000, 8.2.4: the larger PTO of both paths, with kInitialRtt for the new one */
static u64 period(const struct quic_conn *c)
{
	return max_t(u64, quic_loss_pto(&c->loss), 3 * QUIC_RTT_INITIAL);
}

/* Return: whether there is memory to ask and answer */
static bool may_talk(struct quic_path *p)
{
	if (!p->talk)
		p->talk = kzalloc(sizeof(*p->talk), GFP_ATOMIC | __GFP_NOWARN);
	return p->talk;
}

/* That many challenges; without memory the next step may send some. */
static void want(struct quic_path *p, u8 n)
{
	p->wanted = may_talk(p) ? n : 0;
}

void quic_path_check(struct quic_conn *c, struct quic_path *p, u64 now)
{
	/* 8.2.1: no more often than Initial packets would be sent */
	if (p->checking || (p->checked_at && now - p->checked_at < period(c)))
		return;
	p->checking = true;
	p->checked_at = now;
	p->tries = 0;
	/* One may be lost among data that leaves anyway; little may before it is answered. */
	want(p, p == c->path && !p->validated ? IN_USE : 1);
	p->period = period(c);
	p->at = now + p->period;
}

void quic_path_uncheck(struct quic_path *p)
{
	p->checking = false;
	p->wanted = 0;
	p->n_challenges = 0;
	p->full = 0;
	p->at = U64_MAX;
}

/* --- what comes in --- */

void quic_path_rx_challenge(struct quic_conn *c, const u8 *data, u64 now)
{
	struct quic_path *p = c->paths.rx;

	if (!p)
		return;		/* the handshake is not over: we say nothing there */
	if (!may_talk(p))
		return;		/* he asks again */
	/* More than we care to remember: the oldest are forgotten. */
	if (p->n_responses == QUIC_PATH_RESPONSES_MAX)
		quic_path_responded(p);
	memcpy(p->talk->response[p->n_responses++], data, 8);
	/* 9.6.3: somebody tries this way; the client may want to come */
	if (c->server && p != c->path && !p->validated)
		quic_path_check(c, p, now);
}

void quic_path_responded(struct quic_path *p)
{
	p->n_responses--;
	memmove(p->talk->response[0], p->talk->response[1], sizeof(p->talk->response) -
		sizeof(p->talk->response[0]));
}

static void succeeded(struct quic_conn *c, struct quic_path *p, bool full, u64 now)
{
	unsigned int i;

	quic_path_uncheck(p);
	p->validated = true;
	if (!full) {
		/* 8.2.3: it is there, but do datagrams of 1200 bytes get through? */
		p->checked_at = 0;
		quic_path_check(c, p, now);
	}
	if (p != c->path) {
		if (p == c->paths.next)
			quic_path_go(c, p, !c->server, now);
		else if (!p->checking && (p != c->paths.good || c->path->validated))
			p->at = now + (p->left ? 3 * quic_loss_pto(&c->loss) : KEEP_NS);
		return;
	}
	c->loss.at_amp_limit = false;
	if (p->checking || c->paths.good == p)
		return;
	c->paths.good = p;
	for (i = 0; i < QUIC_PATHS_MAX; i++) {
		struct quic_path *q = c->paths.slot[i];

		if (q && q != p && !q->checking)
			q->at = min(q->at, now + 3 * quic_loss_pto(&c->loss));
	}
	c->ops->event(c, QUIC_CEV_PATH_VALID, 0);
}

void quic_path_rx_response(struct quic_conn *c, const u8 *data, u64 now)
{
	unsigned int i, j;

	/* One that answers nothing is ignored: RFC 9000, 19.18 */
	for (i = 0; i < QUIC_PATHS_MAX; i++) {
		struct quic_path *p = c->paths.slot[i];

		for (j = 0; p && j < p->n_challenges; j++) {
			if (crypto_memneq(p->talk->challenge[j], data, 8))
				continue;
			succeeded(c, p, p->full & BIT(j), now);
			return;
		}
	}
}

/* --- what goes out --- */

const u8 *quic_path_challenge(struct quic_conn *c, struct quic_path *p, bool full)
{
	if (p->n_challenges == QUIC_PATH_CHALLENGES_MAX) {
		memmove(p->talk->challenge[0], p->talk->challenge[1],
			sizeof(p->talk->challenge) - sizeof(p->talk->challenge[0]));
		p->full >>= 1;
		p->n_challenges--;
	}
	c->ops->random(p->talk->challenge[p->n_challenges], 8);
	p->full |= full << p->n_challenges;
	p->wanted--;
	return p->talk->challenge[p->n_challenges++];
}

struct quic_path *quic_path_speaker(const struct quic_conn *c)
{
	unsigned int i;

	if (likely(c->paths.n < 2) || c->state != QUIC_CONN_ESTABLISHED || !c->confirmed)
		return NULL;
	for (i = 0; i < QUIC_PATHS_MAX; i++) {
		struct quic_path *p = c->paths.slot[i];

		if (p && p != c->path && (p->wanted || p->n_responses) &&
		    p->cid != QUIC_PATH_NO_CID &&
		    quic_path_allowance(c, p, QUIC_DGRAM_MIN) >= QUIC_PATH_PROBE_MIN)
			return p;
	}
	return NULL;
}

u32 quic_path_allowance(const struct quic_conn *c, const struct quic_path *p, u32 cap)
{
	u64 limit = p->rx_bytes * QUIC_AMPLIFICATION;

	if (likely(p->validated || !c->server))
		return cap;
	return min_t(u64, cap, limit - min(p->tx_bytes, limit));
}

bool quic_path_plan(struct quic_conn *c, struct quic_path *p, struct quic_plan *plan, u8 *buf,
		    u32 cap)
{
	struct quic_loss_space *ls = &c->loss.app;
	const struct quic_cid_remote *to;
	u64 pn = ls->sent.next;
	const u8 *end;
	u8 *w, *q;

	cap = quic_path_allowance(c, p, min_t(u32, cap, QUIC_DGRAM_MIN));
	if (quic_loss_reserve(&c->loss, QUIC_PNS_APP, GFP_ATOMIC))
		return false;
	memset(plan, 0, offsetof(struct quic_plan, range));
	plan->pn = pn;
	plan->level = QUIC_LEVEL_APP;
	plan->flags = QUIC_PKT_F_OFF_PATH;
	to = quic_cid_remote_at(&c->cids, p->cid);
	w = quic_packet_put_short(buf, buf + cap, &to->cid, c->prot.tx_phase,
				  false, pn, quic_packet_pn_len(pn, ls->largest_acked),
				  &plan->pn_off);
	if (!w)
		return false;
	plan->payload = w - buf;
	end = buf + cap - QUIC_AEAD_TAG;
	/* 8.2.1: one challenge in a packet */
	if (p->wanted && end - w >= 9)
		w = quic_frame_put_path(w, end, QUIC_FT_PATH_CHALLENGE,
					quic_path_challenge(c, p, cap == QUIC_DGRAM_MIN));
	while (p->n_responses) {
		q = quic_frame_put_path(w, end, QUIC_FT_PATH_RESPONSE, p->talk->response[0]);
		if (!q)
			break;
		w = q;
		quic_path_responded(p);
	}
	/* 8.2.1 and 8.2.2: 1200 bytes, or what anti-amplification leaves */
	memset(w, QUIC_FT_PADDING, end - w);
	plan->end = end - buf;
	return true;
}

/* --- timers --- */

u64 quic_path_deadline(const struct quic_conn *c)
{
	u64 at = c->path->at;
	unsigned int i;

	for (i = 0; c->paths.n > 1 && i < QUIC_PATHS_MAX; i++)
		if (c->paths.slot[i])
			at = min(at, c->paths.slot[i]->at);
	return at;
}

static void failed(struct quic_conn *c, struct quic_path *p, u64 now)
{
	struct quic_path *good = c->paths.good;

	quic_path_uncheck(p);
	if (p != c->path) {
		/* Until the new one is sure there is no other to go back to. */
		if (p != good || (c->path->validated && !c->path->checking))
			quic_path_drop(c, p);
		return;
	}
	if (good && good != p) {
		/* 9.3.2 */
		p->validated = false;
		quic_path_go(c, good, false, now);
	} else if (p->validated) {
		/* The peer answers, but not to full datagrams (8.2.4). */
		quic_conn_close(c, false, QUIC_ERR_NO_VIABLE_PATH, 0, NULL, 0, now);
	} else {
		quic_conn_set_closed(c);
	}
}

static void step(struct quic_conn *c, struct quic_path *p, u64 now)
{
	if (!p->checking) {
		quic_path_drop(c, p);
	} else if (++p->tries >= STEPS) {
		failed(c, p, now);
	} else {
		want(p, 2);
		p->period *= 2;
		p->at = now + p->period;
	}
}

void quic_path_timeout(struct quic_conn *c, u64 now)
{
	unsigned int i;

	for (i = 0; i < QUIC_PATHS_MAX && c->state <= QUIC_CONN_ESTABLISHED; i++)
		if (c->paths.slot[i] && c->paths.slot[i]->at <= now)
			step(c, c->paths.slot[i], now);
}
