/* The board looks again when told to, and every few seconds in any case. */
const board = document.getElementById("content"), offline = document.getElementById("offline"), clock = document.getElementById("clock");
let busy = false, again = false, failures = 0;

const shown = () => new Map([...board.querySelectorAll(".call[id]")].map((call) => [call.id, call.dataset.now + call.dataset.called]));
async function look() {
  if (busy) { again = true; return; }
  busy = true;
  try {
    const answer = await fetch(board.dataset.numbers, { headers: { "HX-Request": "true" }, cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    const before = shown();
    board.innerHTML = await answer.text();
    for (const call of board.querySelectorAll(".call[id]")) {
      if (before.has(call.id) && call.dataset.now && before.get(call.id) !== call.dataset.now + call.dataset.called) call.classList.add("fresh");
    }
    failures = 0;
  } catch { failures += 1; }
  offline.textContent = failures > 1 ? offline.dataset.text : "";
  offline.classList.toggle("sr", failures < 2);
  busy = false;
  if (again) { again = false; look(); }
}
const source = new EventSource(board.dataset.changes);
source.addEventListener("changed", look);
// Where the stream cannot be had, looking every two seconds must do.
setInterval(() => { if (source.readyState !== EventSource.OPEN) look(); }, 2000);
setInterval(look, 20000);
setInterval(() => { clock.textContent = new Date().toLocaleTimeString("vi-VN", { hour: "2-digit", minute: "2-digit", timeZone: "Asia/Ho_Chi_Minh" }); }, 5000);
