// SPDX-License-Identifier: GPL-2.0
/*
 * A treap: ordered as a search tree, and as a heap by a hash of each node's
 * address, which keeps it balanced in expectation.
 */
#include "os_user.h"

static u64 rank(const struct rb_node *n)
{
	u64 h = (uintptr_t)n * 0x9e3779b97f4a7c15ull;

	return (h ^ h >> 29) * 0xbf58476d1ce4e5b9ull;
}

static void replace(struct rb_root *root, struct rb_node *old, struct rb_node *n)
{
	struct rb_node *parent = old->parent;

	if (!parent)
		root->rb_node = n;
	else if (parent->rb_left == old)
		parent->rb_left = n;
	else
		parent->rb_right = n;
	if (n)
		n->parent = parent;
}

/* Lift @n over its parent. */
static void rotate(struct rb_root *root, struct rb_node *n)
{
	struct rb_node *p = n->parent, *moved;

	replace(root, p, n);
	if (p->rb_left == n) {
		moved = n->rb_right;
		n->rb_right = p;
		p->rb_left = moved;
	} else {
		moved = n->rb_left;
		n->rb_left = p;
		p->rb_right = moved;
	}
	p->parent = n;
	if (moved)
		moved->parent = p;
}

void rb_insert_color(struct rb_node *n, struct rb_root *root)
{
	while (n->parent && rank(n) > rank(n->parent))
		rotate(root, n);
}

void rb_erase(struct rb_node *n, struct rb_root *root)
{
	while (n->rb_left && n->rb_right)
		rotate(root, rank(n->rb_left) > rank(n->rb_right) ? n->rb_left : n->rb_right);
	replace(root, n, n->rb_left ? n->rb_left : n->rb_right);
}

struct rb_node *rb_first(const struct rb_root *root)
{
	struct rb_node *n = root->rb_node;

	while (n && n->rb_left)
		n = n->rb_left;
	return n;
}

struct rb_node *rb_last(const struct rb_root *root)
{
	struct rb_node *n = root->rb_node;

	while (n && n->rb_right)
		n = n->rb_right;
	return n;
}

struct rb_node *rb_next(const struct rb_node *n)
{
	if (n->rb_right)
		return rb_first(&(struct rb_root){ n->rb_right });
	while (n->parent && n->parent->rb_right == n)
		n = n->parent;
	return n->parent;
}

struct rb_node *rb_prev(const struct rb_node *n)
{
	if (n->rb_left)
		return rb_last(&(struct rb_root){ n->rb_left });
	while (n->parent && n->parent->rb_left == n)
		n = n->parent;
	return n->parent;
}
