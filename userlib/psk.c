// SPDX-License-Identifier: LGPL-2.1-or-later
/* Pre-shared keys: a text file, a line each, "identity:key in hex", '#' begins a comment. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "ctx.h"
#include "log.h"
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
	if (!p || p == line || !p[1] || (strlen(p + 1) & 1) ||
	    strspn(p + 1, "0123456789abcdefABCDEF") != strlen(p + 1))
		return line;
	*p = 0;
	*key = p + 1;
	return line;
}

static int entry_copy(const char *name, const char *key, char **identity, gnutls_datum_t *hexkey)
{
	*identity = strdup(name);
	hexkey->data = (unsigned char *)strdup(key);
	hexkey->size = strlen(key);
	if (*identity && hexkey->data)
		return 0;
	free(*identity);
	free(hexkey->data);
	return -ENOMEM;
}

/* The key of an identity, or the first there is. -ENOENT: none; -EINVAL: see *number; -errno: the file */
static int psk_find(const char *file, const char *wanted, char **identity, gnutls_datum_t *hexkey,
		    int *number)
{
	char *line = NULL, *name, *key, buf[BUFSIZ];
	int err = -ENOENT;
	size_t room = 0;
	struct stat st;
	FILE *f;

	*number = 0;
	f = fopen(file, "re");
	if (!f)
		return -errno;
	setvbuf(f, buf, _IOFBF, sizeof(buf));
	if (!fstat(fileno(f), &st) && st.st_mode & 077)
		quic_log(LOG_NOTICE, "others may read the keys in %s: chmod 600 it", file);

	while (err == -ENOENT && getline(&line, &room, f) > 0) {
		++*number;
		name = line_split(line, &key);
		if (!name)
			continue;
		if (!key)
			err = -EINVAL;
		else if (!wanted || !strcmp(wanted, name))
			err = entry_copy(name, key, identity, hexkey);
	}
	if (line)
		explicit_bzero(line, room);
	free(line);
	fclose(f);
	explicit_bzero(buf, sizeof(buf));
	return err;
}

int quic_psk_load(const struct quic_handshake_opts *opts, char **identity, gnutls_datum_t *hexkey)
{
	const char *wanted = opts->psk_identity;
	int number, err;

	err = psk_find(opts->psk_file, wanted, identity, hexkey, &number);
	if (err == -EINVAL)
		quic_tls_fail(opts, err, "%s line %d: not of the form identity:hexadecimal key",
			      opts->psk_file, number);
	else if (err == -ENOENT && number)
		quic_tls_fail(opts, err, "no key for %s in %s", wanted ? wanted : "anyone",
			      opts->psk_file);
	else if (err)
		quic_tls_fail(opts, err, "cannot read the PSK file %s: %s", opts->psk_file,
			      strerror(-err));
	return err;
}

/* 1: nobody of this name. GnuTLS then goes on with a random key, so that names cannot be tried out. */
int quic_psk_of_client(gnutls_session_t session, const gnutls_datum_t *name, gnutls_datum_t *key)
{
	struct quic_ctx *ctx = quic_ctx_find(session);
	gnutls_datum_t hex = { 0 };
	char *wanted, *identity = NULL;
	int number, err;

	if (!ctx || !ctx->psk_file || memchr(name->data, 0, name->size))
		return 1;
	wanted = strndup((const char *)name->data, name->size);
	if (!wanted)
		return -1;
	err = psk_find(ctx->psk_file, wanted, &identity, &hex, &number);
	free(wanted);
	free(identity);
	if (err)
		return err == -ENOENT ? 1 : -1;
	err = gnutls_hex_decode2(&hex, key);
	explicit_bzero(hex.data, hex.size);
	free(hex.data);
	return err ? -1 : 0;
}
