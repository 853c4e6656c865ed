"""GStreamer's webrtcbin as a client, under Debian's own Python: webrtcbin.py URL; prints what came of it."""

# ruff: noqa: T201, S310 -- a program of its own, and its URL is the comparison's

import json
import sys
import urllib.request
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

PIPELINE = """
webrtcbin name=peer bundle-policy=max-bundle
audiotestsrc is-live=true wave=sine freq=440 ! audioconvert ! audioresample ! opusenc ! rtpopuspay pt=96
! application/x-rtp,media=audio,encoding-name=OPUS,payload=96 ! peer.
"""
SECONDS = 30
LOUD_DB = -40.0


class Call:
    """One call; `loop` ends when the tone has come back, or with what went wrong."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.loop = GLib.MainLoop()
        self.failed = "nothing was heard"
        self.pipeline = Gst.parse_launch(PIPELINE)
        self.peer = self.pipeline.get_by_name("peer")
        self.peer.connect("on-negotiation-needed", self.offer)
        self.peer.connect("notify::ice-gathering-state", self.gathered)
        self.peer.connect("pad-added", self.listen)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message", self.message)

    def offer(self, _peer: Any) -> None:
        """Make an offer; it is sent when its candidates are gathered."""
        self.peer.emit("create-data-channel", "rtvi-ai", None)
        self.peer.emit("create-offer", None, Gst.Promise.new_with_change_func(self.offered, None))

    def offered(self, promise: Any, _data: Any) -> None:
        """It is there."""
        reply = promise.get_reply()  # which what it holds goes with
        self.peer.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())

    def gathered(self, *_: Any) -> None:
        """Send the offer, and take the answer."""
        if self.peer.get_property("ice-gathering-state") != GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            return
        sdp = self.peer.get_property("local-description").sdp.as_text()
        request = urllib.request.Request(
            f"{self.url}/api/offer", json.dumps({"sdp": sdp, "type": "offer"}).encode()
        )
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=SECONDS) as response:
            answer = json.load(response)
        _, text = GstSdp.SDPMessage.new_from_text(answer["sdp"])
        description = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, text)
        self.peer.emit("set-remote-description", description, Gst.Promise.new())

    def listen(self, _peer: Any, pad: Any) -> None:
        """Measure what comes."""
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        ear = Gst.parse_bin_from_description(
            "rtpopusdepay ! opusdec ! audioconvert ! level interval=200000000 ! fakesink sync=false", True
        )
        self.pipeline.add(ear)
        ear.sync_state_with_parent()
        pad.link(ear.get_static_pad("sink"))

    def message(self, _bus: Any, message: Any) -> None:
        """The level of what is heard, or an error."""
        if message.type == Gst.MessageType.ERROR:
            self.end(message.parse_error()[0].message)
        found = message.get_structure()
        if found is not None and found.get_name() == "level" and found.get_value("rms")[0] > LOUD_DB:
            self.end("")

    def end(self, why: str) -> None:
        """That is all."""
        self.failed = why
        self.loop.quit()


def main() -> int:
    Gst.init(None)
    call = Call(sys.argv[1])
    call.pipeline.set_state(Gst.State.PLAYING)
    GLib.timeout_add_seconds(SECONDS, call.loop.quit)
    call.loop.run()
    state = call.peer.get_property("connection-state").value_nick
    call.pipeline.set_state(Gst.State.NULL)
    print(f"{state}, {call.failed or 'heard'}")
    return 1 if call.failed else 0


if __name__ == "__main__":
    sys.exit(main())
