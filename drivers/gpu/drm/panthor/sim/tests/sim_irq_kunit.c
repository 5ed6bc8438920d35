// SPDX-License-Identifier: GPL-2.0-only
/* Interrupt lines, with a real domain and real handlers. */

#include <linux/cleanup.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/irqdomain.h>

#include <kunit/resource.h>
#include <kunit/test.h>

#include "../../panthor_gpu_regs.h"

#include "../sim_regs.h"
#include "sim_fixture.h"

#define GPU_INT(reg)	(GPU_INT_BASE + SIM_INT_##reg)
#define PATIENCE	(10 * HZ)

struct irq_test {
	struct sim_gpu *gpu;
	unsigned int virq;
	/* What the handler does with its n-th call. */
	irqreturn_t (*handler)(struct irq_test *priv, unsigned int n);
	atomic_t calls;
	struct completion handled;
};

static irqreturn_t irq_handler(int irq, void *data)
{
	struct irq_test *priv = data;
	irqreturn_t ret = priv->handler(priv, atomic_inc_return(&priv->calls));

	complete(&priv->handled);
	return ret;
}

static irqreturn_t clear_first(struct irq_test *priv, unsigned int n)
{
	sim_regs_write(priv->gpu, GPU_INT(CLEAR), ~0);
	return IRQ_HANDLED;
}

static irqreturn_t clear_third(struct irq_test *priv, unsigned int n)
{
	if (n == 3)
		sim_regs_write(priv->gpu, GPU_INT(CLEAR), ~0);
	return IRQ_HANDLED;
}

/* The event comes between the clear and the end of the handler. */
static irqreturn_t raise_in_first(struct irq_test *priv, unsigned int n)
{
	sim_regs_write(priv->gpu, GPU_INT(CLEAR), ~0);
	if (n == 1)
		sim_kunit_raise(priv->gpu, SIM_IRQ_GPU, BIT(1));
	return IRQ_HANDLED;
}

static irqreturn_t never_clear(struct irq_test *priv, unsigned int n)
{
	return IRQ_HANDLED;
}

KUNIT_DEFINE_ACTION_WRAPPER(irq_fini_action, sim_irq_fini, struct sim_gpu *);

static void free_irq_action(void *data)
{
	struct irq_test *priv = data;

	free_irq(priv->virq, priv);
}

static int irq_test_init(struct kunit *test)
{
	struct irq_test *priv = kunit_kzalloc(test, sizeof(*priv), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, priv);
	test->priv = priv;
	init_completion(&priv->handled);
	priv->handler = clear_first;
	priv->gpu = sim_kunit_gpu(test);
	KUNIT_ASSERT_EQ(test, sim_irq_init(priv->gpu, NULL), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, irq_fini_action, priv->gpu), 0);
	priv->virq = irq_create_mapping(priv->gpu->irq_domain, SIM_IRQ_GPU);
	KUNIT_ASSERT_NE(test, priv->virq, 0);
	return 0;
}

static void request(struct kunit *test, irqreturn_t (*handler)(struct irq_test *, unsigned int))
{
	struct irq_test *priv = test->priv;

	priv->handler = handler;
	KUNIT_ASSERT_EQ(test, request_irq(priv->virq, irq_handler, 0, "panthor-sim-test", priv), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_irq_action, priv), 0);
}

static bool handled(struct irq_test *priv, unsigned int times)
{
	while (times--) {
		if (!wait_for_completion_timeout(&priv->handled, PATIENCE))
			return false;
	}

	return true;
}

/* All that is on its way has arrived. */
static void settle(struct irq_test *priv)
{
	irq_work_sync(&priv->gpu->work);
	synchronize_irq(priv->virq);
	irq_work_sync(&priv->gpu->work);
}

static void mask(struct irq_test *priv, u32 bits)
{
	sim_regs_write(priv->gpu, GPU_INT(MASK), bits);
}

/*
 * An event comes whose bit is not in the mask. Succeeds if RAWSTAT has it, STAT
 * has not, and the handler is called only when the mask lets it through.
 */
static void masked_event_waits(struct kunit *test)
{
	struct irq_test *priv = test->priv;

	request(test, clear_first);
	mask(priv, BIT(0));
	sim_kunit_raise(priv->gpu, SIM_IRQ_GPU, BIT(1));
	settle(priv);
	KUNIT_EXPECT_EQ(test, atomic_read(&priv->calls), 0);
	KUNIT_EXPECT_EQ(test, sim_regs_read(priv->gpu, GPU_INT(RAWSTAT)), BIT(1));
	KUNIT_EXPECT_EQ(test, sim_regs_read(priv->gpu, GPU_INT(STAT)), 0);

	mask(priv, BIT(1));
	KUNIT_EXPECT_TRUE(test, handled(priv, 1));
	settle(priv);
	KUNIT_EXPECT_EQ(test, atomic_read(&priv->calls), 1);
}

/*
 * The handler leaves the line high twice. Succeeds if it is called three times,
 * and no more.
 */
static void high_line_is_handled_again(struct kunit *test)
{
	struct irq_test *priv = test->priv;

	request(test, clear_third);
	mask(priv, ~0);
	sim_kunit_raise(priv->gpu, SIM_IRQ_GPU, BIT(0));
	KUNIT_EXPECT_TRUE(test, handled(priv, 3));
	settle(priv);
	KUNIT_EXPECT_EQ(test, atomic_read(&priv->calls), 3);
	KUNIT_EXPECT_EQ(test, priv->gpu->irq[SIM_IRQ_GPU].delivered, 3);
}

/*
 * An event comes while the handler of the one before still runs. Succeeds if the
 * handler is called for it as well.
 */
static void event_during_the_handler_is_kept(struct kunit *test)
{
	struct irq_test *priv = test->priv;

	request(test, raise_in_first);
	mask(priv, ~0);
	sim_kunit_raise(priv->gpu, SIM_IRQ_GPU, BIT(0));
	KUNIT_EXPECT_TRUE(test, handled(priv, 2));
	settle(priv);
	KUNIT_EXPECT_EQ(test, atomic_read(&priv->calls), 2);
}

/*
 * The line is disabled in the interrupt core, and an event comes. Succeeds if it
 * is handled after the line was enabled, and not before.
 */
static void disabled_line_is_handled_later(struct kunit *test)
{
	struct irq_test *priv = test->priv;

	request(test, clear_first);
	mask(priv, ~0);
	disable_irq(priv->virq);
	sim_kunit_raise(priv->gpu, SIM_IRQ_GPU, BIT(0));
	settle(priv);
	KUNIT_EXPECT_EQ(test, atomic_read(&priv->calls), 0);

	enable_irq(priv->virq);
	KUNIT_EXPECT_TRUE(test, handled(priv, 1));
}

/*
 * The line is disabled, goes high, and low again. Succeeds if enabling it has
 * nothing handled: a level has no memory.
 */
static void level_has_no_memory(struct kunit *test)
{
	struct irq_test *priv = test->priv;

	request(test, clear_first);
	mask(priv, ~0);
	disable_irq(priv->virq);
	sim_kunit_raise(priv->gpu, SIM_IRQ_GPU, BIT(0));
	settle(priv);
	sim_regs_write(priv->gpu, GPU_INT(CLEAR), BIT(0));
	enable_irq(priv->virq);
	settle(priv);
	KUNIT_EXPECT_EQ(test, atomic_read(&priv->calls), 0);
}

/*
 * The line is high before there is a handler. Succeeds if the handler is called
 * when it comes.
 */
static void high_before_the_handler(struct kunit *test)
{
	struct irq_test *priv = test->priv;

	mask(priv, ~0);
	sim_kunit_raise(priv->gpu, SIM_IRQ_GPU, BIT(0));
	settle(priv);
	request(test, clear_first);
	KUNIT_EXPECT_TRUE(test, handled(priv, 1));
}

/*
 * One rise of the line is lost by injection. Succeeds if nobody is told of that
 * one, and the next rise is handled.
 */
static void lost_irq_is_lost_once(struct kunit *test)
{
	struct irq_test *priv = test->priv;

	request(test, clear_first);
	mask(priv, ~0);
	scoped_guard(raw_spinlock_irqsave, &priv->gpu->lock)
		priv->gpu->irq[SIM_IRQ_GPU].lose = 1;

	sim_kunit_raise(priv->gpu, SIM_IRQ_GPU, BIT(0));
	settle(priv);
	KUNIT_EXPECT_EQ(test, atomic_read(&priv->calls), 0);
	KUNIT_EXPECT_EQ(test, sim_regs_read(priv->gpu, GPU_INT(STAT)), BIT(0));

	sim_regs_write(priv->gpu, GPU_INT(CLEAR), ~0);
	sim_kunit_raise(priv->gpu, SIM_IRQ_GPU, BIT(0));
	KUNIT_EXPECT_TRUE(test, handled(priv, 1));
}

/*
 * The handler never clears. Succeeds if that is one violation, and the model
 * then stops instead of hanging the machine.
 */
static void storm_is_a_violation(struct kunit *test)
{
	struct irq_test *priv = test->priv;
	struct sim_gpu *gpu = priv->gpu;

	gpu->irq_storm = 5;
	request(test, never_clear);
	mask(priv, ~0);
	sim_kunit_raise(gpu, SIM_IRQ_GPU, BIT(0));
	KUNIT_EXPECT_TRUE(test, handled(priv, 5));
	/* The sixth would come by itself, where the model did not stop. */
	for (unsigned int n = 0; n < 1000 && !sim_violation_total(gpu); n++)
		usleep_range(1000, 2000);
	settle(priv);
	SIM_EXPECT_VIOLATIONS(test, gpu, SIM_V_IRQ_STORM, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&priv->calls), 5);
}

/*
 * Each line goes high alone. Succeeds if the other blocks and lines stay low.
 */
static void lines_are_independent(struct kunit *test)
{
	struct irq_test *priv = test->priv;
	struct sim_gpu *gpu = priv->gpu;

	for (unsigned int line = 0; line < SIM_IRQ_LINES; line++) {
		guard(raw_spinlock_irqsave)(&gpu->lock);
		for (unsigned int i = 0; i < SIM_IRQ_LINES; i++)
			sim_irq_write(gpu, i, SIM_INT_MASK, ~0);
		sim_irq_raise(gpu, line, BIT(line));
		for (unsigned int i = 0; i < SIM_IRQ_LINES; i++)
			KUNIT_EXPECT_EQ_MSG(test, sim_irq_level(gpu, i), i == line,
					    "line %u of %u", i, line);
		sim_irq_reset(gpu, true);
	}
}

static struct kunit_case panthor_sim_irq_cases[] = {
	KUNIT_CASE(masked_event_waits),
	KUNIT_CASE(high_line_is_handled_again),
	KUNIT_CASE(event_during_the_handler_is_kept),
	KUNIT_CASE(disabled_line_is_handled_later),
	KUNIT_CASE(level_has_no_memory),
	KUNIT_CASE(high_before_the_handler),
	KUNIT_CASE(lost_irq_is_lost_once),
	KUNIT_CASE(storm_is_a_violation),
	KUNIT_CASE(lines_are_independent),
	{}
};

static struct kunit_suite panthor_sim_irq_suite = {
	.name = "panthor_sim_irq",
	.init = irq_test_init,
	.test_cases = panthor_sim_irq_cases,
};

kunit_test_suite(panthor_sim_irq_suite);
