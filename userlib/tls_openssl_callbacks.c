// SPDX-License-Identifier: LGPL-2.1-or-later
/* OpenSSL: what contexts are asked: protocol, name, tickets, replay, pre-shared keys, key log. */
#include <errno.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/rand.h>
#include "early.h"
#include "log.h"
#include "session.h"
#include "tls_openssl.h"

/* Parts of a listener's ticket key */
#define KEY_NAME	0
#define KEY_AES		16	/* AES-128 */
#define KEY_MAC		32	/* SHA-256 */
#define KEY_MAC_LEN	32

/* The client's order, as GnuTLS; a list that has nothing for us: no_application_protocol. */
static int on_alpn(SSL *session, const unsigned char **out, unsigned char *out_len,
		   const unsigned char *in, unsigned int in_len, void *arg)
{
	struct quic_ctx *ctx = quic_ctx_find(session);

	(void)arg;
	if (!ctx || !ctx->alpns_len)
		return SSL_TLSEXT_ERR_NOACK;
	return SSL_select_next_proto((unsigned char **)out, out_len, in, in_len, ctx->alpns,
				     ctx->alpns_len) == OPENSSL_NPN_NEGOTIATED ?
	       SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* server_name of a ClientHello (RFC 6066, 3): its host name, if it is well-formed and has one */
static bool host_name(const unsigned char *p, size_t len, const char **name, size_t *name_len)
{
	if (len < 5 || (size_t)(p[0] << 8 | p[1]) != len - 2 || p[2] != TLSEXT_NAMETYPE_host_name)
		return false;
	*name_len = p[3] << 8 | p[4];
	*name = (const char *)p + 5;
	return *name_len <= len - 5;
}

/* Before the ticket is looked at. */
static int on_hello(SSL *session, int *alert, void *arg)
{
	struct quic_ctx *ctx = quic_ctx_find(session);
	const unsigned char *ext;
	const char *name = NULL;
	size_t ext_len, len = 0;

	(void)arg;
	if (!ctx)
		return SSL_CLIENT_HELLO_SUCCESS;
	if (SSL_client_hello_get0_ext(session, TLSEXT_TYPE_server_name, &ext, &ext_len) &&
	    !host_name(ext, ext_len, &name, &len)) {
		*alert = SSL_AD_DECODE_ERROR;
		return SSL_CLIENT_HELLO_ERROR;
	}
	if (!quic_session_choose(ctx, name, len))
		return SSL_CLIENT_HELLO_SUCCESS;
	*alert = ctx->alert;
	return SSL_CLIENT_HELLO_ERROR;
}

/*
 * Tickets are sealed with a key of the listener, so that any of its connections can open them. The
 * protocol is not known yet when they are; OpenSSL compares it itself.
 */
static int on_ticket(SSL *session, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
		     EVP_MAC_CTX *mac, int enc)
{
	OSSL_PARAM digest[] = {
		OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_END,
	};
	struct quic_ctx *ctx = quic_ctx_find(session);
	uint8_t key[QUIC_TICKET_KEY_SIZE];
	int ret = 0;

	if (!ctx || quic_early_ticket_key(ctx, false, key))
		return 0;
	if (enc) {
		memcpy(name, key + KEY_NAME, KEY_AES);
		ret = RAND_bytes(iv, 16) == 1 ? 1 : -1;
	} else if (!CRYPTO_memcmp(name, key + KEY_NAME, KEY_AES)) {
		ret = 2;	/* and a new one for the next time (RFC 8446, C.4) */
	}
	if (ret > 0 && (!EVP_CipherInit_ex2(cipher, EVP_aes_128_cbc(), key + KEY_AES, iv, enc, NULL) ||
			!EVP_MAC_init(mac, key + KEY_MAC, KEY_MAC_LEN, digest)))
		ret = -1;
	explicit_bzero(key, sizeof(key));
	return ret;
}

/* Each ClientHello once (RFC 8446, 8.2); OpenSSL has looked at the ticket's age by then. */
static int on_early(SSL *session, void *arg)
{
	struct quic_ctx *ctx = quic_ctx_find(session);

	(void)arg;
	return ctx && ctx->priv->have_hello &&
	       !quic_early_first(ctx->priv->hello, time(NULL) + 2 * QUIC_EARLY_WINDOW_MS / 1000 + 2);
}

/* For a pre-shared key from elsewhere: TLS 1.3 has its hash, SHA-256, by a cipher (RFC 8446, 4.2.11). */
static SSL_SESSION *psk_session(SSL *session, const struct quic_psk *psk)
{
	static const unsigned char aes_128_gcm_sha256[] = { 0x13, 0x01 };
	SSL_SESSION *s = SSL_SESSION_new();
	const SSL_CIPHER *cipher = SSL_CIPHER_find(session, aes_128_gcm_sha256);

	if (s && cipher && SSL_SESSION_set1_master_key(s, psk->key, psk->len) &&
	    SSL_SESSION_set_cipher(s, cipher) && SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION) &&
	    SSL_SESSION_set1_id_context(s, QUIC_OPENSSL_ID, sizeof(QUIC_OPENSSL_ID) - 1))
		return s;
	SSL_SESSION_free(s);
	return NULL;
}

/* Tickets are asked about, too. No name that people write into files has control characters. */
static bool is_name(const unsigned char *id, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (id[i] < ' ' || id[i] == 0x7f)
			return false;
	return len;
}

/* Nobody of this name: go on with a random key, so that names cannot be tried out. */
static int on_psk_of_client(SSL *session, const unsigned char *id, size_t len, SSL_SESSION **found)
{
	struct quic_ctx *ctx = quic_ctx_find(session);
	struct quic_psk psk = { 0 };
	int err;

	*found = NULL;
	if (!ctx || !is_name(id, len))
		return 1;
	err = quic_psk_find(ctx, id, len, &psk);
	if (err == -ENOENT) {
		psk.len = 32;
		err = RAND_bytes(psk.key, psk.len) == 1 ? 0 : -EIO;
	}
	if (!err)
		*found = psk_session(session, &psk);
	quic_psk_free(&psk);
	return !!*found;
}

/* Its presence makes OpenSSL prefer ciphers with SHA-256, which our keys are for. */
static unsigned int on_old_psk(SSL *session, const char *id, unsigned char *psk, unsigned int max)
{
	(void)session;
	(void)id;
	(void)psk;
	(void)max;
	return 0;
}

static int on_psk_of_server(SSL *session, const EVP_MD *md, const unsigned char **id, size_t *len,
			    SSL_SESSION **use)
{
	struct quic_ctx *ctx = quic_ctx_find(session);
	const struct quic_psk *psk;

	*use = NULL;
	if (!ctx || !ctx->from || !ctx->from->creds->psk.identity)
		return 1;
	/* After HelloRetryRequest with another hash it is of no use. */
	if (md && !EVP_MD_is_a(md, "SHA256"))
		return 1;
	psk = &ctx->from->creds->psk;
	*id = (const unsigned char *)psk->identity;
	*len = strlen(psk->identity);
	*use = psk_session(session, psk);
	return !!*use;
}

static void on_keylog(const SSL *session, const char *line)
{
	(void)session;
	quic_keylog_line(line);
}

void quic_openssl_callbacks(SSL_CTX *ctx, bool server, bool psk)
{
	SSL_CTX_set_keylog_callback(ctx, on_keylog);
	if (!server) {
		if (psk)
			SSL_CTX_set_psk_use_session_callback(ctx, on_psk_of_server);
		return;
	}
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	SSL_CTX_set_client_hello_cb(ctx, on_hello, NULL);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
	SSL_CTX_set_allow_early_data_cb(ctx, on_early, NULL);
	if (psk) {
		SSL_CTX_set_psk_find_session_callback(ctx, on_psk_of_client);
		SSL_CTX_set_psk_server_callback(ctx, on_old_psk);
	}
}
