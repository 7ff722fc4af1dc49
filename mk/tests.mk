# Tests and the project's own checks.
unit: ## run the unit tests
unit: $(UNIT:%=%.run)
property: ## run the property tests
property: $(PROPERTY:%=%.run)
golden: ## the worked cases of the register, the traces of the consensus step
golden: $(GOLDEN:%=%.run)
%.run: %
	$<

RECEIPTS = $(addprefix $(BUILD)/tests/receipts/,make mutate) \
           $(BUILD)/tests/unit/audit/test_verify \
           $(BUILD)/tests/unit/audit/test_statement $(BUILD)/equity-verify
receipts: ## the golden receipts, equity-verify, and its twin in Python (N=)
receipts: $(RECEIPTS)
	tests/receipts/run.sh $(BUILD) $(or $(N),2000)
receipts-mutate: ## receipts mutated at random, none accepted (N=1000000 SEED=)
receipts-mutate: $(BUILD)/tests/receipts/mutate
	$< tests/vectors/receipts $(or $(N),200000) $(SEED)
	$< tests/vectors/receipts --reshape $(or $(N),200000) $(SEED)
receipts-vectors: ## write the golden receipts anew, after a change of format
receipts-vectors: $(BUILD)/tests/receipts/make
	rm -f tests/vectors/receipts/*
	$< tests/vectors/receipts
	for f in tests/vectors/receipts/*.bin; do \
	    cp $$f tests/fuzz/corpus/fuzz_receipt/$$(basename $$f .bin); done
	head -c 60 tests/vectors/receipts/holding.bin \
	    >tests/fuzz/corpus/fuzz_receipt/cut
	cp tests/vectors/receipts/trust.json tests/fuzz/corpus/fuzz_trust/both
.PHONY: receipts receipts-mutate receipts-vectors

fuzz-replay: ## run each fuzz target once over its stored corpus
fuzz-replay: $(FUZZ:%=%.replay)
%.replay: %
	$< $(wildcard tests/fuzz/corpus/$(*F)/*)

check: ## what a commit must pass, in about a minute
check: unit golden receipts fuzz-replay check-layers check-headers \
    check-format check-banned check-rules check-verdicts check-pure \
    check-protocol

check-layers: ## no include points upward
	@tools/check-layers.sh $(foreach l,$(LAYERS),"$(l): $(DEPS_$(l))")

check-headers: ## every header compiles alone, and twice
	@for h in $(HEADERS); do \
	    printf '#include "%s"\n#include "%s"\ntypedef int alone;\n' $$h $$h | \
	    $(CC) $(CPPFLAGS) $(CFLAGS) -fsyntax-only -x c - || exit 1; done

check-format: ## clang-format would change nothing
	@clang-format --dry-run -Werror $(CSOURCES)

check-banned: ## no banned call without its reason
	@tools/check-banned.sh $(LAYERS)

check-rules: ## RULES.md, code and tests say each rule in the same words
check-rules: $(BUILD)/equity
	@tools/check-rules.sh $<

LEDGER_TESTS = $(BUILD)/tests/golden/golden_ledger \
               $(filter $(BUILD)/tests/unit/ledger/%,$(UNIT))
check-verdicts: ## tests get every refusal that an operation names
check-verdicts: $(BUILD)/equity $(LEDGER_TESTS)
	@tools/check-verdicts.sh $(BUILD)/equity $(LEDGER_TESTS)

check-pure: ## rules and consensus allocate nothing, read no clock, keep no state
check-pure: $(call library,ledger) $(call library,consensus)
	@tools/check-pure.sh $^

check-protocol: ## PROTOCOL.md, code and tests name the same rules
	@tools/check-protocol.sh $(LAYERS)

format: ## let clang-format decide the layout
	clang-format -i $(CSOURCES)

tidy: ## clang-tidy over the layers
	clang-tidy --quiet $(foreach l,$(LAYERS),$(call sources,$(l))) -- \
	    $(CPPFLAGS) $(CPP_document) -std=gnu11

.PHONY: unit property golden fuzz-replay check check-layers check-headers \
    check-format check-banned check-rules check-verdicts check-pure \
    check-protocol format tidy

run: ## the main job: four institutions keep one register (RUN=once stops it)
run: deps
	@$(MAKE) --no-print-directory all
	$(BUILD)/equity demo $(if $(filter once,$(RUN)),--once) $(RUN_FLAGS)
.PHONY: run

SEED  ?= 1
SEEDS ?= 50000
VIEWS ?= 100000000
JOBS  ?= $(shell nproc)
OPS   ?= 1500000
LEDGER_SEEDS ?= 300
EPOCH_SEEDS ?= 10000
WHOLE_SEEDS ?= 120
SIM       = $(BUILD)/tests/sim/sim
SIM_FLAGS = --jobs $(JOBS) $(if $(NODES),--nodes $(NODES)) \
    $(if $(MUTANT),--mutant $(MUTANT))
sim: ## whole networks in one process (SEED= SEEDS= EPOCH_SEEDS= LEDGER_SEEDS= WHOLE_SEEDS= OPS= JOBS=)
sim: $(SIM) $(BUILD)/tests/whole/whole $(BUILD)/tests/property/prop_ledger
	$< --seed $(SEED) --seeds 200 --twice yes $(SIM_FLAGS)
	$< --seed $(SEED) --seeds $(SEEDS) $(SIM_FLAGS)
	$< --twins 3 $(SIM_FLAGS)
	$< --twins 6 --leaders twin --sides split $(SIM_FLAGS)
	$< --crashes yes --seed $(SEED) --seeds 40 $(SIM_FLAGS)
	$< --app epochs --seed $(SEED) --seeds $(EPOCH_SEEDS) $(SIM_FLAGS)
	$< --app epochs --crashes yes --seed $(SEED) --seeds 20 $(SIM_FLAGS)
	$< --nodes 1 --seed $(SEED) --seeds 2000 --jobs $(JOBS)
	$< --app ledger --seed $(SEED) --seeds $(LEDGER_SEEDS) $(SIM_FLAGS)
	$(BUILD)/tests/property/prop_ledger --seed $$(($(SEED) + 1)) \
	    --ops $(OPS) --state
	$(if $(MUTANT),,$(WHOLE) --jobs $(JOBS) --seed $(SEED) --seeds 5 --twice yes)
	$(if $(MUTANT),,$(WHOLE) --jobs $(JOBS) --seed $(SEED) --seeds $(WHOLE_SEEDS))
	$(if $(MUTANT),,$(WHOLE) --jobs $(JOBS) --seed $(SEED) --seeds 4 --nodes 7)
	$(if $(MUTANT),,$(WHOLE) --jobs $(JOBS) --seed $(SEED) --seeds 10 --nodes 1)

WHOLE     = $(BUILD)/tests/whole/whole
WHOLE_RUN = $(WHOLE) --jobs $(JOBS) $(if $(MUTANT),--mutant $(MUTANT))
sim-whole: ## whole nodes on real files, in one process (SEED= SEEDS= NODES= MUTANT=)
sim-whole: $(WHOLE)
	$(WHOLE_RUN) --seed $(SEED) --nodes $(or $(NODES),4) \
	    --seeds $(if $(filter file,$(origin SEEDS)),400,$(SEEDS))
CALLS ?= 200
sim-whole-calls: ## a crash, EIO, ENOSPC, short write at each of CALLS= calls of a start
sim-whole-calls: $(WHOLE)
	$(WHOLE_RUN) --seed $(SEED) --calls at_call --seeds $(CALLS)
	$(WHOLE_RUN) --seed $(SEED) --calls eio --seeds $(CALLS)
	$(WHOLE_RUN) --seed $(SEED) --calls enospc --seeds $(CALLS)
	$(WHOLE_RUN) --seed $(SEED) --calls short --seeds $(CALLS)
mutants-whole: ## each fault planted in the driver is caught (SEEDS=)
mutants-whole: $(WHOLE)
	@tools/whole-mutants.sh $(WHOLE) $(JOBS) \
	    $(if $(filter file,$(origin SEEDS)),100,$(SEEDS)) $(MUTANT)
.PHONY: sim-whole sim-whole-calls mutants-whole

sim-long: ## seeds until VIEWS have passed; goes on where it was stopped
sim-long: $(SIM)
	$< --seed $(SEED) --views $(VIEWS) --state $(BUILD)/sim-long.state \
	    $(SIM_FLAGS)

TRACES ?= 1000
sim-crashes: ## a crash at every effect of TRACES recorded runs
sim-crashes: $(SIM)
	$< --crashes yes --seed $(SEED) --seeds $(TRACES) $(SIM_FLAGS)

twins: ## every script of 4, 6 and 8 views with a second copy of a validator
twins: $(SIM)
	$< --twins 4 $(SIM_FLAGS)
	$< --twins 6 --leaders two --sides split $(SIM_FLAGS)
	$< --twins 8 --leaders twin --sides split $(SIM_FLAGS)
.PHONY: sim-long sim-crashes twins

MODEL_VIEWS ?= 4
model: ## Spin checks the protocol, and finds each planted bug (MODEL_VIEWS=)
	@tools/check-model.sh $(MODEL_VIEWS)
model-short: ## the same over three views
	@tools/check-model.sh 3

e2e: ## the fault list, with real processes
e2e: all $(BUILD)/tests/chaos/load $(BUILD)/tests/bench/bench_sync \
    $(BUILD)/tests/receipts/large
	tests/e2e/run.sh $(BUILD)
	tests/e2e/import.sh $(BUILD)
	tests/e2e/cli.sh $(BUILD)
	tests/e2e/cases.sh $(BUILD)
	tests/e2e/history.sh $(BUILD)
	tests/e2e/epochs.sh $(BUILD)
	tests/e2e/receipts.sh $(BUILD)
	tests/e2e/documents.sh $(BUILD)
	tests/e2e/archive.sh $(BUILD)
	tests/e2e/links.sh $(BUILD)
	tests/e2e/statesync.sh $(BUILD)

CHAOS = python3 tests/chaos/chaos.py $(BUILD)
CHAOS_PROGRAMS := $(BUILD)/tests/chaos/load $(BUILD)/tests/chaos/wire
chaos: ## 4 and 7 nodes under load while everything goes wrong; needs root
chaos: all $(CHAOS_PROGRAMS)
	$(CHAOS) --nodes 4 $(CHAOS_FLAGS)
	$(CHAOS) --nodes 7 $(CHAOS_FLAGS)

KILLS ?= 1000
chaos-kills: ## KILLS=1000 times kill -9 of one node under load; needs root
chaos-kills: all $(CHAOS_PROGRAMS)
	$(CHAOS) --nodes 4 --kills $(KILLS)
.PHONY: chaos chaos-kills

test: ## everything: check, property, model, simulation, end to end
test: all check property receipts-mutate model-short sim e2e

BENCH = $(BUILD)/tests/bench/bench
HOLDINGS ?= 1000000
bench: ## the figures of docs/BENCH.md (HOLDINGS=10000000 needs 8 GB)
bench: all $(BENCH) $(addprefix $(BENCH)_,state proof restart disk replay \
    ledger)
	$(BENCH) $(BUILD)
	$(BENCH)_state $(HOLDINGS)
	$(BENCH)_proof $(HOLDINGS)
	$(BENCH)_restart $(HOLDINGS)
	$(BENCH)_disk
	$(BENCH)_replay
	$(BENCH)_ledger
bench-proof: ## receipts made and checked (HOLDINGS=)
bench-proof: $(BUILD)/tests/bench/bench_proof
	$< $(HOLDINGS)
bench-restart: ## a start of HOLDINGS=, the root compared
bench-restart: $(BUILD)/tests/bench/bench_restart
	$< $(HOLDINGS)

bench-snapshot: ## blocks while a snapshot is taken (HOLDINGS=1000000)
bench-snapshot: $(BUILD)/tests/bench/bench_snapshot
	$< $(HOLDINGS)

TRANSFERS ?= 20000
bench-replay: ## a history checked, as a ratio to verifications (TRANSFERS=)
bench-replay: $(BUILD)/tests/bench/bench_replay
	$< $(TRANSFERS)

BLOCKS ?= 1000
TXS    ?= 100
bench-sync: ## a fresh node catches up with BLOCKS= blocks of TXS= transfers
bench-sync: $(BUILD)/tests/bench/bench_sync
	$< $(BLOCKS) $(TXS)
.PHONY: sim model model-short e2e test bench bench-replay bench-sync \
    bench-proof bench-restart bench-snapshot

# The worked cases and random operations on the rules (tests/market).
$(BUILD)/tests/property/prop_ledger.run: $(BUILD)/tests/property/prop_ledger
	$<
	$< --state --ops 100000

GOLDEN_OBJS = $(BUILD)/tests/golden/golden_ledger.o $(MARKET) \
              $(call needs,ledger)
PROP_OBJS   = $(BUILD)/tests/property/prop_ledger.o $(MARKET) \
              $(call needs,state)
mutants-ledger: ## each fault planted in the rules is caught (MUTANT=NAME ...)
mutants-ledger: $(BUILD)/tests/golden/golden_ledger \
    $(BUILD)/tests/property/prop_ledger
	@CC='$(CC)' CPPFLAGS='$(CPPFLAGS)' CFLAGS='$(CFLAGS)' \
	    LIBS='$(LDFLAGS) $(call libs,state)' \
	    GOLDEN_OBJS='$(GOLDEN_OBJS)' PROP_OBJS='$(PROP_OBJS)' \
	    tools/ledger-mutants.sh $(BUILD) $(MUTANT)

mutants-core: ## each fault planted in the consensus core is noticed (MUTANT=NAME ...)
mutants-core: $(SIM)
	@CC='$(CC)' CPPFLAGS='$(CPPFLAGS)' CFLAGS='$(CFLAGS) $(SIM_OPT)' \
	    LIBS='$(LDFLAGS) $(call libs,engine)' JOBS='$(JOBS)' \
	    SIM_OBJS='$(SIM_SOURCES:%.c=$(BUILD)/sim/%.o)' \
	    tools/core-mutants.sh $(BUILD) $(MUTANT)
.PHONY: mutants-core

same-roots: ## gcc, clang, -O0, -O2 and the sanitizers give the same roots
	@tools/same-roots.sh $(BUILD)-roots
.PHONY: mutants-ledger same-roots
