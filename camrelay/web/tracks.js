// What is known of each camera of the room: its newest position, its trail, its pace.

const TRAIL = 12000; // ms that a trail is long
const PACE = 3000; // ms over which the rate is taken
const MOST_POINTS = 600;
const MOST_CAMERAS = 200; // more ids than this are a mistake or a joke: they are not drawn
const FARTHEST = 1e9; // the same for a place; from 1e308 on a middle is infinite, and no map left

export const QUIET = 3000; // ms of silence before a camera begins to fade
export const GONE = 12000; // ms of silence before it leaves

export class Tracks {
  constructor() {
    this.cameras = new Map();
  }

  /** Takes one message of the room, heard at `now` (ms); false when there is nothing to draw. */
  take({ from, user = "", age, data }, now) {
    const { x, y, z, id, rotation } = data;
    if (![x, y, z].every((number) => Math.abs(number) <= FARTHEST)) return false;
    // Cameras without an id of their own are told apart by their connection.
    const isNamed = id !== undefined && id !== null;
    const key = isNamed ? `id ${id}` : `from ${from}`;
    const camera = this.cameras.get(key) || this.add(key, isNamed ? String(id) : user);
    if (!camera) return false;
    const at = now - 1000 * age;
    Object.assign(camera, { x, y, z, looks: direction(rotation), heard: at });
    camera.trail.push({ x, y, z, at });
    if (camera.trail.length > MOST_POINTS) camera.trail.shift();
    return true;
  }

  add(key, name) {
    if (this.cameras.size >= MOST_CAMERAS) return undefined;
    const camera = { key, name, trail: [] };
    this.cameras.set(key, camera);
    return camera;
  }

  /** Forgets what is too old to show at `now`. */
  forget(now) {
    for (const [key, camera] of this.cameras) {
      const { trail } = camera;
      while (trail.length > 1 && now - trail[0].at > TRAIL) trail.shift();
      if (now - camera.heard > GONE) this.cameras.delete(key);
    }
  }
}

/** Positions per second, over the last seconds. */
export function rate({ trail }, now) {
  const first = trail.findIndex((point) => now - point.at < PACE);
  const steps = trail.length - 1 - first;
  if (first < 0 || steps < 1) return 0;
  return (1000 * steps) / Math.max(1, trail[trail.length - 1].at - trail[first].at);
}

/** How strongly a camera is drawn: 1 while it speaks, towards 0 as it stays silent. */
export function strength({ heard }, now) {
  const silent = now - heard;
  return silent < QUIET ? 1 : Math.max(0.15, 1 - (silent - QUIET) / (GONE - QUIET));
}

/**
 * The unit vector that a camera with this rotation looks along, in Unity's axes (y up, z ahead):
 * a quaternion {x, y, z, w} or Euler angles {x, y, z} in degrees. Undefined without one.
 */
export function direction(rotation) {
  if (!rotation) return undefined;
  const { x, y, z, w } = rotation;
  if (typeof w === "number") {
    return { x: 2 * (x * z + w * y), y: 2 * (y * z - w * x), z: 1 - 2 * (x * x + y * y) };
  }
  const [tilt, turn] = [x, y].map((degrees) => (degrees * Math.PI) / 180);
  return {
    x: Math.sin(turn) * Math.cos(tilt),
    y: -Math.sin(tilt),
    z: Math.cos(turn) * Math.cos(tilt),
  };
}
