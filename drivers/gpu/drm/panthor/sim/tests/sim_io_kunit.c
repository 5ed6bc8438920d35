// SPDX-License-Identifier: GPL-2.0-only
/* The functions behind the seam, and violations in the log. */

#include <linux/cleanup.h>
#include <linux/mm.h>
#include <linux/of.h>
#include <linux/platform_device.h>

#include <kunit/platform_device.h>
#include <kunit/resource.h>
#include <kunit/test.h>

#include "../../panthor_fw_regs.h"
#include "../../panthor_gpu_regs.h"

#include "../sim_inject.h"
#include "../sim_io.h"
#include "../sim_regs.h"
#include "sim_fixture.h"

/* Last: it renames what the headers above declare. */
#include "../sim_seam.h"

struct io_test {
	struct sim_gpu *gpu;
	struct device_node np;
	struct platform_device *pdev;
	/* What the driver holds: released as when it is unbound. */
	void *held;
};

KUNIT_DEFINE_ACTION_WRAPPER(io_remove_action, sim_io_remove, struct sim_gpu *);

static int io_test_init(struct kunit *test)
{
	struct io_test *priv = kunit_kzalloc(test, sizeof(*priv), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, priv);
	test->priv = priv;
	priv->gpu = sim_kunit_gpu(test);
	priv->gpu->id = SIM_MAX_GPUS - 1;
	priv->gpu->mapped = false;
	priv->pdev = kunit_platform_device_alloc(test, "panthor-sim-test", PLATFORM_DEVID_NONE);
	KUNIT_ASSERT_NOT_NULL(test, priv->pdev);
	KUNIT_ASSERT_EQ(test, kunit_platform_device_add(test, priv->pdev), 0);
	priv->pdev->dev.of_node = &priv->np;
	priv->held = devres_open_group(&priv->pdev->dev, NULL, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, priv->held);
	return 0;
}

static void unbind(struct kunit *test)
{
	struct io_test *priv = test->priv;

	devres_release_group(&priv->pdev->dev, priv->held);
	priv->held = devres_open_group(&priv->pdev->dev, NULL, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, priv->held);
}

static void io_test_exit(struct kunit *test)
{
	struct io_test *priv = test->priv;

	if (!priv || !priv->pdev)
		return;
	if (priv->held)
		devres_release_group(&priv->pdev->dev, priv->held);
	priv->pdev->dev.of_node = NULL;
}

static void add(struct kunit *test)
{
	struct io_test *priv = test->priv;

	KUNIT_ASSERT_EQ(test, sim_io_add(priv->gpu, &priv->np), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, io_remove_action, priv->gpu), 0);
}

static void __iomem *map(struct kunit *test, struct resource **res)
{
	struct io_test *priv = test->priv;

	return devm_platform_get_and_ioremap_resource(priv->pdev, 0, res);
}

/*
 * A driver maps registers and uses them. Succeeds if reads and writes by the
 * usual names arrive at the GPU of that device.
 */
static void accesses_arrive(struct kunit *test)
{
	struct io_test *priv = test->priv;
	void __iomem *regs;

	add(test);
	regs = map(test, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, (void __force *)regs);
	KUNIT_EXPECT_EQ(test, readl(regs + GPU_ID), priv->gpu->config.model->gpu_id);
	writel(5, regs + GPU_INT_BASE + SIM_INT_MASK);
	KUNIT_EXPECT_EQ(test, readl_relaxed(regs + GPU_INT_BASE + SIM_INT_MASK), 5);
	writel_relaxed(6, regs + GPU_INT_BASE + SIM_INT_MASK);
	KUNIT_EXPECT_EQ(test, priv->gpu->irq[SIM_IRQ_GPU].mask, 6);
	SIM_EXPECT_NO_VIOLATION(test, priv->gpu);
}

/*
 * User space maps LATEST_FLUSH by the resource of the driver. Succeeds if that
 * address is the model's page.
 */
static void resource_leads_to_the_flush_page(struct kunit *test)
{
	struct io_test *priv = test->priv;
	struct resource *res = NULL;

	add(test);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, (void __force *)map(test, &res));
	KUNIT_ASSERT_NOT_NULL(test, res);
	KUNIT_EXPECT_EQ(test, res->start + CSF_GPU_LATEST_FLUSH_ID,
			page_to_phys(priv->gpu->flush_page));
	KUNIT_EXPECT_EQ(test, resource_size(res), SIM_MMIO_SIZE);
}

/*
 * A device that is not the model's asks for registers. Succeeds if it is refused
 * with -ENODEV.
 */
static void other_devices_are_refused(struct kunit *test)
{
	KUNIT_EXPECT_PTR_EQ(test, map(test, NULL), IOMEM_ERR_PTR(-ENODEV));
}

/*
 * Registers are mapped twice. Succeeds if the second is refused with -EBUSY, and
 * works once the driver of the first is gone.
 */
static void mapped_once_at_a_time(struct kunit *test)
{
	add(test);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, (void __force *)map(test, NULL));
	KUNIT_EXPECT_PTR_EQ(test, map(test, NULL), IOMEM_ERR_PTR(-EBUSY));
	unbind(test);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, (void __force *)map(test, NULL));
}

/*
 * The driver is gone and something still reads a register. Succeeds if that is
 * a violation.
 */
static void access_after_the_driver(struct kunit *test)
{
	struct io_test *priv = test->priv;
	void __iomem *regs;

	add(test);
	regs = map(test, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, (void __force *)regs);
	unbind(test);
	KUNIT_EXPECT_EQ(test, readl(regs + GPU_ID), 0);
	SIM_EXPECT_VIOLATIONS(test, priv->gpu, SIM_V_UNMAPPED, 1);
}

/*
 * A second GPU has the number of the first. Succeeds if it is refused with
 * -EBUSY.
 */
static void numbers_are_taken_once(struct kunit *test)
{
	struct io_test *priv = test->priv;

	add(test);
	KUNIT_EXPECT_EQ(test, sim_io_add(priv->gpu, &priv->np), -EBUSY);
}

struct inject_row {
	const char *line;
	int ret;
};

static const struct inject_row inject_rows[] = {
	{ "stuck flush", 0 },
	{ "stuck flush 3", 0 },
	{ "stuck", -EINVAL },
	{ "stuck nothing", -EINVAL },
	{ "stuck flush many", -EINVAL },
	{ "lost-irq job", 0 },
	{ "lost-irq", -EINVAL },
	{ "lost-irq irq", -EINVAL },
	{ "gpu-fault 0x80 0x1000", 0 },
	{ "gpu-fault x", -EINVAL },
	{ "mmu-fault", -EINVAL },
	{ "mmu-fault 15", -EINVAL },
	{ "mmu-fault 99", -EINVAL },
	{ "mcu-hang", 0 },
	{ "slow-memory 1000", 0 },
	{ "", -EINVAL },
	{ "nothing", -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(inject, inject_rows, line);

/*
 * A line is written to "inject". Succeeds if it is taken or refused as the table
 * says.
 */
static void line_of_inject(struct kunit *test)
{
	const struct inject_row *row = test->param_value;
	struct io_test *priv = test->priv;
	char line[32];

	strscpy(line, row->line);
	KUNIT_EXPECT_EQ(test, sim_inject(priv->gpu, line), row->ret);
}

/*
 * Two flushes are to get stuck. Succeeds if they do, the third does not, and
 * other operations never did.
 */
static void injected_stuck_flush(struct kunit *test)
{
	struct io_test *priv = test->priv;
	struct sim_gpu *gpu = priv->gpu;
	char line[] = "stuck flush 2";

	gpu->mapped = true;
	sim_kunit_l2_on(gpu);
	KUNIT_ASSERT_EQ(test, sim_inject(gpu, line), 0);
	for (unsigned int n = 1; n <= 3; n++) {
		sim_regs_write(gpu, GPU_CMD, GPU_FLUSH_CACHES(CACHE_CLEAN, 0, 0));
		KUNIT_EXPECT_EQ_MSG(test, sim_delayed_busy(&gpu->flush), n < 3, "flush %u", n);
		sim_regs_write(gpu, GPU_CMD, GPU_SOFT_RESET);
		sim_kunit_l2_on(gpu);
	}
	SIM_EXPECT_NO_VIOLATION(test, gpu);
}

/*
 * A fault of the GPU is injected. Succeeds if status, address and interrupt say
 * so.
 */
static void injected_gpu_fault(struct kunit *test)
{
	struct io_test *priv = test->priv;
	struct sim_gpu *gpu = priv->gpu;
	char line[] = "gpu-fault 0x80 0x123456789a000";

	gpu->mapped = true;
	KUNIT_ASSERT_EQ(test, sim_inject(gpu, line), 0);
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, GPU_INT_BASE + SIM_INT_RAWSTAT), GPU_IRQ_FAULT);
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, GPU_FAULT_STATUS), 0x80);
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, GPU_FAULT_ADDR), 0x6789a000);
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, GPU_FAULT_ADDR + 4), 0x12345);
}

/*
 * Steps of debugfs. Succeeds if a step completes the operation that waits, one
 * without any says -ENOENT, and nonsense -EINVAL.
 */
static void line_of_step(struct kunit *test)
{
	struct io_test *priv = test->priv;
	struct sim_gpu *gpu = priv->gpu;
	char flush[] = "flush", all[] = "all 10", wrong[] = "flush x";

	gpu->mapped = true;
	sim_kunit_l2_on(gpu);
	sim_kunit_latency(gpu, SIM_OP_FLUSH, SIM_MANUAL, 0);
	sim_regs_write(gpu, GPU_CMD, GPU_FLUSH_CACHES(CACHE_CLEAN, 0, 0));
	KUNIT_EXPECT_EQ(test, sim_inject_step(gpu, wrong), -EINVAL);
	KUNIT_EXPECT_TRUE(test, sim_delayed_busy(&gpu->flush));
	KUNIT_EXPECT_EQ(test, sim_inject_step(gpu, flush), 0);
	KUNIT_EXPECT_FALSE(test, sim_delayed_busy(&gpu->flush));
	KUNIT_EXPECT_EQ(test, sim_inject_step(gpu, all), -ENOENT);
}

/*
 * Every kind of violation is provoked by name. Succeeds if each has a name of
 * its own, is counted on its own, and the total has them all.
 */
static void kinds_are_counted_apart(struct kunit *test)
{
	struct io_test *priv = test->priv;
	struct sim_gpu *gpu = priv->gpu;

	for (unsigned int kind = 0; kind < SIM_V_KINDS; kind++) {
		for (unsigned int n = 0; n <= kind; n++)
			sim_violation(gpu, kind, "of a test, %u", kind);
		for (unsigned int other = 0; other < kind; other++)
			KUNIT_EXPECT_STRNEQ(test, sim_violation_name(kind),
					    sim_violation_name(other));
	}
	for (unsigned int kind = 0; kind < SIM_V_KINDS; kind++)
		KUNIT_EXPECT_EQ_MSG(test, sim_kunit_violations(gpu, kind), kind + 1, "%s",
				    sim_violation_name(kind));
	KUNIT_EXPECT_EQ(test, sim_violation_total(gpu), SIM_V_KINDS * (SIM_V_KINDS + 1) / 2);
}

/*
 * Violations that a test expects. Succeeds if they count for the test and not
 * for the run, only of the kinds that were named, and only until it is over.
 */
static void expected_are_counted_apart(struct kunit *test)
{
	char two[] = "busy power", wrong[] = "power nonsense", none[] = "none";
	struct io_test *priv = test->priv;
	struct sim_gpu *gpu = priv->gpu;

	KUNIT_EXPECT_EQ(test, sim_inject_expect(gpu, two), 0);
	KUNIT_EXPECT_EQ(test, sim_inject_expect(gpu, wrong), -EINVAL);
	sim_violation(gpu, SIM_V_BUSY, "of a test");
	sim_violation(gpu, SIM_V_POWER, "of a test");
	KUNIT_EXPECT_EQ(test, sim_violation_total(gpu), 0);
	sim_violation(gpu, SIM_V_HEAP, "of a test");
	KUNIT_EXPECT_EQ(test, sim_violation_total(gpu), 1);
	KUNIT_EXPECT_EQ(test, sim_inject_expect(gpu, none), 0);
	KUNIT_EXPECT_EQ(test, gpu->violations.expected_count, 2);
	sim_violation(gpu, SIM_V_BUSY, "of a test");
	KUNIT_EXPECT_EQ(test, sim_violation_total(gpu), 2);
	KUNIT_EXPECT_EQ(test, gpu->violations.expected_count, 2);
}

static struct kunit_case panthor_sim_io_cases[] = {
	KUNIT_CASE(accesses_arrive),
	KUNIT_CASE(resource_leads_to_the_flush_page),
	KUNIT_CASE(other_devices_are_refused),
	KUNIT_CASE(mapped_once_at_a_time),
	KUNIT_CASE(access_after_the_driver),
	KUNIT_CASE(numbers_are_taken_once),
	KUNIT_CASE_PARAM(line_of_inject, inject_gen_params),
	KUNIT_CASE(injected_stuck_flush),
	KUNIT_CASE(injected_gpu_fault),
	KUNIT_CASE(line_of_step),
	KUNIT_CASE(kinds_are_counted_apart),
	KUNIT_CASE(expected_are_counted_apart),
	{}
};

static struct kunit_suite panthor_sim_io_suite = {
	.name = "panthor_sim_io",
	.init = io_test_init,
	.exit = io_test_exit,
	.test_cases = panthor_sim_io_cases,
};

kunit_test_suite(panthor_sim_io_suite);
