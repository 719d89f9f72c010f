// SPDX-License-Identifier: GPL-2.0
/*
 * Options of level SOL_QUIC without a peer: which there are, lengths and pointers, what each takes,
 * and the errno of every wrong value that <linux/quic.h> documents.
 */
#include <arpa/inet.h>
#include <linux/tls.h>

#include "ktap.h"
#include "pair.h"

static void option_numbers(void)
{
	static const int set_only[] = { QUIC_SOCKOPT_STREAM_RESET, QUIC_SOCKOPT_STREAM_STOP_SENDING,
		QUIC_SOCKOPT_CONNECTION_MIGRATION, QUIC_SOCKOPT_KEY_UPDATE,
		QUIC_SOCKOPT_CRYPTO_SECRET, QUIC_SOCKOPT_STREAM_RESET_AT };
	static const int get_only[] = { QUIC_SOCKOPT_STREAM_OPEN, QUIC_SOCKOPT_INFO };
	static const int unknown[] = { 63, 127, 1000, -1 };
	int sd = sock_new(AF_INET, 0);
	char buf[512] = {};
	socklen_t len;
	unsigned int i;

	for (i = 0; i < sizeof(set_only) / sizeof(*set_only); i++) {
		len = sizeof(buf);
		CHECK_ERR(get_opt(sd, set_only[i], buf, &len), ENOPROTOOPT);
	}
	for (i = 0; i < sizeof(get_only) / sizeof(*get_only); i++)
		CHECK_ERR(set_opt(sd, get_only[i], buf, sizeof(buf)), ENOPROTOOPT);
	for (i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
		len = sizeof(buf);
		CHECK_ERR(get_opt(sd, unknown[i], buf, &len), ENOPROTOOPT);
		CHECK_ERR(set_opt(sd, unknown[i], buf, len), ENOPROTOOPT);
	}
	CHECK_ERR(setsockopt(sd, IPPROTO_TCP, 1, buf, 4), ENOPROTOOPT);
	close(sd);
}

static void option_pointers(void)
{
	int sd = sock_new(AF_INET, 0);
	struct quic_config cf = {};
	socklen_t len = sizeof(cf);

	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_CONFIG, (void *)8, sizeof(cf)), EFAULT);
	CHECK_ERR(get_opt(sd, QUIC_SOCKOPT_CONFIG, (void *)8, &len), EFAULT);
	CHECK_ERR(get_opt(sd, QUIC_SOCKOPT_CONFIG, &cf, (void *)8), EFAULT);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_CONFIG, &cf, 3), EINVAL);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_CONFIG, &cf, -1), EINVAL);
	len = -1;
	CHECK_ERR(get_opt(sd, QUIC_SOCKOPT_CONFIG, &cf, &len), EINVAL);
	len = 3;
	CHECK_ERR(get_opt(sd, QUIC_SOCKOPT_CONFIG, &cf, &len), EINVAL);
	close(sd);
}

static void option_prefix(void)
{
	struct { struct quic_config cf; char more[8]; } big = {};
	int sd = sock_new(AF_INET, 0);
	socklen_t len;

	memset(big.more, 0xaa, sizeof(big.more));
	big.cf.keepalive_probe_interval = 7000;
	CHECK(!set_opt(sd, QUIC_SOCKOPT_CONFIG, &big, sizeof(big)));
	len = sizeof(big);
	CHECK(!get_opt(sd, QUIC_SOCKOPT_CONFIG, &big, &len));
	CHECK_EQ(len, sizeof(big.cf));
	CHECK_EQ(big.cf.keepalive_probe_interval, 7000);
	CHECK_EQ((unsigned char)big.more[0], 0xaa);
	big.cf.version = QUIC_VERSION_V1;
	CHECK(!set_opt(sd, QUIC_SOCKOPT_CONFIG, &big, 4));
	len = 4;
	CHECK(!get_opt(sd, QUIC_SOCKOPT_CONFIG, &big, &len));
	CHECK_EQ(len, 4);
	CHECK_EQ(big.cf.version, QUIC_VERSION_V1);
	close(sd);
}

static void option_config(void)
{
	int sd = sock_new(AF_INET, 0);
	struct quic_config cf = {};
	socklen_t len = sizeof(cf);

#define BAD(field, value)							\
	do {									\
		memset(&cf, 0, sizeof(cf));					\
		cf.field = value;						\
		CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_CONFIG, &cf, sizeof(cf)), EINVAL); \
	} while (0)
	BAD(version, 5);
	BAD(plpmtud_probe_interval, 4999999);
	BAD(initial_smoothed_rtt, 1999);
	BAD(initial_smoothed_rtt, 6000001);
	BAD(payload_cipher_type, 50);
	BAD(congestion_control_algo, QUIC_CONG_ALG_MAX);
	BAD(validate_peer_address, 2);
	BAD(stream_data_nodelay, 2);
	BAD(certificate_request, 3);
#undef BAD
	CHECK(!get_opt(sd, QUIC_SOCKOPT_CONFIG, &cf, &len));
	CHECK_EQ(cf.version, QUIC_VERSION_V1);
	CHECK_EQ(cf.initial_smoothed_rtt, 333000);
	CHECK_EQ(cf.congestion_control_algo, QUIC_CONG_ALG_CUBIC);
	CHECK_EQ(cf.keepalive_probe_interval, 0);
	close(sd);
}

static void option_params(void)
{
	struct quic_transport_param tp = {};
	int sd = sock_new(AF_INET, 0);
	socklen_t len = sizeof(tp);

	CHECK(!get_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, &len));
	CHECK_EQ(len, sizeof(tp));
	CHECK_EQ(tp.max_data, 2097152);
	CHECK_EQ(tp.max_stream_data_uni, 262144);
	CHECK_EQ(tp.max_streams_bidi, 100);
	CHECK_EQ(tp.max_idle_timeout, 30000000);
	CHECK_EQ(tp.max_ack_delay, 25000);
	CHECK_EQ(tp.ack_delay_exponent, 3);
	CHECK_EQ(tp.active_connection_id_limit, 7);
	CHECK_EQ(tp.max_udp_payload_size, 65527);
#define BAD(field, value)							\
	do {									\
		memset(&tp, 0, sizeof(tp));					\
		tp.field = value;						\
		CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, sizeof(tp)), EINVAL); \
	} while (0)
	BAD(remote, 2);
	BAD(disable_active_migration, 2);
	BAD(grease_quic_bit, 2);
	BAD(stateless_reset, 2);
	BAD(disable_1rtt_encryption, 2);
	BAD(disable_compatible_version, 2);
	BAD(active_connection_id_limit, 1);
	BAD(active_connection_id_limit, 9);
	BAD(ack_delay_exponent, 21);
	BAD(max_udp_payload_size, 1199);
	BAD(max_udp_payload_size, 65528);
	BAD(max_ack_delay, 16384000);
	BAD(max_data, 1ull << 62);
	BAD(max_stream_data_bidi_local, 1ull << 62);
	BAD(max_stream_data_bidi_remote, 1ull << 62);
	BAD(max_stream_data_uni, 1ull << 62);
#undef BAD
	memset(&tp, 0, sizeof(tp));
	tp.remote = 1;
	CHECK_ERR(get_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, &len), ENOTCONN);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, len), ENOTCONN);
	tp = (struct quic_transport_param){ .max_data = 12345, .max_streams_uni = 3 };
	CHECK(!set_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, sizeof(tp)));
	memset(&tp, 0, sizeof(tp));
	CHECK(!get_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, &len));
	CHECK_EQ(tp.max_data, 12345);
	CHECK_EQ(tp.max_streams_uni, 3);
	CHECK_EQ(tp.max_streams_bidi, 100);
	close(sd);
}

static void option_plain_1rtt(void)
{
	struct quic_transport_param tp = { .disable_1rtt_encryption = 1 };
	int sd = sock_new(AF_INET, 0);

	CHECK(!set_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, sizeof(tp)));
	close(sd);
	CHECK(!seteuid(65534));
	sd = sock_new(AF_INET, 0);
	errno = 0;
	if (set_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, sizeof(tp)) != -1 || errno != EPERM)
		ktap_fail(__FILE__, __LINE__, "not EPERM: %s", strerror(errno));
	close(sd);
	CHECK(!seteuid(0));
}

static void option_alpn(void)
{
	char buf[200], name[130];
	int sd = sock_new(AF_INET, 0);
	struct sockaddr_storage a;
	socklen_t len;

	memset(name, 'a', sizeof(name));
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_ALPN, "", 0), EINVAL);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_ALPN, ",h3", 3), EINVAL);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_ALPN, "h3,", 3), EINVAL);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_ALPN, "h3,,h2", 6), EINVAL);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_ALPN, name, 129), EINVAL);
	CHECK(!set_opt(sd, QUIC_SOCKOPT_ALPN, name, 128));
	CHECK(!set_opt(sd, QUIC_SOCKOPT_ALPN, "smbd,h3,ksmbd", 13));
	len = sizeof(buf);
	CHECK(!get_opt(sd, QUIC_SOCKOPT_ALPN, buf, &len));
	CHECK_EQ(len, 13);
	CHECK(!memcmp(buf, "smbd,h3,ksmbd", 13));
	len = 4;
	CHECK(!get_opt(sd, QUIC_SOCKOPT_ALPN, buf, &len));
	CHECK_EQ(len, 4);
	CHECK(!bind(sd, (void *)&a, addr_loopback(&a, AF_INET, false, 0)));
	CHECK(!listen(sd, 1));
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_ALPN, "h3", 2), EINVAL);
	close(sd);
}

static void option_events(void)
{
	struct quic_event_option e = {};
	int type, sd = sock_new(AF_INET, 0);
	socklen_t len = sizeof(e);

	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_EVENT, &e, sizeof(e)), EINVAL);
	e.type = QUIC_EVENT_MAX;
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_EVENT, &e, sizeof(e)), EINVAL);
	CHECK_ERR(get_opt(sd, QUIC_SOCKOPT_EVENT, &e, &len), EINVAL);
	for (type = 1; type < QUIC_EVENT_MAX; type++) {
		e.type = type;
		e.on = 9;
		CHECK(!get_opt(sd, QUIC_SOCKOPT_EVENT, &e, &len));
		CHECK_EQ(e.on, 0);
		e.on = 1;
		CHECK(!set_opt(sd, QUIC_SOCKOPT_EVENT, &e, sizeof(e)));
		e.on = 0;
		CHECK(!get_opt(sd, QUIC_SOCKOPT_EVENT, &e, &len));
		CHECK_EQ(e.on, 1);
	}
	close(sd);
}

static void option_token_and_ticket(void)
{
	char buf[5000];
	int sd = sock_new(AF_INET, 0);
	socklen_t len = sizeof(buf);

	memset(buf, 3, sizeof(buf));
	CHECK(!get_opt(sd, QUIC_SOCKOPT_TOKEN, buf, &len));
	CHECK_EQ(len, 0);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_TOKEN, buf, 0), EINVAL);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_TOKEN, buf, 257), EINVAL);
	CHECK(!set_opt(sd, QUIC_SOCKOPT_TOKEN, buf, 256));
	len = sizeof(buf);
	CHECK(!get_opt(sd, QUIC_SOCKOPT_TOKEN, buf, &len));
	CHECK_EQ(len, 256);
	len = sizeof(buf);
	CHECK(!get_opt(sd, QUIC_SOCKOPT_SESSION_TICKET, buf, &len));
	CHECK_EQ(len, 0);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_SESSION_TICKET, buf, 4097), EINVAL);
	CHECK(!set_opt(sd, QUIC_SOCKOPT_SESSION_TICKET, buf, 4096));
	close(sd);
}

static void option_ticket_key(void)
{
	struct sockaddr_storage a;
	struct pair_opts o = {};
	socklen_t alen, len = 100;
	uint8_t key[100], again[100];
	int sd = listen_any(&o, &a, &alen);

	CHECK(!get_opt(sd, QUIC_SOCKOPT_SESSION_TICKET, key, &len));
	CHECK_EQ(len, QUIC_TICKET_KEY_SIZE);
	len = 100;
	CHECK(!get_opt(sd, QUIC_SOCKOPT_SESSION_TICKET, again, &len));
	CHECK(!memcmp(key, again, QUIC_TICKET_KEY_SIZE));
	CHECK_ERR(get_opt(sd, QUIC_SOCKOPT_TOKEN, key, &len), EINVAL);
	close(sd);
}

static void option_congestion(void)
{
	char name[32] = {};
	int sd = sock_new(AF_INET, 0);
	socklen_t len = sizeof(name);

	CHECK(!get_opt(sd, QUIC_SOCKOPT_CONGESTION, name, &len));
	CHECK_EQ(len, QUIC_CC_NAME_MAX);
	CHECK(!strcmp(name, "cubic"));
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_CONGESTION, "vegas", 5), ENOENT);
	CHECK(!set_opt(sd, QUIC_SOCKOPT_CONGESTION, "newreno", 7));
	len = sizeof(name);
	CHECK(!get_opt(sd, QUIC_SOCKOPT_CONGESTION, name, &len));
	CHECK(!strcmp(name, "newreno"));
	close(sd);
}

static void option_close_info(void)
{
	struct quic_connection_close cl = { .errcode = 5, .phrase = "bye" };
	struct quic_info info;
	int sd = sock_new(AF_INET, 0);
	socklen_t len = sizeof(cl);

	CHECK(!set_opt(sd, QUIC_SOCKOPT_CONNECTION_CLOSE, &cl, sizeof(cl)));
	CHECK(!get_opt(sd, QUIC_SOCKOPT_CONNECTION_CLOSE, &cl, &len));
	CHECK_EQ(cl.errcode, 0);
	CHECK_EQ(len, sizeof(cl));
	len = sizeof(info);
	CHECK(!get_opt(sd, QUIC_SOCKOPT_INFO, &info, &len));
	CHECK_EQ(info.state, QUIC_STATE_IDLE);
	close(sd);
}

static void need_connection(void)
{
	struct quic_errinfo e = {};
	struct quic_stream_info si = { .stream_id = -1 };
	struct quic_crypto_secret secret = { .level = QUIC_CRYPTO_APP,
					     .type = TLS_CIPHER_AES_GCM_128 };
	struct quic_connection_id_info id = {};
	struct sockaddr_in in = { .sin_family = AF_INET };
	int sd = sock_new(AF_INET, 0);
	char buf[256];
	socklen_t len = sizeof(si);

	CHECK_ERR(get_opt(sd, QUIC_SOCKOPT_STREAM_OPEN, &si, &len), ENOTCONN);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_STREAM_RESET, &e, sizeof(e)), ENOTCONN);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_STREAM_STOP_SENDING, &e, sizeof(e)), ENOTCONN);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_KEY_UPDATE, NULL, 0), ENOTCONN);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_CRYPTO_SECRET, &secret, sizeof(secret)), ENOTCONN);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, buf, 10), ENOTCONN);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_CONNECTION_ID, &id, sizeof(id)), ENOTCONN);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_CONNECTION_MIGRATION, &in, sizeof(in)), ENOTCONN);
	len = sizeof(id);
	CHECK_ERR(get_opt(sd, QUIC_SOCKOPT_CONNECTION_ID, &id, &len), ENOTCONN);
	len = sizeof(buf);
	CHECK_ERR(get_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, buf, &len), ENOTCONN);
	close(sd);
}

static const struct ktap_case cases[] = {
	{ "option_numbers", option_numbers },
	{ "option_pointers", option_pointers },
	{ "option_prefix", option_prefix },
	{ "option_config", option_config },
	{ "option_params", option_params },
	{ "option_plain_1rtt", option_plain_1rtt },
	{ "option_alpn", option_alpn },
	{ "option_events", option_events },
	{ "option_token_and_ticket", option_token_and_ticket },
	{ "option_ticket_key", option_ticket_key },
	{ "option_congestion", option_congestion },
	{ "option_close_info", option_close_info },
	{ "need_connection", need_connection },
};

KTAP_MAIN(cases)
