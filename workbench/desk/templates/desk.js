"use strict";
// A tap posts its form by fetch and puts the next card in place of this one; without this file the form itself does.
(() => {
  const TEXT = "input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]";
  const POLL_S = 15;
  const live = document.getElementById("live");
  const main = () => document.getElementById("main");
  let busy = false;
  let begun = performance.now();

  function announce(text) {
    live.textContent = "";
    setTimeout(() => { live.textContent = text; }, 50);
  }

  function fault(text) {
    const said = document.createElement("div");
    const line = document.createElement("p");
    said.className = "said wrong";
    line.textContent = text;
    said.append(line);
    main().querySelectorAll(":scope > .said").forEach((one) => one.remove());
    main().prepend(said);
    announce(text);
  }

  function put(text) {
    const next = new DOMParser().parseFromString(text, "text/html");
    const given = next.getElementById("main");
    if (!given) throw new TypeError("no page of the desk");
    main().replaceWith(document.adoptNode(given));
    document.title = next.title;
    begun = performance.now();
    prepare();
    window.scrollTo(0, 0);
    const heading = document.getElementById("heading");
    heading.focus({ preventScroll: true });
    const said = document.getElementById("said");
    announce(`${said ? `${said.textContent} ` : ""}${heading.textContent}`);
  }

  async function asked(address, options) {
    if (busy) return;
    busy = true;
    main().setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(address, options);
      put(await answer.text());
    } catch {
      fault("The desk does not answer. Your decision may not be stored: press it again, nothing is stored twice.");
    } finally {
      busy = false;
      main().removeAttribute("aria-busy");
    }
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    event.preventDefault();
    const body = new URLSearchParams(new FormData(form, event.submitter));
    asked(form.getAttribute("action"), { method: "POST", body });
  });

  function step(form) {
    if (form.dataset.step) form.dataset.step = form.querySelector(":checked") ? "reason" : "action";
  }

  function prepare() {
    document.querySelectorAll("form[data-step]").forEach(step);
    tick();
  }

  document.addEventListener("change", (event) => {
    if (event.target.form) step(event.target.form);
  });

  document.addEventListener("toggle", (event) => {
    const way = event.target;
    if (way.name !== "way" || !way.open) return;
    const first = way.querySelector("input[type=radio]:checked, input[type=radio], button");
    if (first) first.focus();
  }, true);

  function chosen(digit) {
    const open = document.querySelector(".ways > details[open]");
    if (!open) return document.querySelector(`.decide [data-digit="${digit}"]`);
    const form = open.querySelector("form");
    const part = form.dataset.step === "action" ? ".actions" : ".reasons";
    return form.querySelector(`${part} [data-digit="${digit}"]`) || form.querySelector(`button[data-digit="${digit}"]`);
  }

  function closed() {
    const open = document.querySelector(".ways > details[open]");
    if (!open) return;
    open.open = false;
    open.querySelector("summary").focus();
  }

  function help() {
    const keys = document.getElementById("help");
    keys.open = !keys.open;
    if (keys.open) keys.querySelector("summary").focus();
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { closed(); return; }
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || event.isComposing || busy) return;
    if (event.target.matches?.(TEXT) || !document.getElementById("keys")?.checked) return;
    if (event.key === "?") { event.preventDefault(); help(); return; }
    const key = event.key.toLowerCase();
    const hit = /^\d$/.test(key) ? chosen(key) : document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (!hit) return;
    event.preventDefault();
    hit.click();
    if (hit.type === "radio") hit.focus();
  });

  // Times run from what the server's clock said when it gave this card.
  function tick() {
    const now = Number(main().dataset.now) + (performance.now() - begun) / 1000;
    document.querySelectorAll("[data-until]").forEach((one) => {
      const left = Number(one.dataset.until) - now;
      const { late, gone, before = "", after = "" } = one.dataset;
      if (left > 0) { one.textContent = before + words(left) + after; return; }
      one.classList.add("late");
      one.textContent = gone ?? late + words(-left);
    });
  }

  function words(seconds) {
    const whole = Math.floor(seconds);
    const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
    if (hours >= 48) return `${Math.floor(hours / 24)} days`;
    if (hours) return `${hours} h ${minutes} min`;
    return `${minutes}:${String(whole % 60).padStart(2, "0")} min`;
  }

  async function look() {
    const queue = main().dataset.waits;
    if (busy || document.hidden || queue === undefined) return;
    try {
      const state = await (await fetch("/state")).json();
      const waits = queue ? state.by_queue[queue] : state.waiting;
      if (waits > 0) await asked(queue ? `/queue/${queue}` : "/");
    } catch { /* it is asked again */ }
  }

  const keys = document.getElementById("keys");
  if (keys) {
    document.getElementById("switch").hidden = false;
    keys.checked = localStorage.getItem("keys") !== "off";
    keys.addEventListener("change", () => localStorage.setItem("keys", keys.checked ? "on" : "off"));
  }
  prepare();
  setInterval(tick, 1000);
  setInterval(look, POLL_S * 1000);
})();
