// SPDX-License-Identifier: GPL-2.0
/*
 * drill [WORD...]: run the cases whose line contains a WORD, or all, in KTAP.
 * Each role is a case of its own, with a connection of its own.
 */
#include <gnutls/gnutls.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "drill.h"

extern const struct drill_group drill_judge, drill_frames, drill_levels, drill_streams, drill_cids, drill_params,
	drill_packets, drill_retries, drill_keys, drill_paths, drill_floods;

static const struct drill_group *const groups[] = {
	&drill_judge, &drill_frames, &drill_levels, &drill_streams, &drill_cids,
	&drill_params, &drill_packets, &drill_retries, &drill_keys,
	&drill_paths, &drill_floods,
};

bool drill_lives(struct peer *p)
{
	unsigned int level = p->prot.tx[QUIC_LEVEL_APP] ? QUIC_LEVEL_APP :
			     p->prot.tx[QUIC_LEVEL_HANDSHAKE] ? QUIC_LEVEL_HANDSHAKE :
			     QUIC_LEVEL_INITIAL;

	return hear_ack(p, level, SAY(p, level, QUIC_FT_PING));
}

static void want_close(struct peer *p, const struct drill_case *c)
{
	const struct heard *h = &p->heard;
	unsigned int i;

	for (i = 0; i < 20 && !h->closed; i++)
		hear(p, 50);
	if (!h->closed)
		peer_fail(p, "not closed");
	else if (h->close_app != (c->want == CLOSES_APP))
		peer_fail(p, "the wrong type of CONNECTION_CLOSE");
	else if (h->close_code != c->code)
		peer_fail(p, "closed with 0x%llx, not 0x%llx (frame type 0x%llx)",
			  (unsigned long long)h->close_code, (unsigned long long)c->code,
			  (unsigned long long)h->close_frame);
	else if (c->want == CLOSES && c->frame != ANY && h->close_frame != c->frame)
		peer_fail(p, "closed because of frame type 0x%llx, not 0x%llx",
			  (unsigned long long)h->close_frame, (unsigned long long)c->frame);
}

static void judge(struct peer *p, const struct drill_case *c)
{
	switch (c->want) {
	case CLOSES:
	case CLOSES_APP:
		want_close(p, c);
		break;
	case LIVES:
		hear(p, 50);
		if (!drill_lives(p))
			peer_fail(p, p->heard.closed ? "closed with 0x%llx (frame type 0x%llx)" :
				  "no answer to a PING",
				  (unsigned long long)p->heard.close_code,
				  (unsigned long long)p->heard.close_frame);
		break;
	case SILENT:
		hear(p, 2000);
		if (p->heard.datagrams)
			peer_fail(p, "%u datagrams came back", p->heard.datagrams);
		break;
	}
}

static bool run_case(const struct drill_case *c, bool server, char *why, size_t size)
{
	static struct peer p;

	peer_new(&p, server);
	if (c->before)
		c->before(&p);
	if (begin(&p, c->stage)) {
		if (c->act)
			c->act(&p);
		else
			say_numbers(&p, c->level, c->say, c->nsay);
		if (!p.judged)
			judge(&p, c);
	}
	snprintf(why, size, "%s", p.why);
	end(&p);
	peer_free(&p);
	if (c->wrong)
		return p.judged && strncmp(p.why, "did not begin", 13);
	return !p.judged;
}

static bool wanted(const char *line, char **words)
{
	if (!*words)
		return true;
	for (; *words; words++)
		if (strstr(line, *words))
			return true;
	return false;
}

/* Return: failures. *n counts; without @run only that. */
static unsigned int all(char **words, unsigned int *n, bool run)
{
	unsigned int g, i, server, bad = 0;
	char line[512], why[256];
	bool ok;

	for (g = 0; g < ARRAY_SIZE(groups); g++) {
		for (i = 0; i < groups[g]->n; i++) {
			const struct drill_case *c = &groups[g]->cases[i];

			for (server = 0; server < 2; server++) {
				if (c->roles && (c->roles == SERVER) != server)
					continue;
				snprintf(line, sizeof(line), "%s: %s, as %s", c->req, c->name,
					 server ? "server" : "client");
				if (!wanted(line, words))
					continue;
				++*n;
				if (!run)
					continue;
				ok = run_case(c, server, why, sizeof(why));
				if (!ok)
					printf("# %s\n", c->wrong ? "the judge saw nothing" : why);
				printf("%s %u %s\n", ok ? "ok" : "not ok", *n, line);
				bad += !ok;
			}
		}
	}
	return bad;
}

int main(int argc, char **argv)
{
	unsigned int n = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	all(argv + 1, &n, false);
	printf("KTAP version 1\n1..%u\n", n);
	n = 0;
	return all(argv + 1, &n, true) != 0;
}
