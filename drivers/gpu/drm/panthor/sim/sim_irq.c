// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts with the semantics of a level: a line is handled for as long as it
 * is high and the interrupt core does not mask it. Whoever changes a register
 * cannot call the handler, as it may hold locks that the handler takes; the
 * GPU's hard irq_work does.
 */

#include <linux/cleanup.h>
#include <linux/irq.h>
#include <linux/irqdesc.h>
#include <linux/irqdomain.h>
#include <linux/of.h>

#include "sim.h"
#include "sim_events.h"

/**
 * sim_irq_level() - Level of a line
 * @gpu: GPU.
 * @line: Line.
 *
 * Context: Under the GPU's lock.
 *
 * Return: Whether it is high.
 */
bool sim_irq_level(const struct sim_gpu *gpu, enum sim_irq_line line)
{
	return gpu->irq[line].raw & gpu->irq[line].mask;
}

static bool sim_irq_wants_delivery(const struct sim_irq_block *block)
{
	return block->high && !block->lost && !block->chip_masked;
}

static void sim_irq_evaluate(struct sim_gpu *gpu, enum sim_irq_line line)
{
	struct sim_irq_block *block = &gpu->irq[line];
	bool high = sim_irq_level(gpu, line);

	lockdep_assert_held(&gpu->lock);

	if (!high) {
		block->lost = false;
	} else if (!block->high && block->lose) {
		block->lose--;
		block->lost = true;
	}
	if (high != block->high)
		sim_event(gpu, SIM_EVENT_IRQ, line, high);
	block->high = high;
	if (sim_irq_wants_delivery(block))
		sim_gpu_kick(gpu);
}

/**
 * sim_irq_raise() - Set bits of RAWSTAT
 * @gpu: GPU.
 * @line: Block.
 * @bits: Bits.
 *
 * Context: Under the GPU's lock.
 */
void sim_irq_raise(struct sim_gpu *gpu, enum sim_irq_line line, u32 bits)
{
	gpu->irq[line].raw |= bits;
	sim_irq_evaluate(gpu, line);
}

/**
 * sim_irq_set_stat() - Set the level of a block that keeps its own registers
 * @gpu: GPU.
 * @line: Block.
 * @stat: RAWSTAT & MASK of the block.
 *
 * Context: Under the GPU's lock.
 */
void sim_irq_set_stat(struct sim_gpu *gpu, enum sim_irq_line line, u32 stat)
{
	gpu->irq[line].raw = stat;
	gpu->irq[line].mask = ~0;
	gpu->irq[line].repeats = 0;
	sim_irq_evaluate(gpu, line);
}

/**
 * sim_irq_reset() - Drop what is pending
 * @gpu: GPU.
 * @masks: Also set the masks to 0.
 *
 * Context: Under the GPU's lock.
 */
void sim_irq_reset(struct sim_gpu *gpu, bool masks)
{
	for (unsigned int line = 0; line < SIM_IRQ_LINES; line++) {
		gpu->irq[line].raw = 0;
		if (masks)
			gpu->irq[line].mask = 0;
		sim_irq_evaluate(gpu, line);
	}
}

/**
 * sim_irq_read() - Read a register of an interrupt block
 * @gpu: GPU.
 * @line: Block.
 * @offset: Register, from the start of the block.
 *
 * Context: Under the GPU's lock.
 *
 * Return: Its value.
 */
u32 sim_irq_read(struct sim_gpu *gpu, enum sim_irq_line line, u32 offset)
{
	const struct sim_irq_block *block = &gpu->irq[line];

	switch (offset) {
	case SIM_INT_RAWSTAT:
		return block->raw;
	case SIM_INT_MASK:
		return block->mask;
	case SIM_INT_STAT:
		return block->raw & block->mask;
	default:
		return 0;
	}
}

/**
 * sim_irq_write() - Write a register of an interrupt block
 * @gpu: GPU.
 * @line: Block.
 * @offset: Register, from the start of the block.
 * @value: Value.
 *
 * Context: Under the GPU's lock.
 */
void sim_irq_write(struct sim_gpu *gpu, enum sim_irq_line line, u32 offset, u32 value)
{
	struct sim_irq_block *block = &gpu->irq[line];

	switch (offset) {
	case SIM_INT_CLEAR:
		block->raw &= ~value;
		break;
	case SIM_INT_MASK:
		block->mask = value;
		break;
	default:
		return;
	}
	block->repeats = 0;
	sim_irq_evaluate(gpu, line);
}

static bool sim_irq_take(struct sim_gpu *gpu, enum sim_irq_line line)
{
	struct sim_irq_block *block = &gpu->irq[line];

	guard(raw_spinlock_irqsave)(&gpu->lock);
	if (!gpu->irq_domain || !sim_irq_wants_delivery(block))
		return false;

	if (++block->repeats > gpu->irq_storm) {
		block->lost = true;
		sim_violation_locked(gpu, SIM_V_IRQ_STORM,
				     "line %u: handled %u times, RAWSTAT %#x MASK %#x and no write",
				     line, gpu->irq_storm, block->raw, block->mask);
		return false;
	}

	block->delivered++;
	return true;
}

/**
 * sim_irq_deliver() - Have the lines that are high handled, once each
 * @gpu: GPU.
 *
 * A line that is high afterwards comes again: the interrupt core unmasks it
 * then, and sim_irq_unmask() evaluates it anew.
 *
 * Context: Hard interrupt.
 */
void sim_irq_deliver(struct sim_gpu *gpu)
{
	for (unsigned int line = 0; line < SIM_IRQ_LINES; line++) {
		if (sim_irq_take(gpu, line))
			generic_handle_domain_irq(gpu->irq_domain, line);
	}
}

static void sim_irq_set_masked(struct irq_data *data, bool masked)
{
	struct sim_gpu *gpu = irq_data_get_irq_chip_data(data);
	enum sim_irq_line line = irqd_to_hwirq(data);

	guard(raw_spinlock_irqsave)(&gpu->lock);
	gpu->irq[line].chip_masked = masked;
	sim_irq_evaluate(gpu, line);
}

static void sim_irq_mask(struct irq_data *data)
{
	sim_irq_set_masked(data, true);
}

static void sim_irq_unmask(struct irq_data *data)
{
	sim_irq_set_masked(data, false);
}

static struct irq_chip sim_irq_chip = {
	.name = "panthor-sim",
	.irq_mask = sim_irq_mask,
	.irq_unmask = sim_irq_unmask,
	.flags = IRQCHIP_SKIP_SET_WAKE,
};

static int sim_irq_map(struct irq_domain *domain, unsigned int virq, irq_hw_number_t line)
{
	if (line >= SIM_IRQ_LINES)
		return -EINVAL;

	irq_set_chip_and_handler(virq, &sim_irq_chip, handle_level_irq);
	irq_set_chip_data(virq, domain->host_data);
	irq_set_status_flags(virq, IRQ_LEVEL);
	return 0;
}

static const struct irq_domain_ops sim_irq_domain_ops = {
	.map = sim_irq_map,
	.xlate = irq_domain_xlate_onecell,
};

/**
 * sim_irq_init() - Make the interrupt domain
 * @gpu: GPU.
 * @np: Interrupt controller in the device tree, NULL in tests without one.
 *
 * Context: Process.
 *
 * Return: 0 or -ENOMEM.
 */
int sim_irq_init(struct sim_gpu *gpu, struct device_node *np)
{
	struct irq_domain *domain;

	domain = irq_domain_create_linear(np ? of_fwnode_handle(np) : NULL, SIM_IRQ_LINES,
					  &sim_irq_domain_ops, gpu);
	if (!domain)
		return -ENOMEM;

	for (unsigned int line = 0; line < SIM_IRQ_LINES; line++)
		gpu->irq[line].chip_masked = true;
	WRITE_ONCE(gpu->irq_domain, domain);
	return 0;
}

/**
 * sim_irq_fini() - Remove the domain; no handler may be left
 * @gpu: GPU.
 *
 * Context: Process.
 */
void sim_irq_fini(struct sim_gpu *gpu)
{
	struct irq_domain *domain = gpu->irq_domain;

	if (!domain)
		return;

	scoped_guard(raw_spinlock_irqsave, &gpu->lock)
		gpu->irq_domain = NULL;
	irq_work_sync(&gpu->work);
	for (unsigned int line = 0; line < SIM_IRQ_LINES; line++)
		irq_dispose_mapping(irq_find_mapping(domain, line));
	irq_domain_remove(domain);
}
