/**
 * Numbers as types: `offsetof<Two>()` is 2. A generic function that takes its constants so is compiled to a function of its own
 * for each; as arguments they would be folded only where the call is inlined, and all loops inlined into one function take the
 * compiler many times as long.
 */

@unmanaged
export class Zero {}
@unmanaged
export class One extends Zero {
  one: u8;
}
@unmanaged
export class Two extends One {
  two: u8;
}
@unmanaged
export class Three extends Two {
  three: u8;
}
@unmanaged
export class Four extends Three {
  four: u8;
}
@unmanaged
export class Five extends Four {
  five: u8;
}
