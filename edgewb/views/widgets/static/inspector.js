// What the inspector adds to page.js: files (uploads.js), a mend under way (watching.js), arrow keys in the graph, and a mark on the op whose details are shown.
function enhance({ model, root, sender }) {
  const undoUploads = acceptUploads({ model, root });
  const unwatch = watchWork({ root, sender, region: "mended" });
  const rows = () => [...root.querySelectorAll("#metro button")];

  function mark() {
    const chosen = root.querySelector("[data-op]")?.dataset.op;
    const all = rows();
    const row = all.find((button) => button.id === `op-${chosen}`);
    for (const button of all) {
      button.toggleAttribute("aria-current", false);
      button.tabIndex = -1;
    }
    row?.setAttribute("aria-current", "true");
    const stop = row ?? all[0];
    if (stop) stop.tabIndex = 0; // one stop for Tab, from there the arrows
    return row;
  }

  // Only the graph's own box scrolls, never the page.
  function show(row) {
    const box = root.querySelector("#metro");
    if (!row || !box) return;
    const [inner, outer] = [row.getBoundingClientRect(), box.getBoundingClientRect()];
    if (inner.top < outer.top || inner.bottom > outer.bottom) box.scrollTop += inner.top - outer.top - outer.height / 3;
  }

  let [file, due] = [null, false];
  function settle() {
    due = false;
    const row = mark();
    const now = root.querySelector("#metro")?.dataset.file;
    if (now !== file) show(row);
    file = now;
  }
  const changed = (event) => {
    if (due || !["plot", "details"].includes(event.detail)) return;
    due = true;
    queueMicrotask(settle); // once all regions of a message are in place
  };
  const keydown = (event) => {
    const all = rows();
    const at = all.indexOf(event.target.closest?.("#metro button"));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1, PageDown: at + 10, PageUp: at - 10 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    all[Math.min(Math.max(to, 0), all.length - 1)].focus();
  };
  root.addEventListener("edgewb:changed", changed);
  root.addEventListener("keydown", keydown);
  settle();
  return () => {
    undoUploads();
    unwatch();
    root.removeEventListener("edgewb:changed", changed);
    root.removeEventListener("keydown", keydown);
  };
}
