/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every bound on what a peer can make us hold or do, in one place.
 * A number here is a safety limit unless its comment says it is a default.
 */
#ifndef QUIC_CORE_LIMITS_H
#define QUIC_CORE_LIMITS_H

#define QUIC_CID_MAX		20	/* RFC 9000, 17.2: bytes, version 1 */
#define QUIC_CID_LEN		8	/* length of the IDs we issue, bytes */
#define QUIC_CID_LOCAL_MAX	8	/* our IDs alive at once */
#define QUIC_CID_ISSUE		3	/* default: IDs we keep a peer supplied with */
#define QUIC_CID_REMOTE_MAX	8	/* active_connection_id_limit we offer */
#define QUIC_CID_REMOTE_SLOTS	(QUIC_CID_REMOTE_MAX + 1) /* new ones come before old ones go */
#define QUIC_CID_FEW		3	/* of each kind there is always room for */
#define QUIC_CID_RETIRE_MAX	16	/* RETIRE_CONNECTION_ID waiting to go out */
#define QUIC_CLOSE_REASON_MAX	63	/* bytes of it that are kept */
#define QUIC_RETRY_TOKEN_MAX	1000	/* bytes: has to leave room in Initials of 1200 */
#define QUIC_TOKEN_RESET_LEN	16	/* RFC 9000, 10.3: bytes */

#define QUIC_DGRAM_MIN		1200	/* RFC 9000, 14: bytes of UDP payload */
#define QUIC_DGRAM_MAX		32736	/* largest UDP payload we build: an order-3 page */
#define QUIC_MTU_SEARCH_STEP	20	/* DPLPMTUD stops when the gap is below, bytes */

#define QUIC_ACK_RANGES_MAX	256	/* received packet number ranges we remember a space */
#define QUIC_ACK_RANGES_KEEP	32	/* more than these want to be forgotten soon */
#define QUIC_UNSEEN_RANGES	256	/* runs of streams opened by a later one, of a kind */
#define QUIC_STREAM_RANGES_MAX	2048	/* holes we track in one stream */
#define QUIC_SCATTER_MAX	32768	/* of them moved for one packet: 2.5 us */
#define QUIC_CRYPTO_BUF_MAX	65536	/* CRYPTO bytes out of order a level; RFC 9000, 7.5 */
#define QUIC_CRYPTO_RANGES_MAX	128	/* pieces of them */
#define QUIC_SENT_MAX		65536	/* packets in flight a space */
#define QUIC_PLAN_RANGES	16	/* stream pieces in one datagram */
#define QUIC_PKT_FRAMES		48	/* frames there is always room to record for one packet */
#define QUIC_PKT_FRAMES_MAX	240	/* the same where the ring has room */

#define QUIC_VERSIONS_MAX	4	/* in a list of versions we keep */

#define QUIC_HELD_PACKETS	32	/* packets that came before their keys */
#define QUIC_HELD_BYTES		49152

#define QUIC_PATHS_MAX		4	/* in use, being probed, or in use lately */
#define QUIC_PATH_CHALLENGES_MAX 4	/* PATH_CHALLENGE of a path that may be answered */
#define QUIC_PATH_RESPONSES_MAX	4	/* PATH_RESPONSE waiting to go out */
#define QUIC_AMPLIFICATION	3	/* RFC 9000, 8.1 */

#define QUIC_HANDSHAKE_IDLE_NS	(60ull * 1000000000)	/* longest silence of a handshake */

/* Defaults of the transport parameters we offer (RFC 9000, 18.2). */
#define QUIC_DEF_STREAMS_BIDI	100
#define QUIC_DEF_STREAMS_UNI	100
#define QUIC_DEF_STREAM_WINDOW	(256u << 10)	/* bytes, grows by auto-tuning */
#define QUIC_DEF_CONN_WINDOW	(1024u << 10)	/* bytes, grows by auto-tuning */
#define QUIC_MAX_WINDOW		(64u << 20)	/* auto-tuning stops here, bytes; or at
						 * half of what sysctl quic_rmem allows
						 */
#define QUIC_DEF_IDLE_NS	(30ull * 1000000000)
#define QUIC_DEF_ACK_DELAY_NS	(25ull * 1000000)
#define QUIC_DEF_ACK_EXPONENT	3
#define QUIC_ACK_DELAY_MIN_NS	1000000ull	/* min_ack_delay we offer */
#define QUIC_ACK_DELAY_LIMIT	((1ull << 14) * 1000000) /* max_ack_delay is less: 18.2, ns */
#define QUIC_STREAMS_MAX	BIT_ULL(60)	/* RFC 9000, 4.6 */
#define QUIC_STREAMS_LOCAL_MAX	16384		/* most streams we let a peer have open */

#endif
