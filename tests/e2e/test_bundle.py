from __future__ import annotations

from tests.support.gateway import GatewayProcess
from tests.support.offers import replaced
from tests.support.peer import Peer


async def test_a_call_whose_data_channel_leads_the_group_is_heard(echo: GatewayProcess) -> None:
    async with Peer(echo.url, hertz=523.0) as peer:
        await peer.take(await peer.post(replaced(await peer.offer(), "BUNDLE 0 1", "BUNDLE 1 0")))
        await peer.connected()
        await peer.hears(523.0)
