/** The module of convolutions and of what turns matrices. Every buffer is given by the caller. */
export { depthwise, depthwiseBack, depthwiseFilter } from './depthwise';
export { patches } from './patches';
export { transpose } from './transpose';
