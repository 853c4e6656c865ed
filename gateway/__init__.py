"""A voice gateway for ESP32 devices: WebRTC on the LAN in front of a Pipecat pipeline."""

__version__ = "0.1.0"
