"""The voice gateway: WebRTC on the LAN, Pipecat behind it."""
