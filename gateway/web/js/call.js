// One call from this browser, the way Pipecat's SmallWebRTC client makes it: offer, trickle, ping, RTVI.

import { Problem, json } from "./api.js";

const OFFER = "/api/offer";
// The gateway takes 3 s without a ping for a client that is gone (Pipecat's SmallWebRTCConnection).
const PING_MS = 1000;
const CONNECT_MS = 15_000;
// ICE may recover from a short gap by itself; Pipecat's client gives it as long.
const GRACE_MS = 5000;

/**
 * Events: `connected` (detail: the remote MediaStream), then `ended`, exactly once, whose detail is null
 * after `hangup()` or the gateway's goodbye, else a Problem. `session` is the id of its session, if told.
 */
export class Call extends EventTarget {
  session = null;
  #pc = new RTCPeerConnection({ iceServers: [] }); // a LAN needs no STUN, and may have no internet
  #id = null;
  #candidates = [];
  #abort = new AbortController();
  #timers = [];
  #ended = false;

  constructor(microphone) {
    super();
    const [track] = microphone.getAudioTracks();
    this.#pc.addTransceiver(track, { direction: "sendrecv", streams: [microphone] });
    this.#channel(this.#pc.createDataChannel("chat", { ordered: true }));
    this.#pc.addEventListener("track", ({ track: remote }) => this.#remote.addTrack(remote));
    this.#pc.addEventListener("icecandidate", ({ candidate }) => this.#trickle(candidate));
    this.#pc.addEventListener("connectionstatechange", () => this.#changed());
  }

  #remote = new MediaStream();

  /** Offers; `connected` or `ended` follows. */
  async start() {
    this.#after(CONNECT_MS, () => this.#pc.connectionState === "connected" || this.#end(noMedia()));
    try {
      await this.#pc.setLocalDescription();
      const { sdp, type } = this.#pc.localDescription;
      const answer = await json(OFFER, { method: "POST", body: { sdp, type }, signal: this.#abort.signal });
      this.session = answer.session_id ?? null;
      await this.#pc.setRemoteDescription({ sdp: answer.sdp, type: answer.type });
      this.#id = answer.pc_id;
      this.#flush();
    } catch (error) {
      this.#end(error instanceof Problem ? error : new Problem({ detail: `The call could not be set up: ${error.message}` }));
    }
  }

  hangup() {
    this.#end(null);
  }

  #changed() {
    const state = this.#pc.connectionState;
    if (state === "connected") this.dispatchEvent(new CustomEvent("connected", { detail: this.#remote }));
    if (state === "disconnected") this.#after(GRACE_MS, () => this.#pc.connectionState === "connected" || this.#end(lost()));
    if (state === "failed") this.#end(this.#id ? lost() : noMedia());
  }

  /** Candidates wait for the answer, which names the connection; those of one moment travel together. */
  #trickle(candidate) {
    if (!candidate?.candidate) return;
    this.#candidates.push({ candidate: candidate.candidate, sdp_mid: candidate.sdpMid, sdp_mline_index: candidate.sdpMLineIndex });
    if (this.#candidates.length === 1) this.#after(50, () => this.#flush());
  }

  #flush() {
    if (!this.#id || !this.#candidates.length || this.#ended) return;
    const body = { pc_id: this.#id, candidates: this.#candidates.splice(0) };
    // A candidate that is lost or refused may not be needed; if it was, the time-out says so.
    json(OFFER, { method: "PATCH", body, signal: this.#abort.signal }).catch((error) => console.debug("candidates", error));
  }

  #channel(channel) {
    channel.addEventListener("open", () => {
      channel.send(JSON.stringify({ label: "rtvi-ai", type: "client-ready", id: id(), data: { version: "1.0.0", about: { library: "voicegw-page" } } }));
      this.#timers.push(setInterval(() => channel.readyState === "open" && channel.send("ping"), PING_MS));
    });
    channel.addEventListener("message", ({ data }) => this.#message(data));
    channel.addEventListener("close", () => this.#end(null));
  }

  #message(data) {
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return; // a bot may send what it likes on its channel
    }
    if (message?.type === "signalling" && message.message?.type === "peerLeft") this.#end(null);
  }

  #after(delay, act) {
    this.#timers.push(setTimeout(act, delay));
  }

  #end(problem) {
    if (this.#ended) return;
    this.#ended = true;
    this.#timers.forEach(clearTimeout); // clears intervals as well (HTML standard: one list of timers)
    this.#abort.abort();
    this.#pc.close();
    this.dispatchEvent(new CustomEvent("ended", { detail: problem }));
  }
}

/** crypto.randomUUID is for secure pages only, and this one may be served over http. */
function id() {
  return Array.from(crypto.getRandomValues(new Uint8Array(4)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function noMedia() {
  return new Problem({
    code: "no_media",
    detail: "The gateway answered, but no sound can get through to it.",
    remedy: `Something between this browser and ${location.hostname} stops UDP: look for a VPN or a firewall.`,
  });
}

function lost() {
  return new Problem({
    code: "connection_lost",
    detail: "The connection to the gateway was lost.",
    remedy: "Is the network still there? Talk again when it is.",
  });
}
