"""What the doctor says of language models on this machine, which answer as Ollama and llama.cpp document it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tools.models import local_models

OLLAMA = {
    "/api/version": {"version": "0.13.1"},
    "/api/tags": {"models": [{"name": "llama3.2:latest", "size": 2_019_393_189}, {"name": "qwen3:4b"}]},
}
"""As its API documentation shows."""
LLAMA_CPP = {
    "/props": {"default_generation_settings": {"n_ctx": 4096}, "total_slots": 1, "build_info": "b7000"},
    "/v1/models": {"object": "list", "data": [{"id": "qwen3-4b.gguf", "object": "model"}]},
}
"""As its server's README shows."""
NOWHERE = "http://127.0.0.1:9"


@contextmanager
def answering(paths: dict[str, Any]) -> Iterator[str]:
    """A server that knows these paths."""

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = paths.get(self.path)
            body = json.dumps(found).encode()
            self.send_response(200 if found is not None else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_ollama_is_found_with_its_models_and_the_setting_for_it() -> None:
    with answering(OLLAMA) as url:
        [found] = local_models(url, NOWHERE)
    assert found.well is True
    assert "Ollama 0.13.1" in found.text
    assert "llama3.2:latest, qwen3:4b" in found.text
    assert 'provider = "ollama", options = { model = "llama3.2:latest" }' in found.text


def test_ollama_without_a_model_says_how_to_get_one() -> None:
    with answering({**OLLAMA, "/api/tags": {"models": []}}) as url:
        [found] = local_models(url, NOWHERE)
    assert (found.well, found.remedy) == (None, "ollama pull llama3.2")


def test_llama_cpp_is_found_and_something_else_at_its_port_is_not() -> None:
    with answering(LLAMA_CPP) as url:
        [found] = local_models(NOWHERE, url)
    assert "llama.cpp b7000" in found.text
    assert f'model = "qwen3-4b.gguf", base_url = "{url}/v1"' in found.text
    with answering({"/props": {"name": "a web app"}, "/api/version": [1]}) as url:
        assert list(local_models(url, url)) == []


def test_nothing_there_is_no_finding() -> None:
    assert list(local_models(NOWHERE, NOWHERE)) == []
