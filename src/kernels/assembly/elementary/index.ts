/** The module of elementary functions of arrays. Every buffer is given by the caller, so it works on any heap. */
export { piece } from './piece';
