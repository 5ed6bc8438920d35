// SPDX-License-Identifier: GPL-2.0-only
/* Violations: counted exactly, logged up to a limit. */

#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/printk.h>
#include <linux/stdarg.h>

#include "sim.h"
#include "sim_events.h"

/* More lines than this say nothing new. */
#define SIM_VIOLATIONS_LOGGED	64

static const char *const sim_violation_names[SIM_V_KINDS] = {
	[SIM_V_REG_UNKNOWN] = "reg-unknown",
	[SIM_V_REG_READONLY] = "reg-readonly",
	[SIM_V_REG_WRITEONLY] = "reg-writeonly",
	[SIM_V_UNMAPPED] = "unmapped",
	[SIM_V_CLOCK_OFF] = "clock-off",
	[SIM_V_BUSY] = "busy",
	[SIM_V_BAD_VALUE] = "bad-value",
	[SIM_V_POWER] = "power",
	[SIM_V_IRQ_STORM] = "irq-storm",
	[SIM_V_MMU_PROTOCOL] = "mmu-protocol",
	[SIM_V_STALE_TRANSLATION] = "stale-translation",
	[SIM_V_FREED_MEMORY] = "freed-memory",
	[SIM_V_FW_PROTOCOL] = "fw-protocol",
	[SIM_V_HEAP] = "heap",
	[SIM_V_INTERNAL] = "internal",
};

/**
 * sim_violation_name() - Name of a kind
 * @kind: Kind.
 *
 * Context: Any.
 *
 * Return: The name, as in log lines and debugfs.
 */
const char *sim_violation_name(enum sim_violation_kind kind)
{
	return kind < SIM_V_KINDS ? sim_violation_names[kind] : "unknown";
}

__printf(3, 0)
static void sim_violation_add(struct sim_gpu *gpu, enum sim_violation_kind kind,
			      const char *fmt, va_list args)
{
	struct sim_violations *violations = &gpu->violations;

	lockdep_assert_held(&gpu->lock);

	vscnprintf(violations->last, sizeof(violations->last), fmt, args);
	if (violations->expected & BIT(kind)) {
		/* Whoever asked for it decides what it means. */
		violations->expected_count++;
		pr_info("panthor-sim: expected: %s: gpu %u: %s\n", sim_violation_name(kind),
			gpu->id, violations->last);
		return;
	}

	violations->count[kind]++;
	sim_event(gpu, SIM_EVENT_VIOLATION, kind, violations->count[kind]);

	if (violations->quiet || violations->logged > SIM_VIOLATIONS_LOGGED)
		return;

	if (violations->logged++ == SIM_VIOLATIONS_LOGGED)
		pr_err("panthor-sim: violation: gpu %u: more are counted and not logged\n",
		       gpu->id);
	else
		pr_err("panthor-sim: violation: %s: gpu %u: %s\n",
		       sim_violation_name(kind), gpu->id, violations->last);
}

/**
 * sim_violation_locked() - Count and log a violation, under the GPU's lock
 * @gpu: GPU.
 * @kind: Kind.
 * @fmt: Text, without a newline.
 *
 * Context: Under the GPU's lock.
 */
void sim_violation_locked(struct sim_gpu *gpu, enum sim_violation_kind kind,
			  const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	sim_violation_add(gpu, kind, fmt, args);
	va_end(args);
}

/**
 * sim_violation() - Count and log a violation
 * @gpu: GPU.
 * @kind: Kind.
 * @fmt: Text, without a newline.
 *
 * Context: Any, without the GPU's lock.
 */
void sim_violation(struct sim_gpu *gpu, enum sim_violation_kind kind,
		   const char *fmt, ...)
{
	va_list args;

	guard(raw_spinlock_irqsave)(&gpu->lock);
	va_start(args, fmt);
	sim_violation_add(gpu, kind, fmt, args);
	va_end(args);
}

/**
 * sim_violation_total() - Violations of all kinds
 * @gpu: GPU.
 *
 * Context: Any, without the GPU's lock.
 *
 * Return: How many there were so far.
 */
u64 sim_violation_total(struct sim_gpu *gpu)
{
	u64 total = 0;

	guard(raw_spinlock_irqsave)(&gpu->lock);
	for (unsigned int kind = 0; kind < SIM_V_KINDS; kind++)
		total += gpu->violations.count[kind];

	return total;
}
