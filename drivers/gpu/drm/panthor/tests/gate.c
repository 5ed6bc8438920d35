// SPDX-License-Identifier: GPL-2.0-only
/*
 * Questions about everything that ran: whether lockdep and kmemleak are still on,
 * and what leaked. Asked when the kernel halts, so that no filter leaves them out;
 * only for drivers built in, where there is no user space to do the same.
 *
 * The lines printed here are read by the harness: a run in which they are
 * missing is a run that stopped early.
 */

#define pr_fmt(fmt) "panthor-harness: " fmt

#include <linux/completion.h>
#include <linux/debug_locks.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/kallsyms.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/mount.h>
#include <linux/notifier.h>
#include <linux/printk.h>
#include <linux/reboot.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "lock_order.h"

/* kmemleak does not report an object younger than this, in milliseconds. */
#define KMEMLEAK_MIN_AGE_MS	5000
#define KMEMLEAK_MIN_AGE_SYM	"jiffies_min_age"
#define GATE_BUF_SIZE		SZ_16K

/**
 * struct gate - An open report of kmemleak
 * @mm: Address space with the buffer; the file only talks to user space.
 * @ubuf: The buffer in it.
 * @buf: Kernel side copy, with room for a terminator.
 * @mnt: An own mount of debugfs.
 * @file: The file a person would use; there is no other interface.
 */
struct gate {
	struct mm_struct *mm;
	unsigned long ubuf;
	char *buf;
	struct vfsmount *mnt;
	struct file *file;
};

static void gate_close(struct gate *gate)
{
	if (gate->file)
		fput(gate->file);
	if (gate->mnt)
		kern_unmount(gate->mnt);
	kfree(gate->buf);
	if (gate->mm) {
		kthread_unuse_mm(gate->mm);
		mmput(gate->mm);
	}
}

static int gate_open(struct gate *gate)
{
	struct file_system_type *type = get_fs_type("debugfs");

	if (!type)
		return -ENODEV;
	gate->mnt = kern_mount(type);
	put_filesystem(type);
	if (IS_ERR(gate->mnt)) {
		gate->mnt = NULL;
		return -ENODEV;
	}

	gate->mm = mm_alloc();
	if (!gate->mm)
		return -ENOMEM;
	gate->mm->task_size = TASK_SIZE;
	kthread_use_mm(gate->mm);
	arch_pick_mmap_layout(gate->mm, &current->signal->rlim[RLIMIT_STACK]);
	gate->ubuf = vm_mmap(NULL, 0, GATE_BUF_SIZE, PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	gate->buf = kzalloc(GATE_BUF_SIZE + 1, GFP_KERNEL);
	if (IS_ERR_VALUE(gate->ubuf) || !gate->buf)
		return -ENOMEM;

	gate->file = file_open_root_mnt(gate->mnt, "kmemleak", O_RDWR, 0);
	if (IS_ERR(gate->file)) {
		gate->file = NULL;
		return -ENOENT;
	}

	return 0;
}

static int gate_scan(struct gate *gate)
{
	static const char word[] = "scan";
	loff_t pos = 0;

	if (copy_to_user((void __user *)gate->ubuf, word, strlen(word)))
		return -EFAULT;
	if (vfs_write(gate->file, (void __user *)gate->ubuf, strlen(word), &pos) != strlen(word))
		return -EBUSY;

	return 0;
}

/* Reads the report, and prints it if asked; returns the number of leaks in it. */
static int gate_read(struct gate *gate, bool print)
{
	loff_t pos = 0;
	int leaks = 0;
	ssize_t len;
	char *line;

	while ((len = vfs_read(gate->file, (void __user *)gate->ubuf, GATE_BUF_SIZE, &pos)) > 0) {
		char *rest = gate->buf;

		if (copy_from_user(gate->buf, (void __user *)gate->ubuf, len))
			return -EFAULT;
		gate->buf[len] = '\0';
		while ((line = strsep(&rest, "\n")) && (*line || rest)) {
			leaks += !!strstr(line, "unreferenced object");
			if (print)
				pr_info("kmemleak| %s\n", line);
		}
	}

	return len < 0 ? len : leaks;
}

/* Two scans: an object whose content changed since the last one is not reported. */
static int gate_scan_twice(struct gate *gate)
{
	int ret = gate_scan(gate);

	ret = ret ?: gate_scan(gate);
	return ret ?: gate_read(gate, false);
}

/*
 * With the minimum age at zero nobody has to wait for objects to grow old; what is
 * found that way is confirmed the slow way.
 */
static int gate_count_leaks(struct gate *gate)
{
	unsigned long *min_age = (void *)kallsyms_lookup_name(KMEMLEAK_MIN_AGE_SYM);
	unsigned long saved;
	int leaks;

	if (min_age) {
		saved = READ_ONCE(*min_age);
		WRITE_ONCE(*min_age, 0);
		leaks = gate_scan_twice(gate);
		WRITE_ONCE(*min_age, saved);
		if (leaks <= 0)
			return leaks;
	}

	schedule_timeout_uninterruptible(msecs_to_jiffies(KMEMLEAK_MIN_AGE_MS) + 1);
	leaks = gate_scan_twice(gate);
	return leaks > 0 ? gate_read(gate, true) : leaks;
}

static void gate_kmemleak(void)
{
	struct gate gate = {};
	int leaks = gate_open(&gate);

	leaks = leaks ?: gate_count_leaks(&gate);
	if (leaks < 0)
		pr_info("kmemleak state=disabled leaks=0\n");
	else
		pr_info("kmemleak state=enabled leaks=%d\n", leaks);
	gate_close(&gate);
}

static int gate_thread(void *done)
{
	if (IS_ENABLED(CONFIG_PROVE_LOCKING)) {
		pr_info("lockdep debug_locks=%d\n", debug_locks);
		panthor_lock_order_print();
	}
	if (IS_ENABLED(CONFIG_DEBUG_KMEMLEAK))
		gate_kmemleak();
	pr_info("end\n");
	complete(done);

	return 0;
}

/* The thread that halts may have user space of its own; this takes a kernel thread. */
static int gate_reboot(struct notifier_block *nb, unsigned long action, void *data)
{
	DECLARE_COMPLETION_ONSTACK(done);
	struct task_struct *task = kthread_run(gate_thread, &done, "panthor-gate");

	if (IS_ERR(task))
		pr_err("no thread to ask lockdep and kmemleak: %pe\n", task);
	else
		wait_for_completion(&done);

	return NOTIFY_DONE;
}

static struct notifier_block gate_notifier = {
	.notifier_call = gate_reboot,
	/* Before device drivers go down. */
	.priority = INT_MAX,
};

static int __init gate_init(void)
{
	return register_reboot_notifier(&gate_notifier);
}
late_initcall(gate_init);
