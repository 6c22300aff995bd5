/**
 * The protocol-buffer messages of an ONNX file, as far as this tool reads them: field numbers and types only.
 * Unknown fields are skipped by the decoder. The same description encodes the small models of the tests.
 */
import protobuf from 'protobufjs';

export interface TensorMessage {
  readonly dims?: readonly number[];
  readonly dataType?: number;
  readonly floatData?: readonly number[];
  readonly int32Data?: readonly number[];
  readonly int64Data?: readonly number[];
  readonly doubleData?: readonly number[];
  readonly uint64Data?: readonly number[];
  readonly name?: string;
  readonly rawData?: Uint8Array;
  readonly externalData?: readonly { readonly key?: string; readonly value?: string }[];
  readonly dataLocation?: number;
}

export interface AttributeMessage {
  readonly name?: string;
  readonly type?: number;
  readonly f?: number;
  readonly i?: number;
  readonly s?: Uint8Array;
  readonly t?: TensorMessage;
  readonly g?: GraphMessage;
  readonly floats?: readonly number[];
  readonly ints?: readonly number[];
  readonly strings?: readonly Uint8Array[];
  readonly refAttrName?: string;
}

export interface NodeMessage {
  readonly input?: readonly string[];
  readonly output?: readonly string[];
  readonly name?: string;
  readonly opType?: string;
  readonly domain?: string;
  readonly attribute?: readonly AttributeMessage[];
}

export interface DimensionMessage {
  readonly dimValue?: number;
  readonly dimParam?: string;
}

export interface ValueInfoMessage {
  readonly name?: string;
  readonly type?: { readonly tensorType?: { readonly elemType?: number; readonly shape?: { readonly dim?: readonly DimensionMessage[] } } };
}

export interface GraphMessage {
  readonly node?: readonly NodeMessage[];
  readonly name?: string;
  readonly initializer?: readonly TensorMessage[];
  readonly sparseInitializer?: readonly unknown[];
  readonly input?: readonly ValueInfoMessage[];
  readonly output?: readonly ValueInfoMessage[];
}

/** A node type that the file itself defines as a graph of others. */
export interface FunctionMessage {
  readonly name?: string;
  readonly input?: readonly string[];
  readonly output?: readonly string[];
  readonly node?: readonly NodeMessage[];
  readonly domain?: string;
  /** Attributes with default values. */
  readonly attributeProto?: readonly AttributeMessage[];
}

export interface ModelMessage {
  readonly irVersion?: number;
  readonly producerName?: string;
  readonly graph?: GraphMessage;
  readonly opsetImport?: readonly { readonly domain?: string; readonly version?: number }[];
  readonly functions?: readonly FunctionMessage[];
}

type FieldTable = Record<string, readonly [type: string, id: number] | readonly [type: string, id: number, rule: 'repeated']>;

const MESSAGES: Record<string, FieldTable> = {
  Model: {
    irVersion: ['int64', 1],
    producerName: ['string', 2],
    graph: ['Graph', 7],
    opsetImport: ['OperatorSet', 8, 'repeated'],
    functions: ['Function', 25, 'repeated'],
  },
  Function: {
    name: ['string', 1],
    input: ['string', 4, 'repeated'],
    output: ['string', 5, 'repeated'],
    node: ['Node', 7, 'repeated'],
    domain: ['string', 10],
    attributeProto: ['Attribute', 11, 'repeated'],
  },
  OperatorSet: { domain: ['string', 1], version: ['int64', 2] },
  Graph: {
    node: ['Node', 1, 'repeated'],
    name: ['string', 2],
    initializer: ['Tensor', 5, 'repeated'],
    input: ['ValueInfo', 11, 'repeated'],
    output: ['ValueInfo', 12, 'repeated'],
    sparseInitializer: ['bytes', 15, 'repeated'],
  },
  Node: {
    input: ['string', 1, 'repeated'],
    output: ['string', 2, 'repeated'],
    name: ['string', 3],
    opType: ['string', 4],
    attribute: ['Attribute', 5, 'repeated'],
    domain: ['string', 7],
  },
  Attribute: {
    name: ['string', 1],
    f: ['float', 2],
    i: ['int64', 3],
    s: ['bytes', 4],
    t: ['Tensor', 5],
    g: ['Graph', 6],
    floats: ['float', 7, 'repeated'],
    ints: ['int64', 8, 'repeated'],
    strings: ['bytes', 9, 'repeated'],
    type: ['int32', 20],
    refAttrName: ['string', 21],
  },
  Tensor: {
    dims: ['int64', 1, 'repeated'],
    dataType: ['int32', 2],
    floatData: ['float', 4, 'repeated'],
    int32Data: ['int32', 5, 'repeated'],
    int64Data: ['int64', 7, 'repeated'],
    name: ['string', 8],
    rawData: ['bytes', 9],
    doubleData: ['double', 10, 'repeated'],
    uint64Data: ['uint64', 11, 'repeated'],
    externalData: ['StringEntry', 13, 'repeated'],
    dataLocation: ['int32', 14],
  },
  StringEntry: { key: ['string', 1], value: ['string', 2] },
  ValueInfo: { name: ['string', 1], type: ['Type', 2] },
  Type: { tensorType: ['TensorType', 1] },
  TensorType: { elemType: ['int32', 1], shape: ['Shape', 2] },
  Shape: { dim: ['Dimension', 1, 'repeated'] },
  Dimension: { dimValue: ['int64', 1], dimParam: ['string', 2] },
};

function createRoot(): protobuf.Root {
  const root = new protobuf.Root();
  for (const [messageName, fields] of Object.entries(MESSAGES)) {
    const message = new protobuf.Type(messageName);
    for (const [name, [type, id, rule]] of Object.entries(fields)) message.add(new protobuf.Field(name, id, type, rule));
    root.add(message);
  }
  return root;
}

const root = createRoot();
const PLAIN = { longs: Number, arrays: false, defaults: false } as const;

function decode<T>(message: string, bytes: Uint8Array): T {
  const type = root.lookupType(message);
  return type.toObject(type.decode(bytes), PLAIN) as T;
}

/** Throws what the protobuf decoder throws on damaged bytes. */
export function decodeModel(bytes: Uint8Array): ModelMessage {
  return decode('Model', bytes);
}

/** One stored tensor, as in the `.pb` files of the ONNX operator vectors. */
export function decodeTensor(bytes: Uint8Array): TensorMessage {
  return decode('Tensor', bytes);
}

export function encodeModel(model: ModelMessage): Uint8Array {
  const type = root.lookupType('Model');
  return type.encode(type.fromObject(model)).finish();
}
