/** The module that counts what a rounding did. Every buffer is given by the caller. */
export { count } from './count';
