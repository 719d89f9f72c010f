/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints, in /sys/kernel/tracing/events/quic. They are as stable as the counters: a field
 * keeps its name and meaning, new ones come at the end. All are called once a train or burst, so
 * packets_* tell how many there were. Addresses: of IPv4 the mapped ones; ports: host order.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM quic

#if !defined(QUIC_OBSERVE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define QUIC_OBSERVE_TRACE_H

#include <linux/tracepoint.h>
#include <net/ipv6.h>

#include "../sock/sock.h"

TRACE_DEFINE_ENUM(QUIC_CONN_HANDSHAKE);
TRACE_DEFINE_ENUM(QUIC_CONN_ESTABLISHED);
TRACE_DEFINE_ENUM(QUIC_CONN_CLOSING);
TRACE_DEFINE_ENUM(QUIC_CONN_DRAINING);
TRACE_DEFINE_ENUM(QUIC_CONN_CLOSED);

#define quic_state_name(state)					\
	__print_symbolic(state,					\
			 { QUIC_CONN_HANDSHAKE, "HANDSHAKE" },	\
			 { QUIC_CONN_ESTABLISHED, "ESTABLISHED" }, \
			 { QUIC_CONN_CLOSING, "CLOSING" },	\
			 { QUIC_CONN_DRAINING, "DRAINING" },	\
			 { QUIC_CONN_CLOSED, "CLOSED" })

/* Whose: the fields all of them begin with. */
#define QUIC_TRACE_WHO						\
	__field(const void *, skaddr)				\
	__field(u16, sport)					\
	__field(u16, dport)					\
	__array(u8, saddr, sizeof(struct in6_addr))		\
	__array(u8, daddr, sizeof(struct in6_addr))

#define QUIC_TRACE_WHO_SET(sk)						\
	do {								\
		struct quic_path_key key_;				\
									\
		quic_peer_path(&quic_sk(sk)->peer, &key_);		\
		__entry->skaddr = (sk);					\
		__entry->sport = get_unaligned_be16(key_.port);		\
		__entry->dport = get_unaligned_be16(key_.port + 2);	\
		memcpy(__entry->saddr, key_.host, sizeof(struct in6_addr)); \
		memcpy(__entry->daddr, key_.host + 16, sizeof(struct in6_addr)); \
	} while (0)

#define QUIC_TRACE_WHO_FMT	"skaddr=%p local=[%pI6c]:%u remote=[%pI6c]:%u "
#define QUIC_TRACE_WHO_ARGS	__entry->skaddr, __entry->saddr, __entry->sport, \
				__entry->daddr, __entry->dport

TRACE_EVENT(quic_conn_state,
	TP_PROTO(const struct sock *sk, u8 oldstate, u8 newstate),
	TP_ARGS(sk, oldstate, newstate),
	TP_STRUCT__entry(
		QUIC_TRACE_WHO
		__field(u8, oldstate)
		__field(u8, newstate)
		__field(u64, errcode)
	),
	TP_fast_assign(
		QUIC_TRACE_WHO_SET(sk);
		__entry->oldstate = oldstate;
		__entry->newstate = newstate;
		__entry->errcode = quic_sk(sk)->conn.close.code;
	),
	TP_printk(QUIC_TRACE_WHO_FMT "oldstate=%s newstate=%s errcode=0x%llx",
		  QUIC_TRACE_WHO_ARGS, quic_state_name(__entry->oldstate),
		  quic_state_name(__entry->newstate), __entry->errcode)
);

TRACE_EVENT(quic_packets_received,
	TP_PROTO(const struct sock *sk, u32 packets, u32 bytes, u32 dropped),
	TP_ARGS(sk, packets, bytes, dropped),
	TP_STRUCT__entry(
		QUIC_TRACE_WHO
		__field(u32, packets)
		__field(u32, bytes)
		__field(u32, dropped)
	),
	TP_fast_assign(
		QUIC_TRACE_WHO_SET(sk);
		__entry->packets = packets;
		__entry->bytes = bytes;
		__entry->dropped = dropped;
	),
	TP_printk(QUIC_TRACE_WHO_FMT "packets=%u bytes=%u dropped=%u", QUIC_TRACE_WHO_ARGS,
		  __entry->packets, __entry->bytes, __entry->dropped)
);

TRACE_EVENT(quic_packets_sent,
	TP_PROTO(const struct sock *sk, u32 packets, u32 bytes, u32 retrans),
	TP_ARGS(sk, packets, bytes, retrans),
	TP_STRUCT__entry(
		QUIC_TRACE_WHO
		__field(u32, packets)
		__field(u32, bytes)
		__field(u32, retrans)
	),
	TP_fast_assign(
		QUIC_TRACE_WHO_SET(sk);
		__entry->packets = packets;
		__entry->bytes = bytes;
		__entry->retrans = retrans;
	),
	TP_printk(QUIC_TRACE_WHO_FMT "packets=%u bytes=%u retrans=%u", QUIC_TRACE_WHO_ARGS,
		  __entry->packets, __entry->bytes, __entry->retrans)
);

TRACE_EVENT(quic_packets_lost,
	TP_PROTO(const struct sock *sk, u32 packets, u32 spurious),
	TP_ARGS(sk, packets, spurious),
	TP_STRUCT__entry(
		QUIC_TRACE_WHO
		__field(u32, packets)
		__field(u32, spurious)
	),
	TP_fast_assign(
		QUIC_TRACE_WHO_SET(sk);
		__entry->packets = packets;
		__entry->spurious = spurious;
	),
	TP_printk(QUIC_TRACE_WHO_FMT "packets=%u spurious=%u", QUIC_TRACE_WHO_ARGS,
		  __entry->packets, __entry->spurious)
);

/* Bytes, microseconds, bytes a second. */
TRACE_EVENT(quic_cc_state,
	TP_PROTO(const struct sock *sk),
	TP_ARGS(sk),
	TP_STRUCT__entry(
		QUIC_TRACE_WHO
		__field(u64, cwnd)
		__field(u64, ssthresh)
		__field(u64, in_flight)
		__field(u64, pacing_rate)
		__field(u32, srtt)
		__field(u32, min_rtt)
		__array(char, name, QUIC_CC_NAME_MAX)
	),
	TP_fast_assign(
		const struct quic_loss *l = &quic_sk(sk)->conn.loss;

		QUIC_TRACE_WHO_SET(sk);
		__entry->cwnd = l->cc.cwnd;
		__entry->ssthresh = l->cc.ssthresh;
		__entry->in_flight = l->bytes_in_flight;
		__entry->pacing_rate = l->pacer.rate;
		__entry->srtt = div_u64(l->rtt.smoothed, NSEC_PER_USEC);
		__entry->min_rtt = div_u64(l->rtt.min, NSEC_PER_USEC);
		strscpy(__entry->name, l->cc.ops->name, QUIC_CC_NAME_MAX);
	),
	TP_printk(QUIC_TRACE_WHO_FMT
		  "cc=%s cwnd=%llu ssthresh=%llu in_flight=%llu srtt=%u min_rtt=%u pacing_rate=%llu",
		  QUIC_TRACE_WHO_ARGS, __entry->name, __entry->cwnd, __entry->ssthresh,
		  __entry->in_flight, __entry->srtt, __entry->min_rtt, __entry->pacing_rate)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
