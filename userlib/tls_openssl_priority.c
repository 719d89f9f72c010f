// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * OpenSSL: ciphers and groups from a GnuTLS priority string, so that one string serves both. Known
 * are the words that concern TLS 1.3 here: NORMAL, SECURE128 and the like to begin with; the four
 * ciphers, the groups, VERS-*; and what changes nothing in QUIC. Others are errors, not ignored.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "log.h"
#include "tls_openssl.h"

#define WORDS_MAX	16

struct word {
	const char *gnutls;
	const char *openssl;
};

static const struct word ciphers[] = {
	{ "AES-128-GCM", "TLS_AES_128_GCM_SHA256" },
	{ "AES-256-GCM", "TLS_AES_256_GCM_SHA384" },
	{ "CHACHA20-POLY1305", "TLS_CHACHA20_POLY1305_SHA256" },
	{ "AES-128-CCM", "TLS_AES_128_CCM_SHA256" },
	{ NULL, NULL },
};

static const struct word groups[] = {
	{ "GROUP-X25519", "X25519" },
	{ "GROUP-SECP256R1", "P-256" },
	{ "GROUP-SECP384R1", "P-384" },
	{ "GROUP-SECP521R1", "P-521" },
	{ "GROUP-X448", "X448" },
	{ "GROUP-FFDHE2048", "ffdhe2048" },
	{ "GROUP-FFDHE3072", "ffdhe3072" },
	{ "GROUP-FFDHE4096", "ffdhe4096" },
	{ "GROUP-X25519-MLKEM768", "X25519MLKEM768" },
	{ NULL, NULL },
};

/* Nothing to do for them: TLS 1.3 has no choice there, or OpenSSL does it anyway. */
static const char *const idle[] = {
	"ECDHE-PSK", "DHE-PSK", "PSK", "ECDHE-ECDSA", "ECDHE-RSA", "RSA", "DHE-RSA", "KX-ALL", "MAC-ALL",
	"AEAD", "COMP-ALL", "COMP-NULL", "SIGN-ALL", "CTYPE-ALL", "CTYPE-X509", "VERS-ALL", "VERS-TLS-ALL",
	"VERS-DTLS-ALL", "VERS-TLS1.0", "VERS-TLS1.1", "VERS-TLS1.2", "VERS-TLS1.3", NULL
};

/* Chosen ones, in order */
struct list {
	const struct word *known;
	const char *item[WORDS_MAX];
	size_t count;
};

static void list_remove(struct list *l, const char *name)
{
	size_t i;

	for (i = 0; i < l->count; i++) {
		if (l->item[i] != name)
			continue;
		memmove(&l->item[i], &l->item[i + 1], (l->count - i - 1) * sizeof(l->item[0]));
		l->count--;
		return;
	}
}

static void list_add(struct list *l, const char *name)
{
	list_remove(l, name);
	l->item[l->count++] = name;
}

static void list_fill(struct list *l, size_t count)
{
	size_t i;

	l->count = 0;
	for (i = 0; i < count && l->known[i].gnutls; i++)
		list_add(l, l->known[i].openssl);
}

static bool list_word(struct list *l, bool add, const char *word)
{
	const struct word *w;

	for (w = l->known; w->gnutls; w++) {
		if (strcasecmp(w->gnutls, word))
			continue;
		if (add)
			list_add(l, w->openssl);
		else
			list_remove(l, w->openssl);
		return true;
	}
	return false;
}

static bool is_idle(const char *word)
{
	size_t i;

	for (i = 0; idle[i]; i++)
		if (!strcasecmp(idle[i], word))
			return true;
	return false;
}

/* Four ciphers, and the groups of QUIC_PRIORITY */
static void begin(struct list *c, struct list *g)
{
	list_fill(c, 4);
	list_fill(g, 4);
}

static bool word_take(struct list *c, struct list *g, const char *word, bool first)
{
	bool add = word[0] == '+';

	if (first && (!strncasecmp(word, "NORMAL", 6) || !strncasecmp(word, "PERFORMANCE", 11) ||
		      !strncasecmp(word, "SECURE", 6))) {
		begin(c, g);
		return true;
	}
	if (first && !strcasecmp(word, "NONE"))
		return true;
	if (word[0] == '%')
		return !strcasecmp(word, "%DISABLE_TLS13_COMPAT_MODE") ||
		       !strcasecmp(word, "%SERVER_PRECEDENCE");
	if (!add && word[0] != '-' && word[0] != '!')
		return false;
	word++;
	if (!strcasecmp(word, "CIPHER-ALL"))
		list_fill(c, add ? 4 : 0);
	else if (!strcasecmp(word, "GROUP-ALL"))
		list_fill(g, add ? WORDS_MAX : 0);
	else
		return list_word(c, add, word) || list_word(g, add, word) || is_idle(word);
	return true;
}

static int list_join(const struct list *l, char *out, size_t room)
{
	size_t at = 0, i;

	for (i = 0; i < l->count; i++)
		at += snprintf(out + at, room - at, "%s%s", i ? ":" : "", l->item[i]);
	return l->count ? 0 : -EINVAL;
}

int quic_tls_set_priority(struct quic_ctx *ctx, const char *text)
{
	struct list c = { .known = ciphers }, g = { .known = groups };
	char word[64], out[512];
	const char *p = text;
	bool first = true;
	size_t n;

	for (; *p; p += n + (p[n] == ':'), first = false) {
		n = strcspn(p, ":");
		snprintf(word, sizeof(word), "%.*s", (int)n, p);
		if (n >= sizeof(word) || !word_take(&c, &g, word, first))
			goto bad;
	}
	if (strstr(text, "%SERVER_PRECEDENCE"))
		SSL_set_options(ctx->session, SSL_OP_CIPHER_SERVER_PREFERENCE);
	p = text;
	if (!list_join(&c, out, sizeof(out)) && SSL_set_ciphersuites(ctx->session, out) &&
	    !list_join(&g, out, sizeof(out)) && SSL_set1_groups_list(ctx->session, out))
		return 0;
bad:
	ERR_clear_error();
	quic_log(LOG_ERR, "priority string: OpenSSL cannot do it, at \"%s\"", p);
	return -EINVAL;
}
