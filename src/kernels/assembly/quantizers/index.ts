/** The module of quantisers. Every buffer, scratch included, is given by the caller. */
export { fakeQuantizeAbsmean, fakeQuantizeRowsAbsmax } from './quantize';
