// /chat/: asks for a room.

import { askForRoom } from "/static/rooms.js";

askForRoom(document.querySelector("form"), "chat");
