/** Numbers of the TensorFlow Lite schema (version 3): field ids, element types, operator codes. */

export const FIELD = {
  model: { version: 0, operatorCodes: 1, subgraphs: 2, buffers: 4 },
  operatorCode: { deprecatedCode: 0, customCode: 1, code: 3 },
  subgraph: { tensors: 0, inputs: 1, outputs: 2, operators: 3 },
  tensor: { shape: 0, type: 1, buffer: 2, name: 3, quantization: 4, isVariable: 5, sparsity: 6, shapeSignature: 7 },
  quantization: { scale: 2, zeroPoint: 3, detailsType: 4, axis: 6 },
  operator: { codeIndex: 0, inputs: 1, outputs: 2, options: 4 },
  buffer: { data: 0, offset: 1, size: 2 },
} as const;

/** Field ids of the options of the operators that are imported. */
export const OPTION = {
  conv2d: { padding: 0, strideWidth: 1, strideHeight: 2, activation: 3, dilationWidth: 4, dilationHeight: 5 },
  depthwiseConv2d: { padding: 0, strideWidth: 1, strideHeight: 2, multiplier: 3, activation: 4, dilationWidth: 5, dilationHeight: 6 },
  transposeConv: { padding: 0, strideWidth: 1, strideHeight: 2, activation: 3 },
  pool: { padding: 0, strideWidth: 1, strideHeight: 2, filterWidth: 3, filterHeight: 4, activation: 5 },
  fullyConnected: { activation: 0, weightsFormat: 1, keepDims: 2 },
  binary: { activation: 0 },
  softmax: { beta: 0 },
  concatenation: { axis: 0, activation: 1 },
  reshape: { newShape: 0 },
  squeeze: { axes: 0 },
  reducer: { keepDims: 0 },
  leakyRelu: { alpha: 0 },
  gelu: { approximate: 0 },
  split: { count: 0 },
  pack: { count: 0, axis: 1 },
  unpack: { count: 0, axis: 1 },
  stridedSlice: { beginMask: 0, endMask: 1, ellipsisMask: 2, newAxisMask: 3, shrinkAxisMask: 4, offset: 5 },
  mirrorPad: { mode: 0 },
  gather: { axis: 0, batchDims: 1 },
  resizeBilinear: { alignCorners: 2, halfPixelCenters: 3 },
  resizeNearest: { alignCorners: 0, halfPixelCenters: 1 },
  batchMatmul: { transposeX: 0, transposeY: 1 },
} as const;

/** Element types by their number. */
export const ELEMENT_TYPES = [
  'float32', 'float16', 'int32', 'uint8', 'int64', 'string', 'bool', 'int16', 'complex64', 'int8',
  'float64', 'complex128', 'uint64', 'resource', 'variant', 'uint32', 'uint16', 'int4',
] as const;
export type ElementType = (typeof ELEMENT_TYPES)[number];

/** Names of the operator codes that exist in the CNN models of TensorFlow Lite Micro, and of those that fold away. */
export const OPERATOR_NAMES: ReadonlyMap<number, string> = new Map([
  [0, 'ADD'], [1, 'AVERAGE_POOL_2D'], [2, 'CONCATENATION'], [3, 'CONV_2D'], [4, 'DEPTHWISE_CONV_2D'], [5, 'DEPTH_TO_SPACE'],
  [6, 'DEQUANTIZE'], [7, 'EMBEDDING_LOOKUP'], [8, 'FLOOR'], [9, 'FULLY_CONNECTED'], [11, 'L2_NORMALIZATION'], [12, 'L2_POOL_2D'],
  [14, 'LOGISTIC'], [16, 'LSTM'], [17, 'MAX_POOL_2D'], [18, 'MUL'], [19, 'RELU'], [20, 'RELU_N1_TO_1'], [21, 'RELU6'],
  [22, 'RESHAPE'], [23, 'RESIZE_BILINEAR'], [24, 'RNN'], [25, 'SOFTMAX'], [26, 'SPACE_TO_DEPTH'], [27, 'SVDF'], [28, 'TANH'],
  [32, 'CUSTOM'], [34, 'PAD'], [36, 'GATHER'], [37, 'BATCH_TO_SPACE_ND'], [38, 'SPACE_TO_BATCH_ND'], [39, 'TRANSPOSE'], [40, 'MEAN'],
  [41, 'SUB'], [42, 'DIV'], [43, 'SQUEEZE'], [44, 'UNIDIRECTIONAL_SEQUENCE_LSTM'], [45, 'STRIDED_SLICE'], [47, 'EXP'], [48, 'TOPK_V2'],
  [49, 'SPLIT'], [50, 'LOG_SOFTMAX'], [53, 'CAST'], [54, 'PRELU'], [55, 'MAXIMUM'], [56, 'ARG_MAX'], [57, 'MINIMUM'], [58, 'LESS'],
  [59, 'NEG'], [60, 'PADV2'], [61, 'GREATER'], [64, 'SELECT'], [65, 'SLICE'], [66, 'SIN'], [67, 'TRANSPOSE_CONV'], [69, 'TILE'],
  [70, 'EXPAND_DIMS'], [71, 'EQUAL'], [73, 'LOG'], [74, 'SUM'], [75, 'SQRT'], [76, 'RSQRT'], [77, 'SHAPE'], [78, 'POW'], [79, 'ARG_MIN'],
  [81, 'REDUCE_PROD'], [82, 'REDUCE_MAX'], [83, 'PACK'], [85, 'ONE_HOT'], [88, 'UNPACK'], [89, 'REDUCE_MIN'], [90, 'FLOOR_DIV'],
  [92, 'SQUARE'], [93, 'ZEROS_LIKE'], [94, 'FILL'], [95, 'FLOOR_MOD'], [96, 'RANGE'], [97, 'RESIZE_NEAREST_NEIGHBOR'], [98, 'LEAKY_RELU'],
  [99, 'SQUARED_DIFFERENCE'], [100, 'MIRROR_PAD'], [101, 'ABS'], [102, 'SPLIT_V'], [104, 'CEIL'], [105, 'REVERSE_V2'], [106, 'ADD_N'],
  [107, 'GATHER_ND'], [108, 'COS'], [110, 'RANK'], [111, 'ELU'], [114, 'QUANTIZE'], [116, 'ROUND'], [117, 'HARD_SWISH'], [118, 'IF'],
  [119, 'WHILE'], [123, 'SELECT_V2'], [126, 'BATCH_MATMUL'], [128, 'CUMSUM'], [129, 'CALL_ONCE'], [130, 'BROADCAST_TO'], [132, 'CONV_3D'],
  [142, 'VAR_HANDLE'], [143, 'READ_VARIABLE'], [144, 'ASSIGN_VARIABLE'], [145, 'BROADCAST_ARGS'], [150, 'GELU'], [152, 'RELU_0_TO_1'],
]);

/** Values of ActivationFunctionType. */
export const ACTIVATION = { none: 0, relu: 1, reluMinus1To1: 2, relu6: 3, tanh: 4, signBit: 5 } as const;
/** Values of Padding. */
export const SAME = 0;
