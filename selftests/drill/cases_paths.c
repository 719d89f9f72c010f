// SPDX-License-Identifier: GPL-2.0
/* RFC 9000, 8, 9 and 10: addresses that change, what is sent to those that are not validated, closing. */
#include <unistd.h>

#include "../kselftest/pair.h"
#include "drill.h"

#define X	BYTES(1)

/* IDs for another path: one for the kernel to send to, before the move, and one of the kernel's. */
static void give_id(struct peer *p)
{
	hear_ack(p, APP, SAY(p, APP, 0x18, 1, 0, RAW(8), CID_BYTES(1), TOKEN_BYTES(1)));
}

static void next_id(struct peer *p)
{
	if (p->ncids)
		p->dcid = p->cids[p->ncids - 1].cid;
}

/* A client elsewhere: the kernel follows, and asks whether it is there. */
static void move(struct peer *p)
{
	give_id(p);
	peer_move(p);
	next_id(p);
	SAY(p, APP, QUIC_FT_PING);
	hear(p, 50);
	NEED(p, p->heard.frame[QUIC_FT_PATH_CHALLENGE]);
}

static void respond(struct peer *p)
{
	struct buf b = {};
	u8 *end = quic_frame_put_path(b.data, b.data + sizeof(b.data), QUIC_FT_PATH_RESPONSE,
				      p->heard.challenge);

	b.len = end - b.data;
	say(p, APP, &b);
}

static void move_and_respond(struct peer *p)
{
	move(p);
	respond(p);
	NEED(p, drill_lives(p));
	/* 8.2.1: expanded, or a second time expanded */
	NEED(p, p->heard.size_max >= 1200);
}

/* Small datagrams with PATH_CHALLENGE are answered. */
static void small_challenge(struct peer *p)
{
	SAY(p, APP, QUIC_FT_PATH_CHALLENGE, 1, 2, 3, 4, 5, 6, 7, 8);
	hear(p, 100);
	NEED(p, p->heard.frame[QUIC_FT_PATH_RESPONSE] == 1);
	NEED(p, !memcmp(p->heard.response, "\1\2\3\4\5\6\7\10", 8));
}

/* An answer to nothing */
static void stray_response(struct peer *p)
{
	SAY(p, APP, QUIC_FT_PATH_RESPONSE, 1, 2, 3, 4, 5, 6, 7, 8);
}

/* Not validated: three times what came, however much there is to send. */
static void three_times(struct peer *p)
{
	static char text[60000];
	u64 sent = 0;
	unsigned int i;

	give_id(p);
	p->mute = true;
	peer_move(p);
	next_id(p);
	sent += 60;		/* the PING's datagram is shorter */
	SAY(p, APP, QUIC_FT_PING);
	NEED(p, send_stream(p->sd, -1, MSG_QUIC_STREAM_NEW, text, sizeof(text), MSG_DONTWAIT) > 0);
	forget(p);
	for (i = 0; i < 10; i++)
		hear(p, 100);
	NEED(p, p->heard.datagrams);
	/* PATH_CHALLENGE may be expanded to 1200 only within the limit: 8.2.1 */
	NEED(p, p->heard.bytes <= 3 * sent);
}

/* The same before the handshake. */
static void three_times_initial(struct peer *p)
{
	static char text[20000];

	p->mute = true;
	SAY(p, INIT, QUIC_FT_CRYPTO, 0, HELLO, BYTES(HELLO));
	NEED(p, kern_accept(p));
	NEED(p, !kern_params(p));
	NEED(p, send_level(p->sd, QUIC_CRYPTO_INITIAL, text, sizeof(text), 0) == sizeof(text));
	hear(p, 10000);
	NEED(p, p->heard.bytes > 1200 && p->heard.bytes <= 3600);
}

/* A client does not follow a server that nobody asked to move. */
static void server_moves(struct peer *p)
{
	int old = p->udp;
	u64 pn;

	p->udp = dup(old);
	peer_move(p);
	pn = SAY(p, APP, QUIC_FT_PING);
	hear(p, 300);
	NEED(p, !p->heard.datagrams);
	close(p->udp);
	p->udp = old;
	NEED(p, drill_lives(p));
	NEED(p, !quic_ranges_has(&p->heard.acks[QUIC_PNS_APP], pn));
}

/* The new address never answers: back to where it was. */
static void nobody_there(struct peer *p)
{
	int old = p->udp;

	p->udp = dup(old);
	give_id(p);
	p->mute = true;
	peer_move(p);
	next_id(p);
	SAY(p, APP, QUIC_FT_PING);
	hear(p, 100);
	NEED(p, p->heard.frame[QUIC_FT_PATH_CHALLENGE]);
	close(p->udp);
	p->udp = old;
	sleep(10);
	forget(p);
	p->mute = false;
	NEED(p, send_stream(p->sd, -1, MSG_QUIC_STREAM_NEW, "back", 4, 0) == 4);
	hear(p, 500);
	NEED(p, p->heard.stream_bytes);
}

/* 9.3.3: the address that was left is asked, too */
static void left_is_asked(struct peer *p)
{
	int old = p->udp, new;

	give_id(p);
	p->udp = dup(old);
	peer_move(p);
	next_id(p);
	SAY(p, APP, QUIC_FT_PING);
	usleep(20000);
	new = p->udp;
	p->udp = old;
	hear(p, 200);
	p->udp = new;
	close(old);
	NEED(p, p->heard.frame[QUIC_FT_PATH_CHALLENGE]);
}

/* --- closing --- */

/* Closing: answers, but to fewer and fewer packets. */
static void closing(struct peer *p)
{
	unsigned int i;

	SAY(p, APP, 0x21);
	hear(p, 20);
	NEED(p, p->heard.closes == 1);
	for (i = 0; i < 100; i++)
		SAY(p, APP, QUIC_FT_PING);
	hear(p, 20);
	NEED(p, p->heard.closes > 1 && p->heard.closes < 12);
	NEED(p, p->heard.acked[QUIC_PNS_APP] < 100);
}

/* Closing, and asked from elsewhere */
static void closing_elsewhere(struct peer *p)
{
	unsigned int i;
	u64 sent = 0;

	SAY(p, APP, 0x21);
	hear(p, 20);
	peer_move(p);
	forget(p);
	for (i = 0; i < 50; i++, sent += 30)
		SAY(p, APP, QUIC_FT_PING);
	hear(p, 50);
	NEED(p, p->heard.bytes <= 3 * sent);
}

/* Draining: not a word. */
static void draining(struct peer *p)
{
	SAY(p, APP, QUIC_FT_CONNECTION_CLOSE, 0, 0, 0);
	hear(p, 20);
	forget(p);
	SAY(p, APP, QUIC_FT_PING);
	SAY(p, APP, 0x21);
}

/* An application closes before 1-RTT: it is not told which way. */
static void hidden_close(struct peer *p)
{
	struct quic_connection_close c = { .errcode = 77, .phrase = "secret" };
	unsigned int i;

	NEED(p, !set_opt(p->sd, QUIC_SOCKOPT_CONNECTION_CLOSE, &c, sizeof(c)));
	close(p->sd);
	p->sd = -1;
	hear(p, 50);
	for (i = 0; i + 6 <= p->heard.last_len; i++)
		NEED(p, memcmp(p->heard.last + i, "secret", 6));
}

static const struct drill_case paths[] = {
	{ "9000/8.2.1/expanded 9000/9/validate 9000/9.3/validate 9000/8.2.3/expanded",
	  "a client moves, and is there", .roles = CLIENT, .act = move_and_respond, .want = LIVES },
	{ "9000/8.2.1/small 9000/8.2.2/small", "PATH_CHALLENGE in a small datagram",
	  .act = small_challenge, .want = LIVES },
	{ "9000/19.18/stray", "PATH_RESPONSE to nothing", .act = stray_response, .want = LIVES },
	{ "9000/9.3/limit 9000/8.1.4/limit", "a client moves, and may not be there", .roles = CLIENT,
	  .act = three_times },
	{ "9000/14.1/limit", "a client that may not be there begins", .roles = CLIENT, .stage = NOTHING,
	  .act = three_times_initial },
	{ "9000/9/unknown-server", "a server from another address", .roles = SERVER,
	  .act = server_moves, .want = LIVES },
	{ "9000/9.3.2/revert", "a client seems to move, nobody is there", .roles = CLIENT,
	  .act = nobody_there, .want = LIVES },
	{ "9000/9.3.3/left", "a client moves: is it really not where it was?", .roles = CLIENT,
	  .act = left_is_asked },
	{ "9000/10.2.1/fewer", "packets after an error", .act = closing },
	{ "9000/10.2.1/unvalidated", "packets from elsewhere after an error", .roles = CLIENT,
	  .act = closing_elsewhere },
	{ "9000/10.2.2/draining", "packets after CONNECTION_CLOSE", .act = draining, .want = SILENT },
	{ "9000/10.2.3/converted", "the application closes in the handshake", .stage = HANDSHAKE,
	  .act = hidden_close, CLOSE(APPLICATION, ANY) },
	{ "9000/10.2.3/converted", "the application closes with Initial keys", .stage = INITIAL,
	  .act = hidden_close, CLOSE(APPLICATION, ANY) },
};

GROUP(paths);
