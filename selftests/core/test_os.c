// SPDX-License-Identifier: GPL-2.0
/* The shim itself: what the core relies on must hold before the core is judged. */
#include "test.h"

struct item {
	struct rb_node rb;
	struct list_head list;
	u32 key;
};

static struct rb_node *rb_at(struct rb_root *root, u32 key, struct rb_node ***link,
			     struct rb_node **parent)
{
	struct rb_node **p = &root->rb_node;

	*parent = NULL;
	while (*p) {
		struct item *it = rb_entry(*p, struct item, rb);

		if (it->key == key)
			return *p;
		*parent = *p;
		p = key < it->key ? &(*p)->rb_left : &(*p)->rb_right;
	}
	*link = p;
	return NULL;
}

static void rb_check(struct rb_root *root, const bool *in, u32 n)
{
	struct rb_node *r = rb_first(root), *last = NULL;
	u32 i;

	for (i = 0; i < n; i++) {
		if (!in[i])
			continue;
		assert_non_null(r);
		assert_int_equal(rb_entry(r, struct item, rb)->key, i);
		assert_ptr_equal(rb_prev(r), last);
		last = r;
		r = rb_next(r);
	}
	assert_null(r);
	assert_ptr_equal(rb_last(root), last);
}

static void rbtree__as_a_sorted_set(void **state)
{
	enum { N = 300 };
	struct item *items = calloc(N, sizeof(*items));
	struct rb_node **link, *parent, *found;
	struct rb_root root = RB_ROOT;
	bool in[N] = { false };
	u64 seed = 7;
	int i;

	for (i = 0; i < 6000; i++) {
		u32 k = rnd(&seed) % N;

		items[k].key = k;
		found = rb_at(&root, k, &link, &parent);
		assert_int_equal(!!found, in[k]);
		if (found) {
			rb_erase(&items[k].rb, &root);
		} else {
			rb_link_node(&items[k].rb, parent, link);
			rb_insert_color(&items[k].rb, &root);
		}
		in[k] = !in[k];
		if (i % 16 == 0)
			rb_check(&root, in, N);
	}
	free(items);
}

static void rbtree__stays_shallow(void **state)
{
	enum { N = 100000 };
	struct item *items = calloc(N, sizeof(*items));
	struct rb_node *n, *last = NULL;
	struct rb_root root = RB_ROOT;
	u32 i, depth, deepest = 0;

	for (i = 0; i < N; i++) {	/* ascending: the worst case for a plain tree */
		rb_link_node(&items[i].rb, last, last ? &last->rb_right : &root.rb_node);
		rb_insert_color(&items[i].rb, &root);
		last = &items[i].rb;
	}
	for (i = 0; i < N; i++) {
		depth = 0;
		for (n = &items[i].rb; n; n = rb_parent(n))
			depth++;
		deepest = max(deepest, depth);
	}
	assert_in_range(deepest, 17, 80);
	free(items);
}

static void list__order_and_removal(void **state)
{
	struct item it[4] = { { .key = 0 }, { .key = 1 }, { .key = 2 }, { .key = 3 } };
	struct item *p, *n;
	LIST_HEAD(a);
	LIST_HEAD(b);
	u32 want = 0;

	list_add_tail(&it[1].list, &a);
	list_add_tail(&it[2].list, &a);
	list_add(&it[0].list, &a);
	list_add(&it[3].list, &b);
	list_splice_tail_init(&b, &a);
	assert_true(list_empty(&b));
	list_for_each_entry(p, &a, list)
		assert_int_equal(p->key, want++);
	assert_int_equal(want, 4);
	list_for_each_entry_safe(p, n, &a, list)
		if (p->key % 2)
			list_del(&p->list);
	assert_int_equal(list_first_entry(&a, struct item, list)->key, 0);
	assert_int_equal(list_last_entry(&a, struct item, list)->key, 2);
	list_splice_init(&a, &b);
	assert_int_equal(list_first_entry(&b, struct item, list)->key, 0);
	list_del_init(&it[2].list);
	assert_ptr_equal(list_first_entry(&b, struct item, list), &it[0]);
	assert_ptr_equal(list_last_entry(&b, struct item, list), &it[0]);
}

static void alloc__fails_on_demand(void **state)
{
	void *p, *q;

	os_alloc_fail_after(2);
	p = kmalloc(10, GFP_ATOMIC);
	assert_non_null(p);
	assert_null(kzalloc(10, GFP_ATOMIC));
	assert_null(kmemdup(p, 4, GFP_ATOMIC));
	os_alloc_fail_after(0);
	kfree(p);
	q = kmemdup("abcd", 4, GFP_KERNEL);
	assert_non_null(q);
	assert_int_equal(os_alloc_live() - (long)*state, 1);
	kfree_sensitive(q);
	assert_null(kmalloc_array(SIZE_MAX / 2, 4, GFP_KERNEL));
}

static void numbers__edges(void **state)
{
	assert_int_equal(fls64(0), 0);
	assert_int_equal(fls64(U64_MAX), 64);
	assert_int_equal(ilog2(4096), 12);
	assert_int_equal(roundup_pow_of_two(1), 1);
	assert_int_equal(roundup_pow_of_two(17), 32);
	assert_int_equal(int_sqrt64(U64_MAX), U32_MAX);
	assert_int_equal(int_sqrt64(99), 9);
	assert_int_equal(int_sqrt64(100), 10);
	assert_int_equal(mul_u64_u64_div_u64(U64_MAX, U64_MAX, U64_MAX), U64_MAX);
	assert_int_equal(crypto_memneq("abc", "abc", 3), 0);
	assert_int_not_equal(crypto_memneq("abc", "abd", 3), 0);
}

static const struct CMUnitTest tests[] = {
	TEST(rbtree__as_a_sorted_set),
	TEST(rbtree__stays_shallow),
	TEST(list__order_and_removal),
	TEST(alloc__fails_on_demand),
	TEST(numbers__edges),
};

TEST_MAIN(tests)
