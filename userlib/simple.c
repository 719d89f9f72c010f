// SPDX-License-Identifier: LGPL-2.1-or-later
/* A handshake in one call: keys, session, stepper, and nothing left behind. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "ctx.h"
#include "early.h"
#include "log.h"
#include "tls.h"

/* A client's certificate may be wished for by socket option: the authorities are read for it, too. */
static unsigned int socket_wishes(int sd, const struct quic_sys *sys)
{
	struct quic_config config = { 0 };
	socklen_t len = sizeof(config);

	if (sys->getopt(sd, QUIC_SOCKOPT_CONFIG, &config, &len))
		return 0;
	return config.certificate_request == 2 ? QUIC_HANDSHAKE_CERT_REQUIRE :
	       config.certificate_request == 1 ? QUIC_HANDSHAKE_CERT_REQUEST : 0;
}

/* One that cannot be used costs a round trip, no more. */
static void resume_from(quic_session_t session, const struct quic_handshake_opts *opts)
{
	int err = quic_resume_load(session, opts->resume_file);

	if (err && err != -ENOENT)
		quic_log(LOG_NOTICE, "nothing to resume in %s: %s", opts->resume_file,
			 strerror(-err));
}

/* quic_config.receive_session_ticket: who wants the ticket may want it here and now. */
static void ticket_wait(struct quic_ctx *ctx)
{
	struct quic_config config = { 0 };
	uint8_t ticket[QUIC_TICKET_MAX];
	socklen_t len = sizeof(config);
	int turns;

	if (ctx->sys->getopt(ctx->sd, QUIC_SOCKOPT_CONFIG, &config, &len))
		return;
	for (turns = config.receive_session_ticket * 100; turns > 0; turns--) {
		len = sizeof(ticket);
		if (ctx->sys->getopt(ctx->sd, QUIC_SOCKOPT_SESSION_TICKET, ticket, &len) || len)
			return;
		ctx->sys->wait(ctx->sd, 0, 10);
	}
}

#define STARTS_MAX	2	/* the second in the version the server asked for (RFC 9368, 4) */

/* One session, from its making to its end. */
static int attempt(struct quic_tls *tls, int sd, const struct quic_sys *sys,
		   struct quic_handshake_opts *opts, bool resume)
{
	quic_session_t session;
	struct quic_ctx *ctx;
	int err;

	/* Only when there is something for it TLS is to be told of 0-RTT. */
	if (!tls->server && (!resume || !opts->resume_file || !quic_resume_early(opts->resume_file)))
		tls->flags &= ~QUIC_HANDSHAKE_EARLY;
	err = quic_tls_session_sys(tls, sd, sys, NULL, &session);
	if (err)
		return quic_tls_fail(opts, err, "cannot prepare the TLS session: %s",
				     quic_strerror(err));
	if (resume && opts->session_data && opts->session_len) {
		err = quic_session_set_data(session, opts->session_data, opts->session_len);
		if (err) {
			quic_tls_fail(opts, err, "the session data to resume is unusable: delete it");
			goto out;
		}
	}
	if (resume && opts->resume_file)
		resume_from(session, opts);
	ctx = quic_ctx_find(session);
	ctx->timeout_ms = opts->timeout_ms;
	ctx->early_fn = opts->early;
	ctx->early_arg = opts->early_arg;
	err = quic_handshake(session);
	/* Whatever was wrong with it: the next try begins anew. */
	if (err && ctx->resume && opts->resume_file)
		unlink(opts->resume_file);
	if (!err && !tls->server)
		ticket_wait(ctx);
	if (err && opts->errbuf && opts->errlen)
		snprintf(opts->errbuf, opts->errlen, "%s", quic_handshake_error(session)[0] ?
			 quic_handshake_error(session) : quic_strerror(err));
	if (!err && opts->session) {
		ctx->owned = tls;
		*opts->session = session;
		return 0;
	}
out:
	quic_session_free(session);
	return err;
}

int quic_simple_handshake(int sd, const struct quic_sys *sys, bool server,
			  const struct quic_handshake_opts *caller)
{
	bool resume, restart = true;
	struct quic_handshake_opts opts;
	struct quic_tls *tls;
	int err, starts = 0;

	if (sd < 0 || !caller)
		return -EINVAL;
	err = quic_tls_take_opts(&opts, caller);
	if (err)
		return err;
	if (opts.session)
		*opts.session = NULL;
	if (opts.errbuf && opts.errlen)
		opts.errbuf[0] = 0;
	err = server ? quic_tls_check_demand(&opts) : 0;
	if (err)
		return err;
	if (server)
		opts.flags |= socket_wishes(sd, sys);
	err = server ? quic_tls_make_server(&tls, &opts) : quic_tls_new_client(&tls, &opts);
	if (err)
		return err;

	resume = !server;
	while (restart) {
		err = attempt(tls, sd, sys, &opts, resume);
		restart = err == -ESTALE && ++starts < STARTS_MAX;
		/* A ticket is of one version only (RFC 9369, 5). */
		resume = false;
	}
	if (err || !opts.session)
		quic_tls_free(tls);
	return err;
}

int quic_client_handshake_opts(int sd, const struct quic_handshake_opts *opts)
{
	return quic_simple_handshake(sd, &quic_sys_kernel, false, opts);
}

int quic_server_handshake_opts(int sd, const struct quic_handshake_opts *opts)
{
	return quic_simple_handshake(sd, &quic_sys_kernel, true, opts);
}

int quic_client_handshake(int sd, const char *psk_file, const char *hostname, const char *alpns)
{
	struct quic_handshake_opts opts = {
		.size = sizeof(opts),
		.alpns = alpns,
		.hostname = hostname,
		.psk_file = psk_file,
	};

	return quic_client_handshake_opts(sd, &opts);
}

int quic_server_handshake(int sd, const char *pkey_file, const char *cert_file, const char *alpns)
{
	struct quic_handshake_opts opts = {
		.size = sizeof(opts),
		.alpns = alpns,
		.cert_file = cert_file,
		.pkey_file = cert_file ? pkey_file : NULL,
		.psk_file = cert_file ? NULL : pkey_file,
	};

	return quic_server_handshake_opts(sd, &opts);
}
