// The page's half of edgewb.views.widgets.pages: puts changed regions in place, and sends events. It decides nothing.
const EVENTS = { click: "click", input: "input", change: "change", submit: "submit" };

function valueOf(element, kind) {
  if (kind === "submit") return Object.fromEntries(new FormData(element));
  if (kind === "click" || element.dataset.value !== undefined) return element.dataset.value ?? null;
  if (element.type === "checkbox") return element.checked;
  return element.value;
}

// What the visitor is doing in a region survives its replacement: focus, the place of the cursor, what is open, how far it is scrolled.
function replaceRegion(root, name, html) {
  const region = root.querySelector(`[data-region="${CSS.escape(name)}"]`);
  if (!region) return;
  const active = document.activeElement;
  const focused = region.contains(active) && active.id ? active.id : null;
  const selection = focused && typeof active.selectionStart === "number" ? [active.selectionStart, active.selectionEnd] : null;
  const opened = [...region.querySelectorAll("details[open][id]")].map((details) => details.id);
  const scrolled = [...region.querySelectorAll("[id]")].filter((element) => element.scrollLeft || element.scrollTop)
    .map((element) => [element.id, element.scrollLeft, element.scrollTop]);
  region.innerHTML = html;
  const find = (id) => region.querySelector(`#${CSS.escape(id)}`);
  for (const id of opened) find(id)?.setAttribute("open", "");
  for (const [id, left, top] of scrolled) find(id)?.scrollTo(left, top);
  if (focused) {
    const again = find(focused);
    again?.focus({ preventScroll: true });
    if (selection && typeof again?.selectionStart === "number") again.setSelectionRange(...selection);
  }
  region.dispatchEvent(new CustomEvent("edgewb:changed", { bubbles: true, detail: name }));
}

function saveFile({ name, mime }, buffer) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([buffer], { type: mime }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// While an event is under way, of those of the same name only the newest waits: a slider's last place counts. Clicks wait in order.
const MAX_QUEUE = 20;

function makeSender(model, root) {
  let number = 0;
  const running = new Map();
  const waiting = new Map();
  const emit = (event, value, buffers) => {
    running.set(event, ++number);
    root.setAttribute("aria-busy", "true");
    model.send({ event, value, number }, undefined, buffers);
  };
  return {
    send(event, value = null, buffers = [], inOrder = false) {
      if (!running.has(event)) return emit(event, value, buffers);
      const queue = waiting.get(event) ?? [];
      if (inOrder && queue.length < MAX_QUEUE) waiting.set(event, [...queue, [value, buffers]]);
      else waiting.set(event, [...queue.slice(0, -1), [value, buffers]]);
    },
    done(finished) {
      for (const [event, started] of [...running]) {
        if (started !== finished) continue;
        running.delete(event);
        const [next, ...rest] = waiting.get(event) ?? [];
        if (rest.length) waiting.set(event, rest);
        else waiting.delete(event);
        if (next) emit(event, ...next);
      }
      if (!running.size) root.removeAttribute("aria-busy");
    },
    forget() {
      running.clear();
      waiting.clear();
      root.removeAttribute("aria-busy");
    },
  };
}

function render({ model, el }) {
  if (!el.querySelector("[data-region]")) {
    el.classList.add("edgewb");
    el.innerHTML = model.get("markup");
  }
  const root = el;
  const sender = makeSender(model, root);
  const cleanups = [];
  const listen = (kind, action) => {
    root.addEventListener(kind, action);
    cleanups.push(() => root.removeEventListener(kind, action));
  };
  for (const kind of Object.values(EVENTS)) {
    listen(kind, (event) => {
      const element = event.target.closest?.(`[data-${kind}]`);
      if (!element || !root.contains(element)) return;
      if (kind === "submit" || element.tagName === "A" || element instanceof SVGElement) event.preventDefault();
      sender.send(element.dataset[kind], valueOf(element, kind), [], kind === "click" || kind === "submit");
    });
  }
  // What is drawn as SVG answers to the keys as a button does.
  listen("keydown", (event) => {
    const element = event.target.closest?.("svg [data-click]");
    if (!element || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    sender.send(element.dataset.click, valueOf(element, "click"), [], true);
  });
  const receive = (message, buffers) => {
    if (message.opened) {
      if (message.opened.again) sender.forget();
      sender.send("opened", Boolean(message.opened.again));
    }
    for (const [name, html] of Object.entries(message.regions ?? {})) replaceRegion(root, name, html);
    if (message.download) saveFile(message.download, buffers[0]);
    if (message.done !== undefined) sender.done(message.done);
  };
  model.on("msg:custom", receive);
  cleanups.push(() => model.off("msg:custom", receive));
  if (typeof enhance === "function") cleanups.push(enhance({ model, root, sender }) ?? (() => {}));
  root.dataset.ready = "true";
  return () => cleanups.forEach((cleanup) => cleanup());
}

export default { render };
