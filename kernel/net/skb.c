// SPDX-License-Identifier: GPL-2.0
/*
 * A received skb as pieces of linear memory for the core. Nothing here writes
 * into the skb's data: others may share it (taps, netem, a local sender).
 */
#include <linux/highmem.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <net/dsfield.h>
#include <net/inet_ecn.h>
#include <net/ip.h>

#include "private.h"

/* Walks the pieces: linear part, page fragments, then the same of each skb in frag_list. */
struct pieces {
	const struct sk_buff *skb;	/* whose pieces come; NULL: at the end */
	int frag;			/* -1: its linear part */
	bool inside;			/* in frag_list */
};

static void pieces_start(struct pieces *p, const struct sk_buff *skb)
{
	p->skb = skb;
	p->frag = -1;
	p->inside = false;
}

/* Return: length, 0 at the end, negative when it cannot be read */
static int pieces_next(struct pieces *p, u8 **base)
{
	const skb_frag_t *frag;
	int len;

	while (p->skb) {
		if (p->frag < 0) {
			p->frag = 0;
			*base = p->skb->data;
			len = skb_headlen(p->skb);
		} else if (p->frag < skb_shinfo(p->skb)->nr_frags) {
			frag = &skb_shinfo(p->skb)->frags[p->frag++];
			if (PageHighMem(skb_frag_page(frag)))
				return -EFAULT;
			*base = skb_frag_address(frag);
			len = skb_frag_size(frag);
		} else {
			p->skb = p->inside ? p->skb->next : skb_shinfo(p->skb)->frag_list;
			p->inside = true;
			p->frag = -1;
			continue;
		}
		if (len)
			return len;
	}
	return 0;
}

static unsigned int pieces_count(const struct sk_buff *skb)
{
	unsigned int n = 1 + skb_shinfo(skb)->nr_frags;
	const struct sk_buff *f;

	skb_walk_frags(skb, f)
		n += 1 + skb_shinfo(f)->nr_frags;
	return n;
}

u32 quic_skb_seg_size(const struct sk_buff *skb)
{
	u32 size = skb_shinfo(skb)->gso_size;

	return size && size < skb->len ? size : skb->len;
}

u8 quic_skb_ecn(const struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IPV6))
		return ipv6_get_dsfield(ipv6_hdr(skb)) & INET_ECN_MASK;
	return ip_hdr(skb)->tos & INET_ECN_MASK;
}

/* UDP leaves IP's notes where they are. */
struct quic_ifs quic_skb_ifs(const struct sk_buff *skb)
{
	bool v6 = skb->protocol == htons(ETH_P_IPV6);

	return (struct quic_ifs){
		.iif = skb->skb_iif,
		.sdif = v6 ? inet6_sdif(skb) : inet_sdif(skb),
	};
}

static void set_v4(union quic_addr *a, sa_family_t family, __be32 addr, __be16 port)
{
	memset(a, 0, sizeof(*a));
	if (family == AF_INET6) {
		a->v6.sin6_family = AF_INET6;
		a->v6.sin6_port = port;
		ipv6_addr_set_v4mapped(addr, &a->v6.sin6_addr);
	} else {
		a->v4.sin_family = AF_INET;
		a->v4.sin_port = port;
		a->v4.sin_addr.s_addr = addr;
	}
}

static void set_v6(union quic_addr *a, const struct in6_addr *addr, __be16 port, int iif)
{
	memset(a, 0, sizeof(*a));
	a->v6.sin6_family = AF_INET6;
	a->v6.sin6_port = port;
	a->v6.sin6_addr = *addr;
	a->v6.sin6_scope_id = ipv6_iface_scope_id(addr, iif);
}

void quic_skb_addrs(const struct sk_buff *skb, const struct quic_endpoint *ep,
		    union quic_addr *local, union quic_addr *remote)
{
	const struct udphdr *uh = udp_hdr(skb);

	if (skb->protocol == htons(ETH_P_IPV6)) {
		set_v6(local, &ipv6_hdr(skb)->daddr, uh->dest, inet6_iif(skb));
		set_v6(remote, &ipv6_hdr(skb)->saddr, uh->source, inet6_iif(skb));
	} else {
		set_v4(local, ep->local.sa.sa_family, ip_hdr(skb)->daddr, uh->dest);
		set_v4(remote, ep->local.sa.sa_family, ip_hdr(skb)->saddr, uh->source);
	}
}

static void key_v4(__be32 local, __be32 remote, struct quic_path_key *key)
{
	struct in6_addr host[2];

	ipv6_addr_set_v4mapped(local, &host[0]);
	ipv6_addr_set_v4mapped(remote, &host[1]);
	memcpy(key->host, host, sizeof(host));
}

static void key_ports(__be16 local, __be16 remote, struct quic_path_key *key)
{
	memcpy(key->port, &local, 2);
	memcpy(key->port + 2, &remote, 2);
	memset(key->zero, 0, sizeof(key->zero));
}

void quic_skb_path(const struct sk_buff *skb, struct quic_path_key *key)
{
	const struct udphdr *uh = udp_hdr(skb);

	if (skb->protocol == htons(ETH_P_IPV6)) {
		memcpy(key->host, &ipv6_hdr(skb)->daddr, 16);
		memcpy(key->host + 16, &ipv6_hdr(skb)->saddr, 16);
	} else {
		key_v4(ip_hdr(skb)->daddr, ip_hdr(skb)->saddr, key);
	}
	key_ports(uh->dest, uh->source, key);
}

void quic_addr_path(const union quic_addr *l, const union quic_addr *r, struct quic_path_key *key)
{
	if (l->sa.sa_family == AF_INET) {
		key_v4(l->v4.sin_addr.s_addr, r->v4.sin_addr.s_addr, key);
		key_ports(l->v4.sin_port, r->v4.sin_port, key);
		return;
	}
	memcpy(key->host, &l->v6.sin6_addr, 16);
	memcpy(key->host + 16, &r->v6.sin6_addr, 16);
	key_ports(l->v6.sin6_port, r->v6.sin6_port, key);
}

void quic_peer_path(const struct quic_peer *peer, struct quic_path_key *key)
{
	quic_addr_path(&peer->local, &peer->remote, key);
}

/* One datagram's header, at @p with @avail bytes in one piece: to the same ID? */
static bool same_dest(const u8 *p, u32 avail, bool long_hdr, const u8 *dcid, u8 dcid_len)
{
	const u8 *id;
	bool is_long;
	u8 len;

	if (!long_hdr && avail > dcid_len)
		return !(p[0] & QUIC_HDR_LONG) && !memcmp(p + 1, dcid, dcid_len);
	return quic_rx_peek(p, avail, &id, &len, &is_long) && is_long == long_hdr &&
	       len == dcid_len && !memcmp(id, dcid, len);
}

#define HDR_PEEK	(7 + 2 * QUIC_CID_MAX)

bool quic_skb_one_dest(const struct sk_buff *skb, bool long_hdr, const u8 *dcid, u8 dcid_len)
{
	u32 size = quic_skb_seg_size(skb), pos = 0, next = size;
	struct pieces it;
	u8 *base;
	int len;

	pieces_start(&it, skb);
	while (next < skb->len && (len = pieces_next(&it, &base)) > 0) {
		for (; next < skb->len && next < pos + len; next += size) {
			u32 want = min_t(u32, skb->len - next, HDR_PEEK);
			const u8 *p = base + (next - pos);
			u8 copy[HDR_PEEK] QUIC_NO_INIT;

			if (pos + len - next < want) {
				if (skb_copy_bits(skb, next, copy, want))
					return false;
				p = copy;
			}
			if (!same_dest(p, want, long_hdr, dcid, dcid_len))
				return false;
		}
		pos += len;
	}
	return next >= skb->len;
}

struct view {
	struct quic_vec *vec;
	struct quic_rx_seg *seg;
	unsigned int nvec, nseg;
};

/* Cut the pieces at datagram borders. Return: false if some could not be read */
static bool view_fill(struct view *v, const struct sk_buff *skb)
{
	u32 size = quic_skb_seg_size(skb), room = 0;
	struct quic_rx_seg *seg = NULL;
	struct pieces it;
	u8 *base;
	int len;

	pieces_start(&it, skb);
	while ((len = pieces_next(&it, &base)) > 0) {
		while (len) {
			u32 n;

			if (!room) {
				seg = &v->seg[v->nseg++];
				seg->vec = v->nvec;
				seg->nvec = 0;
				seg->len = 0;
				room = size;
			}
			n = min_t(u32, len, room);
			v->vec[v->nvec].base = base;
			v->vec[v->nvec++].len = n;
			seg->nvec++;
			seg->len += n;
			base += n;
			len -= n;
			room -= n;
		}
	}
	return !len;
}

/*
 * Most datagrams that arrive alone are in one piece, the linear part or one fragment.
 * Return: its begin, or NULL
 */
static u8 *one_piece(const struct sk_buff *skb)
{
	const struct skb_shared_info *si = skb_shinfo(skb);

	if (quic_skb_seg_size(skb) != skb->len)
		return NULL;
	if (!skb_is_nonlinear(skb))
		return skb->data;
	if (skb_headlen(skb) || si->nr_frags != 1 || si->frag_list ||
	    PageHighMem(skb_frag_page(&si->frags[0])))
		return NULL;
	return skb_frag_address(&si->frags[0]);
}

static unsigned int one_datagram(struct quic_conn *c, const struct sk_buff *skb, u8 *base, u64 now)
{
	const struct quic_vec vec = { .base = base, .len = skb->len };
	const struct quic_rx_seg seg = { .nvec = 1, .len = skb->len };
	const struct quic_rx_train t = {
		.vec = &vec, .seg = &seg, .nseg = 1, .ecn = quic_skb_ecn(skb),
	};

	return quic_rx_train(c, &t, now);
}

static unsigned int in_pieces(struct quic_conn *c, const struct sk_buff *skb, u64 now)
{
	struct quic_rx_train t = { .ecn = quic_skb_ecn(skb) };
	unsigned int nseg, nvec, i, taken = 0;
	struct view v = {};
	void *mem;
	u32 size;

	nseg = DIV_ROUND_UP(skb->len, quic_skb_seg_size(skb));
	nvec = pieces_count(skb) + nseg;
	size = nvec * sizeof(*v.vec) + nseg * sizeof(*v.seg);
	mem = quic_block_get(size);
	if (!mem)
		return 0;
	v.vec = mem;
	v.seg = mem + nvec * sizeof(*v.vec);
	if (view_fill(&v, skb)) {
		for (i = 0; i < v.nseg; i += t.nseg) {
			t.vec = v.vec;
			t.seg = v.seg + i;
			t.nseg = min_t(unsigned int, v.nseg - i, QUIC_BURST_MAX);
			taken += quic_rx_train(c, &t, now);
		}
	}
	quic_block_put(mem, size);
	return taken;
}

unsigned int quic_skb_rx(struct quic_conn *c, const struct sk_buff *skb, u64 now)
{
	u8 *base = one_piece(skb);

	if (!skb->len)
		return 0;
	return base ? one_datagram(c, skb, base, now) : in_pieces(c, skb, now);
}

struct sk_buff *quic_skb_datagram(const struct sk_buff *skb, u32 off, u32 len, gfp_t gfp)
{
	int hdr = skb->data - skb_network_header(skb);
	struct sk_buff *n;

	n = alloc_skb(hdr + len, gfp | __GFP_NOWARN);
	if (!n)
		return NULL;
	skb_put_data(n, skb_network_header(skb), hdr);
	skb_reset_network_header(n);
	skb_set_transport_header(n, skb_transport_offset(skb) + hdr);
	__skb_pull(n, hdr);
	if (skb_copy_bits(skb, off, skb_put(n, len), len)) {
		kfree_skb(n);
		return NULL;
	}
	memcpy(n->cb, skb->cb, sizeof(n->cb));
	n->protocol = skb->protocol;
	n->skb_iif = skb->skb_iif;
	n->mark = skb->mark;
	n->tstamp = skb->tstamp;
	n->ip_summed = CHECKSUM_UNNECESSARY;
	return n;
}
