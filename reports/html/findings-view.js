// Findings as rows of the table, and what opens below one. Text goes in as text only, never as HTML.
const findingView = (() => {
  const {data, total, groups, FLAGS, NO_SET, groupOf, setOf, placeOf, verdictOf, isNew, show, finding, idOf, imageSet, ageDays, ago} = findings;
  const WORDS = {fail: "Fail", unknown: "Unknown", waived: "Waived", pass: "Pass", not_applicable: "Not applicable"};
  const CODES = {f: "fail", w: "waived", u: "unknown", p: "pass", n: "not_applicable"};
  const VERSION = ["Version", "State", "Workflow status", "Created", "Updated", "Deleted", "Forced"];
  const hasWaivers = Object.keys(data.waivers).length > 0;
  const columns = hasWaivers ? 7 : 6;
  const subjectHead = document.getElementById("subject")?.textContent ?? "Image set";
  const number = (n) => n.toLocaleString("en-US");
  const several = (n, word) => `${number(n)} ${word}${n === 1 ? "" : "s"}`;

  function make(tag, attributes = {}, ...children) {
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

  const address = (filters) => {
    const parts = Object.entries(filters).filter(([, value]) => value).map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll("%2F", "/").replaceAll("%3A", ":").replaceAll("%2C", ",")}`);
    return parts.length ? `#findings?${parts.join("&")}` : "#findings";
  };
  const verdict = (word) => make("span", {class: `verdict ${word}`}, icon(word), WORDS[word]);
  const severity = (word) => make("span", {class: `severity ${word}`}, word);
  // of an unread image set, of whose unknowns so many are listed
  const unreadTitle = (members) => {
    const all = !findings.partial && members.length === findings.causeSizes[findings.causeOf[members[0]]];
    return `The image set could not be read: ${number(members.length)} ${all ? "rules are undecided" : "undecided rules are among these"}`;
  };

  const since = (f) => (f.first === null ? ["not known", ""] : [f.first.slice(0, 10), ago(f.first)]);

  // a row without its texts, once: a copy of it is made much faster than its elements one by one
  const blank = (() => {
    const cell = (label, ...children) => make("td", {role: "cell", "data-label": label}, ...children);
    const set = cell(subjectHead, make("span", {class: "target"}), make("span", {class: "id"}));
    set.className = "subject";
    return make("tr", {role: "row", class: "finding"}, cell("Severity", make("span")), cell("Verdict"),
      cell("Rule", make("button", {type: "button", class: "opener", "aria-expanded": "false"})), set,
      cell("What was found", make("p", {class: "headline"})), cell("Since", make("span", {class: "day"})), hasWaivers ? cell("Waiver") : null);
  })();
  const VERDICTS = new Map(["fail", "unknown", "waived"].map((word) => [word, verdict(word)]));

  // `members`: the findings of one row, the worst first
  function row(members) {
    const r = members[0], f = finding(r), g = f.group, [day, ago] = since(f), many = members.length > 1;
    const element = blank.cloneNode(true), [severe, judged, rule, set, found, seen, waived] = element.children;
    element.id = `f-${idOf(r)}`;
    severe.firstChild.className = `severity ${g.severity}`;
    severe.firstChild.textContent = g.severity;
    judged.append(VERDICTS.get(f.verdict).cloneNode(true));
    if (isNew(r)) judged.append(" ", make("span", {class: "flag"}, "new"));
    if (f.note) judged.append(make("small", {}, f.note));
    rule.firstChild.textContent = many ? unreadTitle(members) : g.title;
    if (many) rule.append(make("small", {}, f.reason));
    set.firstChild.textContent = f.target;
    set.lastChild.textContent = f.id ?? f.datastore ?? "";
    if (f.version !== null) set.append(make("span", {class: "version"}, `version ${f.version}${f.flags & FLAGS.pinned && g.scope === "image_set" ? ", pinned" : ""}`));
    found.firstChild.textContent = f.headline;
    seen.firstChild.textContent = day;
    if (ago) seen.append(make("small", {}, ago));
    waived?.append(f.waiverNote || make("span", {class: "none"}, "none"));
    return element;
  }

  const fact = (name, ...children) => make("div", {}, make("dt", {}, name), make("dd", {}, ...children));
  const part = (title, ...children) => make("div", {class: "part"}, make("h4", {}, title), ...children);

  function observed(f) {
    // what a failed call did not give is not called absent
    const known = f.observed.filter(([, value]) => value !== null || !(f.flags & FLAGS.failedCall));
    return make("dl", {class: "facts-list"}, fact("Expected", f.group.expected),
      fact("Observed", known.length ? make("ul", {class: "seen"}, ...known.map(([path, value]) => make("li", {}, make("code", {}, path), " = ", make("code", {class: "value"}, show(value))))) : "nothing"),
      f.reason ? fact("Reason", f.reason) : null, fact("Rule", make("a", {href: `#about/${f.group.name}`}, f.group.name)));
  }

  function policy(g) {
    let last = null;
    const lines = g.excerpt.map(([at, text, matches]) => {
      const gap = last !== null && at !== last + 1;
      last = at;
      return make("span", {class: `line${matches ? " hit" : ""}${gap ? " gap" : ""}`}, make("span", {class: "no"}, String(at)), matches ? make("span", {class: "quiet"}, "condition: ") : null, make("span", {class: "text"}, text));
    });
    return part("Policy", make("p", {class: "where"}, make("code", {}, g.where)),
      lines.length ? make("pre", {class: "excerpt", tabindex: "0", role: "region", "aria-label": `Lines of ${g.where}`}, make("code", {}, ...lines)) : null);
  }

  function waiverOf(f) {
    const own = f.waiver;
    return make("dl", {class: "facts-list"}, fact("State", f.flags & FLAGS.waived ? "in force: the gate does not count it" : f.waiverNote),
      fact("Last day", own.expires), fact("Reason", own.reason), fact("Owner", own.owner), fact("Approved by", own.approved_by), fact("Written at", make("code", {}, own.where)));
  }

  function versions(r) {
    const known = data.versions[`${placeOf[r]}:${setOf[r]}`];
    const title = "Versions of the image set";
    if (!known) return data.cut && setOf[r] !== NO_SET ? part(title, make("p", {class: "fine"}, "This page has room for the versions of the worst image sets only. The evidence of the run has what it lists of the others.")) : null;
    const words = (value) => (value === null ? "" : value === true ? "yes" : value === false ? "no" : String(value));
    return part(title, make("div", {class: "scroll", role: "region", "aria-label": "Versions of the image set", tabindex: "0"},
      make("table", {class: "cards", role: "table"}, make("caption", {class: "quiet"}, "The versions that the evidence lists, the newest first"),
        make("thead", {role: "rowgroup"}, make("tr", {role: "row"}, ...VERSION.map((name) => make("th", {scope: "col", role: "columnheader"}, name)))),
        make("tbody", {role: "rowgroup"}, ...known.toReversed().map((cells) => make("tr", {role: "row"}, make("th", {scope: "row", role: "rowheader"}, words(cells[0])),
          ...cells.slice(1).map((value, index) => make("td", {role: "cell", "data-label": VERSION[index + 1]}, words(value)))))))));
  }

  function verdicts(r) {
    const f = finding(r), own = [];
    if (f.id === null) return null;
    for (let other = 0; other < total; other++) if (setOf[other] === setOf[r] && placeOf[other] === placeOf[r]) own.push(other);
    own.sort((a, b) => groups[groupOf[b]].rank - groups[groupOf[a]].rank || groups[groupOf[a]].order - groups[groupOf[b]].order);
    const list = make("ul", {class: "verdict-list"}, ...own.map((other) => make("li", {}, verdict(verdictOf(other)), " ", severity(groups[groupOf[other]].severity), " ",
      other === r ? make("b", {}, groups[groupOf[other]].title) : make("a", {href: address({set: f.id, open: idOf(other)})}, groups[groupOf[other]].title))));
    const codes = data.verdicts[`${placeOf[r]}:${setOf[r]}`];
    const with_ = (code) => data.judged.filter((_, i) => codes[i] === code);
    const rest = !codes ? [make("p", {class: "fine"}, findings.partial ? "These are the findings held here." : "Every other rule passed, or does not apply.")]
      : ["p", "n"].map((code) => [CODES[code], with_(code)]).filter(([, rules]) => rules.length).map(([word, rules]) =>
        make("details", {}, make("summary", {}, verdict(word), ` ${several(rules.length, "rule")}`), make("ul", {}, ...rules.map(([name, title]) => make("li", {}, make("a", {href: `#about/${name}`}, title), " ", make("code", {}, name))))));
    return part("Every verdict of this image set", list, ...rest);
  }

  function undecided(members) {
    return part("Rules that are undecided", make("ul", {class: "verdict-list"}, ...members.map((r) => {
      const f = finding(r);
      return make("li", {}, severity(f.group.severity), " ", make("a", {href: `#about/${f.group.name}`}, f.group.title), " ", make("code", {}, f.group.name),
        f.note || f.waiverNote ? make("small", {}, [f.note, f.waiverNote].filter(Boolean).join("; ")) : null, make("a", {class: "cite", href: address({rule: f.group.name, open: idOf(r)})}, `finding ${idOf(r)}`));
    })));
  }

  function provenance(r, f) {
    const id = idOf(r), [account, named] = [f.account, data.accounts[f.account]];
    const calls = [f.calls.join(", "), f.collected && `of ${f.collected}`, f.reused && `asked by run ${f.reused}`].filter(Boolean).join(", ");
    const days = ageDays(f);
    const first = [f.first, days >= 1 ? `${several(days, "day")} ago` : null, f.firstRun && `in run ${f.firstRun}`].filter(Boolean).join(", ");
    const place = [account && (named ? `account ${named} (${account})` : `account ${account}`), f.region, f.datastore && `data store ${f.datastore}`].filter(Boolean).join(", ");
    return part("Evidence", make("dl", {class: "facts-list"},
      f.first ? fact(f.flags & FLAGS.unknown ? "Unknown since" : "First seen", first) : null,
      f.change ? fact("Change", [f.change, f.causes.join(", ")].filter(Boolean).join(": ")) : null,
      f.calls.length ? fact("Rests on", calls) : null,
      fact("Gate", f.flags & FLAGS.gated ? "counts it" : `does not count it: ${f.note || f.waiverNote}`),
      place ? fact("Where", place) : null,
      f.labels.length ? fact("Labels", f.labels.map(([name, value]) => `${name}: ${value}`).join(", ")) : null,
      fact("Finding", make("a", {class: "cite", href: address({open: id})}, id)),
      f.id ? fact("Image set", make("a", {href: address({set: f.id})}, "all findings of this image set")) : null));
  }

  // what opens below a row
  function detail(members) {
    const r = members[0], f = finding(r), g = f.group, many = members.length > 1;
    const texts = [["Why it matters", g.why], ["What to do", g.fix], ["What it leaves open", g.caveat]].filter(([, text]) => text && !many);
    const controls = g.controls.length && !many ? [part("Controls", make("ul", {class: "controls"}, ...g.controls.map(([framework, id, title]) =>
      make("li", {}, make("a", {href: address({control: `${framework}:${id}`})}, `${framework} ${id}`), title ? ` ${title}` : ""))))] : [];
    const left = many ? [undecided(members)] : [part("Observed against expected", observed(f)), policy(g)];
    const right = [...texts.map(([title, text]) => part(title, make("p", {}, text))), ...controls, f.waiver && !many ? part("Waiver", waiverOf(f)) : null, provenance(r, f)];
    const id = `d-${idOf(r)}`;
    return make("tr", {role: "row", class: "detail", id}, make("td", {role: "cell", colspan: columns}, make("div", {class: "opened"},
      make("div", {class: "side"}, ...left), make("div", {class: "side"}, ...right), make("div", {class: "whole"}, versions(r), many ? null : verdicts(r)))));
  }

  // `count` findings stand below it, of a group that has `all` in the run, where that is known
  function heading(title, small, count, all, href) {
    const held = findings.partial ? ` held here${all == null ? "" : `, of ${number(all)}`}` : "";
    return make("tr", {role: "row", class: "group"}, make("th", {role: "rowheader", scope: "rowgroup", colspan: columns},
      title ? make("span", {class: "name"}, title) : null, small ? make("small", {}, small) : null,
      href ? make("a", {href}, several(count, "finding") + held) : make("span", {}, several(count, "finding") + held)));
  }

  return {make, number, several, address, row, detail, heading, columns};
})();
