// SPDX-License-Identifier: LGPL-2.1-or-later
#include "h3.h"

static const char usage[] =
"quic-h3 - HTTP/3, with the QUIC sockets of the kernel\n"
"\n"
"  quic-h3 serve [OPTIONS] DIR ADDRESS PORT     serve the files below DIR to browsers\n"
"  quic-h3 fetch [OPTIONS] URL...               fetch https://host[:port]/path, many at once\n"
"\n"
"\"quic-h3 serve --help\" and \"quic-h3 fetch --help\" tell the rest. A browser takes HTTP/3 at\n"
"once only where it is told to; Chromium for localhost port 4433:\n"
"\n"
"  chromium --origin-to-force-quic-on=localhost:4433 https://localhost:4433/\n"
"\n"
"and it accepts only certificates of well-known authorities over QUIC, or those named by\n"
"--ignore-certificate-errors-spki-list.\n";

int main(int argc, char **argv)
{
	return http_main(usage, &h3_serve_proto, &h3_fetch_proto, argc, argv);
}
