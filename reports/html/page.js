// The list of findings: filters, groups, pages, the address and downloads. Without it the page shows the first of them.
(() => {
  const $ = (id) => document.getElementById(id);
  const {data, total, groups, FLAGS, groupOf, localOf, flagsOf, setOf, placeOf, ageOf, causeOf, causeSizes, subjects, worst, ranking, dictionary, verdictOf, finding, idOf, imageSet, setNumber, normal, partial} = findings;
  const {make, number, several, address, row, detail, heading} = findingView;
  const PAGE = 100, GROUPS = 20, OF_GROUP = 5, PRINTED = 1000;
  const NONE = {q: "", verdict: "", severity: "", rule: "", set: "", target: "", account: "", control: "", framework: "", label: "", owner: "", change: "", waiver: "", counted: "", group: "", sort: "", page: "", open: ""};
  const LISTS = ["verdict", "severity"], ORDERS = ["group", "sort"];
  const PICKS = ["rule", "target", "account", "control", "framework", "label", "owner", "change", "group", "sort"];
  const NAMES = {q: "Search", verdict: "Verdict", severity: "Severity", rule: "Rule", set: "Image set", target: "Target", account: "Account", control: "Control", framework: "Framework", label: "Label", owner: "Owner", change: "Change", waiver: "Waiver", counted: "Counted by the gate"};
  let state = {...NONE}, matches = [], shown = [], pageSize = PAGE;

  // ---- which rows, in which order
  const orders = new Map([["", worst]]);
  const SETS = data.ids.n + data.ids.other.length, setKey = (r) => Math.min(setOf[r], SETS);
  const KEYS = {
    oldest: (r) => ageOf.found[r],
    newest: (r) => ageOf.n - ageOf.found[r],
    rule: (r) => groups[groupOf[r]].order,
    set: setKey,
    target: (r) => placeOf[r] * (SETS + 1) + setKey(r),
  };
  function order() {
    if (!orders.has(state.sort)) orders.set(state.sort, ranking(worst, KEYS[state.sort]));
    return orders.get(state.sort);
  }

  const controlKey = ([framework, id]) => `${framework}:${id}`;
  function select() {
    const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
    const found = words.length ? findingSearch.matching(words) : null;
    const verdicts = state.verdict ? new Set(state.verdict.split(",")) : null, severities = state.severity ? new Set(state.severity.split(",")) : null;
    const inGroup = groups.map((g) => (!state.rule || g.name === state.rule) && (!severities || severities.has(g.severity))
      && (!state.control || g.controls.some((control) => controlKey(control) === state.control)) && (!state.framework || g.controls.some(([framework]) => framework === state.framework)));
    const inPlace = data.places.map(([target, account]) => (!state.target || target === state.target) && (!state.account || account === state.account));
    const set = state.set ? setNumber(state.set) : null, waiver = state.waiver ? Number(state.waiver) : null;
    const at = state.label.indexOf("="), label = state.label.slice(0, at), value = at < 0 ? NaN : state.label.slice(at + 1);
    const every = order(), chosen = new Uint32Array(total);
    let n = 0;
    for (let k = 0; k < total; k++) {
      const r = every[k], g = groups[groupOf[r]];
      if (!inGroup[groupOf[r]] || !inPlace[placeOf[r]] || (found && !found[r])) continue;
      if (set !== null && setOf[r] !== set) continue;
      if (state.counted && !(flagsOf[r] & FLAGS.gated)) continue;
      if (verdicts && !verdicts.has(verdictOf(r))) continue;
      if (state.change && g.at.change(localOf[r]) !== state.change) continue;
      if (state.owner && g.owner !== state.owner && data.waivers[g.at.waiver(localOf[r])]?.owner !== state.owner) continue;
      if (waiver !== null && g.at.waiver(localOf[r]) !== waiver) continue;
      if (state.label && g.labelAt[label]?.(localOf[r]) !== value) continue;
      chosen[n++] = r;
    }
    matches = chosen.subarray(0, n);
  }

  // the first finding of each row; unknowns that one unread image set causes are one row
  function entries(rows) {
    if (!causeSizes.length) return rows;
    const there = new Uint8Array(causeSizes.length);
    return rows.filter((r) => causeOf[r] < 0 || (there[causeOf[r]] ? false : (there[causeOf[r]] = 1)));
  }
  // of some rows of the list all their findings, of those in `rows`
  function members(firsts, rows) {
    const found = Array.from(firsts, (r) => [r]), own = new Map();
    firsts.forEach((r, at) => { if (causeOf[r] >= 0) own.set(causeOf[r], found[at]); });
    if (own.size) for (const r of rows) { const row = own.get(causeOf[r]); if (row && row[0] !== r) row.push(r); }
    return found;
  }
  // where the row of a finding is among the first findings of rows
  const placeIn = (firsts, r) => (r < 0 ? -1 : causeOf[r] < 0 ? firsts.indexOf(r) : matches.includes(r) ? firsts.findIndex((other) => causeOf[other] === causeOf[r]) : -1);

  const GROUPING = {
    rule: {key: (r) => groupOf[r], n: () => groups.length, head: (key) => [groups[key].title, groups[key].name, {rule: groups[key].name}]},
    set: {key: (r) => subjects().of[r], n: () => subjects().rows.length, head: (key) => {
      const f = finding(subjects().rows[key]);
      return [f.id ?? f.datastore ?? f.target, f.target, f.id ? {set: f.id} : {target: f.target}];
    }},
    control: {keys: (r) => groups[groupOf[r]].controlKeys, n: () => controls.length, head: (key) => (controls[key][0] ? [controls[key][0].replace(":", " "), controls[key][1], {control: controls[key][0]}] : ["No control", "rules that are mapped to none", null])},
  };
  // controls by number; the last one stands for none
  const controls = [];
  {
    const known = new Map();
    for (const g of groups) {
      g.controlKeys = g.controls.map((control) => {
        const key = controlKey(control);
        if (!known.has(key)) { known.set(key, controls.length); controls.push([key, control[2]]); }
        return known.get(key);
      });
    }
    for (const g of groups) if (!g.controlKeys.length) g.controlKeys = [controls.length];
    controls.push(["", ""]);
  }
  // the groups in the order of their first findings, and how many each has
  function buckets() {
    const {key, keys, n} = GROUPING[state.group], sizes = new Uint32Array(n()), found = [];
    const count = (own) => { if (!sizes[own]++) found.push(own); };
    if (key) for (const r of matches) count(key(r));
    else for (const r of matches) for (const own of keys(r)) count(own);
    return {found, sizes};
  }
  // the findings of some of the groups
  function contents(some) {
    const {key, keys} = GROUPING[state.group], rows = new Map(some.map((own) => [own, []]));
    for (const r of matches) for (const own of key ? [key(r)] : keys(r)) rows.get(own)?.push(r);
    return rows;
  }

  // ---- rows -> page
  const page = () => Math.max(0, (parseInt(state.page, 10) || 1) - 1);
  function render() {
    const lines = [], open = state.open ? findings.rowOf(state.open) : -1;
    shown = [];
    const add = (own) => { const element = row(own); shown.push([element, own]); lines.push(element); };
    let pages, of;
    if (state.group) {
      const {key, keys} = GROUPING[state.group], {found, sizes} = buckets();
      const at = open < 0 || !matches.includes(open) ? -1 : found.indexOf(key ? key(open) : keys(open).find((own) => sizes[own]));
      pages = Math.max(1, Math.ceil(found.length / GROUPS));
      if (!state.page && at >= 0) state.page = String(Math.floor(at / GROUPS) + 1);
      const from = Math.min(page(), pages - 1) * GROUPS, some = found.slice(from, from + GROUPS);
      for (const [own, rows] of contents(some)) {
        const [title, small, filters] = GROUPING[state.group].head(own), firsts = entries(rows);
        const most = Math.max(OF_GROUP, placeIn(firsts, open) + 1, pageSize > PAGE ? firsts.length : 0);
        const href = filters && address({...state, page: "", open: "", group: "", ...filters});
        lines.push(heading(title, small, rows.length, filters?.rule && counted(filters.rule), firsts.length > 1 ? href : null));
        members(firsts.slice(0, most), rows).forEach(add);
        if (firsts.length > most && href) lines.push(make("tr", {role: "row", class: "further"}, make("td", {role: "cell", colspan: findingView.columns}, make("a", {href}, `Show all ${number(firsts.length)} of it`))));
      }
      of = `in ${several(found.length, "group")}${pages > 1 ? `; groups ${number(from + 1)} to ${number(from + some.length)} shown` : ""}`;
    } else {
      const firsts = entries(matches), at = placeIn(firsts, open);
      pages = Math.max(1, Math.ceil(firsts.length / pageSize));
      if (!state.page && at >= 0) state.page = String(Math.floor(at / pageSize) + 1);
      const from = Math.min(page(), pages - 1) * pageSize, some = firsts.slice(from, from + pageSize);
      members(some, matches).forEach(add);
      of = [firsts.length < matches.length ? `in ${several(firsts.length, "row")}` : "", pages > 1 ? `${number(from + 1)} to ${number(from + some.length)} shown` : ""].filter(Boolean).join("; ");
    }
    $("rows").replaceChildren(...lines);
    $("list").hidden = !matches.length;
    const here = Math.min(page(), pages - 1);
    $("pages").hidden = pages === 1;
    $("page").textContent = `Page ${number(here + 1)} of ${number(pages)}`;
    $("previous").disabled = here === 0;
    $("next").disabled = here === pages - 1;
    $("status").textContent = statusText(of);
    $("held").textContent = heldText();
    $("held").hidden = !partial;
    const opened = open < 0 ? null : shown.find(([, own]) => own.includes(open));
    if (opened) unfold(opened);
    else if (state.open) $("status").textContent = `The finding ${state.open} is not ${open < 0 ? "on this page" : "among these"}. ${$("status").textContent}`;
    return opened?.[0];
  }

  function statusText(of) {
    if (!data.total) return "No fails and no unknowns.";
    const every = partial ? `the ${several(total, "finding")} held here` : several(total, "finding");
    if (!matches.length) return `No finding of ${every} matches.`;
    const head = matches.length < total ? `${number(matches.length)} of ${every}` : partial ? `${number(total)} findings held here` : every;
    return [head, of].filter(Boolean).join("; ").replace("; in ", ", in ");
  }

  // what an answer from a part of the findings is worth
  function heldText() {
    if (!partial) return "";
    const all = counted(state.rule), real = all === null || all === data.total ? "" : `, of which ${number(all)} match`;
    return `Of the ${number(total)} findings held here (those that the gate counts before the others, the worst first); the run has ${number(data.total)}${real}: ${data.elsewhere} has all.`;
  }

  // how many of the run's findings of a rule, or of all, the chips and the box let through; null where another filter is set,
  // of which it is not known
  const COUNTED = ["verdict", "severity", "rule", "counted", "group", "sort", "page", "open"];
  function counted(rule) {
    if (Object.keys(NONE).some((name) => state[name] && !COUNTED.includes(name))) return null;
    const verdicts = state.verdict ? state.verdict.split(",") : ["fail", "unknown", "waived"];
    let sum = 0;
    for (const [name, , severity, fail, unknown, waived, gatedFail, gatedUnknown] of data.tallies) {
      if ((rule && name !== rule) || (state.severity && !state.severity.split(",").includes(severity))) continue;
      const own = state.counted ? {fail: gatedFail, unknown: gatedUnknown, waived: 0} : {fail, unknown, waived};
      for (const verdict of verdicts) sum += own[verdict] ?? 0;
    }
    return sum;
  }

  const opener = (element) => element.querySelector(".opener");
  function unfold([element, own]) {
    const below = detail(own);
    element.after(below);
    element.classList.add("open");
    opener(element).setAttribute("aria-expanded", "true");
    opener(element).setAttribute("aria-controls", below.id);
  }
  function fold() {
    for (const [element] of shown) {
      if (!element.classList.contains("open")) continue;
      element.nextElementSibling.remove();
      element.classList.remove("open");
      opener(element).setAttribute("aria-expanded", "false");
      opener(element).removeAttribute("aria-controls");
    }
  }
  function turnRow(element) {
    const entry = shown.find(([own]) => own === element), wasOpen = element.classList.contains("open");
    fold();
    state.open = wasOpen ? "" : idOf(entry[1][0]);
    if (!wasOpen) unfold(entry);
    history.pushState(null, "", address(state));
  }

  // ---- filters <-> address
  const chipOf = (name, value) => document.querySelector(`#findings .chip[data-filter="${name}"][data-value="${CSS.escape(value)}"]`);
  const options = (id, first, found) => {
    if (!$(id)) return;
    $(id).replaceChildren(new Option(first, ""), ...found.map(([value, text]) => new Option(text, value)));
    $(id).closest(".field").hidden = !found.length;
  };
  function fillFilters() {
    const tally = (pairs) => {
      const found = new Map();
      for (const [name, n] of pairs) if (name !== null && name !== undefined && name !== "" && n) found.set(name, (found.get(name) ?? 0) + n);
      return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
    };
    // how many rows of a group have which value of a column
    const valuesOf = (g, column) => {
      const {values, indexes} = dictionary(column, g.n), sizes = new Uint32Array(values.length);
      for (const index of indexes) sizes[index]++;
      return values.map((value, index) => [value, sizes[index]]);
    };
    const places = new Uint32Array(data.places.length);
    for (const place of placeOf) places[place]++;
    const ofGroups = (names) => tally(groups.flatMap((g) => [...new Set(names(g))].map((name) => [name, g.n])));
    const owners = (g) => {
      const ofWaiver = new Map(tally(valuesOf(g, g.columns.waiver).map(([waiver, n]) => [data.waivers[waiver]?.owner, n])));
      return g.owner ? [...ofWaiver, [g.owner, g.n - (ofWaiver.get(g.owner) ?? 0)]] : [...ofWaiver];
    };
    // of a part of the findings no count would be the run's
    const listed = (found, text = (key) => key) => found.map(([key, n]) => [key, partial ? text(key) : `${text(key)} (${number(n)})`]);
    options("f-rule", "All", data.tallies.map(([name, title, , ...numbers]) => [name, `${title} (${number(numbers[0] + numbers[1] + numbers[2])})`]));
    options("f-target", "All", listed(tally(data.places.map(([target], index) => [target, places[index]]))));
    options("f-account", "All", listed(tally(data.places.map(([, account], index) => [account, places[index]])), (key) => (data.accounts[key] ? `${data.accounts[key]} ${key}` : key)));
    options("f-control", "All", listed(ofGroups((g) => g.controls.map(controlKey)), (key) => key.replace(":", " ")));
    options("f-framework", "All", listed(ofGroups((g) => g.controls.map(([framework]) => framework)), (key) => data.frameworks[key] ?? key));
    options("f-label", "All", listed(tally(groups.flatMap((g) => g.labels.flatMap(([name, column]) => valuesOf(g, column).map(([value, n]) => [value === null ? null : `${name}=${value}`, n]))))));
    options("f-owner", "All", listed(tally(groups.flatMap(owners))));
    options("f-change", "All", listed(tally(groups.flatMap((g) => valuesOf(g, g.columns.change)))));
    options("f-group", "Nothing", [["rule", "Rule"], ["set", "Image set"], ["control", "Control"]]);
    options("f-sort", "Worst first", [["oldest", "Oldest first"], ["newest", "Newest first"], ["rule", "Rule"], ["target", "Target"], ["set", "Image set"]]);
    for (const name of ["f-target", "f-account"]) if ($(name) && $(name).options.length < 3) $(name).closest(".field").hidden = true;
  }

  // A filter that nothing here has stays one: all findings are no answer to it. No order and no grouping is another matter.
  function pick(select, name) {
    if (!select || select.value === state[name]) return;
    select.querySelector("[data-strange]")?.remove();
    select.value = state[name];
    if (select.value === state[name]) return;
    if (ORDERS.includes(name)) { select.value = state[name] = ""; return; }
    select.append(make("option", {value: state[name], "data-strange": ""}, state[name]));
    select.value = state[name];
  }

  function toForm() {
    $("q").value = state.q;
    $("f-counted").checked = state.counted !== "";
    for (const name of PICKS) pick($(`f-${name}`), name);
    for (const chip of document.querySelectorAll("#findings .chip")) {
      chip.setAttribute("aria-pressed", String(state[chip.dataset.filter].split(",").includes(chip.dataset.value)));
    }
    // verdicts and severities without a button are told as the other filters are
    const told = (name) => (LISTS.includes(name) ? state[name].split(",").filter((value) => !chipOf(name, value)).join(", ") : state[name]);
    const given = Object.keys(NAMES).filter(told);
    $("active").replaceChildren(...given.map((name) => {
      const button = make("button", {type: "button", class: "active", "data-name": name}, `${NAMES[name]}${name === "counted" ? "" : `: ${name === "waiver" ? data.waivers[state.waiver]?.where ?? state.waiver : told(name)}`}`, make("span", {"aria-hidden": "true"}, " ×"), make("span", {class: "quiet"}, ", remove this filter"));
      return make("li", {}, button);
    }));
    const inside = given.filter((name) => PICKS.includes(name) || name === "counted").length;
    $("more-count").textContent = inside ? ` (${number(inside)} set)` : "";
  }

  function apply(change, {replace = false} = {}) {
    state = {...state, page: "", open: "", ...change};
    history[replace ? "replaceState" : "pushState"](null, "", address(state));
    toForm();
    select();
    render();
  }

  function fromAddress() {
    const hash = location.hash.slice(1);
    const cited = /^f-([0-9a-f]{16})$/.exec(hash);
    if (!cited && hash !== "findings" && hash !== "" && !hash.startsWith("findings?")) return openCard(hash);
    const given = cited ? {open: cited[1]} : Object.fromEntries(new URLSearchParams(hash.slice("findings?".length)));
    // the browser would take the focus from what it finds at the older form
    if (cited) history.replaceState(null, "", address(given));
    state = {...NONE};
    for (const name of Object.keys(NONE)) if (Object.hasOwn(given, name)) state[name] = given[name];
    toForm();
    select();
    const opened = render();
    if (!hash) return;
    if (!opened) return $("findings").scrollIntoView();
    opened.scrollIntoView({block: "start"});
    opener(opened).focus({preventScroll: true});
  }

  function openCard(hash) {
    if (!hash.startsWith("about/")) return;
    let card = $(hash);
    try { card ??= $(decodeURIComponent(hash)); } catch { return; }
    if (card) { card.open = true; card.scrollIntoView(); }
  }

  // ---- downloads: what the filters show
  // A spreadsheet runs a cell that starts so (OWASP: CSV injection); the apostrophe makes it text.
  const safe = (value) => {
    const text = value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
    return `"${(/^[\s\uFEFF]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
  };

  function save(name, type, parts) {
    const url = URL.createObjectURL(new Blob(parts, {type}));
    make("a", {href: url, download: partial ? name.replace(".", "-part.") : name}).click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
  }

  function asCsv() {
    const lines = partial ? [safe(`${number(matches.length)} findings. ${heldText()}`)] : [];
    lines.push(CSV_NAMES.map(safe).join(","));
    for (const r of matches) { const f = normal(r); lines.push(CSV_NAMES.map((name) => safe(f[name])).join(",")); }
    save("findings.csv", "text/csv", ["\uFEFF", lines.join("\r\n"), "\r\n"]);
  }
  const CSV_NAMES = total ? Object.keys(normal(0)) : ["id", "rule", "severity", "verdict", "target", "imageSetId"];

  function asJson() {
    const lines = Array.from(matches, (r) => JSON.stringify(normal(r)));
    const [before, after] = partial ? [`{"note": ${JSON.stringify(`${number(matches.length)} findings. ${heldText()}`)}, "findings": `, "}"] : ["", ""];
    save("findings.json", "application/json", [before, "[\n", lines.join(",\n"), "\n]", after, "\n"]);
  }

  // ---- wiring
  let timer = 0, typing = false;
  $("q").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => { apply({q: $("q").value.trim()}, {replace: typing}); typing = true; }, 120); });
  $("q").addEventListener("blur", () => { typing = false; });
  for (const name of PICKS) $(`f-${name}`)?.addEventListener("change", (event) => apply({[name]: event.target.value}));
  $("f-counted").addEventListener("change", (event) => apply({counted: event.target.checked ? "yes" : ""}));
  $("filters").addEventListener("submit", (event) => { event.preventDefault(); apply({q: $("q").value.trim()}); });
  $("filters").addEventListener("reset", (event) => { event.preventDefault(); apply(NONE); });
  $("active").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) { apply({[button.dataset.name]: ""}); $("q").focus(); }
  });
  for (const chip of document.querySelectorAll("#findings .chip")) chip.addEventListener("click", () => {
    const {filter, value} = chip.dataset, values = new Set(state[filter].split(",").filter(Boolean));
    if (!values.delete(value)) values.add(value);
    apply({[filter]: [...values].join(",")});
  });
  $("rows").addEventListener("click", (event) => {
    const element = event.target.closest("tr.finding");
    if (!element || event.target.closest("a") || (!event.target.closest(".opener") && String(getSelection()))) return;
    turnRow(element);
  });
  $("rows").addEventListener("keydown", (event) => {
    const at = shown.findIndex(([element]) => opener(element) === event.target), step = {ArrowDown: 1, ArrowUp: -1}[event.key];
    if (at < 0) return;
    if (event.key === "Escape" && shown[at][0].classList.contains("open")) return turnRow(shown[at][0]);
    if (!step || !shown[at + step]) return;
    event.preventDefault();
    opener(shown[at + step][0]).focus();
  });
  const turn = (step) => {
    state = {...state, page: String(page() + 1 + step), open: ""};
    history.pushState(null, "", address(state));
    render();
    $("list").scrollIntoView();
  };
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
  for (const id of ["filters", "chips"]) $(id).hidden = false;
  for (const id of ["unscripted", "unshown"]) if ($(id)) $(id).hidden = true;
  if (location.hash) fromAddress();
  else { toForm(); select(); render(); }
  findingSearch.background(() => { document.documentElement.dataset.searchable = "1"; });
  document.documentElement.dataset.ready = "1";
})();
