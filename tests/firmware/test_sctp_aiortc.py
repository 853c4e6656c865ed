"""The firmware's SCTP against aiortc's, over a pipe that may lose packets."""

import asyncio
import contextlib
import functools
import random
import shutil
import struct
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import cast

import pytest
from aiortc.rtcdatachannel import RTCDataChannel, RTCDataChannelParameters
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcsctptransport import RTCSctpCapabilities, RTCSctpTransport

FIRMWARE = Path(__file__).parents[2] / "firmware"
PEER = FIRMWARE / "components" / "peer" / "src"
SIZES = [1, 2, 3, 4, 100, 1104, 1105, 1160, 4095, 4096, 16384]  # around our fragment and aiortc's
MESSAGE_MAX = 16384
DEVICE_MESSAGE_MAX = 4096  # what the firmware is built for

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Our SCTP as a process with sanitizers, built for messages up to a size."""

    @functools.cache
    def build(message_max: int) -> Path:
        built = tmp_path_factory.mktemp("sctp") / "sctp_peer"
        sources = [*PEER.glob("sctp/*.c"), PEER / "base" / "buf.c", FIRMWARE / "test" / "peer" / "sctp_peer.c"]
        flags = ["-std=c11", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
        sizes = [f"-DSCTP_RX_BYTES={message_max + 1280}", f"-DSCTP_TX_BYTES={message_max}"]
        subprocess.run(["cc", *flags, *sizes, f"-I{PEER}", *sources, "-o", built], check=True)
        return built

    return build


class FakeDtls:
    """What RTCSctpTransport wants of an RTCDtlsTransport; packets go to the process."""

    def __init__(self, role: str, send: Callable[[bytes], None]) -> None:
        self.state = "connected"
        self._role = role
        self._send = send
        self.receiver: RTCSctpTransport | None = None

    def _register_data_receiver(self, receiver: RTCSctpTransport) -> None:
        self.receiver = receiver

    def _unregister_data_receiver(self, receiver: RTCSctpTransport) -> None:
        if self.receiver is receiver:
            self.receiver = None

    async def _send_data(self, data: bytes) -> None:
        self._send(data)


class Pair:
    """The process on one side, aiortc on the other, and what each has told."""

    def __init__(self, process: asyncio.subprocess.Process, role: str, loss: float, message_max: int) -> None:
        self.process = process
        self.message_max = message_max
        self.loss = loss
        self.random = random.Random(4)  # noqa: S311 - repeatable loss
        self.lost = 0
        self.deaf = 0  # packets from aiortc that get lost for certain
        self.events: asyncio.Queue[tuple[str, int, bytes]] = asyncio.Queue()
        self.dtls = FakeDtls(role, self._from_aiortc)
        self.sctp = RTCSctpTransport(cast(RTCDtlsTransport, self.dtls))
        self.channels: asyncio.Queue[RTCDataChannel] = asyncio.Queue()
        self.sctp.on("datachannel", self.channels.put_nowait)

    def command(self, kind: str, channel: int = 0, data: bytes = b"") -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(struct.pack("!cHI", kind.encode(), channel, len(data)) + data)

    def _is_lost(self) -> bool:
        lost = self.random.random() < self.loss
        self.lost += lost
        return lost

    def _from_aiortc(self, data: bytes) -> None:
        if self.deaf > 0:
            self.deaf -= 1
        elif not self._is_lost():
            self.command("p", 0, data)

    async def read_process(self) -> None:
        assert self.process.stdout is not None
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                header = await self.process.stdout.readexactly(7)
                kind, channel, length = struct.unpack("!cHI", header)
                data = await self.process.stdout.readexactly(length)
                await self._from_process(kind.decode(), channel, data)

    async def _from_process(self, kind: str, channel: int, data: bytes) -> None:
        if kind != "p":
            self.events.put_nowait((kind, channel, data))
        elif self.dtls.receiver is not None and not self._is_lost():
            await self.dtls.receiver._handle_data(data)

    async def expect(self, kind: str, data: bytes | None = None) -> int:
        got, channel, payload = await asyncio.wait_for(self.events.get(), 60)
        assert got == kind
        assert data is None or payload == data
        return channel

    async def connect(self, *, active: bool = True) -> None:
        if active:
            self.command("i")
        await self.sctp.start(RTCSctpCapabilities(maxMessageSize=self.message_max), 5000)
        await self.expect("C")

    def open_here(self, label: str) -> RTCDataChannel:
        return RTCDataChannel(self.sctp, RTCDataChannelParameters(label=label))

    async def opened(self) -> tuple[RTCDataChannel, int]:
        """A channel that the process opens."""
        self.command("o", 0, b"rtvi-ai")
        channel = await asyncio.wait_for(self.channels.get(), 60)
        assert channel.label == "rtvi-ai"
        return channel, await self.expect("O", b"rtvi-ai")


Connect = Callable[..., "contextlib.AbstractAsyncContextManager[Pair]"]


@pytest.fixture
def pair(program: Callable[[int], Path]) -> Connect:
    @contextlib.asynccontextmanager
    async def make(
        role: str = "server", loss: float = 0, message_max: int = MESSAGE_MAX
    ) -> AsyncIterator[Pair]:
        ours = "client" if role == "server" else "server"
        process = await asyncio.create_subprocess_exec(
            program(message_max), ours, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        pair = Pair(process, role, loss, message_max)
        reader = asyncio.create_task(pair.read_process())
        try:
            yield pair
        finally:
            await pair.sctp.stop()
            assert process.stdin is not None
            process.stdin.close()
            assert await process.wait() == 0  # a sanitizer's finding would say otherwise
            await reader

    return make


def messages_of(channel: RTCDataChannel) -> asyncio.Queue[str | bytes]:
    queue: asyncio.Queue[str | bytes] = asyncio.Queue()
    channel.on("message", queue.put_nowait)
    return queue


async def exchange(pair: Pair, channel: RTCDataChannel, number: int) -> None:
    """Messages of all sizes both ways, all under way at the same time."""
    heard = messages_of(channel)
    payloads = [bytes((size + i) % 256 for i in range(size)) for size in SIZES if size <= pair.message_max]
    for payload in payloads:
        channel.send(payload)
        pair.command("b", number, payload)
    for payload in payloads:
        await pair.expect("B", payload)
        assert await asyncio.wait_for(heard.get(), 60) == payload


@pytest.mark.parametrize("role", ["server", "client"])
async def test_both_open_a_channel_and_talk(pair: Connect, role: str) -> None:
    async with pair(role) as p:
        await p.connect()
        ours, number = await p.opened()
        assert number == (0 if role == "server" else 1)
        theirs = p.open_here("from aiortc")
        other = await p.expect("O", b"from aiortc")
        assert other == (1 if role == "server" else 0)
        await exchange(p, ours, number)
        await exchange(p, theirs, other)


async def test_aiortc_alone_initiates(pair: Connect) -> None:
    async with pair() as p:
        await p.connect(active=False)
        await exchange(p, *await p.opened())


async def test_we_alone_initiate(pair: Connect) -> None:
    async with pair() as p:
        p.deaf = 1  # aiortc's own INIT
        await p.connect()
        await exchange(p, *await p.opened())


async def test_text_and_empty_messages(pair: Connect) -> None:
    async with pair() as p:
        await p.connect()
        channel, number = await p.opened()
        heard = messages_of(channel)
        messages: list[str | bytes] = ["gr\u00fc\u00dfe", "", b""]
        for sent in messages:
            kind, data = ("T", sent.encode()) if isinstance(sent, str) else ("B", sent)
            channel.send(sent)
            await p.expect(kind, data)
            p.command(kind.lower(), number, data)
            assert await asyncio.wait_for(heard.get(), 60) == sent


@pytest.mark.parametrize(("role", "message_max"), [("server", DEVICE_MESSAGE_MAX), ("client", MESSAGE_MAX)])
async def test_with_one_packet_in_ten_lost(pair: Connect, role: str, message_max: int) -> None:
    async with pair(role, 0.1, message_max) as p:
        await p.connect()
        channel, number = await p.opened()
        for _ in range(2):
            await exchange(p, channel, number)
        assert p.lost > 5


async def until_closed(channel: RTCDataChannel) -> None:
    closed = asyncio.Event()
    channel.on("close", closed.set)
    if channel.readyState != "closed":
        await asyncio.wait_for(closed.wait(), 60)


@pytest.mark.parametrize("loss", [0, 0.1])
async def test_closing_a_channel_from_here_and_there(pair: Connect, loss: float) -> None:
    async with pair(loss=loss) as p:
        await p.connect()
        for _ in range(2):  # the number is free for another channel afterwards
            channel, number = await p.opened()
            assert number == 0
            p.command("b", number, b"the last words")
            p.command("c", number)
            heard = messages_of(channel)
            await until_closed(channel)
            assert await p.expect("X") == number
            assert heard.get_nowait() == b"the last words"
        channel = p.open_here("theirs")
        number = await p.expect("O", b"theirs")
        channel.close()
        assert await p.expect("X") == number
        await until_closed(channel)


async def test_shutting_down(pair: Connect) -> None:
    async with pair() as p:
        await p.connect()
        channel, number = await p.opened()
        heard = messages_of(channel)
        p.command("b", number, b"x" * 5000)
        p.command("s")
        await p.expect("Z", b"\x01")
        assert heard.get_nowait() == b"x" * 5000
        assert p.sctp.state == "closed"


async def test_abort_by_aiortc(pair: Connect) -> None:
    async with pair() as p:
        await p.connect()
        await p.sctp.stop()
        await p.expect("Z", b"\x03")


async def test_abort_by_us(pair: Connect) -> None:
    async with pair() as p:
        await p.connect()
        channel, _ = await p.opened()
        p.command("a")
        await p.expect("Z", b"\x02")
        await until_closed(channel)
