// Who may connect, and what mDNS sees on the LAN.

import { json } from "./api.js";
import { $, attribute, h, keyed, rich, showProblem, text } from "./dom.js";
import { ago } from "./format.js";
import { panelOf } from "./panel.js";

let firmware = []; // the gateway's releases, newest first

export function devicesView(store) {
  const render = () => show(store);
  store.addEventListener("devices", render);
  store.addEventListener("fresh", async () => {
    firmware = await json("/api/firmware").catch(() => []);
    render();
  });
  setInterval(() => store.devices.size && render(), 10_000);
  store.addEventListener("remembered", ({ detail: device }) => {
    for (const panel of document.querySelectorAll("#devices .panel")) if (panel.dataset.of === device) panel.changed();
  });
  $("enrol").addEventListener("submit", (event) => enrol(event, store));
  $("update-all").addEventListener("click", () => update(null));
}

/** Brings the newest firmware to devices, by name; null is all of those that run something older. */
async function update(devices) {
  showProblem($("devices-problem"), null);
  try {
    await json("/api/rollout", { method: "POST", body: { devices } });
  } catch (problem) {
    showProblem($("devices-problem"), problem);
  }
}

/** Makes a key, and shows it this once. */
async function enrol(event, store) {
  event.preventDefault();
  showProblem($("devices-problem"), null);
  $("enrolled").hidden = true;
  try {
    const made = await json("/api/devices", { method: "POST", body: { name: $("enrol-name").value.trim(), role: $("enrol-role").value } });
    text($("enrolled-name"), made.name);
    text($("enrolled-key"), made.key);
    $("enrolled").hidden = false;
    $("enrol-name").value = "";
    await refresh(store);
  } catch (problem) {
    showProblem($("devices-problem"), problem);
  }
}

/** Who has a key changes without a call. */
async function refresh(store) {
  const devices = await json("/api/devices");
  store.devices = new Map(devices.map((device) => [device.id, device]));
  show(store);
}

/** The release that a device in a call could take, or undefined. */
function newer(device) {
  if (!device.known || !device.online || device.revoked) return undefined;
  const newest = firmware.find((release) => release.board === device.board);
  return newest && device.fw && newest.version !== device.fw && isNewer(newest.version, device.fw) ? newest : undefined;
}

/** By its place in the gateway's list, which is in order; by its numbers where it is not in it. */
function isNewer(version, than) {
  const at = (wanted) => firmware.findIndex((release) => release.version === wanted);
  if (at(than) >= 0) return at(version) < at(than);
  return version.localeCompare(than, undefined, { numeric: true }) > 0;
}

function show(store) {
  const devices = [...store.devices.values()].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
  const online = devices.filter((device) => device.online).length;
  $("devices-empty").hidden = devices.length > 0;
  text($("devices-count"), devices.length ? `${online} of ${devices.length} online` : "");
  $("update-all").hidden = devices.filter(newer).length < 2 || store.rollout?.done === false;
  keyed($("devices"), devices, (device) => device.id, make, (row, device) => fill(row, device, store));
}

/** Strangers first, for they need a decision; then who is online, the rest, the revoked. */
function rank(device) {
  if (!device.known) return 0;
  if (device.revoked) return 3;
  return device.online ? 1 : 2;
}

function make() {
  return h("li", { class: "row" },
    h("p", { class: "row-title" }, h("span", { class: "dot" }), h("span", { "data-part": "name" }), h("span", { class: "tag", "data-part": "tag" })),
    h("p", { class: "row-since", "data-part": "seen" }),
    h("p", { class: "row-detail", "data-part": "detail" }),
    h("p", { class: "row-action", "data-part": "action" }));
}

/** A device with a key of ours can be managed, and an operator's be revoked. */
function manage(row, device, store) {
  let panel = row.querySelector(".panel");
  if (!device.known || device.revoked) {
    panel?.remove();
    return;
  }
  if (!panel) {
    panel = panelOf(device.name, device.role, () => refresh(store));
    panel.dataset.of = device.name;
    row.append(panel);
  }
  panel.fill(device);
}

function fill(row, device, store) {
  const part = (name) => row.querySelector(`[data-part="${name}"]`);
  attribute(row, "data-state", state(device));
  text(part("name"), device.name);
  text(part("tag"), device.role === "operator" ? "operator" : "");
  part("tag").hidden = device.role !== "operator";
  text(part("seen"), seen(device, store.now()));
  const facts = [device.board, device.fw && `firmware ${device.fw}`, device.address].filter(Boolean).join(" · ");
  offer(part("action"), device, newer(device), store);
  manage(row, device, store);
  const hint = device.known ? course(store.rollout, device) ?? told(store.reports.get(device.name)) : "It has no key here yet: make one above, or with `voicegw devices add NAME`.";
  if (part("detail").dataset.of === facts + hint) return;
  part("detail").dataset.of = facts + hint;
  part("detail").replaceChildren(facts, ...(hint ? [h("span", { class: "hint" }, ...rich(hint))] : []));
}

function offer(place, device, release, store) {
  const version = release && store.rollout?.done !== false ? release.version : "";
  place.hidden = !version;
  if ((place.dataset.of ?? "") === version) return;
  place.dataset.of = version;
  const button = h("button", { class: "button", type: "button" }, `Update to ${version}`);
  button.addEventListener("click", () => update([device.name]));
  place.replaceChildren(...(version ? [button] : []));
}

const COURSES = {
  waiting: "waits until another has proven it", restarting: "it restarts, and has to get into a call with it",
  updated: "it has it", rolled_back: "it went back to what it ran before", left_out: "left out, for another went back",
};

/** How far an update of this device is; undefined where its own reports say it better, or it has none. */
function course(rollout, device) {
  const own = rollout?.devices.find((each) => each.device === device.name);
  if (!own || own.state === "updating") return undefined;
  if (own.state === "failed") return `Update to ${own.version}: ${own.reason}`;
  return `Update to ${own.version}: ${COURSES[own.state]}`;
}

function state(device) {
  if (device.revoked) return "revoked";
  if (!device.known) return "stranger";
  return device.online ? "live" : "away";
}

function seen(device, now) {
  if (device.revoked) return "revoked";
  if (!device.known) return "seen on the LAN";
  if (device.online) return "online";
  return device.last_seen ? ago(now - device.last_seen) : "never connected";
}

/** What a device reported last, where a person should know. */
function told(report) {
  if (report?.kind === "crash") return `It crashed before its last call: ${report.data.text}`;
  if (report?.kind !== "update") return "";
  if (report.data.state === "failed") return `Its update failed: ${report.data.reason}`;
  return report.data.state === "downloading" ? `It is updating itself: ${report.data.percent ?? 0} %` : "It has its update, and restarts";
}
