// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which locks lockdep saw taken under which others, for the harness to compare with
 * the order that was reviewed. /proc/lockdep has the same without saying where a lock
 * was taken, and needs user space.
 */

#define pr_fmt(fmt) "panthor-harness: " fmt

#include <linux/kallsyms.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "lock_order.h"

#define LOCK_CLASSES_SYM	"all_lock_classes"
/* A line of the kernel log ends at 1024 bytes. */
#define LINE_SIZE		800
/* How many callees and callers of the driver's function are shown. */
#define FRAMES_IN		2U
#define FRAMES_OUT		6U

/**
 * struct lock_where - Where lockdep first saw a lock taken under another
 * @hash_entry: Lockdep's.
 * @hash: Lockdep's.
 * @nr: Number of return addresses.
 * @pcs: Return addresses.
 *
 * A copy of what lockdep.c has as struct lock_trace for itself. What is no text
 * address in it is taken for the end.
 */
struct lock_where {
	struct hlist_node hash_entry;
	u32 hash;
	u32 nr;
	unsigned long pcs[] __aligned(sizeof(unsigned long));
};

static int lock_name(char *buf, size_t size, const struct lock_class *class)
{
	int len = class->name ? scnprintf(buf, size, "%s", class->name) :
				scnprintf(buf, size, "%ps", class->key);

	/* Without the number of the class among those of its name: it is not stable. */
	if (class->subclass)
		len += scnprintf(buf + len, size - len, "/%u", class->subclass);

	return len;
}

static bool lock_is_ours(unsigned long pc)
{
	char symbol[KSYM_SYMBOL_LEN];

	scnprintf(symbol, sizeof(symbol), "%ps", (void *)pc);
	return str_has_prefix(symbol, "panthor_");
}

/*
 * Prints the way to the lock around the innermost function of the driver, or of a
 * test of it; returns whether there is one.
 */
static bool lock_way(char *buf, size_t size, const struct lock_where *where)
{
	unsigned int ours = 0, end;
	size_t len = 0;

	while (ours < where->nr && __kernel_text_address(where->pcs[ours]) &&
	       !lock_is_ours(where->pcs[ours]))
		ours++;
	if (ours == where->nr || !__kernel_text_address(where->pcs[ours]))
		return false;

	end = min(ours + FRAMES_OUT, where->nr);
	*buf = '\0';
	for (unsigned int i = ours - min(ours, FRAMES_IN); i < end; i++)
		if (__kernel_text_address(where->pcs[i]))
			len += scnprintf(buf + len, size - len, " %ps", (void *)where->pcs[i]);

	return true;
}

static void lock_print_class(const struct lock_class *class, char *line, char *way)
{
	const struct lock_list *next;
	int head, len;

	head = lock_name(line, LINE_SIZE, class);
	len = head;
	list_for_each_entry(next, &class->locks_after, entry) {
		char name[160];

		/* Not directly under it. */
		if (next->distance != 1)
			continue;
		lock_name(name, sizeof(name), next->class);
		if (len + strlen(name) + 4 > LINE_SIZE) {
			pr_info("lock| %s\n", line);
			len = head;
		}
		len += scnprintf(line + len, LINE_SIZE - len, " -> %s", name);
	}
	if (len > head)
		pr_info("lock| %s\n", line);

	list_for_each_entry(next, &class->locks_after, entry) {
		if (next->distance != 1 || !next->trace ||
		    !lock_way(way, LINE_SIZE, (const void *)next->trace))
			continue;
		lock_name(line, LINE_SIZE, class);
		len = strlen(line);
		len += scnprintf(line + len, LINE_SIZE - len, " -> ");
		lock_name(line + len, LINE_SIZE - len, next->class);
		pr_info("lock= %s |%s\n", line, way);
	}
}

/**
 * panthor_lock_order_print() - Print which lock was taken under which
 *
 * Lines "lock| A -> B -> C" say that B and C were taken under A; lines
 * "lock= A -> B | f g h" that f, which g called, did so first, if the driver is
 * among them.
 *
 * Context: Process context, when nothing is tested any more.
 */
void panthor_lock_order_print(void)
{
	struct list_head *classes = (void *)kallsyms_lookup_name(LOCK_CLASSES_SYM);
	char *line = kmalloc(LINE_SIZE, GFP_KERNEL), *way = kmalloc(LINE_SIZE, GFP_KERNEL);
	struct lock_class *class;

	if (classes && line && way) {
		list_for_each_entry(class, classes, lock_entry)
			lock_print_class(class, line, way);
		pr_info("locks shown\n");
	}
	kfree(way);
	kfree(line);
}
