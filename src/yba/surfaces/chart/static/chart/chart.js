/* The chart: rows from search boxes, vital signs in colour, quantities that count themselves. */

const note = document.getElementById("note");
const changed = (element) => {
  if (note) note.dataset.dirty = "yes";
  (element.closest("[data-basket]") || element).dispatchEvent(new CustomEvent("rows:changed", { bubbles: true }));
};

/* A chosen option becomes a row of the list that the box belongs to. */
document.addEventListener("combo:chosen", (event) => {
  const adder = event.target.closest("[data-adds]");
  if (!adder) return;
  const list = document.getElementById(adder.dataset.into);
  const chosen = event.detail;
  const twin = [...list.querySelectorAll("[data-set=value]")].find((input) => input.value === chosen.value);
  if (twin) { twin.closest("[data-row]").querySelector("input:not([type=hidden])")?.focus(); return; }
  const row = document.getElementById(adder.dataset.adds).content.firstElementChild.cloneNode(true);
  for (const place of row.querySelectorAll("[data-fill]")) place.textContent = chosen[place.dataset.fill] || "";
  for (const input of row.querySelectorAll("[data-set]")) input.value = chosen[input.dataset.set] || "";
  list.append(row);
  count(row);
  row.querySelector("[data-first]")?.focus();
  row.querySelector("[data-first]")?.select();
  changed(list);
});
document.addEventListener("click", (event) => {
  const remove = event.target.closest("[data-remove]"), up = event.target.closest("[data-up]");
  if (remove) {
    const row = remove.closest("[data-row]"), list = row.parentElement;
    row.remove();
    changed(list);
    list.parentElement.querySelector("[role=combobox]")?.focus();
  }
  if (up) { const row = up.closest("[data-row]"); row.parentElement.prepend(row); changed(row); row.querySelector("input:not([type=hidden])")?.focus(); }
});

/* Numbers may be typed with a comma. */
const number = (text) => { const value = parseFloat(String(text).trim().replace(",", ".")); return Number.isFinite(value) ? value : null; };

function count(row) {
  const quantity = row.querySelector("[data-quantity]");
  if (!quantity || quantity.dataset.typed) return;
  const parts = ["[data-dose]", "[data-times]", "[data-days]"].map((name) => number(row.querySelector(name).value));
  if (parts.every((part) => part !== null)) quantity.value = String(Math.ceil(parts[0] * parts[1] * parts[2] - 1e-9));
}

/* Dose × times × days = quantity, until somebody types the quantity. */
document.addEventListener("input", (event) => {
  const row = event.target.closest("[data-drug]");
  if (row) {
    if (event.target.matches("[data-quantity]")) { event.target.dataset.typed = "yes"; return; }
    count(row);
  }
  if (event.target.matches("[data-vital]")) vital(event.target);
});
document.addEventListener("keydown", (event) => {
  // In a basket Enter leads from field to field, and after the last one back to the search box.
  const basket = event.target.closest("[data-basket]");
  if (!basket || event.key !== "Enter" || event.ctrlKey || !event.target.closest("[data-row]")) return;
  event.preventDefault();
  event.stopPropagation();
  const fields = [...event.target.closest("[data-row]").querySelectorAll("input:not([type=hidden]), select")];
  (fields[fields.indexOf(event.target) + 1] || basket.querySelector("[role=combobox]")).focus();
}, true);

/* Out of range is said by colour and by aria-description, in measuring order. */
const limit = (input, name) => (input.dataset[name] === "" || input.dataset[name] === undefined ? null : Number(input.dataset[name]));
function vital(input) {
  const value = number(input.value);
  const below = (name) => limit(input, name) !== null && value !== null && value < limit(input, name);
  const above = (name) => limit(input, name) !== null && value !== null && value > limit(input, name);
  const critical = below("criticalLow") || above("criticalHigh");
  input.classList.toggle("off", critical);
  input.classList.toggle("near", !critical && (below("low") || above("high")));
  const [weight, height] = ["weight", "height"].map((id) => number(document.getElementById(id)?.value || ""));
  const bmi = document.getElementById("bmi");
  if (bmi) bmi.textContent = weight && height ? `${bmi.dataset.label}: ${(weight / (height / 100) ** 2).toFixed(1).replace(".", ",")}` : "";
}
document.querySelectorAll("[data-vital]").forEach(vital);

/* Follow-up in so many days. */
document.getElementById("follow-quick")?.addEventListener("click", (event) => {
  const days = Number(event.target.dataset?.days);
  if (!days) return;
  const field = document.getElementById("follow_up_on");
  const day = new Date(`${field.dataset.today}T12:00:00Z`);
  day.setUTCDate(day.getUTCDate() + days);
  field.value = day.toISOString().slice(0, 10).split("-").reverse().join("/");
  changed(field);
});

/* Nothing typed is lost by accident. */
document.addEventListener("input", (event) => { const form = event.target.form; if (form?.dataset.guard !== undefined) form.dataset.dirty = "yes"; });
document.addEventListener("submit", (event) => { event.target.dataset.leaving = "yes"; });
addEventListener("beforeunload", (event) => {
  if (document.querySelector("form[data-leaving]") && !document.querySelector("form[data-guard][data-dirty]:not([data-leaving])")) return;
  if (document.querySelector("form[data-guard][data-dirty]:not([data-leaving])")) event.preventDefault();
});
