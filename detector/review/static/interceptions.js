// The board stays live by itself; this adds what calls somebody who looks elsewhere: a tone and a flashing title.
// Browsers let a page make sound only after somebody has pressed something: the officer switches it on.
"use strict";

const AGAIN_MS = 15000;
const quietTitle = document.title;
let sound = null, known = new Set(), calledAt = 0, open = [], focused = null;

function fresh() { return [...document.querySelectorAll("[data-new]")].map((hit) => hit.dataset.hit); }

function call() {
  calledAt = Date.now();
  if (!sound) return;
  for (const [number, pitch] of [880, 1175, 880, 1175].entries()) {
    const start = sound.currentTime + number * 0.22, tone = sound.createOscillator(), volume = sound.createGain();
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.0001, start);
    volume.gain.exponentialRampToValueAtTime(0.4, start + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, start + 0.2);
    tone.connect(volume).connect(sound.destination);
    tone.start(start);
    tone.stop(start + 0.21);
  }
}

function look() {
  const now = fresh();
  if (now.some((hit) => !known.has(hit))) call();
  known = new Set(now);
}

function flash() {
  const waiting = known.size, words = document.getElementById("sound").dataset.flash;
  document.title = waiting && document.title === quietTitle ? words.replace("{}", waiting) : quietTitle;
  if (waiting && Date.now() - calledAt > AGAIN_MS) call();
}

document.addEventListener("DOMContentLoaded", () => {
  const button = document.getElementById("sound");
  button.addEventListener("click", () => {
    if (sound) { sound.close(); sound = null; } else { sound = new AudioContext(); call(); }
    button.setAttribute("aria-pressed", String(Boolean(sound)));
    button.querySelector("span").textContent = sound ? button.dataset.on : button.dataset.off;
  });
  look();
  setInterval(flash, 1000);
});
// A hit that comes must neither close what is open nor take the focus away.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target.id !== "hits") return;
  open = [...document.querySelectorAll("#hits details[open]")].map((details) => details.id);
  const holder = document.activeElement.closest("#hits [id]");
  focused = holder && holder.id;
});
document.addEventListener("htmx:afterSwap", () => {
  for (const id of open) { const details = document.getElementById(id); if (details) details.open = true; }
  const holder = focused && document.getElementById(focused);
  if (holder) (holder.querySelector("summary") || holder).focus();
  look();
});
