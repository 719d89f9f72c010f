// SPDX-License-Identifier: LGPL-2.1-or-later
/* Pre-shared keys: a text file, a line each, "identity:key in hex", '#' begins a comment. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "log.h"
#include "psk.h"
#include "tls.h"

/* Split in place. NULL: a line without meaning; *key ends up NULL where it is malformed. */
static char *line_split(char *line, char **key)
{
	char *p, *end = line + strcspn(line, "\r\n");

	while (end > line && isspace((unsigned char)end[-1]))
		end--;
	*end = 0;
	while (isspace((unsigned char)*line))
		line++;
	*key = NULL;
	if (!*line || *line == '#')
		return NULL;
	/* The key has no colon, an identity may. */
	p = strrchr(line, ':');
	if (!p || p == line || !p[1] || (strlen(p + 1) & 1) || strlen(p + 1) > 2 * QUIC_PSK_MAX ||
	    strspn(p + 1, "0123456789abcdefABCDEF") != strlen(p + 1))
		return line;
	*p = 0;
	*key = p + 1;
	return line;
}

static uint8_t nibble(char c)
{
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

static int entry_copy(const char *name, const char *hex, struct quic_psk *psk)
{
	psk->identity = strdup(name);
	if (!psk->identity)
		return -ENOMEM;
	for (psk->len = 0; hex[0]; hex += 2)
		psk->key[psk->len++] = nibble(hex[0]) << 4 | nibble(hex[1]);
	return 0;
}

/* NULL and errno: it cannot be read. */
static FILE *file_open(const char *file)
{
	FILE *f = fopen(file, "re");
	struct stat st;

	if (f && !fstat(fileno(f), &st) && st.st_mode & 077)
		quic_log(LOG_NOTICE, "others may read the keys in %s: chmod 600 it", file);
	return f;
}

/* The key of an identity, or the first there is. -ENOENT: none; -EINVAL: see *number */
static int psk_find(FILE *f, const char *wanted, struct quic_psk *psk, int *number)
{
	char *line = NULL, *name, *key, buf[BUFSIZ];
	int err = -ENOENT;
	size_t room = 0;

	*number = 0;
	setvbuf(f, buf, _IOFBF, sizeof(buf));
	while (err == -ENOENT && getline(&line, &room, f) > 0) {
		++*number;
		name = line_split(line, &key);
		if (!name)
			continue;
		if (!key)
			err = -EINVAL;
		else if (!wanted || !strcmp(wanted, name))
			err = entry_copy(name, key, psk);
	}
	if (line)
		explicit_bzero(line, room);
	free(line);
	fclose(f);
	explicit_bzero(buf, sizeof(buf));
	return err;
}

static int psk_malformed(const struct quic_handshake_opts *opts, int number)
{
	return quic_tls_fail(opts, -EINVAL, "%s line %d: not of the form identity:hexadecimal key",
			     opts->psk_file, number);
}

int quic_psk_load(const struct quic_handshake_opts *opts, struct quic_psk *psk)
{
	const char *wanted = opts->psk_identity;
	FILE *f = file_open(opts->psk_file);
	int number, err;

	if (!f)
		return quic_tls_fail(opts, -errno, "cannot read the PSK file %s: %s",
				     opts->psk_file, strerror(errno));
	err = psk_find(f, wanted, psk, &number);
	if (err == -EINVAL)
		psk_malformed(opts, number);
	else if (err == -ENOENT && number)
		quic_tls_fail(opts, err, "no key for %s in %s", wanted ? wanted : "anyone",
			      opts->psk_file);
	else if (err)
		quic_tls_fail(opts, err, "cannot read the PSK file %s: %s", opts->psk_file,
			      strerror(-err));
	return err;
}

/* Return: the number of the first line that is malformed, 0: none, or -ENOMEM */
static int psk_check(const char *text)
{
	char *copy = strdup(text), *line, *next, *key;
	int number = 0, bad = copy ? 0 : -ENOMEM;

	for (line = copy; line && !bad; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		number++;
		if (line_split(line, &key) && !key)
			bad = number;
	}
	if (copy)
		explicit_bzero(copy, strlen(text));
	free(copy);
	return bad;
}

int quic_psk_read(const struct quic_handshake_opts *opts, char **text)
{
	FILE *f = file_open(opts->psk_file), *to;
	char buf[BUFSIZ];
	size_t len, size;
	int err = 0, number;

	*text = NULL;
	if (!f)
		return quic_tls_fail(opts, -errno, "cannot read the PSK file %s: %s",
				     opts->psk_file, strerror(errno));
	to = open_memstream(text, &size);
	while (to && (len = fread(buf, 1, sizeof(buf), f)))
		if (fwrite(buf, 1, len, to) != len)
			err = -ENOMEM;
	if (ferror(f))
		err = -EIO;
	fclose(f);
	explicit_bzero(buf, sizeof(buf));
	if (!to || fclose(to))
		err = -ENOMEM;
	number = err ? 0 : psk_check(*text);
	if (number > 0)
		return psk_malformed(opts, number);
	err = err ? err : number;
	return err ? quic_tls_fail(opts, err, "PSK file %s: %s", opts->psk_file, strerror(-err)) : 0;
}

void quic_psk_forget(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

int quic_psk_find(const struct quic_ctx *ctx, const void *name, size_t len, struct quic_psk *psk)
{
	int number, err;
	char *wanted;
	FILE *f;

	if (!ctx->psks || !*ctx->psks || !len || memchr(name, 0, len))
		return -ENOENT;
	wanted = strndup(name, len);
	if (!wanted)
		return -ENOMEM;
	f = fmemopen((void *)ctx->psks, strlen(ctx->psks), "r");
	err = f ? psk_find(f, wanted, psk, &number) : -ENOMEM;
	free(wanted);
	return err;
}

void quic_psk_free(struct quic_psk *psk)
{
	free(psk->identity);
	explicit_bzero(psk, sizeof(*psk));
}
