"use strict";
/* Points of a photo, moved by pointer or keys; the form holds where they are and is sent as it stands. */
(() => {
  const form = document.getElementById("landmarks");
  const svg = form.querySelector("svg");
  const size = svg.viewBox.baseVal.width;
  const pointed = document.getElementById("pointed");
  const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  let moving = null;

  const field = (axis, point) => form.elements[`${axis}-${point.dataset.point}`];
  const within = (value) => Math.min(Math.max(Math.round(value * 10) / 10, 0), size);

  function put(point, x, y) {
    field("x", point).value = within(x);
    field("y", point).value = within(y);
    point.setAttribute("transform", `translate(${within(x)} ${within(y)})`);
    point.classList.remove("guessed");
  }

  function place(event) {
    const box = svg.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * size, ((event.clientY - box.top) / box.height) * size];
  }

  svg.addEventListener("pointerdown", (event) => {
    moving = event.target.closest(".point");
    if (!moving) return;
    event.preventDefault();
    moving.focus();
    moving.classList.add("moving");
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointermove", (event) => {
    if (moving) put(moving, ...place(event));
  });
  for (const name of ["pointerup", "pointercancel"]) {
    svg.addEventListener(name, () => {
      moving?.classList.remove("moving");
      moving = null;
    });
  }
  svg.addEventListener("focusin", (event) => {
    pointed.textContent = event.target.getAttribute("aria-label");
  });
  svg.addEventListener("keydown", (event) => {
    const point = event.target.closest(".point");
    const step = STEPS[event.key];
    if (!point || !step) return;
    event.preventDefault();
    const far = event.shiftKey ? 10 : 1;
    put(point, Number(field("x", point).value) + far * step[0], Number(field("y", point).value) + far * step[1]);
  });
})();
