"""A language model that is none: an OpenAI-compatible server on loopback that calls tools by rule.

`python -m tests.support.model` prints its URL and serves until it is ended. It keeps what the protocol asks for
(streams of chunks, calls of tools with ids, results by id), and calls no tool that it is not offered. What it says, it
has from a rule below, from a tool's result, or from the conversation that it was sent.
"""

from __future__ import annotations

import itertools
import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """What of the user's leads to which tool, with which arguments."""

    pattern: str
    tool: str
    arguments: Callable[[re.Match[str]], dict[str, Any]]


RULES: Final = (
    Rule(
        r"\b(?:light|lights|lamp)s? off|off (?:the|my)? ?\w* ?(?:light|lamp)",
        "relay",
        lambda _: {"on": False},
    ),
    Rule(r"\b(?:light|lamp)", "relay", lambda _: {"on": True}),
    Rule(r"\btimer", "set_timer", lambda _: {"seconds": 300, "label": "tea"}),
    Rule(r"calendar|list\b|appointment", "add_event", lambda m: {"title": m.string.strip()}),
    Rule(r"weather", "get_weather", lambda _: {"place": "here"}),
    Rule(r"\bnews", "read_news", lambda _: {}),
)


def text_of(message: Message) -> str:
    """The text of a message, whichever of the two forms it has."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content)


def answer(messages: list[Message], offered: set[str]) -> tuple[str, dict[str, Any]] | str:
    """What comes next: a tool and its arguments, or a text."""
    last = messages[-1]
    if last["role"] == "tool":
        return told(text_of(last))
    asked = [text_of(m).lower() for m in messages if m["role"] == "user"]
    if "before" in asked[-1] and len(asked) > 1:
        return f"You asked: {asked[-2]}."
    for rule in RULES:
        if (match := re.search(rule.pattern, asked[-1])) is not None:
            return (rule.tool, rule.arguments(match)) if rule.tool in offered else f"I have no {rule.tool}."
    return f"You said {asked[-1]}."


def told(result: str) -> str:
    """A tool's result, as one says it."""
    try:
        found = json.loads(result)
    except ValueError:
        found = result
    if isinstance(found, dict) and "error" in found:
        return f"That did not work: {found['error']}."
    if isinstance(found, str) and found.startswith("Error"):
        return f"That did not work: {found}."
    if isinstance(found, dict) and "text" in found and "kind" in found:
        return f"The {found['kind']} is set."
    return f"Done: {found}."


def chunks(messages: list[Message], offered: set[str], number: int) -> Iterator[dict[str, Any]]:
    """An answer in the pieces that a stream has (platform.openai.com, chat completion chunk)."""
    found = answer(messages, offered)
    if isinstance(found, str):
        yield {"role": "assistant", "content": ""}
        for word in re.findall(r"\S+\s*", found):
            yield {"content": word}
        return
    tool, arguments = found
    call = {"index": 0, "id": f"call_{number}", "type": "function"}
    yield {"role": "assistant", "tool_calls": [{**call, "function": {"name": tool, "arguments": ""}}]}
    text = json.dumps(arguments)
    for piece in (text[: len(text) // 2], text[len(text) // 2 :]):
        yield {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}


def whole(messages: list[Message]) -> dict[str, Any]:
    """An answer in one piece, as it is asked for when a conversation is to be summed up: what its first line was."""
    asked = " ".join(text_of(m) for m in messages if m["role"] == "user")
    first = next((line for line in asked.splitlines() if line.startswith("USER")), asked[:80])
    message = {"role": "assistant", "content": f"It began with {first}"}
    return {
        "id": "chat-0",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": "rules",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


STORY: Final = "Once there was a fox."
"""What a story begins with; it has no end, and goes on as long as somebody listens."""


class Model(BaseHTTPRequestHandler):
    """One request of a client."""

    protocol_version = "HTTP/1.1"
    numbers = itertools.count(1)

    def do_GET(self) -> None:
        """The models that there are."""
        self._json({"object": "list", "data": [{"id": "rules", "object": "model"}]})

    def do_POST(self) -> None:
        """A completion, as a stream."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        offered = {tool["function"]["name"] for tool in body.get("tools") or []}
        seen = {"offered": sorted(offered), "last": body["messages"][-1], "messages": body["messages"]}
        print(json.dumps(seen), file=sys.stderr, flush=True)  # noqa: T201
        if not body.get("stream"):
            self._json(whole(body["messages"]))
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        number = next(self.numbers)
        if "story" in text_of(body["messages"][-1]).lower():
            self._tell_story(number)
            return
        finish = "stop"
        for delta in chunks(body["messages"], offered, number):
            finish = "tool_calls" if "tool_calls" in delta else finish
            self._chunk(number, {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        self._chunk(number, {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        self._chunk(number, {"choices": [], "usage": usage})
        self._write(b"data: [DONE]\n\n")
        self._write(b"")

    def _tell_story(self, number: int) -> None:
        """Tell it until nobody listens any more."""
        try:
            for piece in itertools.chain(re.findall(r"\S+\s*", f"{STORY} "), itertools.repeat("and ")):
                self._chunk(number, {"choices": [{"index": 0, "delta": {"content": piece}}]})
                time.sleep(0.02)
        except OSError:
            print(json.dumps({"stopped": number}), file=sys.stderr, flush=True)  # noqa: T201
            self.close_connection = True

    def _chunk(self, number: int, what: dict[str, Any]) -> None:
        head = {"id": f"chat-{number}", "object": "chat.completion.chunk", "created": int(time.time())}
        self._write(b"data: " + json.dumps({**head, "model": "rules", **what}).encode() + b"\n\n")

    def _write(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _json(self, what: dict[str, Any]) -> None:
        data = json.dumps(what).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """What was asked is printed already."""


def main() -> None:
    """Serve."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    print(f"http://127.0.0.1:{server.server_port}/v1", flush=True)  # noqa: T201
    server.serve_forever()


if __name__ == "__main__":
    main()
