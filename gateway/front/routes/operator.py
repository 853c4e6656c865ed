"""How an operator's browser comes in: by a link, once, and then with what it keeps."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

from gateway.front.operators import PAGE_SECONDS
from gateway.front.routes.common import TheGateway, TheOperator, cookie_of, responses, scheme

router = APIRouter(tags=["operator"])


class Link(BaseModel):
    """Where a browser comes in, once."""

    path: str


@router.post("/api/link", responses=responses(401, 403))
async def link(gateway: TheGateway, operator: TheOperator) -> Link:
    """Make a link for one browser."""
    del operator
    return Link(path=f"/enter?ticket={gateway.operators.link()}")


@router.get("/enter", status_code=303, responses=responses(401, 422), response_class=RedirectResponse)
async def enter(gateway: TheGateway, request: Request, ticket: str = "") -> RedirectResponse:
    """Let a browser in by its link; what it keeps is no script's, and no other site's."""
    response = RedirectResponse("/", 303)
    response.set_cookie(
        cookie_of(gateway),
        gateway.operators.enter(ticket),
        max_age=int(PAGE_SECONDS),
        httponly=True,
        samesite="strict",
        secure=scheme(request) == "https",
    )
    return response
