// Zone and lines of one camera, drawn on its picture: by mouse, finger or keyboard.
"use strict";

(() => {
  const stage = document.getElementById("stage");
  if (!stage) return;
  const SVG = "http://www.w3.org/2000/svg";
  const svg = stage.querySelector("svg");
  const editable = stage.dataset.editable === "yes";
  const form = document.getElementById("geometry-form");
  const told = JSON.parse(stage.dataset.geometry);
  let zone = told.zone, lines = told.lines;
  const past = [];
  const STEP = 0.005, BIG = 0.05;

  const clamp = (value) => Math.min(1, Math.max(0, value));
  const snapshot = () => JSON.stringify({ zone, lines });
  const first = snapshot();

  function remember() { past.push(snapshot()); }

  function make(name, attributes, parent = svg) {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    parent.append(node);
    return node;
  }

  // The picture is stretched over a square of 1000, so circles are drawn as ellipses that look round.
  function radii(size) {
    const box = svg.getBoundingClientRect();
    return { rx: (size * 1000) / Math.max(box.width, 1), ry: (size * 1000) / Math.max(box.height, 1) };
  }

  function draw(focused) {
    svg.replaceChildren();
    if (zone) {
      const corners = zone.map(([x, y]) => `${x * 1000},${y * 1000}`).join(" L");
      make("path", { class: "outside", "fill-rule": "evenodd", d: `M0,0 H1000 V1000 H0 Z M${corners} Z` });
      make("polygon", { class: "zone", points: zone.map(([x, y]) => `${x * 1000},${y * 1000}`).join(" ") });
    }
    for (const [name, [a, b]] of Object.entries(lines)) {
      make("line", { class: "line", x1: a[0] * 1000, y1: a[1] * 1000, x2: b[0] * 1000, y2: b[1] * 1000 });
      make("text", { x: a[0] * 1000 + 8, y: a[1] * 1000 - 8 }).textContent = name;
    }
    if (editable) {
      (zone || []).forEach((point, index) => handle(point, `${stage.dataset.corner} ${index + 1}`, "", () => removeCorner(index), index));
      for (const [name, ends] of Object.entries(lines)) {
        ends.forEach((point, index) => handle(point, `${stage.dataset.line} ${name} ${index + 1}`, "end", () => removeLine(name)));
      }
    }
    const state = snapshot();
    if (form) {
      form.elements.geometry.value = state;
      form.querySelector("button").disabled = state === first;
    }
    if (focused !== undefined) svg.querySelectorAll(".handle")[focused]?.focus();
  }

  function handle(point, label, kind, remove) {
    const { rx, ry } = radii(9);
    const node = make("ellipse", {
      class: `handle ${kind}`, cx: point[0] * 1000, cy: point[1] * 1000, rx, ry, tabindex: 0, role: "button", "aria-label": label,
    });
    const order = () => [...svg.querySelectorAll(".handle")].indexOf(node);
    node.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      remember();
      const at = order();
      const move = (moved) => {
        const box = svg.getBoundingClientRect();
        point[0] = clamp((moved.clientX - box.left) / box.width);
        point[1] = clamp((moved.clientY - box.top) / box.height);
        draw();
      };
      const stop = () => {
        window.removeEventListener("pointermove", move);
        draw(at);
      };
      window.addEventListener("pointermove", move);
      window.addEventListener("pointerup", stop, { once: true });
    });
    node.addEventListener("keydown", (event) => {
      const by = event.shiftKey ? BIG : STEP;
      const step = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] }[event.key];
      if (!step && event.key !== "Delete") return;
      event.preventDefault();
      remember();
      const at = order();
      if (step) {
        point[0] = clamp(point[0] + step[0]);
        point[1] = clamp(point[1] + step[1]);
      } else remove();
      draw(at);
    });
  }

  function removeCorner(index) {
    if (zone.length > 3) zone.splice(index, 1);
  }

  function removeLine(name) {
    delete lines[name];
  }

  // A new corner goes into the middle of the longest edge, where it changes nothing yet.
  function addCorner() {
    if (!zone || zone.length >= Number(stage.dataset.most)) return undefined;
    const length = (i) => Math.hypot(zone[i][0] - zone[(i + 1) % zone.length][0], zone[i][1] - zone[(i + 1) % zone.length][1]);
    const at = zone.map((_, i) => i).reduce((best, i) => (length(i) > length(best) ? i : best), 0);
    const a = zone[at], b = zone[(at + 1) % zone.length];
    zone.splice(at + 1, 0, [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]);
    return at + 1;
  }

  const acts = {
    zone() { zone = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]; return 0; },
    corner: addCorner,
    line() {
      let number = 1;
      while (lines[`line-${number}`]) number += 1;
      lines[`line-${number}`] = [[0.2, 0.5], [0.8, 0.5]];
      return (zone || []).length + 2 * (Object.keys(lines).length - 1);
    },
    clear() { zone = null; },
  };

  document.getElementById("drawing")?.addEventListener("click", (event) => {
    const wanted = event.target.closest("button")?.dataset.do;
    if (wanted === "undo") {
      if (past.length) ({ zone, lines } = JSON.parse(past.pop()));
      draw();
    } else if (wanted) {
      remember();
      draw(acts[wanted]());
    }
  });
  window.addEventListener("resize", () => draw());
  stage.querySelector("img")?.addEventListener("load", () => draw());
  draw();
})();
