"use strict";
/* Scores of one series: each is shown at once, sent by itself, and kept on this computer until the server has
   confirmed it. Kept are item ids and points, under the numbers of account and assignment; nothing of a patient. */
(() => {
  const root = document.getElementById("annotation");
  const address = root.dataset.address;
  const key = root.dataset.key;
  const locked = root.dataset.locked !== "";
  const say = (name) => root.dataset["say" + name];
  const saving = document.getElementById("saving");
  const trouble = document.getElementById("trouble");
  const undoButton = document.getElementById("undo");
  const fields = [...root.querySelectorAll(".field")];
  const byItem = new Map(fields.map((field) => [field.dataset.item, field]));
  const SETTLE = 250; // ms of quiet after which a moved bar counts as one change
  const LONGEST_WAIT = 20000; // ms between two tries while the connection is away
  const MOST_UNDO = 200;
  const TYPING = 1200; // ms within which digits belong to one number

  let token = document.querySelector("#finish input[name=form_token]").value;
  const confirmed = new Map(); // what the server holds, by item; null where there is no score
  const shown = new Map(); // what the page shows
  let pending = {}; // by item {value, was}: given, not confirmed yet
  let undo = []; // [item, value before], the newest last
  let busy = false;
  let wait = 1000;
  let timer = null;
  let leaving = null; // the button that finishes, once everything is saved
  const settling = new Map(); // by item: timer and value before the bar began to move

  /* what is kept on this computer */

  function keep() {
    try {
      if (Object.keys(pending).length || undo.length) {
        localStorage.setItem(key, JSON.stringify({ pending, undo }));
      } else {
        localStorage.removeItem(key);
      }
    } catch {
      /* storage is switched off or full: what is pending stays in memory */
    }
  }

  function recall() {
    try {
      const kept = JSON.parse(localStorage.getItem(key) || "{}");
      pending = kept.pending || {};
      undo = kept.undo || [];
    } catch {
      pending = {};
      undo = [];
    }
  }

  /* what the page shows */

  const points = (text) => (text === "" ? null : Number(text));

  function words(field, value) {
    if (value === null) return say("None");
    const own = field.querySelector(`input[type=radio][value="${value}"]`);
    if (own) return "";
    const { normal, below, above } = field.dataset;
    const off = value - Number(normal);
    return `${value} ${Math.abs(off) <= 5 ? say("Balanced") : off < 0 || !above ? below : above}`;
  }

  function show(item, value) {
    const field = byItem.get(item);
    shown.set(item, value);
    field.classList.toggle("open", value === null && !field.dataset.optional);
    field.classList.toggle("unset", value === null);
    field.querySelector("output").textContent = words(field, value);
    const bar = field.querySelector("input[type=range]");
    if (bar) {
      if (Number(bar.value) !== (value ?? Number(field.dataset.normal))) {
        bar.value = value ?? field.dataset.normal;
      }
      bar.setAttribute("aria-valuetext", words(field, value));
      return;
    }
    for (const radio of field.querySelectorAll("input[type=radio]")) {
      radio.checked = value !== null && Number(radio.value) === value;
    }
  }

  function progress() {
    const wanted = fields.filter((field) => !field.dataset.optional);
    const scored = wanted.filter((field) => shown.get(field.dataset.item) !== null).length;
    document.getElementById("progress").value = scored;
    document.getElementById("progress-words").textContent = say("Progress")
      .replace("{scored}", scored)
      .replace("{wanted}", wanted.length);
  }

  function status(name) {
    saving.textContent = say(name);
    saving.dataset.state = name.toLowerCase();
  }

  function complain(text, sign_in) {
    trouble.textContent = text;
    if (sign_in) {
      const link = document.createElement("a");
      link.href = `/sign-in?next=${address}`;
      link.textContent = say("SignIn");
      trouble.append(" ", link);
    }
    trouble.hidden = text === "";
  }

  /* an item that stills hardly show is judged by rest and smile, until another photo is chosen */
  function posesOf(field) {
    return field.dataset.poses ? field.dataset.poses.split(" ") : ["REST", "SMILE"];
  }

  function photos(poses) {
    if (!poses.length) return;
    const large = document.getElementById("large");
    for (const figure of large.children) {
      figure.hidden = !poses.includes(figure.dataset.pose);
    }
    large.dataset.many = poses.length;
    for (const button of document.getElementById("strip").querySelectorAll("button")) {
      button.setAttribute("aria-pressed", poses.includes(button.dataset.pose));
    }
  }

  /* giving scores */

  function give(item, value, before) {
    if (locked || value === before) return;
    undo.push([item, before]);
    undo = undo.slice(-MOST_UNDO);
    queue(item, value);
  }

  function queue(item, value) {
    show(item, value);
    progress();
    const was = item in pending ? pending[item].was : confirmed.get(item);
    pending[item] = { value, was };
    undoButton.disabled = locked || !undo.length;
    keep();
    send();
  }

  function moved(item, value) {
    const settled = settling.get(item);
    if (settled) clearTimeout(settled.timer);
    const before = settled ? settled.before : shown.get(item);
    settling.set(item, { before, timer: setTimeout(() => settle(item), SETTLE) });
    show(item, value);
    status("Saving");
  }

  function settle(item) {
    const settled = settling.get(item);
    if (!settled) return;
    clearTimeout(settled.timer);
    settling.delete(item);
    give(item, shown.get(item), settled.before);
    send();
  }

  function settleAll() {
    [...settling.keys()].forEach(settle);
  }

  function takeBack() {
    settleAll();
    const last = undo.pop();
    if (!last || locked) return;
    queue(last[0], last[1]);
    focus(byItem.get(last[0]));
  }

  /* sending */

  async function send() {
    if (busy) return;
    const item = Object.keys(pending)[0];
    if (item === undefined) {
      if (!settling.size) status("Saved");
      if (leaving) document.getElementById("finish").requestSubmit(leaving);
      return;
    }
    busy = true;
    status("Saving");
    const { value, was } = pending[item];
    const form = new URLSearchParams({ form_token: token, item, value: value ?? "", was: was ?? "" });
    let answer;
    try {
      answer = await fetch(`${address}/scores`, {
        method: "POST", body: form, redirect: "manual", signal: AbortSignal.timeout(15000),
      });
      const content = answer.ok || answer.status === 409 || answer.status === 422 ? await answer.json() : null;
      busy = false;
      took(item, value, answer, content);
    } catch {
      busy = false;
      later();
    }
  }

  function took(item, value, answer, content) {
    if (answer.ok) {
      confirmed.set(item, value);
      drop(item, value);
      complain("");
      derive(content.derived);
      wait = 1000;
      send();
    } else if (answer.status === 409) {
      confirmed.set(item, content.value);
      drop(item, value);
      refuse(item, `${say("Changed")} ${item}`);
      send();
    } else if (answer.status === 422) {
      drop(item, value);
      refuse(item, content.message);
      send();
    } else if (answer.type === "opaqueredirect") {
      signedOut();
    } else if (answer.status === 403) {
      renew();
    } else if (answer.status === 404) {
      status("Offline");
      complain(say("Other"), true);
    } else {
      later();
    }
  }

  function drop(item, value) {
    const now = pending[item];
    if (now && now.value === value) {
      delete pending[item];
    } else if (now) {
      now.was = confirmed.get(item);
    }
    keep();
  }

  function refuse(item, text) {
    delete pending[item];
    undo = undo.filter(([of]) => of !== item);
    undoButton.disabled = locked || !undo.length;
    keep();
    show(item, confirmed.get(item));
    progress();
    complain(text);
  }

  function derive(values) {
    for (const place of root.querySelectorAll("[data-derived]")) {
      const value = values[place.dataset.derived];
      place.textContent = value === undefined ? "–" : Math.round(value);
    }
  }

  function signedOut() {
    status("Offline");
    complain(say("SignedOut"), true);
  }

  function later() {
    status("Offline");
    clearTimeout(timer);
    timer = setTimeout(send, wait);
    wait = Math.min(wait * 2, LONGEST_WAIT);
  }

  /* After a sign-in in another tab this page's token is out of date, and after a night what it shows may be. */
  async function renew() {
    try {
      const answer = await fetch(`${address}/state`, { redirect: "manual" });
      if (answer.type === "opaqueredirect") return signedOut();
      if (!answer.ok) return complain(say("Other"), true);
      const content = await answer.json();
      token = content.token;
      for (const input of document.querySelectorAll("input[name=form_token]")) input.value = token;
      for (const item of byItem.keys()) {
        const value = content.scores[item] ?? null;
        const changed = value !== confirmed.get(item);
        confirmed.set(item, value);
        if (changed && !(item in pending) && !settling.has(item)) show(item, value);
      }
      progress();
      complain("");
      send();
    } catch {
      later();
    }
  }

  /* by keyboard */

  function focus(field) {
    const target = field?.querySelector("input:checked, input[type=range], input[type=radio]");
    if (!target) return;
    target.focus();
    field.scrollIntoView({ block: "nearest" });
  }

  function nextOpen(from) {
    settleAll();
    const start = fields.indexOf(from) + 1;
    const order = [...fields.slice(start), ...fields.slice(0, start)];
    const open = order.find((field) => shown.get(field.dataset.item) === null && !field.dataset.optional);
    if (open) focus(open);
    else document.querySelector("#finish button").focus();
  }

  let typed = "";
  let typedAt = 0;

  function digit(field, input, character) {
    typed = Date.now() - typedAt < TYPING ? typed + character : character;
    typedAt = Date.now();
    const value = Number(typed);
    if (input.type === "range") {
      if (value <= Number(input.max)) moved(field.dataset.item, value);
      else typed = "";
      return;
    }
    const radio = field.querySelector(`input[type=radio][value="${character}"]`);
    if (radio) {
      radio.focus();
      give(field.dataset.item, Number(character), shown.get(field.dataset.item));
    }
  }

  function pressed(event) {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") {
      event.preventDefault();
      takeBack();
      return;
    }
    const input = event.target;
    const field = input.closest?.(".field");
    if (!field || locked || event.ctrlKey || event.metaKey || event.altKey) return;
    const item = field.dataset.item;
    if (event.key >= "0" && event.key <= "9") {
      event.preventDefault();
      digit(field, input, event.key);
    } else if (input.type === "range" && event.key.startsWith("Page")) {
      event.preventDefault();
      const value = Number(input.value) + (event.key === "PageUp" ? 10 : -10);
      moved(item, Math.min(Math.max(value, Number(input.min)), Number(input.max)));
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (input.type === "range" && shown.get(item) === null) give(item, Number(input.value), null);
      if (input.type === "radio" && shown.get(item) === null) give(item, Number(input.value), null);
      nextOpen(field);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      settleAll();
      give(item, null, shown.get(item));
    }
  }

  /* beginning */

  for (const field of fields) {
    const item = field.dataset.item;
    confirmed.set(item, points(field.dataset.value));
    field.addEventListener("focusin", () => photos(posesOf(field)));
    field.addEventListener("pointerdown", () => photos(posesOf(field)));
    field.addEventListener("input", (event) => {
      if (event.target.type === "range") moved(item, Number(event.target.value));
      else give(item, Number(event.target.value), shown.get(item));
    });
    field.querySelector("input[type=range]")?.addEventListener("click", (event) => {
      // a click on the handle of a bar without a score takes what it shows
      if (shown.get(item) === null && !settling.has(item)) give(item, Number(event.target.value), null);
    });
  }
  recall();
  for (const item of byItem.keys()) show(item, item in pending ? pending[item].value : confirmed.get(item));
  progress();
  undoButton.disabled = locked || !undo.length;
  root.addEventListener("keydown", pressed);
  undoButton.addEventListener("click", takeBack);
  document.getElementById("next").addEventListener("click", () => nextOpen(null));
  document.getElementById("strip").addEventListener("click", (event) => {
    const pose = event.target.closest("button")?.dataset.pose;
    if (pose) photos(pose === "REST" ? ["REST"] : ["REST", pose]);
  });
  document.getElementById("finish").addEventListener("submit", (event) => {
    settleAll();
    if (!Object.keys(pending).length) return;
    event.preventDefault(); // first everything must be saved
    leaving = event.submitter;
    send();
  });
  window.addEventListener("online", () => { wait = 1000; clearTimeout(timer); send(); });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") settleAll();
    else if (!busy) renew();
  });
  window.addEventListener("pagehide", settleAll);
  const first = fields.find((field) => shown.get(field.dataset.item) === null) || fields[0];
  photos(posesOf(first));
  root.dataset.ready = "yes";
  send();
})();
