import json
import re
from collections.abc import AsyncIterator

import pytest

from tests.firmware import chromium
from tests.firmware.interop import Program, running

pytestmark = pytest.mark.skipif(chromium.BINARY is None, reason="no chromium on this machine")

SET_UP = """
    window.pc = new RTCPeerConnection();
    window.messages = [];
    window.states = [];
    window.take = channel => {
        window.channel = channel;
        channel.binaryType = 'arraybuffer';
        channel.onmessage = e => messages.push(e.data);
        channel.onclose = () => messages.push('closed');
    };
    pc.ondatachannel = e => take(e.channel);
    pc.onconnectionstatechange = () => states.push(pc.connectionState);
    window.audio = new AudioContext();
    const tone = audio.createOscillator(), out = audio.createMediaStreamDestination();
    tone.frequency.value = 1000;
    tone.connect(out);
    tone.start();
    window.stream = out.stream;
    pc.ontrack = e => {
        window.player = new Audio();
        player.srcObject = new MediaStream([e.track]);
        player.play();
        window.analyser = audio.createAnalyser();
        analyser.fftSize = 8192;
        audio.createMediaStreamSource(player.srcObject).connect(analyser);
    };
    window.gathered = () => new Promise(done => {
        const check = () => { if (pc.iceGatheringState === 'complete') done(); };
        pc.onicegatheringstatechange = check;
        check();
    });
    await audio.resume();
"""
WAIT = """
    for (let i = 0; i < 300; i++) {
        if (%s) return %s;
        await new Promise(r => setTimeout(r, 100));
    }
    throw new Error('waited in vain: ' + JSON.stringify([states, messages]));
"""
HEARD = """
    const bins = new Float32Array(analyser.frequencyBinCount);
    let best = 0;
    for (let i = 0; i < 300; i++) {
        await new Promise(r => setTimeout(r, 100));
        analyser.getFloatFrequencyData(bins);
        best = bins.indexOf(Math.max(...bins));
        if (bins[best] > -40 && i > 10) break;
    }
    return best * audio.sampleRate / analyser.fftSize;
"""
SEND = "channel.send('x'.repeat(3000)); channel.send(new Uint8Array([0, 1])); channel.send('');"


@pytest.fixture
async def page() -> AsyncIterator[chromium.Page]:
    async with chromium.page() as page:
        await page.run(SET_UP)
        yield page


async def answer(page: chromium.Page, offer: str) -> str:
    sdp = await page.run(f"""
        await pc.setRemoteDescription({{type: 'offer', sdp: {json.dumps(offer)}}});
        if (!pc.getSenders()[0].track) pc.addTrack(stream.getTracks()[0], stream);
        await pc.setLocalDescription();
        await gathered();
        return pc.localDescription.sdp;
    """)
    assert isinstance(sdp, str)
    return sdp


async def check_both_ways(page: chromium.Page, program: Program, channel: int) -> None:
    await program.tell("send", f"{channel} hello")
    assert await page.run(WAIT % ("messages.length", "messages[0]")) == "hello"
    await page.run(SEND)
    assert await program.message() == (channel, "text", b"x" * 3000)
    assert await program.message() == (channel, "binary", b"\0\1")
    assert await program.message() == (channel, "text", b"")
    assert await page.run(HEARD) == pytest.approx(440, abs=8)
    await program.line("tone ")
    hertz, rms = (await program.line("tone ")).split()
    assert float(hertz) == 1000
    assert float(rms) > 2000


async def test_chromium_answers(page: chromium.Page) -> None:
    async with running("--tone", "440", "--bind", await own_address(page)) as program:
        await program.tell("answer", await answer(page, await program.sdp("offer")))
        await program.line("event connected")
        await program.tell("open", "rtvi-ai")
        channel, label = (await program.line("event channel-open")).split()
        assert label == "rtvi-ai"
        await check_both_ways(page, program, int(channel))
        await program.tell("restart")
        await program.tell("answer", await answer(page, await program.sdp("offer")))
        await program.line("event ice-connected")
        await program.tell("send", f"{channel} still here")
        assert await page.run(WAIT % ("messages.length > 1", "messages[1]")) == "still here"
        await program.tell("close")
        await program.line("event closed 0")
        assert await page.run(WAIT % ("messages.length > 2", "messages[2]")) == "closed"


async def test_chromium_offers(page: chromium.Page) -> None:
    async with running("--answer", "--tone", "440", "--bind", await own_address(page)) as program:
        offer = await page.run("""
            pc.addTrack(stream.getTracks()[0], stream);
            take(pc.createDataChannel('from-chromium', {protocol: 'any'}));
            await pc.setLocalDescription();
            await gathered();
            return pc.localDescription.sdp;
        """)
        await program.tell("offer", offer)
        reply = json.dumps(await program.sdp("answer"))
        await page.run(f"await pc.setRemoteDescription({{type: 'answer', sdp: {reply}}});")
        await program.line("event connected")
        channel, label = (await program.line("event channel-open")).split()
        assert label == "from-chromium"
        await check_both_ways(page, program, int(channel))
        await page.run("pc.close()")
        await program.line("event closed 1")


async def own_address(page: chromium.Page) -> str:
    """Where Chromium's own candidates are: it doesn't use the loopback interface."""
    sdp = await page.run("""
        const probe = new RTCPeerConnection();
        probe.createDataChannel('probe');
        await probe.setLocalDescription();
        for (let i = 0; i < 50 && probe.iceGatheringState !== 'complete'; i++)
            await new Promise(r => setTimeout(r, 100));
        return probe.localDescription.sdp;
    """)
    found = re.search(r"a=candidate:\S+ 1 udp \d+ (\d+\.\d+\.\d+\.\d+) ", sdp)
    assert found, sdp
    return found[1]
