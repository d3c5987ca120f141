// A name for whoever sits here: kept by the server in a cookie that no script can read.

import { ask } from "/static/member.js";

const find = (selector) => document.querySelector(selector);

export class SignIn {
  /** `onChange()` is called when the browser is somebody else from now on. */
  constructor(onChange) {
    this.onChange = onChange;
    this.dialog = find("#sign-in");
    this.input = find("#display-name");
    this.problem = find("#display-name-problem");
    find("#sign-in-open").addEventListener("click", () => this.open());
    find("#sign-in-cancel").addEventListener("click", () => this.dialog.close());
    find("#sign-out").addEventListener("click", () => this.signOut());
    this.dialog.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.signIn(this.input.value.trim());
    });
  }

  /** Shows as whom the server knows this browser: a name, or nothing. */
  show(user) {
    find("#me-name").textContent = user ? `You are ${user}.` : "You have no name here.";
    find("#sign-in-open").textContent = user ? "Change" : "Choose one";
    find("#sign-out").hidden = !user;
    find("#me").hidden = false;
    this.user = user;
  }

  /** Asks for a name; `why` is a sentence. */
  open(why = "Others see it beside what you say.") {
    find("#sign-in-why").textContent = why;
    this.tell("");
    this.input.value = this.user || this.input.value;
    if (!this.dialog.open) this.dialog.showModal();
    this.input.focus();
    this.input.select();
  }

  async signIn(name) {
    this.tell(name ? "" : "Type a name first.");
    if (!name) return;
    const { problem } = await ask("POST", "/api/session", { name });
    if (problem) {
      this.tell(problem);
    } else {
      this.dialog.close();
      this.onChange();
    }
  }

  async signOut() {
    await ask("DELETE", "/api/session");
    this.onChange();
  }

  tell(problem) {
    this.problem.textContent = problem;
    this.input.setAttribute("aria-invalid", String(problem !== ""));
    if (problem) this.input.focus();
  }
}
