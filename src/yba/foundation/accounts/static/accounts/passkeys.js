/* Passkeys: a form with data-passkey asks the server what to sign, lets the device sign, and is sent. */
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const readable = (options) => {
  options.challenge = bytes(options.challenge);
  if (options.user) options.user.id = bytes(options.user.id);
  for (const list of ["allowCredentials", "excludeCredentials"]) {
    for (const one of options[list] || []) one.id = bytes(one.id);
  }
  return options;
};

const written = (made) => {
  const answer = made.response;
  const response = { clientDataJSON: text(answer.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (answer[name]) response[name] = text(answer[name]);
  }
  if (answer.getTransports) response.transports = answer.getTransports();
  return JSON.stringify({
    id: made.id, rawId: text(made.rawId), type: made.type, response,
    clientExtensionResults: made.getClientExtensionResults(),
    authenticatorAttachment: made.authenticatorAttachment,
  });
};

const asked = async (form) => {
  const answer = await fetch(form.dataset.passkey, { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded" } });
  if (answer.redirected || !(answer.headers.get("content-type") || "").startsWith("application/json")) return null;
  return readable(await answer.json());
};

const send = (form, made) => {
  form.elements.answer.value = written(made);
  form.submit();
};

const ask = async (form) => {
  const publicKey = await asked(form);
  if (publicKey) send(form, await navigator.credentials[form.dataset.verb]({ publicKey }));
  else form.submit();
};

/* Where the form says so, the browser offers its keys in the field of the name, beside the names it knows.
   What is to be signed is good for five minutes and one tab: it is asked for anew in time. */
const RENEWED_AFTER = 4 * 60 * 1000;
let waiting = null;

const stop = () => {
  if (waiting) waiting.abort();
  waiting = null;
};

const offer = async (form) => {
  stop();
  const mine = new AbortController();
  waiting = mine;
  const timer = setTimeout(() => { if (waiting === mine) offer(form); }, RENEWED_AFTER);
  try {
    const publicKey = await asked(form);
    if (publicKey && waiting === mine) {
      send(form, await navigator.credentials.get({ publicKey, mediation: "conditional", signal: mine.signal }));
    }
  } catch {
    // Stopped, or nothing chosen: the other ways in are all there.
  }
  clearTimeout(timer);
};

const offerIfPossible = async (form) => {
  const able = PublicKeyCredential.isConditionalMediationAvailable;
  if (!able || !(await able.call(PublicKeyCredential))) return;
  offer(form);
  document.onvisibilitychange = () => { if (document.visibilityState === "visible") offer(form); };
};

// An address in figures has no passkeys.
if (window.PublicKeyCredential && !/^[\d.]+$|^\[/.test(location.hostname)) {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    const offers = "offered" in form.dataset;
    if (offers) offerIfPossible(form);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const button = form.querySelector("button");
      button.disabled = true;
      stop();
      // The person may close the device's own window: then nothing happened, and she may try again.
      ask(form).catch(() => {
        button.disabled = false;
        if (offers) offerIfPossible(form);
      });
    });
  }
}
