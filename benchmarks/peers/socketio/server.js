// Rooms as the Socket.IO documentation has them.
const { readFileSync } = require("node:fs");
const http = require("node:http");
const https = require("node:https");
const { Server } = require("socket.io");

const [port, certificate, key] = process.argv.slice(2);
const server = certificate
  ? https.createServer({ cert: readFileSync(certificate), key: readFileSync(key) })
  : http.createServer();
const io = new Server(server);

io.on("connection", (socket) => {
  socket.on("join", (room) => {
    socket.join(room);
    socket.data.room = room;
    socket.emit("joined", room);
  });
  socket.on("pose", (pose) => io.to(socket.data.room).emit("pose", pose));
});

server.listen(Number(port), "127.0.0.1", 4096);
