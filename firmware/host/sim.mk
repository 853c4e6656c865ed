# The simulated device: make -C firmware host, make -C firmware sim
.PHONY: host host-build sim

# The simulated device, without and with sanitizers (tests/sim uses both), and with faults (tests/hil).
# One build at a time: tests in several processes ask for it at once, and ninja does not wait for another one.
LOCKED = $(if $(shell command -v flock),flock "$(BUILD)/lock",)
host:
	@mkdir -p "$(BUILD)"
	@$(LOCKED) $(MAKE) --no-print-directory host-build

host-build:
	cmake -G Ninja -S host -B "$(BUILD)/host" -DVOICE_FAULTS=ON >/dev/null
	cmake --build "$(BUILD)/host" -j $(JOBS)
	cmake -G Ninja -S host -B "$(BUILD)/host-sanitized" -DVOICE_SANITIZE=ON >/dev/null
	cmake --build "$(BUILD)/host-sanitized" -j $(JOBS)

# Asks a running gateway a recorded question; SIM_ARGS= replaces the question by options of its own.
QUESTION ?= ../tests/data/speech/what_time_is_it.wav
GATEWAY ?= https://127.0.0.1:7860
SIM_STORE ?= $(BUILD)/sim
SIM_ARGS ?= --ask "$(QUESTION)" --speaker "$(BUILD)/answer.wav"
sim:
	@cmake -G Ninja -S host -B "$(BUILD)/host" >/dev/null
	@cmake --build "$(BUILD)/host" -j $(JOBS) >"$(BUILD)/host.log" || { cat "$(BUILD)/host.log"; exit 1; }
	@"$(BUILD)/host/voicesim" --gateway $(GATEWAY) --store "$(SIM_STORE)" $(SIM_ARGS)
