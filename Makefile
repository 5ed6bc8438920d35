# SPDX-License-Identifier: GPL-2.0-only
# Thin front door: every target is one call of ci/run, which prints the plain
# commands behind it with V=1.

# make gives CC a default of its own; only pass on what somebody asked for.
ifneq ($(filter default undefined,$(origin CC)),)
override CC :=
endif

VARS := DRIVER KERNEL LANES FILTER SEED RANDOM O V JOBS CC LLVM CROSS_COMPILE SIGNOFF STEPS \
	N STOP QUICK CONFIG KDIR FLAVOUR
# A misspelt variable must not silently be none.
given := $(foreach w,$(MAKEOVERRIDES),$(if $(findstring =,$(w)),$(firstword $(subst =, ,$(w)))))
unknown := $(addsuffix =,$(filter-out $(VARS),$(given)))
quote = '$(subst ','\'',$(1))'
args = $(foreach v,$(VARS),$(if $($(v)),$(v)=$(call quote,$($(v)))))

.DEFAULT_GOAL := help
COMMANDS := verify test kunit soak kcsan canaries mutants coverage lockgraph matrix bench client board board-vm patches tree clean distclean
.PHONY: help $(COMMANDS)

$(COMMANDS):
	@ci/run $@ $(args) $(unknown)

help:
	@echo 'Targets'
	@echo '  verify     KUnit suites in UML and in a VM under all gates, and a verdict'
	@echo '  kunit      the same in UML only (unless LANES says otherwise): the edit loop'
	@echo '  test       the tests of this harness, then both drivers in all lanes, and in UML'
	@echo '             on the other kernel; then a few mutants and canaries'
	@echo '  soak       the KUnit suites in UML (LANES=, FILTER= for more, or for less) N= times, each'
	@echo '             time with another seed: which test does not always end the same way?'
	@echo '  kcsan      KUnit suites and racing programs in a VM whose kernel looks for data races'
	@echo '  canaries   makes one fault per gate, each in a boot of UML, and shows that exactly'
	@echo '             that gate goes red'
	@echo '  mutants    put known defects into the core, one at a time: which test notices?'
	@echo '  coverage   lines and branches of the memory core that suites and programs reach, by file'
	@echo '             and function, and a page; red with a gap that has no reason'
	@echo '  lockgraph  draws the reviewed lock order as SVG, and what the last run had beyond it'
	@echo '  bench      what driver and software GPU cost, on a kernel without debug options'
	@echo '             and on the one of the verdicts, and both drivers compared: two tables,'
	@echo '             and bench.json'
	@echo '  client     Debian'"'"'s Vulkan driver for the GPU, unmodified, on the software GPUs'
	@echo '  matrix     compile the driver in variants (compilers, page sizes, options off, 32-bit)'
	@echo '             with W=1, kernel-doc and checkpatch; FILTER= names variants'
	@echo '  board      a tarball for a Rock 5B: kernel, driver, kselftests; for ci/board and labs'
	@echo '  board-vm   ci/board over ssh, with a VM on Debian'"'"'s kernel as the board, and accidents'
	@echo '             on purpose'
	@echo '  tree       assemble the kernel tree with the overlay and print its path,'
	@echo '             for kunit.py, make and checkpatch by hand'
	@echo '  patches    the overlay as a series for git am, applied and compared with the tree;'
	@echo '             STEPS=all (or N, N-M) builds each step and runs its KUnit suites'
	@echo '  clean      remove builds and results; the kernel source stays'
	@echo '  distclean  remove everything this harness ever wrote'
	@echo
	@echo 'Variables'
	@echo '  KERNEL=    7.3 (default), 7.2, or the directory of a tree of your own, which'
	@echo '             is only read'
	@echo '  DRIVER=    core (default): panthor with our memory core in the place of the'
	@echo '             tree'"'"'s; stock: the tree'"'"'s own panthor, unmodified'
	@echo '  LANES=     um, arm64, x86_64, vm (x86_64 with KVM, else arm64); default: um vm'
	@echo '  FILTER=    SUITE or SUITE.CASE, globs allowed: panthor_gem_reclaim.scan_*'
	@echo '             (of mutants: their names; ci/mutants/, or FILE.FUNCTION.RULE.NUMBER)'
	@echo '  RANDOM=    so many generated mutants instead of the known defects, by SEED='
	@echo '  N=         how many runs of soak (default: 10); STOP=1 ends it with the first that fails,'
	@echo '             QUICK=1 leaves the slow cases out; SEED= is that of each run'
	@echo '  CONFIG=    kcsan: verify or soak with the kernel of make kcsan; 16k: with one whose pages'
	@echo '             have 16 KiB, on arm64'
	@echo '  O=         folder for builds and results (default: the user'"'"'s cache folder)'
	@echo '  FLAVOUR=   of the kernel of make board: debug (default) or production'
	@echo '  KDIR=      make board: headers of the kernel that the board runs, or debian; it gets'
	@echo '             the driver as a module then'
	@echo '  V=1        print the plain command behind each step'
	@echo '  JOBS=      parallel compile jobs (default: number of CPUs)'
	@echo '  SIGNOFF=   who signs the patches off (default: who git says you are)'
	@echo '  CC= LLVM= CROSS_COMPILE=   passed to the kernel'"'"'s make'
	@echo
	@echo 'Needs a Debian or Ubuntu host (as root, missing packages are installed),'
	@echo '6 GB of disk, and the network until the kernel source is cached.'
	@echo 'Exit status: 0 all as expected, 1 failed, 2 usage, 3 infrastructure.'
