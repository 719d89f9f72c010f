// SPDX-License-Identifier: LGPL-2.1-or-later
/* Messages, and errors as text. Function and level are atomic, so any thread may change them. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <netinet/quic.h>
#include "log.h"

static void log_stderr(int level, const char *msg)
{
	fprintf(stderr, "libquic: %s%s\n", level <= LOG_ERR ? "" : "note: ", msg);
}

static _Atomic(quic_set_log_func_t) log_func = log_stderr;
static atomic_int log_level = LOG_ERR;

quic_set_log_func_t quic_set_log_func(quic_set_log_func_t func)
{
	return atomic_exchange(&log_func, func ? func : log_stderr);
}

int quic_set_log_level(int level)
{
	return atomic_exchange(&log_level, level);
}

void quic_log(int level, const char *fmt, ...)
{
	char msg[512];
	va_list ap;

	if (level > atomic_load(&log_level))
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	atomic_load(&log_func)(level, msg);
}

/* C0, DEL and, as UTF-8 has them, C1: terminals obey those. */
void quic_log_clean(char *text)
{
	unsigned char *p = (unsigned char *)text;

	for (; *p; p++)
		if (*p < ' ' || *p == 0x7f || (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0))
			*p = '?';
}

static const struct {
	int err;
	const char *text;
} explanations[] = {
	{ EKEYREJECTED, "the peer's certificate is not trusted or is for another name: give the authority that signed it (ca_file or SSL_CERT_FILE) and the name it was issued for" },
	{ EKEYEXPIRED, "the peer's certificate is out of its dates: renew it, or set this machine's clock" },
	{ EPROTONOSUPPORT, "no application protocol in common: both sides must list the same ALPN name; or, from socket(), the quic module is not loaded (modprobe quic)" },
	{ EPROTO, "the TLS handshake failed: the log tells at which message" },
	{ ECONNREFUSED, "nobody listens at that address and port for QUIC" },
	{ ECONNABORTED, "the peer refused the handshake: the log has its reason; check its certificate, key and ALPN list" },
	{ ETIMEDOUT, "no answer in time: is the server running there, and does a firewall let UDP through?" },
	{ ECONNRESET, "the connection ended during the handshake" },
	{ ENOTCONN, "the socket is not connected: connect() or accept() comes before the handshake" },
	{ ENOPROTOOPT, "the kernel does not know this option: is the socket of protocol IPPROTO_QUIC, and the module of this version?" },
	{ EALREADY, "the handshake of this session was begun already" },
	{ ENODATA, "nothing was negotiated" },
	{ EAGAIN, "not there yet: try again when the socket is ready" },
	{ ESOCKTNOSUPPORT, "the quic module is not loaded: modprobe quic, as root" },
};

const char *quic_strerror(int err)
{
	size_t i;

	if (err < 0)
		err = -err;
	if (!err)
		return "success";
	for (i = 0; i < sizeof(explanations) / sizeof(explanations[0]); i++)
		if (explanations[i].err == err)
			return explanations[i].text;
	return strerror(err);
}
