// SPDX-License-Identifier: GPL-2.0
/*
 * cur <= every size known to work, ceil the smallest known not to. While
 * ceil > max nothing failed and max itself is the candidate; a finished search
 * puts ceil back there, so that the raise timer starts with max again.
 */
#include "pmtu.h"

#define MAX_PROBES	3	/* RFC 8899, 5.1.2 */
#define MAX_BLACK	3	/* PTOs in a row at cur */
#define RAISE_TIMER	(600ull * NSEC_PER_SEC)

void quic_pmtu_init(struct quic_pmtu *m, u16 start)
{
	memset(m, 0, sizeof(*m));
	m->cur = start;
	m->max = start;
	m->ceil = start + 1;
	m->next = U64_MAX;
	m->interval = RAISE_TIMER;
}

/* Something is known anew: look further now, or at the next raise if that is all there is. */
static void proceed(struct quic_pmtu *m, u64 now)
{
	m->fails = 0;
	if (m->cur >= m->max) {
		m->ceil = m->max + 1;
		m->next = U64_MAX;
	} else if (m->ceil - m->cur <= QUIC_MTU_SEARCH_STEP && m->ceil <= m->max) {
		m->ceil = m->max + 1;
		m->next = now + m->interval;
	} else {
		m->next = now;
	}
}

void quic_pmtu_set_max(struct quic_pmtu *m, u16 max, u64 now)
{
	max = clamp_t(u16, max, QUIC_DGRAM_MIN, QUIC_DGRAM_MAX);
	if (max == m->max)
		return;
	m->max = max;
	m->cur = min(m->cur, max);
	m->ceil = max + 1;
	m->probe = 0;
	m->told = 0;
	proceed(m, now);
}

u16 quic_pmtu_want(const struct quic_pmtu *m, u64 now)
{
	if (m->probe || now < m->next)
		return 0;
	if (m->told)
		return m->told;
	if (m->ceil > m->max)
		return m->max;
	return m->cur + (m->ceil - m->cur) / 2;
}

void quic_pmtu_sent(struct quic_pmtu *m, u16 size)
{
	m->probe = size;
}

bool quic_pmtu_result(struct quic_pmtu *m, u16 size, bool acked, u64 now)
{
	bool current_probe = size == m->probe;
	bool raised = acked && size > m->cur && size <= m->max;

	if (current_probe)
		m->probe = 0;
	if (raised) {
		m->cur = size;
		if (m->ceil <= size)
			m->ceil = m->max + 1;
		/* Half of what ICMP said is true: then so is the other. */
		if (size == m->told && size < m->max)
			m->ceil = size + 1;
		if (size >= m->told)
			m->told = 0;
		proceed(m, now);
	} else if (current_probe && !acked && ++m->fails >= MAX_PROBES) {
		m->ceil = size;
		m->told = 0;
		proceed(m, now);
	}
	return raised;
}

bool quic_pmtu_too_big(struct quic_pmtu *m, u16 size, u64 now)
{
	bool less = size < m->cur;

	/* Less than the smallest QUIC ignores (14.2.1). */
	if (size < QUIC_DGRAM_MIN || size >= m->max || size == m->cur || size == m->told)
		return false;
	/* RFC 8899, 5.2: what was confirmed is not any more. */
	if (less)
		m->cur = QUIC_DGRAM_MIN;
	else if (size >= m->ceil)
		return false;
	else if (m->probe && m->probe <= size)
		return false;
	m->told = size > m->cur ? size : 0;
	m->ceil = size + 1;
	m->probe = 0;
	proceed(m, now);
	return less;
}

bool quic_pmtu_progress(struct quic_pmtu *m, bool progress, u64 now)
{
	if (progress) {
		m->black = 0;
		/* The way is open again: search, unless that is finished or off. */
		if (m->next == U64_MAX && m->cur < m->max)
			m->next = now;
		return false;
	}
	if (++m->black < MAX_BLACK)
		return false;
	m->black = 0;
	if (m->cur <= QUIC_DGRAM_MIN)
		return false;
	/* RFC 8899, 4.3. An outage looks the same, so the old size stays a candidate. */
	m->cur = QUIC_DGRAM_MIN;
	m->ceil = m->max + 1;
	m->probe = 0;
	m->told = 0;
	m->fails = 0;
	m->next = U64_MAX;
	return true;
}
