/* SPDX-License-Identifier: GPL-2.0-only */
/* Sync operations of jobs and of asynchronous VM_BIND. */

#ifndef __PANTHOR_SELFTEST_SYNCS_H__
#define __PANTHOR_SELFTEST_SYNCS_H__

#include <stdint.h>

#include <drm/panthor_drm.h>

static inline struct drm_panthor_sync_op wait_for(uint32_t syncobj)
{
	return (struct drm_panthor_sync_op){ .handle = syncobj };
}

static inline struct drm_panthor_sync_op signals(uint32_t syncobj)
{
	return (struct drm_panthor_sync_op){
		.flags = DRM_PANTHOR_SYNC_OP_SIGNAL, .handle = syncobj,
	};
}

static inline struct drm_panthor_sync_op point(uint32_t syncobj, uint64_t value, uint32_t flags)
{
	return (struct drm_panthor_sync_op){
		.flags = flags | DRM_PANTHOR_SYNC_OP_HANDLE_TYPE_TIMELINE_SYNCOBJ,
		.handle = syncobj, .timeline_value = value,
	};
}

/* Gives a job or an operation the array of its syncs. */
#define WITH(one, syncs_of_it) \
	(one).syncs = (struct drm_panthor_obj_array) \
		DRM_PANTHOR_OBJ_ARRAY(ARRAY_SIZE(syncs_of_it), syncs_of_it)

#endif
