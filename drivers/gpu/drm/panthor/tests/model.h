/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_MODEL_H__
#define __PANTHOR_TESTS_MODEL_H__

/**
 * DOC: Reference model
 *
 * What the memory core has to do, without any of how: buffers that are resident
 * or not, held by pins, attachments, kernel and user mappings and GPU mappings,
 * needed by jobs, and queued for eviction. Written from the documented
 * invariants, in plain C without a single call into the driver or the kernel, so
 * that model and driver can only agree by being right.
 *
 * A buffer has two parts, its first page and the rest. A VM has a slot for each
 * buffer, with a place for either part. That is enough for mappings that are
 * split, overlaid by other buffers, or made again after an eviction.
 */

#include <linux/types.h>

#define MODEL_MAX_BOS	4
#define MODEL_MAX_VMS	3

/**
 * enum model_op - What can happen
 * @MODEL_CREATE: A BO is created where none is.
 * @MODEL_CLOSE: Its handle is closed. Mappings and jobs keep it.
 * @MODEL_NEW_VM: A VM is destroyed, and another one made in its place.
 * @MODEL_PIN: A pin is taken.
 * @MODEL_UNPIN: A pin is dropped.
 * @MODEL_VMAP: The kernel maps the BO, and reads and writes it.
 * @MODEL_VUNMAP: The kernel unmaps it.
 * @MODEL_MMAP: User space maps the BO, and does not touch it.
 * @MODEL_MUNMAP: User space unmaps it.
 * @MODEL_CUT: User space unmaps the first part of its mapping.
 * @MODEL_TOUCH: User space reads and writes through its mapping.
 * @MODEL_ATTACH: Another device attaches to the BO's dma-buf and maps it.
 * @MODEL_DETACH: It unmaps and detaches.
 * @MODEL_MAP: The BO is mapped into a VM, in its slot.
 * @MODEL_MAP_OVER: Its first part is mapped over that of the next BO's slot.
 * @MODEL_UNMAP: The BO's slot is unmapped.
 * @MODEL_UNMAP_PART: The first part of the slot is.
 * @MODEL_SUBMIT: A job is prepared: a VM needs all it maps.
 * @MODEL_RUN: The same, and the job runs: it reads and writes what the VM maps.
 * @MODEL_SIGNAL: The job ends.
 * @MODEL_BIND_MAP: A VM_BIND job is queued that will do @MODEL_MAP.
 * @MODEL_BIND_UNMAP: One that will do @MODEL_UNMAP.
 * @MODEL_BIND_RUN: It runs.
 * @MODEL_BIND_CLEANUP: The worker cleans up after it.
 * @MODEL_SHRINK_ONE: Direct reclaim asks for one page.
 * @MODEL_SHRINK_MORE: For a page more than a BO has, without file systems.
 * @MODEL_SHRINK_ALL: For everything.
 * @MODEL_SHRINK_NOWAIT: Reclaim that may not wait asks for everything.
 * @MODEL_SHRINK_KSWAPD: kswapd, which may, does.
 * @MODEL_SHRINK_NO_SWAP: Direct reclaim asks for everything, swap is full.
 * @MODEL_SHRINK_TIMEOUT: The same, and the GPU is waited for in vain.
 * @MODEL_SHRINK_BO_HELD: The same, while somebody holds the lock of a BO.
 * @MODEL_SHRINK_VM_HELD: The same, while somebody holds the lock of a VM.
 * @MODEL_CREATE_FAILS: A BO is asked for, and there is no memory.
 * @MODEL_VM_FAILS: A VM is, and there is no page table.
 * @MODEL_PIN_FAILS: A pin is, and there are no pages.
 * @MODEL_VMAP_FAILS: A kernel mapping is, and there is no address space.
 * @MODEL_VMAP_NO_DMA: The same, and the pages cannot be mapped for DMA.
 * @MODEL_TOUCH_FAILS: User space touches, and there are no pages.
 * @MODEL_TOUCH_NO_DMA: The same, and the pages cannot be mapped for DMA.
 * @MODEL_ATTACH_FAILS: Another device attaches, and there are no pages.
 * @MODEL_MAP_NO_PAGES: A GPU mapping is asked for, and there are no pages.
 * @MODEL_MAP_NO_DMA: The same, and they cannot be mapped for DMA.
 * @MODEL_MAP_NO_VM_BO: The same, and there is no memory for the vm_bo.
 * @MODEL_MAP_NO_TABLES: The same, and there is none for page tables.
 * @MODEL_UNMAP_FAILS: Part of a slot is to go, and there are no page tables.
 * @MODEL_BIND_FAILS: A VM_BIND job is to be made, and there are none.
 * @MODEL_SUBMIT_NO_PAGES: A job needs a BO back, and there are no pages.
 * @MODEL_SUBMIT_NO_DMA: The same, and they cannot be mapped for DMA.
 * @MODEL_SUBMIT_NO_TABLES: The same, and there are no page tables.
 * @MODEL_OPS: Number of operations.
 */
enum model_op {
	MODEL_CREATE,
	MODEL_CLOSE,
	MODEL_NEW_VM,
	MODEL_PIN,
	MODEL_UNPIN,
	MODEL_VMAP,
	MODEL_VUNMAP,
	MODEL_MMAP,
	MODEL_MUNMAP,
	MODEL_CUT,
	MODEL_TOUCH,
	MODEL_ATTACH,
	MODEL_DETACH,
	MODEL_MAP,
	MODEL_MAP_OVER,
	MODEL_UNMAP,
	MODEL_UNMAP_PART,
	MODEL_SUBMIT,
	MODEL_RUN,
	MODEL_SIGNAL,
	MODEL_BIND_MAP,
	MODEL_BIND_UNMAP,
	MODEL_BIND_RUN,
	MODEL_BIND_CLEANUP,
	MODEL_SHRINK_ONE,
	MODEL_SHRINK_MORE,
	MODEL_SHRINK_ALL,
	MODEL_SHRINK_NOWAIT,
	MODEL_SHRINK_KSWAPD,
	MODEL_SHRINK_NO_SWAP,
	MODEL_SHRINK_TIMEOUT,
	MODEL_SHRINK_BO_HELD,
	MODEL_SHRINK_VM_HELD,
	MODEL_CREATE_FAILS,
	MODEL_VM_FAILS,
	MODEL_PIN_FAILS,
	MODEL_VMAP_FAILS,
	MODEL_VMAP_NO_DMA,
	MODEL_TOUCH_FAILS,
	MODEL_TOUCH_NO_DMA,
	MODEL_ATTACH_FAILS,
	MODEL_MAP_NO_PAGES,
	MODEL_MAP_NO_DMA,
	MODEL_MAP_NO_VM_BO,
	MODEL_MAP_NO_TABLES,
	MODEL_UNMAP_FAILS,
	MODEL_BIND_FAILS,
	MODEL_SUBMIT_NO_PAGES,
	MODEL_SUBMIT_NO_DMA,
	MODEL_SUBMIT_NO_TABLES,
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
 * enum model_part - Parts of a BO, and places of a slot
 * @MODEL_HEAD: The first page.
 * @MODEL_TAIL: The others.
 * @MODEL_PARTS: Number of parts.
 */
enum model_part {
	MODEL_HEAD,
	MODEL_TAIL,
	MODEL_PARTS,
};

/* In a place, beside the number of its BO and one: the GPU does not reach it. */
#define MODEL_GONE	0x80

/**
 * enum model_map - A BO's mappings in a VM, as a whole
 * @MODEL_NOT_MAPPED: There is none.
 * @MODEL_LIVE: The GPU can reach the pages.
 * @MODEL_EVICTED: The pages were taken away; the next job brings them back.
 *	Mappings made since are live, and do not change that.
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
 * @open: It has a handle.
 * @resident: It has pages.
 * @dma: They are mapped for DMA.
 * @attached: Another device is attached.
 * @pins: Pins, without those of the other holds.
 * @vmaps: Kernel mappings.
 * @mmaps: User mappings.
 * @cut: Those of them that lost their first part, as bits.
 * @busy: VMs whose job needs it, as bits.
 * @map: Per VM, an &enum model_map.
 * @queue: Which &enum model_queue it is in.
 * @since: When it joined that queue; older goes first.
 * @was: 1 + when it had joined before a step that failed, if it was in that queue; 0
 *	else.
 *	Whether the step made it join again is left open.
 */
struct model_bo {
	bool open;
	bool resident;
	bool dma;
	bool attached;
	u8 pins;
	u8 vmaps;
	u8 mmaps;
	u8 cut;
	u8 busy;
	u8 map[MODEL_MAX_VMS];
	u8 queue;
	u32 since;
	u32 was;
};

/**
 * enum model_stage - How far the VM_BIND job is
 * @MODEL_NO_JOB: There is none.
 * @MODEL_QUEUED: It waits, and pins what it is to map.
 * @MODEL_RAN: It did its work. What it let go of is not looked at yet.
 */
enum model_stage {
	MODEL_NO_JOB,
	MODEL_QUEUED,
	MODEL_RAN,
};

/**
 * struct model_bind - The VM_BIND job; there is one at a time
 * @stage: An &enum model_stage.
 * @maps: It maps; otherwise it unmaps.
 * @bo: Which slot, and BO.
 * @vm: In which VM.
 * @left: BOs that lost their last mapping in @vm by it, as bits. Until the
 *	cleanup, or something else that happens to them, they may be in the queue
 *	they were in.
 */
struct model_bind {
	u8 stage;
	bool maps;
	u8 bo;
	u8 vm;
	u8 left;
};

/**
 * enum model_defect - Defects of the stock driver that steps can meet
 * @MODEL_D1: Pages of a failed touch or restore are on no LRU.
 * @MODEL_D2: A touch of resident pages does not map them for DMA.
 * @MODEL_D30: A BO stays on the LRU of another VM.
 * @MODEL_D43: Pages of a restore that failed later are on no LRU.
 * @MODEL_D50: The rest of a cut mapping shows wrong pages.
 * @MODEL_DEFECTS: Number of defects; as a result, none.
 */
enum model_defect {
	MODEL_D1,
	MODEL_D2,
	MODEL_D30,
	MODEL_D43,
	MODEL_D50,
	MODEL_DEFECTS,
};

/**
 * struct model - All of it
 * @nr_bos: Buffers in use.
 * @nr_vms: VMs in use.
 * @max_holds: Most pins, kernel and user mappings of each kind per BO.
 * @pages: Size of each BO, in pages; at least 2.
 * @defects: Defects that the driver has, as bits.
 * @retried: The last scan freed nothing, and asked for another one.
 * @jobs: VMs with a job that runs, as bits.
 * @now: Counts joins.
 * @bo: The buffers.
 * @place: Per VM, slot and part: the number of the BO that is mapped there and
 *	one, with MODEL_GONE if it is evicted; 0 for nothing.
 * @bind: The VM_BIND job.
 */
struct model {
	u8 nr_bos;
	u8 nr_vms;
	u8 max_holds;
	u8 pages;
	u8 defects;
	bool retried;
	u8 jobs;
	u32 now;
	struct model_bo bo[MODEL_MAX_BOS];
	u8 place[MODEL_MAX_VMS][MODEL_MAX_BOS][MODEL_PARTS];
	struct model_bind bind;
};

/* model.c */
const char *model_op_name(enum model_op op);
bool model_op_has_bo(enum model_op op);
bool model_op_has_vm(enum model_op op);
bool model_op_shrinks(enum model_op op);
void model_init(struct model *m, u8 nr_bos, u8 nr_vms, u8 max_holds, u8 pages);
bool model_allows(const struct model *m, struct model_step step);
bool model_alive(const struct model *m, u8 bo);
bool model_pinned(const struct model *m, u8 bo);

/* model_apply.c */
u8 model_queue_of(const struct model *m, u8 bo);
void model_apply(struct model *m, struct model_step step);
void model_settle(struct model *m, u8 bo);
bool model_left_open(const struct model *m, struct model_step step);
enum model_defect model_meets(const struct model *m, struct model_step step);
const char *model_defect_name(enum model_defect defect);

/* model_reclaim.c */
void model_order(struct model *m, u8 later);
bool model_victims_allowed(const struct model *m, struct model_step step, u32 victims);
void model_evict(struct model *m, struct model_step step, u32 victims);
bool model_asks_again(const struct model *m, struct model_step step, u32 victims);

/* model_state.c */
u64 model_hash(const struct model *m);
u64 model_canonical(const struct model *m, struct model *turned, u8 *turn);
u8 model_turns(const struct model *m);
struct model_step model_turn(struct model_step step, u8 turn);

#endif
