// The clip of a case: frame by frame, looped over the deciding seconds, with what the machine saw drawn over it on demand.
"use strict";

class Player {
  constructor(root) {
    this.root = root;
    this.data = JSON.parse(root.dataset.player);
    this.video = root.querySelector("video");
    this.over = root.querySelector("canvas.over");
    this.loupe = root.querySelector("canvas.loupe");
    this.looping = true;
    this.drawing = true;
    this.speed = 1;
    this.at = null; // where the loupe is, in shares of the screen
    this.stop = new AbortController();
    this.listen();
  }

  get frame_s() { return 1 / this.data.fps; }

  listen() {
    const on = (target, kind, act) => target.addEventListener(kind, act, { signal: this.stop.signal });
    on(this.video, "loadedmetadata", () => {
      this.root.querySelector(".seek").max = this.video.duration;
      this.video.currentTime = this.data.loop[0];
      this.video.playbackRate = this.speed;
      this.video.play().catch(() => this.say());
    });
    for (const kind of ["play", "pause", "seeked", "timeupdate", "ratechange"]) on(this.video, kind, () => this.say());
    on(this.root.querySelector(".seek"), "input", (event) => { this.video.pause(); this.seek(Number(event.target.value)); });
    on(this.root, "click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button) this.act(button.dataset.do);
    });
    on(this.root.querySelector(".screen"), "pointermove", (event) => {
      const box = this.video.getBoundingClientRect();
      this.at = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    });
    const draw = () => {
      if (this.stop.signal.aborted) return;
      const end = this.looping ? this.data.loop[1] : this.video.duration;
      if (!this.video.paused && this.video.currentTime >= end - 0.01) this.video.currentTime = this.looping ? this.data.loop[0] : 0;
      this.draw();
      requestAnimationFrame(draw);
    };
    requestAnimationFrame(draw);
  }

  act(what) {
    const acts = {
      play: () => (this.video.paused ? this.video.play() : this.video.pause()),
      back: () => this.step(-1),
      on: () => this.step(1),
      loop: () => { this.looping = !this.looping; },
      over: () => { this.drawing = !this.drawing; },
      slower: () => this.rate(0.5),
      faster: () => this.rate(2),
      loupe: () => { this.loupe.hidden = !this.loupe.hidden; if (!this.at) this.at = this.middle(); },
    };
    acts[what]();
    this.say();
  }

  rate(factor) {
    this.speed = Math.min(4, Math.max(0.125, this.speed * factor));
    this.video.playbackRate = this.speed;
  }

  // The middle of a frame, so that rounding never shows the one before.
  step(frames) {
    this.video.pause();
    this.seek((Math.floor(this.video.currentTime / this.frame_s + 1e-3) + frames + 0.5) * this.frame_s);
  }

  seek(second) { this.video.currentTime = Math.max(0, Math.min(this.video.duration || 0, second)); }

  say() {
    const now = this.video.currentTime;
    this.root.querySelector("[data-icon]").textContent = this.video.paused ? "▶" : "❚❚";
    this.root.querySelector("[data-clock]").textContent = `${now.toFixed(2)} / ${(this.video.duration || 0).toFixed(1)}`;
    this.root.querySelector("[data-speed]").textContent = `${this.speed}×`;
    this.root.querySelector(".seek").value = now;
    const pressed = { loop: this.looping, over: this.drawing, loupe: !this.loupe.hidden };
    for (const [what, is] of Object.entries(pressed)) this.root.querySelector(`[data-do="${what}"]`).setAttribute("aria-pressed", is);
    document.querySelectorAll(".strip [data-seek]").forEach((button) => {
      const near = Math.abs(Number(button.dataset.seek) + this.frame_s / 2 - now) < this.frame_s * 0.6;
      near ? button.setAttribute("aria-current", "true") : button.removeAttribute("aria-current");
    });
  }

  // What was seen at an instant: between two looks the boxes move evenly; far from any look there is nothing to draw.
  seen(second) {
    const looks = this.data.looks;
    const after = looks.findIndex((look) => look.s >= second);
    const next = looks[after === -1 ? looks.length - 1 : after];
    const last = looks[Math.max(0, (after === -1 ? looks.length : after) - 1)];
    if (!next || Math.min(Math.abs(next.s - second), Math.abs(last.s - second)) > 0.5) return null;
    const share = next.s > last.s ? Math.min(1, Math.max(0, (second - last.s) / (next.s - last.s))) : 1;
    const between = (a, b) => (a && b ? a.map((value, i) => value + (b[i] - value) * share) : share > 0.5 ? b : a);
    const nearest = share > 0.5 ? next : last;
    return { box: between(last.box, next.box), bed: between(last.bed, next.bed), plate: nearest.plate, decided: nearest.decided };
  }

  // Where the picture lies within the screen, whose bars are black: left, top, and px of the screen per px of the picture.
  picture() {
    const { clientWidth: width, clientHeight: height, videoWidth, videoHeight } = this.video;
    const scale = Math.min(width / (videoWidth || 1), height / (videoHeight || 1));
    return { left: (width - videoWidth * scale) / 2, top: (height - videoHeight * scale) / 2, scale };
  }

  middle() {
    const seen = this.seen(this.video.currentTime);
    if (!seen) return [0.5, 0.5];
    const { left, top, scale } = this.picture();
    const [x1, y1, x2, y2] = seen.bed || seen.box;
    return [(left + ((x1 + x2) / 2) * scale) / this.video.clientWidth, (top + ((y1 + y2) / 2) * scale) / this.video.clientHeight];
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.video;
    const ratio = window.devicePixelRatio || 1;
    if (this.over.width !== Math.round(width * ratio) || this.over.height !== Math.round(height * ratio)) {
      this.over.width = Math.round(width * ratio);
      this.over.height = Math.round(height * ratio);
    }
    const pen = this.over.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const { left, top, scale } = this.picture();
    if (this.drawing && this.video.videoWidth) this.drawSeen(pen, left, top, scale);
    if (!this.loupe.hidden && this.at) this.drawLoupe(left, top, scale);
  }

  drawSeen(pen, left, top, scale) {
    const now = this.video.currentTime;
    const seen = this.seen(now);
    pen.lineWidth = 1.5;
    pen.strokeStyle = "rgba(255, 210, 94, .55)";
    pen.beginPath();
    for (const look of this.data.looks) {
      if (look.s > now) break;
      const [x1, , x2, y2] = look.box;
      pen.lineTo(left + ((x1 + x2) / 2) * scale, top + y2 * scale);
    }
    pen.stroke();
    if (!seen) return;
    const frame = (box, colour, wide) => {
      if (!box) return;
      pen.lineWidth = wide;
      pen.strokeStyle = colour;
      pen.strokeRect(left + box[0] * scale, top + box[1] * scale, (box[2] - box[0]) * scale, (box[3] - box[1]) * scale);
    };
    frame(seen.box, "#ffd25e", seen.decided ? 3 : 1.5);
    frame(seen.bed, "#5ee0ff", 2);
    if (seen.plate) {
      pen.strokeStyle = "#ff7ad9";
      pen.lineWidth = 2;
      pen.beginPath();
      seen.plate.forEach(([x, y]) => pen.lineTo(left + x * scale, top + y * scale));
      pen.closePath();
      pen.stroke();
    }
  }

  drawLoupe(left, top, scale) {
    const size = this.loupe.width, zoom = 3, pen = this.loupe.getContext("2d");
    const x = this.at[0] * this.video.clientWidth, y = this.at[1] * this.video.clientHeight;
    this.loupe.style.left = `${x}px`;
    this.loupe.style.top = `${y}px`;
    const side = size / zoom / scale;
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, size, size);
    pen.drawImage(this.video, (x - left) / scale - side / 2, (y - top) / scale - side / 2, side, side, 0, 0, size, size);
  }

  nudge(x, y) {
    if (this.loupe.hidden) return false;
    this.at = [Math.min(1, Math.max(0, this.at[0] + x * 0.02)), Math.min(1, Math.max(0, this.at[1] + y * 0.03))];
    return true;
  }

  // Takes the decoder down. Done while the desk is still answering: a playing clip that is removed holds the page up, and
  // the next case is on the screen a third sooner without it.
  rest() {
    this.source = this.video.getAttribute("src") || this.source;
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
  }

  wake() {
    if (this.source) this.video.src = this.source;
  }

  close() {
    this.stop.abort();
    this.rest();
  }
}

// Pictures of the deciding frames, taken from the clip itself by a second, unseen video.
async function fillStrip(strip, source, frame_s, signal) {
  const video = document.createElement("video");
  video.muted = true;
  video.preload = "auto";
  video.src = source;
  const once = (kind) => new Promise((done, fail) => {
    video.addEventListener(kind, done, { once: true, signal });
    video.addEventListener("error", fail, { once: true, signal });
    signal.addEventListener("abort", fail, { once: true });
  });
  try {
    await once("loadeddata");
    for (const button of strip.querySelectorAll("[data-seek]")) {
      const seeked = once("seeked");
      video.currentTime = Number(button.dataset.seek) + frame_s / 2;
      await seeked;
      const [x1, y1, x2, y2] = button.dataset.box.split(",").map(Number);
      const canvas = button.querySelector("canvas"), pen = canvas.getContext("2d");
      const scale = Math.min(canvas.width / (x2 - x1), canvas.height / (y2 - y1)) * 0.92;
      const wide = canvas.width / scale, high = canvas.height / scale;
      const inside = (middle, size, most) => Math.max(0, Math.min(middle - size / 2, most - size));
      const left = inside((x1 + x2) / 2, wide, video.videoWidth), top = inside((y1 + y2) / 2, high, video.videoHeight);
      pen.drawImage(video, left, top, wide, high, 0, 0, canvas.width, canvas.height);
    }
  } catch { /* the clip cannot be shown, or another case came: the words stand for themselves */ }
  video.removeAttribute("src");
  video.load();
}
