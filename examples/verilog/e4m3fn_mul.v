// A multiplier of e4m3fn (OCP 8-bit floating point), nearest-even, without saturation: overflow gives NaN, which is 7F.
// STICKY = 0 plants a fault: the bits below the guard bit are forgotten, so that what lies just above a tie is taken for one.
module e4m3fn_mul #(
    parameter STICKY = 1
) (
    input  wire [7:0] a,
    input  wire [7:0] b,
    output reg  [7:0] z
);
  wire sign = a[7] ^ b[7];
  wire is_nan = &a[6:0] | &b[6:0];
  // Subnormals have the exponent of the smallest normal number, and no hidden bit.
  wire [3:0] significand_a = {|a[6:3], a[2:0]};
  wire [3:0] significand_b = {|b[6:3], b[2:0]};
  wire [4:0] exponent_a = |a[6:3] ? a[6:3] : 5'd1;
  wire [4:0] exponent_b = |b[6:3] ? b[6:3] : 5'd1;
  wire [7:0] product = significand_a * significand_b;

  integer exponent;
  integer shift;
  reg [15:0] aligned;
  reg lost;
  reg guard, sticky;
  reg [4:0] rounded;
  integer magnitude;

  always @* begin
    // The product with its leading one at the top; the bias is 7.
    aligned  = {product, 8'd0};
    exponent = exponent_a + exponent_b - 6;
    for (shift = 0; shift < 8; shift = shift + 1)
      if (!aligned[15] && product != 0) begin
        aligned  = aligned << 1;
        exponent = exponent - 1;
      end
    // Below the smallest normal number the quantum stays.
    lost = 1'b0;
    for (shift = 0; shift < 32; shift = shift + 1)
      if (exponent < 1) begin
        lost = lost | aligned[0];
        aligned = aligned >> 1;
        exponent = exponent + 1;
      end
    guard   = aligned[11];
    sticky  = (|aligned[10:0] | lost) & (STICKY != 0);
    rounded = aligned[15:12] + (guard & (sticky | aligned[12]));
    // A carry of the significand goes on into the exponent.
    magnitude = product == 0 ? 0 : (exponent - 1) * 8 + rounded;
    if (is_nan || magnitude > 126) z = 8'h7f;
    else z = {sign, magnitude[6:0]};
  end
endmodule
