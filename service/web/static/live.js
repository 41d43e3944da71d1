// Keeps a page true while it is looked at: asks for a word that changes with what the page tells, and takes
// the page's new content when it has changed. Whoever types or has a list open is not interrupted, and what was
// written or chosen and not sent yet is not thrown away.

const EVERY = 3000; // milliseconds
const LONGEST = 60000;
let wait = EVERY;

function changed(field) {
  if (!field.options) return field.value !== field.defaultValue || field.checked !== field.defaultChecked;
  const before = [...field.options].find((option) => option.defaultSelected) ?? field.options[0];
  return field.value !== before?.value;
}

function busy() {
  const fields = "main input, main textarea, main select";
  return (document.activeElement?.matches(fields) ?? false) || [...document.querySelectorAll(fields)].some(changed);
}

async function look() {
  const watched = document.querySelector("[data-live]");
  if (!watched) return;
  if (!document.hidden) {
    try {
      const answer = await fetch(watched.dataset.live, { redirect: "manual" });
      if (answer.type === "opaqueredirect") {
        // The session has ended: what is shown must not stay.
        location.reload();
        return;
      }
      if (answer.ok && (await answer.text()) !== watched.dataset.version && !busy()) await renew();
      wait = answer.ok ? EVERY : Math.min(wait * 2, LONGEST);
    } catch {
      wait = Math.min(wait * 2, LONGEST);
    }
  }
  setTimeout(look, wait);
}

async function renew() {
  const answer = await fetch(location.pathname, { redirect: "manual" });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const focused = document.activeElement?.id;
  const opened = [...document.querySelectorAll("main details[open] > summary[id]")].map((summary) => summary.id);
  document.querySelector("main").replaceWith(document.adoptNode(page.querySelector("main")));
  for (const id of opened) document.getElementById(id)?.parentElement.setAttribute("open", "");
  if (focused) document.getElementById(focused)?.focus();
  document.dispatchEvent(new Event("renewed"));
}

setTimeout(look, wait);
