"""`voicegw identity`: who this gateway is to its devices; taken along when it moves to another machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway import settings
from gateway.cli.common import ConfigOption, JsonOption
from gateway.errors import ConfigError
from ground import folders
from ground.terminal import out
from ground.trouble import reason

app = typer.Typer(help="Who this gateway is to its devices.", invoke_without_command=True)


@app.callback()
def identity(context: typer.Context, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show the identity that devices pin, as a browser shows it too: the SHA-256 of its public key."""
    context.obj = config
    if context.invoked_subcommand is not None:
        return
    from gateway.front import certificates
    from gateway.front.identity import instance_id

    chosen = settings.load(config)
    folders.ready(chosen.data_dir, setting="data_dir")
    who = instance_id(chosen)
    found = certificates.identity(chosen.data_dir, who)
    if as_json:
        out.json({"id": who, "pin": found.pin, "file": str(found.path)})
        return
    out.verbatim(found.pin)


@app.command("export")
def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Where to; it is a secret, and must not be there yet.")],
) -> None:
    """Write the identity with its key to a file, to take along to another machine, or to keep."""
    from gateway.front import certificates
    from gateway.front.identity import instance_id

    chosen = settings.load(context.obj)
    folders.ready(chosen.data_dir, setting="data_dir")
    found = certificates.identity(chosen.data_dir, who := instance_id(chosen))
    where = folders.expanded(file)
    if folders.look(where, follow=False) is not None:
        raise ConfigError(f"{file} is there already", remedy="give another file, or remove it")
    try:
        folders.keep(where, certificates.portable(found, who))
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {reason(error)}", remedy="give another file") from None
    out.print(
        f"{file} is this gateway: whoever has it can play it. Remove it once it is imported.", markup=False
    )


@app.command("import")
def take(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="What `voicegw identity export` wrote.")],
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Even if this gateway has an identity: its devices will not know it."),
    ] = False,
) -> None:
    """Be that gateway from the next start on."""
    from gateway.front import certificates

    folder = folders.ready(settings.load(context.obj).data_dir, setting="data_dir")
    pin = certificates.take(folders.expanded(file), folder, replace=replace)
    out.print(f"From its next start on this gateway is {pin}", markup=False)
