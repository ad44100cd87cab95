# lkcoord.  `make help` lists the targets.
#
# CONFIG=dev|release|asan|tsan|cov|fuzz picks the flags; dev's programs are in build/bin, the others' in build/CONFIG/bin.

# Make looks at what is there before `clean` removes it: in `make clean all`, a make of its own does the rest.
REST := $(if $(filter clean,$(firstword $(MAKECMDGOALS))),$(filter-out clean,$(MAKECMDGOALS)))
ifneq ($(REST),)
.PHONY: clean $(REST)
clean:
	rm -rf build
$(firstword $(REST)): clean
	@$(MAKE) --no-print-directory $(REST)
$(wordlist 2,$(words $(REST)),$(REST)): $(firstword $(REST))
	@:
else

CONFIG  ?= dev
PREFIX  ?= /usr/local
DESTDIR ?=
VERSION := 0.1.0
# Of this source, for the labels of images; an archive without git does not know.
REVISION = $(or $(shell git --git-dir=.git rev-parse --verify -q HEAD 2>/dev/null),unknown)

ifeq ($(filter $(CONFIG),dev release asan tsan cov fuzz),)
$(error CONFIG=$(CONFIG) is unknown: choose dev, release, asan, tsan, cov or fuzz)
endif

CC      ?= cc
AR      ?= ar
PKGS    := libczmq libzmq yaml-0.1 libgit2 libcurl libsodium sqlite3 jansson libcrypto libzstd libarchive
OUT     := build/$(CONFIG)
BIN     := $(if $(filter dev,$(CONFIG)),build/bin,$(OUT)/bin)
GEN     := build/gen

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wswitch-enum -Wstrict-prototypes -Wmissing-prototypes \
            -Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Wvla
HARDEN   := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
CONFIG_dev     := -O1 -g $(HARDEN)
CONFIG_release := -O2 -g $(HARDEN)
CONFIG_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
CONFIG_tsan    := -O1 -g -fsanitize=thread -fPIE
CONFIG_cov     := -O0 -g --coverage
CONFIG_fuzz    := $(CONFIG_asan) -fsanitize=fuzzer-no-link

# pkg-config is asked once a make, unless nothing is built by this one; the packages' headers are system headers
# to us (not warned about).
ifneq ($(filter-out help clean deps demo check check-deep check-verifiers chaos coverage lint format,$(or $(MAKECMDGOALS),all)),)
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null | sed 's/-I/-isystem /g')
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
endif
CPPFLAGS_ALL := -D_GNU_SOURCE -DLK_VERSION='"$(VERSION)"' -I. -isystem $(GEN) $(PKG_CFLAGS) $(CPPFLAGS)
CFLAGS_ALL   := -std=gnu11 $(WARNINGS) $(CONFIG_$(CONFIG)) $(CFLAGS)
LDFLAGS_ALL  := $(CONFIG_$(CONFIG)) -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)
LIBS_ALL     := -lprotobuf-nanopb $(PKG_LIBS) -lpthread

sources = $(sort $(wildcard $(foreach d,$(1),$(d)/*.c)))
objects = $(patsubst %.c,$(OUT)/obj/%.o,$(1))

BASE_SRC        := $(call sources,common/base)
PROTO_GEN       := $(GEN)/proto/lkcoord.pb.c $(GEN)/proto/facts.pb.c
COMMON_SRC      := $(call sources,$(filter-out common/base,$(wildcard common/*)) proto)
CORE_SRC        := $(call sources,coordinator/core)
AGENT_CORE_SRC  := $(call sources,agent/core)
COORDINATOR_SRC := $(filter-out coordinator/lkcoordd.c coordinator/sign/lkcoord-signd.c,$(call sources,coordinator coordinator/door coordinator/store \
                     coordinator/registry coordinator/sign coordinator/source coordinator/logs))
CLI_SRC         := $(filter-out coordinator/cli/lkcoord%,$(call sources,coordinator/cli))
AGENT_SRC       := $(filter-out agent/lkagentd.c,$(call sources,agent $(filter-out agent/core,$(patsubst %/,%,$(wildcard agent/*/)))))

LIB := $(OUT)/lib
LIBRARIES := $(LIB)/libcli.a $(LIB)/libcoordinator.a $(LIB)/libagent.a $(LIB)/libcore.a $(LIB)/libagentcore.a \
             $(LIB)/libcommon.a $(LIB)/libbase.a
PROGRAMS  := $(patsubst %,$(BIN)/%,$(notdir $(basename $(wildcard coordinator/cli/lkcoord*.c coordinator/lkcoordd.c coordinator/sign/lkcoord-signd.c agent/lkagentd.c))))

UNIT_TESTS := $(patsubst tests/unit/%.c,$(OUT)/tests/unit/%,$(sort $(wildcard tests/unit/test_*.c)))
CORE_TESTS := $(patsubst tests/core/%.c,$(OUT)/tests/core/%,$(sort $(wildcard tests/core/test_*.c)))
FUZZERS    := $(patsubst tests/fuzz/%.c,$(OUT)/tests/fuzz/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
SIM        := $(OUT)/tests/sim/sim
EXPLORE    := $(OUT)/tests/explore/explore
HELPERS    := $(patsubst tests/tools/%.c,$(OUT)/tests/tools/%,$(sort $(wildcard tests/tools/*.c)))

.PHONY: all help deps demo check check-deep check-verifiers chaos tests sim explore model coverage mutants fuzz fuzzers lint format bench install clean
.SECONDARY:

all: $(PROGRAMS) ## build the programs

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24
	@echo "  CONFIG=dev|release|asan|tsan|cov, PREFIX=/usr/local, DESTDIR="

deps: ## install what is missing from Debian
	@deploy/install-deps.sh

demo: ## do the whole job once, for real, on this machine
	@deploy/install-deps.sh
	@$(MAKE) --no-print-directory all
	@tests/demo.sh

check: ## unit, core and end-to-end tests; ends with "N passed, N failed"
	@deploy/install-deps.sh
	@$(MAKE) --no-print-directory all tests
	@tests/tools/check.sh

check-deep: ## sanitizers, big-endian, lint, branches of the cores, models, chaos, slower judges
	@deploy/install-deps.sh --deep
	@tests/tools/check-deep.sh

check-verifiers: ## cosign, skopeo, podman and others judge what is published; the first time needs the network
	@deploy/install-deps.sh --verifiers
	@$(MAKE) --no-print-directory all
	@tests/tools/check-verifiers.sh

T    ?= 60
SEED ?=
chaos: ## real processes in which everything goes wrong for T=60 seconds; SEED=N repeats a schedule
	@deploy/install-deps.sh --deep
	@$(MAKE) --no-print-directory all
	@tests/e2e/chaos/run.sh $(T) $(SEED)

tests: $(UNIT_TESTS) $(CORE_TESTS) $(SIM) $(EXPLORE) $(FUZZERS) $(HELPERS) ## build the tests

SEEDS  ?= 1-2000
FAULTS ?= 1
sim: ## run seeds of the simulated world, SEEDS=A-B, with FAULTS=N a push; prints a digest of what came out
	@$(MAKE) --no-print-directory CONFIG=release build/release/tests/sim/sim
	@build/release/tests/sim/sim --seeds $(SEEDS) --faults $(FAULTS)

explore: ## go through all that can happen in small worlds, the large ones of them too
	@$(MAKE) --no-print-directory CONFIG=release build/release/tests/explore/explore
	@build/release/tests/explore/explore --all

coverage: ## branches of both cores that the fast tests do not take
	@deploy/install-deps.sh
	@tests/tools/coverage.sh

mutants: ## break lkcoord in known ways, one at a time: does a test notice?
	@deploy/install-deps.sh
	@tests/tools/mutants.sh

fuzz: ## let clang's fuzzer look for input that breaks a parser, FUZZ_SECONDS=30 each
	@$(MAKE) --no-print-directory CONFIG=fuzz CC=clang fuzzers
	@tests/tools/fuzz.sh

fuzzers: $(FUZZERS)

lint: ## include rules, purity of the cores, warnings of clang, format
	@tests/tools/lint.sh

format: ## rewrite the sources as .clang-format says
	clang-format -i $$(git ls-files '*.c' '*.h')

model: ## let spin go through every state of the Promela models, and judge runs of the simulator by them
	@$(MAKE) --no-print-directory $(SIM)
	@tests/model/run.sh

bench: all $(HELPERS) ## timed comparisons, printed as ratios
	@tests/bench/run.sh

install: all ## install programs, examples and units below DESTDIR/PREFIX
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' BIN='$(BIN)' deploy/install.sh

clean: ## remove what was built
	rm -rf build

$(GEN)/proto/%.pb.c $(GEN)/proto/%.pb.h: proto/%.proto proto/%.options
	@mkdir -p $(@D)
	@cd proto && /usr/bin/python3 /usr/bin/nanopb_generator.py -q -D ../$(GEN)/proto $*.proto

# Objects may include generated headers, whose changes the compiler does not report: they are system headers to it.
$(OUT)/obj/%.o: %.c $(PROTO_GEN:.c=.h)
	@mkdir -p $(@D)
	@echo "  cc $<"
	@$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(OUT)/obj/common/pkg/labels.o: CPPFLAGS_ALL += -DLK_REVISION='"$(REVISION)"'
$(OUT)/obj/common/pkg/labels.o: $(wildcard .git/logs/HEAD)

$(OUT)/obj/gen/%.o: $(GEN)/%.c
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS_ALL) -std=gnu11 $(CONFIG_$(CONFIG)) $(CFLAGS) -MMD -MP -c -o $@ $<

archive = @mkdir -p $(@D); rm -f $@; $(AR) rcs $@ $^
$(LIB)/libbase.a: $(call objects,$(BASE_SRC))
	$(archive)
$(LIB)/libcommon.a: $(call objects,$(COMMON_SRC)) $(patsubst $(GEN)/%.c,$(OUT)/obj/gen/%.o,$(PROTO_GEN))
	$(archive)
$(LIB)/libcore.a: $(call objects,$(CORE_SRC))
	$(archive)
$(LIB)/libagentcore.a: $(call objects,$(AGENT_CORE_SRC))
	$(archive)
$(LIB)/libcoordinator.a: $(call objects,$(COORDINATOR_SRC))
	$(archive)
$(LIB)/libcli.a: $(call objects,$(CLI_SRC))
	$(archive)
$(LIB)/libagent.a: $(call objects,$(AGENT_SRC))
	$(archive)

link = @mkdir -p $(@D); echo "  ld $@"; $(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS_ALL)
$(BIN)/lkcoord $(BIN)/lkcoord-online: $(BIN)/%: $(OUT)/obj/coordinator/cli/%.o $(LIB)/libcli.a $(LIB)/libcommon.a $(LIB)/libbase.a
	$(link)
$(BIN)/lkcoord: | $(BIN)/lkcoord-online
$(BIN)/lkcoordd: $(OUT)/obj/coordinator/lkcoordd.o $(LIB)/libcoordinator.a $(LIB)/libcore.a $(LIB)/libcommon.a $(LIB)/libbase.a
	$(link)
# Of both libraries it takes what it needs: nothing that talks to a network.
$(BIN)/lkcoord-signd: $(OUT)/obj/coordinator/sign/lkcoord-signd.o $(LIB)/libcoordinator.a $(LIB)/libcommon.a $(LIB)/libbase.a
	$(link)
$(BIN)/lkagentd: $(OUT)/obj/agent/lkagentd.o $(LIB)/libagent.a $(LIB)/libagentcore.a $(LIB)/libcommon.a $(LIB)/libbase.a
	$(link)

$(OUT)/tests/unit/%: $(OUT)/obj/tests/unit/%.o $(LIBRARIES)
	@mkdir -p $(@D); echo "  ld $@"; $(CC) $(LDFLAGS_ALL) -o $@ $^ -lcmocka $(LIBS_ALL)
# Without a fuzzer to drive it, a target goes through its corpus.
FUZZ_MAIN := $(if $(filter fuzz,$(CONFIG)),,$(OUT)/obj/tests/fuzz/replay.o)
$(OUT)/tests/fuzz/%: $(OUT)/obj/tests/fuzz/%.o $(FUZZ_MAIN) $(LIBRARIES)
	@mkdir -p $(@D); echo "  ld $@"; $(CC) $(LDFLAGS_ALL) $(if $(FUZZ_MAIN),,-fsanitize=fuzzer) -o $@ $^ $(LIBS_ALL)
$(OUT)/tests/tools/%: $(OUT)/obj/tests/tools/%.o $(LIBRARIES)
	@mkdir -p $(@D); echo "  ld $@"; $(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS_ALL)

# Both cores in one program, with nothing else of ours; the seeds are many.
$(OUT)/obj/tests/sim/%.o: CFLAGS_ALL += -O2
$(SIM): $(call objects,$(call sources,tests/sim)) $(LIB)/libcore.a $(LIB)/libagentcore.a $(LIB)/libbase.a
	@mkdir -p $(@D); echo "  ld $@"; $(CC) $(LDFLAGS_ALL) -o $@ $^ -lsodium

$(OUT)/obj/tests/explore/%.o: CFLAGS_ALL += -O2
$(EXPLORE): $(call objects,$(call sources,tests/explore)) $(LIB)/libcore.a $(LIB)/libbase.a
	@mkdir -p $(@D); echo "  ld $@"; $(CC) $(LDFLAGS_ALL) -o $@ $^

# The cores link with nothing but common/base and cmocka: that is the proof that they are pure.
$(OUT)/tests/core/%: $(OUT)/obj/tests/core/%.o $(LIB)/libcore.a $(LIB)/libagentcore.a $(LIB)/libbase.a
	@mkdir -p $(@D); echo "  ld $@"; $(CC) $(LDFLAGS_ALL) -o $@ $^ -lcmocka

-include $(shell [ -d $(OUT)/obj ] && find $(OUT)/obj -name '*.d')

endif
