// Frames on their way: made small here, one or two of them under way, the newest wins. Nothing ever queues.
const RAW_BYTES = 65_536; // up to here, and on this very computer, pixels go as they are; else as JPEG
const LOCAL = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);

// Cuts the middle out of a picture in the shape the model takes, and scales it: bytes, or a promise of them.
function makeGrabber({ height, width, channels }) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const raw = LOCAL || height * width * channels <= RAW_BYTES;
  const context = canvas.getContext("2d", { willReadFrequently: true, alpha: false });
  context.imageSmoothingQuality = "medium";
  const pixels = () => {
    const { data } = context.getImageData(0, 0, width, height);
    const bytes = new Uint8Array(height * width * channels);
    if (channels === 1) {
      for (let from = 0, to = 0; to < bytes.length; from += 4, to++) {
        bytes[to] = (data[from] * 19595 + data[from + 1] * 38470 + data[from + 2] * 7471 + 0x8000) >> 16; // ITU-R BT.601
      }
    } else {
      for (let from = 0, to = 0; to < bytes.length; from += 4, to += 3) {
        bytes[to] = data[from];
        bytes[to + 1] = data[from + 1];
        bytes[to + 2] = data[from + 2];
      }
    }
    return bytes;
  };
  const jpeg = () =>
    new Promise((resolve) => canvas.toBlob(async (blob) => resolve(new Uint8Array(await blob.arrayBuffer())), "image/jpeg", 0.9));
  return {
    form: raw ? "raw" : "jpeg",
    grab(source, sourceWidth, sourceHeight) {
      const scale = Math.min(sourceWidth / width, sourceHeight / height);
      const [cutWidth, cutHeight] = [width * scale, height * scale];
      context.drawImage(source, (sourceWidth - cutWidth) / 2, (sourceHeight - cutHeight) / 2, cutWidth, cutHeight, 0, 0, width, height);
      return raw ? pixels() : jpeg();
    },
  };
}

// Draws grey or coloured bytes as they are, on a canvas of any size.
function drawBytes(canvas, bytes, [height, width, channels]) {
  if (bytes.byteLength !== height * width * channels) return;
  const given = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const image = new ImageData(width, height);
  for (let from = 0, to = 0; from < given.length; from += channels, to += 4) {
    for (let c = 0; c < 3; c++) image.data[to + c] = given[from + (channels === 3 ? c : 0)];
    image.data[to + 3] = 255;
  }
  const small = document.createElement("canvas");
  small.width = width;
  small.height = height;
  small.getContext("2d").putImageData(image, 0, 0);
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
}

// A picture as a whole in the middle of a canvas.
function drawWhole(canvas, picture) {
  const context = canvas.getContext("2d");
  const scale = Math.min(canvas.width / picture.width, canvas.height / picture.height);
  const [width, height] = [picture.width * scale, picture.height * scale];
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
}

// Sends frames and hears of their answers. Of a stream, up to `most` are under way: a second one hides the way there and back. It is tried
// now and then, and kept where it pays. Not where browser and kernel share a processor: it only made both wait (two cores, MobileNetV2 at
// 224 x 224: 50 instead of 42 frames a second, and 53 instead of 42 ms from frame to answer).
const LOOK_AFTER = 30; // answers
const REST = 40; // looks, after a second one did not pay

function makeTraffic({ model, most, onAnswer, onFree }) {
  let number = -1; // of these events: negative, so that they are nobody else's
  const under = new Map();
  let told = { dropped: 0, took: [] };
  let limit = 1;
  let alone = null; // answers a second and their median time with one under way
  let rest = 0;
  let look = { dropped: 0, took: [], since: performance.now() };
  function note(took) {
    told.took.push(took);
    look.took.push(took);
    if (look.took.length < LOOK_AFTER) return;
    const now = performance.now();
    const seen = { rate: LOOK_AFTER / (now - look.since), median: look.took.sort((a, b) => a - b)[LOOK_AFTER / 2] };
    if (limit > 1 && !(seen.rate > 1.2 * alone.rate && seen.median < 1.25 * alone.median)) [limit, rest] = [1, REST];
    else if (limit < most && !LOCAL && look.dropped && rest-- <= 0) [limit, alone] = [2, seen];
    look = { dropped: 0, took: [], since: now };
  }
  const traffic = {
    free: () => under.size < limit,
    drop(count) {
      told.dropped += count;
      look.dropped += count;
    },
    report() {
      const report = told;
      told = { dropped: 0, took: [] };
      return report;
    },
    send(event, value, bytes, at) {
      under.set(--number, { at, source: value.source ?? "test", stale: false });
      model.send({ event, value: { ...value, ...traffic.report() }, number }, undefined, bytes ? [bytes] : []);
    },
    forget: () => under.clear(),
    outdate() {
      for (const entry of under.values()) entry.stale = true;
    },
  };
  const receive = (message, buffers) => {
    const entry = under.get(message.done);
    if (!entry) return;
    under.delete(message.done);
    if (message.answered) {
      if (entry.at !== null) requestAnimationFrame(() => setTimeout(() => note(performance.now() - entry.at)));
      if (!entry.stale) onAnswer(entry.source, buffers?.[0]);
    }
    onFree(Boolean(message.answered));
  };
  model.on("msg:custom", receive);
  traffic.close = () => model.off("msg:custom", receive);
  return traffic;
}

// Calls `take(at)` with the moment each new picture of a <video> was shown, and counts those the page never got to see.
function followVideo(video, take, miss) {
  let going = true;
  let shown = null;
  if (video.requestVideoFrameCallback) {
    const next = (now, { presentedFrames }) => {
      if (!going) return;
      if (shown !== null && presentedFrames > shown + 1) miss(presentedFrames - shown - 1);
      shown = presentedFrames;
      take(now);
      video.requestVideoFrameCallback(next);
    };
    video.requestVideoFrameCallback(next);
  } else {
    const next = (now) => {
      if (!going) return;
      if (video.currentTime !== shown) take(now);
      shown = video.currentTime;
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  }
  return () => (going = false);
}
