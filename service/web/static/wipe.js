// The same pose at two dates: the lists choose the photos, and a slider, or a finger on the photo, wipes from one
// to the other. Without this the two photos stand beside each other.

const compare = document.querySelector(".compare");
if (compare) {
  const photos = JSON.parse(compare.dataset.photos);
  const wipe = compare.querySelector(".wipe");
  const range = compare.querySelector("[data-wipe]");
  const pose = compare.querySelector("[data-pose]");

  const show = () => {
    for (const which of ["before", "after"]) {
      const select = compare.querySelector(`[data-which="${which}"]`);
      const photo = photos[select.value]?.[pose.value];
      const day = select.selectedOptions[0].textContent;
      for (const image of compare.querySelectorAll(`[data-shows="${which}"]`)) {
        const source = photo ? `/recordings/${select.value}/photos/${photo}` : "";
        if (image.getAttribute("src") !== source) image.src = source;
        if (!image.closest(".wipe")) image.alt = `${pose.selectedOptions[0].textContent}, ${day}`;
      }
      compare.querySelector(`[data-says="${which}"]`).textContent = day;
    }
  };
  const cut = () => wipe.style.setProperty("--cut", `${range.value}%`);

  compare.addEventListener("change", (event) => { if (event.target !== range) show(); });
  range.addEventListener("input", cut);

  const follow = (event) => {
    const box = wipe.querySelector("img").getBoundingClientRect();
    range.value = Math.round(((event.clientX - box.left) / box.width) * 100);
    cut();
  };
  for (const image of wipe.querySelectorAll("img")) {
    image.draggable = false;
    image.addEventListener("pointerdown", (event) => {
      image.setPointerCapture(event.pointerId);
      follow(event);
    });
    image.addEventListener("pointermove", (event) => {
      if (image.hasPointerCapture(event.pointerId)) follow(event);
    });
  }

  wipe.hidden = false;
  show();
  cut();
}

for (const select of document.querySelectorAll("[data-submits]")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}
