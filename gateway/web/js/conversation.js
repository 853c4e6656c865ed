// What is being said, line by line; the line in progress is dim until it is final.

import { $, attribute, h, keyed, text } from "./dom.js";
import { clock } from "./format.js";

// Reading further up must not be interrupted; this close to the end, the reader wants to follow.
const NEAR_END_PX = 48;

export function conversationView(store) {
  store.addEventListener("transcripts", () => show(store));
  store.addEventListener("sessions", () => show(store));
}

function show(store) {
  const log = $("transcripts");
  const follows = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END_PX;
  log.hidden = store.transcripts.length === 0;
  $("transcripts-empty").hidden = !log.hidden;
  keyed(log, lines(store), (line) => line.key, make, fill);
  if (follows) log.scrollTop = log.scrollHeight;
}

/** Transcripts with the name of their speaker, which is given only where the speaker changes. */
function lines(store) {
  let last = "";
  return store.transcripts.map((transcript) => {
    const parties = store.parties(transcript.session);
    const speaker = `${transcript.session} ${transcript.who}`;
    const changed = speaker !== last;
    last = speaker;
    const to = transcript.who === "bot" && parties.user !== "you" ? ` to ${parties.user}` : "";
    // A final line is a new element, so that a screen reader announces it and not its beginnings.
    const key = transcript.final ? `${speaker} ${transcript.at} ${transcript.text}` : `${speaker} …`;
    return { ...transcript, key, changed, name: parties[transcript.who], to };
  });
}

function make() {
  return h("div", { class: "line" },
    h("p", { class: "who", "data-part": "name" }),
    h("time", { class: "at", "data-part": "at" }),
    h("p", { class: "said", "data-part": "said" }));
}

function fill(row, line) {
  const part = (name) => row.querySelector(`[data-part="${name}"]`);
  attribute(row, "data-who", line.who);
  attribute(row, "data-final", line.final);
  attribute(row, "data-changed", line.changed);
  attribute(row, "aria-hidden", line.final ? null : "true");
  text(part("name"), line.name + line.to);
  text(part("at"), clock(line.at));
  text(part("said"), line.text);
}
