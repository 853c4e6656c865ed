// Stands in for Daily's SDK in Pipecat's own page (pipecat-ai-prebuilt 1.3.0), served in place of its daily-esm-*.js.
//
// That page opens the microphone through the SDK, which first fetches a "call machine" from c.daily.co. A LAN without
// internet would leave the page deaf, and a LAN with it would tell a third party of each visit. What the page's
// SmallWebRTC transport asks of the SDK (its DailyMediaManager) is only what browsers do themselves: this.

const DENIED = new Set(["NotAllowedError", "SecurityError"]);

class Call {
  #listeners = new Map();
  #tracks = { audio: null, video: null, screenVideo: null, screenAudio: null };
  #chosen = { audio: null, video: null, speaker: "default" };
  #observer = null;

  constructor() {
    navigator.mediaDevices?.addEventListener("devicechange", async () => {
      const { devices } = await this.enumerateDevices();
      this.#emit("available-devices-updated", { availableDevices: devices });
    });
  }

  on(event, listener) {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
    return this;
  }

  participants() {
    const tracks = Object.entries(this.#tracks).map(([kind, track]) => [kind, { persistentTrack: track ?? undefined }]);
    return { local: { local: true, user_id: "local", user_name: "", tracks: Object.fromEntries(tracks) } };
  }

  async enumerateDevices() {
    return { devices: (await navigator.mediaDevices?.enumerateDevices()) ?? [] };
  }

  async startCamera({ startAudioOff = false, startVideoOff = false } = {}) {
    if (!startAudioOff) await this.#open("audio");
    if (!startVideoOff) await this.#open("video");
    return this.#selected();
  }

  async setInputDevicesAsync({ audioDeviceId, videoDeviceId }) {
    if (audioDeviceId) await this.#choose("audio", audioDeviceId);
    if (videoDeviceId) await this.#choose("video", videoDeviceId);
    const devices = await this.#selected();
    this.#emit("selected-devices-updated", { devices });
    return devices;
  }

  async setOutputDeviceAsync({ outputDeviceId }) {
    this.#chosen.speaker = outputDeviceId;
    return this.#selected();
  }

  setLocalAudio(on) {
    this.#turn("audio", on);
  }

  setLocalVideo(on) {
    this.#turn("video", on);
  }

  localAudio() {
    return isOn(this.#tracks.audio);
  }

  localVideo() {
    return isOn(this.#tracks.video);
  }

  localScreenVideo() {
    return isOn(this.#tracks.screenVideo);
  }

  localScreenAudio() {
    return isOn(this.#tracks.screenAudio);
  }

  async startScreenShare() {
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({ video: true });
      this.#started("screenVideo", stream.getVideoTracks()[0]);
    } catch (error) {
      console.info("the screen is not shared", error); // the user changed their mind
    }
  }

  stopScreenShare() {
    this.#stopped("screenVideo");
  }

  isLocalAudioLevelObserverRunning() {
    return this.#observer !== null;
  }

  /** Tells how loud the microphone is, 0 … 1, every so many milliseconds. */
  async startLocalAudioLevelObserver(interval) {
    const context = new AudioContext();
    const analyser = new AnalyserNode(context, { fftSize: 1024 });
    const samples = new Float32Array(analyser.fftSize);
    let heard = null;
    let source = null;
    this.#observer = setInterval(() => {
      if (heard !== this.#tracks.audio) {
        source?.disconnect();
        heard = this.#tracks.audio;
        source = heard && context.createMediaStreamSource(new MediaStream([heard]));
        source?.connect(analyser);
      }
      analyser.getFloatTimeDomainData(samples);
      this.#emit("local-audio-level", { audioLevel: Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length) });
    }, interval);
  }

  /** Without a word: a track that was told to have stopped would count as muted in the next call. */
  leave() {
    for (const kind of Object.keys(this.#tracks)) {
      this.#tracks[kind]?.stop();
      this.#tracks[kind] = null;
    }
  }

  async #choose(kind, deviceId) {
    this.#chosen[kind] = deviceId;
    this.#stopped(kind);
    await this.#open(kind);
  }

  /** Opens the microphone or the camera; the transport stops the tracks itself when a call ends. */
  async #open(kind) {
    if (this.#tracks[kind]?.readyState === "live") return;
    const deviceId = this.#chosen[kind] ? { exact: this.#chosen[kind] } : undefined;
    try {
      if (!navigator.mediaDevices) throw new DOMException("microphones are for https and localhost", "SecurityError");
      const stream = await navigator.mediaDevices.getUserMedia({ [kind]: { deviceId } });
      this.#started(kind, stream.getTracks()[0]);
    } catch (error) {
      this.#emit("camera-error", { error: deviceError(kind, error) });
    }
  }

  #turn(kind, on) {
    const track = this.#tracks[kind];
    if (track?.readyState !== "live") {
      if (on) this.#open(kind);
      return;
    }
    track.enabled = on;
    this.#tell(on ? "track-started" : "track-stopped", kind, track);
  }

  #started(kind, track) {
    this.#tracks[kind] = track;
    track.addEventListener("ended", () => this.#tracks[kind] === track && this.#stopped(kind));
    this.#tell("track-started", kind, track);
  }

  #stopped(kind) {
    const track = this.#tracks[kind];
    if (!track) return;
    this.#tracks[kind] = null;
    track.stop();
    this.#tell("track-stopped", kind, track);
  }

  async #selected() {
    const { devices } = await this.enumerateDevices();
    const find = (kind, id) => devices.find((device) => device.kind === kind && device.deviceId === id) ?? {};
    const used = (kind) => this.#tracks[kind]?.getSettings().deviceId;
    return {
      mic: find("audioinput", used("audio")),
      camera: find("videoinput", used("video")),
      speaker: find("audiooutput", this.#chosen.speaker),
    };
  }

  #tell(event, type, track) {
    this.#emit(event, { type, track, participant: this.participants().local });
  }

  #emit(event, detail) {
    for (const listener of this.#listeners.get(event) ?? []) listener({ action: event, ...detail });
  }
}

function isOn(track) {
  return track?.readyState === "live" && track.enabled;
}

/** A refusal in Daily's words. */
function deviceError(kind, error) {
  const device = kind === "audio" ? "mic" : "cam";
  if (DENIED.has(error.name)) return { type: "permissions", blockedMedia: [kind], blockedBy: "user", msg: error.message };
  if (error.name === "NotFoundError") return { type: "not-found", missingMedia: [kind], msg: error.message };
  if (error.name === "NotReadableError") return { type: `${device}-in-use`, msg: error.message };
  return { type: "unknown", msg: error.message };
}

let instance = null;

const Daily = {
  getCallInstance: () => instance ?? undefined,
  createCallObject: () => (instance ??= new Call()),
};

export { Daily as t, Daily as default };
