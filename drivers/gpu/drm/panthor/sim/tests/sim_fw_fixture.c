// SPDX-License-Identifier: GPL-2.0-only
/* The environment of a firmware under test, and the driver's half of its interfaces. */

#include <linux/bitfield.h>
#include <linux/cleanup.h>
#include <linux/errno.h>
#include <linux/string.h>

#include <kunit/resource.h>

#include "../../panthor_fw_regs.h"

#include "sim_fw_fixture.h"

/* The driver's own memory behind the shared section. */
#define DRIVER_VA	(FW_SHARED_VA + SIM_FW_SHARED_SIZE)
#define DRIVER_SIZE	SZ_1M
#define IFACE_STRIDE	SZ_8K
#define BUF_STRIDE	SZ_64K
#define BUFS_VA		(DRIVER_VA + SZ_512K)
#define RING_SIZE	SZ_4K

/* No test needs so many slices at one time. */
#define MANY_SLICES	100000

static void *fw_memory(struct fw_kunit *k, u64 va, size_t len)
{
	if (va + len <= SZ_4K)
		return k->text + va;
	if (va >= FW_DATA_VA && va + len <= FW_DATA_VA + SZ_4K)
		return k->data + (va - FW_DATA_VA);
	if (va >= FW_SHARED_VA && va + len <= DRIVER_VA + DRIVER_SIZE)
		return k->shared + (va - FW_SHARED_VA);
	return NULL;
}

static int fw_kunit_copy(void *priv, unsigned int as, u64 va, void *buf, size_t len,
			 enum sim_access access, const char *who)
{
	struct fw_kunit *k = priv;
	void *mem = NULL;

	k->accesses++;
	if (as != FW_AS || va >= DRIVER_VA)
		k->foreign++;
	if ((access == SIM_WRITE ? k->locked | k->locked_writes : k->locked) & BIT(as))
		return -EAGAIN;
	if (!(k->enabled & BIT(as)))
		return -ENXIO;
	if (as == FW_AS)
		mem = fw_memory(k, va, len);
	else if (va < FW_KUNIT_MEMORY && len <= FW_KUNIT_MEMORY - va)
		mem = k->memory[as] + va;
	if (!mem) {
		k->faulted |= BIT(as);
		k->fault_va = va;
		return -EFAULT;
	}

	if (access == SIM_WRITE)
		memcpy(mem, buf, len);
	else
		memcpy(buf, mem, len);
	return 0;
}

static bool fw_kunit_as_enabled(void *priv, unsigned int as)
{
	struct fw_kunit *k = priv;

	return k->enabled & BIT(as);
}

static void fw_kunit_irq(void *priv, u32 bits)
{
	struct fw_kunit *k = priv;

	k->irqs |= bits;
}

static void fw_kunit_kick(void *priv)
{
	struct fw_kunit *k = priv;

	k->kicks++;
}

static void fw_kunit_violation(void *priv, const char *text)
{
	struct fw_kunit *k = priv;

	k->violations++;
	strscpy(k->violation, text);
}

static u64 fw_kunit_now(void *priv)
{
	struct fw_kunit *k = priv;

	return k->now;
}

/* Returns the address space for groups @as uses; 0 is the firmware's. */
u32 *fw_kunit_word(struct fw_kunit *k, unsigned int as, u64 va)
{
	return (u32 *)(k->memory[as] + va);
}

u32 fw_kunit_get(struct fw_kunit *k, u32 va)
{
	return *(u32 *)fw_memory(k, va, 4);
}

u64 fw_kunit_get64(struct fw_kunit *k, u32 va)
{
	return *(u64 *)fw_memory(k, va, 8);
}

void fw_kunit_set(struct fw_kunit *k, u32 va, u32 value)
{
	*(u32 *)fw_memory(k, va, 4) = value;
}

void fw_kunit_set64(struct fw_kunit *k, u32 va, u64 value)
{
	*(u64 *)fw_memory(k, va, 8) = value;
}

/* Puts the image into memory, as the driver does before a boot that is not fast. */
void fw_kunit_load(struct fw_kunit *k)
{
	for (unsigned int i = 0; i < FW_TEXT_WORDS; i++)
		((u32 *)k->text)[i] = FW_TEXT_MAGIC + i;
	memset(k->data, 0, SZ_4K);
	*(u32 *)k->data = FW_DATA_COLD;
	memset(k->shared, 0, SIM_FW_SHARED_SIZE);
}

static void fw_kunit_destroy(void *data)
{
	struct fw_kunit *k = data;

	sim_latency_fini(&k->latency);
	if (k->fw)
		sim_fw_destroy(k->fw);
	k->fw = NULL;
}

/* Makes a firmware of k->config, in the place of the one there is. */
void fw_kunit_create(struct fw_kunit *k)
{
	const struct sim_fw_env env = {
		.priv = k,
		.lock = &k->lock,
		.latency = &k->latency,
		.copy = fw_kunit_copy,
		.as_enabled = fw_kunit_as_enabled,
		.irq = fw_kunit_irq,
		.kick = fw_kunit_kick,
		.violation = fw_kunit_violation,
		.now_ns = fw_kunit_now,
	};

	if (k->fw)
		sim_fw_destroy(k->fw);
	k->fw = sim_fw_create(&k->config, &env);
	KUNIT_ASSERT_NOT_NULL(k->test, k->fw);
}

int fw_kunit_init(struct kunit *test)
{
	struct fw_kunit *k = kunit_kzalloc(test, sizeof(*k), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, k);
	test->priv = k;
	k->test = test;
	raw_spin_lock_init(&k->lock);
	sim_latency_init(&k->latency, &k->lock);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, fw_kunit_destroy, k));

	k->text = kunit_kzalloc(test, SZ_4K, GFP_KERNEL);
	k->data = kunit_kzalloc(test, SZ_4K, GFP_KERNEL);
	k->shared = kunit_kzalloc(test, SIM_FW_SHARED_SIZE + DRIVER_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, k->text);
	KUNIT_ASSERT_NOT_NULL(test, k->data);
	KUNIT_ASSERT_NOT_NULL(test, k->shared);
	for (unsigned int as = 1; as < ARRAY_SIZE(k->memory); as++) {
		k->memory[as] = kunit_kzalloc(test, FW_KUNIT_MEMORY, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, k->memory[as]);
	}

	k->enabled = FW_KUNIT_AS;
	k->now = NSEC_PER_SEC;
	k->config = (struct sim_fw_config){
		.version = 0x01010000,
		.groups = FW_KUNIT_GROUPS,
		.streams = FW_KUNIT_STREAMS,
		.as_present = FW_KUNIT_AS,
		.shader_present = 0x50005,
		.timestamp_hz = NSEC_PER_SEC,
		.clock_hz = NSEC_PER_SEC,
		.slice = FW_KUNIT_SLICE,
	};
	fw_kunit_load(k);
	fw_kunit_create(k);
	return 0;
}

void fw_kunit_exit(struct kunit *test)
{
	struct fw_kunit *k = to_fw_kunit(test);

	if (k)
		KUNIT_EXPECT_EQ_MSG(test, 0, k->violations, "%s", k->violation);
}

/* Asks for a violation that says @text, which must have been the only one. */
void fw_kunit_blamed(struct fw_kunit *k, const char *text)
{
	KUNIT_EXPECT_EQ_MSG(k->test, 1, k->violations, "%s", k->violation);
	KUNIT_EXPECT_NOT_NULL_MSG(k->test, strstr(k->violation, text), "%s", k->violation);
	k->violations = 0;
}

/* The bits raised since the last call. */
u32 fw_kunit_irqs(struct fw_kunit *k)
{
	u32 irqs = k->irqs;

	k->irqs = 0;
	return irqs;
}

void fw_kunit_control(struct fw_kunit *k, u32 value)
{
	guard(raw_spinlock_irqsave)(&k->lock);
	sim_fw_mcu_control(k->fw, value);
}

u32 fw_kunit_status(struct fw_kunit *k)
{
	guard(raw_spinlock_irqsave)(&k->lock);
	return sim_fw_mcu_status(k->fw);
}

void fw_kunit_ring(struct fw_kunit *k, unsigned int doorbell)
{
	guard(raw_spinlock_irqsave)(&k->lock);
	sim_fw_doorbell(k->fw, doorbell);
}

void fw_kunit_reset(struct fw_kunit *k)
{
	guard(raw_spinlock_irqsave)(&k->lock);
	sim_fw_reset(k->fw);
}

void fw_kunit_changed(struct fw_kunit *k, unsigned int as)
{
	guard(raw_spinlock_irqsave)(&k->lock);
	sim_fw_as_changed(k->fw, as);
}

void fw_kunit_step(struct fw_kunit *k, enum sim_op op)
{
	guard(raw_spinlock_irqsave)(&k->lock);
	KUNIT_EXPECT_EQ(k->test, 1, sim_latency_step(&k->latency, op, 1));
}

const struct sim_fw_stats *fw_kunit_stats(struct fw_kunit *k)
{
	guard(raw_spinlock_irqsave)(&k->lock);
	return sim_fw_stats(k->fw);
}

/* One call of sim_fw_run(). */
void fw_kunit_slice(struct fw_kunit *k)
{
	guard(raw_spinlock_irqsave)(&k->lock);
	k->next = sim_fw_run(k->fw, k->now);
}

/* All that there is to do now. */
void fw_kunit_run(struct fw_kunit *k)
{
	for (unsigned int i = 0; i < MANY_SLICES; i++) {
		unsigned int kicks = k->kicks;

		fw_kunit_slice(k);
		if (k->next > k->now && k->kicks == kicks)
			return;
	}
	KUNIT_FAIL(k->test, "does not come to rest");
}

/* All that there is to do in the next @ns. */
void fw_kunit_pass(struct fw_kunit *k, u64 ns)
{
	u64 end = k->now + ns;

	fw_kunit_run(k);
	while (k->next <= end) {
		k->now = k->next;
		fw_kunit_run(k);
	}
	k->now = end;
}

/* Boots, and initialises the global interface as the driver does. */
void fw_kunit_boot(struct fw_kunit *k)
{
	fw_kunit_control(k, MCU_CONTROL_AUTO);
	KUNIT_ASSERT_EQ(k->test, MCU_STATUS_ENABLED, fw_kunit_status(k));
	KUNIT_ASSERT_EQ(k->test, JOB_INT_GLOBAL_IF, fw_kunit_irqs(k));

	fw_kunit_set64(k, glb_in(k) + GLB_CORE_EN_MASK, 0x50005);
	fw_kunit_set(k, glb_in(k) + GLB_IDLE_TIMER, FW_KUNIT_IDLE_NS >> 10);
	fw_kunit_set(k, glb_in(k) + GLB_PROGRESS_TIMER, NSEC_PER_SEC >> 10);
	fw_kunit_set(k, glb_in(k) + GLB_ACK_IRQ_MASK, ~0);
	fw_kunit_set(k, glb_in(k) + GLB_REQ,
		     fw_kunit_get(k, glb_in(k) + GLB_REQ) | GLB_IDLE_EN | GLB_COUNTER_EN);
	glb_toggle(k, GLB_CFG_ALLOC_EN | GLB_CFG_POWEROFF_TIMER | GLB_CFG_PROGRESS_TIMER);
	fw_kunit_run(k);
	KUNIT_ASSERT_TRUE(k->test, glb_acked(k, GLB_REQUESTS));
	fw_kunit_irqs(k);
}

u32 glb_in(struct fw_kunit *k)
{
	return fw_kunit_get(k, FW_SHARED_VA + 0x8);
}

u32 glb_out(struct fw_kunit *k)
{
	return fw_kunit_get(k, FW_SHARED_VA + 0xc);
}

static u32 csg_control(struct fw_kunit *k, unsigned int slot)
{
	return FW_SHARED_VA + FW_CSG_CONTROL + slot * fw_kunit_get(k, FW_SHARED_VA + 0x14);
}

u32 csg_in(struct fw_kunit *k, unsigned int slot)
{
	return fw_kunit_get(k, csg_control(k, slot) + 4);
}

u32 csg_out(struct fw_kunit *k, unsigned int slot)
{
	return fw_kunit_get(k, csg_control(k, slot) + 8);
}

static u32 cs_control(struct fw_kunit *k, unsigned int slot, unsigned int cs)
{
	u32 control = csg_control(k, slot);

	return control + FW_CS_CONTROL + cs * fw_kunit_get(k, control + 0x18);
}

u32 cs_in(struct fw_kunit *k, unsigned int slot, unsigned int cs)
{
	return fw_kunit_get(k, cs_control(k, slot, cs) + 4);
}

u32 cs_out(struct fw_kunit *k, unsigned int slot, unsigned int cs)
{
	return fw_kunit_get(k, cs_control(k, slot, cs) + 8);
}

/* Makes @bits of a request word differ from the acknowledgment. */
static void toggle(struct fw_kunit *k, u32 req, u32 ack, u32 bits)
{
	fw_kunit_set(k, req, (fw_kunit_get(k, req) & ~bits) | (~fw_kunit_get(k, ack) & bits));
}

void glb_toggle(struct fw_kunit *k, u32 bits)
{
	toggle(k, glb_in(k) + GLB_REQ, glb_out(k) + GLB_ACK, bits);
	fw_kunit_ring(k, 0);
}

bool glb_acked(struct fw_kunit *k, u32 bits)
{
	u32 req = fw_kunit_get(k, glb_in(k) + GLB_REQ), ack = fw_kunit_get(k, glb_out(k) + GLB_ACK);

	return !((req ^ ack) & bits);
}

void csg_ring(struct fw_kunit *k, unsigned int slot)
{
	toggle(k, glb_in(k) + GLB_DOORBELL_REQ, glb_out(k) + GLB_DOORBELL_ACK, BIT(slot));
	fw_kunit_ring(k, 0);
}

void csg_state(struct fw_kunit *k, unsigned int slot, u32 state)
{
	u32 req = csg_in(k, slot) + CSG_REQ;

	fw_kunit_set(k, req, (fw_kunit_get(k, req) & ~CSG_STATE) | state);
	csg_ring(k, slot);
}

void csg_toggle(struct fw_kunit *k, unsigned int slot, u32 bits)
{
	toggle(k, csg_in(k, slot) + CSG_REQ, csg_out(k, slot) + CSG_ACK, bits);
	csg_ring(k, slot);
}

bool csg_acked(struct fw_kunit *k, unsigned int slot, u32 bits)
{
	u32 req = fw_kunit_get(k, csg_in(k, slot) + CSG_REQ);

	return !((req ^ fw_kunit_get(k, csg_out(k, slot) + CSG_ACK)) & bits);
}

/* Events that are to be acknowledged. */
u32 csg_events(struct fw_kunit *k, unsigned int slot)
{
	u32 req = fw_kunit_get(k, csg_in(k, slot) + CSG_REQ);

	return (req ^ fw_kunit_get(k, csg_out(k, slot) + CSG_ACK)) & CSG_EVENTS;
}

void csg_ack_events(struct fw_kunit *k, unsigned int slot)
{
	u32 req = csg_in(k, slot) + CSG_REQ, ack = fw_kunit_get(k, csg_out(k, slot) + CSG_ACK);

	fw_kunit_set(k, req, (fw_kunit_get(k, req) & ~CSG_EVENTS) | (ack & CSG_EVENTS));
	csg_ring(k, slot);
}

/* Events of a stream, if the interrupt of it is pending too. */
u32 cs_events(struct fw_kunit *k, unsigned int slot, unsigned int cs)
{
	u32 irqs = fw_kunit_get(k, csg_out(k, slot) + CSG_CS_IRQ_REQ) ^
		   fw_kunit_get(k, csg_in(k, slot) + CSG_CS_IRQ_ACK);
	u32 req = fw_kunit_get(k, cs_in(k, slot, cs) + CS_REQ);

	if (!(irqs & BIT(cs)))
		return 0;
	return (req ^ fw_kunit_get(k, cs_out(k, slot, cs) + CS_ACK)) & CS_EVENTS;
}

void cs_ack_events(struct fw_kunit *k, unsigned int slot, unsigned int cs, u32 bits)
{
	u32 req = cs_in(k, slot, cs) + CS_REQ, ack = fw_kunit_get(k, cs_out(k, slot, cs) + CS_ACK);

	fw_kunit_set(k, csg_in(k, slot) + CSG_CS_IRQ_ACK,
		     fw_kunit_get(k, csg_out(k, slot) + CSG_CS_IRQ_REQ));
	fw_kunit_set(k, req, (fw_kunit_get(k, req) & ~bits) | (ack & bits));
	toggle(k, csg_in(k, slot) + CSG_DOORBELL_REQ, csg_out(k, slot) + CSG_DOORBELL_ACK,
	       BIT(cs));
	csg_ring(k, slot);
}

u32 group_suspend_buf(const struct fw_kunit_group *group)
{
	return BUFS_VA + group->id * BUF_STRIDE;
}

u32 group_iface(const struct fw_kunit_group *group, unsigned int cs)
{
	return DRIVER_VA + (group->id * FW_KUNIT_STREAMS + cs) * IFACE_STRIDE;
}

static u64 group_ring(const struct fw_kunit_group *group, unsigned int cs)
{
	return FW_KUNIT_RING + (group->id * FW_KUNIT_STREAMS + cs) * RING_SIZE;
}

u64 group_extract(struct fw_kunit *k, const struct fw_kunit_group *group, unsigned int cs)
{
	return fw_kunit_get64(k, group_iface(group, cs) + SZ_4K);
}

/* Programs a slot for a group, without asking for anything yet. */
void group_put(struct fw_kunit *k, struct fw_kunit_group *group, unsigned int slot)
{
	u32 in = csg_in(k, slot);

	group->slot = slot;
	for (unsigned int cs = 0; cs < group->streams; cs++) {
		u32 block = cs_in(k, slot, cs), iface = group_iface(group, cs);

		fw_kunit_set64(k, iface + RING_EXTRACT_INIT, group_extract(k, group, cs));
		fw_kunit_set(k, block + CS_CONFIG, FIELD_PREP(CS_DOORBELL, slot + 1));
		fw_kunit_set(k, block + CS_ACK_IRQ_MASK, ~0);
		fw_kunit_set64(k, block + CS_RING_BASE, group_ring(group, cs));
		fw_kunit_set(k, block + CS_RING_SIZE, RING_SIZE);
		fw_kunit_set64(k, block + CS_RING_INPUT, iface);
		fw_kunit_set64(k, block + CS_RING_OUTPUT, iface + SZ_4K);
		fw_kunit_set(k, block + CS_REQ,
			     (fw_kunit_get(k, block + CS_REQ) & CS_EVENTS) | CS_START |
			     CS_IDLE_SYNC_WAIT | CS_IDLE_EMPTY);
	}
	for (unsigned int cs = group->streams; cs < k->config.streams; cs++) {
		u32 req = cs_in(k, slot, cs) + CS_REQ;

		fw_kunit_set(k, req, fw_kunit_get(k, req) & CS_EVENTS);
	}
	fw_kunit_set64(k, in + CSG_ALLOW_COMPUTE, 1);
	fw_kunit_set64(k, in + CSG_ALLOW_FRAGMENT, 1);
	fw_kunit_set(k, in + CSG_EP_REQ, 0xf0010101);
	fw_kunit_set64(k, in + CSG_EP_REQ2, 0xf0010101);
	fw_kunit_set64(k, in + CSG_SUSPEND_BUF, group_suspend_buf(group));
	fw_kunit_set(k, in + CSG_CONFIG, group->as);
	fw_kunit_set(k, in + CSG_ACK_IRQ_MASK, ~0);
}

/* Puts a group on a slot: @state is CSG_START or CSG_RESUME. */
void group_start(struct fw_kunit *k, struct fw_kunit_group *group, unsigned int slot, u32 state)
{
	group_put(k, group, slot);
	toggle(k, csg_in(k, slot) + CSG_DOORBELL_REQ, csg_out(k, slot) + CSG_DOORBELL_ACK,
	       GENMASK(group->streams - 1, 0));
	toggle(k, csg_in(k, slot) + CSG_REQ, csg_out(k, slot) + CSG_ACK, CSG_ENDPOINT_CONFIG);
	csg_state(k, slot, state);
}

/* Writes instructions to a ring; the doorbell is the test's. */
void group_emit(struct fw_kunit *k, struct fw_kunit_group *group, unsigned int cs,
		const u64 *insns, unsigned int count)
{
	u8 *ring = k->memory[group->as] + group_ring(group, cs);

	for (unsigned int i = 0; i < count; i++) {
		memcpy(ring + group->insert[cs] % RING_SIZE, &insns[i], 8);
		group->insert[cs] += 8;
	}
	fw_kunit_set64(k, group_iface(group, cs) + RING_INSERT, group->insert[cs]);
}
