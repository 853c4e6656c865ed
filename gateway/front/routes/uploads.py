"""Files for a bot's model, at the paths of Pipecat's runner."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, UploadFile

from gateway.errors import BodyTooLarge, Busy, NotFound
from gateway.front.parts import Gateway
from gateway.front.routes.common import TheCaller, TheGateway, responses
from gateway.front.uploads import MAX_BYTES

router = APIRouter(tags=["signalling"])


@router.post("/sessions/{session_id}/files", responses=responses(401, 403, 404, 413, 422, 503))
async def upload_to_session(
    session_id: str, file: UploadFile, gateway: TheGateway, caller: TheCaller
) -> dict[str, Any]:
    """Keep a file for as long as its session, which `/start` has reserved or which has a call."""
    if not await gateway.switchboard.knows(session_id, caller):
        raise NotFound("there is no such session", remedy="POST /start first")
    return await _keep(gateway, file, session_id)


@router.post("/files", responses=responses(401, 403, 413, 422, 503))
async def upload(file: UploadFile, gateway: TheGateway, caller: TheCaller) -> dict[str, Any]:
    """Keep a file of no session."""
    del caller  # who may talk may send files
    return await _keep(gateway, file, None)


async def _keep(gateway: Gateway, file: UploadFile, session_id: str | None) -> dict[str, Any]:
    if gateway.uploads is None:
        raise Busy("this gateway keeps no files of clients", remedy="set uploads_folder")
    content = await file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise BodyTooLarge(f"the file is over {MAX_BYTES} bytes", remedy="send a smaller one")
    return await gateway.uploads.save(file.filename or "", content, file.content_type, session_id)
