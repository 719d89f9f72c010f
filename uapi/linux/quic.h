/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * QUIC sockets: socket(AF_INET or AF_INET6, SOCK_STREAM or SOCK_DGRAM, IPPROTO_QUIC).
 *
 * Numbers and layouts are shared with programs that exist already, so nothing below 64 ever
 * changes: no field moves, no value gets a second meaning. What only this implementation has
 * (options, events, cmsgs) is numbered from 64 upwards.
 *
 * Rules for every option at level SOL_QUIC:
 * - Structures travel by their common prefix: a shorter value leaves the missing fields at
 *   zero, of a longer one the tail is ignored; getsockopt() stores min(caller's, ours) bytes and
 *   writes that number back. A value that does not even hold the first field is EINVAL.
 * - ENOPROTOOPT: unknown option, or one that cannot be read (written) this way.
 *   EFAULT: bad pointer. EINVAL: negative length, a field out of its range.
 *   ENOMEM/ENOBUFS: no memory. ENOTCONN: needs a connection and there is none yet.
 *   EPIPE: the connection is over. These are not repeated at each option.
 * - Reserved fields: write zero, ignore when reading.
 */
#ifndef _UAPI_LINUX_QUIC_H
#define _UAPI_LINUX_QUIC_H

#include <linux/types.h>

/* The protocol argument of socket(); above 255, as it never appears in an IP header. */
#ifndef IPPROTO_QUIC
#define IPPROTO_QUIC	261
#endif

/* The level of our socket options and of our control messages. */
#ifndef SOL_QUIC
#define SOL_QUIC	288
#endif

/* First number of this implementation's own options, events and control messages. */
#define QUIC_EXTENSION_BASE	64

/* Versions on the wire (RFC 9000, 15; RFC 9369, 3.1). */
#define QUIC_VERSION_V1		0x00000001U
#define QUIC_VERSION_V2		0x6b3343cfU

/* The two low bits of a stream ID (RFC 9000, 2.1). */
#define QUIC_STREAM_TYPE_SERVER_MASK	0x01	/* opened by the server */
#define QUIC_STREAM_TYPE_UNI_MASK	0x02	/* unidirectional */
#define QUIC_STREAM_TYPE_MASK		0x03

/* Control messages of level SOL_QUIC: at most one of them with a sendmsg() or recvmsg(). */
enum quic_cmsg_type {
	QUIC_STREAM_INFO,	/* struct quic_stream_info: whose data this is */
	QUIC_HANDSHAKE_INFO,	/* struct quic_handshake_info: a TLS message of this level */
};

/*
 * Flags. The values are those of flags that mean nothing for QUIC, as the comments name them.
 * STREAM_* belong into quic_stream_info.stream_flags; without that control message they are taken
 * from, and returned in, the flags of the call. Besides them sendmsg() knows MSG_MORE,
 * MSG_DONTWAIT, MSG_NOSIGNAL, MSG_WAITALL, MSG_BATCH and MSG_ZEROCOPY. Any other flag: EINVAL.
 */
enum quic_msg_flags {
	/* Send: this data ends the stream; may come with no data. Receive: it ended here. */
	MSG_QUIC_STREAM_FIN		= 0x200,	/* MSG_FIN */
	/* Send: open the stream named by the ID (-1: the next one) first. */
	MSG_QUIC_STREAM_NEW		= 0x400,	/* MSG_SYN */
	/* Send: with NEW and ID -1, a unidirectional stream. */
	MSG_QUIC_STREAM_UNI		= 0x800,	/* MSG_CONFIRM */
	/* Send: tell the peer when flow control stops us (RFC 9000, 19.12 and 19.13). */
	MSG_QUIC_STREAM_SNDBLOCK	= 0x2000,	/* MSG_ERRQUEUE */
	/* Send: do not wait for the peer to allow one more stream, EAGAIN instead. */
	MSG_QUIC_STREAM_DONTWAIT	= 0x10000,	/* MSG_WAITFORONE */
	/*
	 * Receive: data up to here came, or may have come, in 0-RTT packets. A call never mixes
	 * it with data that did not. See QUIC_SOCKOPT_EARLY_DATA.
	 */
	MSG_QUIC_STREAM_EARLY		= 0x1000000,

	/*
	 * Both ways: one DATAGRAM frame (RFC 9221), not stream data; 0 bytes are one, too. Each is
	 * sent once, in the order written, under congestion control; several by MSG_MORE or
	 * sendmmsg() share packets and bursts. The send buffer bounds those that wait: EAGAIN, or
	 * the call sleeps. EINVAL: the peer takes none, or with a control message. EMSGSIZE: larger
	 * than quic_info.datagram_max. Received ones that find half of the receive buffer full of
	 * others are dropped. A buffer too small gets the front, the next call what is left, and
	 * MSG_EOR comes with the last part; with MSG_TRUNC recvmsg() returns the length instead,
	 * and what did not fit is lost.
	 */
	MSG_QUIC_DATAGRAM		= 0x1000,	/* MSG_RST */
	/* Receive only: an event, see enum quic_event_type. */
	MSG_QUIC_NOTIFICATION		= 0x8000,	/* MSG_MORE */
};

/*
 * Encryption levels (RFC 9001, 4). The order is the ABI's, not the handshake's.
 */
enum quic_crypto_level {
	QUIC_CRYPTO_APP,	/* 1-RTT */
	QUIC_CRYPTO_INITIAL,
	QUIC_CRYPTO_HANDSHAKE,
	QUIC_CRYPTO_EARLY,	/* 0-RTT */
	QUIC_CRYPTO_MAX,
};

/* Socket options. In brackets: [g]et, [s]et and the type of the value. */
#define QUIC_SOCKOPT_EVENT			0  /* [gs] struct quic_event_option */
#define QUIC_SOCKOPT_STREAM_OPEN		1  /* [g] struct quic_stream_info */
#define QUIC_SOCKOPT_STREAM_RESET		2  /* [s] struct quic_errinfo */
#define QUIC_SOCKOPT_STREAM_STOP_SENDING	3  /* [s] struct quic_errinfo */
#define QUIC_SOCKOPT_CONNECTION_ID		4  /* [gs] struct quic_connection_id_info */
#define QUIC_SOCKOPT_CONNECTION_CLOSE		5  /* [gs] struct quic_connection_close */
#define QUIC_SOCKOPT_CONNECTION_MIGRATION	6  /* [s] sockaddr_in or sockaddr_in6 */
#define QUIC_SOCKOPT_KEY_UPDATE			7  /* [s] no value */
#define QUIC_SOCKOPT_TRANSPORT_PARAM		8  /* [gs] struct quic_transport_param */
#define QUIC_SOCKOPT_CONFIG			9  /* [gs] struct quic_config */
#define QUIC_SOCKOPT_TOKEN			10 /* [gs] bytes */
#define QUIC_SOCKOPT_ALPN			11 /* [gs] text */
#define QUIC_SOCKOPT_SESSION_TICKET		12 /* [gs] bytes */
#define QUIC_SOCKOPT_CRYPTO_SECRET		13 /* [s] struct quic_crypto_secret */
#define QUIC_SOCKOPT_TRANSPORT_PARAM_EXT	14 /* [gs] bytes */
#define QUIC_SOCKOPT_STREAM_PEELOFF		15 /* [g] struct quic_stream_peeloff */
/* Ours. */
#define QUIC_SOCKOPT_CONGESTION			64 /* [gs] text */
#define QUIC_SOCKOPT_INFO			65 /* [g] struct quic_info */
#define QUIC_SOCKOPT_STREAM_RESET_AT		66 /* [s] struct quic_stream_reset_at */
#define QUIC_SOCKOPT_VERSIONS			68 /* [gs] __u32[] */
#define QUIC_SOCKOPT_EARLY_DATA			72 /* [gs] __u32 */
#define QUIC_SOCKOPT_STREAM_ACCEPT		80 /* [gs] __u32 */
#define QUIC_SOCKOPT_STREAM_FILE		81 /* [g] struct quic_stream_file */
#define QUIC_SOCKOPT_STREAM_STATUS		82 /* [g] struct quic_stream_status */
#define QUIC_SOCKOPT_STREAM_PRIORITY		83 /* [gs] struct quic_stream_priority */
#define QUIC_SOCKOPT_ZEROCOPY_RO		84 /* [gs] __u32 */
#define QUIC_SOCKOPT_ZEROCOPY			85 /* [gs] __u32 */
#define QUIC_SOCKOPT_EMPTY_CID			90 /* [gs] __u32 */

/*
 * QUIC_SOCKOPT_KEY_UPDATE: start a key update (RFC 9001, 6). Length 0. EAGAIN: the last update is
 * not acknowledged yet, or the handshake not confirmed.
 *
 * QUIC_SOCKOPT_CONNECTION_MIGRATION: client: the new local address (port 0: any). It is validated
 * with PATH_CHALLENGE and then used (RFC 9000, 9.2); the call does not wait, the event of that name
 * tells. When nobody answers for three probe timeouts the old address stays, without an event.
 * EAGAIN: the handshake is not confirmed, a migration is under way, or the peer has supplied no
 * spare connection ID. EINVAL: the family is not that of the socket and the path; the peer's
 * disable_active_migration. EOPNOTSUPP: the peer uses empty connection IDs (9.5), or we do
 * (QUIC_SOCKOPT_EMPTY_CID). EADDRNOTAVAIL:
 * not an address of this host; EADDRINUSE: taken, or the one in use.
 * Server: on a bound or listening socket, which passes it on, or an accepted one before its
 * parameters are read by TRANSPORT_PARAM_EXT: the preferred address to announce (9.6), one of each
 * family; address and port not zero, else EINVAL, as later. EADDRNOTAVAIL, EADDRINUSE: as bind().
 * A client goes to an address of the family it came by.
 *
 * QUIC_SOCKOPT_TOKEN: client: the token of an earlier connection, to be sent in Initial packets
 * (RFC 9000, 8.1.3), 1 to 256 bytes, before the first packet leaves, else EINVAL; read: the last
 * one received by NEW_TOKEN. Server: the end of the handshake sends one, setting it (the value is
 * ignored) one more, EINVAL before, ENOTCONN on a listener; reading it is EINVAL, which is how a
 * helper library finds out that a socket is a server's. Tokens are 80 bytes, good for 24 hours and
 * the client's address on any port, at every listener of the network namespace, for one connection
 * (8.1.4: the next is as if it had none); they end with the module.
 *
 * QUIC_SOCKOPT_ALPN: comma-separated protocol names, 1 to 128 bytes with the commas, no
 * terminating NUL needed; a name has 1 to 255 bytes. EINVAL: an empty name; too long; while
 * listening. On a listener it chooses which connections come here: several sockets may listen on
 * one address and port with different lists, in different processes. The ClientHello is read, in
 * however many datagrams it comes: the first protocol it offers that any listener has decides,
 * then the shortest of the lists with it, then a hash. Without a list a listener takes clients
 * that offer no protocol. Nobody's client is refused with no_application_protocol (RFC 9001,
 * 8.1), and with decode_error who sends no ClientHello. While no listener there has a list, none
 * of this is looked at: then clients come whatever they offer, and TLS has to choose. The same
 * protocols as another listener's, or again no list: EADDRINUSE from listen(), unless both have
 * SO_REUSEPORT set; connections are spread over them then.
 *
 * QUIC_SOCKOPT_SESSION_TICKET: server: read the 64-byte key that seals TLS session tickets, the
 * same for all connections of one listener. Client: read the last NewSessionTicket message
 * received (RFC 8446, 4.6.1), length 0 while there is none; set: the session data a kernel user
 * wants the handshake to resume, 1 to 4096 bytes.
 *
 * QUIC_SOCKOPT_TRANSPORT_PARAM_EXT: while the handshake runs. Read: the local transport parameters
 * as the body of TLS extension 0x39 (RFC 9001, 8.2), at most 256 bytes; EINVAL when the value is
 * shorter.
 * Write: the peer's, once. Malformed or forbidden parameters: EINVAL, and the connection is closed
 * with TRANSPORT_PARAMETER_ERROR (RFC 9000, 7.4).
 *
 * QUIC_SOCKOPT_CONGESTION: name of the congestion control, "newreno", "cubic" or "bbr" (the
 * default is that of the sysctl net.quic.quic_congestion_control, "cubic"), as TCP_CONGESTION: set
 * takes up to QUIC_CC_NAME_MAX - 1 bytes, with or without NUL; get gives
 * QUIC_CC_NAME_MAX bytes, padded with NUL. May be changed at any time. ENOENT: no such algorithm.
 *
 * QUIC_SOCKOPT_EMPTY_CID: client, before connect(), 0 (default) or 1: our connection ID is empty
 * (RFC 9000, 5.1), which saves 8 bytes in every packet the server sends. The connection is then
 * found by its four addresses and ports: the server's stay as they are, and so must ours. The
 * client does not migrate (QUIC_SOCKOPT_CONNECTION_MIGRATION is EOPNOTSUPP), follows no preferred
 * address, and does not look for another address of its own when the one it has is gone. A NAT may
 * rebind. Several such connections may share a local address and port if their servers differ;
 * connect() to the same one is EADDRINUSE while the first is open. EINVAL: another value, or
 * connected already. EOPNOTSUPP: a listener or an accepted socket, from listen() too when it is
 * set: there connections share the address and clients move (5.1).
 *
 * QUIC_SOCKOPT_VERSIONS: the versions spoken, best first, 0 to 4 of QUIC_VERSION_*; none (default)
 * is all of them. Before connect() or accept(), on a listener at any time. It also sets
 * quic_config.version: to version 1 if that is listed, else to the first. Listener: a client of
 * another version gets Version Negotiation (RFC 9000, 6); from one that speaks several the best
 * is chosen without a round trip (RFC 9368, 2.3), without a list the one the client likes best.
 * Client: begins with quic_config.version, says what else it takes, and starts over with the first
 * of the list that a Version Negotiation packet names: then sendmsg() and recvmsg() of TLS
 * messages give ESTALE, and poll() POLLIN, until QUIC_SOCKOPT_TRANSPORT_PARAM_EXT is read for the
 * ClientHello of a new TLS session. Get: the list in force; quic_info.version is what it came to.
 * EINVAL: not a multiple of 4 bytes, an unknown version, one listed twice, a connection is there.
 */
#define QUIC_CC_NAME_MAX	16
#define QUIC_ALPN_MAX		128
#define QUIC_TOKEN_MAX		256
#define QUIC_TICKET_MAX		4096
#define QUIC_TICKET_KEY_SIZE	64

/*
 * cmsg QUIC_STREAM_INFO and QUIC_SOCKOPT_STREAM_OPEN. 16 bytes; 12 for a 32-bit x86 caller.
 *
 * sendmsg(): ENOSPC: stream or connection flow control or the send buffer is full and the call may
 * not block. EINVAL: stream not ours to write, finished, or NEW on one already begun. EMSGSIZE: no
 * data and no FIN. EAGAIN: see STREAM_DONTWAIT.
 * STREAM_OPEN: flags UNI and DONTWAIT; stream_id is returned. EINVAL: the peer's stream or one
 * opened before. EAGAIN: the peer's stream limit is reached and the call may not block; event
 * QUIC_EVENT_STREAM_MAX_STREAM tells when to try again.
 */
struct quic_stream_info {
	__s64	stream_id;	/* 0 to 2^62 - 1; -1: last opened, or next one with NEW */
	__u32	stream_flags;	/* MSG_QUIC_STREAM_* */
};

/* cmsg QUIC_HANDSHAKE_INFO: msg_iov carries TLS handshake messages (CRYPTO frames). */
struct quic_handshake_info {
	__u8	crypto_level;	/* QUIC_CRYPTO_INITIAL, HANDSHAKE or APP; else EINVAL */
};

/*
 * QUIC_SOCKOPT_STREAM_RESET: abandon sending (RESET_STREAM, RFC 9000, 19.4). EINVAL: stream
 * unknown, not ours to write, or already reset or finished.
 * QUIC_SOCKOPT_STREAM_STOP_SENDING: ask the peer to stop (STOP_SENDING, RFC 9000, 19.5). EINVAL:
 * stream unknown, not ours to read, or all data has come. EAGAIN: one is in flight already.
 */
struct quic_errinfo {
	__s64	stream_id;
	__u32	errcode;	/* application's error code */
};

/*
 * QUIC_SOCKOPT_STREAM_RESET_AT: abandon sending, but deliver the first bytes (RESET_STREAM_AT,
 * draft-ietf-quic-reliable-stream-reset). May be set again with a smaller reliable_size, and be
 * followed by STREAM_RESET, with the same error code. The stream takes no more data. Event
 * STREAM_UPDATE tells of SEND_STATE_RESET_RECVD when the reset and those bytes are acknowledged;
 * at the peer RECV_STATE_RESET_RECVD follows the bytes in recvmsg()'s queue. EINVAL: stream
 * unknown, not ours to write, reset or finished already; reliable_size larger than what was written
 * or than last time; another code than last time. EOPNOTSUPP: the peer did not offer it.
 */
struct quic_stream_reset_at {
	__s64	stream_id;
	__u32	errcode;	/* application's error code */
	__u32	reserved;
	__u64	reliable_size;	/* bytes from the stream's start, 0 to all written */
};

/*
 * QUIC_SOCKOPT_CONNECTION_ID and payload of QUIC_EVENT_CONNECTION_ID (RFC 9000, 5.1).
 * EINVAL: a sequence number that does not exist or was retired, or prior_to would leave none.
 * EAGAIN: the handshake is not confirmed, or too many IDs wait to be retired.
 */
struct quic_connection_id_info {
	__u8	dest;		/* in: 0: IDs we chose; 1: IDs the peer chose */
	__u8	reserved[3];
	__u32	active;		/* sequence number in use; set 0: leave it */
	__u32	prior_to;	/* retire all below (dest 0: replace them by new ones); 0: none */
};

/*
 * QUIC_SOCKOPT_CONNECTION_CLOSE and payload of QUIC_EVENT_CONNECTION_CLOSE (RFC 9000, 10.2).
 * Set: what close() and shutdown() will tell the peer, an application error (frame type 0x1d; in
 * Initial and Handshake packets it is hidden as RFC 9000, 10.2.3 wants). frame 0x06 (CRYPTO)
 * together with errcode 0x100 to 0x1ff is a TLS alert: a transport error, type 0x1c, at any time.
 * Get: what the peer told us, or what we found; zero while the connection stands.
 * QUIC_SOCKOPT_INFO tells who closed and whether the code is an application's.
 */
struct quic_connection_close {
	__u32	errcode;	/* QUIC_TRANSPORT_ERROR_* or an application's code */
	__u8	frame;		/* type of the frame at fault, 0: unknown */
	__u8	reserved[3];
	__u8	phrase[64];	/* reason in UTF-8, up to the first NUL or the end; cut to fit */
};

/*
 * QUIC_SOCKOPT_EARLY_DATA: 0-RTT (RFC 9001, 4.6).
 * Client: after connect() the server's remembered parameters go to QUIC_SOCKOPT_TRANSPORT_PARAM
 * with remote 1, the secret of level EARLY to QUIC_SOCKOPT_CRYPTO_SECRET; then sendmsg() takes
 * data within the remembered limits, which leaves behind the ClientHello. Whoever runs TLS sets 1
 * or 0 here when the server accepted or refused, after the server's parameters and before the
 * secret for sending 1-RTT packets. Refused, everything is sent again in 1-RTT packets under the
 * new limits; streams beyond these wait. Accepted with parameters that are lower than those
 * remembered: EINVAL, and the connection is closed with PROTOCOL_VIOLATION (RFC 9000, 7.4.1). Not
 * set at all: everything is sent again as well, maybe for nothing. EINVAL: no 0-RTT, no parameters
 * yet, or too late.
 * Server: 0-RTT packets are taken once the EARLY secret for receiving is there, which has to come
 * before those of HANDSHAKE; without it they are dropped. What they bring waits until both APP
 * secrets are there: then the client is known to be there, and nothing of it is a replay (RFC
 * 9001, 9.2). Set 1, on a listener for what it accepts: hand it out at once; then what it causes
 * may be caused several times, by whoever copied the packets.
 * Read: enum quic_early_data.
 */
enum quic_early_data {
	QUIC_EARLY_DATA_NONE,
	QUIC_EARLY_DATA_OFFERED,	/* client: to be answered; server: came before its secret */
	QUIC_EARLY_DATA_ACCEPTED,
	QUIC_EARLY_DATA_REJECTED,	/* server: or none was offered */
};

/*
 * QUIC_SOCKOPT_CRYPTO_SECRET: a TLS 1.3 traffic secret (RFC 9001, 5.1). Set once for each level and
 * direction, in the handshake's order; both directions of APP make the connection established.
 * Before one to receive is set, the peer's TLS messages of the levels below are to be read: what is
 * left of them closes the connection with PROTOCOL_VIOLATION (RFC 9001, 4.1.3), and is EINVAL.
 * EINVAL: level INITIAL, unknown cipher, a secret that is there already, EARLY in the wrong
 * direction.
 */
struct quic_crypto_secret {
	__u8	send;		/* 1: to seal our packets; 0: to open the peer's */
	__u8	level;		/* QUIC_CRYPTO_* */
	__u16	reserved;
	__u32	type;		/* TLS_CIPHER_AES_GCM_128, _AES_GCM_256, _AES_CCM_128 or
				 * _CHACHA20_POLY1305 of <linux/tls.h>
				 */
#define QUIC_CRYPTO_SECRET_BUFFER_SIZE	48
	__u8	secret[QUIC_CRYPTO_SECRET_BUFFER_SIZE];	/* 32 bytes, with AES-256-GCM 48 */
};

/*
 * QUIC_SOCKOPT_TRANSPORT_PARAM (RFC 9000, 18.2). Set before the connection is established, zero
 * leaves a field as it is. remote 1 names the peer's: readable after the handshake; set on a client
 * after connect() with those of an earlier connection, for 0-RTT (RFC 9000, 7.4.1), what was read
 * there: a zero is a zero, and what must not be remembered (ack_delay_exponent, max_ack_delay) is
 * ignored.
 * EINVAL: out of range; established already.
 */
struct quic_transport_param {
	__u8	remote;
	__u8	disable_active_migration;	/* 0 or 1; 0 */
	__u8	grease_quic_bit;		/* 0 or 1; 0: the peer may send the QUIC Bit as 0
						 * (RFC 9287); ours follows the peer's offer
						 */
	__u8	stateless_reset;		/* 0 or 1; 0. Without effect: a server always sends
						 * a token. remote: 1: the server sent one
						 */
	__u8	disable_1rtt_encryption;	/* 0 or 1; 0. Needs CAP_NET_ADMIN, else EPERM. Not
						 * offered to the peer, so without effect: packets
						 * are always encrypted
						 */
	__u8	disable_compatible_version;	/* 0 or 1; 0: another version may be chosen
						 * without a new start (RFC 9368, 2.3)
						 */
	__u8	active_connection_id_limit;	/* 2 to 8; 7 */
	__u8	ack_delay_exponent;		/* 0 to 20; 3 */
	__u16	max_datagram_frame_size;	/* bytes we take, frame header included; 0: no
						 * DATAGRAM (RFC 9221), 65535: any
						 */
	__u16	max_udp_payload_size;		/* bytes, 1200 to 65527; 65527 */
	__u32	max_idle_timeout;		/* us; 30000000 */
	__u32	max_ack_delay;			/* us, below 16384000; 25000 */
	__u16	max_streams_bidi;		/* streams open at once; 100 */
	__u16	max_streams_uni;		/* streams open at once; 100 */
	__u64	max_data;			/* bytes, below 2^62; 2097152, then auto-tuned */
	__u64	max_stream_data_bidi_local;	/* bytes; 262144, then auto-tuned */
	__u64	max_stream_data_bidi_remote;	/* bytes; 262144, then auto-tuned */
	__u64	max_stream_data_uni;		/* bytes; 262144, then auto-tuned */
};

/* quic_config.congestion_control_algo. Zero leaves it: RENO needs QUIC_SOCKOPT_CONGESTION. */
enum quic_cong_algo {
	QUIC_CONG_ALG_RENO,
	QUIC_CONG_ALG_CUBIC,
	QUIC_CONG_ALG_MAX,
};

#define QUIC_CONG_ALG_BBR	64	/* BBRv3, draft-ietf-ccwg-bbr */

/*
 * QUIC_SOCKOPT_CONFIG. Set before the connection is established, zero leaves a field as it is; a
 * listener's values pass to what it accepts. EINVAL: out of range; established already.
 */
struct quic_config {
	__u32	version;			/* the client's first flight: 1, or version 2. A
						 * reserved one, 0x?a?a?a?a, makes any server
						 * answer with Version Negotiation (RFC 9000, 6.3)
						 */
	__u32	plpmtud_probe_interval;		/* us between MTU searches, at least 5000000;
						 * default: the implementation's
						 */
	__u32	initial_smoothed_rtt;		/* us, 2000 to 6000000; 333000 (RFC 9002, 6.2.2) */
	__u32	payload_cipher_type;		/* TLS_CIPHER_*, a wish for the handshake; 0: any */
	__u8	congestion_control_algo;	/* QUIC_CONG_ALG_*; CUBIC */
	__u8	validate_peer_address;		/* listener, 1: who has no good token gets Retry
						 * first (RFC 9000, 8.1.2); 0: only under load,
						 * from half the backlog on
						 */
	__u8	stream_data_nodelay;		/* 1: never wait to fill a packet; 0 */
	__u8	receive_session_ticket;		/* client, seconds the handshake helper waits for a
						 * session ticket; 0
						 */
	__u8	certificate_request;		/* server, for the handshake helper: 0 ignore,
						 * 1 request, 2 require a client certificate
						 */
	__u8	reserved[3];
	__u32	keepalive_probe_interval;	/* us between PINGs when idle, >= 1000; 0: none */
};

/*
 * QUIC_SOCKOPT_STREAM_PEELOFF: a file descriptor for one stream, a socket that works as a connected
 * TCP one does. What was not read of the stream yet is read there; the connection's socket neither
 * reads nor writes (EBUSY) it any more. EINVAL: no such stream, or a flag that is not known; EBUSY:
 * it has one already; EMFILE, ENFILE: too many are open; ENOTCONN: also a server before the
 * handshake's end.
 *
 * On a stream's descriptor:
 * - reading gives bytes, then 0 at the stream's end. ECONNRESET: the peer reset the stream (the
 *   code is in quic_stream_status), or the connection without a word. When the connection ended
 *   before the stream did: ETIMEDOUT, EPROTO and so on, ENOTCONN when it was closed in good order.
 * - writing: EPIPE and SIGPIPE after STOP_SENDING from the peer, shutdown(), or the connection's
 *   end. MSG_QUIC_STREAM_FIN ends the stream behind the data. EINVAL: a stream that only the peer
 *   sends on, as reading from one that only we do.
 * - shutdown(): SHUT_WR is FIN, SHUT_RD is STOP_SENDING with code 0. close() does both to what is
 *   not ended yet, unread data is lost, written data is delivered; SO_LINGER with a time waits for
 *   it, with time 0 it is RESET_STREAM with code 0. For other codes set QUIC_SOCKOPT_STREAM_RESET
 *   or QUIC_SOCKOPT_STREAM_STOP_SENDING before.
 * - poll(): POLLIN data or end, POLLRDHUP the end or a reset came, POLLOUT room to write, POLLERR
 *   reset or stopped by the peer, or the connection failed, POLLHUP both directions are over.
 * - options of level SOL_QUIC: those whose value begins with a stream ID (-1: this one) and are not
 *   about descriptors, and reading QUIC_SOCKOPT_INFO and QUIC_SOCKOPT_CONNECTION_CLOSE; else
 *   ENOPROTOOPT. SO_RCVTIMEO and SO_SNDTIMEO begin as the connection's; buffers are the
 *   connection's.
 * - ioctl() SIOCINQ, SIOCOUTQ, SIOCOUTQNSD count the stream's bytes; getsockname() and
 *   getpeername() are the connection's.
 * It keeps the connection: when the connection's own descriptors are closed, streams with
 * descriptors go on, others are not read any more, and the connection ends with the last of them.
 */
struct quic_stream_peeloff {
	__s64	stream_id;	/* in */
	__u32	flags;		/* in: O_CLOEXEC and O_NONBLOCK */
	int	sd;		/* out */
};

/*
 * QUIC_SOCKOPT_STREAM_FILE: as QUIC_SOCKOPT_STREAM_OPEN, and the new stream is a descriptor as
 * QUIC_SOCKOPT_STREAM_PEELOFF makes them. Errors are those of both.
 *
 * QUIC_SOCKOPT_STREAM_ACCEPT: 1: accept() on the connection gives the next stream its peer opened,
 * as such a descriptor. Streams of one type come in the order of their IDs, those too that are open
 * only because a later one is (RFC 9000, 3.2). The peer's streams leave the queue of recvmsg();
 * poll() gives POLLIN while one waits. Those already read from or written to stay. 0, the default:
 * off; what waits is read by recvmsg(). A listener passes it to what it accepts. accept() waits as
 * SO_RCVTIMEO says; EINVAL: it is off, or after SHUT_RD; ENOMEM, EMFILE, ENFILE: no stream is lost;
 * at the connection's end as recvmsg().
 */
struct quic_stream_file {
	__s64	stream_id;	/* in: -1 the next; out: its ID */
	__u32	flags;		/* in: O_CLOEXEC and O_NONBLOCK */
	__s32	sd;		/* out */
	__u32	stream_flags;	/* in: MSG_QUIC_STREAM_UNI, MSG_QUIC_STREAM_DONTWAIT */
	__u32	reserved;
};

/*
 * QUIC_SOCKOPT_STREAM_PRIORITY: how what we send on a stream goes before what we send on others, as
 * RFC 9218 has it; nothing of it is told to the peer. May be changed at any time. Of all streams
 * with something to send those of the lowest urgency number go first. Within it incremental ones
 * take turns, a packet each; the others go one after the other, by ID, and together have one turn.
 * The default is 3 and incremental, the latter other than in RFC 9218, 4.2. Flow control updates,
 * resets and the like do not wait for more urgent data. EINVAL: no such stream; out of range.
 */
#define QUIC_STREAM_URGENCY_DEFAULT	3
#define QUIC_STREAM_URGENCY_MAX		7
struct quic_stream_priority {
	__s64	stream_id;	/* in; on a descriptor -1 or its own */
	__u8	urgency;	/* 0 (first) to 7 */
	__u8	incremental;	/* 0 or 1 */
	__u8	reserved[6];
};

/*
 * QUIC_SOCKOPT_ZEROCOPY_RO and QUIC_SOCKOPT_ZEROCOPY: send stream data from where it lies. 0, the
 * default, or 1, else EINVAL. A descriptor of a stream has values of its own, which begin as the
 * connection's; a listener's pass to what it accepts. They concern later calls. Pages have a
 * reference until all their bytes are acknowledged, or will not be sent again: the stream is reset,
 * the connection over. They count in the send buffer. Less than 256 bytes at a time are copied.
 *
 * The bytes must not change in that time: a packet may be lost, and what a stream has at an offset
 * is the same in each packet (RFC 9000, 2.2). If they do change the peer gets the old or the new
 * ones, or some of both, its connection may find that a PROTOCOL_VIOLATION, and under AES-CCM
 * packets may be lost that were changed while they were sealed. Nothing else comes of it.
 *
 * ZEROCOPY_RO: sendfile() and splice() to the descriptor take the pages of file or pipe, as
 * TLS_TX_ZEROCOPY_RO of kTLS; without it they copy, and the file may change once they returned.
 *
 * ZEROCOPY: sendmsg() with MSG_ZEROCOPY takes pages of the caller's memory, and tells on the error
 * queue when it has given them back, as with TCP. On Linux 6.7 and later SO_ZEROCOPY of SOL_SOCKET
 * is the same; before, EOPNOTSUPP. Each call that sent bytes, on this descriptor, counts one, from
 * 0. recvmsg() with MSG_ERRQUEUE reads from the descriptor that sent: a cmsg of SOL_IP, IP_RECVERR,
 * or SOL_IPV6, IPV6_RECVERR, with struct sock_extended_err, its ee_origin SO_EE_ORIGIN_ZEROCOPY,
 * ee_info the first and ee_data the last call that is done, with SO_EE_CODE_ZEROCOPY_COPIED in
 * ee_code if they were copied; EAGAIN: nothing new. Calls may be done in another order than they
 * were made. poll() gives POLLERR while there is something to read. ENOBUFS from sendmsg(): more
 * is outstanding than net.core.optmem_max or RLIMIT_MEMLOCK allow. Without the option, and for
 * datagrams and TLS messages, MSG_ZEROCOPY is ignored. io_uring's zero-copy sends need neither
 * option: their notification comes when pages are given back.
 */

/* quic_stream_status.flags */
#define QUIC_STREAM_STATUS_SENDS	0x01	/* we send on it */
#define QUIC_STREAM_STATUS_RECEIVES	0x02	/* the peer does */
#define QUIC_STREAM_STATUS_FILE		0x04	/* it has a descriptor */
#define QUIC_STREAM_STATUS_STOPPED	0x08	/* the peer's STOP_SENDING made us reset it */
#define QUIC_STREAM_STATUS_RESET	0x10	/* the peer reset it */

/*
 * QUIC_SOCKOPT_STREAM_STATUS: what became of a stream. On its descriptor at any time, even when the
 * connection is over; by the connection's socket while the stream is known. EINVAL: it is not.
 */
struct quic_stream_status {
	__s64	stream_id;	/* in; on a descriptor -1 or its own */
	__u8	send_state;	/* QUIC_STREAM_SEND_STATE_*, with SENDS */
	__u8	recv_state;	/* QUIC_STREAM_RECV_STATE_*, with RECEIVES */
	__u8	flags;		/* QUIC_STREAM_STATUS_* */
	__u8	reserved[5];
	__u64	send_error;	/* application's code of our reset; with STOPPED the peer chose */
	__u64	recv_error;	/* with RESET: application's code of the peer's */
	__u64	final_size;	/* bytes the peer sent in all; all ones: not known yet */
	__u64	bytes_written;	/* by the application */
	__u64	bytes_acked;	/* of those */
	__u64	bytes_received;	/* in order */
	__u64	bytes_read;	/* of those, by the application */
	__u64	max_data_remote;	/* bytes the peer lets us send, from its start */
};

/* QUIC_SOCKOPT_EVENT. All events are off at first. Get: type in, type and on out. */
struct quic_event_option {
	__u8	type;		/* enum quic_event_type, not NONE; else EINVAL */
	__u8	on;		/* 0: off; else on */
};

/*
 * Events come by recvmsg() with MSG_QUIC_NOTIFICATION in msg_flags: one byte of type, then the
 * payload, unaligned; MSG_EOR once it was read to its end.
 */
enum quic_event_type {
	QUIC_EVENT_NONE,
	QUIC_EVENT_STREAM_UPDATE,	/* struct quic_stream_update */
	QUIC_EVENT_STREAM_MAX_DATA,	/* struct quic_stream_max_data: blocked, now may send */
	QUIC_EVENT_STREAM_MAX_STREAM,	/* __u64: limit << 2 | stream type bits */
	QUIC_EVENT_CONNECTION_ID,	/* struct quic_connection_id_info: IDs were retired */
	QUIC_EVENT_CONNECTION_CLOSE,	/* struct quic_connection_close: the peer closed */
	QUIC_EVENT_CONNECTION_MIGRATION, /* __u8: 1: our address changed; 0: the peer's */
	QUIC_EVENT_KEY_UPDATE,		/* __u8: key phase now used both ways */
	QUIC_EVENT_NEW_TOKEN,		/* bytes: for QUIC_SOCKOPT_TOKEN of the next connection */
	QUIC_EVENT_NEW_SESSION_TICKET,	/* bytes: a TLS NewSessionTicket message */
	QUIC_EVENT_MAX,
};

/* Stream states (RFC 9000, 3.1 and 3.2). Those marked * are reported by events. */
enum quic_stream_state {
	QUIC_STREAM_SEND_STATE_READY,
	QUIC_STREAM_SEND_STATE_SEND,
	QUIC_STREAM_SEND_STATE_SENT,
	QUIC_STREAM_SEND_STATE_RECVD,		/* * all of it acknowledged */
	QUIC_STREAM_SEND_STATE_RESET_SENT,	/* * the peer's STOP_SENDING made us reset */
	QUIC_STREAM_SEND_STATE_RESET_RECVD,	/* * our reset is acknowledged */

	QUIC_STREAM_RECV_STATE_RECV,		/* * data is there, more will come */
	QUIC_STREAM_RECV_STATE_SIZE_KNOWN,	/* * FIN came before other data */
	QUIC_STREAM_RECV_STATE_RECVD,		/* * all data is here */
	QUIC_STREAM_RECV_STATE_READ,
	QUIC_STREAM_RECV_STATE_RESET_RECVD,	/* * the peer reset the stream */
	QUIC_STREAM_RECV_STATE_RESET_READ,
};

struct quic_stream_update {
	__s64	id;
	__u8	state;		/* QUIC_STREAM_*_STATE_* */
	__u8	reserved[3];
	__u32	errcode;	/* with RESET_SENT and RESET_RECVD: the application's code */
	__u64	finalsz;	/* bytes, with receive SIZE_KNOWN, RECVD and RESET_RECVD */
};

struct quic_stream_max_data {
	__s64	id;
	__u64	max_data;	/* bytes the peer allows on this stream, from its start */
};

/* The payload of an event: copy it into one of these, it is not aligned in the buffer. */
union quic_event {
	struct quic_stream_update	update;
	struct quic_stream_max_data	max_data;
	struct quic_connection_close	close;
	struct quic_connection_id_info	info;
	__u64	max_stream;
	__u8	local_migration;
	__u8	key_update_phase;
};

/* Error codes of CONNECTION_CLOSE 0x1c (RFC 9000, 20.1; RFC 9368, 10.2; RFC 9001, 4.8). */
enum quic_transport_error {
	QUIC_TRANSPORT_ERROR_NONE			= 0x00,
	QUIC_TRANSPORT_ERROR_INTERNAL			= 0x01,
	QUIC_TRANSPORT_ERROR_CONNECTION_REFUSED		= 0x02,
	QUIC_TRANSPORT_ERROR_FLOW_CONTROL		= 0x03,
	QUIC_TRANSPORT_ERROR_STREAM_LIMIT		= 0x04,
	QUIC_TRANSPORT_ERROR_STREAM_STATE		= 0x05,
	QUIC_TRANSPORT_ERROR_FINAL_SIZE			= 0x06,
	QUIC_TRANSPORT_ERROR_FRAME_ENCODING		= 0x07,
	QUIC_TRANSPORT_ERROR_TRANSPORT_PARAM		= 0x08,
	QUIC_TRANSPORT_ERROR_CONNECTION_ID_LIMIT	= 0x09,
	QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION		= 0x0a,
	QUIC_TRANSPORT_ERROR_INVALID_TOKEN		= 0x0b,
	QUIC_TRANSPORT_ERROR_APPLICATION		= 0x0c,
	QUIC_TRANSPORT_ERROR_CRYPTO_BUF_EXCEEDED	= 0x0d,
	QUIC_TRANSPORT_ERROR_KEY_UPDATE			= 0x0e,
	QUIC_TRANSPORT_ERROR_AEAD_LIMIT_REACHED		= 0x0f,
	QUIC_TRANSPORT_ERROR_NO_VIABLE_PATH		= 0x10,
	QUIC_TRANSPORT_ERROR_VERSION_NEGOTIATION	= 0x11,
	QUIC_TRANSPORT_ERROR_CRYPTO			= 0x0100, /* + the TLS alert */
};

/* quic_info.state */
enum quic_info_state {
	QUIC_STATE_IDLE,	/* neither connect() nor listen() */
	QUIC_STATE_LISTEN,
	QUIC_STATE_HANDSHAKE,	/* a connection, keys not complete */
	QUIC_STATE_ESTABLISHED,	/* application keys in both directions */
	QUIC_STATE_CONFIRMED,	/* and the handshake is confirmed (RFC 9001, 4.1.2) */
	QUIC_STATE_CLOSING,	/* we closed (RFC 9000, 10.2.1) */
	QUIC_STATE_DRAINING,	/* the peer closed (RFC 9000, 10.2.2) */
	QUIC_STATE_CLOSED,
};

/* quic_info.flags */
#define QUIC_INFO_SERVER	0x01	/* accepted, not connected */
#define QUIC_INFO_CLOSED_BY_US	0x02	/* set with CLOSING, DRAINING and CLOSED only */
#define QUIC_INFO_CLOSED_BY_APP	0x04	/* close code is an application's (frame 0x1d) */
#define QUIC_INFO_ECN		0x08	/* the path carries ECN marks (RFC 9000, 13.4) */
#define QUIC_INFO_APP_LIMITED	0x10	/* the sender has too little to fill the window */
#define QUIC_INFO_RESUMED_0RTT	0x20	/* 0-RTT packets were sent and accepted, or taken */
#define QUIC_INFO_0RTT_REJECTED	0x40	/* client: the server refused them */

/*
 * QUIC_SOCKOPT_INFO: the state of a connection, as TCP_INFO. Grows at its end only, see the rule
 * on prefixes: zero the structure first, then a field that an older kernel lacks reads as 0.
 * Counts are since the connection began, "packets" are QUIC packets, "bytes" on the wire are UDP
 * payload (QUIC packets with headers and tags). Rates and windows are those of the active path.
 * On a listener: state and zeroes.
 */
struct quic_info {
	__u8	state;			/* enum quic_info_state */
	__u8	flags;			/* QUIC_INFO_* */
	__u16	reserved;
	__u32	version;		/* QUIC_VERSION_* in use */
	__u32	cipher;			/* TLS_CIPHER_* of 1-RTT packets; 0: none yet */
	__u32	pto_count;		/* probe timeouts in a row now (RFC 9002, 6.2) */
	char	cc_name[QUIC_CC_NAME_MAX]; /* congestion control, NUL-padded */
	__u32	smoothed_rtt;		/* us; initial value before the first sample */
	__u32	rttvar;			/* us */
	__u32	min_rtt;		/* us; 0: no sample yet */
	__u32	latest_rtt;		/* us; 0: no sample yet */
	__u32	pmtu;			/* bytes of UDP payload in a full packet */
	__u32	packets_in_flight;
	__u32	key_updates;		/* by either side */
	__u32	reserved2;

	__u64	cwnd;			/* bytes */
	__u64	ssthresh;		/* bytes; all ones: no loss yet */
	__u64	bytes_in_flight;
	__u64	pacing_rate;		/* bytes/s; 0: not paced */
	__u64	delivery_rate;		/* bytes/s acknowledged, latest sample; 0: unknown */

	__u64	bytes_sent;
	__u64	bytes_received;
	__u64	packets_sent;
	__u64	packets_received;	/* opened and not duplicates */
	__u64	bytes_lost;		/* of packets_lost */
	__u64	packets_lost;		/* declared lost (RFC 9002, 6.1) */
	__u64	packets_spurious;	/* of those, acknowledged later */
	__u64	packets_retransmitted;	/* sent with stream or TLS bytes that were sent before */
	__u64	packets_duplicate;	/* received again */
	__u64	packets_dropped;	/* received: no keys, failed to open, or malformed */
	__u64	packets_ce;		/* acknowledged with ECN-CE (RFC 9002, 7.1) */

	/* Connection flow control and payload, bytes of stream data (RFC 9000, 4.1). */
	__u64	max_data_local;		/* what we allow the peer */
	__u64	max_data_remote;	/* what the peer allows us */
	__u64	data_sent;		/* highest offsets sent, all streams */
	__u64	data_received;		/* highest offsets received, all streams */
	__u64	data_retransmitted;	/* sent again */
	__u64	data_unsent;		/* written, never sent yet */
	__u64	data_unacked;		/* written, not acknowledged */
	__u64	data_unread;		/* received in order, not read */

	/* Streams. */
	__u32	streams_open;		/* not in a final state, both sides' */
	__u32	reserved3;
	__u64	streams_opened_local;	/* in all, both types */
	__u64	streams_opened_remote;
	__u64	max_streams_bidi_local;	/* cumulative limit we gave the peer */
	__u64	max_streams_uni_local;
	__u64	max_streams_bidi_remote; /* cumulative limit the peer gave us */
	__u64	max_streams_uni_remote;

	__u32	datagram_max;		/* bytes in the largest datagram now; 0: none, or empty */
	__u32	reserved4;
};

#endif /* _UAPI_LINUX_QUIC_H */
