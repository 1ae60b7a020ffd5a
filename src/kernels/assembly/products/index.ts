/** The exports of the products' kernels; their TypeScript twin is `src/kernels/products-module.ts`. */
export { finish } from './generated';
export { piece } from './multiply';
export { grain, profile } from './profile';
