// Three tabs find into a room with a Japanese name in three ways and talk.

import assert from "node:assert/strict";
import { says, withTabs } from "./tabs.js";

const ROOM = encodeURIComponent("日本語");

await withTabs(async (openTab) => {
  const tabs = [await openTab("/chat/"), await openTab("/chat/"), await openTab(`/chat/${ROOM}`)];
  await tabs[0].fill("#room-name-input", "日本語");
  await tabs[0].press("#room-name-input", "Enter");
  await tabs[1].fill("#room-name-input", " 日本語 ");
  await tabs[1].click("#room-name-submit");
  for (const tab of tabs.slice(0, 2)) await tab.waitForURL(`**/chat/${ROOM}/`);
  for (const tab of tabs) {
    await says(tab, "#room", "日本語");
    await says(tab, "#connection", "Connected");
  }

  await say(tabs[0], "hello", (tab) => tab.press("#chat-message-input", "Enter"));
  await say(tabs[1], "<b>元気?</b>", (tab) => tab.click("#chat-message-submit"));
  await say(tabs[2], "  two  spaces", (tab) => tab.press("#chat-message-input", "Enter"));
  await say(tabs[0], "bye", (tab) => tab.click("#chat-message-submit"));

  // "bye" came last to each tab: whatever was to come twice would have come.
  for (const tab of tabs) {
    assert.equal(
      await tab.locator("#chat-log").evaluate((log) => log.value),
      "hello\n<b>元気?</b>\n  two  spaces\nbye\n",
    );
    assert.deepEqual(await tab.locator("#chat-log b").count(), 0);
  }
  const own = await Promise.all(tabs.map((tab) => tab.locator("#chat-log .own").count()));
  assert.deepEqual(own, [2, 1, 1]);

  async function say(tab, text, submit) {
    await tab.fill("#chat-message-input", text);
    await submit(tab);
    assert.equal(await tab.inputValue("#chat-message-input"), "");
    for (const other of tabs) await says(other, "#chat-log p:last-child", text.trim());
  }
});
