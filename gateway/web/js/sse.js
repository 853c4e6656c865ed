// Server-sent events out of text that arrives in any pieces (HTML standard, "Interpreting an event stream").

/** A function that takes a piece of the stream and gives the messages `{event, data}` completed by it. */
export function parser() {
  let rest = "";
  let event = "";
  let data = [];

  function line(value, messages) {
    if (value === "") {
      if (data.length) messages.push({ event: event || "message", data: data.join("\n") });
      event = "";
      data = [];
      return;
    }
    const colon = value.indexOf(":");
    const field = colon < 0 ? value : value.slice(0, colon);
    const content = colon < 0 ? "" : value.slice(colon + 1).replace(/^ /, "");
    if (field === "event") event = content;
    else if (field === "data") data.push(content);
  }

  return (piece) => {
    const messages = [];
    rest += piece;
    // A CR at the very end may be the first half of a CRLF: it waits for the next piece.
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    for (const each of lines) line(each, messages);
    return messages;
  };
}
