// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * netcat over QUIC. Each side writes on one bidirectional stream, the one the peer has opened or
 * else one of its own, and prints what comes on any. End of input is sent as FIN; the program ends
 * when both have said FIN. One poll() loop, nothing in it waits.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common.h"
#include "progress.h"

#define BUF_SIZE	(128 << 10)
#define GRACE_US	200000	/* a listener waits this long for the client to open a stream */
#define BACKOFF_MAX	16	/* ms */

struct cat {
	struct tool_opts o;
	bool listen;
	int sd;
	int64_t sid;		/* where we write; -1: none yet */
	int64_t may_open;	/* when a listener opens its own stream, us */

	uint8_t in[BUF_SIZE];	/* stdin to stream */
	size_t in_len, in_off;
	bool in_eof, fin_sent;
	bool blocked;		/* the stream took nothing */
	int backoff;		/* ms; the socket claims to be writable, but is not for us */

	uint8_t out[BUF_SIZE];	/* stream to stdout */
	size_t out_len, out_off;
	bool fin_received;
	size_t out_chunk;	/* that a write takes without waiting */

	uint64_t sent, received;
	bool key_updated;
	struct progress progress;
};

static void help(void)
{
	printf("quicat - netcat over QUIC, with the QUIC sockets of the kernel\n"
	       "\n"
	       "  quicat [OPTIONS] HOST PORT                                      connect\n"
	       "  quicat -l --cert FILE --key FILE [OPTIONS] [ADDRESS] PORT       wait for one client\n"
	       "\n"
	       "Copies standard input to the peer and what the peer sends to standard output, over one\n"
	       "encrypted stream. End of input is passed on (FIN) while the other direction goes on;\n"
	       "quicat ends when both sides have ended. A listener serves one connection.\n"
	       "\n"
	       "Send a file:\n"
	       "  receiver$ quicat -l --cert server.pem --key server.key 4433 > copy < /dev/null\n"
	       "  sender$   quicat --ca ca.pem server.example 4433 < file\n"
	       "Talk with a shared secret instead of certificates (printf 'me:%%s\\n' $(openssl rand -hex 32) > psk):\n"
	       "  quicat -l --psk psk 4433          quicat --psk psk server.example 4433\n"
	       "Fetch a page from an HTTP/0.9 server:\n"
	       "  printf 'GET /index.html\\r\\n' | quicat --alpn hq-interop server.example 443\n"
	       "\n"
	       "The protocol name (ALPN) is \"quicat\" unless --alpn says otherwise. A listener that is\n"
	       "not spoken to for 0.2 s opens a stream of its own for what it has to send.\n"
	       "\n"
	       "%s%s%s", tool_help_server_options, tool_help_options, tool_help_exit);
}

static int stdin_read(struct cat *c)
{
	ssize_t ret = read(STDIN_FILENO, c->in, sizeof(c->in));

	if (ret < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return 0;
		tool_say(&c->o, "standard input: %s", strerror(errno));
		return TOOL_FAILED;
	}
	if (!ret)
		c->in_eof = true;
	c->in_len = ret;
	c->in_off = 0;
	return 0;
}

static int fail_connection(struct cat *c, const char *doing)
{
	char text[160];

	tool_say(&c->o, "%s: %s", doing, tool_reason(c->sd, errno, text, sizeof(text)));
	return TOOL_FAILED;
}

static int stream_open(struct cat *c)
{
	struct quic_stream_info info = { .stream_id = -1,
					 .stream_flags = MSG_QUIC_STREAM_DONTWAIT };
	socklen_t len = sizeof(info);

	if (!getsockopt(c->sd, SOL_QUIC, QUIC_SOCKOPT_STREAM_OPEN, &info, &len)) {
		c->sid = info.stream_id;
		return 0;
	}
	if (errno == EAGAIN) {
		c->blocked = true;
		return 0;
	}
	return fail_connection(c, "cannot open a stream");
}

static bool is_blocked(int err)
{
	return err == EAGAIN || err == ENOSPC || err == EINTR;
}

static int stream_send(struct cat *c)
{
	size_t len = c->in_len - c->in_off;
	ssize_t ret;
	int err;

	if (c->sid < 0) {
		err = stream_open(c);
		if (err || c->sid < 0)
			return err;
	}
	ret = quic_sendmsg(c->sd, c->in + c->in_off, len, c->sid,
			   MSG_DONTWAIT | MSG_NOSIGNAL | (c->in_eof ? MSG_QUIC_STREAM_FIN : 0));
	if (ret < 0 && is_blocked(errno)) {
		c->blocked = true;
		return 0;
	}
	if (ret < 0)
		return fail_connection(c, "cannot send");
	c->blocked = false;
	c->backoff = 0;
	c->in_off += ret;
	c->sent += ret;
	if (c->in_off == c->in_len && c->in_eof)
		c->fin_sent = true;
	return 0;
}

static int fail_ended(struct cat *c)
{
	return fail_connection(c, c->fin_received ? "connection ended before our end of data" :
						    "connection ended before the peer's end of data");
}

/* Something happened to a stream. Only a reset ends more than itself: no FIN will come. */
static int event_take(struct cat *c, size_t len)
{
	struct quic_stream_update update;

	c->backoff = 0;
	if (c->out[0] != QUIC_EVENT_STREAM_UPDATE || len < 1 + sizeof(update))
		return 0;
	memcpy(&update, c->out + 1, sizeof(update));
	if (update.state == QUIC_STREAM_RECV_STATE_RESET_RECVD)
		tool_say(&c->o, "the peer broke off its stream: error 0x%x", update.errcode);
	else if (update.state == QUIC_STREAM_SEND_STATE_RESET_SENT && update.id == c->sid &&
		 !c->fin_sent)
		tool_say(&c->o, "the peer wants no more of our data: error 0x%x", update.errcode);
	else
		return 0;
	return TOOL_FAILED;
}

static int stream_recv(struct cat *c)
{
	uint32_t flags = MSG_DONTWAIT;
	int64_t sid = -1;
	ssize_t ret;

	ret = quic_recvmsg(c->sd, c->out, sizeof(c->out), &sid, &flags);
	if (ret < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return 0;
		return fail_ended(c);
	}
	if (flags & MSG_QUIC_NOTIFICATION)
		return event_take(c, ret);
	if (flags & MSG_QUIC_DATAGRAM)
		return 0;	/* not asked for */
	if (!ret && !(flags & MSG_QUIC_STREAM_FIN)) {
		errno = ENOTCONN;
		return fail_ended(c);
	}
	/* Answer on the stream the peer opened, if it may be written to. */
	if (c->sid < 0 && sid >= 0 && !(sid & QUIC_STREAM_TYPE_UNI_MASK))
		c->sid = sid;
	c->out_len = ret;
	c->out_off = 0;
	c->received += ret;
	if (flags & MSG_QUIC_STREAM_FIN)
		c->fin_received = true;
	return 0;
}

static int stdout_write(struct cat *c)
{
	size_t len = c->out_len - c->out_off;
	ssize_t ret = write(STDOUT_FILENO, c->out + c->out_off,
			    len < c->out_chunk ? len : c->out_chunk);

	if (ret < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return 0;
		tool_say(&c->o, "standard output: %s", strerror(errno));
		return TOOL_FAILED;
	}
	c->out_off += ret;
	return 0;
}

enum { P_SOCK, P_IN, P_OUT, P_COUNT };

static int poll_timeout(const struct cat *c, int64_t now)
{
	int timeout = progress_wait(&c->progress);

	if (c->backoff && (timeout < 0 || c->backoff < timeout))
		timeout = c->backoff;
	if (c->sid < 0 && c->may_open > now) {
		int left = (c->may_open - now) / 1000 + 1;

		if (timeout < 0 || left < timeout)
			timeout = left;
	}
	return timeout;
}

/* Whether something waits to be sent, stream permitting. */
static bool want_send(const struct cat *c, int64_t now)
{
	if (c->fin_sent || (c->in_off == c->in_len && !c->in_eof))
		return false;
	return c->sid >= 0 || now >= c->may_open;
}

static int cat_turn(struct cat *c, struct pollfd *pfd)
{
	int64_t now = tool_now_us();
	bool send;
	int err = 0;

	send = want_send(c, now);
	/* Once the peer is done, its end and its flow control still matter while we send. */
	pfd[P_SOCK].events = (c->out_off == c->out_len ? POLLIN : 0) |
			     (send && !c->backoff ? POLLOUT : 0);
	pfd[P_SOCK].fd = pfd[P_SOCK].events ? c->sd : -1;
	pfd[P_SOCK].revents = 0;
	pfd[P_IN].fd = !c->in_eof && c->in_off == c->in_len ? STDIN_FILENO : -1;
	pfd[P_IN].events = POLLIN;
	pfd[P_OUT].fd = c->out_off < c->out_len ? STDOUT_FILENO : -1;
	pfd[P_OUT].events = POLLOUT;
	if (poll(pfd, P_COUNT, poll_timeout(c, now)) < 0 && errno != EINTR) {
		tool_say(&c->o, "poll: %s", strerror(errno));
		return TOOL_FAILED;
	}

	if (pfd[P_IN].fd >= 0 && pfd[P_IN].revents)
		err = stdin_read(c);
	if (!err && pfd[P_OUT].fd >= 0 && pfd[P_OUT].revents)
		err = stdout_write(c);
	if (!err && c->out_off == c->out_len &&
	    pfd[P_SOCK].revents & (POLLIN | POLLHUP | POLLERR))
		err = stream_recv(c);
	if (!err && want_send(c, tool_now_us())) {
		err = stream_send(c);
		/* Writable, and yet nothing fits: flow control of the stream. Ask again later. */
		if (c->blocked && (pfd[P_SOCK].revents & POLLOUT || c->backoff))
			c->backoff = c->backoff ? (c->backoff < BACKOFF_MAX ? c->backoff * 2 :
						   BACKOFF_MAX) : 1;
	}
	tool_key_update(&c->o, c->sd, c->sent + c->received, &c->key_updated);
	progress_show(&c->progress, c->sd, c->sent + c->received, NULL);
	return err;
}

static int cat_run(struct cat *c)
{
	struct pollfd pfd[P_COUNT];
	struct stat st;
	int err = 0;

	tool_event(c->sd, QUIC_EVENT_STREAM_MAX_DATA);
	tool_event(c->sd, QUIC_EVENT_STREAM_UPDATE);
	c->may_open = c->listen ? tool_now_us() + GRACE_US : 0;
	/* A pipe that is writable takes a page without waiting; a file takes anything. */
	c->out_chunk = !fstat(STDOUT_FILENO, &st) && S_ISREG(st.st_mode) ? sizeof(c->out) : 4096;
	progress_start(&c->progress, c->o.name, c->o.progress);
	if (!c->o.progress)
		c->progress.on = false;	/* a terminal is likely used for the data */
	while (!err && !(c->fin_sent && c->fin_received && c->out_off == c->out_len))
		err = cat_turn(c, pfd);
	progress_end(&c->progress, c->sd, c->sent + c->received, NULL);
	if (c->o.verbose)
		tool_say(&c->o, "%llu bytes sent, %llu received", (unsigned long long)c->sent,
			 (unsigned long long)c->received);
	return err;
}

/* One client, in full; the listener is closed then. */
static int cat_accept(struct cat *c, const char *host, const char *port)
{
	struct quic_handshake_opts tls = c->o.tls;
	struct pollfd pfd = { .events = POLLIN };
	char text[400] = "";
	int err;

	pfd.fd = tool_listen(&c->o, host, port);
	if (pfd.fd < 0)
		return -pfd.fd;
	do {
		poll(&pfd, 1, -1);
		c->sd = accept4(pfd.fd, NULL, NULL, SOCK_CLOEXEC);
	} while (c->sd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED));
	if (c->sd < 0)
		tool_say(&c->o, "accept: %s", strerror(errno));
	close(pfd.fd);
	if (c->sd < 0)
		return TOOL_NETWORK;

	tls.errbuf = text;
	tls.errlen = sizeof(text);
	err = quic_server_handshake_opts(c->sd, &tls);
	if (err)
		tool_say(&c->o, "%s", text[0] ? text : quic_strerror(err));
	else if (c->o.verbose)
		tool_say(&c->o, "a client is connected");
	return tool_exit_code(err);
}

/* --zerortt: what standard input has at once leaves with the ClientHello. */
static void cat_early(int sd, void *arg)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	struct cat *c = arg;

	c->sd = sd;
	/* Perhaps another address was tried before. */
	c->sid = -1;
	c->sent = 0;
	c->in_off = 0;
	/* Nobody connects later because nothing was typed yet. */
	if (!c->in_len && (poll(&in, 1, 0) <= 0 || stdin_read(c) || c->in_eof))
		return;
	stream_send(c);
}

static int cat_open(struct cat *c, int argc, char **argv)
{
	const char *host, *port;
	int sd;

	if (c->listen ? argc < 1 || argc > 2 : argc != 2) {
		tool_say(&c->o, "give %s; --help explains",
			 c->listen ? "[ADDRESS] PORT" : "HOST PORT");
		return TOOL_USAGE;
	}
	host = argc == 2 ? argv[0] : NULL;
	port = argv[argc - 1];
	if (tool_options_done(&c->o, c->listen))
		return TOOL_USAGE;
	if (c->listen)
		return cat_accept(c, host && strcmp(host, "*") ? host : NULL, port);
	c->o.tls.early = cat_early;
	c->o.tls.early_arg = c;
	sd = tool_connect(&c->o, host, port);
	if (sd < 0)
		return -sd;
	c->sd = sd;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option own[] = {
		{ "listen", no_argument, NULL, 'l' },
		{ NULL, 0, NULL, 0 },
	};
	struct option *options = tool_options(own);
	static struct cat c = { .sd = -1, .sid = -1 };
	int ch, err = 0;

	signal(SIGPIPE, SIG_IGN);
	quic_set_log_level(-1);	/* reasons come back as text */
	tool_init(&c.o, "quicat", "quicat");
	while (!err && (ch = getopt_long(argc, argv, TOOL_SHORT "l", options, NULL)) != -1) {
		if (ch == 'l')
			c.listen = true;
		else if (ch == 'h')
			break;
		else
			err = ch == '?' ? TOOL_USAGE : tool_option(&c.o, ch, optarg);
	}
	if (!err && ch == 'h') {
		help();
	} else if (!err) {
		if (c.o.verbose)
			quic_set_log_level(6);
		err = cat_open(&c, argc - optind, argv + optind);
		if (!err)
			err = tool_nonblock(c.sd) ? TOOL_FAILED : cat_run(&c);
		tool_session_save(&c.o);
		if (c.sd >= 0)
			close(c.sd);	/* what is queued is still delivered */
	}
	free(options);
	return err;
}
