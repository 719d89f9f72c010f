// SPDX-License-Identifier: LGPL-2.1-or-later
/* A handshake in one call: keys, session, stepper, and nothing left behind. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "ctx.h"
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

#define STARTS_MAX	2	/* the second in the version the server asked for (RFC 9368, 4) */

/* One session, from its making to its end. */
static int attempt(struct quic_tls *tls, int sd, const struct quic_sys *sys,
		   struct quic_handshake_opts *opts, bool resume)
{
	gnutls_session_t session;
	int err;

	err = quic_tls_session_sys(tls, sd, sys, NULL, &session);
	if (err)
		return quic_tls_fail(opts, err, "cannot prepare the TLS session: %s",
				     quic_strerror(err));
	if (resume) {
		err = quic_session_set_data(session, opts->session_data, opts->session_len);
		if (err) {
			quic_tls_fail(opts, err, "the session data to resume is unusable: delete it");
			goto out;
		}
	}
	quic_ctx_find(session)->timeout_ms = opts->timeout_ms;
	err = quic_handshake(session);
	if (err && opts->errbuf && opts->errlen)
		snprintf(opts->errbuf, opts->errlen, "%s", quic_handshake_error(session)[0] ?
			 quic_handshake_error(session) : quic_strerror(err));
out:
	gnutls_deinit(session);
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
	if (server)
		opts.flags |= socket_wishes(sd, sys);
	err = server ? quic_tls_new_server(&tls, &opts) : quic_tls_new_client(&tls, &opts);
	if (err)
		return err;

	resume = opts.session_data && opts.session_len;
	while (restart) {
		err = attempt(tls, sd, sys, &opts, resume);
		restart = err == -ESTALE && ++starts < STARTS_MAX;
		/* A ticket is of one version only (RFC 9369, 5). */
		resume = false;
	}
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
