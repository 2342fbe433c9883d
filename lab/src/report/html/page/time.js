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
      shape.setAttribute('data-family', mark.family);
      shape.setAttribute('data-node', data.nodes[node].name);
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
