// SPDX-License-Identifier: GPL-2.0
/* Option 8: every transport parameter there and back, and to the peer. RFC 9000, 18.2 */
#include <linux/capability.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "ktap.h"
#include "pair.h"

typedef struct quic_transport_param params;

/* Fields, their legal ends and what is just beyond; 0 leaves a field as it is. */
static const struct field {
	const char *name;
	size_t off, size;
	uint64_t def, min, max;
	uint64_t bad[3];
} fields[] = {
#define F(f, ...) { #f, offsetof(params, f), sizeof(((params *)0)->f), __VA_ARGS__ }
	F(disable_active_migration, 0, 1, 1, { 2, 255 }),
	F(grease_quic_bit, 0, 1, 1, { 2, 255 }),
	F(stateless_reset, 0, 1, 1, { 2, 255 }),
	F(disable_1rtt_encryption, 0, 1, 1, { 2, 255 }),
	F(disable_compatible_version, 0, 1, 1, { 2, 255 }),
	F(active_connection_id_limit, 7, 2, 8, { 1, 9, 255 }),
	F(ack_delay_exponent, 3, 1, 20, { 21, 255 }),
	F(max_datagram_frame_size, 0, 1, 65535, { 0 }),
	F(max_udp_payload_size, 65527, 1200, 65527, { 1, 1199, 65528 }),
	F(max_idle_timeout, 30000000, 1, UINT32_MAX, { 0 }),
	F(max_ack_delay, 25000, 1, 16383999, { 16384000, UINT32_MAX }),
	F(max_streams_bidi, 100, 1, 65535, { 0 }),
	F(max_streams_uni, 100, 1, 65535, { 0 }),
	F(max_data, 2097152, 1, (1ull << 62) - 1, { 1ull << 62, UINT64_MAX }),
	F(max_stream_data_bidi_local, 262144, 1, (1ull << 62) - 1, { 1ull << 62, UINT64_MAX }),
	F(max_stream_data_bidi_remote, 262144, 1, (1ull << 62) - 1, { 1ull << 62, UINT64_MAX }),
	F(max_stream_data_uni, 262144, 1, (1ull << 62) - 1, { 1ull << 62, UINT64_MAX }),
#undef F
};

#define NFIELDS	(sizeof(fields) / sizeof(fields[0]))

static void put(params *p, const struct field *f, uint64_t v)
{
	memcpy((char *)p + f->off, &v, f->size);	/* little endian: these are x86 guests */
}

static uint64_t get(const params *p, const struct field *f)
{
	uint64_t v = 0;

	memcpy(&v, (const char *)p + f->off, f->size);
	return v;
}

static int give(int sd, const params *p)
{
	return set_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM, p, sizeof(*p));
}

static int fetch(int sd, params *p)
{
	uint8_t remote = p->remote;
	socklen_t len = sizeof(*p);

	memset(p, 0xee, sizeof(*p));
	p->remote = remote;
	return get_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM, p, &len) || len != sizeof(*p);
}

static void defaults(void)
{
	int sd = sock_new(AF_INET, 0);
	params p = {};
	unsigned int i;

	CHECK(!fetch(sd, &p));
	for (i = 0; i < NFIELDS; i++)
		if (get(&p, &fields[i]) != fields[i].def)
			ktap_fail(__FILE__, __LINE__, "%s is %llu", fields[i].name,
				  (unsigned long long)get(&p, &fields[i]));
	close(sd);
}

/* Each alone, at both ends of its range; the others stay. */
static void there_and_back(void)
{
	unsigned int i, k, m;
	params p, q = {};
	int sd;

	for (i = 0; i < NFIELDS; i++) {
		const uint64_t ends[] = { fields[i].min, fields[i].max };

		for (k = 0; k < 2; k++) {
			sd = sock_new(AF_INET6, 0);
			memset(&p, 0, sizeof(p));
			put(&p, &fields[i], ends[k]);
			if (give(sd, &p))
				ktap_fail(__FILE__, __LINE__, "%s %llu: %s", fields[i].name,
					  (unsigned long long)ends[k], strerror(errno));
			/* zero leaves it */
			memset(&p, 0, sizeof(p));
			CHECK(!give(sd, &p));
			q.remote = 0;
			CHECK(!fetch(sd, &q));
			for (m = 0; m < NFIELDS; m++)
				if (get(&q, &fields[m]) != (m == i ? ends[k] : fields[m].def))
					ktap_fail(__FILE__, __LINE__, "%s %llu: %s is %llu",
						  fields[i].name, (unsigned long long)ends[k],
						  fields[m].name,
						  (unsigned long long)get(&q, &fields[m]));
			close(sd);
		}
	}
}

static void refused(void)
{
	int sd = sock_new(AF_INET, 0);
	unsigned int i, k;
	params p, q = {};

	for (i = 0; i < NFIELDS; i++) {
		for (k = 0; k < 3 && fields[i].bad[k]; k++) {
			memset(&p, 0, sizeof(p));
			put(&p, &fields[i], fields[i].bad[k]);
			errno = 0;
			if (!give(sd, &p) || errno != EINVAL)
				ktap_fail(__FILE__, __LINE__, "%s %llu is taken", fields[i].name,
					  (unsigned long long)fields[i].bad[k]);
		}
	}
	memset(&p, 0, sizeof(p));
	p.remote = 2;
	CHECK_ERR(give(sd, &p), EINVAL);
	p.remote = 1;
	CHECK_ERR(give(sd, &p), ENOTCONN);
	q.remote = 1;
	CHECK_ERR(get_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM, &q, &(socklen_t){ sizeof(q) }), ENOTCONN);
	close(sd);
}

/* What one side sets the other reads, as far as it goes over the wire. */
static void to_the_peer(void)
{
	static const params tp = {
		.disable_active_migration = 1, .grease_quic_bit = 1,
		.active_connection_id_limit = 3, .ack_delay_exponent = 5,
		.max_datagram_frame_size = 1000, .max_udp_payload_size = 1400,
		.max_idle_timeout = 20000000, .max_ack_delay = 10000, .max_streams_bidi = 7,
		.max_streams_uni = 9, .max_data = 100000, .max_stream_data_bidi_local = 10000,
		.max_stream_data_bidi_remote = 20000, .max_stream_data_uni = 30000,
	};
	struct pair_opts o = { .client = &tp };
	unsigned int i, k;
	struct pair p;
	params got;

	for (k = 0; k < 2; k++) {
		o.client = k ? NULL : &tp;
		o.server = k ? &tp : NULL;
		CHECK(!pair_open(&p, &o));
		got.remote = 1;
		CHECK(!fetch(k ? p.client : p.server, &got));
		for (i = 0; i < NFIELDS; i++) {
			/* these two say nothing to the peer; a token is told by its being there */
			if (fields[i].off == offsetof(params, disable_compatible_version) ||
			    fields[i].off == offsetof(params, stateless_reset))
				continue;
			if (get(&got, &fields[i]) != get(&tp, &fields[i]))
				ktap_fail(__FILE__, __LINE__, "%s of the %s is %llu",
					  fields[i].name, k ? "server" : "client",
					  (unsigned long long)get(&got, &fields[i]));
		}
		/* too late now */
		CHECK_ERR(give(p.client, &tp), EINVAL);
		CHECK_ERR(give(p.server, &tp), EINVAL);
		pair_close(&p);
	}
}

static int drop_capability(int cap)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	if (syscall(SYS_capget, &h, d))
		return -1;
	d[0].effective &= ~(1u << cap);
	return syscall(SYS_capset, &h, d);
}

/* Asking needs CAP_NET_ADMIN. It is not offered to the peer: we do not send in the clear. */
static void no_encryption(void)
{
	static const params tp = { .disable_1rtt_encryption = 1 };
	struct pair_opts o = { .client = &tp, .server = &tp };
	params got = { .remote = 1 };
	struct pair p;
	int sd;

	CHECK(!pair_open(&p, &o));
	CHECK(!fetch(p.server, &got));
	CHECK_EQ(got.disable_1rtt_encryption, 0);
	pair_close(&p);
	sd = sock_new(AF_INET, 0);
	CHECK(!drop_capability(CAP_NET_ADMIN));
	CHECK_ERR(give(sd, &tp), EPERM);
	close(sd);
}

static const struct ktap_case cases[] = {
	{ "transport parameters: defaults", defaults },
	{ "transport parameters: there and back", there_and_back },
	{ "transport parameters: refused", refused },
	{ "transport parameters: to the peer", to_the_peer },
	{ "transport parameters: no encryption", no_encryption },
};

KTAP_MAIN(cases)
