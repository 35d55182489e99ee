/* Shell behaviour. Every page works without it; it only makes the work quicker. */

const typing = (element) => element.closest("input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]");
const visible = (element) => element.offsetParent !== null || element === document.activeElement;

/* One press, one submit: a form that is on its way refuses a second one. */
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method === "dialog") return;
  if (form.getAttribute("aria-busy") === "true") { event.preventDefault(); return; }
  if (event.defaultPrevented) return;
  form.setAttribute("aria-busy", "true");
  // After this turn, so that the pressed button's own value is still sent.
  setTimeout(() => { for (const button of form.querySelectorAll("button:not([type=button])")) button.setAttribute("aria-disabled", "true"); });
});
const free = (form) => {
  form.removeAttribute("aria-busy");
  for (const button of form.querySelectorAll("[aria-disabled]")) button.removeAttribute("aria-disabled");
};
window.addEventListener("pageshow", () => document.querySelectorAll("form[aria-busy]").forEach(free));
document.addEventListener("htmx:afterRequest", (event) => { const form = event.target.closest?.("form"); if (form) free(form); });
document.addEventListener("htmx:responseError", (event) => { if (event.detail.xhr.status === 401) location.reload(); });
/* A refusal comes with a fragment that says what to do; show it. */
document.addEventListener("htmx:beforeSwap", (event) => {
  const status = event.detail.xhr.status;
  if (status === 409 || status === 422) { event.detail.shouldSwap = true; event.detail.isError = false; }
});

/* Shortcuts: "/" search, "?" the layer, Alt+letter the marked element, Ctrl+Enter save. */
const layer = () => document.getElementById("shortcuts");
const spoken = (element) => {
  const copy = element.cloneNode(true);
  copy.querySelectorAll("kbd, .sr").forEach((part) => part.remove());
  return copy.textContent.trim().replace(/\s+/g, " ");
};
const fillLayer = () => {
  const list = layer().querySelector("[data-list]");
  list.querySelectorAll("[data-found]").forEach((old) => old.remove());
  for (const element of document.querySelectorAll("[data-key]")) {
    if (!visible(element)) continue;
    const name = document.createElement("dt"), keys = document.createElement("dd");
    name.textContent = element.dataset.keyLabel || element.getAttribute("aria-label") || spoken(element);
    keys.innerHTML = "<kbd>Alt</kbd> <kbd></kbd>";
    keys.lastElementChild.textContent = element.dataset.key.toUpperCase();
    for (const part of [name, keys]) { part.dataset.found = ""; list.append(part); }
  }
};
const openLayer = () => { if (layer() && !layer().open) { fillLayer(); layer().showModal(); } };
const activate = (element) => {
  if (element.matches("a, button, summary")) element.click();
  else if (element.matches("label")) { element.click(); element.control?.focus(); }
  else {
    const target = element.matches("input, select, textarea") ? element : element.querySelector("input:not([type=hidden]), select, textarea, button, a");
    element.closest("details")?.setAttribute("open", "");
    (target || element).focus(); target?.select?.();
  }
};
document.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    const open = document.querySelector("dialog[open]"), press = open?.querySelector("[data-dialog-default]");
    if (open) { event.preventDefault(); press?.click(); return; }
    const form = document.querySelector("form[data-save]") || event.target.closest("form");
    if (form) { event.preventDefault(); form.requestSubmit(form.querySelector("[data-default]") || undefined); }
    return;
  }
  if (event.altKey && !event.ctrlKey && /^Key[A-Z]$|^Digit\d$/.test(event.code)) {
    const letter = event.code.slice(-1).toLowerCase();
    const element = [...document.querySelectorAll(`[data-key="${letter}"]`)].find(visible);
    if (element) { event.preventDefault(); activate(element); }
    return;
  }
  if (event.key === "Enter" && event.target.matches("form[data-enter-next] input:not([type=submit]):not([role=combobox])")) {
    const fields = [...event.target.form.querySelectorAll("input:not([type=hidden]), select, textarea, button:not([type=button])")].filter((field) => visible(field) && !field.disabled && !(field.type === "radio" && field.name === event.target.name));
    const all = [...event.target.form.elements];
    const next = fields.find((field) => all.indexOf(field) > all.indexOf(event.target));
    if (next) { event.preventDefault(); next.focus(); }
    return;
  }
  if (typing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") { const box = document.querySelector("[data-search]"); if (box) { event.preventDefault(); box.focus(); box.select(); } }
  if (event.key === "?") { event.preventDefault(); openLayer(); }
});
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) { const dialog = document.getElementById(opener.dataset.opens); if (opener.dataset.opens === "shortcuts") openLayer(); else dialog?.showModal(); }
  if (event.target.closest("[data-print]")) window.print();
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.removeAttribute("open");
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) { menu.removeAttribute("open"); menu.querySelector("summary").focus(); }
});

/* Sticky parts: focus must never hide beneath them. */
const banner = document.querySelector(".banner");
if (banner) new ResizeObserver(() => document.documentElement.style.setProperty("--sticky", `${banner.offsetHeight}px`)).observe(banner);

/* What was refused is looked at first. */
document.querySelector(".alert.bad[id$='-refused']")?.scrollIntoView({ block: "center" });

/* Combobox (ARIA authoring practices): options come from the server as HTML. */
for (const box of document.querySelectorAll(".combo[data-source]")) combobox(box);
function combobox(box) {
  const input = box.querySelector("[role=combobox]"), list = box.querySelector("[role=listbox]");
  const kept = box.querySelector("input[type=hidden]"), said = box.querySelector("[role=status]");
  let at = -1, timer = 0, asked = 0;
  const options = () => [...list.querySelectorAll("[role=option]")];
  const close = () => { list.hidden = true; input.setAttribute("aria-expanded", "false"); input.removeAttribute("aria-activedescendant"); at = -1; };
  const mark = (position) => {
    const all = options();
    if (!all.length) return;
    at = (position + all.length) % all.length;
    all.forEach((option, index) => { option.id ||= `${list.id}-${index}`; option.setAttribute("aria-selected", String(index === at)); });
    input.setAttribute("aria-activedescendant", all[at].id);
    all[at].scrollIntoView({ block: "nearest" });
  };
  const choose = (option) => {
    clearTimeout(timer); asked += 1;
    if (kept) kept.value = option.dataset.value;
    input.value = box.dataset.clear === undefined ? option.dataset.label : "";
    close();
    if (option.dataset.href) { location.href = option.dataset.href; return; }
    box.dispatchEvent(new CustomEvent("combo:chosen", { bubbles: true, detail: { ...option.dataset } }));
  };
  const ask = async () => {
    const text = input.value.trim(), mine = ++asked;
    if (text.length < Number(box.dataset.least || 2)) { close(); return; }
    const url = new URL(box.dataset.source, location.href);
    url.searchParams.set("q", text);
    const answer = await fetch(url, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (mine !== asked) return;
    if (!answer?.ok) { close(); return; }
    list.innerHTML = await answer.text();
    if (mine !== asked) return;
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    if (said) said.textContent = (box.dataset.found || "").replace("0", options().length);
    at = -1;
    if (options().length) mark(0);
    list.scrollIntoView({ block: "nearest" });
  };
  // Long input from a scanner is not a search while typing; it ends with Enter.
  input.addEventListener("input", () => { if (kept) kept.value = ""; clearTimeout(timer); if (input.value.length > 60 || input.value.includes("|")) { close(); return; } timer = setTimeout(ask, 120); });
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown") { event.preventDefault(); if (list.hidden) ask(); else mark(at + 1); }
    else if (event.key === "ArrowUp") { event.preventDefault(); if (!list.hidden) mark(at - 1); }
    else if (event.key === "Escape" && !list.hidden) { event.preventDefault(); close(); }
    else if (event.key === "Enter" && !event.ctrlKey && !list.hidden && at >= 0) { event.preventDefault(); choose(options()[at]); }
    else if (event.key === "Enter" && box.dataset.stay !== undefined && !event.ctrlKey) event.preventDefault();
  });
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => { const option = event.target.closest("[role=option]"); if (option) choose(option); });
  input.addEventListener("blur", () => setTimeout(close, 100));
}
