// Sends files in pieces to edgewb.views.widgets.uploads, each when the one before has been taken. What is refused is decided there.
const PIECE_BYTES = 1_000_000;

function acceptUploads({ model, root }) {
  const waiting = new Map(); // upload id -> what to do with its answer
  let newest = 0;

  const receive = (message) => {
    if (message.opened?.again) for (const answer of waiting.values()) answer({ refused: true }); // lost with the connection
    if (message.upload) waiting.get(message.upload.id)?.(message.upload);
  };
  const ask = (value, piece) =>
    new Promise((resolve) => {
      waiting.set(value.id, resolve);
      model.send({ event: "upload", value, number: -1 }, undefined, piece ? [piece] : []);
    });
  const showProgress = (kind, sent, size) => {
    for (const bar of root.querySelectorAll(`progress[data-upload-progress="${CSS.escape(kind)}"]`)) {
      bar.hidden = sent === null;
      bar.max = Math.max(size, 1);
      bar.value = sent ?? 0;
    }
  };

  async function sendOne(kind, blob, index, count, current) {
    const value = { id: `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 12)}`, kind, name: blob.name ?? "pasted text", size: blob.size, index, count };
    let answer = {};
    for (let offset = 0; !answer.refused && (offset === 0 || offset < blob.size); offset += PIECE_BYTES) {
      if (current !== newest) break; // another file was given meanwhile
      showProgress(kind, offset, blob.size);
      try {
        answer = await ask({ ...value, offset }, await blob.slice(offset, offset + PIECE_BYTES).arrayBuffer());
      } catch {
        answer = await ask({ ...value, offset, unreadable: true });
        answer.refused = true;
      }
    }
    waiting.delete(value.id);
    return !answer.refused;
  }

  async function sendAll(kind, blobs) {
    const current = ++newest;
    root.setAttribute("aria-busy", "true");
    for (const [index, blob] of blobs.entries()) {
      if (!(await sendOne(kind, blob, index, blobs.length, current)) || current !== newest) break;
    }
    if (current !== newest) return;
    root.removeAttribute("aria-busy");
    showProgress(kind, null, 0);
  }

  const zoneOf = (event) => event.target.closest?.("[data-drop]") ?? null;
  const mark = (zone, over) => zone?.toggleAttribute("data-dropping", over);
  const actions = {
    change(event) {
      const input = event.target.closest?.('input[type="file"][data-upload]');
      if (!input?.files.length) return;
      sendAll(input.dataset.upload, [...input.files]);
      input.value = ""; // the same file can be chosen again
    },
    submit(event) {
      const form = event.target.closest?.("form[data-upload]");
      if (!form) return;
      event.preventDefault();
      sendAll(form.dataset.upload, [new Blob([form.querySelector("textarea").value])]);
    },
    dragover(event) {
      const zone = zoneOf(event);
      if (!zone) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = "copy";
      mark(zone, true);
    },
    dragleave(event) {
      const zone = zoneOf(event);
      if (zone && !zone.contains(event.relatedTarget)) mark(zone, false);
    },
    drop(event) {
      const zone = zoneOf(event);
      if (!zone) return;
      event.preventDefault();
      event.stopPropagation(); // zones may lie in each other, the innermost takes it
      mark(zone, false);
      const files = [...event.dataTransfer.files];
      const text = event.dataTransfer.getData("text/plain");
      if (files.length) sendAll(zone.dataset.drop, files);
      else if (text) sendAll(zone.dataset.drop, [new Blob([text])]);
    },
  };
  // On a dashboard's page a file that misses the zone would replace the page.
  const keepPage = (event) => {
    if (!event.dataTransfer?.types.includes("Files") || event.target.closest?.("[data-drop]")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "none";
  };
  model.on("msg:custom", receive);
  for (const [kind, action] of Object.entries(actions)) root.addEventListener(kind, action);
  if (root.dataset.comm) for (const kind of ["dragover", "drop"]) window.addEventListener(kind, keepPage);
  return () => {
    newest++;
    model.off("msg:custom", receive);
    for (const [kind, action] of Object.entries(actions)) root.removeEventListener(kind, action);
    for (const kind of ["dragover", "drop"]) window.removeEventListener(kind, keepPage);
  };
}
