// Keeps a page true while it is looked at: asks for a word that changes with what the page tells, and takes
// the page's new content when it has changed. Whoever types or has a list open is not interrupted.

const EVERY = 3000; // milliseconds
const LONGEST = 60000;
let wait = EVERY;

function busy() {
  const active = document.activeElement;
  return document.hidden || (active?.matches("main input, main textarea, main select") ?? false);
}

async function look() {
  const watched = document.querySelector("[data-live]");
  if (!watched) return;
  if (!busy()) {
    try {
      const answer = await fetch(watched.dataset.live, { redirect: "manual" });
      if (answer.type === "opaqueredirect") {
        // The session has ended: what is shown must not stay.
        location.reload();
        return;
      }
      if (answer.ok && (await answer.text()) !== watched.dataset.version) await renew();
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
