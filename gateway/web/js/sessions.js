// The calls of this moment, and how well their packets travel.

import { $, attribute, h, keyed, text } from "./dom.js";
import { ms, percent, plural, span } from "./format.js";
import { botName } from "./store.js";

const FIGURES = [
  ["rtt", "round trip", "ms", (media) => ms(media.rtt_ms)],
  ["jitter", "jitter", "ms", (media) => ms(media.jitter_ms)],
  ["loss", "loss", "%", (media) => percent(media.loss)],
  ["delay", "playout", "ms", (media) => ms(media.delay_ms)],
];

export function sessionsView(store) {
  const render = () => show(store);
  store.addEventListener("sessions", render);
  setInterval(() => store.sessions.size && render(), 1000);
}

function show(store) {
  const sessions = [...store.sessions.values()].sort((a, b) => a.started_at - b.started_at);
  $("sessions-empty").hidden = sessions.length > 0;
  text($("sessions-count"), sessions.length ? plural(sessions.length, "call") : "");
  keyed($("sessions"), sessions, (session) => session.id, make, (row, session) => fill(row, session, store));
}

function make() {
  return h("li", { class: "row" },
    h("p", { class: "row-title" }, h("span", { class: "dot" }), h("span", { "data-part": "who" }), h("span", { class: "tag", "data-part": "mine" }, "this page")),
    h("p", { class: "row-since", "data-part": "since" }),
    h("p", { class: "row-detail", "data-part": "detail" }),
    h("dl", { class: "figures" }, ...FIGURES.map(([name, label, unit]) =>
      h("div", {}, h("dt", {}, label), h("dd", {}, h("span", { "data-part": name }), h("span", { class: "unit" }, unit))))));
}

function fill(row, session, store) {
  const part = (name) => row.querySelector(`[data-part="${name}"]`);
  attribute(row, "data-state", session.state);
  text(part("who"), session.device ?? (session.client === "browser" ? "Browser" : "Device"));
  part("mine").hidden = session.id !== store.mine;
  text(part("since"), session.state === "live" ? span(store.now() - session.started_at) : `${session.state}…`);
  text(part("detail"), [botName(session.bot), session.host, session.address, ...health(session.figures)].filter(Boolean).join(" · "));
  row.lastChild.hidden = session.media === null || session.state !== "live";
  for (const [name, , , figure] of FIGURES) text(part(name), session.media ? figure(session.media) : "");
}

/** What a device says of itself: its free memory, its radio, how often its speaker ran dry. */
function health(figures) {
  if (!figures) return [];
  const { heap_free: heap, rssi, underruns } = figures;
  return [heap && `${Math.round(heap / 1000)} kB free`, rssi && `${rssi} dBm`, underruns && plural(underruns, "gap")].filter(Boolean);
}
