// What made a score, shown over its photo while its row is pointed at or its name has the focus, and by a tap.
// Where that photo is out of sight, the map stands in a corner of the window instead.

let shown = null;
let waiting = null;

// Whose pointer comes to the scores will look at maps: they are fetched one after the other, to appear at once.
function fetchAhead() {
  waiting ??= [...document.querySelectorAll("[data-map]")].filter((row) => row.tagName === "TR");
  const row = waiting.shift();
  if (!row) return;
  const image = new Image();
  image.onload = image.onerror = fetchAhead;
  image.src = row.dataset.map;
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
  if (!waiting && event.target.closest?.("section:has([data-map])")) fetchAhead();
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
