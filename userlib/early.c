// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * 0-RTT. The table of ClientHellos that were taken (RFC 8446, 8.2) is shared with every process
 * forked later: servers that fork for each connection take early data once, too. It is made when
 * the library is loaded; tickets older than that are refused.
 *
 * ClientHellos are remembered, not tickets (8.2, not 8.1): a ticket opens for as long as it lives,
 * and each ClientHello made with it is taken once. A replay is that ClientHello again, to the bit,
 * or its binder does not hold; one that comes outside the window is too old by its own account.
 * Tickets for one use would need a table of all that were given out, and would refuse a client
 * that opens several connections at once. The keys of tickets belong to a listener, so what one
 * listener took cannot be replayed to another; but programs that were handed one listener and are
 * no forks of each other have a table each (libquic(3)).
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <gnutls/crypto.h>
#include "early.h"
#include "log.h"

#define USED_MAX	8192	/* taken within the window; more are refused */
#define USED_KEY	32
#define WINDOW_MS	10000	/* how far a ticket's age as told may be off (RFC 8446, 8.3) */

struct used {
	time_t until;
	uint8_t key[USED_KEY];
};

struct used_table {
	pthread_mutex_t lock;
	struct used slot[USED_MAX];
};

static struct used_table *table;
static gnutls_anti_replay_t anti_replay;

/* GnuTLS asks: was this ClientHello seen before? Note it if not. */
static int used_add(void *ptr, time_t until, const gnutls_datum_t *key, const gnutls_datum_t *data)
{
	struct used_table *t = ptr;
	time_t now = time(NULL);
	uint8_t digest[USED_KEY];
	struct used *free_slot = NULL;
	int ret = GNUTLS_E_DB_ERROR;
	size_t i;

	(void)data;
	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, key->data, key->size, digest))
		return GNUTLS_E_DB_ERROR;
	/* Who died with the lock may have left half an entry: take nothing any more. */
	if (pthread_mutex_lock(&t->lock))
		return GNUTLS_E_DB_ERROR;
	for (i = 0; i < USED_MAX; i++) {
		struct used *u = &t->slot[i];

		if (u->until < now) {
			if (!free_slot)
				free_slot = u;
			/* Slots are filled from the front: nothing was ever behind this one. */
			if (!u->until)
				break;
		} else if (!memcmp(u->key, digest, sizeof(digest))) {
			ret = GNUTLS_E_DB_ENTRY_EXISTS;
			goto out;
		}
	}
	if (free_slot) {
		free_slot->until = until > now ? until : now + 1;
		memcpy(free_slot->key, digest, sizeof(digest));
		ret = 0;
	}
out:
	pthread_mutex_unlock(&t->lock);
	return ret;
}

__attribute__((constructor)) static void used_init(void)
{
	pthread_mutexattr_t attr;
	struct used_table *t;

	t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (t == MAP_FAILED)
		return;
	if (pthread_mutexattr_init(&attr) ||
	    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) ||
	    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) ||
	    pthread_mutex_init(&t->lock, &attr) || gnutls_anti_replay_init(&anti_replay)) {
		munmap(t, sizeof(*t));
		return;
	}
	pthread_mutexattr_destroy(&attr);
	table = t;
	gnutls_anti_replay_set_window(anti_replay, WINDOW_MS);
	gnutls_anti_replay_set_add_function(anti_replay, used_add);
	gnutls_anti_replay_set_ptr(anti_replay, table);
}

__attribute__((destructor)) static void used_exit(void)
{
	if (table)
		gnutls_anti_replay_deinit(anti_replay);
}

void quic_early_enable(gnutls_session_t session)
{
	if (!table) {
		quic_log(LOG_NOTICE, "no memory to remember 0-RTT tickets in: none is taken");
		return;
	}
	gnutls_anti_replay_enable(session, anti_replay);
	/* RFC 9001, 4.6.1 */
	gnutls_record_set_max_early_data_size(session, 0xffffffffU);
}

int quic_early_ticket_key(struct quic_ctx *ctx, uint8_t *key)
{
	struct quic_transport_param p = { 0 };
	uint8_t secret[QUIC_TICKET_KEY_SIZE], text[6 * 8 + 1 + 256 + 32];
	socklen_t len = sizeof(secret), plen = sizeof(p);
	gnutls_datum_t alpn = { 0 };
	uint64_t limits[6];
	int ret;

	if (ctx->sys->getopt(ctx->sd, QUIC_SOCKOPT_SESSION_TICKET, secret, &len) ||
	    len != sizeof(secret))
		return -EOPNOTSUPP;
	if (ctx->sys->getopt(ctx->sd, QUIC_SOCKOPT_TRANSPORT_PARAM, &p, &plen))
		memset(&p, 0, sizeof(p));
	limits[0] = p.max_data;
	limits[1] = p.max_stream_data_bidi_local;
	limits[2] = p.max_stream_data_bidi_remote;
	limits[3] = p.max_stream_data_uni;
	limits[4] = (uint64_t)p.max_streams_bidi << 32 | p.max_streams_uni;
	limits[5] = (uint64_t)p.active_connection_id_limit << 32 | p.max_datagram_frame_size;
	memset(text, 0, sizeof(text));
	memcpy(text, limits, sizeof(limits));
	if (!gnutls_alpn_get_selected_protocol(ctx->session, &alpn) && alpn.size <= 255) {
		text[sizeof(limits)] = alpn.size;
		memcpy(text + sizeof(limits) + 1, alpn.data, alpn.size);
	}
	memcpy(text + sizeof(text) - sizeof(ctx->priority), ctx->priority, sizeof(ctx->priority));
	ret = gnutls_hmac_fast(GNUTLS_MAC_SHA512, secret, sizeof(secret), text, sizeof(text), key);
	/*
	 * Who needed HelloRetryRequest will again, and GnuTLS 3.7 has no room for the keys of
	 * 0-RTT and a second ClientHello: this ticket shall open nowhere.
	 */
	if (ctx->early_wanted && ctx->hello_retry)
		ret = gnutls_rnd(GNUTLS_RND_KEY, key, QUIC_TICKET_KEY_SIZE);
	explicit_bzero(secret, sizeof(secret));
	return ret ? -EOPNOTSUPP : 0;
}

/* --- the client --- */

void quic_early_prepare(struct quic_ctx *ctx)
{
	struct quic_resume *r = ctx->resume;
	int err;

	if (!r)
		return;
	if (r->token_len) {
		err = ctx->sys->setopt(ctx->sd, QUIC_SOCKOPT_TOKEN, r->token, r->token_len);
		if (err)
			quic_log(LOG_DEBUG, "QUIC_SOCKOPT_TOKEN: %s", strerror(-err));
	}
	if (!ctx->early_wanted || !r->early)
		return;
	r->params.remote = 1;
	err = ctx->sys->setopt(ctx->sd, QUIC_SOCKOPT_TRANSPORT_PARAM, &r->params,
			       sizeof(r->params));
	if (err)
		quic_log(LOG_NOTICE, "no 0-RTT: the kernel does not take the remembered parameters: %s",
			 strerror(-err));
	ctx->early_prepared = !err;
}

bool quic_early_wanted(const struct quic_ctx *ctx)
{
	return ctx->early_prepared;
}

int quic_early_answer(struct quic_ctx *ctx)
{
	uint32_t taken = !ctx->hello_retry &&
			 gnutls_session_get_flags(ctx->session) & GNUTLS_SFLAGS_EARLY_DATA;
	const struct quic_resume *r = ctx->resume;
	gnutls_datum_t name = { 0 };
	int err;

	if (!ctx->early_sent)
		return 0;
	/* RFC 8446, 4.2.10: the same protocol, or no 0-RTT */
	if (taken && !gnutls_alpn_get_selected_protocol(ctx->session, &name) &&
	    (name.size != r->alpn_len || memcmp(name.data, r->alpn, name.size))) {
		ctx->alert = GNUTLS_A_ILLEGAL_PARAMETER;
		ctx->sys_err = quic_ctx_fail(ctx, -EPROTO,
					     "the server took 0-RTT but chose another protocol");
		return GNUTLS_E_RECEIVED_ILLEGAL_PARAMETER;
	}
	quic_log(LOG_INFO, "0-RTT %s", taken ? "accepted" : "refused: sent again");
	err = ctx->sys->setopt(ctx->sd, QUIC_SOCKOPT_EARLY_DATA, &taken, sizeof(taken));
	if (!err)
		return 0;
	/* RFC 9000, 7.4.1: the kernel says so to the server */
	ctx->kernel_closed = true;
	ctx->sys_err = quic_ctx_fail(ctx, -EPROTO,
				     "the server took 0-RTT but allows less than it did before");
	return GNUTLS_E_RECEIVED_ILLEGAL_PARAMETER;
}
