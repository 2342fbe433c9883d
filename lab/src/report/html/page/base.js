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
