/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What nearly every test needs: a VM with a BO for streams and one for data, and
 * a group. Functions return as those of panthor.h do.
 */

#ifndef __PANTHOR_SELFTEST_CLIENT_H__
#define __PANTHOR_SELFTEST_CLIENT_H__

#include <stdbool.h>
#include <stdint.h>

#include "gemlist.h"
#include "panthor.h"

#define STREAM_VA	0x1000000ULL
#define STREAM_SIZE	8192
/* Streams are at places of this size. */
#define PLACE_SIZE	1024
#define DATA_VA		0x2000000ULL
#define DATA_SIZE	65536
#define UNMAPPED_VA	0x8000000ULL
#define JOB_MS		20000
#define QUEUES		2
#define PATTERN		0xdeadbeef

/* Registers: address pairs, values, and for the id of FLUSH. */
enum { ADDR = 68, VALUE = 70, COUNT = 72, COUNTER = 74, ONE = 76, FLUSH_ID = 78, LOADED = 80 };

struct client {
	int fd;
	uint32_t vm;
	uint32_t group;
	uint32_t syncobj;
	struct bo stream;
	struct bo data;
};

/* What differs between clients; all zeros are a good choice. */
struct client_options {
	/* Which of the GPUs. */
	unsigned int gpu;
	uint32_t bo_flags;
	uint32_t map_flags;
	/* Bytes of the data BO, if not DATA_SIZE. */
	uint64_t data_size;
	/* The data BO can be shared, and has a reservation of its own. */
	bool shared;
};

int client_open(struct client *client, const struct client_options *options);
int client_open_beside(struct client *client, const struct client *first,
		       const struct client_options *options);
int client_close(struct client *client);
int client_new_group(struct client *client);

int client_submit(struct client *client, unsigned int queue, unsigned int place,
		  const uint64_t *insns, unsigned int count);
int client_store(struct client *client, uint64_t va, uint32_t value);
int client_works(struct client *client, uint32_t value);
int client_wait_status(struct client *client, const char *want, unsigned int ms);

/* Calls back for each BO of the device until that returns true, see gemlist.h. */
int gem_each(int fd, bool (*look)(const struct gem *gem, void *data), void *data);

/* The data BO as the CPU sees it. */
static inline volatile uint32_t *client_words(const struct client *client)
{
	return client->data.map;
}

#define client_submit_all(client, queue, place, insns) \
	client_submit(client, queue, place, insns, sizeof(insns) / sizeof(*(insns)))

#endif
