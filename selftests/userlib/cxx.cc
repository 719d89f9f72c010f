// SPDX-License-Identifier: GPL-2.0
// Only has to compile.
#include <netinet/quic.h>

static_assert(sizeof(struct quic_connection_close) == 72, "layout");

int try_it(int sd);

int try_it(int sd)
{
	struct quic_handshake_opts opts = {};
	struct quic_handshake_step step = {};
	union quic_event event = {};

	opts.size = sizeof(opts);
	step.op = QUIC_HANDSHAKE_STEP_OP_RECVMSG;
	event.max_stream = 4;
	return quic_client_handshake_opts(sd, &opts) +
	       static_cast<int>(quic_sendmsg(sd, "x", 1, -1, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN)) +
	       static_cast<int>(step.s_recvmsg.retval) + static_cast<int>(event.max_stream);
}
