// Checks a proof file against a signed checkpoint, on this machine alone.
// RFC 6962 (tree), RFC 8949 §4.2 (CBOR), RFC 8032 (Ed25519), FIPS 180-4 (SHA-2), C2SP signed-note, tlog-checkpoint, tlog-cosignature.
"use strict";
(() => {
  const forced = location.hash === "#plain";
  const subtle = !forced && globalThis.crypto && crypto.subtle;
  const utf8 = (text) => new TextEncoder().encode(text);
  const join = (...parts) => {
    const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
    let at = 0;
    for (const part of parts) { out.set(part, at); at += part.length; }
    return out;
  };
  const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  const fromHex = (text) => {
    if (!/^([0-9a-f]{2})*$/.test(text)) throw new Error("hex");
    return Uint8Array.from(text.match(/../g) || [], (b) => parseInt(b, 16));
  };
  const fromBase64 = (text) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    if (btoa(String.fromCharCode(...bytes)) !== text) throw new Error("base64");
    return bytes;
  };
  const same = (a, b) => a.length === b.length && a.every((v, i) => v === b[i]);

  // SHA-2 without WebCrypto: constants are the fractional parts of roots of primes.
  const primes = [];
  for (let n = 2; primes.length < 80; n++) if (primes.every((p) => n % p)) primes.push(n);
  const root = (value, power) => { // floor of the root of a BigInt, by Newton
    let x = 1n << BigInt(Math.ceil(value.toString(2).length / power) + 1), y = x;
    const k = BigInt(power);
    do { x = y; y = ((k - 1n) * x + value / x ** (k - 1n)) / k; } while (y < x);
    return x;
  };
  const fraction = (prime, power, bits) => BigInt.asUintN(bits, root(BigInt(prime) << BigInt(bits * power), power));
  const K512 = primes.map((p) => fraction(p, 3, 64)), H512 = primes.slice(0, 8).map((p) => fraction(p, 2, 64));
  const K256 = Uint32Array.from(primes.slice(0, 64), (p) => Number(fraction(p, 3, 32)));
  const H256 = primes.slice(0, 8).map((p) => Number(fraction(p, 2, 32)));
  const padded = (message, block) => {
    const size = Math.ceil((message.length + 1 + block / 8) / block) * block;
    const out = new Uint8Array(size);
    out.set(message);
    out[message.length] = 128;
    new DataView(out.buffer).setBigUint64(size - 8, BigInt(message.length) * 8n);
    return new DataView(out.buffer);
  };
  const plain256 = (message) => {
    const data = padded(message, 64), h = Uint32Array.from(H256), w = new Uint32Array(64);
    const r = (x, n) => (x >>> n) | (x << (32 - n));
    for (let at = 0; at < data.byteLength; at += 64) {
      for (let i = 0; i < 64; i++) {
        if (i < 16) { w[i] = data.getUint32(at + 4 * i); continue; }
        const x = w[i - 15], y = w[i - 2];
        w[i] = w[i - 16] + (r(x, 7) ^ r(x, 18) ^ (x >>> 3)) + w[i - 7] + (r(y, 17) ^ r(y, 19) ^ (y >>> 10));
      }
      let [a, b, c, d, e, f, g, z] = h;
      for (let i = 0; i < 64; i++) {
        const t = (z + (r(e, 6) ^ r(e, 11) ^ r(e, 25)) + ((e & f) ^ (~e & g)) + K256[i] + w[i]) | 0;
        const u = ((r(a, 2) ^ r(a, 13) ^ r(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        z = g; g = f; f = e; e = (d + t) | 0; d = c; c = b; b = a; a = (t + u) | 0;
      }
      [a, b, c, d, e, f, g, z].forEach((v, i) => { h[i] += v; });
    }
    const out = new DataView(new ArrayBuffer(32));
    h.forEach((v, i) => out.setUint32(4 * i, v));
    return new Uint8Array(out.buffer);
  };
  const plain512 = (message) => {
    const data = padded(message, 128), h = H512.slice(), w = [];
    const cut = (x) => BigInt.asUintN(64, x), r = (x, n) => cut((x >> n) | (x << (64n - n)));
    for (let at = 0; at < data.byteLength; at += 128) {
      for (let i = 0; i < 80; i++) {
        if (i < 16) { w[i] = data.getBigUint64(at + 8 * i); continue; }
        const x = w[i - 15], y = w[i - 2];
        w[i] = cut(w[i - 16] + (r(x, 1n) ^ r(x, 8n) ^ (x >> 7n)) + w[i - 7] + (r(y, 19n) ^ r(y, 61n) ^ (y >> 6n)));
      }
      let [a, b, c, d, e, f, g, z] = h;
      for (let i = 0; i < 80; i++) {
        const t = cut(z + (r(e, 14n) ^ r(e, 18n) ^ r(e, 41n)) + ((e & f) ^ (cut(~e) & g)) + K512[i] + w[i]);
        const u = (r(a, 28n) ^ r(a, 34n) ^ r(a, 39n)) + ((a & b) ^ (a & c) ^ (b & c));
        z = g; g = f; f = e; e = cut(d + t); d = c; c = b; b = a; a = cut(t + u);
      }
      [a, b, c, d, e, f, g, z].forEach((v, i) => { h[i] = cut(h[i] + v); });
    }
    const out = new DataView(new ArrayBuffer(64));
    h.forEach((v, i) => out.setBigUint64(8 * i, v));
    return new Uint8Array(out.buffer);
  };
  const sha256 = async (bytes) => (subtle ? new Uint8Array(await subtle.digest("SHA-256", bytes)) : plain256(bytes));

  // Ed25519 without WebCrypto (RFC 8032 §5.1.7), on extended coordinates.
  const P = (1n << 255n) - 19n, L = (1n << 252n) + 27742317777372353535851937790883648493n;
  const mod = (x, m = P) => ((x % m) + m) % m;
  const power = (x, n) => {
    let out = 1n;
    for (x = mod(x); n; n >>= 1n, x = mod(x * x)) if (n & 1n) out = mod(out * x);
    return out;
  };
  const D = mod(-121665n * power(121666n, P - 2n));
  const little = (bytes) => BigInt("0x" + hex(Uint8Array.from(bytes).reverse()));
  const add = (p, q) => {
    const a = mod((p[1] - p[0]) * (q[1] - q[0])), b = mod((p[1] + p[0]) * (q[1] + q[0]));
    const c = mod(2n * p[3] * q[3] * D), d = mod(2n * p[2] * q[2]);
    const e = b - a, f = d - c, g = d + c, h = b + a;
    return [mod(e * f), mod(g * h), mod(f * g), mod(e * h)];
  };
  const times = (n, p) => {
    let out = [0n, 1n, 1n, 0n];
    for (; n; n >>= 1n, p = add(p, p)) if (n & 1n) out = add(out, p);
    return out;
  };
  const point = (bytes) => {
    const all = little(bytes), sign = all >> 255n, y = all & ((1n << 255n) - 1n);
    if (y >= P) throw new Error("point");
    const square = mod((y * y - 1n) * power(D * y * y + 1n, P - 2n));
    let x = power(square, (P + 3n) / 8n);
    if (mod(x * x - square)) x = mod(x * power(2n, (P - 1n) / 4n));
    if (mod(x * x - square) || (!x && sign)) throw new Error("point");
    if ((x & 1n) !== sign) x = P - x;
    return [x, y, 1n, mod(x * y)];
  };
  const B = (() => { // the base point: y = 4/5, x even
    const y = mod(4n * power(5n, P - 2n)), bytes = new Uint8Array(32);
    for (let i = 0; i < 32; i++) bytes[i] = Number((y >> BigInt(8 * i)) & 255n);
    return point(bytes);
  })();
  const plainVerify = (key, signature, message) => {
    try {
      const R = point(signature.slice(0, 32)), A = point(key), s = little(signature.slice(32));
      if (s >= L) return false;
      const k = mod(little(plain512(join(signature.slice(0, 32), key, message))), L);
      const left = times(s, B), right = add(R, times(k, A));
      return !mod(left[0] * right[2] - right[0] * left[2]) && !mod(left[1] * right[2] - right[1] * left[2]);
    } catch { return false; }
  };
  const verify = async (key, signature, message) => {
    if (signature.length !== 64) return false;
    if (subtle) {
      let imported = null;
      try { imported = await subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]); } catch { /* an older browser */ }
      if (imported) return subtle.verify("Ed25519", imported, signature, message);
    }
    return plainVerify(key, signature, message);
  };

  // Canonical CBOR of what an entry is made of.
  const head = (major, n) => {
    if (n < 24) return Uint8Array.of((major << 5) | n);
    const bytes = [1, 2, 4, 8].find((size) => n < 2 ** (8 * size));
    const out = new DataView(new ArrayBuffer(9));
    out.setBigUint64(1, BigInt(n));
    const body = new Uint8Array(out.buffer).slice(9 - bytes);
    return join(Uint8Array.of((major << 5) | (24 + Math.log2(bytes))), body);
  };
  const cbor = (value) => {
    if (value === null) return Uint8Array.of(0xf6);
    if (Number.isSafeInteger(value)) return value < 0 ? head(1, -1 - value) : head(0, value);
    if (typeof value === "string") { const text = utf8(value); return join(head(3, text.length), text); }
    if (value instanceof Uint8Array) return join(head(2, value.length), value);
    if (Array.isArray(value)) return join(head(4, value.length), ...value.map(cbor));
    throw new Error("value");
  };
  const FIELDS = ["act", "who", "purpose", "patient", "resources"];
  const leafOf = async (entry) => {
    const commitments = [];
    for (const name of FIELDS) {
      const { salt, value } = entry.fields[name], bytes = fromHex(salt);
      if (bytes.length !== 32) throw new Error("salt");
      commitments.push(await sha256(join(bytes, cbor(value))));
    }
    if (Math.floor(entry.fields.act.value[1] / 1e6) !== entry.seconds) throw new Error("time");
    return sha256(join([0], cbor([1, entry.seconds, entry.action, commitments])));
  };
  const included = async (leaf, index, size, proof, top) => { // RFC 9162 §2.1.3.2
    if (!Number.isSafeInteger(index) || index < 0 || index >= size) return false;
    let fn = BigInt(index), sn = BigInt(size - 1), out = leaf;
    for (const step of proof) {
      if (step.length !== 32 || sn === 0n) return false;
      if (fn & 1n || fn === sn) {
        out = await sha256(join([1], step, out));
        while (!(fn & 1n) && fn) { fn >>= 1n; sn >>= 1n; }
      } else out = await sha256(join([1], out, step));
      fn >>= 1n; sn >>= 1n;
    }
    return sn === 0n && same(out, top);
  };

  // Keys, notes, checkpoints.
  const readKey = async (text) => {
    const [name, id, ...rest] = text.split("+"), body = fromBase64(rest.join("+"));
    const digest = await sha256(join(utf8(name + "\n"), body));
    if (body.length !== 33 || hex(digest.slice(0, 4)) !== id) throw new Error("key");
    return { name, id, text, type: body[0], bytes: body.slice(1) };
  };
  const readNote = (content) => {
    const end = content.lastIndexOf("\n\n");
    if (end < 0 || !content.endsWith("\n")) throw new Error("note");
    const lines = content.slice(end + 2, -1).split("\n").map((line) => {
      const match = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/.exec(line);
      if (!match) throw new Error("note");
      const body = fromBase64(match[2]);
      return { name: match[1], id: hex(body.slice(0, 4)), value: body.slice(4) };
    });
    return { text: content.slice(0, end + 1), lines };
  };
  const signed = async (note, key) => { // false, true, or the seconds of a co-signature
    for (const line of note.lines) {
      if (line.name !== key.name || line.id !== key.id) continue;
      if (key.type === 1) return (await verify(key.bytes, line.value, utf8(note.text))) || Promise.reject(new Error("signature"));
      const seconds = Number(new DataView(line.value.buffer, line.value.byteOffset).getBigUint64(0));
      const message = utf8(`cosignature/v1\ntime ${seconds}\n${note.text}`);
      return (await verify(key.bytes, line.value.slice(8), message)) ? seconds : Promise.reject(new Error("signature"));
    }
    return false;
  };
  const trusted = (name) => document.documentElement.dataset[name].split(" ").filter(Boolean);
  const check = async (file) => {
    if (file.format !== "yba-audit-proof-1") throw new Error("format");
    const note = readNote(file.checkpoint), [origin, sizeText, rootText] = note.text.split("\n");
    const size = Number(sizeText), top = fromBase64(rootText);
    if (!/^(0|[1-9]\d*)$/.test(sizeText) || !Number.isSafeInteger(size) || top.length !== 32 || origin !== file.origin) throw new Error("checkpoint");
    let signer = null;
    for (const text of trusted("keys")) {
      const key = await readKey(text);
      if (!signer && key.name === origin && (await signed(note, key))) signer = key;
    }
    if (!signer) throw new Error("unknown");
    const witnesses = [];
    for (const text of new Set([...trusted("witnesses"), ...file.witnesses])) {
      const key = await readKey(text), seconds = await signed(note, key);
      if (seconds) witnesses.push({ key, seconds, known: trusted("witnesses").includes(text) });
    }
    const entries = [];
    for (const entry of file.entries) {
      let good = false;
      try { good = await included(await leafOf(entry), entry.index, size, entry.proof.map(fromBase64), top); } catch { good = false; }
      entries.push({ entry, good });
    }
    return { origin, size, signer, witnesses, entries, waiting: Number(file.waiting) || 0 };
  };

  // What the person sees.
  const WORDS = {
    vi: { title: "Kiểm chứng nhật ký truy cập", choose: "Tệp bằng chứng", log: "Nhật ký", entries: "Các lượt truy cập", state: "Kết quả", time: "Lúc", who: "Ai", act: "Việc", purpose: "Mục đích", place: "Vị trí", keys: "Khoá mà trang này tin", language: "English", page: "Kiểm chứng nhật ký truy cập",
      good: "Khớp", bad: "KHÔNG KHỚP", all: (n, o) => `Cả ${n} lượt truy cập đều có trong nhật ký đã ký của ${o}.`, some: (n, m) => `${n} trong ${m} lượt truy cập KHÔNG khớp với nhật ký: tệp đã bị sửa, hoặc nhật ký không phải là nhật ký đã ghi chúng.`, none: "Tệp không có lượt truy cập nào.",
      origin: "Tên", size: "Số mục", signer: "Khoá ký", witness: "Nhân chứng", nobody: "chưa có nhân chứng xác nhận", stranger: "khoá này trang không biết", waiting: "Mới, chưa vào nhật ký",
      format: "Đây không phải là tệp bằng chứng, hoặc tệp đã hỏng.", signature: "Chữ ký không khớp: tệp đã bị sửa hoặc không phải do cơ sở ký.", unknown: "Không có khoá nào mà trang này tin đã ký tệp này.",
      C: "Tạo", R: "Xem", U: "Sửa", D: "Xoá", E: "Thực hiện" },
    en: { title: "Check the access log", choose: "Proof file", log: "Log", entries: "Accesses", state: "Result", time: "When", who: "Who", act: "Act", purpose: "Purpose", place: "Position", keys: "Keys that this page trusts", language: "Tiếng Việt", page: "Check the access log",
      intro: "Choose the proof file that you downloaded from “Who looked”. This page checks, on your own machine, that every access in it stands in the signed log of the facility. The file is sent nowhere.", download: "Download this page, to use it without a network",
      good: "Fits", bad: "DOES NOT FIT", all: (n, o) => `All ${n} accesses stand in the signed log of ${o}.`, some: (n, m) => `${n} of ${m} accesses do NOT fit the log: the file was changed, or this is not the log that holds them.`, none: "The file holds no access.",
      origin: "Name", size: "Entries", signer: "Signing key", witness: "Witness", nobody: "no witness has confirmed it yet", stranger: "a key this page does not know", waiting: "New, not in the log yet",
      format: "This is not a proof file, or it is damaged.", signature: "A signature does not fit: the file was changed, or the facility did not sign it.", unknown: "No key that this page trusts has signed this file.",
      C: "Created", R: "Viewed", U: "Changed", D: "Deleted", E: "Did" },
  };
  const $ = (id) => document.getElementById(id);
  let language = "vi", shown = null, problem = "";
  for (const place of document.querySelectorAll("[data-t]")) WORDS.vi[place.dataset.t] ??= place.textContent;
  const make = (tag, text, kind) => Object.assign(document.createElement(tag), { textContent: text, className: kind || "" });
  const moment = (seconds) => new Date(seconds * 1000).toLocaleString(language === "vi" ? "vi-VN" : "en-GB");
  const show = () => {
    const words = WORDS[language];
    document.documentElement.lang = language;
    document.title = words.page;
    for (const place of document.querySelectorAll("[data-t]")) place.textContent = words[place.dataset.t];
    $("language").textContent = words.language;
    $("language").lang = language === "vi" ? "en" : "vi";
    $("keys").replaceChildren(...trusted("keys").map((key) => { const item = make("li", ""); item.append(make("code", key)); return item; }));
    $("verdict").replaceChildren();
    $("details").hidden = !shown;
    if (problem) $("verdict").append(make("p", "✗ " + (words[problem] || words.format), "bad"));
    if (!shown) return;
    const wrong = shown.entries.filter((one) => !one.good).length, count = shown.entries.length;
    const sentence = !count ? words.none : wrong ? words.some(wrong, count) : words.all(count, shown.origin);
    $("verdict").append(make("p", (wrong ? "✗ " : "✓ ") + sentence, wrong ? "bad" : "good"));
    const facts = [[words.origin, shown.origin], [words.size, String(shown.size)], [words.signer, shown.signer.text]];
    for (const one of shown.witnesses) facts.push([words.witness, `${one.key.name} · ${moment(one.seconds)}${one.known ? "" : " (" + words.stranger + ")"}`]);
    if (!shown.witnesses.length) facts.push([words.witness, words.nobody]);
    if (shown.waiting) facts.push([words.waiting, String(shown.waiting)]);
    $("facts").replaceChildren(...facts.flatMap(([name, value]) => [make("dt", name), make("dd", value)]));
    $("rows").replaceChildren(...shown.entries.map(({ entry, good }) => {
      const row = make("tr", ""), value = (name, at) => { try { const v = entry.fields[name].value; return String(at === undefined ? v : v[at]); } catch { return "?"; } };
      row.append(make("td", good ? "✓ " + words.good : "✗ " + words.bad, good ? "good" : "bad"), make("td", moment(Number(entry.seconds))),
        make("td", `${value("who", 1)} · ${value("who", 3)}`), make("td", `${words[entry.action] || "?"} · ${value("act", 3)}`), make("td", value("purpose")), make("td", String(entry.index)));
      return row;
    }));
  };
  $("language").addEventListener("click", () => { language = language === "vi" ? "en" : "vi"; show(); });
  $("file").addEventListener("change", async () => {
    shown = null; problem = "";
    const [file] = $("file").files;
    if (file) {
      try { shown = await check(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer()))); }
      catch (error) { problem = ["signature", "unknown"].includes(error.message) ? error.message : "format"; }
    }
    show();
    $("verdict").dataset.done = String(Date.now());
  });
  show();
})();
