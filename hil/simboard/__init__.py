"""A simulated board that real tools cannot tell from a real one: serial port, ROM, flash, boot, firmware."""
