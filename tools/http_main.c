// SPDX-License-Identifier: LGPL-2.1-or-later
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include "fetch.h"
#include "serve.h"

int http_main(const char *usage, const struct serve_proto *serve, const struct fetch_proto *fetch,
	      int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	quic_set_log_level(-1);	/* reasons come back as text */
	if (argc >= 2 && !strcmp(argv[1], "serve"))
		return serve_main(serve, argc - 1, argv + 1);
	if (argc >= 2 && !strcmp(argv[1], "fetch"))
		return fetch_main(fetch, argc - 1, argv + 1);
	if (argc >= 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(usage, stdout);
		return TOOL_OK;
	}
	fputs(usage, stderr);
	return TOOL_USAGE;
}
