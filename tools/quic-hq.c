// SPDX-License-Identifier: LGPL-2.1-or-later
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
	return http_main(usage, &hq_serve_proto, &hq_fetch_proto, argc, argv);
}
