# Sluice: build, test, run. `make help` lists the targets.
#
# Objects go to build/<variant>/, where the variant names what changes the code that is generated
# (TLS or not, a sanitizer), so variants never mix and a rebuild is always incremental.

comma := ,

BUILD_TLS ?= yes
SANITIZER ?=
COMPILER  ?= gcc
PREFIX    ?= /usr/local
OPTIMIZATION ?= -O2
# no: to measure what hardening costs (bench/RESULTS.md), never to install.
HARDENING ?= yes

variant := $(if $(filter no,$(BUILD_TLS)),plain,tls)$(if $(SANITIZER),-$(SANITIZER))$(if $(filter no,$(HARDENING)),-soft)$(if $(filter-out gcc,$(COMPILER)),-$(COMPILER))
B := build/$(variant)

CC := $(COMPILER)

warnings := -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wcast-qual -Wwrite-strings -Wundef -Wformat=2 -Wimplicit-fallthrough -Wswitch-enum \
	-Wnull-dereference -fno-common -Werror
ifeq ($(COMPILER),gcc)
warnings += -Wimplicit-fallthrough=5 -Wlogical-op -Wduplicated-cond
else
warnings += -Wthread-safety -Wno-unknown-warning-option -Wno-format-nonliteral
endif
# Folders where every conversion is spelt out.
strict_folders := base structures protocol io

CPPFLAGS := -D_GNU_SOURCE -iquote src
CFLAGS   := -std=gnu11 $(OPTIMIZATION) -g -fno-omit-frame-pointer $(warnings)
LDFLAGS  :=
LDLIBS   := -luring -llzf -lpthread -lm -ldl
server_libs := -levent_core -levent_extra

ifeq ($(SANITIZER),)
CPPFLAGS += -DUSE_JEMALLOC
LDLIBS   += -ljemalloc
ifeq ($(HARDENING),yes)
CPPFLAGS += -D_FORTIFY_SOURCE=3
CFLAGS   += -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE
ifeq ($(COMPILER),gcc) # clang 14 has it behind another option
CFLAGS   += -ftrivial-auto-var-init=zero
endif
LDFLAGS  += -pie -Wl,-z,relro,-z,now
endif
else
CPPFLAGS += -DSLUICE_ASSERT_SLOW -DSLUICE_SANITIZER
CFLAGS   += -O1 -fsanitize=$(if $(filter address,$(SANITIZER)),address$(comma)undefined,$(SANITIZER)) -fno-sanitize-recover=all
LDFLAGS  += -fsanitize=$(if $(filter address,$(SANITIZER)),address$(comma)undefined,$(SANITIZER))
# The sanitizers' instrumentation makes these warnings see ghosts.
CFLAGS   += -Wno-null-dereference -Wno-maybe-uninitialized -Wno-format-truncation
endif

ifeq ($(BUILD_TLS),no)
tls_only := src/io/tls_context.c src/io/tls_tickets.c src/io/tls_certificate.c src/io/tls_errors.c \
	src/io/tls_library.c src/io/tls_file.c src/io/transport_tls.c src/io/tls_bio.c src/io/tls_verify.c \
	src/io/tls_ca_folder.c
no_tls_only :=
else
CPPFLAGS += -DBUILD_TLS
LDLIBS   += -lssl -lcrypto
server_libs += -levent_openssl
tls_only :=
no_tls_only := src/io/tls_none.c
endif

# Ranks, lowest first (DESIGN: a file includes its own folder and lower ranks only). Link order is the reverse.
folders := base structures protocol io types keyspace client acl pubsub persistence replication \
	cluster observability config dispatch scripting commands server
sources_of = $(filter-out $(tls_only) $(no_tls_only),$(sort $(wildcard src/$(1)/*.c)))
objects_of = $(patsubst src/%.c,$(B)/%.o,$(call sources_of,$(1)))
folders := $(foreach f,$(folders),$(if $(call sources_of,$(f)),$(f)))
libraries := $(patsubst %,$(B)/lib%.a,$(folders))
reverse = $(if $(1),$(call reverse,$(wordlist 2,$(words $(1)),$(1))) $(firstword $(1)))
# Libraries a folder's unit tests link: all ranks up to its own (same-rank folders are harmless).
upto = $(if $(filter $(1),$(firstword $(2))),$(1),$(firstword $(2)) $(call upto,$(1),$(wordlist 2,$(words $(2)),$(2))))

all: src/redis-server $(if $(wildcard src/tools/cli/*.c),src/redis-cli) $(if $(wildcard src/tools/benchmark/*.c),src/redis-benchmark)

# The binaries under src/ are copies of the variant made last, which need not be the newest.
src/redis-%: $(B)/redis-% FORCE
	@cmp -s $< $@ || { cp -f $< $@.new && mv -f $@.new $@; }

# Rebuilds when flags change, not only files.
$(B)/flags: FORCE
	@mkdir -p $(B)
	@echo '$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(LDLIBS)' | cmp -s - $@ || echo '$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(LDLIBS)' > $@

$(B)/%.o: src/%.c $(B)/flags
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(if $(filter $(strict_folders),$(firstword $(subst /, ,$*))),-Wconversion) -MMD -MP -c $< -o $@

# What is made of parts is made anew also when a part was taken away: $(B)/NAME.members holds their names.
define members_rule
$(B)/$(1).members: FORCE
	@mkdir -p $$(@D)
	@echo '$(2)' | cmp -s - $$@ || echo '$(2)' > $$@
endef

define library_rule
$(call members_rule,lib$(1),$(call objects_of,$(1)))
$(B)/lib$(1).a: $(call objects_of,$(1)) $(B)/lib$(1).members
	@rm -f $$@ && ar rcs $$@ $$(filter %.o,$$^)
endef
$(foreach f,$(folders),$(eval $(call library_rule,$(f))))

# Documentation of the commands: JSON to a table in libcommands.a.
command_docs := $(sort $(wildcard src/commands/docs/*.json))
$(B)/generated/command_docs_table.c: utils/compile-command-docs $(command_docs) src/commands/docs
	@mkdir -p $(@D)
	@utils/compile-command-docs $(command_docs) > $@.new && mv $@.new $@
$(B)/generated/command_docs_table.o: $(B)/generated/command_docs_table.c $(B)/flags
	@$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@
$(B)/libcommands.a: $(B)/generated/command_docs_table.o

server_libraries := $(patsubst %,$(B)/lib%.a,$(call reverse,$(folders)))
$(eval $(call members_rule,redis-server,$(libraries)))
$(B)/redis-server: $(B)/main.o $(libraries) $(B)/redis-server.members
	@echo "  LD $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -rdynamic $(B)/main.o -Wl,--start-group $(server_libraries) -Wl,--end-group $(LDLIBS) $(server_libs) -o $@

tool_libraries := $(B)/libio.a $(B)/libprotocol.a $(B)/libbase.a
cli_objects := $(patsubst src/%.c,$(B)/%.o,$(sort $(wildcard src/tools/cli/*.c) $(wildcard src/tools/common/*.c)))
benchmark_objects := $(patsubst src/%.c,$(B)/%.o,$(sort $(wildcard src/tools/benchmark/*.c) $(wildcard src/tools/common/*.c)))
$(eval $(call members_rule,redis-cli,$(cli_objects)))
$(eval $(call members_rule,redis-benchmark,$(benchmark_objects)))
$(B)/redis-cli: $(cli_objects) $(tool_libraries) $(B)/redis-cli.members
	@echo "  LD $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) $(cli_objects) $(tool_libraries) $(LDLIBS) -ledit -o $@
$(B)/redis-benchmark: $(benchmark_objects) $(tool_libraries) $(B)/redis-benchmark.members
	@echo "  LD $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) $(benchmark_objects) $(tool_libraries) $(LDLIBS) -o $@

# -- unit tests: tests/unit/<folder>/test_<module>.c, one Criterion program each --

unit_sources := $(sort $(wildcard tests/unit/*/test_*.c))
unit_programs := $(patsubst tests/unit/%.c,$(B)/unit/%,$(unit_sources))
support_objects := $(patsubst tests/support/%.c,$(B)/support/%.o,$(sort $(wildcard tests/support/*.c)))
unit_flags := -iquote tests/support -Wno-missing-prototypes -Wno-conversion -Wno-cast-qual -Wno-null-dereference
# Test programs are many, so what they cost to make counts: the quick linker if there is one, and with a
# sanitizer no optimization of the tests themselves (of what they test there is), but for those that compute.
test_link := $(if $(shell command -v ld.lld),-fuse-ld=lld)
test_flags := $(if $(SANITIZER),-O0)

# Criterion's arena collides with ThreadSanitizer's shadow memory: a plain stand-in serves there.
ifeq ($(SANITIZER),thread)
unit_flags += -isystem tests/support/plain
else
unit_libs := -lcriterion
endif

$(B)/support/%.o: tests/support/%.c $(B)/flags
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(unit_flags) -MMD -MP -c $< -o $@

# An archive, so that a test links only the support it uses.
$(eval $(call members_rule,libsupport,$(support_objects)))
$(B)/libsupport.a: $(support_objects) $(B)/libsupport.members
	@rm -f $@ && ar rcs $@ $(support_objects)

define unit_rule
$(B)/unit/$(1)/%: tests/unit/$(1)/%.c $(patsubst %,$(B)/lib%.a,$(call upto,$(1),$(folders))) $(B)/libsupport.a $(B)/flags
	@mkdir -p $$(@D)
	@echo "  UNIT $$<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(unit_flags) $$(if $$(filter %_sim %_recall,$$*),,$(test_flags)) -MMD -MP -MF $$@.d $(LDFLAGS) $(test_link) $$< -Wl,--start-group $(B)/libsupport.a $(patsubst %,$(B)/lib%.a,$(call upto,$(1),$(folders))) -Wl,--end-group $(LDLIBS) $(if $(filter server,$(1)),$(server_libs)) $(unit_libs) -o $$@
unit-$(1): $(filter $(B)/unit/$(1)/%,$(unit_programs)) certs
	@utils/run-unit $(filter $(B)/unit/$(1)/%,$(unit_programs))
endef
$(foreach f,$(folders),$(eval $(call unit_rule,$(f))))

# The tools' modules are no library: their tests include the .c files.
$(B)/unit/tools/%: tests/unit/tools/%.c $(tool_libraries) $(B)/libsupport.a $(B)/flags
	@mkdir -p $(@D)
	@echo "  UNIT $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(unit_flags) $(test_flags) -MMD -MP -MF $@.d $(LDFLAGS) $(test_link) $< -Wl,--start-group $(B)/libsupport.a $(tool_libraries) -Wl,--end-group $(LDLIBS) $(unit_libs) -o $@
unit-tools: $(filter $(B)/unit/tools/%,$(unit_programs)) certs
	@utils/run-unit $(filter $(B)/unit/tools/%,$(unit_programs))

unit-programs: $(unit_programs)
unit: $(unit_programs) certs
	@utils/run-unit $(unit_programs)

# -- stress: two-thread programs of tests/stress, with their own main and closing line; no Criterion --

own_main_flags := -iquote tests/stress -Wno-missing-prototypes -Wno-unused-function -Wno-null-dereference
stress_programs := $(patsubst tests/stress/%.c,$(B)/stress/%,$(sort $(wildcard tests/stress/stress_*.c)))

$(B)/stress/%: tests/stress/%.c $(B)/libio.a $(B)/libbase.a $(B)/flags
	@mkdir -p $(@D)
	@echo "  STRESS $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(own_main_flags) -MMD -MP -MF $@.d $(LDFLAGS) $< $(B)/libio.a $(B)/libbase.a $(LDLIBS) -o $@
stress-programs: $(stress_programs)
stress: $(stress_programs)
	@status=0; for program in $(stress_programs); do timeout 120 $$program || status=1; done; exit $$status
stress-bench: $(B)/stress/bench_crossings
	@$<

# -- fuzz targets with their built-in seeds; each ends well or breaks an assertion --

fuzz_programs := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(sort $(wildcard tests/fuzz/fuzz_*.c tests/fuzz/sweep_*.c)))

$(B)/fuzz/%: tests/fuzz/%.c $(libraries) $(B)/flags
	@mkdir -p $(@D)
	@echo "  FUZZ $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(own_main_flags) -Wno-cast-qual -MMD -MP -MF $@.d $(LDFLAGS) $(test_link) $< -Wl,--start-group $(server_libraries) -Wl,--end-group $(LDLIBS) $(server_libs) -o $@
fuzz-programs: $(fuzz_programs)
fuzz-seeds: $(fuzz_programs)
	@printf '%s\n' $(fuzz_programs) | xargs -P $$(nproc) -I {} \
	    sh -c 'if timeout 120 {} >{}.log 2>&1; then echo "passed" >>{}.log; else echo "FAILED: {}" >>{}.log; fi'
	@cat $(fuzz_programs:=.log); passed=$$(tail -qn 1 $(fuzz_programs:=.log) | grep -cx passed); \
	    failed=$$(($(words $(fuzz_programs)) - passed)); echo "$$passed passed, $$failed failed"; [ $$failed -eq 0 ]

# -- targets people type --

help:
	@sed -n 's/^# target: //p' Makefile

# target: make                     build (TLS in); BUILD_TLS=no, SANITIZER=address|undefined|thread, COMPILER=clang
# target: make run                 install what is missing, build, make certificates, start on TLS port 6379
run:
	@deps/install.sh
	@$(MAKE) --no-print-directory -j$(shell nproc) all
	@utils/run-server

# target: make test                tidy, unit tests, integration tests (plain and TLS, both backends), sanitizers
test:
	@deps/install.sh
	@utils/test-all

# target: make tidy                house rules: layers, ceilings, banned calls, headers
tidy:
	@utils/tidy

# target: make bench               bench/tls-throughput against redis-server
bench: all
	@bench/tls-throughput

# target: make stress              two threads and one primitive of src/io; stress-bench: what they cost
# target: make soak, make fuzz     long runs; fuzz-seeds: the built-in seeds alone
soak: all
	@utils/soak
fuzz:
	@utils/fuzz

# target: make scan                testssl.sh and sslscan against the default configuration (3 minutes)
scan: all
	@utils/gen-test-certs.sh
	@utils/scan-tls

# target: make format              clang-format over the tree
format:
	@clang-format -i $$(git ls-files 'src/*.c' 'src/*.h' 'tests/*.c' 'tests/*.h')

# target: make install PREFIX=     binaries, man pages, completion, redis.conf
install: all
	@PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) utils/install

# target: make deb                 a Debian package in build/, from what is built
deb: all
	@utils/make-deb

# target: make certs               test certificates in tests/tls/
certs:
	@utils/gen-test-certs.sh

clean:
	@rm -rf build src/redis-server src/redis-cli src/redis-benchmark

FORCE:
.PHONY: all help run test tidy bench scan soak fuzz fuzz-programs fuzz-seeds stress stress-programs stress-bench format install deb certs clean unit unit-programs FORCE
.SECONDARY:

-include $(shell find $(B) -name '*.d' 2>/dev/null)
