"""Who this gateway is: what devices pin, and whoever asks it over TLS can compare."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from gateway.front.routes.common import TheGateway

router = APIRouter(prefix="/api", tags=["identity"])


class Identity(BaseModel):
    """`pin` is the SHA-256 of the public key, `certificate` is PEM; neither is a secret."""

    id: str
    pin: str
    certificate: str


@router.get("/identity")
async def identity(gateway: TheGateway) -> Identity:
    """What a device of this gateway pins."""
    own = gateway.certificates.identity
    return Identity(id=gateway.instance_id, pin=own.pin, certificate=own.pem)
