// SPDX-License-Identifier: LGPL-2.1-or-later
/* GnuTLS: keys and authorities from files, and hashes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "log.h"
#include "psk.h"
#include "tls_gnutls.h"

static int load_authorities(struct quic_tls *tls, const struct quic_handshake_opts *opts)
{
	const char *file = opts->ca_file ? opts->ca_file : secure_getenv("SSL_CERT_FILE");
	struct quic_tls_creds *c = tls->creds;
	struct stat st;
	int ret;

	if (!file || !*file) {
		ret = gnutls_certificate_set_x509_system_trust(c->cert);
		if (ret <= 0)
			quic_log(LOG_WARNING,
				 "this system trusts no authority: install ca-certificates, or give a ca_file");
		return 0;
	}
	if (!stat(file, &st) && S_ISDIR(st.st_mode))
		ret = gnutls_certificate_set_x509_trust_dir(c->cert, file, GNUTLS_X509_FMT_PEM);
	else
		ret = gnutls_certificate_set_x509_trust_file(c->cert, file, GNUTLS_X509_FMT_PEM);
	if (ret < 0)
		return quic_tls_fail_file(opts, "file of trusted authorities", file,
					  gnutls_strerror(ret));
	if (!ret)
		return quic_tls_fail(opts, -EINVAL, "no certificate in %s", file);
	return 0;
}

static int load_key(struct quic_tls *tls, const struct quic_handshake_opts *opts)
{
	int ret;

	if (!opts->cert_file)
		return 0;
	/* GnuTLS says only that a file could not be read; the system says why. */
	if (access(opts->cert_file, R_OK))
		return quic_tls_fail_file(opts, "certificate", opts->cert_file, "");

	ret = gnutls_certificate_set_x509_key_file2(tls->creds->cert, opts->cert_file,
						    opts->pkey_file, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (ret == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
		return quic_tls_fail(opts, -EINVAL, "the key %s does not belong to the certificate %s",
				     opts->pkey_file, opts->cert_file);
	if (ret < 0)
		return quic_tls_fail_file(opts, "key", opts->pkey_file, gnutls_strerror(ret));
	return 0;
}

/* 1: nobody of this name. GnuTLS then goes on with a random key, so that names cannot be tried out. */
static int psk_of_client(gnutls_session_t session, const gnutls_datum_t *name, gnutls_datum_t *key)
{
	struct quic_ctx *ctx = quic_ctx_find(session);
	struct quic_psk psk = { 0 };
	int err;

	if (!ctx)
		return 1;
	err = quic_psk_find(ctx, name->data, name->size, &psk);
	if (!err) {
		key->data = gnutls_malloc(psk.len);
		if (key->data)
			memcpy(key->data, psk.key, psk.len);
		else
			err = -ENOMEM;
		key->size = psk.len;
	}
	quic_psk_free(&psk);
	return err == -ENOENT ? 1 : err ? -1 : 0;
}

static int load_psk(struct quic_tls *tls, const struct quic_handshake_opts *opts)
{
	struct quic_tls_creds *c = tls->creds;
	struct quic_psk psk = { 0 };
	gnutls_datum_t key;
	int err, ret;

	if (!opts->psk_file)
		return 0;
	/* The server's is looked at here too, so that a file without any key is told at once. */
	err = quic_psk_load(opts, &psk);
	if (err)
		return err;

	if (tls->server) {
		ret = gnutls_psk_allocate_server_credentials(&c->psk_server);
		if (!ret)
			gnutls_psk_set_server_credentials_function2(c->psk_server, psk_of_client);
	} else {
		key = (gnutls_datum_t){ psk.key, psk.len };
		ret = gnutls_psk_allocate_client_credentials(&c->psk_client);
		if (!ret)
			ret = gnutls_psk_set_client_credentials(c->psk_client, psk.identity, &key,
								GNUTLS_PSK_KEY_RAW);
	}
	quic_psk_free(&psk);
	return ret < 0 ? quic_tls_fail_file(opts, "PSK file", opts->psk_file, gnutls_strerror(ret)) : 0;
}

int quic_tls_creds_load(struct quic_tls *tls, const struct quic_handshake_opts *opts)
{
	bool authorities = tls->server ? tls->flags & (QUIC_HANDSHAKE_CERT_REQUEST |
						       QUIC_HANDSHAKE_CERT_REQUIRE) :
					 !(tls->flags & QUIC_HANDSHAKE_INSECURE) && !opts->psk_file;
	int err;

	tls->creds = calloc(1, sizeof(*tls->creds));
	if (!tls->creds || gnutls_certificate_allocate_credentials(&tls->creds->cert))
		return quic_tls_fail(opts, -ENOMEM, "no memory");
	err = load_psk(tls, opts);
	if (!err)
		err = load_key(tls, opts);
	if (!err && authorities)
		err = load_authorities(tls, opts);
	return err;
}

void quic_tls_creds_free(struct quic_tls_creds *c)
{
	if (!c)
		return;
	if (c->cert)
		gnutls_certificate_free_credentials(c->cert);
	if (c->psk_client)
		gnutls_psk_free_client_credentials(c->psk_client);
	if (c->psk_server)
		gnutls_psk_free_server_credentials(c->psk_server);
	free(c);
}

int quic_tls_hash(const void *data, size_t len, uint8_t *out)
{
	return gnutls_hash_fast(GNUTLS_DIG_SHA256, data, len, out) ? -EIO : 0;
}

int quic_tls_mac(const void *key, size_t key_len, const void *data, size_t len, uint8_t *out)
{
	return gnutls_hmac_fast(GNUTLS_MAC_SHA512, key, key_len, data, len, out) ? -EIO : 0;
}
