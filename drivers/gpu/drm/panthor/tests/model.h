/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_MODEL_H__
#define __PANTHOR_TESTS_MODEL_H__

/**
 * DOC: Reference model
 *
 * What the memory core has to do, without any of how: buffers that are resident
 * or not, held by pins, kernel and user mappings and GPU mappings, and queued
 * for eviction. Written from the documented invariants, in plain C without a
 * single call into the driver or the kernel, so that model and driver can only
 * agree by being right.
 *
 * Mappings cover whole buffers; a buffer is mapped at most once per VM.
 */

#include <linux/types.h>

#define MODEL_MAX_BOS	4
#define MODEL_MAX_VMS	3

/**
 * enum model_op - What can happen
 * @MODEL_PIN: A pin is taken.
 * @MODEL_UNPIN: A pin is dropped.
 * @MODEL_VMAP: The kernel maps the BO.
 * @MODEL_VUNMAP: The kernel unmaps it.
 * @MODEL_MMAP: User space maps the BO, and does not touch it.
 * @MODEL_MUNMAP: User space unmaps it.
 * @MODEL_TOUCH: User space writes through its mapping.
 * @MODEL_MAP: The BO is mapped into a VM.
 * @MODEL_UNMAP: The BO is unmapped from a VM.
 * @MODEL_SUBMIT: A job is prepared: a VM needs all it maps.
 * @MODEL_SHRINK_ONE: Direct reclaim asks for one page.
 * @MODEL_SHRINK_ALL: Direct reclaim asks for everything.
 * @MODEL_SHRINK_ATOMIC: Reclaim that may not wait asks for everything.
 * @MODEL_SHRINK_NO_SWAP: Direct reclaim asks for everything, swap is full.
 * @MODEL_PIN_FAILS: A pin is asked for, and there are no pages.
 * @MODEL_MAP_FAILS: A mapping is asked for, and there are no pages.
 * @MODEL_OPS: Number of operations.
 */
enum model_op {
	MODEL_PIN,
	MODEL_UNPIN,
	MODEL_VMAP,
	MODEL_VUNMAP,
	MODEL_MMAP,
	MODEL_MUNMAP,
	MODEL_TOUCH,
	MODEL_MAP,
	MODEL_UNMAP,
	MODEL_SUBMIT,
	MODEL_SHRINK_ONE,
	MODEL_SHRINK_ALL,
	MODEL_SHRINK_ATOMIC,
	MODEL_SHRINK_NO_SWAP,
	MODEL_PIN_FAILS,
	MODEL_MAP_FAILS,
	MODEL_OPS,
};

/**
 * struct model_step - One operation on its objects
 * @op: Which, see &enum model_op.
 * @bo: Index of the BO, where the operation has one.
 * @vm: Index of the VM, where the operation has one.
 */
struct model_step {
	u8 op;
	u8 bo;
	u8 vm;
};

/**
 * enum model_map - A BO's mapping in a VM
 * @MODEL_NOT_MAPPED: There is none.
 * @MODEL_LIVE: The GPU can reach the pages.
 * @MODEL_EVICTED: The pages were taken away; the next job brings them back.
 */
enum model_map {
	MODEL_NOT_MAPPED,
	MODEL_LIVE,
	MODEL_EVICTED,
};

/**
 * enum model_queue - The queues a BO can wait for eviction in
 * @MODEL_UNUSED: Nothing holds the pages.
 * @MODEL_MMAPPED: User space does.
 * @MODEL_OF_VM: One VM does; the VM's number is added to this.
 * @MODEL_SHARED: Several VMs do.
 * @MODEL_NOT_QUEUED: No pages, or pinned.
 */
enum model_queue {
	MODEL_UNUSED,
	MODEL_MMAPPED,
	MODEL_OF_VM,
	MODEL_SHARED = MODEL_OF_VM + MODEL_MAX_VMS,
	MODEL_NOT_QUEUED,
};

/**
 * struct model_bo - A buffer
 * @resident: It has pages.
 * @pins: Pins, without those of kernel mappings.
 * @vmaps: Kernel mappings.
 * @mmaps: User mappings.
 * @map: Per VM, an &enum model_map.
 * @queue: Which &enum model_queue it is in.
 * @since: When it joined that queue; older goes first.
 */
struct model_bo {
	bool resident;
	u8 pins;
	u8 vmaps;
	u8 mmaps;
	u8 map[MODEL_MAX_VMS];
	u8 queue;
	u32 since;
};

/**
 * struct model - All of it
 * @nr_bos: Buffers in use.
 * @nr_vms: VMs in use.
 * @max_holds: Most pins, kernel and user mappings of each kind per BO.
 * @pages: Size of each BO, in pages.
 * @now: Counts joins.
 * @bo: The buffers.
 */
struct model {
	u8 nr_bos;
	u8 nr_vms;
	u8 max_holds;
	u8 pages;
	u32 now;
	struct model_bo bo[MODEL_MAX_BOS];
};

const char *model_op_name(enum model_op op);
bool model_op_has_bo(enum model_op op);
bool model_op_has_vm(enum model_op op);
bool model_op_shrinks(enum model_op op);
void model_init(struct model *m, u8 nr_bos, u8 nr_vms, u8 max_holds, u8 pages);
bool model_allows(const struct model *m, struct model_step step);
void model_apply(struct model *m, struct model_step step);
void model_order(struct model *m, u8 later);
bool model_victims_allowed(const struct model *m, enum model_op op, u32 victims);
void model_evict(struct model *m, u32 victims);
bool model_reclaimable(const struct model *m, enum model_op op);
u64 model_hash(const struct model *m);

#endif
