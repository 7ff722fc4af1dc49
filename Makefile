# One makefile for the whole tree; no recipe calls make on a subfolder.
#
#   make deps                  install the Debian 12 packages it needs
#   make run                   four institutions keep one register, here
#   make test                  everything: check, property, model, sim, e2e
#   make help                  every target, with one line each

VARIANT ?= dev
BUILD   ?= build/$(VARIANT)
include mk/flags.mk

# V=1 shows the whole commands.
Q   := $(if $(V),,@)
say  = $(if $(V),@:,@printf '  %-5s %s\n' $(1) $(2))

# The architecture.  A layer is a folder.  DEPS names the layers below it: the
# only ones it may include (check-layers) and the only ones its tests and
# programs are linked with.  Highest first: the linker reads left to right.
LAYERS         := base crypto chain ledger state engine audit document \
                  archive consensus storage net rpc node cli
DEPS_base      :=
DEPS_crypto    := base
DEPS_chain     := crypto base
DEPS_ledger    := chain crypto base
DEPS_state     := ledger chain crypto base
DEPS_engine    := state ledger chain crypto base
DEPS_archive   := engine state ledger chain crypto base
DEPS_consensus := chain crypto base
DEPS_storage   := state consensus ledger chain crypto base
DEPS_net       := ledger chain crypto base
DEPS_rpc       := ledger chain crypto base
DEPS_audit     := state ledger chain crypto base
DEPS_document  := audit state ledger chain crypto base
DEPS_node      := rpc net storage consensus archive audit engine state ledger \
                  chain crypto base
DEPS_cli       := rpc archive document audit engine state ledger chain crypto base
# Tests that join layers say so here.
DEPS_property  := audit rpc net storage $(DEPS_storage)
DEPS_golden    := $(DEPS_consensus) consensus
DEPS_bench     := node $(DEPS_node)

PROGRAMS := $(if $(wildcard node/main.c),$(BUILD)/equityd) \
            $(if $(wildcard cli/main.c),$(BUILD)/equity) \
            $(if $(wildcard audit/main.c),$(BUILD)/equity-verify)

sources = $(filter-out %/main.c,$(wildcard $(1)/*.c))
library = $(if $(call sources,$(1)),$(BUILD)/$(1).a)
order   = $(foreach l,cli node rpc net storage consensus archive document \
              audit engine state ledger chain crypto base,$(filter $(l),$(1)))
needs   = $(foreach l,$(call order,$(1) $(DEPS_$(1))),$(call library,$(l)))
libs    = $(foreach l,$(call order,$(1) $(DEPS_$(1))),$(LIBS_$(l)))

UNIT     := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*/test_*.c))
PROPERTY := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/property/prop_*.c))
GOLDEN   := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/golden/golden_*.c))
FUZZ     := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/*/fuzz_*.c))
REPLAY   := $(if $(filter fuzz,$(VARIANT)),,$(BUILD)/tests/fuzz/replay.o)
RIG      := $(addprefix $(BUILD)/tests/receipts/,rig.o story.o)
MARKET   := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/market/*.c))
HEADERS   = $(wildcard $(LAYERS:%=%/*.h))
CSOURCES  = $(wildcard $(LAYERS:%=%/*.[ch]) tests/*/*.[ch] tests/*/*/*.[ch])

all: ## build the libraries and the programs
all: $(foreach l,$(LAYERS),$(call library,$(l))) $(PROGRAMS)

define layer_rule
$(BUILD)/$(1).a: $(patsubst %.c,$(BUILD)/%.o,$(call sources,$(1)))
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rule,$(l))))

$(BUILD)/%.a:
	@rm -f $@
	@ar rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

# --version names the commit: the programs' first files follow it.
COMMIT := $(shell git describe --always --dirty --abbrev=12 2>/dev/null || \
              echo unknown)
$(BUILD)/commit: always
	@mkdir -p $(@D)
	@echo '$(COMMIT)' | cmp -s - $@ || echo '$(COMMIT)' >$@
$(patsubst %,$(BUILD)/%/main.o,node cli audit): $(BUILD)/commit
$(patsubst %,$(BUILD)/%/main.o,node cli audit): \
    CPPFLAGS += -DEQUITY_COMMIT='"$(COMMIT)"'

$(BUILD)/equityd: $(BUILD)/node/main.o $(call needs,node)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ $(call libs,node) -o $@
$(BUILD)/equity: $(BUILD)/cli/main.o $(call needs,cli)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ $(call libs,cli) -o $@
# The offline verifier runs where nothing else is: one small static file, of
# objects compiled for size.  Other variants check the usual objects instead.
ifneq ($(STATIC_$(VARIANT)),)
SMALL := $(foreach l,audit $(DEPS_audit),$(call sources,$(l)))
$(BUILD)/small/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(CFLAGS_small) -MMD -MP -c $< -o $@
$(BUILD)/small.a: $(SMALL:%.c=$(BUILD)/small/%.o)
$(BUILD)/equity-verify: $(BUILD)/small/audit/main.o $(BUILD)/small.a mk/verifier.ld
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $(STATIC_$(VARIANT)) $(filter-out %.ld,$^) \
	    $(call libs,audit) -o $@
else
$(BUILD)/equity-verify: $(BUILD)/audit/main.o $(call needs,audit)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ $(call libs,audit) -o $@
endif

.SECONDEXPANSION:
$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $$(call needs,$$(*D))
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -lcmocka $(call libs,$(*D)) -o $@
$(BUILD)/tests/property/prop_ledger: $(BUILD)/tests/property/prop_ledger.o \
    $(MARKET) $$(call needs,state)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ $(call libs,state) -o $@
$(BUILD)/tests/property/prop_simulate: \
    $(BUILD)/tests/property/prop_simulate.o $(MARKET) $$(call needs,engine)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ $(call libs,engine) -o $@
$(BUILD)/tests/property/prop_receipts: $(BUILD)/tests/property/prop_receipts.o \
    $(RIG) $(MARKET) $$(call needs,node)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -lcmocka $(call libs,node) -o $@
# The disk that fails stands in the place of libc's calls.
$(BUILD)/tests/property/prop_journal: $(BUILD)/tests/disk/disk.o
$(BUILD)/tests/unit/archive/test_file: $(BUILD)/tests/disk/disk.o
$(BUILD)/tests/unit/storage/test_backup: $(BUILD)/tests/disk/disk.o
$(BUILD)/tests/property/%: $(BUILD)/tests/property/%.o $$(call needs,property)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -lcmocka $(call libs,property) -o $@
$(BUILD)/tests/golden/golden_ledger: $(BUILD)/tests/golden/golden_ledger.o \
    $(MARKET) $$(call needs,ledger)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ $(call libs,ledger) -o $@
$(BUILD)/tests/golden/%: $(BUILD)/tests/golden/%.o $$(call needs,consensus)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -lcmocka $(call libs,consensus) -o $@
$(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(REPLAY) $$(call needs,$$(*D))
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $(if $(REPLAY),,-fsanitize=fuzzer) $^ \
	    $(call libs,$(*D)) -o $@

$(BUILD)/tests/unit/audit/%: $(BUILD)/tests/unit/audit/%.o $(RIG) $(MARKET) \
    $$(call needs,audit)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -lcmocka $(call libs,audit) -o $@
$(BUILD)/tests/unit/document/%: $(BUILD)/tests/unit/document/%.o $(RIG) \
    $(MARKET) $$(call needs,document)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -lcmocka $(call libs,document) -o $@
$(BUILD)/tests/unit/node/test_prove: $(BUILD)/tests/unit/node/test_prove.o \
    $(RIG) $(MARKET) $$(call needs,node)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -lcmocka $(call libs,node) -o $@
$(BUILD)/tests/unit/node/test_load: $(BUILD)/tests/unit/node/test_load.o \
    $(BUILD)/tests/bench/chain.o $$(call needs,node)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -lcmocka $(call libs,node) -o $@
$(BUILD)/tests/unit/cli/test_asked: $(BUILD)/tests/unit/cli/test_asked.o \
    $(RIG) $(MARKET) $$(call needs,cli)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -lcmocka $(call libs,cli) -o $@
$(BUILD)/tests/receipts/mutate: \
    $(addprefix $(BUILD)/tests/receipts/,reshape.o reshape_state.o)
$(BUILD)/tests/receipts/%: $(BUILD)/tests/receipts/%.o $(RIG) $(MARKET) \
    $$(call needs,audit)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ $(call libs,audit) -o $@

# The simulator is built for speed: from the sources, as one program.
SIM_LAYERS  := engine state ledger consensus chain crypto base
SIM_SOURCES := $(foreach l,$(SIM_LAYERS),$(call sources,$(l))) \
               $(wildcard tests/sim/*.c)
$(BUILD)/sim/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(SIM_OPT) -MMD -MP -c $< -o $@
$(BUILD)/tests/sim/sim: $(SIM_SOURCES:%.c=$(BUILD)/sim/%.o)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $(CFLAGS) $(SIM_OPT) -Wl,--wrap=valset_leader $^ \
	    $(call libs,state) -o $@
# Its scripts choose the leaders: the call must stay one.
$(BUILD)/sim/chain/valset.o: SIM_OPT :=
# Whole nodes: what tests/whole defines takes the place of the libraries'.
WHOLE_OBJS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/whole/*.c)) \
              $(BUILD)/tests/disk/disk.o $(BUILD)/tests/load/load.o
WHOLE_WRAPS := rocksdb_options_create \
    journal_sync journal_durable core_step keep_vote keep_body \
    store_put_block store_index_catch_up mempool_committed core_replay_record \
    cert_check block_body_fits
$(BUILD)/tests/whole/whole: $(WHOLE_OBJS) $$(call needs,node)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $(WHOLE_WRAPS:%=-Wl,--wrap=%) $^ \
	    $(call libs,node) -ldl -o $@
$(BUILD)/tests/bench/bench_ledger: $(BUILD)/tests/bench/bench_ledger.o \
    $(BUILD)/tests/bench/measure.o $(MARKET) $$(call needs,state)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ $(call libs,state) -o $@
# Programs that put real nodes under load.
$(BUILD)/tests/bench/bench_replay $(BUILD)/tests/bench/bench_disk: \
    $(BUILD)/tests/bench/transfers.o
$(BUILD)/tests/bench/bench_disk: $(BUILD)/tests/bench/chain.o \
    $(BUILD)/tests/bench/measure.o
$(BUILD)/tests/bench/bench $(BUILD)/tests/bench/bench_replay \
    $(BUILD)/tests/bench/bench_disk \
    $(BUILD)/tests/bench/bench_sync \
    $(BUILD)/tests/chaos/load: %: %.o \
    $(BUILD)/tests/load/load.o $$(call needs,node)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ $(call libs,node) -o $@
$(BUILD)/tests/chaos/wire: $(BUILD)/tests/chaos/wire.o
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@
# Programs that measure a store of rows made up, or a state.
$(BUILD)/tests/bench/bench_proof $(BUILD)/tests/bench/bench_restart \
    $(BUILD)/tests/bench/bench_snapshot $(BUILD)/tests/bench/bench_state: %: %.o $(BUILD)/tests/bench/chain.o \
    $(BUILD)/tests/bench/measure.o $$(call needs,node)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ $(call libs,node) -o $@
$(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o $$(call needs,node)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ $(call libs,node) -o $@

include mk/tests.mk
include mk/install.mk

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\): ## /\1\t/p' Makefile mk/*.mk | expand -t 16
	@echo
	@echo 'VARIANT=dev|release|asan|tsan|fuzz|cov chooses the build;' \
	    'each has its own folder in build/.'

clean: ## remove everything that was built
	rm -rf build

.DEFAULT_GOAL := all
.PHONY: all always help clean
.SECONDARY:
.DELETE_ON_ERROR:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
