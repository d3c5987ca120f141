// Spells the addresses of the sockets out in full, for the host that this page came from.

import { socketUrl } from "/static/socket.js";

for (const code of document.querySelectorAll("[data-socket]")) {
  code.textContent = socketUrl(code.dataset.socket);
}
