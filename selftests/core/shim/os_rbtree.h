/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's rbtree calls over a treap: same calls, same order, other balance. */
#ifndef OS_RBTREE_H
#define OS_RBTREE_H

struct rb_node {
	struct rb_node *parent, *rb_left, *rb_right;
};

struct rb_root {
	struct rb_node *rb_node;
};

#define RB_ROOT			((struct rb_root){ NULL })
#define RB_EMPTY_ROOT(root)	(!(root)->rb_node)
#define RB_EMPTY_NODE(n)	((n)->parent == (n))
#define RB_CLEAR_NODE(n)	((n)->parent = (n))
#define rb_entry(p, type, member)	container_of(p, type, member)
#define rb_entry_safe(p, type, member) ({				\
	struct rb_node *_n = (p);					\
	_n ? container_of(_n, type, member) : NULL; })

static inline void rb_link_node(struct rb_node *n, struct rb_node *parent, struct rb_node **link)
{
	n->parent = parent;
	n->rb_left = NULL;
	n->rb_right = NULL;
	*link = n;
}

#define rb_parent(n)	((n)->parent)
void rb_insert_color(struct rb_node *n, struct rb_root *root);
void rb_erase(struct rb_node *n, struct rb_root *root);
struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_last(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *n);
struct rb_node *rb_prev(const struct rb_node *n);

#endif
