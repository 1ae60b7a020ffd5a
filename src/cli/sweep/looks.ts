/**
 * How a sweep's arms are told apart in pictures: colours and symbols, and panels where there are too many arms for one.
 * Where a sweep has more than nine arms, the part of an arm's name before the first `-` names its panel and the rest
 * its colour, the same in every panel: `dqt8-nearest-even-0.001` is `nearest-even-0.001` in the panel `dqt8`.
 */

import type { LegendEntry } from '../../experiments/frame.ts';
import { type Look, lookAt } from '../../experiments/looks.ts';
import { armLooks } from '../report/curves.ts';
import type { Sweep } from './definition.ts';

const mostInOnePanel = 9;

/** Where and how an arm is drawn. */
interface ArmPlace {
  readonly arm: string;
  /** Null: in the only panel, or, as a baseline, in all. */
  readonly panel: string | null;
  readonly look: Look;
  /** By panel instead of by variant, for pictures in which all arms are in one. */
  readonly panelLook: Look;
}

interface Looks {
  /** Names of the panels; `['']` for one without a name. */
  readonly panels: readonly string[];
  /** In the order of the arms. */
  readonly places: readonly ArmPlace[];
  /** What colours mean within panels. */
  readonly legend: readonly LegendEntry[];
  /** What `panelLook` means. */
  readonly panelLegend: readonly LegendEntry[];
}

/** The looks of baselines: the colour of the text, dashed from the second on. */
const inkOf = (names: readonly string[]): Map<string, Look> =>
  new Map(
    names.map((name, index) => [
      name,
      index === 0
        ? { colour: 'ink', symbol: 'circle', dashed: false }
        : { ...lookAt(index - 1), colour: 'ink', dashed: true },
    ]),
  );

/** Looks of names in order: colours and symbols, none of them the first baseline's. */
const looksOf = (names: readonly string[]): Map<string, Look> => {
  const looks = armLooks(names.map((name) => `arm ${name}`));
  return new Map(names.map((name, index) => [name, looks[index]!]));
};

const entries = (looks: ReadonlyMap<string, Look>): LegendEntry[] =>
  [...looks].map(([text, look]) => ({ text, look }));

/** The looks of all arms of a sweep, finished or not. */
export function looksOfSweep({ arms, baselines }: Sweep): Looks {
  const others = arms.map(({ name }) => name).filter((name) => !baselines.includes(name));
  const bases = inkOf(baselines);
  if (arms.length <= mostInOnePanel) {
    const looks = new Map([...bases, ...looksOf(others)]);
    const lookOf = (name: string): Look => looks.get(name)!;
    const legend = arms.map(({ name }) => ({ text: name, look: lookOf(name) }));
    return {
      panels: [''],
      places: arms.map(({ name }) => ({
        arm: name,
        panel: null,
        look: lookOf(name),
        panelLook: lookOf(name),
      })),
      legend,
      panelLegend: legend,
    };
  }
  const split = (name: string): { panel: string; variant: string } => {
    const dash = name.indexOf('-');
    return dash < 0
      ? { panel: name, variant: name }
      : { panel: name.slice(0, dash), variant: name.slice(dash + 1) };
  };
  const panels = [...new Set(others.map((name) => split(name).panel))];
  const variants = looksOf([...new Set(others.map((name) => split(name).variant))]);
  const panelLooks = looksOf(panels);
  return {
    panels,
    places: arms.map(({ name }) => {
      const { panel, variant } = split(name);
      const ink = bases.get(name);
      return ink !== undefined
        ? { arm: name, panel: null, look: ink, panelLook: ink }
        : { arm: name, panel, look: variants.get(variant)!, panelLook: panelLooks.get(panel)! };
    }),
    legend: [...entries(bases), ...entries(variants)],
    panelLegend: [...entries(bases), ...entries(panelLooks)],
  };
}

/** Column, row and name of each panel in a grid of panels. */
export interface PanelGrid {
  readonly columns: number;
  readonly rows: number;
  readonly cells: readonly { readonly panel: string; readonly fx: number; readonly fy: number }[];
}

/** Lays panels out, at most three beside each other. */
export function panelGrid(panels: readonly string[]): PanelGrid {
  const columns = panels.length === 4 ? 2 : Math.min(3, panels.length);
  return {
    columns,
    rows: Math.ceil(panels.length / columns),
    cells: panels.map((panel, i) => ({ panel, fx: i % columns, fy: Math.floor(i / columns) })),
  };
}
