// SPDX-License-Identifier: GPL-2.0-only
/* Commands of debugfs, and the latency parameter, which has the same words. */

#include <linux/cleanup.h>
#include <linux/kstrtox.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../panthor_gpu_regs.h"

#include "sim.h"
#include "sim_inject.h"
#include "sim_parts.h"

#define SIM_SLOW_MEMORY_MAX_NS	20000

static int sim_op_parse(const char *name, enum sim_op *op)
{
	for (unsigned int i = 0; i < SIM_OPS; i++) {
		if (!strcmp(name, sim_op_name(i))) {
			*op = i;
			return 0;
		}
	}

	return -EINVAL;
}

/**
 * sim_latency_parse_list() - Read settings of several operations
 * @text: "OP=SETTING,OP=SETTING..."; OP may be "all".
 * @settings: An array for all operations. Unchanged if the text is wrong.
 *
 * Context: Process.
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int sim_latency_parse_list(const char *text, struct sim_latency_setting *settings)
{
	struct sim_latency_setting next[SIM_OPS];
	char *copy, *rest, *word;
	int ret = -EINVAL;

	copy = kstrdup(text, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	rest = copy;

	memcpy(next, settings, sizeof(next));
	while ((word = strsep(&rest, ","))) {
		struct sim_latency_setting setting;
		char *name = strim(word);
		char *value = strchr(name, '=');
		enum sim_op op;

		if (!*name)
			continue;
		if (!value)
			goto out;
		*value++ = '\0';
		if (sim_latency_parse(value, &setting))
			goto out;
		if (!strcmp(name, "all")) {
			for (op = 0; op < SIM_OPS; op++)
				next[op] = setting;
			continue;
		}
		if (sim_op_parse(name, &op))
			goto out;
		next[op] = setting;
	}

	memcpy(settings, next, sizeof(next));
	ret = 0;
out:
	kfree(copy);
	return ret;
}

/**
 * sim_inject_latency() - Change latencies
 * @gpu: GPU.
 * @line: As for sim_latency_parse_list().
 *
 * Operations in flight keep the latency they were started with.
 *
 * Context: Process.
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int sim_inject_latency(struct sim_gpu *gpu, char *line)
{
	struct sim_latency_setting settings[SIM_OPS];
	int ret;

	/* Debugfs serialises nothing, but the last writer wins as a whole. */
	scoped_guard(raw_spinlock_irqsave, &gpu->lock)
		memcpy(settings, gpu->latency.setting, sizeof(settings));
	ret = sim_latency_parse_list(line, settings);
	if (ret)
		return ret;
	scoped_guard(raw_spinlock_irqsave, &gpu->lock)
		memcpy(gpu->latency.setting, settings, sizeof(settings));
	return 0;
}

/**
 * sim_inject_step() - Complete operations whose latency is "manual"
 * @gpu: GPU.
 * @line: "[OP] [COUNT]"; all operations, and 1.
 *
 * Context: Process.
 *
 * Return: 0, -EINVAL, or -ENOENT if none was in flight.
 */
int sim_inject_step(struct sim_gpu *gpu, char *line)
{
	unsigned int count = 1, done;
	enum sim_op op = SIM_OPS;
	char *word;

	while ((word = strsep(&line, " "))) {
		if (!*word || !strcmp(word, "all"))
			continue;
		if (sim_op_parse(word, &op) && kstrtouint(word, 0, &count))
			return -EINVAL;
	}

	guard(raw_spinlock_irqsave)(&gpu->lock);
	done = sim_latency_step(&gpu->latency, op, count);
	if (done < count && (op == SIM_OPS || op == SIM_OP_AS))
		done += sim_parts_step_as(gpu, count - done);
	if (done < count && (op == SIM_OPS || op == SIM_OP_RUN))
		done += sim_parts_step_cs(gpu, SIM_OP_RUN, count - done);
	if (done < count && (op == SIM_OPS || op == SIM_OP_FLUSH))
		done += sim_parts_step_cs(gpu, SIM_OP_FLUSH, count - done);
	return done ? 0 : -ENOENT;
}

/**
 * sim_inject_expect() - Have violations counted apart
 * @gpu: GPU.
 * @line: "KIND KIND..." from now on, "none" for no kind.
 *
 * They are for a test that asks whether the driver does what it must not do:
 * it judges the count, and the run is not failed by what it asked for.
 *
 * Context: Process.
 *
 * Return: 0, or -EINVAL, which changes nothing.
 */
int sim_inject_expect(struct sim_gpu *gpu, char *line)
{
	u32 expected = 0;
	char *word;

	while ((word = strsep(&line, " "))) {
		enum sim_violation_kind kind = 0;

		if (!*word || !strcmp(word, "none"))
			continue;
		while (kind < SIM_V_KINDS && strcmp(word, sim_violation_name(kind)))
			kind++;
		if (kind == SIM_V_KINDS)
			return -EINVAL;
		expected |= BIT(kind);
	}

	guard(raw_spinlock_irqsave)(&gpu->lock);
	if (expected)
		gpu->violations.expected_count = 0;
	gpu->violations.expected = expected;
	return 0;
}

static int inject_stuck(struct sim_gpu *gpu, const char *word, u64 count)
{
	enum sim_op op;

	if (!word || sim_op_parse(word, &op))
		return -EINVAL;
	gpu->latency.once_stuck[op] = count;
	return 0;
}

static int inject_lost_irq(struct sim_gpu *gpu, const char *word, u64 count)
{
	static const char *const lines[SIM_IRQ_LINES] = { "job", "mmu", "gpu" };

	for (unsigned int i = 0; word && i < SIM_IRQ_LINES; i++) {
		if (!strcmp(word, lines[i])) {
			gpu->irq[i].lose = count;
			return 0;
		}
	}

	return -EINVAL;
}

static int inject_gpu_fault(struct sim_gpu *gpu, const char *word, u64 address)
{
	u32 type;

	if (!word || kstrtou32(word, 0, &type))
		return -EINVAL;
	gpu->fault_status = type;
	gpu->fault_addr = address;
	sim_irq_raise(gpu, SIM_IRQ_GPU, GPU_IRQ_FAULT);
	return 0;
}

static int inject_mmu_fault(struct sim_gpu *gpu, const char *word, u64 address)
{
	unsigned int as;

	if (!word || kstrtouint(word, 0, &as) || as >= SIM_MAX_AS ||
	    !(gpu->config.as_present & BIT(as)))
		return -EINVAL;
	sim_parts_mmu_fault(gpu, as, address);
	return 0;
}

static int inject_mcu_hang(struct sim_gpu *gpu, const char *word, u64 unused)
{
	if (word)
		return -EINVAL;
	sim_parts_hang(gpu);
	return 0;
}

static int inject_slow_memory(struct sim_gpu *gpu, const char *word, u64 ns)
{
	/* The wait is under the lock, so it cannot be long. */
	if (word || ns > SIM_SLOW_MEMORY_MAX_NS)
		return -EINVAL;
	gpu->slow_memory_ns = ns;
	return 0;
}

static const struct {
	const char *name;
	/* Takes a word before the number. */
	bool word;
	const char *help;
	int (*inject)(struct sim_gpu *gpu, const char *word, u64 number);
} sim_injections[] = {
	{ "stuck", true, "OP [COUNT]: the next operations never end", inject_stuck },
	{ "lost-irq", true, "LINE [COUNT]: nobody is told that job, mmu or gpu went high",
	  inject_lost_irq },
	{ "gpu-fault", true, "STATUS [ADDRESS]: GPU_FAULT_STATUS and its interrupt",
	  inject_gpu_fault },
	{ "mmu-fault", true, "AS [ADDRESS]: translation fault of an address space",
	  inject_mmu_fault },
	{ "mcu-hang", false, "the firmware does nothing until the next boot", inject_mcu_hang },
	{ "slow-memory", false, "NS: each access to memory takes so much longer, 0 for not",
	  inject_slow_memory },
};

/**
 * sim_inject() - Cause a failure
 * @gpu: GPU.
 * @line: What, see sim_inject_help().
 *
 * Context: Process.
 *
 * Return: 0 or -EINVAL.
 */
int sim_inject(struct sim_gpu *gpu, char *line)
{
	char *name = strsep(&line, " ");
	int ret = -EINVAL;

	for (unsigned int i = 0; i < ARRAY_SIZE(sim_injections); i++) {
		char *word = NULL;
		u64 number = 1;

		if (strcmp(name, sim_injections[i].name))
			continue;
		if (sim_injections[i].word)
			word = strsep(&line, " ");
		if (line && kstrtou64(line, 0, &number))
			break;

		scoped_guard(raw_spinlock_irqsave, &gpu->lock)
			ret = sim_injections[i].inject(gpu, word, number);
		break;
	}

	return ret;
}

/**
 * sim_inject_help() - Print what can be injected
 * @m: Where to.
 *
 * Context: Process.
 */
void sim_inject_help(struct seq_file *m)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(sim_injections); i++)
		seq_printf(m, "%s %s\n", sim_injections[i].name, sim_injections[i].help);
}
