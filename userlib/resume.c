// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a client keeps of a connection for the next one to the same server: TLS session data with
 * the ticket, the address validation token, the server's transport parameters, the protocol. As
 * bytes:
 *
 *	"QUICr2" or "QUICo2" flags(1) alpn_len(1) alpn | name_len(1) name | params(56) |
 *	token_len(2) token | session data
 *
 * numbers and params as this machine has them: the bytes are for this machine. They are a secret.
 * The name is the one that the server's certificate was verified for: in a resumed session none is
 * shown again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "early.h"
#include "log.h"
#include "tls.h"

#ifdef QUIC_TLS_OPENSSL
#define MAGIC		"QUICo2"
#else
#define MAGIC		"QUICr2"
#endif
#define F_EARLY		0x01
#define F_V2		0x02	/* a ticket is of one version only (RFC 9369, 5) */
#define F_PSK		0x04	/* the server knew a pre-shared key */
#define SESSION_MAX	32768

void quic_early_free(struct quic_resume *resume)
{
	/* The token lets one in. */
	if (resume)
		explicit_bzero(resume, sizeof(*resume));
	free(resume);
}

static bool take(const uint8_t **p, const uint8_t *end, void *to, size_t len)
{
	if ((size_t)(end - *p) < len)
		return false;
	memcpy(to, *p, len);
	*p += len;
	return true;
}

/* Return: the session data in @data, or NULL */
static const uint8_t *parse(const uint8_t *p, const uint8_t *end, struct quic_resume *r)
{
	char magic[sizeof(MAGIC) - 1];
	uint8_t flags;

	if (!take(&p, end, magic, sizeof(magic)) || memcmp(magic, MAGIC, sizeof(magic)) ||
	    !take(&p, end, &flags, 1) || !take(&p, end, &r->alpn_len, 1) ||
	    !take(&p, end, r->alpn, r->alpn_len) || !take(&p, end, &r->name_len, 1) ||
	    !take(&p, end, r->name, r->name_len) || !take(&p, end, &r->params, sizeof(r->params)) ||
	    !take(&p, end, &r->token_len, 2) || r->token_len > sizeof(r->token) ||
	    !take(&p, end, r->token, r->token_len) || p == end)
		return NULL;
	r->early = flags & F_EARLY;
	r->v2 = flags & F_V2;
	r->psk = flags & F_PSK;
	return p;
}

/* The version that the next connection is going to be begun with */
static bool wants_v2(struct quic_ctx *ctx)
{
	struct quic_config config = { 0 };
	socklen_t len = sizeof(config);
	/* A session of the program's own tells when it begins. */
	int sd = ctx->sd >= 0 ? ctx->sd : quic_tls_socket(ctx->session);

	return sd >= 0 && !ctx->sys->getopt(sd, QUIC_SOCKOPT_CONFIG, &config, &len) &&
	       config.version == QUIC_VERSION_V2;
}

/*
 * Data of one protocol must not go as another's (RFC 8446, 4.2.10). Who offers none, or sets them later,
 * is not asked.
 */
static bool protocol_offered(const struct quic_ctx *ctx, const struct quic_resume *r)
{
	size_t at;

	for (at = 0; at < ctx->alpns_len; at += 1 + ctx->alpns[at])
		if (ctx->alpns[at] == r->alpn_len && !memcmp(ctx->alpns + at + 1, r->alpn, r->alpn_len))
			return true;
	return !ctx->alpns_len;
}

/*
 * RFC 8446, 4.6.1: resuming proves no more than the first handshake did. A session had without
 * verification, or under another name, is not for one that verifies.
 */
static bool proof_enough(const struct quic_ctx *ctx, const struct quic_resume *r)
{
	if (ctx->psk)
		return r->psk;
	return !ctx->hostname || (strlen(ctx->hostname) == r->name_len &&
				  !strncasecmp(ctx->hostname, (const char *)r->name, r->name_len));
}

int quic_resume_set(quic_session_t session, const void *data, size_t size)
{
	struct quic_ctx *ctx = quic_ctx_attach(session);
	const uint8_t *end = (const uint8_t *)data + size, *p;
	struct quic_resume *r;

	if (!ctx || !data || ctx->started)
		return -EINVAL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	p = parse(data, end, r);
	/* TLS would offer 0-RTT with a ticket that is not for it: rather a full handshake. */
	if (p && (r->v2 != wants_v2(ctx) || !proof_enough(ctx, r)))
		p = NULL;
	if (!p || (r->early && ctx->early_wanted && !protocol_offered(ctx, r)) ||
	    ((r->early || !ctx->early_wanted) && quic_tls_import(session, p, end - p))) {
		quic_early_free(r);
		return -EINVAL;
	}
	quic_early_free(ctx->resume);
	ctx->resume = r;
	return 0;
}

static void put(uint8_t **p, const void *from, size_t len)
{
	memcpy(*p, from, len);
	*p += len;
}

int quic_resume_get(quic_session_t session, void *data, size_t *size)
{
	struct quic_ctx *ctx = quic_ctx_find(session);
	struct quic_transport_param params = { .remote = 1 };
	uint8_t tls[SESSION_MAX], token[QUIC_TOKEN_MAX], *p = data;
	size_t room = size ? *size : 0, tls_len = sizeof(tls);
	socklen_t len = sizeof(token), plen = sizeof(params), ilen = sizeof(struct quic_info);
	struct quic_info info = { 0 };
	const uint8_t *alpn = NULL;
	size_t alpn_len = 0, name_len;
	uint16_t token_len;
	uint8_t n;
	int err;

	if (!ctx || !size)
		return -EINVAL;
	err = quic_session_get_data(session, tls, &tls_len);
	if (!err)
		err = ctx->sys->getopt(ctx->sd, QUIC_SOCKOPT_TRANSPORT_PARAM, &params, &plen);
	if (err)
		goto out;
	if (ctx->sys->getopt(ctx->sd, QUIC_SOCKOPT_TOKEN, token, &len))
		len = 0;
	if (!quic_tls_alpn(session, &alpn, &alpn_len) || alpn_len > 255)
		alpn_len = 0;
	name_len = ctx->hostname ? strlen(ctx->hostname) : 0;
	if (name_len > QUIC_CTX_NAME_MAX)
		name_len = 0;
	*size = sizeof(MAGIC) - 1 + 3 + alpn_len + name_len + sizeof(params) + 2 + len + tls_len;
	if (data && room < *size)
		err = -EMSGSIZE;
	if (data && !err) {
		put(&p, MAGIC, sizeof(MAGIC) - 1);
		/* RFC 9001, 4.6.2: after HelloRetryRequest it would be refused again. */
		n = quic_tls_ticket_early(ctx) && !ctx->hello_retry ? F_EARLY : 0;
		if (!ctx->sys->getopt(ctx->sd, QUIC_SOCKOPT_INFO, &info, &ilen) &&
		    info.version == QUIC_VERSION_V2)
			n |= F_V2;
		if (ctx->psk)
			n |= F_PSK;
		put(&p, &n, 1);
		n = alpn_len;
		put(&p, &n, 1);
		if (alpn_len)
			put(&p, alpn, alpn_len);
		n = name_len;
		put(&p, &n, 1);
		if (name_len)
			put(&p, ctx->hostname, name_len);
		put(&p, &params, sizeof(params));
		token_len = len;
		put(&p, &token_len, 2);
		put(&p, token, len);
		put(&p, tls, tls_len);
	}
out:
	explicit_bzero(tls, sizeof(tls));
	explicit_bzero(token, sizeof(token));
	return err;
}

/* The whole file, or a negative errno. */
static ssize_t file_read(const char *file, uint8_t *buf, size_t room)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, room);
	if (n < 0)
		n = -errno;
	close(fd);
	return n;
}

bool quic_resume_early(const char *file)
{
	uint8_t head[sizeof(MAGIC)];
	ssize_t n = file_read(file, head, sizeof(head));

	return n == sizeof(head) && !memcmp(head, MAGIC, sizeof(MAGIC) - 1) &&
	       head[sizeof(MAGIC) - 1] & F_EARLY;
}

int quic_resume_load(quic_session_t session, const char *file)
{
	uint8_t *buf = malloc(SESSION_MAX + 1024);
	ssize_t n;
	int err;

	if (!buf)
		return -ENOMEM;
	n = file_read(file, buf, SESSION_MAX + 1024);
	err = n < 0 ? n : quic_resume_set(session, buf, n);
	explicit_bzero(buf, SESSION_MAX + 1024);
	free(buf);
	return err;
}

static int file_write(int fd, const uint8_t *buf, size_t len)
{
	while (len) {
		ssize_t n = write(fd, buf, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		buf += n;
		len -= n;
	}
	return 0;
}

/* Whole or not at all, and for nobody else's eyes. */
static int file_replace(const char *file, const uint8_t *buf, size_t len)
{
	char *part;
	int fd, err;

	if (asprintf(&part, "%s.XXXXXX", file) < 0)
		return -ENOMEM;
	fd = mkostemp(part, O_CLOEXEC);
	err = fd < 0 ? -errno : file_write(fd, buf, len);
	if (fd >= 0 && close(fd) && !err)
		err = -errno;
	if (!err && rename(part, file))
		err = -errno;
	if (err && fd >= 0)
		unlink(part);
	free(part);
	return err;
}

int quic_resume_save(quic_session_t session, const char *file)
{
	size_t size = SESSION_MAX + 1024;
	uint8_t *buf;
	int err;

	if (!file)
		return -EINVAL;
	buf = malloc(size);
	if (!buf)
		return -ENOMEM;
	err = quic_resume_get(session, buf, &size);
	if (!err)
		err = file_replace(file, buf, size);
	explicit_bzero(buf, SESSION_MAX + 1024);
	free(buf);
	return err;
}
