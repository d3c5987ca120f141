// A person takes a name, is seen by it, keeps it, changes it and gives it back.

import assert from "node:assert/strict";
import { says, withTabs } from "./tabs.js";

const ROOM = "/chat/names/";

await withTabs(async (openTab, errors) => {
  const other = await openTab(ROOM);
  await says(other, "#me-name", "You have no name here.");
  const tab = await openTab(ROOM);
  await say(tab, "before");
  await says(other, "#chat-log p", "before");

  await tab.click("#sign-in-open");
  await tab.press("#display-name", "Enter");
  await says(tab, "#display-name-problem", "Type a name first.");
  await tab.fill("#display-name", "Ren\u202eé");
  await tab.press("#display-name", "Enter");
  await says(tab, "#display-name-problem", "use 1 to 32 visible characters");
  assert.match(errors.pop(), /status of 400/); // Chromium itself reports what was refused
  await tab.fill("#display-name", " René 元気 ");
  await tab.press("#display-name", "Enter");
  await says(tab, "#me-name", "You are René 元気.");
  assert.equal(await tab.locator("#sign-in").isVisible(), false);

  // Nothing was lost or said twice on the way to the name, and others see it.
  await say(tab, "after");
  await says(other, "#chat-log p", "after");
  for (const each of [tab, other]) {
    assert.deepEqual(await each.locator("#chat-log p").allTextContents(), ["before", "after"]);
    assert.equal(await each.locator("#chat-log .gap").count(), 0);
  }
  assert.equal(await tab.locator("#chat-log .own").count(), 2);
  assert.deepEqual(await other.locator(".head b").allTextContents(), ["René 元気"]);
  await other.click("#who summary");
  assert.deepEqual(await other.locator("#who li").allTextContents(), ["You", "René 元気 (guest)"]);

  // The name is still there after a reload, can be changed, and given back.
  await tab.reload();
  await says(tab, "#me-name", "You are René 元気.");
  await tab.click("#sign-in-open");
  assert.equal(await tab.inputValue("#display-name"), "René 元気");
  await tab.fill("#display-name", "<b>Ren");
  await tab.press("#display-name", "Enter");
  await says(tab, "#me-name", "You are <b>Ren.");
  await says(other, "#who li:last-child", "<b>Ren (guest)");
  await tab.click("#sign-out");
  await says(tab, "#me-name", "You have no name here.");
  await says(other, "#who li:last-child", "1 without a name");
});

async function say(tab, text) {
  await tab.fill("#chat-message-input", text);
  await tab.press("#chat-message-input", "Enter");
}
