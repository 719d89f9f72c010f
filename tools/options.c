// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common.h"

enum {
	OPT_CERT = 256, OPT_KEY, OPT_CA, OPT_ALPN, OPT_INSECURE, OPT_PSK, OPT_CC, OPT_CIPHER,
	OPT_V2, OPT_VERSION, OPT_NEGOTIATE, OPT_RETRY, OPT_MAX_STREAMS, OPT_PROGRESS, OPT_NAME,
	OPT_KEY_UPDATE, OPT_SESSION, OPT_ZERORTT, OPT_CLIENT_CERT, OPT_EMPTY_CID,
};

const struct option tool_long[] = {
	{ "ipv4", no_argument, NULL, '4' },
	{ "ipv6", no_argument, NULL, '6' },
	{ "help", no_argument, NULL, 'h' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "timeout", required_argument, NULL, 'w' },
	{ "cert", required_argument, NULL, OPT_CERT },
	{ "key", required_argument, NULL, OPT_KEY },
	{ "ca", required_argument, NULL, OPT_CA },
	{ "alpn", required_argument, NULL, OPT_ALPN },
	{ "insecure", no_argument, NULL, OPT_INSECURE },
	{ "psk", required_argument, NULL, OPT_PSK },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "cc", required_argument, NULL, OPT_CC },
	{ "cipher", required_argument, NULL, OPT_CIPHER },
	{ "v2", no_argument, NULL, OPT_V2 },
	{ "version", required_argument, NULL, OPT_VERSION },
	{ "negotiate", optional_argument, NULL, OPT_NEGOTIATE },
	{ "retry", no_argument, NULL, OPT_RETRY },
	{ "max-streams", required_argument, NULL, OPT_MAX_STREAMS },
	{ "key-update", required_argument, NULL, OPT_KEY_UPDATE },
	{ "session", required_argument, NULL, OPT_SESSION },
	{ "zerortt", no_argument, NULL, OPT_ZERORTT },
	{ "client-cert", required_argument, NULL, OPT_CLIENT_CERT },
	{ "empty-cid", no_argument, NULL, OPT_EMPTY_CID },
	{ "progress", no_argument, NULL, OPT_PROGRESS },
	{ NULL, 0, NULL, 0 },
};

const char tool_help_options[] =
"Trust (client):\n"
"  --ca FILE          trust these authorities (PEM file or directory) and no others;\n"
"                     otherwise those of $SSL_CERT_FILE, otherwise the system's\n"
"  --name NAME        the certificate must be for NAME, not for HOST\n"
"  --insecure         do not verify the server at all: anyone may answer. For tests.\n"
"  --psk FILE         a pre-shared key instead of certificates, lines \"identity:hex key\"\n"
"  --cert, --key      what we show to a server that asks for a certificate\n"
"Connection:\n"
"  --session FILE     resume the session kept in FILE, and keep the new one there for\n"
"                     the next time: no certificates, and no Retry; a missing FILE is fine\n"
"  --zerortt          with --session: send the first data before the server answers (0-RTT).\n"
"                     Somebody who copies it can make it arrive twice. Server: take it.\n"
"  -4, -6             use IPv4 only, IPv6 only\n"
"  -w, --timeout S    give up connecting after S seconds (10)\n"
"  --alpn LIST        application protocols, comma-separated, best first\n"
"  --cc NAME          congestion control: cubic, newreno, bbr\n"
"  --cipher NAME      aes128gcm, aes256gcm, aes128ccm or chacha20\n"
"  --key-update N     change the keys after N bytes, once a connection\n"
"  --version LIST     versions of QUIC, best first: v1, v2, or both (v2,v1). A client\n"
"                     begins with the first; a server takes no others, and chooses the\n"
"                     best that the client has\n"
"  --v2               the same as --version v2,v1\n"
"  --negotiate        client: begin with the last of the list (default v2,v1), so that the\n"
"                     server may choose the first without a round trip (RFC 9368)\n"
"  --negotiate=packet client: begin with a version that nobody speaks, so that the server\n"
"                     has to answer with Version Negotiation (RFC 9000, 6)\n"
"  --empty-cid        client: have no connection ID, be found by the address (RFC 9000, 5.1)\n"
"Talk:\n"
"  --progress         a line of bytes, rate, RTT, window and losses even without a terminal\n"
"  -v, --verbose      say what is going on; -h, --help this text\n"
"Environment:\n"
"  SSLKEYLOGFILE      append secrets to this file: Wireshark can then decrypt\n"
"  SSL_CERT_FILE      see --ca\n";

const char tool_help_server_options[] =
"Keys (server):\n"
"  --cert FILE        certificate chain, PEM, the server's own first\n"
"  --key FILE         its private key, PEM\n"
"  --psk FILE         pre-shared keys instead, lines \"identity:hex key\"\n"
"  --client-cert MODE request or require a certificate of the client, verified by --ca\n"
"  --zerortt          take data that clients send before the handshake (0-RTT), once\n"
"  --retry            make clients prove their address first (Retry)\n"
"  --max-streams N    streams a client may have open at once (100)\n";

const char tool_help_exit[] =
"Exit status:\n"
"  0  everything was transferred\n"
"  1  the transfer failed or was cut short\n"
"  2  wrong usage\n"
"  3  network: no address, no route, no answer, port taken, quic module not loaded\n"
"  4  handshake: certificate, key or protocol refused by either side\n";

void tool_init(struct tool_opts *o, const char *name, const char *alpns)
{
	memset(o, 0, sizeof(*o));
	o->name = name;
	o->timeout_s = 10;
	o->tls.size = sizeof(o->tls);
	o->tls.alpns = alpns;
}

struct option *tool_options(const struct option *own)
{
	size_t a = 0, b = 0;
	struct option *all;

	while (tool_long[a].name)
		a++;
	while (own && own[b].name)
		b++;
	all = calloc(a + b + 1, sizeof(*all));
	if (!all)
		abort();
	memcpy(all, tool_long, a * sizeof(*all));
	if (b)
		memcpy(all + a, own, b * sizeof(*all));
	return all;
}

static const struct {
	const char *name;
	const char *gnutls;
} ciphers[] = {
	{ "aes128gcm", "+AES-128-GCM" },
	{ "aes256gcm", "+AES-256-GCM" },
	{ "aes128ccm", "+AES-128-CCM" },
	{ "chacha20", "+CHACHA20-POLY1305" },
};

static int set_cipher(struct tool_opts *o, const char *arg)
{
	static char priority[512];
	size_t i;

	for (i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
		if (strcmp(arg, ciphers[i].name))
			continue;
		snprintf(priority, sizeof(priority), "%s:-CIPHER-ALL:%s:+ECDHE-PSK:+DHE-PSK:+PSK",
			 QUIC_PRIORITY, ciphers[i].gnutls);
		o->cipher = arg;
		o->tls.priority = priority;
		return 0;
	}
	tool_say(o, "no cipher %s: there are aes128gcm, aes256gcm, aes128ccm and chacha20", arg);
	return TOOL_USAGE;
}

int tool_number(struct tool_opts *o, const char *what, const char *arg, unsigned int min,
		unsigned int max, unsigned int *to)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(arg, &end, 10);
	if (*arg < '0' || *arg > '9' || *end || errno || value < min || value > max) {
		tool_say(o, "%s is a number from %u to %u, not \"%s\"", what, min, max, arg);
		return TOOL_USAGE;
	}
	*to = value;
	return 0;
}

static int set_versions(struct tool_opts *o, const char *arg)
{
	const char *p = arg;

	o->nversions = 0;
	for (;;) {
		uint32_t version = !strncmp(p, "v1", 2) ? QUIC_VERSION_V1 :
				   !strncmp(p, "v2", 2) ? QUIC_VERSION_V2 : 0;

		if (!version || (p[2] && p[2] != ',') || o->nversions == 2 ||
		    (o->nversions && o->versions[0] == version)) {
			tool_say(o, "--version takes v1, v2, v1,v2 or v2,v1, not \"%s\"", arg);
			return TOOL_USAGE;
		}
		o->versions[o->nversions++] = version;
		if (!p[2])
			return 0;
		p += 3;
	}
}

static int set_negotiate(struct tool_opts *o, const char *arg)
{
	if (arg && strcmp(arg, "packet") && strcmp(arg, "compatible")) {
		tool_say(o, "--negotiate is compatible or packet, not \"%s\"", arg);
		return TOOL_USAGE;
	}
	o->unknown_version = arg && !strcmp(arg, "packet");
	o->negotiate = !o->unknown_version;
	return 0;
}

int tool_option(struct tool_opts *o, int c, const char *arg)
{
	unsigned int n;

	switch (c) {
	case '4':
		o->family = AF_INET;
		break;
	case '6':
		o->family = AF_INET6;
		break;
	case 'v':
		o->verbose = true;
		break;
	case 'w':
		if (tool_number(o, "--timeout", arg, 0, 86400, &n))
			return TOOL_USAGE;
		o->timeout_s = n;
		break;
	case OPT_CERT:
		o->tls.cert_file = arg;
		break;
	case OPT_KEY:
		o->tls.pkey_file = arg;
		break;
	case OPT_CA:
		o->tls.ca_file = arg;
		break;
	case OPT_ALPN:
		o->tls.alpns = arg;
		break;
	case OPT_INSECURE:
		o->tls.flags |= QUIC_HANDSHAKE_INSECURE;
		break;
	case OPT_PSK:
		o->tls.psk_file = arg;
		break;
	case OPT_NAME:
		o->tls.hostname = arg;
		break;
	case OPT_CC:
		o->cc = arg;
		break;
	case OPT_CIPHER:
		return set_cipher(o, arg);
	case OPT_V2:
		return set_versions(o, "v2,v1");
	case OPT_VERSION:
		return set_versions(o, arg);
	case OPT_NEGOTIATE:
		return set_negotiate(o, arg);
	case OPT_RETRY:
		o->retry = true;
		break;
	case OPT_MAX_STREAMS:
		return tool_number(o, "--max-streams", arg, 1, 65535, &o->max_streams);
	case OPT_KEY_UPDATE:
		return tool_number(o, "--key-update", arg, 1, 4000000000, &o->key_update);
	case OPT_EMPTY_CID:
		o->empty_cid = true;
		break;
	case OPT_SESSION:
		o->session_file = arg;
		break;
	case OPT_ZERORTT:
		o->tls.flags |= QUIC_HANDSHAKE_EARLY;
		break;
	case OPT_CLIENT_CERT:
		if (!strcmp(arg, "request")) {
			o->tls.flags |= QUIC_HANDSHAKE_CERT_REQUEST;
		} else if (!strcmp(arg, "require")) {
			o->tls.flags |= QUIC_HANDSHAKE_CERT_REQUIRE;
		} else {
			tool_say(o, "--client-cert is request or require, not %s", arg);
			return TOOL_USAGE;
		}
		break;
	case OPT_PROGRESS:
		o->progress = true;
		break;
	default:
		return 1;
	}
	return 0;
}

int tool_options_done(struct tool_opts *o, bool server)
{
	if (server && !o->tls.psk_file && (!o->tls.cert_file || !o->tls.pkey_file)) {
		tool_say(o, "a server needs --cert and --key, or --psk "
			    "(selftests/lib/certs DIR makes test certificates)");
		return TOOL_USAGE;
	}
	if (o->tls.ca_file && o->tls.flags & QUIC_HANDSHAKE_INSECURE) {
		tool_say(o, "--ca and --insecure contradict each other");
		return TOOL_USAGE;
	}
	if (strlen(o->tls.alpns) > QUIC_ALPN_MAX) {
		tool_say(o, "--alpn takes %d bytes at most", QUIC_ALPN_MAX);
		return TOOL_USAGE;
	}
	if (o->negotiate && !o->nversions)
		set_versions(o, "v2,v1");
	o->tls.timeout_ms = o->timeout_s * 1000;
	return 0;
}
