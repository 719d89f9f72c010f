// SPDX-License-Identifier: LGPL-2.1-or-later
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include "hq.h"

static const char usage[] =
"quic-hq - HTTP/0.9 over QUIC, with the QUIC sockets of the kernel\n"
"\n"
"  quic-hq serve [OPTIONS] DIR ADDRESS PORT     serve the files below DIR\n"
"  quic-hq fetch [OPTIONS] URL...               fetch https://host[:port]/path, many at once\n"
"\n"
"\"quic-hq serve --help\" and \"quic-hq fetch --help\" tell the rest. HTTP/0.9 is a request line\n"
"and the bytes of a file, each on a stream of its own: what interoperability tests of QUIC use\n"
"(ALPN hq-interop).\n";

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	quic_set_log_level(-1);	/* reasons come back as text */
	if (argc >= 2 && !strcmp(argv[1], "serve"))
		return hq_serve(argc - 1, argv + 1);
	if (argc >= 2 && !strcmp(argv[1], "fetch"))
		return hq_fetch(argc - 1, argv + 1);
	if (argc >= 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(usage, stdout);
		return TOOL_OK;
	}
	fputs(usage, stderr);
	return TOOL_USAGE;
}
