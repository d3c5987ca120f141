// A button that copies what an input shows.

const SHOWN = 1500; // ms that the button says what it did

export function offerCopy(button, input) {
  const label = button.textContent;
  button.addEventListener("click", async () => {
    button.textContent = (await copy(input)) ? "Copied" : "Press Ctrl-C";
    setTimeout(() => (button.textContent = label), SHOWN);
  });
}

async function copy(input) {
  input.select();
  try {
    await navigator.clipboard.writeText(input.value);
    return true;
  } catch {
    // No clipboard without https, except on localhost: the old way still works there.
    return document.execCommand("copy");
  }
}
