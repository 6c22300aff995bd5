/** Compilers and emulators: the only importers of execa. */
export { type Build, type BuildOptions, buildProgram, buildProject, type ProgramModel, readManifest, type Variant } from './build.js';
export { crc32, hex32 } from './crc32.js';
export { checkoutOf, type Checkouts } from './external.js';
export * from './disassemble.js';
export { availableTargets, compilerOf, discoverTools, type FoundTool, installCommand, missingTools, requireTools, type Tool, toolsOf, versionOf } from './discover.js';
export { tensorOf } from './harness.js';
export { buildDeviceProgram } from './cuda-device.js';
export { type BatchRun, runBatches } from './cuda-batches.js';
export { type CubinFunction, firstFloat, parseCubin } from './cubin.js';
export { type CudaCode, type CudaKernel, compileCuda, compileKernels, findGpu, findNvcc, type Gpu, kernelName, parseResources, requireNvcc } from './nvcc.js';
export { writeHarness } from './harness-files.js';
export type { Counts, RunCount } from './instruction-counter.js';
export { type Log, type ModelLog, parseLog } from './log.js';
export { type LinkedSection, parseMap, readMap } from './link-map.js';
export { findProgram, type ProcessResult, runProcess } from './process.js';
export { type EmulatedDevice, type Run, type RunOptions, runBuild, runnerCommand, runOnBoard } from './run.js';
export { decodeVectors, type DumpRequest, encodeVectors, type Vector } from './vectors-file.js';
