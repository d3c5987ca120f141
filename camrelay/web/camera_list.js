// The list of the cameras with their numbers; its rows are changed in place.

import { rate, strength } from "/static/tracks.js";

const NUMBERS = ["x", "y", "z", "rate", "age"];

/** Shows `cameras` as they are at `now` (ms) in `table`, and how many there are in `count`. */
export function showCameras(table, count, cameras, now) {
  const rows = new Map([...table.tBodies[0].rows].map((row) => [row.dataset.key, row]));
  for (const camera of cameras) {
    const row = rows.get(camera.key) || addRow(table, camera);
    rows.delete(camera.key);
    fill(row, camera, now);
  }
  for (const row of rows.values()) row.remove();
  table.hidden = cameras.length === 0;
  say(count, cameras.length === 1 ? "1 camera" : `${cameras.length || "No"} cameras`);
}

function addRow(table, { key, name }) {
  const row = table.tBodies[0].insertRow();
  row.dataset.key = key;
  row.dataset.camera = name;
  const head = document.createElement("th");
  head.scope = "row";
  head.title = name;
  head.textContent = name || "(no id)";
  row.append(head);
  for (const number of NUMBERS) row.insertCell().dataset.number = number;
  return row;
}

function fill(row, camera, now) {
  const texts = {
    x: camera.x.toFixed(2),
    y: camera.y.toFixed(2),
    z: camera.z.toFixed(2),
    rate: rate(camera, now).toFixed(1),
    age: ((now - camera.heard) / 1000).toFixed(1),
  };
  for (const cell of row.cells) {
    const text = texts[cell.dataset.number];
    if (text !== undefined) say(cell, text);
  }
  row.style.opacity = strength(camera, now);
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
