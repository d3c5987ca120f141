// When the reconnecting socket of the pages comes back, and when it does not.

import assert from "node:assert/strict";
import { withTabs } from "./tabs.js";

await withTabs(async (openTab) => {
  const tab = await openTab("/");
  const states = await tab.evaluate(async () => {
    const { Socket, socketUrl } = await import("/static/socket.js");
    const heard = [];
    await new Promise((resolve) => {
      const socket = new Socket(() => socketUrl("/ws/camera"), {
        onMessage: () => {},
        onState: (state, reason) => {
          heard.push(`${state} ${reason}`.trim());
          if (state === "open") for (let count = 0; count < 2000; count += 1) socket.send("garbage");
          if (state === "stopped" || state === "lost") resolve();
        },
      });
    });
    return heard;
  });
  assert.deepEqual(states.slice(0, 2), ["connecting", "open"]);
  assert.match(states[2], /^stopped garbage flood/);

  const waits = await tab.evaluate(async () => {
    const { isFinal, waitAfter } = await import("/static/socket.js");
    const codes = [1000, 1001, 1006, 1008, 1011, 4000, 4099, 4100, 4199, 4200];
    return {
      final: codes.filter(isFinal),
      longest: [0, 1, 2, 5, 6, 60].map((failures) => waitAfter(failures, () => 1)),
      shortest: waitAfter(3, () => 0),
    };
  });
  assert.deepEqual(waits.final, [1008, 4100, 4199]);
  assert.deepEqual(waits.longest, [500, 1000, 2000, 16000, 20000, 20000]);
  assert.equal(waits.shortest, 0);

  // With its clock stopped, nothing but the event of the browser can bring a page back.
  const chat = await openTab("/");
  await chat.clock.install();
  await chat.clock.pauseAt(Date.now() + 3600_000);
  const result = await chat.evaluate(async () => {
    const { Socket, socketUrl } = await import("/static/socket.js");
    const heard = [];
    let when = {};
    const socket = new Socket(() => socketUrl("/ws/chat/lobby"), {
      onMessage: () => {},
      onState: (state) => {
        heard.push(state);
        if (when[state]) when[state]();
      },
    });
    const until = (state) => new Promise((resolve) => (when[state] = resolve));
    await until("open");
    when = {};
    const lost = until("lost");
    socket.socket.close();
    await lost;
    when = {};
    const back = until("open");
    dispatchEvent(new Event("online"));
    await back;
    return heard;
  });
  assert.deepEqual(result, ["connecting", "open", "lost", "open"]);
});
