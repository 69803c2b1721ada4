// The explorer's own: news are asked for while somebody looks, and the arrow keys move between the points of the picture.
const POLL_MS = 2000;

function enhance({ root, sender }) {
  const poll = () => {
    if (!document.hidden) sender.send("poll");
  };
  const timer = setInterval(poll, POLL_MS);
  document.addEventListener("visibilitychange", poll);
  const move = (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const point = event.target.closest?.("[data-point]");
    if (!step || !point) return;
    event.preventDefault();
    const points = [...point.closest("svg").querySelectorAll("[data-point]")];
    const next = points[(points.indexOf(point) + step + points.length) % points.length];
    point.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus({ preventScroll: true });
  };
  root.addEventListener("keydown", move);
  return () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", poll);
    root.removeEventListener("keydown", move);
  };
}
