// Keeps an open page up to date, and shows images one step at a time. Without it a page is as it was loaded.
"use strict";
const connection = document.getElementById("connection");

// Shows the images of one step, which a slider selects; the last one, until another was chosen.
function addSliders(root) {
  for (const steps of root.querySelectorAll("[data-steps]")) {
    const figures = [...steps.querySelectorAll("figure")];
    if (figures.length < 2) continue;
    const slider = Object.assign(document.createElement("input"), { type: "range", min: 0, max: figures.length - 1 });
    slider.setAttribute("aria-label", "step of " + steps.dataset.steps);
    const show = () => figures.forEach((figure, index) => {
      figure.hidden = index !== slider.valueAsNumber;
      if (!figure.hidden) slider.setAttribute("aria-valuetext", "step " + figure.dataset.step);
    });
    slider.addEventListener("input", () => { sliders.set(steps.dataset.steps, figures[slider.valueAsNumber].dataset.step); show(); });
    const chosen = figures.findIndex((figure) => figure.dataset.step === sliders.get(steps.dataset.steps));
    slider.value = chosen < 0 || chosen === figures.length - 1 ? figures.length - 1 : chosen;
    steps.querySelector("h3").after(slider);
    show();
  }
}
const sliders = new Map();

const scrollToEnd = (root) => root.querySelectorAll(".log").forEach((log) => { log.scrollTop = log.scrollHeight; });

// The part's focus, open details and scrolling go over to its successor.
function replace(part, next) {
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  part.querySelectorAll("details[open]").forEach((open) => next.querySelector("#" + open.id)?.setAttribute("open", ""));
  const scrolled = [...part.querySelectorAll(".wide, .log")].map((box) => [box.scrollLeft, box.scrollTop, box.scrollTop + box.clientHeight >= box.scrollHeight - 4]);
  addSliders(next);
  part.replaceWith(next);
  next.querySelectorAll(".wide, .log").forEach((box, index) => {
    const [left, top, atEnd] = scrolled[index] ?? [0, 0, true];
    box.scrollTo(left, atEnd ? box.scrollHeight : top);
  });
  if (!focused) return;
  const candidates = [...next.querySelectorAll(focused.tagName)];
  candidates.find((other) => ["href", "aria-label"].some((name) => focused.hasAttribute(name) && other.getAttribute(name) === focused.getAttribute(name)))?.focus({ preventScroll: true });
}

// Fetches the page and replaces the parts that differ; not one in which text is selected or a popover open.
let skipped = false;
async function update() {
  const response = await fetch(location.href);
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const parts = [...page.querySelectorAll("[data-part]")].map((part) => document.adoptNode(part));
  document.querySelectorAll("[data-part]").forEach((part) => parts.some((next) => next.id === part.id) || part.remove());
  let before = null;
  for (const next of parts) {
    const part = document.getElementById(next.id);
    const selected = part && !getSelection().isCollapsed && getSelection().containsNode(part, true);
    const busy = selected || part?.querySelector(":popover-open");
    if (!part) {
      addSliders(next);
      before ? before.after(next) : connection.parentNode.prepend(next);
    } else if (part.dataset.part !== next.dataset.part && !busy) {
      replace(part, next);
    }
    skipped ||= Boolean(busy);
    before = document.getElementById(next.id);
  }
}

// A browser has few connections to a server: a page that is hidden gives its own back.
let source = null;
function connect() {
  source?.close();
  source = null;
  if (document.hidden) return;
  source = new EventSource(connection.dataset.events + "?version=" + connection.dataset.version);
  source.onopen = () => { connection.textContent = "This page follows the records as they change."; };
  source.onerror = () => { connection.textContent = "The server cannot be reached; this page is as it was before."; };
  source.addEventListener("changed", (event) => { connection.dataset.version = event.data; update(); });
}

addSliders(document);
scrollToEnd(document);
if (connection) {
  connect();
  document.addEventListener("visibilitychange", connect);
  document.addEventListener("selectionchange", () => {
    if (skipped && getSelection().isCollapsed) { skipped = false; update(); }
  });
}
