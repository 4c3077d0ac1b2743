// What every page shares: saying things to the officer, and keys that press what they name.
"use strict";

document.addEventListener("htmx:sendError", () => {
  const said = document.getElementById("said");
  const line = document.createElement("p");
  line.className = "said bad";
  line.textContent = document.documentElement.lang === "en"
    ? "The desk does not answer. Check the network; nothing was changed." : "工作台没有响应，请检查网络；未做任何更改。";
  said.replaceChildren(line);
});

// <button data-key="c"> is pressed by that key, unless somebody is typing.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const typing = event.target.closest("input:not([type=checkbox]):not([type=radio]), select, textarea");
  if (event.key === "Escape" && typing) { typing.blur(); return; }
  if (typing || document.querySelector("dialog[open]")) return;
  const wanted = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const found = document.querySelector(`[data-key="${CSS.escape(wanted)}"]:not([disabled])`);
  if (!found || found.closest("[hidden]")) return;
  event.preventDefault();
  found.matches("input, select, textarea") ? found.focus() : found.click();
});
