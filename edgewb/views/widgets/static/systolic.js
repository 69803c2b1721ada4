// What the systolic array adds to page.js: it shows the cycles that Python worked out, one after the other. It computes nothing.
function enhance({ root, sender }) {
  const page = root.querySelector("[data-systolic]");
  const frames = JSON.parse(page.dataset.systolic);
  const [across, down] = [Number(page.dataset.across), Number(page.dataset.down)];
  const find = (what) => root.querySelector(what);
  const [slider, status, play] = [find("[data-slider]"), find("[data-status]"), find('[data-go="play"]')];
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const BEAT = 1100;
  let [at, timer] = [Number(page.dataset.cycle), null];

  const slide = (element, x, y) => {
    if (!calm.matches) element.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: "none" }], { duration: 450, easing: "ease-out" });
  };
  const colour = (element, row) => {
    for (const name of [...element.classList]) if (/^row\d$/.test(name)) element.classList.remove(name);
    if (row !== null) element.classList.add(`row${row}`);
  };

  function show(to) {
    const forward = to === at + 1;
    at = to;
    page.dataset.cycle = at;
    const frame = frames[at];
    frame.cells.forEach((line, k) => line.forEach((cell, m) => {
      const group = find(`[data-cell="${k},${m}"]`);
      const [x, sum] = [group.querySelector("[data-x]"), group.querySelector("[data-sum]")];
      colour(group, cell.row);
      x.textContent = cell.x && `x ${cell.x}`;
      sum.textContent = cell.sum;
      group.querySelector("[data-row]").textContent = cell.row === null ? "" : `row ${cell.row + 1}`;
      if (forward && cell.row !== null) {
        slide(x, -across, 0);
        if (k > 0) slide(sum, 0, -down);
      }
    }));
    frame.waiting.forEach((line, k) => {
      const queue = find(`[data-queue="${k}"]`);
      for (const chip of queue.children) chip.setAttribute("visibility", "hidden");
      for (const { row, place } of line) {
        const chip = queue.querySelector(`[data-chip="${row}"]`);
        const first = find(`[data-cell="${k},0"]`).transform.baseVal[0].matrix;
        chip.setAttribute("transform", `translate(${first.e - 46 - 40 * place} ${first.f + 24})`);
        chip.setAttribute("visibility", "visible");
      }
    });
    frame.product.forEach((line, n) => line.forEach((value, m) => {
      const text = find(`[data-done="${n},${m}"]`);
      text.textContent = value || "·";
      text.classList.toggle("fresh", frame.fresh.some(([i, j]) => i === n && j === m));
    }));
    status.textContent = frame.status;
    slider.value = at;
    slider.setAttribute("aria-valuetext", frame.status);
    find('[data-go="back"]').disabled = find('[data-go="start"]').disabled = at === 0;
    find('[data-go="step"]').disabled = at === frames.length - 1;
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
    play.setAttribute("aria-pressed", "false");
    status.setAttribute("aria-live", "polite");
    sender.send("cycle", at);
  }
  function start() {
    if (at === frames.length - 1) show(0);
    play.textContent = "Pause";
    play.setAttribute("aria-pressed", "true");
    status.setAttribute("aria-live", "off"); // eleven sentences in eleven seconds help nobody
    timer = setInterval(() => {
      if (at < frames.length - 1) show(at + 1);
      if (at === frames.length - 1) stop();
    }, BEAT);
  }
  const go = (to) => {
    show(Math.min(Math.max(to, 0), frames.length - 1));
    stop();
  };
  const clicked = (event) => {
    const what = event.target.closest?.("[data-go]")?.dataset.go;
    if (what === "play") timer === null ? start() : stop();
    else if (what) go({ start: 0, back: at - 1, step: at + 1 }[what]);
  };
  const moved = (event) => {
    if (event.target === slider) go(Number(slider.value));
  };
  root.addEventListener("click", clicked);
  root.addEventListener("input", moved);
  page.dataset.moves = "true";
  show(at);
  return () => {
    clearInterval(timer);
    root.removeEventListener("click", clicked);
    root.removeEventListener("input", moved);
  };
}
