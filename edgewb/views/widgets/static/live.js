// The sources of a live page: paper, camera, pictures, video, test images. What becomes of a picture is decided in Python.
const MOST_FILES = 1_000;
const QUICK_SOURCE_MS = 25;
const PEN = 22; // of a paper of 320
const THUMBNAILS = 60; // as many as are listed
const NAMED = 3; // files that could not be opened
const REFUSALS = {
  NotAllowedError: "The browser was not allowed to use the camera: allow it beside the address, then try again.",
  NotFoundError: "No camera was found: connect one, then try again.",
  NotReadableError: "The camera does not answer: another program may be using it.",
};

function say(note, words, bad = false) {
  note.textContent = words;
  note.classList.toggle("bad", bad);
  note.classList.toggle("soft", !bad);
}

function enhance({ model, root, sender }) {
  const find = (selector) => root.querySelector(selector);
  const stage = find("[data-live]");
  let form = JSON.parse(stage.dataset.live);
  let grabber = makeGrabber(form);
  let pending = () => {}; // what to do when a frame may be sent
  let stopSource = () => {};
  const undo = [acceptUploads({ model, root }), watchWork({ root, sender, region: "opening" })];
  const listen = (element, kind, action) => {
    element?.addEventListener(kind, action);
    undo.push(() => element?.removeEventListener(kind, action));
  };

  const traffic = makeTraffic({
    model,
    most: form.in_flight,
    onAnswer(source, bytes) {
      if (!bytes) return;
      const fed = find("[data-fed]");
      if (fed) drawBytes(fed, bytes, form.fed);
      if (source === "test") drawBytes(find("[data-example]"), bytes, form.fed);
    },
    onFree(answered) {
      if (answered) pending();
      else halt(); // it was refused, and the page says why
    },
  });
  undo.push(traffic.close);

  let current = "draw";
  let since = 0; // counts sources: what was under way from the one before is not sent any more
  async function sendFrame(source, picture, width, height, at, more = {}) {
    const mine = since;
    const bytes = await grabber.grab(picture, width, height);
    if (mine !== since) return;
    traffic.send("frame", { source, form: grabber.form, ...more }, bytes, at);
  }

  function halt() {
    stopSource();
    stopSource = () => {};
    pending = () => {};
  }
  function ended() {
    sender.send("stop", traffic.report());
  }
  // Pictures come from elsewhere, or from there anew: the answers before are no answers to them.
  function begin(source) {
    since++;
    traffic.outdate();
    current = source;
    pending = () => {};
    for (const canvas of stage.querySelectorAll("[data-fed], [data-example], [data-picture]")) {
      canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
    }
    sender.send("source", source);
  }

  // --- Which source ---
  listen(stage, "click", (event) => {
    const button = event.target.closest?.("[data-source]");
    if (!button || button.dataset.source === current) return;
    asked++; // a camera that is being allowed
    halt();
    for (const other of stage.querySelectorAll("[data-source]")) other.setAttribute("aria-pressed", String(other === button));
    for (const panel of stage.querySelectorAll("[data-panel]")) panel.hidden = panel.dataset.panel !== button.dataset.source;
    clearPaper();
    batch++;
    stopFiles.disabled = true;
    say(filesNote, FILES_NOTE);
    say(filmNote, FILM_NOTE);
    begin(button.dataset.source);
  });

  // --- Paper ---
  const paper = find("[data-paper]");
  const cursor = find("[data-cursor]");
  const ink = paper.getContext("2d", { alpha: false });
  const pen = { x: 160, y: 60, down: false };
  const sheet = paper.parentElement;
  const clearPaper = () => {
    sheet.removeAttribute("data-inked");
    ink.fillStyle = "#fff";
    ink.fillRect(0, 0, paper.width, paper.height);
  };
  const wipe = () => {
    clearPaper();
    begin("draw");
  };
  function sendPaper() {
    const send = () => {
      pending = () => {};
      sendFrame("draw", paper, paper.width, paper.height, null);
    };
    if (traffic.free()) send();
    else pending = send; // the paper as it will be then
  }
  function stroke(x, y) {
    sheet.setAttribute("data-inked", "");
    ink.lineWidth = PEN;
    ink.lineCap = ink.lineJoin = "round";
    ink.strokeStyle = "#111";
    ink.beginPath();
    ink.moveTo(pen.x, pen.y);
    ink.lineTo(x, y);
    ink.stroke();
    movePen(x, y);
    sendPaper();
  }
  function movePen(x, y) {
    [pen.x, pen.y] = [Math.max(0, Math.min(paper.width, x)), Math.max(0, Math.min(paper.height, y))];
    cursor.style.left = `${(100 * pen.x) / paper.width}%`;
    cursor.style.top = `${(100 * pen.y) / paper.height}%`;
  }
  function place(event) {
    const box = paper.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * paper.width, ((event.clientY - box.top) / box.height) * paper.height];
  }
  clearPaper();
  movePen(pen.x, pen.y);
  let drawing = false;
  listen(paper, "pointerdown", (event) => {
    if (event.button !== 0) return;
    drawing = true;
    paper.setPointerCapture(event.pointerId);
    movePen(...place(event));
    stroke(pen.x, pen.y);
  });
  listen(paper, "pointermove", (event) => {
    if (!drawing) return;
    for (const step of event.getCoalescedEvents?.() ?? []) stroke(...place(step));
    stroke(...place(event));
  });
  for (const kind of ["pointerup", "pointercancel"]) listen(paper, kind, () => (drawing = false));
  const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  listen(paper, "keydown", (event) => {
    if (event.key in STEPS) {
      const step = event.shiftKey ? 4 : 16;
      const [x, y] = [pen.x + step * STEPS[event.key][0], pen.y + step * STEPS[event.key][1]];
      if (pen.down) stroke(Math.max(0, Math.min(paper.width, x)), Math.max(0, Math.min(paper.height, y)));
      else movePen(x, y);
    } else if (event.key === " ") {
      pen.down = !pen.down;
      cursor.toggleAttribute("data-down", pen.down);
      if (pen.down) stroke(pen.x, pen.y);
      find("[data-pen]").textContent = pen.down ? "The pen is down: arrows draw, Space lifts it." : "The pen is up: arrows move it, Space lowers it.";
    } else if (event.key === "Delete" || event.key === "Backspace") wipe();
    else return;
    event.preventDefault();
  });
  listen(find("[data-wipe]"), "click", wipe);

  // --- Camera and video: a <video> whose newest picture goes when there is room ---
  function stream(source, video) {
    let newest = null;
    let apart = Infinity; // milliseconds from one picture to the next, the shortest of late
    const send = () => {
      if (newest === null || !traffic.free()) return;
      // Of a quick source the next picture comes soon: better than one that has waited nearly as long already.
      if (apart < QUICK_SOURCE_MS && performance.now() - newest > (2 / 3) * apart) return;
      const at = newest;
      newest = null;
      sendFrame(source, video, video.videoWidth, video.videoHeight, at);
    };
    let before = -Infinity;
    pending = send;
    return followVideo(
      video,
      (at) => {
        if (newest !== null) traffic.drop(1);
        apart = Math.min(at - before, apart + 1);
        before = newest = at;
        send();
      },
      traffic.drop,
    );
  }

  const eye = find("[data-camera-picture]");
  const cameraButton = find("[data-camera]");
  const cameraNote = find("[data-camera-note]");
  const sign = find("[data-sign]");
  let asked = 0; // a camera that is allowed when nobody wants it any more stays off
  const showCamera = (on, words, bad = false) => {
    sign.hidden = !on;
    cameraButton.textContent = on ? "Turn the camera off" : "Turn the camera on";
    if (words) say(cameraNote, words, bad);
  };
  async function startCamera() {
    if (!navigator.mediaDevices?.getUserMedia) {
      showCamera(false, `This browser gives no camera here: browsers allow it on HTTPS pages and on localhost only, and this page came from ${location.origin}.`, true);
      return;
    }
    const mine = ++asked;
    let camera;
    try {
      const wanted = { facingMode: { ideal: "environment" }, width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 60 } };
      camera = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
    } catch (error) {
      if (mine === asked) showCamera(false, REFUSALS[error.name] ?? `The camera could not be turned on (${error.name}).`, true);
      return;
    }
    const off = () => {
      for (const track of camera.getTracks()) track.stop();
    };
    if (mine !== asked || document.hidden) return off();
    eye.srcObject = camera;
    camera.getVideoTracks()[0].addEventListener("ended", halt);
    const unfollow = stream("camera", eye);
    stopSource = () => {
      unfollow();
      off();
      eye.srcObject = null;
      showCamera(false, "The camera is off.");
      ended();
    };
    showCamera(true, "The camera is on. Fill the picture with one digit, dark on white paper. Pictures go to the model alone and are not stored.");
    eye.play().catch(() => {}); // stopped before it had begun
  }
  listen(cameraButton, "click", () => {
    const on = !sign.hidden;
    asked++;
    halt();
    if (!on) startCamera();
  });
  undo.push(() => asked++);

  const film = find("[data-film]");
  const filmNote = find("[data-film-note]");
  const FILM_NOTE = filmNote.textContent;
  listen(find("[data-film-file]"), "change", (event) => {
    const [file] = event.target.files;
    if (!file) return;
    halt();
    begin("video");
    const address = URL.createObjectURL(file);
    event.target.value = "";
    film.src = address;
    let unfollow = () => {};
    const play = () => {
      unfollow();
      unfollow = stream("video", film);
    };
    const pause = () => {
      unfollow();
      ended();
    };
    const refuse = () => {
      halt();
      say(filmNote, "The browser cannot play this file: give an MP4 or WebM video.", true);
    };
    const actions = { play, pause, error: refuse };
    for (const [kind, action] of Object.entries(actions)) film.addEventListener(kind, action);
    stopSource = () => {
      unfollow();
      for (const [kind, action] of Object.entries(actions)) film.removeEventListener(kind, action);
      film.pause();
      film.removeAttribute("src");
      film.load();
      URL.revokeObjectURL(address);
    };
    say(filmNote, FILM_NOTE);
    film.play().catch(() => {});
  });

  // --- Pictures, one after the other ---
  const filesNote = find("[data-files-note]");
  const FILES_NOTE = filesNote.textContent;
  const thumbnails = new Map(); // by number; they never leave the browser
  let thumbnailCount = 0;
  let batch = 0;
  function makeThumbnail(picture) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 96;
    drawWhole(canvas, picture);
    thumbnails.set(++thumbnailCount, canvas);
    thumbnails.delete(thumbnailCount - THUMBNAILS);
    return thumbnailCount;
  }
  listen(stage, "edgewb:changed", (event) => {
    if (event.detail === "model" && current === "draw" && sheet.hasAttribute("data-inked")) sendPaper(); // others answer now: what is drawn is asked again
    if (event.detail !== "pictures") return;
    for (const cell of stage.querySelectorAll("[data-thumbnail]")) {
      const canvas = thumbnails.get(Number(cell.dataset.thumbnail));
      if (canvas) cell.append(canvas);
    }
    const list = find("#live-pictures");
    if (list && !stopFiles.disabled) list.scrollTop = list.scrollHeight; // while they come, the newest is seen
  });
  const stopFiles = find("[data-stop]");
  const easel = find("[data-picture]");
  async function showFiles(files) {
    halt();
    const mine = ++batch;
    let going = true;
    let done = 0;
    const unread = [];
    stopSource = () => (going = false);
    stopFiles.disabled = false;
    const images = files.filter((file) => file.type.startsWith("image/"));
    const pictures = images.slice(0, MOST_FILES);
    for (const [index, file] of pictures.entries()) {
      let picture;
      try {
        picture = await createImageBitmap(file);
      } catch {
        unread.push(file.name.slice(0, 60));
        continue;
      }
      if (!going) break;
      drawWhole(easel, picture);
      say(filesNote, `Picture ${index + 1} of ${pictures.length}`);
      const answered = new Promise((resolve) => {
        pending = () => resolve(true);
        stopSource = () => {
          going = false;
          resolve(false);
        };
      });
      await sendFrame("pictures", picture, picture.width, picture.height, null, {
        name: file.webkitRelativePath || file.name,
        thumbnail: makeThumbnail(picture),
      });
      picture.close();
      if (!(await answered)) break;
      done++;
    }
    if (mine !== batch) return; // others have taken their place, or another source
    stopFiles.disabled = true;
    const [others, beyond] = [files.length - images.length, images.length - pictures.length];
    const named = unread.slice(0, NAMED).join(", ") + (unread.length > NAMED ? " and others" : "");
    const notes = [
      unread.length && `${unread.length} could not be opened (${named})`,
      others && `${others} left out (no picture)`,
      beyond && `${beyond} left out: ${MOST_FILES} are taken at a time`,
    ];
    say(filesNote, [`${done} answered`, ...notes.filter(Boolean)].join("; ") + (going ? "." : "; stopped."), unread.length > 0 || !done);
    ended();
  }
  for (const input of stage.querySelectorAll("[data-files]")) {
    listen(input, "change", () => {
      if (input.files.length) showFiles([...input.files]);
      input.value = "";
    });
  }
  listen(stopFiles, "click", halt);

  // --- Test images ---
  const streamButton = find("[data-stream]");
  const nextExample = (once) => traffic.send("example", { once }, null, null);
  listen(find("[data-next]"), "click", () => {
    halt();
    if (traffic.free()) nextExample(true);
  });
  listen(streamButton, "click", () => {
    const on = streamButton.dataset.on === "true";
    halt();
    if (on) return;
    let due = performance.now();
    let timer = null;
    pending = () => {
      const rate = Number(find("[data-speed]").value);
      due = rate ? Math.max(due + 1000 / rate, performance.now() - 1000 / rate) : performance.now();
      timer = setTimeout(() => nextExample(false), Math.max(0, due - performance.now()));
    };
    stopSource = () => {
      clearTimeout(timer);
      streamButton.dataset.on = "false";
      streamButton.textContent = "Stream";
      ended();
    };
    streamButton.dataset.on = "true";
    streamButton.textContent = "Stop";
    nextExample(false);
  });

  // --- Nothing goes on where nobody looks ---
  listen(document, "visibilitychange", () => {
    if (!document.hidden) return;
    asked++;
    halt();
  });
  listen(window, "pagehide", () => {
    asked++;
    halt();
  });
  const changed = (message) => {
    if (message.opened?.again) {
      traffic.forget(); // what was under way when the connection broke
      pending();
    }
    if (!message.input) return;
    halt();
    form = message.input;
    grabber = makeGrabber(form);
    // A visitor's model: nothing is known of digits, nor of right answers.
    find(".fed")?.setAttribute("hidden", "");
    find("[data-hint]").textContent = "Draw here";
    find("[data-invitation]").textContent = "Draw, take the camera, or bring pictures.";
    const tests = find("[data-source=test]");
    if (tests) tests.disabled = true;
    find("[data-no-test]").hidden = false;
    clearPaper();
    if (current === "test") find("[data-source=draw]").click();
    else begin(current);
  };
  model.on("msg:custom", changed);
  undo.push(() => model.off("msg:custom", changed));
  return () => {
    halt();
    for (const step of undo.reverse()) step();
  };
}
