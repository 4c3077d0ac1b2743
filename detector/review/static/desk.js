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

// A picture that there is not: its words instead of the browser's broken frame.
const replaceMissing = (picture) => {
  const line = document.createElement("p");
  line.className = "soft nothing";
  line.textContent = picture.dataset.missing;
  picture.replaceWith(line);
};
document.addEventListener("error", (event) => { if (event.target.matches?.("img[data-missing]")) replaceMissing(event.target); }, true);
for (const picture of document.querySelectorAll("img[data-missing]")) {
  if (picture.complete && picture.currentSrc && !picture.naturalWidth) replaceMissing(picture);
}

// Back to a form that was refused: the browser still has what was written in it.
document.addEventListener("click", (event) => { if (event.target.closest("[data-back]")) history.back(); });

// <button data-key="c"> is pressed by that key, unless somebody is typing; in an open dialog only its own keys count.
// A page may object to a press by cancelling `deskkey`, whose detail is when the key went down.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const typing = event.target.closest("input:not([type=checkbox]):not([type=radio]):not([type=range]), select, textarea");
  if (event.key === "Escape" && typing) { typing.blur(); return; }
  if (typing || (event.key === " " && event.target.closest("button, a, summary, input"))) return;
  const wanted = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const within = document.querySelector("dialog[open]") || document;
  const found = [...within.querySelectorAll(`[data-key="${CSS.escape(wanted)}"]:not([disabled])`)]
    .find((button) => !button.closest("[hidden]") && (within !== document || !button.closest("dialog")));
  if (!found) return;
  event.preventDefault();
  const isField = found.matches("input, select, textarea");
  if (!isField && event.repeat && !event.key.startsWith("Arrow")) return;
  if (!found.dispatchEvent(new CustomEvent("deskkey", { bubbles: true, cancelable: true, detail: event.timeStamp }))) return;
  isField ? found.focus() : found.click();
});
