// Where the time of a turn went: one turn in steps, the last ones as bars on one scale.

import { $, attribute, h, keyed, text } from "./dom.js";
import { clock, median, ms, plural } from "./format.js";

export const STAGES = [
  ["turn", "turn decided"],
  ["transcript", "transcript"],
  ["text", "first text"],
  ["audio", "first audio"],
  ["packet", "first packet out"],
  ["speaker", "on the speaker"],
];

let chosen = null; // the key of the turn that the reader picked; null follows the newest

export function latencyView(store) {
  store.addEventListener("turns", () => show(store));
}

const keyOf = (turn) => `${turn.session} ${turn.at}`;

/** As told, with the way to the speaker; or the sum of what is known. */
function total(turn) {
  if (turn.total_ms !== undefined) return turn.total_ms + (turn.stages_ms.speaker ?? 0);
  return STAGES.reduce((sum, [stage]) => sum + (turn.stages_ms[stage] ?? 0), 0);
}

function show(store) {
  const turns = [...store.turns].reverse();
  $("latency").hidden = turns.length === 0;
  $("latency-empty").hidden = turns.length > 0;
  text($("latency-count"), turns.length > 1 ? `median ${ms(median(turns.map(total)))} ms of ${plural(turns.length, "turn")}` : "");
  if (!turns.length) return;
  const current = turns.find((turn) => keyOf(turn) === chosen) ?? turns[0];
  fall(current);
  const scale = Math.max(...turns.map(total));
  keyed($("turns"), turns, keyOf, () => makeRow(store), (row, turn) => fillRow(row, turn, scale, turn === current));
}

/** A round distance of ticks that gives two to four of them. */
function niceStep(longest) {
  return [10, 20, 50, 100, 200, 500, 1000, 2000].find((step) => longest / step <= 4) ?? 5000;
}

/** Each known stage with its start, as fractions of the scale. */
function segments(turn, scale) {
  let from = 0;
  return STAGES.map(([stage, label]) => {
    const value = turn.stages_ms[stage];
    const segment = { stage, label, value, from: from / scale, width: (value ?? 0) / scale };
    from += value ?? 0;
    return segment;
  });
}

function bar({ stage, from, width }) {
  const element = h("span", { class: "bar", "data-stage": stage });
  element.style.setProperty("--from", `${from * 100}%`);
  element.style.setProperty("--width", `${width * 100}%`);
  return element;
}

function fall(turn) {
  const step = niceStep(total(turn));
  const scale = Math.max(1, Math.ceil(total(turn) / step)) * step;
  const rows = segments(turn, scale).map((segment) =>
    h("div", { class: "step" },
      h("dt", {}, segment.label),
      h("dd", {}, h("span", { class: "track", "aria-hidden": "true" }, segment.value ? bar(segment) : null), h("span", { class: "value" }, ms(segment.value)), h("span", { class: "unseen" }, " milliseconds"))));
  $("fall").replaceChildren(
    h("figcaption", {}, h("span", { class: "quote" }, turn.user || "…"), h("span", { class: "total" }, ms(total(turn)), h("span", { class: "unit" }, "ms"))),
    h("div", { class: "plot" }, axis(scale, step), h("dl", {}, ...rows)));
}

function axis(scale, step) {
  const ticks = [];
  for (let at = 0; at <= scale; at += step) {
    const tick = h("span", { class: "tick" }, h("span", { class: "tick-label" }, at === scale ? `${ms(at)} ms` : ms(at)));
    tick.style.setProperty("--from", `${(at / scale) * 100}%`);
    ticks.push(tick);
  }
  return h("div", { class: "axis", "aria-hidden": "true" }, ...ticks);
}

function makeRow(store) {
  const button = h("button", { type: "button", class: "turn" },
    h("time", { "data-part": "at" }),
    h("span", { class: "quote", "data-part": "user" }),
    h("span", { class: "stack", "data-part": "stack", "aria-hidden": "true" }),
    h("span", { class: "value" }, h("span", { "data-part": "total" }), h("span", { class: "unit" }, "ms")));
  const row = h("li", {}, button);
  button.addEventListener("click", () => {
    chosen = button.getAttribute("aria-pressed") === "true" ? null : row.dataset.key;
    show(store);
  });
  return row;
}

function fillRow(row, turn, scale, current) {
  const part = (name) => row.querySelector(`[data-part="${name}"]`);
  attribute(row.firstChild, "aria-pressed", String(current));
  text(part("at"), clock(turn.at));
  text(part("user"), turn.user || "…");
  text(part("total"), ms(total(turn)));
  part("stack").replaceChildren(...segments(turn, scale).filter((segment) => segment.value).map(bar));
}
