"""From a port and a release to a board that talks: the steps of `flash`, each told as it is done."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tools import enrol, images, private, wishes
from tools.board import boot, ports
from tools.board.boot import Reached
from tools.board.console import Console
from tools.enrol import Gateway
from tools.errors import SettingsError
from tools.esp import esptool_process, nvs
from tools.esp.esptool_process import Chip, Job, Piece
from tools.images import There, Wanted
from tools.releases import maker, signing
from tools.releases.release import Release
from tools.report import Report

INTERRUPTED = "If it was being written, the board has no whole firmware now: run the same command again."


@dataclass(frozen=True, slots=True)
class Order:
    """What the user wants. `gateway` is where to enrol; one on this machine's loopback is none to tell a board."""

    port: str | None = None
    firmware: Wanted = field(default_factory=Wanted)
    baud: int = esptool_process.BAUD
    erase: bool = False
    dry_run: bool = False
    provision: bool = True
    wifi: bool = True
    enrol: bool = True
    replace: bool = False
    gateway: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    operator_key: str | None = None
    ca: str | None = None
    identity: str | None = None
    target: Reached = Reached.LIVE
    seconds: float = boot.SECONDS


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes for the flash."""

    name: str
    offset: int
    data: bytes


def flash(order: Order, report: Report) -> Reached:
    """Do it; returns how far the board got.

    Raises:
        ToolError: with the step, the cause and the remedy.
    """
    port = ports.pick(order.port)
    report.step("port", port)
    found = images.find(order.firmware, report)
    chip = esptool_process.identify(port, baud=order.baud)
    report.step("chip", _describe(chip), chip=chip.name, mac=chip.mac, flash_size=chip.flash_size)
    chosen = images.choose(order.firmware, found, There(port, chip, order.baud), report)
    files = chosen.load()
    _tell_image(report, chosen)
    with _settings(order, chip, makers(chosen), report) as settings:
        contents = [Content(p.path, p.region.offset, files[p.path]) for p in chosen.manifest.parts]
        if order.provision:
            place = chosen.manifest.nvs
            contents.append(Content(".settings", place.offset, nvs.settings_image(settings, place.size)))
        if order.dry_run:
            report.step("dry run", "nothing was written")
            return Reached.NOTHING
        _write(order, port, chip.name, contents, report)
    return _follow(order, port, report)


def makers(chosen: Release) -> dict[str, str]:
    """Whose updates the board is to take: who signed what is written, and whoever builds firmware here.

    Raises:
        ToolError: a signature is not of this release; the key that is here cannot be read.
    """
    own = (maker.public(key) for key in maker.existing())
    known = list(dict.fromkeys([*signing.makers(chosen.manifest), *own]))[: maker.MOST]
    return {"firmware_key": ",".join(known)} if known else {}


def _describe(chip: Chip) -> str:
    size = f", {chip.flash_size >> 20} MB" if chip.flash_size else ""
    return f"{chip.description or chip.name}{size}, {chip.mac}"


def _tell_image(report: Report, chosen: Release) -> None:
    about = chosen.manifest
    report.step(
        "image",
        f"{about.board} {about.version} from {chosen.origin}",
        board=about.board,
        version=about.version,
    )


@contextlib.contextmanager
def _settings(
    order: Order, chip: Chip, makers: Mapping[str, str], report: Report
) -> Iterator[dict[str, str]]:
    """The settings to write; a key that was made for them is revoked if the block fails."""
    if not order.provision:
        yield {}
        return
    wanted = wishes.ask_for_wifi(order.settings, needed=order.wifi)
    name = wanted.get("name") or f"voice-{chip.mac.replace(':', '')[-6:]}"
    if "key" in wanted or not order.enrol or order.dry_run:
        told = {} if order.gateway is None else enrol.settings_for(order.gateway)
        yield _told(report, {**makers, **told, **wanted, "name": name})
        return
    found = enrol.find(order.gateway or wanted.get("gateway"))
    enrol.must_be_given(found)
    gateway = Gateway(found.url, order.operator_key, order.ca, order.identity)
    try:
        told = {**makers, **found.settings, **gateway.pin()}
        # A name made from the chip's own address can only be this board's.
        with gateway.enrolled(name, replace=order.replace or "name" not in wanted) as made:
            report.step("enrolled", f"{made.name} at {found.url}", device=made.name, gateway=found.url)
            yield _told(report, {**told, **wanted, "name": name, "key": made.key})
    finally:
        gateway.close()


def _told(report: Report, settings: dict[str, str]) -> dict[str, str]:
    checked = wishes.check(settings)
    shown = wishes.mask(checked)
    report.step("settings", ", ".join(f"{k} {v}" for k, v in shown.items() if k != "ca"), settings=shown)
    return checked


def _write(order: Order, port: str, chip: str, contents: list[Content], report: Report) -> None:
    with private.directory() as directory:
        for content in contents:
            private.write(directory / content.name, content.data)
        pieces = tuple(Piece(c.offset, directory / c.name, len(c.data)) for c in contents)
        esptool_process.write(port, chip, Job(pieces, order.baud, order.erase), report.progress)
    report.step("verified", f"{len(pieces)} files, {sum(p.size for p in pieces) >> 10} KB")


def _follow(order: Order, port: str, report: Report) -> Reached:
    with contextlib.closing(Console(port)) as console:
        seen = boot.follow(
            console,
            order.target,
            seconds=order.seconds,
            tell=lambda stage: report.step(str(stage), _STAGES[stage]),
        )
    return seen.reached


_STAGES = {
    Reached.NOTHING: "",
    Reached.BOOTED: "our firmware runs",
    Reached.NETWORK: "the board is on the network",
    Reached.GATEWAY: "the gateway answers it",
    Reached.LIVE: "it hears and speaks",
}


def target_of(text: str) -> Reached:
    """The stage of a name.

    Raises:
        SettingsError: there is none of that name.
    """
    for stage in Reached:
        if str(stage) == text and stage:
            return stage
    raise SettingsError(f"there is no stage {text}", remedy="use booted, wifi, gateway or live")
