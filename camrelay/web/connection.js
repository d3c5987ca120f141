// Shows how the connection is: <p class="connection" role="status"> with a dot and a few words.

const WORDS = {
  connecting: () => "Connecting…",
  open: () => "Connected",
  lost: () => "No connection. Trying again…",
  stopped: (reason) => `Stopped: ${reason}`,
};

/** Shows `state` in `element`. Equal words are not set again: a screen reader would repeat them. */
export function showConnection(element, state, reason) {
  const words = WORDS[state](reason);
  if (element.textContent !== words) element.textContent = words;
  element.dataset.state = state;
}
