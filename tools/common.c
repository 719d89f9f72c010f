// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/tls.h>
#include "common.h"

int tool_line;
static quic_session_t session;	/* of the last connection, while it may give a ticket */

/* C0, DEL and, as UTF-8 has them, C1: nothing a terminal would obey. */
static void make_printable(char *text)
{
	unsigned char *p = (unsigned char *)text;

	for (; *p; p++)
		if (*p < ' ' || *p == 0x7f || (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0))
			*p = '?';
}

void tool_say(const struct tool_opts *o, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	make_printable(text);
	if (tool_line)
		fprintf(stderr, "\r%*s\r", tool_line, "");
	tool_line = 0;
	fprintf(stderr, "%s: %s\n", o->name, text);
}

int64_t tool_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int tool_nonblock(int sd)
{
	int flags = fcntl(sd, F_GETFL);

	return flags < 0 ? flags : fcntl(sd, F_SETFL, flags | O_NONBLOCK);
}

int tool_event(int sd, uint8_t type)
{
	struct quic_event_option event = { .type = type, .on = 1 };

	return setsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_EVENT, &event, sizeof(event));
}

void tool_key_update(const struct tool_opts *o, int sd, uint64_t bytes, bool *done)
{
	/* Refused until the handshake is confirmed: asked again then (RFC 9001, 6.1). */
	if (o->key_update && !*done && bytes >= o->key_update)
		*done = !setsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_KEY_UPDATE, NULL, 0);
}

bool tool_info(int sd, struct quic_info *info)
{
	socklen_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return !getsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_INFO, info, &len);
}

int tool_exit_code(int err)
{
	switch (err < 0 ? -err : err) {
	case 0:
		return TOOL_OK;
	case EKEYREJECTED:
	case EKEYEXPIRED:
	case EPROTO:
	case EPROTONOSUPPORT:
	case ECONNABORTED:
	case EBADMSG:
	case EINVAL:
	case ENOENT:
	case EACCES:
		return TOOL_HANDSHAKE;
	default:
		return TOOL_NETWORK;
	}
}

const char *tool_reason(int sd, int err, char *buf, size_t len)
{
	struct quic_connection_close close = { 0 };
	socklen_t size = sizeof(close);
	struct quic_info info;

	if (!getsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_CONNECTION_CLOSE, &close, &size) &&
	    (close.errcode || close.phrase[0])) {
		bool app = tool_info(sd, &info) && info.flags & QUIC_INFO_CLOSED_BY_APP;

		snprintf(buf, len, "%s error 0x%x %.64s", app ? "application" : "transport",
			 close.errcode, (char *)close.phrase);
		return buf;
	}
	if (err == ENOTCONN || err == EPIPE)
		snprintf(buf, len, "the peer closed the connection");
	else
		snprintf(buf, len, "%s", strerror(err));
	return buf;
}

static int fail_socket(const struct tool_opts *o, int err)
{
	if (err == EPROTONOSUPPORT || err == ESOCKTNOSUPPORT || err == EINVAL)
		tool_say(o, "this kernel has no QUIC sockets: load the module first (modprobe quic, as root)");
	else
		tool_say(o, "socket: %s", strerror(err));
	return -TOOL_NETWORK;
}

/* The version a client begins with; 0: the kernel's default */
static uint32_t first_version(const struct tool_opts *o)
{
	if (o->unknown_version)
		return 0x1a2a3a4a;	/* RFC 9000, 15 */
	if (!o->nversions)
		return 0;
	return o->versions[o->negotiate ? o->nversions - 1 : 0];
}

/* What is chosen by socket option, before connect() or listen(). */
static int socket_setup(const struct tool_opts *o, int sd)
{
	struct quic_transport_param params = { .max_streams_bidi = o->max_streams,
					       .max_streams_uni = o->max_streams };
	struct quic_config config = { .version = first_version(o),
				      .validate_peer_address = o->retry };

	if (o->cc && setsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_CONGESTION, o->cc, strlen(o->cc))) {
		tool_say(o, "congestion control %s: %s", o->cc,
			 errno == ENOENT ? "the kernel does not have it" : strerror(errno));
		return -TOOL_NETWORK;
	}
	if (o->max_streams && setsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_TRANSPORT_PARAM, &params,
					 sizeof(params))) {
		tool_say(o, "--max-streams: %s", strerror(errno));
		return -TOOL_NETWORK;
	}
	if (o->nversions && setsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_VERSIONS, o->versions,
				       o->nversions * sizeof(o->versions[0]))) {
		tool_say(o, "--version: %s", strerror(errno));
		return -TOOL_NETWORK;
	}
	if ((config.version || o->retry) &&
	    setsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_CONFIG, &config, sizeof(config))) {
		tool_say(o, "--version, --negotiate, --retry: %s", strerror(errno));
		return -TOOL_NETWORK;
	}
	return 0;
}

static int resolve(const struct tool_opts *o, const char *host, const char *port, bool listen,
		   struct addrinfo **list)
{
	struct addrinfo hints = { .ai_family = o->family, .ai_socktype = SOCK_DGRAM,
				  .ai_flags = (listen ? AI_PASSIVE : 0) };
	bool number = *port && !port[strspn(port, "0123456789")];
	int ret;

	/* getaddrinfo() takes the low 16 bits of any number. */
	if (number && (strlen(port) > 5 || atoi(port) > 65535 || (!listen && !atoi(port)))) {
		tool_say(o, "%s is not a port", port);
		return -TOOL_NETWORK;
	}
	ret = getaddrinfo(host, port, &hints, list);
	if (!ret)
		return 0;
	tool_say(o, "%s port %s: %s", host ? host : "*", port, gai_strerror(ret));
	return -TOOL_NETWORK;
}

static void address_text(const struct sockaddr *sa, socklen_t salen, char *buf, size_t len)
{
	char host[64], port[8];

	if (getnameinfo(sa, salen, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		snprintf(buf, len, "?");
	else
		snprintf(buf, len, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

static const char *cipher_name(uint32_t type)
{
	switch (type) {
	case TLS_CIPHER_AES_GCM_128:
		return "AES-128-GCM";
	case TLS_CIPHER_AES_GCM_256:
		return "AES-256-GCM";
	case TLS_CIPHER_AES_CCM_128:
		return "AES-128-CCM";
	case TLS_CIPHER_CHACHA20_POLY1305:
		return "ChaCha20-Poly1305";
	default:
		return "unknown cipher";
	}
}

static void say_connected(const struct tool_opts *o, int sd, const char *address, int64_t us)
{
	char alpn[QUIC_ALPN_MAX + 1] = "";
	socklen_t len = sizeof(alpn) - 1;
	struct quic_info info;

	if (getsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_ALPN, alpn, &len))
		alpn[0] = 0;
	if (tool_info(sd, &info))
		tool_say(o, "connected to %s in %.1f ms: QUIC v%d, %s, protocol %s, %.16s, RTT %.1f ms%s",
			 address, us / 1000.0, info.version == QUIC_VERSION_V2 ? 2 : 1,
			 cipher_name(info.cipher), alpn[0] ? alpn : "(none)", info.cc_name,
			 info.smoothed_rtt / 1000.0, info.flags & QUIC_INFO_RESUMED_0RTT ?
			 ", 0-RTT accepted" : info.flags & QUIC_INFO_0RTT_REJECTED ?
			 ", 0-RTT refused" : "");
	else
		tool_say(o, "connected to %s in %.1f ms, protocol %s", address, us / 1000.0,
			 alpn[0] ? alpn : "(none)");
}

/* One address. 0 and *ret; a negative exit code; or 1: try the next address, text says why. */
static int connect_one(const struct tool_opts *o, const struct addrinfo *ai, const char *host,
		       int timeout_ms, int *ret, char *text, size_t len)
{
	struct quic_handshake_opts tls = o->tls;
	int64_t start = tool_now_us();
	uint32_t one = 1;
	char address[80];
	int sd, err;

	address_text(ai->ai_addr, ai->ai_addrlen, address, sizeof(address));
	sd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_QUIC);
	if (sd < 0 && errno == EAFNOSUPPORT) {
		snprintf(text, len, "%s: %s", address, strerror(errno));
		return 1;
	}
	if (sd < 0)
		return fail_socket(o, errno);
	err = socket_setup(o, sd);
	if (err)
		goto out;
	if (o->empty_cid && setsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_EMPTY_CID, &one, sizeof(one))) {
		tool_say(o, "--empty-cid: %s", strerror(errno));
		err = -TOOL_NETWORK;
		goto out;
	}
	if (connect(sd, ai->ai_addr, ai->ai_addrlen)) {
		snprintf(text, len, "%s: %s", address, strerror(errno));
		err = 1;
		goto out;
	}

	if (!tls.hostname)
		tls.hostname = host;
	tls.timeout_ms = timeout_ms;
	tls.errbuf = text + snprintf(text, len, "%s: ", address);
	tls.errlen = len - (tls.errbuf - text);
	tls.resume_file = o->session_file;
	if (o->session_file)
		tls.session = &session;
	err = quic_client_handshake_opts(sd, &tls);
	if (!err) {
		if (o->verbose)
			say_connected(o, sd, address, tool_now_us() - start);
		*ret = sd;
		return 0;
	}
	if (tool_exit_code(err) == TOOL_HANDSHAKE) {
		tool_say(o, "%s", text);
		err = -TOOL_HANDSHAKE;
	} else {
		err = 1;
	}
out:
	close(sd);
	return err;
}

#define TICKET_TURNS	100	/* of 10 ms that we wait for a ticket */

void tool_session_save(const struct tool_opts *o)
{
	int err, turns;

	if (!session)
		return;
	for (turns = TICKET_TURNS; turns; turns--) {
		err = quic_resume_save(session, o->session_file);
		if (err != -EAGAIN)
			break;
		usleep(10000);
	}
	if (err)
		tool_say(o, "%s: %s", o->session_file, err == -EAGAIN ?
			 "the server sent no ticket to resume by" : strerror(-err));
	quic_session_free(session);
	session = NULL;
}

int tool_connect(const struct tool_opts *o, const char *host, const char *port)
{
	struct addrinfo *list, *ai;
	int count = 0, sd = -1, err;
	char text[512] = "";

	err = resolve(o, host, port, false, &list);
	if (err)
		return err;
	for (ai = list; ai; ai = ai->ai_next)
		count++;
	err = 1;
	for (ai = list; ai && err == 1; ai = ai->ai_next) {
		if (text[0] && o->verbose)
			tool_say(o, "%s", text);
		/* A silent address must not use up the time of the others. */
		err = connect_one(o, ai, host, o->tls.timeout_ms / count, &sd, text, sizeof(text));
	}
	freeaddrinfo(list);
	if (err == 1) {
		tool_say(o, "%s", text);
		err = -TOOL_NETWORK;
	}
	return err ? err : sd;
}

int tool_listen(const struct tool_opts *o, const char *host, const char *port)
{
	const int type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
	struct addrinfo *list, *ai;
	char address[80];
	int sd, err;

	err = resolve(o, host, port, true, &list);
	if (err)
		return err;
	/* Unless told otherwise the IPv6 wildcard, which takes IPv4 too; without IPv6 the first there is. */
	ai = list;
	if (!host)
		while (ai->ai_family != AF_INET6 && ai->ai_next)
			ai = ai->ai_next;
	sd = socket(ai->ai_family, type, IPPROTO_QUIC);
	if (sd < 0 && errno == EAFNOSUPPORT && !host && ai != list) {
		ai = list;
		sd = socket(ai->ai_family, type, IPPROTO_QUIC);
	}
	address_text(ai->ai_addr, ai->ai_addrlen, address, sizeof(address));
	if (sd < 0) {
		err = fail_socket(o, errno);
		goto out;
	}
	err = socket_setup(o, sd);
	if (!err && setsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_ALPN, o->tls.alpns,
			       strlen(o->tls.alpns))) {
		tool_say(o, "--alpn %s: %s", o->tls.alpns, strerror(errno));
		err = -TOOL_NETWORK;
	}
	if (!err && (bind(sd, ai->ai_addr, ai->ai_addrlen) || listen(sd, 1024))) {
		tool_say(o, "listen on %s: %s", address, strerror(errno));
		err = -TOOL_NETWORK;
	}
	if (!err && o->verbose)
		tool_say(o, "listening on %s, protocols %s", address, o->tls.alpns);
	if (err)
		close(sd);
out:
	freeaddrinfo(list);
	return err ? err : sd;
}
