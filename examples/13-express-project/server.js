// An Express app in CommonJS, as it runs with `node server.js`.

const express = require("express");
const greetings = require("./greetings.json");

const app = express();

app.get("/", (_req, res) => {
  res.type("text").send(`${greetings.en} from Express\n`);
});

app.get("/:language", (req, res, next) => {
  const greeting = greetings[req.params.language];
  if (greeting === undefined) return next();
  res.json({ greeting, you: req.ip });
});

app.post("/echo", express.json(), (req, res) => res.json(req.body));

app.listen(3000, () => console.log("Express is up"));
