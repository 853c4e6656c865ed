# Everything a person or CI does here. `make run` and `make test` set up what they need, once.

PYTHON ?= python3
CHOSEN := $(if $(filter file,$(origin PYTHON)),,--with-this-python)
BIN := .venv/bin

ESP_WEB_TOOLS := 10.4.0
ESP_WEB_TOOLS_SHA512 := de9c24785166e458fb510a3c4893582b9457aed342a6ae97f50a08e9b313e060595a0ac9aa39f462f33d8a11bbe01b4ca121585df983b647a1bb17b9d0f4cc3d

.DEFAULT_GOAL := help
.PHONY: help run talk attack unchanged test check lint format firmware-test firmware-size fuzz sim hil does-demo hosts-demo scale-bench flash-demo flasher release bench instructions room-bench lock \
	clean-machines clean set-up-run set-up-test

help:  ## This list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 24

run: set-up-run  ## Start the gateway; ARGS= goes to `voicegw serve`
	@$(BIN)/voicegw serve $(ARGS)

talk: set-up-run  ## Ask a gateway of its own a recorded question, over WebRTC on loopback
	@$(BIN)/voicegw talk --start $(ARGS)

attack: set-up-test build/firmware  ## Attack a gateway with its defaults, as root in namespaces of its own; a table of what each got
	$(BIN)/pytest -q -rs tests/attack $(ARGS)

unchanged: set-up-test build/firmware  ## Stock bots and clients here and at Pipecat's own runner, event by event, as root; ARGS= names some
	$(call set_up,unchanged)
	$(BIN)/python -m tests.unchanged $(ARGS)

test: check firmware-test instructions  ## Everything that CI runs

# Tests start hundreds of processes, which need not compile us each time, and wait for real speech meanwhile.
WORKERS ?= $(shell expr $$(nproc) + 1)
check: lint build/firmware  ## Format, lint, types, tests of the Python side
	@$(BIN)/python -m compileall -q gateway ground tools hil tests
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)  # the longest first: tests/support/longest.py

lint: set-up-test
	$(BIN)/ruff format --check -q .
	$(BIN)/ruff check -q .
	$(BIN)/mypy

format: set-up-test  ## Format and fix what can be fixed
	$(BIN)/ruff format -q .
	$(BIN)/ruff check -q --fix .

firmware-test: set-up-test  ## Build and test the firmware's portable C on this machine, and print its budget
	@$(MAKE) --no-print-directory -C firmware -j 2 --output-sync=target test

firmware-size: set-up-test  ## What the firmware costs a chip, by component, beside the last commit
	@$(MAKE) --no-print-directory -C firmware size

fuzz: set-up-test  ## Fuzz the firmware's parsers at length; FUZZ_SECONDS= for each
	@$(MAKE) --no-print-directory -C firmware fuzz FUZZ_SECONDS=$(or $(FUZZ_SECONDS),3600)

sim: set-up-test  ## The simulated device asks the gateway that `make run` started a recorded question
	@$(MAKE) --no-print-directory -C firmware sim

HIL = $(BIN)/python -m hil $(addprefix --port ,$(PORT)) $(addprefix --backend ,$(BACKEND)) $(addprefix --board ,$(BOARD)) \
	$(addprefix --soak ,$(SOAK)) $(addprefix --against ,$(AGAINST)) $(ARGS)
hil: set-up-test  ## The rig's suite on the simulated board; PORT= on a board, or on several; docs/hil.md
	@$(HIL) --check
	@$(MAKE) --no-print-directory build/firmware
	@$(HIL) --checked

does-demo: build/firmware  ## A simulated device asks a model with tools for five things, aloud; prints what was done
	@$(BIN)/python -m tests.support.does_demo

hosts-demo: build/firmware  ## As root: NATS, two fronts, three hosts and six devices; a host and a front die in mid-conversation
	@$(BIN)/python -m tests.support.hosts_demo

scale-bench: set-up-test  ## As root: what calls on other machines cost beside this one's own; docs/scale.md
	@$(BIN)/python -m bench.scale

flash-demo: build/firmware  ## An empty simulated board is flashed, finds a gateway by mDNS, and answers a question
	@$(BIN)/python -m hil.flash_demo $(addprefix --board ,$(BOARD))

flasher:  ## ESP Web Tools for the gateway's page /flash, from npm
	@mkdir -p build/flasher
	@cd build/flasher && npm pack --silent esp-web-tools@$(ESP_WEB_TOOLS) >/dev/null
	@cd build/flasher && echo "$(ESP_WEB_TOOLS_SHA512)  esp-web-tools-$(ESP_WEB_TOOLS).tgz" | sha512sum -c --quiet
	@tar -xzf build/flasher/esp-web-tools-$(ESP_WEB_TOOLS).tgz -C build/flasher
	@echo "open http://localhost:7860/flash in Chrome or Edge"

release: set-up-run flasher  ## What a release has, into build/release: FIRMWARE= what was built for the boards, TAG=, URL=
	@rm -rf build/release && mkdir -p build/release/files
	@.ci/sbom cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml --mc-type application --output-reproducible \
		--of JSON -o build/release/files/voicegw-$(TAG:v%=%).cdx.json
	@$(BIN)/python -m tools.publish --firmware "$(FIRMWARE)" --tag "$(TAG)" --url "$(URL)" --out build/release/files
	@$(BIN)/python -m gateway.front.site --files build/release/files --out build/release/site

bench: build/firmware  ## Measure against Pipecat's own runner, and write docs/performance.md; ARGS="--profile pi" as on a Raspberry Pi
	$(BIN)/python -m bench $(ARGS)

instructions: set-up-test  ## Count what 20 ms of a call take, beside the last commit; over 20 % more fails
	@$(BIN)/python -m bench.instructions $(ARGS)

room-bench: build/firmware  ## Measure how a device in a room fares, and write bench/room.json and docs/speech.md; ARGS=--quick in five minutes
	$(BIN)/python -m bench.room $(ARGS)

clean-machines: set-up-run  ## As root: these commands on Debians with nothing on them; ARGS="--row 12"; docs/install.md
	@PYTHONPATH=packaging $(BIN)/python -m clean_machines $(ARGS)

lock:  ## Pin the newest versions that pyproject.toml allows
	$(call set_up,lock)

clean:  ## Forget what was built and installed here
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info

.PHONY: build/firmware
build/firmware: set-up-test # the simulated device, and what the tests drive
	@mkdir -p build
	@$(MAKE) --no-print-directory -C firmware host programs >build/firmware.log 2>&1 || { cat build/firmware.log; exit 1; }

# Looks whether .venv is whole and of this folder, which takes a moment, and mends it or says what is missing.
set-up-run:
	$(call set_up,run)

set-up-test:
	$(call set_up,test)

define set_up
	@command -v "$(PYTHON)" >/dev/null || { echo "error: there is no $(PYTHON)"; \
		echo "first run, as root: apt-get install -y python3 python3-venv (3.11 or newer; another one: PYTHON=)"; exit 1; }
	@"$(PYTHON)" packaging/set_up.py $(CHOSEN) $(1)
endef
