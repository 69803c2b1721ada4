// The page's half of edgewb.views.widgets.pages: puts changed regions in place, and sends events. It decides nothing.
const EVENTS = { click: "click", input: "input", change: "change", submit: "submit" };

function valueOf(element, kind) {
  if (kind === "submit") return Object.fromEntries(new FormData(element));
  if (kind === "click" || element.dataset.value !== undefined) return element.dataset.value ?? null;
  if (element.type === "checkbox") return element.checked;
  return element.value;
}

function replaceRegion(root, name, html) {
  const region = root.querySelector(`[data-region="${name}"]`);
  if (!region) return;
  const active = document.activeElement;
  const focused = region.contains(active) && active.id ? active.id : null;
  const opened = [...region.querySelectorAll("details[open][id]")].map((details) => details.id);
  region.innerHTML = html;
  for (const id of opened) region.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
  if (focused) region.querySelector(`#${CSS.escape(focused)}`)?.focus({ preventScroll: true });
  region.dispatchEvent(new CustomEvent("edgewb:changed", { bubbles: true, detail: name }));
}

function saveFile({ name, mime }, buffer) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([buffer], { type: mime }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// Events of one name never queue up: while one is under way the newest waits, those between are dropped.
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
    send(event, value = null, buffers = []) {
      if (running.has(event)) waiting.set(event, [value, buffers]);
      else emit(event, value, buffers);
    },
    done(finished) {
      for (const [event, started] of running) {
        if (started !== finished) continue;
        running.delete(event);
        if (waiting.has(event)) {
          const [value, buffers] = waiting.get(event);
          waiting.delete(event);
          emit(event, value, buffers);
        }
      }
      if (!running.size) root.removeAttribute("aria-busy");
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
      sender.send(element.dataset[kind], valueOf(element, kind));
    });
  }
  // What is drawn as SVG answers to the keys as a button does.
  listen("keydown", (event) => {
    const element = event.target.closest?.("svg [data-click]");
    if (!element || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    sender.send(element.dataset.click, valueOf(element, "click"));
  });
  const receive = (message, buffers) => {
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
