// SPDX-License-Identifier: GPL-2.0-only
/*
 * A Vulkan client of what Debian ships, which knows nothing of panthor: each case
 * runs on every GPU of the driver panvk. No case needs a shader to have an effect,
 * as the software GPU runs none.
 *
 * Usage: client CASE
 */

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <vulkan/vulkan.h>

#define MAX_GPUS	4
#define WAIT_NS		20000000000ULL
#define CLIENTS		6
#define SHARED_SIZE	65536

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define MUST(call)	must(call, #call)

struct device {
	VkPhysicalDevice physical;
	VkDevice handle;
	VkQueue queue;
	VkCommandPool pool;
	VkFence fence;
};

static void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

static void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	_exit(1);
}

static void must(VkResult result, const char *call)
{
	if (result != VK_SUCCESS)
		fail("%.60s gives %d", call, result);
}

static VkInstance instance_create(void)
{
	const VkApplicationInfo app = {
		.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
		.apiVersion = VK_API_VERSION_1_3,
	};
	const VkInstanceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
		.pApplicationInfo = &app,
	};
	VkInstance instance;

	MUST(vkCreateInstance(&info, NULL, &instance));
	return instance;
}

static unsigned int find_gpus(VkInstance instance, VkPhysicalDevice *gpus)
{
	VkPhysicalDevice all[MAX_GPUS];
	uint32_t count = MAX_GPUS;
	unsigned int found = 0;

	MUST(vkEnumeratePhysicalDevices(instance, &count, all));
	for (uint32_t i = 0; i < count; i++) {
		VkPhysicalDeviceDriverProperties driver = {
			.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
		};
		VkPhysicalDeviceProperties2 props = {
			.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
			.pNext = &driver,
		};

		vkGetPhysicalDeviceProperties2(all[i], &props);
		if (driver.driverID == VK_DRIVER_ID_MESA_PANVK)
			gpus[found++] = all[i];
	}
	if (!found)
		fail("no GPU of panvk among %u", count);
	return found;
}

static void device_create(VkPhysicalDevice physical, bool sharing, struct device *device)
{
	static const char *const extensions[] = {
		VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME,
		VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME,
		VK_KHR_EXTERNAL_SEMAPHORE_FD_EXTENSION_NAME,
	};
	const float priority = 1;
	const VkDeviceQueueCreateInfo queue = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
		.queueCount = 1,
		.pQueuePriorities = &priority,
	};
	VkPhysicalDeviceVulkan12Features features = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
		.timelineSemaphore = VK_TRUE,
		.hostQueryReset = VK_TRUE,
	};
	const VkDeviceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.pNext = &features,
		.queueCreateInfoCount = 1,
		.pQueueCreateInfos = &queue,
		.enabledExtensionCount = sharing ? ARRAY_SIZE(extensions) : 0,
		.ppEnabledExtensionNames = extensions,
	};
	const VkFenceCreateInfo fence = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };
	const VkCommandPoolCreateInfo pool = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
	};

	*device = (struct device){ .physical = physical };
	MUST(vkCreateDevice(physical, &info, NULL, &device->handle));
	vkGetDeviceQueue(device->handle, 0, 0, &device->queue);
	MUST(vkCreateFence(device->handle, &fence, NULL, &device->fence));
	MUST(vkCreateCommandPool(device->handle, &pool, NULL, &device->pool));
}

static void device_destroy(struct device *device)
{
	vkDestroyCommandPool(device->handle, device->pool, NULL);
	vkDestroyFence(device->handle, device->fence, NULL);
	vkDestroyDevice(device->handle, NULL);
}

static VkCommandBuffer begin(struct device *device, VkCommandBufferLevel level)
{
	const VkCommandBufferAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.commandPool = device->pool,
		.level = level,
		.commandBufferCount = 1,
	};
	const VkCommandBufferInheritanceInfo inherit = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_INFO,
	};
	const VkCommandBufferBeginInfo how = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.pInheritanceInfo = &inherit,
	};
	VkCommandBuffer commands;

	MUST(vkAllocateCommandBuffers(device->handle, &info, &commands));
	MUST(vkBeginCommandBuffer(commands, &how));
	return commands;
}

static void wait_fence(struct device *device)
{
	MUST(vkWaitForFences(device->handle, 1, &device->fence, VK_TRUE, WAIT_NS));
	MUST(vkResetFences(device->handle, 1, &device->fence));
}

/* Runs to the end; without commands it is an empty submit. */
static void run(struct device *device, VkCommandBuffer commands)
{
	const VkSubmitInfo submit = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.commandBufferCount = commands ? 1 : 0,
		.pCommandBuffers = &commands,
	};

	MUST(vkQueueSubmit(device->queue, 1, &submit, device->fence));
	wait_fence(device);
}

static VkQueryPool query_pool(struct device *device, unsigned int count)
{
	const VkQueryPoolCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
		.queryType = VK_QUERY_TYPE_TIMESTAMP,
		.queryCount = count,
	};
	VkQueryPool pool;

	MUST(vkCreateQueryPool(device->handle, &info, NULL, &pool));
	vkResetQueryPool(device->handle, pool, 0, count);
	return pool;
}

static uint64_t timestamp(struct device *device, VkQueryPool pool, unsigned int index)
{
	uint64_t value[2] = { };

	MUST(vkGetQueryPoolResults(device->handle, pool, index, 1, sizeof(value), value,
				   sizeof(value), VK_QUERY_RESULT_64_BIT |
				   VK_QUERY_RESULT_WITH_AVAILABILITY_BIT));
	if (!value[1])
		fail("timestamp %u was not written", index);
	return value[0];
}

static VkSemaphore semaphore(struct device *device, const void *how)
{
	const VkSemaphoreCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
		.pNext = how,
	};
	VkSemaphore made;

	MUST(vkCreateSemaphore(device->handle, &info, NULL, &made));
	return made;
}

/* --- cases ----------------------------------------------------------------------- */

/* Devices come and go, and submits of nothing come to their end. */
static void case_device(VkPhysicalDevice gpu)
{
	for (unsigned int i = 0; i < 5; i++) {
		struct device device;

		device_create(gpu, false, &device);
		for (unsigned int j = 0; j < 10; j++)
			run(&device, NULL);
		MUST(vkDeviceWaitIdle(device.handle));
		device_destroy(&device);
	}
}

/* Primary and secondary buffers run, each time they are submitted. */
static void case_recorded(VkPhysicalDevice gpu)
{
	const VkMemoryBarrier barrier = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
		.srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
		.dstAccessMask = VK_ACCESS_MEMORY_READ_BIT,
	};
	VkCommandBuffer primary, secondary;
	struct device device;
	VkQueryPool pool;

	device_create(gpu, false, &device);
	pool = query_pool(&device, 1);
	secondary = begin(&device, VK_COMMAND_BUFFER_LEVEL_SECONDARY);
	vkCmdWriteTimestamp(secondary, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, pool, 0);
	MUST(vkEndCommandBuffer(secondary));
	primary = begin(&device, VK_COMMAND_BUFFER_LEVEL_PRIMARY);
	vkCmdPipelineBarrier(primary, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
			     VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, 1, &barrier, 0, NULL, 0, NULL);
	vkCmdExecuteCommands(primary, 1, &secondary);
	MUST(vkEndCommandBuffer(primary));

	for (unsigned int i = 0; i < 10; i++) {
		vkResetQueryPool(device.handle, pool, 0, 1);
		run(&device, primary);
		timestamp(&device, pool, 0);
	}
	vkDestroyQueryPool(device.handle, pool, NULL);
	device_destroy(&device);
}

/*
 * The GPU sets an event, waits for it, and resets it; the CPU sees what it is. The
 * reset is a submit of its own: in the one of the wait, a queue of the driver could
 * reset what another still has to see.
 */
static void case_events(VkPhysicalDevice gpu)
{
	const VkEventCreateInfo info = { .sType = VK_STRUCTURE_TYPE_EVENT_CREATE_INFO };
	VkCommandBuffer set, wait, reset;
	struct device device;
	VkEvent event;

	device_create(gpu, false, &device);
	MUST(vkCreateEvent(device.handle, &info, NULL, &event));
	set = begin(&device, VK_COMMAND_BUFFER_LEVEL_PRIMARY);
	vkCmdSetEvent(set, event, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT);
	MUST(vkEndCommandBuffer(set));
	wait = begin(&device, VK_COMMAND_BUFFER_LEVEL_PRIMARY);
	vkCmdWaitEvents(wait, 1, &event, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
			VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, NULL, 0, NULL, 0, NULL);
	MUST(vkEndCommandBuffer(wait));
	reset = begin(&device, VK_COMMAND_BUFFER_LEVEL_PRIMARY);
	vkCmdResetEvent(reset, event, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT);
	MUST(vkEndCommandBuffer(reset));

	for (unsigned int i = 0; i < 10; i++) {
		if (vkGetEventStatus(device.handle, event) != VK_EVENT_RESET)
			fail("round %u: the event is set", i);
		run(&device, set);
		run(&device, wait);
		if (vkGetEventStatus(device.handle, event) != VK_EVENT_SET)
			fail("round %u: the event was not set", i);
		run(&device, reset);
	}
	vkDestroyEvent(device.handle, event, NULL);
	device_destroy(&device);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* Timestamps go up, and a pause between two submits is as long for the GPU. */
static void case_timestamps(VkPhysicalDevice gpu)
{
	const struct timespec pause = { .tv_nsec = 30000000 };
	VkPhysicalDeviceProperties props;
	VkCommandBuffer commands;
	struct device device;
	uint64_t first, start;
	VkQueryPool pool;
	double apart;

	vkGetPhysicalDeviceProperties(gpu, &props);
	device_create(gpu, false, &device);
	pool = query_pool(&device, 2);
	commands = begin(&device, VK_COMMAND_BUFFER_LEVEL_PRIMARY);
	vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT, pool, 0);
	vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, pool, 1);
	MUST(vkEndCommandBuffer(commands));

	start = now_ns();
	run(&device, commands);
	first = timestamp(&device, pool, 1);
	if (!first || first < timestamp(&device, pool, 0))
		fail("the end is before the begin");
	nanosleep(&pause, NULL);
	vkResetQueryPool(device.handle, pool, 0, 2);
	run(&device, commands);
	apart = (timestamp(&device, pool, 1) - first) * (double)props.limits.timestampPeriod;
	if (apart < pause.tv_nsec || apart > now_ns() - start)
		fail("submits that were 30 ms apart are %.0f ns apart for the GPU", apart);
	vkDestroyQueryPool(device.handle, pool, NULL);
	device_destroy(&device);
}

/* A chain of submits, each waiting for the one before, starts when the CPU says so. */
static void case_timeline(VkPhysicalDevice gpu)
{
	enum { LINKS = 16 };
	const VkSemaphoreTypeCreateInfo type = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
		.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
	};
	const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
	struct device device;
	VkSemaphore line;
	uint64_t value;

	device_create(gpu, false, &device);
	line = semaphore(&device, &type);
	for (uint64_t i = 1; i <= LINKS; i++) {
		const uint64_t after = i + 1;
		const VkTimelineSemaphoreSubmitInfo values = {
			.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
			.waitSemaphoreValueCount = 1,
			.pWaitSemaphoreValues = &i,
			.signalSemaphoreValueCount = 1,
			.pSignalSemaphoreValues = &after,
		};
		const VkSubmitInfo submit = {
			.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
			.pNext = &values,
			.waitSemaphoreCount = 1,
			.pWaitSemaphores = &line,
			.pWaitDstStageMask = &stage,
			.signalSemaphoreCount = 1,
			.pSignalSemaphores = &line,
		};

		MUST(vkQueueSubmit(device.queue, 1, &submit, VK_NULL_HANDLE));
	}
	MUST(vkGetSemaphoreCounterValue(device.handle, line, &value));
	if (value)
		fail("the timeline is at %llu before its start", (unsigned long long)value);

	const VkSemaphoreSignalInfo go = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO, .semaphore = line, .value = 1,
	};
	const uint64_t end = LINKS + 1;
	const VkSemaphoreWaitInfo wait = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
		.semaphoreCount = 1, .pSemaphores = &line, .pValues = &end,
	};

	MUST(vkSignalSemaphore(device.handle, &go));
	MUST(vkWaitSemaphores(device.handle, &wait, WAIT_NS));
	MUST(vkGetSemaphoreCounterValue(device.handle, line, &value));
	if (value != end)
		fail("the timeline is at %llu at its end", (unsigned long long)value);
	MUST(vkDeviceWaitIdle(device.handle));
	vkDestroySemaphore(device.handle, line, NULL);
	device_destroy(&device);
}

static void *proc(struct device *device, const char *name)
{
	void *found = vkGetDeviceProcAddr(device->handle, name);

	if (!found)
		fail("no %s", name);
	return found;
}

/* First type among those of @mask that the CPU can map. */
static uint32_t memory_type(struct device *device, uint32_t mask)
{
	const VkMemoryPropertyFlags want = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
					   VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
	VkPhysicalDeviceMemoryProperties props;

	vkGetPhysicalDeviceMemoryProperties(device->physical, &props);
	for (uint32_t i = 0; i < props.memoryTypeCount; i++) {
		if (mask & 1U << i && (props.memoryTypes[i].propertyFlags & want) == want)
			return i;
	}
	fail("no memory type to map in %#x", mask);
}

static uint32_t *memory(struct device *device, uint32_t type, const void *how, VkDeviceMemory *made)
{
	const VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.pNext = how,
		.allocationSize = SHARED_SIZE,
		.memoryTypeIndex = type,
	};
	void *map;

	MUST(vkAllocateMemory(device->handle, &info, NULL, made));
	MUST(vkMapMemory(device->handle, *made, 0, VK_WHOLE_SIZE, 0, &map));
	return map;
}

static void share_memory(struct device *from, struct device *to)
{
	const VkExternalMemoryHandleTypeFlagBits dma_buf =
		VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT;
	const VkExportMemoryAllocateInfo export = {
		.sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
		.handleTypes = dma_buf,
	};
	VkImportMemoryFdInfoKHR import = {
		.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR,
		.handleType = dma_buf,
	};
	VkMemoryGetFdInfoKHR get = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_GET_FD_INFO_KHR,
		.handleType = dma_buf,
	};
	VkMemoryFdPropertiesKHR props = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_FD_PROPERTIES_KHR,
	};
	PFN_vkGetMemoryFdKHR get_fd = proc(from, "vkGetMemoryFdKHR");
	PFN_vkGetMemoryFdPropertiesKHR fd_props = proc(to, "vkGetMemoryFdPropertiesKHR");
	VkDeviceMemory ours, theirs;
	uint32_t *here, *there;

	here = memory(from, memory_type(from, ~0U), &export, &ours);
	get.memory = ours;
	MUST(get_fd(from->handle, &get, &import.fd));
	MUST(fd_props(to->handle, dma_buf, import.fd, &props));
	there = memory(to, memory_type(to, props.memoryTypeBits), &import, &theirs);
	for (unsigned int i = 0; i < SHARED_SIZE / 4; i++)
		here[i] = i * 7;
	for (unsigned int i = 0; i < SHARED_SIZE / 4; i++) {
		if (there[i] != i * 7)
			fail("word %u of shared memory is %#x", i, there[i]);
	}
	vkFreeMemory(from->handle, ours, NULL);
	if (there[1] != 7)
		fail("shared memory is gone with its first owner");
	vkFreeMemory(to->handle, theirs, NULL);
}

static void share_fence(struct device *from, struct device *to)
{
	const VkExternalSemaphoreHandleTypeFlagBits sync_fd =
		VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT;
	const VkExportSemaphoreCreateInfo export = {
		.sType = VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_CREATE_INFO,
		.handleTypes = sync_fd,
	};
	const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
	VkSemaphore ours = semaphore(from, &export), theirs = semaphore(to, NULL);
	const VkSemaphoreGetFdInfoKHR get = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_GET_FD_INFO_KHR,
		.semaphore = ours, .handleType = sync_fd,
	};
	VkImportSemaphoreFdInfoKHR import = {
		.sType = VK_STRUCTURE_TYPE_IMPORT_SEMAPHORE_FD_INFO_KHR,
		.semaphore = theirs, .handleType = sync_fd,
		.flags = VK_SEMAPHORE_IMPORT_TEMPORARY_BIT,
	};
	const VkSubmitInfo signal = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.signalSemaphoreCount = 1, .pSignalSemaphores = &ours,
	};
	const VkSubmitInfo wait = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.waitSemaphoreCount = 1, .pWaitSemaphores = &theirs, .pWaitDstStageMask = &stage,
	};
	PFN_vkGetSemaphoreFdKHR get_fd = proc(from, "vkGetSemaphoreFdKHR");
	PFN_vkImportSemaphoreFdKHR import_fd = proc(to, "vkImportSemaphoreFdKHR");

	MUST(vkQueueSubmit(from->queue, 1, &signal, VK_NULL_HANDLE));
	MUST(get_fd(from->handle, &get, &import.fd));
	MUST(import_fd(to->handle, &import));
	MUST(vkQueueSubmit(to->queue, 1, &wait, to->fence));
	wait_fence(to);
	MUST(vkDeviceWaitIdle(from->handle));
	vkDestroySemaphore(from->handle, ours, NULL);
	vkDestroySemaphore(to->handle, theirs, NULL);
}

/* Two devices share memory by dma-buf, and one waits for the other by sync_fd. */
static void case_sharing(VkPhysicalDevice gpu)
{
	struct device from, to;

	device_create(gpu, true, &from);
	device_create(gpu, true, &to);
	for (unsigned int i = 0; i < 5; i++) {
		share_memory(&from, &to);
		share_fence(&from, &to);
	}
	device_destroy(&to);
	device_destroy(&from);
}

static const struct {
	const char *name;
	void (*run)(VkPhysicalDevice gpu);
} cases[] = {
	{ "device", case_device },
	{ "recorded", case_recorded },
	{ "events", case_events },
	{ "timestamps", case_timestamps },
	{ "timeline", case_timeline },
	{ "sharing", case_sharing },
};

/* @name of NULL is all of them. */
static void run_cases(const char *name)
{
	VkInstance instance = instance_create();
	VkPhysicalDevice gpus[MAX_GPUS];
	unsigned int count = find_gpus(instance, gpus), ran = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		for (unsigned int gpu = 0; gpu < count; gpu++) {
			if (name && strcmp(name, cases[i].name))
				continue;
			cases[i].run(gpus[gpu]);
			ran++;
		}
	}
	vkDestroyInstance(instance, NULL);
	if (!ran)
		fail("no case %s", name);
}

/* Six processes at once, each with all cases. */
static void six_clients(void)
{
	unsigned int failed = 0;
	int status;

	for (unsigned int i = 0; i < CLIENTS; i++) {
		pid_t pid = fork();

		if (pid < 0)
			fail("fork: %s", strerror(errno));
		if (!pid) {
			run_cases(NULL);
			_exit(0);
		}
	}
	while (wait(&status) > 0)
		failed += !WIFEXITED(status) || WEXITSTATUS(status);
	if (failed)
		fail("%u of %u clients failed", failed, CLIENTS);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		fail("usage: %s CASE", argv[0]);
	if (!strcmp(argv[1], "six_clients"))
		six_clients();
	else
		run_cases(argv[1]);
	return 0;
}
