// SPDX-License-Identifier: GPL-2.0
/*
 * drill [--turns] [WORD...]: run the cases whose line contains a WORD, or all, in KTAP.
 * Each role is a case of its own, with a connection of its own, and so is each way: over IPv4 in
 * version 1 with AES-128-GCM, over IPv6 with ChaCha20-Poly1305, and in version 2. With --turns each
 * case and role goes one way, the next one another: a third of the time, where that is short.
 */
#include <gnutls/gnutls.h>
#include <linux/tls.h>
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

static bool run_case(const struct drill_case *c, bool server, const struct way *way, char *why,
		     size_t size)
{
	static struct peer p;

	peer_new(&p, server, way);
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

static const struct way ways[] = {
	{ NULL, AF_INET, TLS_CIPHER_AES_GCM_128, QUIC_V1 },
	{ "IPv6, ChaCha20", AF_INET6, TLS_CIPHER_CHACHA20_POLY1305, QUIC_V1 },
	{ "version 2", AF_INET, TLS_CIPHER_AES_GCM_128, QUIC_V2 },
};

/* Return: failures. *n counts; without @run only that. */
static unsigned int one_case(const struct drill_case *c, bool server, const struct way *way,
			     char **words, unsigned int *n, bool run)
{
	char line[512], why[256];
	bool ok;

	if (c->roles && (c->roles == SERVER) != server)
		return 0;
	snprintf(line, sizeof(line), "%s: %s, as %s%s%s", c->req, c->name,
		 server ? "server" : "client", way->name ? ", " : "", way->name ?: "");
	if (!wanted(line, words))
		return 0;
	++*n;
	if (!run)
		return 0;
	ok = run_case(c, server, way, why, sizeof(why));
	if (!ok)
		printf("# %s\n", c->wrong ? "the judge saw nothing" : why);
	printf("%s %u %s\n", ok ? "ok" : "not ok", *n, line);
	return !ok;
}

/* All groups, one way; with @turns those whose turn it is to go that way. */
static unsigned int one_way(unsigned int w, bool turns, char **words, unsigned int *n, bool run)
{
	unsigned int g, i, server, turn = 0, bad = 0;

	for (g = 0; g < ARRAY_SIZE(groups); g++)
		for (i = 0; i < groups[g]->n; i++)
			for (server = 0; server < 2; server++)
				if (!turns || turn++ % ARRAY_SIZE(ways) == w)
					bad += one_case(&groups[g]->cases[i], server, &ways[w],
							words, n, run);
	return bad;
}

static unsigned int all(bool turns, char **words, unsigned int *n, bool run)
{
	unsigned int w, bad = 0;

	for (w = 0; w < ARRAY_SIZE(ways); w++)
		bad += one_way(w, turns, words, n, run);
	return bad;
}

int main(int argc, char **argv)
{
	bool turns = argc > 1 && !strcmp(argv[1], "--turns");
	char **words = argv + 1 + turns;
	unsigned int n = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	all(turns, words, &n, false);
	printf("KTAP version 1\n1..%u\n", n);
	n = 0;
	return all(turns, words, &n, true) != 0;
}
