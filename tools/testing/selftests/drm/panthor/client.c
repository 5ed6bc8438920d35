// SPDX-License-Identifier: GPL-2.0-only
/* A VM with BOs and a group, and the jobs that are used everywhere. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "cs.h"

static int client_make(struct client *client, const struct client_options *options)
{
	int fd = client->fd, ret;

	ret = vm_create(fd, &client->vm);
	if (!ret)
		ret = bo_create(fd, client->vm, STREAM_SIZE, 0, &client->stream);
	if (!ret)
		ret = bo_create(fd, options->shared ? 0 : client->vm, options->data_size ?: DATA_SIZE,
				options->bo_flags, &client->data);
	if (ret)
		return ret;
	client->stream.va = STREAM_VA;
	client->data.va = DATA_VA;
	ret = vm_map(fd, client->vm, &client->stream, 0);
	if (!ret)
		ret = vm_map(fd, client->vm, &client->data,
			     DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC | options->map_flags);
	if (!ret)
		ret = group_create(fd, client->vm, QUEUES, &client->group);
	return ret ?: syncobj_create(fd, &client->syncobj);
}

/* On the file of another client, or on one of its own. What fails is freed with the file. */
static int client_start(struct client *client, int fd, const struct client_options *options)
{
	int ret;

	memset(client, 0, sizeof(*client));
	client->fd = fd;
	if (fd < 0)
		return fd;

	ret = client_make(client, options);
	if (ret) {
		close(client->fd);
		client->fd = -1;
	}
	return ret;
}

/* -ENODEV if there is no such GPU. */
int client_open(struct client *client, const struct client_options *options)
{
	return client_start(client, panthor_open(options->gpu), options);
}

/* A VM and a group more, which can use the handles of the first client. */
int client_open_beside(struct client *client, const struct client *first,
		       const struct client_options *options)
{
	int fd = dup(first->fd);

	return client_start(client, fd < 0 ? -errno : fd, options);
}

/* The first error, if any, and everything is given back. */
int client_close(struct client *client)
{
	int fd = client->fd, ret = 0;

	if (fd < 0)
		return 0;
	ret = syncobj_destroy(fd, client->syncobj);
	if (client->group)
		ret = ret ?: group_destroy(fd, client->group);
	ret = ret ?: bo_close(fd, &client->data);
	ret = ret ?: bo_close(fd, &client->stream);
	ret = ret ?: vm_destroy(fd, client->vm);
	if (close(fd) && !ret)
		ret = -errno;
	client->fd = -1;
	return ret;
}

/* In place of one that cannot be used any more. */
int client_new_group(struct client *client)
{
	int ret = group_destroy(client->fd, client->group);

	client->group = 0;
	return ret ?: group_create(client->fd, client->vm, QUEUES, &client->group);
}

/* Puts a stream at a place of its own in the stream BO. */
int client_submit(struct client *client, unsigned int queue, unsigned int place,
		  const uint64_t *insns, unsigned int count)
{
	unsigned int offset = place * PLACE_SIZE;

	if (offset + count * sizeof(*insns) > STREAM_SIZE)
		return -EINVAL;
	memcpy((char *)client->stream.map + offset, insns, count * sizeof(*insns));
	return group_submit(client->fd, client->group, queue, STREAM_VA + offset,
			    count * sizeof(*insns), client->syncobj);
}

int client_store(struct client *client, uint64_t va, uint32_t value)
{
	const uint64_t insns[] = {
		cs_move48(ADDR, va),
		cs_move32(VALUE, value),
		cs_store(VALUE, ADDR, 1, 0),
		cs_wait(CS_ALL_SCOREBOARDS),
		cs_move32(FLUSH_ID, 0),
		cs_flush(FLUSH_ID, 1),
		cs_wait(CS_ALL_SCOREBOARDS),
	};

	return client_submit_all(client, 0, 0, insns);
}

/*
 * Runs a store and looks at it; the way to see that all is well. -EPROTO if the
 * fence has an error, -EILSEQ for a wrong value, -EIO if the group is not well.
 */
int client_works(struct client *client, uint32_t value)
{
	int ret;

	client_words(client)[3] = 0;
	ret = bo_sync(client->fd, &client->data, DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH);
	ret = ret ?: syncobj_reset(client->fd, client->syncobj);
	ret = ret ?: client_store(client, DATA_VA + 12, value);
	ret = ret ?: syncobj_wait(client->fd, client->syncobj, JOB_MS);
	if (ret)
		return ret;
	if (syncobj_status(client->fd, client->syncobj) != 1)
		return -EPROTO;
	ret = bo_sync(client->fd, &client->data,
		      DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH_AND_INVALIDATE);
	if (ret)
		return ret;
	if (client_words(client)[3] != value)
		return -EILSEQ;
	return group_state(client->fd, client->group, NULL) ? -EIO : 0;
}

/* Until the power management says so. */
int client_wait_status(struct client *client, const char *want, unsigned int ms)
{
	uint64_t end = now_ms() + ms;
	char text[32] = "";

	do {
		int ret = panthor_runtime_status(client->fd, text, sizeof(text));

		if (ret)
			return ret;
		if (!strcmp(text, want))
			return 0;
		sleep_ms(10);
	} while (now_ms() < end);

	return -ETIMEDOUT;
}

int gem_each(int fd, bool (*look)(const struct gem *gem, void *data), void *data)
{
	char path[96];
	int ret = panthor_debugfs(fd, "gems", path, sizeof(path));

	return ret ?: gem_each_path(path, look, data);
}
