// The server broadcast of ws's README, with a set of clients for each room.
const { readFileSync } = require("node:fs");
const http = require("node:http");
const https = require("node:https");
const { WebSocket, WebSocketServer } = require("ws");

const [port, certificate, key] = process.argv.slice(2);
const server = certificate
  ? https.createServer({ cert: readFileSync(certificate), key: readFileSync(key) })
  : http.createServer();
const rooms = new Map();

new WebSocketServer({ server }).on("connection", (client, request) => {
  if (!rooms.has(request.url)) rooms.set(request.url, new Set());
  const room = rooms.get(request.url);
  room.add(client);
  client.on("error", console.error);
  client.on("message", (data, isBinary) => {
    for (const member of room) {
      if (member.readyState === WebSocket.OPEN) member.send(data, { binary: isBinary });
    }
  });
  client.on("close", () => room.delete(client));
});

server.listen(Number(port), "127.0.0.1", 4096);
