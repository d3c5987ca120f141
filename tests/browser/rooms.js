// The page that asks for a room turns away what the server would, in words, and nothing else.

import assert from "node:assert/strict";
import { says, withTabs } from "./tabs.js";

await withTabs(async (openTab) => {
  const tab = await openTab("/chat/");
  for (const [name, problem] of [
    ["", "Type a name"],
    ["   ", "Type a name"],
    ["a b", "letters and digits"],
    ["a/b", "letters and digits"],
    ["..", "dots alone"],
    ["x".repeat(65), "too long"],
  ]) {
    await tab.fill("#room-name-input", name);
    await tab.press("#room-name-input", "Enter");
    await says(tab, "#room-name-problem", problem);
    assert.equal(new URL(tab.url()).pathname, "/chat/");
  }

  // The verdict of the page on every character, for the test in Python to compare.
  const allowed = await tab.evaluate(async () => {
    const { problemWith } = await import("/static/rooms.js");
    const points = [];
    for (let point = 0; point <= 0x10ffff; point += 1) {
      if (!problemWith(`a${String.fromCodePoint(point)}`.normalize("NFC"))) points.push(point);
    }
    return points;
  });
  console.log(`allowed ${JSON.stringify(allowed)}`);
});
