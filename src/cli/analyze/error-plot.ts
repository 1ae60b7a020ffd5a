/** Error against bits for a list of quantisers, as SVG: each a point with its name; less of both is better. */

import * as Plot from '@observablehq/plot';
import type { ErrorPoint } from '../../quantizers/index.ts';
import { svgDocument } from '../report/svg.ts';

/** What the picture says besides the points. */
interface ErrorPlotNotes {
  /** What the tensor is: `gaussian, 64 x 1024`. */
  readonly data: string;
  /** Whether the least error that any code of so many bits can have for Gaussian data is drawn: 2^-bits. */
  readonly gaussian: boolean;
}

const size = { width: 820, height: 440, marginLeft: 58, marginRight: 90, marginTop: 14, marginBottom: 44 };
const colour = '#0a85c7';
const limitColour = '#d55e00';
/** Pixels of a label's line, of one of its characters, about, and of a point. */
const lineHeight = 13;
const characterWidth = 7.2;
const pointRadius = 6;

interface Label {
  readonly point: ErrorPoint;
  /** On which side of the point. */
  readonly left: boolean;
  /** Pixels downwards. */
  readonly shift: number;
}

/** What covers part of a line: from and to along it, and the height of its middle. */
interface Box {
  readonly from: number;
  readonly to: number;
  readonly at: number;
}

const covers = (a: Box, b: Box): boolean =>
  a.from < b.to && b.from < a.to && Math.abs(a.at - b.at) < lineHeight;

/** Places labels right of their points, else left, else moved down until they cover no point and no other label. */
function placeLabels(
  points: readonly ErrorPoint[],
  bits: readonly [number, number],
  errors: readonly [number, number],
): Label[] {
  const innerWidth = size.width - size.marginLeft - size.marginRight;
  const innerHeight = size.height - size.marginTop - size.marginBottom;
  const x = (value: number): number => ((value - bits[0]) / (bits[1] - bits[0])) * innerWidth;
  const y = (value: number): number =>
    (Math.log(errors[1] / value) / Math.log(errors[1] / errors[0])) * innerHeight;
  const taken: Box[] = points.map((point) => {
    const place = x(point.bitsPerElement);
    return { from: place - pointRadius, to: place + pointRadius, at: y(point.relativeError) };
  });
  return points.map((point) => {
    const width = point.name.length * characterWidth;
    const place = x(point.bitsPerElement);
    const height = y(point.relativeError);
    for (let shift = 0; ; shift += lineHeight / 2) {
      for (const left of [false, true]) {
        const from = left ? place - pointRadius - width : place + pointRadius;
        const box = { from, to: from + width, at: height + shift };
        if (from < 0 || box.to > innerWidth + size.marginRight || taken.some((other) => covers(box, other)))
          continue;
        taken.push(box);
        return { point, left, shift };
      }
      // Out of room: a name longer than the picture.
      if (shift > innerHeight) return { point, left: false, shift: 0 };
    }
  });
}

/** Relative error (logarithmic) against bits per element; exact ones, and those that lose elements, are named in the caption. */
export function errorPlot(points: readonly ErrorPoint[], { data, gaussian }: ErrorPlotNotes): string {
  const drawn = points.filter(({ relativeError }) => relativeError > 0 && Number.isFinite(relativeError));
  /** A line for the quantisers that are not drawn for one reason. */
  const absence = (reason: string, isSo: (point: ErrorPoint) => boolean): string[] => {
    const names = points.filter((point) => !drawn.includes(point) && isSo(point)).map(({ name }) => name);
    return names.length > 0 ? [`${reason}: ${names.join(', ')}.`] : [];
  };
  const bits = drawn.map(({ bitsPerElement }) => bitsPerElement);
  const errors = drawn.map(({ relativeError }) => relativeError);
  const bitRange: [number, number] =
    drawn.length === 0 ? [0, 8] : [Math.floor(Math.min(...bits) - 0.5), Math.ceil(Math.max(...bits) + 0.5)];
  const errorRange: [number, number] =
    drawn.length === 0 ? [0.001, 1] : [Math.min(...errors) / 1.8, Math.max(...errors) * 1.5];
  const labels = placeLabels(drawn, bitRange, errorRange);
  const limit = bitRange.map((bit) => ({ bit, error: 2 ** -bit }));
  const text = (label: Label): Plot.Markish =>
    Plot.text([label.point], {
      x: 'bitsPerElement',
      y: 'relativeError',
      text: 'name',
      textAnchor: label.left ? 'end' : 'start',
      dx: label.left ? -8 : 8,
      dy: label.shift,
    });
  return svgDocument(
    {
      ...size,
      x: {
        domain: bitRange,
        label: 'bits per element, scales included',
        labelAnchor: 'center',
        labelArrow: 'none',
      },
      y: {
        type: 'log',
        domain: errorRange,
        label: 'relative error',
        labelAnchor: 'center',
        labelArrow: 'none',
        tickFormat: (error: number) => String(Number(error.toPrecision(3))),
        ticks: 6,
      },
      marks: [
        Plot.gridX({ strokeOpacity: 0.12 }),
        Plot.gridY({ strokeOpacity: 0.12 }),
        ...(gaussian
          ? [
              Plot.line(limit, {
                x: 'bit',
                y: 'error',
                stroke: limitColour,
                strokeDasharray: '5,4',
                clip: true,
              }),
            ]
          : []),
        Plot.dot(drawn, { x: 'bitsPerElement', y: 'relativeError', fill: colour, r: 4.5 }),
        ...labels.map(text),
      ],
    },
    {
      title: `Relative error against bits per element: ${points.map(({ name }) => name).join(', ')}`,
      legend: [],
      caption: [
        `Relative error, root of sum (value - x)^2 / sum x^2, of ${data}. Lower and further left is better.`,
        ...(gaussian
          ? ['Dashed: 2^-bits, the least error of any code for Gaussian data (rate-distortion).']
          : []),
        ...absence('Exact', ({ relativeError }) => relativeError === 0),
        ...absence('With elements that became NaN or infinite', ({ lost }) => lost > 0),
        ...absence(
          'Without a relative error',
          ({ relativeError, lost }) => relativeError !== 0 && lost === 0,
        ),
      ],
    },
  );
}
