"""What an OpenAI-compatible server says, always the same: chat with tools, speech and hearing, on loopback."""

from __future__ import annotations

import contextlib
import json
import math
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RATE = 24_000
SPEECH_SECONDS = 1.2
HEARD = "what time is it"


def tone(rate: int = RATE) -> bytes:
    """What is said, whatever it is: 16-bit PCM at this rate."""
    count = int(rate * SPEECH_SECONDS)
    return struct.pack(
        f"<{count}h", *(int(8_000 * math.sin(2 * math.pi * 440 * n / rate)) for n in range(count))
    )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Nothing: the table is what is printed."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/chat/completions"):
            self._chat(json.loads(body))
        elif self.path.endswith("/audio/speech"):
            self._send(tone(), "application/octet-stream")
        elif self.path.endswith("/audio/transcriptions"):
            self._send(json.dumps({"text": HEARD}).encode(), "application/json")
        else:
            self.send_error(404)

    def _chat(self, request: dict[str, Any]) -> None:
        if request["messages"]:
            self._stream(answer(request))
        else:
            self.send_error(400)  # as OpenAI

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, deltas: list[dict[str, Any]]) -> None:
        chunks = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas] + [
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        ]
        whole = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "any"}
        lines = [f"data: {json.dumps({**whole, **chunk})}\n\n" for chunk in chunks]
        self._send("".join([*lines, "data: [DONE]\n\n"]).encode(), "text/event-stream")


def answer(request: dict[str, Any]) -> list[dict[str, Any]]:
    """What the model says, in pieces: it calls the first tool once where it is asked about the weather."""
    messages = request["messages"]
    last = messages[-1]
    if last["role"] == "tool":
        return [{"role": "assistant", "content": "It is "}, {"content": "nice there."}]
    if request.get("tools") and "weather" in str(last["content"]):
        name = request["tools"][0]["function"]["name"]
        call = {"name": name, "arguments": json.dumps({"location": "Rome"})}
        return [
            {
                "role": "assistant",
                "tool_calls": [{"index": 0, "id": "t1", "type": "function", "function": call}],
            }
        ]
    return [{"role": "assistant", "content": "You said: "}, {"content": f"{last['content']}."}]


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """Run it for the length of the block; gives its base URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, name="engines", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        thread.join()
