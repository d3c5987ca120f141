// /chat/ROOM/: what is said in the room, who is there, and a line to say something.

import { ChatLog } from "/static/chat_log.js";
import { showConnection } from "/static/connection.js";
import { Crowd } from "/static/crowd.js";
import { Member } from "/static/member.js";
import { Outgoing } from "/static/outgoing.js";
import { roomOfPage } from "/static/rooms.js";
import { SignIn } from "/static/sign_in.js";

const HISTORY = 50; // lines of the past for those who come in
const NO_TOKEN = 4103;
const TOKEN_ENDED = [4102, 4105]; // by itself, or with the key that signed it
const A_NAME_MAY_HELP = [401, NO_TOKEN, ...TOKEN_ENDED];

const find = (selector) => document.querySelector(selector);
const input = find("#chat-message-input");
const room = roomOfPage();
const title = `${room} · chat · camrelay`;
let welcomed; // the newest welcome

find("#room").textContent = room;
document.title = title;

const log = new ChatLog(find("#chat-log"), (unread) => {
  document.title = unread ? `(${unread}) ${title}` : title;
});
const crowd = new Crowd(find("#who"));
const signIn = new SignIn(() => member.restart());
const outgoing = new Outgoing((text, id) => member.publish({ message: text }, id), notice);
const member = new Member(`/ws/chat/${encodeURIComponent(room)}`, { history: HISTORY }, {
  state: change,
  welcome: enter,
  message: hear,
  ack: ({ id }) => outgoing.accept(id),
  error: refuse,
  gap: ({ detail }) => log.mark(`Something may be missing here: ${detail}`, "gap"),
  join: (frame) => crowd.take(frame),
  leave: (frame) => crowd.take(frame),
  count: (frame) => crowd.take(frame),
});

find("#say").addEventListener("submit", (event) => {
  event.preventDefault();
  if (input.value.trim() && outgoing.say(input.value)) input.value = "";
  input.focus();
});
find("#restart").addEventListener("click", () => member.restart());
find("#resend").addEventListener("click", () => outgoing.again());

function change(state, reason, code) {
  showConnection(find("#connection"), state, reason);
  find("#restart").hidden = state !== "stopped";
  if (welcomed) outgoing.lose(welcomed.id);
  if (state === "stopped") signIn.show(welcomed && welcomed.user);
  if (state === "stopped" && A_NAME_MAY_HELP.includes(code)) signIn.open(sentence(reason));
}

function enter(frame) {
  if (welcomed && !frame.recovered) log.mark("Something may be missing here.", "gap");
  if (welcomed) log.goOn();
  welcomed = frame;
  crowd.take(frame);
  signIn.show(frame.user);
  input.disabled = find("#chat-message-submit").disabled = !frame.may_publish;
  input.placeholder = frame.may_publish ? "Message" : "You can only read here";
  outgoing.flush();
}

function hear({ from, user, time, data }) {
  log.show({
    from,
    user,
    time,
    text: textOf(data.message, user),
    isOwn: member.ids.has(from),
    isPast: time < welcomed.time,
  });
  outgoing.hear(from, data.message);
}

/** A plain client with ?user=NAME has its name in the text, too. */
function textOf(message, user) {
  const prefix = `[${user}] `;
  return user && message.startsWith(prefix) ? message.slice(prefix.length) : message;
}

function refuse({ reason, detail, id }) {
  if (reason === "not-signed-in") {
    member.stop("this room asks for your name", NO_TOKEN);
    return;
  }
  const text = outgoing.refuse(id, detail);
  if (text && !input.value) input.value = text;
}

/** Equal words are not set again: a screen reader would repeat them. */
function notice(words, isDoubtful) {
  if (find("#notice").textContent !== words) find("#notice").textContent = words;
  find("#resend").hidden = !isDoubtful;
}

function sentence(words) {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}
