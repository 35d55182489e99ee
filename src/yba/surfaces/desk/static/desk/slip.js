/* The slip prints itself once; going back to it does not print it again. */
const key = `printed:${location.pathname}`;
if (!sessionStorage.getItem(key)) {
  sessionStorage.setItem(key, "1");
  addEventListener("load", () => document.fonts.ready.then(() => { window.print(); document.getElementById("next-person").focus(); }));
}
