// A convolution, of all channels or channel by channel (DEPTHWISE), by shifts and additions over the files of `ptq-gen export --format readmemh`: one channel of outputs after
// the other, one term a cycle. Prints every accumulator or output that differs from the vectors, then how many were right.
module shift_layer;
  parameter HEIGHT = 1, WIDTH = 1, DEPTH = 1, OUT_HEIGHT = 1, OUT_WIDTH = 1, CHANNELS = 1;
  parameter KERNEL_HEIGHT = 1, KERNEL_WIDTH = 1, STRIDE_Y = 1, STRIDE_X = 1, TOP = 0, LEFT = 0, PAD = 0;
  parameter DEPTHWISE = 0, MULTIPLIER = 1;
  parameter TERMS = 1, EXPONENT_BITS = 3, INPUT_BITS = 8, INPUT_SIGNED = 1, OUTPUT_BITS = 8, HALF_UP = 1, ZERO_POINT = 0, LOW = -128, HIGH = 127;
  parameter CODES = "codes.hex", BIAS = "bias.hex", SHIFT = "shift.hex", INPUTS = "in.hex", SUMS = "sums.hex", OUTPUTS = "out.hex";
  parameter TAPS = KERNEL_HEIGHT * KERNEL_WIDTH * (DEPTHWISE ? 1 : DEPTH);

  reg [EXPONENT_BITS:0] codes[0:CHANNELS * TAPS * TERMS - 1];
  reg signed [31:0] bias[0:CHANNELS - 1];
  reg [4:0] places[0:CHANNELS - 1];
  reg [INPUT_BITS - 1:0] inputs[0:HEIGHT * WIDTH * DEPTH - 1];
  reg signed [31:0] sums[0:OUT_HEIGHT * OUT_WIDTH * CHANNELS - 1];
  reg [OUTPUT_BITS - 1:0] outputs[0:OUT_HEIGHT * OUT_WIDTH * CHANNELS - 1];

  reg [EXPONENT_BITS:0] code;
  reg signed [31:0] sum, x, shifted, result;
  integer row, column, channel, ky, kx, depth, input_channel, term, y, w, at, right, wrong;

  initial begin
    $readmemh(CODES, codes);
    $readmemh(BIAS, bias);
    $readmemh(SHIFT, places);
    $readmemh(INPUTS, inputs);
    $readmemh(SUMS, sums);
    $readmemh(OUTPUTS, outputs);
    right = 0;
    wrong = 0;
    for (row = 0; row < OUT_HEIGHT; row = row + 1)
      for (column = 0; column < OUT_WIDTH; column = column + 1)
        for (channel = 0; channel < CHANNELS; channel = channel + 1) begin
          sum = bias[channel];
          at = channel * TAPS * TERMS;
          for (ky = 0; ky < KERNEL_HEIGHT; ky = ky + 1)
            for (kx = 0; kx < KERNEL_WIDTH; kx = kx + 1)
              for (depth = 0; depth < (DEPTHWISE ? 1 : DEPTH); depth = depth + 1) begin
                input_channel = DEPTHWISE ? channel / MULTIPLIER : depth;
                if (DEPTHWISE) at = ((ky * KERNEL_WIDTH + kx) * CHANNELS + channel) * TERMS;
                y = row * STRIDE_Y + ky - TOP;
                w = column * STRIDE_X + kx - LEFT;
                if (y < 0 || y >= HEIGHT || w < 0 || w >= WIDTH) x = PAD;
                else if (INPUT_SIGNED) x = $signed(inputs[(y * WIDTH + w) * DEPTH + input_channel]);
                else x = inputs[(y * WIDTH + w) * DEPTH + input_channel];
                for (term = 0; term < TERMS; term = term + 1) begin
                  code = codes[at];
                  shifted = x <<< code[EXPONENT_BITS - 1:0];
                  sum = code[EXPONENT_BITS] ? sum - shifted : sum + shifted;
                  at = at + 1;
                end
              end
          check((row * OUT_WIDTH + column) * CHANNELS + channel);
        end
    $display("%0d right, %0d wrong", right, wrong);
    $finish;
  end

  task check(input integer index);
    begin
      result = HALF_UP && places[channel] != 0 ? sum + (32'sd1 <<< (places[channel] - 1)) : sum;
      result = (result >>> places[channel]) + ZERO_POINT;
      if (result < LOW) result = LOW;
      if (result > HIGH) result = HIGH;
      if (sum === sums[index] && result[OUTPUT_BITS - 1:0] === outputs[index]) right = right + 1;
      else begin
        wrong = wrong + 1;
        if (wrong < 4) $display("element %0d: %0d instead of %0d, code %h instead of %h", index, sum, sums[index], result[OUTPUT_BITS - 1:0], outputs[index]);
      end
    end
  endtask
endmodule
