/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_CHECK_PRIV_H__
#define __PANTHOR_TESTS_CHECK_PRIV_H__

/* What the parts of the invariant checker share. */

#include <linux/types.h>

#include "check.h"
#include "seam.h"

#include "../panthor_device.h"
#include "../panthor_gem.h"

struct drm_gem_lru;
struct drm_gpuvm;
struct io_pgtable_ops;
struct kunit;
struct list_head;
struct panthor_device;
struct panthor_kunit;
struct panthor_vm;

/* Invariants, and the words in front of a message. */
#define CHECK_MAX_VMS	SEAM_PGTABLES

/**
 * struct check_bo - A BO and what is known of it from elsewhere
 * @bo: The BO, referenced.
 * @vmas: User mappings of it.
 * @on_lru: It was seen on an LRU.
 */
struct check_bo {
	struct panthor_gem_object *bo;
	unsigned int vmas;
	bool on_lru;
};

/**
 * struct check_vm - A VM and what is known of it from elsewhere
 * @vm: The VM.
 * @size: Size of its allocation: what lies inside belongs to the VM.
 * @pgtable: Its page table.
 * @mappings: Mappings in its tree.
 * @linked: Mappings that BOs have in it.
 * @evicted: vm_bos that say they are on its list of evicted ones.
 * @listed: How often it is on the device's list.
 * @lru: Its LRU, or NULL if where that is was not learned yet.
 */
struct check_vm {
	struct panthor_vm *vm;
	size_t size;
	struct io_pgtable_ops *pgtable;
	unsigned int mappings;
	unsigned int linked;
	unsigned int evicted;
	unsigned int listed;
	struct drm_gem_lru *lru;
};

/**
 * struct check - One run of the checker
 * @test: The test.
 * @ctx: Its fixture.
 * @ptdev: The device.
 * @r: Where violations go.
 * @nr_bos: Number of BOs.
 * @nr_vms: Number of VMs.
 * @gpu_mapped: Pages of BOs that a GPU has mapped.
 * @vm_bos: Number of vm_bos.
 * @tables: Tables below the roots of all page tables.
 * @max_bos: Room in @bos.
 * @hash_bits: Size of @hash.
 * @hash: Finds a BO by its address; index and one, 0 is free.
 * @vms: The VMs, by address.
 * @bos: The BOs.
 */
struct check {
	struct kunit *test;
	struct panthor_kunit *ctx;
	struct panthor_device *ptdev;
	struct panthor_check_report *r;
	unsigned int nr_bos;
	unsigned int nr_vms;
	long gpu_mapped;
	unsigned int vm_bos;
	unsigned int tables;
	unsigned int max_bos;
	unsigned int hash_bits;
	u32 *hash;
	struct check_vm vms[CHECK_MAX_VMS];
	struct check_bo bos[] __counted_by(max_bos);
};

/* A panthor_vm begins with its gpuvm. */
static inline struct drm_gpuvm *check_gpuvm(struct panthor_vm *vm)
{
	return (struct drm_gpuvm *)vm;
}

__printf(3, 4) void check_violated(struct panthor_check_report *r, unsigned int inv,
				   const char *fmt, ...);

struct check *check_open(struct kunit *test, struct panthor_check_report *r);
void check_close(struct check *c);
struct check_bo *check_find_bo(struct check *c, const void *bo);
struct check_vm *check_find_vm(struct check *c, const void *inside);
enum panthor_gem_reclaim_state check_derive_state(struct panthor_gem_object *bo,
						  struct drm_gpuvm **only_vm);

void check_user_mappings(struct check *c);
void check_kernel_mapping(struct panthor_gem_object *bo, struct panthor_check_report *r);
void check_gather_vms(struct check *c);
void check_vm_bos(struct check *c, struct panthor_gem_object *bo);
void check_vms(struct check *c);
void check_imported(struct check *c, struct panthor_gem_object *bo);

#endif
