// SPDX-License-Identifier: LGPL-2.1-or-later
/* Pre-shared keys: a text file, a line each, "identity:key in hex", '#' begins a comment. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

int quic_psk_load(const struct quic_handshake_opts *opts, char **identity, gnutls_datum_t *hexkey)
{
	const char *wanted = opts->psk_identity;
	int err = -ENOENT, number = 0;
	char *line = NULL, *name, *key;
	size_t room = 0;
	struct stat st;
	FILE *f;

	f = fopen(opts->psk_file, "re");
	if (!f)
		return quic_tls_fail(opts, -errno, "cannot read the PSK file %s: %s",
				     opts->psk_file, strerror(errno));
	if (!fstat(fileno(f), &st) && st.st_mode & 077)
		quic_log(LOG_NOTICE, "others may read the keys in %s: chmod 600 it",
			 opts->psk_file);

	while (err == -ENOENT && getline(&line, &room, f) > 0) {
		number++;
		name = line_split(line, &key);
		if (!name)
			continue;
		if (!key)
			err = quic_tls_fail(opts, -EINVAL,
					    "%s line %d: not of the form identity:hexadecimal key",
					    opts->psk_file, number);
		else if (!wanted || !strcmp(wanted, name))
			err = entry_copy(name, key, identity, hexkey);
	}
	if (line)
		explicit_bzero(line, room);
	free(line);
	fclose(f);
	if (err == -ENOENT)
		quic_tls_fail(opts, err, "no key for %s in %s", wanted ? wanted : "anyone",
			      opts->psk_file);
	return err;
}
