"use strict";
// Search, filters, sorting, pages and downloads over the findings in #data. Without it the page shows the first of them.
// How the columns are packed is described in checker/reporting/packing.py.
(() => {
  const $ = (id) => document.getElementById(id);
  if (!$("rows")) return;
  const PAGE = 100;
  const PRINTED = 1000;
  const UNKNOWN = 1, WAIVED = 2, GATED = 4, OWN_MESSAGE = 8, FAILED_CALL = 16, PINNED = 32, NEW = 64;
  const WORDS = {fail: "Fail", unknown: "Unknown", waived: "Waived"};
  const SUBJECT = $("subject").textContent;
  const data = JSON.parse($("data").textContent);

  // ---- columns -> values
  const DIGITS = new Uint8Array(128);
  [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"].forEach((c, i) => { DIGITS[c.charCodeAt(0)] = i; });

  function digits(text, at, width) {
    let n = 0;
    for (let k = at; k < at + width; k++) n = n * 64 + DIGITS[text.charCodeAt(k)];
    return n;
  }

  function reader(column) {
    if (column.d) return (i) => column.d[digits(column.i, i * column.w, column.w)];
    if (column.i === undefined) return () => column.c;
    return (i) => {
      const n = digits(column.i, i * column.w, column.w);
      if (n === 0) return null;
      const value = column.n + (n - 1) * column.u;
      return column.t ? new Date(value).toISOString().replace(".000Z", "Z") : value;
    };
  }

  function imageSet(n) {
    if (n === NO_SET) return null;
    if (n >= data.ids.n) return data.ids.other[n - data.ids.n];
    let text = "";
    for (let k = 0; k < 20; k += 2) text += digits(data.ids.hex, n * 22 + k, 2).toString(16).padStart(3, "0");
    return text + digits(data.ids.hex, n * 22 + 20, 2).toString(16).padStart(2, "0");
  }

  const NO_SET = 0xFFFFFFFF;  // a data store
  const total = data.rows;
  const groupOf = new Uint32Array(total), localOf = new Uint32Array(total), flagsOf = new Uint8Array(total);
  const setOf = new Uint32Array(total), placeOf = new Uint32Array(total);
  const groups = data.groups.map((g) => ({
    ...g,
    name: `${g.pack}/${g.rule}`,
    at: Object.fromEntries(["version", "reason", "note", "message", "id", "waiver", "calls", "collected", "reused", "first", "firstRun", "change", "causes"].map((name) => [name, reader(g[name])])),
    seen: g.observed.map(([path, column]) => [path, reader(column)]),
  }));
  let row = 0;
  groups.forEach((g, index) => {
    const flags = reader(g.flags), set = reader(g.set), place = reader(g.place);
    for (let i = 0; i < g.n; i++, row++) {
      groupOf[row] = index; localOf[row] = i; flagsOf[row] = flags(i); setOf[row] = set(i) ?? NO_SET; placeOf[row] = place(i);
    }
  });

  // the worst first, as checker/evaluation/order.py has it; what is left equal stands in that order already
  const placeIn = new Uint32Array(total);
  {
    const first = Float64Array.from({length: total}, (_, r) => Date.parse(groups[groupOf[r]].at.first?.(localOf[r]) ?? "9999"));
    const flag = (r, one) => (flagsOf[r] & one ? 1 : 0);
    const worst = (a, b) => {
      const left = groups[groupOf[a]], right = groups[groupOf[b]];
      return right.rank - left.rank || flag(b, GATED) - flag(a, GATED) || first[a] - first[b]
        || flag(a, UNKNOWN) - flag(b, UNKNOWN) || left.order - right.order || a - b;
    };
    Uint32Array.from({length: total}, (_, r) => r).sort(worst).forEach((r, place) => { placeIn[r] = place; });
  }

  const verdictOf = (r) => (flagsOf[r] & UNKNOWN ? "unknown" : flagsOf[r] & WAIVED ? "waived" : "fail");  // a waived unknown stays unknown
  const isNew = (flags) => Boolean(flags & NEW) && !(flags & WAIVED);
  const show = (value) => (value === null || value === undefined ? "(absent)" : String(value.text ?? value));
  // what a count or ratio came to, as JSON holds it
  const NOT_RECEIVED = "(not received)";
  const plain = (value) => {
    const {text, ...numbers} = value?.text === undefined ? {} : value;
    return text === undefined ? (value === NOT_RECEIVED ? null : value) : numbers;
  };

  function finding(r) {
    const g = groups[groupOf[r]], i = localOf[r], [target, account, region, datastore] = data.places[placeOf[r]];
    const observed = g.seen.map(([path, read]) => [path, read(i)]);
    const id = imageSet(setOf[r]), version = g.at.version(i);
    const fill = (part) => (typeof part === "string" ? part : part === -1 ? id : part === -2 ? version : show(observed[part][1]));
    return {
      group: g, flags: flagsOf[r], verdict: verdictOf(r), target, account, region, datastore, id, version, observed,
      reason: g.at.reason(i), note: g.at.note(i), calls: g.at.calls(i), collected: g.at.collected(i), reused: g.at.reused(i), first: g.at.first(i), firstRun: g.at.firstRun(i), change: g.at.change(i), causes: g.at.causes(i) ?? [], headline: g.at.message(i).map(fill).join(""),
    };
  }

  const ageDays = (f) => f.first === null ? null : Math.max(0, Math.floor((Date.parse(data.as_of) - Date.parse(f.first)) / 86400000));
  const firstSeen = (f) => {
    const days = ageDays(f);
    return [f.first, days === 0 ? null : days === 1 ? "1 day ago" : `${days.toLocaleString("en-US")} days ago`, f.firstRun && `in run ${f.firstRun}`].filter(Boolean).join(", ");
  };
  const restsOn = (f) => [f.calls.join(", "), f.collected && `of ${f.collected}`, f.reused && `asked by run ${f.reused}`].filter(Boolean).join(", ");

  function idOf(r) {
    const g = groups[groupOf[r]], i = localOf[r], [target, , , datastore] = data.places[placeOf[r]];
    const version = flagsOf[r] & PINNED ? g.at.version(i) : null;
    return g.at.id(i) ?? findingId([g.name, target, datastore, imageSet(setOf[r]), version]);
  }

  // ---- which rows, in which order
  const haystacks = new Array(total);
  function haystack(r) {
    if (haystacks[r] === undefined) {
      const f = finding(r);
      haystacks[r] = [f.group.name, f.group.title, f.target, f.datastore, f.id ?? "", f.headline, f.reason ?? "",
        ...f.observed.map(([path, value]) => `${path} = ${show(value)}`)].join("\n").toLowerCase();
    }
    return haystacks[r];
  }

  const NONE = {q: "", verdict: "", severity: "", rule: "", target: "", gate: "", fresh: "", sort: ""};
  let state = {...NONE}, page = 0, matches = [], pageSize = PAGE, cited = "";

  function select() {
    const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = groups.map((g) => (!state.rule || g.name === state.rule) && (!state.severity || g.severity === state.severity));
    const places = data.places.map((place) => !state.target || place[0] === state.target);
    matches = [];
    for (let r = 0; r < total; r++) {
      if (!wanted[groupOf[r]] || !places[placeOf[r]]) continue;
      if (state.gate && !(flagsOf[r] & GATED)) continue;
      if (state.fresh && !isNew(flagsOf[r])) continue;
      if (state.verdict && verdictOf(r) !== state.verdict) continue;
      if (words.length && !words.every((word) => haystack(r).includes(word))) continue;
      matches.push(r);
    }
    const order = ORDERS[state.sort];
    matches.sort((a, b) => (order ? order(a, b) : 0) || placeIn[a] - placeIn[b]);
  }

  const VERDICTS = ["fail", "unknown", "waived"];
  const ORDERS = {
    policy: (a, b) => groups[groupOf[a]].order - groups[groupOf[b]].order,
    verdict: (a, b) => VERDICTS.indexOf(verdictOf(a)) - VERDICTS.indexOf(verdictOf(b)),
    set: (a, b) => setOf[a] - setOf[b],
    target: (a, b) => placeOf[a] - placeOf[b] || setOf[a] - setOf[b],
  };

  // ---- rows -> page. Text goes in as text only, never as HTML.
  function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children.filter((child) => child !== null && child !== ""));
    return element;
  }

  function icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    for (const [key, value] of [["class", "icon"], ["viewBox", "0 0 16 16"], ["aria-hidden", "true"], ["focusable", "false"]]) svg.setAttribute(key, value);
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `#i-${name}`);
    svg.append(use);
    return svg;
  }

  function line(r) {
    const f = finding(r), g = f.group;
    const cell = (label, ...children) => make("td", {role: "cell", "data-label": label}, ...children);
    const pair = (name, value, kind) => make("div", kind ? {class: kind} : {}, make("dt", {}, name), make("dd", {}, value));
    // what a failed call did not give is not called absent
    const known = f.observed.filter(([, value]) => value !== null || !(f.flags & FAILED_CALL));
    const seen = make("dl", {class: "seen"}, ...known.map(([path, value]) => pair(path, show(value))));
    if (f.flags & OWN_MESSAGE) seen.append(pair("Expected", g.expected, "expected"));
    if (f.reason && !f.headline.includes(f.reason)) seen.append(pair("Reason", f.reason, "expected"));
    if (f.first) seen.append(pair(f.flags & UNKNOWN ? "Unknown since" : "First seen", firstSeen(f), "expected"));
    if (f.calls.length) seen.append(pair("Rests on", restsOn(f), "expected"));
    const set = cell(SUBJECT, make("span", {class: "target"}, f.target), make("span", {class: "id"}, f.id ?? f.datastore ?? ""),
      f.version === null ? null : make("span", {class: "version"}, `version ${f.version}${f.flags & PINNED && g.scope === "image_set" ? ", pinned" : ""}`));
    set.className = "subject";
    const id = `f-${idOf(r)}`;
    set.append(make("a", {class: "cite", href: `#${id}`}, `finding ${id.slice(2)}`));
    return make("tr", {role: "row", id, ...(id === cited ? {class: "cited", tabindex: "-1"} : {})},
      cell("Verdict", make("span", {class: `verdict ${f.verdict}`}, icon(f.verdict), WORDS[f.verdict]),
        ...(isNew(f.flags) ? [" ", make("span", {class: "flag"}, "new")] : []), f.note ? make("small", {}, f.note) : null),
      cell("Severity", make("span", {class: `severity ${g.severity}`}, g.severity)),
      cell("Rule", make("a", {href: `#about/${g.name}`}, g.rule), make("small", {}, g.pack)),
      set,
      cell("What was found", make("p", {class: "headline"}, f.headline), seen));
  }

  const number = (n) => n.toLocaleString("en-US");
  function render() {
    const pages = Math.max(1, Math.ceil(matches.length / pageSize));
    page = Math.min(page, pages - 1);
    const from = page * pageSize, shown = matches.slice(from, from + pageSize);
    $("rows").replaceChildren(...shown.map(line));
    const noun = matches.length === 1 ? "finding" : "findings";
    const range = matches.length > shown.length ? `; ${number(from + 1)} to ${number(from + shown.length)} shown` : "";
    const of = matches.length < total ? ` of ${number(total)}` : "";
    $("status").textContent = matches.length ? `${number(matches.length)}${of} ${noun}${range}` : `No finding of ${number(total)} matches.`;
    $("pages").hidden = pages === 1;
    $("page").textContent = `Page ${number(page + 1)} of ${number(pages)}`;
    $("previous").disabled = page === 0;
    $("next").disabled = page === pages - 1;
  }

  // ---- filters <-> address
  const BOXES = [["gate", "f-gate"], ["fresh", "f-new"]].filter(([, id]) => $(id));
  const FIELDS = {q: "q", verdict: "f-verdict", severity: "f-severity", rule: "f-rule", target: "f-target", sort: "f-sort"};

  function options(id, first, entries) {
    $(id).replaceChildren(new Option(first, ""), ...entries.map(([value, text]) => new Option(text, value)));
  }

  function fillFilters() {
    const count = (key) => {
      const found = new Map();
      for (let r = 0; r < total; r++) found.set(key(r), (found.get(key(r)) ?? 0) + 1);
      return found;
    };
    const entries = (found, keys, text) => keys.filter((key) => found.has(key)).map((key) => [key, `${text(key)} (${number(found.get(key))})`]);
    options("f-verdict", "All", entries(count(verdictOf), VERDICTS, (key) => WORDS[key]));
    options("f-severity", "All", entries(count((r) => groups[groupOf[r]].severity), ["critical", "high", "medium", "low", "info"], (key) => key));
    options("f-rule", "All", entries(count((r) => groups[groupOf[r]].name), groups.map((g) => g.name), (key) => key));
    const targets = count((r) => data.places[placeOf[r]][0]);
    options("f-target", "All", entries(targets, [...targets.keys()].sort(), (key) => key));
    options("f-sort", "Worst first", [["policy", "Policy order"], ["verdict", "Verdict"], ["target", "Target"], ["set", SUBJECT]]);
  }

  function toForm() {
    for (const [name, id] of Object.entries(FIELDS)) $(id).value = state[name];
    for (const [name, id] of Object.entries(FIELDS)) state[name] = $(id).value ?? "";  // a select takes only what it lists
    for (const [name, id] of BOXES) $(id).checked = state[name] !== "";
  }

  function fromForm() {
    for (const [name, id] of Object.entries(FIELDS)) state[name] = $(id).value;
    for (const [name, id] of BOXES) state[name] = $(id).checked ? "1" : "";
    page = 0;
    cited = "";
    const parts = Object.entries(state).filter(([, value]) => value).map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll("%2F", "/")}`);
    history.replaceState(null, "", parts.length ? `#${parts.join("&")}` : "#findings");
    select();
    render();
  }

  function fromAddress() {
    const hash = location.hash.slice(1).replace(/^findings\?/, "");
    if (/^f-[0-9a-f]{16}$/.test(hash)) return cite(hash);
    if (!hash.includes("=")) return openCard(hash);
    cited = "";
    const given = Object.fromEntries(new URLSearchParams(hash));
    if (given.counted === "yes") given.gate = "1";
    state = {...NONE};
    for (const name of Object.keys(NONE)) if (Object.hasOwn(given, name)) state[name] = given[name];
    page = 0;
    toForm();
    select();
    render();
    $("findings").scrollIntoView();
  }

  // an id that an auditor cited, wherever its finding stands
  function cite(id) {
    const same = (r) => idOf(r) === id.slice(2);
    let at = matches.findIndex(same);
    if (at < 0 && matches.length < total) {
      state = {...NONE};
      toForm();
      select();
      at = matches.findIndex(same);
    }
    cited = at < 0 ? "" : id;
    page = Math.max(0, Math.floor(at / pageSize));
    render();
    if (at < 0) $("status").textContent = `The finding ${id.slice(2)} is not on this page. ${$("status").textContent}`;
    ($(id) ?? $("findings")).scrollIntoView({block: at < 0 ? "start" : "center"});
    $(id)?.focus({preventScroll: true});
  }

  function openCard(hash) {
    if (!hash.startsWith("about/")) return;
    let card = $(hash);
    try { card ??= $(decodeURIComponent(hash)); } catch { return; }
    if (card) { card.open = true; card.scrollIntoView(); }
  }

  // ---- downloads: what the filters show
  function normal(r) {
    const f = finding(r), g = f.group, waiver = g.at.waiver(localOf[r]);
    return {
      id: idOf(r), rule: g.rule, pack: g.pack, severity: g.severity, verdict: f.flags & UNKNOWN ? "unknown" : "fail",
      waived: Boolean(f.flags & WAIVED), gated: Boolean(f.flags & GATED),
      target: f.target, account: f.account, region: f.region, datastoreId: f.datastore, imageSetId: f.id,
      versionId: f.version === null ? null : String(f.version), scope: g.scope, reason: f.reason,
      calls: f.calls, collectedAt: f.collected, reusedFrom: f.reused,
      change: f.change, causes: f.causes, first_seen: f.first, first_seen_run: f.firstRun, age_days: ageDays(f),
      message: f.flags & OWN_MESSAGE ? f.headline : "", observed: Object.fromEntries(f.observed.map(([path, value]) => [path, plain(value)])), where: g.where,
      waiver: waiver === null ? null : data.waivers[waiver], new: data.compared ? Boolean(f.flags & NEW) : null,
    };
  }

  // A spreadsheet runs a cell that starts so (OWASP: CSV injection); the apostrophe makes it text.
  const safe = (value) => {
    const text = value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
    return `"${(/^[\s\uFEFF]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
  };

  function save(name, type, parts) {
    const url = URL.createObjectURL(new Blob(parts, {type}));
    make("a", {href: url, download: name}).click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
  }

  function asCsv() {
    const names = Object.keys(normal(matches[0] ?? 0));
    const lines = [names.map(safe).join(",")];
    for (const r of matches) lines.push(Object.values(normal(r)).map(safe).join(","));
    save("findings.csv", "text/csv", ["\uFEFF", lines.join("\r\n"), "\r\n"]);
  }

  function asJson() {
    const lines = matches.map((r) => JSON.stringify(normal(r)));
    save("findings.json", "application/json", ["[\n", lines.join(",\n"), "\n]\n"]);
  }

  // ---- wiring
  let timer = 0;
  $("q").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(fromForm, 150); });
  for (const id of [...Object.values(FIELDS).slice(1), ...BOXES.map(([, id]) => id)]) $(id).addEventListener("change", fromForm);
  $("filters").addEventListener("submit", (event) => { event.preventDefault(); fromForm(); });
  $("filters").addEventListener("reset", () => setTimeout(fromForm));
  const turn = (step) => { page += step; render(); $("findings").scrollIntoView(); };
  $("previous").addEventListener("click", () => turn(-1));
  $("next").addEventListener("click", () => turn(1));
  $("as-csv").addEventListener("click", asCsv);
  $("as-json").addEventListener("click", asJson);
  addEventListener("hashchange", fromAddress);

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    closed.forEach((details) => { details.open = true; });
    pageSize = PRINTED;
    render();
  });
  addEventListener("afterprint", () => {
    closed.forEach((details) => { details.open = false; });
    pageSize = PAGE;
    render();
  });

  fillFilters();
  $("filters").hidden = false;
  $("unscripted").hidden = true;
  if ($("unshown")) $("unshown").hidden = true;
  if (total < data.total) {
    $("truncated").textContent = `This page holds ${number(total)} of ${number(data.total)} findings, some of each rule; all of them are in ${$("truncated").dataset.elsewhere}.`;
    $("truncated").hidden = false;
  }
  select();
  render();
  if (location.hash) fromAddress();
  document.documentElement.dataset.ready = "1";
})();
