"""What the device of one call reports beside RTVI: answered, kept, or handed on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from loguru import logger

from gateway.errors import BadRequest
from gateway.wire import messages, tools


class DeviceReports:
    """Takes a device's reports among what comes over its data channel; the rest is the bot's.

    Args:
        send: sends a message to the device.
        hand_on: is given what others should know: a crash, an update, the result of a command.
        session_id: of its call, for the log.
    """

    def __init__(
        self,
        send: Callable[[dict[str, Any]], None],
        hand_on: Callable[[messages.Report], None],
        session_id: str,
    ) -> None:
        self.figures: dict[str, Any] | None = None
        self.tools: dict[str, dict[str, Any]] = {}
        """What this device can do beside what all can (docs/protocol.md, device-tool), by name."""
        self._log = logger.bind(session=session_id)
        self._send = send
        self._hand_on = hand_on

    async def take(self, _connection: object, message: Any) -> None:
        """Take a message, as Pipecat's connection hands it to those who listen."""
        arrived = time.time_ns() // 1_000
        try:
            report = messages.read(message)
        except BadRequest as error:
            self._log.debug("a report was left out: {}", error)
            return
        match report:
            case None:
                pass
            case messages.Report(kind="clock"):
                self._send(messages.clock_reply(report, arrived, time.time_ns() // 1_000))
            case messages.Report(kind="figures"):
                self.figures = report.data
            case messages.Report(kind="tool"):
                self._take_tool(report)
            case _:
                self._send(messages.received(report))
                self._hand_on(report)

    def _take_tool(self, report: messages.Report) -> None:
        try:
            extra = tools.of_board(report.data)
        except BadRequest as error:
            self._log.warning("a tool of the device was left out: {}", error.message)
            return
        if extra["name"] in self.tools or len(self.tools) < tools.MOST_EXTRAS:
            self.tools[extra["name"]] = extra
