// SPDX-License-Identifier: GPL-2.0
/*
 * The socket's one hrtimer, its work item, and what release_sock() catches up on.
 *
 * The timer is moved only when it has to fire earlier than it is set to; one
 * that fires too early is set again. It holds no reference: the connection's
 * end stops it and waits for its callback. The work item holds one while queued.
 */
#include "../compat/hrtimer.h"
#include "../core/negotiate.h"
#include "../core/retry.h"
#include "sock.h"

#define LET_GO_NS	(50 * NSEC_PER_MSEC)

struct workqueue_struct *quic_sock_wq;

/* Nothing in flight: an idle connection keeps no pages to build or open packets in. */
static void let_go(struct sock *sk, u64 now)
{
	struct quic_sock *qs = quic_sk(sk);

	if (qs->conn.loss.bytes_in_flight || now < qs->conn.last_activity + LET_GO_NS)
		return;
	quic_train_free_spare(sk);
	quic_sendbuf_free_spare(sk);
	quic_sock_datagram_free_spare(sk);
	quic_xmit_let_go(sk);
	sk_mem_reclaim(sk);
}

static void run(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	u64 now = ktime_get_ns();

	if (!qs->conn_live)
		return;
	if (quic_conn_deadline(&qs->conn, now) <= now)
		quic_conn_timeout(&qs->conn, now);
	quic_sock_park(sk, now);
	quic_sock_pump(sk);
	let_go(sk, now);
}

static u64 deadline(struct quic_sock *qs, u64 now)
{
	u64 at = quic_conn_deadline(&qs->conn, now);

	/* What is due waits for the work item. */
	if (unlikely(quic_parked(&qs->conn)) && test_bit(QUIC_CHORE_UNPARK, &qs->chores))
		return U64_MAX;
	at = min(at, quic_sock_park_at(qs));
	if (qs->orphan)
		at = min(at, qs->linger_until);
	if (qs->hold_until)
		at = min(at, qs->hold_until);
	if (unlikely(qs->refused_until))
		at = min(at, qs->refused_until);
	/* Never due at once: who tries to send meanwhile takes a page, and gives it back. */
	if ((quic_sock_sk(qs)->sk_frag.page || qs->spare || qs->single || qs->tx_spare ||
	     qs->nsend_pages) &&
	    !qs->conn.loss.bytes_in_flight)
		at = min(at, max(qs->conn.last_activity + LET_GO_NS, now + NSEC_PER_MSEC));
	return at;
}

/*
 * Set for something that was settled since: wait for what is next. Packets the pacer
 * lets go now are no deadline any more, but what it fired for.
 */
static bool too_early(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	u64 now = ktime_get_ns();

	if (!qs->conn_live || deadline(qs, now) <= now || quic_tx_pending(&qs->conn, now))
		return false;
	let_go(sk, now);
	quic_sock_timer_set(sk, now);
	return true;
}

static enum hrtimer_restart fired(struct hrtimer *timer)
{
	struct quic_sock *qs = container_of(timer, struct quic_sock, timer);
	struct sock *sk = quic_sock_sk(qs);

	bh_lock_sock(sk);
	qs->timer_at = U64_MAX;
	if (sock_owned_by_user(sk))
		__set_bit(QUIC_DEFER_TIMER, &qs->deferred);
	else if (!too_early(sk))
		run(sk);
	bh_unlock_sock(sk);
	return HRTIMER_NORESTART;
}

void quic_sock_timer_init(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);

	quic_compat_hrtimer_setup(&qs->timer, fired, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_SOFT);
	qs->timer_at = U64_MAX;
}

void quic_sock_timer_set(struct sock *sk, u64 now)
{
	struct quic_sock *qs = quic_sk(sk);
	u64 at = deadline(qs, now);

	if (at >= qs->timer_at || qs->dead)
		return;
	qs->timer_at = at;
	hrtimer_start(&qs->timer, ns_to_ktime(at), HRTIMER_MODE_ABS_SOFT);
}

/* We own the socket: a callback that runs meanwhile leaves a note, and nobody sets it again. */
void quic_sock_timer_stop(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);

	hrtimer_cancel(&qs->timer);
	qs->timer_at = U64_MAX;
}

/* Called by release_sock() with the spinlock held. */
void quic_sock_release_cb(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);

	if (unlikely(qs->icmp))
		quic_sock_icmp_deferred(sk);
	if (__test_and_clear_bit(QUIC_DEFER_TIMER, &qs->deferred))
		run(sk);
}

void quic_sock_queue_work(struct sock *sk, int bit)
{
	struct quic_sock *qs = quic_sk(sk);

	set_bit(bit, &qs->chores);
	sock_hold(sk);
	if (!queue_work(quic_sock_wq, &qs->work))
		__sock_put(sk);
}

/* Keys of another version, and packets that waited for them; or a new start in it. */
static void change_version(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);

	qs->cur = quic_train_new(sk, QUIC_BURST_MAX, qs->conn.held_bytes);
	if (!qs->cur)
		return;		/* the server repeats what we hold, and we ask again */
	quic_negotiate_apply(&qs->conn, ktime_get_ns());
	quic_recvbuf_train_done(sk, xchg(&qs->cur, NULL));
	quic_sock_pump(sk);
}

void quic_sock_work(struct work_struct *work)
{
	struct quic_sock *qs = container_of(work, struct quic_sock, work);
	struct sock *sk = quic_sock_sk(qs);

	lock_sock(sk);
	if (test_and_clear_bit(QUIC_CHORE_UNPARK, &qs->chores))
		quic_sock_unpark(sk);
	if (test_and_clear_bit(QUIC_CHORE_KEYS, &qs->chores) && qs->conn_live &&
	    qs->conn.state == QUIC_CONN_ESTABLISHED)
		quic_protect_prepare_update(&qs->conn.prot);
	if (test_and_clear_bit(QUIC_CHORE_RETRY, &qs->chores) && qs->conn_live) {
		quic_retry_apply(&qs->conn, ktime_get_ns());
		quic_sock_pump(sk);
	}
	if (test_and_clear_bit(QUIC_CHORE_VERSION, &qs->chores) && qs->conn_live)
		change_version(sk);
	release_sock(sk);
	/* Only an orphan asks for this, once: the reference of the file descriptor goes with it. */
	if (test_and_clear_bit(QUIC_CHORE_BURY, &qs->chores))
		sk_common_release(sk);
	sock_put(sk);
}
