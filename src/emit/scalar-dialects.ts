/** What differs between C and CUDA in the text of translated scalars, and the small text tools of the translation. */

export interface ScalarDialect {
  /** Before the return type of every function. */
  readonly qualifier: string;
  /** Before the type of every table. */
  readonly tableQualifier: string;
  /** Functions whose instruction the language names itself: scalar name → C expression of its arguments. */
  readonly intrinsics: Readonly<Record<string, (args: readonly string[]) => string>>;
  /** Text in front of the functions, for those intrinsics that need a helper. */
  readonly helpers: Readonly<Record<string, string>>;
  /** One instruction of some cores that computes a whole function: condition of the preprocessor, body. Tested against the translation. */
  readonly instructions: Readonly<Record<string, { readonly when: string; readonly body: string }>>;
  /** The scalar function that divides by anything but a literal, where the language's own division is none of integers. */
  readonly quotient?: string;
}

/** High word of the product, rounded half up: the exact meaning of requantizeDyadicHigh. Compilers do not find it. */
const SMMULR = `  int32_t high;
  __asm__("smmulr %0, %1, %2" : "=r"(high) : "r"(x), "r"(multiplier));
  return high;`;

const CLZ32_C = `/** Leading zero bits of x, 32 for 0. */
static inline int32_t ptq_clz32(int32_t x) {
  return x == 0 ? 32 : (int32_t)__builtin_clz((unsigned int)x);
}
`;

/** The GPU's instruction has no name on the host, where the same text is compiled too. */
const CLZ32_CUDA = `/** Leading zero bits of x, 32 for 0. */
static __host__ __device__ __forceinline__ int32_t ptq_clz32(int32_t x) {
#ifdef __CUDA_ARCH__
  return __clz(x);
#else
  return x == 0 ? 32 : (int32_t)__builtin_clz((unsigned int)x);
#endif
}
`;

export const DIALECTS: Readonly<Record<'c' | 'cuda', ScalarDialect>> = {
  c: {
    qualifier: 'static inline',
    tableQualifier: 'static const',
    intrinsics: { clz32: (args) => `ptq_clz32(${args.join(', ')})` },
    helpers: { clz32: CLZ32_C },
    instructions: { requantizeDyadicHigh: { when: 'defined(__GNUC__) && defined(__ARM_FEATURE_DSP) && defined(__ARM_ARCH) && __ARM_ARCH >= 6', body: SMMULR } },
  },
  cuda: {
    qualifier: 'static __host__ __device__ __forceinline__',
    tableQualifier: 'static __device__ const',
    intrinsics: { clz32: (args) => `ptq_clz32(${args.join(', ')})` },
    helpers: { clz32: CLZ32_CUDA },
    instructions: {},
    quotient: 'quotientByReciprocal',
  },
};

const KEYWORDS = new Set(
  'auto break case char const continue default do double else enum extern float for goto if inline int long register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while bool true false'.split(' '),
);

/** camelCase → snake_case; a C keyword gets an underscore. */
export function snakeCase(name: string): string {
  const snake = name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();
  return KEYWORDS.has(snake) ? `${snake}_` : snake;
}

const ASCII: Readonly<Record<string, string>> = {
  '≤': '<=', '≥': '>=', '≠': '!=', '−': '-', '·': '*', '×': 'x', '→': '->', '…': '...', '²': '^2', '√': 'sqrt', 'Σ': 'sum', '±': '+-', '⌊': 'floor(', '⌋': ')', '–': '-', '≈': '~', '’': "'",
};

/** Comments in generated C are plain ASCII. */
export function asciiOnly(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII is meant
  return text.replace(/[^\x00-\x7f]/g, (c) => ASCII[c] ?? '?');
}
