# SPDX-License-Identifier: BSD-3-Clause
# sockling builds itself from a bare clone: `make help` lists the verbs.

VERSION := 0.1.0
SONAME  := libsockling.so.0

B       ?= build
PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
INCDIR  := $(PREFIX)/include
DOCDIR  := $(PREFIX)/share/doc/sockling
CFLAGS  ?= -O2 -g
PYTHON3 ?= python3
OBJCOPY ?= objcopy
LD      ?= ld

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

comma := ,
# Sanitized objects live in a folder of their own; lwIP is fetched once in $B.
O := $(B)$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))
Q := $(if $(V),,@)
say = @printf '  %-7s %s\n' $(1) $(2)

# --- what is compiled ------------------------------------------------------

LIB_SRCS   := $(sort $(wildcard src/*/*.c port/*.c))
LWIP_FILES := $(shell sed -e 's/\#.*//' port/lwip-files.txt 2>/dev/null)
LWIP_SRCS  := $(LWIP_FILES:%=$(B)/lwip/src/%)
# Outside src and tests a file with a main() is a program; it is linked with the
# files of its folder that have none.
PROG_SRCS  := $(sort $(wildcard demo/*.c bench/*.c labs/*/*.c tests/real/*.c))
MAIN_SRCS  := $(if $(PROG_SRCS),$(shell grep -l '^int main\>' $(PROG_SRCS)))
PROGS      := $(MAIN_SRCS:%.c=$(O)/%)
TEST_SRCS  := $(sort $(wildcard tests/test_*.c))
TEST_HELP  := $(filter-out $(TEST_SRCS),$(sort $(wildcard tests/*.c)))
TESTS      := $(TEST_SRCS:%.c=$(O)/%)

LIB_OBJS   := $(LIB_SRCS:%.c=$(O)/%.o)
LWIP_OBJS  := $(LWIP_FILES:%.c=$(O)/lwip/src/%.o)
HELP_OBJS  := $(TEST_HELP:%.c=$(O)/%.o)
PROG_OBJS  := $(PROG_SRCS:%.c=$(O)/%.o)
PART_OBJS  := $(filter-out $(PROGS:%=%.o),$(PROG_OBJS))
ALL_OBJS   := $(LIB_OBJS) $(LWIP_OBJS) $(HELP_OBJS) $(PROG_OBJS) $(TESTS:%=%.o)

# --- how -------------------------------------------------------------------

WARN := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes \
	-Wcast-qual -Wpointer-arith $(if $(WERROR),-Werror)
# lwIP's own style is not ours to judge.
WARN_LWIP := -Wall -Wno-unused-parameter -Wno-unused-variable -Wno-address \
	-Wno-unused-but-set-variable
CODE := -std=gnu11 -D_GNU_SOURCE -fPIC -fvisibility=hidden -pthread \
	-ftls-model=initial-exec -fno-semantic-interposition
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer \
	$(if $(findstring undefined,$(SAN)),-fno-sanitize-recover=undefined))
INC      := -Iinclude
INC_ROOM := $(INC) -Isrc -I. -Iport -I$(B)/lwip/src/include
COMPILE   = $(CC) $(CODE) $(CFLAGS) $(SANFLAGS) -MMD -MP
LINK      = $(CC) -pthread $(CFLAGS) $(SANFLAGS) $(LDFLAGS)

$(LIB_OBJS) $(HELP_OBJS) $(TESTS:%=%.o): FLAGS = $(WARN) $(INC_ROOM)
$(LWIP_OBJS): FLAGS = $(WARN_LWIP) $(INC_ROOM)
$(PROG_OBJS): FLAGS = $(WARN) $(INC)

# --- verbs -----------------------------------------------------------------

.PHONY: all programs tests demo check bench lint install uninstall dist \
	setup fetch clean distclean help FORCE

all: $(O)/libsockling.a $(O)/$(SONAME) ## build the static and the shared library
programs: $(PROGS) ## build the programs of demo/, bench/ and labs/
tests: $(TESTS) ## build the test suites

demo: all programs ## the main job: curl and 1 GB each way over a TAP device
	$(Q)demo/run $(O)

# Named suites need only their own programs: they run while others don't build.
ONLY_TESTS := $(patsubst %.c,$(O)/%,$(wildcard $(SUITE:%=tests/test_%.c)))
check: $(if $(filter-out real,$(SUITE)),$(ONLY_TESTS),all programs tests) ## run the tests; SUITE='name ...' runs some, SAN=address,undefined or thread
	$(Q)CC='$(CC)' MAKE='$(MAKE)' SAN='$(SAN)' tests/run $(O) $(SUITE)

bench: all programs ## measure against the kernel in the same run; ONLY=name,... for some
	$(Q)bench/run $(O) $(ONLY)

lint: $(B)/lwip/stamp | setup ## style, linters, house rules; STEP=name for one
	$(Q)CC='$(CC)' tools/lint $(B) $(STEP)

setup: ## install the packages that the asked verbs need (packages.txt)
	$(Q)tools/setup $(filter-out setup,$(MAKECMDGOALS)) $(if $(SAN),$(findstring san,san$(findstring clang,$(CC))))

fetch: $(B)/lwip-src/stamp ## fetch lwIP only

help: ## this list
	@echo "make VERB [B=folder] [V=1] [CC=clang] [SAN=...] [LWIP_DIR=...] [LWIP_TARBALL=...]"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 13

clean: ## remove what was built (but not the lwIP that was fetched)
	$(call say,CLEAN,$(B))
	$(Q)find $(B) -mindepth 1 -maxdepth 1 ! -name lwip-fetch \
		-exec rm -rf {} + 2>/dev/null || true

distclean: ## remove the whole build folder
	$(Q)rm -rf $(B)

# --- lwIP ------------------------------------------------------------------

# A change of where lwIP comes from fetches it again.
$(B)/lwip-from: FORCE
	@mkdir -p $(B)
	@echo '$(LWIP_DIR) $(LWIP_TARBALL)' | cmp -s - $@ || \
		echo '$(LWIP_DIR) $(LWIP_TARBALL)' >$@

$(B)/lwip-src/stamp: port/fetch $(B)/lwip-from | setup
	$(Q)LWIP_DIR='$(LWIP_DIR)' LWIP_TARBALL='$(LWIP_TARBALL)' port/fetch $(B)
	@touch $@

$(B)/lwip/stamp: $(B)/lwip-src/stamp $(wildcard \
		port/*.py port/*.list port/*.txt port/patches/*.patch)
	$(call say,PORT,"$(B)/lwip: patches and per-stack variables")
	$(Q)rm -rf $(B)/lwip
	$(Q)$(PYTHON3) port/perstack.py $(B)/lwip-src/src $(B)/lwip/src
	@touch $@

$(LWIP_SRCS): $(B)/lwip/stamp ;

# --- objects ---------------------------------------------------------------

# Other flags, other objects: the folder remembers what it was compiled with.
FLAGS_NOW = $(CC) $(CODE) $(CFLAGS) $(SANFLAGS) $(LDFLAGS) $(WARN) $(WARN_LWIP)
$(O)/flags: FORCE
	@mkdir -p $(O)
	@echo '$(FLAGS_NOW)' | cmp -s - $@ || echo '$(FLAGS_NOW)' >$@

$(ALL_OBJS): $(O)/flags $(B)/lwip/stamp Makefile | setup

$(LWIP_OBJS): $(O)/lwip/%.o: $(B)/lwip/%.c
	$(call say,CC,lwip/$*.c)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(FLAGS) -c -o $@ $<

$(filter-out $(LWIP_OBJS),$(ALL_OBJS)): $(O)/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(FLAGS) -c -o $@ $<

-include $(ALL_OBJS:.o=.d)

# --- libraries -------------------------------------------------------------

# The sanitizers write tables of their own into each object, so they are exempt.
$(O)/lwip/symbols-checked: $(LWIP_OBJS) port/check-symbols
	$(if $(SAN),,$(Q)port/check-symbols $(LWIP_OBJS))
	@touch $@

# Everything with all its names, for the tests.
$(O)/libsockling-internal.a: $(LIB_OBJS) $(LWIP_OBJS) $(O)/lwip/symbols-checked
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $(LIB_OBJS) $(LWIP_OBJS)

# One object in which all but skl_ is local: an application may have an lwIP of
# its own, or a function of any name that we use inside.
$(O)/libsockling.a: $(LIB_OBJS) $(LWIP_OBJS) $(O)/lwip/symbols-checked
	$(call say,AR,$@)
	$(Q)$(LD) -r -o $(O)/sockling.o $(LIB_OBJS) $(LWIP_OBJS)
	$(Q)$(OBJCOPY) --wildcard --keep-global-symbol='skl_*' $(O)/sockling.o
	$(Q)rm -f $@ && $(AR) rcs $@ $(O)/sockling.o

$(O)/$(SONAME): $(LIB_OBJS) $(LWIP_OBJS) $(O)/lwip/symbols-checked sockling.map
	$(call say,LINK,$@)
	$(Q)$(LINK) -shared -Wl,-soname,$(SONAME) -Wl,--version-script,sockling.map \
		$(if $(SAN),,-Wl$(comma)-z$(comma)defs) -o $@ $(LIB_OBJS) $(LWIP_OBJS)
	$(Q)ln -sf $(SONAME) $(O)/libsockling.so

# --- programs --------------------------------------------------------------

parts = $(filter $(1)/%,$(PART_OBJS))
.SECONDEXPANSION:
$(PROGS): %: %.o $$(call parts,$$(@D)) $(O)/libsockling.a
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LDLIBS)

# An archive: tests/bare.o has doors of its own and suits only some.
$(O)/tests/libhelp.a: $(HELP_OBJS)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(TESTS): %: %.o $(O)/tests/libhelp.a $(O)/libsockling-internal.a
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ -lcunit $(LDLIBS)

# This suite runs the programs of the labs.
$(O)/tests/test_labs: | $(filter $(O)/labs/%,$(PROGS))

# --- install and dist ------------------------------------------------------

HEADERS := $(sort $(wildcard include/sockling/*.h))
PLACED  := $(HEADERS:include/%=$(INCDIR)/%) $(LIBDIR)/libsockling.a \
	$(LIBDIR)/libsockling.so.$(VERSION) $(LIBDIR)/$(SONAME) \
	$(LIBDIR)/libsockling.so $(LIBDIR)/pkgconfig/sockling.pc \
	$(DOCDIR)/LICENSE $(DOCDIR)/NOTICE

install: all ## install into PREFIX, below DESTDIR
	$(call say,INSTALL,$(DESTDIR)$(PREFIX))
	$(Q)install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCDIR)/sockling \
		$(DESTDIR)$(DOCDIR)
	$(Q)install -m 644 LICENSE NOTICE $(DESTDIR)$(DOCDIR)
	$(Q)install -m 644 $(HEADERS) $(DESTDIR)$(INCDIR)/sockling
	$(Q)install -m 644 $(O)/libsockling.a $(DESTDIR)$(LIBDIR)
	$(Q)install -m 644 $(O)/$(SONAME) $(DESTDIR)$(LIBDIR)/libsockling.so.$(VERSION)
	$(Q)ln -sf libsockling.so.$(VERSION) $(DESTDIR)$(LIBDIR)/$(SONAME)
	$(Q)ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libsockling.so
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
		-e 's|@VERSION@|$(VERSION)|' sockling.pc.in \
		>$(DESTDIR)$(LIBDIR)/pkgconfig/sockling.pc

uninstall: ## remove just what install placed
	$(call say,REMOVE,$(DESTDIR)$(PREFIX))
	$(Q)rm -f $(PLACED:%=$(DESTDIR)%)
	$(Q)rmdir $(DESTDIR)$(INCDIR)/sockling $(DESTDIR)$(DOCDIR) 2>/dev/null || true

DIST := sockling-$(VERSION)
dist: $(B)/lwip-src/stamp ## a tarball that builds without a network
	$(call say,DIST,$(B)/dist/$(DIST).tar.xz)
	$(Q)tools/dist $(B) $(DIST)
