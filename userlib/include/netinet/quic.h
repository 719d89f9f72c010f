/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libquic: the TLS handshake of a QUIC socket, done in userspace over GnuTLS, and small calls for
 * streams. Link with -lquic, and -lgnutls where a gnutls_session_t is used.
 *
 * The same calls over OpenSSL >= 3.5: a library of its own, -lquic-openssl, and QUIC_TLS_OPENSSL
 * defined before this header (pkg-config libquic-openssl says both). A quic_session_t is a
 * gnutls_session_t here and an SSL * there: what only passes it on is written once.
 *
 *	int sd = socket(AF_INET6, SOCK_STREAM, IPPROTO_QUIC);
 *
 *	connect(sd, ...);
 *	err = quic_client_handshake(sd, NULL, "example.org", "hq-interop");
 *	if (err)
 *		fprintf(stderr, "%s\n", quic_strerror(err));
 *
 * Functions that return int give 0 or a negative errno; quic_strerror() says what to do about it.
 * All of them may be called from several threads at once, for different sockets and sessions.
 *
 * Certificates: a client verifies the server's chain, name, dates and purpose, always, unless it
 * asked not to with QUIC_HANDSHAKE_INSECURE. This is the one difference to the library whose
 * interface this is. Trusted are the authorities of opts.ca_file, else of the file named by the
 * environment variable SSL_CERT_FILE, else of the system. On a session of your own nothing is
 * verified but what you tell GnuTLS to: gnutls_session_set_verify_cert(); OpenSSL: SSL_set_verify().
 *
 * Key log: with SSLKEYLOGFILE=file in the environment secrets are appended there for Wireshark. A
 * file that has to be made is for its owner only.
 */
#ifndef _NETINET_QUIC_H
#define _NETINET_QUIC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <linux/quic.h>
#ifdef QUIC_TLS_OPENSSL
#include <openssl/types.h>
typedef SSL *quic_session_t;
#else
#include <gnutls/gnutls.h>
typedef gnutls_session_t quic_session_t;
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Priorities for a session of your own: TLS 1.3 only, the four ciphers QUIC has, no compatibility
 * mode (RFC 9001, 4.2 and 8.4). Append ":+ECDHE-PSK:+PSK" for pre-shared keys.
 */
#define QUIC_PRIORITY \
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:" \
	"-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-CCM:" \
	"-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:+GROUP-SECP521R1:" \
	"%DISABLE_TLS13_COMPAT_MODE"

struct quic_tls;

/*
 * One handshake, start to end; waits for the network, on a non-blocking socket too. On an error
 * close() the socket: the peer is then told the TLS alert.
 *
 * psk_file: lines "identity:key in hex"; a client uses the first. NULL: certificates.
 * hostname: the name the certificate must have, sent as SNI; NULL: the address connected to.
 * pkey_file, cert_file: PEM, the chain with the server's own certificate first. With cert_file
 *	NULL pkey_file is a PSK file.
 * alpns: protocol names, comma-separated, the client's best first. NULL: those of QUIC_SOCKOPT_ALPN, or none.
 *
 * -EKEYREJECTED: certificate not trusted or for another name; -EKEYEXPIRED: out of its dates.
 * -EPROTONOSUPPORT: no application protocol in common. -ECONNABORTED: the peer refused the
 * handshake. -ETIMEDOUT: no answer. -EPROTO: TLS went wrong otherwise. -EINVAL, -ENOENT,
 * -EACCES: files and arguments.
 */
int quic_client_handshake(int sd, const char *psk_file, const char *hostname, const char *alpns);
int quic_server_handshake(int sd, const char *pkey_file, const char *cert_file, const char *alpns);

/* The same with everything that can be chosen. Zero it, set size, then what you need. */
struct quic_handshake_opts {
	size_t size;			/* sizeof(struct quic_handshake_opts) */
	unsigned int flags;		/* QUIC_HANDSHAKE_* */
	int timeout_ms;			/* for the whole handshake; 0: the idle timeout */
	const char *alpns;		/* as above */
	const char *hostname;		/* client: as above */
	const char *ca_file;		/* PEM file or directory of them */
	const char *cert_file;		/* PEM; a client may have one too */
	const char *pkey_file;
	const char *psk_file;
	const char *psk_identity;	/* client: which line of psk_file; NULL: the first */
	const char *priority;		/* GnuTLS priority string; NULL: QUIC_PRIORITY. OpenSSL:
					 * of its words those for ciphers, groups and TLS 1.3
					 */
	const void *session_data;	/* client: from quic_session_get_data(), to resume */
	size_t session_len;
	char *errbuf;			/* the reason of a failure, as a sentence */
	size_t errlen;
	const char *resume_file;	/* client: from quic_resume_save(); a missing one is fine,
					 * one that led to a failure is removed
					 */
	quic_session_t *session;	/* the session is left here; free with quic_session_free() */
	void (*early)(int sd, void *arg); /* client: 0-RTT may be sent now, see below */
	void *early_arg;
	/*
	 * server: which quic_tls a client gets that asks for this name (SNI; lower case; NULL: it
	 * named none). @tls is the one the session was made from, and a good answer; so is any
	 * other made by quic_tls_new_server(): its certificate, and what it asks of clients, count
	 * for this connection. NULL: refused with unrecognized_name (RFC 6066, 3). Called inside
	 * the step that brings the ClientHello, so it must not wait; what it returns must live as
	 * long as the session. A ticket is good for the name it was given under only.
	 */
	const struct quic_tls *(*choose)(const struct quic_tls *tls, const char *name, void *arg);
	void *choose_arg;
};

#define QUIC_HANDSHAKE_INSECURE		0x01	/* client: do not verify. For tests only. */
/*
 * server: ask for a client certificate; insist on one. What is shown is verified against ca_file either
 * way, without which -EINVAL. quic_config.certificate_request of the socket is heeded too (with the
 * system's authorities, where quic_server_handshake() can name none), for a quic_tls only with ca_file
 * and one of these flags.
 */
#define QUIC_HANDSHAKE_CERT_REQUEST	0x02
#define QUIC_HANDSHAKE_CERT_REQUIRE	0x04
/*
 * 0-RTT. Client: send early data if what is resumed allows it. Server: give out tickets for it and
 * take it, with each ClientHello once: the library remembers them, for as long as they are good, in
 * a table that processes forked after it was loaded share. Early data is handed to the server's application with the flag
 * MSG_QUIC_STREAM_EARLY once the handshake is over, unless QUIC_SOCKOPT_EARLY_DATA says at once.
 */
#define QUIC_HANDSHAKE_EARLY		0x08

int quic_client_handshake_opts(int sd, const struct quic_handshake_opts *opts);
int quic_server_handshake_opts(int sd, const struct quic_handshake_opts *opts);

/*
 * For many connections: read keys and authorities once, then make sessions from them, from any
 * thread. errbuf, timeout_ms and session_data are looked at in the call only; a NULL session
 * hostname means the one of opts. A session holds no reference: free it before the quic_tls.
 */

int quic_tls_new_client(struct quic_tls **tls, const struct quic_handshake_opts *opts);
int quic_tls_new_server(struct quic_tls **tls, const struct quic_handshake_opts *opts);
void quic_tls_free(struct quic_tls *tls);
int quic_tls_session(const struct quic_tls *tls, int sd, const char *hostname,
		     quic_session_t *session);	/* free with quic_session_free() */

/* gnutls_deinit() or SSL_free(); NULL is fine. Was the session resumed: 1, no: 0. */
void quic_session_free(quic_session_t session);
int quic_session_is_resumed(quic_session_t session);

/*
 * A handshake on a session of your own, made with gnutls_init(), QUIC_PRIORITY, credentials and
 * gnutls_transport_set_int(session, sd). Flag GNUTLS_NO_END_OF_EARLY_DATA is needed for 0-RTT.
 * OpenSSL: SSL_new() of a context of TLS_method(), SSL_set_fd(session, sd), which it then forgets.
 * -ESTALE: the server speaks no version that the socket began with, and the socket changed to one it
 * does speak: once more, with a new session without session data. The calls that make their own
 * session do so by themselves.
 */
int quic_handshake(quic_session_t session);

/*
 * The same in steps, for event loops. Neither call waits or does I/O: each leaves in *step the
 * sendmsg() or recvmsg() to do next on the socket. Do it when the socket is ready, put the result,
 * or the negative errno, into retval (not -EAGAIN: wait and do it again), call
 * quic_handshake_step(). *step is NULL when the handshake is complete.
 */
enum quic_handshake_step_op {
	QUIC_HANDSHAKE_STEP_OP_SENDMSG = 1,
	QUIC_HANDSHAKE_STEP_OP_RECVMSG,
};

struct quic_handshake_step_sendmsg {
	const struct msghdr *msg;
	int flags;
	ssize_t retval;
};

struct quic_handshake_step_recvmsg {
	struct msghdr *msg;
	int flags;
	ssize_t retval;
};

struct quic_handshake_step {
	enum quic_handshake_step_op op;

	union {
		struct quic_handshake_step_sendmsg s_sendmsg;
		struct quic_handshake_step_recvmsg s_recvmsg;
	};
};

int quic_handshake_init(quic_session_t session, struct quic_handshake_step **step);
int quic_handshake_step(quic_session_t session, struct quic_handshake_step **step);
/* Ends the steps where they are; what was negotiated can still be asked. gnutls_deinit() does it too. */
void quic_handshake_deinit(quic_session_t session);

/*
 * Why the handshake of this session failed, a sentence; "" if it did not. Never NULL. A peer's reason may
 * be in it, without control characters.
 */
const char *quic_handshake_error(quic_session_t session);

/*
 * Client: the data to resume this session with, after a session ticket came (-EAGAIN before).
 * *size in: room, out: needed; -EMSGSIZE or data NULL: only *size is set. Set before the handshake.
 */
int quic_session_get_data(quic_session_t session, void *data, size_t *size);
int quic_session_set_data(quic_session_t session, const void *data, size_t size);

/*
 * Client: all that the next connection to the same server can profit by, in one piece: TLS session
 * with ticket, address validation token, transport parameters, protocol. Two lines do it:
 *
 *	opts.resume_file = "server.session", opts.session = &session;	before the handshake
 *	quic_resume_save(session, "server.session");			before close()
 *
 * save and get: -EAGAIN: no ticket came yet. get: sizes as quic_session_get_data(). load and set:
 * before the handshake; -EINVAL: not from here. Use each once (RFC 8446, C.4), keep it as a secret.
 *
 * With QUIC_HANDSHAKE_EARLY opts.early() is called when 0-RTT is possible, before the first packet
 * leaves: what it sends there, without waiting, goes along. Only send what does no harm when it
 * comes twice (RFC 9001, 9.2). A server that answers 0-RTT by HelloRetryRequest makes the handshake
 * fail with -EPROTO (a limit of GnuTLS 3.7, not of OpenSSL): try again, without. When the server refuses, the kernel sends it again, encrypted anew;
 * QUIC_SOCKOPT_EARLY_DATA tells. In steps: send between quic_handshake_init() and the first step.
 */
int quic_resume_save(quic_session_t session, const char *file);
int quic_resume_load(quic_session_t session, const char *file);
int quic_resume_get(quic_session_t session, void *data, size_t *size);
int quic_resume_set(quic_session_t session, const void *data, size_t size);

/*
 * set, before the handshake: comma-separated names, no NUL needed (with OpenSSL a
 * server's session of your own needs SSL_CTX_set_alpn_select_cb() as well). get, after it: the one chosen;
 * *size as above, a NUL follows where there is room. -ENODATA: none.
 */
int quic_session_get_alpn(quic_session_t session, void *data, size_t *size);
int quic_session_set_alpn(quic_session_t session, const void *data, size_t size);

/*
 * Send and receive with the stream told. As sendmsg() and recvmsg(): -1 and errno on errors.
 * sid: -1: the stream opened last, or with MSG_QUIC_STREAM_NEW the next one.
 * flags: MSG_QUIC_* and MSG_*, in both directions; sid and flags may be NULL on receive. Without
 * a stream (datagram, event) *sid becomes -1.
 */
ssize_t quic_sendmsg(int sd, const void *msg, size_t len, int64_t sid, uint32_t flags);
ssize_t quic_recvmsg(int sd, void *msg, size_t len, int64_t *sid, uint32_t *flags);

/*
 * Streams as file descriptors: read(), write(), poll(), splice(), shutdown() and close() as on a
 * connected TCP socket; see quic(7). id: -1 on a stream's own descriptor. fd_flags: SOCK_CLOEXEC
 * and SOCK_NONBLOCK. The three that make a descriptor give it, or a negative errno.
 *
 * open: the next stream of ours; stream_flags: MSG_QUIC_STREAM_UNI, and MSG_QUIC_STREAM_DONTWAIT:
 * -EAGAIN where the peer allows no more, instead of waiting. *id (may be NULL) becomes its ID.
 * accepting: on: accept() gives the streams the peer opens, and POLLIN says that one waits.
 * accept: the next of them. peeloff: one that recvmsg() told of.
 * set_priority: urgency 0 (first) to 7; incremental: takes turns with others of its urgency.
 * reset and stop: RESET_STREAM and STOP_SENDING with the application's code.
 */
int quic_stream_open(int sd, int64_t *id, uint32_t stream_flags, int fd_flags);
int quic_stream_accepting(int sd, int on);
int quic_stream_accept(int sd, int64_t *id, int fd_flags);
int quic_stream_peeloff(int sd, int64_t id, int fd_flags);
int quic_stream_set_priority(int sd, int64_t id, unsigned int urgency, int incremental);
int quic_stream_status(int sd, int64_t id, struct quic_stream_status *status);
int quic_stream_reset(int sd, int64_t id, uint32_t code);
int quic_stream_stop(int sd, int64_t id, uint32_t code);

/* What a (negative) error of this library means and what to do, in English. */
const char *quic_strerror(int err);

/*
 * Messages go to stderr up to level LOG_ERR of <syslog.h>; choose another function (NULL: stderr
 * again) or level (-1: nothing). Both return the previous one.
 */
typedef void (*quic_set_log_func_t)(int level, const char *msg);
quic_set_log_func_t quic_set_log_func(quic_set_log_func_t func);
int quic_set_log_level(int level);

#ifdef __cplusplus
}
#endif

#endif /* _NETINET_QUIC_H */
