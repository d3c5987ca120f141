// Opens tabs of a real Chromium on a relay and watches them: an error on the console or a request
// to another host fails the test, whatever else it looks at.

import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const [executablePath, base] = process.argv.slice(2);
const SECONDS_TO_WAIT = 20;
const SECONDS_FOR_ALL = 50;

/**
 * Runs `test(openTab)`; `openTab(path)` gives a Playwright page on that path of the relay, and
 * `prepare(tab)` comes before its first script.
 */
export async function withTabs(test) {
  const tooLong = setTimeout(() => {
    throw new Error(`not done after ${SECONDS_FOR_ALL} seconds`);
  }, 1000 * SECONDS_FOR_ALL);
  const browser = await chromium.launch({ executablePath, args: ["--disable-gpu"] });
  try {
    // The development authority is unknown to this browser; that it can be trusted is seen elsewhere.
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    context.setDefaultTimeout(1000 * SECONDS_TO_WAIT);
    const seen = watch(context);
    await test(async (path, prepare) => {
      const tab = await context.newPage();
      if (prepare) await prepare(tab);
      await tab.goto(base + path);
      return tab;
    }, seen.errors);
    assert.deepEqual(seen.errors, []);
    assert.deepEqual([...seen.hosts], [new URL(base).host]);
  } finally {
    clearTimeout(tooLong);
    await browser.close();
  }
}

function watch(context) {
  const seen = { errors: [], hosts: new Set() };
  const note = (url) => seen.hosts.add(new URL(url).host);
  context.on("request", (request) => note(request.url()));
  context.on("weberror", (error) => seen.errors.push(String(error.error())));
  context.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) seen.errors.push(message.text());
  });
  context.on("page", (page) => page.on("websocket", (socket) => note(socket.url())));
  return seen;
}

/** Waits until `element` says `words`. */
export function says(tab, element, words) {
  return tab.locator(element).filter({ hasText: words }).waitFor();
}

/** Tells the test in Python something, and goes on once it has typed a line. */
export async function tell(words) {
  const answered = new Promise((resolve) => process.stdin.resume().once("data", resolve));
  console.log(words);
  await answered;
  process.stdin.pause();
}
