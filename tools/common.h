/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What quicat and quic-hq share: exit codes, options, connecting, listening, talking to people. */
#ifndef QUIC_TOOLS_COMMON_H
#define QUIC_TOOLS_COMMON_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <netinet/quic.h>

enum {
	TOOL_OK = 0,
	TOOL_FAILED = 1,	/* the transfer did not complete */
	TOOL_USAGE = 2,
	TOOL_NETWORK = 3,	/* no address, no route, no answer, no quic module */
	TOOL_HANDSHAKE = 4,	/* certificate, key, protocol: TLS said no */
};

struct tool_opts {
	const char *name;		/* of the program, for messages */
	int family;			/* AF_UNSPEC, AF_INET, AF_INET6 */
	int timeout_s;			/* for connecting; 0: the kernel's idle timeout */
	const char *cc;			/* congestion control; NULL: the kernel's choice */
	const char *cipher;		/* as the user named it; NULL: any */
	uint32_t versions[4];		/* of QUIC, best first */
	unsigned int nversions;		/* 0: all the kernel has */
	bool negotiate;			/* begin with another version than the best */
	bool unknown_version;		/* begin with one that nobody speaks */
	bool empty_cid;			/* client: no connection ID */
	bool retry;			/* server: validate addresses with Retry */
	unsigned int max_streams;	/* the peer may open; 0: the kernel's default */
	unsigned int key_update;	/* start a key update after so many bytes; 0: never */
	bool progress;
	bool verbose;
	const char *session_file;	/* client: resume from it, and leave there what is new */
	struct quic_handshake_opts tls;
};

/* Options every tool has. Numbers of long options start at 256, the tools' own at 512. */
#define TOOL_SHORT	"46hvw:"
extern const struct option tool_long[];		/* ends with a zero entry */
extern const char tool_help_options[];		/* their lines of --help */
extern const char tool_help_server_options[];	/* those that make sense for a server too */
extern const char tool_help_exit[];

void tool_init(struct tool_opts *o, const char *name, const char *alpns);
/* 0: taken; 1: not ours; TOOL_USAGE: bad value, already explained. */
int tool_option(struct tool_opts *o, int c, const char *arg);
/* A number of an option, from min to max. 0, or TOOL_USAGE and the reason said. */
int tool_number(struct tool_opts *o, const char *what, const char *arg, unsigned int min,
		unsigned int max, unsigned int *to);
/* tool_long and the tool's own, for getopt_long(); to be freed. */
struct option *tool_options(const struct option *own);
/* Checks of the whole; 0 or TOOL_USAGE. */
int tool_options_done(struct tool_opts *o, bool server);

/*
 * "NAME: text" on stderr, wiping a progress line of tool_line columns that stands there. The text may hold
 * what a peer sent: control characters become '?'.
 */
extern int tool_line;
void tool_say(const struct tool_opts *o, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Connect and shake hands, trying each address of the host. The socket, or a negative exit code,
 * the reason said. The session's facts are printed with --verbose.
 */
int tool_connect(const struct tool_opts *o, const char *host, const char *port);
/* Before close(): what the next connection can resume goes to o->session_file, if there is one. */
void tool_session_save(const struct tool_opts *o);
/* A listening socket, non-blocking, or a negative exit code, the reason said. */
int tool_listen(const struct tool_opts *o, const char *host, const char *port);

/* Exit code for an error of the handshake. */
int tool_exit_code(int err);
/* Why the connection ended, as far as the kernel knows; for the error of a call. */
const char *tool_reason(int sd, int err, char *buf, size_t len);
bool tool_info(int sd, struct quic_info *info);
/* This many bytes went: is it time for --key-update? Once a connection. */
void tool_key_update(const struct tool_opts *o, int sd, uint64_t bytes, bool *done);
int tool_nonblock(int sd);
int tool_event(int sd, uint8_t type);	/* enable it */
int64_t tool_now_us(void);

#endif /* QUIC_TOOLS_COMMON_H */
