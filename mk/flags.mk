# Compiler, warnings and the build variants.
CC       ?= cc
PKGS     := openssl libsecp256k1 libevent libevent_openssl libevent_pthreads jansson
CPPFLAGS := -I. -D_GNU_SOURCE
WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
            -Wswitch-enum -Wvla -Wstrict-prototypes -Wmissing-prototypes \
            -Wwrite-strings -Wcast-qual -Wformat=2 -Wundef -Werror
HARDEN   := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
CFLAGS    = -std=gnu11 -g -pthread -fno-common $(OPT_$(VARIANT)) $(WARN)
LDFLAGS   = -pthread $(LD_$(VARIANT))

OPT_dev     := -O2
OPT_release := -O2 $(HARDEN)
LD_release  := -pie -Wl,-z,relro,-z,now
SAN         := -fno-omit-frame-pointer -fsanitize=address,undefined \
               -fno-sanitize-recover=all
OPT_asan    := -O1 $(SAN)
LD_asan     := -fsanitize=address,undefined
OPT_tsan    := -O1 -fno-omit-frame-pointer -fsanitize=thread
LD_tsan     := -fsanitize=thread
ifeq ($(VARIANT),tsan)
export TSAN_OPTIONS ?= suppressions=$(CURDIR)/tests/tsan.supp
endif
ifneq ($(filter asan fuzz,$(VARIANT)),)
export LSAN_OPTIONS ?= suppressions=$(CURDIR)/tests/lsan.supp:print_suppressions=0
endif
OPT_cov     := -O0 --coverage
LD_cov      := --coverage
OPT_fuzz    := -O1 $(SAN) -fsanitize=fuzzer-no-link
LD_fuzz     := -fsanitize=address,undefined
# The simulator's speed is how much it can see.
SIM_OPT_dev     := -O3 -march=native $(if $(findstring clang,$(CC)),,-flto=2)
SIM_OPT_release := $(SIM_OPT_dev)
SIM_OPT          = $(SIM_OPT_$(VARIANT))
ifeq ($(VARIANT),fuzz)
CC := clang
endif

# The foreign libraries each layer needs; a test of a layer links those of the
# layers it may link, nothing more.
LIBS_crypto    := -lsecp256k1 -lcrypto
LIBS_storage   := -lrocksdb
LIBS_net       := -levent_openssl -levent_pthreads -levent -lssl
LIBS_rpc       := -ljansson -levent_pthreads -levent
LIBS_node      := -linih
LIBS_audit     := -ljansson
LIBS_cli       := -linih
DOCUMENT_PKGS  := pangocairo libqpdf libqrencode
LIBS_document  := $(shell pkg-config --libs $(DOCUMENT_PKGS) 2>/dev/null)
CPP_document   := $(shell pkg-config --cflags $(DOCUMENT_PKGS) 2>/dev/null)
$(BUILD)/document/%.o: CPPFLAGS += $(CPP_document)

# The offline verifier: small and static (the sanitizers need shared libraries).
CFLAGS_small   := -Os -ffunction-sections -fdata-sections \
                  -fno-asynchronous-unwind-tables -DSCHEMA_WITHOUT_HELP \
                  -DWORDS_ENGLISH
# It never signs: the name of the table for signing (64 KiB) stands for the table
# that checks, which is longer.
STATIC_dev     := -static -s -Wl,--gc-sections,-z,noseparate-code \
    -Wl,-T,mk/verifier.ld \
    -Wl,--defsym=secp256k1_ecmult_gen_prec_table=secp256k1_pre_g
STATIC_release := -no-pie $(STATIC_dev)
