// A made-up camera: it walks a smooth path and looks where it goes.

const EVERY = 100; // ms: ten positions a second, as a Unity client sends them

export class SimulatedCamera {
  /** `send(position)` gets each position. */
  constructor(send) {
    this.send = send;
    this.id = `browser-${randomText()}`;
    this.offset = 100 * Math.random();
  }

  get isRunning() {
    return this.ticker !== undefined;
  }

  start() {
    // Browsers slow down the timers of tabs in the background, but not those of workers.
    this.ticker = new Worker("/static/ticker.js");
    this.ticker.onmessage = () => this.step();
    this.ticker.postMessage(EVERY);
  }

  stop() {
    this.ticker.terminate();
    this.ticker = undefined;
  }

  step() {
    const t = digits(performance.now() / 1000);
    this.send({ id: this.id, t, ...pose(this.offset + t) });
  }

  /** ms from the sending of one of our own positions until it came back; undefined for others. */
  roundTrip({ id, t }) {
    return id === this.id && t ? performance.now() - 1000 * t : undefined;
  }
}

/** Position and rotation (a quaternion about the vertical) after `t` seconds. */
export function pose(t) {
  const here = walk(t);
  const ahead = walk(t + 0.05);
  const turn = Math.atan2(ahead.x - here.x, ahead.z - here.z);
  const rotation = { x: 0, y: digits(Math.sin(turn / 2)), z: 0, w: digits(Math.cos(turn / 2)) };
  return { x: digits(here.x), y: digits(here.y), z: digits(here.z), rotation };
}

function walk(t) {
  return {
    x: 3 * Math.sin(0.55 * t) + 0.9 * Math.sin(1.3 * t),
    y: 1.6 + 0.15 * Math.sin(2.1 * t),
    z: 2.2 * Math.cos(0.41 * t) + 0.8 * Math.sin(0.97 * t),
  };
}

function digits(number) {
  return Number(number.toFixed(4));
}

function randomText() {
  const [number] = crypto.getRandomValues(new Uint32Array(1));
  return number.toString(36).padStart(4, "0").slice(-4);
}
