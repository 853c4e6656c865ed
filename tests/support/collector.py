"""An OTLP receiver on loopback, by OpenTelemetry's own messages (opentelemetry.io/docs/specs/otlp, over HTTP).

It keeps what it was sent. With `refuses` it stands for a collector in trouble.
"""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class Span:
    """One that was sent."""

    name: str
    trace: str
    id: str
    parent: str
    start: int
    end: int
    failed: bool
    attributes: dict[str, Any]
    resource: dict[str, Any]


@dataclass
class Collector:
    """What has come so far."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    metrics: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """By name, the points of the last export: attributes, and `count`, `sum` or `value`."""
    asked: int = 0
    refuses: bool = False

    def traces(self) -> list[list[Span]]:
        """Whole ones, each with its root first."""
        return [
            [root, *(s for s in self.spans if s.trace == root.trace and s.parent)]
            for root in self.spans
            if not root.parent
        ]


def _plain(attributes: Any) -> dict[str, Any]:
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in attributes}


def _read_spans(body: bytes, into: Collector) -> None:
    told = ExportTraceServiceRequest.FromString(body)
    for resource in told.resource_spans:
        about = _plain(resource.resource.attributes)
        for scope in resource.scope_spans:
            into.spans += [
                Span(
                    s.name,
                    s.trace_id.hex(),
                    s.span_id.hex(),
                    s.parent_span_id.hex(),
                    s.start_time_unix_nano,
                    s.end_time_unix_nano,
                    s.status.code == s.status.STATUS_CODE_ERROR,
                    _plain(s.attributes),
                    about,
                )
                for s in scope.spans
            ]


def _read_metrics(body: bytes, into: Collector) -> None:
    told = ExportMetricsServiceRequest.FromString(body)
    for resource in told.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                data = getattr(metric, metric.WhichOneof("data"))
                into.metrics[metric.name] = [_point(point) for point in data.data_points]


def _point(point: Any) -> dict[str, Any]:
    about = _plain(point.attributes)
    if hasattr(point, "bucket_counts"):
        return {**about, "count": point.count, "sum": point.sum}
    return {**about, "value": getattr(point, point.WhichOneof("value"))}


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run one for the length of the block."""
    found = Collector()

    class Receiver(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            found.asked += 1
            readers = {"/v1/traces": _read_spans, "/v1/metrics": _read_metrics}
            if not found.refuses:
                readers[self.path](body, found)
            self.send_response(500 if found.refuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
