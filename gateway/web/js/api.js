// The gateway's HTTP API: requests with the key of this tab, problems as errors, events as a stream.

import { parser } from "./sse.js";

const KEY = "voicegw-key";
// The gateway sends a comment every 15 s; after two missed ones the stream is dead, whatever TCP says.
const SILENCE_MS = 35_000;

export const key = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => sessionStorage.setItem(KEY, value),
};

/** A failure that can be shown: `detail` says what happened, `remedy` what to do (RFC 9457 and ours). */
export class Problem extends Error {
  constructor({ title = "", status = 0, detail = "", code = "", remedy = "" }) {
    super(detail || title);
    Object.assign(this, { title, status, code, remedy, detail: detail || title });
  }
}

function unreachable() {
  return new Problem({
    code: "unreachable",
    detail: `The gateway at ${location.host} does not answer.`,
    remedy: "Is `voicegw serve` still running there?",
  });
}

async function problemOf(response) {
  const fallback = { status: response.status, detail: `The gateway answered ${response.status} ${response.statusText}.` };
  try {
    return new Problem({ ...fallback, ...(await response.json()) });
  } catch {
    return new Problem(fallback);
  }
}

async function request(path, { method = "GET", body, signal } = {}) {
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key.get()) headers.Authorization = `Bearer ${key.get()}`;
  let response;
  try {
    response = await fetch(path, { method, headers, signal, body: JSON.stringify(body), cache: "no-store" });
  } catch (error) {
    throw signal?.aborted ? error : unreachable();
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

/** The JSON that a path answers, null where it answers with nothing; throws Problem. */
export async function json(path, options) {
  const response = await request(path, options);
  return response.status === 204 || response.status === 202 && !response.headers.get("Content-Type")?.includes("json") ? null : response.json();
}

/** `/api/state`, and by how many seconds the gateway's clock is ahead of ours. */
export async function state() {
  const response = await request("/api/state");
  const ahead = (Date.parse(response.headers.get("Date") ?? "") - Date.now()) / 1000;
  // The header counts whole seconds, so a smaller difference says nothing.
  return { ...(await response.json()), ahead: Math.abs(ahead) > 2 ? ahead : 0 };
}

/** Opens `/api/events`; the result is an async iterator of `{event, data}` that ends with the stream. */
export async function events(signal) {
  const response = await request("/api/events", { signal });
  return read(response.body.getReader());
}

async function* read(reader) {
  const feed = parser();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await withinSilence(reader);
      if (done) return;
      for (const message of feed(decoder.decode(value, { stream: true }))) {
        yield { event: message.event, data: JSON.parse(message.data) };
      }
    }
  } catch (error) {
    throw error instanceof TypeError ? unreachable() : error;
  } finally {
    reader.cancel().catch(() => {});
  }
}

async function withinSilence(reader) {
  let timer;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => reject(unreachable()), SILENCE_MS);
  });
  try {
    return await Promise.race([reader.read(), silence]);
  } finally {
    clearTimeout(timer);
  }
}
