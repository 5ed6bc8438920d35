// SPDX-License-Identifier: GPL-2.0-only
/* Contents that tell which page of which round they are. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cs.h"
#include "pattern.h"

#define STEP_0	0x9e3779b1U
#define STEP_1	0x85ebca6bU
#define TAIL	(PAGE_BYTES - 8)

/* Two registers each; RESULT takes addresses of the client's data BO. */
enum { WORDS = VALUE, RESULT = 84 };

static uint32_t word(uint32_t seed, unsigned int page, unsigned int i)
{
	return i ? ~seed + page * STEP_1 : seed + page * STEP_0;
}

static int run(struct client *client, const uint64_t *insns, unsigned int count)
{
	int ret = syncobj_reset(client->fd, client->syncobj);

	ret = ret ?: client_submit(client, 0, 0, insns, count);
	ret = ret ?: syncobj_wait(client->fd, client->syncobj, JOB_MS);
	if (ret)
		return ret;
	return syncobj_status(client->fd, client->syncobj) == 1 ? 0 : -EPROTO;
}

/* Addresses are below 4 GiB, so that one addition moves them on. */
static bool can_address(const struct part *part)
{
	return part->va + (uint64_t)part->pages * PAGE_BYTES <= UINT32_MAX;
}

/* One job. -EPROTO if it fails. */
int gpu_write(struct client *client, const struct part *part, uint32_t seed)
{
	const uint64_t insns[] = {
		cs_move48(ADDR, part->va),
		cs_move32(WORDS, word(seed, part->page, 0)),
		cs_move32(WORDS + 1, word(seed, part->page, 1)),
		cs_move32(COUNT, part->pages),
		cs_store(WORDS, ADDR, 3, 0),
		cs_store(WORDS, ADDR, 3, TAIL),
		cs_wait(CS_ALL_SCOREBOARDS),
		cs_add32(ADDR, ADDR, PAGE_BYTES),
		cs_add32(WORDS, WORDS, STEP_0),
		cs_add32(WORDS + 1, WORDS + 1, STEP_1),
		cs_add32(COUNT, COUNT, -1),
		cs_branch(CS_NE, COUNT, -8),
		cs_move32(FLUSH_ID, 0),
		cs_flush(FLUSH_ID, 1),
		cs_wait(CS_ALL_SCOREBOARDS),
	};

	if (!can_address(part))
		return -EINVAL;
	return run(client, insns, sizeof(insns) / sizeof(*insns));
}

/* One job that copies what the GPU sees, four words a page, to the client's data BO. */
int gpu_read(struct client *client, const struct part *part)
{
	const uint64_t insns[] = {
		cs_move48(ADDR, part->va),
		cs_move48(RESULT, DATA_VA),
		cs_move32(COUNT, part->pages),
		cs_load(LOADED, ADDR, 3, 0),
		cs_load(LOADED + 2, ADDR, 3, TAIL),
		cs_wait(CS_ALL_SCOREBOARDS),
		cs_store(LOADED, RESULT, 0xf, 0),
		cs_wait(CS_ALL_SCOREBOARDS),
		cs_add32(ADDR, ADDR, PAGE_BYTES),
		cs_add32(RESULT, RESULT, 16),
		cs_add32(COUNT, COUNT, -1),
		cs_branch(CS_NE, COUNT, -9),
		cs_move32(FLUSH_ID, 0),
		cs_flush(FLUSH_ID, 1),
		cs_wait(CS_ALL_SCOREBOARDS),
	};
	int ret;

	if (!can_address(part) || part->pages > PATTERN_PAGES)
		return -EINVAL;
	memset(client->data.map, 0xff, part->pages * 16);
	ret = bo_sync(client->fd, &client->data, DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH);
	ret = ret ?: run(client, insns, sizeof(insns) / sizeof(*insns));
	return ret ?: bo_sync(client->fd, &client->data,
			      DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH_AND_INVALIDATE);
}

/* What the GPU sees is compared by the CPU; -EILSEQ if it is not the pattern. */
int gpu_check(struct client *client, const struct part *part, uint32_t seed)
{
	volatile const uint32_t *seen = client_words(client);
	int ret = gpu_read(client, part);

	if (ret)
		return ret;
	for (unsigned int i = 0; i < part->pages * 4; i++) {
		unsigned int page = part->page + i / 4;

		if (seen[i] != word(seed, page, i & 1)) {
			printf("# page %u of the BO: the GPU sees %#x, not %#x\n", page, seen[i],
			       word(seed, page, i & 1));
			return -EILSEQ;
		}
	}
	return 0;
}

/* The pages are numbered within the BO; the map begins with the first of them. */
void cpu_write(void *map, unsigned int page, unsigned int pages, uint32_t seed)
{
	for (unsigned int i = 0; i < pages; i++) {
		volatile uint32_t *words = (uint32_t *)((char *)map + i * PAGE_BYTES);

		for (unsigned int n = 0; n < 2; n++) {
			words[n] = word(seed, page + i, n);
			words[TAIL / 4 + n] = word(seed, page + i, n);
		}
	}
}

int cpu_check(const void *map, unsigned int page, unsigned int pages, uint32_t seed)
{
	for (unsigned int i = 0; i < pages; i++) {
		const volatile uint32_t *words =
			(const uint32_t *)((const char *)map + i * PAGE_BYTES);

		for (unsigned int n = 0; n < 4; n++) {
			uint32_t seen = words[n / 2 * (TAIL / 4) + n % 2];

			if (seen != word(seed, page + i, n % 2)) {
				printf("# page %u of the BO: the CPU sees %#x, not %#x\n",
				       page + i, seen, word(seed, page + i, n % 2));
				return -EILSEQ;
			}
		}
	}
	return 0;
}
