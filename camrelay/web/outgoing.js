// What the person has typed: some of it waits for a connection, some was sent and not accepted yet,
// and some was under way when a connection broke.

const MOST_WAITING = 20;

export class Outgoing {
  /**
   * `publish(text, id)` says whether it was sent; the server answers with the id.
   * `onChange(words, isDoubtful)` hears what to tell the person; `isDoubtful`: `again` would help.
   */
  constructor(publish, onChange) {
    this.publish = publish;
    this.onChange = onChange;
    this.waiting = []; // oldest first
    this.unanswered = new Map(); // texts by id
    this.doubtful = []; // { text, from }: the connection under whose id it would arrive
    this.problem = "";
    this.sent = 0;
  }

  /** Sends `text`, or keeps it for later; false when too much is waiting already. */
  say(text) {
    const isSent = this.waiting.length === 0 && this.send(text);
    const isTaken = isSent || this.waiting.length < MOST_WAITING;
    if (!isSent && isTaken) this.waiting.push(text);
    this.problem = isTaken
      ? ""
      : `${MOST_WAITING} messages are waiting already. This one was not taken.`;
    this.tell();
    return isTaken;
  }

  /** There is a connection. */
  flush() {
    while (this.waiting.length && this.send(this.waiting[0])) this.waiting.shift();
    this.problem = "";
    this.tell();
  }

  /** The connection that was called `from` is gone. */
  lose(from) {
    for (const text of this.unanswered.values()) this.doubtful.push({ text, from });
    this.unanswered.clear();
    this.tell();
  }

  accept(id) {
    this.unanswered.delete(id);
  }

  /** The text that the server did not take, if it is known. */
  refuse(id, detail) {
    const text = this.unanswered.get(id);
    this.unanswered.delete(id);
    this.problem = `Not delivered: ${detail}`;
    this.tell();
    return text;
  }

  /** What was under way when a connection broke may be heard on the next one. */
  hear(from, text) {
    const found = this.doubtful.findIndex((said) => said.from === from && said.text === text);
    if (found < 0) return;
    this.doubtful.splice(found, 1);
    this.tell();
  }

  /** Sends what is doubtful once more: it might be said twice, so only the person can decide. */
  again() {
    const texts = this.doubtful.map(({ text }) => text);
    this.doubtful = [];
    for (const text of texts) this.say(text);
  }

  send(text) {
    const id = String(this.sent + 1);
    if (!this.publish(text, id)) return false;
    this.sent += 1;
    this.unanswered.set(id, text);
    return true;
  }

  tell() {
    this.onChange(this.problem || this.doubts() || this.delay(), this.doubtful.length > 0);
  }

  doubts() {
    if (!this.doubtful.length) return "";
    const texts = this.doubtful.map(({ text }) => `“${text}”`);
    return `The connection broke. This may not have arrived: ${texts.join(", ")}`;
  }

  delay() {
    const number = this.waiting.length;
    if (!number) return "";
    return `Waiting for the connection: ${number} ${number === 1 ? "message" : "messages"}.`;
  }
}
