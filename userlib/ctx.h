/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The state of one handshake. It hangs on the GnuTLS session as private data of the transport
 * parameters extension, so it goes when the session goes and leaves the session's own pointer to
 * the application. A session belongs to one thread at a time; nothing here is locked.
 */
#ifndef QUIC_USERLIB_CTX_H
#define QUIC_USERLIB_CTX_H

#include <stdbool.h>
#include <netinet/quic.h>
#include "queue.h"
#include "sys.h"

#define QUIC_CTX_RECV_SIZE	16384
#define QUIC_CTX_PARAMS_MAX	4096	/* what the kernel takes */
#define QUIC_CTX_ALERT_NONE	(-1)

/* What a client remembers of an earlier connection. */
struct quic_resume {
	bool early;		/* the ticket is good for 0-RTT */
	bool v2;		/* it is of QUIC version 2 */
	uint8_t alpn_len;
	uint16_t token_len;
	uint8_t alpn[255];
	uint8_t token[QUIC_TOKEN_MAX];
	struct quic_transport_param params;
};

struct quic_ctx {
	gnutls_session_t session;
	const struct quic_sys *sys;
	int sd;
	bool server;
	bool started;		/* quic_handshake_init() was called: once for a session */
	bool io_done;		/* something was sent or received */
	bool tls_done;		/* GnuTLS has nothing more to do */
	bool alpn_wanted;	/* protocols were offered: one must be chosen */
	bool kernel_closed;	/* the kernel knows better why, set no alert */
	bool closed_by_peer;	/* the connection ended, set no alert */
	int sys_err;		/* negative errno of a socket call inside a callback */
	int alert;		/* TLS alert to tell the peer, or QUIC_CTX_ALERT_NONE */
	int timeout_ms;		/* of quic_handshake(); 0: none of ours */
	char *hostname;		/* to be verified; GnuTLS keeps pointers to it and to verify */
	gnutls_typed_vdata_st verify[2];
	unsigned int cert_status;	/* what is wrong with a certificate nobody had to show */

	const char *psk_file;	/* server: whose keys clients may have; belongs to the quic_tls */

	/* The peer's transport parameters; a second ClientHello must repeat them. */
	size_t params_len;
	bool params_seen;
	uint8_t *params;

	struct quic_resume *resume;
	bool early_wanted;	/* the application asked for 0-RTT */
	bool early_prepared;	/* client: the kernel has the remembered parameters */
	bool early_sent;	/* client: and the secret */
	bool hello_retry;	/* HelloRetryRequest: no 0-RTT (RFC 9001, 4.6.2) */
	unsigned int hellos;	/* client: sent */
	uint8_t priority[32];	/* server: hash of the priority string */
	size_t early_len;	/* server: the secret, until it is known to be wanted */
	uint8_t early_secret[QUIC_CRYPTO_SECRET_BUFFER_SIZE];
	uint32_t early_type;
	void (*early_fn)(int sd, void *arg);
	void *early_arg;
	struct quic_tls *tls;	/* goes with us; NULL: the caller's */

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
struct quic_ctx *quic_ctx_attach(gnutls_session_t session);
/* The same, only if there is one. */
struct quic_ctx *quic_ctx_find(gnutls_session_t session);

/* Nothing more is to be sent or received: give back what only that needed. */
void quic_ctx_rest(struct quic_ctx *ctx);

/* Note the reason of a failure, once: the first is the cause. Returns err. */
int quic_ctx_fail(struct quic_ctx *ctx, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif /* QUIC_USERLIB_CTX_H */
