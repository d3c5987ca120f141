// What was said in a room, line by line, and where the person stopped reading.

const MOST_SHOWN = 500;
const NEAR = 60; // px from the end at which somebody is taken to read along
const SAME_BREATH = 120; // seconds between lines of one person that need no second name

export class ChatLog {
  /** `onUnread(number)` hears how many lines came that nobody can have seen. */
  constructor(element, onUnread) {
    this.element = element;
    this.onUnread = onUnread;
    this.unread = 0;
    this.isMarked = false; // where the news begin
    this.isBack = false; // what comes was said while the page was away
    document.addEventListener("visibilitychange", () => this.look());
    element.addEventListener("scroll", () => this.look());
    // Scripts written for a chat page whose log is a <textarea> read its `value`.
    Object.defineProperty(element, "value", {
      get: () => [...element.querySelectorAll("p")].map((text) => `${text.textContent}\n`).join(""),
    });
  }

  get isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    return scrollHeight - scrollTop - clientHeight < NEAR;
  }

  /** The connection is back: first comes what was said meanwhile. */
  goOn() {
    this.isBack = true;
  }

  /**
   * Shows one line: `from` tells connections apart, `user` is a name or missing, `time` in seconds
   * since 1970. `isOwn`: said on this page. `isPast`: said before it was connected.
   */
  show({ from, user, time, text, isOwn, isPast }) {
    const wasAtEnd = this.isAtEnd;
    const isSeen = wasAtEnd && !document.hidden;
    if (!isPast) this.isBack = false;
    if (!isOwn && (isPast ? this.isBack : !isSeen)) this.noteNews(isSeen);
    // The past is not read out to those who just came in.
    this.element.setAttribute("aria-live", isPast && !this.isBack ? "off" : "polite");
    this.startDay(time);
    this.element.append(this.line({ from, user, time, text, isOwn }));
    this.trim();
    if (wasAtEnd || isOwn) this.element.scrollTop = this.element.scrollHeight;
    this.look();
  }

  /** A line across the log; `className` says which. */
  mark(words, className) {
    const mark = document.createElement("div");
    mark.className = `mark ${className}`;
    mark.textContent = words;
    const wasAtEnd = this.isAtEnd;
    this.element.append(mark);
    this.last = undefined;
    if (wasAtEnd) this.element.scrollTop = this.element.scrollHeight;
    return mark;
  }

  noteNews(isSeen) {
    if (!this.isMarked) {
      if (this.news) this.news.remove();
      this.news = this.mark("New", "news");
      this.isMarked = true;
    }
    if (isSeen) return;
    this.unread += 1;
    this.onUnread(this.unread);
  }

  /** Whoever looks at the end has seen everything; the mark stays until something else is new. */
  look() {
    if (document.hidden || !this.isAtEnd) return;
    if (this.unread) this.onUnread(0);
    this.unread = 0;
    this.isMarked = this.isBack && this.isMarked;
  }

  startDay(time) {
    const day = new Date(1000 * time).toDateString();
    if (day === this.day) return;
    const isFirst = this.day === undefined && day === new Date().toDateString();
    this.day = day;
    if (!isFirst) this.mark(new Date(1000 * time).toLocaleDateString([], { dateStyle: "full" }), "day");
  }

  line({ from, user, time, text, isOwn }) {
    const line = document.createElement("div");
    line.className = isOwn ? "line own" : "line";
    const follows = this.last && this.last.from === from && time - this.last.time < SAME_BREATH;
    if (!follows) line.append(head(isOwn ? undefined : user, time));
    this.last = { from, time };
    const said = document.createElement("p");
    said.dir = "auto";
    said.textContent = text;
    line.append(said);
    return line;
  }

  trim() {
    while (this.element.children.length > MOST_SHOWN) this.element.firstChild.remove();
  }
}

function head(user, time) {
  const head = document.createElement("div");
  head.className = "head";
  if (user) {
    const name = document.createElement("b");
    name.dir = "auto";
    name.textContent = user;
    head.append(name, " ");
  }
  const clock = document.createElement("time");
  const date = new Date(1000 * time);
  clock.dateTime = date.toISOString();
  clock.textContent = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  head.append(clock);
  return head;
}
