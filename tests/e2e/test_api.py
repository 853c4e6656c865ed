"""The API against its own description."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import schemathesis
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from gateway.front.routes import devices, firmware, health, memory, offer, state
from tests.support.gateway import GatewayProcess, client

CHECKS = [content_type_conformance, response_schema_conformance, status_code_conformance]
FAULTS = {502, 503}
"""Server errors that are part of the contract: a bot that fails, and no room."""


OPERATIONS = sorted(
    f"{method} {route.path}"
    for module in (offer, state, devices, memory, firmware, health)
    for route in module.router.routes
    if isinstance(route, APIRoute) and route.include_in_schema and route.path != "/api/events"  # has no end
    for method in route.methods or ()
)


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_nothing_but_what_is_described_comes_back(echo: GatewayProcess, operation: str) -> None:
    await asyncio.to_thread(check, echo.url, operation)


def check(url: str, operation: str) -> None:
    """Ask for an operation in many ways, right and wrong."""
    method, path = operation.split()
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    right = schema[path][method].as_strategy(generation_mode=GenerationMode.POSITIVE)
    wrong = schema[path][method].as_strategy(generation_mode=GenerationMode.NEGATIVE)

    @given(right | wrong)
    @settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def ask(case: Case[Any]) -> None:
        response = case.call()
        assert response.status_code < 500 or response.status_code in FAULTS
        if response.status_code >= 400:
            assert response.headers["content-type"] == ["application/problem+json"]
            assert response.json()["status"] == response.status_code
        case.validate_response(response, checks=CHECKS)

    ask()


async def test_the_description_names_problems_as_what_they_are(echo: GatewayProcess) -> None:
    async with client(echo.url) as http:
        described = (await http.get("/openapi.json")).json()
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            for status, response in operation["responses"].items():
                if status.startswith(("4", "5")):
                    assert list(response["content"]) == ["application/problem+json"], (path, method, status)
