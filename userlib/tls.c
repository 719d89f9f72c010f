// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "log.h"
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

/* GnuTLS says only that a file could not be read; the system says why. */
static int fail_file(const struct quic_handshake_opts *opts, const char *what, const char *file,
		     int ret)
{
	if (access(file, R_OK))
		return quic_tls_fail(opts, -errno, "cannot read the %s %s: %s", what, file,
				     strerror(errno));
	return quic_tls_fail(opts, -EINVAL, "%s %s: %s (PEM is expected)", what, file,
			     gnutls_strerror(ret));
}

static int load_authorities(struct quic_tls *tls, const struct quic_handshake_opts *opts)
{
	const char *file = opts->ca_file ? opts->ca_file : secure_getenv("SSL_CERT_FILE");
	struct stat st;
	int ret;

	if (!file || !*file) {
		ret = gnutls_certificate_set_x509_system_trust(tls->cert);
		if (ret <= 0)
			quic_log(LOG_WARNING,
				 "this system trusts no authority: install ca-certificates, or give a ca_file");
		return 0;
	}
	if (!stat(file, &st) && S_ISDIR(st.st_mode))
		ret = gnutls_certificate_set_x509_trust_dir(tls->cert, file, GNUTLS_X509_FMT_PEM);
	else
		ret = gnutls_certificate_set_x509_trust_file(tls->cert, file, GNUTLS_X509_FMT_PEM);
	if (ret < 0)
		return fail_file(opts, "file of trusted authorities", file, ret);
	if (!ret)
		return quic_tls_fail(opts, -EINVAL, "no certificate in %s", file);
	return 0;
}

static int load_key(struct quic_tls *tls, const struct quic_handshake_opts *opts)
{
	int ret;

	if (!opts->cert_file && !opts->pkey_file) {
		if (!tls->server || tls->psk_file)
			return 0;
		return quic_tls_fail(opts, -EINVAL,
				     "a server needs a certificate and its key, or a PSK file");
	}
	if (!opts->cert_file || !opts->pkey_file)
		return quic_tls_fail(opts, -EINVAL, "certificate and key come together: no %s given",
				     opts->cert_file ? "key" : "certificate");
	if (access(opts->cert_file, R_OK))
		return fail_file(opts, "certificate", opts->cert_file, 0);

	ret = gnutls_certificate_set_x509_key_file2(tls->cert, opts->cert_file, opts->pkey_file,
						    GNUTLS_X509_FMT_PEM, NULL, 0);
	if (ret == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
		return quic_tls_fail(opts, -EINVAL, "the key %s does not belong to the certificate %s",
				     opts->pkey_file, opts->cert_file);
	if (ret < 0)
		return fail_file(opts, "key", opts->pkey_file, ret);
	return 0;
}

static int load_psk(struct quic_tls *tls, const struct quic_handshake_opts *opts)
{
	gnutls_datum_t key = { 0 };
	char *identity = NULL;
	int err, ret;

	if (!opts->psk_file)
		return 0;
	/* The server is checked here too: the file is read again when a client comes. */
	err = quic_psk_load(opts, &identity, &key);
	if (err)
		return err;

	if (tls->server) {
		ret = gnutls_psk_allocate_server_credentials(&tls->psk_server);
		if (!ret)
			gnutls_psk_set_server_credentials_function2(tls->psk_server,
								    quic_psk_of_client);
	} else {
		ret = gnutls_psk_allocate_client_credentials(&tls->psk_client);
		if (!ret)
			ret = gnutls_psk_set_client_credentials(tls->psk_client, identity, &key,
								GNUTLS_PSK_KEY_HEX);
	}
	explicit_bzero(key.data, key.size);
	free(key.data);
	free(identity);
	return ret < 0 ? fail_file(opts, "PSK file", opts->psk_file, ret) : 0;
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
	bool authorities = tls->server ? tls->flags & (QUIC_HANDSHAKE_CERT_REQUEST |
						       QUIC_HANDSHAKE_CERT_REQUIRE) :
					 !(tls->flags & QUIC_HANDSHAKE_INSECURE) && !opts->psk_file;
	int err;

	err = copy_text(&tls->hostname, opts->hostname);
	if (!err)
		err = copy_text(&tls->alpns, opts->alpns);
	if (!err)
		err = copy_text(&tls->priority, opts->priority);
	if (!err)
		err = copy_text(&tls->psk_file, opts->psk_file);
	if (!err && gnutls_certificate_allocate_credentials(&tls->cert))
		err = -ENOMEM;
	if (err)
		return quic_tls_fail(opts, err, "no memory");

	err = load_psk(tls, opts);
	if (!err)
		err = load_key(tls, opts);
	if (!err && authorities)
		err = load_authorities(tls, opts);
	return err;
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

int quic_tls_new_server(struct quic_tls **tls, const struct quic_handshake_opts *opts)
{
	return tls && opts ? tls_new(tls, opts, true) : -EINVAL;
}

void quic_tls_free(struct quic_tls *tls)
{
	if (!tls)
		return;
	if (tls->cert)
		gnutls_certificate_free_credentials(tls->cert);
	if (tls->psk_client)
		gnutls_psk_free_client_credentials(tls->psk_client);
	if (tls->psk_server)
		gnutls_psk_free_server_credentials(tls->psk_server);
	free(tls->hostname);
	free(tls->alpns);
	free(tls->priority);
	free(tls->psk_file);
	free(tls);
}
