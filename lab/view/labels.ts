/** Where labels stand beside their dots, so that none covers another or a dot. Pure geometry. */

export interface Dot {
  readonly x: number;
  readonly y: number;
  readonly text: string;
}

/** A place: `x` is the label's left, `y` its base line. */
export interface LabelPlace {
  readonly x: number;
  readonly y: number;
  /** Whether it stands so far off that a line must lead to it. */
  readonly isFar: boolean;
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Pixels that a text is at most about wide in the style sheet's size of labels. */
export const textWidth = (text: string): number =>
  7.6 * text.length + 4.5 * (text.match(/[mwMW]/g)?.length ?? 0);

const [lineHeight, radius, gap] = [14, 4, 8];

const meet = (a: Box, b: Box): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

const boxAt = (x: number, y: number, text: string): Box => ({
  ...{ left: x, right: x + textWidth(text), top: y - 11, bottom: y + 3 },
});

/** Places to try, nearest first: beside the dot, over and under it, then rows further off. */
function* placesAround({ x, y, text }: Dot): Generator<LabelPlace> {
  const wide = textWidth(text);
  for (let row = 0; row < 24; row++)
    for (const dy of row === 0 ? [0] : [-row * lineHeight, row * lineHeight])
      for (const left of [x + gap, x - gap - wide, x - wide / 2])
        yield { x: left, y: y + 4 + dy, isFar: row > 1 };
}

/** A place for each label within the bounds; undefined where there is none left. */
export function placeLabels(dots: readonly Dot[], bounds: Box): (LabelPlace | undefined)[] {
  const taken: Box[] = dots.map(({ x, y }) => ({
    ...{ left: x - radius, right: x + radius, top: y - radius, bottom: y + radius },
  }));
  return dots.map((dot) => {
    for (const place of placesAround(dot)) {
      const box = boxAt(place.x, place.y, dot.text);
      const isInside =
        box.left >= bounds.left &&
        box.right <= bounds.right &&
        box.top >= bounds.top &&
        box.bottom <= bounds.bottom;
      if (!isInside || taken.some((other) => meet(box, other))) continue;
      taken.push(box);
      return place;
    }
    return undefined;
  });
}
