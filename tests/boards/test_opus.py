"""What a chip's build makes of a libopus that its audio task could not carry: components/voice/opus.cmake."""

import subprocess
from pathlib import Path

import pytest

CHECK = Path(__file__).parents[2] / "firmware" / "components" / "voice" / "opus.cmake"
PRESET = {"CONFIG_OPUS_USE_ALLOCA": "y", "CONFIG_OPUS_STATE_INTERNAL_ONLY": "y"}


def build(where: Path, settings: dict[str, str], encoder: str) -> subprocess.CompletedProcess[str]:
    """A project of one component, whose libopus has this encoder."""
    lines = ["cmake_minimum_required(VERSION 3.20)", "project(check C)", "set(SDKCONFIG sdkconfig.mine)"]
    lines += [f"set({name} {value})" for name, value in settings.items()]
    lines += ["add_library(voice STATIC opus.c)", "set(COMPONENT_LIB voice)", f"include({CHECK})"]
    lines += ["add_executable(image main.c)", "target_link_libraries(image PRIVATE voice)"]
    (where / "CMakeLists.txt").write_text("\n".join(lines))
    (where / "opus.c").write_text(f"int {encoder}(void) {{ return 0; }}\n")
    (where / "main.c").write_text("int main(void) { return 0; }\n")
    command = f"cmake -G Ninja -S {where} -B {where}/build && cmake --build {where}/build"
    return subprocess.run(command, shell=True, check=False, capture_output=True, text=True)  # noqa: S602


def test_the_preset_builds(tmp_path: Path) -> None:
    done = build(tmp_path, PRESET, "silk_encode_frame_FIX")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "settings",
    [
        PRESET | {"CONFIG_OPUS_FLOATING_POINT": "y"},
        {"CONFIG_OPUS_STATE_INTERNAL_ONLY": "y"},
        {"CONFIG_OPUS_USE_ALLOCA": "y"},
    ],
)
def test_an_sdkconfig_that_undoes_it_is_refused(tmp_path: Path, settings: dict[str, str]) -> None:
    done = build(tmp_path, settings, "silk_encode_frame_FIX")
    assert done.returncode != 0
    assert "sdkconfig.mine builds libopus" in done.stderr
    assert "CONFIG_OPUS_FLOATING_POINT=n" in done.stderr


def test_a_libopus_in_floating_point_is_not_linked(tmp_path: Path) -> None:
    """Whatever the configuration says: this is what was built."""
    done = build(tmp_path, PRESET, "silk_encode_frame_FLP")
    assert done.returncode != 0
    assert "silk_encode_frame_FIX" in done.stdout + done.stderr
