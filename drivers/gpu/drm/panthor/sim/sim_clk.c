// SPDX-License-Identifier: GPL-2.0-only
/* Clock provider, and the counter of the core clock's cycles. */

#include <linux/cleanup.h>
#include <linux/clk-provider.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/of.h>
#include <linux/slab.h>

#include "sim.h"
#include "sim_clk.h"
#include "sim_events.h"

#define SIM_CLOCK_MIN_HZ	100000000
#define SIM_CLOCK_MAX_HZ	1000000000
#define SIM_CLOCK_STEP_HZ	1000000

static const char *const sim_clock_names[SIM_CLOCKS] = { "core", "coregroup", "stacks" };

struct sim_clock {
	struct clk_hw hw;
	struct sim_gpu *gpu;
	unsigned long hz;
	bool on;
};

struct sim_clocks {
	struct device_node *np;
	struct sim_clock clock[SIM_CLOCKS];
};

static struct sim_clock *to_sim_clock(struct clk_hw *hw)
{
	return container_of(hw, struct sim_clock, hw);
}

/* The cycles so far are counted at the old rate. */
static void sim_clock_changed(struct sim_clock *clock)
{
	struct sim_gpu *gpu = clock->gpu;
	unsigned int index = clock - gpu->clocks->clock;
	u64 hz = clock->on ? clock->hz : 0;

	sim_event(gpu, SIM_EVENT_CLOCK, index, hz);
	if (index)
		return;

	gpu->cycles = sim_gpu_cycles(gpu);
	gpu->cycles_ns = sim_gpu_now();
	gpu->clock_hz = hz;
}

static int sim_clock_enable(struct clk_hw *hw)
{
	struct sim_clock *clock = to_sim_clock(hw);

	guard(raw_spinlock_irqsave)(&clock->gpu->lock);
	clock->on = true;
	sim_clock_changed(clock);
	return 0;
}

static void sim_clock_disable(struct clk_hw *hw)
{
	struct sim_clock *clock = to_sim_clock(hw);

	guard(raw_spinlock_irqsave)(&clock->gpu->lock);
	clock->on = false;
	sim_clock_changed(clock);
}

static int sim_clock_is_enabled(struct clk_hw *hw)
{
	return READ_ONCE(to_sim_clock(hw)->on);
}

static unsigned long sim_clock_recalc_rate(struct clk_hw *hw, unsigned long parent)
{
	return READ_ONCE(to_sim_clock(hw)->hz);
}

static int sim_clock_determine_rate(struct clk_hw *hw, struct clk_rate_request *request)
{
	unsigned long hz = clamp(request->rate, SIM_CLOCK_MIN_HZ, SIM_CLOCK_MAX_HZ);

	request->rate = rounddown(hz, SIM_CLOCK_STEP_HZ);
	return 0;
}

static int sim_clock_set_rate(struct clk_hw *hw, unsigned long rate, unsigned long parent)
{
	struct sim_clock *clock = to_sim_clock(hw);

	guard(raw_spinlock_irqsave)(&clock->gpu->lock);
	clock->hz = rate;
	sim_clock_changed(clock);
	return 0;
}

static const struct clk_ops sim_clock_ops = {
	.enable = sim_clock_enable,
	.disable = sim_clock_disable,
	.is_enabled = sim_clock_is_enabled,
	.recalc_rate = sim_clock_recalc_rate,
	.determine_rate = sim_clock_determine_rate,
	.set_rate = sim_clock_set_rate,
};

static struct clk_hw *sim_clk_get(struct of_phandle_args *args, void *data)
{
	struct sim_clocks *clocks = data;

	if (args->args[0] >= SIM_CLOCKS)
		return ERR_PTR(-EINVAL);

	return &clocks->clock[args->args[0]].hw;
}

static int sim_clock_register(struct sim_gpu *gpu, struct sim_clock *clock, const char *name)
{
	struct clk_init_data init = { .ops = &sim_clock_ops };
	char *full;
	int ret;

	full = kasprintf(GFP_KERNEL, "panthor-sim%u-%s", gpu->id, name);
	if (!full)
		return -ENOMEM;

	init.name = full;
	clock->gpu = gpu;
	clock->hz = SIM_CLOCK_HZ;
	clock->hw.init = &init;
	ret = clk_hw_register(NULL, &clock->hw);
	kfree(full);
	return ret;
}

static void sim_clk_unregister(struct sim_clocks *clocks, unsigned int count)
{
	while (count--)
		clk_hw_unregister(&clocks->clock[count].hw);
}

/**
 * sim_clk_init() - Make the clocks, all off
 * @gpu: GPU.
 * @np: Clock provider in the device tree, NULL in tests without one.
 *
 * Context: Process.
 *
 * Return: 0, -ENOMEM, or what the clock core says.
 */
int sim_clk_init(struct sim_gpu *gpu, struct device_node *np)
{
	struct sim_clocks *clocks;
	unsigned int i;
	int ret;

	clocks = kzalloc_obj(*clocks);
	if (!clocks)
		return -ENOMEM;

	clocks->np = np;
	scoped_guard(raw_spinlock_irqsave, &gpu->lock) {
		gpu->clocks = clocks;
		gpu->clock_hz = 0;
	}

	for (i = 0; i < SIM_CLOCKS; i++) {
		ret = sim_clock_register(gpu, &clocks->clock[i], sim_clock_names[i]);
		if (ret)
			goto err_unregister;
	}

	if (np) {
		ret = of_clk_add_hw_provider(np, sim_clk_get, clocks);
		if (ret)
			goto err_unregister;
	}

	return 0;

err_unregister:
	sim_clk_unregister(clocks, i);
	scoped_guard(raw_spinlock_irqsave, &gpu->lock)
		gpu->clocks = NULL;
	kfree(clocks);
	return ret;
}

/**
 * sim_clk_fini() - Remove the clocks; nobody may use them any more
 * @gpu: GPU.
 *
 * Context: Process.
 */
void sim_clk_fini(struct sim_gpu *gpu)
{
	struct sim_clocks *clocks = gpu->clocks;

	if (!clocks)
		return;

	if (clocks->np)
		of_clk_del_provider(clocks->np);
	sim_clk_unregister(clocks, SIM_CLOCKS);
	scoped_guard(raw_spinlock_irqsave, &gpu->lock)
		gpu->clocks = NULL;
	kfree(clocks);
}

/**
 * sim_clk_hw() - One clock, for tests that have no device tree
 * @gpu: GPU.
 * @index: Which.
 *
 * Context: Any.
 *
 * Return: The clock.
 */
struct clk_hw *sim_clk_hw(struct sim_gpu *gpu, unsigned int index)
{
	return &gpu->clocks->clock[index].hw;
}

/**
 * sim_clk_is_on() - Whether registers can be accessed
 * @gpu: GPU.
 *
 * Context: Under the GPU's lock.
 *
 * Return: Whether all clocks are on.
 */
bool sim_clk_is_on(const struct sim_gpu *gpu)
{
	if (!gpu->clocks)
		return true;

	for (unsigned int i = 0; i < SIM_CLOCKS; i++) {
		if (!gpu->clocks->clock[i].on)
			return false;
	}

	return true;
}
