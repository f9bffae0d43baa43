// The findings in #data: columns to values. How they are packed is described in checker/reporting/page_columns.py.
const findings = (() => {
  const FLAGS = {unknown: 1, waived: 2, gated: 4, ownMessage: 8, failedCall: 16, pinned: 32, fresh: 64};
  const NO_SET = 0xFFFFFFFF;  // a data store
  const NOT_RECEIVED = "(not received)";
  const COLUMNS = ["version", "reason", "note", "waiverNote", "message", "arn", "id", "waiver", "calls", "collected", "reused", "first", "firstRun", "change", "causes"];
  const data = JSON.parse(document.getElementById("data").textContent);
  const total = data.rows;

  const places = (alphabet) => {
    const found = new Uint8Array(128);
    [...alphabet].forEach((c, i) => { found[c.charCodeAt(0)] = i; });
    return found;
  };
  const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const DIGITS = places(`${LETTERS}${LETTERS.toLowerCase()}0123456789-_`);
  const DIGITS_85 = places(`0123456789${LETTERS}${LETTERS.toLowerCase()}!.$%,()*+-;/=[?@^_\`{|}~`);

  function digits(text, at, width) {
    let n = 0;
    for (let k = at; k < at + width; k++) n = n * 64 + DIGITS[text.charCodeAt(k)];
    return n;
  }

  const instants = new Map();
  function instant(milliseconds) {
    let text = instants.get(milliseconds);
    if (text === undefined) instants.set(milliseconds, text = new Date(milliseconds).toISOString().replace(".000Z", "Z"));
    return text;
  }

  // which run of rows with the same value each row is in, when it is first asked for
  const runs = new Map();
  function runOf(column) {
    let found = runs.get(column);
    if (found) return found;
    found = new Uint32Array(column.r.reduce((sum, length) => sum + length, 0));
    let at = 0;
    column.r.forEach((length, run) => { found.fill(run, at, at + length); at += length; });
    runs.set(column, found);
    return found;
  }
  const ofRuns = (column, read) => {
    const heads = read({...column, r: undefined});
    return (i) => heads(runOf(column)[i]);
  };

  function reader(column) {
    if (column.r) return ofRuns(column, reader);
    if (column.d) return (i) => column.d[digits(column.i, i * column.w, column.w)];
    if (column.i === undefined) return () => column.c;
    return (i) => {
      const n = digits(column.i, i * column.w, column.w);
      if (n === 0) return null;
      const value = column.n + (n - 1) * column.u;
      return column.t ? instant(value) : value;
    };
  }

  // the times of a column in milliseconds, without a text in between; none is infinitely late
  function times(column) {
    if (column.r) return ofRuns(column, times);
    const parse = (text) => (text === null ? Infinity : Date.parse(text));
    if (column.d) {
      const known = column.d.map(parse);
      return (i) => known[digits(column.i, i * column.w, column.w)];
    }
    if (column.i === undefined) { const known = parse(column.c); return () => known; }
    return (i) => {
      const n = digits(column.i, i * column.w, column.w);
      return n === 0 ? Infinity : column.n + (n - 1) * column.u;
    };
  }

  function imageSet(n) {
    if (n === NO_SET) return null;
    if (n >= data.ids.n) return data.ids.other[n - data.ids.n];
    let text = "";
    for (let k = n * 20; k < n * 20 + 20; k += 5) {
      let word = 0;
      for (let i = k; i < k + 5; i++) word = word * 85 + DIGITS_85[data.ids.hex.charCodeAt(i)];
      text += hexOf(word);
    }
    return text;
  }

  // the number of an image set; the ids stand in order
  function setNumber(text) {
    let low = 0, high = data.ids.n - 1;
    while (low <= high) {
      const middle = (low + high) >> 1, id = imageSet(middle);
      if (id === text) return middle;
      if (id < text) low = middle + 1; else high = middle - 1;
    }
    const other = data.ids.other.indexOf(text);
    return other < 0 ? -1 : data.ids.n + other;
  }

  // what `i` has for each row: an index into `d`, or a number's digits
  function codes(column, n) {
    if (column.r) {
      const heads = codes({...column, r: undefined}, column.r.length);
      return Float64Array.from(runOf(column), (run) => heads[run]);
    }
    const {i: text, w} = column, found = new Float64Array(n);
    if (w === 1) for (let k = 0; k < n; k++) found[k] = DIGITS[text.charCodeAt(k)];
    else for (let k = 0; k < n; k++) found[k] = digits(text, k * w, w);
    return found;
  }

  // a column's values, each once, and which of them a row has
  function dictionary(column, n) {
    if (column.i === undefined) return {values: [column.c], indexes: new Float64Array(n)};
    const indexes = codes(column, n);
    if (column.d) return {values: column.d, indexes};
    const read = reader(column), values = [], at = new Map();
    for (let i = 0; i < n; i++) {
      if (!at.has(indexes[i])) { at.set(indexes[i], values.length); values.push(read(i)); }
      indexes[i] = at.get(indexes[i]);
    }
    return {values, indexes};
  }

  const groupOf = new Uint32Array(total), localOf = new Uint32Array(total), flagsOf = new Uint8Array(total);
  const setOf = new Uint32Array(total), placeOf = new Uint32Array(total), firstOf = new Float64Array(total);
  const groups = data.groups.map((g) => ({
    ...g,
    name: `${g.pack}/${g.rule}`,
    at: Object.fromEntries(COLUMNS.map((name) => [name, reader(g[name])])),
    columns: Object.fromEntries(COLUMNS.map((name) => [name, g[name]])),
    seen: g.observed.map(([path, column]) => [path, reader(column)]),
    labelAt: Object.fromEntries(g.labels.map(([name, column]) => [name, reader(column)])),
  }));
  let next = 0;
  groups.forEach((g, index) => {
    g.begin = next;
    const flags = reader(g.flags), set = reader(g.set), place = reader(g.place), first = times(g.first);
    for (let i = 0; i < g.n; i++, next++) {
      groupOf[next] = index; localOf[next] = i; flagsOf[next] = flags(i); setOf[next] = set(i) ?? NO_SET; placeOf[next] = place(i);
      firstOf[next] = first(i);
    }
  });

  // the place of each time among all of them, from 0 on: the earliest first, none last
  const ageOf = (() => {
    const found = new Float64Array(total), distinct = Float64Array.from(new Set(firstOf)).sort();
    const rank = new Map(Array.from(distinct, (time, n) => [time, n]));
    for (let r = 0; r < total; r++) found[r] = rank.get(firstOf[r]);
    return {found, n: distinct.length};
  })();

  // rows by a number each; of equal ones those first that stand first in `rows`. Numbers sort much faster than by a function;
  // doubles are exact to 53 bits, which a million rules in a page of 100,000 findings would need
  function ranking(rows, key) {
    const keys = new Float64Array(rows.length), found = new Uint32Array(rows.length);
    for (let k = 0; k < rows.length; k++) keys[k] = key(rows[k]) * rows.length + k;
    keys.sort();
    for (let k = 0; k < rows.length; k++) found[k] = rows[keys[k] % rows.length];
    return found;
  }

  // the worst first, as checker/evaluation/finding_order.py has it; what is left equal stands in that order already
  const worst = (() => {
    const orders = 1 + groups.reduce((most, g) => Math.max(most, g.order), 0);
    return ranking(Uint32Array.from({length: total}, (_, r) => r), (r) => {
      const g = groups[groupOf[r]], head = (9 - g.rank) * 2 + (flagsOf[r] & FLAGS.gated ? 0 : 1);
      return ((head * ageOf.n + ageOf.found[r]) * 2 + (flagsOf[r] & FLAGS.unknown ? 1 : 0)) * orders + g.order;
    });
  })();

  // the unknowns that one unread image set causes
  const causeOf = new Int32Array(total).fill(-1), causeSizes = [];
  {
    const reasons = new Map();
    for (let r = 0; r < total; r++) {
      if (!(flagsOf[r] & FLAGS.failedCall) || setOf[r] === NO_SET) continue;
      const why = `${placeOf[r]} ${setOf[r]} ${groups[groupOf[r]].at.reason(localOf[r])}`;
      let cause = reasons.get(why);
      if (cause === undefined) { cause = causeSizes.push(0) - 1; reasons.set(why, cause); }
      causeOf[r] = cause;
      causeSizes[cause]++;
    }
  }

  // image sets and data stores by number, when they are first asked for
  let subjectTable = null;
  function subjects() {
    if (subjectTable) return subjectTable;
    const of = new Uint32Array(total), rows = [], keys = new Float64Array(total), sets = data.ids.n + data.ids.other.length + 1;
    for (let r = 0; r < total; r++) keys[r] = (placeOf[r] * sets + (setOf[r] === NO_SET ? sets - 1 : setOf[r])) * total + r;
    keys.sort();
    let last = -1;
    for (const key of keys) {
      const r = key % total, subject = Math.floor(key / total);
      if (subject !== last) { rows.push(r); last = subject; }
      of[r] = rows.length - 1;
    }
    subjectTable = {of, rows};
    return subjectTable;
  }

  const verdictOf = (r) => (flagsOf[r] & FLAGS.unknown ? "unknown" : flagsOf[r] & FLAGS.waived ? "waived" : "fail");  // a waived unknown stays unknown
  const isNew = (r) => Boolean(flagsOf[r] & FLAGS.fresh) && !(flagsOf[r] & FLAGS.waived);
  const show = (value) => (value === null || value === undefined ? "(absent)" : String(value.text ?? value));

  const headline = (r) => filled(r, groups[groupOf[r]].at.message(localOf[r]));

  // a text with what was left out of it: what the row itself holds
  function filled(r, parts) {
    const g = groups[groupOf[r]], i = localOf[r];
    if (parts.length === 1 && typeof parts[0] === "string") return parts[0];
    return parts.map((part) => (typeof part === "string" ? part : part === -1 ? imageSet(setOf[r]) : part === -2 ? g.at.version(i) : show(g.seen[part][1](i)))).join("");
  }

  function finding(r) {
    const g = groups[groupOf[r]], i = localOf[r], [target, account, region, datastore] = data.places[placeOf[r]];
    return {
      group: g, flags: flagsOf[r], verdict: verdictOf(r), target, account, region, datastore, id: imageSet(setOf[r]), version: g.at.version(i),
      observed: g.seen.map(([path, read]) => [path, read(i)]), headline: headline(r),
      reason: g.at.reason(i), note: g.at.note(i), waiverNote: g.at.waiverNote(i), calls: g.at.calls(i), collected: g.at.collected(i), reused: g.at.reused(i),
      first: g.at.first(i), firstRun: g.at.firstRun(i), change: g.at.change(i), causes: g.at.causes(i) ?? [], waiver: data.waivers[g.at.waiver(i)] ?? null,
      labels: Object.entries(g.labelAt).map(([name, read]) => [name, read(i)]).filter(([, value]) => value !== null),
    };
  }

  // ids as two numbers each, made when they are first asked for
  const hashes = new Map(), ids = new Uint32Array(total * 2), idThere = new Uint8Array(total);
  function makeId(r) {
    idThere[r] = 1;
    const g = groups[groupOf[r]], i = localOf[r], given = g.at.id(i);
    if (given !== null) {
      ids[2 * r] = parseInt(given.slice(0, 8), 16);
      ids[2 * r + 1] = parseInt(given.slice(8), 16);
      return;
    }
    const key = groupOf[r] * 2 ** 32 + placeOf[r];
    let hash = hashes.get(key);
    if (!hash) {
      const [target, , , datastore] = data.places[placeOf[r]];
      hash = findingIds(g.name, target, datastore);
      hashes.set(key, hash);
    }
    hash(imageSet(setOf[r]), flagsOf[r] & FLAGS.pinned ? g.at.version(i) : null, ids, 2 * r);
  }
  function idOf(r) {
    if (!idThere[r]) makeId(r);
    return hexOf(ids[2 * r]) + hexOf(ids[2 * r + 1]);
  }
  // the row with an id; -1 where there is none
  function rowOf(id) {
    if (!/^[0-9a-f]{16}$/.test(id)) return -1;
    const high = parseInt(id.slice(0, 8), 16), low = parseInt(id.slice(8), 16);
    for (let r = 0; r < total; r++) {
      if (!idThere[r]) makeId(r);
      if (ids[2 * r] === high && ids[2 * r + 1] === low) return r;
    }
    return -1;
  }

  const ageDays = (f) => (f.first === null ? null : Math.max(0, Math.floor((Date.parse(data.as_of) - Date.parse(f.first)) / 86400000)));
  // how long ago an instant was
  function ago(first) {
    const days = ageDays({first});
    return days < 1 ? "today" : days === 1 ? "1 day" : `${days.toLocaleString("en-US")} days`;
  }

  // what a count or ratio came to, as JSON holds it
  const plain = (value) => {
    const {text, ...numbers} = value?.text === undefined ? {} : value;
    return text === undefined ? (value === NOT_RECEIVED ? null : value) : numbers;
  };

  // a finding as results.json has it
  function normal(r) {
    const f = finding(r), g = f.group, waived = Boolean(f.flags & FLAGS.waived), arn = g.at.arn(localOf[r]), controls = {};
    for (const [framework, id] of g.controls) (controls[framework] ??= []).push(id);
    return {
      id: idOf(r), rule: g.rule, pack: g.pack, title: g.title, severity: g.severity, verdict: f.flags & FLAGS.unknown ? "unknown" : "fail",
      waived, gated: Boolean(f.flags & FLAGS.gated),
      target: f.target, account: f.account, region: f.region, datastoreId: f.datastore, imageSetId: f.id,
      versionId: f.version === null ? null : String(f.version), arn: arn && filled(r, arn), scope: g.scope, controls,
      owner: (waived && f.waiver ? f.waiver.owner : g.owner) || null, reason: f.reason,
      calls: f.calls, collectedAt: f.collected, reusedFrom: f.reused,
      change: f.change, causes: f.causes, first_seen: f.first, first_seen_run: f.firstRun, age_days: ageDays(f),
      message: f.flags & FLAGS.ownMessage ? f.headline : "", observed: Object.fromEntries(f.observed.map(([path, value]) => [path, plain(value)])), where: g.where,
      waiver: f.waiver && {number: f.waiver.number, owner: f.waiver.owner, expires: f.waiver.expires}, new: data.compared ? Boolean(f.flags & FLAGS.fresh) : null,
    };
  }

  return {
    data, total, groups, FLAGS, NO_SET, groupOf, localOf, flagsOf, setOf, placeOf, ageOf, causeOf, causeSizes, subjects, worst, ranking, dictionary,
    verdictOf, isNew, show, headline, finding, idOf, rowOf, imageSet, setNumber, ageDays, ago, normal, partial: total < data.total,
  };
})();
