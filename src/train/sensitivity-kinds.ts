/** How it is measured what an error in a layer's weights costs. */
export const measures = ['loss', 'hessian', 'eigenvalue', 'gradients', 'sqnr', 'weights'] as const;
export type Measure = (typeof measures)[number];
