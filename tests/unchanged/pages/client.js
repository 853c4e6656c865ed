// Pipecat's JS client as an author uses it, on a dev server of another origin than the bot's.
import { PipecatClient } from "@pipecat-ai/client-js";
import { SmallWebRTCTransport, WavMediaManager } from "@pipecat-ai/small-webrtc-transport";

window.states = [];
window.ready = 0;
const audio = new Audio();
audio.autoplay = true;

window.call = async (url) => {
  const client = new PipecatClient({
    transport: new SmallWebRTCTransport({ mediaManager: new WavMediaManager() }),
    enableMic: true,
    enableCam: false,
    callbacks: {
      onTransportStateChanged: (state) => window.states.push(state),
      onBotReady: () => { window.ready += 1; },
      onTrackStarted: (track, participant) => {
        if (!participant?.local && track.kind === "audio") audio.srcObject = new MediaStream([track]);
      },
    },
  });
  window.client = client;
  await client.startBotAndConnect({ endpoint: `${url}/start`, requestData: { transport: "webrtc", body: { from: "js" } } });
};
window.leave = () => window.client.disconnect();
