// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory as the GPU sees it: through the kernel's linear map.
 *
 * Assumed here: all memory is in the linear map, as on 64-bit machines. The
 * linear map is cacheable, also where the driver and user space map the same
 * page write-combined. That is right where the machine has no caches (UML, QEMU
 * without hardware virtualisation) or where the CPU resolves such aliases
 * (x86); on an arm64 machine with real caches a non-coherent variant of the
 * GPU would need cache maintenance here. Such a GPU's view of memory is that of
 * a cache which is modelled: sim_cache.h.
 */

#include <linux/kasan-checks.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "sim_mem.h"

/* Up to here a copy is made of single accesses that nobody sees the half of. */
#define SIM_WORDS_MAX	256

/**
 * sim_mem_life() - What a page frame is, and whose
 * @pa: Physical address in it.
 * @owner: Filled if the page lives; may be NULL.
 *
 * Nothing keeps the page from changing hands right after. That this does not
 * happen between a check and an access is what the driver has to ensure.
 *
 * Context: Any.
 *
 * Return: The state.
 */
enum sim_page_life sim_mem_life(u64 pa, struct sim_page_owner *owner)
{
	struct folio *folio;
	struct page *page;

	if (!pfn_valid(PHYS_PFN(pa)))
		return SIM_PAGE_HOLE;

	page = pfn_to_page(PHYS_PFN(pa));
	/* Only the first page of a slab is marked. */
	if (folio_test_slab(page_folio(page)))
		return SIM_PAGE_SLAB;
	/* Pages of the buddy allocator and of its per-CPU lists have no count. */
	if (!page_count(page))
		return SIM_PAGE_FREE;

	if (owner) {
		folio = page_folio(page);
		owner->mapping = READ_ONCE(folio->mapping);
		owner->index = owner->mapping ?
			       READ_ONCE(folio->index) + folio_page_idx(folio, page) : 0;
		owner->huge = folio_size(folio) >= SZ_2M;
	}

	return SIM_PAGE_LIVE;
}

/**
 * sim_mem_readable() - Say if a page table may be read
 * @pa: Its physical address.
 *
 * The driver takes tables from a slab cache, and the root from the page
 * allocator. A freed object of a slab page is left to KASAN.
 *
 * Context: Any.
 *
 * Return: true if the memory is somebody's.
 */
bool sim_mem_readable(u64 pa)
{
	enum sim_page_life life = sim_mem_life(pa, NULL);

	return life == SIM_PAGE_LIVE || life == SIM_PAGE_SLAB;
}

static void copy_words(void *dst, const void *src, size_t len, size_t word)
{
	for (size_t i = 0; i < len; i += word) {
		if (word == sizeof(u64))
			WRITE_ONCE(*(u64 *)(dst + i), READ_ONCE(*(const u64 *)(src + i)));
		else
			WRITE_ONCE(*(u32 *)(dst + i), READ_ONCE(*(const u32 *)(src + i)));
	}
}

static void copy(void *dst, const void *src, size_t len)
{
	unsigned long bits = (unsigned long)dst | (unsigned long)src | len;

	if (len <= SIM_WORDS_MAX && IS_ALIGNED(bits, sizeof(u64)))
		copy_words(dst, src, len, sizeof(u64));
	else if (len <= SIM_WORDS_MAX && IS_ALIGNED(bits, sizeof(u32)))
		copy_words(dst, src, len, sizeof(u32));
	else
		memcpy(dst, src, len);
}

/**
 * sim_mem_copy() - Copy between the GPU and memory
 * @mem: Where the memory is mapped; the copy stays in its page.
 * @buf: The GPU's side. Aligned as the memory is, words are never torn.
 * @len: Number of bytes.
 * @access: SIM_WRITE copies to memory, the others from there.
 *
 * CPUs see the GPU's accesses in the order in which they are made.
 *
 * Context: Any.
 */
void sim_mem_copy(void *mem, void *buf, size_t len, enum sim_access access)
{
	/* memcpy() is not instrumented by every compiler. */
	if (access == SIM_WRITE) {
		kasan_check_write(mem, len);
		/* Before this write come all accesses that the GPU made so far. */
		smp_mb();
		copy(mem, buf, len);
	} else {
		kasan_check_read(mem, len);
		copy(buf, mem, len);
		/* After this read come all accesses that the GPU makes from now on. */
		smp_mb();
	}
}
