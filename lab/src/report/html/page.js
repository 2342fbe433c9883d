'use strict';
(() => {
const data = JSON.parse(document.getElementById('data').textContent);
const at = id => document.getElementById(id);
const SVG = 'http://www.w3.org/2000/svg';
const SHOWN = 400;

function make(parent, tag, attributes, text) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  if (parent) parent.append(element);
  return element;
}
function draw(parent, tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}
function time(seconds) {
  const size = Math.abs(seconds);
  if (size === 0) return '0';
  if (size < 1e-3) return (seconds * 1e6).toPrecision(3) + ' us';
  if (size < 1) return (seconds * 1e3).toPrecision(3) + ' ms';
  return seconds.toFixed(size < 10 ? 2 : 1) + ' s';
}

// What happened, by step and by lane.
const owner = new Map();
data.nodes.forEach((node, index) => node.addresses.forEach(address => owner.set(address, index)));
const named = new Map(data.nodes.map((node, index) => [node.name, index]));
// What nodes tell of themselves, by the kind of notice.
const TOLD = { link: 'link', mroute: 'kernel mroute', route: 'route', membership: 'membership', neighbor: 'neighbor',
  dr: 'neighbor', querier: 'neighbor' };
const spans = [];
const marks = [];
let end = 0;
for (const event of data.events) {
  end = Math.max(end, event.seconds);
  const step = spans[spans.length - 1];
  if (event.event === 'step') {
    spans.push({ from: event.seconds, to: null, carried: {}, rows: [], faults: [] });
  } else if (event.event === 'step ended') {
    if (step) step.to = event.seconds;
  } else if (event.event === 'carried') {
    if (step) step.carried[event.group] = event.links;
  } else if (event.event === 'received') {
    if (step) Object.assign(step, { rows: event.rows, faults: event.faults || [] });
  } else if (event.event === 'message') {
    const node = owner.get(event.source);
    marks.push({ at: event.seconds, kind: event.kind, nodes: node === undefined ? [] : [node],
      where: event.link, from: node === undefined ? event.source : data.nodes[node].name, text: event.text });
  } else if (event.event === 'notice') {
    const node = named.get(event.node);
    marks.push({ at: event.seconds, kind: event.kind, nodes: node === undefined ? [] : [node], where: '', from: event.node,
      text: event.text, family: TOLD[event.kind] || 'daemon' });
  } else if (event.event === 'action') {
    const nodes = (event.nodes || []).map(name => named.get(name)).filter(node => node !== undefined);
    marks.push({ at: event.seconds, kind: 'lab', nodes, where: '', from: 'lab', text: event.action });
  } else if (event.event !== 'joined' && event.event !== 'ended') {
    const text = event.error || event.output || event.text || '';
    if (event.event === 'routes') { marks.push({ at: event.seconds, kind: 'lab', where: '', from: 'lab', text, nodes: event.nodes.map(name => named.get(name)) }); continue; }
    marks.push({ at: event.seconds, kind: 'lab', nodes: [], where: '', from: 'lab',
      text: event.event + ' ' + (event.count || '') + text });
  }
}
for (const span of spans) if (span.to === null) span.to = end;
marks.forEach((mark, index) => {
  mark.index = index;
  if (!mark.family) mark.family = mark.kind === 'lab' ? 'lab' : mark.kind.startsWith('igmp') ? 'igmp'
    : mark.kind === 'pim.hello' ? 'hello' : mark.kind.startsWith('pim.register') ? 'register'
    : mark.kind === 'pim.assert' ? 'assert' : mark.kind.startsWith('pim') ? 'join/prune' : 'other';
  mark.words = [mark.kind, mark.text, mark.from, mark.where].join(' ').toLowerCase();
});
const COLOURS = { lab: '#c2185b', igmp: '#2e8b57', hello: '#9aa6b8', register: '#8e44ad', assert: '#b8860b',
  'join/prune': '#2f6fd0', other: '#777', link: '#b3261e', 'kernel mroute': '#00796b', route: '#0d9488', membership: '#65a30d',
  neighbor: '#5b6577', daemon: '#d9620f' };
const STATES = new Set(['link', 'kernel mroute', 'route', 'membership', 'neighbor', 'daemon']);
const whole = [0, Math.max(end, 1e-3)];

// The state is the fragment: a link to it shows the same.
const state = { step: null, from: whole[0], to: whole[1], group: '', filter: '', hidden: new Set(['hello']), file: '', mark: null };
function read() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const number = (key, other) => {
    const value = parseFloat(asked.get(key));
    return Number.isFinite(value) ? value : other;
  };
  const step = number('step', 0);
  state.step = step >= 1 && step <= data.run.steps.length ? Math.floor(step) - 1 : null;
  state.from = Math.max(whole[0], number('from', whole[0]));
  state.to = Math.min(whole[1], number('to', whole[1]));
  if (!(state.from < state.to)) [state.from, state.to] = whole;
  state.group = asked.get('group') || '';
  state.filter = asked.get('filter') || '';
  state.hidden = new Set((asked.has('hide') ? asked.get('hide') : 'hello').split(',').filter(Boolean));
  state.file = asked.get('file') || '';
  const mark = number('mark', -1);
  state.mark = marks[mark] ? mark : null;
}
function write() {
  const told = new URLSearchParams();
  if (state.step !== null) told.set('step', state.step + 1);
  if (state.from !== whole[0] || state.to !== whole[1]) {
    told.set('from', state.from.toFixed(6));
    told.set('to', state.to.toFixed(6));
  }
  if (state.group) told.set('group', state.group);
  if (state.filter) told.set('filter', state.filter);
  const hidden = [...state.hidden].join(',');
  if (hidden !== 'hello') told.set('hide', hidden);
  if (state.file) told.set('file', state.file);
  if (state.mark !== null) told.set('mark', state.mark);
  history.replaceState(null, '', '#' + told);
}
function change(values) {
  Object.assign(state, values);
  write();
  show();
}

function header() {
  const run = data.run;
  const head = at('head');
  make(head, 'h1', {}, run.lab);
  make(head, 'span', { class: 'word ' + run.outcome }, run.outcome.toUpperCase());
  const counts = run.counts;
  const said = [counts.passed + ' passed'];
  for (const [key, word] of [['failed', 'failed'], ['errors', 'errors'], ['skipped', 'skipped'], ['warnings', 'warnings']])
    if (counts[key]) said.push(counts[key] + ' ' + word);
  make(head, 'span', {}, said.join(', '));
  const how = run.simulated ? 'virtual time, ' + time(run.simulated.seconds) + ', seed ' + run.simulated.seed
    : 'namespaces' + (run.rootless ? ', rootless' : '') + ', ' + time(run.seconds);
  make(head, 'span', { class: 'fact' }, how);
  make(head, 'span', { class: 'fact' }, 'run ' + run.run + ', ' + run.started.slice(0, 19).replace('T', ' ') + ' UTC');
  make(head, 'span', { class: 'fact' }, run.file);
  if (data.about) make(head, 'p', { class: 'about' }, data.about);
  for (const error of run.errors || []) make(head, 'p', { class: 'error' }, error);
}

function pick(index) {
  const span = spans[index];
  const values = { step: index, mark: null };
  if (span) {
    const room = Math.max((span.to - span.from) * 0.08, 0.005);
    values.from = Math.max(whole[0], span.from - room);
    values.to = Math.min(whole[1], span.to + room);
    const groups = Object.keys(span.carried);
    if (groups.length && !groups.includes(state.group)) values.group = groups[0];
  }
  change(values);
}
function steps() {
  data.run.steps.forEach((step, index) => {
    const bad = !['pass', 'skip'].includes(step.outcome);
    const item = make(at('steps'), 'li', bad ? { class: 'bad' } : {});
    const button = make(item, 'button', { type: 'button', class: 'step', 'data-step': index + 1 });
    make(button, 'span', { class: 'word ' + step.outcome }, step.outcome.toUpperCase());
    make(button, 'span', {}, step.title);
    make(button, 'span', { class: 'took' }, step.outcome === 'skip' ? '' : time(step.seconds));
    button.addEventListener('click', () => pick(index));
    const detail = make(item, 'div', { class: 'detail' });
    if (step.error) make(detail, 'div', { class: 'missed' }, step.error);
    for (const told of step.expectations) {
      const good = told.outcome === 'pass';
      const line = make(detail, 'div');
      if (!good) make(line, 'span', { class: 'word ' + (told.warn ? 'warn' : told.outcome) }, (told.warn ? 'warning ' : '') + told.outcome + ' ');
      make(line, 'span', {}, (told.never ? 'never ' : '') + told.about + '  ');
      make(line, 'span', { class: 'fact' }, told.measured + ' (line ' + told.line + ')');
      for (const missed of told.missed || []) make(detail, 'div', { class: 'missed' }, missed);
    }
    for (const finding of step.findings || []) make(detail, 'div', { class: 'finding' }, finding);
    if (step.packets) make(detail, 'div', { class: 'fact' }, 'packets in ' + step.packets.split('/').pop());
  });
}

// The tree: the links that carried the group, away from its sources.
const groups = [...new Set(spans.flatMap(span => Object.keys(span.carried))
  .concat(data.sources.flatMap(source => source.groups), data.receivers.flatMap(receiver => receiver.groups)))]
  .sort((one, other) => one.localeCompare(other, 'en', { numeric: true }));
function carried() {
  const chosen = state.step === null ? spans : [spans[state.step]].filter(Boolean);
  const sum = new Map();
  for (const span of chosen) for (const [link, count] of Object.entries(span.carried[state.group] || {}))
    sum.set(link, (sum.get(link) || 0) + count);
  return sum;
}
function away(links) {
  const depth = new Map();
  const queue = [];
  for (const source of data.sources) if (source.groups.includes(state.group) && !depth.has(source.at)) {
    depth.set(source.at, 0);
    queue.push(source.at);
  }
  while (queue.length) {
    const node = queue.shift();
    for (const link of links) if (link.ends.includes(node)) for (const next of link.ends) if (!depth.has(next)) {
      depth.set(next, depth.get(node) + 1);
      queue.push(next);
    }
  }
  return depth;
}
function arrow(svg, line, forward) {
  const [x1, y1, x2, y2] = ['x1', 'y1', 'x2', 'y2'].map(key => parseFloat(line.getAttribute(key)));
  const [dx, dy] = forward ? [x2 - x1, y2 - y1] : [x1 - x2, y1 - y2];
  const length = Math.hypot(dx, dy) || 1;
  const [ux, uy] = [dx / length, dy / length];
  const [x, y] = [(x1 + x2) / 2 + ux * 9, (y1 + y2) / 2 + uy * 9];
  const points = [[x, y], [x - ux * 17 - uy * 8, y - uy * 17 + ux * 8], [x - ux * 17 + uy * 8, y - uy * 17 - ux * 8]];
  const shape = draw(svg, 'polygon', { class: 'arrow', points: points.map(point => point.map(n => n.toFixed(1)).join(',')).join(' ') });
  line.after(shape);
}
function network() {
  const bar = at('groups');
  bar.replaceChildren();
  for (const group of ['', ...groups]) {
    const button = make(bar, 'button', { type: 'button', 'data-group': group, class: group === state.group ? 'picked' : '' }, group || 'no tree');
    button.addEventListener('click', () => change({ group }));
  }
  const svg = document.querySelector('svg.network');
  svg.querySelectorAll('.arrow').forEach(old => old.remove());
  const counts = carried();
  const links = data.links.filter(link => counts.has(link.name));
  const depth = away(links);
  svg.querySelectorAll('line.link').forEach(line => {
    const link = data.links[line.dataset.link];
    const one = depth.get(Number(line.dataset.nodeA));
    const other = line.dataset.nodeB === '' ? undefined : depth.get(Number(line.dataset.nodeB));
    const carries = state.group !== '' && counts.has(link.name);
    const nearest = Math.min(...link.ends.map(end => depth.has(end) ? depth.get(end) : Infinity));
    line.classList.toggle('carries', carries);
    if (!carries || one === undefined) return;
    if (line.dataset.nodeB === '') arrow(svg, line, one === nearest);
    else if (other !== undefined && one !== other) arrow(svg, line, one < other);
  });
  svg.querySelectorAll('g.wire, g.segment').forEach(label => {
    const link = data.links[label.dataset.link];
    const carries = state.group !== '' && counts.has(link.name);
    const text = label.querySelector('text');
    text.classList.toggle('carries', carries && !link.segment);
    text.textContent = link.segment ? link.name : carries ? String(counts.get(link.name)) : link.net;
  });
  const words = state.filter.toLowerCase().split(/[\s,]+/).filter(Boolean);
  svg.querySelectorAll('g.node').forEach(node => {
    node.classList.toggle('picked', words.includes(data.nodes[node.dataset.node].name.toLowerCase()));
  });
  const which = state.step === null ? 'in the whole run' : 'in step ' + (state.step + 1);
  at('tree-note').textContent = state.group === '' ? 'Choose a group to see which links carried it.'
    : counts.size ? state.group + ': the links that carried it ' + which + ', in packets.'
    : state.group + ': no link carried it ' + which + '.';
}

// The time line.
const NAMES = 118, LANE = 24, TOP = 52;
let width = 0;
const visible = mark => !state.hidden.has(mark.family)
  && state.filter.toLowerCase().split(/[\s,]+/).filter(Boolean).every(word => mark.words.includes(word));
const x = seconds => NAMES + (seconds - state.from) / (state.to - state.from) * (width - NAMES - 12);
const second = pixel => state.from + (pixel - NAMES) / (width - NAMES - 12) * (state.to - state.from);
function zoom(from, to) {
  const length = Math.min(Math.max(to - from, 1e-6), whole[1] - whole[0]);
  from = Math.min(Math.max(from, whole[0]), whole[1] - length);
  change({ from, to: from + length });
}
function tick(span) {
  const rough = Math.pow(10, Math.floor(Math.log10(span / 8)));
  return [1, 2, 5, 10].map(factor => factor * rough).find(size => span / size <= 10) || rough * 10;
}
function lanes() {
  const place = at('lanes');
  width = Math.max(place.clientWidth - 2, 500);
  const height = TOP + data.nodes.length * LANE + 8;
  place.replaceChildren();
  const svg = draw(place, 'svg', { viewBox: `0 0 ${width} ${height}`, height, role: 'img', 'aria-label': 'Time line',
    'data-from': state.from.toFixed(6), 'data-to': state.to.toFixed(6) });
  const clip = draw(draw(svg, 'defs'), 'clipPath', { id: 'inside' });
  draw(clip, 'rect', { x: NAMES - 6, y: 0, width: width - NAMES, height });
  const every = tick(state.to - state.from);
  for (let moment = Math.ceil(state.from / every) * every; moment <= state.to; moment += every) {
    draw(svg, 'line', { class: 'ruled', x1: x(moment), x2: x(moment), y1: 18, y2: height });
    draw(svg, 'text', { x: x(moment), y: 13, 'text-anchor': 'middle' }, parseFloat(moment.toPrecision(9)) + ' s');
  }
  data.nodes.forEach((node, index) => {
    const y = TOP + index * LANE;
    draw(svg, 'line', { class: 'ruled', x1: 0, x2: width, y1: y, y2: y });
    draw(svg, 'text', { class: 'lane', x: 10, y: y + 16 }, node.name.slice(0, 16));
  });
  const inside = draw(svg, 'g', { 'clip-path': 'url(#inside)' });
  const paint = { pass: '#1f7a45', skip: '#8a94a6', late: '#b97f10', flap: '#b97f10', fail: '#b3261e', error: '#b3261e' };
  spans.forEach((span, index) => {
    const step = data.run.steps[index];
    if (!step || span.to < state.from || span.from > state.to) return;
    const wide = Math.max(x(span.to) - x(span.from) - 1, 2);
    const bar = draw(inside, 'rect', { class: 'mark', x: x(span.from), y: 22, width: wide, height: 22, rx: 3,
      fill: paint[step.outcome] || '#8a94a6', opacity: state.step === null || state.step === index ? 1 : .5 });
    draw(bar, 'title', {}, step.title + ', ' + time(span.to - span.from));
    bar.addEventListener('click', () => pick(index));
    const from = Math.max(x(span.from), NAMES) + 5;
    const letters = Math.floor((Math.min(x(span.to), width) - from - 4) / 6);
    if (letters > 3) {
      const title = (index + 1) + ' ' + step.title;
      draw(inside, 'text', { class: 'bar-title', x: from, y: 37 }, title.length > letters ? title.slice(0, letters - 1) + '…' : title);
    }
    if (index) draw(inside, 'line', { class: 'ruled', x1: x(span.from), x2: x(span.from), y1: 44, y2: height, 'stroke-dasharray': '3 3' });
  });
  draw(svg, 'text', { class: 'lane', x: 10, y: 37 }, 'steps');
  const seen = new Set();
  let drawn = 0, inWindow = 0;
  for (const mark of marks) {
    if (mark.at < state.from || mark.at > state.to || !visible(mark)) continue;
    inWindow += 1;
    for (const node of mark.nodes) {
      const px = x(mark.at), y = TOP + node * LANE + LANE / 2;
      const key = mark.family + Math.round(px) + ':' + node;
      // What falls on one pixel is drawn once.
      if (seen.has(key) && mark.index !== state.mark) continue;
      seen.add(key);
      drawn += 1;
      const fill = COLOURS[mark.family];
      const shape = mark.family === 'lab'
        ? draw(inside, 'path', { d: `M${px} ${y - 8}l7 8l-7 8l-7 -8z`, fill })
        : STATES.has(mark.family) ? draw(inside, 'rect', { x: px - 4, y: y - 4, width: 8, height: 8, fill })
        : draw(inside, 'circle', { cx: px, cy: y, r: 4.5, fill });
      shape.setAttribute('class', 'mark' + (mark.index === state.mark ? ' picked' : ''));
      draw(shape, 'title', {}, time(mark.at) + '  ' + mark.kind + ' ' + mark.text + (mark.where ? ' on ' + mark.where : ''));
      shape.addEventListener('click', () => change({ mark: mark.index }));
    }
  }
  at('time-note').textContent = `${time(state.from)} to ${time(state.to)}: ${inWindow} of ${marks.length} events`
    + (data.left_out ? ` (${data.left_out} early messages are left out of this page)` : '')
    + '. Wheel zooms, drag moves, a click on a step goes to it.';
  moves(svg);
}
function moves(svg) {
  svg.addEventListener('wheel', event => {
    event.preventDefault();
    const pixel = (event.clientX - svg.getBoundingClientRect().left) * width / svg.getBoundingClientRect().width;
    const middle = second(Math.max(pixel, NAMES));
    const factor = Math.pow(1.0016, event.deltaY);
    const from = middle - (middle - state.from) * factor;
    zoom(from, from + (state.to - state.from) * factor);
  }, { passive: false });
}
function drags() {
  let began = null;
  at('lanes').addEventListener('pointerdown', event => {
    if (event.button === 0 && !event.target.closest('.mark')) began = { x: event.clientX, from: state.from, to: state.to };
  });
  addEventListener('pointermove', event => {
    if (!began) return;
    const moved = (event.clientX - began.x) / (width - NAMES - 12) * (began.to - began.from);
    zoom(began.from - moved, began.to - moved);
  });
  addEventListener('pointerup', () => { began = null; });
}
function kinds() {
  const place = at('kinds');
  place.replaceChildren();
  for (const family of Object.keys(COLOURS)) {
    const count = marks.filter(mark => mark.family === family).length;
    if (!count) continue;
    const hidden = state.hidden.has(family);
    const label = make(place, 'span', { class: 'kind' + (hidden ? ' hidden' : ''), 'data-kind': family, role: 'button', tabindex: 0 });
    const dot = draw(draw(label, 'svg', { width: 11, height: 10 }), 'circle', { cx: 5, cy: 5, r: 4.5 });
    dot.setAttribute('fill', COLOURS[family]);
    label.append(' ' + family + ' ' + count);
    const turn = () => {
      const all = new Set(state.hidden);
      if (!all.delete(family)) all.add(family);
      change({ hidden: all });
    };
    label.addEventListener('click', turn);
    label.addEventListener('keydown', event => { if (event.key === 'Enter') turn(); });
  }
}
function list() {
  const table = at('list');
  table.replaceChildren();
  const head = make(make(table, 'thead'), 'tr');
  for (const word of ['Time', 'From', 'On', 'What', '']) make(head, 'th', word === 'Time' ? { class: 'number' } : {}, word);
  const body = make(table, 'tbody');
  const found = marks.filter(mark => mark.at >= state.from && mark.at <= state.to && visible(mark));
  const middle = found.findIndex(mark => mark.index === state.mark);
  const from = Math.max(0, Math.min(middle - SHOWN / 2, found.length - SHOWN));
  for (const mark of found.slice(from, from + SHOWN)) {
    const row = make(body, 'tr', mark.index === state.mark ? { class: 'picked' } : {});
    make(row, 'td', { class: 'number' }, mark.at.toFixed(6));
    make(row, 'td', {}, mark.from);
    make(row, 'td', {}, mark.where);
    make(row, 'td', {}, mark.kind);
    make(row, 'td', { class: 'text' }, mark.text);
    row.addEventListener('click', () => change({ mark: mark.index }));
  }
  if (found.length > SHOWN) make(make(body, 'tr'), 'td', { colspan: 5, class: 'fact' }, `${SHOWN} of ${found.length} are listed; zoom in or filter.`);
  const picked = body.querySelector('.picked');
  if (picked) table.parentElement.scrollTop = picked.offsetTop - 80;
}

// The ledger.
function latency(cell, told, scale) {
  if (!told) return;
  const wide = 190;
  const place = value => Math.log10(Math.max(value, scale[0]) / scale[0]) / (Math.log10(scale[1] / scale[0]) || 1) * (wide - 12) + 6;
  const svg = draw(cell, 'svg', { width: wide, height: 18, role: 'img', class: 'latency' });
  const line = (from, to, size, colour) => draw(svg, 'rect', { x: place(from), y: 9 - size / 2, width: Math.max(place(to) - place(from), 2), height: size, rx: 2, fill: colour });
  line(told.min_ns, told.max_ns, 2, '#8a94a6');
  line(told.p50_ns, told.p99_ns, 6, '#8db4ea');
  line(told.p50_ns, told.p90_ns, 10, '#2f6fd0');
  draw(svg, 'circle', { cx: place(told.max_ns), cy: 9, r: 3, fill: '#b3261e' });
  draw(svg, 'title', {}, ['min', 'p50', 'p90', 'p99', 'p999', 'max'].map(key => key + ' ' + time(told[key + '_ns'] / 1e9)).join('  '));
  make(cell, 'span', { class: 'fact' }, ' ' + ['p50', 'p99', 'max'].map(key => key + ' ' + time(told[key + '_ns'] / 1e9)).join(', '));
}
function ledger() {
  const table = at('ledger');
  table.replaceChildren();
  const all = spans.flatMap(span => span.rows).map(row => row.latency).filter(Boolean);
  const scale = [Math.max(1, Math.min(...all.map(told => told.min_ns))), Math.max(2, ...all.map(told => told.max_ns))];
  const head = make(make(table, 'thead'), 'tr');
  for (const [word, number] of [['Receiver', 0], ['Source', 0], ['Sent', 1], ['Received', 1], ['Lost', 1], ['Twice', 1], ['Out of order', 1],
    ['First after', 1], ['Longest gap', 1], ['Outage', 1], ['Join', 1], ['Leave', 1], ['Lost at', 0], ['Latency since the flow began', 0]]) make(head, 'th', number ? { class: 'number' } : {}, word);
  const body = make(table, 'tbody');
  spans.forEach((span, index) => {
    if (!span.rows.length || (state.step !== null && state.step !== index)) return;
    const title = make(body, 'tr', { class: 'step-row' });
    const after = span.faults.length ? ', after ' + span.faults.join(', ') : '';
    make(title, 'td', { colspan: 14 }, (index + 1) + ' ' + data.run.steps[index].title + after);
    for (const told of span.rows) {
      const row = make(body, 'tr');
      make(row, 'td', {}, told.receiver);
      make(row, 'td', {}, told.source);
      for (const key of ['sent', 'received', 'lost', 'duplicated', 'reordered'])
        make(row, 'td', { class: 'number' + (told[key] && ['lost', 'duplicated', 'reordered'].includes(key) ? ' bad' : '') }, told[key]);
      make(row, 'td', { class: 'number' }, told.first_ns === null ? '' : time(told.first_ns / 1e9));
      make(row, 'td', { class: 'number' }, told.received ? time(told.gap_ns / 1e9) : '');
      for (const key of ['outage_ns', 'join_ns', 'leave_ns'])
        make(row, 'td', { class: 'number' }, told[key] === undefined ? '' : time(told[key] / 1e9));
      make(row, 'td', {}, told.lost_at || '');
      latency(make(row, 'td'), told.latency, scale);
    }
  });
  if (!body.children.length) make(make(body, 'tr'), 'td', { class: 'fact', colspan: 14 }, 'Nothing was sent to a receiver of its group.');
}

function files() {
  const names = Object.keys(data.files);
  const bar = at('files');
  bar.replaceChildren();
  for (const name of names) {
    const button = make(bar, 'button', { type: 'button', 'data-file': name, class: name === state.file ? 'picked' : '' }, name);
    button.addEventListener('click', () => change({ file: name === state.file ? '' : name }));
  }
  const file = data.files[state.file];
  at('file').textContent = !names.length ? 'No files were kept.' : !file ? 'Choose a configuration, a log or a state.'
    : (file.left_out ? `(the first ${file.left_out} bytes are left out; the file is whole in the run's folder)\n` : '') + file.text;
}

function show() {
  at('steps').querySelectorAll('li').forEach((item, index) => item.classList.toggle('picked', index === state.step));
  if (at('filter').value !== state.filter) at('filter').value = state.filter;
  network();
  kinds();
  lanes();
  list();
  ledger();
  files();
}
header();
steps();
read();
if (!location.hash) {
  const failed = data.run.steps.findIndex(step => !['pass', 'skip'].includes(step.outcome));
  const carrying = spans.flatMap(span => Object.keys(span.carried));
  state.group = carrying[carrying.length - 1] || '';
  if (failed >= 0 && spans[failed]) {
    state.step = failed;
    state.group = Object.keys(spans[failed].carried)[0] || state.group;
  }
}
show();
drags();
at('filter').addEventListener('input', event => change({ filter: event.target.value }));
at('whole').addEventListener('click', () => change({ from: whole[0], to: whole[1], step: null, mark: null }));
at('out').addEventListener('click', () => {
  const half = (state.to - state.from) / 2;
  zoom(state.from - half, state.to + half);
});
document.querySelectorAll('svg.network g.node').forEach(node => node.addEventListener('click', () => {
  const name = data.nodes[node.dataset.node].name;
  change({ filter: state.filter === name ? '' : name });
}));
addEventListener('hashchange', () => { read(); show(); });
addEventListener('resize', lanes);
})();
