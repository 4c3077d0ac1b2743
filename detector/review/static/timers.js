// Clocks that run: <time data-until> counts down to an instant, <time data-since> counts up from one.
// Both hold seconds since 1970; the newest [data-now] says what time it is at the desk, whatever this machine thinks.
"use strict";

const SOON_S = 3600;
let stated = null, ahead_s = 0;

function deskTime() {
  const said = document.querySelector("[data-now]");
  if (said && said !== stated) { stated = said; ahead_s = Number(said.dataset.now) - Date.now() / 1000; }
  return Date.now() / 1000 + ahead_s;
}

function span(seconds) {
  const english = document.documentElement.lang === "en";
  const total = Math.floor(Math.abs(seconds) / 60), days = Math.floor(total / 1440), hours = Math.floor(total / 60) % 24, minutes = total % 60;
  if (days) return english ? `${days} d ${hours} h` : `${days} 天 ${hours} 小时`;
  if (hours) return english ? `${hours} h ${minutes} min` : `${hours} 小时 ${minutes} 分`;
  return english ? `${minutes} min` : `${minutes} 分钟`;
}

function minutes(seconds) {
  const whole = Math.max(0, Math.floor(seconds)), hours = Math.floor(whole / 3600);
  const rest = `${String(Math.floor(whole / 60) % 60).padStart(2, "0")}:${String(whole % 60).padStart(2, "0")}`;
  return hours ? `${hours}:${rest}` : rest;
}

function tickTimers() {
  const now = deskTime();
  for (const clock of document.querySelectorAll("time[data-until]")) {
    const left = Number(clock.dataset.until) - now;
    clock.textContent = (left < 0 ? clock.dataset.late : clock.dataset.left).replace("{}", span(left));
    clock.classList.toggle("late", left < 0);
    clock.classList.toggle("soon", left >= 0 && left < SOON_S);
  }
  for (const clock of document.querySelectorAll("time[data-since]")) {
    const waited = now - Number(clock.dataset.since), limit = Number(clock.dataset.limit);
    clock.textContent = minutes(waited);
    const holder = clock.closest("[data-hit]");
    if (holder) {
      holder.classList.toggle("over", waited >= limit);
      const bar = holder.querySelector("progress");
      if (bar) bar.value = Math.min(waited, limit);
    }
  }
}

document.addEventListener("DOMContentLoaded", () => { tickTimers(); setInterval(tickTimers, 1000); });
document.addEventListener("htmx:afterSwap", tickTimers);
