// Draws the cameras on a canvas: a red circle each, its trail, a grid that fits itself to them.

import { strength } from "/static/tracks.js";

const VIEWS = {
  above: { across: "x", up: "z" },
  front: { across: "x", up: "y" },
  side: { across: "z", up: "y" },
};
const RADIUS = 9; // px of a circle
const LEAST_SPAN = 4; // units that the shorter side of the map shows at least
const MARGIN = 56; // px between the outermost camera and the edge
const FRAME_EASE = 0.12; // part of the way to the fitting frame that is gone per picture
const CIRCLE_EASE = 0.3; // the same for a circle on its way to the newest position
const GRID = 64; // px between grid lines, at least
const TRAIL_PIECES = 16; // each fainter than the next: one stroke of the pen cannot fade

export class PositionMap {
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.setView("above");
    this.readColours();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.readColours());
  }

  setView(name) {
    this.view = VIEWS[name];
    this.frame = undefined;
  }

  readColours() {
    const style = getComputedStyle(this.canvas);
    const colour = (name) => style.getPropertyValue(name).trim();
    this.colours = {
      camera: colour("--camera"),
      paper: colour("--map"),
      ink: colour("--ink"),
      soft: colour("--soft"),
      line: colour("--line"),
      zero: colour("--zero"),
    };
    this.font = style.fontFamily;
  }

  /** Draws `cameras` as they are at `now` (ms). */
  draw(cameras, now) {
    this.fitCanvas();
    this.fitFrame(cameras);
    const { pen } = this;
    pen.clearRect(0, 0, this.width, this.height);
    this.drawGrid();
    for (const camera of cameras) this.moveCircle(camera);
    for (const camera of cameras) this.drawTrail(camera, now);
    for (const camera of cameras) this.drawCamera(camera, now);
    pen.globalAlpha = 1;
  }

  fitCanvas() {
    const { canvas, pen } = this;
    const density = devicePixelRatio || 1;
    this.width = canvas.clientWidth;
    this.height = canvas.clientHeight;
    const [across, down] = [this.width, this.height].map((px) => Math.round(px * density));
    if (canvas.width !== across || canvas.height !== down) {
      canvas.width = across;
      canvas.height = down;
    }
    pen.setTransform(density, 0, 0, density, 0, 0);
  }

  /** Moves the visible part of the room towards one that holds every trail. */
  fitFrame(cameras) {
    const wanted = this.fittingFrame(cameras);
    if (!this.frame || this.still.matches) {
      this.frame = wanted;
      return;
    }
    for (const part of ["across", "up", "scale"]) {
      this.frame[part] += (wanted[part] - this.frame[part]) * FRAME_EASE;
    }
  }

  /** The middle of all points, and px per unit (the same for both axes: circles stay circles). */
  fittingFrame(cameras) {
    const [left, right] = extent(cameras, this.view.across);
    const [bottom, top] = extent(cameras, this.view.up);
    const room = (px) => Math.max(1, px - 2 * MARGIN);
    const scale = Math.min(
      room(this.width) / Math.max(LEAST_SPAN, right - left),
      room(this.height) / Math.max(LEAST_SPAN, top - bottom),
    );
    return { across: (left + right) / 2, up: (bottom + top) / 2, scale };
  }

  /** Where on the canvas a point of the room is. */
  place(point) {
    const { across, up, scale } = this.frame;
    return [
      this.width / 2 + (point[this.view.across] - across) * scale,
      this.height / 2 - (point[this.view.up] - up) * scale,
    ];
  }

  drawGrid() {
    const { pen, colours, frame, width, height, view } = this;
    const step = niceStep(GRID / frame.scale);
    const onPixel = (distance) => Math.round(distance * frame.scale) + 0.5;
    const columns = ticks(frame.across, width / 2 / frame.scale, step).map((value) => ({
      value,
      x: Math.floor(width / 2) + onPixel(value - frame.across),
    }));
    const rows = ticks(frame.up, height / 2 / frame.scale, step).map((value) => ({
      value,
      y: Math.floor(height / 2) + onPixel(frame.up - value),
    }));
    for (const { value, x } of columns) this.drawLine(value, x, 0, x, height);
    for (const { value, y } of rows) this.drawLine(value, 0, y, width, y);
    pen.font = `11px ${this.font}`;
    for (const { value, x } of columns) {
      if (x < width - 24) this.write(label(value, step), x + 4, height - 6, colours.soft);
    }
    for (const { value, y } of rows) {
      if (y > 40 && y < height - 28) this.write(label(value, step), 6, y - 4, colours.soft);
    }
    pen.font = `600 13px ${this.font}`;
    this.write(`${view.across} →`, width - 30, height - 22, colours.ink);
    this.write(`↑ ${view.up}`, 6, 20, colours.ink);
  }

  /** A grid line; the ones through zero are stronger. */
  drawLine(value, fromX, fromY, toX, toY) {
    const { pen, colours } = this;
    pen.strokeStyle = value === 0 ? colours.zero : colours.line;
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(fromX, fromY);
    pen.lineTo(toX, toY);
    pen.stroke();
  }

  /** Ten positions a second would make a circle hop; it glides from one to the next instead. */
  moveCircle(camera) {
    const { x, y, z } = camera;
    if (!camera.circle || this.still.matches) camera.circle = { x, y, z };
    for (const axis of ["x", "y", "z"]) {
      camera.circle[axis] += (camera[axis] - camera.circle[axis]) * CIRCLE_EASE;
    }
  }

  drawTrail(camera, now) {
    const { pen } = this;
    const points = [...camera.trail.slice(0, -1), camera.circle].map((point) => this.place(point));
    const steps = points.length - 1;
    pen.strokeStyle = this.colours.camera;
    pen.lineWidth = 3;
    pen.lineJoin = "round";
    for (let piece = 0; piece < TRAIL_PIECES; piece += 1) {
      const from = Math.floor((piece * steps) / TRAIL_PIECES);
      const to = Math.floor(((piece + 1) * steps) / TRAIL_PIECES);
      pen.globalAlpha = (0.6 * strength(camera, now) * (piece + 1)) / TRAIL_PIECES;
      pen.beginPath();
      for (const [x, y] of points.slice(from, to + 1)) pen.lineTo(x, y);
      pen.stroke();
    }
  }

  drawCamera(camera, now) {
    const { pen, colours } = this;
    const [x, y] = this.place(camera.circle);
    pen.globalAlpha = strength(camera, now);
    if (camera.looks) this.drawLook(camera.looks, x, y);
    pen.fillStyle = colours.camera;
    pen.strokeStyle = colours.paper;
    pen.lineWidth = 2;
    pen.beginPath();
    pen.arc(x, y, RADIUS, 0, 2 * Math.PI);
    pen.fill();
    pen.stroke();
    pen.font = `600 13px ${this.font}`;
    const gap = RADIUS + 5;
    const { width } = pen.measureText(camera.name);
    const left = x + gap + width > this.width ? x - gap - width : x + gap;
    this.write(camera.name, left, y - 8, colours.ink);
  }

  /** A wedge in the direction that the camera looks, shorter when it looks at or away from us. */
  drawLook(looks, x, y) {
    const { pen, view } = this;
    const [across, up] = [looks[view.across], looks[view.up]];
    const angle = Math.atan2(-up, across);
    const reach = RADIUS + 22 * Math.hypot(across, up);
    const before = pen.globalAlpha;
    pen.globalAlpha = 0.25 * before;
    pen.fillStyle = this.colours.camera;
    pen.beginPath();
    pen.moveTo(x, y);
    pen.arc(x, y, reach, angle - 0.45, angle + 0.45);
    pen.fill();
    pen.globalAlpha = before;
  }

  /** Text with a rim in the colour of the map, so that lines do not cross it. */
  write(text, x, y, colour) {
    const { pen } = this;
    pen.lineWidth = 4;
    pen.lineJoin = "round";
    pen.strokeStyle = this.colours.paper;
    pen.strokeText(text, x, y);
    pen.fillStyle = colour;
    pen.fillText(text, x, y);
  }
}

/** The smallest and the largest value of `axis` on all trails; 0 and 0 without cameras. */
function extent(cameras, axis) {
  let least = Infinity;
  let most = -Infinity;
  for (const { trail } of cameras) {
    for (const point of trail) {
      least = Math.min(least, point[axis]);
      most = Math.max(most, point[axis]);
    }
  }
  return least <= most ? [least, most] : [0, 0];
}

/** The smallest of 1, 2, 5, 10, 20 ... (and 0.1, 0.2 ...) that is not below `least`. */
export function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= least * 0.999);
}

function ticks(middle, reach, step) {
  const first = Math.ceil((middle - reach) / step);
  const count = Math.floor((middle + reach) / step) - first + 1;
  return Array.from({ length: Math.max(0, count) }, (_, index) => (first + index) * step);
}

function label(value, step) {
  return String(Number(value.toFixed(Math.max(0, -Math.floor(Math.log10(step))))));
}
