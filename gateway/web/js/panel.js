// What an operator does with one device: have it speak, set it, its timers, what is remembered, its key.

import { json } from "./api.js";
import { attribute, h, keyed, showProblem, text } from "./dom.js";
import { clock, span } from "./format.js";

const PREFERENCES = { name: "What its people are called", place: "Where it is", units: "Units", voice: "Its voice" };
const UNITS = ["", "metric", "imperial"];
let serial = 0;

/** The folded panel of a device; `panel.fill(device)` keeps it to what is known, `panel.changed()` asks again if it is open. */
export function panelOf(name, role, changed) {
  const id = `panel-${(serial += 1)}`;
  const problem = h("div", { class: "problem", role: "alert", hidden: true });
  const status = h("p", { class: "hint", role: "status" });
  const parts = { problem, status, id, name, changed, online: false };
  const wanted = role === "operator" ? [key] : [speech, sound, timers, abilities, preferences, history, key];
  const sections = wanted.map((make) => make(parts));
  const panel = h("details", { class: "panel" },
    h("summary", {}, "Manage", h("span", { class: "unseen" }, ` ${name}`)), problem, status,
    ...sections.map((section) => section.element));
  const refresh = () => Promise.all(sections.map((section) => section.refresh?.()));
  panel.addEventListener("toggle", () => panel.open && attempt(parts, refresh));
  panel.changed = () => panel.open && attempt(parts, refresh);
  panel.fill = (device) => {
    if (parts.online !== device.online && panel.open) attempt(parts, refresh);
    parts.online = device.online;
    for (const section of sections) section.fill?.(device);
  };
  return panel;
}

/** Does something, and shows in the panel what goes wrong with it. */
async function attempt({ problem, status }, action, done = "") {
  showProblem(problem, null);
  try {
    const result = await action();
    if (done) text(status, done);
    return result;
  } catch (trouble) {
    text(status, "");
    showProblem(problem, trouble);
    return undefined;
  }
}

const path = ({ name }, what) => `/api/devices/${encodeURIComponent(name)}/${what}`;
const ask = (parts, what, method = "GET", body = undefined) => json(path(parts, what), { method, body });
const use = (parts, tool, values) => ask(parts, `tools/${tool}`, "POST", { arguments: values });

function group(title, ...children) {
  return h("section", { class: "group" }, h("h3", {}, title), ...children);
}

function button(label, press, kind = "button small") {
  const made = h("button", { type: "button", class: kind }, label);
  made.addEventListener("click", press);
  return made;
}

/** A labelled field with a button, as a form: `send(value)` gets what is in it. */
function field(parts, { label, action, input, send, done, clear = true }) {
  attribute(input, "id", `${parts.id}-${(serial += 1)}`);
  const form = h("form", {}, h("label", { for: input.id }, label), h("div", { class: "field" }, input, h("button", { type: "submit", class: "button small" }, action)));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const ok = await attempt(parts, async () => {
      await send(input.value.trim());
      return true;
    }, done);
    if (ok && clear) input.value = "";
  });
  return form;
}

const entry = (more) => h("input", { autocomplete: "off", ...more });

function speech(parts) {
  const input = entry({ maxlength: 1000, required: true });
  const say = (value) => ask(parts, "say", "POST", { text: value });
  return { element: group("Say", field(parts, { label: "Say on this device, now or when it is back", action: "Say", input, send: say, done: "It says it, now or when it is back." })) };
}

function sound(parts) {
  const input = h("input", { type: "range", min: 0, max: 100, step: 5, value: 70, id: `${parts.id}-volume` });
  const shown = h("output", { for: input.id }, "70 %");
  input.addEventListener("input", () => text(shown, `${input.value} %`));
  input.addEventListener("change", () => attempt(parts, () => use(parts, "set_volume", { percent: Number(input.value) }), `Volume ${input.value} %.`));
  const mute = button("Mute", () => {
    const on = mute.getAttribute("aria-pressed") !== "true";
    attempt(parts, async () => {
      await use(parts, "mute", { on });
      attribute(mute, "aria-pressed", String(on));
    }, on ? "It is muted." : "It can be heard.");
  });
  attribute(mute, "aria-pressed", "false");
  const find = button("Blink and beep", () => attempt(parts, () => use(parts, "identify", {}), "It blinks and beeps."));
  const quiet = button("Stop its ringing", () => attempt(parts, () => ask(parts, "quiet", "POST"), "It is quiet."));
  const element = group("Sound",
    h("div", { class: "slider" }, h("label", { for: input.id }, "Volume"), input, shown), h("div", { class: "buttons" }, mute, find, quiet));
  return { element, fill: (device) => { element.hidden = !device.online; } };
}

function timers(parts) {
  const list = h("ul", { class: "plain" });
  const none = h("p", { class: "hint" }, "None.");
  const input = entry({ type: "number", min: 1, max: 10080, required: true, inputmode: "numeric" });
  const set = (value) => ask(parts, "promises", "POST", { kind: "timer", seconds: 60 * Number(value) });
  const refresh = async () => {
    const found = await ask(parts, "promises");
    none.hidden = found.length > 0;
    keyed(list, found, (one) => one.number, () => make(), fill);
  };
  const make = () => {
    const row = h("li", {}, h("span", { "data-part": "what" }));
    row.append(button("Cancel", () => attempt(parts, () => ask(parts, `promises/${row.dataset.key}`, "DELETE"), "It is cancelled.")));
    return row;
  };
  const fill = (row, one) => {
    const when = one.ringing ? "now" : one.missed ? "missed" : `in ${span(one.left)}`;
    text(row.firstChild, `${one.kind}, ${when}: ${one.text}`);
    attribute(row.lastChild, "aria-label", `Cancel the ${one.kind} ${one.text}`);
  };
  const form = field(parts, { label: "New timer, in minutes", action: "Set", input, send: set, done: "The timer is set." });
  return { element: group("Timers", list, none, form), refresh };
}

function abilities(parts) {
  const list = h("ul", { class: "tags" });
  const refresh = async () => {
    const found = await ask(parts, "tools");
    keyed(list, found, (tool) => tool.name, () => h("li", { class: "tag" }), (item, tool) => {
      text(item, tool.name.replaceAll("_", " "));
      attribute(item, "title", tool.description);
    });
  };
  return { element: group("What it can do", list), refresh };
}

function preferences(parts) {
  const inputs = Object.fromEntries(Object.keys(PREFERENCES).map((name) => [name, name === "units"
    ? h("select", {}, ...UNITS.map((unit) => h("option", { value: unit }, unit || "not said"))) : entry({ maxlength: 60 })]));
  const forms = Object.entries(PREFERENCES).map(([name, label]) => field(parts, {
    label, action: "Keep", input: inputs[name], clear: false, done: "It is kept for the next calls.",
    send: (value) => ask(parts, `preferences/${name}`, "PUT", { value }),
  }));
  const refresh = async () => {
    const found = await ask(parts, "preferences");
    for (const [name, input] of Object.entries(inputs)) if (document.activeElement !== input) input.value = found[name] ?? "";
  };
  return { element: group("Preferences", ...forms), refresh };
}

function history(parts) {
  const about = h("p", { class: "hint" });
  const list = h("ol", { class: "past", tabindex: 0, role: "region", "aria-label": `What was said with ${parts.name}` });
  const clear = sure("Forget it", "Really forget all of it", () => attempt(parts, () => ask(parts, "history", "DELETE"), "It is forgotten.").then(refresh));
  const refresh = async () => {
    const found = await ask(parts, "history");
    list.hidden = clear.hidden = !found.exchanges.length && !found.summary;
    text(about, found.kept ? found.summary || (found.exchanges.length ? "" : "Nothing was said yet.") : "What is said with it is not kept. In voicegw.toml, [memory] history = true keeps it.");
    keyed(list, found.exchanges, (said) => said.number, () => h("li", {}, h("time", {}), h("p", { class: "asked" }), h("p", {})), (row, said) => {
      text(row.children[0], clock(said.at));
      text(row.children[1], said.user);
      text(row.children[2], said.bot);
    });
  };
  return { element: group("History", about, list, clear), refresh };
}

function key(parts) {
  const revoke = sure("Revoke its key", "Really revoke: it can't come back with it", () => attempt(parts, () => json(`/api/devices/${encodeURIComponent(parts.name)}`, { method: "DELETE" }), "Its key is revoked.").then(parts.changed));
  return { element: group("Key", revoke) };
}

/** A button that asks again before it does what can't be undone. */
function sure(label, again, act) {
  const made = button(label, () => {
    if (made.textContent === label) {
      text(made, again);
      return;
    }
    text(made, label);
    act();
  }, "button small danger");
  made.addEventListener("blur", () => text(made, label));
  return made;
}
