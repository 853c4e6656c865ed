"""The rig: one suite for the simulated device, an emulator and real boards."""
