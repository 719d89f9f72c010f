// SPDX-License-Identifier: LGPL-2.1-or-later
/* What is read once for many connections: the options, taken over and checked. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "log.h"
#include "psk.h"
#include "tls.h"

int quic_tls_fail(const struct quic_handshake_opts *opts, int err, const char *fmt, ...)
{
	char msg[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	quic_log(LOG_ERR, "%s", msg);
	if (opts->errbuf && opts->errlen)
		snprintf(opts->errbuf, opts->errlen, "%s", msg);
	return err;
}

int quic_tls_fail_file(const struct quic_handshake_opts *opts, const char *what, const char *file,
		       const char *why)
{
	if (access(file, R_OK))
		return quic_tls_fail(opts, -errno, "cannot read the %s %s: %s", what, file,
				     strerror(errno));
	return quic_tls_fail(opts, -EINVAL, "%s %s: %s (PEM is expected)", what, file, why);
}

static int copy_text(char **to, const char *from)
{
	if (!from)
		return 0;
	*to = strdup(from);
	return *to ? 0 : -ENOMEM;
}

static int tls_load(struct quic_tls *tls, const struct quic_handshake_opts *opts)
{
	int err;

	err = copy_text(&tls->hostname, opts->hostname);
	if (!err)
		err = copy_text(&tls->alpns, opts->alpns);
	if (!err)
		err = copy_text(&tls->priority, opts->priority);
	if (!err)
		err = copy_text(&tls->psk_file, opts->psk_file);
	if (err)
		return quic_tls_fail(opts, err, "no memory");
	if (!opts->cert_file != !opts->pkey_file)
		return quic_tls_fail(opts, -EINVAL, "certificate and key come together: no %s given",
				     opts->cert_file ? "key" : "certificate");
	if (tls->server && !opts->cert_file && !opts->psk_file)
		return quic_tls_fail(opts, -EINVAL,
				     "a server needs a certificate and its key, or a PSK file");
	if (tls->server && opts->psk_file)
		err = quic_psk_read(opts, &tls->psks);
	return err ? err : quic_tls_creds_load(tls, opts);
}

int quic_tls_take_opts(struct quic_handshake_opts *to, const struct quic_handshake_opts *caller)
{
	memset(to, 0, sizeof(*to));
	/* As the kernel's structures: the common prefix counts. */
	if (caller->size < offsetof(struct quic_handshake_opts, alpns))
		return -EINVAL;
	memcpy(to, caller, caller->size < sizeof(*to) ? caller->size : sizeof(*to));
	to->size = sizeof(*to);
	return 0;
}

static int tls_new(struct quic_tls **ret, const struct quic_handshake_opts *caller, bool server)
{
	struct quic_handshake_opts opts;
	struct quic_tls *tls;
	int err;

	*ret = NULL;
	err = quic_tls_take_opts(&opts, caller);
	if (err)
		return err;
	if (opts.flags & ~(QUIC_HANDSHAKE_INSECURE | QUIC_HANDSHAKE_CERT_REQUEST |
			   QUIC_HANDSHAKE_CERT_REQUIRE | QUIC_HANDSHAKE_EARLY))
		return quic_tls_fail(&opts, -EINVAL, "unknown flags 0x%x", opts.flags);
	tls = calloc(1, sizeof(*tls));
	if (!tls)
		return -ENOMEM;
	tls->server = server;
	tls->flags = opts.flags;
	tls->choose = server ? opts.choose : NULL;
	tls->choose_arg = opts.choose_arg;
	err = tls_load(tls, &opts);
	if (err)
		quic_tls_free(tls);
	else
		*ret = tls;
	return err;
}

int quic_tls_new_client(struct quic_tls **tls, const struct quic_handshake_opts *opts)
{
	return tls && opts ? tls_new(tls, opts, false) : -EINVAL;
}

/*
 * Authorities of the web say who somebody is, not that he is one of ours. Only a program that knows no
 * better call than quic_server_handshake(), and asks by QUIC_SOCKOPT_CONFIG, gets those.
 */
int quic_tls_check_demand(const struct quic_handshake_opts *opts)
{
	if (!(opts->flags & (QUIC_HANDSHAKE_CERT_REQUEST | QUIC_HANDSHAKE_CERT_REQUIRE)) ||
	    (opts->ca_file && *opts->ca_file))
		return 0;
	return quic_tls_fail(opts, -EINVAL,
			     "client certificates are asked for: name their authorities in ca_file");
}

int quic_tls_make_server(struct quic_tls **tls, const struct quic_handshake_opts *opts)
{
	return tls_new(tls, opts, true);
}

int quic_tls_new_server(struct quic_tls **tls, const struct quic_handshake_opts *caller)
{
	struct quic_handshake_opts opts;
	int err;

	if (!tls || !caller)
		return -EINVAL;
	*tls = NULL;
	err = quic_tls_take_opts(&opts, caller);
	if (!err)
		err = quic_tls_check_demand(&opts);
	return err ? err : tls_new(tls, &opts, true);
}

void quic_tls_free(struct quic_tls *tls)
{
	if (!tls)
		return;
	quic_tls_creds_free(tls->creds);
	free(tls->hostname);
	free(tls->alpns);
	free(tls->priority);
	free(tls->psk_file);
	quic_psk_forget(tls->psks);
	free(tls);
}
