// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs that are older or newer than the driver: structs that are shorter or
 * longer, alone and in arrays. Then what there can be no more of, and who may not.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../kselftest_harness.h"

#include "calls.h"
#include "ledger.h"

/* Bytes a newer struct has more. */
#define TAIL		16
#define CANARY		0xa5
#define MAX_VMS		32
#define MAX_GROUPS	128
#define MAX_LABEL	4096
#define NOBODY		65534

FIXTURE(file) {
	struct user user;
	/* Before the test, before a call. */
	struct ledger start;
	struct ledger before;
};

FIXTURE_SETUP(file)
{
	char path[80];
	int ret = user_open(&self->user);

	if (ret == -ENODEV)
		SKIP(return, "no render node of a driver named panthor");
	ASSERT_EQ(0, ret);
	if (panthor_debugfs(self->user.client.fd, "gems", path, sizeof(path)))
		SKIP(return, "no list of BOs: mount debugfs at /sys/kernel/debug, be root");
	ASSERT_EQ(0, ledger_read(self->user.client.fd, &self->start));
}

FIXTURE_TEARDOWN(file)
{
	EXPECT_EQ(0, user_close(&self->user));
}

/* The ioctl with a struct of any size, from a place of its own. */
static int call_sized(struct user *user, const struct ioctl_desc *desc, void *arg, size_t size)
{
	unsigned long request = _IOC(_IOC_DIR(desc->request), _IOC_TYPE(desc->request),
				     _IOC_NR(desc->request), size);

	return ioctl(user->client.fd, request, arg) ? -errno : 0;
}

static int make(struct user *user, const struct ioctl_desc *desc)
{
	int ret = desc->prepare ? desc->prepare(user) : 0;

	memset(user->call, 0, sizeof(*user->call));
	desc->fill(user, user->call);
	return ret;
}

/* After a call with this result. */
static int unmake(struct user *user, const struct ioctl_desc *desc, int result)
{
	if (result)
		return desc->discard ? desc->discard(user) : 0;
	return desc->undo ? desc->undo(user, user->call) : 0;
}

/* A struct with a tail of zeros works as the driver's own. */
TEST_F(file, longer_by_zeros)
{
	struct user *user = &self->user;

	for (unsigned int id = 0; id < CALLS; id++) {
		const struct ioctl_desc *desc = &calls[id];
		size_t size = _IOC_SIZE(desc->request);
		uint8_t arg[256] = { };
		int ret;

		ASSERT_EQ(0, make(user, desc));
		memcpy(arg, &user->call->arg, size);
		ret = call_sized(user, desc, arg, size + TAIL);
		EXPECT_EQ(0, ret) {
			TH_LOG("%s", desc->name);
		}
		memcpy(&user->call->arg, arg, size);
		for (unsigned int i = 0; i < TAIL; i++)
			ASSERT_EQ(0, arg[size + i]);
		ASSERT_EQ(0, unmake(user, desc, ret));
	}
}

/*
 * DRM has no way to tell a driver of a tail it does not know: it is ignored, and
 * comes back as it was.
 */
TEST_F(file, longer_by_what_is_unknown)
{
	struct user *user = &self->user;

	for (unsigned int id = 0; id < CALLS; id++) {
		const struct ioctl_desc *desc = &calls[id];
		size_t size = _IOC_SIZE(desc->request);
		uint8_t arg[256];
		int ret;

		ASSERT_EQ(0, make(user, desc));
		memset(arg, CANARY, sizeof(arg));
		memcpy(arg, &user->call->arg, size);
		ret = call_sized(user, desc, arg, size + TAIL);
		EXPECT_EQ(0, ret) {
			TH_LOG("%s", desc->name);
		}
		memcpy(&user->call->arg, arg, size);
		for (unsigned int i = 0; i < TAIL; i++)
			ASSERT_EQ(CANARY, arg[size + i]);
		ASSERT_EQ(0, unmake(user, desc, ret));
	}
}

/* Once with the tail zeroed, once without it: the same result, and memory is not touched. */
static void run_shorter(struct __test_metadata *_metadata, FIXTURE_DATA(file) *self,
			const struct ioctl_desc *desc, size_t size)
{
	size_t full = _IOC_SIZE(desc->request);
	struct user *user = &self->user;
	struct ioctl_arg first = { };
	struct ledger now;
	uint8_t arg[256];
	int ret[2];

	for (unsigned int i = 0; i < 2; i++) {
		ASSERT_EQ(0, make(user, desc));
		memset((char *)&user->call->arg + size, 0, sizeof(user->call->arg) - size);
		memset(arg, CANARY, sizeof(arg));
		memcpy(arg, &user->call->arg, i ? size : full);
		ASSERT_EQ(0, ledger_read(user->client.fd, &self->before));
		ret[i] = call_sized(user, desc, arg, i ? size : full);
		for (unsigned int n = i ? size : full; n < sizeof(arg); n++)
			ASSERT_EQ(CANARY, arg[n]);
		/* The number of what was made may be in the tail: the same as the first time. */
		if (!i)
			memcpy(&first, arg, full);
		user->call->arg = first;
		ASSERT_EQ(0, ledger_read(user->client.fd, &now));
		/* An array whose count is cut off is one of nothing. */
		if (ret[i] || !ledger_same(&self->before, &now)) {
			ASSERT_EQ(0, unmake(user, desc, ret[i]));
		} else if (desc->discard) {
			int left = desc->discard(user);

			/* It is gone, and only its memory is not yet. */
			ASSERT_TRUE(!left || left == -EINVAL);
		}
		ASSERT_EQ(0, ledger_settle(user->client.fd, &self->start, &now));
	}
	EXPECT_EQ(ret[0], ret[1]) {
		TH_LOG("%s of %zu bytes", desc->name, size);
	}
}

/* A shorter struct works as one whose tail is zeros. */
TEST_F(file, shorter)
{
	for (unsigned int id = 0; id < CALLS; id++) {
		for (size_t size = 0; size < _IOC_SIZE(calls[id].request); size += size ? 8 : 4)
			run_shorter(_metadata, self, &calls[id], size);
	}
}

/* Puts a longer element in the place of the only one of an array. */
static void lengthen(struct user *user, const struct nested *nested, uint8_t *element,
		     uint8_t tail)
{
	struct drm_panthor_obj_array *array = (void *)((char *)user->call + nested->array);

	memset(element, tail, nested->size + TAIL);
	memcpy(element, (char *)user->call + nested->offset, nested->size);
	array->array = (uintptr_t)element;
	array->stride = nested->size + TAIL;
	array->count = 1;
}

/* Elements of an array may have a tail of zeros; one of anything else is E2BIG. */
TEST_F(file, longer_elements)
{
	struct user *user = &self->user;
	unsigned int tried = 0;

	for (unsigned int id = 0; id < CALLS; id++) {
		const struct ioctl_desc *desc = &calls[id];

		for (unsigned int i = 0; i < 3 && desc->nested[i].name; i++) {
			uint8_t element[256];
			struct ledger after;
			int ret;

			ASSERT_EQ(0, make(user, desc));
			lengthen(user, &desc->nested[i], element, 0);
			ret = call_ioctl(user, desc);
			EXPECT_EQ(0, ret) {
				TH_LOG("%s, %s", desc->name, desc->nested[i].name);
			}
			ASSERT_EQ(0, unmake(user, desc, ret));
			/* Workers may still hold what the call has used. */
			ASSERT_EQ(0, ledger_settle(user->client.fd, &self->start, &after));

			ASSERT_EQ(0, make(user, desc));
			ASSERT_EQ(0, ledger_read(user->client.fd, &self->before));
			lengthen(user, &desc->nested[i], element, CANARY);
			ret = call_ioctl(user, desc);
			EXPECT_EQ(-E2BIG, ret) {
				TH_LOG("%s, %s", desc->name, desc->nested[i].name);
			}
			EXPECT_EQ(0, ledger_settle(user->client.fd, &self->before, &after));
			ASSERT_EQ(0, unmake(user, desc, ret));
			tried++;
		}
	}
	EXPECT_EQ(17, tried);
}

static const struct {
	uint32_t type;
	uint32_t size;
	uint32_t first;
} queries[] = {
	{ DRM_PANTHOR_DEV_QUERY_GPU_INFO, sizeof(struct drm_panthor_gpu_info),
	  offsetof(struct drm_panthor_gpu_info, tiler_present) + 8 },
	{ DRM_PANTHOR_DEV_QUERY_CSIF_INFO, sizeof(struct drm_panthor_csif_info),
	  sizeof(struct drm_panthor_csif_info) },
	{ DRM_PANTHOR_DEV_QUERY_TIMESTAMP_INFO, sizeof(struct drm_panthor_timestamp_info),
	  offsetof(struct drm_panthor_timestamp_info, current_timestamp) + 8 },
	{ DRM_PANTHOR_DEV_QUERY_GROUP_PRIORITIES_INFO,
	  sizeof(struct drm_panthor_group_priorities_info),
	  sizeof(struct drm_panthor_group_priorities_info) },
};

/* Without a pointer a query tells its size, and changes nothing else. */
TEST_F(file, query_tells_its_size)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(queries); i++) {
		struct drm_panthor_dev_query arg = { .type = queries[i].type, .size = 1 };

		ASSERT_EQ(0, ioctl(self->user.client.fd, DRM_IOCTL_PANTHOR_DEV_QUERY, &arg));
		EXPECT_EQ(queries[i].size, arg.size);
		EXPECT_EQ(queries[i].type, arg.type);
		EXPECT_EQ(0, arg.pointer);
	}
}

/* A query of the first version's size fills so much, and no more. */
TEST_F(file, query_of_an_old_program)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(queries); i++) {
		uint8_t buffer[256];

		memset(buffer, CANARY, sizeof(buffer));
		ASSERT_EQ(0, query(self->user.client.fd, queries[i].type, buffer,
				   queries[i].first));
		for (unsigned int n = queries[i].first; n < sizeof(buffer); n++)
			ASSERT_EQ(CANARY, buffer[n]);
		EXPECT_EQ(-EINVAL, query(self->user.client.fd, queries[i].type, buffer,
					 queries[i].first - 1));
	}
}

/* What a query of a newer program has more is filled with zeros. */
TEST_F(file, query_of_a_new_program)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(queries); i++) {
		uint8_t buffer[256] = { };

		/* The driver reads the flags of this one. */
		if (queries[i].type != DRM_PANTHOR_DEV_QUERY_TIMESTAMP_INFO)
			memset(buffer, CANARY, sizeof(buffer));
		ASSERT_EQ(0, query(self->user.client.fd, queries[i].type, buffer,
				   queries[i].size + TAIL));
		for (unsigned int n = queries[i].size; n < queries[i].size + TAIL; n++)
			ASSERT_EQ(0, buffer[n]);
	}
}

/* Of the query that has input, a tail the driver does not know is E2BIG. */
TEST_F(file, query_with_unknown_input)
{
	uint8_t buffer[256] = { };

	buffer[sizeof(struct drm_panthor_timestamp_info)] = 1;
	EXPECT_EQ(-E2BIG, query(self->user.client.fd, DRM_PANTHOR_DEV_QUERY_TIMESTAMP_INFO, buffer,
				sizeof(struct drm_panthor_timestamp_info) + TAIL));
}

/* An array of nothing is no error, wherever it is. */
TEST_F(file, empty_arrays)
{
	static const enum call_id ids[] = {
		CALL_VM_MAP, CALL_VM_MAP_ASYNC, CALL_BO_SYNC, CALL_SUBMIT,
	};
	struct user *user = &self->user;

	ASSERT_EQ(0, ledger_read(user->client.fd, &self->before));
	for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++) {
		const struct nested *nested = calls[ids[i]].nested;
		struct drm_panthor_obj_array *array;
		struct ledger after;

		ASSERT_EQ(0, make(user, &calls[ids[i]]));
		array = (void *)((char *)user->call + nested->array);
		*array = (struct drm_panthor_obj_array){ .array = NO_POINTER };
		EXPECT_EQ(0, call_ioctl(user, &calls[ids[i]]));
		EXPECT_EQ(0, ledger_settle(user->client.fd, &self->before, &after));
	}
}

/* There are no ioctls behind the last one. */
TEST_F(file, unknown_ioctl)
{
	uint8_t arg[64] = { };

	for (unsigned int nr = DRM_PANTHOR_BO_QUERY_INFO + 1; nr < 0x60; nr++) {
		const unsigned long call =
			DRM_IOWR(DRM_COMMAND_BASE + nr, struct drm_panthor_bo_query_info);

		EXPECT_EQ(-EINVAL, ioctl(self->user.client.fd, call, arg) ? -errno : 0);
	}
}

/* A file has 32 VMs; one more is EBUSY, and there is room again when one is gone. */
TEST_F(file, too_many_vms)
{
	int fd = self->user.client.fd, ret = 0;
	uint32_t vm[MAX_VMS + 1] = { };
	unsigned int made = 2;

	for (; !ret && made <= MAX_VMS; made++)
		ret = vm_create(fd, &vm[made]);
	EXPECT_EQ(-EBUSY, ret);
	/* Two are there already. */
	EXPECT_EQ(MAX_VMS + 1, made);
	ASSERT_EQ(0, vm_destroy(fd, vm[2]));
	EXPECT_EQ(0, vm_create(fd, &vm[2]));
	for (unsigned int i = 2; i < made - 1; i++)
		EXPECT_EQ(0, vm_destroy(fd, vm[i]));
}

/* A file has 128 groups; one more is EBUSY, and all can be destroyed. */
TEST_F_TIMEOUT(file, too_many_groups, 60)
{
	int fd = self->user.client.fd, ret = 0;
	uint32_t group[MAX_GROUPS + 1];
	unsigned int made = 1;

	for (; !ret && made <= MAX_GROUPS; made++)
		ret = group_create(fd, self->user.client.vm, 1, &group[made]);
	EXPECT_EQ(-EBUSY, ret);
	EXPECT_EQ(MAX_GROUPS + 1, made);
	for (unsigned int i = 1; i < made - 1; i++)
		EXPECT_EQ(0, group_destroy(fd, group[i]));
	EXPECT_EQ(0, client_works(&self->user.client, PATTERN));
}

/* A high priority is for who may have it: EACCES, and it is not among those allowed. */
TEST_F(file, priority_needs_a_right)
{
	struct drm_panthor_group_priorities_info info = { };
	struct user *user = &self->user;
	int fd = user->client.fd, ret;

	if (geteuid())
		SKIP(return, "not root, so there is no right to give up");
	ASSERT_EQ(0, make(user, &calls[CALL_GROUP_CREATE]));
	user->call->arg.group_create.priority = PANTHOR_GROUP_PRIORITY_HIGH;
	ASSERT_EQ(0, seteuid(NOBODY));
	ret = call_ioctl(user, &calls[CALL_GROUP_CREATE]);
	ASSERT_EQ(0, query(fd, DRM_PANTHOR_DEV_QUERY_GROUP_PRIORITIES_INFO, &info, sizeof(info)));
	ASSERT_EQ(0, seteuid(0));
	EXPECT_EQ(-EACCES, ret);
	EXPECT_EQ(1 << PANTHOR_GROUP_PRIORITY_LOW | 1 << PANTHOR_GROUP_PRIORITY_MEDIUM,
		  info.allowed_mask);

	ret = call_ioctl(user, &calls[CALL_GROUP_CREATE]);
	EXPECT_EQ(0, ret);
	ASSERT_EQ(0, unmake(user, &calls[CALL_GROUP_CREATE], ret));
}

/* A label has room for 4095 characters; one more is E2BIG. */
TEST_F(file, label_too_large)
{
	const struct ioctl_desc *desc = &calls[CALL_SET_LABEL];
	struct user *user = &self->user;

	ASSERT_EQ(0, make(user, desc));
	memset(user->call->label, 'x', MAX_LABEL - 1);
	EXPECT_EQ(0, call_ioctl(user, desc));
	user->call->label[MAX_LABEL - 1] = 'x';
	EXPECT_EQ(-E2BIG, call_ioctl(user, desc));
	/* None at all is one, too. */
	user->call->arg.bo_set_label.label = 0;
	EXPECT_EQ(0, call_ioctl(user, desc));
}

/* What is gone cannot be destroyed again. */
TEST_F(file, destroyed_twice)
{
	static const enum call_id ids[] = {
		CALL_VM_DESTROY, CALL_GROUP_DESTROY, CALL_HEAP_DESTROY,
	};
	struct user *user = &self->user;

	for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++) {
		ASSERT_EQ(0, make(user, &calls[ids[i]]));
		EXPECT_EQ(0, call_ioctl(user, &calls[ids[i]]));
		EXPECT_EQ(-EINVAL, call_ioctl(user, &calls[ids[i]]));
	}
}

TEST_HARNESS_MAIN
