// Figures as a person reads them. Pure functions; times in seconds, durations as named.

const MINUS = "–";

/** Milliseconds without the unit: one decimal below ten, none above; a dash for null. */
export function ms(value) {
  if (value === null || value === undefined) return MINUS;
  if (value >= 9.95) return Math.round(value).toLocaleString("en");
  return value === 0 ? "0" : value.toFixed(1);
}

/** A fraction of packets as per cent, without the unit. */
export function percent(fraction) {
  if (fraction === null || fraction === undefined) return MINUS;
  const value = fraction * 100;
  if (value === 0) return "0";
  return value < 0.1 ? "<0.1" : value.toFixed(value < 10 ? 1 : 0);
}

/** A span such as `4 s`, `12 min 22 s`, `3 h 5 min` or `2 d 4 h`. */
export function span(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const [d, h, m] = [Math.floor(s / 86400), Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60];
  if (d) return pair(d, "d", h, "h");
  if (h) return pair(h, "h", m, "min");
  if (m) return pair(m, "min", s % 60, "s");
  return `${s} s`;
}

function pair(a, unitA, b, unitB) {
  return b ? `${a} ${unitA} ${b} ${unitB}` : `${a} ${unitA}`;
}

/** How long ago, roughly: `just now`, `12 min ago`, `3 days ago`. */
export function ago(seconds) {
  const s = Math.max(0, seconds);
  if (s < 60) return "just now";
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ago`;
  const days = Math.floor(s / 86400);
  return days === 1 ? "yesterday" : `${days} days ago`;
}

/** The time of day of a unix time, `16:04:09`. */
export function clock(unix) {
  return new Date(unix * 1000).toLocaleTimeString("en-GB");
}

/** The middle of some numbers, or null of none. */
export function median(numbers) {
  if (!numbers.length) return null;
  const sorted = [...numbers].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

export function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
