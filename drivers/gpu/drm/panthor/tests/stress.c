// SPDX-License-Identifier: GPL-2.0-only
/* Threads, barriers, and what stock cannot do at the same time. */

#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/file.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_prime.h>
#include <drm/panthor_drm.h>

#include <kunit/resource.h>

#include "fixture.h"
#include "foreign.h"
#include "random.h"
#include "seam.h"
#include "stress.h"

/* A round takes seconds on the slowest machine. */
#define STRESS_TIMEOUT	(120 * HZ)

/* Others that do nothing for so long, wait for who waits for them. */
#define LINGER_TIMEOUT	(HZ / 10)

static bool kunit_stress_races;
module_param(kunit_stress_races, bool, 0444);
MODULE_PARM_DESC(kunit_stress_races, "Stress what is known to race in the stock driver, too");

static unsigned int kunit_stress_rounds = 4;
module_param(kunit_stress_rounds, uint, 0444);
MODULE_PARM_DESC(kunit_stress_rounds, "Rounds of the stress, at least 2");

/**
 * stress_rounds() - How long to go on
 *
 * Context: Any.
 *
 * Return: Number of rounds.
 */
unsigned int stress_rounds(void)
{
	return max(kunit_stress_rounds, 2u);
}

/**
 * stress_linger() - Let the others do something, where races of stock are stressed
 * @data: The stress.
 *
 * The moments in which they are, are so short that a run does not hit them by
 * itself.
 *
 * Context: A thread of the stress, without locks of the driver.
 */
void stress_linger(void *data)
{
	struct stress *s = data;
	int until = atomic_read(&s->all_done) + 2 * STRESS_THREADS;

	if (!kunit_stress_races)
		return;
	wait_event_timeout(s->rooms, atomic_read(&s->all_done) - until >= 0 ||
			   atomic_read(&s->busy) <= 1, LINGER_TIMEOUT);
}

/*
 * What each room excludes, and the defect of stock-defects.rst for which it
 * does. Nothing else is kept apart.
 */
static const unsigned long stress_conflicts[STRESS_ROOMS] = {
	/* D41: a first pin, D40: a job, D31 and D30: a VM's lock that is busy. B57. */
	[STRESS_SCAN] = BIT(STRESS_PIN) | BIT(STRESS_JOB) | BIT(STRESS_SHARED_BIND) |
			BIT(STRESS_VM_PUT),
	[STRESS_PIN] = BIT(STRESS_SCAN),
	[STRESS_JOB] = BIT(STRESS_SCAN),
	/* D30: a job in a VM while another VM forgets the BO. */
	[STRESS_SHARED_BIND] = BIT(STRESS_SCAN) | BIT(STRESS_SHARED_JOB),
	[STRESS_SHARED_JOB] = BIT(STRESS_SHARED_BIND),
	[STRESS_VM_PUT] = BIT(STRESS_SCAN),
};

/*
 * UML walks an address space without its lock when two threads at once remove
 * something from it (flush_tlb_mm()), which is not what is tested here.
 */
static bool stress_um_excludes(struct stress *s, enum stress_room room)
{
	if (!IS_ENABLED(CONFIG_UML) || !s->weight[STRESS_OP_MMAP])
		return false;
	if (room == STRESS_SCAN)
		return s->in_room[STRESS_SCAN] || s->in_room[STRESS_USER_MAP];

	return room == STRESS_USER_MAP && s->in_room[STRESS_SCAN];
}

static bool stress_try_enter(struct stress *s, enum stress_room room)
{
	guard(spinlock)(&s->lock);

	if (stress_um_excludes(s, room))
		return false;
	for (unsigned int i = 0; i < STRESS_ROOMS && !kunit_stress_races; i++)
		if (s->in_room[i] && stress_conflicts[room] & BIT(i))
			return false;

	s->in_room[room]++;
	return true;
}

/**
 * stress_enter() - Begin something that may exclude something else
 * @s: The stress.
 * @room: What it is. The caller is in no other room.
 *
 * Context: Process context, without locks of the driver. May sleep.
 */
void stress_enter(struct stress *s, enum stress_room room)
{
	wait_event(s->rooms, stress_try_enter(s, room));
}

/**
 * stress_leave() - End it
 * @s: The stress.
 * @room: What was entered.
 *
 * Context: Process context.
 */
void stress_leave(struct stress *s, enum stress_room room)
{
	scoped_guard(spinlock, &s->lock)
		s->in_room[room]--;
	wake_up_all(&s->rooms);
}

/**
 * stress_error() - Something is wrong
 * @t: Thread that found out. Its first error is reported at the barrier.
 * @fmt: What.
 *
 * Context: Any thread.
 */
void stress_error(struct stress_thread *t, const char *fmt, ...)
{
	va_list args;

	if (t->err[0])
		return;

	va_start(args, fmt);
	vscnprintf(t->err, sizeof(t->err), fmt, args);
	va_end(args);
}

static void stress_work(struct stress_thread *t)
{
	for (unsigned int i = 0; i < t->stress->ops && !t->err[0]; i++) {
		stress_do(t);
		cond_resched();
	}
	/* The checker has no way to know of these. */
	stress_let_go(t);
}

static void stress_arrive(struct stress *s)
{
	if (atomic_dec_and_test(&s->busy))
		complete(&s->barrier);
	wake_up_all(&s->rooms);
}

static int stress_thread(void *data)
{
	struct stress_thread *t = data;

	for (;;) {
		wait_for_completion(&t->go);
		if (t->stress->ending)
			break;
		stress_work(t);
		stress_arrive(t->stress);
	}

	return 0;
}

/**
 * stress_round() - From one barrier to the next
 * @s: The stress.
 *
 * Context: Test thread, which does its share. On return no other thread does
 * anything, and nothing they left to a worker is left.
 *
 * Return: false if a thread found that something is wrong, and the test failed.
 */
bool stress_round(struct stress *s)
{
	struct kunit *test = s->test;
	bool good = true;

	atomic_set(&s->busy, STRESS_THREADS);
	reinit_completion(&s->barrier);
	for (unsigned int i = 1; i < STRESS_THREADS; i++)
		complete(&s->thread[i].go);
	stress_work(&s->thread[0]);
	stress_arrive(s);
	if (!wait_for_completion_timeout(&s->barrier, STRESS_TIMEOUT))
		KUNIT_FAIL_AND_ABORT(test, "%d threads do not get to the barrier",
				     atomic_read(&s->busy));

	for (unsigned int i = 0; i < STRESS_THREADS; i++) {
		stress_wait_bind(&s->thread[i]);
		if (!s->thread[i].err[0])
			continue;
		KUNIT_FAIL(test, "thread %u: %s", i, s->thread[i].err);
		good = false;
	}
	/* Freeing is queued by running, and cleaning up by freeing. */
	if (s->bind_wq)
		drain_workqueue(s->bind_wq);
	flush_workqueue(panthor_cleanup_wq);

	return good;
}

static void stress_end(void *data)
{
	struct stress *s = data;

	s->ending = true;
	for (unsigned int i = 1; i < STRESS_THREADS; i++) {
		if (!s->thread[i].task)
			continue;
		complete(&s->thread[i].go);
		kthread_stop_put(s->thread[i].task);
	}
	/* User mappings go with the test's address space. */
	for (unsigned int i = 0; i < STRESS_THREADS; i++) {
		stress_wait_bind(&s->thread[i]);
		stress_let_go(&s->thread[i]);
	}
	if (s->bind_wq)
		drain_workqueue(s->bind_wq);
	flush_workqueue(panthor_cleanup_wq);
}

static void stress_end_bo(void *data)
{
	struct stress *s = data;
	struct drm_file *file = to_panthor_kunit(s->test)->file;

	for (unsigned int i = 0; i < STRESS_BOS; i++) {
		if (s->buf[i])
			dma_buf_put(s->buf[i]);
		if (s->handle[i])
			drm_gem_handle_delete(file, s->handle[i]);
	}
	/* Kernel threads put files from a work item. */
	flush_delayed_fput();
}

/* One of each kind per thread: cached, private to the VM, and two plain ones. */
static void stress_make_bo(struct stress *s, unsigned int i)
{
	struct panthor_kunit *ctx = to_panthor_kunit(s->test);
	unsigned int kind = i % STRESS_OWN;
	bool own = i < STRESS_THREADS * STRESS_OWN;
	struct panthor_vm *vm = own && kind == 1 ? s->thread[i / STRESS_OWN].vm : NULL;
	struct panthor_gem_object *bo;
	struct dma_buf *buf;
	int ret;

	bo = panthor_kunit_try_bo(s->test, vm, BO_SIZE, kind ? 0 : DRM_PANTHOR_BO_WB_MMAP);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(s->test, bo);
	s->bo[i] = bo;
	ret = drm_gem_handle_create(ctx->file, &bo->base, &s->handle[i]);
	KUNIT_ASSERT_EQ(s->test, ret, 0);
	if (vm)
		return;

	buf = drm_gem_prime_handle_to_dmabuf(&ctx->ptdev->base, ctx->file, s->handle[i],
					     DRM_CLOEXEC | DRM_RDWR);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(s->test, buf);
	s->buf[i] = buf;
}

static void stress_make_thread(struct stress *s, unsigned int id)
{
	struct stress_thread *t = &s->thread[id];

	t->stress = s;
	t->id = id;
	t->vmapped = -1;
	init_completion(&t->go);
	prandom_seed_state(&t->rnd, panthor_kunit_pick(s->test, U32_MAX));
	t->vm = panthor_kunit_vm(s->test);
	snprintf(t->name, sizeof(t->name), "panthor-kunit-stress%u", id);
	t->dev = foreign_device(s->test, t->name);
}

static void stress_start(struct stress *s, unsigned int id)
{
	struct task_struct *task = kthread_create(stress_thread, &s->thread[id],
						  "panthor-stress%u", id);

	KUNIT_ASSERT_FALSE(s->test, IS_ERR(task));
	s->thread[id].task = get_task_struct(task);
	wake_up_process(task);
}

/**
 * stress_new() - Make BOs, VMs and threads
 * @test: The test; ends the threads and releases everything when it ends.
 * @weight: How often each operation is done, relative to the others.
 * @ops: Operations of each thread per round.
 *
 * Context: Test thread.
 *
 * Return: The stress, for stress_round(); a failure aborts the test.
 */
struct stress *stress_new(struct kunit *test, const u8 *weight, unsigned int ops)
{
	struct stress *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->test = test;
	s->weight = weight;
	s->ops = ops;
	spin_lock_init(&s->lock);
	init_completion(&s->barrier);
	init_waitqueue_head(&s->rooms);
	for (unsigned int i = 0; i < STRESS_THREADS; i++)
		stress_make_thread(s, i);
	for (unsigned int i = 0; i < STRESS_VMS; i++)
		s->vm[i] = panthor_kunit_vm(test);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, stress_end_bo, s), 0);
	for (unsigned int i = 0; i < STRESS_BOS; i++)
		stress_make_bo(s, i);
	/* For the address space that comes with a first mapping. */
	panthor_kunit_mmap(test, panthor_kunit_bo(test, PAGE_SIZE));

	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, stress_end, s), 0);
	for (unsigned int i = 1; i < STRESS_THREADS; i++)
		stress_start(s, i);
	if (kunit_stress_races)
		panthor_seam_hook(test, SEAM_LRU_POPPED, 0, stress_linger, s);

	return s;
}
