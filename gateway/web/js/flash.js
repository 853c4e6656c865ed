// The page at /flash: the gateway's releases with a button of ESP Web Tools each, and a key for a board.

import { json, key } from "./api.js";
import { $, h, rich, showProblem, text } from "./dom.js";
import { Board } from "./board.js";

/** A file of this site, whatever it lies below: as files, it may be anywhere (gateway/front/site.py). */
const here = (path) => new URL(`../../${path}`, import.meta.url).href;

const say = (message) => {
  $("notice").hidden = !message;
  $("notice").replaceChildren(...rich(message));
};

/** Why boards cannot be flashed from here, or null. */
function obstacle() {
  if (!window.isSecureContext) return "A browser opens serial ports for `localhost` and over https only: open this page on the gateway’s own machine.";
  if (!("serial" in navigator)) return "This browser has no Web Serial. Use Chrome or Edge, or `voicegw flash` on a terminal.";
  return null;
}

/** ESP Web Tools fetch by themselves, and know nothing of the key of this tab. */
function lendKey() {
  const plain = window.fetch;
  window.fetch = (what, { headers, ...more } = {}) => plain(what, { ...more, headers: { Authorization: `Bearer ${key.get()}`, ...headers } });
}

async function loadTools() {
  if (key.get()) lendKey();
  try {
    await import(here("flash/tools/install-button.js"));
  } catch {
    say("The flasher’s own tools are not here: in a checkout of voicegw, run `make flasher` once, then `make run`, and load this page again.");
  }
}

function row(release) {
  const address = here(`flash/manifest/${encodeURIComponent(release.board)}/${encodeURIComponent(release.version)}`);
  const button = h("button", { slot: "activate", class: "button", type: "button" }, "Flash");
  const install = h("esp-web-install-button", { manifest: address }, button);
  return h("li", {}, `${release.board} (${release.chip}), ${release.version} `, install);
}

async function showReleases() {
  const releases = await json(document.documentElement.dataset.releases);
  $("releases").replaceChildren(...releases.map(row));
  if (!releases.length) say("There is no firmware here yet: build it with `voicegw build --board NAME`, and set `releases = \"firmware/build\"` in `voicegw.toml`.");
}

async function enrol(name) {
  const board = await Board.open();
  try {
    await board.ask("state"); // before there is a key that nobody has
    const { pin } = await json("/api/identity");
    const device = await json("/api/devices", { method: "POST", body: { name } });
    try {
      await board.ask(`settings set name ${name}`);
      await board.ask(`settings set fingerprint ${pin}`);
      await board.ask(`settings set key ${device.key}`);
    } catch (error) {
      await json(`/api/devices/${encodeURIComponent(name)}`, { method: "DELETE" }).catch(() => {}); // a key that nobody has
      throw error;
    }
  } finally {
    await board.close();
  }
}

$("elsewhere").hidden = $("key-form") !== null;
$("key-form")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = $("key-name").value;
  showProblem($("problem"), null);
  text($("key-status"), "Choose the board’s port …");
  try {
    await enrol(name);
    text($("key-status"), `${name} is let in.`);
  } catch (problem) {
    text($("key-status"), "");
    showProblem($("problem"), { detail: problem.detail ?? problem.message, remedy: problem.remedy });
  }
});

const hindered = obstacle();
if (hindered) say(hindered);
else await loadTools();
await showReleases().catch((problem) => showProblem($("problem"), problem));
