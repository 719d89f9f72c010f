/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* quic-hq: HTTP/0.9 over QUIC. A request is "GET /path" on a bidirectional stream of the client. */
#ifndef QUIC_TOOLS_HQ_H
#define QUIC_TOOLS_HQ_H

#include "fetch.h"
#include "serve.h"

#define HQ_ALPN			"hq-interop,hq-29"
#define HQ_ERROR_NONE		0	/* application error code: answered, the rest is not needed */
#define HQ_ERROR_REFUSED	1	/* application error code: no such file, bad request */

extern const struct serve_proto hq_serve_proto;
extern const struct fetch_proto hq_fetch_proto;

#endif /* QUIC_TOOLS_HQ_H */
