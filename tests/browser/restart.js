// The server goes away under a chat and comes back.

import assert from "node:assert/strict";
import { says, tell, withTabs } from "./tabs.js";

await withTabs(async (openTab, errors) => {
  const [talker, listener] = [await openTab("/chat/lobby/"), await openTab("/chat/lobby/")];
  for (const tab of [talker, listener]) await says(tab, "#connection", "Connected");

  await tell("stop the server");
  for (const tab of [talker, listener]) await says(tab, "#connection", "No connection");
  for (let number = 1; number <= 20; number += 1) await say(`message ${number}`);
  await says(talker, "#notice", "Waiting for the connection: 20 messages.");
  assert.equal(await talker.inputValue("#chat-message-input"), "");
  await say("one too many");
  await says(talker, "#notice", "This one was not taken");
  assert.equal(await talker.inputValue("#chat-message-input"), "one too many");

  await tell("start the server");
  await says(listener, "#connection", "Connected");
  await says(talker, "#connection", "Connected");
  await says(talker, "#chat-log p:last-child", "message 20");
  const expected = Array.from({ length: 20 }, (_, index) => `message ${index + 1}`);
  assert.deepEqual(await talker.locator("#chat-log p").allTextContents(), expected);
  assert.equal(await talker.locator("#notice").textContent(), "");
  for (const tab of [talker, listener]) assert.equal(await tab.locator("#chat-log .gap").count(), 0);

  // Chromium itself reports each attempt that failed; nothing else may be there.
  const ofAttempts = /^WebSocket connection to .* failed|ERR_CONNECTION_REFUSED$/;
  const others = errors.filter((text) => !ofAttempts.test(text));
  errors.splice(0, errors.length, ...others);

  async function say(text) {
    await talker.fill("#chat-message-input", text);
    await talker.press("#chat-message-input", "Enter");
  }
});
