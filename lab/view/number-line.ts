/** Values along a line, and one number on the way between two others. */
import { figure, linear, paperWidth } from './chart.ts';
import { type Child, svg } from './dom.ts';
import { textWidth } from './labels.ts';

/** Values along a line. */
interface LineRow {
  readonly name: string;
  readonly colour: number;
  readonly values: readonly number[];
}

/**
 * Values as ticks along a line, a row for each list.
 * @param place Where a value lies; NaN leaves it out.
 */
export function numberLine(
  title: string,
  rows: readonly LineRow[],
  place: (x: number) => number,
  range: readonly [number, number],
  text: (x: number) => string,
  chosen: number,
): SVGSVGElement {
  const [rowHeight, left, right] = [58, 8, 8];
  const width = paperWidth();
  const height = rows.length * rowHeight + 26;
  const x = linear(range[0], range[1], left, width - right, Math.max(5, Math.floor(width / 90)));
  const ticks = rows.flatMap(({ values, colour, name }, row): Child[] => {
    const y = 18 + row * rowHeight;
    let path = '';
    let last = -Infinity;
    for (const value of values) {
      const at = x(place(value));
      // Ticks closer than a third of a pixel are one.
      if (!Number.isFinite(at) || at < left - 1 || at > width - right + 1 || at - last < 0.33) continue;
      path += `M${at.toFixed(2)},${y}v26`;
      last = at;
    }
    return [
      svg('line', { class: 'axis', x1: left, x2: width - right, y1: y + 26, y2: y + 26 }),
      svg('path', { class: `ticks c${colour}`, d: path }),
      svg('text', { class: `label c${colour}`, x: left, y: y - 5 }, name),
    ];
  });
  const at = x(place(chosen));
  const isSeen = Number.isFinite(at) && at >= left - 1 && at <= width - right + 1;
  return figure(
    title,
    width,
    height,
    ...ticks,
    isSeen && svg('path', { class: 'chosen', d: `M${at.toFixed(2)},14v${rows.length * rowHeight - 8}` }),
    ...x.ticks.map((tick) =>
      svg(
        'text',
        { class: 'tick', x: x(tick), y: height - 8, 'text-anchor': anchorAt(x(tick), width) },
        text(tick),
      ),
    ),
  );
}

/** Texts at the ends of a line keep within it. */
const anchorAt = (x: number, width: number): string => (x < 30 ? 'start' : x > width - 30 ? 'end' : 'middle');

interface End {
  readonly value: string;
  /** A second line below it. */
  readonly note?: string;
}

/** A number on the way from one neighbour to the other, `place` of 1 of the way; `name` stands over it. */
export function between(title: string, low: End, high: End, place: number, name: string): SVGSVGElement {
  const width = Math.min(720, paperWidth());
  const [from, to, y] = [12, width - 12, 40];
  const x = from + place * (to - from);
  // Two long values stand one below the other.
  const isTight = textWidth(low.value) + textWidth(high.value) > width - 40;
  const end = (at: number, { value, note }: End, anchor: string, down: number): Child[] => [
    svg('path', { class: 'ticks c0', d: `M${at},${y - 12}v24` }),
    svg('text', { class: 'label', x: at, y: y + 30 + down, 'text-anchor': anchor }, value),
    note !== undefined &&
      svg('text', { class: 'tick', x: at, y: y + 46 + down, 'text-anchor': anchor }, note),
  ];
  return figure(
    title,
    width,
    y + (isTight ? 88 : 54),
    svg('line', { class: 'axis', x1: from, x2: to, y1: y, y2: y }),
    svg('path', { class: 'middle', d: `M${(from + to) / 2},${y - 8}v16` }),
    ...end(from, low, 'start', 0),
    ...end(to, high, 'end', isTight ? 34 : 0),
    svg('circle', { class: 'chosen', cx: x, cy: y, r: 6 }),
    svg('text', { class: 'label', x, y: y - 14, 'text-anchor': anchorAt(x, width) }, name),
  );
}
