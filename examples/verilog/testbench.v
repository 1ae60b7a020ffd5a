// Reads lines of `halfulp vectors mul --format e4m3fn --no-flags` (+vectors=FILE), and prints them with the multiplier's results.
module testbench;
  parameter STICKY = 1;
  reg  [7:0] a, b, expected;
  wire [7:0] z;
  e4m3fn_mul #(.STICKY(STICKY)) multiplier (.a(a), .b(b), .z(z));

  reg [8*256-1:0] path;
  integer file;
  initial begin
    if (!$value$plusargs("vectors=%s", path)) path = "vectors.txt";
    file = $fopen(path, "r");
    if (file == 0) $finish;
    while ($fscanf(file, "%h %h %h", a, b, expected) == 3) begin
      #1 $display("%h %h %h", a, b, z);
    end
    $finish(0);
  end
endmodule
