// Who may connect, and what mDNS sees on the LAN.

import { $, attribute, h, keyed, rich, text } from "./dom.js";
import { ago } from "./format.js";

export function devicesView(store) {
  const render = () => show(store);
  store.addEventListener("devices", render);
  setInterval(() => store.devices.size && render(), 10_000);
}

function show(store) {
  const devices = [...store.devices.values()].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
  const online = devices.filter((device) => device.online).length;
  $("devices-empty").hidden = devices.length > 0;
  text($("devices-count"), devices.length ? `${online} of ${devices.length} online` : "");
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
    h("p", { class: "row-detail", "data-part": "detail" }));
}

function fill(row, device, store) {
  const part = (name) => row.querySelector(`[data-part="${name}"]`);
  attribute(row, "data-state", state(device));
  text(part("name"), device.name);
  text(part("tag"), device.role === "operator" ? "operator" : "");
  part("tag").hidden = device.role !== "operator";
  text(part("seen"), seen(device, store.now()));
  const facts = [device.board, device.fw && `firmware ${device.fw}`, device.address].filter(Boolean).join(" · ");
  const hint = device.known ? told(store.reports.get(device.name)) : "It has no key here yet: `voicegw devices add NAME` makes one.";
  if (part("detail").dataset.of === facts + hint) return;
  part("detail").dataset.of = facts + hint;
  part("detail").replaceChildren(facts, ...(hint ? [h("span", { class: "hint" }, ...rich(hint))] : []));
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
