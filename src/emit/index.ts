/** Schedule → C project. */
export type { ManifestPort, ManifestStep, ManifestTensor, ProjectManifest } from './manifest.js';
export { emitProject, type EmitOptions, type GeneratedProject } from './project.js';
export { scalarLibrary, translateScalars } from './scalars.js';
export { writeProject } from './write.js';
