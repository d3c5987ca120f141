// This page as a member of a room: the dialect camrelay.v1 (docs/protocol.md) on a socket that comes
// back, and goes on at the place where it was.

import { Socket, socketUrl } from "/static/socket.js";

const DIALECT = "camrelay.v1";

export class Member {
  /**
   * `path` of the room, percent-encoded; `first`: what to ask for in the query, as { history: 50 }.
   * `on.state(state, reason, code)` is as of a Socket, where the code may be a status of HTTP, too.
   * Every other function of `on` gets the frames of the type that it is called; all are optional.
   */
  constructor(path, first, on) {
    this.path = path;
    this.first = first;
    this.on = on;
    this.ids = new Set(); // of all connections that this page had
    this.socket = new Socket(() => this.address(), {
      protocols: [DIALECT],
      onMessage: (text) => this.take(JSON.parse(text)),
      onState: (...change) => this.change(...change),
    });
  }

  /** Whether `data` was sent; with an `id` of one's own, the server answers with an ack or error. */
  publish(data, id) {
    return Boolean(this.isIn) && this.socket.send(JSON.stringify({ type: "publish", data, id }));
  }

  restart() {
    this.socket.restart();
  }

  stop(reason, code) {
    this.socket.stop(reason, code);
  }

  address() {
    return `${socketUrl(this.path)}?${new URLSearchParams({ ...this.first, ...this.place })}`;
  }

  take(frame) {
    if (frame.type === "welcome") this.enter(frame);
    if (frame.type === "gap" && frame.epoch) this.stand(frame);
    if (frame.type === "message" && !this.follow(frame)) return;
    if (this.on[frame.type]) this.on[frame.type](frame);
  }

  enter(frame) {
    this.isIn = true;
    this.ids.add(frame.id);
    this.stand(frame);
  }

  /** What follows is behind the place that `frame` names. */
  stand({ epoch, offset = 0 }) {
    this.place = epoch && { epoch, offset };
  }

  /** Notes the place of a message; false when it was heard before. */
  follow({ offset }) {
    if (!this.place || !offset) return true;
    const { epoch } = this.place;
    this.place.offset = offset;
    if (this.heard && this.heard.epoch === epoch && offset <= this.heard.offset) return false;
    this.heard = { epoch, offset };
    return true;
  }

  change(state, reason, code) {
    const wasRefused = state === "lost" && !this.wasOpen;
    this.wasOpen = state === "open";
    this.isIn = false;
    this.on.state(state, reason, code);
    if (wasRefused) this.askWhy();
  }

  /** Browsers do not tell a page why a socket was refused; the API refuses for the same reasons. */
  async askWhy() {
    const room = decodeURIComponent(this.path);
    const { status, problem } = await ask("GET", `/api/members?${new URLSearchParams({ room })}`);
    if (this.socket.state === "lost" && (status === 401 || status === 403)) {
      this.socket.stop(problem, status);
    }
  }
}

/** Status and answer of the HTTP API; `problem` is a sentence when it is no success. */
export async function ask(method, path, body) {
  try {
    const headers = body ? { "Content-Type": "application/json" } : {};
    const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    const document = text && JSON.parse(text);
    if (answer.ok) return { status: answer.status, document };
    return { status: answer.status, problem: document.error.detail };
  } catch {
    return { status: 0, problem: "The server cannot be reached. Try again in a moment." };
  }
}
