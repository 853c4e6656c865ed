"""Paces what a bot says into one packet every 20 ms: pure, driven by a monotonic clock handed in.

- Never a burst: after a stall (the process slept, the loop blocked) the schedule is skipped forward and the
  timestamp with it, so media time keeps pace with time; what is queued is only played later.
- Silence is sent as silence: a steady stream keeps a small device's buffer and its NAT binding simple, and costs
  7 bytes a packet. With `send_silence=False` nothing is sent instead, the timestamp still advances, and the
  first packet after it carries the marker (RFC 3551 §4.1, RFC 7587 §3.1.3).
- Low delay: speech that begins while silence is sent goes out at once rather than at the next tick, which is up
  to 20 ms sooner; the silence after it gives that back, 1 ms a packet. A frame of live audio that comes a
  little late is waited for, up to 10 ms, and the schedule follows it, so that the pacer locks onto the pace of
  a live source (an echo, a bridge) rather than breaking it up with silence.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

SAMPLE_RATE: Final = 16_000
FRAME_BYTES: Final = 640
PERIOD: Final = 0.020
_TICKS: Final = 960  # of the 48 kHz RTP clock (RFC 7587 §4.1) in a packet

_MIN_INTERVAL: Final = 0.005  # between two packets, when speech begins
_MAX_AHEAD: Final = 0.020  # how far packets may run ahead of time
_GIVE_BACK: Final = 0.001  # per packet of silence
_HOLD: Final = 0.010  # how long a late frame is waited for
_SILENCE: Final = bytes(FRAME_BYTES)
