// SPDX-License-Identifier: GPL-2.0-only
/*
 * Streams nobody would write, from a user who means harm: any words, any
 * length, pointing anywhere, without end. The worst that may come of one is a
 * group that cannot be used any more.
 *
 * PANTHOR_SEED=NUMBER repeats a run. PANTHOR_BY_NAME=1 also runs what takes long.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../kselftest_harness.h"

#include "client.h"
#include "cs.h"
#include "dice.h"
#include "simctl.h"

/* Groups of a round, each with one stream. More than there are slots. */
#define GROUPS		16
#define STREAM_WORDS	(PLACE_SIZE / 8)
#define STREAMS_VA	0x3000000ULL
#define SHORT_ROUNDS	4
#define LONG_STREAMS	100000
/* Streams without an end are ended after that long. */
#define ROUND_MS	60

FIXTURE(vm) {
	struct client client;
	struct client bystander;
	struct bo streams;
	uint64_t state;
	int sim;
};

FIXTURE_SETUP(vm)
{
	const struct client_options options = { };
	int ret = client_open(&self->client, &options);

	self->bystander.fd = -1;
	if (ret == -ENODEV)
		SKIP(return, "no render node of a driver named panthor");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, client_open(&self->bystander, &options));
	self->sim = sim_find(self->client.fd);
	self->state = seed_of_run();
	TH_LOG("PANTHOR_SEED=%llu", (unsigned long long)self->state);
	ASSERT_EQ(0, bo_create(self->client.fd, self->client.vm, GROUPS * PLACE_SIZE, 0,
			       &self->streams));
	self->streams.va = STREAMS_VA;
	ASSERT_EQ(0, vm_map(self->client.fd, self->client.vm, &self->streams, 0));
}

FIXTURE_TEARDOWN(vm)
{
	if (self->bystander.fd < 0)
		return;
	EXPECT_EQ(0, bo_close(self->client.fd, &self->streams));
	EXPECT_EQ(0, client_close(&self->client));
	EXPECT_EQ(0, client_close(&self->bystander));
}

/* Where harm could be done, misaligned now and then. */
static uint64_t address(uint64_t *state)
{
	static const uint64_t bases[] = {
		DATA_VA, DATA_VA + DATA_SIZE, STREAM_VA, STREAMS_VA, UNMAPPED_VA, 0,
		0x4000000, 0x800000000000, 0xffffffffe000,
	};
	uint64_t va = bases[dice_below(state, sizeof(bases) / sizeof(*bases))];

	va += dice_below(state, 2) ? dice_below(state, 0x2000) & ~7ULL : dice_below(state, 64) - 32;
	return va & 0xffffffffffffULL;
}

/* An instruction with operands that are not quite impossible. */
static uint64_t plausible(uint64_t *state)
{
	static const uint8_t opcodes[] = {
		1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 16, 17, 18, 20, 21, 22, 23, 24, 25, 32, 33, 34,
		36, 37, 38, 39, 40, 41, 42, 43, 44, 47, 48, 49, 50, 51, 52, 53,
	};
	unsigned int op = opcodes[dice_below(state, sizeof(opcodes))];
	uint64_t insn = (uint64_t)op << 56;

	switch (op) {
	case 1:
		return insn | dice_below(state, 96) << 48 | address(state);
	case 2:
		return insn | dice_below(state, 96) << 48 |
		       (dice_below(state, 2) ? dice_below(state, PLACE_SIZE) : dice(state) & 0xffffffff);
	case 22:
		/* Also to before the start, and to itself. */
		return insn | dice_below(state, 96) << 40 | dice_below(state, 7) << 28 |
		       (uint16_t)(dice_below(state, 32) - 16);
	default:
		return insn | dice_below(state, 96) << 48 | dice_below(state, 96) << 40 |
		       dice_below(state, 96) << 32 | (dice(state) & 0xffffffff);
	}
}

/* Returns the length in bytes. */
static unsigned int make_stream(uint64_t *state, volatile uint64_t *words)
{
	unsigned int count = 1 + dice_below(state, STREAM_WORDS), flavour = dice_below(state, 4);

	for (unsigned int i = 0; i < count; i++)
		words[i] = !flavour ? dice(state) : flavour == 1 && !dice_below(state, 16) ?
			   dice(state) : plausible(state);
	return count * 8;
}

/* One round: all of them at once, then the bystander. @step is what fails. */
static int run_round(struct client *client, struct client *bystander, const struct bo *streams,
		     uint64_t *state, const char **step)
{
	uint32_t group[GROUPS], syncobj[GROUPS];
	bool submitted[GROUPS];
	uint64_t end;
	int ret;

	for (unsigned int i = 0; i < GROUPS; i++) {
		unsigned int size;

		*step = "a group";
		ret = group_create(client->fd, client->vm, 1, &group[i]);
		ret = ret ?: syncobj_create(client->fd, &syncobj[i]);
		if (ret)
			return ret;
		*step = "a submission";
		size = make_stream(state, (void *)((char *)streams->map + i * PLACE_SIZE));
		ret = group_submit(client->fd, group[i], 0, STREAMS_VA + i * PLACE_SIZE, size,
				   syncobj[i]);
		submitted[i] = !ret;
		/*
		 * The VM itself is good, and stays so. But a fault in it is fatal to all its
		 * groups that have a slot, and the driver gives spare slots to idle ones.
		 */
		if (ret == -EINVAL && group_state(client->fd, group[i], NULL) > 0)
			ret = 0;
		if (ret)
			return ret;
	}

	end = now_ms() + ROUND_MS;
	for (unsigned int i = 0; i < GROUPS; i++) {
		uint64_t now = now_ms();

		if (submitted[i])
			syncobj_wait(client->fd, syncobj[i], now < end ? end - now : 0);
	}
	*step = "the end of a group";
	for (unsigned int i = 0; i < GROUPS; i++) {
		ret = group_destroy(client->fd, group[i]);
		if (!ret && submitted[i])
			ret = syncobj_wait(client->fd, syncobj[i], JOB_MS);
		ret = ret ?: syncobj_destroy(client->fd, syncobj[i]);
		if (ret)
			return ret;
	}

	*step = "the bystander";
	/* On a machine that is too busy it may come to a reset, which groups may not survive. */
	if (group_state(bystander->fd, bystander->group, NULL))
		ret = client_new_group(bystander);
	ret = ret ?: client_works(bystander, dice(state));
	if (ret)
		return ret;
	*step = "the VM";
	return vm_state(client->fd, client->vm) ? -EIO : 0;
}

static void run_streams(struct __test_metadata *_metadata, FIXTURE_DATA(vm) *self,
			unsigned int rounds)
{
	const unsigned int guard = DATA_SIZE / 4 - 1;
	struct client *bystander = &self->bystander;
	int64_t violations = self->sim < 0 ? 0 : sim_counter(self->sim, "violations");

	client_words(bystander)[guard] = PATTERN;
	for (unsigned int i = 0; i < rounds; i++) {
		uint64_t state = self->state;
		const char *step;

		ASSERT_EQ(0, run_round(&self->client, bystander, &self->streams, &self->state,
				       &step)) {
			TH_LOG("%s fails in round %u, PANTHOR_SEED=%llu", step, i,
			       (unsigned long long)state);
		}
		ASSERT_EQ(PATTERN, client_words(bystander)[guard]);
	}
	if (self->sim >= 0)
		EXPECT_EQ(violations, sim_counter(self->sim, "violations"));
}

/* Whatever they do, another VM's memory and jobs are as they should be. */
TEST_F_TIMEOUT(vm, streams, 90)
{
	run_streams(_metadata, self, SHORT_ROUNDS);
}

/* The same with 100,000 of them. */
TEST_F_TIMEOUT(vm, streams_long, 7000)
{
	if (!getenv("PANTHOR_BY_NAME"))
		SKIP(return, "takes long, set PANTHOR_BY_NAME=1");
	run_streams(_metadata, self, LONG_STREAMS / GROUPS);
}

TEST_HARNESS_MAIN
