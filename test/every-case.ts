/** Whether cases that say the same at length are all run: in the slow suite (vitest.slow.config.ts). Otherwise some in turn. */
export const everyCase: boolean = process.env['HALFULP_EVERY_CASE'] === '1';

/** How often a property is tried: `runs` times in the slow suite, a third of that otherwise. */
export const times = (runs: number): number => (everyCase ? runs : Math.ceil(runs / 3));
