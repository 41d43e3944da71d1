// What made a score, shown over its photo while its row is pointed at or its name has the focus, and by a tap.
// Where that photo is out of sight, the map stands in a corner of the window instead.

let shown = null;
let waiting = [];

const rows = () => [...document.querySelectorAll("tr[data-map]")];
const idle = window.requestIdleCallback ?? ((act) => setTimeout(act, 200));

// Once the page stands, the maps are fetched one after the other while nothing else is to do, to appear at once.
function fetchAhead() {
  const row = waiting.shift();
  if (!row) return;
  const image = new Image();
  image.fetchPriority = "low";
  image.onload = image.onerror = () => idle(fetchAhead);
  image.src = row.dataset.map;
}

function begin() {
  const resting = waiting.length === 0;
  waiting = rows();
  if (resting) idle(fetchAhead);
}

function hide() {
  shown?.remove();
  shown = null;
}

function inSight(element) {
  const box = element.getBoundingClientRect();
  return box.top >= 0 && box.bottom <= window.innerHeight;
}

function show(row) {
  if (shown?.dataset.map === row.dataset.map) return;
  hide();
  const map = document.createElement("div");
  map.dataset.map = row.dataset.map;
  const image = document.createElement("img");
  image.fetchPriority = "high";
  image.src = row.dataset.map;
  image.alt = "";
  map.append(image, ...document.querySelector("template#sides").content.cloneNode(true).childNodes);
  const figure = document.querySelector(`.photos figure[data-pose="${CSS.escape(row.dataset.pose)}"]`);
  const over = figure?.querySelector("a") && inSight(figure);
  map.className = over ? "map-over" : "map-beside";
  (over ? figure : document.body).append(map);
  shown = map;
}

document.addEventListener("pointerover", (event) => {
  if (event.pointerType !== "mouse") return;
  const row = event.target.closest?.("[data-map]");
  if (row?.tagName === "TR") show(row);
  else if (!document.activeElement?.matches("a.map:focus-visible")) hide();
});

document.addEventListener("focusin", (event) => {
  const row = event.target.matches("a.map") && event.target.closest("[data-map]");
  if (row) show(row);
  else hide();
});

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a.map");
  if (link) {
    event.preventDefault();
    show(link.closest("[data-map]"));
  } else {
    hide();
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") hide();
});

// The page's new content may have maps of another grading (see live.js).
document.addEventListener("renewed", () => { hide(); begin(); });
if (document.readyState === "complete") begin();
else window.addEventListener("load", begin);
