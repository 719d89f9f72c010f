// SPDX-License-Identifier: GPL-2.0
/* Transport parameters: what decodes is within bounds, and encoded again decodes to the same. */
#include "fuzz.h"
#include "tparam.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct quic_tparams tp, again;
	bool server;
	u8 out[600];
	int n;

	if (!size || size > 65535)
		return 0;
	server = data[0] & 1;
	if (quic_tparam_decode(&tp, server, data + 1, size - 1))
		return 0;
	must(tp.terms.max_udp_payload_size >= QUIC_DGRAM_MIN);
	must(tp.terms.max_streams_bidi <= QUIC_STREAMS_MAX && tp.terms.max_streams_uni <= QUIC_STREAMS_MAX);
	must(tp.terms.ack_delay_exponent <= 20 && tp.terms.active_connection_id_limit >= 2);
	must(tp.terms.max_ack_delay < (u64)(1 << 14) * NSEC_PER_MSEC);
	must(tp.initial_scid.len <= QUIC_CID_MAX && tp.versions.n <= QUIC_VERSIONS_MAX);
	must(server || (!tp.has_original_dcid && !tp.has_retry_scid && !tp.terms.has_reset_token &&
			!tp.has_preferred));
	n = quic_tparam_encode(&tp, server, data[0] * 0x01010101u, out, sizeof(out));
	must(n > 0);
	/* a client's chosen version may be one we do not speak, and is not kept then */
	if (!server && tp.version_chosen && !quic_version_listed(&tp.versions, tp.version_chosen))
		return 0;
	must(!quic_tparam_decode(&again, server, out, n));
	/* we always list one */
	again.has_versions = tp.has_versions;
	must(!memcmp(&tp, &again, sizeof(tp)));
	return 0;
}
