/** Seeded random numbers: xorshift128, fast enough for a mask an activation. */
export class SeededRandom {
  private readonly state: Uint32Array;

  constructor(...seeds: readonly number[]) {
    this.state = Uint32Array.from([0x9e3779b9, 0x243f6a88, 0xb7e15162, 0x6a09e667]);
    for (const [i, seed] of seeds.entries()) this.state[i % 4]! ^= Math.imul(seed + 1, 0x85ebca6b);
    for (let i = 0; i < 20; i++) this.word();
  }

  /** 32 random bits. */
  word(): number {
    const s = this.state;
    const t = s[3]! ^ (s[3]! << 11);
    s[3] = s[2]!;
    s[2] = s[1]!;
    s[1] = s[0]!;
    s[0] = t ^ (t >>> 8) ^ (s[0]! ^ (s[0]! >>> 19));
    return s[0]!;
  }

  /** In [0, 1). */
  next(): number {
    return this.word() / 4294967296;
  }

  /** In 0…limit − 1. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** 1 with the given probability, else 0. */
  mask(length: number, probability: number): Uint8Array {
    const mask = new Uint8Array(length);
    if (probability !== 0.5) return mask.map(() => (this.next() < probability ? 1 : 0));
    for (let i = 0; i < length; i += 32) {
      let word = this.word();
      for (let j = i; j < length && j < i + 32; j++, word >>>= 1) mask[j] = word & 1;
    }
    return mask;
  }
}
