// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the driver and the software GPU cost. Not a test: prints numbers, and
 * fails only if the work that was measured was not done. Counts come first, as
 * they are the same on every machine; times are of this guest.
 *
 * Usage: bench CASE...; "bench: NAME VALUE UNIT" per line. Root, on an idle
 * machine with one software GPU.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../../../../drivers/gpu/drm/panthor/sim/sim_job.h"

#include "../../kselftest.h"
#include "bench.h"
#include "cs.h"
#include "panthor.h"
#include "simstat.h"

#define TRAFFIC_SIZE	(16ULL << 20)
#define SKIP		4

static uint32_t *words(struct client *gpu)
{
	return gpu->data.map;
}

static void put_stream(struct client *gpu, const uint64_t *insns, unsigned int count)
{
	memcpy(gpu->stream.map, insns, count * sizeof(*insns));
}

/* Submits the first @count instructions of the stream and waits; takes so many ns. */
static uint64_t run(struct client *gpu, unsigned int count)
{
	uint64_t start = now_ns();

	must(group_submit(gpu->fd, gpu->group, 0, count ? STREAM_VA : 0, count * 8, gpu->syncobj),
	     "GROUP_SUBMIT");
	must(syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS), "wait for a job");
	return now_ns() - start;
}

static void check_job(struct client *gpu)
{
	if (syncobj_status(gpu->fd, gpu->syncobj) != 1)
		fail("a job ended with an error");
}

/* --- the device ------------------------------------------------------------------ */

/* From the start of the probe until the render node can be opened. */
static void bench_probe(void)
{
	enum { ROUNDS = 12 };
	struct sim_stats before, after;
	uint64_t ns[ROUNDS];
	char device[NAME_MAX + 1];

	device_name(device, sizeof(device));
	before = stats();
	for (unsigned int i = 0; i < ROUNDS; i++) {
		uint64_t start;
		int fd;

		must(file_write(DRIVER "unbind", device), "unbind");
		start = now_ns();
		must(file_write(DRIVER "bind", device), "bind");
		fd = panthor_open(0);
		ns[i] = now_ns() - start;
		if (fd < 0)
			fail("no render node after the probe");
		close(fd);
	}
	after = stats();
	result("probe_mmio", (double)(after.mmio_reads + after.mmio_writes - before.mmio_reads -
				      before.mmio_writes) / ROUNDS, "/probe");
	result("probe_ms", percentile_us(ns, ROUNDS, 50) / 1000, "ms");
	result("probe_ms_max", percentile_us(ns, ROUNDS, 100) / 1000, "ms");
}

/* --- round trips ----------------------------------------------------------------- */

/* The same number of switches between two tasks, without a GPU. */
static double pipe_trips(void)
{
	enum { TRIPS = 3000 };
	int there[2], back[2];
	uint64_t start;
	char byte = 0;
	pid_t child;

	if (pipe(there) || pipe(back))
		fail("pipe: %s", strerror(errno));
	child = fork();
	if (child < 0)
		fail("fork: %s", strerror(errno));
	if (!child) {
		close(there[1]);
		while (read(there[0], &byte, 1) == 1) {
			if (write(back[1], &byte, 1) != 1)
				_exit(1);
		}
		_exit(0);
	}
	start = now_ns();
	for (unsigned int i = 0; i < TRIPS; i++) {
		if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			fail("pipe: no answer");
	}
	start = now_ns() - start;
	close(there[1]);
	waitpid(child, NULL, 0);
	return TRIPS * 1e9 / start;
}

/* From GROUP_SUBMIT to the signaled fence, one job at a time. */
static void bench_roundtrip(void)
{
	enum { MAX = 4000, WARM = 50, BURST = 24 };
	const uint64_t insns[] = {
		cs_move48(ADDR, DATA_VA),
		cs_move32(ONE, 1),
		cs_sync_add32(ADDR, ONE),
	};
	static uint64_t ns[MAX];
	struct sim_stats before, after;
	unsigned int count = 0, bursts = 0;
	uint64_t start, spent;
	struct client gpu;

	gpu_open(&gpu, TRAFFIC_SIZE);
	put_stream(&gpu, insns, 3);
	for (unsigned int i = 0; i < WARM; i++)
		run(&gpu, 3);

	before = stats();
	start = now_ns();
	while (count < MAX && now_ns() - start < 3 * NS)
		ns[count++] = run(&gpu, 3);
	spent = now_ns() - start;
	after = stats();
	check_job(&gpu);
	if (words(&gpu)[0] != WARM + count)
		fail("%u jobs ran, want %u", words(&gpu)[0], WARM + count);
	result("roundtrip_instructions", (double)(after.instructions - before.instructions) / count,
	       "/trip");
	result("roundtrip_mmio", (double)(after.mmio_reads + after.mmio_writes - before.mmio_reads -
					  before.mmio_writes) / count, "/trip");
	result("roundtrip_irqs", (double)(after.irqs_job - before.irqs_job) / count, "/trip");
	result("roundtrips", count * 1e9 / spent, "/s");
	result("roundtrip_p50", percentile_us(ns, count, 50), "us");
	result("roundtrip_p99", percentile_us(ns, count, 99), "us");

	/* As many as the ring takes, and one wait. */
	start = now_ns();
	while (now_ns() - start < NS) {
		for (unsigned int i = 1; i < BURST; i++)
			must(group_submit(gpu.fd, gpu.group, 0, STREAM_VA, 24, 0), "GROUP_SUBMIT");
		run(&gpu, 3);
		bursts++;
	}
	spent = now_ns() - start;
	if (words(&gpu)[0] != WARM + count + bursts * BURST)
		fail("%u jobs ran, want %u", words(&gpu)[0], WARM + count + bursts * BURST);
	result("burst_jobs", bursts * BURST * 1e9 / spent, "/s");

	/* Peers: the driver without the GPU, and the scheduler without the driver. */
	start = now_ns();
	for (count = 0; count < MAX && now_ns() - start < NS; count++)
		run(&gpu, 0);
	result("roundtrips_no_stream", count * 1e9 / (now_ns() - start), "/s");
	gpu_close(&gpu);
	result("roundtrips_pipe", pipe_trips(), "/s");
}

/* --- the interpreter ------------------------------------------------------------- */

static void loop(struct client *gpu, const char *name, const uint64_t *body, unsigned int length)
{
	uint64_t insns[32], ns = 0;
	struct sim_stats before, after;
	uint32_t rounds = 500;
	unsigned int n;

	/* Doubled until it takes long enough to be measured, far from the job timeout. */
	do {
		rounds *= 2;
		n = 0;
		insns[n++] = cs_move48(ADDR, DATA_VA);
		insns[n++] = cs_move32(COUNT, rounds);
		for (unsigned int i = 0; i < length; i++)
			insns[n++] = body[i];
		insns[n++] = cs_add32(COUNT, COUNT, -1);
		insns[n++] = cs_branch(CS_NE, COUNT, -(int)length - 2);
		put_stream(gpu, insns, n);
		before = stats();
		ns = run(gpu, n);
		after = stats();
		check_job(gpu);
		if (after.instructions - before.instructions < (uint64_t)rounds * (length + 2))
			fail("%s: instructions are missing", name);
	} while (ns < NS / 2);
	result(name, (after.instructions - before.instructions) * 1e9 / ns, "/s");
}

/* Instructions per second, without memory and with 64 bytes loaded and stored in each loop. */
static void bench_instructions(void)
{
	const uint64_t registers[] = {
		cs_add32(ONE, ONE, 1), cs_add32(ONE, ONE, 1), cs_add32(ONE, ONE, 1),
		cs_add32(ONE, ONE, 1), cs_add32(ONE, ONE, 1), cs_add32(ONE, ONE, 1),
	};
	/* r0 to r15 are free. */
	const uint64_t memory[] = {
		cs_load(0, ADDR, 0xffff, 0), cs_wait(CS_ALL_SCOREBOARDS),
		cs_store(0, ADDR, 0xffff, 64), cs_wait(CS_ALL_SCOREBOARDS),
	};
	struct client gpu;

	gpu_open(&gpu, TRAFFIC_SIZE);
	loop(&gpu, "instructions", registers, 6);
	loop(&gpu, "instructions_memory", memory, 4);
	gpu_close(&gpu);
}

/* --- registers ------------------------------------------------------------------- */

static double query_ns(int fd, uint32_t type, void *out, uint32_t size)
{
	enum { QUERIES = 5000 };
	uint64_t start = now_ns();

	for (unsigned int i = 0; i < QUERIES; i++)
		must(query(fd, type, out, size), "DEV_QUERY");
	return (double)(now_ns() - start) / QUERIES;
}

/* Two queries that differ in that one reads registers. */
static void bench_mmio(void)
{
	struct drm_panthor_timestamp_info timestamp = { };
	struct drm_panthor_gpu_info info = { };
	struct sim_stats before, after;
	char device[NAME_MAX + 1];
	double with, without, reads;
	int fd = panthor_open(0);

	if (fd < 0)
		fail("no render node of a driver named panthor");
	device_name(device, sizeof(device));
	device_power(device, "on");
	without = query_ns(fd, DRM_PANTHOR_DEV_QUERY_GPU_INFO, &info, sizeof(info));
	before = stats();
	with = query_ns(fd, DRM_PANTHOR_DEV_QUERY_TIMESTAMP_INFO, &timestamp, sizeof(timestamp));
	after = stats();
	device_power(device, "auto");
	close(fd);

	reads = (after.mmio_reads - before.mmio_reads) / 5000.0;
	if (reads < 1)
		fail("the query reads no registers");
	result("mmio_reads", reads, "/query");
	result("mmio_ns", (with - without) / reads, "ns");
	result("query_ns", without, "ns");
}

/* --- memory ---------------------------------------------------------------------- */

#define TRAFFIC		(7ULL << 20)

/* MiB per second of one test job over TRAFFIC bytes. */
static double traffic(struct client *gpu, uint32_t op)
{
	const uint64_t insns[] = {
		cs_move48(8, DATA_VA),
		cs_move32(24, (uint32_t)SIM_JOB_MAGIC),
		cs_move32(25, SIM_JOB_MAGIC >> 32),
		cs_op(4, 0, 0, 0, 0),
		cs_wait(CS_ALL_SCOREBOARDS),
	};
	struct sim_job *job = gpu->data.map;
	uint64_t *done = gpu->data.map + 256;
	struct sim_stats before = stats(), after;
	uint64_t ns;

	*job = (struct sim_job){
		.magic = SIM_JOB_MAGIC, .op = op, .seed = 1, .size = TRAFFIC,
		.src = DATA_VA + (1 << 20), .dst = DATA_VA + (8 << 20), .result = DATA_VA + 256,
	};
	if (op == SIM_JOB_FILL)
		job->dst = job->src;
	done[0] = 0;
	put_stream(gpu, insns, 5);
	ns = run(gpu, 5);
	after = stats();
	check_job(gpu);
	if (done[0] != TRAFFIC || done[1])
		fail("the job has done %llu bytes", (unsigned long long)done[0]);
	if (after.bytes - before.bytes < TRAFFIC)
		fail("the GPU counted %llu bytes",
		     (unsigned long long)(after.bytes - before.bytes));
	return (TRAFFIC >> 20) * 1e9 / ns;
}

/* What the GPU moves through its page tables, and the CPU with memcpy(). */
static void bench_traffic(void)
{
	struct sim_stats before, after;
	uint64_t start;
	struct client gpu;

	gpu_open(&gpu, TRAFFIC_SIZE);
	/* The first one finds no translation in the TLB. */
	before = stats();
	traffic(&gpu, SIM_JOB_FILL);
	after = stats();
	result("traffic_walks", (double)(after.tlb_misses - before.tlb_misses) / (TRAFFIC >> 20),
	       "/MiB");
	result("traffic_fill", traffic(&gpu, SIM_JOB_FILL), "MiB/s");
	result("traffic_copy", traffic(&gpu, SIM_JOB_COPY), "MiB/s");
	result("traffic_verify", traffic(&gpu, SIM_JOB_VERIFY), "MiB/s");

	for (unsigned int i = 0; i < 2; i++) {
		start = now_ns();
		memcpy(gpu.data.map + (8 << 20), gpu.data.map + (1 << 20), TRAFFIC);
	}
	result("traffic_memcpy", (TRAFFIC >> 20) * 1e9 / (now_ns() - start), "MiB/s");
	gpu_close(&gpu);
}

/* --- nothing --------------------------------------------------------------------- */

/* Idle time of all CPUs, in ticks of 10 ms. */
static uint64_t idle_ticks(void)
{
	unsigned long long idle, wait;
	char text[256];

	must(file_read("/proc/stat", text, sizeof(text)), "/proc/stat");
	if (sscanf(text, "cpu %*u %*u %*u %llu %llu", &idle, &wait) != 2)
		fail("/proc/stat: %s", text);
	return idle + wait;
}

static double busy_percent(unsigned int seconds)
{
	uint64_t start = now_ns(), idle = idle_ticks();
	double cpus = sysconf(_SC_NPROCESSORS_ONLN), share;

	sleep_ms(seconds * 1000);
	share = (idle_ticks() - idle) * 1e7 / ((now_ns() - start) * cpus);
	return share > 1 ? 0 : 100 * (1 - share);
}

/* What is used up while nobody uses the GPU: no driver, asleep, awake. */
static void bench_idle(void)
{
	enum { SECONDS = 5 };
	struct sim_stats before, after;
	char device[NAME_MAX + 1];

	device_name(device, sizeof(device));
	must(file_write(DRIVER "unbind", device), "unbind");
	sleep_ms(500);
	result("idle_unbound", busy_percent(SECONDS), "%");
	must(file_write(DRIVER "bind", device), "bind");
	sleep_ms(500);
	before = stats();
	result("idle_asleep", busy_percent(SECONDS), "%");
	after = stats();
	result("idle_asleep_slices", (double)(after.slices - before.slices) / SECONDS, "/s");
	device_power(device, "on");
	sleep_ms(500);
	before = stats();
	result("idle_awake", busy_percent(SECONDS), "%");
	after = stats();
	result("idle_awake_slices", (double)(after.slices - before.slices) / SECONDS, "/s");
	result("idle_awake_mmio", (double)(after.mmio_reads + after.mmio_writes -
					   before.mmio_reads - before.mmio_writes) / SECONDS, "/s");
	device_power(device, "auto");
}

static const struct bench_case cases[] = {
	{ "probe", bench_probe },
	{ "roundtrip", bench_roundtrip },
	{ "instructions", bench_instructions },
	{ "mmio", bench_mmio },
	{ "traffic", bench_traffic },
	{ "idle", bench_idle },
};

static const struct bench_case *find_case(const char *name)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		if (!strcmp(cases[i].name, name))
			return &cases[i];
	}
	for (const struct bench_case *c = bench_memory_cases; c->name; c++) {
		if (!strcmp(c->name, name))
			return c;
	}
	fail("no case %s", name);
}

static void run_case(const char *name)
{
	const struct bench_case *c = find_case(name);
	uint64_t violations = stats().violations;

	c->run();
	if (stats().violations != violations)
		fail("%s: violations on the GPU", name);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		fail("usage: %s CASE...", argv[0]);
	if (access("/sys/kernel/debug/panthor-sim/0", F_OK)) {
		puts("counts only exist on the software GPU: panthor-sim in debugfs");
		return SKIP;
	}
	for (int i = 1; i < argc; i++)
		run_case(argv[i]);
	return 0;
}
