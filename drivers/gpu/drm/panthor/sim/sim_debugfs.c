// SPDX-License-Identifier: GPL-2.0-only
/* /sys/kernel/debug/panthor-sim/GPU/: see Documentation/gpu/panthor/sim.rst. */

#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/kstrtox.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "sim.h"
#include "sim_cache.h"
#include "sim_debugfs.h"
#include "sim_events.h"
#include "sim_inject.h"
#include "sim_of.h"
#include "sim_parts.h"

/* Longest command that is taken. */
#define SIM_DEBUGFS_LINE	128

static struct dentry *sim_debugfs_root;

static const struct {
	const char *name;
	size_t offset;
} sim_counter_names[] = {
#define COUNTER(name) { #name, offsetof(struct sim_counters, name) }
	COUNTER(mmio_reads),
	COUNTER(mmio_writes),
	COUNTER(tlb_hits),
	COUNTER(tlb_misses),
	COUNTER(as_commands),
	COUNTER(flushes),
	COUNTER(faults),
	COUNTER(resets),
	COUNTER(boots),
	COUNTER(doorbells),
	COUNTER(instructions),
	COUNTER(jobs),
	COUNTER(slices),
	COUNTER(bytes),
#undef COUNTER
};

static int sim_counters_show(struct seq_file *m, void *unused)
{
	struct sim_gpu *gpu = m->private;
	struct sim_counters counters;
	u64 irqs[SIM_IRQ_LINES], expected;

	scoped_guard(raw_spinlock_irqsave, &gpu->lock) {
		sim_parts_count(gpu);
		counters = gpu->counters;
		expected = gpu->violations.expected_count;
		for (unsigned int i = 0; i < SIM_IRQ_LINES; i++)
			irqs[i] = gpu->irq[i].delivered;
	}

	for (unsigned int i = 0; i < ARRAY_SIZE(sim_counter_names); i++)
		seq_printf(m, "%s %llu\n", sim_counter_names[i].name,
			   *(u64 *)((void *)&counters + sim_counter_names[i].offset));
	seq_printf(m, "irqs_job %llu\nirqs_mmu %llu\nirqs_gpu %llu\n", irqs[SIM_IRQ_JOB],
		   irqs[SIM_IRQ_MMU], irqs[SIM_IRQ_GPU]);
	seq_printf(m, "violations %llu\nexpected %llu\n", sim_violation_total(gpu), expected);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sim_counters);

static int sim_violations_show(struct seq_file *m, void *unused)
{
	struct sim_gpu *gpu = m->private;
	struct sim_violations violations;

	scoped_guard(raw_spinlock_irqsave, &gpu->lock)
		violations = gpu->violations;

	for (unsigned int kind = 0; kind < SIM_V_KINDS; kind++)
		seq_printf(m, "%s %llu\n", sim_violation_name(kind), violations.count[kind]);
	if (violations.last[0])
		seq_printf(m, "last %s\n", violations.last);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sim_violations);

static int sim_events_file_show(struct seq_file *m, void *unused)
{
	sim_events_show(m->private, m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sim_events_file);

static int sim_latency_show(struct seq_file *m, void *unused)
{
	struct sim_gpu *gpu = m->private;
	struct sim_latency_setting setting[SIM_OPS];

	scoped_guard(raw_spinlock_irqsave, &gpu->lock)
		memcpy(setting, gpu->latency.setting, sizeof(setting));

	for (unsigned int op = 0; op < SIM_OPS; op++) {
		static const char *const kinds[] = {
			[SIM_INSTANT] = "instant", [SIM_MANUAL] = "manual", [SIM_STUCK] = "stuck",
		};

		if (setting[op].kind == SIM_TIMED)
			seq_printf(m, "%s=%s%lluns\n", sim_op_name(op),
				   setting[op].vary ? "~" : "", setting[op].ns);
		else
			seq_printf(m, "%s=%s\n", sim_op_name(op), kinds[setting[op].kind]);
	}
	return 0;
}

static int sim_cache_show(struct seq_file *m, void *unused)
{
	struct sim_gpu *gpu = m->private;
	struct sim_cache_stats stats;

	if (!gpu->config.cache) {
		seq_puts(m, "mode off\n");
		return 0;
	}
	stats = sim_cache_stats(gpu->config.cache);
	seq_printf(m, "mode %s\n", sim_cache_mode_name(sim_cache_mode(gpu->config.cache)));
	seq_printf(m, "cleaned %llu\ninvalidated %llu\nlost %llu\nearly %llu\n", stats.cleaned,
		   stats.invalidated, stats.lost, stats.early);
	seq_printf(m, "unclean %llu\ncached %llu\nuntracked %llu\n", stats.unclean,
		   stats.cached, stats.untracked);
	return 0;
}

static int sim_cache_command(struct sim_gpu *gpu, char *line)
{
	struct sim_cache *cache = gpu->config.cache;
	enum sim_cache_mode mode;
	int ret;

	if (!cache)
		return -ENODEV;
	if (!strcmp(line, "no-clean") || !strcmp(line, "no-invalidate")) {
		sim_cache_set_deaf(cache, line[3] == 'c', line[3] == 'i');
		return 0;
	}
	ret = sim_cache_mode_parse(line, &mode);
	if (!ret) {
		sim_cache_set_deaf(cache, false, false);
		sim_cache_set_mode(cache, mode);
	}
	return ret;
}

static int sim_node_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "/%s\n", sim_of_name(m->private));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sim_node);

static int sim_expect_show(struct seq_file *m, void *unused)
{
	struct sim_gpu *gpu = m->private;
	u32 expected;

	scoped_guard(raw_spinlock_irqsave, &gpu->lock)
		expected = gpu->violations.expected;
	for (unsigned int kind = 0; kind < SIM_V_KINDS; kind++) {
		if (expected & BIT(kind))
			seq_printf(m, "%s\n", sim_violation_name(kind));
	}
	return 0;
}

static int sim_help_show(struct seq_file *m, void *unused)
{
	sim_inject_help(m);
	return 0;
}

/* Files that take one command per write: the whole line, or nothing of it. */
static ssize_t sim_command_write(struct file *file, const char __user *ubuf, size_t count,
				 int (*command)(struct sim_gpu *gpu, char *line))
{
	struct seq_file *m = file->private_data;
	char line[SIM_DEBUGFS_LINE];
	int ret;

	if (count >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, ubuf, count))
		return -EFAULT;
	line[count] = '\0';

	ret = command(m->private, strim(line));
	return ret ? ret : count;
}

static int sim_step_show(struct seq_file *m, void *unused)
{
	return 0;
}

#define SIM_COMMAND_FILE(name, show, command)						\
	static int name ## _open(struct inode *inode, struct file *file)		\
	{										\
		return single_open(file, show, inode->i_private);			\
	}										\
	static ssize_t name ## _write(struct file *file, const char __user *ubuf,	\
				      size_t count, loff_t *pos)			\
	{										\
		return sim_command_write(file, ubuf, count, command);			\
	}										\
	static const struct file_operations name ## _fops = {				\
		.owner = THIS_MODULE,							\
		.open = name ## _open,							\
		.read = seq_read,							\
		.write = name ## _write,						\
		.llseek = seq_lseek,							\
		.release = single_release,						\
	}

SIM_COMMAND_FILE(sim_cache_file, sim_cache_show, sim_cache_command);
SIM_COMMAND_FILE(sim_expect_file, sim_expect_show, sim_inject_expect);
SIM_COMMAND_FILE(sim_latency_file, sim_latency_show, sim_inject_latency);
SIM_COMMAND_FILE(sim_inject_file, sim_help_show, sim_inject);
SIM_COMMAND_FILE(sim_step_file, sim_step_show, sim_inject_step);

/**
 * sim_debugfs_init() - Make the folder of all GPUs
 *
 * Context: Process.
 */
void sim_debugfs_init(void)
{
	sim_debugfs_root = debugfs_create_dir("panthor-sim", NULL);
}

/**
 * sim_debugfs_fini() - Remove it
 *
 * Context: Process.
 */
void sim_debugfs_fini(void)
{
	debugfs_remove(sim_debugfs_root);
}

/**
 * sim_debugfs_add() - Make the folder of a GPU
 * @gpu: GPU.
 *
 * Context: Process.
 */
void sim_debugfs_add(struct sim_gpu *gpu)
{
	char name[12];

	snprintf(name, sizeof(name), "%u", gpu->id);
	gpu->debugfs = debugfs_create_dir(name, sim_debugfs_root);
	debugfs_create_file("counters", 0400, gpu->debugfs, gpu, &sim_counters_fops);
	debugfs_create_file("violations", 0400, gpu->debugfs, gpu, &sim_violations_fops);
	debugfs_create_file("events", 0400, gpu->debugfs, gpu, &sim_events_file_fops);
	debugfs_create_file("node", 0400, gpu->debugfs, gpu, &sim_node_fops);
	debugfs_create_file("cache", 0600, gpu->debugfs, gpu, &sim_cache_file_fops);
	debugfs_create_file("expect", 0600, gpu->debugfs, gpu, &sim_expect_file_fops);
	debugfs_create_file("latency", 0600, gpu->debugfs, gpu, &sim_latency_file_fops);
	debugfs_create_file("inject", 0600, gpu->debugfs, gpu, &sim_inject_file_fops);
	debugfs_create_file("step", 0200, gpu->debugfs, gpu, &sim_step_file_fops);
}

/**
 * sim_debugfs_remove() - Remove the folder of a GPU; no file is in use then
 * @gpu: GPU.
 *
 * Context: Process.
 */
void sim_debugfs_remove(struct sim_gpu *gpu)
{
	debugfs_remove(gpu->debugfs);
}
