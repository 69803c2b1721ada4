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

class Connection {
  constructor(base, kernel) {
    this.models = new Map();
    this.early = [];
    const url = new URL(`${base}api/kernels/${kernel}/channels`, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.searchParams.set("session_id", session);
    this.socket = new WebSocket(url, [PROTOCOL]);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => {
      for (const message of this.early.splice(0)) this.socket.send(message);
      document.documentElement.dataset.connected = "true";
    };
    this.socket.onmessage = (event) => this.receive(decodeMessage(event.data));
    this.socket.onclose = () => {
      document.documentElement.dataset.connected = "false";
      document.getElementById("disconnected")?.removeAttribute("hidden");
    };
  }
  send(type, content, buffers) {
    const message = encodeMessage("shell", type, content, buffers);
    if (this.socket.readyState === WebSocket.CONNECTING) this.early.push(message);
    else if (this.socket.readyState === WebSocket.OPEN) this.socket.send(message);
  }
  receive({ header, content, buffers }) {
    if (header.msg_type !== "comm_msg" || content.data?.method !== "custom") return;
    this.models.get(content.comm_id)?.receive(content.data.content, buffers);
  }
}

const { base, kernel } = document.body.dataset;
const connection = new Connection(base, kernel);
for (const element of document.querySelectorAll("[data-comm]")) {
  const widget = await import(`${base}edgewb/widgets/${element.dataset.page}.js`);
  const model = new Model(connection, element.dataset.comm);
  connection.models.set(element.dataset.comm, model);
  widget.default.render({ model, el: element });
}
// A closed page needs no kernel any more; one that is only put away (back-forward cache) keeps it.
addEventListener("pagehide", (event) => {
  if (!event.persisted) navigator.sendBeacon(`${base}voila/api/shutdown/${kernel}`);
});
