"""What a board file says, and how a flash is laid out: values only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace

# Pins that exist and are free for a board to use, by chip; what they must not be, and why.
PINS = {"esp32s3": {*range(22), *range(26, 49)}, "esp32c3": set(range(22)), "esp32c6": set(range(31)), "esp32p4": set(range(55))}
PINS["esp32c5"] = set(range(29))
FLASH_PINS = {"esp32s3": set(range(26, 33)), "esp32c3": set(range(12, 18)), "esp32c6": set(range(24, 31)), "esp32p4": set()}
FLASH_PINS["esp32c5"] = set(range(16, 23))
OCTAL_PINS = {"esp32s3": set(range(33, 38))}
USB_PINS = {"esp32s3": {19, 20}, "esp32c3": {18, 19}, "esp32c5": {13, 14}, "esp32c6": {12, 13}, "esp32p4": {24, 25}}
CONSOLE_PINS = {"esp32s3": {43, 44}, "esp32c3": {20, 21}, "esp32c5": {11, 12}, "esp32c6": {16, 17}, "esp32p4": {37, 38}}
"""Of UART 0: espressif/esp-idf, components/soc/CHIP/include/soc/uart_pins.h."""


@dataclass(frozen=True, slots=True)
class Flash:
    size: str
    mode: str
    freq: str

    @property
    def megabytes(self) -> int:
        return int(self.size.removesuffix("MB"))


@dataclass(frozen=True, slots=True)
class Psram:
    type: str
    size: str


@dataclass(frozen=True, slots=True)
class I2c:
    port: int
    sda: int
    scl: int


@dataclass(frozen=True, slots=True)
class I2s:
    port: int
    bclk: int
    ws: int
    dout: int
    din: int
    mclk: int = -1


@dataclass(frozen=True, slots=True)
class Speaker:
    chip: str
    address: int = 0
    amplifier: int = -1
    amplifier_active: str = "high"


@dataclass(frozen=True, slots=True)
class Microphone:
    chip: str
    address: int = 0
    reference: int = -1


@dataclass(frozen=True, slots=True)
class Revision:
    """The same board with its codec on other pins; whichever answers there is the one that it is."""

    title: str
    i2c: I2c
    i2s: I2s
    amplifier: int = -1


@dataclass(frozen=True, slots=True)
class Button:
    pin: int
    active: str = "low"


@dataclass(frozen=True, slots=True)
class Led:
    kind: str
    pin: int
    active: str = "high"


@dataclass(frozen=True, slots=True)
class Backlight:
    address: int
    sda: int
    scl: int


@dataclass(frozen=True, slots=True)
class Display:
    kind: str
    width: int
    height: int
    mosi: int
    sclk: int
    cs: int
    dc: int
    mirror_x: bool
    mirror_y: bool
    invert: bool
    reset: int = -1
    reset_active: str = "low"
    backlight: int = -1
    offset_x: int = 0
    offset_y: int = 0
    backlight_i2c: Backlight | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """One file. What is None, the board does not have; a pin of -1 is not connected."""

    name: str
    title: str
    maker: str
    url: str
    chip: str
    network: str
    console: str
    opus_complexity: int
    tried: str
    flash: Flash
    psram: Psram | None = None
    power: str = "none"
    echo_canceller: bool = False
    pins_are_settings: bool = False
    i2c: I2c | None = None
    i2s: I2s | None = None
    speaker: Speaker | None = None
    microphone: Microphone | None = None
    button: Button | None = None
    led: Led | None = None
    display: Display | None = None
    revision: Revision | None = None

    def revised(self) -> Board:
        """The board as its other revision has it."""
        assert self.revision is not None
        assert self.speaker is not None
        speaker = replace(self.speaker, amplifier=self.revision.amplifier)
        return replace(self, i2c=self.revision.i2c, i2s=self.revision.i2s, speaker=speaker, revision=None)

    def pins(self) -> Iterator[tuple[str, int]]:
        """Each pin in use and what for, in the file's words: ("i2s.bclk", 17)."""
        parts = {"i2c": self.i2c, "i2s": self.i2s, "speaker": self.speaker, "button": self.button, "led": self.led}
        parts |= {"display": self.display, "display.backlight_i2c": self.display and self.display.backlight_i2c}
        roles = {"sda", "scl", "mclk", "bclk", "ws", "dout", "din", "amplifier", "pin"}
        roles |= {"mosi", "sclk", "cs", "dc", "reset", "backlight"}
        for where, part in parts.items():
            for role in roles & {f.name for f in fields(part)} if part else ():
                if getattr(part, role) >= 0:
                    yield f"{where}.{role}", getattr(part, role)


@dataclass(frozen=True, slots=True)
class Partition:
    name: str
    type: str
    subtype: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Of the flash: NVS, two slots for images, a core dump. The offsets of nvs and ota_0 are the same everywhere."""

    megabytes: int
    partitions: list[Partition] = field(default_factory=list)
