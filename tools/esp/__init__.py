"""Espressif's own programs, run as processes: esptool and the generator of NVS."""
