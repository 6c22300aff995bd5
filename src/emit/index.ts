/** Schedule → project in the target's language. */
import type { Schedule } from '../schedule/schedule.js';
import { emitCudaProject } from './cuda-project.js';
import { type EmitOptions, emitCProject, type GeneratedProject } from './project.js';

export type { ManifestPort, ManifestStep, ManifestTensor, ProjectManifest } from './manifest.js';
export type { EmitOptions, GeneratedProject } from './project.js';
export { scalarLibrary, translateScalars } from './scalars.js';
export { writeProject } from './write.js';

/** Files of a project that an engineer can drop into a tree of sources. The same schedule gives the same bytes. */
export function emitProject(schedule: Schedule, options: EmitOptions): GeneratedProject {
  return schedule.target.language === 'cuda' ? emitCudaProject(schedule, options) : emitCProject(schedule, options);
}
