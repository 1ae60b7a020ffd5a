/** Three spirals around each other, as the table that the page trains on and gives away. */
import { round } from '../src/index.ts';

const [arms, points] = [3, 200];

/** The table: x, y and the class of each point. Coordinates are rounded to binary16, so that every engine prints them alike. */
export function csvOfSpirals(): string {
  const rows = ['x,y,class'];
  for (let arm = 0; arm < arms; arm++)
    for (let i = 0; i < points; i++) {
      const radius = (i + 1) / points;
      const angle = 4 * radius + (2 * Math.PI * arm) / arms;
      const [x, y] = [Math.cos(angle), Math.sin(angle)].map((part) => round(radius * part, 'binary16'));
      rows.push(`${x},${y},arm ${'abc'[arm]}`);
    }
  return `${rows.join('\n')}\n`;
}
