/** Searches made for transformers. */
export { searchMigration, type ChannelRanges, type FoundMigration, type MigratedProduct } from './migration-search.js';
