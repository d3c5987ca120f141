// Rooms that are not open to everybody say so, and let in whoever may come.

import assert from "node:assert/strict";
import { says, withTabs } from "./tabs.js";

await withTabs(async (openTab, errors) => {
  // Whoever has no name is asked for one, and is in the room with it.
  const tab = await openTab("/chat/members/");
  await says(tab, "#sign-in-why", "This room asks for your name.");
  await says(tab, "#connection", "Stopped: this room asks for your name");
  await tab.fill("#display-name", "Anna");
  await tab.press("#display-name", "Enter");
  await says(tab, "#connection", "Connected");
  await says(tab, "#me-name", "You are Anna.");
  await tab.fill("#chat-message-input", "hello");
  await tab.press("#chat-message-input", "Enter");
  await says(tab, "#chat-log p", "hello");
  assert.equal(await tab.locator("#restart").isVisible(), false);

  // Where some may only listen, that is said before they type.
  const listener = await openTab("/chat/stage/");
  await says(listener, "#connection", "Connected");
  await listener.locator("#chat-message-input:disabled").waitFor();
  assert.equal(
    await listener.getAttribute("#chat-message-input", "placeholder"),
    "You can only read here",
  );

  // A name does not open every room; the page says why, and does not try for ever.
  const stranger = await openTab("/chat/board/");
  await says(stranger, "#connection", "Stopped: this room is not open to guests");
  await stranger.locator("#restart").waitFor();

  // Chromium itself reports each handshake and each call that was refused.
  const refused = /^WebSocket connection to .* failed|the server responded with a status of 403/;
  errors.splice(0, errors.length, ...errors.filter((text) => !refused.test(text)));
});
