// SPDX-License-Identifier: LGPL-2.1-or-later
/* A TLS session made ready for a QUIC socket, and what can be asked of one. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/tls.h>
#include "log.h"
#include "session.h"
#include "tls.h"

#define MSG_NEW_SESSION_TICKET	4	/* RFC 8446, 4 */
#define PRIORITY_MAX		1024

static bool is_address(const char *host)
{
	struct in6_addr addr;

	/* No name has a colon; an IPv6 address may have its interface behind it. */
	return inet_pton(AF_INET, host, &addr) == 1 || strchr(host, ':');
}

/* "a,b" as ALPN has it, each name behind its length; an empty name or too many of them: -EINVAL. */
static int alpn_encode(const char *text, size_t size, uint8_t *out, size_t *len)
{
	const char *end = text + size;

	for (*len = 0;;) {
		const char *comma = memchr(text, ',', end - text);
		size_t n = (comma ? comma : end) - text;

		if (!n || n > 255 || *len + 1 + n > QUIC_CTX_ALPN_MAX)
			return -EINVAL;
		out[*len] = n;
		memcpy(out + *len + 1, text, n);
		*len += 1 + n;
		if (!comma)
			return 0;
		text = comma + 1;
	}
}

int quic_session_set_alpn(quic_session_t session, const void *data, size_t size)
{
	uint8_t names[QUIC_CTX_ALPN_MAX];
	struct quic_ctx *ctx;
	size_t len;

	if (!session || !data)
		return -EINVAL;
	size = strnlen(data, size);
	if (alpn_encode(data, size, names, &len))
		return -EINVAL;
	ctx = quic_ctx_attach(session);
	if (!ctx)
		return -ENOMEM;
	free(ctx->alpns);
	ctx->alpns_len = 0;
	ctx->alpns = malloc(len);
	if (!ctx->alpns)
		return -ENOMEM;
	memcpy(ctx->alpns, names, len);
	ctx->alpns_len = len;
	return quic_tls_set_alpn(ctx);
}

/* The common manners of the two getters: *size is room and need. */
static int copy_out(void *data, size_t *size, const void *from, size_t len)
{
	size_t room = *size;

	*size = len;
	if (!data)
		return 0;
	if (room < len)
		return -EMSGSIZE;
	memcpy(data, from, len);
	return 0;
}

int quic_session_get_alpn(quic_session_t session, void *data, size_t *size)
{
	const uint8_t *name;
	size_t room, len;
	int err;

	if (!session || !size)
		return -EINVAL;
	if (!quic_tls_alpn(session, &name, &len))
		return -ENODATA;
	room = *size;
	err = copy_out(data, size, name, len);
	if (!err && data && room > len)
		((char *)data)[len] = 0;
	return err;
}

int quic_session_set_data(quic_session_t session, const void *data, size_t size)
{
	if (!session || !data || !size)
		return -EINVAL;
	return quic_tls_import(session, data, size);
}

/* Give TLS the ticket that the kernel keeps. Nothing but a ticket: no key update in TLS. */
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
	return quic_tls_ticket(ctx, ticket, len) ? -EPROTO : 0;
}

int quic_session_get_data(quic_session_t session, void *data, size_t *size)
{
	struct quic_ctx *ctx = quic_ctx_find(session);
	uint8_t *blob;
	size_t len;
	int err;

	if (!ctx || !size)
		return -EINVAL;
	if (!ctx->tls_done || ctx->server)
		return -EINVAL;
	if (!quic_tls_has_ticket(ctx)) {
		err = ticket_fetch(ctx);
		if (err)
			return err;
		if (!quic_tls_has_ticket(ctx))
			return -EAGAIN;
	}
	err = quic_tls_export(ctx, &blob, &len);
	if (err)
		return err;
	err = copy_out(data, size, blob, len);
	explicit_bzero(blob, len);
	free(blob);
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

static int set_priority(const struct quic_tls *tls, struct quic_ctx *ctx,
			const struct quic_config *config)
{
	char text[PRIORITY_MAX];
	int ret;

	ret = snprintf(text, sizeof(text), "%s%s%s", tls->priority ? tls->priority : QUIC_PRIORITY,
		 tls->priority ? "" : cipher_wish(config),
		 tls->psk_file && !tls->priority ? ":+ECDHE-PSK:+DHE-PSK:+PSK" : "");
	if (ret >= (int)sizeof(text)) {
		quic_log(LOG_ERR, "GnuTLS priority string: longer than %zu bytes", sizeof(text) - 1);
		return -EINVAL;
	}
	if (tls->server && quic_tls_hash(text, strlen(text), ctx->priority))
		return -ENOMEM;
	return quic_tls_set_priority(ctx, text);
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
 * To OpenSSL ".org" stands for every name that ends so, and "" for any at all; an interface alone
 * leaves nothing of an address.
 */
static bool is_name(const char *host)
{
	return *host && *host != '.' && *host != '%';
}

/* Verify by name, or by the address when there is no name. */
static int setup_client(const struct quic_tls *tls, struct quic_ctx *ctx, const char *hostname)
{
	char peer[128];
	int err;

	if (!hostname)
		hostname = tls->hostname;
	if (hostname && (!is_name(hostname) ||
			 (!is_address(hostname) && quic_tls_set_sni(ctx, hostname))))
		return quic_ctx_fail(ctx, -EINVAL, "not a host name: %s", hostname);
	if (tls->psk_file) {
		ctx->psk = true;
		quic_tls_verify_server(ctx, true);
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
	quic_tls_verify_server(ctx, false);
	return 0;
}

/* What is asked of clients: by the caller, or by QUIC_SOCKOPT_CONFIG. */
static void demand_cert(const struct quic_tls *tls, struct quic_ctx *ctx)
{
	struct quic_config config = { 0 };
	socklen_t len = sizeof(config);

	if (ctx->sys->getopt(ctx->sd, QUIC_SOCKOPT_CONFIG, &config, &len))
		memset(&config, 0, sizeof(config));
	ctx->cert_demand = 0;
	if (tls->flags & QUIC_HANDSHAKE_CERT_REQUIRE)
		ctx->cert_demand = 2;
	else if (tls->flags & QUIC_HANDSHAKE_CERT_REQUEST)
		ctx->cert_demand = 1;
	/* Who was made without authorities would refuse everybody. */
	if (ctx->cert_demand && config.certificate_request == 2)
		ctx->cert_demand = 2;
	quic_tls_verify_client(ctx);
}

static int setup_server(const struct quic_tls *tls, struct quic_ctx *ctx)
{
	ctx->psks = tls->psks;
	demand_cert(tls, ctx);
	if (ctx->early_wanted)
		quic_tls_early_enable(ctx);
	return 0;
}

/* Lower case, without the dot at its end. NULL: no memory; "" is not a name. */
static char *name_clean(const char *name, size_t len)
{
	char *out = strndup(name, len), *p;

	if (!out)
		return NULL;
	for (p = out; *p; p++)
		*p = (unsigned char)*p < 0x80 ? tolower((unsigned char)*p) : *p;
	if (p > out && p[-1] == '.')
		p[-1] = 0;
	return out;
}

int quic_session_choose(struct quic_ctx *ctx, const char *name, size_t len)
{
	const struct quic_tls *tls;
	int err;

	/* The second ClientHello names the same server (RFC 8446, 4.1.2). */
	if (!ctx->from || !ctx->from->choose || ctx->chosen)
		return 0;
	if (name) {
		size_t i;

		for (i = 0; i < len && (unsigned char)name[i] > ' ' && name[i] != 0x7f; i++)
			;
		if (!len || len > QUIC_CTX_NAME_MAX || i < len)
			return quic_ctx_refuse(ctx, QUIC_ALERT_UNRECOGNIZED_NAME, -EPROTO,
					       "the client asks for a server of an impossible name");
		ctx->sni = name_clean(name, len);
		if (!ctx->sni)
			return quic_ctx_refuse(ctx, QUIC_ALERT_INTERNAL_ERROR, -ENOMEM, "no memory");
	}
	tls = ctx->from->choose(ctx->from, ctx->sni, ctx->from->choose_arg);
	if (!tls)
		return quic_ctx_refuse(ctx, QUIC_ALERT_UNRECOGNIZED_NAME, -ENOENT,
				       "the client asks for %s, which is not here",
				       ctx->sni ? ctx->sni : "no server by name");
	ctx->chosen = tls;
	if (tls == ctx->from)
		return 0;
	if (!tls->server)
		return quic_ctx_refuse(ctx, QUIC_ALERT_INTERNAL_ERROR, -EINVAL,
				       "opts.choose() gave a client's quic_tls");
	err = quic_tls_use(ctx, tls);
	if (err)
		return quic_ctx_refuse(ctx, QUIC_ALERT_INTERNAL_ERROR, err,
				       "cannot use the certificate for %s", ctx->sni ? ctx->sni : "this");
	demand_cert(tls, ctx);
	return 0;
}

static int session_setup(const struct quic_tls *tls, struct quic_ctx *ctx, const char *hostname)
{
	struct quic_config config = { 0 };
	socklen_t len = sizeof(config);
	int err;

	if (ctx->sys->getopt(ctx->sd, QUIC_SOCKOPT_CONFIG, &config, &len))
		memset(&config, 0, sizeof(config));
	err = set_priority(tls, ctx, &config);
	if (!err)
		err = set_alpn(tls, ctx);
	if (err)
		return err;
	return tls->server ? setup_server(tls, ctx) : setup_client(tls, ctx, hostname);
}

int quic_tls_session_sys(const struct quic_tls *tls, int sd, const struct quic_sys *sys,
			 const char *hostname, quic_session_t *ret)
{
	struct quic_ctx *ctx;
	int err;

	*ret = NULL;
	err = quic_tls_make(tls, sd, &ctx);
	if (err)
		return err;
	ctx->from = tls;
	ctx->sys = sys;
	ctx->sd = sd;
	ctx->early_wanted = tls->flags & QUIC_HANDSHAKE_EARLY;
	err = session_setup(tls, ctx, hostname);
	if (err)
		quic_session_free(ctx->session);
	else
		*ret = ctx->session;
	return err;
}

int quic_tls_session(const struct quic_tls *tls, int sd, const char *hostname,
		     quic_session_t *session)
{
	if (!tls || !session || sd < 0)
		return -EINVAL;
	return quic_tls_session_sys(tls, sd, &quic_sys_kernel, hostname, session);
}
