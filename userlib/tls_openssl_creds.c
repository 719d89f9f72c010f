// SPDX-License-Identifier: LGPL-2.1-or-later
/* OpenSSL: keys and authorities from files, and hashes. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/hmac.h>
#include <openssl/x509v3.h>
#include "log.h"
#include "tls_openssl.h"

#define TICKET_LIFE_S	(6 * 3600)	/* RFC 8446, 4.6.1: at most a week */

const char *quic_openssl_error(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return text ? text : "unknown error";
}

/* Every file that has certificates; others are passed over. */
static int load_directory(X509_STORE *store, const char *name)
{
	DIR *dir = opendir(name);
	struct dirent *entry;
	int count = 0;
	char *file;

	if (!dir)
		return 0;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || asprintf(&file, "%s/%s", name, entry->d_name) < 0)
			continue;
		count += X509_STORE_load_file(store, file) == 1;
		free(file);
	}
	closedir(dir);
	ERR_clear_error();
	return count;
}

static int load_authorities(struct quic_tls *tls, const struct quic_handshake_opts *opts)
{
	const char *file = opts->ca_file ? opts->ca_file : secure_getenv("SSL_CERT_FILE");
	X509_STORE *store = SSL_CTX_get_cert_store(tls->creds->ctx);
	STACK_OF(X509_NAME) *names;
	struct stat st;

	if (!file || !*file) {
		if (!SSL_CTX_set_default_verify_paths(tls->creds->ctx))
			quic_log(LOG_WARNING,
				 "this system trusts no authority: install ca-certificates, or give a ca_file");
		ERR_clear_error();
		return 0;
	}
	if (!stat(file, &st) && S_ISDIR(st.st_mode)) {
		if (!load_directory(store, file))
			return quic_tls_fail(opts, -EINVAL, "no certificate in %s", file);
		return 0;
	}
	if (!X509_STORE_load_file(store, file))
		return quic_tls_fail_file(opts, "file of trusted authorities", file,
					  quic_openssl_error());
	/* Clients are told who may have signed theirs. */
	if (tls->server) {
		names = SSL_load_client_CA_file(file);
		if (names)
			SSL_CTX_set_client_CA_list(tls->creds->ctx, names);
		ERR_clear_error();
	}
	return 0;
}

static int load_key(struct quic_tls *tls, const struct quic_handshake_opts *opts)
{
	SSL_CTX *ctx = tls->creds->ctx;

	if (!opts->cert_file)
		return 0;
	if (!SSL_CTX_use_certificate_chain_file(ctx, opts->cert_file))
		return quic_tls_fail_file(opts, "certificate", opts->cert_file, quic_openssl_error());
	if (SSL_CTX_use_PrivateKey_file(ctx, opts->pkey_file, SSL_FILETYPE_PEM) == 1 &&
	    SSL_CTX_check_private_key(ctx) == 1)
		return 0;
	if (ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_X509) {
		ERR_clear_error();
		return quic_tls_fail(opts, -EINVAL, "the key %s does not belong to the certificate %s",
				     opts->pkey_file, opts->cert_file);
	}
	return quic_tls_fail_file(opts, "key", opts->pkey_file, quic_openssl_error());
}

static int load_psk(struct quic_tls *tls, const struct quic_handshake_opts *opts)
{
	struct quic_psk psk = { 0 };
	int err;

	if (!opts->psk_file)
		return 0;
	/* The server's is looked at here too, so that a file without any key is told at once. */
	err = quic_psk_load(opts, &psk);
	if (!err && !tls->server)
		tls->creds->psk = psk;
	else
		quic_psk_free(&psk);
	return err;
}

static SSL_CTX *context_new(const struct quic_tls *tls)
{
	SSL_CTX *ctx = SSL_CTX_new(tls->server ? TLS_server_method() : TLS_client_method());
	X509_VERIFY_PARAM *param;

	if (!ctx)
		return NULL;
	if (!SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) ||
	    !SSL_CTX_set_session_id_context(ctx, QUIC_OPENSSL_ID, sizeof(QUIC_OPENSSL_ID) - 1)) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_timeout(ctx, TICKET_LIFE_S);
	SSL_CTX_set_num_tickets(ctx, 1);
	/* early.c remembers ClientHellos: OpenSSL's way needs a cache that no other process has. */
	SSL_CTX_set_options(ctx, SSL_OP_NO_ANTI_REPLAY);
	param = SSL_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	quic_openssl_callbacks(ctx, tls->server, tls->psk_file);
	return ctx;
}

int quic_tls_creds_load(struct quic_tls *tls, const struct quic_handshake_opts *opts)
{
	bool authorities = tls->server ? tls->flags & (QUIC_HANDSHAKE_CERT_REQUEST |
						       QUIC_HANDSHAKE_CERT_REQUIRE) :
					 !(tls->flags & QUIC_HANDSHAKE_INSECURE) && !opts->psk_file;
	int err;

	ERR_clear_error();
	tls->creds = calloc(1, sizeof(*tls->creds));
	if (tls->creds)
		tls->creds->ctx = context_new(tls);
	if (!tls->creds || !tls->creds->ctx)
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
	SSL_CTX_free(c->ctx);
	quic_psk_free(&c->psk);
	free(c);
}

int quic_tls_hash(const void *data, size_t len, uint8_t *out)
{
	return EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) ? 0 : -EIO;
}

int quic_tls_mac(const void *key, size_t key_len, const void *data, size_t len, uint8_t *out)
{
	return HMAC(EVP_sha512(), key, key_len, data, len, out, NULL) ? 0 : -EIO;
}
