// A tab that plays a camera is seen by another one, beside cameras of the simplest kind and one that
// is farther away than any map.

import assert from "node:assert/strict";
import { says, withTabs } from "./tabs.js";

await withTabs(async (openTab) => {
  const player = await openTab("/camera/lab");
  const viewer = await openTab("/camera/lab/");
  await viewer.close();
  const watching = await openTab("/camera/");
  await watching.clock.install(); // for the last step, which would take too long by itself
  await watching.goto(player.url());
  for (const tab of [player, watching]) await says(tab, "#connection", "Connected");
  assert.equal(await watching.locator("#nobody").isVisible(), true);
  assert.equal(await watching.locator("#only-here").isVisible(), true); // this is localhost

  await player.click("#simulate");
  const row = watching.locator("tr[data-camera^=browser-]");
  await row.waitFor();
  const x = row.locator("[data-number=x]");
  await x.filter({ hasNotText: await x.textContent() }).waitFor(); // it moves
  await says(player, "#round-trip", "back after");
  assert.equal(await watching.locator("#nobody").isVisible(), false);
  await watching.waitForFunction(hasRed, "#map");

  await player.evaluate(async () => {
    const position = { x: 1, y: -2.5, z: 1e-3 };
    const lost = { ...position, x: 1.7e308, id: "lost" };
    for (const ids of [[undefined, undefined, 7, "7", "desk"], [undefined]]) {
      const socket = new WebSocket(document.querySelector("#address").value);
      await new Promise((resolve) => (socket.onopen = resolve));
      socket.send(JSON.stringify(lost));
      for (const id of ids) socket.send(JSON.stringify({ ...position, id }));
      await new Promise((resolve) => (socket.onmessage = resolve));
    }
  });
  await says(watching, "#count", "5 cameras");
  const names = await watching.locator("tbody th").allTextContents();
  assert.deepEqual(names.slice(1), ["(no id)", "7", "desk", "(no id)"]);
  await says(watching, "#who summary", "4 here");
  assert.match(await watching.locator("tr[data-camera=desk]").textContent(), /desk1\.00-2\.500\.00/);

  for (const view of ["Front", "Side", "Above"]) await watching.getByText(view).click();
  await player.click("#simulate");
  await watching.clock.fastForward("00:30");
  await says(watching, "#count", "No cameras");
  await watching.locator("#nobody").waitFor();
});

/** Whether a canvas shows the red of the circles. */
function hasRed(selector) {
  const canvas = document.querySelector(selector);
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let red = 0;
  for (let at = 0; at < data.length; at += 4) {
    if (data[at] > 200 && data[at + 1] < 60 && data[at + 2] < 80 && data[at + 3] > 200) red += 1;
  }
  return red > 100;
}
