// Room names: the server's rule, told to people before they run into it.

const LONGEST = 64;
const NAME = /^[\p{L}\p{Mc}\p{Mn}\p{Nd}_.-]+$/u;

/** What is wrong with `name`, in a sentence; empty when it can be used. */
export function problemWith(name) {
  if (!name) return "Type a name for the room first.";
  if ([...name].length > LONGEST) return `That is too long: use at most ${LONGEST} characters.`;
  if (/^\.+$/.test(name)) return "A name of dots alone cannot be used.";
  if (!NAME.test(name)) return "Use letters and digits of any language, “_”, “-” and “.”, no spaces.";
  return "";
}

/** The room in the address of this page, which is PLACE/ROOM or PLACE/ROOM/; empty at PLACE/. */
export function roomOfPage() {
  return decodeURIComponent(location.pathname.split("/")[2] || "").normalize("NFC");
}

/** Lets `form` (one text input, one [role=alert]) lead to /PLACE/NAME/. */
export function askForRoom(form, place) {
  const input = form.querySelector("input");
  const problem = form.querySelector("[role=alert]");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const name = input.value.trim().normalize("NFC");
    problem.textContent = problemWith(name);
    input.setAttribute("aria-invalid", String(problem.textContent !== ""));
    if (problem.textContent) input.focus();
    else location.assign(`/${place}/${encodeURIComponent(name)}/`);
  });
}
