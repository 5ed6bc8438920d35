// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers of the MMU as a test sees them.
 *
 * Locking: everything in struct fake_as is accessed with its lock held, an
 * irq-safe raw spinlock, because register accessors run in hard interrupt
 * context. Nothing is called with it held, except for the stamp of an event.
 */

#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/sprintf.h>

#include <kunit/resource.h>

#include "../panthor_device.h"
#include "../panthor_mmu_regs.h"

#include "fake_as.h"
#include "fixture.h"
#include "seam.h"

/* Stands for a cache flush where otherwise a command is named. */
#define FAKE_FLUSH_CACHES	(AS_COMMAND_FLUSH_MEM + 1)
#define FAKE_COMMANDS		(AS_COMMAND_FLUSH_MEM + 1)

#define FAKE_INT_SIZE		0x10
#define FAKE_REG(off)		((off) & (BIT(MMU_AS_SHIFT) - 1))

/* Fields of LOCKADDR: base, and log2 of the size, less one. */
#define FAKE_LOCK_WIDTH		GENMASK_ULL(5, 0)
#define FAKE_LOCK_BASE		GENMASK_ULL(63, 12)

/* Page tables: 4 KiB granule, four levels. */
#define FAKE_PTE_VALID		BIT_ULL(0)
#define FAKE_PTE_TABLE		BIT_ULL(1)
#define FAKE_PTE_ADDR		GENMASK_ULL(47, 12)

/**
 * struct fake_as_slot - One address space
 * @staged: Configuration as written.
 * @live: Configuration as of the last UPDATE.
 * @lockaddr: LOCKADDR as written.
 * @lock_start: First byte of the locked region.
 * @lock_size: Its size; 0 if nothing is locked.
 * @unflushed: No flush since the LOCK.
 * @faultstatus: FAULTSTATUS.
 * @faultaddress: FAULTADDRESS.
 * @active: Command that did not complete yet, or AS_COMMAND_NOP.
 * @reads: Reads of STATUS until @active completes; 0 if it never does.
 * @commands: How often each command was written.
 */
struct fake_as_slot {
	struct panthor_fake_as_config staged;
	struct panthor_fake_as_config live;
	u64 lockaddr;
	u64 lock_start;
	u64 lock_size;
	bool unflushed;
	u32 faultstatus;
	u64 faultaddress;
	u32 active;
	unsigned int reads;
	unsigned int commands[FAKE_COMMANDS];
};

/**
 * struct fake_as_arm - Behaviour of a command to come
 * @nth: Countdown to it; 0 if none is armed.
 * @mode: The behaviour.
 * @reads: Reads of STATUS that FAKE_AS_DELAYED takes.
 */
struct fake_as_arm {
	unsigned int nth;
	enum panthor_fake_as_mode mode;
	unsigned int reads;
};

/**
 * struct fake_as_event - A command or a cache flush
 * @stamp: Place in the order of all seam calls.
 * @what: Command, or FAKE_FLUSH_CACHES.
 * @as: Address space; meaningless for a cache flush.
 * @failed: The command is stuck, or the flush failed.
 * @mapped: The probed address was mapped.
 */
struct fake_as_event {
	u64 stamp;
	u32 what;
	unsigned int as;
	bool failed;
	bool mapped;
};

static struct fake_as {
	raw_spinlock_t lock;
	struct panthor_device *ptdev;
	void __iomem *base;
	struct fake_as_slot slots[PANTHOR_FAKE_AS_SLOTS];
	struct fake_as_arm arms[FAKE_COMMANDS];
	u32 irq_raw;
	u32 irq_mask;
	unsigned int violations[FAKE_AS_VIOLATIONS];
	unsigned long last_offset;
	struct {
		bool set;
		unsigned int as;
		u64 va;
	} probe;
	struct fake_as_event events[PANTHOR_FAKE_AS_EVENTS];
	unsigned int nr_events;
} fake = {
	.lock = __RAW_SPIN_LOCK_UNLOCKED(fake.lock),
};

static const char * const violation_names[FAKE_AS_VIOLATIONS] = {
	[FAKE_AS_ABSENT] = "absent",
	[FAKE_AS_UNKNOWN] = "unknown",
	[FAKE_AS_READ_ONLY] = "read_only",
	[FAKE_AS_BUSY] = "busy",
	[FAKE_AS_BAD_COMMAND] = "bad_command",
	[FAKE_AS_BAD_LOCKADDR] = "bad_lockaddr",
	[FAKE_AS_RELOCK] = "relock",
	[FAKE_AS_UNLOCK] = "unlock",
	[FAKE_AS_UNFLUSHED] = "unflushed",
	[FAKE_AS_FLUSH] = "flush",
};

static const char * const event_names[] = {
	[AS_COMMAND_NOP] = "NOP",
	[AS_COMMAND_UPDATE] = "UPDATE",
	[AS_COMMAND_LOCK] = "LOCK",
	[AS_COMMAND_UNLOCK] = "UNLOCK",
	[AS_COMMAND_FLUSH_PT] = "FLUSH_PT",
	[AS_COMMAND_FLUSH_MEM] = "FLUSH_MEM",
	[FAKE_FLUSH_CACHES] = "FLUSH",
};

static void fake_violation(enum panthor_fake_as_violation kind, unsigned long offset)
{
	fake.violations[kind]++;
	fake.last_offset = offset;
}

/* Physical address behind @va, or 0. */
static u64 fake_walk(u64 transtab, u64 va)
{
	u64 table = transtab & FAKE_PTE_ADDR;

	if (!table)
		return 0;

	for (unsigned int level = 0; level < 4; level++) {
		unsigned int shift = 39 - 9 * level;
		const u64 *entry = (const u64 *)phys_to_virt(table) +
				   ((va >> shift) & GENMASK(8, 0));
		u64 pte = READ_ONCE(*entry);

		if (!(pte & FAKE_PTE_VALID))
			return 0;

		table = pte & FAKE_PTE_ADDR;
		if (level == 3 || !(pte & FAKE_PTE_TABLE))
			return table + (va & (BIT_ULL(shift) - 1));
	}

	return 0;
}

static void fake_event(unsigned int as, u32 what, bool failed)
{
	struct fake_as_event *event = &fake.events[fake.nr_events];

	/* A story that was cut is no story that any case expects. */
	if (fake.nr_events == PANTHOR_FAKE_AS_EVENTS)
		return;

	fake.nr_events++;
	*event = (struct fake_as_event){
		.stamp = panthor_seam_stamp(),
		.what = what,
		.as = as,
		.failed = failed,
	};
	if (fake.probe.set)
		event->mapped = fake_walk(fake.slots[fake.probe.as].live.transtab,
					  fake.probe.va);
}

static void fake_lock_region(struct fake_as_slot *slot, unsigned long offset)
{
	u64 width = slot->lockaddr & FAKE_LOCK_WIDTH;
	u64 start, size;

	if (width + 1 < ilog2(AS_LOCK_REGION_MIN_SIZE) || width + 1 > 48 ||
	    slot->lockaddr & ~(FAKE_LOCK_WIDTH | FAKE_LOCK_BASE)) {
		fake_violation(FAKE_AS_BAD_LOCKADDR, offset);
		return;
	}

	/* The hardware does not look at the bits below the size. */
	start = slot->lockaddr & GENMASK_ULL(63, width + 1);
	size = BIT_ULL(width + 1);
	if (slot->lock_size &&
	    (start > slot->lock_start ||
	     start + size < slot->lock_start + slot->lock_size))
		fake_violation(FAKE_AS_RELOCK, offset);

	slot->lock_start = start;
	slot->lock_size = size;
	slot->unflushed = true;
}

static void fake_complete(struct fake_as_slot *slot, u32 cmd, unsigned long offset)
{
	switch (cmd) {
	case AS_COMMAND_UPDATE:
		slot->live = slot->staged;
		break;
	case AS_COMMAND_LOCK:
		fake_lock_region(slot, offset);
		break;
	case AS_COMMAND_UNLOCK:
		if (!slot->lock_size)
			fake_violation(FAKE_AS_UNLOCK, offset);
		else if (slot->unflushed)
			fake_violation(FAKE_AS_UNFLUSHED, offset);
		slot->lock_start = 0;
		slot->lock_size = 0;
		slot->unflushed = false;
		break;
	case AS_COMMAND_FLUSH_PT:
	case AS_COMMAND_FLUSH_MEM:
		if (!slot->lock_size)
			fake_violation(FAKE_AS_FLUSH, offset);
		slot->unflushed = false;
		break;
	}
}

static void fake_command(unsigned int as, u32 cmd, unsigned long offset)
{
	struct fake_as_slot *slot = &fake.slots[as];
	enum panthor_fake_as_mode mode = FAKE_AS_INSTANT;
	struct fake_as_arm *arm;

	if (cmd >= FAKE_COMMANDS) {
		fake_violation(FAKE_AS_BAD_COMMAND, offset);
		return;
	}

	slot->commands[cmd]++;
	if (slot->active) {
		fake_violation(FAKE_AS_BUSY, offset);
		return;
	}

	arm = &fake.arms[cmd];
	if (arm->nth && !--arm->nth)
		mode = arm->mode;

	fake_event(as, cmd, mode == FAKE_AS_STUCK);
	switch (mode) {
	case FAKE_AS_INSTANT:
		fake_complete(slot, cmd, offset);
		break;
	case FAKE_AS_DELAYED:
		slot->active = cmd;
		slot->reads = arm->reads;
		break;
	case FAKE_AS_STUCK:
		slot->active = cmd;
		slot->reads = 0;
		break;
	case FAKE_AS_DROPPED:
		break;
	}
}

static u32 fake_status(struct fake_as_slot *slot, unsigned long offset)
{
	u32 cmd = slot->active;

	if (!cmd)
		return 0;

	if (slot->reads && !--slot->reads) {
		slot->active = AS_COMMAND_NOP;
		fake_complete(slot, cmd, offset);
	}

	return AS_STATUS_AS_ACTIVE;
}

/* Says which AS an offset belongs to, or that there is none. */
static bool fake_decode(unsigned long offset, unsigned int *as)
{
	if (offset & 3 || offset < MMU_AS_BASE ||
	    offset >= MMU_AS_BASE + MMU_AS(PANTHOR_FAKE_AS_SLOTS)) {
		fake_violation(FAKE_AS_UNKNOWN, offset);
		return false;
	}

	*as = (offset - MMU_AS_BASE) >> MMU_AS_SHIFT;
	if (fake.ptdev->gpu_info.as_present & BIT(*as))
		return true;

	fake_violation(FAKE_AS_ABSENT, offset);
	return false;
}

static u32 fake_half(u64 value, unsigned long offset)
{
	return offset & 4 ? upper_32_bits(value) : lower_32_bits(value);
}

static void fake_set_half(u64 *reg, unsigned long offset, u32 value)
{
	if (offset & 4)
		*reg = (*reg & GENMASK_ULL(31, 0)) | (u64)value << 32;
	else
		*reg = (*reg & GENMASK_ULL(63, 32)) | value;
}

static u32 fake_read(const void __iomem *addr)
{
	unsigned long offset = addr - (const void __iomem *)fake.base;
	struct fake_as_slot *slot;
	unsigned int as;

	guard(raw_spinlock_irqsave)(&fake.lock);

	switch (offset) {
	case MMU_INT_BASE + INT_RAWSTAT:
		return fake.irq_raw;
	case MMU_INT_BASE + INT_CLEAR:
		return 0;
	case MMU_INT_BASE + INT_MASK:
		return fake.irq_mask;
	case MMU_INT_BASE + INT_STAT:
		return fake.irq_raw & fake.irq_mask;
	}

	if (!fake_decode(offset, &as))
		return 0;

	slot = &fake.slots[as];
	switch (FAKE_REG(offset) & ~4) {
	case AS_TRANSTAB(0):
		return fake_half(slot->staged.transtab, offset);
	case AS_MEMATTR(0):
		return fake_half(slot->staged.memattr, offset);
	case AS_LOCKADDR(0):
		return fake_half(slot->lockaddr, offset);
	case AS_COMMAND(0):
		return offset & 4 ? slot->faultstatus : 0;
	case AS_FAULTADDRESS(0):
		return fake_half(slot->faultaddress, offset);
	case AS_TRANSCFG(0):
		return fake_half(slot->staged.transcfg, offset);
	case AS_FAULTEXTRA(0):
		return 0;
	case AS_STATUS(0):
		if (!(offset & 4))
			return fake_status(slot, offset);
		break;
	}

	fake_violation(FAKE_AS_UNKNOWN, offset);
	return 0;
}

static void fake_write(u32 value, void __iomem *addr)
{
	unsigned long offset = addr - fake.base;
	struct fake_as_slot *slot;
	unsigned int as;

	guard(raw_spinlock_irqsave)(&fake.lock);

	switch (offset) {
	case MMU_INT_BASE + INT_CLEAR:
		fake.irq_raw &= ~value;
		return;
	case MMU_INT_BASE + INT_MASK:
		fake.irq_mask = value;
		return;
	case MMU_INT_BASE + INT_RAWSTAT:
	case MMU_INT_BASE + INT_STAT:
		fake_violation(FAKE_AS_READ_ONLY, offset);
		return;
	}

	if (!fake_decode(offset, &as))
		return;

	slot = &fake.slots[as];
	switch (FAKE_REG(offset)) {
	case AS_TRANSTAB(0):
	case AS_TRANSTAB(0) + 4:
		fake_set_half(&slot->staged.transtab, offset, value);
		break;
	case AS_MEMATTR(0):
	case AS_MEMATTR(0) + 4:
		fake_set_half(&slot->staged.memattr, offset, value);
		break;
	case AS_LOCKADDR(0):
	case AS_LOCKADDR(0) + 4:
		fake_set_half(&slot->lockaddr, offset, value);
		break;
	case AS_TRANSCFG(0):
	case AS_TRANSCFG(0) + 4:
		fake_set_half(&slot->staged.transcfg, offset, value);
		break;
	case AS_COMMAND(0):
		fake_command(as, value, offset);
		break;
	case AS_FAULTSTATUS(0):
	case AS_FAULTADDRESS(0):
	case AS_FAULTADDRESS(0) + 4:
	case AS_STATUS(0):
	case AS_FAULTEXTRA(0):
	case AS_FAULTEXTRA(0) + 4:
		fake_violation(FAKE_AS_READ_ONLY, offset);
		break;
	default:
		fake_violation(FAKE_AS_UNKNOWN, offset);
	}
}

static void fake_flush(int err)
{
	guard(raw_spinlock_irqsave)(&fake.lock);

	fake_event(0, FAKE_FLUSH_CACHES, err);
	if (err)
		return;

	for (unsigned int as = 0; as < PANTHOR_FAKE_AS_SLOTS; as++)
		fake.slots[as].unflushed = false;
}

static const struct panthor_seam_mmio fake_mmio = {
	.read = fake_read,
	.write = fake_write,
	.flush = fake_flush,
};

/* What a GPU reset clears. */
static void fake_reset_registers(void)
{
	memset(fake.slots, 0, sizeof(fake.slots));
	fake.irq_raw = 0;
	fake.irq_mask = 0;
}

/* Runs before the seam goes back to plain memory. */
static void fake_detach(void *data)
{
	struct kunit *test = data;

	for (unsigned int kind = 0; kind < FAKE_AS_VIOLATIONS; kind++)
		KUNIT_EXPECT_EQ_MSG(test, fake.violations[kind], 0,
				    "violation %s, last at offset 0x%lx",
				    violation_names[kind], fake.last_offset);
}

/**
 * panthor_fake_as_init() - .init of a suite: a device with fake address spaces
 * @test: The test.
 *
 * Context: Test thread.
 *
 * Return: 0; a failure aborts the test.
 */
int panthor_fake_as_init(struct kunit *test)
{
	struct panthor_kunit *ctx;
	int ret = panthor_kunit_init(test);

	if (ret)
		return ret;

	ctx = to_panthor_kunit(test);
	scoped_guard(raw_spinlock_irqsave, &fake.lock) {
		fake_reset_registers();
		memset(fake.arms, 0, sizeof(fake.arms));
		memset(fake.violations, 0, sizeof(fake.violations));
		memset(&fake.probe, 0, sizeof(fake.probe));
		fake.nr_events = 0;
		fake.ptdev = ctx->ptdev;
		fake.base = ctx->ptdev->iomem;
		/* What the driver wrote while registers were still memory. */
		fake.irq_mask = READ_ONCE(*(const u32 __force *)(fake.base + MMU_INT_BASE +
								 INT_MASK));
	}

	panthor_seam_set_mmio(test, &fake_mmio);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fake_detach, test), 0);

	return 0;
}

/**
 * panthor_fake_as_exit() - .exit of a suite: nothing is locked, and invariants
 * @test: The test. Its objects are still alive.
 *
 * Context: Test thread, quiescent point.
 */
void panthor_fake_as_exit(struct kunit *test)
{
	KUNIT_EXPECT_EQ_MSG(test, panthor_fake_as_locked_mask(), 0,
			    "I29: locked at a quiescent point");
	panthor_kunit_exit(test);
}

/**
 * panthor_fake_as_arm() - Decide how a command to come behaves
 * @cmd: AS_COMMAND_*.
 * @nth: 1 for the next such command on any AS, 2 for the one after it; 0 takes
 *	back what was armed.
 * @mode: Behaviour of that one command.
 * @reads: For FAKE_AS_DELAYED: reads of STATUS, at least 1, that see it active.
 *
 * Context: Any.
 */
void panthor_fake_as_arm(u32 cmd, unsigned int nth, enum panthor_fake_as_mode mode,
			 unsigned int reads)
{
	guard(raw_spinlock_irqsave)(&fake.lock);

	fake.arms[cmd] = (struct fake_as_arm){ nth, mode, reads };
}

/**
 * panthor_fake_as_gpu_reset() - What a reset does to the registers
 *
 * Stuck commands, locks, configuration and interrupts are gone. Events and
 * violations stay. The driver knows nothing of it.
 *
 * Context: Any.
 */
void panthor_fake_as_gpu_reset(void)
{
	guard(raw_spinlock_irqsave)(&fake.lock);

	fake_reset_registers();
}

/**
 * panthor_fake_as_violation_name() - Name of a violation for messages
 * @kind: Which one.
 *
 * Context: Any.
 *
 * Return: A static string.
 */
const char *panthor_fake_as_violation_name(enum panthor_fake_as_violation kind)
{
	return violation_names[kind];
}

/**
 * panthor_fake_as_take_violations() - Count violations a case asked for
 * @kind: Which kind.
 *
 * Those counted do not fail the case any more.
 *
 * Context: Any.
 *
 * Return: How many there were since the last call.
 */
unsigned int panthor_fake_as_take_violations(enum panthor_fake_as_violation kind)
{
	unsigned int count;

	guard(raw_spinlock_irqsave)(&fake.lock);

	count = fake.violations[kind];
	fake.violations[kind] = 0;
	return count;
}

/**
 * panthor_fake_as_live() - Configuration that an AS translates with
 * @as: Which AS.
 *
 * Context: Any.
 *
 * Return: What the last UPDATE latched; zeroes before the first.
 */
struct panthor_fake_as_config panthor_fake_as_live(unsigned int as)
{
	guard(raw_spinlock_irqsave)(&fake.lock);

	return fake.slots[as].live;
}

/**
 * panthor_fake_as_staged() - Configuration as written
 * @as: Which AS.
 *
 * Context: Any.
 *
 * Return: The registers, latched or not.
 */
struct panthor_fake_as_config panthor_fake_as_staged(unsigned int as)
{
	guard(raw_spinlock_irqsave)(&fake.lock);

	return fake.slots[as].staged;
}

/**
 * panthor_fake_as_lockaddr() - LOCKADDR as written
 * @as: Which AS.
 *
 * Context: Any.
 *
 * Return: The register.
 */
u64 panthor_fake_as_lockaddr(unsigned int as)
{
	guard(raw_spinlock_irqsave)(&fake.lock);

	return fake.slots[as].lockaddr;
}

/**
 * panthor_fake_as_locked() - Region that an AS has locked
 * @as: Which AS.
 * @start: Its first byte, if there is one.
 * @size: Its size, if there is one.
 *
 * Context: Any.
 *
 * Return: true if a region is locked.
 */
bool panthor_fake_as_locked(unsigned int as, u64 *start, u64 *size)
{
	guard(raw_spinlock_irqsave)(&fake.lock);

	*start = fake.slots[as].lock_start;
	*size = fake.slots[as].lock_size;
	return *size;
}

/**
 * panthor_fake_as_locked_mask() - Address spaces with a locked region
 *
 * Context: Any.
 *
 * Return: Bit n is set if AS n has one.
 */
u32 panthor_fake_as_locked_mask(void)
{
	u32 mask = 0;

	guard(raw_spinlock_irqsave)(&fake.lock);

	for (unsigned int as = 0; as < PANTHOR_FAKE_AS_SLOTS; as++)
		mask |= fake.slots[as].lock_size ? BIT(as) : 0;

	return mask;
}

/**
 * panthor_fake_as_commands() - How often a command was written
 * @as: Which AS.
 * @cmd: AS_COMMAND_*.
 *
 * Context: Any.
 *
 * Return: The count since the last GPU reset, refused ones included.
 */
unsigned int panthor_fake_as_commands(unsigned int as, u32 cmd)
{
	guard(raw_spinlock_irqsave)(&fake.lock);

	return fake.slots[as].commands[cmd];
}

/**
 * panthor_fake_as_irq_mask() - Interrupts that are enabled
 *
 * Context: Any.
 *
 * Return: INT_MASK.
 */
u32 panthor_fake_as_irq_mask(void)
{
	guard(raw_spinlock_irqsave)(&fake.lock);

	return fake.irq_mask;
}

/**
 * panthor_fake_as_irq_raw() - Interrupts that are not acknowledged
 *
 * Context: Any.
 *
 * Return: INT_RAWSTAT.
 */
u32 panthor_fake_as_irq_raw(void)
{
	guard(raw_spinlock_irqsave)(&fake.lock);

	return fake.irq_raw;
}

/**
 * panthor_fake_as_probe() - Look at one address with each event to come
 * @as: AS whose page tables are walked.
 * @va: GPU address.
 *
 * Context: Any.
 */
void panthor_fake_as_probe(unsigned int as, u64 va)
{
	guard(raw_spinlock_irqsave)(&fake.lock);

	fake.probe.set = true;
	fake.probe.as = as;
	fake.probe.va = va;
}

/**
 * panthor_fake_as_walk() - Translate as the GPU would, without a TLB
 * @as: Which AS; its live configuration counts.
 * @va: GPU address.
 *
 * Context: Any, while nobody changes the page tables.
 *
 * Return: Physical address, 0 if there is none.
 */
u64 panthor_fake_as_walk(unsigned int as, u64 va)
{
	guard(raw_spinlock_irqsave)(&fake.lock);

	return fake_walk(fake.slots[as].live.transtab, va);
}

/**
 * panthor_fake_as_forget() - Start a new story
 *
 * Context: Any.
 */
void panthor_fake_as_forget(void)
{
	guard(raw_spinlock_irqsave)(&fake.lock);

	fake.nr_events = 0;
}

/**
 * panthor_fake_as_story() - Tell what happened, and forget it
 * @test: The test.
 *
 * Context: Test thread.
 *
 * Return: Events in their order; see the DOC section for the form.
 */
const char *panthor_fake_as_story(struct kunit *test)
{
	char *story = kunit_kzalloc(test, PANTHOR_FAKE_AS_STORY, GFP_KERNEL);
	size_t len = 0;

	KUNIT_ASSERT_NOT_NULL(test, story);

	guard(raw_spinlock_irqsave)(&fake.lock);

	for (unsigned int i = 0; i < fake.nr_events; i++) {
		const struct fake_as_event *event = &fake.events[i];

		if (i)
			len += scnprintf(story + len, PANTHOR_FAKE_AS_STORY - len, " ");
		if (event->what != FAKE_FLUSH_CACHES)
			len += scnprintf(story + len, PANTHOR_FAKE_AS_STORY - len, "%u:",
					 event->as);
		len += scnprintf(story + len, PANTHOR_FAKE_AS_STORY - len, "%s%s%s",
				 event_names[event->what],
				 fake.probe.set ? (event->mapped ? "+" : "-") : "",
				 event->failed ? "!" : "");
	}
	fake.nr_events = 0;

	return story;
}

/**
 * panthor_fake_as_last() - When a command was written last
 * @as: Which AS.
 * @cmd: AS_COMMAND_*.
 *
 * Context: Any. The story of it must not have been told yet.
 *
 * Return: Its stamp, see panthor_seam_last(); 0 if there was none.
 */
u64 panthor_fake_as_last(unsigned int as, u32 cmd)
{
	guard(raw_spinlock_irqsave)(&fake.lock);

	for (unsigned int i = fake.nr_events; i; i--)
		if (fake.events[i - 1].what == cmd && fake.events[i - 1].as == as)
			return fake.events[i - 1].stamp;

	return 0;
}

/**
 * panthor_fake_as_fault() - Have the GPU fault
 * @as: AS that the access went through.
 * @status: FAULTSTATUS.
 * @addr: FAULTADDRESS.
 *
 * Nothing is delivered yet.
 *
 * Context: Any.
 */
void panthor_fake_as_fault(unsigned int as, u32 status, u64 addr)
{
	guard(raw_spinlock_irqsave)(&fake.lock);

	fake.slots[as].faultstatus = status;
	fake.slots[as].faultaddress = addr;
	fake.irq_raw |= BIT(as);
}

/**
 * panthor_fake_as_raise() - Report something that is not a fault
 * @bits: Bits to set in INT_RAWSTAT.
 *
 * Context: Any.
 */
void panthor_fake_as_raise(u32 bits)
{
	guard(raw_spinlock_irqsave)(&fake.lock);

	fake.irq_raw |= bits;
}

/**
 * panthor_fake_as_deliver() - Interrupt the CPU if the line is raised
 *
 * Context: Process context, without the locks that the handler takes.
 *
 * Return: What the driver's handler returned; IRQ_NONE if the line is low.
 */
irqreturn_t panthor_fake_as_deliver(void)
{
	scoped_guard(raw_spinlock_irqsave, &fake.lock) {
		if (!(fake.irq_raw & fake.irq_mask))
			return IRQ_NONE;
	}

	return panthor_seam_raise_irq();
}
