// One case on the screen: player, dialogs, plate, undo; and the next case's files fetched before they are wanted.
"use strict";

const CALM_MS = 400; // a key held or pressed twice must not decide the case that has just come
let player = null, open = null, shownAt = -Infinity, ticking = 0, ahead = null;

function begin() {
  const root = document.getElementById("case");
  if (!root || root === open) return;
  if (player) player.close();
  if (ahead) ahead.abort();
  clearInterval(ticking);
  const isFirst = open === null;
  open = root;
  if (!isFirst) shownAt = performance.now();
  ahead = new AbortController();
  const holder = root.querySelector("[data-player]");
  player = holder ? new Player(holder) : null;
  if (!isFirst) root.querySelector("h1").focus({ preventScroll: true });
  if (!isFirst) window.scrollTo(0, 0);
  const strip = root.querySelector(".strip");
  if (strip && player) player.video.addEventListener("loadeddata", () => fillStrip(strip, player.video.src, player.frame_s, ahead.signal), { once: true });
  const undo = root.querySelector("[data-undo]");
  if (undo) ticking = setInterval(() => tick(undo), 1000);
  if ("mine" in root.dataset) setTimeout(fetchAhead, 300, root, ahead.signal);
}

function tick(undo) {
  const left = undo.querySelector("[data-left]");
  left.textContent = Math.max(0, Number(left.textContent) - 1);
  if (left.textContent === "0") { undo.hidden = true; clearInterval(ticking); }
}

async function fetchAhead(root, signal) {
  if (signal.aborted) return;
  const token = JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRF-Token"];
  try {
    const answer = await fetch(`/cases/${root.dataset.case}/ahead`, {
      method: "POST", signal, headers: { "X-CSRF-Token": token, "X-Requested-With": "desk" },
      body: new URLSearchParams({ queue: root.dataset.queue }),
    });
    if (!answer.ok) return;
    const next = await answer.json();
    root.dataset.next = next.case || "";
    for (const file of next.files) await (await fetch(file, { signal })).blob();
  } catch { /* the next case is then fetched when it comes */ }
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) { document.getElementById(opener.dataset.dialog).showModal(); event.preventDefault(); }
  const picture = event.target.closest("[data-picture]");
  if (picture) { const dialog = document.getElementById("picture"); dialog.querySelector("img").src = picture.dataset.picture; dialog.showModal(); }
  const moment = event.target.closest(".strip [data-seek]");
  if (moment && player) { player.video.pause(); player.seek(Number(moment.dataset.seek) + player.frame_s / 2); }
  if (event.target.closest("[data-close]") || event.target.matches("dialog")) event.target.closest("dialog").close();
  const other = event.target.closest("[data-alternative]");
  if (other) {
    const field = document.getElementById("plate"), text = [...field.value];
    text[Number(other.dataset.place)] = other.dataset.alternative;
    field.value = text.join("");
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  }
});

// Arrows move the loupe while it is there and shift is held.
document.addEventListener("keydown", (event) => {
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (event.shiftKey && moves[event.key] && player && player.nudge(...moves[event.key])) { event.preventDefault(); event.stopImmediatePropagation(); }
}, true);

document.addEventListener("deskkey", (event) => {
  if (event.target.matches("[data-decides]") && event.detail - shownAt < CALM_MS) event.preventDefault();
});
const isStep = (event) => event.detail.requestConfig?.path.endsWith("/steps");
document.addEventListener("htmx:beforeRequest", (event) => { if (player && isStep(event)) player.rest(); });
document.addEventListener("htmx:afterRequest", (event) => { if (player && isStep(event) && !event.detail.successful) player.wake(); });
document.addEventListener("htmx:afterSwap", begin);
document.addEventListener("htmx:historyRestore", begin);
document.addEventListener("DOMContentLoaded", begin);
