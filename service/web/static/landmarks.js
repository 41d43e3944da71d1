"use strict";
/* Points of a photo, moved by finger, mouse or keys; the form holds where they are and is sent as it stands. */
(() => {
  const form = document.getElementById("landmarks");
  const marked = form.querySelector(".marked");
  const svg = marked.querySelector("svg");
  const photo = marked.querySelector("img");
  const loupe = marked.querySelector(".loupe");
  const size = svg.viewBox.baseVal.width;
  const pointed = document.getElementById("pointed");
  const undo = document.getElementById("undo");
  const unsaved = document.getElementById("unsaved");
  const points = [...svg.querySelectorAll(".point")];
  const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const MOST_UNDONE = 200;
  /* Pixels of the view around the point that the loupe shows: about a centimetre of the face. */
  const SEEN = 40;
  const done = [];
  let moving = null;
  let sent = false;

  const field = (axis, point) => form.elements[`${axis}-${point.dataset.point}`];
  const where = (point) => [Number(field("x", point).value), Number(field("y", point).value)];
  const within = (value) => Math.min(Math.max(Math.round(value * 100) / 100, 0), size);

  function put(point, x, y) {
    field("x", point).value = within(x);
    field("y", point).value = within(y);
    point.setAttribute("transform", `translate(${within(x)} ${within(y)})`);
    point.classList.remove("guessed");
    guide();
    look(point);
  }

  function remember(point) {
    done.push([point, ...where(point), point.classList.contains("guessed")]);
    if (done.length > MOST_UNDONE) done.shift();
    changed();
  }

  function takeBack() {
    const last = done.pop();
    if (!last) return;
    const [point, x, y, guessed] = last;
    put(point, x, y);
    point.classList.toggle("guessed", guessed);
    point.focus();
    tell(point);
    changed();
  }

  function changed() {
    undo.disabled = done.length === 0;
    unsaved.textContent = done.length ? unsaved.dataset.say : "";
  }

  const pixels = new Intl.NumberFormat(document.documentElement.lang, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

  function tell(point) {
    const [x, y] = where(point);
    pointed.textContent = form.dataset.sayMoved
      .replace("{point}", point.getAttribute("aria-label"))
      .replace("{x}", pixels.format(x))
      .replace("{y}", pixels.format(y));
  }

  /* Where the half-way points belong: between the middle of the picture and each corner of the mouth. */
  function guide() {
    for (const line of svg.querySelectorAll(".guide")) {
      const [x, y] = where(svg.querySelector(`[data-point=${line.dataset.guide}-corner]`));
      const half = (size / 2 + x) / 2;
      line.setAttribute("x1", half);
      line.setAttribute("x2", half);
      line.setAttribute("y1", y - 34);
      line.setAttribute("y2", y + 44);
    }
  }

  /* The loupe stands in the upper corner away from the point, so that no finger hides what it shows. */
  function look(point) {
    const [x, y] = where(point);
    const side = loupe.width;
    const pen = loupe.getContext("2d");
    const zoom = photo.naturalWidth / size;
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, side, side);
    pen.drawImage(photo, (x - SEEN / 2) * zoom, (y - SEEN / 2) * zoom, SEEN * zoom, SEEN * zoom, 0, 0, side, side);
    for (const [colour, width] of [["#10161c", 7], ["#ffd23f", 3]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = width;
      pen.beginPath();
      for (const [across, down] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        pen.moveTo(side / 2 + 12 * across, side / 2 + 12 * down);
        pen.lineTo(side / 2 + 60 * across, side / 2 + 60 * down);
      }
      pen.stroke();
    }
    loupe.classList.toggle("left", x > size / 2);
    loupe.hidden = false;
  }

  function place(event) {
    const box = svg.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * size, ((event.clientY - box.top) / box.height) * size];
  }

  function nearest(event) {
    const [x, y] = place(event);
    const away = (point) => Math.hypot(where(point)[0] - x, where(point)[1] - y);
    return points.reduce((best, point) => (away(point) < away(best) ? point : best));
  }

  svg.addEventListener("pointerdown", (event) => {
    if (!event.target.closest(".point") || moving || event.button !== 0) return;
    event.preventDefault();
    const point = nearest(event);
    const [x, y] = where(point);
    const [fromX, fromY] = place(event);
    /* A point keeps its distance from the finger that took it. */
    moving = { point, pointer: event.pointerId, away: [x - fromX, y - fromY], moved: false };
    point.focus();
    point.classList.add("moving");
    svg.setPointerCapture(event.pointerId);
    look(point);
  });
  /* What a finger does on a point must not scroll the page; beside the points it may. */
  svg.addEventListener(
    "touchstart",
    (event) => {
      if (event.target.closest(".point")) event.preventDefault();
    },
    { passive: false },
  );
  svg.addEventListener("pointermove", (event) => {
    if (event.pointerId !== moving?.pointer) return;
    if (!moving.moved) remember(moving.point);
    moving.moved = true;
    const [x, y] = place(event);
    put(moving.point, x + moving.away[0], y + moving.away[1]);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    svg.addEventListener(name, (event) => {
      if (event.pointerId !== moving?.pointer) return;
      moving.point.classList.remove("moving");
      if (moving.moved) tell(moving.point);
      if (name === "pointercancel" && moving.moved) takeBack();
      moving = null;
      loupe.hidden = true;
    });
  }
  svg.addEventListener("focusin", (event) => {
    pointed.textContent = event.target.getAttribute("aria-label");
  });
  svg.addEventListener("focusout", () => {
    if (!moving) loupe.hidden = true;
  });
  svg.addEventListener("keydown", (event) => {
    const point = event.target.closest(".point");
    const step = STEPS[event.key];
    if (!point || !step) return;
    event.preventDefault();
    const far = event.shiftKey ? 10 : event.ctrlKey ? 0.25 : 1;
    const [x, y] = where(point);
    remember(point);
    put(point, x + far * step[0], y + far * step[1]);
    tell(point);
  });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "z" && !event.target.closest("input, textarea")) {
      event.preventDefault();
      takeBack();
    }
  });
  undo.addEventListener("click", takeBack);
  form.addEventListener("submit", () => {
    sent = true;
  });
  window.addEventListener("beforeunload", (event) => {
    if (done.length && !sent) event.preventDefault();
  });
  guide();
})();
