// Who is in the room: a number, and names as long as the server tells them.

export class Crowd {
  /** `details` has a <summary> for the number and a <ul> for the names. */
  constructor(details) {
    this.details = details;
    this.members = new Map();
    addEventListener("click", (event) => details.contains(event.target) || (details.open = false));
    addEventListener("keydown", (event) => event.key === "Escape" && (details.open = false));
  }

  /** Takes a welcome, join, leave or count frame. */
  take(frame) {
    if (frame.type === "welcome") {
      this.own = frame.id;
      this.members = new Map(frame.members.map((member) => [member.id, member]));
    }
    if (frame.type === "join") this.members.set(frame.member.id, frame.member);
    if (frame.type === "leave") this.members.delete(frame.member.id);
    this.show(frame.count);
  }

  show(count) {
    this.details.hidden = false;
    this.details.querySelector("summary").textContent = `${count} here`;
    this.details.querySelector("ul").replaceChildren(...this.names(count).map(item));
  }

  /** You first, then names in order, then those who have none or are not named. */
  names(count) {
    const others = [...this.members.values()].filter(({ id }) => id !== this.own).map(shown);
    const named = others.filter(Boolean).sort((one, other) => one.localeCompare(other));
    const you = this.members.get(this.own)?.user;
    const rest = count - 1 - named.length;
    const names = [you ? `${you} (you)` : "You", ...named];
    if (rest > 0) names.push(named.length ? `${rest} more` : `${rest} without a name`);
    return names;
  }
}

/** A guest chose the name, and could have chosen that of somebody else. */
function shown({ user, guest }) {
  return user && guest ? `${user} (guest)` : user;
}

function item(name) {
  const element = document.createElement("li");
  element.dir = "auto";
  element.textContent = name;
  return element;
}
