// Work that is under way beside a page: while its region holds [data-seconds], it is asked for now and then, and says for how long.
const LOOK_MS = 500;

function watchWork({ root, sender, region }) {
  let looking = null;
  function watch() {
    const [marks, began] = [root.querySelectorAll(`[data-region="${region}"] [data-seconds]`), performance.now()];
    clearInterval(looking);
    if (!marks.length) return;
    looking = setInterval(() => {
      const seconds = Math.round((performance.now() - began) / 1000);
      for (const mark of marks) mark.textContent = `: ${seconds} s so far`;
      sender.send("look");
    }, LOOK_MS);
  }
  const changed = (event) => {
    if (event.detail === region) watch();
  };
  root.addEventListener("edgewb:changed", changed);
  watch();
  return () => {
    clearInterval(looking);
    root.removeEventListener("edgewb:changed", changed);
  };
}
