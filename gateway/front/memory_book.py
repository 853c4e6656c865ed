"""What was said and what people prefer, in the registry's file: kept over a restart, and bounded."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from gateway.front.registry_file import Store

_UNKNOWN: Final = "what was said before is not known now"
_COLUMNS: Final = "number, device, at, user, bot"


@dataclass(frozen=True, slots=True)
class Said:
    """A question and its answer, `at` Unix seconds."""

    number: int
    device: str
    at: float
    user: str
    bot: str

    def view(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


class MemoryBook:
    """The tables `history`, `summaries` and `preferences`; `who` is a device's name, or `@` and a person's."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(self, who: str, said: Said, *, most: int, since: float) -> None:
        """Keep this, and of this `who` no more than so many and nothing from before `since`; raises StorageError."""
        async with self._store.writing("what was said is not kept") as db:
            await db.execute(
                "INSERT INTO history (who, device, at, user, bot) VALUES (?, ?, ?, ?, ?)",
                (who, said.device, said.at, said.user, said.bot),
            )
            await db.execute(
                "DELETE FROM history WHERE who = ? AND number NOT IN"
                " (SELECT number FROM history WHERE who = ? ORDER BY number DESC LIMIT ?)",
                (who, who, most),
            )
        await self.age(since)

    async def age(self, since: float) -> None:
        """Forget what is from before; raises StorageError."""
        async with self._store.writing("what was said long ago is not forgotten") as db:
            await db.execute("DELETE FROM history WHERE at < ?", (since,))
            await db.execute("DELETE FROM summaries WHERE at < ?", (since,))

    async def history(self, who: str, most: int, words: str = "") -> list[Said]:
        """The last so many that have these words on either side, the oldest first; raises StorageError."""
        query = (
            f"SELECT {_COLUMNS} FROM history WHERE who = ? AND (instr(lower(user || ' ' || bot), lower(?)) > 0"  # noqa: S608
            " OR ? = '') ORDER BY number DESC LIMIT ?"
        )
        rows = await self._store.read(query, (who, words, words, most), unknown=_UNKNOWN)
        return [Said(*row) for row in reversed(rows)]

    async def summary(self, who: str) -> str:
        """What has come before the history, in short; raises StorageError."""
        query = "SELECT text FROM summaries WHERE who = ?"
        rows = await self._store.read(query, (who,), unknown=_UNKNOWN)
        return str(rows[0][0]) if rows else ""

    async def summarise(self, who: str, text: str, at: float) -> None:
        """Keep it in the place of the one before; raises StorageError."""
        async with self._store.writing("what was said is not summarised") as db:
            await db.execute(
                "INSERT OR REPLACE INTO summaries (who, text, at) VALUES (?, ?, ?)", (who, text, at)
            )

    async def clear(self, who: str) -> None:
        """Forget all that was said; raises StorageError."""
        async with self._store.writing("what was said is not forgotten") as db:
            await db.execute("DELETE FROM history WHERE who = ?", (who,))
            await db.execute("DELETE FROM summaries WHERE who = ?", (who,))

    async def preferences(self, who: str) -> dict[str, str]:
        """Each by its name; raises StorageError."""
        query = "SELECT name, value FROM preferences WHERE who = ? ORDER BY name"
        rows = await self._store.read(query, (who,), unknown="what people prefer is not known now")
        return {str(name): str(value) for name, value in rows}

    async def prefer(self, who: str, name: str, value: str) -> None:
        """Keep one, or forget it where there is no value; raises StorageError."""
        async with self._store.writing(f"the {name} is not kept") as db:
            await db.execute("DELETE FROM preferences WHERE who = ? AND name = ?", (who, name))
            if value:
                await db.execute(
                    "INSERT INTO preferences (who, name, value) VALUES (?, ?, ?)", (who, name, value)
                )
