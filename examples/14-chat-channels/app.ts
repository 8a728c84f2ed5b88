/** A chat for all who open the page, whichever worker or process they reach. */

import { join, publish } from "@pagi/server/channels";

const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>Chat</title>
<form><input autofocus autocomplete="off"><button>Send</button></form>
<ol></ol>
<script>
  const socket = new WebSocket(location.href.replace(/^http/, "ws"));
  const show = (text) =>
    document.querySelector("ol").appendChild(document.createElement("li"))
      .textContent = text;
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    show(message.text ?? "Some messages were lost: " + message.missed);
  };
  document.forms[0].onsubmit = (event) => {
    event.preventDefault();
    const input = document.querySelector("input");
    socket.send(input.value);
    input.value = "";
  };
</script>
`;

export default {
  fetch(request: Request): Response {
    if (request.headers.get("upgrade") !== "websocket") {
      return new Response(PAGE, {
        headers: { "content-type": "text/html; charset=utf-8" },
      });
    }
    const { socket, response } = Deno.upgradeWebSocket(request);
    join(socket, "chat");
    socket.onmessage = ({ data }) => publish("chat", { text: `${data}` });
    return response;
  },
};
