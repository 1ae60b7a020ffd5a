/** The module of correctly rounded operations on arrays. Every buffer is given by the caller, so it works on any heap. */
export { findNonMember } from './members';
export { narrowed, piece } from './operate';
