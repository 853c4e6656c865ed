"""python -m tests.attack.without [NAME…]: each row of `make attack` goes red once its defence is taken out.

In a copy of the checkout, one defence after the other; as root, as `make attack`. A row that stays green without what
it is there for, or one that has no defence here, is a defect: exit status 1.
"""
# ruff: noqa: E501, T201 -- lines of others that it looks for; it is a program

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FRONT, VOICE = "gateway/front", "firmware/components/voice/src"


@dataclass(frozen=True, slots=True)
class Defence:
    """What is taken out, as file, text and what stands there then, and the rows that have to go red, by pytest's -k."""

    name: str
    changes: tuple[tuple[str, str, str], ...]
    rows: tuple[str, ...]


DEFENCES = (
    Defence(
        "the pin of an identity",
        (("firmware/components/port/bsd/tls.c", "return is_pinned() ? PORT_OK : PORT_ERR_TLS_PIN;", "return (is_pinned(), PORT_OK);"),),
        ("a_fake_gateway_with_a_certificate_of_its_own", "another_certificate_gets_no_key", "the_first_that_lets_it_in"),
    ),
    Defence(
        "TLS for who has pinned",
        ((f"{VOICE}/device/device.c", "d->url.tls |= device_is_pinned(d);", "d->url.tls |= !device_is_pinned(d) && false;"),),
        ("a_pinned_device_says_nothing_over_plain_http", "a_fake_gateway_that_mdns_would_have_it_speak_plainly_to"),
    ),
    Defence(
        "the key that stays",
        ((f"{VOICE}/call/signaling.c", '"Voicegw nonce=%s, proof=%s", s->proof.nonce, proof)', '"Bearer %s%.0s", s->key, proof)'),),
        ("a_fake_gateway_learns_nothing",),
    ),
    Defence(
        "the identity in the proof",
        (
            (f"{VOICE}/call/signaling.c", '"%s", offer->identity);', '"%.0s", offer->identity);'),
            (f"{FRONT}/challenge.py", "\\n{identity}\\n{self.fingerprint}", "\\n\\n{self.fingerprint}"),
            (f"{FRONT}/challenge.py", "\\n{self.identity}\\n{about.fingerprint}", "\\n\\n{about.fingerprint}"),
        ),
        ("a_fake_gateway_learns_nothing_of_the_key_and_gets_no_call and True",),
    ),
    Defence(
        "the gateway's proof",
        ((f"{VOICE}/call/signaling.c", "if (has_key(s) && !proof_is_of_answer(", "if (false && !proof_is_of_answer("),),
        ("one_that_says_yes_to_everything",),
    ),
    Defence(
        "the challenge before the key",
        ((f"{VOICE}/call/signaling.c", "if (has_key(s) && s->step == SIGNALING_CONNECTING)\n        return ask(s);", "if (false)\n        return ask(s);"),),
        ("a_gateway_from_before_is_told_no_key",),
    ),
    Defence(
        "nonces that are good once",
        ((f"{FRONT}/access.py", "    await challenges.use(offered.nonce)\n", ""),),
        ("a_recorded_offer_is_good_for_nothing",),
    ),
    Defence(
        "bounds of connections",
        (
            (f"{FRONT}/door.py", "MOST: Final = 512", "MOST: Final = 1 << 30"),
            (f"{FRONT}/door.py", "MOST_OF_ONE: Final = 64", "MOST_OF_ONE: Final = 1 << 30"),
            (f"{FRONT}/door.py", "return min(MOST, self._descriptors // 2)", "return MOST"),
            (f"{FRONT}/door.py", "                    self._evict()\n", ""),
        ),
        ("three_thousand_connections",),
    ),
    Defence(
        "candidates that are judged",
        ((f"{FRONT}/switchboard.py", "        offered = replace(offered, sdp=kept.only(offered.sdp))\n", ""),),
        ("an_offer_whose_candidates_are_elsewhere",),
    ),
    Defence(
        "pieces that are counted",
        (("gateway/rtc/stock.py", "        if sctp._held > chunks or", "        if False and sctp._held > chunks or False and"),),
        ("pieces_of_messages_without_end",),
    ),
    Defence(
        "names that are the gateway's",
        ((f"{FRONT}/routes/guard.py", '    check_host(headers.get("host"), gateway.names)\n', ""),),
        ("a_page_under_a_rebound_name", "a_page_under_a_name_that_leads_to_the_gateway"),
    ),
    Defence(
        "calls of one address that are unfinished",
        ((f"{FRONT}/switchboard.py", "if unfinished >= max(2, most // 4) or", "if False and unfinished or False and"),),
        ("calls_that_are_never_finished",),
    ),
    Defence(
        "whose a connection on this machine is",
        ((f"{FRONT}/routes/common.py", "return is_own_account(client.port, int(server[1]))", "return bool(is_own_account)"),),
        (
            "who_comes_through_a_proxy_gains_nothing and nginx and False-False",
            "who_comes_through_a_proxy_gains_nothing and haproxy-False-False",
            "who_comes_through_a_proxy_gains_nothing and passing and False-False",
            "another_account_of_the_machine",
        ),
    ),
    Defence(
        "marks of a proxy",
        (
            (f"{FRONT}/routes/common.py", 'if "authorization" in request.headers or is_forwarded(request):', 'if "authorization" in request.headers:'),
            (f"{FRONT}/access.py", "        return any(found in network for network in self._networks)", "        return bool(found) and False"),
        ),
        ("who_comes_through_a_proxy_gains_nothing and caddy",),
    ),
    Defence(
        "proxies that are trusted",
        ((f"{FRONT}/door.py", "proxy = address if self._trusts(address) else None", "proxy = address"),),
        ("who_says_to_be_a_proxy_and_is_not_trusted",),
    ),
    Defence(
        "whom a proxy connects for",
        ((f"{FRONT}/server.py", "        if self.source is not None:\n", "        if False and self.source is not None:\n"),),
        ("a_call_through_a_documented_proxy and passing",),
    ),
    Defence(
        "the maker's signature",
        ((f"{VOICE}/update/update.c", "switch (signature_check(request->signatures, request->signature_count, &source->keys, &statement)) {",
          "switch (statement.size > 0 ? SIGNATURE_GOOD : SIGNATURE_BAD) {"),),
        ("firmware_of_a_stranger", "the_makers_own_old_firmware_that_is_said_to_be_new"),
    ),
    Defence(
        "the hash that was signed",
        ((f"{VOICE}/update/update.c", "|| memcmp(hash, u->request.sha256, sizeof hash) != 0)", ")"),),
        ("another_image_under_the_makers_signature",),
    ),
    Defence(
        "no way back",
        ((f"{VOICE}/update/update.c", "!request->older && version_compare", "false && version_compare"),),
        ("the_makers_own_old_firmware and not said_to_be_new",),
    ),
    Defence(
        "no command for whom to trust",
        ((f"{VOICE}/device/command.c", '{"volume", set_volume},', '{"volume", set_volume}, {"fingerprint", set_led},'),),
        ("a_second_identity_or_maker",),
    ),
    Defence(
        "pages of others that are told apart",
        ((f"{FRONT}/routes/guard.py", '        check_origin(origin, headers.get("host"), site)\n', "        del site\n"),),
        ("a_page_of_another_origin",),
    ),
)  # fmt: skip
LEGITIMATE = re.compile(r"_is_trusted|_is_pinned\b|is_as_good|is_live_over_tls|through_a_(documented_)?proxy")
"""Rows of what has to work: they need no defence, and fail without the thing itself."""


def copy(to: Path) -> None:
    """This checkout, as it is."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, to / name)


def build(tree: Path) -> None:
    """The simulated device of the copy."""
    done = subprocess.run(
        ["make", "-C", str(tree / "firmware"), "host"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"the firmware does not build:\n{done.stdout}{done.stderr}")


def rows(tree: Path, wanted: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run rows of the copy."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *options]
    return subprocess.run(
        [*command, "-k", wanted, "tests/attack"], cwd=tree, capture_output=True, text=True, check=False
    )


def stays_green(tree: Path, defence: Defence) -> Iterator[str]:
    """The rows that do not notice that it is gone."""
    before = {path: (tree / path).read_text() for path, _, _ in defence.changes}
    for path, old, new in defence.changes:
        text = (tree / path).read_text()
        if old not in text:
            raise SystemExit(f"{defence.name}: {path} has no {old!r} any more")
        (tree / path).write_text(text.replace(old, new))
    compiled = any(path.startswith("firmware/") for path in before)
    try:
        if compiled:
            build(tree)
        for wanted in defence.rows:
            done = rows(tree, wanted)
            if done.returncode != 1:
                yield f"{wanted}: {(done.stdout.strip().splitlines() or ['nothing'])[-1]}"
    finally:
        for path, text in before.items():
            (tree / path).write_text(text)
        if compiled:
            build(tree)


def undefended(tree: Path) -> list[str]:
    """Rows that no defence here is for."""
    listed = rows(tree, "", "--collect-only").stdout.splitlines()
    names = {line.partition("::test_")[2].partition("[")[0] for line in listed if "::test_" in line}
    known = [re.split(r" (?:and|or) ", wanted)[0] for defence in DEFENCES for wanted in defence.rows]
    return sorted(n for n in names if not any(k in n for k in known) and not LEGITIMATE.search(n))


def main(wanted: Sequence[str]) -> int:
    faults = 0
    with tempfile.TemporaryDirectory(prefix="voicegw-without-") as directory:
        tree = Path(directory)
        copy(tree)
        build(tree)
        for name in [] if wanted else undefended(tree):
            faults += 1
            print(f"no defence  {name}")
        for defence in [d for d in DEFENCES if not wanted or d.name in wanted]:
            green = list(stays_green(tree, defence))
            faults += len(green)
            print(
                f"{'GREEN' if green else 'red':<10}  {defence.name}", *green, sep="\n            ", flush=True
            )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
