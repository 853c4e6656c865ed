// The talk button: a state table, what each state looks like, and what happens on the way.

import { Call } from "./call.js";
import { $, attribute, sentence, showProblem, text } from "./dom.js";
import { level } from "./level.js";
import { gone, openMicrophone } from "./microphone.js";
import { Strip } from "./strip.js";

/** state → event → state. An event that is not listed is ignored in that state. */
export const TABLE = {
  idle: { press: "asking" },
  asking: { press: "idle", granted: "connecting", failed: "error" },
  connecting: { press: "idle", connected: "live", ended: "idle", failed: "error" },
  live: { press: "idle", lost: "away", ended: "idle", failed: "error" },
  away: { press: "idle", connected: "live", ended: "idle", failed: "error" },
  error: { press: "asking" },
};

const LOOKS = {
  idle: ["Talk", "The microphone is off."],
  asking: ["Cancel", "Your browser is asking you for the microphone."],
  connecting: ["Cancel", "Connecting…"],
  live: ["End", "You are live. Just speak."],
  away: ["End", "The connection is lost. Getting it back…"],
  error: ["Try again", "That did not work."],
};

export class Talk {
  #state = "idle";
  #store;
  #askForKey;
  #microphone = null;
  #call = null;
  #context = null;
  #strip = new Strip($("strip"));

  constructor(store, askForKey) {
    this.#store = store;
    this.#askForKey = askForKey;
    $("talk-button").addEventListener("click", () => this.#press());
    $("mute").addEventListener("click", () => this.#mute($("mute").getAttribute("aria-pressed") !== "true"));
    addEventListener("pagehide", () => this.#call?.hangup());
    store.addEventListener("ended", ({ detail }) => this.#told(detail));
    this.#look(LOOKS.idle[1]);
  }

  /** Follows the table; false if the event has no place in this state. */
  #go(event, status) {
    const next = TABLE[this.#state][event];
    if (!next) return false;
    this.#state = next;
    this.#look(status || LOOKS[next][1]);
    return true;
  }

  #look(status) {
    $("talk").dataset.state = this.#state;
    text($("talk-label"), LOOKS[this.#state][0]);
    text($("talk-status"), status);
    $("mute").hidden = this.#state !== "live";
    if (this.#state !== "error") showProblem($("talk-problem"), null);
    document.title = this.#state === "live" ? "Live · voicegw" : "voicegw";
  }

  #press() {
    if (this.#go("press") && this.#state === "asking") this.#begin();
    else this.#release();
  }

  async #begin() {
    // Made within the click, for browsers start audio only then.
    this.#context = new AudioContext();
    const context = this.#context;
    try {
      const microphone = await openMicrophone();
      if (this.#state !== "asking" || context !== this.#context) return stop(microphone);
      this.#microphone = microphone;
      microphone.getAudioTracks()[0].addEventListener("ended", () => microphone === this.#microphone && this.#fail(gone()));
    } catch (problem) {
      if (context === this.#context) this.#fail(problem);
      return;
    }
    this.#go("granted");
    this.#mute(false);
    this.#strip.start({ you: level(this.#context, this.#microphone) });
    this.#dial();
  }

  #dial() {
    const call = new Call(this.#microphone);
    this.#call = call;
    call.addEventListener("connected", ({ detail: remote }) => {
      if (!this.#go("connected")) return; // connected again after a gap too short to matter
      this.#mute($("mute").getAttribute("aria-pressed") === "true");
      this.#store.own(call.session);
      $("speaker").srcObject = remote;
      this.#strip.add({ bot: level(this.#context, remote) });
    });
    call.addEventListener("lost", () => this.#go("lost"));
    call.addEventListener("ended", ({ detail: problem }) => {
      if (call !== this.#call) return;
      if (problem) this.#fail(problem);
      else if (this.#go("ended", "The gateway ended the call.")) this.#release();
    });
    call.start();
  }

  /** The gateway says why a session ended; if it was ours, that is the better status. */
  #told({ session, reason }) {
    if (session === this.#store.mine && reason && this.#go("ended", `The call has ended: ${reason.replaceAll("_", " ")}.`)) this.#release();
  }

  #fail(problem) {
    if (!this.#go("failed", problem.title && sentence(problem.title))) return;
    showProblem($("talk-problem"), problem);
    this.#release();
    if (problem.status === 401) this.#askForKey(problem);
  }

  #mute(muted) {
    this.#microphone?.getAudioTracks().forEach((track) => {
      track.enabled = !muted;
    });
    attribute($("mute"), "aria-pressed", String(muted));
    if (this.#state === "live") text($("talk-status"), muted ? "You are muted." : LOOKS.live[1]);
  }

  #release() {
    const call = this.#call;
    this.#call = null;
    call?.hangup();
    stop(this.#microphone);
    this.#microphone = null;
    this.#strip.stop();
    $("speaker").srcObject = null;
    this.#context?.close();
    this.#context = null;
    this.#store.own(null);
  }
}

function stop(stream) {
  stream?.getTracks().forEach((track) => track.stop());
}
