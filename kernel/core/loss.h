/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Loss detection, PTO and what feeds congestion control (RFC 9002, 6 and 7)
 * for one connection: the sent rings of the three spaces live here.
 *
 * Who owns what: conn.c embeds one struct quic_loss; loss.c settles packets
 * and tells the owner frame by frame through the two callbacks, so that it
 * knows nothing of streams. Cost of an ACK: proportional to the packets it
 * newly acknowledges, not to those in flight. The caller serialises; @now never
 * goes back.
 *
 * The sender asks quic_loss_window() and quic_pacer_budget(&l->pacer), and
 * charges what left with quic_pacer_sent(&l->pacer), a packet or a burst at a
 * time; only the pacer's rate is kept here. Probes wait for neither.
 */
#ifndef QUIC_CORE_LOSS_H
#define QUIC_CORE_LOSS_H

#include "cc.h"
#include "ecn.h"
#include "frame.h"
#include "pacer.h"
#include "rtt.h"
#include "sent.h"

struct quic_loss;

struct quic_loss_cb {
	/* Called once for each frame of a packet, then never again for it; may not call loss.c. */
	void (*acked)(struct quic_loss *l, enum quic_pns pns, const struct quic_sent_frame *f);
	void (*lost)(struct quic_loss *l, enum quic_pns pns, const struct quic_sent_frame *f);
	/* A MTU probe's fate (its size is all that matters) */
	void (*probe)(struct quic_loss *l, u16 size, bool acked);
};

struct quic_loss_space {
	struct quic_sent sent;
	s64 largest_acked;		/* -1: none */
	u64 loss_time;			/* 0: none */
	u64 last_eliciting;		/* when the last ack-eliciting packet left; 0: never */
	struct quic_ecn_counts ecn;
	u32 eliciting;			/* ack-eliciting packets in flight */
	bool discarded;
	u8 probes;			/* ack-eliciting packets to send because of PTO, whatever
					 * cwnd says; quic_loss_sent() counts them down
					 */
};

/* Those of the two spaces that go with the handshake */
#define QUIC_PNS_EARLY		(QUIC_PNS_COUNT - QUIC_PNS_INITIAL)

/* What loss.c learned of a path; loss_path.c */
struct quic_loss_est {
	struct quic_rtt rtt;
	struct quic_cc cc;
	struct quic_pacer pacer;
	u64 reorder_window;
	u32 reorder_threshold;
	struct quic_ecn ecn;
};

#define QUIC_LOSS_THRESHOLD	3	/* packets: RFC 9002, 6.1.1 */

struct quic_loss {
	const struct quic_loss_cb *cb;
	struct quic_rtt rtt;
	struct quic_cc cc;
	struct quic_pacer pacer;
	struct quic_ecn ecn;
	struct quic_loss_space app;
	struct quic_loss_space *first;	/* the owner's: Initial, Handshake; NULL: both are over */
	u64 bytes_in_flight;
	u64 max_ack_delay;		/* the peer's, ns; counts once the handshake is confirmed */
	/*
	 * What was out on paths left within this PTO, but for those left first: who goes to and fro
	 * gets no window with each turn. 0: nothing
	 */
	u64 away;
	u64 away_until;			/* ns */
	u64 initial_rtt;		/* of any path before its first sample, ns */
	u64 last_progress;		/* last packet acked, eliciting one sent or PTO fired */
	u32 pto_count;
	/*
	 * Reordering seen so far, learned from spurious losses and forgotten after 16 reductions
	 * without one: a packet is lost when a later one by reorder_threshold was acked, or
	 * rtt + max(rtt / 8, reorder_window) after it was sent.
	 */
	u32 reorder_threshold;		/* packets; 3 at first */
	u64 reorder_window;		/* ns; 0 at first */
	u32 reorder_calm;		/* reductions since the last spurious loss */
	u32 undo_left;			/* losses of the reduction not yet spurious; 0: no undo */
	bool rescue;			/* one packet may leave although cwnd is full: 7.3.2 */
	bool server;
	bool confirmed;			/* handshake confirmed: PTO for APP, RFC 9002 6.2.1 */
	bool peer_validated;		/* PeerCompletedAddressValidation(): here and by owner */
	bool at_amp_limit;		/* a server that may send nothing arms no PTO, 6.2.2.1 */
	bool has_handshake_keys;	/* client anti-deadlock probe goes out at this level */
	bool early;			/* client: 0-RTT may fill the window; until an ACK in APP */
	bool crypto_lost;		/* the owner: TLS bytes of the handshake wait again */
	bool app_limited;		/* kept by the planner: cwnd allows more than there is */
	/* counters for QUIC_INFO */
	u64 packets_lost, bytes_lost;	/* without MTU probes and ACK-only packets */
	u64 packets_spurious;		/* of packets_lost: acked later */
};

/* @first: QUIC_PNS_EARLY of them, the owner's until quic_loss_end_first() or _free() */
void quic_loss_init(struct quic_loss *l, const struct quic_loss_cb *cb,
		    const struct quic_cc_ops *cc, bool server, u32 mss, u64 initial_rtt,
		    struct quic_loss_space *first);
void quic_loss_free(struct quic_loss *l);	/* passes every frame still out to lost() first */
/* Discards the spaces of the handshake, which are the owner's again. */
void quic_loss_end_first(struct quic_loss *l);

/* Make room for one packet; see quic_sent_reserve(). */
int quic_loss_reserve(struct quic_loss *l, enum quic_pns pns, gfp_t gfp);
/*
 * Commit the packet being built in @pns. @flags: ELICITING, IN_FLIGHT, MTU_PROBE, ECT0 as they
 * apply; APP_LIMITED is added here.
 */
void quic_loss_sent(struct quic_loss *l, enum quic_pns pns, u16 size, u8 flags, u64 now);

/*
 * An ACK frame came. @delay: Ack Delay in ns, already scaled (0 in Initial and
 * Handshake).
 * Return: 0, or -EPROTO when it acknowledges a packet never sent (RFC 9000, 13.1).
 * An ACK for a discarded space is ignored.
 */
int quic_loss_on_ack(struct quic_loss *l, enum quic_pns pns, const struct quic_frame_ack *ack,
		     u64 delay, u64 now);
/* Bytes congestion control lets out now; 0 when not even one full datagram. Probes ignore it. */
u64 quic_loss_window(const struct quic_loss *l);
/* When quic_loss_timeout() wants to be called, maybe in the past; U64_MAX: not at all. */
u64 quic_loss_deadline(const struct quic_loss *l, u64 now);
/*
 * The deadline passed (nothing happens if it did not): detect time-threshold
 * losses, or set ->probes of the space to probe (2 packets; 1 in others with
 * packets out, and for the client's anti-deadlock probe) and back the PTO off.
 * RFC 9002, A.9
 */
void quic_loss_timeout(struct quic_loss *l, u64 now);
/* Keys of @pns dropped: forget its packets (frames are lost()), RFC 9002, 6.4. */
void quic_loss_discard(struct quic_loss *l, enum quic_pns pns);
/*
 * Forget what is out in @pns, congestion control untouched, but go on using the space: 0-RTT was
 * rejected (6.4), Retry or Version Negotiation came (6.3). Frames are lost().
 */
void quic_loss_forget(struct quic_loss *l, enum quic_pns pns);
/*
 * Another path comes into use: what is out belongs to the old one. Then save() what was learned
 * on that, and load() what is known of the new one; NULL: nothing, and the owner calls
 * quic_cc_init().
 */
void quic_loss_leave(struct quic_loss *l, u64 now);
void quic_loss_save(const struct quic_loss *l, struct quic_loss_est *e);
void quic_loss_load(struct quic_loss *l, const struct quic_loss_est *e);
/* Nothing is in flight, nor will be soon: the rings go. */
void quic_loss_rest(struct quic_loss *l);
/* PTO period of the connection without backoff, ack delay included: RFC 9000 10.1, 10.2 */
u64 quic_loss_pto(const struct quic_loss *l);

/* One of those in use. Who may only read @l may not write to it either. */
static inline struct quic_loss_space *quic_loss_space(const struct quic_loss *l, enum quic_pns pns)
{
	return likely(pns == QUIC_PNS_APP) ? (struct quic_loss_space *)&l->app :
					     &l->first[pns - QUIC_PNS_INITIAL];
}

/* So many are, from QUIC_PNS_APP on (RFC 9001, 4.9.2). */
static inline unsigned int quic_loss_spaces(const struct quic_loss *l)
{
	return likely(!l->first) ? QUIC_PNS_APP + 1 : QUIC_PNS_COUNT;
}

static inline bool quic_loss_discarded(const struct quic_loss *l, enum quic_pns pns)
{
	return pns >= quic_loss_spaces(l) || quic_loss_space(l, pns)->discarded;
}

/* --- between loss*.c --- */

/* Loss of @packets, or a CE mark if none, the last of them sent at @sent_time. */
void quic_loss_congestion(struct quic_loss *l, u64 sent_time, u32 packets, u64 now);
/* @pn, declared lost, was acknowledged by a frame whose largest is @largest. */
void quic_loss_late(struct quic_loss *l, enum quic_pns pns, u64 pn, u64 largest, u64 now);

/* RFC 9002, 6.1.2, with the learned window */
static inline u64 quic_loss_delay(const struct quic_loss *l)
{
	u64 rtt = max(l->rtt.latest, l->rtt.smoothed);

	return max_t(u64, rtt + max(rtt / 8, l->reorder_window), QUIC_RTT_GRANULARITY);
}

#endif
