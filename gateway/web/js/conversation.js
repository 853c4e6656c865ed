// What is being said, line by line; the line in progress is dim until it is final.

import { $, attribute, h, keyed, text } from "./dom.js";
import { clock } from "./format.js";

// Reading further up must not be interrupted; this close to the end, the reader wants to follow.
const NEAR_END_PX = 48;
const PAUSE_S = 4;

export function conversationView(store) {
  store.addEventListener("transcripts", () => show(store));
}

function show(store) {
  const log = $("transcripts");
  const follows = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END_PX;
  log.hidden = store.transcripts.length + store.tools.length === 0;
  $("transcripts-empty").hidden = !log.hidden;
  keyed(log, lines(store), (line) => line.key, make, fill);
  if (follows) log.scrollTop = log.scrollHeight;
}

/** Transcripts as paragraphs, with the name of the speaker, which is shown only where the speaker changes. */
function lines(store) {
  let last = null;
  return merged(paragraphs(store.transcripts), store.tools).map((line) => {
    if (line.who === "tool") {
      last = null;
      return { ...line, key: `tool ${line.session} ${line.at} ${line.name}`, changed: true, final: true, name: line.ok ? "tool" : "tool, failed" };
    }
    const parties = store.parties(line.session);
    const speaker = `${line.session} ${line.who}`;
    const changed = speaker !== last;
    last = speaker;
    const to = line.who === "bot" && parties.user !== "you" ? ` to ${parties.user}` : "";
    // A final line is a new element, so that a screen reader announces it and not its beginnings.
    const key = line.final ? `${speaker} ${line.at}` : `${speaker} …`;
    return { ...line, key, changed, name: parties[line.who] + to };
  });
}

/** Calls of tools among what was said, by when they began. */
function merged(said, tools) {
  const called = tools.map((tool) => ({ ...tool, who: "tool", text: `${tool.name.replaceAll("_", " ")} ${brief(tool.arguments)} → ${tool.result}` }));
  return [...said, ...called].sort((a, b) => a.at - b.at);
}

/** Arguments without the signs of JSON. */
function brief(args) {
  try {
    return Object.entries(JSON.parse(args)).map(([name, value]) => `${name}: ${value}`).join(", ");
  } catch {
    return args;
  }
}

/** Some voices report word by word: what one speaker says without a pause is one paragraph. */
function paragraphs(transcripts) {
  const result = [];
  for (const transcript of transcripts) {
    const before = result.at(-1);
    const same = before?.session === transcript.session && before.who === transcript.who;
    if (same && before.final && transcript.final && transcript.at - before.until < PAUSE_S) {
      before.text += ` ${transcript.text}`;
      before.until = transcript.at;
    } else {
      result.push({ ...transcript, until: transcript.at });
    }
  }
  return result;
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
  text(part("name"), line.name);
  text(part("at"), clock(line.at));
  text(part("said"), line.text);
}
