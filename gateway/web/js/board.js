// A board's console over Web Serial: a line in, and a line out that begins with @ok or @err (docs/protocol.md).

const BAUD = 115_200;
const ANSWER_MS = 4_000;

export class Board {
  /** Lets the user choose a port; throws what Web Serial throws. */
  static async open() {
    const port = await navigator.serial.requestPort();
    await port.open({ baudRate: BAUD });
    return new Board(port);
  }

  constructor(port) {
    this.port = port;
    this.reader = port.readable.getReader();
    this.writer = port.writable.getWriter();
    this.decoder = new TextDecoder();
    this.rest = "";
  }

  /** The answer to a command; throws if the board refuses it or says nothing. Never repeats the command. */
  async ask(command) {
    await this.writer.write(new TextEncoder().encode(`\n${command}\n`));
    const answer = await Promise.race([this.#answer(), silence()]);
    const [mark] = answer.split(" ", 1);
    const values = JSON.parse(answer.slice(mark.length));
    if (mark === "@err") throw Object.assign(new Error(`The board refuses: ${values.error}`), { remedy: values.remedy });
    return values;
  }

  async #answer() {
    for (;;) {
      const line = await this.#line();
      if (line.startsWith("@ok ") || line.startsWith("@err ")) return line;
    }
  }

  async #line() {
    while (!this.rest.includes("\n")) {
      const { value, done } = await this.reader.read();
      if (done) throw new Error("The board went away");
      this.rest += this.decoder.decode(value, { stream: true });
    }
    const at = this.rest.indexOf("\n");
    const line = this.rest.slice(0, at).trim();
    this.rest = this.rest.slice(at + 1);
    return line;
  }

  async close() {
    await this.reader.cancel().catch(() => {});
    this.reader.releaseLock();
    this.writer.releaseLock();
    await this.port.close();
  }
}

function silence() {
  return new Promise((_, reject) => {
    const error = Object.assign(new Error("The board does not answer"), { remedy: "Is our firmware on it, and is no other program at its port?" });
    setTimeout(() => reject(error), ANSWER_MS);
  });
}
