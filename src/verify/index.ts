/** Builds a generated project, runs it, and compares every tensor of every vector with the simulator. */
export { type BinaryProofs, brokenPromises, proveBinary } from './proofs.js';
export { type ChosenVector, chooseVectors, type VectorData, type VectorKind } from './vectors.js';
export { loadVerification, saveVerification, type Verification } from './archive.js';
export { type InstructionCount, type VerifyOptions, type VerifyResult, verifyLog, verifyProject } from './verify-project.js';
export { bytesOf, codesOf, Expected, toVectors, type VectorInputs } from './expected.js';
export { checkUnfused, wantsUnfused } from './unfused.js';
