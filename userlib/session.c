// SPDX-License-Identifier: LGPL-2.1-or-later
/* A GnuTLS session made ready for a QUIC socket, and what can be asked of one. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <linux/tls.h>
#include "ctx.h"
#include "early.h"
#include "log.h"
#include "tls.h"

#define ALPN_NAMES_MAX	32
#define MSG_NEW_SESSION_TICKET	4	/* RFC 8446, 4 */

static bool is_address(const char *host)
{
	struct in6_addr addr;

	/* No name has a colon; an IPv6 address may have its interface behind it. */
	return inet_pton(AF_INET, host, &addr) == 1 || strchr(host, ':');
}

/* "a,b" into names; an empty name or too many of them: -EINVAL. */
static int alpn_split(const char *text, size_t size, gnutls_datum_t *names, unsigned int *count)
{
	const char *end = text + size;

	*count = 0;
	for (;;) {
		const char *comma = memchr(text, ',', end - text);
		size_t len = (comma ? comma : end) - text;

		if (!len || len > 255 || *count == ALPN_NAMES_MAX)
			return -EINVAL;
		names[(*count)++] = (gnutls_datum_t){ (unsigned char *)text, len };
		if (!comma)
			return 0;
		text = comma + 1;
	}
}

int quic_session_set_alpn(gnutls_session_t session, const void *data, size_t size)
{
	gnutls_datum_t names[ALPN_NAMES_MAX];
	struct quic_ctx *ctx;
	unsigned int count;

	if (!session || !data)
		return -EINVAL;
	size = strnlen(data, size);
	if (alpn_split(data, size, names, &count))
		return -EINVAL;
	ctx = quic_ctx_attach(session);
	if (!ctx)
		return -ENOMEM;
	if (gnutls_alpn_set_protocols(session, names, count, GNUTLS_ALPN_MANDATORY))
		return -ENOMEM;
	ctx->alpn_wanted = true;
	return 0;
}

/* The common manners of the two getters: *size is room and need. */
static int copy_out(void *data, size_t *size, const gnutls_datum_t *from)
{
	size_t room = *size;

	*size = from->size;
	if (!data)
		return 0;
	if (room < from->size)
		return -EMSGSIZE;
	memcpy(data, from->data, from->size);
	return 0;
}

int quic_session_get_alpn(gnutls_session_t session, void *data, size_t *size)
{
	gnutls_datum_t name;
	size_t room;
	int err;

	if (!session || !size)
		return -EINVAL;
	if (gnutls_alpn_get_selected_protocol(session, &name))
		return -ENODATA;
	room = *size;
	err = copy_out(data, size, &name);
	if (!err && data && room > name.size)
		((char *)data)[name.size] = 0;
	return err;
}

int quic_session_set_data(gnutls_session_t session, const void *data, size_t size)
{
	if (!session || !data || !size)
		return -EINVAL;
	return gnutls_session_set_data(session, data, size) ? -EINVAL : 0;
}

/* Give GnuTLS the ticket that the kernel keeps. Nothing but a ticket: no key update in TLS. */
static int ticket_fetch(struct quic_ctx *ctx)
{
	uint8_t ticket[QUIC_TICKET_MAX];
	socklen_t len = sizeof(ticket);
	int err;

	err = ctx->sys->getopt(ctx->sd, QUIC_SOCKOPT_SESSION_TICKET, ticket, &len);
	if (err)
		return err;
	if (!len)
		return -EAGAIN;
	if (ticket[0] != MSG_NEW_SESSION_TICKET)
		return -EPROTO;
	err = gnutls_handshake_write(ctx->session, GNUTLS_ENCRYPTION_LEVEL_APPLICATION, ticket, len);
	return err < 0 && gnutls_error_is_fatal(err) ? -EPROTO : 0;
}

int quic_session_get_data(gnutls_session_t session, void *data, size_t *size)
{
	struct quic_ctx *ctx = quic_ctx_find(session);
	gnutls_datum_t blob = { 0 };
	int err;

	if (!ctx || !size)
		return -EINVAL;
	if (!ctx->tls_done || ctx->server)
		return -EINVAL;
	/* Without a ticket GnuTLS would read from the socket. */
	if (!(gnutls_session_get_flags(session) & GNUTLS_SFLAGS_SESSION_TICKET)) {
		err = ticket_fetch(ctx);
		if (err)
			return err;
		if (!(gnutls_session_get_flags(session) & GNUTLS_SFLAGS_SESSION_TICKET))
			return -EAGAIN;
	}
	if (gnutls_session_get_data2(session, &blob))
		return -EPROTO;
	err = copy_out(data, size, &blob);
	explicit_bzero(blob.data, blob.size);
	gnutls_free(blob.data);
	return err;
}

/* A kernel user's wish for a cipher, or all that QUIC has. */
static const char *cipher_wish(const struct quic_config *config)
{
	switch (config->payload_cipher_type) {
	case TLS_CIPHER_AES_GCM_128:
		return ":-CIPHER-ALL:+AES-128-GCM";
	case TLS_CIPHER_AES_GCM_256:
		return ":-CIPHER-ALL:+AES-256-GCM";
	case TLS_CIPHER_AES_CCM_128:
		return ":-CIPHER-ALL:+AES-128-CCM";
	case TLS_CIPHER_CHACHA20_POLY1305:
		return ":-CIPHER-ALL:+CHACHA20-POLY1305";
	default:
		return "";
	}
}

static int set_priority(const struct quic_tls *tls, gnutls_session_t session,
			const struct quic_config *config)
{
	const char *where = NULL;
	char text[1024];
	int ret;

	ret = snprintf(text, sizeof(text), "%s%s%s", tls->priority ? tls->priority : QUIC_PRIORITY,
		 tls->priority ? "" : cipher_wish(config),
		 tls->psk_file && !tls->priority ? ":+ECDHE-PSK:+DHE-PSK:+PSK" : "");
	if (ret >= (int)sizeof(text)) {
		quic_log(LOG_ERR, "GnuTLS priority string: longer than %zu bytes", sizeof(text) - 1);
		return -EINVAL;
	}
	if (tls->server && gnutls_hash_fast(GNUTLS_DIG_SHA256, text, strlen(text),
					    quic_ctx_find(session)->priority))
		return -ENOMEM;
	ret = gnutls_priority_set_direct(session, text, &where);
	if (!ret)
		return 0;
	quic_log(LOG_ERR, "GnuTLS priority string: %s at \"%s\"", gnutls_strerror(ret),
		 where ? where : text);
	return -EINVAL;
}

static int set_credentials(const struct quic_tls *tls, gnutls_session_t session)
{
	int ret = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, tls->cert);

	if (!ret && tls->psk_client)
		ret = gnutls_credentials_set(session, GNUTLS_CRD_PSK, tls->psk_client);
	if (!ret && tls->psk_server)
		ret = gnutls_credentials_set(session, GNUTLS_CRD_PSK, tls->psk_server);
	return ret ? -ENOMEM : 0;
}

static int set_alpn(const struct quic_tls *tls, struct quic_ctx *ctx)
{
	char text[QUIC_ALPN_MAX];
	socklen_t len = sizeof(text);
	int err;

	if (tls->alpns) {
		err = quic_session_set_alpn(ctx->session, tls->alpns, strlen(tls->alpns));
		if (err)
			quic_log(LOG_ERR, "bad list of protocols \"%s\": names, comma-separated",
				 tls->alpns);
		return err;
	}
	if (ctx->sys->getopt(ctx->sd, QUIC_SOCKOPT_ALPN, text, &len) || !len || !text[0])
		return 0;
	return quic_session_set_alpn(ctx->session, text, len);
}

/*
 * With a pre-shared key the server proves itself by knowing it. One that answers with a certificate
 * does not know it, whoever signed that.
 */
static int refuse_certificate(gnutls_session_t session)
{
	struct quic_ctx *ctx = quic_ctx_find(session);

	if (ctx) {
		ctx->alert = GNUTLS_A_UNKNOWN_PSK_IDENTITY;
		ctx->sys_err = quic_ctx_fail(ctx, -EKEYREJECTED,
					     "the server does not know our pre-shared key: compare identity and key on both sides");
	}
	return GNUTLS_E_CERTIFICATE_ERROR;
}

/* Verify by name, or by the address when there is no name. */
static int set_verify_server(const struct quic_tls *tls, struct quic_ctx *ctx, const char *hostname)
{
	char peer[128];
	int err;

	if (!hostname)
		hostname = tls->hostname;
	if (hostname && !is_address(hostname) &&
	    gnutls_server_name_set(ctx->session, GNUTLS_NAME_DNS, hostname, strlen(hostname)))
		return quic_ctx_fail(ctx, -EINVAL, "not a host name: %s", hostname);
	if (tls->psk_file) {
		gnutls_session_set_verify_function(ctx->session, refuse_certificate);
		return 0;
	}
	if (tls->flags & QUIC_HANDSHAKE_INSECURE)
		return 0;
	if (!hostname) {
		err = ctx->sys->peername(ctx->sd, peer, sizeof(peer));
		if (err)
			return quic_ctx_fail(ctx, err,
					     "no host name given and no peer address to verify instead: %s",
					     strerror(-err));
		hostname = peer;
	}
	ctx->hostname = strdup(hostname);
	if (!ctx->hostname)
		return -ENOMEM;
	/* Certificates know no interfaces: fe80::1%eth0 is fe80::1 to them. */
	if (strchr(ctx->hostname, ':'))
		ctx->hostname[strcspn(ctx->hostname, "%")] = 0;
	ctx->verify[0] = (gnutls_typed_vdata_st){
		.type = GNUTLS_DT_DNS_HOSTNAME,
		.data = (unsigned char *)ctx->hostname,
	};
	ctx->verify[1] = (gnutls_typed_vdata_st){
		.type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)GNUTLS_KP_TLS_WWW_SERVER,
	};
	gnutls_session_set_verify_cert2(ctx->session, ctx->verify, 2, 0);
	return 0;
}

/* A client need not show one then, but what it shows has to be good. */
static int verify_if_shown(gnutls_session_t session)
{
	struct quic_ctx *ctx = quic_ctx_find(session);
	unsigned int count = 0;

	if (!gnutls_certificate_get_peers(session, &count) || !count)
		return 0;
	if (!ctx || gnutls_certificate_verify_peers(session, ctx->verify, 1, &ctx->cert_status) < 0 ||
	    ctx->cert_status)
		return GNUTLS_E_CERTIFICATE_ERROR;
	return 0;
}

static void set_verify_client(const struct quic_tls *tls, struct quic_ctx *ctx,
			      const struct quic_config *config)
{
	bool require = tls->flags & QUIC_HANDSHAKE_CERT_REQUIRE || config->certificate_request == 2;
	bool request = tls->flags & QUIC_HANDSHAKE_CERT_REQUEST || config->certificate_request == 1;

	if (!require && !request)
		return;
	gnutls_certificate_server_set_request(ctx->session, require ? GNUTLS_CERT_REQUIRE :
								 GNUTLS_CERT_REQUEST);
	ctx->verify[0] = (gnutls_typed_vdata_st){
		.type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT,
	};
	if (require)
		gnutls_session_set_verify_cert2(ctx->session, ctx->verify, 1, 0);
	else
		gnutls_session_set_verify_function(ctx->session, verify_if_shown);
}

/*
 * Tickets are sealed with a key of the listener, so that any of its connections can open them. It
 * depends on the protocol, too, which is known when GnuTLS calls this, and the ticket is not yet
 * looked at.
 */
static int set_tickets(gnutls_session_t session)
{
	struct quic_ctx *ctx = quic_ctx_find(session);
	uint8_t key[QUIC_TICKET_KEY_SIZE];
	gnutls_datum_t datum = { key, sizeof(key) };

	if (!ctx || quic_early_ticket_key(ctx, key))
		return 0;
	if (gnutls_session_ticket_enable_server(session, &datum))
		quic_log(LOG_NOTICE, "no session tickets");
	explicit_bzero(key, sizeof(key));
	return 0;
}

static int session_setup(const struct quic_tls *tls, struct quic_ctx *ctx, const char *hostname)
{
	struct quic_config config = { 0 };
	socklen_t len = sizeof(config);
	int err;

	if (ctx->sys->getopt(ctx->sd, QUIC_SOCKOPT_CONFIG, &config, &len))
		memset(&config, 0, sizeof(config));
	err = set_priority(tls, ctx->session, &config);
	if (!err)
		err = set_credentials(tls, ctx->session);
	if (!err)
		err = set_alpn(tls, ctx);
	if (err)
		return err;
	if (!tls->server)
		return set_verify_server(tls, ctx, hostname);
	ctx->psk_file = tls->psk_file;
	set_verify_client(tls, ctx, &config);
	gnutls_handshake_set_post_client_hello_function(ctx->session, set_tickets);
	if (tls->flags & QUIC_HANDSHAKE_EARLY)
		quic_early_enable(ctx->session);
	return 0;
}

int quic_tls_session_sys(const struct quic_tls *tls, int sd, const struct quic_sys *sys,
			 const char *hostname, gnutls_session_t *ret)
{
	gnutls_session_t session;
	struct quic_ctx *ctx;
	int err;

	*ret = NULL;
	if (gnutls_init(&session, (tls->server ? GNUTLS_SERVER : GNUTLS_CLIENT) |
				  (tls->flags & QUIC_HANDSHAKE_EARLY ? GNUTLS_ENABLE_EARLY_DATA : 0) |
				  GNUTLS_NO_END_OF_EARLY_DATA))
		return -ENOMEM;
	gnutls_transport_set_int(session, sd);
	ctx = quic_ctx_attach(session);
	if (!ctx) {
		gnutls_deinit(session);
		return -ENOMEM;
	}
	ctx->sys = sys;
	ctx->sd = sd;
	ctx->early_wanted = tls->flags & QUIC_HANDSHAKE_EARLY;
	err = session_setup(tls, ctx, hostname);
	if (err)
		gnutls_deinit(session);
	else
		*ret = session;
	return err;
}

int quic_tls_session(const struct quic_tls *tls, int sd, const char *hostname,
		     gnutls_session_t *session)
{
	if (!tls || !session || sd < 0)
		return -EINVAL;
	return quic_tls_session_sys(tls, sd, &quic_sys_kernel, hostname, session);
}
