# For the pkg/Makefile of a repository of LinuxKit packages:
#
#   include /usr/share/lkcoord/pkg.mk
#
# All targets take the packages one level down that have a build.yml, in one command, so that they are checked
# together before anything starts and are built in parallel.
#
#   make ci        build, as CI does for a change: what is published is not built again
#   make push      build what is missing, publish and sign it
#
# OPTIONS goes to every lkcoord, PUSHOPTIONS to its pushes; LK_RELEASE=TAG publishes under TAG too.

LKCOORD     ?= lkcoord
OPTIONS     ?=
PUSHOPTIONS ?=
DIRS        ?= $(patsubst %/build.yml,%,$(sort $(wildcard */build.yml)))

ifneq ($(LK_RELEASE),)
PUSHOPTIONS += --release $(LK_RELEASE)
endif

.PHONY: build forcebuild push forcepush plan show-tag ci ci-pr
.DEFAULT_GOAL := push

push:
	$(LKCOORD) push $(OPTIONS) $(PUSHOPTIONS) $(DIRS)

forcepush:
	$(LKCOORD) push $(OPTIONS) $(PUSHOPTIONS) --force $(DIRS)

build:
	$(LKCOORD) build $(OPTIONS) $(DIRS)

forcebuild:
	$(LKCOORD) build $(OPTIONS) --force $(DIRS)

plan:
	$(LKCOORD) plan $(OPTIONS) $(DIRS)

show-tag:
	@$(LKCOORD) show-tag $(OPTIONS) $(DIRS)

ci ci-pr: build
