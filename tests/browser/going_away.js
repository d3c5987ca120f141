// What a plain WebSocket in a page hears of a server that goes away.

import assert from "node:assert/strict";
import { tell, withTabs } from "./tabs.js";

await withTabs(async (openTab, errors) => {
  const tab = await openTab("/");
  await tab.evaluate(async () => {
    const sockets = [1, 2, 3].map(() => new WebSocket(`wss://${location.host}/ws/camera`));
    window.ends = sockets.map((socket) => new Promise((resolve) => (socket.onclose = resolve)));
    await Promise.all(sockets.map((socket) => new Promise((resolve) => (socket.onopen = resolve))));
  });
  await tell("stop the server");
  const ends = await tab.evaluate(async () => {
    const events = await Promise.all(window.ends);
    return events.map(({ code, reason, wasClean }) => ({ code, reason, wasClean }));
  });
  for (const { code, reason, wasClean } of ends) {
    assert.equal(code, 1001);
    assert.match(reason, /^the server is going away: come back in \d+ ms$/);
    assert.equal(wasClean, true);
  }
  errors.length = 0; // the page's own socket may have tried to come back
});
