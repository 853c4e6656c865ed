// One call from this browser, the way Pipecat's SmallWebRTC client makes it: offer, trickle, ping, RTVI.
// Where its connection is lost it goes on over another, with the same bot, for as long as the gateway waits.

import { Problem, json } from "./api.js";

const START = "/start";
const OFFER = "/api/offer";
// The gateway takes 3 s without a ping for a client that is gone (Pipecat's SmallWebRTCConnection).
const PING_MS = 1000;
const CONNECT_MS = 15_000;
// ICE may recover from a short gap by itself.
const GRACE_MS = 2000;
// The gateway notices after 5 s, and waits for 30 (limits.reconnect_timeout_s).
const AGAIN_MS = 35_000;
const TRY_MS = 4000;
const BETWEEN_MS = 500;

/** A peer connection with its channel; says `connected`, `lost` and `left`, and what it finds for candidates. */
class Line extends EventTarget {
  pc;
  remote = new MediaStream();
  introduce = true;
  #timers = [];

  constructor(microphone, iceServers) {
    super();
    this.pc = new RTCPeerConnection({ iceServers });
    const [track] = microphone.getAudioTracks();
    this.pc.addTransceiver(track, { direction: "sendrecv", streams: [microphone] });
    this.#channel(this.pc.createDataChannel("chat", { ordered: true }));
    this.pc.addEventListener("track", ({ track: remote }) => this.remote.addTrack(remote));
    this.pc.addEventListener("connectionstatechange", () => this.#changed());
  }

  get up() {
    return this.pc.connectionState === "connected";
  }

  close() {
    this.#timers.forEach(clearTimeout); // clears intervals as well (HTML standard: one list of timers)
    this.pc.close();
  }

  /** Whether it is up before this many milliseconds have passed. */
  async comesUp(within) {
    for (const until = performance.now() + within; performance.now() < until && !this.up; ) {
      if (["failed", "closed"].includes(this.pc.connectionState)) return false;
      await pause(50);
    }
    return this.up;
  }

  #say(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #changed() {
    const state = this.pc.connectionState;
    if (state === "connected") this.#say("connected", this.remote);
    if (state === "failed") this.#say("lost");
    if (state === "disconnected") this.#timers.push(setTimeout(() => this.up || this.#say("lost"), GRACE_MS));
  }

  #channel(channel) {
    channel.addEventListener("open", () => {
      if (this.introduce) channel.send(JSON.stringify({ label: "rtvi-ai", type: "client-ready", id: id(), data: { version: "1.0.0", about: { library: "voicegw-page" } } }));
      this.#timers.push(setInterval(() => channel.readyState === "open" && channel.send("ping"), PING_MS));
    });
    channel.addEventListener("message", ({ data }) => this.#message(data));
    channel.addEventListener("close", () => this.#say("left"));
  }

  #message(data) {
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return; // a bot may send what it likes on its channel
    }
    if (message?.type === "signalling" && message.message?.type === "peerLeft") this.#say("left");
  }
}

/**
 * Events: `connected` (detail: the remote MediaStream), `lost` and `connected` again whenever the connection was lost
 * and is back, then `ended`, exactly once, whose detail is null after `hangup()` or the gateway's goodbye, else a
 * Problem. `session` is the id of its session, if told.
 */
export class Call extends EventTarget {
  session = null;
  #microphone;
  #servers = []; // a LAN needs none, and may have no internet
  #line;
  #id = null;
  #candidates = [];
  #answered = false;
  #abort = new AbortController();
  #lost = false;
  #ended = false;

  constructor(microphone) {
    super();
    this.#microphone = microphone;
  }

  /** Offers; `connected` or `ended` follows. */
  async start() {
    try {
      const { iceConfig } = await json(START, { method: "POST", body: {}, signal: this.#abort.signal });
      this.#servers = iceConfig?.iceServers ?? [];
      this.#line = this.#open();
      await this.#offer(this.#line, this.#abort.signal, {});
    } catch (error) {
      return this.#end(error instanceof Problem ? error : new Problem({ detail: `The call could not be set up: ${error.message}` }));
    }
    if (!(await this.#line.comesUp(CONNECT_MS)) && !this.#lost) this.#end(noMedia());
  }

  hangup() {
    this.#end(null);
  }

  #open() {
    this.#answered = false;
    this.#candidates = [];
    const line = new Line(this.#microphone, this.#servers);
    line.pc.addEventListener("icecandidate", ({ candidate }) => line === this.#line && this.#trickle(candidate));
    line.addEventListener("connected", ({ detail }) => line === this.#line && this.#connected(detail));
    line.addEventListener("lost", () => line === this.#line && this.#again());
    line.addEventListener("left", () => line === this.#line && !this.#lost && this.#end(null));
    return line;
  }

  async #offer(line, signal, more) {
    await line.pc.setLocalDescription();
    const { sdp, type } = line.pc.localDescription;
    const answer = await json(OFFER, { method: "POST", body: { sdp, type, ...more }, signal });
    line.introduce = !answer.resumed; // a bot that knows us would greet us again
    await line.pc.setRemoteDescription({ sdp: answer.sdp, type: answer.type });
    this.session = answer.session_id ?? null;
    this.#id = answer.pc_id;
    this.#answered = true;
    this.#flush();
  }

  #connected(remote) {
    this.#lost = false;
    this.dispatchEvent(new CustomEvent("connected", { detail: remote }));
  }

  /** The connection is lost: go on over another, or over this one if it recovers. */
  async #again() {
    if (this.#lost || this.#ended) return;
    if (!this.#id) return this.#end(noMedia());
    this.#lost = true;
    this.dispatchEvent(new CustomEvent("lost"));
    for (const until = performance.now() + AGAIN_MS; performance.now() < until && this.#lost && !this.#ended; ) {
      const problem = await this.#try();
      if (problem) return this.#end(problem);
      await pause(BETWEEN_MS);
    }
    if (this.#lost) this.#end(lost());
  }

  /** One try; gives the problem for which no other is worth while. */
  async #try() {
    const before = this.#line;
    if (before.up) return this.#connected(before.remote); // it has recovered
    this.#line = this.#open();
    try {
      const signal = AbortSignal.any([this.#abort.signal, AbortSignal.timeout(TRY_MS)]);
      await this.#offer(this.#line, signal, { pc_id: this.#id, restart_pc: true });
    } catch (error) {
      this.#line.close();
      this.#line = before;
      return error.status >= 400 && error.status < 500 && error.status !== 429 ? error : null;
    } finally {
      if (this.#ended) before.close();
    }
    before.close(); // and not earlier: its goodbye would end the call
    await this.#line.comesUp(TRY_MS);
    return null;
  }

  /** Candidates wait for the answer, which names the connection; those of one moment travel together. */
  #trickle(candidate) {
    if (!candidate?.candidate) return;
    this.#candidates.push({ candidate: candidate.candidate, sdp_mid: candidate.sdpMid, sdp_mline_index: candidate.sdpMLineIndex });
    if (this.#candidates.length === 1) setTimeout(() => this.#flush(), 50);
  }

  #flush() {
    if (!this.#answered || !this.#candidates.length || this.#ended) return;
    const body = { pc_id: this.#id, candidates: this.#candidates.splice(0) };
    // A candidate that is lost or refused may not be needed; if it was, the time-out says so.
    json(OFFER, { method: "PATCH", body, signal: this.#abort.signal }).catch((error) => console.debug("candidates", error));
  }

  #end(problem) {
    if (this.#ended) return;
    this.#ended = true;
    this.#abort.abort();
    this.#line?.close();
    this.dispatchEvent(new CustomEvent("ended", { detail: problem }));
  }
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
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
