// Socket.IO on Node.js: events with acks, a room, and the token at the connection.
import { createServer } from "node:http";
import jwt from "jsonwebtoken";
import { Server } from "socket.io";

const EVERYBODY = "everybody";

const http = createServer();
const io = new Server(http, { transports: ["websocket"], pingInterval: 600_000, perMessageDeflate: false });

io.use((socket, next) => {
  try {
    socket.data.user = jwt.verify(socket.handshake.auth.token, process.env.SECRET, { algorithms: ["HS256"] }).name;
    next();
  } catch (error) {
    next(error);
  }
});

io.on("connection", (socket) => {
  socket.join(EVERYBODY);
  socket.on("say", ({ room, text, number }, ack) => ack({ room, author: socket.data.user, text, number }));
  socket.on("shout", ({ text }, ack) => {
    io.to(EVERYBODY).emit("shouted", { author: socket.data.user, text });
    ack();
  });
});

http.listen(0, "127.0.0.1", () => console.log(`127.0.0.1:${http.address().port}`));
