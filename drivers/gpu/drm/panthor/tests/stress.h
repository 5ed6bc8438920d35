/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_STRESS_H__
#define __PANTHOR_TESTS_STRESS_H__

/**
 * DOC: Stress
 *
 * Threads that do seeded random operations to the same BOs and VMs, and meet at
 * barriers. The work is a number of operations, not a time. Between barriers the
 * order is up to the machine, so a failure repeats with the seed only in
 * tendency; what it was is then to be found out with race.h.
 *
 * Each thread has BOs that only its own VM maps. Other BOs are mapped by VMs
 * that all threads use. The CPU side of every BO is open to all of them.
 */

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/prandom.h>
#include <linux/spinlock_types.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "reclaim.h"

struct dma_buf;
struct dma_buf_attachment;
struct dma_fence;
struct kunit;
struct panthor_gem_object;
struct panthor_vm;
struct stress;
struct task_struct;
struct workqueue_struct;

/* Threads, the first of which is the test's; it alone has user mappings. */
#define STRESS_THREADS	5
#define STRESS_OWN	4
#define STRESS_SHARED	4
#define STRESS_BOS	(STRESS_THREADS * STRESS_OWN + STRESS_SHARED)
#define STRESS_VMS	2
#define STRESS_ERR_LEN	128

/**
 * enum stress_room - What excludes what
 * @STRESS_SCAN: Reclaim.
 * @STRESS_PIN: May be the first pin of a BO.
 * @STRESS_JOB: A submission with a fence, in a thread's own VM.
 * @STRESS_SHARED_BIND: A change of a shared VM.
 * @STRESS_SHARED_JOB: A submission in a shared VM.
 * @STRESS_VM_PUT: The last reference of a VM goes.
 * @STRESS_USER_MAP: A change of the user's address space.
 * @STRESS_ROOMS: Number of rooms.
 *
 * Stock has races between some of them, see stress_conflicts. Any number of
 * threads can be in a room; none enters one while another that it conflicts
 * with is in use.
 */
enum stress_room {
	STRESS_SCAN,
	STRESS_PIN,
	STRESS_JOB,
	STRESS_SHARED_BIND,
	STRESS_SHARED_JOB,
	STRESS_VM_PUT,
	STRESS_USER_MAP,
	STRESS_ROOMS,
};

/**
 * enum stress_op - What threads do
 * @STRESS_OP_PIN: Pin a BO, or drop the pin.
 * @STRESS_OP_VMAP: Map one into the kernel, check and change its content, or unmap.
 * @STRESS_OP_ATTACH: Attach a device to its dma-buf and map that, or detach.
 * @STRESS_OP_SYNC: Cache maintenance.
 * @STRESS_OP_BIND: Map an own BO, unmap it, or a part of it.
 * @STRESS_OP_BIND_JOB: The same from the VM's queue.
 * @STRESS_OP_JOB: Submit a job, and look at all that it needs while it runs.
 * @STRESS_OP_SHARED_BIND: As @STRESS_OP_BIND, for a BO and a VM of all threads.
 * @STRESS_OP_SHARED_JOB: Prepare a job in such a VM.
 * @STRESS_OP_SCAN: Reclaim, in any allocation context.
 * @STRESS_OP_COUNT: Ask what could be reclaimed.
 * @STRESS_OP_CREATE: Create a BO, use it, close it.
 * @STRESS_OP_VM: Create a VM, use it, put it.
 * @STRESS_OP_MMAP: Test's thread: map a BO into user space, or unmap it.
 * @STRESS_OP_TOUCH: Test's thread: check and change its content there.
 * @STRESS_OPS: Number of operations.
 */
enum stress_op {
	STRESS_OP_PIN,
	STRESS_OP_VMAP,
	STRESS_OP_ATTACH,
	STRESS_OP_SYNC,
	STRESS_OP_BIND,
	STRESS_OP_BIND_JOB,
	STRESS_OP_JOB,
	STRESS_OP_SHARED_BIND,
	STRESS_OP_SHARED_JOB,
	STRESS_OP_SCAN,
	STRESS_OP_COUNT,
	STRESS_OP_CREATE,
	STRESS_OP_VM,
	STRESS_OP_MMAP,
	STRESS_OP_TOUCH,
	STRESS_OPS,
};

/**
 * enum stress_map - How a thread's VM maps one of its BOs
 * @STRESS_NOT_MAPPED: It does not.
 * @STRESS_PART: All but one page.
 * @STRESS_WHOLE: All of it.
 */
enum stress_map {
	STRESS_NOT_MAPPED,
	STRESS_PART,
	STRESS_WHOLE,
};

/**
 * struct stress_thread - One of the threads
 * @stress: What it belongs to.
 * @id: Its number; the word of each page that is its own.
 * @rnd: Where its choices come from.
 * @task: The thread; NULL for the test's.
 * @go: It may do its operations, or end.
 * @vm: Its VM.
 * @map: How that maps the thread's BOs.
 * @bind: Its last VM_BIND job, or NULL; referenced.
 * @name: Name of @dev.
 * @dev: Its device of another driver.
 * @attach: Attachment it holds, or NULL.
 * @sgt: DMA mapping of that.
 * @pinned: BO it holds a pin of, or NULL.
 * @vmapped: BO it holds a kernel mapping of, or -1.
 * @vaddr: Where.
 * @addr: Test's thread: its user mappings.
 * @stamp: What it wrote last, per BO and page.
 * @err: The first thing that went wrong; empty if nothing did.
 */
struct stress_thread {
	struct stress *stress;
	unsigned int id;
	struct rnd_state rnd;
	struct task_struct *task;
	struct completion go;
	struct panthor_vm *vm;
	enum stress_map map[STRESS_OWN];
	struct dma_fence *bind;
	char name[32];
	struct device *dev;
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
	struct panthor_gem_object *pinned;
	int vmapped;
	void *vaddr;
	unsigned long addr[STRESS_BOS];
	u32 stamp[STRESS_BOS][BO_PAGES];
	char err[STRESS_ERR_LEN];
};

/**
 * struct stress - All of it
 * @test: The test.
 * @bo: The BOs: those of the threads, then the shared ones.
 * @handle: Their handles.
 * @buf: Their dma-bufs; NULL for those that cannot be exported.
 * @vm: VMs that all threads use.
 * @thread: The threads.
 * @weight: How often each operation is done, relative to the others.
 * @ops: Operations of each thread between two barriers.
 * @ending: The threads end.
 * @busy: Threads that are not at the barrier.
 * @barrier: All threads are at the barrier.
 * @lock: Protects @in_room.
 * @in_room: Threads per room.
 * @rooms: Where threads wait for a room.
 * @bind_wq: Where VM_BIND jobs run, once there was one.
 * @done: How often each operation was done.
 * @all_done: The same of all operations.
 * @reported: Pages that scans said they freed.
 * @unseen: Pages of BOs that were closed; some may be among @reported.
 * @restored: Mappings that a job found evicted, and brought back.
 * @swapped_in: Contents that were checked after they had been evicted.
 */
struct stress {
	struct kunit *test;
	struct panthor_gem_object *bo[STRESS_BOS];
	u32 handle[STRESS_BOS];
	struct dma_buf *buf[STRESS_BOS];
	struct panthor_vm *vm[STRESS_VMS];
	struct stress_thread thread[STRESS_THREADS];
	const u8 *weight;
	unsigned int ops;
	bool ending;
	atomic_t busy;
	struct completion barrier;
	spinlock_t lock; /* protects in_room */
	unsigned int in_room[STRESS_ROOMS];
	wait_queue_head_t rooms;
	struct workqueue_struct *bind_wq;
	atomic_t done[STRESS_OPS];
	atomic_t all_done;
	atomic_long_t reported;
	atomic_long_t unseen;
	atomic_t restored;
	atomic_t swapped_in;
};

struct stress *stress_new(struct kunit *test, const u8 *weight, unsigned int ops);
bool stress_round(struct stress *s);
unsigned int stress_rounds(void);
void stress_linger(void *data);
void stress_enter(struct stress *s, enum stress_room room);
void stress_leave(struct stress *s, enum stress_room room);
__printf(2, 3) void stress_error(struct stress_thread *t, const char *fmt, ...);

const char *stress_op_name(enum stress_op op);
u32 stress_pick(struct stress_thread *t, u32 n);
void stress_do(struct stress_thread *t);
void stress_check_content(struct stress_thread *t, unsigned int bo, void *vaddr);
void stress_let_go(struct stress_thread *t);

/* stress_bind.c */
void stress_wait_bind(struct stress_thread *t);
void stress_op_bind(struct stress_thread *t);
void stress_op_bind_job(struct stress_thread *t);
void stress_op_job(struct stress_thread *t);
void stress_op_shared_bind(struct stress_thread *t);
void stress_op_shared_job(struct stress_thread *t);

#endif
