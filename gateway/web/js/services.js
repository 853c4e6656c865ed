// What the services of bots have cost: a row for each, and its model.

import { $, h, keyed, text } from "./dom.js";
import { ms } from "./format.js";

const COLUMNS = [
  ["ttfb_ms", (value) => `${ms(value)} ms`],
  ["tokens", (value) => value.toLocaleString("en")],
  ["characters", (value) => value.toLocaleString("en")],
];

export function servicesView(store) {
  store.addEventListener("services", () => show(store));
}

function show(store) {
  $("services").hidden = store.services.length === 0;
  keyed($("services-rows"), store.services, (row) => `${row.service} ${row.model}`, make, fill);
}

function make() {
  return h("tr", {}, h("th", { scope: "row" }), ...COLUMNS.map(() => h("td", {})));
}

function fill(row, service) {
  const known = { ...service, tokens: sum(service.prompt_tokens, service.completion_tokens) };
  text(row.firstChild, service.model && !service.service.includes(service.model) ? `${service.service} ${service.model}` : service.service);
  COLUMNS.forEach(([name, shown], at) => {
    const value = known[name];
    text(row.children[at + 1], value === undefined || value === null ? "" : shown(value));
  });
}

function sum(...values) {
  const told = values.filter((value) => value !== undefined);
  return told.length ? told.reduce((a, b) => a + b) : undefined;
}
