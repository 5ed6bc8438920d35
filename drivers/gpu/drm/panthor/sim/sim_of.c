// SPDX-License-Identifier: GPL-2.0-only
/*
 * An overlay per GPU brings interrupt controller, clocks, operating points and,
 * disabled, the GPU. When what it needs is there, a changeset enables it, and
 * the driver core does the rest.
 */

#include <linux/of.h>
#include <linux/slab.h>

#include "sim.h"
#include "sim_clk.h"
#include "sim_io.h"
#include "sim_of.h"

struct sim_of {
	struct of_changeset changes;
	struct device_node *irq;
	struct device_node *clk;
	struct device_node *gpu;
	int overlay;
};

#define SIM_OF_BLOB(n) \
	extern u8 __dtbo_panthor_sim##n##_begin[]; \
	extern u8 __dtbo_panthor_sim##n##_end[]
SIM_OF_BLOB(0);
SIM_OF_BLOB(1);
SIM_OF_BLOB(2);
SIM_OF_BLOB(3);

static const struct {
	const void *begin;
	const void *end;
} sim_of_blobs[SIM_MAX_GPUS] = {
	{ __dtbo_panthor_sim0_begin, __dtbo_panthor_sim0_end },
	{ __dtbo_panthor_sim1_begin, __dtbo_panthor_sim1_end },
	{ __dtbo_panthor_sim2_begin, __dtbo_panthor_sim2_end },
	{ __dtbo_panthor_sim3_begin, __dtbo_panthor_sim3_end },
};

static struct device_node *sim_of_node(const char *format, unsigned int id)
{
	struct device_node *np;
	char *path;

	path = kasprintf(GFP_KERNEL, format, id);
	if (!path)
		return NULL;

	np = of_find_node_by_path(path);
	kfree(path);
	return np;
}

static int sim_of_enable(struct sim_gpu *gpu)
{
	struct sim_of *of = gpu->of;
	int ret;

	of_changeset_init(&of->changes);
	/* On some architectures coherent is the default, so say either. */
	ret = of_changeset_add_prop_bool(&of->changes, of->gpu,
					 gpu->config.coherent ? "dma-coherent" : "dma-noncoherent");
	if (!ret)
		ret = of_changeset_update_prop_string(&of->changes, of->gpu, "status", "okay");
	if (!ret)
		ret = of_changeset_apply(&of->changes);
	if (ret)
		of_changeset_destroy(&of->changes);
	return ret;
}

static void sim_of_put(struct sim_of *of)
{
	of_node_put(of->gpu);
	of_node_put(of->clk);
	of_node_put(of->irq);
	of_overlay_remove(&of->overlay);
	kfree(of);
}

/**
 * sim_of_attach() - Put a GPU where the driver finds it
 * @gpu: GPU.
 *
 * Context: Process. The driver's probe may run in here.
 *
 * Return: 0 or an error.
 */
int sim_of_attach(struct sim_gpu *gpu)
{
	const size_t size = sim_of_blobs[gpu->id].end - sim_of_blobs[gpu->id].begin;
	struct sim_of *of;
	int ret;

	of = kzalloc_obj(*of);
	if (!of)
		return -ENOMEM;

	ret = of_overlay_fdt_apply(sim_of_blobs[gpu->id].begin, size, &of->overlay, NULL);
	if (ret) {
		/* An overlay that failed half-way has an id as well. */
		if (of->overlay)
			of_overlay_remove(&of->overlay);
		kfree(of);
		return ret;
	}

	gpu->of = of;
	of->irq = sim_of_node("/panthor-sim%u-interrupts", gpu->id);
	of->clk = sim_of_node("/panthor-sim%u-clocks", gpu->id);
	of->gpu = sim_of_node("/gpu@2%u000000", gpu->id);
	if (!of->irq || !of->clk || !of->gpu) {
		ret = -ENODEV;
		goto err_put;
	}

	ret = sim_irq_init(gpu, of->irq);
	if (ret)
		goto err_put;
	ret = sim_clk_init(gpu, of->clk);
	if (ret)
		goto err_irq;
	ret = sim_io_add(gpu, of->gpu);
	if (ret)
		goto err_clk;
	ret = sim_of_enable(gpu);
	if (ret)
		goto err_io;

	return 0;

err_io:
	sim_io_remove(gpu);
err_clk:
	sim_clk_fini(gpu);
err_irq:
	sim_irq_fini(gpu);
err_put:
	sim_of_put(of);
	gpu->of = NULL;
	return ret;
}

/**
 * sim_of_name() - Name of a GPU in the device tree
 * @gpu: GPU that is attached.
 *
 * Context: Any.
 *
 * Return: The path of its node.
 */
const char *sim_of_name(const struct sim_gpu *gpu)
{
	return of_node_full_name(gpu->of->gpu);
}

/**
 * sim_of_detach() - Take a GPU away; its driver is unbound
 * @gpu: GPU.
 *
 * Context: Process.
 */
void sim_of_detach(struct sim_gpu *gpu)
{
	struct sim_of *of = gpu->of;

	of_changeset_revert(&of->changes);
	of_changeset_destroy(&of->changes);
	sim_io_remove(gpu);
	sim_clk_fini(gpu);
	sim_irq_fini(gpu);
	sim_of_put(of);
	gpu->of = NULL;
}
