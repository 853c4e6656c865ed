// What the page knows: the last snapshot and every event since, by topic.

const KEPT_TRANSCRIPTS = 200;
const KEPT_TURNS = 8;

/** Topics that views listen to: sessions, devices, transcripts, turns; `fresh` is a new snapshot. */
export class Store extends EventTarget {
  sessions = new Map();
  devices = new Map();
  transcripts = [];
  tools = []; // calls of tools by language models
  services = []; // what the services of bots have cost
  turns = [];
  reports = new Map(); // device → the last that it reported beside its figures
  rollout = null; // the last update of devices, as `/api/state` has it
  ahead = 0; // seconds by which the gateway's clock is ahead of ours
  mine = null; // the id of the session of this page
  #parties = new Map(); // session id → who speaks in it; outlives the session

  /** Now, by the gateway's clock. */
  now() {
    return Date.now() / 1000 + this.ahead;
  }

  /** Replaces everything by a snapshot of `/api/state`. */
  reset(snapshot) {
    this.ahead = snapshot.ahead;
    this.sessions = new Map();
    snapshot.sessions.forEach((session) => this.#session(session));
    this.devices = new Map(snapshot.devices.map((device) => [device.id, device]));
    this.reports = new Map(snapshot.reports.map((report) => [report.device, report]));
    this.rollout = snapshot.rollout;
    this.transcripts = [];
    this.turns = [];
    this.tools = snapshot.tools ?? [];
    this.services = snapshot.services ?? [];
    snapshot.transcripts.forEach((transcript) => this.#transcript(transcript));
    snapshot.turns.forEach((turn) => this.#turn(turn));
    for (const topic of ["sessions", "devices", "transcripts", "turns", "services", "fresh"]) this.#tell(topic);
  }

  /** Applies one event of `/api/events`; an unknown kind is of a newer gateway and is ignored. */
  apply(event, data) {
    const [change, topic] = {
      session: [() => this.#session(data), "sessions"],
      ended: [() => this.#ended(data), "sessions"],
      device: [() => this.devices.set(data.id, data), "devices"],
      arrived: [() => this.#arrived(data), "devices"],
      transcript: [() => this.#transcript(data), "transcripts"],
      turn: [() => this.#turn(data), "turns"],
      rollout: [() => this.#rollout(data), "devices"],
      tool: [() => this.#tool(data), "transcripts"],
      costs: [() => (this.services = data.services), "services"],
      promise: [() => this.#remembered(data.device), "devices"],
      history: [() => this.#remembered(data.device), "devices"],
      report: [() => this.reports.set(data.device, data), "devices"],
    }[event] ?? [];
    if (!change) return;
    change();
    this.#tell(topic);
  }

  /** Who speaks in a session, for a person: `{user, bot}`. */
  parties(id) {
    return this.#parties.get(id) ?? { user: "caller", bot: "bot" };
  }

  /** Marks the session of this page, null for none; what was said in it stays yours. */
  own(id) {
    if (id) this.#parties.set(id, { ...this.parties(id), user: "you" });
    this.mine = id;
    this.#tell("sessions");
    this.#tell("transcripts");
  }

  #tell(topic) {
    this.dispatchEvent(new Event(topic));
  }

  /** The device with a key of this name. */
  #known(name) {
    return [...this.devices.values()].find((each) => each.known && each.name === name);
  }

  /** A device has called: it is there, and says what it is. */
  #arrived({ device, address, board, fw }) {
    const known = this.#known(device);
    if (known) Object.assign(known, { online: true, last_seen: this.now(), address, board: board ?? known.board, fw: fw ?? known.fw });
  }

  /** Who has its update runs it, whatever was known before. */
  #rollout(rollout) {
    this.rollout = rollout;
    for (const { device, version } of rollout.devices.filter((each) => each.state === "updated")) {
      const known = this.#known(device);
      if (known) known.fw = version;
    }
  }

  #session(session) {
    const user = session.device ?? (session.client === "browser" ? "browser" : session.address);
    const before = this.parties(session.id);
    const now = { user: before.user === "you" ? "you" : user, bot: botName(session.bot) };
    this.#parties.set(session.id, now);
    this.sessions.set(session.id, session);
    if (now.user !== before.user || now.bot !== before.bot) this.#tell("transcripts");
  }

  #ended({ session, reason }) {
    const known = this.#known(this.sessions.get(session)?.device);
    this.sessions.delete(session);
    if (known && ![...this.sessions.values()].some((other) => other.device === known.name)) {
      known.online = false;
      this.#tell("devices");
    }
    this.transcripts = this.transcripts.filter((transcript) => transcript.final || transcript.session !== session);
    this.#tell("transcripts");
    this.dispatchEvent(new CustomEvent("ended", { detail: { session, reason } }));
  }

  /** A final line takes the place of the one in progress of the same speaker. */
  #transcript(transcript) {
    if (!this.#parties.has(transcript.session)) {
      this.#parties.set(transcript.session, { user: transcript.device ?? "caller", bot: botName(transcript.bot ?? "bot") });
    }
    const same = (other) => other.session === transcript.session && other.who === transcript.who;
    if (this.transcripts.some((other) => other.final && same(other) && other.at === transcript.at && other.text === transcript.text)) return;
    const open = this.transcripts.findIndex((other) => !other.final && same(other));
    if (open >= 0) this.transcripts.splice(open, 1);
    this.transcripts.push(transcript);
    this.transcripts.splice(0, this.transcripts.length - KEPT_TRANSCRIPTS);
  }

  #tool(tool) {
    this.tools.push(tool);
    this.tools.splice(0, this.tools.length - KEPT_TRANSCRIPTS);
  }

  /** What is kept of a device has changed; who shows it asks. */
  #remembered(device) {
    this.dispatchEvent(new CustomEvent("remembered", { detail: device }));
  }

  #turn(turn) {
    if (this.turns.some((other) => other.session === turn.session && other.at === turn.at)) return;
    this.turns.push(turn);
    this.turns.splice(0, this.turns.length - KEPT_TURNS);
  }
}

/** `bots/butler.py` and `gateway.bots.butler` are both called `butler`. */
export function botName(bot) {
  const file = bot.split(/[\\/]/).pop();
  return file.endsWith(".py") ? file.slice(0, -3) : file.split(".").pop();
}
