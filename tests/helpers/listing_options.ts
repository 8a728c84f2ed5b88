import type { ListingOptions } from "../../src/apps/files/listing_page.ts";

/** Options of listings with all that they can show but hidden files. */
export const LISTING_OPTIONS: ListingOptions = {
  showHidden: false,
  title: null,
  sort: "name",
  zip: true,
  search: true,
  markdown: true,
  readme: true,
  compress: true,
};
