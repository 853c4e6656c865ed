"""What a board or its backend can do, and a test can need. Each is a pytest marker as well."""

from __future__ import annotations

from typing import Final

CAPABILITIES: Final = {
    "audio_out": "has a speaker",
    "display": "has a display",
    "wifi": "speaks Wi-Fi",
    "flash": "can be flashed through its port",
    "aec": "cancels its own echo",
    "clip": "carries a recording of speech that it can be told to say",
    "mdns": "is reached by multicast",
    "ota": "has two slots for its firmware",
    "tap": "lets the rig hear what its speaker plays",
    "process": "is a process, whose memory and descriptors the rig can count",
    "panic": "can be made to panic by the rig",
    "power": "can be switched off and on by the rig",
}
