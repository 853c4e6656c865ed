"""For programs that tests start, by PYTHONPATH: pyserial's RFC 2217 client looks for answers every 2 ms, not every 50.

It asks for an answer each time esptool sets a time-out, twice for each of some 80 commands, and sleeps before it looks.
And it waits for them for longer than 3 s, which a busy machine takes.
"""

import time
import types

import serial.rfc2217

POLL, QUICK, PATIENCE = 0.05, 0.002, 30.0

quick = types.SimpleNamespace(**vars(time))
quick.sleep = lambda seconds: time.sleep(QUICK if seconds == POLL else seconds)
serial.rfc2217.time = quick
serial.rfc2217.Serial._network_timeout = property(lambda _: PATIENCE, lambda _, __: None)
