/**
 * What the engine tells of a WebSocket.
 *
 * @module
 */

/** Who is told of all but messages. */
export interface SocketHandlers {
  open(event: Event): void;
  error(event: ErrorEvent): void;
  close(event: CloseEvent): void;
}

/**
 * Has `messages` told of each message, and `others` of all else.
 *
 * The engine finds a listener by its event's type. Where all events have the
 * same one, that is compiled to much less; so the others go past it, by the
 * method that the engine gives them to. The listeners are for an engine that
 * would not. An object costs less to call than a function, which is wrapped
 * (`onmessage`) or has to find its context.
 */
export function listenTo(
  socket: WebSocket,
  messages: { handleEvent(event: MessageEvent): void },
  others: SocketHandlers,
): void {
  socket.addEventListener("message", messages as EventListenerObject);
  socket.addEventListener("open", others.open);
  socket.addEventListener("error", others.error as EventListener);
  socket.addEventListener("close", others.close);
  const dispatch = socket.dispatchEvent;
  socket.dispatchEvent = (event) => {
    switch (event.type) {
      case "open":
        others.open(event);
        return true;
      case "error":
        others.error(event as ErrorEvent);
        return true;
      case "close":
        others.close(event as CloseEvent);
        return true;
      default:
        return dispatch.call(socket, event);
    }
  };
}
