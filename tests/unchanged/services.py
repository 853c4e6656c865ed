"""What most of Pipecat's examples name beside OpenAI: Cartesia's speech and Deepgram's transcripts, by their messages.

They go by the services' own names, which lead here for the programs that `alone` has entered.
"""

from __future__ import annotations

import base64
import contextlib
import json
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from tests.support.certificates import self_signed
from tests.unchanged.engines import HEARD, tone

NAMES: Final = ("api.cartesia.ai", "api.deepgram.com")
KEYS: Final = {"CARTESIA_API_KEY": "none", "DEEPGRAM_API_KEY": "none"}
LOUD: Final = 1_000
"""Of 16-bit samples: the peak of speech."""
QUIET_SECONDS: Final = 0.3
"""After speech, then it is transcribed."""


def _speak(socket: ServerConnection) -> None:
    """Cartesia: Text to speech, WebSocket; a tone for each transcript, and its words."""
    for message in socket:
        asked = json.loads(message)
        if asked.get("cancel") or not asked.get("transcript", "").strip():
            continue
        own = {"context_id": asked["context_id"], "status_code": 206, "done": False}
        words = asked["transcript"].split()
        starts = [0.05 * n for n in range(len(words))]
        rate = asked["output_format"]["sample_rate"]
        timed = {"words": words, "start": starts, "end": [s + 0.05 for s in starts]}
        socket.send(json.dumps({**own, "type": "timestamps", "word_timestamps": timed}))
        data = base64.b64encode(tone(rate)).decode()
        socket.send(json.dumps({**own, "type": "chunk", "data": data, "step_time": 1.0}))
        if not asked.get("continue"):
            socket.send(json.dumps({**own, "type": "done", "done": True}))


class _Listener:
    """Deepgram: Live audio; what is loud is a question, once it is over."""

    def __init__(self, socket: ServerConnection) -> None:
        given = parse_qs(urlsplit(socket.request.path).query if socket.request is not None else "")
        self._socket = socket
        self._rate = int(given.get("sample_rate", ["16000"])[0])
        self._spoken, self._quiet = False, 0.0

    def run(self) -> None:
        for message in self._socket:
            if isinstance(message, bytes):
                self._hear(message)
            elif json.loads(message).get("type") == "CloseStream":
                return

    def _hear(self, data: bytes) -> None:
        samples = struct.unpack(f"<{len(data) // 2}h", data[: len(data) // 2 * 2])
        if max(map(abs, samples), default=0) > LOUD:
            self._spoken, self._quiet = True, 0.0
            return
        self._quiet += len(samples) / self._rate
        if self._spoken and self._quiet > QUIET_SECONDS:
            self._spoken = False
            self._tell(HEARD)

    def _tell(self, text: str) -> None:
        found = {"transcript": text, "confidence": 1.0, "words": []}
        model = {"name": "any", "version": "1", "arch": "any"}
        self._socket.send(
            json.dumps(
                {
                    "type": "Results",
                    "channel_index": [0, 1],
                    "duration": 1.0,
                    "start": 0.0,
                    "is_final": True,
                    "speech_final": True,
                    "channel": {"alternatives": [found]},
                    "metadata": {"request_id": "r", "model_info": model, "model_uuid": "m"},
                    "from_finalize": False,
                }
            )
        )


def _handle(socket: ServerConnection) -> None:
    path = socket.request.path if socket.request is not None else ""
    with contextlib.suppress(ConnectionClosed):  # a bot that ends says no good-bye
        if path.startswith("/tts/websocket"):
            _speak(socket)
        elif path.startswith("/v1/listen"):
            _Listener(socket).run()


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[dict[str, str]]:
    """Run both for the length of the block; gives the environment in which programs trust them."""
    certificate = self_signed(folder, NAMES[0], dns=NAMES)
    options: dict[str, Any] = {"ssl": certificate.server(), "compression": None}
    with serve(_handle, "127.0.0.1", 443, **options) as server:
        thread = threading.Thread(target=server.serve_forever, name="services", daemon=True)
        thread.start()
        try:
            yield {**KEYS, "SSL_CERT_FILE": str(certificate.path)}
        finally:
            server.shutdown()
            thread.join()
