// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is known of a BO: its label, the VM it is private to, the kernel BO
 * around it, and its row in debugfs.
 */

#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <drm/drm_debugfs.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_print.h>
#include <drm/drm_vma_manager.h>
#include <drm/panthor_drm.h>

#include <kunit/resource.h>

#include "check.h"
#include "fixture.h"
#include "race.h"
#include "reclaim.h"
#include "seam.h"
#include "vm_walk.h"

/* GPU pages of a BO of BO_SIZE. */
#define BO_PTES		(BO_SIZE / SZ_4K)

/* Give a BO a label that it owns. */
static void set_label(struct kunit *test, struct panthor_gem_object *bo, const char *label)
{
	const char *copy = kstrdup(label, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, copy);
	panthor_gem_bo_set_label(&bo->base, copy);
}

/*
 * A BO is given a label, and then another one.
 * Succeeds if it has the last one; leak checking sees to the first.
 */
static void label_is_replaced(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);

	KUNIT_EXPECT_NULL(test, bo->label.str);
	set_label(test, bo, "first");
	KUNIT_EXPECT_STREQ(test, bo->label.str, "first");
	set_label(test, bo, "second");
	KUNIT_EXPECT_STREQ(test, bo->label.str, "second");
}

/*
 * A label of no length is a label; none is not.
 * Succeeds if the BO keeps the difference.
 */
static void empty_label_is_not_no_label(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);

	set_label(test, bo, "");
	KUNIT_ASSERT_NOT_NULL(test, bo->label.str);
	KUNIT_EXPECT_STREQ(test, bo->label.str, "");
	panthor_gem_bo_set_label(&bo->base, NULL);
	KUNIT_EXPECT_NULL(test, bo->label.str);
}

/*
 * Kernel BOs are named when they are created.
 * Succeeds if the name is the label, stays when no other is given, and can be
 * replaced.
 */
static void kernel_bo_is_labelled_with_its_name(struct kunit *test)
{
	struct panthor_kernel_bo *kbo =
		panthor_kunit_kernel_bo(test, panthor_kunit_vm(test), BO_SIZE);
	struct panthor_gem_object *bo = to_panthor_bo(kbo->obj);

	KUNIT_EXPECT_STREQ(test, bo->label.str, "kunit");
	panthor_gem_kernel_bo_set_label(kbo, NULL);
	KUNIT_EXPECT_STREQ(test, bo->label.str, "kunit");
	panthor_gem_kernel_bo_set_label(kbo, "other");
	KUNIT_EXPECT_STREQ(test, bo->label.str, "other");
}

/*
 * A BO that is private to a VM (I28).
 * Succeeds if it shares the VM's lock, and holds on to it as long as it lives.
 */
static void private_bo_has_the_vms_lock(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct drm_gem_object *root = panthor_vm_root_gem(vm);
	unsigned int refs = kref_read(&root->refcount);
	struct panthor_gem_object *bo = panthor_kunit_try_bo(test, vm, BO_SIZE, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bo);
	KUNIT_EXPECT_PTR_EQ(test, bo->exclusive_vm_root_gem, root);
	KUNIT_EXPECT_PTR_EQ(test, bo->base.resv, panthor_vm_resv(vm));
	KUNIT_EXPECT_EQ(test, kref_read(&root->refcount), refs + 1);
	panthor_kunit_bo_put(test, bo);
	KUNIT_EXPECT_EQ(test, kref_read(&root->refcount), refs);
}

/*
 * A BO that is not private to anybody.
 * Succeeds if its lock is its own.
 */
static void shared_bo_has_its_own_lock(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);

	KUNIT_EXPECT_NULL(test, bo->exclusive_vm_root_gem);
	KUNIT_EXPECT_PTR_EQ(test, bo->base.resv, &bo->base._resv);
}

/*
 * A BO that is private to one VM is mapped into another.
 * Succeeds if that is refused with -EINVAL, no page is allocated or pinned, and
 * its own VM can map it.
 */
static void private_bo_is_mapped_by_its_vm_only(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test), *other = panthor_kunit_vm(test);
	struct panthor_gem_object *bo = panthor_kunit_try_bo(test, vm, BO_SIZE, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bo);
	KUNIT_EXPECT_EQ(test, panthor_vm_map_bo_range(other, bo, 0, BO_SIZE, VA(0), 0), -EINVAL);
	KUNIT_EXPECT_NULL(test, bo->backing.pages);
	KUNIT_EXPECT_NULL(test, vm_bo_of(other, bo));
	panthor_kunit_map(test, vm, bo, VA(0));
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0), BO_SIZE, bo, 0), BO_PTES);
}

/**
 * struct newborn - What another thread finds under a handle that is just there
 * @ctx: The fixture.
 * @found: There was a BO.
 * @listed: debugfs knows it.
 * @resv: Its lock.
 * @root: VM it is private to.
 * @state: Its reclaim state.
 * @offset: User space can map it.
 */
struct newborn {
	struct panthor_kunit *ctx;
	bool found;
	bool listed;
	struct dma_resv *resv;
	struct drm_gem_object *root;
	enum panthor_gem_reclaim_state state;
	bool offset;
};

/* Guesses the handle, looks, and closes it. */
static int find_and_close(void *data)
{
	struct newborn *n = data;
	struct drm_file *file = n->ctx->file;
	struct drm_gem_object *obj;
	int handle = 1;

	if (!idr_get_next(&file->object_idr, &handle))
		return -ENOENT;

	obj = drm_gem_object_lookup(file, handle);
	if (!obj)
		return -ENOENT;

	n->found = true;
	n->listed = !list_empty(&n->ctx->ptdev->gems.node);
	n->resv = obj->resv;
	n->root = to_panthor_bo(obj)->exclusive_vm_root_gem;
	n->state = to_panthor_bo(obj)->reclaim_state;
	n->offset = drm_vma_node_start(&obj->vma_node);
	drm_gem_object_put(obj);

	return drm_gem_handle_delete(file, handle);
}

struct owner_param {
	const char *desc;
	bool private;
};

static const struct owner_param owner_params[] = {
	{ "shared", false },
	{ "private", true },
};

KUNIT_ARRAY_PARAM_DESC(owner, owner_params, desc);

/*
 * Handles are easy to guess. Another thread looks a new BO up and closes its
 * handle before the call that made both has returned (B42).
 * Succeeds if what it finds is the BO as it will be: on the list of debugfs, with
 * its lock, its VM, its state and its offset; and if the call works, on a BO that
 * is gone when it returns.
 */
static void bo_is_complete_before_its_handle_exists(struct kunit *test)
{
	const struct owner_param *param = test->param_value;
	struct panthor_kunit *ctx = to_panthor_kunit(test);
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct drm_gem_object *root = panthor_vm_root_gem(vm);
	unsigned int refs = kref_read(&root->refcount);
	struct newborn n = { .ctx = ctx };
	struct panthor_race *race;
	u64 size = BO_SIZE - 1;
	u32 handle;

	race = panthor_race_at(test, SEAM_HANDLE_CREATED, 1, find_and_close, &n);
	KUNIT_EXPECT_EQ(test, panthor_gem_create_with_handle(ctx->file, &ctx->ptdev->base,
							     param->private ? vm : NULL,
							     &size, 0, &handle), 0);
	panthor_race_expect(race);

	KUNIT_ASSERT_TRUE(test, n.found);
	KUNIT_EXPECT_TRUE(test, n.listed);
	KUNIT_EXPECT_PTR_EQ(test, n.root, param->private ? root : NULL);
	KUNIT_EXPECT_EQ(test, n.resv == root->resv, param->private);
	KUNIT_EXPECT_EQ(test, n.state, PANTHOR_GEM_UNRECLAIMABLE);
	KUNIT_EXPECT_TRUE(test, n.offset);
	KUNIT_EXPECT_EQ(test, size, BO_SIZE);
	KUNIT_EXPECT_TRUE(test, list_empty(&ctx->ptdev->gems.node));
	KUNIT_EXPECT_EQ(test, kref_read(&root->refcount), refs);
}

/*
 * The kernel gets a buffer in a VM's kernel range.
 * Succeeds if the address it is told leads to the buffer.
 */
static void kernel_bo_is_mapped_where_it_says(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_kernel_bo *kbo = panthor_kunit_kernel_bo(test, vm, BO_SIZE);
	u64 va = panthor_kernel_bo_gpuva(kbo);

	KUNIT_EXPECT_GE(test, va, PANTHOR_KUNIT_VA_USER);
	KUNIT_EXPECT_LE(test, va + BO_SIZE, PANTHOR_KUNIT_VA_USER + PANTHOR_KUNIT_VA_KERNEL);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, va, BO_SIZE, to_panthor_bo(kbo->obj), 0),
			BO_PTES);
}

struct fw_param {
	const char *desc;
	bool fw;
};

static const struct fw_param fw_params[] = {
	{ "user_vm", false },
	{ "firmware_vm", true },
};

KUNIT_ARRAY_PARAM_DESC(fw, fw_params, desc);

/*
 * A kernel BO is wanted at an address that another one has (B12).
 * Succeeds if it is refused with -ENOSPC, and no BO, pin or reference is left.
 */
static void kernel_bo_at_occupied_address_is_refused(struct kunit *test)
{
	const struct fw_param *param = test->param_value;
	struct panthor_kunit *ctx = to_panthor_kunit(test);
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_kernel_bo *kbo, *second;
	unsigned int refs;

	if (param->fw)
		panthor_seam_set_fw_vm(test, vm);
	kbo = panthor_kunit_kernel_bo(test, vm, BO_SIZE);
	refs = kref_read(&panthor_vm_root_gem(vm)->refcount);

	second = panthor_kernel_bo_create(ctx->ptdev, vm, BO_SIZE, DRM_PANTHOR_BO_NO_MMAP, 0,
					  panthor_kernel_bo_gpuva(kbo), "second");
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(second), -ENOSPC);
	KUNIT_EXPECT_TRUE(test, list_is_singular(&ctx->ptdev->gems.node));
	KUNIT_EXPECT_EQ(test, kref_read(&panthor_vm_root_gem(vm)->refcount), refs);
}

/*
 * Firmware BOs must never leave memory; those of other VMs may (B12).
 * Succeeds if only the latter is evicted.
 */
static void firmware_bo_is_never_evicted(struct kunit *test)
{
	const struct fw_param *param = test->param_value;
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_gem_object *bo;

	if (param->fw)
		panthor_seam_set_fw_vm(test, vm);
	bo = to_panthor_bo(panthor_kunit_kernel_bo(test, vm, BO_SIZE)->obj);
	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING),
			param->fw ? SHRINK_STOP : BO_PAGES);
	KUNIT_EXPECT_EQ(test, !bo->backing.pages, !param->fw);
}

static void debugfs_end(void *data)
{
	debugfs_remove(data);
}

/* What the file "gems" says. */
static const char *gems_text(struct kunit *test)
{
	struct drm_device *drm = &to_panthor_kunit(test)->ptdev->base;
	struct drm_minor *minor = kunit_kzalloc(test, sizeof(*minor), GFP_KERNEL);
	struct seq_file *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	struct drm_info_node *node;
	struct dentry *file;

	KUNIT_ASSERT_NOT_NULL(test, minor);
	KUNIT_ASSERT_NOT_NULL(test, m);
	minor->dev = drm;
	minor->debugfs_root = debugfs_create_dir("panthor-kunit", NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(minor->debugfs_root));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, debugfs_end,
							minor->debugfs_root), 0);
	panthor_gem_debugfs_init(minor);

	file = debugfs_lookup("gems", minor->debugfs_root);
	KUNIT_ASSERT_NOT_NULL(test, file);
	node = d_inode(file)->i_private;
	dput(file);

	m->size = SZ_16K;
	m->buf = kunit_kzalloc(test, m->size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m->buf);
	m->private = node;
	KUNIT_ASSERT_EQ(test, node->info_ent->show(m, NULL), 0);
	KUNIT_ASSERT_FALSE(test, seq_has_overflowed(m));
	kunit_release_action(test, debugfs_end, minor->debugfs_root);

	return m->buf;
}

/* One row of it. */
struct gems_row {
	unsigned int refs;
	unsigned int evictions;
	size_t size;
	size_t resident;
	unsigned int state;
	unsigned int usage;
};

/* The row of the BO with a label, which is the last column. */
static struct gems_row gems_row(struct kunit *test, const char *label)
{
	const char *text = gems_text(test), *end, *start;
	struct gems_row row = {};
	int columns;

	end = strstr(text, label);
	KUNIT_ASSERT_NOT_NULL(test, end);
	for (start = end; start > text && start[-1] != '\n'; start--)
		;
	columns = sscanf(start, "%*s %*d %u %u %zu %zu 0x%*x 0x%x 0x%x", &row.refs,
			 &row.evictions, &row.size, &row.resident, &row.state, &row.usage);
	KUNIT_ASSERT_EQ(test, columns, 6);

	return row;
}

/*
 * Three BOs: without pages, reclaimable, pinned.
 * Succeeds if the totals are sums of their sizes.
 */
static void debugfs_totals_are_sums(struct kunit *test)
{
	struct panthor_gem_object *pinned = panthor_kunit_bo(test, 4 * PAGE_SIZE);
	char want[96];

	panthor_kunit_bo(test, PAGE_SIZE);
	reclaim_unused_bo(test, 2 * PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, panthor_kunit_pin(test, pinned), 0);

	snprintf(want, sizeof(want),
		 "Total size: %lu, Total resident: %lu, Total reclaimable: %lu\n",
		 7 * PAGE_SIZE, 6 * PAGE_SIZE, 2 * PAGE_SIZE);
	KUNIT_EXPECT_NOT_NULL(test, strstr(gems_text(test), want));
}

/*
 * A BO with pages.
 * Succeeds if its row says so, and nothing special about it.
 */
static void debugfs_shows_resident_bo(struct kunit *test)
{
	struct panthor_gem_object *bo = reclaim_unused_bo(test, BO_SIZE);
	struct gems_row row;

	set_label(test, bo, "kunit-resident");
	row = gems_row(test, "kunit-resident");
	KUNIT_EXPECT_EQ(test, row.refs, 1);
	KUNIT_EXPECT_EQ(test, row.evictions, 0);
	KUNIT_EXPECT_EQ(test, row.size, BO_SIZE);
	KUNIT_EXPECT_EQ(test, row.resident, BO_SIZE);
	KUNIT_EXPECT_EQ(test, row.state, 0);
	KUNIT_EXPECT_EQ(test, row.usage, 0);
}

/*
 * A BO that was evicted twice.
 * Succeeds if its row counts that, shows no resident bytes, and says evicted.
 */
static void debugfs_shows_evicted_bo(struct kunit *test)
{
	struct panthor_gem_object *bo = reclaim_unused_bo(test, BO_SIZE);
	struct gems_row row;

	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), BO_PAGES);
	panthor_kunit_make_resident(test, bo);
	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), BO_PAGES);

	set_label(test, bo, "kunit-evicted");
	row = gems_row(test, "kunit-evicted");
	KUNIT_EXPECT_EQ(test, row.evictions, 2);
	KUNIT_EXPECT_EQ(test, row.size, BO_SIZE);
	KUNIT_EXPECT_EQ(test, row.resident, 0);
	KUNIT_EXPECT_EQ(test, row.state, PANTHOR_DEBUGFS_GEM_STATE_FLAG_EVICTED);
}

/*
 * A kernel BO, of the firmware or not.
 * Succeeds if its row says what it is for.
 */
static void debugfs_shows_usage_of_kernel_bo(struct kunit *test)
{
	const struct fw_param *param = test->param_value;
	struct panthor_vm *vm = panthor_kunit_vm(test);
	u32 usage = PANTHOR_DEBUGFS_GEM_USAGE_FLAG_KERNEL;

	if (param->fw) {
		panthor_seam_set_fw_vm(test, vm);
		usage |= PANTHOR_DEBUGFS_GEM_USAGE_FLAG_FW_MAPPED;
	}
	panthor_gem_kernel_bo_set_label(panthor_kunit_kernel_bo(test, vm, BO_SIZE),
					"kunit-kernel");
	KUNIT_EXPECT_EQ(test, gems_row(test, "kunit-kernel").usage, usage);
}

/*
 * Other lists of objects, DRM's own, ask the driver what to say of its BOs.
 * Succeeds if pages and pins are told as they are, without and with both.
 */
static void print_info_tells_pages_and_pins(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	static const char * const expected[] = {
		"resident=false\npages_pin_count=0\nvmap_use_count=0\n",
		"resident=true\npages_pin_count=1\nvmap_use_count=0\n",
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(expected); i++) {
		char text[256] = {};
		struct drm_print_iterator to = { .data = text, .remain = sizeof(text) - 1 };
		struct drm_printer p = drm_coredump_printer(&to);

		if (i)
			KUNIT_ASSERT_EQ(test, panthor_kunit_pin(test, bo), 0);
		bo->base.funcs->print_info(&p, 0, &bo->base);
		text[strlen(expected[i])] = '\0';
		KUNIT_EXPECT_STREQ(test, text, expected[i]);
	}
}

static struct kunit_case gem_create_cases[] = {
	KUNIT_CASE(label_is_replaced),
	KUNIT_CASE(empty_label_is_not_no_label),
	KUNIT_CASE(kernel_bo_is_labelled_with_its_name),
	KUNIT_CASE(private_bo_has_the_vms_lock),
	KUNIT_CASE(shared_bo_has_its_own_lock),
	KUNIT_CASE(private_bo_is_mapped_by_its_vm_only),
	KUNIT_CASE_PARAM(bo_is_complete_before_its_handle_exists, owner_gen_params),
	KUNIT_CASE(kernel_bo_is_mapped_where_it_says),
	KUNIT_CASE_PARAM(kernel_bo_at_occupied_address_is_refused, fw_gen_params),
	KUNIT_CASE_PARAM(firmware_bo_is_never_evicted, fw_gen_params),
	KUNIT_CASE(debugfs_totals_are_sums),
	KUNIT_CASE(debugfs_shows_resident_bo),
	KUNIT_CASE(debugfs_shows_evicted_bo),
	KUNIT_CASE_PARAM(debugfs_shows_usage_of_kernel_bo, fw_gen_params),
	KUNIT_CASE(print_info_tells_pages_and_pins),
	{}
};

static struct kunit_suite gem_create_suite = {
	.name = "panthor_gem_create",
	.init = reclaim_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = gem_create_cases,
};

kunit_test_suite(gem_create_suite);
