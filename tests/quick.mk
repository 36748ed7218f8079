# The quick tests, and which of them are to be run again: run.sh test quick calls this, from the top
# of the project. What has passed leaves a file in build/quick, and is run again when something is
# newer that it depends on. build/quick/ran names what was run.
include tests/Makefile

quick = build/quick
# These go on for long: ./run.sh test is for them.
long = test_random test_shrink test_states test_states_narrow
host := $(filter-out $(long:%=$(OUT)/%.t),$(programs))
kernel := run.sh setup.sh kernel.ld $(wildcard *.[ch] *.sh alloc/*.[ch] memory/*.[ch]) \
    tests/selftest.h $(wildcard tests/selftest*.c)
tests_of := $(shell find tests -type f -not -path 'tests/fuzz/corpus/*')
chapters := $(wildcard chapters/[0-9]*.md)
player := chapters/play chapters/Book.pm chapters/Vary.pm
book := $(player) chapters/Carry.pm chapters/README.md $(chapters) \
    $(wildcard chapters/solutions/*.md)

.PHONY: quick
quick: $(host:$(OUT)/%.t=$(quick)/%) $(quick)/lint $(quick)/alloc $(quick)/boot \
    $(chapters:chapters/%.md=$(quick)/%)

# The tools that the kernel is made and run with, as in $(command).
$(quick)/tools: export COMMAND := $(CC) $(shell $(CC) --version 2>&1) $(LD) $(QEMU) $(BIOS) \
    $(shell $(QEMU) --version 2>&1) $(XLEN) $(MARCH) $(CFLAGS) $(QEMU_FLAGS) $(PROGRAM)
$(quick)/tools: always
	@mkdir -p $(@D)
	@printf '%s\n' "$$COMMAND" | cmp -s - $@ || printf '%s\n' "$$COMMAND" >$@

$(quick)/lint: tests/lint.bats $(kernel) $(tests_of) $(book) .clang-format \
    $(shell find site/machine -type f)
	@tests/check.sh $@ $<
$(quick)/alloc: tests/alloc.bats run.sh setup.sh tests/helpers.bash $(wildcard alloc/*) \
    $(quick)/tools
	@FREERAM_QUICK=yes tests/check.sh $@ $<
$(quick)/boot: tests/boot.sh $(kernel) $(quick)/tools
	@tests/check.sh $@ $<
$(host:$(OUT)/%.t=$(quick)/%): $(quick)/%: $(OUT)/%.t
	@tests/check.sh $@ $<

# A chapter is played again when it, a solution, the player or a file that it takes over or says to
# be complete has changed. Whether the blocks of all chapters make the sources is lint's to see.
# The scripts of all chapters are made at once, and say only which chapter is to be played.
$(quick)/scripts: $(player) chapters/README.md
	@mkdir -p $(@D)
	@chapters/play scripts build/book
	@touch $@
# chapter NAME
define chapter
$(quick)/$(1): chapters/$(1).md $(player) tests/chapter_files.sh \
    $(shell tests/chapter_files.sh chapters/$(1).md) | $(quick)/scripts
	@tests/check_chapter.sh $$@ build/book/$(1).t $$^
endef
$(foreach name,$(chapters:chapters/%.md=%),$(eval $(call chapter,$(name))))
