// A page hears a room as server-sent events: EventSource, as browsers have it, and nothing else.

import assert from "node:assert/strict";
import { tell, withTabs } from "./tabs.js";

const ROOM = "/ws/chat/events";

await withTabs(async (openTab, errors) => {
  const tab = await openTab("/");
  await tab.evaluate((room) => {
    globalThis.heard = [];
    const stream = new EventSource(`/api/events?${new URLSearchParams({ room })}`);
    for (const type of ["welcome", "join", "leave", "message", "close"]) {
      stream.addEventListener(type, ({ data }) => heard.push({ type, ...JSON.parse(data) }));
    }
    globalThis.say = (message) =>
      fetch(`/api/messages?${new URLSearchParams({ room })}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ message }),
      });
  }, ROOM);
  await hears("welcome", 1);

  // What is said, and who comes and goes.
  await tab.evaluate(() => say("hello"));
  await hears("message", 1);
  await tab.evaluate((room) => {
    const socket = new WebSocket(`wss://${location.host}${room}`);
    socket.onopen = () => socket.close();
  }, ROOM);
  await hears("leave", 1);
  assert.equal((await heard("join")).length, 1);

  // The server goes and comes back: the browser does the rest.
  await tell("stop the server");
  await hears("close", 1);
  const [{ code, may_return: mayReturn }] = await heard("close");
  assert.deepEqual([code, mayReturn], [1001, true]);
  await tell("start the server");
  await hears("welcome", 2);
  assert.deepEqual(
    (await heard("welcome")).map(({ recovered }) => recovered),
    [undefined, true],
  );
  await tab.evaluate(() => say("again"));
  await hears("message", 2);
  assert.deepEqual(
    (await heard("message")).map(({ data }) => data.message),
    ["hello", "again"],
  );

  // Chromium itself reports each attempt that failed; nothing else may be there.
  const others = errors.filter((text) => !/ERR_CONNECTION_REFUSED$/.test(text));
  errors.splice(0, errors.length, ...others);

  function hears(type, count) {
    const has = (wanted) => heard.filter(({ type }) => type === wanted.type).length === wanted.count;
    return tab.waitForFunction(has, { type, count });
  }

  function heard(wanted) {
    return tab.evaluate((type) => globalThis.heard.filter((each) => each.type === type), wanted);
  }
});
