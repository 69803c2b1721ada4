// Connects the widgets on a dashboard's page with their kernel: the part of Jupyter's protocol that comms need, and no more.
// https://jupyter-client.readthedocs.io/en/stable/messaging.html, and "v1.kernel.websocket.jupyter.org" of jupyter_server.
const PROTOCOL = "v1.kernel.websocket.jupyter.org";
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const session = crypto.randomUUID?.() ?? String(Math.random()).slice(2);

function encodeMessage(channel, type, content, buffers = []) {
  const header = {
    msg_id: crypto.randomUUID?.() ?? String(Math.random()).slice(2),
    msg_type: type,
    session,
    username: "",
    version: "5.3",
    date: new Date().toISOString(),
  };
  const json = (value) => encoder.encode(JSON.stringify(value));
  const bytes = (buffer) => (ArrayBuffer.isView(buffer) ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength) : new Uint8Array(buffer));
  const parts = [encoder.encode(channel), json(header), json({}), json({}), json(content), ...buffers.map(bytes)];
  const count = parts.length + 1;
  let end = 8 * (1 + count);
  const offsets = [end, ...parts.map((part) => (end += part.byteLength))];
  const message = new Uint8Array(end);
  const view = new DataView(message.buffer);
  view.setBigUint64(0, BigInt(count), true);
  offsets.forEach((offset, i) => view.setBigUint64(8 * (i + 1), BigInt(offset), true));
  parts.forEach((part, i) => message.set(part, offsets[i]));
  return message.buffer;
}

function decodeMessage(buffer) {
  const view = new DataView(buffer);
  const count = Number(view.getBigUint64(0, true));
  const offsets = Array.from({ length: count }, (_, i) => Number(view.getBigUint64(8 * (i + 1), true)));
  const part = (i) => new Uint8Array(buffer, offsets[i], offsets[i + 1] - offsets[i]);
  const json = (i) => JSON.parse(decoder.decode(part(i)));
  const buffers = [];
  for (let i = 5; i < count - 1; i++) buffers.push(new DataView(buffer, offsets[i], offsets[i + 1] - offsets[i]));
  return { header: json(1), content: json(4), buffers };
}

// What anywidget's front end hands to a widget's render(): the part our widgets use.
class Model {
  constructor(connection, comm) {
    this.connection = connection;
    this.comm = comm;
    this.listeners = new Set();
  }
  get() {
    return undefined; // the markup is on the page already
  }
  on(_event, listener) {
    this.listeners.add(listener);
  }
  off(_event, listener) {
    this.listeners.delete(listener);
  }
  send(content, _callbacks, buffers) {
    this.connection.send("comm_msg", { comm_id: this.comm, data: { method: "custom", content } }, buffers);
  }
  receive(content, buffers) {
    for (const listener of this.listeners) listener(content, buffers);
  }
}

// The connection of the page with its kernel. When it breaks and the kernel is still there it is made anew; else the page says so.
const ENDED = 4001;
const DIED = "the kernel has died"; // as the server words it
const DELAYS_MS = [300, 1000, 2000, 4000, 8000];
const LOOKED_AT_MS = 30_000;

class Connection {
  constructor(kernel) {
    this.kernel = kernel;
    this.models = new Map();
    this.early = [];
    this.failures = 0;
    this.over = false;
    this.opened = false;
    this.open();
  }
  address(path = "") {
    return new URL(`kernels/${this.kernel}${path}`, document.baseURI);
  }
  open() {
    const url = this.address("/channels");
    url.protocol = url.protocol.replace("http", "ws");
    url.searchParams.set("session_id", session);
    this.socket = new WebSocket(url, [PROTOCOL]);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => {
      this.failures = 0;
      this.say("");
      for (const message of this.early.splice(0)) this.socket.send(message);
      document.documentElement.dataset.connected = "true";
      // What was under way when the connection broke is lost on one side or the other: the widgets are drawn anew.
      for (const model of this.models.values()) model.receive({ opened: { again: this.opened } }, []);
      this.opened = true;
      this.lookedAt();
    };
    this.socket.onmessage = (event) => this.receive(decodeMessage(event.data));
    this.socket.onclose = (event) => this.closed(event.code, event.reason);
  }
  async closed(code, reason) {
    document.documentElement.dataset.connected = "false";
    if (this.over) return;
    if (code === ENDED && reason === DIED) return this.lost("it broke down. What was asked for may need more memory than a page is given here. ");
    if (code === ENDED || this.failures >= DELAYS_MS.length) return this.lost();
    this.say("The connection has broken. Trying again …");
    await new Promise((resolve) => setTimeout(resolve, DELAYS_MS[this.failures++]));
    const answer = await fetch(this.address()).catch(() => null);
    if (answer && !answer.ok) return this.lost();
    if (!this.over) this.open();
  }
  lost(why = "it was not used for too long, or the server was stopped. ") {
    this.over = true;
    this.say(`This page has lost its kernel: ${why}`, "Load the page again");
  }
  say(text, link) {
    const note = document.getElementById("connection");
    note.textContent = text;
    if (!link) return;
    const again = document.createElement("a");
    again.href = "";
    again.textContent = link;
    note.append(again, ".");
  }
  // A page that somebody looks at keeps its kernel, whether anything is clicked or not.
  lookedAt() {
    if (document.visibilityState === "visible" && this.socket.readyState === WebSocket.OPEN) this.socket.send("looked at");
  }
  // A closed page needs no kernel any more.
  leave() {
    this.over = true;
    const form = new FormData();
    form.set("_xsrf", document.body.dataset.xsrf);
    navigator.sendBeacon(this.address(), form);
  }
  send(type, content, buffers) {
    const message = encodeMessage("shell", type, content, buffers);
    if (this.socket.readyState === WebSocket.CONNECTING && !this.opened) this.early.push(message);
    else if (this.socket.readyState === WebSocket.OPEN) this.socket.send(message);
  }
  receive({ header, content, buffers }) {
    if (header.msg_type !== "comm_msg" || content.data?.method !== "custom") return;
    this.models.get(content.comm_id)?.receive(content.data.content, buffers);
  }
}

const main = document.querySelector("main[data-kernel]");
if (main) {
  const connection = new Connection(main.dataset.kernel);
  setInterval(() => connection.lookedAt(), LOOKED_AT_MS);
  document.addEventListener("visibilitychange", () => connection.lookedAt());
  addEventListener("pagehide", (event) => {
    if (!event.persisted) connection.leave(); // one that is only put away (back-forward cache) keeps its kernel
  });
  for (const element of main.querySelectorAll("[data-comm]")) {
    const widget = await import(new URL(`edgewb/widgets/${element.dataset.page}.js`, document.baseURI));
    const model = new Model(connection, element.dataset.comm);
    connection.models.set(element.dataset.comm, model);
    widget.default.render({ model, el: element });
  }
}
