// A form is sent once: a second click while the answer is on its way would do the same again, and show the answer to
// that, such as "there is such a user already", in place of the new user's password.

const AGAIN = 5000; // milliseconds after which the same may be sent anew, should no answer have come
let sent = new WeakMap();

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  const content = new URLSearchParams(new FormData(form, event.submitter)).toString();
  const last = sent.get(form);
  if (last && last.content === content && event.timeStamp - last.at < AGAIN) event.preventDefault();
  else sent.set(form, { content, at: event.timeStamp });
});

// Whoever comes back to the page may send its forms anew.
window.addEventListener("pageshow", () => { sent = new WeakMap(); });
