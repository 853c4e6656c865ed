// Wires the parts: the stream of events into the store, the store into the views.

import * as api from "./api.js";
import { conversationView } from "./conversation.js";
import { devicesView } from "./devices.js";
import { $, showProblem, text } from "./dom.js";
import { span } from "./format.js";
import { servicesView } from "./services.js";
import { sessionsView } from "./sessions.js";
import { Store } from "./store.js";
import { Talk } from "./talk.js";
import { latencyView } from "./waterfall.js";

const BACKOFF_MS = { first: 500, ceiling: 15_000 };

const store = new Store();
let server = null; // {version, since}: what the header says
let wake = () => {}; // ends the current wait before a reconnect

sessionsView(store);
devicesView(store);
conversationView(store);
latencyView(store);
servicesView(store);
new Talk(store, askForKey);

$("gate-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const given = $("gate-key").value.trim();
  if (!/^[!-~]+$/.test(given)) {
    showProblem($("gate-problem"), { detail: "That is no key.", remedy: "Copy it whole, and nothing around it." });
    return;
  }
  api.key.set(given);
  wake();
});
addEventListener("online", () => wake());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && $("gate").hidden) wake();
});
setInterval(header, 1000);
follow();

/** Keeps the store up to date for as long as the page is open. */
async function follow() {
  for (let failures = 0; ; failures += 1) {
    try {
      // The stream is opened before the snapshot is taken, so no event falls between the two.
      const stream = await api.events();
      welcome(await api.state());
      failures = 0;
      for await (const { event, data } of stream) store.apply(event, data);
      link("waiting", "reconnecting…");
    } catch (error) {
      if (error.status === 401 || error.status === 403) askForKey(error);
      else link("waiting", error.status ? error.detail : "the gateway does not answer");
    }
    await pause(failures);
  }
}

function welcome({ version, uptime_s: uptime, open, ...snapshot }) {
  server = { version, since: Date.now() / 1000 - uptime };
  $("open-notice").hidden = !open;
  const focused = !$("gate").hidden;
  $("gate").hidden = true;
  $("board").hidden = false;
  if (focused) $("talk-button").focus();
  store.reset(snapshot);
  link("live", "live");
  header();
}

function askForKey(problem) {
  const first = $("gate").hidden;
  $("gate").hidden = false;
  $("board").hidden = true;
  link("waiting", "locked");
  // That a key is needed is on the page already; whatever else was wrong is not.
  showProblem($("gate-problem"), api.key.get() || problem.status === 403 ? problem : null);
  if (first) $("gate-key").focus();
  else $("gate-key").select();
}

function link(state, words) {
  $("link").dataset.state = state;
  text($("link"), words);
}

function header() {
  if (server) text($("about"), `${server.version} · up ${span(Date.now() / 1000 - server.since)}`);
}

/** Waits longer after each failure, until `wake()` is called; at the gate, for the key alone. */
function pause(failures) {
  const locked = !$("gate").hidden;
  const wait = Math.min(BACKOFF_MS.ceiling, BACKOFF_MS.first * 2 ** failures) * (0.75 + Math.random() / 2);
  return new Promise((resolve) => {
    wake = resolve;
    if (!locked) setTimeout(resolve, wait);
  });
}
