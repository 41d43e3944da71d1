// Photos are dragged onto each other's places, by mouse, pen or finger; choosing a pose below a photo does the
// same. Only the choices are sent, so the page works without this too.

const form = document.querySelector("[data-places]");
const said = form.querySelector("[data-said]");
const FAR = 6; // pixels that tell dragging from a tap

const chooser = (place) => place.querySelector("select");

function choose(select, value) {
  // "choose the pose" stands only where nothing is chosen yet, and goes along with the photo that has it.
  if (![...select.options].some((option) => option.value === value)) {
    const other = [...form.querySelectorAll("option")].find((option) => option.value === value);
    select.prepend(other.cloneNode(true));
  }
  select.value = value;
  select.dataset.now = value;
}

function swapNodes(one, other) {
  const mark = document.createComment("");
  one.replaceWith(mark);
  other.replaceWith(one);
  mark.replaceWith(other);
}

function swap(one, other) {
  const [first, second] = [chooser(one), chooser(other)];
  if (!second) {
    choose(first, other.dataset.empty);
    other.remove();
  } else {
    const value = first.dataset.now;
    choose(first, second.dataset.now);
    choose(second, value);
    swapNodes(one, other);
  }
  said.textContent = "";
  requestAnimationFrame(() => { said.textContent = said.dataset.swapped; });
}

for (const select of form.querySelectorAll("select")) {
  select.dataset.now = select.value;
  select.addEventListener("change", () => {
    const wanted = select.value;
    const holder = [...form.querySelectorAll("select")].find(
      (other) => other !== select && wanted !== "" && other.dataset.now === wanted);
    if (holder) {
      const place = select.closest("[data-place]");
      select.value = select.dataset.now;
      swap(place, holder.closest("[data-place]"));
      select.focus();
    } else {
      select.dataset.now = wanted;
      form.querySelector(`[data-empty="${CSS.escape(wanted)}"]`)?.remove();
    }
  });
}

let drag = null;

function placeUnder(event) {
  const found = document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-place]");
  return found && found !== drag.place ? found : null;
}

form.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || event.target.tagName !== "IMG") return;
  drag = { place: event.target.closest("[data-place]"), x: event.clientX, y: event.clientY, over: null, on: false };
  event.target.setPointerCapture(event.pointerId);
  event.preventDefault();
});

form.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const [x, y] = [event.clientX - drag.x, event.clientY - drag.y];
  if (!drag.on && Math.hypot(x, y) < FAR) return;
  drag.on = true;
  drag.place.classList.add("dragged");
  drag.place.style.transform = `translate(${x}px, ${y}px)`;
  drag.over?.classList.remove("target");
  drag.over = placeUnder(event);
  drag.over?.classList.add("target");
});

function end(event) {
  if (!drag) return;
  const { place, over } = drag;
  drag = null;
  place.classList.remove("dragged");
  place.style.transform = "";
  over?.classList.remove("target");
  if (over && event.type === "pointerup") swap(place, over);
}

form.addEventListener("pointerup", end);
form.addEventListener("pointercancel", end);
