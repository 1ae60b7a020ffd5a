/** How a series is drawn: a colour, a symbol, whether it is dashed. */

/** `ink` stands for the colour of the text, dark or light. */
export interface Look {
  readonly colour: string | 'ink';
  readonly symbol: 'circle' | 'square' | 'triangle' | 'diamond' | 'star' | 'wye' | 'cross';
  readonly dashed: boolean;
}

/**
 * Colours of Okabe and Ito's palette that keep a contrast of 3 to both white and near-black; told apart by people
 * with any colour vision, and doubled by the symbols.
 */
const colours = ['#d55e00', '#0a85c7', '#b8860b', '#c76aa0', '#009e73', '#8a6fd1', '#7f7f7f'] as const;
const symbols = ['square', 'triangle', 'diamond', 'star', 'wye', 'cross'] as const;

/** The look of the series of an index. */
export function lookAt(index: number): Look {
  return {
    colour: colours[index % colours.length]!,
    symbol: symbols[index % symbols.length]!,
    dashed: false,
  };
}

/** Colour of a series in SVG. */
export const svgColour = ({ colour }: Look): string => (colour === 'ink' ? 'currentColor' : colour);

/** Dash array of a line, if it is dashed. */
export const svgDash = ({ dashed }: Look): { strokeDasharray?: string } =>
  dashed ? { strokeDasharray: '5,4' } : {};
