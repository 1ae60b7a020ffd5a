/** Experiments: repeated with seeds, and drawn. */
export { type Channel, type PlotAxis, type PlotOptions, plot } from './plot.ts';
export { type Repeated, type RepeatedOf, type RepeatOptions, repeat } from './repeat.ts';
