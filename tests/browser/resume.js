// A tab comes into a room with a past, loses its connection, and goes on where it was.

import assert from "node:assert/strict";
import { says, withTabs } from "./tabs.js";

const ROOM = "/chat/resume/";

await withTabs(async (openTab) => {
  const stays = await openTab(ROOM);
  await says(stays, "#who summary", "1 here");
  await say(stays, "before");
  await says(stays, "#chat-log p", "before");

  // What was said before is there, and is not announced as new.
  const goes = await openTab(ROOM, keepSockets);
  await says(goes, "#chat-log p", "before");
  for (const tab of [stays, goes]) await says(tab, "#who summary", "2 here");
  assert.deepEqual(await log(goes), ["before"]);
  await goes.click("#who summary");
  assert.deepEqual(await goes.locator("#who li").allTextContents(), ["You", "1 without a name"]);

  // With its clock stopped, the page cannot come back before it is told to.
  await goes.clock.pauseAt(Date.now() + 3600_000);
  await goes.evaluate(() => sockets.at(-1).close());
  await says(goes, "#connection", "No connection");
  await says(stays, "#who summary", "1 here");
  for (const text of ["one", "two"]) await say(stays, text);
  await says(stays, "#chat-log p", "two");
  await say(goes, "from the tunnel");
  await goes.evaluate(() => dispatchEvent(new Event("online")));
  await says(goes, "#chat-log p", "from the tunnel");
  assert.deepEqual(await log(goes), ["before", "– New –", "one", "two", "from the tunnel"]);
  await says(stays, "#chat-log p", "from the tunnel");
  assert.deepEqual(await log(stays), ["before", "one", "two", "from the tunnel"]);
  assert.equal(await goes.locator("#notice").textContent(), "");

  // Whoever has scrolled up is told that there is more, and finds where it begins.
  for (let number = 1; number <= 30; number += 1) await say(stays, `line ${number}`);
  await says(goes, "#chat-log p", "line 30");
  await goes.locator("#chat-log").evaluate((element) => (element.scrollTop = 0));
  await say(stays, "below");
  await goes.waitForFunction(() => document.title.startsWith("(1) "));
  assert.deepEqual((await log(goes)).slice(-3), ["line 30", "– New –", "below"]);
  await goes.locator("#chat-log").evaluate((element) => (element.scrollTop = element.scrollHeight));
  await goes.waitForFunction(() => document.title.startsWith("resume"));
});

async function say(tab, text) {
  await tab.fill("#chat-message-input", text);
  await tab.press("#chat-message-input", "Enter");
}

/** What the log shows, with the lines across it. */
function log(tab) {
  return tab.locator("#chat-log :is(p, .mark)").evaluateAll((shown) =>
    shown.map((each) => (each.matches("p") ? each.textContent : `– ${each.textContent} –`)),
  );
}

/** Lets the test get at the sockets of the page, and at its clock. */
async function keepSockets(tab) {
  await tab.clock.install();
  await tab.addInitScript(() => {
    globalThis.sockets = [];
    globalThis.WebSocket = class extends WebSocket {
      constructor(...args) {
        super(...args);
        sockets.push(this);
      }
    };
  });
}
