// /chat/ROOM/: what is said in the room, and a line to say something.

import { showConnection } from "/static/connection.js";
import { roomOfPage } from "/static/rooms.js";
import { Socket, socketUrl } from "/static/socket.js";

const MOST_WAITING = 20; // messages kept while there is no connection
const MOST_SHOWN = 500;

const log = document.querySelector("#chat-log");
const input = document.querySelector("#chat-message-input");
const notice = document.querySelector("#notice");
const restart = document.querySelector("#restart");
const room = roomOfPage();

const waiting = []; // typed while offline, oldest first
let unheard = []; // sent, and not come back from the server yet

document.querySelector("#room").textContent = room;
document.title = `${room} · chat · camrelay`;

// Scripts written for a chat page whose log is a <textarea> read its `value`.
Object.defineProperty(log, "value", {
  get: () => [...log.children].map((line) => `${line.textContent}\n`).join(""),
});

const socket = new Socket(socketUrl(`/ws/chat/${encodeURIComponent(room)}/?errors=1`), {
  onMessage: hear,
  onState: (state, reason) => {
    showConnection(document.querySelector("#connection"), state, reason);
    restart.hidden = state !== "stopped";
    if (state === "open") sendWaiting();
    else if (unheard.length) reportUnheard();
  },
});

document.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = input.value;
  if (text.trim() && say(text)) input.value = "";
  input.focus();
});

restart.addEventListener("click", () => socket.restart());

/** Sends `text`, or keeps it for later; false when too much is waiting already. */
function say(text) {
  if (waiting.length === 0 && transmit(text)) {
    notice.textContent = "";
    return true;
  }
  if (waiting.length >= MOST_WAITING) {
    notice.textContent = `${MOST_WAITING} messages are waiting already. This one was not taken.`;
    return false;
  }
  waiting.push(text);
  notice.textContent = `Waiting for the connection: ${counted(waiting.length)}.`;
  return true;
}

function transmit(text) {
  if (!socket.send(JSON.stringify({ message: text }))) return false;
  unheard.push(text);
  return true;
}

function sendWaiting() {
  if (!waiting.length) return;
  while (waiting.length && transmit(waiting[0])) waiting.shift();
  notice.textContent = "";
}

/** Sending them again might say them twice, so only the person can decide. */
function reportUnheard() {
  notice.textContent =
    "The connection broke. This may not have arrived: " + unheard.map((text) => `“${text}”`).join(", ");
  unheard = [];
}

function hear(data) {
  const { message, error } = JSON.parse(data);
  if (error) {
    notice.textContent = `Not delivered: ${error.detail}`;
    unheard.shift();
  } else {
    show(String(message));
  }
}

function show(text) {
  const line = document.createElement("p");
  line.dir = "auto";
  line.textContent = text;
  line.dataset.time = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const own = unheard.indexOf(text);
  if (own >= 0) {
    unheard.splice(own, 1);
    line.className = "own";
  }
  const wasAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
  log.append(line);
  if (log.children.length > MOST_SHOWN) log.firstChild.remove();
  if (wasAtEnd || own >= 0) log.scrollTop = log.scrollHeight;
}

function counted(number) {
  return number === 1 ? "1 message" : `${number} messages`;
}
