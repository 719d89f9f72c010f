/* SPDX-License-Identifier: GPL-2.0 */
/* struct list_head: the kernel's names over own code. */
#ifndef OS_LIST_H
#define OS_LIST_H

struct list_head {
	struct list_head *next, *prev;
};

#define LIST_HEAD_INIT(name)	{ &(name), &(name) }
#define LIST_HEAD(name)		struct list_head name = LIST_HEAD_INIT(name)

static inline void INIT_LIST_HEAD(struct list_head *h)
{
	h->next = h;
	h->prev = h;
}

static inline void os_list_join(struct list_head *a, struct list_head *b)
{
	a->next = b;
	b->prev = a;
}

/* Put @n after @pos. */
static inline void list_add(struct list_head *n, struct list_head *pos)
{
	os_list_join(n, pos->next);
	os_list_join(pos, n);
}

static inline void list_add_tail(struct list_head *n, struct list_head *pos)
{
	list_add(n, pos->prev);
}

static inline void list_del_init(struct list_head *n)
{
	os_list_join(n->prev, n->next);
	INIT_LIST_HEAD(n);
}

static inline void list_del(struct list_head *n)
{
	os_list_join(n->prev, n->next);
	n->next = NULL;		/* a second removal crashes */
	n->prev = NULL;
}

static inline void list_move_tail(struct list_head *n, struct list_head *h)
{
	os_list_join(n->prev, n->next);
	list_add_tail(n, h);
}

static inline bool list_empty(const struct list_head *h)
{
	return h->next == h;
}

static inline int list_is_singular(const struct list_head *head)
{
	return !list_empty(head) && head->next == head->prev;
}

static inline void list_splice_tail_init(struct list_head *from, struct list_head *to)
{
	if (list_empty(from))
		return;
	os_list_join(to->prev, from->next);
	os_list_join(from->prev, to);
	INIT_LIST_HEAD(from);
}

static inline void list_splice_init(struct list_head *from, struct list_head *to)
{
	list_splice_tail_init(from, to->next);
}

#define list_entry(p, type, member)		container_of(p, type, member)
#define list_first_entry(h, type, member)	list_entry((h)->next, type, member)
#define list_last_entry(h, type, member)	list_entry((h)->prev, type, member)
#define list_next_entry(p, member)	list_entry((p)->member.next, typeof(*(p)), member)
#define list_prev_entry(p, member)	list_entry((p)->member.prev, typeof(*(p)), member)
#define list_entry_is_head(p, h, member)	(&(p)->member == (h))
#define list_for_each_entry(p, h, member)				\
	for (p = list_first_entry(h, typeof(*p), member);		\
	     !list_entry_is_head(p, h, member); p = list_next_entry(p, member))
#define list_for_each_entry_safe(p, n, h, member)			\
	for (p = list_first_entry(h, typeof(*p), member), n = list_next_entry(p, member); \
	     !list_entry_is_head(p, h, member); p = n, n = list_next_entry(n, member))

#endif
