// SPDX-License-Identifier: LGPL-2.1-or-later
/* The layouts that programs were compiled against (64 bit), checked where the library is built. */
#include <stddef.h>
#include <netinet/quic.h>

#define SIZE(type, size) \
	_Static_assert(sizeof(struct type) == (size), #type " must have " #size " bytes")
#define AT(type, field, offset) \
	_Static_assert(offsetof(struct type, field) == (offset), #type "." #field " must not move")
#define SAME(ours, theirs) \
	_Static_assert((int)(ours) == (int)(theirs), #ours " has the value of " #theirs)

#if defined(__LP64__)
SIZE(quic_stream_info, 16);
SIZE(quic_errinfo, 16);
#elif defined(__i386__)
SIZE(quic_stream_info, 12);
SIZE(quic_errinfo, 12);
#endif
SIZE(quic_handshake_info, 1);
SIZE(quic_event_option, 2);
SIZE(quic_connection_id_info, 12);
SIZE(quic_connection_close, 72);
SIZE(quic_crypto_secret, 56);
SIZE(quic_transport_param, 56);
SIZE(quic_config, 28);
SIZE(quic_stream_update, 24);
SIZE(quic_stream_max_data, 16);
SIZE(quic_stream_peeloff, 16);

AT(quic_stream_info, stream_flags, 8);
AT(quic_connection_id_info, active, 4);
AT(quic_connection_id_info, prior_to, 8);
AT(quic_connection_close, frame, 4);
AT(quic_connection_close, phrase, 8);
AT(quic_crypto_secret, level, 1);
AT(quic_crypto_secret, type, 4);
AT(quic_crypto_secret, secret, 8);
AT(quic_transport_param, max_datagram_frame_size, 8);
AT(quic_transport_param, max_idle_timeout, 12);
AT(quic_transport_param, max_streams_bidi, 20);
AT(quic_transport_param, max_data, 24);
AT(quic_config, payload_cipher_type, 12);
AT(quic_config, congestion_control_algo, 16);
AT(quic_config, certificate_request, 20);
AT(quic_config, keepalive_probe_interval, 24);
AT(quic_stream_update, state, 8);
AT(quic_stream_update, errcode, 12);
AT(quic_stream_update, finalsz, 16);
AT(quic_stream_peeloff, sd, 12);

/* Ours: it may grow, what is there stays. */
AT(quic_info, cc_name, 16);
AT(quic_info, cwnd, 64);
AT(quic_info, bytes_sent, 104);
AT(quic_info, max_data_local, 192);
AT(quic_info, streams_open, 256);

SAME(MSG_QUIC_STREAM_FIN, MSG_FIN);
SAME(MSG_QUIC_STREAM_NEW, MSG_SYN);
SAME(MSG_QUIC_STREAM_UNI, MSG_CONFIRM);
SAME(MSG_QUIC_STREAM_SNDBLOCK, MSG_ERRQUEUE);
SAME(MSG_QUIC_STREAM_DONTWAIT, MSG_WAITFORONE);
SAME(MSG_QUIC_DATAGRAM, MSG_RST);
SAME(MSG_QUIC_NOTIFICATION, MSG_MORE);
_Static_assert(QUIC_EVENT_NEW_SESSION_TICKET == 9, "events keep their numbers");
_Static_assert(QUIC_STREAM_RECV_STATE_RESET_READ == 11, "states keep their numbers");
