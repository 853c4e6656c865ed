"""For programs that tests start, by PYTHONPATH: pyserial's RFC 2217 client looks for answers every 2 ms, not every 50.

It asks for an answer each time esptool sets a time-out, twice for each of some 80 commands, and sleeps before it looks.
"""

import time
import types

import serial.rfc2217

POLL, QUICK = 0.05, 0.002

quick = types.SimpleNamespace(**vars(time))
quick.sleep = lambda seconds: time.sleep(QUICK if seconds == POLL else seconds)
serial.rfc2217.time = quick
