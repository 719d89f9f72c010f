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
#include "early.h"
#include "log.h"

#define USED_MAX	8192	/* taken within the window; more are refused */

struct used {
	time_t until;
	uint8_t key[QUIC_TLS_HASH];
};

struct used_table {
	pthread_mutex_t lock;
	struct used slot[USED_MAX];
};

static struct used_table *table;

static int used_add(struct used_table *t, const uint8_t *hash, time_t until)
{
	struct used *free_slot = NULL;
	time_t now = time(NULL);
	size_t i;

	for (i = 0; i < USED_MAX; i++) {
		struct used *u = &t->slot[i];

		if (u->until < now) {
			if (!free_slot)
				free_slot = u;
			/* Slots are filled from the front: nothing was ever behind this one. */
			if (!u->until)
				break;
		} else if (!memcmp(u->key, hash, sizeof(u->key))) {
			return -EEXIST;
		}
	}
	if (!free_slot)
		return -ENOSPC;
	memcpy(free_slot->key, hash, sizeof(free_slot->key));
	free_slot->until = until > now ? until : now + 1;
	return 0;
}

int quic_early_first(const uint8_t hash[QUIC_TLS_HASH], time_t until)
{
	int err;

	if (!table)
		return -ENOSPC;
	/*
	 * A process died with the lock, which is ours now. The ClientHello it was at was not
	 * taken: half an entry, or none, lets nothing in twice.
	 */
	err = pthread_mutex_lock(&table->lock);
	if (err == EOWNERDEAD)
		err = pthread_mutex_consistent(&table->lock);
	if (err)
		return -ENOSPC;
	err = used_add(table, hash, until);
	pthread_mutex_unlock(&table->lock);
	return err;
}

bool quic_early_possible(void)
{
	if (!table)
		quic_log(LOG_NOTICE, "no memory to remember 0-RTT tickets in: none is taken");
	return table;
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
	    pthread_mutex_init(&t->lock, &attr)) {
		munmap(t, sizeof(*t));
		return;
	}
	pthread_mutexattr_destroy(&attr);
	table = t;
}

/* What a ticket depends on, as bytes; all of it is written. */
struct ticket_text {
	uint64_t limits[6];
	uint8_t priority[QUIC_TLS_HASH];
	uint8_t cert_demand;
	uint8_t alpn_len;
	uint8_t alpn[255];
	uint8_t sni_len;
	uint8_t sni[QUIC_CTX_NAME_MAX];
};

static void ticket_text(struct quic_ctx *ctx, bool alpn, struct ticket_text *t)
{
	struct quic_transport_param p = { 0 };
	socklen_t plen = sizeof(p);
	const uint8_t *name;
	size_t len;

	memset(t, 0, sizeof(*t));
	if (ctx->sys->getopt(ctx->sd, QUIC_SOCKOPT_TRANSPORT_PARAM, &p, &plen))
		memset(&p, 0, sizeof(p));
	t->limits[0] = p.max_data;
	t->limits[1] = p.max_stream_data_bidi_local;
	t->limits[2] = p.max_stream_data_bidi_remote;
	t->limits[3] = p.max_stream_data_uni;
	t->limits[4] = (uint64_t)p.max_streams_bidi << 32 | p.max_streams_uni;
	t->limits[5] = (uint64_t)p.active_connection_id_limit << 32 | p.max_datagram_frame_size;
	memcpy(t->priority, ctx->priority, sizeof(t->priority));
	/* Who was let in without a certificate does not come in by ticket where one is needed. */
	t->cert_demand = ctx->cert_demand;
	if (alpn && quic_tls_alpn(ctx->session, &name, &len) && len <= sizeof(t->alpn)) {
		t->alpn_len = len;
		memcpy(t->alpn, name, len);
	}
	if (ctx->sni) {
		t->sni_len = strlen(ctx->sni);
		memcpy(t->sni, ctx->sni, t->sni_len);
	}
}

int quic_early_ticket_key(struct quic_ctx *ctx, bool alpn, uint8_t *key)
{
	uint8_t secret[QUIC_TICKET_KEY_SIZE];
	socklen_t len = sizeof(secret);
	struct ticket_text text;
	int err;

	if (ctx->sys->getopt(ctx->sd, QUIC_SOCKOPT_SESSION_TICKET, secret, &len) ||
	    len != sizeof(secret))
		return -EOPNOTSUPP;
	ticket_text(ctx, alpn, &text);
	err = quic_tls_mac(secret, sizeof(secret), &text, sizeof(text), key);
	explicit_bzero(secret, sizeof(secret));
	return err;
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

int quic_early_answer(struct quic_ctx *ctx)
{
	uint32_t taken = !ctx->hello_retry && quic_tls_early_taken(ctx);
	const struct quic_resume *r = ctx->resume;
	const uint8_t *name;
	size_t len;
	int err;

	if (!ctx->early_sent || ctx->early_answered)
		return 0;
	ctx->early_answered = true;
	/* RFC 8446, 4.2.10: the same protocol, or no 0-RTT */
	if (taken && quic_tls_alpn(ctx->session, &name, &len) &&
	    (len != r->alpn_len || memcmp(name, r->alpn, len)))
		return quic_ctx_refuse(ctx, QUIC_ALERT_ILLEGAL_PARAMETER, -EPROTO,
				       "the server took 0-RTT but chose another protocol");
	quic_log(LOG_INFO, "0-RTT %s", taken ? "accepted" : "refused: sent again");
	err = ctx->sys->setopt(ctx->sd, QUIC_SOCKOPT_EARLY_DATA, &taken, sizeof(taken));
	if (!err)
		return 0;
	/* RFC 9000, 7.4.1: the kernel says so to the server */
	ctx->kernel_closed = true;
	return quic_ctx_refuse(ctx, QUIC_ALERT_ILLEGAL_PARAMETER, -EPROTO,
			       "the server took 0-RTT but allows less than it did before");
}
