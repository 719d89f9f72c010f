/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The state of one handshake. It hangs on the TLS library's session, so it goes when the session
 * goes, and leaves the session's own pointer to the application. A session belongs to one thread at
 * a time; nothing here is locked.
 */
#ifndef QUIC_USERLIB_CTX_H
#define QUIC_USERLIB_CTX_H

#include <stdbool.h>
#include <netinet/quic.h>
#include "queue.h"
#include "sys.h"

#define QUIC_CTX_RECV_SIZE	16384
#define QUIC_CTX_PARAMS_MAX	4096	/* what the kernel takes */
#define QUIC_CTX_ALPN_MAX	1024	/* of names offered, with their lengths */
#define QUIC_CTX_NAME_MAX	255	/* of a server */
#define QUIC_CTX_ALERT_NONE	(-1)

/* TLS alerts raised here (RFC 8446, 6.2; RFC 6066, 3; RFC 7301, 3.2) */
#define QUIC_ALERT_UNEXPECTED_MESSAGE	10
#define QUIC_ALERT_ILLEGAL_PARAMETER	47
#define QUIC_ALERT_INTERNAL_ERROR	80
#define QUIC_ALERT_MISSING_EXTENSION	109
#define QUIC_ALERT_UNRECOGNIZED_NAME	112
#define QUIC_ALERT_UNKNOWN_PSK		115
#define QUIC_ALERT_NO_ALPN		120

struct quic_tls_priv;	/* the TLS library's part */

/* What a client remembers of an earlier connection. */
struct quic_resume {
	bool early;		/* the ticket is good for 0-RTT */
	bool v2;		/* it is of QUIC version 2 */
	bool psk;		/* the server proved itself by a pre-shared key */
	uint8_t alpn_len;
	uint8_t name_len;	/* 0: no name was verified */
	uint16_t token_len;
	uint8_t alpn[255];
	uint8_t name[QUIC_CTX_NAME_MAX];
	uint8_t token[QUIC_TOKEN_MAX];
	struct quic_transport_param params;
};

struct quic_ctx {
	quic_session_t session;
	struct quic_tls_priv *priv;
	const struct quic_sys *sys;
	int sd;
	bool server;
	bool started;		/* quic_handshake_init() was called: once for a session */
	bool io_done;		/* something was sent or received */
	bool tls_done;		/* TLS has nothing more to do */
	bool kernel_closed;	/* the kernel knows better why, set no alert */
	bool closed_by_peer;	/* the connection ended, set no alert */
	int sys_err;		/* negative errno of a socket call inside a callback */
	int alert;		/* TLS alert to tell the peer, or QUIC_CTX_ALERT_NONE */
	int timeout_ms;		/* of quic_handshake(); 0: none of ours */
	char *hostname;		/* to be verified; GnuTLS keeps a pointer to it */
	bool psk;		/* client: the server proves itself by a pre-shared key */
	size_t alpns_len;	/* 0: none are offered; else one must be chosen */
	uint8_t *alpns;		/* each behind its length (RFC 7301, 3.1) */

	const struct quic_tls *from;	/* what it was made from, NULL: the caller's own session */
	const struct quic_tls *chosen;	/* server: what opts.choose() said */
	uint8_t cert_demand;		/* server: of clients; 0, 1: asked for, 2: insisted on */
	char *sni;			/* server: the name asked for, when there is a choose() */
	const char *psks;	/* server: the keys clients may have, quic_psk_read(); the quic_tls's */

	/* The peer's transport parameters; a second ClientHello must repeat them. */
	size_t params_len;
	bool params_seen;
	uint8_t *params;

	struct quic_resume *resume;
	bool early_wanted;	/* the application asked for 0-RTT */
	bool early_prepared;	/* client: the kernel has the remembered parameters */
	bool early_sent;	/* client: and the secret */
	bool early_answered;	/* client: and the kernel knows what the server said */
	bool hello_retry;	/* HelloRetryRequest: no 0-RTT (RFC 9001, 4.6.2) */
	uint8_t priority[32];	/* server: hash of the priority string */
	size_t early_len;	/* server: the secret, until it is known to be wanted */
	uint8_t early_secret[QUIC_CRYPTO_SECRET_BUFFER_SIZE];
	uint32_t early_type;
	void (*early_fn)(int sd, void *arg);
	void *early_arg;
	struct quic_tls *owned;	/* goes with us; NULL: the caller's */

	struct quic_queue out;	/* TLS messages to be sent */
	bool step_pending;
	struct quic_handshake_step step;
	struct msghdr msg;
	struct iovec iov;
	union {
		char buf[CMSG_SPACE(sizeof(struct quic_handshake_info))];
		struct cmsghdr align;
	} control;
	uint8_t *recv;		/* QUIC_CTX_RECV_SIZE bytes, while the handshake runs */

	char error[320];
};

/* The context of a session; made at the first call. NULL: no memory or not a TLS session. */
struct quic_ctx *quic_ctx_attach(quic_session_t session);
/* The same, only if there is one. In the TLS library's files. */
struct quic_ctx *quic_ctx_find(quic_session_t session);
/* For them, when the session goes. */
void quic_ctx_free(struct quic_ctx *ctx);

/*
 * The TLS extension that carries transport parameters between the two kernels (RFC 9001, 8.2):
 * ours, QUIC_CTX_PARAMS_MAX bytes of room; and the peer's. 0 or -errno, ctx->alert set.
 */
int quic_ctx_params_get(struct quic_ctx *ctx, uint8_t *data, size_t *len);
int quic_ctx_params_put(struct quic_ctx *ctx, const uint8_t *data, size_t len);

/* Nothing more is to be sent or received: give back what only that needed. */
void quic_ctx_rest(struct quic_ctx *ctx);

/* Note the reason of a failure, once: the first is the cause. Returns err. */
int quic_ctx_fail(struct quic_ctx *ctx, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same with the alert for it, unless there is one already, inside what TLS calls: ctx->sys_err is set. */
int quic_ctx_refuse(struct quic_ctx *ctx, int alert, int err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif /* QUIC_USERLIB_CTX_H */
