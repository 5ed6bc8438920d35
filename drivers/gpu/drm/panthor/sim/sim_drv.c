// SPDX-License-Identifier: GPL-2.0-only
/* The module: what it is told, and the GPUs it makes. */

#include <linux/init.h>
#include <linux/module.h>
#include <linux/panic.h>

#include "sim.h"
#include "sim_debugfs.h"
#include "sim_dma.h"
#include "sim_inject.h"
#include "sim_of.h"

/*
 * Built in, the driver's KUnit suites are the usual reason, and they need none.
 * Next to a driver that was built without the seam there must be none, for that
 * driver would take the addresses for real ones.
 */
#define SIM_GPUS_DEFAULT	(IS_MODULE(CONFIG_DRM_PANTHOR_SIM) && SIM_HAS_SEAM)

static unsigned int gpus = SIM_GPUS_DEFAULT;
module_param(gpus, uint, 0444);
MODULE_PARM_DESC(gpus, "Number of GPUs, up to 4");

static char *model = "g610";
module_param(model, charp, 0444);
MODULE_PARM_DESC(model, "GPU model: g610 or g610mc1");

static unsigned int csg_slots = 8;
module_param(csg_slots, uint, 0444);
MODULE_PARM_DESC(csg_slots, "Command stream groups: 3 to 31");

static unsigned int cs_per_csg = 8;
module_param(cs_per_csg, uint, 0444);
MODULE_PARM_DESC(cs_per_csg, "Command streams of each group: 8 to 32");

static unsigned int as_present = 0xff;
module_param(as_present, uint, 0444);
MODULE_PARM_DESC(as_present, "Mask of address spaces; bit 0 is the firmware's");

static bool coherent[SIM_MAX_GPUS] = { [0 ... SIM_MAX_GPUS - 1] = true };
module_param_array(coherent, bool, NULL, 0444);
MODULE_PARM_DESC(coherent, "Has a coherent path to memory, one value per GPU");

static char *cache = "random";
module_param(cache, charp, 0444);
MODULE_PARM_DESC(cache, "Cache of the CPU, for GPUs that are not coherent: lazy, random, eager or off");

static unsigned int seed = 1;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "Seed of times that vary, and of the cache");

static char *latency = "";
module_param(latency, charp, 0444);
MODULE_PARM_DESC(latency, "OP=instant|manual|stuck|TIME,...; OP: as flush reset power boot halt ack run all");

static struct sim_gpu *sim_gpus[SIM_MAX_GPUS];

static int __init sim_config_read(struct sim_config *config)
{
	sim_config_default(config);
	config->model = sim_model_find(model);
	config->csg_slots = csg_slots;
	config->cs_per_csg = cs_per_csg;
	config->as_present = as_present;
	config->seed = seed;

	/* The driver's limits, but for the masks, which are the registers'. */
	if (!config->model || gpus > SIM_MAX_GPUS || csg_slots < 3 || csg_slots > SIM_MAX_CSG ||
	    cs_per_csg < 8 || cs_per_csg > 32 || !(as_present & 1) ||
	    as_present >> SIM_MAX_AS || sim_latency_parse_list(latency, config->latency)) {
		pr_err("panthor-sim: a parameter is out of range, see modinfo\n");
		return -EINVAL;
	}

	return 0;
}

static void sim_gpu_remove(struct sim_gpu *gpu)
{
	sim_debugfs_remove(gpu);
	sim_of_detach(gpu);
	sim_gpu_destroy(gpu);
}

static int __init sim_gpu_add(unsigned int id, const struct sim_config *config)
{
	struct sim_gpu *gpu;
	int ret;

	gpu = sim_gpu_create(id, config);
	if (IS_ERR(gpu))
		return PTR_ERR(gpu);

	ret = sim_of_attach(gpu);
	if (ret) {
		pr_err("panthor-sim: gpu %u cannot be attached: %d\n", id, ret);
		sim_gpu_destroy(gpu);
		return ret;
	}

	sim_debugfs_add(gpu);
	sim_gpus[id] = gpu;
	return 0;
}

/* In the reverse order, as overlays want to be removed. */
static void sim_remove_all(void)
{
	for (unsigned int id = SIM_MAX_GPUS; id--;) {
		if (sim_gpus[id])
			sim_gpu_remove(sim_gpus[id]);
		sim_gpus[id] = NULL;
	}
	sim_debugfs_fini();
	sim_dma_fini();
}

static int __init sim_init(void)
{
	struct sim_config config;
	int ret;

	ret = sim_config_read(&config);
	if (ret)
		return ret;
	ret = sim_dma_init(seed, cache);
	if (ret) {
		pr_err("panthor-sim: no cache \"%s\": %d\n", cache, ret);
		return ret;
	}

	sim_debugfs_init();
	if (gpus)
		add_taint(TAINT_TEST, LOCKDEP_STILL_OK);
	for (unsigned int id = 0; id < gpus; id++) {
		config.coherent = coherent[id];
		config.cache = coherent[id] ? NULL : sim_dma_cache();
		ret = sim_gpu_add(id, &config);
		if (ret) {
			sim_remove_all();
			return ret;
		}
	}

	return 0;
}

static void __exit sim_exit(void)
{
	sim_remove_all();
}

/* Built in, the device tree and the drivers come first. */
late_initcall(sim_init);
module_exit(sim_exit);
