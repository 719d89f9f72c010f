// SPDX-License-Identifier: LGPL-2.1-or-later
/* GnuTLS: sessions, what they verify, tickets, 0-RTT. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "early.h"
#include "log.h"
#include "session.h"
#include "tls_gnutls.h"

#define TLSEXT_QUIC_PARAMS	57	/* 0x39 (RFC 9001, 8.2) */
#define ALPN_NAMES_MAX		32	/* GnuTLS takes fewer, and says so */
#define EARLY_ANY		0xffffffffU	/* RFC 9001, 4.6.1 */

static gnutls_anti_replay_t anti_replay;

/* GnuTLS asks: was this ClientHello seen before? Note it if not. */
static int replay_add(void *ptr, time_t until, const gnutls_datum_t *key, const gnutls_datum_t *data)
{
	uint8_t hash[QUIC_TLS_HASH];

	(void)ptr;
	(void)data;
	if (quic_tls_hash(key->data, key->size, hash))
		return GNUTLS_E_DB_ERROR;
	switch (quic_early_first(hash, until)) {
	case 0:
		return 0;
	case -EEXIST:
		return GNUTLS_E_DB_ENTRY_EXISTS;
	default:
		return GNUTLS_E_DB_ERROR;
	}
}

__attribute__((constructor)) static void replay_init(void)
{
	if (gnutls_anti_replay_init(&anti_replay)) {
		anti_replay = NULL;
		return;
	}
	gnutls_anti_replay_set_window(anti_replay, QUIC_EARLY_WINDOW_MS);
	gnutls_anti_replay_set_add_function(anti_replay, replay_add);
}

__attribute__((destructor)) static void replay_exit(void)
{
	if (anti_replay)
		gnutls_anti_replay_deinit(anti_replay);
}

void quic_tls_early_enable(struct quic_ctx *ctx)
{
	if (!anti_replay || !quic_early_possible())
		return;
	gnutls_anti_replay_enable(ctx->session, anti_replay);
	gnutls_record_set_max_early_data_size(ctx->session, EARLY_ANY);
}

static int params_recv(gnutls_session_t session, const unsigned char *data, size_t len)
{
	struct quic_ctx *ctx = quic_ctx_find(session);

	if (!ctx)
		return GNUTLS_E_INTERNAL_ERROR;
	return quic_ctx_params_put(ctx, data, len) ? GNUTLS_E_RECEIVED_ILLEGAL_PARAMETER : 0;
}

static int params_send(gnutls_session_t session, gnutls_buffer_t out)
{
	struct quic_ctx *ctx = quic_ctx_find(session);
	uint8_t buf[QUIC_CTX_PARAMS_MAX];
	size_t len;
	int err;

	if (!ctx || quic_ctx_params_get(ctx, buf, &len))
		return GNUTLS_E_INTERNAL_ERROR;
	err = gnutls_buffer_append_data(out, buf, len);
	return err < 0 ? err : (int)len;
}

static void priv_free(gnutls_ext_priv_data_t data)
{
	quic_ctx_free(data);
}

void quic_tls_priv_free(struct quic_tls_priv *priv)
{
	free(priv);
}

struct quic_ctx *quic_ctx_find(gnutls_session_t session)
{
	gnutls_ext_priv_data_t data = NULL;

	if (!session || gnutls_ext_get_data(session, TLSEXT_QUIC_PARAMS, &data))
		return NULL;
	return data;
}

/* The context is private data of the transport parameters extension. */
int quic_tls_attach(struct quic_ctx *ctx)
{
	ctx->priv = calloc(1, sizeof(*ctx->priv));
	if (!ctx->priv ||
	    gnutls_session_ext_register(ctx->session, "QUIC transport parameters", TLSEXT_QUIC_PARAMS,
					GNUTLS_EXT_TLS, params_recv, params_send, priv_free, NULL,
					NULL, GNUTLS_EXT_FLAG_TLS | GNUTLS_EXT_FLAG_CLIENT_HELLO |
					GNUTLS_EXT_FLAG_EE))
		return -ENOMEM;
	gnutls_ext_set_data(ctx->session, TLSEXT_QUIC_PARAMS, ctx);
	return quic_ctx_find(ctx->session) == ctx ? 0 : -ENOMEM;
}

static int set_credentials(struct quic_ctx *ctx, const struct quic_tls_creds *c)
{
	int ret = gnutls_credentials_set(ctx->session, GNUTLS_CRD_CERTIFICATE, c->cert);

	if (!ret && c->psk_client)
		ret = gnutls_credentials_set(ctx->session, GNUTLS_CRD_PSK, c->psk_client);
	if (!ret && c->psk_server)
		ret = gnutls_credentials_set(ctx->session, GNUTLS_CRD_PSK, c->psk_server);
	return ret ? -ENOMEM : 0;
}

int quic_tls_use(struct quic_ctx *ctx, const struct quic_tls *tls)
{
	return gnutls_credentials_set(ctx->session, GNUTLS_CRD_CERTIFICATE, tls->creds->cert) ?
	       -ENOMEM : 0;
}

/*
 * Tickets are sealed with a key of the listener, so that any of its connections can open them. It
 * depends on the protocol, too, which is known when GnuTLS calls this, and the ticket is not yet
 * looked at.
 */
static void set_tickets(struct quic_ctx *ctx)
{
	uint8_t key[QUIC_TICKET_KEY_SIZE];
	gnutls_datum_t datum = { key, sizeof(key) };

	if (quic_early_ticket_key(ctx, true, key))
		return;
	/*
	 * Who needed HelloRetryRequest will again, and GnuTLS 3.7 has no room for the keys of
	 * 0-RTT and a second ClientHello: this ticket shall open nowhere.
	 */
	if ((!ctx->early_wanted || !ctx->hello_retry ||
	     !gnutls_rnd(GNUTLS_RND_KEY, key, sizeof(key))) &&
	    gnutls_session_ticket_enable_server(ctx->session, &datum))
		quic_log(LOG_NOTICE, "no session tickets");
	explicit_bzero(key, sizeof(key));
}

static int hello_seen(gnutls_session_t session)
{
	struct quic_ctx *ctx = quic_ctx_find(session);
	char name[QUIC_CTX_NAME_MAX + 1];
	size_t len = sizeof(name);
	unsigned int type;
	int ret;

	if (!ctx)
		return GNUTLS_E_INTERNAL_ERROR;
	ret = gnutls_server_name_get(session, name, &len, &type, 0);
	if (ret == GNUTLS_E_SHORT_MEMORY_BUFFER)
		ret = quic_session_choose(ctx, "", 0);
	else
		ret = quic_session_choose(ctx, ret ? NULL : name, len);
	if (ret)
		return GNUTLS_E_UNRECOGNIZED_NAME;
	set_tickets(ctx);
	return 0;
}

int quic_tls_make(const struct quic_tls *tls, int sd, struct quic_ctx **ret)
{
	gnutls_session_t session;
	struct quic_ctx *ctx;

	if (gnutls_init(&session, (tls->server ? GNUTLS_SERVER : GNUTLS_CLIENT) |
				  (tls->flags & QUIC_HANDSHAKE_EARLY ? GNUTLS_ENABLE_EARLY_DATA : 0) |
				  GNUTLS_NO_END_OF_EARLY_DATA))
		return -ENOMEM;
	gnutls_transport_set_int(session, sd);
	ctx = quic_ctx_attach(session);
	if (!ctx || set_credentials(ctx, tls->creds)) {
		gnutls_deinit(session);
		return -ENOMEM;
	}
	if (tls->server)
		gnutls_handshake_set_post_client_hello_function(session, hello_seen);
	*ret = ctx;
	return 0;
}

void quic_session_free(gnutls_session_t session)
{
	if (session)
		gnutls_deinit(session);
}

int quic_session_is_resumed(gnutls_session_t session)
{
	return session && gnutls_session_is_resumed(session);
}

int quic_tls_socket(gnutls_session_t session)
{
	return gnutls_transport_get_int(session);
}

int quic_tls_set_priority(struct quic_ctx *ctx, const char *text)
{
	const char *where = NULL;
	int ret = gnutls_priority_set_direct(ctx->session, text, &where);

	if (!ret)
		return 0;
	quic_log(LOG_ERR, "GnuTLS priority string: %s at \"%s\"", gnutls_strerror(ret),
		 where ? where : text);
	return -EINVAL;
}

int quic_tls_set_alpn(struct quic_ctx *ctx)
{
	gnutls_datum_t names[ALPN_NAMES_MAX];
	unsigned int count = 0;
	size_t at;

	for (at = 0; at < ctx->alpns_len; at += 1 + ctx->alpns[at]) {
		if (count == ALPN_NAMES_MAX)
			return -EINVAL;
		names[count++] = (gnutls_datum_t){ ctx->alpns + at + 1, ctx->alpns[at] };
	}
	switch (gnutls_alpn_set_protocols(ctx->session, names, count, GNUTLS_ALPN_MANDATORY)) {
	case 0:
		return 0;
	case GNUTLS_E_MEMORY_ERROR:
		return -ENOMEM;
	default:
		return -EINVAL;		/* more or longer names than it has room for */
	}
}

int quic_tls_set_sni(struct quic_ctx *ctx, const char *name)
{
	return gnutls_server_name_set(ctx->session, GNUTLS_NAME_DNS, name, strlen(name)) ? -EINVAL : 0;
}

/*
 * With a pre-shared key the server proves itself by knowing it. One that answers with a certificate
 * does not know it, whoever signed that.
 */
static int refuse_certificate(gnutls_session_t session)
{
	struct quic_ctx *ctx = quic_ctx_find(session);

	if (ctx)
		quic_ctx_refuse(ctx, QUIC_ALERT_UNKNOWN_PSK, -EKEYREJECTED,
				"the server does not know our pre-shared key: compare identity and key on both sides");
	return GNUTLS_E_CERTIFICATE_ERROR;
}

void quic_tls_verify_server(struct quic_ctx *ctx, bool psk)
{
	gnutls_typed_vdata_st *verify = ctx->priv->verify;

	if (psk) {
		gnutls_session_set_verify_function(ctx->session, refuse_certificate);
		return;
	}
	verify[0] = (gnutls_typed_vdata_st){
		.type = GNUTLS_DT_DNS_HOSTNAME,
		.data = (unsigned char *)ctx->hostname,
	};
	verify[1] = (gnutls_typed_vdata_st){
		.type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)GNUTLS_KP_TLS_WWW_SERVER,
	};
	gnutls_session_set_verify_cert2(ctx->session, verify, 2, 0);
}

/* A client need not show one when it is only asked, but what it shows has to be good. */
static int verify_shown(gnutls_session_t session)
{
	struct quic_ctx *ctx = quic_ctx_find(session);
	unsigned int count = 0;

	if (ctx && ctx->cert_demand < 2 &&
	    (!gnutls_certificate_get_peers(session, &count) || !count))
		return 0;
	if (!ctx || gnutls_certificate_verify_peers(session, ctx->priv->verify, 1,
						    &ctx->priv->cert_status) < 0 ||
	    ctx->priv->cert_status)
		return GNUTLS_E_CERTIFICATE_ERROR;
	return 0;
}

void quic_tls_verify_client(struct quic_ctx *ctx)
{
	static const gnutls_certificate_request_t request[] = {
		GNUTLS_CERT_IGNORE, GNUTLS_CERT_REQUEST, GNUTLS_CERT_REQUIRE
	};

	gnutls_certificate_server_set_request(ctx->session, request[ctx->cert_demand]);
	ctx->priv->verify[0] = (gnutls_typed_vdata_st){
		.type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT,
	};
	gnutls_session_set_verify_function(ctx->session, ctx->cert_demand ? verify_shown : NULL);
}

int quic_tls_ticket(struct quic_ctx *ctx, const uint8_t *msg, size_t len)
{
	int err = gnutls_handshake_write(ctx->session, GNUTLS_ENCRYPTION_LEVEL_APPLICATION, msg, len);

	return err < 0 && gnutls_error_is_fatal(err) ? -EPROTO : 0;
}

bool quic_tls_has_ticket(struct quic_ctx *ctx)
{
	return gnutls_session_get_flags(ctx->session) & GNUTLS_SFLAGS_SESSION_TICKET;
}

bool quic_tls_ticket_early(struct quic_ctx *ctx)
{
	return gnutls_record_get_max_early_data_size(ctx->session) == EARLY_ANY;
}

/* Only with a ticket: GnuTLS would read from the socket for one. */
int quic_tls_export(struct quic_ctx *ctx, uint8_t **data, size_t *len)
{
	gnutls_datum_t blob = { 0 };

	if (gnutls_session_get_data2(ctx->session, &blob))
		return -EPROTO;
	*data = malloc(blob.size ? blob.size : 1);
	if (*data)
		memcpy(*data, blob.data, blob.size);
	*len = blob.size;
	explicit_bzero(blob.data, blob.size);
	gnutls_free(blob.data);
	return *data ? 0 : -ENOMEM;
}

int quic_tls_import(gnutls_session_t session, const void *data, size_t len)
{
	return gnutls_session_set_data(session, data, len) ? -EINVAL : 0;
}
