// SPDX-License-Identifier: GPL-2.0-only
/*
 * The functions behind the seam. The address they get is no address: it is made
 * up such that any access around the seam faults, on every architecture.
 */

#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/of.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

#include "../panthor_fw_regs.h"

#include "sim.h"
#include "sim_io.h"
#include "sim_regs.h"
#include "sim_seam.h"

/* Neither user nor kernel half of the address space, whatever its width. */
#define SIM_IO_BASE		0x5a5a000000000000UL
#define SIM_IO_STRIDE		(16UL << 20)

struct sim_io {
	struct sim_gpu *gpu;
	struct device_node *np;
};

static struct sim_io sim_io[SIM_MAX_GPUS];
static DEFINE_MUTEX(sim_io_lock);

/**
 * sim_io_add() - Let a GPU be reached
 * @gpu: GPU.
 * @np: Its device tree node.
 *
 * Context: Process.
 *
 * Return: 0 or -EBUSY if its number is taken.
 */
int sim_io_add(struct sim_gpu *gpu, struct device_node *np)
{
	guard(mutex)(&sim_io_lock);
	if (sim_io[gpu->id].gpu)
		return -EBUSY;

	WRITE_ONCE(sim_io[gpu->id].np, np);
	WRITE_ONCE(sim_io[gpu->id].gpu, gpu);
	return 0;
}

/**
 * sim_io_remove() - Undo sim_io_add(); no driver may be bound any more
 * @gpu: GPU.
 *
 * Context: Process.
 */
void sim_io_remove(struct sim_gpu *gpu)
{
	guard(mutex)(&sim_io_lock);
	WRITE_ONCE(sim_io[gpu->id].gpu, NULL);
	WRITE_ONCE(sim_io[gpu->id].np, NULL);
}

/**
 * sim_io_cache() - The cache that a device does not snoop
 * @dev: Any device. It is one of ours for as long as the driver has it.
 *
 * Context: Any.
 *
 * Return: The cache, or NULL if there is none, or the device is not ours.
 */
struct sim_cache *sim_io_cache(const struct device *dev)
{
	const struct device_node *np = dev->of_node;

	for (unsigned int i = 0; np && i < SIM_MAX_GPUS; i++) {
		struct sim_gpu *gpu = READ_ONCE(sim_io[i].gpu);

		if (gpu && READ_ONCE(sim_io[i].np) == np)
			return gpu->config.cache;
	}

	return NULL;
}

static struct sim_gpu *sim_io_find(unsigned long addr, u32 *offset)
{
	unsigned long index = (addr - SIM_IO_BASE) / SIM_IO_STRIDE;
	struct sim_gpu *gpu = NULL;

	*offset = (addr - SIM_IO_BASE) % SIM_IO_STRIDE;
	if (addr >= SIM_IO_BASE && index < SIM_MAX_GPUS)
		gpu = READ_ONCE(sim_io[index].gpu);

	/* Where there is no GPU, nobody can count it: say it as loud as can be. */
	WARN_ONCE(!gpu, "panthor-sim: violation: no GPU at %#lx\n", addr);
	return gpu;
}

/**
 * panthor_sim_readl() - readl() and readl_relaxed() of the driver
 * @addr: Address.
 *
 * Context: Any.
 *
 * Return: Value of the register.
 */
u32 panthor_sim_readl(const volatile void __iomem *addr)
{
	struct sim_gpu *gpu;
	u32 offset;

	gpu = sim_io_find((__force unsigned long)addr, &offset);
	return gpu ? sim_regs_read(gpu, offset) : 0;
}
EXPORT_SYMBOL_GPL(panthor_sim_readl);

/**
 * panthor_sim_writel() - writel() and writel_relaxed() of the driver
 * @value: Value.
 * @addr: Address.
 *
 * Context: Any.
 */
void panthor_sim_writel(u32 value, volatile void __iomem *addr)
{
	struct sim_gpu *gpu;
	u32 offset;

	gpu = sim_io_find((__force unsigned long)addr, &offset);
	if (gpu)
		sim_regs_write(gpu, offset, value);
}
EXPORT_SYMBOL_GPL(panthor_sim_writel);

static void sim_io_unmap(void *data)
{
	struct sim_gpu *gpu = data;

	guard(raw_spinlock_irqsave)(&gpu->lock);
	gpu->mapped = false;
}

/**
 * panthor_sim_ioremap() - devm_platform_get_and_ioremap_resource() of the driver
 * @pdev: Device that is probed.
 * @index: Which of its resources; there is one.
 * @res: Where to put the resource.
 *
 * The driver has user space map the page of LATEST_FLUSH by the physical address
 * of the registers. So the resource it gets lies such that this page is the
 * model's, and nothing else of it is ever used.
 *
 * Context: Process.
 *
 * Return: The address or an error pointer; -ENODEV for any other device.
 */
void __iomem *panthor_sim_ioremap(struct platform_device *pdev, unsigned int index,
				  struct resource **res)
{
	struct device_node *np = dev_of_node(&pdev->dev);
	struct sim_gpu *gpu = NULL;
	struct resource *fake;
	int ret;

	guard(mutex)(&sim_io_lock);
	for (unsigned int i = 0; np && i < SIM_MAX_GPUS; i++) {
		if (sim_io[i].np == np)
			gpu = sim_io[i].gpu;
	}
	if (!gpu || index) {
		dev_err(&pdev->dev, "this driver was built for the software GPU only\n");
		return IOMEM_ERR_PTR(-ENODEV);
	}

	fake = devm_kzalloc(&pdev->dev, sizeof(*fake), GFP_KERNEL);
	if (!fake)
		return IOMEM_ERR_PTR(-ENOMEM);

	fake->name = "panthor-sim";
	fake->flags = IORESOURCE_MEM;
	fake->start = page_to_phys(gpu->flush_page) - CSF_GPU_LATEST_FLUSH_ID;
	fake->end = fake->start + SIM_MMIO_SIZE - 1;

	scoped_guard(raw_spinlock_irqsave, &gpu->lock) {
		if (gpu->mapped)
			return IOMEM_ERR_PTR(-EBUSY);
		gpu->mapped = true;
	}
	ret = devm_add_action_or_reset(&pdev->dev, sim_io_unmap, gpu);
	if (ret)
		return IOMEM_ERR_PTR(ret);

	if (res)
		*res = fake;
	return (__force void __iomem *)(SIM_IO_BASE + gpu->id * SIM_IO_STRIDE);
}
EXPORT_SYMBOL_GPL(panthor_sim_ioremap);
