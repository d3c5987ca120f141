// /camera/ and /camera/ROOM/: the cameras of a room, live, and a camera that this browser plays.

import { showConnection } from "/static/connection.js";
import { showCameras } from "/static/camera_list.js";
import { offerCopy } from "/static/copy.js";
import { Crowd } from "/static/crowd.js";
import { PositionMap } from "/static/map.js";
import { Member } from "/static/member.js";
import { askForRoom, roomOfPage } from "/static/rooms.js";
import { SimulatedCamera } from "/static/simulated_camera.js";
import { socketUrl } from "/static/socket.js";
import { Tracks } from "/static/tracks.js";

const REFRESH_EVERY = 200; // ms: numbers that change faster cannot be read
const LOCAL = ["localhost", "127.0.0.1", "[::1]"];

const find = (selector) => document.querySelector(selector);
const room = roomOfPage();
const path = room ? `/ws/camera/${encodeURIComponent(room)}` : "/ws/camera";
const url = socketUrl(path);
const tracks = new Tracks();
const map = new PositionMap(find("#map"));
let drawing = false;
let roundTrip; // ms, of the newest of our own positions

const crowd = new Crowd(find("#who"));
const meet = (frame) => crowd.take(frame);
const member = new Member(path, {}, {
  state: (state, reason) => {
    showConnection(find("#connection"), state, reason);
    find("#restart").hidden = state !== "stopped";
    forgetRoundTrip();
  },
  message: hear,
  welcome: meet,
  join: meet,
  leave: meet,
  count: meet,
});
const simulated = new SimulatedCamera((position) => member.publish(position));

if (room) {
  find("#room").textContent = room;
  document.title = `${room} · live map · camrelay`;
}
find("#address").value = url;
find("#only-here").hidden = !LOCAL.includes(location.hostname);
for (const span of document.querySelectorAll("[data-address]")) span.textContent = url;
offerCopy(find("#copy"), find("#address"));
askForRoom(find("form"), "camera");
find("#restart").addEventListener("click", () => member.restart());
find("#simulate").addEventListener("click", toggleSimulation);
for (const view of document.querySelectorAll("[name=view]")) {
  view.addEventListener("change", () => map.setView(view.value));
}
setInterval(refresh, REFRESH_EVERY);

function hear(frame) {
  if (!tracks.take(frame, performance.now())) return;
  roundTrip = simulated.roundTrip(frame.data) || roundTrip;
  if (!drawing) requestAnimationFrame(draw);
  drawing = true;
}

/** Draws every picture while there are cameras; the refresh does for an empty map. */
function draw() {
  map.draw([...tracks.cameras.values()], performance.now());
  drawing = tracks.cameras.size > 0;
  if (drawing) requestAnimationFrame(draw);
}

function refresh() {
  const now = performance.now();
  tracks.forget(now);
  const cameras = [...tracks.cameras.values()];
  showCameras(find("#cameras"), find("#count"), cameras, now);
  find("#nobody").hidden = cameras.length > 0;
  if (simulated.isRunning && roundTrip) {
    find("#round-trip").textContent = `Each is back after ${roundTrip.toFixed(1)} ms.`;
  }
  if (!drawing) map.draw(cameras, now);
}

function toggleSimulation() {
  if (simulated.isRunning) simulated.stop();
  else simulated.start();
  const running = simulated.isRunning;
  find("#simulate").classList.toggle("quiet", running);
  find("#simulate").textContent = running ? "Stop the camera" : "Make this browser a camera";
  find("#simulated").textContent = running
    ? `Ten positions a second go out as ${simulated.id}.`
    : "Stopped. It fades and leaves the map.";
  forgetRoundTrip();
}

function forgetRoundTrip() {
  roundTrip = undefined;
  find("#round-trip").textContent = "";
}
