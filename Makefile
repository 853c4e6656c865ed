# Everything a person or CI does here. `make run` and `make test` set up what they need, once.

PYTHON ?= python3
BIN := .venv/bin
RUN_PACKAGES := libflite1
TEST_PACKAGES := chromium flite iproute2 cmake ninja-build gcc g++ clang clang-format libclang-rt-dev gcovr \
	libcmocka-dev libmbedtls-dev libopus-dev libsrtp2-dev gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf

ESP_WEB_TOOLS := 10.4.0
ESP_WEB_TOOLS_SHA512 := de9c24785166e458fb510a3c4893582b9457aed342a6ae97f50a08e9b313e060595a0ac9aa39f462f33d8a11bbe01b4ca121585df983b647a1bb17b9d0f4cc3d

.DEFAULT_GOAL := help
.PHONY: help run talk test check lint format firmware-test fuzz sim hil flash-demo flasher release bench lock clean

help:  ## This list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 24

run: .venv/run.stamp  ## Start the gateway; ARGS= goes to `voicegw serve`
	@$(BIN)/voicegw serve $(ARGS)

talk: .venv/run.stamp  ## Ask a gateway of its own a recorded question, over WebRTC on loopback
	@$(BIN)/voicegw talk --start $(ARGS)

test: check firmware-test  ## Everything that CI runs

check: lint build/firmware  ## Format, lint, types, tests of the Python side
	$(BIN)/pytest -n 3 --dist loadfile $(ARGS)  # most tests wait for speech, which comes in real time

lint: .venv/test.stamp
	$(BIN)/ruff format --check -q .
	$(BIN)/ruff check -q .
	$(BIN)/mypy

format: .venv/test.stamp  ## Format and fix what can be fixed
	$(BIN)/ruff format -q .
	$(BIN)/ruff check -q --fix .

firmware-test: .venv/test.stamp  ## Build and test the firmware's portable C on this machine, and print its budget
	@$(MAKE) --no-print-directory -C firmware test

fuzz: .venv/test.stamp  ## Fuzz the firmware's parsers at length; FUZZ_SECONDS= for each
	@$(MAKE) --no-print-directory -C firmware fuzz FUZZ_SECONDS=$(or $(FUZZ_SECONDS),3600)

sim: .venv/test.stamp  ## The simulated device asks the gateway that `make run` started a recorded question
	@$(MAKE) --no-print-directory -C firmware sim

hil: build/firmware  ## The rig's suite on the simulated board; PORT= on a board, or on several; docs/hil.md
	@$(BIN)/python -m hil $(addprefix --port ,$(PORT)) $(addprefix --backend ,$(BACKEND)) $(addprefix --board ,$(BOARD)) \
		$(addprefix --soak ,$(SOAK)) $(addprefix --against ,$(AGAINST)) $(ARGS)

flash-demo: build/firmware  ## An empty simulated board is flashed, finds a gateway by mDNS, and answers a question
	@$(BIN)/python -m hil.flash_demo $(addprefix --board ,$(BOARD))

flasher:  ## ESP Web Tools for the gateway's page /flash, from npm
	@mkdir -p build/flasher
	@cd build/flasher && npm pack --silent esp-web-tools@$(ESP_WEB_TOOLS) >/dev/null
	@cd build/flasher && echo "$(ESP_WEB_TOOLS_SHA512)  esp-web-tools-$(ESP_WEB_TOOLS).tgz" | sha512sum -c --quiet
	@tar -xzf build/flasher/esp-web-tools-$(ESP_WEB_TOOLS).tgz -C build/flasher
	@echo "open http://localhost:7860/flash in Chrome or Edge"

release: .venv/run.stamp flasher  ## What a release has, into build/release: FIRMWARE= what was built for the boards, TAG=, URL=
	@rm -rf build/release && mkdir -p build/release/files
	@.ci/sbom cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml --mc-type application --output-reproducible \
		--of JSON -o build/release/files/voicegw-$(TAG:v%=%).cdx.json
	@$(BIN)/python -m tools.publish --firmware "$(FIRMWARE)" --tag "$(TAG)" --url "$(URL)" --out build/release/files
	@$(BIN)/python -m gateway.front.site --files build/release/files --out build/release/site

bench: .venv/test.stamp  ## Measure against Pipecat's own runner, and write docs/performance.md
	$(BIN)/python -m bench

lock:  ## Pin the newest versions that pyproject.toml allows
	$(BIN)/pip install -q uv
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --no-header --upgrade pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --no-header --upgrade --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean:  ## Forget what was built and installed here
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info

.PHONY: build/firmware
build/firmware: .venv/test.stamp # the simulated device, and what the tests drive
	@mkdir -p build
	@$(MAKE) --no-print-directory -C firmware host programs >build/firmware.log 2>&1 || { cat build/firmware.log; exit 1; }

# The stamps are what makes a second run cheap: they are older than nothing that they depend on.

.venv/run.stamp: requirements.lock pyproject.toml
	$(call install_packages,$(RUN_PACKAGES))
	$(call install_python,requirements.lock)
	@touch $@

.venv/test.stamp: requirements-dev.lock .venv/run.stamp
	$(call install_packages,$(TEST_PACKAGES))
	$(call install_python,requirements-dev.lock)
	@touch $@

define install_python
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "first run: sudo apt-get install -y python3-venv"; exit 1; }
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r $(1)
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
endef

define install_packages
	@missing=$$(for p in $(1); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	missing=$$(echo $$missing); \
	if [ -z "$$missing" ]; then exit 0; fi; \
	install="apt-get install -y --no-install-recommends $$missing"; \
	if [ "$$(id -u)" = 0 ]; then as=; elif sudo -n true 2>/dev/null; then as="sudo -n"; \
	else echo "first run: sudo $$install"; exit 1; fi; \
	echo "installing $$missing"; \
	$$as apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$as $$install -qq >/dev/null
endef
