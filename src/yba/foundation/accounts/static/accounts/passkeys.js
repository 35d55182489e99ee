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

const ask = async (form, more = {}) => {
  const answer = await fetch(form.dataset.passkey, { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded" } });
  if (answer.redirected || !(answer.headers.get("content-type") || "").startsWith("application/json")) {
    form.submit();
    return;
  }
  const publicKey = readable(await answer.json());
  const made = await navigator.credentials[form.dataset.verb]({ publicKey, ...more });
  form.elements.answer.value = written(made);
  form.submit();
};

// An address in figures has no passkeys.
if (window.PublicKeyCredential && !/^[\d.]+$|^\[/.test(location.hostname)) {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const button = form.querySelector("button");
      button.disabled = true;
      // The person may close the device's own window: then nothing happened, and she may try again.
      ask(form).catch(() => { button.disabled = false; });
    });
  }
}
