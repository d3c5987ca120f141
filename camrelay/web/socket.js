// A WebSocket that comes back: after a loss it waits for a random part of a time that doubles with
// every failure, so that a thousand pages do not return to a restarted server in the same moment.

const FIRST_WAIT = 500; // ms, at most, before the first new attempt
const LONGEST_WAIT = 20000;
const CONNECT_TIMEOUT = 10000;
const STEADY = 5000; // a connection that held this long was a success: waits start small again

/** The full address of a socket of this server. */
export function socketUrl(path) {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return `${scheme}//${location.host}${path}`;
}

/** How many ms to wait before attempt number `failures` + 1: full jitter. */
export function waitAfter(failures, random = Math.random) {
  return random() * Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** failures);
}

/** The ms after which a server that goes away wants its clients back; undefined if it said none. */
export function waitTold(reason) {
  const found = / in (\d{1,6}) ms$/.exec(reason);
  return found ? Number(found[1]) : undefined;
}

/** Whether the server said that coming back unchanged is of no use. */
export function isFinal(code) {
  return code === 1008 || (code >= 4100 && code <= 4199);
}

/**
 * `address()` is asked before each attempt. `onMessage(text)` gets every message.
 * `onState(state, reason, code)` hears each change:
 *   connecting   the first attempt
 *   open
 *   lost         waiting or trying again
 *   stopped      the server does not want this client back; `reason` says why
 */
export class Socket {
  constructor(address, { onMessage, onState, protocols = [] }) {
    this.address = address;
    this.protocols = protocols;
    this.onMessage = onMessage;
    this.onState = onState;
    addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
    this.restart();
  }

  /** Whether the message was handed to an open connection. */
  send(text) {
    if (this.state !== "open" || this.socket.readyState !== WebSocket.OPEN) return false;
    this.socket.send(text);
    return true;
  }

  /** Starts anew, also after a stop, or in the middle of a connection. */
  restart() {
    this.drop();
    this.failures = 0;
    this.tell("connecting");
    this.connect();
  }

  /** No further attempt, until a restart. */
  stop(reason, code) {
    this.drop();
    this.tell("stopped", reason, code);
  }

  /** The browser is back online or in front: no reason to wait any longer. */
  hurry() {
    if (!this.waiting) return;
    this.failures = 0;
    this.connect();
  }

  /** Whatever is under way is not heard of any more. */
  drop() {
    clearTimeout(this.waiting);
    this.waiting = undefined;
    if (!this.socket) return;
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
  }

  connect() {
    this.drop();
    const socket = new WebSocket(this.address(), this.protocols);
    const tooSlow = setTimeout(() => socket.close(), CONNECT_TIMEOUT);
    let steady;
    socket.onopen = () => {
      clearTimeout(tooSlow);
      steady = setTimeout(() => (this.failures = 0), STEADY);
      this.tell("open");
    };
    socket.onmessage = (event) => this.onMessage(event.data);
    socket.onclose = (event) => {
      clearTimeout(tooSlow);
      clearTimeout(steady);
      this.lose(event);
    };
    this.socket = socket;
  }

  lose({ code, reason }) {
    if (isFinal(code)) {
      this.tell("stopped", reason || `the server closed the connection with code ${code}`, code);
      return;
    }
    const wait = waitTold(reason) ?? waitAfter(this.failures);
    this.waiting = setTimeout(() => this.connect(), wait);
    this.failures += 1;
    this.tell("lost", reason, code);
  }

  tell(state, reason = "", code = undefined) {
    this.state = state;
    this.onState(state, reason, code);
  }
}
