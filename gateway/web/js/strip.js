// The level meter: the last seconds of the call as they pass, you above the line and the bot below.

const PITCH_PX = 5;
const BAR_PX = 3;
const BAR_MS = 60;
const REST_PX = 1.5; // the height of silence

export class Strip {
  #canvas;
  #meters = null; // {you, bot}: functions that give 0…1; null when there is no call
  #bars = []; // the newest last: {you, bot}
  #since = 0; // when the newest bar began
  #still = matchMedia("(prefers-reduced-motion: reduce)");
  #colours = {};

  constructor(canvas) {
    this.#canvas = canvas;
    new ResizeObserver(() => this.#resize()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#resize());
  }

  start(meters) {
    this.#meters = meters;
    this.#bars = [];
    this.#since = 0;
    requestAnimationFrame((now) => this.#frame(now));
  }

  add(meters) {
    Object.assign(this.#meters, meters);
  }

  /** What was heard stays on the strip, dimmed by the style sheet, until the next start. */
  stop() {
    this.#meters = null;
    this.#draw(0);
  }

  #frame(now) {
    if (!this.#meters) return;
    if (now - this.#since >= BAR_MS) {
      this.#since = now;
      this.#bars.push({ you: 0, bot: 0 });
      this.#bars.splice(0, this.#bars.length - this.#capacity());
    }
    const bar = this.#bars.at(-1);
    for (const lane of ["you", "bot"]) bar[lane] = Math.max(bar[lane], this.#meters[lane]?.() ?? 0);
    this.#draw((now - this.#since) / BAR_MS);
    requestAnimationFrame((next) => this.#frame(next));
  }

  #capacity() {
    return Math.ceil(this.#canvas.clientWidth / PITCH_PX) + 2;
  }

  #resize() {
    const style = getComputedStyle(this.#canvas);
    for (const name of ["you", "bot", "rest"]) this.#colours[name] = style.getPropertyValue(`--strip-${name}`).trim();
    this.#canvas.width = Math.round(this.#canvas.clientWidth * devicePixelRatio);
    this.#canvas.height = Math.round(this.#canvas.clientHeight * devicePixelRatio);
    this.#draw(0);
  }

  #draw(progress) {
    const context = this.#canvas.getContext("2d");
    const [width, height] = [this.#canvas.clientWidth, this.#canvas.clientHeight];
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, width, height);
    if (this.#still.matches) this.#drawStill(context, width, height);
    else this.#drawBars(context, width, height, progress);
  }

  #drawBars(context, width, height, progress) {
    const middle = height / 2;
    for (let index = 0; index < this.#capacity(); index += 1) {
      const bar = this.#bars.at(-1 - index);
      const x = width - (index + (this.#bars.length ? progress : 1)) * PITCH_PX;
      if (!bar || this.#bars.length <= index) dot(context, x, middle, this.#colours.rest);
      else {
        const [you, bot] = [bar.you, bar.bot].map((loudness) => Math.max(REST_PX, loudness * (middle - 4)));
        tower(context, x, middle - 1 - you, you, this.#colours.you);
        tower(context, x, middle + 1, bot, this.#colours.bot);
      }
    }
  }

  /** For those who prefer no motion: two lines that are as long as the sound is loud. */
  #drawStill(context, width, height) {
    const bar = this.#meters && this.#bars.at(-1);
    [["you", height / 2 - 12], ["bot", height / 2 + 6]].forEach(([lane, y]) => {
      context.fillStyle = this.#colours.rest;
      context.fillRect(0, y, width, 6);
      context.fillStyle = this.#colours[lane];
      context.fillRect(0, y, width * (bar?.[lane] ?? 0), 6);
    });
  }
}

function dot(context, x, y, colour) {
  context.fillStyle = colour;
  context.fillRect(x, y - 1, BAR_PX, 2);
}

function tower(context, x, y, height, colour) {
  context.fillStyle = colour;
  context.beginPath();
  context.roundRect(x, y, BAR_PX, height, Math.min(height, BAR_PX) / 2);
  context.fill();
}
