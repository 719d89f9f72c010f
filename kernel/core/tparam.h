/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Transport parameters (RFC 9000, 7.4 and 18): one struct in host terms, its
 * encoding as the TLS extension 0x39, and the strict parser.
 */
#ifndef QUIC_CORE_TPARAM_H
#define QUIC_CORE_TPARAM_H

#include "packet.h"

struct quic_preferred_addr {
	u8 v4[4];
	u8 v6[16];
	u16 port4, port6;	/* host order */
	struct quic_cid cid;
	u8 reset_token[QUIC_TOKEN_RESET_LEN];
};

/* What both are held to as long as the connection lives */
struct quic_terms {
	u64 max_idle_timeout;		/* ns; 0: none */
	u64 max_udp_payload_size;	/* bytes */
	u64 max_data;			/* bytes */
	u64 max_stream_data_bidi_local;	/* bytes; "local" is the sender of the parameters */
	u64 max_stream_data_bidi_remote;
	u64 max_stream_data_uni;
	u64 max_streams_bidi;
	u64 max_streams_uni;
	u64 ack_delay_exponent;
	u64 max_ack_delay;		/* ns */
	u64 active_connection_id_limit;
	u64 max_datagram_frame_size;	/* RFC 9221, 3; 0: not offered */
	u64 min_ack_delay;		/* ns; see has_min_ack_delay */
	bool has_reset_token;
	bool has_min_ack_delay;		/* takes ACK_FREQUENCY: draft-ietf-quic-ack-frequency, 3 */
	bool reset_stream_at;		/* takes it: draft-ietf-quic-reliable-stream-reset, 3 */
	bool disable_active_migration;
	bool grease_quic_bit;		/* RFC 9287 */
	bool disable_1rtt_encryption;	/* draft-banks-quic-disable-encryption: id 0xbaad */
};

struct quic_tparams {
	struct quic_terms terms;
	/* and what the handshake needs */
	struct quic_cid original_dcid;	/* server only */
	struct quic_cid initial_scid;
	struct quic_cid retry_scid;	/* server only */
	u8 reset_token[QUIC_TOKEN_RESET_LEN];	/* server only */
	struct quic_preferred_addr preferred;	/* server only */
	u32 version_chosen;		/* RFC 9368, 3; 0: absent */
	struct quic_versions versions;	/* Available Versions; the peer's: those we speak */
	bool has_versions;		/* the peer listed some, be they known to us or not */
	bool has_original_dcid, has_initial_scid, has_retry_scid, has_preferred;
};

/* RFC 9000, 18.2: what an absent parameter means. */
void quic_tparam_defaults(struct quic_tparams *tp);
void quic_terms_defaults(struct quic_terms *t);
/*
 * Encode for the wire, with one reserved parameter (31 * N + 27) and one reserved version
 * from @grease.
 * Parameters at their default are left out. Return: length or -EMSGSIZE.
 */
int quic_tparam_encode(const struct quic_tparams *tp, bool server, u32 grease, u8 *buf, u32 cap);
/*
 * Decode what the peer sent; @from_server tells its role. Unknown ids are
 * skipped, anything else odd is refused: duplicates, lengths that do not match,
 * values out of the ranges of RFC 9000 section 18.2, min_ack_delay over max_ack_delay,
 * server-only parameters from a client, preferred_address with an empty ID.
 * Return: 0 or -EPROTO (close with TRANSPORT_PARAMETER_ERROR).
 */
int quic_tparam_decode(struct quic_tparams *tp, bool from_server, const u8 *buf, u32 len);

#endif
