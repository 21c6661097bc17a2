// The desk in a notebook: shows what the kernel says, tells it what was tapped; every text of a record is textContent.
const SVG = "http://www.w3.org/2000/svg";

function made(tag, attributes = {}, ...children) {
  const one = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) one.setAttribute(name, value);
  one.append(...children.filter((child) => child !== null));
  return one;
}

function said(tag, text, attributes = {}) {
  const one = made(tag, attributes);
  one.textContent = text;
  return one;
}

function value(text, longest) {
  if (text.length <= longest) return said("bdi", text, { class: "text" });
  const more = said("span", ` ... ${text.length.toLocaleString("en")} letters`, { class: "faint" });
  const summary = made("summary", {}, said("bdi", text.slice(0, longest)), more);
  return made("details", {}, summary, said("bdi", text, { class: "text" }));
}

// How sure it is, as a bar with the threshold from which on it decides alone.
function bar({ words, width, at }) {
  const picture = document.createElementNS(SVG, "svg");
  const drawn = (tag, attributes) => {
    const one = document.createElementNS(SVG, tag);
    for (const [name, text] of Object.entries(attributes)) one.setAttribute(name, text);
    picture.append(one);
  };
  for (const [name, text] of Object.entries({ viewBox: "0 0 200 16", role: "img", "aria-label": words })) picture.setAttribute(name, text);
  drawn("rect", { class: "track", y: 4, width: 200, height: 8, rx: 4 });
  drawn("rect", { class: "done", y: 4, width, height: 8, rx: 4 });
  if (at !== null) drawn("line", { class: "limit", x1: at, x2: at, y1: 0, y2: 16 });
  return made("div", { class: "sureness" }, picture, said("p", words, { class: "faint" }));
}

function words(seconds) {
  const whole = Math.floor(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  if (hours >= 48) return `${Math.floor(hours / 24)} days`;
  if (hours) return `${hours} h ${minutes} min`;
  return `${minutes}:${String(whole % 60).padStart(2, "0")} min`;
}

function render({ model, el }) {
  const root = made("section", { class: "workbench-review", tabindex: "0", "aria-label": "Review desk" });
  root.setAttribute("data-lm-suppress-shortcuts", "true"); // JupyterLab's own keys rest while this has the focus
  const live = made("p", { role: "status", class: "said", "data-testid": "said" });
  const body = made("div", { class: "body" });
  root.append(live, body);
  el.append(root);
  let way = null; // "modify" or "reject", once it is opened
  let chosen = null; // place of the action that is modified to
  let waits = false;
  let begun = performance.now();

  const shown = () => model.get("shown");
  const long = (text) => value(text, shown().longest);

  function send(content) {
    if (waits) return;
    waits = true;
    root.setAttribute("aria-busy", "true");
    // A button that is disabled loses the focus, and the next key would go to the notebook.
    if (root.contains(document.activeElement)) root.focus({ preventScroll: true });
    root.querySelectorAll("button").forEach((one) => { one.disabled = true; });
    const { item, shown_digest } = shown();
    model.send({ item, shown_digest, ...content });
  }

  function button(text, key, tapped, attributes = {}) {
    const one = made("button", { type: "button", ...attributes });
    if (key !== "") one.dataset.key = key;
    one.append(said("bdi", text), ...(key === "" ? [] : [" ", said("kbd", key.toUpperCase())]));
    one.addEventListener("click", tapped);
    return one;
  }

  function open(next) {
    way = way === next ? null : next;
    chosen = null;
    draw();
    (root.querySelector(".why button, .why input") ?? root).focus();
  }

  function act(kind, reason) {
    const note = root.querySelector("input[name=note]")?.value ?? "";
    const own = root.querySelector("input[name=reason]")?.value ?? "";
    send({ action: kind, chosen, reason, own, note });
  }

  function actions(card, tapped) {
    const box = made("fieldset", {}, said("legend", "Which action is right?"));
    let digit = 0;
    card.actions.forEach((action, place) => {
      if (action === card.recommended) return;
      digit += 1;
      box.append(button(action, digit < 10 ? String(digit) : "", () => tapped(place), { "data-testid": "action" }));
    });
    return box;
  }

  function why() {
    const { reasons } = shown();
    const box = made("fieldset", { class: "why" }, said("legend", "Why? The reason sends it."));
    reasons.forEach((reason, place) => {
      box.append(button(reason, String(place + 1), () => act(way, place), { "data-testid": "reason" }));
    });
    const note = (name, text) => {
      const field = made("input", { name, maxlength: name === "note" ? "2000" : "500", autocomplete: "off" });
      return made("label", { class: "note" }, text, field);
    };
    if (!reasons.length) box.append(note("reason", "Your reason "), button("Send", "", () => act(way, null)));
    return made("div", {}, box, note("note", "Note, if you like "));
  }

  function decision(card) {
    const box = made("div", { class: "decision" });
    const isBlind = card.recommended === null;
    if (!isBlind) {
      box.append(said("p", "Recommended", { class: "faint" }), said("p", card.recommended, { class: "recommended" }));
      if (card.sureness !== null) box.append(bar(card.sureness));
    }
    const ways = made("div", { class: "ways" });
    const opens = (kind, text, key) =>
      button(text, key, () => open(kind), { "aria-expanded": String(way === kind), "data-testid": kind });
    if (!isBlind) ways.append(button("Approve", "a", () => act("approve", null), { class: "main", "data-testid": "approve" }));
    if (!isBlind && card.actions.length > 1) ways.append(opens("modify", "Modify", "m"));
    ways.append(opens("reject", isBlind ? "None of these" : "Reject", "r"));
    if (isBlind && way === null) box.append(actions(card, (place) => { chosen = place; act("decide", null); }));
    box.append(ways);
    if (way === "modify" && chosen === null) {
      box.append(made("div", { class: "why" }, actions(card, (place) => { chosen = place; draw(); root.querySelector(".why button, .why input")?.focus(); })));
    } else if (way !== null) {
      if (chosen !== null) box.append(made("p", {}, "Instead: ", said("strong", card.actions[chosen])));
      box.append(why());
    }
    return box;
  }

  function evidence(card) {
    const table = made("table", { "aria-label": "Evidence" });
    for (const one of card.evidence) {
      const name = made("th", { scope: "row" }, said("bdi", one.name));
      if (one.source) name.append(said("span", one.source, { class: "faint source" }));
      table.append(made("tr", {}, name, made("td", {}, long(one.value))));
    }
    return table;
  }

  function behind(card) {
    const box = made("div", { class: "behind" });
    if (card.reasoning) box.append(said("h4", "Its reasoning"), long(card.reasoning));
    if (card.rule) box.append(said("h4", "The rule that brought it here"), made("blockquote", {}, long(card.rule)));
    if (card.trace.length) {
      const steps = made("ol", {}, ...card.trace.map((step) => made("li", {}, said("bdi", step, { class: "text" }))));
      box.append(made("details", {}, said("summary", `What happened on the way (${card.trace.length})`), steps));
    }
    return box;
  }

  function draw() {
    const now = shown();
    const parts = [];
    if (now.played) parts.push(made("p", { class: "played" }, said("strong", "Played, not decided by people."), " ", said("bdi", now.played)));
    const state = made("p", { class: "faint state" }, said("span", now.progress, { "data-testid": "progress" }));
    if (now.may_undo) state.append(button("Undo", "u", () => send({ action: "undo" }), { class: "quiet", "data-testid": "undo" }));
    parts.push(state);
    if (now.card) {
      const clock = made("p", { class: "faint clock" });
      clock.append(said("span", now.kind), made("span", { "data-left": "due" }), made("span", { "data-left": "lease" }));
      parts.push(clock, said("h3", now.card.title, { "data-testid": "title" }));
      for (const mark of now.marks) parts.push(said("p", mark, { class: "mark" }));
      if (now.card.assessment) parts.push(made("div", {}, long(now.card.assessment)));
      parts.push(decision(now.card), evidence(now.card), behind(now.card));
    } else {
      parts.push(said("h3", "Nothing waits for you.", { "data-testid": "title" }));
      parts.push(button("Look again", "", () => send({ action: "next" }), { "data-testid": "next" }));
    }
    const hadFocus = root.contains(document.activeElement);
    body.replaceChildren(...parts);
    if (hadFocus && document.activeElement !== root) root.focus({ preventScroll: true });
    tick();
  }

  function tick() {
    const passed = (performance.now() - begun) / 1000;
    const { due_left_s, lease_left_s } = shown();
    for (const one of body.querySelectorAll("[data-left]")) {
      const isDue = one.dataset.left === "due";
      const left = (isDue ? due_left_s : lease_left_s) - passed;
      one.classList.toggle("late", left <= 0);
      if (isDue) one.textContent = left > 0 ? `${words(left)} left to decide` : `overdue by ${words(-left)}`;
      else one.textContent = left > 0 ? `yours for ${words(left)}` : "your time for this card is over; somebody else may take it";
    }
  }

  function changed() {
    [way, chosen, waits, begun] = [null, null, false, performance.now()];
    root.removeAttribute("aria-busy");
    draw();
    live.textContent = shown().said;
    live.classList.toggle("wrong", shown().is_wrong);
    root.dataset.number = shown().number;
  }

  function pressed(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || event.isComposing) return;
    if (event.key === "Escape" && way !== null) { event.stopPropagation(); open(way); return; }
    if (event.target.matches("input")) {
      if (event.key === "Enter" && !shown().reasons.length) act(way, null);
      return;
    }
    const key = event.key.toLowerCase();
    if (!/^[amru1-9]$/.test(key)) return;
    const inside = /\d/.test(key) ? root.querySelector(".why") ?? root : root;
    const hit = inside.querySelector(`button[data-key="${key}"]`);
    event.preventDefault();
    event.stopPropagation();
    if (hit !== null && !hit.disabled) hit.click();
  }

  root.addEventListener("keydown", pressed);
  model.on("change:shown", changed);
  const clock = setInterval(tick, 1000);
  changed();
  return () => {
    clearInterval(clock);
    model.off("change:shown", changed);
  };
}

export default { render };
