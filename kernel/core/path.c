// SPDX-License-Identifier: GPL-2.0
/* Paths: which there are, and what was asked on each. */
#include "conn.h"

void quic_path_init(struct quic_conn *c)
{
	c->path = &c->paths.first;
	c->path->validated = !c->server;
}

u64 quic_path_rx_challenge(struct quic_conn *c, const u8 *data)
{
	struct quic_path *p = c->path;

	/* More than we care to remember: the oldest are forgotten. */
	if (p->n_responses == QUIC_PATH_RESPONSES_MAX) {
		memmove(p->response[0], p->response[1],
			sizeof(p->response) - sizeof(p->response[0]));
		p->n_responses--;
	}
	memcpy(p->response[p->n_responses++], data, 8);
	return 0;
}
