/** The module of convolutions. Every buffer is given by the caller. */
export { depthwise, depthwiseBack, depthwiseFilter } from './depthwise';
export { patches } from './patches';
